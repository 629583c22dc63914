/* bind/layout.c - one `m` for all targets whose `metrics` declare the same keys in the same way.
 *
 * Ten thousand targets mostly share one list of keys, so `m` and its handles are made once a list,
 * and pointed at each target in turn by policy->run. `m` is an empty table before the table of
 * handles: reading goes through, writing throws, and an unknown key names its nearest neighbour. */
#include "policy_state.h"

#include "fields.h"
#include "moontide/base/hash.h"
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One declaration as metrics(t) returned it. */
struct declared {
    const char *name; /* owned by the table */
    const struct declaration *declaration;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct declared *)a)->name, ((const struct declared *)b)->name);
}

/* How many samples a percentile needs to mean something. Source: Amazon CloudWatch User Guide,
 * "Percentile-based alarms and low data samples": 10/(1-p) from the median up, 10/p below. */
static double samples_needed(const struct declaration *declaration)
{
    if (!declaration->ignore_low_samples || !declaration->metric->stat) return 0;
    double p = statistic_percentile(declaration->metric->stat) / 100;
    if (p <= 0 || p >= 1) return 0;
    return ceil(p >= 0.5 ? 10 / (1 - p) - 1e-9 : 10 / p - 1e-9);
}

static bool same_layout(const struct layout *layout, const struct declared *list, uint32_t count)
{
    if (layout->count != count) return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct layout_key *key = &layout->keys[i];
        if (strcmp(key->name, list[i].name) != 0 || key->missing != list[i].declaration->missing ||
            key->low_samples_below != samples_needed(list[i].declaration))
            return false;
    }
    return true;
}

/* ---- `m` ---- */

static const char *const *names_of(lua_State *L, const struct layout *layout)
{
    const char **names = lua_newuserdatauv(L, (layout->count + 1) * sizeof *names, 0);
    for (uint32_t i = 0; i < layout->count; i++)
        names[i] = layout->keys[i].name;
    names[layout->count] = NULL;
    return names;
}

/* __index behind the handles; upvalues: the policy, the layout's names as a userdata. */
static int unknown_key(lua_State *L)
{
    const char *const *names = lua_touserdata(L, lua_upvalueindex(2));
    if (lua_type(L, 2) == LUA_TSTRING) {
        const char *key = lua_tostring(L, 2);
        if (strcmp(key, "extra") == 0) return 0; /* there was no collect */
        return luaL_error(L, "m has no metric '%s'%s", key, fields_hint(key, names).text);
    }
    return luaL_error(L, "m has no metric of a %s for a name", luaL_typename(L, 2));
}

static int write_refused(lua_State *L)
{
    return luaL_error(L, "m is read-only; what must last is in memo");
}

/* upvalues: pairs, the table behind */
static int pairs_behind(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_call(L, 1, 3);
    return 3;
}

static void make_m(lua_State *L, struct policy *policy, struct layout *layout)
{
    int base = lua_gettop(L);
    lua_createtable(L, 0, (int)layout->count + 1); /* base+1: the handles */
    for (uint32_t i = 0; i < layout->count; i++) {
        handle_push(L, policy, layout->id, i);
        lua_setfield(L, base + 1, layout->keys[i].name);
    }
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, policy);
    const char *const *names = names_of(L, layout);
    (void)names;
    lua_pushcclosure(L, unknown_key, 2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, base + 1);

    lua_newtable(L); /* base+2: m */
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, base + 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, write_refused);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_getglobal(L, "pairs");
    lua_pushvalue(L, base + 1);
    lua_pushcclosure(L, pairs_behind, 2);
    lua_setfield(L, -2, "__pairs");
    lua_setmetatable(L, base + 2);

    layout->m_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    layout->fields_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void layout_push_m(lua_State *L, const struct layout *layout)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, layout->m_ref);
}

void layout_set_extra(lua_State *L, const struct layout *layout)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, layout->fields_ref);
    lua_insert(L, -2);
    lua_pushliteral(L, "extra");
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* ---- making and ending ---- */

static void layout_free(lua_State *L, struct layout *layout)
{
    luaL_unref(L, LUA_REGISTRYINDEX, layout->m_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, layout->fields_ref);
    for (uint32_t i = 0; i < layout->count; i++) {
        free((char *)layout->keys[i].name);
        free(layout->keys[i].masked);
    }
    free(layout->keys);
    free(layout);
}

void layouts_sweep(struct policy *policy)
{
    for (struct layout **at = &policy->layouts; *at;) {
        struct layout *layout = *at;
        if (layout->used) {
            layout->used = false;
            at = &layout->next;
        } else {
            *at = layout->next;
            layout_free(vm_lua(policy->vm), layout);
        }
    }
}

/* Linked into the policy at once, so that an error on the way leaks nothing. */
static struct layout *layout_new(lua_State *L, struct policy *policy, const struct declared *list,
                                 uint32_t count)
{
    struct layout *layout = calloc(1, sizeof *layout);
    if (!layout) luaL_error(L, "out of memory");
    layout->m_ref = layout->fields_ref = LUA_NOREF;
    layout->id = ++policy->layouts_made;
    layout->next = policy->layouts;
    policy->layouts = layout;
    layout->keys = calloc(count ? count : 1, sizeof *layout->keys);
    if (!layout->keys) luaL_error(L, "out of memory");
    uint32_t uses = count;
    for (uint32_t i = 0; i < count; i++) {
        struct layout_key *key = &layout->keys[i];
        key->name = strdup(list[i].name);
        if (!key->name) luaL_error(L, "out of memory");
        layout->count = i + 1;
        key->hash = hash64(key->name, strlen(key->name), 0);
        key->missing = list[i].declaration->missing;
        key->low_samples_below = samples_needed(list[i].declaration);
        if (key->low_samples_below > 0) key->samples = uses++;
        key->plain = key->missing != MISSING_IGNORE && key->low_samples_below <= 0;
    }
    layout->use_count = uses;
    make_m(L, policy, layout);
    return layout;
}

static void take_uses(lua_State *L, struct policy_target *target, const struct declared *list)
{
    struct layout *layout = target->layout;
    struct metric_use *uses = calloc(layout->use_count ? layout->use_count : 1, sizeof *uses);
    if (!uses) luaL_error(L, "out of memory");
    target->shown.uses = uses;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct declaration *declaration = list[i].declaration;
        uses[i] = (struct metric_use){.key = layout->keys[i].name,
                                      .metric = metric_retain(declaration->metric),
                                      .slots = declaration->slots};
    }
    target->shown.use_count = layout->count;
    for (uint32_t i = 0; i < layout->count; i++) {
        if (layout->keys[i].low_samples_below <= 0) continue;
        struct metric draft = *list[i].declaration->metric;
        struct metric_use *use = &uses[layout->keys[i].samples];
        draft.stat = "SampleCount";
        if (metric_new(&draft, &use->metric) < 0) luaL_error(L, "out of memory");
        use->key = layout->keys[i].name;
        use->slots = list[i].declaration->slots;
        target->shown.use_count++;
    }
}

static PRINTF_LIKE(3, 4) bool fault_here(struct faults *faults, const char *where,
                                         const char *format, ...)
{
    struct fault fault;
    va_list args;
    va_start(args, format);
    fault_vset(&fault, ERR_INVALID, format, args);
    va_end(args);
    fault_at(&fault, where, 0, 0);
    faults_add(faults, &fault);
    return false;
}

bool layout_read(lua_State *L, struct policy *policy, struct policy_target *target, int idx,
                 const char *where, struct faults *faults)
{
    enum { START = 16 };
    uint32_t count = 0, cap = START;
    size_t before = faults->count;
    struct declared *list = lua_newuserdatauv(L, cap * sizeof *list, 0);
    lua_pushnil(L);
    for (; lua_next(L, idx); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        struct declaration *declaration = declaration_test(L, -1);
        if (!name)
            fault_here(faults, where, "metrics must return named declarations, not a list (a %s)",
                       luaL_typename(L, -2));
        else if (strcmp(name, "extra") == 0)
            fault_here(faults, where, "metrics: the name '%s' is kept for what collect returns",
                       name);
        else if (!declaration)
            fault_here(faults, where, "metrics: '%s' is no cloudwatch{...}", name);
        else if (count == POLICY_METRICS_MAX)
            return fault_here(faults, where, "metrics: more than %d declarations",
                              POLICY_METRICS_MAX);
        else {
            if (count == cap) {
                struct declared *more = lua_newuserdatauv(L, cap * 2 * sizeof *list, 0);
                memcpy(more, list, cap * sizeof *list);
                cap *= 2;
                list = more;
                lua_replace(L, -4); /* old list, key, value, new -> new list, key, value */
            }
            list[count++] = (struct declared){name, declaration};
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (!list[i].declaration->metric) return false; /* told where it was declared */
    if (faults->count > before) return false;
    qsort(list, count, sizeof *list, by_name);
    struct layout *layout = policy->layouts;
    while (layout && !same_layout(layout, list, count))
        layout = layout->next;
    target->layout = layout ? layout : layout_new(L, policy, list, count);
    take_uses(L, target, list);
    return true;
}
