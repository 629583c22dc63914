/* bind/log.c - the Lua module `log`: log.info("cache.warmed", { keys = 12 }) is an event with
 * fields; a text that is no event name becomes the field `text` of policy.log or script.log. */
#include "check.h"

#include "moontide/base/log.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 32, JSON_BYTES_MAX = 16 * 1024, OWN_FIELDS = 3 /* policy, text, the end */ };

static bool is_event_name(const char *text, size_t len)
{
    return len > 0 && memchr(text, '.', len) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

static int by_key(const void *a, const void *b)
{
    const struct log_field *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* The JSON of the value at idx; the buffer that holds it is pushed. */
static const char *json_text(lua_State *L, int idx, const char *key)
{
    struct fault fault;
    struct strbuf *json = push_buffer(L, JSON_BYTES_MAX);
    if (convert_to_json(L, idx, key, json, &fault) != OK) luaL_error(L, "log: %s", fault.text);
    return strbuf_cstr(json);
}

/* Reads the value on top of the stack, which stays there for as long as the field is used. */
static struct log_field check_field(lua_State *L, const char *key)
{
    int idx = lua_gettop(L);
    switch (lua_type(L, idx)) {
    case LUA_TBOOLEAN: return LOG_B(key, lua_toboolean(L, idx) != 0);
    case LUA_TNUMBER:
        return lua_isinteger(L, idx) ? LOG_I(key, lua_tointeger(L, idx))
                                     : LOG_N(key, lua_tonumber(L, idx));
    case LUA_TSTRING: return LOG_S(key, lua_tostring(L, idx));
    case LUA_TTABLE:
        if (!luaL_getmetafield(L, idx, "__tostring")) return LOG_S(key, json_text(L, idx, key));
        lua_pop(L, 1);
        break;
    default: break;
    }
    return LOG_S(key, luaL_tolstring(L, idx, NULL));
}

static size_t check_fields(lua_State *L, int idx, struct log_field *fields)
{
    size_t count = 0;
    luaL_checkstack(L, FIELDS_MAX * 3, "log fields");
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "log: the name of a field is a string");
        if (count == FIELDS_MAX) luaL_error(L, "log: more than %d fields", FIELDS_MAX);
        int key_idx = lua_gettop(L) - 1;
        fields[count++] = check_field(L, lua_tostring(L, key_idx));
        lua_pushvalue(L, key_idx);
    }
    qsort(fields, count, sizeof *fields, by_key);
    return count;
}

static bool has(const struct log_field *fields, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i].key, key) == 0) return true;
    return false;
}

static int write_event(lua_State *L, enum log_level level)
{
    struct log_field given[FIELDS_MAX], fields[FIELDS_MAX + OWN_FIELDS];
    size_t len, count = 0, total = 0;
    const char *event = luaL_checklstring(L, 1, &len);
    bool named = is_event_name(event, len);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) luaL_checktype(L, 2, LUA_TTABLE);
    if (!log_enabled(level)) return 0;
    if (!lua_isnil(L, 2)) count = check_fields(L, 2, given);

    const char *policy = binding_of(L)->policy;
    if (policy && !has(given, count, "policy")) fields[total++] = LOG_S("policy", policy);
    if (!named && !has(given, count, "text")) fields[total++] = LOG_S("text", event);
    for (size_t i = 0; i < count; i++)
        fields[total++] = given[i];
    fields[total] = LOG_END;
    log_fields(level, named ? event : policy ? "policy.log" : "script.log", fields);
    return 0;
}

static int log_debug(lua_State *L)
{
    return write_event(L, LOG_DEBUG);
}

static int log_info(lua_State *L)
{
    return write_event(L, LOG_INFO);
}

static int log_warn(lua_State *L)
{
    return write_event(L, LOG_WARN);
}

static int log_error(lua_State *L)
{
    return write_event(L, LOG_ERROR);
}

static const struct vm_function functions[] = {
    {"debug", log_debug, "(event: string, fields?: table<string, any>)",
     "Writes an event of level debug. A name such as \"cache.warmed\" (lower case, with a point) "
     "is the event's own; another text becomes the field text of policy.log or script.log. Fields "
     "are numbers, texts, booleans, or tables as JSON, at most 32."},
    {"info", log_info, "(event: string, fields?: table<string, any>)",
     "Writes an event of level info. A name such as \"cache.warmed\" (lower case, with a point) is "
     "the event's own; another text becomes the field text of policy.log or script.log. Fields are "
     "numbers, texts, booleans, or tables as JSON, at most 32."},
    {"warn", log_warn, "(event: string, fields?: table<string, any>)",
     "Writes an event of level warn. A name such as \"cache.warmed\" (lower case, with a point) is "
     "the event's own; another text becomes the field text of policy.log or script.log. Fields are "
     "numbers, texts, booleans, or tables as JSON, at most 32."},
    {"error", log_error, "(event: string, fields?: table<string, any>)",
     "Writes an event of level error. A name such as \"cache.warmed\" (lower case, with a point) "
     "is the event's own; another text becomes the field text of policy.log or script.log. Fields "
     "are numbers, texts, booleans, or tables as JSON, at most 32."},
    {NULL, NULL, NULL, NULL}};

const struct vm_docs log_docs = {DOCS_MODULE, "log", DOCS_ALL, "The log of moontide.",
                                 functions,   NULL};

int open_log(lua_State *L)
{
    vm_new_library(L, functions);
    return 1;
}
