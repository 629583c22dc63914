/* vm/vm.h - a Lua state with a memory cap, a sandbox, and a budget of instructions and wall time.
 *
 * Two kinds: a policy state (sandboxed; the harmless part of the standard library; text chunks
 * only; no __gc; bounded string.rep, table.concat, table.move, table.insert, table.unpack; pattern
 * functions on a matcher with a step budget; pairs in a fixed order; math.random seeded per
 * evaluation) and a script state (an operator's own script: Lua's whole standard library, chunks by
 * name).
 *
 * Budget. vm_budget() arms a count hook (every VM_HOOK_COUNT instructions). On expiry it throws a
 * budget error, and re-arms itself with count 1, so that pcall loops cannot swallow it: it throws
 * again at once, in every coroutine of the state, until the entry from C is left. coroutine.create
 * and wrap set the hook in the new thread. The hook also checks the wall clock; and it yields the
 * running task, when it may, after slice_ms, so that the loop gets its turn (VM_AGAIN).
 *
 * Rule 1: every entry from C is a protected call with a traceback.
 * Rule 2: the state belongs to the loop thread. */
#ifndef MOONTIDE_VM_VM_H
#define MOONTIDE_VM_VM_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunks;
struct clock;
struct loop;
struct vm;

enum {
    VM_HOOK_COUNT = 10000,        /* instructions between looks at the clock */
    VM_SOURCE_MAX = 1024 * 1024,  /* bytes of one Lua source */
    VM_STRING_REP_MAX = 16 << 20, /* bytes of one string.rep or table.concat in a policy state */
    VM_TABLE_OP_MAX = 1000000,    /* elements of one table.move, unpack or insert shift */
    VM_MATCH_STEPS_MAX = 1000000, /* steps of one pattern match */
    VM_DEPTH_MAX = 190,           /* C levels; below LUAI_MAXCCALLS (200) */
};

/* States that share one take turns: in a turn of the loop, and at most once a millisecond, only one
 * of them goes on with what it has begun. Plain data, zero at first. */
struct vm_gate {
    int64_t passed_ms; /* of the loop's time */
};

struct vm_options {
    bool sandboxed;
    size_t memory_limit_bytes; /* 0: 32 MiB for a sandboxed state, none otherwise */
    struct loop *loop;         /* NULL: no waiting calls in this state */
    struct vm_gate *gate;      /* borrowed; NULL: it goes on in each turn */
    struct chunks *chunks; /* borrowed; what was compiled already (chunks.h); NULL: nothing is */
    void *owner;           /* what vm_owner() gives back: the binding's own struct */
    /* Lines printed by `print`. NULL: script states write to stdout, policy states log them as
     * policy.print at level info. */
    void (*print)(void *owner, const char *line, size_t len);
    /* Told before a task's code runs on, and after it has come to wait again. May be NULL. */
    void (*turn)(void *owner, bool runs);
};

MUST_CHECK int vm_new(const struct vm_options *options, struct vm **out);
void vm_free(struct vm *vm); /* NULL is allowed; ends all tasks and their operations */

lua_State *vm_lua(struct vm *vm); /* the main thread */
struct vm *vm_of(lua_State *L);   /* from any thread of the state */
void *vm_owner(const struct vm *vm);
struct loop *vm_loop(const struct vm *vm);
bool vm_sandboxed(const struct vm *vm);
size_t vm_memory_bytes(const struct vm *vm);

/* ---- budget ---- */
struct vm_budget {
    uint64_t instructions; /* 0: no bound */
    int64_t wall_ms;       /* 0: no bound */
    int64_t
        slice_ms;    /* 0: never yields to the loop; else a task that runs longer yields VM_AGAIN */
    int64_t hold_ms; /* 0: no bound; else how long code that cannot yield (a comparator, a callback
                        of gsub) may keep the loop. With slice_ms */
    const char *what; /* "evaluate", "load", "metrics", "collect": for the error's text */
};
/* Arms the budget for entries that follow; a NULL budget disarms. Cheap enough for each evaluation
 * (no clock is read until the first hook). */
void vm_budget(struct vm *vm, const struct vm_budget *budget);
/* Async-signal-safe, for a signal handler on the loop thread: the running Lua is interrupted at its
 * next instruction (ERR_CANCELED, "interrupted!"), and no pcall catches that. */
void vm_interrupt(struct vm *vm);
bool vm_expired(const struct vm *vm); /* whether the last entry ended by its budget */
/* For bindings in C that loop: charges n instructions; throws when the budget is gone. */
void vm_charge(lua_State *L, uint64_t n);

/* While it is set, told of each line that begins and of each return (lua_Debug's event), in the
 * thread L, those that it starts and resumes, and the runner; NULL: no more. It must not throw. */
typedef void vm_observer_fn(void *data, lua_State *L, lua_Debug *event);
void vm_observe(lua_State *L, vm_observer_fn *observer, void *data);

enum { VM_NAME_MAX = 96 };
/* The name of the call that waited last ("ecs:describe_services"), and how many of that name came
 * in a row; "" before the first. */
const char *vm_waits_for(const struct vm *vm, unsigned *count);

/* Seeds math.random of a policy state; lazily applied, so it is cheap. */
void vm_seed(struct vm *vm, uint64_t seed);

/* ---- code ---- */
/* Compiles text (never bytecode) and leaves the function on the main stack. chunkname as Lua has
 * it:
 * "@policies/a.lua". ERR_LUA, ERR_LIMIT; fault has file and line from Lua's message. */
MUST_CHECK int vm_load(struct vm *vm, const char *source, size_t len, const char *chunkname,
                       struct fault *fault);
/* lua_pcall on L with a traceback handler, results on the stack of L; on failure nothing is left
 * there and fault holds code (ERR_LUA, ERR_BUDGET, ERR_MEMORY_CAP), message, file and line. Error
 * objects that are not strings are described ("(error object is a table value)" or their __tostring
 * / message field). fault->text is the message; the traceback, when wanted, goes to *traceback
 * (caller frees; may be NULL). */
MUST_CHECK int vm_call(struct vm *vm, lua_State *L, int nargs, int nresults, struct fault *fault,
                       char **traceback);
/* Turns the error value on top of L (popped) into fault, as vm_call does. status is Lua's. */
int vm_fault(struct vm *vm, lua_State *L, int status, struct fault *fault);

/* A direct coroutine for evaluations: kept and reused, so that an evaluation costs one lua_resume.
 * Function and arguments are on the stack of L = vm_runner(vm). Returns OK with nresults on L (the
 * caller pops them with lua_settop(L, 0)), VM_AGAIN (call again with nargs 0 to go on), or an error
 * as vm_call; after an error the runner is clean again, but may be another one: ask vm_runner()
 * each time. */
enum { VM_AGAIN = 1 };
lua_State *vm_runner(struct vm *vm);
MUST_CHECK int vm_resume(struct vm *vm, int nargs, int *nresults, struct fault *fault);
void vm_abandon(struct vm *vm); /* drops a runner that answered VM_AGAIN */

/* ---- errors ---- */
/* Pushes an error object: a table with `code` and `message`, whose tostring is "code: message" (or
 * its `text` field, when a binding set one). Bindings add their own fields and lua_error() it. */
void vm_push_error(lua_State *L, const char *code, const char *message);

/* ---- modules ---- */
/* What `require` asks for the source of module `name` ("lib.performance": letters, digits, '_' and
 * single dots only). OK: *source is malloc'ed (the vm frees it) and chunkname says where it was
 * found
 * ("@policies/lib/performance.lua"); else a code, and fault says where it looked. The loader notes
 * for itself which files a state uses. */
typedef int vm_loader_fn(void *data, const char *name, char **source, size_t *len,
                         char chunkname[FAULT_FILE_MAX], struct fault *fault);
void vm_set_loader(struct vm *vm, vm_loader_fn *loader, void *data);

/* Makes an opener's table the global `name` (and package.loaded's). Throws like Lua. */
void vm_module(lua_State *L, const char *name, lua_CFunction open);

/* Runs prelude file `name` in the state with the values on the stack above `base` as arguments,
 * leaving what it returns. Throws like Lua. */
void vm_prelude(lua_State *L, const char *name, int nargs, int nresults);

#endif
