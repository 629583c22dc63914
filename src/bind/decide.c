/* bind/decide.c - decide.<kind>{}: what should be true of a resource, checked field by field.
 *
 * The kinds and their fields stand in one table here; carrying a decision out is the kind's own
 * business. The decision's JSON has durations as seconds and no field that was not stated. */
#include "policy_state.h"

#include "fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum decide_type {
    DECIDE_STRING,
    DECIDE_NUMBER,
    DECIDE_COUNT, /* a whole number, 0 or more */
    DECIDE_DURATION,
    DECIDE_BOOLEAN,
    DECIDE_TABLE,
};

enum { DECIDE_FIELDS_MAX = 12, DECIDE_JSON_MAX = 64 * 1024 };

struct decide_field {
    const char *name;
    enum decide_type type;
    bool required;
};

struct decide_kind {
    const char *name;
    const char *resource; /* "service/%/%": each % is the next of the fields, in order */
    struct decide_field fields[DECIDE_FIELDS_MAX];
};

/* The fields that name the resource come first. */
static const struct decide_kind kinds[] = {
    {"ecs_autoscaling",
     "service/%/%",
     {{"cluster", DECIDE_STRING, true},
      {"service", DECIDE_STRING, true},
      {"metric", DECIDE_STRING, false},
      {"target", DECIDE_NUMBER, true},
      {"min", DECIDE_COUNT, true},
      {"max", DECIDE_COUNT, true},
      {"scale_out_cooldown", DECIDE_DURATION, false},
      {"scale_in_cooldown", DECIDE_DURATION, false},
      {"disable_scale_in", DECIDE_BOOLEAN, false},
      {"resource_label", DECIDE_STRING, false},
      {"customized", DECIDE_TABLE, false}}},
    {"ecs_desired_count",
     "service/%/%",
     {{"cluster", DECIDE_STRING, true},
      {"service", DECIDE_STRING, true},
      {"count", DECIDE_COUNT, true},
      {"min", DECIDE_COUNT, false},
      {"max", DECIDE_COUNT, false}}},
    {"rds_instance",
     "db/%",
     {{"instance", DECIDE_STRING, true},
      {"class", DECIDE_STRING, false},
      {"allocated_storage", DECIDE_COUNT, false},
      {"max_allocated_storage", DECIDE_COUNT, false},
      {"autoscale_storage", DECIDE_BOOLEAN, false},
      {"apply_immediately", DECIDE_BOOLEAN, false}}},
    {"cache_parameters",
     "parameter-group/%",
     {{"group", DECIDE_STRING, true}, {"parameters", DECIDE_TABLE, true}}},
    {"call",
     "%:%",
     {{"service", DECIDE_STRING, true},
      {"operation", DECIDE_STRING, true},
      {"params", DECIDE_TABLE, false},
      {"idempotency_key", DECIDE_STRING, false}}},
};

/* Every kind takes these. region and account say where, and are fields of the decision; rails and
 * verify stay in `wanted`, where the one who carries it out reads them. */
static const struct decide_field common[] = {
    {"region", DECIDE_STRING, false},
    {"account", DECIDE_STRING, false},
    {"rails", DECIDE_TABLE, false},
    {"verify", DECIDE_TABLE, false},
};

static const struct decide_field *field_named(const struct decide_kind *kind, const char *name)
{
    for (size_t i = 0; i < DECIDE_FIELDS_MAX && kind->fields[i].name; i++)
        if (strcmp(kind->fields[i].name, name) == 0) return &kind->fields[i];
    for (size_t i = 0; i < COUNT_OF(common); i++)
        if (strcmp(common[i].name, name) == 0) return &common[i];
    return NULL;
}

static void unknown_field(lua_State *L, const struct decide_kind *kind)
{
    const char *known[DECIDE_FIELDS_MAX + COUNT_OF(common) + 1];
    size_t count = 0;
    for (size_t i = 0; i < DECIDE_FIELDS_MAX && kind->fields[i].name; i++)
        known[count++] = kind->fields[i].name;
    for (size_t i = 0; i < COUNT_OF(common); i++)
        known[count++] = common[i].name;
    known[count] = NULL;
    char what[64];
    snprintf(what, sizeof what, "decide.%s", kind->name);
    convert_check_fields(L, 1, what, known);
    luaL_error(L, "%s takes named fields only, no list of values", what);
}

static int wrong(lua_State *L, const struct decide_kind *kind, const struct decide_field *field,
                 const char *expected)
{
    const char *shown = luaL_tolstring(L, -1, NULL);
    return luaL_error(L, "decide.%s: %s must be %s, not %s", kind->name, field->name, expected,
                      shown);
}

/* Pushes the value at the top, checked, in the form it has in `wanted`. */
static void push_checked(lua_State *L, const struct decide_kind *kind,
                         const struct decide_field *field)
{
    int whole = 0;
    int type = lua_type(L, -1);
    switch (field->type) {
    case DECIDE_STRING:
        if (type != LUA_TSTRING || lua_rawlen(L, -1) == 0)
            wrong(L, kind, field, "a string that is not empty");
        lua_pushvalue(L, -1);
        return;
    case DECIDE_NUMBER:
        if (type != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1)))
            wrong(L, kind, field, "a number");
        lua_pushvalue(L, -1);
        return;
    case DECIDE_COUNT: {
        lua_Integer count = lua_tointegerx(L, -1, &whole);
        if (type != LUA_TNUMBER || !whole || count < 0 || count > INT32_MAX)
            wrong(L, kind, field, "a whole number from 0 to 2147483647");
        lua_pushinteger(L, count);
        return;
    }
    case DECIDE_DURATION: {
        int64_t ms = convert_duration_ms(L, -1, field->name);
        lua_pushinteger(L, ms / 1000);
        return;
    }
    case DECIDE_BOOLEAN:
        if (type != LUA_TBOOLEAN) wrong(L, kind, field, "true or false");
        lua_pushvalue(L, -1);
        return;
    case DECIDE_TABLE:
        if (type != LUA_TTABLE) wrong(L, kind, field, "a table");
        lua_pushvalue(L, -1);
        return;
    }
}

/* verify = { within, check, on_failure }: check names a function of the policy's `checks`. */
static void check_verify(lua_State *L, const struct policy *policy, const char *kind)
{
    static const char *const known[] = {"within", "check", "on_failure", NULL};
    static const char *const failures[] = {"revert", "freeze", "alert", NULL};
    char what[64];
    snprintf(what, sizeof what, "decide.%s: verify", kind);
    int verify = lua_gettop(L);
    convert_check_fields(L, verify, what, known);
    lua_getfield(L, verify, "within");
    (void)convert_duration_ms(L, -1, "within");
    if (lua_getfield(L, verify, "on_failure") != LUA_TNIL) {
        const char *text = lua_tostring(L, -1);
        bool found = false;
        for (int i = 0; failures[i]; i++)
            found = found || (text && strcmp(failures[i], text) == 0);
        if (!found) luaL_error(L, "%s: on_failure must be revert, freeze or alert", what);
    }
    if (lua_getfield(L, verify, "check") != LUA_TSTRING)
        luaL_error(L, "%s: check must name a function of the policy's checks", what);
    const char *check = lua_tostring(L, -1);
    bool known_check = false;
    if (policy->checks_ref != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->checks_ref);
        lua_pushvalue(L, -2);
        known_check = lua_rawget(L, -2) == LUA_TFUNCTION;
    }
    if (!known_check) luaL_error(L, "%s: the policy's checks have no function '%s'", what, check);
    lua_settop(L, verify);
}

/* "service/%/%" with the first fields of the kind, which are required strings. */
static const char *push_resource(lua_State *L, const struct decide_kind *kind, int wanted)
{
    luaL_Buffer b;
    const struct decide_field *field = kind->fields;
    luaL_buffinit(L, &b);
    for (const char *at = kind->resource; *at; at++) {
        if (*at != '%') {
            luaL_addchar(&b, *at);
            continue;
        }
        lua_getfield(L, wanted, field->name);
        luaL_addvalue(&b);
        field++;
    }
    luaL_pushresult(&b);
    return lua_tostring(L, -1);
}

static const char *optional_text(lua_State *L, struct run *run, const char *field)
{
    const char *text = NULL;
    size_t len;
    if (lua_getfield(L, 1, field) == LUA_TSTRING) {
        text = lua_tolstring(L, -1, &len);
        text = run_text(L, run, text, len);
    }
    lua_pop(L, 1);
    return text;
}

/* Pushes the table that becomes `wanted`. */
static void push_wanted(lua_State *L, const struct policy *policy, const struct decide_kind *kind)
{
    lua_newtable(L);
    int wanted = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_settop(L, wanted + 1)) {
        const struct decide_field *field =
            lua_type(L, -2) == LUA_TSTRING ? field_named(kind, lua_tostring(L, -2)) : NULL;
        if (!field) unknown_field(L, kind);
        if (strcmp(field->name, "verify") == 0 && lua_istable(L, -1))
            check_verify(L, policy, kind->name);
        push_checked(L, kind, field);
        if (strcmp(field->name, "region") == 0 || strcmp(field->name, "account") == 0) continue;
        lua_setfield(L, wanted, field->name);
    }
    for (size_t i = 0; i < DECIDE_FIELDS_MAX && kind->fields[i].name; i++) {
        if (!kind->fields[i].required) continue;
        if (lua_getfield(L, wanted, kind->fields[i].name) == LUA_TNIL)
            luaL_error(L, "decide.%s: %s is missing", kind->name, kind->fields[i].name);
        lua_pop(L, 1);
    }
}

/* Upvalues: the policy, the kind. */
static int decide(lua_State *L)
{
    struct policy *policy = policy_of_upvalue(L);
    const struct decide_kind *kind = lua_touserdata(L, lua_upvalueindex(2));
    char what[64];
    snprintf(what, sizeof what, "decide.%s", kind->name);
    struct run *run = policy_running(L, what);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    push_wanted(L, policy, kind);
    int wanted = lua_gettop(L);
    push_resource(L, kind, wanted);

    struct strbuf json;
    struct fault fault;
    strbuf_init(&json, DECIDE_JSON_MAX);
    int code = convert_to_json(L, wanted, what, &json, &fault);
    const char *text = code == OK ? evaluation_text(run->out, strbuf_cstr(&json), json.len) : NULL;
    strbuf_done(&json);
    if (code < 0) return luaL_error(L, "%s", fault.text);
    if (!text) return luaL_error(L, "the decisions of one evaluation are too long");

    struct decision item = {.kind = kind->name, .wanted = text};
    item.resource = run_text(L, run, lua_tostring(L, -1), lua_rawlen(L, -1));
    item.region = optional_text(L, run, "region");
    item.account = optional_text(L, run, "account");
    struct decision *decision = evaluation_decision(run->out);
    if (!decision)
        return luaL_error(L, "more than %d decisions in one evaluation", EVALUATION_ITEMS_MAX);
    *decision = item;
    run_statement(run);
    return 0;
}

static int unknown_kind(lua_State *L)
{
    const char *names[COUNT_OF(kinds) + 1] = {NULL};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        names[i] = kinds[i].name;
    const char *name = luaL_tolstring(L, 2, NULL);
    return luaL_error(L, "there is no decision kind '%s'%s", name, fields_hint(name, names).text);
}

static int write_refused(lua_State *L)
{
    return luaL_error(L, "decide is read-only");
}

void policy_open_decide(lua_State *L, struct policy *policy)
{
    lua_newtable(L); /* decide, which stays empty: a kind cannot be replaced */
    lua_createtable(L, 0, 3);
    lua_createtable(L, 0, (int)COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        lua_pushlightuserdata(L, policy);
        lua_pushlightuserdata(L, (void *)&kinds[i]);
        lua_pushcclosure(L, decide, 2);
        lua_setfield(L, -2, kinds[i].name);
    }
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_kind);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, write_refused);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "decide");
}
