/* bind/decide.c - decide.<kind>{}: what should be true of a resource, checked field by field.
 *
 * The kinds and their fields come from bind/kinds.h; each is looked up when a policy first names
 * it, and stays as it was then. The decision's JSON has durations as seconds and no field that was
 * not stated; where it is carried out, its rails and its verification stand beside it. */
#include "policy_state.h"

#include "fields.h"
#include "moontide/base/hash.h"
#include "moontide/bind/kinds.h"
#include "moontide/tick/rails.h"
#include "moontide/vm/docs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECIDE_JSON_MAX = 64 * 1024, WHAT_MAX = KIND_NAME_MAX + 16, DURATION_MAX_MS = 1000000000 };

/* Every kind takes these besides. */
enum common { REGION, ACCOUNT, RAILS, VERIFY, COMMON_COUNT };
static const struct vm_field common_fields[] = {
    {"region", "string?", "Else the configuration's."},
    {"account", "string?", "A name of the configuration's accounts."},
    {"rails", "rails?", "Of this decision, over the policy's."},
    {"verify", "decide.verify?", "What must become true of the target after the change."},
    {NULL, NULL, NULL}};
static const struct vm_field verify_fields[] = {
    {"within", "duration", "How long it may take."},
    {"check", "string", "A name of the policy's checks; the first true ends it as passed."},
    {"on_failure", "\"alert\"|\"freeze\"|\"revert\"?",
     "\"alert\": an issue, which the others raise too; \"freeze\": the resource rests until "
     "`moontide resume`; \"revert\": its former values are put back as well."},
    {NULL, NULL, NULL}};

static int field_named(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->field_count; i++)
        if (strcmp(kind->fields[i].name, name) == 0) return (int)i;
    return -1;
}

static int common_named(const char *name)
{
    for (int i = 0; i < COMMON_COUNT; i++)
        if (strcmp(common_fields[i].name, name) == 0) return i;
    return -1;
}

static int unknown_field(lua_State *L, const struct kind *kind)
{
    const char *known[KIND_FIELDS_MAX + COMMON_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < kind->field_count; i++)
        known[count++] = kind->fields[i].name;
    for (size_t i = 0; i < COMMON_COUNT; i++)
        known[count++] = common_fields[i].name;
    known[count] = NULL;
    char what[WHAT_MAX];
    snprintf(what, sizeof what, "decide.%s", kind->info.name);
    convert_check_fields(L, 1, what, known);
    return luaL_error(L, "%s takes named fields only, no list of values", what);
}

/* The value is on top of the stack. */
static int wrong(lua_State *L, const struct kind *kind, const char *field, const char *expected)
{
    const char *shown = luaL_tolstring(L, -1, NULL);
    return luaL_error(L, "decide.%s: %s must be %s, not %s", kind->info.name, field, expected,
                      shown);
}

static void push_duration(lua_State *L, const struct kind *kind, const char *field)
{
    int64_t ms = convert_duration_ms(L, -1, field);
    if (ms / 1000 > DURATION_MAX_MS) wrong(L, kind, field, "a duration of at most 30 years");
    lua_pushinteger(L, ms / 1000);
}

/* Pushes the value at the top, checked, in the form it has in `wanted`. */
static void push_checked(lua_State *L, const struct kind *kind, const struct kind_field *field)
{
    int whole = 0;
    int type = lua_type(L, -1);
    switch (field->type) {
    case KIND_STRING:
        if (type != LUA_TSTRING || lua_rawlen(L, -1) == 0)
            wrong(L, kind, field->name, "a string that is not empty");
        break;
    case KIND_NUMBER:
        if (type != LUA_TNUMBER || !isfinite(lua_tonumber(L, -1)))
            wrong(L, kind, field->name, "a number");
        break;
    case KIND_COUNT: {
        lua_Integer count = lua_tointegerx(L, -1, &whole);
        if (type != LUA_TNUMBER || !whole || count < 0 || count > INT32_MAX)
            wrong(L, kind, field->name, "a whole number from 0 to 2147483647");
        lua_pushinteger(L, count);
        return;
    }
    case KIND_DURATION: push_duration(L, kind, field->name); return;
    case KIND_BOOLEAN:
        if (type != LUA_TBOOLEAN) wrong(L, kind, field->name, "true or false");
        break;
    case KIND_TABLE:
        if (type != LUA_TTABLE) wrong(L, kind, field->name, "a table");
        break;
    }
    lua_pushvalue(L, -1);
}

/* verify = { within, check, on_failure }: check names a function of the policy's `checks`. Pushes
 * it as it is stored. */
static void push_verify(lua_State *L, const struct policy *policy, const struct kind *kind)
{
    static const char *const failures[] = {"revert", "freeze", "alert", NULL};
    char what[WHAT_MAX + 16];
    snprintf(what, sizeof what, "decide.%s: verify", kind->info.name);
    if (!lua_istable(L, -1)) wrong(L, kind, "verify", "a table");
    int verify = lua_gettop(L);
    vm_check_fields(L, verify, what, verify_fields);
    lua_createtable(L, 0, 3);
    if (lua_getfield(L, verify, "check") != LUA_TSTRING)
        luaL_error(L, "%s: check must name a function of the policy's checks", what);
    const char *check = lua_tostring(L, -1);
    bool known_check = false;
    if (policy->checks_ref != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, policy->checks_ref);
        lua_pushvalue(L, -2);
        known_check = lua_rawget(L, -2) == LUA_TFUNCTION;
        lua_pop(L, 2);
    }
    if (!known_check) luaL_error(L, "%s: the policy's checks have no function '%s'", what, check);
    lua_setfield(L, verify + 1, "check");
    lua_getfield(L, verify, "within");
    if (lua_isnil(L, -1)) luaL_error(L, "%s: within is missing", what);
    push_duration(L, kind, "within");
    lua_setfield(L, verify + 1, "within");
    lua_settop(L, verify + 1);
    int type = lua_getfield(L, verify, "on_failure");
    if (type == LUA_TNIL) lua_pushliteral(L, "alert");
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    bool found = false;
    for (int i = 0; failures[i]; i++)
        found = found || strcmp(failures[i], text) == 0;
    if (!found) luaL_error(L, "%s: on_failure must be revert, freeze or alert", what);
    lua_setfield(L, verify + 1, "on_failure");
    lua_settop(L, verify + 1);
}

/* ---- the resource's name ---- */

/* The value of one field as a part of the name: text, or the hash of what is no text. */
static void add_part(lua_State *L, luaL_Buffer *b, const char *what)
{
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_addvalue(b);
        return;
    }
    struct strbuf json;
    struct fault fault;
    unsigned char digest[SHA256_BYTES];
    char hex[SHA256_HEX_MAX];
    strbuf_init(&json, DECIDE_JSON_MAX);
    int code = lua_isnil(L, -1) ? OK : convert_to_json(L, -1, what, &json, &fault);
    sha256(strbuf_cstr(&json), json.len, digest);
    strbuf_done(&json);
    if (code < 0) luaL_error(L, "%s", fault.text);
    hex_encode(digest, 8, hex); /* 64 bits: it tells calls of one policy apart */
    lua_pop(L, 1);
    luaL_addstring(b, hex);
}

/* "service/{cluster}/{service}", each with the field's value; of {a|b}, the first that is there. */
const char *decide_push_resource(lua_State *L, const struct kind *kind, int wanted,
                                 const char *what)
{
    const char *at = kind->resource, *before = at, *names;
    size_t len;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    while (kind_placeholder(&at, &names, &len)) {
        luaL_addlstring(&b, before, (size_t)(names - 1 - before));
        before = at;
        for (const char *end = names + len; names < end;) {
            size_t part = 0;
            while (names + part < end && names[part] != '|')
                part++;
            lua_pushlstring(L, names, part);
            lua_rawget(L, wanted);
            names += part + 1;
            if (!lua_isnil(L, -1) || names >= end) break;
            lua_pop(L, 1);
        }
        add_part(L, &b, what);
    }
    luaL_addstring(&b, before);
    luaL_pushresult(&b);
    return lua_tostring(L, -1);
}

/* ---- the statement ---- */

static const char *keep_json(lua_State *L, struct run *run, int idx, const char *what)
{
    struct strbuf json;
    struct fault fault;
    strbuf_init(&json, DECIDE_JSON_MAX);
    int code = convert_to_json(L, idx, what, &json, &fault);
    const char *text = code == OK ? evaluation_text(run->out, strbuf_cstr(&json), json.len) : NULL;
    strbuf_done(&json);
    if (code < 0) luaL_error(L, "%s", fault.text);
    if (!text) luaL_error(L, "the decisions of one evaluation are too long");
    return text;
}

static void check_rails(lua_State *L, const struct kind *kind, const char *json)
{
    struct rail_limits limits;
    struct fault fault;
    rail_limits_default(&limits);
    int code = rail_limits_read(&limits, json, strlen(json), &fault);
    rail_limits_done(&limits);
    if (code < 0) luaL_error(L, "decide.%s: rails: %s", kind->info.name, fault.text);
}

/* One of the fields that every kind has; its value is on top. */
static void take_common(lua_State *L, const struct policy *policy, const struct kind *kind,
                        int which, struct run *run, struct decision *item)
{
    char what[WHAT_MAX + 16];
    snprintf(what, sizeof what, "decide.%s: %s", kind->info.name, common_fields[which].name);
    if (which == VERIFY) {
        push_verify(L, policy, kind);
        item->verify = keep_json(L, run, lua_gettop(L), what);
    } else if (which == RAILS) {
        if (!lua_istable(L, -1)) wrong(L, kind, "rails", "a table");
        item->rails = keep_json(L, run, lua_gettop(L), what);
        check_rails(L, kind, item->rails);
    } else {
        if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0)
            wrong(L, kind, common_fields[which].name, "a string that is not empty");
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        text = run_text(L, run, text, len);
        *(which == REGION ? &item->region : &item->account) = text;
    }
}

/* Pushes the table that becomes `wanted`, and fills what stands beside it. */
static void push_wanted(lua_State *L, const struct policy *policy, const struct kind *kind,
                        struct run *run, struct decision *item)
{
    lua_createtable(L, 0, (int)kind->field_count);
    int wanted = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_settop(L, wanted + 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        int field = field_named(kind, name), which = field < 0 ? common_named(name) : -1;
        if (field < 0 && which < 0) unknown_field(L, kind);
        if (which >= 0) {
            take_common(L, policy, kind, which, run, item);
            continue;
        }
        push_checked(L, kind, &kind->fields[field]);
        lua_setfield(L, wanted, name);
    }
}

static lua_Number number_at(lua_State *L, int wanted, const char *name)
{
    lua_getfield(L, wanted, name);
    lua_Number value = lua_isnil(L, -1) ? (lua_Number)NAN : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

static void check_whole(lua_State *L, const struct kind *kind, int wanted)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        if (!kind->fields[i].required) continue;
        if (lua_getfield(L, wanted, kind->fields[i].name) == LUA_TNIL)
            luaL_error(L, "decide.%s: %s is missing", kind->info.name, kind->fields[i].name);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < kind->ordered_count; i++) {
        const char *low = kind->fields[kind->ordered[i][0]].name;
        const char *high = kind->fields[kind->ordered[i][1]].name;
        lua_Number least = number_at(L, wanted, low), most = number_at(L, wanted, high);
        if (least > most)
            luaL_error(L, "decide.%s: %s = %f is more than %s = %f", kind->info.name, low, least,
                       high, most);
    }
}

/* Upvalues: the policy, the kind. */
static int decide(lua_State *L)
{
    struct policy *policy = policy_of_upvalue(L);
    const struct kind *kind = lua_touserdata(L, lua_upvalueindex(2));
    char what[WHAT_MAX];
    snprintf(what, sizeof what, "decide.%s", kind->info.name);
    struct run *run = policy_running(L, what);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct decision item = {0};
    push_wanted(L, policy, kind, run, &item);
    int wanted = lua_gettop(L);
    check_whole(L, kind, wanted);
    decide_push_resource(L, kind, wanted, what);
    item.resource = run_text(L, run, lua_tostring(L, -1), lua_rawlen(L, -1));
    item.kind = run_text(L, run, kind->info.name, strlen(kind->info.name));
    item.wanted = keep_json(L, run, wanted, what);
    struct decision *decision = evaluation_decision(run->out);
    if (!decision)
        return luaL_error(L, "more than %d decisions in one evaluation", EVALUATION_ITEMS_MAX);
    *decision = item;
    run_statement(run);
    return 0;
}

/* ---- decide, the table ---- */

/* The policy keeps what it was given until it ends. */
static int keep_kind(struct policy *policy, struct kind *kind)
{
    struct kind **kinds = realloc(policy->kinds, (policy->kind_count + 1) * sizeof(struct kind *));
    if (!kinds) {
        kind_release(kind);
        return ERR_NOMEM;
    }
    policy->kinds = kinds;
    kinds[policy->kind_count++] = kind;
    return OK;
}

int policy_take_kind(struct policy *policy, const char *name, struct kind **out,
                     struct fault *fault)
{
    struct kinds *kinds = policy->binding.host->kinds;
    for (size_t i = 0; i < policy->kind_count; i++)
        if (strcmp(policy->kinds[i]->info.name, name) == 0) {
            *out = policy->kinds[i];
            return OK;
        }
    if (!kinds) return fault_set(fault, ERR_NOT_FOUND, "there are no decision kinds here");
    struct kind *kind = NULL;
    int code = kinds_get(kinds, name, policy->dir, &kind, fault);
    if (code < 0) return code;
    code = keep_kind(policy, kind);
    if (code < 0) return fault_set(fault, code, "out of memory");
    *out = kind;
    return OK;
}

/* __index of the table behind `decide`, which keeps what it finds there. Upvalue: the policy. */
static int find_kind(lua_State *L)
{
    struct policy *policy = policy_of_upvalue(L);
    struct fault fault;
    struct kind *kind = NULL;
    const char *name = luaL_tolstring(L, 2, NULL);
    if (policy_take_kind(policy, name, &kind, &fault) < 0) {
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX];
        fault_print(&fault, text, sizeof text);
        return luaL_error(L, "%s", text);
    }
    lua_pushvalue(L, 2);
    lua_pushlightuserdata(L, policy);
    lua_pushlightuserdata(L, kind);
    lua_pushcclosure(L, decide, 2);
    lua_pushvalue(L, -1);
    lua_insert(L, -3);
    lua_rawset(L, 1);
    return 1;
}

static int write_refused(lua_State *L)
{
    return luaL_error(L, "decide is read-only");
}

static const struct vm_function functions[] = {
    {"current", decide_current, "(kind: string, fields: table): table?",
     "The present state of a resource as its kind reads it, in any world; it waits, for collect "
     "and targets. nil when there is no such resource. An error object when it cannot be read."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs decide_docs = {
    DOCS_MODULE,
    "decide",
    DOCS_POLICY,
    "Decisions: decide.<kind> { ... } states what should be true of a resource, inside evaluate. "
    "It may be stated at every tick, and does nothing when nothing differs. The kinds are those of "
    "the binary and the operator's own (policies/lib/kind_<name>.lua).",
    functions,
    NULL};
const struct vm_docs decide_common_docs = {
    DOCS_CLASS,  "decide.common",
    DOCS_POLICY, "What every decision takes besides its kind's fields.",
    NULL,        common_fields};
const struct vm_docs decide_verify_docs = {
    DOCS_CLASS,
    "decide.verify",
    DOCS_POLICY,
    "How a change is judged afterwards. A check that has no data to tell is an issue, and no more.",
    NULL,
    verify_fields};

void policy_open_decide(lua_State *L, struct policy *policy)
{
    lua_newtable(L); /* decide, which stays empty: a kind cannot be replaced */
    lua_createtable(L, 0, 3);
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, policy);
    vm_set_closures(L, functions, 1);
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, policy);
    lua_pushcclosure(L, find_kind, 1);
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
