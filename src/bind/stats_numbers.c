/* bind/stats_numbers.c - Lua's numbers as doubles in a row.
 *
 * A source is what the numbers come from: a list, a vector or a series. A row is a source made
 * readable: a list is copied, the others are looked at where they are. */
#include "stats_numbers.h"

#include "fields.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/vm.h"
#include "series.h"
#include "stats_vector.h"

#include <math.h>
#include <string.h>

enum {
    BATCH = 64, /* values of a list that are popped at once, which spares a call into Lua each */
    NAN_BLOCK = 512, /* values that are looked through at once */
    NAN_LANES = 8,
    COPIED_PER_INSTRUCTION = 16, /* for the budget: doubles whose copying takes as long as one */
};

enum origin { ORIGIN_NONE, ORIGIN_LIST, ORIGIN_VECTOR, ORIGIN_SERIES };

struct row {
    enum origin origin;
    struct trend trend;
    double *own; /* the same values where they are a copy */
    int owner;   /* its stack index */
    bool any_nan;
};

/* ---- lists ---- */

static COLD void not_a_number(lua_State *L, size_t at, const char *noun, int type)
{
    luaL_error(L, "%s %I is a %s, not a number", noun, (lua_Integer)at, lua_typename(L, type));
}

/* The same value by value, for a batch that has something else than numbers in it. */
static COLD bool read_mixed(lua_State *L, int list, size_t from, size_t count, double *to,
                            bool holes, const char *noun)
{
    bool any_nan = false;
    for (size_t i = 0; i < count; i++) {
        int type = lua_rawgeti(L, list, (lua_Integer)(from + i) + 1);
        if (type != LUA_TNUMBER && (type != LUA_TNIL || !holes))
            not_a_number(L, from + i + 1, noun, type);
        to[i] = type == LUA_TNIL ? NAN : lua_tonumber(L, -1);
        any_nan |= isnan(to[i]);
        lua_pop(L, 1);
    }
    return any_nan;
}

static bool has_metatable(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx)) return false;
    lua_pop(L, 1);
    return true;
}

/* The list's first `count` values; NaN in place of nil where holes are allowed. Whether there is a
 * NaN among them. */
static bool read_list(lua_State *L, int list, double *to, size_t count, bool holes,
                      const char *noun)
{
    /* Without a metatable both are the same, but only lua_geti looks into the array without a call
     * within Lua: a third less for all of this. */
    int (*get)(lua_State *, int, lua_Integer) = has_metatable(L, list) ? lua_rawgeti : lua_geti;
    luaL_checkstack(L, BATCH + 1, NULL);
    int top = lua_gettop(L), any_nan = 0;
    for (size_t from = 0; from < count; from += BATCH) {
        int n = count - from < BATCH ? (int)(count - from) : BATCH;
        bool numbers = true;
        for (int i = 0; i < n; i++) {
            numbers &= get(L, list, (lua_Integer)from + i + 1) == LUA_TNUMBER;
            double value = lua_tonumber(L, top + i + 1);
            any_nan |= isnan(value);
            to[from + (size_t)i] = value;
        }
        lua_settop(L, top);
        if (!numbers) any_nan |= read_mixed(L, list, from, (size_t)n, to + from, holes, noun);
    }
    return any_nan;
}

/* ---- sources ---- */

/* What stands at idx itself; a series and a vector are looked at in *trend. */
static enum origin source_at(lua_State *L, int idx, struct trend *trend)
{
    const struct vector *vector;
    *trend = (struct trend){.step_s = 1};
    if (lua_type(L, idx) == LUA_TTABLE) {
        trend->count = lua_rawlen(L, idx);
        return ORIGIN_LIST;
    }
    if ((vector = vector_test(L, idx))) {
        trend->values = vector->at;
        trend->count = vector->count;
        return ORIGIN_VECTOR;
    }
    return series_numbers(L, idx, trend) ? ORIGIN_SERIES : ORIGIN_NONE;
}

/* Pushes the source of what was given at idx: its `values`, or itself. */
static enum origin push_source(lua_State *L, int idx, struct trend *trend)
{
    idx = lua_absindex(L, idx);
    if (lua_type(L, idx) == LUA_TTABLE) {
        lua_pushliteral(L, "values");
        lua_rawget(L, idx);
        enum origin origin = source_at(L, -1, trend);
        if (origin != ORIGIN_NONE) return origin;
        lua_pop(L, 1);
    }
    lua_pushvalue(L, idx);
    enum origin origin = source_at(L, -1, trend);
    if (origin == ORIGIN_NONE) luaL_typeerror(L, idx, "list of numbers, vector or series");
    return origin;
}

/* Pushes the one value that owns the row. */
static struct row push_row(lua_State *L, int idx, const char *noun)
{
    struct row row = {0};
    row.origin = push_source(L, idx, &row.trend);
    row.owner = lua_gettop(L);
    vm_charge(L, row.trend.count);
    row.any_nan = true; /* perhaps */
    if (row.origin != ORIGIN_LIST) return row;
    row.trend.values = row.own = lua_newuserdatauv(L, row.trend.count * sizeof *row.own, 0);
    row.any_nan = read_list(L, row.owner, row.own, row.trend.count, true, noun);
    lua_replace(L, row.owner);
    return row;
}

/* Looks again where a vector's values are, after what may have let it grow. */
static void settle(lua_State *L, struct row *row)
{
    if (row->origin == ORIGIN_VECTOR) row->trend.values = vector_test(L, row->owner)->at;
}

/* Times 0 numbers are 0, and NaN and infinities NaN, which stays in a sum. By lanes, which
 * compilers turn into vectors. */
static bool all_finite(const double *values, size_t count)
{
    double lanes[NAN_LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + NAN_LANES <= count; i += NAN_LANES)
        for (size_t lane = 0; lane < NAN_LANES; lane++)
            lanes[lane] += values[i + lane] * 0;
    for (; i < count; i++)
        sum += values[i] * 0;
    for (size_t lane = 0; lane < NAN_LANES; lane++)
        sum += lanes[lane];
    return !isnan(sum);
}

static size_t find_nan(const double *values, size_t count)
{
    for (size_t from = 0; from < count; from += NAN_BLOCK) {
        size_t end = count - from < NAN_BLOCK ? count : from + NAN_BLOCK;
        if (all_finite(values + from, end - from)) continue;
        for (size_t i = from; i < end; i++)
            if (isnan(values[i])) return i;
    }
    return count;
}

/* Throws when the row has a NaN that must not be there; false when it has none. */
static bool has_nan(lua_State *L, const struct row *row, enum nan_policy policy, const char *noun)
{
    if (!row->any_nan) return false;
    size_t at = find_nan(row->trend.values, row->trend.count);
    if (at == row->trend.count) return false;
    if (row->origin != ORIGIN_SERIES && policy == NAN_IS_AN_ERROR)
        luaL_error(L, "%s %I is NaN or missing (nan = \"omit\" leaves such values out)", noun,
                   (lua_Integer)at + 1);
    return true;
}

/* Puts a copy in the place of the row's owner. */
static void own_row(lua_State *L, struct row *row)
{
    row->own = lua_newuserdatauv(L, row->trend.count * sizeof *row->own, 0);
    settle(L, row);
    if (row->trend.count > 0)
        memcpy(row->own, row->trend.values, row->trend.count * sizeof *row->own);
    row->trend.values = row->own;
    row->origin = ORIGIN_LIST;
    lua_replace(L, row->owner);
}

static struct numbers without_nan(struct row *row)
{
    size_t kept = 0;
    for (size_t i = 0; i < row->trend.count; i++)
        if (!isnan(row->own[i])) row->own[kept++] = row->own[i];
    return (struct numbers){row->own, kept, row->own};
}

struct numbers numbers_check(lua_State *L, int idx, enum nan_policy policy)
{
    struct row row = push_row(L, idx, "value");
    if (!has_nan(L, &row, policy, "value"))
        return (struct numbers){row.trend.values, row.trend.count, row.own};
    if (!row.own) own_row(L, &row);
    return without_nan(&row);
}

struct numbers numbers_copy(lua_State *L, int idx, enum nan_policy policy)
{
    struct row row = push_row(L, idx, "value");
    bool any_nan = has_nan(L, &row, policy, "value");
    if (!row.own) own_row(L, &row);
    return any_nan ? without_nan(&row) : (struct numbers){row.own, row.trend.count, row.own};
}

size_t numbers_source(lua_State *L, int idx)
{
    struct trend trend;
    push_source(L, idx, &trend);
    return trend.count;
}

size_t numbers_read(lua_State *L, int idx, double *to, size_t room)
{
    struct trend trend;
    enum origin origin = source_at(L, idx, &trend);
    size_t count = trend.count < room ? trend.count : room, kept = 0;
    vm_charge(L, origin == ORIGIN_LIST ? count : count / COPIED_PER_INSTRUCTION);
    if (origin == ORIGIN_LIST) {
        read_list(L, lua_absindex(L, idx), to, count, false, "value");
        return count;
    }
    for (size_t i = 0; i < count; i++)
        if (origin == ORIGIN_VECTOR || !isnan(trend.values[i])) to[kept++] = trend.values[i];
    return kept;
}

/* ---- two rows ---- */

/* Pushes the owner of two rows, so that nothing is allocated once both are read. */
static int push_pair_owner(lua_State *L)
{
    lua_newuserdatauv(L, 0, 2);
    return lua_gettop(L);
}

/* Hands the two rows' owners, on top, to that of the pair below them. */
static void join_owners(lua_State *L, int pair, struct row *a, struct row *b)
{
    settle(L, a);
    settle(L, b);
    lua_setiuservalue(L, pair, 2);
    lua_setiuservalue(L, pair, 1);
}

/* Cuts two series to the time that both show. */
static void align(lua_State *L, struct trend *a, struct trend *b)
{
    if (a->step_s != b->step_s)
        luaL_error(L, "a series every %d s and one every %d s do not pair", (int)a->step_s,
                   (int)b->step_s);
    double late = (b->start_s - a->start_s) / a->step_s; /* slots by which b begins after a */
    struct trend *early = late > 0 ? a : b;
    size_t skip = (size_t)llround(fabs(late));
    if (skip > early->count) skip = early->count;
    early->values += skip;
    early->count -= skip;
    a->count = b->count = a->count < b->count ? a->count : b->count;
}

struct number_pairs numbers_pairs(lua_State *L, int a_idx, int b_idx, const char *b_noun,
                                  enum nan_policy policy)
{
    a_idx = lua_absindex(L, a_idx);
    b_idx = lua_absindex(L, b_idx);
    int pair = push_pair_owner(L);
    struct row a = push_row(L, a_idx, "value"), b = push_row(L, b_idx, b_noun);
    join_owners(L, pair, &a, &b);
    if (a.origin == ORIGIN_SERIES && b.origin == ORIGIN_SERIES) align(L, &a.trend, &b.trend);
    if (a.trend.count != b.trend.count)
        luaL_error(L, "%I values but %I %ss", (lua_Integer)a.trend.count,
                   (lua_Integer)b.trend.count, b_noun);
    has_nan(L, &a, policy, "value");
    has_nan(L, &b, policy, b_noun);
    return (struct number_pairs){a.trend.values, b.trend.values, a.trend.count};
}

/* ---- in time ---- */

/* Pushes the list that the times at times_idx, or of an answer at idx, are. */
static bool push_times(lua_State *L, int idx, int times_idx)
{
    if (!lua_isnoneornil(L, times_idx)) {
        lua_pushvalue(L, times_idx);
        return true;
    }
    if (lua_type(L, idx) != LUA_TTABLE) return false;
    lua_pushliteral(L, "times");
    if (lua_rawget(L, idx) != LUA_TNIL) return true;
    lua_pop(L, 1);
    return false;
}

struct trend numbers_in_time(lua_State *L, int idx, int times_idx)
{
    idx = lua_absindex(L, idx);
    if (times_idx < 0) times_idx = lua_absindex(L, times_idx);
    if (!push_times(L, idx, times_idx)) return push_row(L, idx, "value").trend;
    int given = lua_gettop(L), pair = push_pair_owner(L);
    struct row values = push_row(L, idx, "value"), times = push_row(L, given, "time");
    join_owners(L, pair, &values, &times);
    lua_remove(L, given);
    struct trend trend = values.trend;
    const double *at = times.trend.values;
    if (times.trend.count != trend.count)
        luaL_error(L, "%I values but %I times", (lua_Integer)trend.count,
                   (lua_Integer)times.trend.count);
    for (size_t i = 0; i < trend.count; i++)
        if (isnan(at[i]) || (i > 0 && at[i] < at[i - 1]))
            luaL_error(L, "time %I is missing or goes back", (lua_Integer)i + 1);
    trend.times = at;
    return trend;
}

/* ---- options and answers ---- */

int numbers_choice(lua_State *L, int idx, const char *field, const char *const *names, int fallback)
{
    if (lua_isnoneornil(L, idx)) return fallback;
    luaL_checktype(L, idx, LUA_TTABLE);
    int type = lua_getfield(L, idx, field);
    const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (type != LUA_TNIL && !text)
        luaL_error(L, "%s must be a string, not a %s", field, luaL_typename(L, -1));
    int choice = text ? -1 : fallback;
    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0) choice = i;
    if (choice < 0) {
        luaL_Buffer list;
        luaL_buffinit(L, &list);
        for (int i = 0; names[i]; i++) {
            if (i > 0) luaL_addstring(&list, ", ");
            luaL_addstring(&list, names[i]);
        }
        luaL_pushresult(&list);
        luaL_error(L, "%s is '%s'; it must be one of %s%s", field, text, lua_tostring(L, -1),
                   fields_hint(text, names).text);
    }
    lua_pop(L, 1);
    return choice;
}

enum nan_policy numbers_nan_policy(lua_State *L, int idx)
{
    static const char *const names[] = {"error", "omit", NULL};
    return numbers_choice(L, idx, "nan", names, 0) == 0 ? NAN_IS_AN_ERROR : NAN_IS_OMITTED;
}

int push_answer(lua_State *L, double answer)
{
    if (isnan(answer))
        lua_pushnil(L);
    else
        lua_pushnumber(L, answer);
    return 1;
}

void set_answer(lua_State *L, const char *key, double answer)
{
    push_answer(L, answer);
    lua_setfield(L, -2, key);
}
