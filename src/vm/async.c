/* vm/async.c - async.sleep, async.all and async.timeout.
 *
 * all and timeout own their functions' strands through a group: a userdata that is to be closed, so
 * that whatever ends the call (results, the first error, a cancel) ends the strands too. */
#include "state.h"

#include "moontide/base/timetext.h"
#include "moontide/io/loop.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

enum { ALL_MAX = 10000 };

static const char SLEEP_TYPE[] = "moontide.sleep";
static const char GROUP_TYPE[] = "moontide.group";

static void need_waiting(lua_State *L, const char *name)
{
    if (!task_may_wait(L)) task_wait_id(L, name); /* throws, with the reason */
}

/* ---- sleep ---- */

struct sleeper {
    struct vm *vm;
    struct loop_timer *timer;
    uint64_t id;
};

static int sleeper_end(lua_State *L)
{
    struct sleeper *sleeper = lua_touserdata(L, 1);
    loop_timer_cancel(sleeper->timer);
    sleeper->timer = NULL;
    return 0;
}

static void sleeper_fire(void *data)
{
    struct sleeper *sleeper = data;
    sleeper->timer = NULL;
    task_wake(sleeper->vm, sleeper->id);
}

static int sleep_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)L;
    (void)status;
    (void)ctx;
    return 0;
}

static int async_sleep(lua_State *L)
{
    int64_t ms = convert_duration_ms(L, 1, "async.sleep");
    need_waiting(L, "async.sleep");
    struct vm *vm = vm_of(L);
    struct sleeper *sleeper = lua_newuserdatauv(L, sizeof(*sleeper), 0);
    *sleeper = (struct sleeper){.vm = vm};
    task_box(L, SLEEP_TYPE, sleeper_end);
    lua_toclose(L, -1);
    sleeper->id = task_wait_id(L, "async.sleep");
    int code = loop_timer_start(vm->options.loop, ms, sleeper_fire, sleeper, &sleeper->timer);
    if (code < 0) return luaL_error(L, "async.sleep: %s", err_text(code));
    return task_wait(L, 0, sleep_done);
}

/* ---- groups ---- */

struct member {
    struct strand *strand; /* lives until the group ends */
    int nresults;
};

struct group {
    struct vm *vm;
    uint64_t id;
    int count, remaining;
    int failed;   /* index of the first that failed; -1: none */
    bool stopped; /* it was a stop, which goes on in the caller */
    bool timed_out, closing;
    struct fault stop;
    struct loop_timer *timer;
    int64_t limit_ms;
    struct member members[];
};

static int group_end(lua_State *L)
{
    struct group *group = lua_touserdata(L, 1);
    group->closing = true;
    loop_timer_cancel(group->timer);
    group->timer = NULL;
    for (int i = 0; i < group->count; i++) {
        struct strand *strand = group->members[i].strand;
        if (!strand) continue;
        strand_cancel(strand, ERR_CANCELED, "canceled");
        group->members[i].strand = NULL;
        strand_free(strand);
    }
    return 0;
}

static void member_ended(struct strand *strand, int status, int nresults)
{
    struct group *group = strand->data;
    if (group->closing) return;
    int index = 0;
    while (group->members[index].strand != strand)
        index++;
    group->members[index].nresults = nresults;
    group->remaining--;
    if (status != LUA_OK && group->failed < 0) {
        group->failed = index;
        group->stopped = group->vm->stopping;
        if (group->stopped) group->stop = group->vm->stop;
    }
    if (group->remaining == 0 || group->failed >= 0) task_wake(group->vm, group->id);
}

/* Pushes a group of n members; the caller marks it to be closed. */
static struct group *group_new(lua_State *L, int n)
{
    size_t size = sizeof(struct group) + (size_t)n * sizeof(struct member);
    struct group *group = lua_newuserdatauv(L, size, 0);
    *group = (struct group){.vm = vm_of(L), .failed = -1};
    task_box(L, GROUP_TYPE, group_end);
    return group;
}

/* Adds the function and arguments on top of L. */
static void group_add(lua_State *L, struct group *group, int nargs)
{
    struct strand *strand = strand_spawn(L, nargs, member_ended, group);
    group->members[group->count++] = (struct member){.strand = strand};
    group->remaining++;
}

static int group_throw(lua_State *L, struct group *group)
{
    struct strand *strand = group->members[group->failed].strand;
    if (group->stopped) {
        vm_stop(group->vm, &group->stop);
        return vm_throw_stop(group->vm, L);
    }
    lua_xmove(strand->co, L, 1);
    return lua_error(L);
}

/* ---- all ---- */

/* 1: the list of functions, 2: the group */
static int all_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct group *group = lua_touserdata(L, 2);
    if (group->failed >= 0) return group_throw(L, group);
    lua_createtable(L, group->count, 0);
    for (int i = 0; i < group->count; i++) {
        const struct member *member = &group->members[i];
        lua_State *co = member->strand->co;
        if (member->nresults == 0) continue;
        lua_settop(co, -member->nresults); /* the first result alone */
        lua_xmove(co, L, 1);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int async_all(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_Unsigned n = lua_rawlen(L, 1);
    luaL_argcheck(L, n <= ALL_MAX, 1, "too many functions");
    for (lua_Unsigned i = 1; i <= n; i++) {
        if (lua_rawgeti(L, 1, (lua_Integer)i) != LUA_TFUNCTION)
            return luaL_error(L, "async.all: item %d is a %s, not a function", (int)i,
                              luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    need_waiting(L, "async.all");
    if (n == 0) {
        lua_newtable(L);
        return 1;
    }
    struct group *group = group_new(L, (int)n);
    lua_toclose(L, 2);
    for (lua_Unsigned i = 1; i <= n; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i);
        group_add(L, group, 0);
    }
    group->id = task_wait_id(L, "async.all");
    return task_wait(L, 0, all_done);
}

/* ---- timeout ---- */

static void timeout_fire(void *data)
{
    struct group *group = data;
    group->timer = NULL;
    group->timed_out = true;
    task_wake(group->vm, group->id);
}

/* 1: the group */
static int timeout_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct group *group = lua_touserdata(L, 1);
    if (group->failed >= 0) return group_throw(L, group);
    if (group->remaining) {
        char limit[DURATION_TEXT_MAX];
        duration_format(group->limit_ms, limit);
        vm_push_error(L, "Timeout", lua_pushfstring(L, "not done within %s", limit));
        return lua_error(L);
    }
    const struct member *member = &group->members[0];
    luaL_checkstack(L, member->nresults, "too many results");
    lua_xmove(member->strand->co, L, member->nresults);
    return member->nresults;
}

static int async_timeout(lua_State *L)
{
    int64_t ms = convert_duration_ms(L, 1, "async.timeout");
    luaL_checktype(L, 2, LUA_TFUNCTION);
    need_waiting(L, "async.timeout");
    int nargs = lua_gettop(L) - 2;
    struct group *group = group_new(L, 1);
    lua_replace(L, 1);
    lua_toclose(L, 1);
    group->limit_ms = ms;
    group_add(L, group, nargs);
    group->id = task_wait_id(L, "async.timeout");
    int code = loop_timer_start(group->vm->options.loop, ms, timeout_fire, group, &group->timer);
    if (code < 0) return luaL_error(L, "async.timeout: %s", err_text(code));
    return task_wait(L, 0, timeout_done);
}

static const struct vm_function functions[] = {
    {"sleep", async_sleep, "(time: duration)", "Waits so long; others run meanwhile."},
    {"all", async_all, "(functions: (fun(): any)[]): any[]",
     "Runs the functions at once, at most 10,000, each as if it stood alone, and waits for all of "
     "them. Answers the first result of each, in their order. The first error cancels the others "
     "and is thrown."},
    {"timeout", async_timeout, "(time: duration, f: fun(...: any): any, ...: any): ...: any",
     "Calls f with the arguments that follow and answers what it returns. When it is not done "
     "within the time it is canceled, and an error object with the code \"Timeout\" is thrown."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs async_docs = {
    DOCS_MODULE,
    "async",
    DOCS_WAITING,
    "Calls that wait, as straight code: in collect, targets, kinds, receivers, scripts and the "
    "REPL. A call that waits where that is not possible throws, and says so.",
    functions,
    NULL};

int open_async(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
