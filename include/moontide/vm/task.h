/* vm/task.h - one coroutine that waits and wakes: how Lua calls that take time are written as
 * straight code.
 *
 *   task_start -> running --task_wait/lua_yieldk--> waiting --task_wake--> running ... -> done
 *                    |                                  |
 *                    +-- error / return --> done <------+-- task_cancel, deadline
 *
 * An async binding takes four steps: check its arguments (may throw, so owns nothing yet); box: a
 * userdata owns the operation, and its __gc/__close is the only place it ends; start; and `return
 * task_wait(L, ctx, k)` as the last thing. The callback of the operation stores its result in
 * the box and calls task_wake(vm, id). The continuation k pushes the results, under lua_resume's
 * protection. A waiter is named by an id, so a stale wake finds nobody.
 *
 * Mark the box with lua_toclose(): then it ends with the call, also when the task is canceled (a
 * cancel is an error thrown where the task waits, which no pcall catches); without it, it ends when
 * the collector finds it.
 *
 * A user's own coroutines do not swallow a wait: the host's coroutine.resume and wrap pass the
 * sentinel on. */
#ifndef MOONTIDE_VM_TASK_H
#define MOONTIDE_VM_TASK_H

#include "moontide/vm/vm.h"

struct task;

/* done runs on the loop (or before task_start returns when nothing waits). code OK: nresults values
 * are on the top of L (borrowed; they are popped after). Otherwise fault tells. traceback may be
 * NULL. The task is over when done is entered; done may start another, or free the vm. */
typedef void task_done_fn(void *data, int code, lua_State *L, int nresults,
                          const struct fault *fault, const char *traceback);

struct task_options {
    struct vm_budget budget; /* for each stretch between two waits */
    int64_t deadline_ms;     /* real time for all of it; 0: none; then ERR_TIMEOUT */
    void *tag;               /* whose it is, for bindings that keep a record; or NULL */
};

/* Function and nargs arguments are on the main stack and are popped. *out may be NULL; it is valid
 * until done was called. */
MUST_CHECK int task_start(struct vm *vm, int nargs, const struct task_options *options,
                          task_done_fn *done, void *data, struct task **out);
/* Ends a waiting task: its operations are closed, done is called with ERR_CANCELED (or the code
 * given). */
void task_cancel(struct task *task, int code, const char *why);

/* The tag of the task that runs now; NULL: none. */
void *task_tag(lua_State *L);

/* Whether L runs inside a task, so that waiting is possible. Bindings that wait throw otherwise:
 * "http.get waits, and may be called only in collect, targets, scripts and the REPL". */
bool task_may_wait(lua_State *L);

/* Makes the userdata on top a box of this type: close, which takes it as its one argument and may
 * run twice, is its __gc and its __close. What it owns is set before. */
void task_box(lua_State *L, const char *type, lua_CFunction close);

/* The id that a wake must name; taken before the operation starts. Throws when L may not wait. */
uint64_t task_wait_id(lua_State *L, const char *function_name);
/* Yields; k(L, LUA_YIELD, ctx) continues after the wake. */
int task_wait(lua_State *L, lua_KContext ctx, lua_KFunction k);
/* Wakes the task that waits under id; nothing happens when there is none. Resumes in the next turn
 * of the loop, never inside the caller. */
void task_wake(struct vm *vm, uint64_t id);

/* Opens `async`. All work ends with the call that began it.
 *   async.sleep(seconds | "5s")
 *   async.all{f, ...}           runs all at once; a list of the first result of each, in order; the
 *                               first error cancels the others and is thrown
 *   async.timeout(seconds, f, ...)  what f returns, or throws an error object, code "Timeout" */
int open_async(lua_State *L);

#endif
