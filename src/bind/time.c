/* bind/time.c - the Lua module `time`: the time of the world, and times and durations as text.
 *
 * Times are seconds since the epoch, with a fraction; texts are UTC. In a policy, now() is the time
 * of the tick, so that an evaluation answers the same when it is replayed. */
#include "check.h"

#include "moontide/base/timetext.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

#include <string.h>
#include <time.h>

enum { FORMAT_MAX = 256, FORMATTED_MAX = 1024 };

static int push_seconds(lua_State *L, int64_t ms)
{
    lua_pushnumber(L, (double)ms / 1000);
    return 1;
}

static int64_t time_or_now(lua_State *L, int idx, const char *what)
{
    return lua_isnoneornil(L, idx) ? binding_now_ms(binding_of(L)) : check_time_ms(L, idx, what);
}

static int time_now(lua_State *L)
{
    return push_seconds(L, binding_now_ms(binding_of(L)));
}

static int time_iso(lua_State *L)
{
    char text[TIME_TEXT_MAX];
    time_format(time_or_now(L, 1, "time.iso"), text);
    lua_pushstring(L, text);
    return 1;
}

/* nil when text is no time. */
static int time_of_text(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int64_t ms;
    if (time_parse(text, len, &ms) != OK) {
        lua_pushnil(L);
        lua_pushfstring(L, "'%s' is no ISO 8601 time", text);
        return 2;
    }
    return push_seconds(L, ms);
}

static int time_duration(lua_State *L)
{
    return push_seconds(L, convert_duration_ms(L, 1, "time.duration"));
}

/* strftime conversions without a width or a locale of their own; others are not portable. */
static void check_format(lua_State *L, const char *format, size_t len)
{
    luaL_argcheck(L, len < FORMAT_MAX && strlen(format) == len, 2, "too long, or a zero byte");
    for (const char *at = strchr(format, '%'); at; at = strchr(at + 2, '%'))
        if (!at[1] || !strchr("aAbBdeFHIjmMpRSTuUwWyYzZ%GgVD", at[1]))
            luaL_error(L, "time.format: unknown conversion '%%%s'",
                       at[1] ? (char[]){at[1], 0} : "");
}

/* The format was checked by check_format(). */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t format_time(char out[FORMATTED_MAX], const char *format, const struct tm *parts)
{
    return strftime(out, FORMATTED_MAX, format, parts);
}
#pragma GCC diagnostic pop

static int time_format_as(lua_State *L)
{
    int64_t ms = time_or_now(L, 1, "time.format");
    size_t len;
    const char *format = luaL_optlstring(L, 2, "%Y-%m-%d %H:%M:%S", &len);
    check_format(L, format, len);
    time_t seconds = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
    struct tm parts;
    char text[FORMATTED_MAX];
    if (!gmtime_r(&seconds, &parts)) return luaL_argerror(L, 1, "no time");
    parts.tm_zone = "UTC";
    lua_pushlstring(L, text, format_time(text, format, &parts));
    return 1;
}

static const struct vm_function functions[] = {
    {"now", time_now, "(): number",
     "Seconds since the epoch, with a fraction: of the world's clock; in evaluate of the tick, so "
     "that the same input gives the same output."},
    {"iso", time_iso, "(time?: moment): string",
     "A time, or now, as ISO 8601 text in UTC: \"2026-01-31T12:00:00Z\"."},
    {"parse", time_of_text, "(text: string): number?, string?",
     "Seconds since the epoch of an ISO 8601 text; nil and why when it is none."},
    {"duration", time_duration, "(time: duration): number",
     "A duration in seconds: 90 for \"1m30s\". An error when it is none."},
    {"format", time_format_as, "(time?: moment, format?: string): string",
     "A time, or now, by a format of strftime in UTC; \"%Y-%m-%d %H:%M:%S\" without one. An error "
     "for a conversion that is not portable."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs time_docs = {DOCS_MODULE,
                                  "time",
                                  DOCS_ALL,
                                  "The world's time, and times and durations as text. Times are "
                                  "seconds since the epoch, texts are in UTC.",
                                  functions,
                                  NULL};
static const struct vm_field duration_type[] = {{"duration", "string|number", ""},
                                                {NULL, NULL, NULL}};
static const struct vm_field moment_type[] = {{"moment", "number|string", ""}, {NULL, NULL, NULL}};
const struct vm_docs duration_docs = {
    DOCS_ALIAS, "duration",
    DOCS_ALL,   "A length of time: \"90s\", \"5m\", \"1h30m\", \"2d\", or a number of seconds.",
    NULL,       duration_type};
const struct vm_docs moment_docs = {DOCS_ALIAS,
                                    "moment",
                                    DOCS_ALL,
                                    "A point in time: seconds since the epoch, ISO 8601 text, or a "
                                    "duration as text, which means that long ago.",
                                    NULL,
                                    moment_type};

int open_time(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
