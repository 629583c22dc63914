/* bind/check.c - what the Lua modules share. */
#include "check.h"

#include "moontide/base/clock.h"
#include "moontide/base/timetext.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* A double of milliseconds beyond this (the year 287396) is no time. */
static const double TIME_MAX_S = 9e12;

struct binding *binding_of(lua_State *L)
{
    return vm_owner(vm_of(L));
}

int64_t binding_now_ms(const struct binding *binding)
{
    return binding->now_ms ? binding->now_ms : clock_now_ms(binding->host->clock);
}

int64_t check_time_ms(lua_State *L, int idx, const char *what)
{
    if (lua_type(L, idx) == LUA_TNUMBER) {
        double seconds = lua_tonumber(L, idx);
        if (!(fabs(seconds) < TIME_MAX_S)) luaL_error(L, "%s: %f is no time", what, seconds);
        return llround(seconds * 1000);
    }
    if (lua_type(L, idx) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, idx, &len);
        int64_t ms;
        if (time_parse(text, len, &ms) == OK) return ms;
        if (duration_parse(text, &ms) == OK) return binding_now_ms(binding_of(L)) - ms;
        return luaL_error(
            L, "%s: '%s' is no time (seconds, 2026-01-31T12:00:00Z, or how long ago: 1h)", what,
            text);
    }
    return luaL_error(L, "%s must be a time, not a %s", what, luaL_typename(L, idx));
}

const char *check_text(lua_State *L, int idx, const char *what)
{
    if (lua_type(L, idx) != LUA_TSTRING)
        luaL_error(L, "%s must be a string, not a %s", what, luaL_typename(L, idx));
    size_t len;
    const char *text = lua_tolstring(L, idx, &len);
    if (strlen(text) != len) luaL_error(L, "%s must not contain a zero byte", what);
    return text;
}

static int buffer_gc(lua_State *L)
{
    strbuf_done(lua_touserdata(L, 1));
    return 0;
}

struct strbuf *push_buffer(lua_State *L, size_t max_bytes)
{
    struct strbuf *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
    strbuf_init(buffer, max_bytes);
    if (luaL_newmetatable(L, "moontide.buffer")) {
        lua_pushcfunction(L, buffer_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buffer;
}

/* "ERR_NOT_FOUND" -> "NotFound": codes read like those of AWS. */
void push_error_code(lua_State *L, int code)
{
    char text[64];
    size_t len = 0;
    const char *at = err_name(code) + strlen("ERR_");
    for (bool first = true; *at && len < sizeof text - 1; at++) {
        if (*at != '_') text[len++] = (char)(first ? *at : tolower((unsigned char)*at));
        first = *at == '_';
    }
    lua_pushlstring(L, text, len);
}

int raise_fault(lua_State *L, const char *function_name, const struct fault *fault)
{
    luaL_checkstack(L, 6, "error");
    push_error_code(L, fault->code);
    const char *message = lua_pushfstring(L, "%s: %s", function_name, fault->text);
    vm_push_error(L, lua_tostring(L, -2), message);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "text"); /* what tostring says */
    lua_pushboolean(L, err_retryable(fault->code));
    lua_setfield(L, -2, "retryable");
    push_error_code(L, fault->code);
    lua_setfield(L, -2, "kind");
    return lua_error(L);
}
