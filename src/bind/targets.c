/* bind/targets.c - discovery: what a policy judges, and what it wants to know of each.
 *
 *   targets(): a list, or a task that may wait  ->  read_targets  ->  metrics(t) for each target,
 *   the loop getting its turn every DISCOVERY_SLICE_MS  ->  the new set replaces the old, memos
 * move over by target id  ->  done
 *
 * metrics(t) is asked once for each target and load: one that is found again with the same fields
 * keeps its declarations.
 *
 * A faulty set changes nothing: the old one stays. */
#include "policy_state.h"

#include "moontide/base/clock.h"
#include "moontide/base/hash.h"
#include "moontide/io/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TARGET_ID_MAX = 1024,
    /* Ten thousand metrics(t) leave more garbage behind than they declare, and a state keeps what
     * it needed at its peak: collect again as soon as it grew by a quarter, not to the double. */
    METRICS_GC_PAUSE = 125,
};

struct discovery {
    struct policy *policy;
    evaluator_done_fn *done;
    void *data;
    struct task *task;
    struct loop_timer *timer;
    struct target_set set;
    struct policy_target **known; /* the policy's targets, sorted; NULL when it has none */
    size_t cap, next;
    struct faults faults;
    bool starting; /* task_start has not returned yet: free nothing */
    bool over;     /* done was called, or stop */
    struct strbuf text;
    const char **keys; /* scratch: shape [key_cap] */
    size_t key_cap;
};

/* ---- a set and its end ---- */

static void target_done(lua_State *L, struct policy_target *target)
{
    for (uint32_t i = 0; i < target->shown.use_count; i++)
        metric_release(target->shown.uses[i].metric);
    free((void *)target->shown.uses);
    free((char *)target->shown.id);
    free(target->memo);
    luaL_unref(L, LUA_REGISTRYINDEX, target->table_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, target->memo_ref);
}

void target_set_done(struct policy *policy, struct target_set *set)
{
    lua_State *L = vm_lua(policy->vm);
    for (size_t i = 0; i < set->count; i++)
        target_done(L, &set->items[i]);
    free(set->items);
    *set = (struct target_set){0};
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct policy_target *const *)a)->shown.id,
                  (*(struct policy_target *const *)b)->shown.id);
}

/* Pointers into the set, sorted by id; NULL when there are none or memory ends. */
static struct policy_target **sorted(const struct target_set *set)
{
    struct policy_target **list = set->count ? malloc(set->count * sizeof *list) : NULL;
    for (size_t i = 0; list && i < set->count; i++)
        list[i] = &set->items[i];
    if (list) qsort(list, set->count, sizeof *list, by_id);
    return list;
}

/* The same target in the set there was. */
static struct policy_target *find_known(const struct discovery *d, const struct policy_target *new)
{
    if (!d->known) return NULL;
    struct policy_target **found =
        bsearch(&new, d->known, d->policy->targets.count, sizeof *d->known, by_id);
    return found ? *found : NULL;
}

/* A target that is in both sets keeps its memo. */
static void move_memos(struct discovery *d)
{
    for (size_t i = 0; i < d->set.count; i++) {
        struct policy_target *target = &d->set.items[i], *known = find_known(d, target);
        if (!known) continue;
        target->memo = known->memo;
        target->memo_ref = known->memo_ref;
        known->memo = NULL;
        known->memo_ref = LUA_NOREF;
    }
}

/* ---- faults ---- */

static PRINTF_LIKE(2, 3) void fault_of(struct discovery *d, const char *format, ...)
{
    struct fault fault;
    va_list args;
    va_start(args, format);
    fault_vset(&fault, ERR_INVALID, format, args);
    va_end(args);
    fault_at(&fault, d->policy->shown, 0, 0);
    faults_add(&d->faults, &fault);
}

/* The one fault that stands for all. */
static struct fault summary_fault(const struct discovery *d)
{
    struct fault fault = d->faults.items[0];
    size_t more = d->faults.count - 1, len = strlen(fault.text);
    if (more)
        snprintf(fault.text + len, sizeof fault.text - len, " (and %zu more fault%s)", more,
                 more == 1 ? "" : "s");
    return fault;
}

/* ---- reading what targets() gave; all of this runs inside a protected call ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_key(lua_State *L, struct discovery *d, size_t count, const char *key)
{
    if (count == d->key_cap) {
        size_t cap = d->key_cap ? d->key_cap * 2 : 16;
        const char **keys = realloc(d->keys, cap * sizeof *keys);
        if (!keys) luaL_error(L, "out of memory");
        d->keys = keys;
        d->key_cap = cap;
    }
    d->keys[count] = key;
}

/* "environment=prod,tier=api": the simple fields of the table at idx, sorted, into d->text. */
static bool write_id(lua_State *L, struct discovery *d, int idx, long long number)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            fault_of(d, "targets: target %lld must have named fields, not a list", number);
            return false;
        }
        if (!lua_istable(L, -1)) add_key(L, d, count++, lua_tostring(L, -2));
    }
    if (count > 1) qsort(d->keys, count, sizeof *d->keys, by_text);
    for (size_t i = 0; i < count; i++) {
        lua_getfield(L, idx, d->keys[i]);
        strbuf_adds(&d->text, i ? "," : "");
        strbuf_adds(&d->text, d->keys[i]);
        strbuf_addc(&d->text, '=');
        if (lua_isinteger(L, -1))
            strbuf_add_int(&d->text, lua_tointeger(L, -1));
        else if (lua_type(L, -1) == LUA_TNUMBER)
            strbuf_add_double(&d->text, lua_tonumber(L, -1));
        else if (lua_isboolean(L, -1))
            strbuf_adds(&d->text, lua_toboolean(L, -1) ? "true" : "false");
        else if (lua_type(L, -1) == LUA_TSTRING)
            strbuf_adds(&d->text, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    if (count == 0) strbuf_adds(&d->text, "all");
    return true;
}

static struct policy_target *new_target(lua_State *L, struct discovery *d)
{
    if (d->set.count == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 8;
        struct policy_target *items = realloc(d->set.items, cap * sizeof *items);
        if (!items) luaL_error(L, "out of memory");
        d->set.items = items;
        d->cap = cap;
    }
    struct policy_target *target = &d->set.items[d->set.count++];
    *target = (struct policy_target){.table_ref = LUA_NOREF, .memo_ref = LUA_NOREF};
    return target;
}

/* Reads the target at idx: a string, or a table of fields. */
static void read_target(lua_State *L, struct discovery *d, int idx, long long number)
{
    struct fault fault;
    strbuf_reset(&d->text);
    if (lua_type(L, idx) == LUA_TSTRING) {
        strbuf_adds(&d->text, lua_tostring(L, idx));
    } else if (!lua_istable(L, idx)) {
        fault_of(d, "targets: target %lld must be a table or a string, not a %s", number,
                 luaL_typename(L, idx));
        return;
    } else if (!write_id(L, d, idx, number)) {
        return;
    }
    if (strbuf_status(&d->text) < 0 || d->text.len == 0 || d->text.len > TARGET_ID_MAX) {
        fault_of(d, "targets: target %lld has no id of 1 to %d bytes", number, TARGET_ID_MAX);
        return;
    }
    /* "id\0json", in one block of just that size */
    size_t id_len = d->text.len;
    strbuf_addc(&d->text, '\0');
    if (convert_to_json(L, idx, "target", &d->text, &fault) < 0) {
        fault_of(d, "targets: target %lld: %s", number, fault.text);
        return;
    }
    struct policy_target *target = new_target(L, d);
    char *block = malloc(d->text.len + 1);
    if (!block) {
        d->set.count--;
        luaL_error(L, "out of memory");
    }
    memcpy(block, strbuf_cstr(&d->text), d->text.len + 1);
    target->shown.id = block;
    target->shown.json = block + id_len + 1;
    target->id_hash = hash64(block, id_len, 0);
    lua_pushvalue(L, idx);
    target->table_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Arguments: the discovery, what targets() returned. */
static int read_targets(lua_State *L)
{
    struct discovery *d = lua_touserdata(L, 1);
    luaL_checkstack(L, 10, "targets");
    if (!lua_istable(L, 2)) {
        fault_of(d, "targets must be a list, not a %s", luaL_typename(L, 2));
        return 0;
    }
    size_t count = lua_rawlen(L, 2);
    lua_pushnil(L);
    if (count == 0 && lua_next(L, 2)) {
        fault_of(d, "targets must be a list, not a table of fields");
        return 0;
    }
    if (count > POLICY_TARGETS_MAX) {
        fault_of(d, "targets: %zu targets are more than the limit of %d", count,
                 POLICY_TARGETS_MAX);
        return 0;
    }
    for (size_t i = 1; i <= count; i++) {
        lua_settop(L, 2);
        lua_rawgeti(L, 2, (lua_Integer)i);
        read_target(L, d, 3, (long long)i);
    }
    return 0;
}

static void check_duplicates(struct discovery *d)
{
    struct policy_target **list = sorted(&d->set);
    for (size_t i = 1; list && i < d->set.count; i++)
        if (strcmp(list[i - 1]->shown.id, list[i]->shown.id) == 0)
            fault_of(d, "targets: two targets are called '%s'", list[i]->shown.id);
    free(list);
}

/* ---- metrics(t) ---- */

/* Whether the declarations there were are those of this target; without memory they are asked for
 * again. */
static bool keep_metrics(struct discovery *d, struct policy_target *target)
{
    const struct policy_target *known = find_known(d, target);
    if (!known || strcmp(known->shown.json, target->shown.json) != 0) return false;
    uint32_t count = known->shown.use_count;
    struct metric_use *uses = malloc((count + 1) * sizeof *uses);
    if (!uses) return false;
    for (uint32_t i = 0; i < count; i++) {
        uses[i] = known->shown.uses[i];
        metric_retain(uses[i].metric);
    }
    target->layout = known->layout;
    target->shown.uses = uses;
    target->shown.use_count = count;
    return true;
}

/* Argument: the discovery. One target's metrics, read into its layout and uses. */
static int read_metrics(lua_State *L)
{
    struct discovery *d = lua_touserdata(L, 1);
    struct policy *policy = d->policy;
    struct policy_target *target = &d->set.items[d->next];
    luaL_checkstack(L, 20, "metrics");
    if (policy->metrics_ref == LUA_NOREF) {
        lua_newtable(L);
    } else {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->metrics_ref);
        lua_rawgeti(L, LUA_REGISTRYINDEX, target->table_ref);
        lua_call(L, 1, 1);
    }
    if (!lua_istable(L, 2)) {
        fault_of(d, "metrics must return a table of cloudwatch{...}, not a %s",
                 luaL_typename(L, 2));
        return 0;
    }
    (void)layout_read(L, policy, target, 2, policy->shown, &d->faults);
    return 0;
}

static bool one_metrics(struct discovery *d)
{
    struct policy *policy = d->policy;
    if (keep_metrics(d, &d->set.items[d->next])) return true;
    struct vm_budget budget = policy_budget(policy, "metrics");
    struct fault fault;
    lua_State *L = vm_lua(policy->vm);
    struct faults *before = policy->binding.faults;
    policy->binding.faults = &d->faults;
    vm_budget(policy->vm, &budget);
    lua_pushcfunction(L, read_metrics);
    lua_pushlightuserdata(L, d);
    if (vm_call(policy->vm, L, 1, 0, &fault, NULL) < 0) {
        if (!fault.file[0]) fault_at(&fault, policy->shown, 0, 0);
        faults_add(&d->faults, &fault);
    }
    policy->binding.faults = before;
    return d->faults.count == 0;
}

/* ---- the course of a discovery ---- */

static struct discovery *discovery_new(struct policy *policy)
{
    struct discovery *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->policy = policy;
    strbuf_init(&d->text, TARGET_ID_MAX + 1 + POLICY_TARGET_JSON_MAX);
    faults_init(&d->faults);
    return d;
}

static void mark_layouts(const struct target_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].layout) set->items[i].layout->used = true;
}

static void discovery_free(struct discovery *d)
{
    struct policy *policy = d->policy;
    target_set_done(policy, &d->set);
    mark_layouts(&policy->targets);
    if (policy->discovery) mark_layouts(&policy->discovery->set); /* another, that stopped this */
    layouts_sweep(policy);
    free(d->known);
    strbuf_done(&d->text);
    faults_done(&d->faults);
    free(d->keys);
    free(d);
}

/* Makes the new set the policy's. */
static void take_set(struct discovery *d)
{
    struct policy *policy = d->policy;
    if (d->faults.count > 0) return;
    move_memos(d);
    struct target_set old = policy->targets;
    policy->targets = d->set;
    d->set = (struct target_set){0};
    target_set_done(policy, &old);
}

static void finish(struct discovery *d)
{
    struct policy *policy = d->policy;
    evaluator_done_fn *done = d->done;
    void *data = d->data;
    struct fault fault = {0};
    take_set(d);
    int code = OK;
    if (d->faults.count > 0) {
        fault = summary_fault(d);
        code = fault.code;
    }
    policy->discovery = NULL;
    d->over = true;
    if (!d->starting) discovery_free(d);
    done(data, code, code < 0 ? &fault : NULL);
}

/* As many targets as a slice has time for. Returns whether there are more. */
static bool metrics_slice(struct discovery *d)
{
    struct clock clock;
    clock_init_real(&clock);
    int64_t begin_ns = clock_mono_ns(&clock);
    for (; d->next < d->set.count && d->faults.count == 0; d->next++) {
        if (clock_mono_ns(&clock) - begin_ns > DISCOVERY_SLICE_MS * 1000000LL) return true;
        if (!one_metrics(d)) break;
    }
    return false;
}

static void next_metrics(void *data)
{
    struct discovery *d = data;
    struct loop *loop = d->policy->binding.host->loop;
    lua_State *L = vm_lua(d->policy->vm);
    d->timer = NULL;
    int pause = lua_gc(L, LUA_GCSETPAUSE, METRICS_GC_PAUSE);
    bool more = metrics_slice(d);
    while (more && (!loop || loop_timer_start(loop, 0, next_metrics, d, &d->timer) < 0))
        more = metrics_slice(d);
    lua_gc(L, LUA_GCSETPAUSE, pause);
    if (!more) finish(d);
}

/* The value on top of L (popped) is what targets() gave. */
static void targets_known(struct discovery *d, lua_State *L)
{
    struct policy *policy = d->policy;
    struct vm_budget budget = policy_budget(policy, "targets");
    struct fault fault;
    vm_budget(policy->vm, &budget);
    lua_State *main = vm_lua(policy->vm);
    if (L != main) lua_xmove(L, main, 1);
    lua_pushcfunction(main, read_targets);
    lua_insert(main, -2);
    lua_pushlightuserdata(main, d);
    lua_insert(main, -2);
    if (vm_call(policy->vm, main, 2, 0, &fault, NULL) < 0) faults_add(&d->faults, &fault);
    check_duplicates(d);
    d->known = sorted(&policy->targets);
    if (policy->targets.count && !d->known) {
        fault_set(&fault, ERR_NOMEM, "out of memory");
        faults_add(&d->faults, &fault);
    }
}

static void targets_answered(void *data, int code, lua_State *L, int nresults,
                             const struct fault *fault, const char *traceback)
{
    (void)traceback;
    struct discovery *d = data;
    d->task = NULL;
    if (d->over) { /* stopped */
        if (!d->starting) discovery_free(d);
        return;
    }
    if (code < 0) {
        faults_add(&d->faults, fault);
        finish(d);
        return;
    }
    if (nresults == 0)
        lua_pushnil(L);
    else
        lua_pushvalue(L, -nresults);
    targets_known(d, L);
    next_metrics(d);
}

/* Without `targets` there is one, with no fields: "all". */
static void push_list(lua_State *L, const struct policy *policy)
{
    if (policy->targets_ref != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->targets_ref);
        return;
    }
    lua_createtable(L, 1, 0);
    lua_newtable(L);
    lua_rawseti(L, -2, 1);
}

void policy_discover(struct evaluator *evaluator, evaluator_done_fn *done, void *data)
{
    struct policy *policy = (struct policy *)evaluator;
    discovery_stop(policy);
    struct discovery *d = discovery_new(policy);
    struct fault fault;
    if (!d) {
        fault_set(&fault, ERR_NOMEM, "out of memory");
        done(data, ERR_NOMEM, &fault);
        return;
    }
    d->done = done;
    d->data = data;
    policy->discovery = d;
    lua_State *L = vm_lua(policy->vm);
    if (!policy->targets_wait) {
        push_list(L, policy);
        targets_known(d, L);
        next_metrics(d);
        return;
    }
    const struct config *config = policy->binding.host->config;
    struct task_options options = {.budget = policy_budget(policy, "targets"),
                                   .deadline_ms = config ? config->collect_ms : 30000};
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->targets_ref);
    d->starting = true;
    struct task *task = NULL;
    int code = task_start(policy->vm, 0, &options, targets_answered, d, &task);
    d->starting = false;
    if (d->over) {
        discovery_free(d);
    } else if (code < 0) {
        fault_set(&fault, code, "targets could not be started: %s", err_text(code));
        fault_at(&fault, policy->shown, 0, 0);
        faults_add(&d->faults, &fault);
        finish(d);
    } else if (!d->timer) {
        d->task = task;
    }
}

void discovery_stop(struct policy *policy)
{
    struct discovery *d = policy->discovery;
    if (!d) return;
    policy->discovery = NULL;
    d->over = true;
    loop_timer_cancel(d->timer);
    if (d->task)
        task_cancel(d->task, ERR_CANCELED, "stopped"); /* frees d through targets_answered */
    else if (!d->starting)
        discovery_free(d);
}

/* Offline a targets() that asks AWS cannot be run, and is no fault: it waits, or there is no client
 * to wait with. */
static bool needs_the_world(const struct fault *fault)
{
    return strstr(fault->text, " waits, and may be called only") ||
           strstr(fault->text, ": there is no network here");
}

int policy_discover_now(struct policy *policy, struct faults *faults, bool *waits)
{
    struct discovery *d = discovery_new(policy);
    if (!d) return ERR_NOMEM;
    lua_State *L = vm_lua(policy->vm);
    struct fault fault;
    int code = OK;
    *waits = false;
    if (policy->targets_wait) {
        struct vm_budget budget = policy_budget(policy, "targets");
        vm_budget(policy->vm, &budget);
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->targets_ref);
        code = vm_call(policy->vm, L, 0, 1, &fault, NULL);
        *waits = code == ERR_LUA && needs_the_world(&fault);
        if (code < 0 && !*waits) faults_add(&d->faults, &fault);
    } else {
        push_list(L, policy);
    }
    if (code == OK) targets_known(d, L);
    for (; code == OK && d->next < d->set.count && d->faults.count == 0; d->next++)
        if (!one_metrics(d)) break;
    take_set(d);
    for (size_t i = 0; i < d->faults.count; i++)
        faults_add(faults, &d->faults.items[i]);
    code = d->faults.count ? d->faults.items[0].code : OK;
    discovery_free(d);
    return code;
}
