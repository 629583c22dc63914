/* bind/stats_numbers.c - Lua's numbers as doubles in a row. */
#include "stats_numbers.h"

#include "moontide/vm/convert.h"
#include "moontide/vm/vm.h"

#include <math.h>

/* Pushes the list that stands at idx: a list, a series' values, or the `values` of an answer. */
static void push_list(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    if (type == LUA_TUSERDATA) {
        if (lua_getfield(L, idx, "values") != LUA_TFUNCTION)
            luaL_argerror(L, idx, "a list of numbers expected");
        lua_pushvalue(L, idx);
        lua_call(L, 1, 1);
        if (lua_isnil(L, -1)) { /* a series without a datapoint */
            lua_pop(L, 1);
            lua_newtable(L);
        }
        return;
    }
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushliteral(L, "values");
    if (lua_rawget(L, idx) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_pushvalue(L, idx);
}

/* Replaces the list on top by a userdata with its numbers; NaN in place of nil. */
static struct numbers read_list(lua_State *L)
{
    size_t count = lua_rawlen(L, -1);
    int list = lua_gettop(L);
    vm_charge(L, count);
    double *at = lua_newuserdatauv(L, (count + 1) * sizeof *at, 0);
    for (size_t i = 0; i < count; i++) {
        int type = lua_rawgeti(L, list, (lua_Integer)i + 1);
        if (type != LUA_TNUMBER && type != LUA_TNIL)
            luaL_error(L, "value %I is a %s, not a number", (lua_Integer)i + 1,
                       luaL_typename(L, -1));
        at[i] = type == LUA_TNIL ? NAN : lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    lua_remove(L, list);
    return (struct numbers){at, count, at};
}

struct numbers numbers_copy(lua_State *L, int idx, enum nan_policy policy)
{
    push_list(L, lua_absindex(L, idx));
    struct numbers numbers = read_list(L);
    size_t kept = 0;
    for (size_t i = 0; i < numbers.count; i++) {
        if (!isnan(numbers.own[i]))
            numbers.own[kept++] = numbers.own[i];
        else if (policy == NAN_IS_AN_ERROR)
            luaL_error(L, "value %I is NaN or missing (nan = \"omit\" leaves such values out)",
                       (lua_Integer)i + 1);
    }
    numbers.count = kept;
    return numbers;
}

struct numbers numbers_check(lua_State *L, int idx, enum nan_policy policy)
{
    return numbers_copy(L, idx, policy);
}

enum nan_policy numbers_nan_policy(lua_State *L, int idx)
{
    if (lua_isnoneornil(L, idx)) return NAN_IS_AN_ERROR;
    static const char *const names[] = {"error", "omit", NULL};
    lua_getfield(L, idx, "nan");
    int choice = luaL_checkoption(L, -1, "error", names);
    lua_pop(L, 1);
    return choice == 0 ? NAN_IS_AN_ERROR : NAN_IS_OMITTED;
}

struct trend numbers_in_time(lua_State *L, int idx, int times_idx)
{
    push_list(L, lua_absindex(L, idx));
    struct numbers values = read_list(L);
    struct trend trend = {.values = values.at, .count = values.count, .step_s = 1};
    if (lua_isnoneornil(L, times_idx)) return trend;
    push_list(L, lua_absindex(L, times_idx));
    struct numbers times = read_list(L);
    if (times.count != values.count)
        luaL_error(L, "%I values but %I times", (lua_Integer)values.count,
                   (lua_Integer)times.count);
    for (size_t i = 0; i < times.count; i++)
        if (isnan(times.at[i]) || (i > 0 && times.at[i] < times.at[i - 1]))
            luaL_error(L, "time %I is missing or goes back", (lua_Integer)i + 1);
    trend.times = times.at;
    return trend;
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
