/* bind/trend_options.c - the options that functions of values in time take. */
#include "moontide/vm/convert.h"
#include "stats_numbers.h"
#include "trends.h"

#include <string.h>

static const double SHARE_MIN = 0.5, SHARE_MAX = 0.9999;

void options_check(lua_State *L, int options, const char *what, const struct vm_field *known)
{
    if (lua_isnoneornil(L, options)) return;
    luaL_checktype(L, options, LUA_TTABLE);
    vm_check_fields(L, options, what, known);
}

static bool is_list(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    return type == LUA_TUSERDATA || (type == LUA_TTABLE && lua_rawlen(L, idx) > 0);
}

struct trend options_in_time(lua_State *L, int values, int options, const char *what,
                             const struct vm_field *known)
{
    if (is_list(L, options)) {
        lua_pushvalue(L, options);
        lua_pushnil(L);
        lua_replace(L, options);
        return numbers_in_time(L, values, lua_gettop(L));
    }
    options_check(L, options, what, known);
    if (lua_istable(L, options))
        lua_getfield(L, options, "times");
    else
        lua_pushnil(L);
    return numbers_in_time(L, values, lua_gettop(L));
}

/* Pushes the option; false, and nothing pushed, when it is not there. */
static bool push_option(lua_State *L, int options, const char *name)
{
    if (!lua_istable(L, options)) return false;
    if (lua_getfield(L, options, name) != LUA_TNIL) return true;
    lua_pop(L, 1);
    return false;
}

double options_number(lua_State *L, int options, const char *name, double low, double high,
                      double fallback)
{
    if (!push_option(L, options, name)) return fallback;
    double value = lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || !(value >= low && value <= high))
        luaL_error(L, "%s must be a number from %f to %f", name, low, high);
    lua_pop(L, 1);
    return value;
}

double options_share(lua_State *L, int options, const char *name, double fallback)
{
    return options_number(L, options, name, SHARE_MIN, SHARE_MAX, fallback);
}

bool options_boolean(lua_State *L, int options, const char *name, bool fallback)
{
    if (!push_option(L, options, name)) return fallback;
    if (!lua_isboolean(L, -1)) luaL_error(L, "%s must be true or false", name);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

int options_choice(lua_State *L, int options, const char *name, const char *const *names,
                   int fallback)
{
    if (!push_option(L, options, name)) return fallback;
    const char *given = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    int i = 0;
    while (names[i] && strcmp(names[i], given) != 0)
        i++;
    if (!names[i]) {
        luaL_Buffer text;
        luaL_buffinit(L, &text);
        for (i = 0; names[i]; i++) {
            luaL_addstring(&text, i ? ", " : "");
            luaL_addstring(&text, names[i]);
        }
        luaL_pushresult(&text);
        luaL_error(L, "%s must be one of: %s", name, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    return i;
}

double options_duration_s(lua_State *L, int options, const char *name, double fallback_s)
{
    if (!push_option(L, options, name)) return fallback_s;
    double value = (double)convert_duration_ms(L, -1, name) / 1000;
    lua_pop(L, 1);
    return value;
}
