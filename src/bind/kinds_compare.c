/* bind/kinds_compare.c - what differs between current and wanted; and what a simulated world makes
 * of a change. Both are pure, and run in Lua.
 *
 * A policy states the same decision minute after minute, and most often nothing differs. As a
 * kind's diff depends on nothing but (kind, wanted, current), a pair in which nothing differed is
 * remembered by a hash of 128 bits, and answered from there without running any Lua. */
#include "kinds_state.h"

#include "moontide/vm/convert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EQUALS_FIRST = 256, EQUALS_MAX = 65536, EQUALS_PROBES = 8 };

/* ---- pairs in which nothing differed ---- */

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/* Two lanes of multiply and rotate, eight bytes at a time: good spreading, no defence against who
 * looks for collisions. */
static void mix(uint64_t key[2], const char *text, size_t len)
{
    static const uint64_t odd[2] = {0x9E3779B97F4A7C15u, 0xC2B2AE3D27D4EB4Fu};
    for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = len - at;
        memcpy(&word, text + at, left < sizeof word ? left : sizeof word);
        key[0] = rotate(key[0] ^ word, 29) * odd[0];
        key[1] = rotate(key[1] + word, 31) * odd[1];
    }
    key[0] = (key[0] ^ len ^ (key[0] >> 32)) * odd[1];
    key[1] = (key[1] ^ len ^ (key[1] >> 29)) * odd[0];
}

static void key_of(const struct kind *kind, const struct subject *subject, uint64_t key[2])
{
    const char *current = subject->current ? subject->current : "";
    key[0] = kind->generation;
    key[1] = ~kind->generation;
    mix(key, subject->wanted, strlen(subject->wanted));
    mix(key, current, strlen(current));
    key[0] |= 1; /* never that of an empty slot */
}

static struct equal *equal_find(struct equal *equals, size_t cap, const uint64_t key[2],
                                bool to_write)
{
    size_t at = key[0] >> 7;
    for (size_t i = 0; i < EQUALS_PROBES; i++) {
        struct equal *equal = &equals[(at + i) & (cap - 1)];
        if (equal->key[0] == key[0] && equal->key[1] == key[1]) return equal;
        if (equal->key[0] == 0) return to_write ? equal : NULL;
    }
    return to_write ? &equals[at & (cap - 1)] : NULL; /* crowded out */
}

static bool equals_grow(struct kinds *kinds)
{
    if (kinds->equal_count * 2 < kinds->equal_cap) return true;
    if (kinds->equal_cap == EQUALS_MAX) {
        memset(kinds->equals, 0, kinds->equal_cap * sizeof *kinds->equals);
        kinds->equal_count = 0;
        return true;
    }
    size_t cap = kinds->equal_cap ? kinds->equal_cap * 2 : EQUALS_FIRST;
    struct equal *equals = calloc(cap, sizeof *equals);
    if (!equals) return kinds->equals != NULL;
    for (size_t i = 0; i < kinds->equal_cap; i++)
        if (kinds->equals[i].key[0])
            *equal_find(equals, cap, kinds->equals[i].key, true) = kinds->equals[i];
    free(kinds->equals);
    kinds->equals = equals;
    kinds->equal_cap = cap;
    return true;
}

static void equal_keep(struct kinds *kinds, const struct kind *kind, const uint64_t key[2],
                       const struct comparison *comparison)
{
    if (!equals_grow(kinds)) return;
    struct equal *equal = equal_find(kinds->equals, kinds->equal_cap, key, true);
    if (!equal->key[0]) kinds->equal_count++;
    *equal = (struct equal){.key = {key[0], key[1]}, .count = (uint8_t)comparison->capacity_count};
    size_t at = 0;
    for (size_t i = 0; i < comparison->capacity_count && i < CAPACITIES_MAX; i++) {
        while (at < kind->capacity_count && strcmp(kind->fields[kind->capacities[at]].name,
                                                   comparison->capacities[i].field) != 0)
            at++;
        equal->fields[i] = (uint8_t)at;
        equal->from[i] = comparison->capacities[i].from;
        equal->to[i] = comparison->capacities[i].to;
    }
}

static void name_capacity(const struct kind *kind, size_t at, struct capacity *out)
{
    const char *name = kind->fields[kind->capacities[at]].name;
    memcpy(out->field, name, strlen(name) + 1);
}

static bool equal_known(const struct kinds *kinds, const struct kind *kind, const uint64_t key[2],
                        struct comparison *out)
{
    if (!kinds->equals) return false;
    const struct equal *equal = equal_find(kinds->equals, kinds->equal_cap, key, false);
    if (!equal) return false;
    out->capacity_count = equal->count;
    for (size_t i = 0; i < equal->count; i++) {
        name_capacity(kind, equal->fields[i], &out->capacities[i]);
        out->capacities[i].from = equal->from[i];
        out->capacities[i].to = equal->to[i];
    }
    return true;
}

/* ---- in Lua ---- */

struct job {
    const struct kind *kind;
    const struct subject *subject;
    const struct capacity *clipped;
    size_t clipped_count;
    const struct comparison *comparison; /* of simulate */
    struct comparison *out;
    struct strbuf changes, wanted; /* or the simulated state */
};

static void push_json(lua_State *L, const char *json)
{
    struct fault fault;
    if (!json)
        lua_pushnil(L);
    else if (convert_from_json(L, json, strlen(json), &fault) < 0)
        luaL_error(L, "%s", fault.text);
}

static void write_json(lua_State *L, int idx, const char *what, struct strbuf *out)
{
    struct fault fault;
    if (convert_to_json(L, idx, what, out, &fault) < 0) luaL_error(L, "%s", fault.text);
}

static double number_field(lua_State *L, int idx, const char *name)
{
    double value = NAN;
    if (lua_istable(L, idx)) {
        lua_getfield(L, idx, name);
        if (lua_type(L, -1) == LUA_TNUMBER) value = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return value;
}

static void clip(lua_State *L, int wanted, const struct job *job)
{
    for (size_t i = 0; i < job->clipped_count; i++) {
        lua_Integer whole;
        if (lua_numbertointeger(job->clipped[i].to, &whole) && (double)whole == job->clipped[i].to)
            lua_pushinteger(L, whole);
        else
            lua_pushnumber(L, job->clipped[i].to);
        lua_setfield(L, wanted, job->clipped[i].field);
    }
}

static void take_capacities(lua_State *L, int wanted, int current, const struct job *job)
{
    struct comparison *out = job->out;
    for (size_t i = 0; i < job->kind->capacity_count; i++) {
        struct capacity *capacity = &out->capacities[out->capacity_count];
        name_capacity(job->kind, i, capacity);
        capacity->to = number_field(L, wanted, capacity->field);
        capacity->from = number_field(L, current, capacity->field);
        if (!isnan(capacity->to)) out->capacity_count++;
    }
}

static int compare_protected(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    lua_settop(L, 1);
    kinds_push_host(job->kind->kinds, HOST_COMPARE);
    kind_push(job->kind);
    push_json(L, job->subject->wanted);
    if (!lua_istable(L, 4)) return luaL_error(L, "wanted is no object");
    push_json(L, job->subject->current);
    clip(L, 4, job);
    if (job->clipped_count > 0)
        write_json(L, 4, "wanted", &job->wanted);
    else
        strbuf_adds(&job->wanted, job->subject->wanted);
    take_capacities(L, 4, 5, job);
    lua_call(L, 3, 1);
    if (lua_isnil(L, -1)) return 0;
    job->out->change_count = lua_rawlen(L, -1);
    if (job->out->change_count > CHANGES_MAX)
        return luaL_error(L, "more than %d changes of one resource", CHANGES_MAX);
    write_json(L, lua_gettop(L), "changes", &job->changes);
    return 0;
}

static int simulate_protected(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    lua_settop(L, 1);
    kinds_push_host(job->kind->kinds, HOST_SIMULATE);
    kind_push(job->kind);
    push_json(L, job->comparison->wanted);
    push_json(L, job->subject->current);
    push_json(L, job->comparison->changes ? job->comparison->changes : "[]");
    lua_call(L, 4, 1);
    if (!lua_istable(L, -1)) return luaL_error(L, "simulate must return a table");
    write_json(L, lua_gettop(L), "current", &job->wanted);
    return 0;
}

static int run(struct job *job, lua_CFunction function, const char *what, struct fault *fault)
{
    struct vm *vm = job->kind->kinds->vm;
    lua_State *L = vm_lua(vm);
    struct vm_budget budget = kinds_budget(what);
    budget.slice_ms = 0;
    strbuf_init(&job->changes, KIND_JSON_MAX);
    strbuf_init(&job->wanted, KIND_JSON_MAX);
    if (!lua_checkstack(L, 4)) return fault_set(fault, ERR_NOMEM, "out of memory");
    vm_budget(vm, &budget);
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, job);
    int code = vm_call(vm, L, 1, 0, fault, NULL);
    if (code == OK && (strbuf_status(&job->wanted) < 0 || strbuf_status(&job->changes) < 0))
        code = fault_set(fault, ERR_LIMIT, "the state of %s is too long", job->subject->resource);
    if (code < 0 && !fault->file[0] && *job->kind->file) fault_at(fault, job->kind->file, 0, 0);
    return code;
}

static enum direction direction_of(const struct comparison *comparison)
{
    bool out = false;
    for (size_t i = 0; i < comparison->capacity_count; i++) {
        const struct capacity *capacity = &comparison->capacities[i];
        if (capacity->to < capacity->from) return DIRECTION_IN;
        out = out || capacity->to > capacity->from;
    }
    return out ? DIRECTION_OUT : DIRECTION_NONE;
}

int kinds_compare(struct actor *actor, const struct subject *subject,
                  const struct capacity *clipped, size_t clipped_count, struct comparison *out,
                  struct fault *fault)
{
    struct kinds *kinds = kinds_of(actor);
    struct fault own;
    if (!fault) fault = &own;
    struct kind *kind = kinds_find(kinds, subject->kind, fault);
    uint64_t key[2];
    *out = (struct comparison){0};
    if (!kind) return fault->code;
    if (clipped_count == 0) {
        key_of(kind, subject, key);
        if (equal_known(kinds, kind, key, out)) {
            out->wanted = strdup(subject->wanted);
            return out->wanted ? OK : fault_set(fault, ERR_NOMEM, "out of memory");
        }
    }
    struct job job = {.kind = kind,
                      .subject = subject,
                      .clipped = clipped,
                      .clipped_count = clipped_count,
                      .out = out};
    int code = run(&job, compare_protected, "diff", fault);
    if (code == OK) {
        out->wanted = strbuf_take(&job.wanted, NULL);
        bool differs = out->change_count > 0;
        out->changes = differs ? strbuf_take(&job.changes, NULL) : NULL;
        out->direction = differs ? direction_of(out) : DIRECTION_NONE;
        if (!out->wanted || (differs && !out->changes))
            code = fault_set(fault, ERR_NOMEM, "out of memory");
        if (code == OK && !out->changes && clipped_count == 0) equal_keep(kinds, kind, key, out);
    }
    strbuf_done(&job.changes);
    strbuf_done(&job.wanted);
    if (code < 0) {
        comparison_done(out);
        *out = (struct comparison){0};
    }
    return code;
}

int kinds_simulate(struct actor *actor, const struct subject *subject,
                   const struct comparison *comparison, char **out, struct fault *fault)
{
    struct fault own;
    if (!fault) fault = &own;
    struct kind *kind = kinds_find(kinds_of(actor), subject->kind, fault);
    if (!kind) return fault->code;
    struct job job = {.kind = kind, .subject = subject, .comparison = comparison};
    int code = run(&job, simulate_protected, "simulate", fault);
    if (code == OK) {
        *out = strbuf_take(&job.wanted, NULL);
        if (!*out) code = fault_set(fault, ERR_NOMEM, "out of memory");
    }
    strbuf_done(&job.changes);
    strbuf_done(&job.wanted);
    return code;
}
