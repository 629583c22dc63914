/* bind/policy_fields.c - policy{}: reads the one table that a policy file returns, and tells all
 * that is wrong with it at once. */
#include "policy_state.h"

#include "fields.h"
#include "moontide/base/nearest.h"
#include "rails.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_LEN_MAX = 100,
    DISCOVER_DEFAULT_MS = 10 * 60 * 1000,
    EVERY_DEFAULT_MS = 60 * 1000,
    RAILS_JSON_MAX = 64 * 1024,
};

static const char *const policy_known[] = {
    "name",    "doc",      "every", "mode",       "targets", "discover", "metrics",
    "collect", "evaluate", "rails", "depends_on", "checks",  NULL};

/* A name is said on command lines and keys tables: no spaces or slashes in it. */
static void read_name(struct fields *f, struct policy *policy)
{
    const char *name = fields_string(f, "name", REQUIRED);
    if (!name) return;
    bool valid = strlen(name) <= NAME_LEN_MAX;
    for (const char *c = name; *c; c++)
        valid = valid && (isalnum((unsigned char)*c) || strchr("_-.", *c));
    if (!valid) {
        fields_fault(f, "name", "name '%s' may have letters, digits, '_', '-' and '.' only", name);
        return;
    }
    policy->name = strdup(name);
    if (!policy->name) luaL_error(f->L, "out of memory");
}

static int keep_field(struct fields *f, const char *field, unsigned allowed, const char *expected)
{
    if (fields_push(f, field, allowed, expected) == LUA_TNIL) return LUA_NOREF;
    return luaL_ref(f->L, LUA_REGISTRYINDEX);
}

static void check_checks(struct fields *f)
{
    if (fields_push(f, "checks", 1 << LUA_TTABLE, "a table of functions") == LUA_TNIL) return;
    lua_State *L = f->L;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1))
            fields_fault(f, "checks", "checks must be a table of named functions");
    lua_pop(L, 1);
}

static void read_depends_on(struct fields *f, struct policy *policy)
{
    if (fields_push(f, "depends_on", 1 << LUA_TTABLE, "a list of policy names") == LUA_TNIL) return;
    lua_State *L = f->L;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (!lua_isinteger(L, -2) || lua_type(L, -1) != LUA_TSTRING)
            fields_fault(f, "depends_on", "depends_on must be a list of policy names");
    size_t count = lua_rawlen(L, -1);
    policy->depends_on = calloc(count + 1, sizeof *policy->depends_on);
    if (!policy->depends_on) luaL_error(L, "out of memory");
    for (size_t i = 0, kept = 0; i < count; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) == LUA_TSTRING) {
            policy->depends_on[kept] = strdup(lua_tostring(L, -1));
            if (!policy->depends_on[kept++]) luaL_error(L, "out of memory");
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* What is in it is the rails' business. */
static void read_rails(struct fields *f, struct policy *policy)
{
    struct rail_limits limits;
    bool failed = f->failed;
    f->failed = false;
    rail_limits_default(&limits);
    fields_rails(f, "policy: rails", &limits);
    rail_limits_done(&limits);
    bool wrong = f->failed;
    f->failed = failed || wrong;
    if (wrong || fields_push(f, "rails", 1 << LUA_TTABLE, "a table") == LUA_TNIL) return;
    struct strbuf json;
    struct fault fault;
    strbuf_init(&json, RAILS_JSON_MAX);
    int code = convert_to_json(f->L, -1, "rails", &json, &fault);
    policy->rails = code == OK ? strbuf_take(&json, NULL) : NULL;
    strbuf_done(&json);
    lua_pop(f->L, 1);
    if (code < 0)
        fields_fault(f, "rails", "%s", fault.text);
    else if (!policy->rails)
        luaL_error(f->L, "out of memory");
}

static void read_schedule(struct fields *f, struct policy *policy)
{
    policy->info.every_ms = fields_duration(f, "every", OPTIONAL, EVERY_DEFAULT_MS);
    if (policy->info.every_ms < POLICY_EVERY_MIN_MS)
        fields_fault(f, "every", "every must be at least 1 s");
    policy->info.discover_ms = fields_duration(f, "discover", OPTIONAL, DISCOVER_DEFAULT_MS);
    if (policy->info.discover_ms < POLICY_EVERY_MIN_MS)
        fields_fault(f, "discover", "discover must be at least 1 s");
    int mode = fields_choice(f, "mode", mode_names, -1);
    policy->info.has_mode = mode >= 0;
    policy->info.mode = mode >= 0 ? (enum policy_mode)mode : MODE_RECOMMEND;
}

static void read_functions(struct fields *f, struct policy *policy)
{
    enum { FUNCTION = 1 << LUA_TFUNCTION, TABLE = 1 << LUA_TTABLE };
    lua_State *L = f->L;
    policy->targets_ref = keep_field(f, "targets", FUNCTION | TABLE, "a list or a function");
    if (policy->targets_ref != LUA_NOREF) {
        policy->targets_wait =
            lua_rawgeti(L, LUA_REGISTRYINDEX, policy->targets_ref) == LUA_TFUNCTION;
        lua_pop(L, 1);
    }
    if (!policy->targets_wait) policy->info.discover_ms = 0; /* a list stays what it is */
    policy->metrics_ref = keep_field(f, "metrics", FUNCTION, "a function");
    policy->collect_ref = keep_field(f, "collect", FUNCTION, "a function");
    policy->evaluate_ref = keep_field(f, "evaluate", FUNCTION, "a function");
    policy->checks_ref = keep_field(f, "checks", TABLE, "a table of functions");
    policy->info.has_collect = policy->collect_ref != LUA_NOREF;
    lua_getfield(L, f->at, "evaluate");
    if (lua_isnil(L, -1)) fields_finding(f, "E-missing-field", NULL, "evaluate is missing");
    lua_pop(L, 1);
}

static int bind_policy(lua_State *L)
{
    struct policy *policy = policy_of_upvalue(L);
    if (!policy->loading) return luaL_error(L, "policy{} belongs at the end of a policy file");
    if (policy->given) return luaL_error(L, "a file holds one policy{}");
    struct fields fields;
    fields_of_call(&fields, L, 1, "policy", "policy");
    policy->given = true;
    lua_settop(L, 1);
    fields_known(&fields, policy_known);
    read_name(&fields, policy);
    const char *doc = fields_string(&fields, "doc", OPTIONAL);
    policy->doc = strdup(doc ? doc : "");
    if (!policy->doc) return luaL_error(L, "out of memory");
    read_schedule(&fields, policy);
    read_functions(&fields, policy);
    check_checks(&fields);
    read_depends_on(&fields, policy);
    read_rails(&fields, policy);
    lua_pushvalue(L, 1);
    policy->spec_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
}

void policy_open_fields(lua_State *L, struct policy *policy)
{
    lua_pushlightuserdata(L, policy);
    lua_pushcclosure(L, bind_policy, 1);
    lua_setglobal(L, "policy");
}
