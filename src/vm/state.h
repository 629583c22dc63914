/* vm/state.h - what the files of this layer share: the inside of struct vm.
 *
 * Three things decide how Lua code runs, and each has one owner:
 *   memory   (memory.c)    counts and caps what the state allocates
 *   meter    (budget.c)    counts instructions and running time; throws, or yields to the loop
 *   strand   (task.c)      the coroutine that the loop resumes, and that may wait
 *
 * Suspension. Everything that gives control back to the loop (a wait, or a used-up slice) is a
 * yield with vm->suspend set. The host's coroutine functions see the mark and pass the yield
 * outward, level by level; vm->frame is the chain of those levels, and tells beforehand whether
 * each can pass it on.
 *
 * Stopping. vm_stop() makes vm->stopping true: from then on the hook throws at every instruction,
 * and the host's pcall, xpcall and coroutine functions rethrow, until the entry from C is left. */
#ifndef MOONTIDE_VM_STATE_H
#define MOONTIDE_VM_STATE_H

#include "moontide/vm/task.h"
#include "moontide/vm/vm.h"
#include "pool.h"

#include <lualib.h>
#include <signal.h>

struct loop_timer;
struct strand;

/* A place in Lua source, kept outside Lua so that it survives the error that it belongs to. */
struct place {
    int line; /* 0: not known */
    char file[FAULT_FILE_MAX];
    char shown[LUA_IDSIZE]; /* as Lua writes it in front of messages */
};

struct memory {
    size_t used, limit; /* limit 0: none */
    size_t fresh;       /* bytes allocated since the hook last charged them */
    bool refused;       /* the last failure was the cap's */
    struct place place; /* where that was */
    struct pool pool;
};

struct meter {
    struct vm_budget budget;
    bool armed;
    uint64_t used;      /* instructions */
    uint64_t charged;   /* by vm_charge since the clock was last read */
    int64_t spent_ns;   /* running time of earlier slices */
    int64_t entered_ns; /* 0: the clock was not read in this slice */
};

/* One level of coroutine.resume or wrap on the C stack. */
struct co_frame {
    lua_State *co;
    bool passes; /* a suspension inside co can reach the loop */
    struct co_frame *up;
};

enum suspend { SUSPEND_NONE, SUSPEND_WAIT, SUSPEND_SLICE };

struct vm {
    lua_State *L;
    lua_State *runner;
    int runner_ref;
    int body_status; /* what the vm_body() that ended last ended with */
    bool runner_again;
    struct meter runner_meter; /* of a runner that answered VM_AGAIN */

    struct vm_options options;
    struct memory memory;
    struct meter meter;
    bool hooked;   /* new threads get the count hook */
    bool stopping; /* everything throws `stop` until the entry is left */
    bool expired;
    struct fault stop;
    volatile sig_atomic_t interrupted;
    lua_State *volatile running;

    enum suspend suspend;
    struct co_frame *frame;
    int depth;       /* entries from C on the stack */
    int close_depth; /* of coroutine.close inside __close inside ... */

    struct place place; /* where the error now on its way was raised */
    bool want_traceback;
    char *traceback;

    vm_observer_fn *observer;
    void *observer_data;
    char wait_name[VM_NAME_MAX]; /* of the call that waited last */
    unsigned wait_count;         /* how many of that name in a row */

    uint64_t seed;
    bool seeded;
    uint64_t random[4];

    vm_loader_fn *loader;
    void *loader_data;

    struct strand *strand;   /* the one that runs now */
    struct strand **strands; /* by slot; NULL: free */
    uint32_t *generations;   /* of each slot */
    size_t strand_cap;
    struct strand *ready_first, *ready_last;
    struct loop_timer *ready_timer;
    struct task *tasks;
    bool *gone; /* set by vm_free, for who called something that may have freed the state */
};

/* ---- entries (vm.c) ---- */
struct vm_entry {
    lua_State *L;
    lua_State *running;
    struct co_frame *frame;
    struct strand *strand;
};
void vm_enter(struct vm *vm, lua_State *L, struct vm_entry *entry);
void vm_leave(struct vm *vm, struct vm_entry *entry);
/* The C function at the bottom of every strand and of users' coroutines: calls the function and
 * arguments above it, protected, so that the thread itself never dies (a thread that a hook's error
 * killed would run without hooks ever after). The outcome is in vm->body_status; on failure the
 * error value is the one result. */
int vm_body(lua_State *L);

/* ---- memory.c ---- */
void *memory_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

/* ---- fault.c ---- */
int vm_message_handler(lua_State *L);
void vm_note_place(lua_State *L, struct vm *vm);
bool place_find(lua_State *L, struct place *place);
void vm_open_errors(lua_State *L);

/* ---- budget.c ---- */
void vm_hook_install(struct vm *vm, lua_State *L, int count);
/* Whether the thread, which is about to run, lacks the hook, or that of an observer. */
static inline bool vm_needs_hook(const struct vm *vm, lua_State *co)
{
    return (vm->hooked && !lua_gethook(co)) ||
           (vm->observer && !(lua_gethookmask(co) & LUA_MASKLINE));
}
/* From here on it is L that runs: an interrupt that came on the way from another thread is its own.
 */
void vm_runs(struct vm *vm, lua_State *L);
/* Makes everything throw until the entry is left. The fault is taken as it is. */
void vm_stop(struct vm *vm, const struct fault *fault);
/* Throws the stop's message. */
int vm_throw_stop(struct vm *vm, lua_State *L);
void meter_pause(struct meter *meter);
void meter_go_on(struct meter *meter); /* the next slice of an entry */
/* Whether a yield of L can travel out to the loop. */
bool vm_can_suspend(const struct vm *vm, lua_State *L);

/* ---- sandbox ---- */
void sandbox_open(lua_State *L);   /* sandbox.c: the globals of a policy state */
void sandbox_script(lua_State *L); /* what of it script states share */
int sandbox_table(lua_State *L);   /* each pushes a library's table */
int sandbox_string(lua_State *L);
int sandbox_coroutine(lua_State *L); /* coroutine.c, both kinds of state */
void sandbox_random(lua_State *L);   /* random.c: adds to the math table on top */
void sandbox_pairs(lua_State *L);    /* pairs.c: adds to the table on top */
void sandbox_protect(lua_State *L);  /* protect.c: pcall, xpcall into the table on top */
void require_open(lua_State *L);     /* require.c: the global `require` */
/* Throws unless the table at idx may be written past its metatable. */
void sandbox_check_writable(lua_State *L, int idx, const char *function_name);

/* ---- task.c: strands ----
 *
 * A task has one strand, and one more for each function that async.all or async.timeout runs. */
struct strand {
    struct vm *vm;
    struct task *task;
    lua_State *co;
    int ref;
    int nargs; /* of the next resume */
    int depth; /* of async.all in async.all */
    uint32_t slot;
    uint64_t wait_id; /* 0: nobody is to wake it */
    bool waiting, woken, sliced, queued, running, ended;
    bool canceled;
    struct fault stop; /* why it was canceled */
    struct meter meter;
    lua_KFunction k;
    lua_KContext ctx;
    struct strand *next; /* ready */
    /* What becomes of it. LUA_OK: nresults values are on co; else one, the error. vm->stopping
     * tells whether it was stopped (budget, cancel), which no pcall may catch. */
    void (*on_end)(struct strand *strand, int status, int nresults);
    void *data;
};

/* Makes a strand of the running one's task that will call the function and nargs arguments on top
 * of L (popped); it runs from the next turn on. Throws. */
struct strand *strand_spawn(lua_State *L, int nargs,
                            void (*on_end)(struct strand *strand, int status, int nresults),
                            void *data);
/* Unwinds it now: its __close methods run, on_end is called. */
void strand_cancel(struct strand *strand, int code, const char *why);
void strand_free(struct strand *strand);
void task_end_all(struct vm *vm);

#endif
