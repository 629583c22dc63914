/* bind/kinds_declare.c - kind{}: the table that a kind's file returns becomes a struct kind, every
 * field of it checked. */
#include "kinds_state.h"

#include "fields.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct vm_field kind_fields[] = {
    {"name", "string", "As in the file's name: kind_<name>.lua."},
    {"doc", "string?", "One line for people."},
    {"event", "string?", "Begins its log events; the name."},
    {"resource", "string",
     "Names what is decided: \"queue/{queue}\", each {field} a required string, {a|b} the first "
     "that is there."},
    {"fields", "kind.field[]", "What decide.<name> takes, 1 to 24."},
    {"capacities", "string[]?",
     "At most two fields that are a capacity: rails give them a direction, and may clip them."},
    {"ordered", "string[][]?", "Pairs of fields of which the first may not exceed the second."},
    {"read", "(fun(list: kind.item[], at: kind.place))?",
     "Sets item.current, or item.missing, of each item; waits. Without it nothing can be "
     "compared."},
    {"diff", "(fun(wanted: table, current: table): kind.change[])?",
     "What differs; pure. By default each field that was stated and is not the same in current."},
    {"check",
     "(fun(wanted: table, current: table, changes: kind.change[], at: kind.place): kind.verdict?)?",
     "Whether it can be done; waits."},
    {"apply", "fun(wanted: table, current: table, changes: kind.change[], at: kind.place)",
     "Makes the changes, and no other; waits."},
    {"simulate", "(fun(wanted: table, current: table, changes: kind.change[]): table)?",
     "What read would answer afterwards; pure. By default each changed field has its new value."},
    {NULL, NULL, NULL}};
static const struct vm_field field_fields[] = {
    {"name", "string", "Letters, digits and '_'."},
    {"type", "\"string\"|\"number\"|\"count\"|\"duration\"|\"boolean\"|\"table\"",
     "count: a whole number from 0; duration arrives in seconds."},
    {"required", "boolean?", "Whether a decision must state it."},
    {"doc", "string?", "One line for people."},
    {"compare", "boolean?", "false: it says how, and is nothing that can differ."},
    {"names", "boolean?", "Set by moontide: whether it names the resource."},
    {NULL, NULL, NULL}};
static const char *const type_names[] = {"string",  "number", "count", "duration",
                                         "boolean", "table",  NULL};

const struct vm_docs kind_fields_docs = {DOCS_CLASS,         "kind.fields", DOCS_KIND,
                                         "A decision kind.", NULL,          kind_fields};
const struct vm_docs kind_field_docs = {
    DOCS_CLASS, "kind.field", DOCS_KIND, "A field that decide.<name> takes.", NULL, field_fields};

/* kind{}: answers its argument, so that a file reads like what it is. */
int kind_declare(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    vm_check_fields(L, 1, "kind", kind_fields);
    return 1;
}

static char *copy(lua_State *L, const char *text)
{
    char *made = strdup(text);
    if (!made) luaL_error(L, "out of memory");
    return made;
}

/* A text field of the table at idx; "" when it is absent and may be. */
static char *take_text(lua_State *L, int idx, const char *what, const char *field, bool required)
{
    int type = lua_getfield(L, idx, field);
    if (type == LUA_TNIL && required) luaL_error(L, "%s: %s is missing", what, field);
    if (type != LUA_TNIL && (type != LUA_TSTRING || lua_rawlen(L, -1) == 0))
        luaL_error(L, "%s: %s must be a string that is not empty", what, field);
    char *text = copy(L, type == LUA_TNIL ? "" : lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

static bool is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) || strlen(text) >= KIND_NAME_MAX) return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_') return false;
    return true;
}

static enum kind_type take_type(lua_State *L, int idx, const char *field)
{
    if (lua_getfield(L, idx, "type") != LUA_TSTRING)
        luaL_error(L, "kind: field '%s' has no type", field);
    const char *text = lua_tostring(L, -1);
    int type = 0;
    while (type_names[type] && strcmp(type_names[type], text) != 0)
        type++;
    if (!type_names[type])
        luaL_error(L, "kind: field '%s': there is no type '%s'%s", field, text,
                   fields_hint(text, type_names).text);
    lua_pop(L, 1);
    return (enum kind_type)type;
}

static bool take_flag(lua_State *L, int idx, const char *field, const char *name)
{
    int type = lua_getfield(L, idx, name);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        luaL_error(L, "kind: field '%s': %s must be true or false", field, name);
    bool flag = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static size_t field_index(const struct kind *kind, const char *name, size_t len)
{
    size_t i = 0;
    while (i < kind->field_count &&
           (strlen(kind->fields[i].name) != len || strncmp(kind->fields[i].name, name, len) != 0))
        i++;
    return i;
}

static void read_field(lua_State *L, struct kind *kind)
{
    static const char *const common[] = {"region", "account", "rails", "verify"};
    int at = lua_gettop(L);
    if (!lua_istable(L, at))
        luaL_error(L, "kind: fields must be a list of { name = ..., type = ... }");
    vm_check_fields(L, at, "kind: field", field_fields);
    struct kind_field *field = &kind->fields[kind->field_count];
    field->name = take_text(L, at, "kind: a field", "name", true);
    kind->field_count++;
    for (size_t i = 0; i < COUNT_OF(common); i++)
        if (strcmp(field->name, common[i]) == 0)
            luaL_error(L, "kind: every kind has a field '%s' already", field->name);
    if (!is_name(field->name)) luaL_error(L, "kind: '%s' is no name of a field", field->name);
    if (field_index(kind, field->name, strlen(field->name)) + 1 < kind->field_count)
        luaL_error(L, "kind: two fields are named '%s'", field->name);
    field->type = take_type(L, at, field->name);
    field->required = take_flag(L, at, field->name, "required");
    (void)take_flag(L, at, field->name, "compare");
    field->doc = take_text(L, at, "kind: a field", "doc", false);
    lua_settop(L, at);
}

static void read_fields(lua_State *L, int idx, struct kind *kind)
{
    if (lua_getfield(L, idx, "fields") != LUA_TTABLE)
        luaL_error(L, "kind: fields must be a list of { name = ..., type = ... }");
    size_t count = lua_rawlen(L, -1);
    if (count == 0 || count > KIND_FIELDS_MAX)
        luaL_error(L, "kind: from 1 to %d fields", KIND_FIELDS_MAX);
    kind->fields = calloc(count + 1, sizeof *kind->fields);
    if (!kind->fields) luaL_error(L, "out of memory");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        read_field(L, kind);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* The index of the number field that the value on top names. */
static size_t named_number(lua_State *L, const struct kind *kind, const char *where)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    size_t i = field_index(kind, name, strlen(name));
    if (i == kind->field_count ||
        (kind->fields[i].type != KIND_COUNT && kind->fields[i].type != KIND_NUMBER))
        luaL_error(L, "kind: %s: '%s' is no field of type count or number", where, name);
    return i;
}

static void read_capacities(lua_State *L, int idx, struct kind *kind)
{
    if (lua_getfield(L, idx, "capacities") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) > CAPACITIES_MAX)
        luaL_error(L, "kind: capacities must be a list of at most %d fields", CAPACITIES_MAX);
    size_t count = lua_rawlen(L, -1);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        size_t field = named_number(L, kind, "capacities");
        if (strlen(kind->fields[field].name) >= CAPACITY_FIELD_MAX)
            luaL_error(L, "kind: capacities: '%s' is too long", kind->fields[field].name);
        kind->capacities[kind->capacity_count++] = field;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_ordered(lua_State *L, int idx, struct kind *kind)
{
    if (lua_getfield(L, idx, "ordered") == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) > KIND_PAIRS_MAX)
        luaL_error(L, "kind: ordered must be a list of at most %d pairs of fields", KIND_PAIRS_MAX);
    size_t count = lua_rawlen(L, -1);
    for (size_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TTABLE)
            luaL_error(L, "kind: ordered must be a list of pairs: { { \"min\", \"max\" } }");
        for (int side = 0; side < 2; side++) {
            lua_rawgeti(L, -1, side + 1);
            kind->ordered[i][side] = named_number(L, kind, "ordered");
            lua_pop(L, 1);
        }
        kind->ordered_count++;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

bool kind_placeholder(const char **at, const char **names, size_t *len)
{
    const char *open = strchr(*at, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    if (!close) return false;
    *names = open + 1;
    *len = (size_t)(close - open) - 1;
    *at = close + 1;
    return true;
}

/* Each {field} must be a required string, or {a|b}: of these the first that was stated, by its
 * value or, for a table, a hash of it. Marks them in the table, for the comparison. */
static void check_resource(lua_State *L, int idx, const struct kind *kind)
{
    const char *at = kind->resource, *names;
    size_t len;
    int found = 0;
    lua_getfield(L, idx, "fields");
    while (kind_placeholder(&at, &names, &len)) {
        bool choice = memchr(names, '|', len) != NULL;
        for (const char *end = names + len; names <= end;) {
            size_t part = 0;
            while (names + part < end && names[part] != '|')
                part++;
            size_t i = field_index(kind, names, part);
            if (i == kind->field_count)
                luaL_error(L, "kind: resource names '%s', which is no field",
                           lua_pushlstring(L, names, part));
            const struct kind_field *field = &kind->fields[i];
            if (!choice && (field->type != KIND_STRING || !field->required))
                luaL_error(L, "kind: resource: '%s' must be a required string", field->name);
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            lua_pushboolean(L, true);
            lua_setfield(L, -2, "names");
            lua_pop(L, 1);
            names += part + 1;
        }
        found++;
    }
    if (found == 0) luaL_error(L, "kind: resource names no field: \"queue/{queue}\"");
    lua_pop(L, 1);
}

static bool has_function(lua_State *L, int idx, const char *name, bool required)
{
    int type = lua_getfield(L, idx, name);
    if (type == LUA_TNIL && required) luaL_error(L, "kind: %s is missing", name);
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        luaL_error(L, "kind: %s must be a function, not a %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

void kind_read_table(lua_State *L, int idx, struct kind *out)
{
    luaL_checkstack(L, 20, "kind");
    vm_check_fields(L, idx, "kind", kind_fields);
    out->info.name = take_text(L, idx, "kind", "name", true);
    out->info.event = take_text(L, idx, "kind", "event", false);
    out->doc = take_text(L, idx, "kind", "doc", false);
    out->resource = take_text(L, idx, "kind", "resource", true);
    if (!is_name(out->info.name)) luaL_error(L, "kind: '%s' is no name", out->info.name);
    if (!*out->info.event) {
        free((char *)(uintptr_t)out->info.event);
        out->info.event = NULL;
        out->info.event = copy(L, out->info.name);
    }
    read_fields(L, idx, out);
    read_capacities(L, idx, out);
    read_ordered(L, idx, out);
    check_resource(L, idx, out);
    out->info.reads = has_function(L, idx, "read", false);
    (void)has_function(L, idx, "diff", !out->info.reads);
    (void)has_function(L, idx, "check", false);
    (void)has_function(L, idx, "apply", true);
    (void)has_function(L, idx, "simulate", false);
}

void kind_free_fields(struct kind *kind)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        free(kind->fields[i].name);
        free(kind->fields[i].doc);
    }
    free(kind->fields);
    free((char *)(uintptr_t)kind->info.name);
    free((char *)(uintptr_t)kind->info.event);
    free(kind->doc);
    free(kind->resource);
    free(kind->file);
}
