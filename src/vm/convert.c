/* vm/convert.c - Lua values to JSON text and back, and checks of arguments that bindings share.
 *
 * Both directions run inside a protected call of their own, so that a memory error releases what C
 * holds. Keys are sorted by bytes: equal tables give equal text. A float without a fraction is
 * written with ".0", so that it comes back as a float. */
#include "moontide/vm/convert.h"

#include "state.h"

#include "moontide/base/json.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/vm/build.h"
#include "moontide/vm/docs.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { STRING_MAX = 16 << 20, PATH_MAX_BYTES = 400 };

static const char ARRAY_TYPE[] = "moontide.array";
static const char null_tag;

void convert_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_tag);
}

bool convert_is_null(lua_State *L, int idx)
{
    return lua_islightuserdata(L, idx) && lua_touserdata(L, idx) == &null_tag;
}

static bool is_marked_array(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx)) return false;
    luaL_getmetatable(L, ARRAY_TYPE);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

void convert_push_array_type(lua_State *L)
{
    if (!luaL_newmetatable(L, ARRAY_TYPE)) return;
    lua_pushliteral(L, "array");
    lua_setfield(L, -2, "__name");
}

void convert_mark_array(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    convert_push_array_type(L);
    lua_setmetatable(L, idx);
}

/* ---- to JSON ---- */

struct encode_key {
    const char *text;
    size_t len;
};

struct encode_level {
    const void *table;
    const char *key; /* NULL: index */
    lua_Integer index;
};

struct encoder {
    lua_State *L;
    struct json_writer w;
    const char *what;
    struct fault *fault;
    int code;
    struct encode_key *keys; /* of all open objects, the innermost last */
    size_t key_count, key_cap;
    int depth;
    struct encode_level levels[CONVERT_DEPTH_MAX]; /* filled up to depth: the rest is never read */
};

static void encode_path(const struct encoder *e, struct strbuf *path)
{
    strbuf_init(path, PATH_MAX_BYTES);
    strbuf_adds(path, e->what);
    for (int i = 0; i < e->depth; i++) {
        const struct encode_level *level = &e->levels[i];
        if (level->key)
            strbuf_addf(path, ".%s", level->key);
        else if (level->index)
            strbuf_addf(path, "[%lld]", (long long)level->index);
    }
}

static int encode_fail(struct encoder *e, int code, const char *text)
{
    struct strbuf path;
    encode_path(e, &path);
    e->code = fault_set(e->fault, code, "%s: %s", strbuf_cstr(&path), text);
    strbuf_done(&path);
    lua_pushnil(e->L);
    return lua_error(e->L);
}

static void encode_value(struct encoder *e, int idx);

static void encode_number(struct encoder *e, int idx)
{
    if (lua_isinteger(e->L, idx)) {
        json_int(&e->w, lua_tointeger(e->L, idx));
        return;
    }
    double value = lua_tonumber(e->L, idx);
    if (!isfinite(value)) encode_fail(e, ERR_INVALID, "not a finite number");
    struct strbuf text;
    strbuf_init(&text, 64);
    strbuf_add_double(&text, value);
    if (text.data && !strpbrk(text.data, ".eE")) strbuf_adds(&text, ".0");
    json_raw(&e->w, strbuf_cstr(&text), text.len);
    int status = strbuf_status(&text);
    strbuf_done(&text);
    if (status < 0) encode_fail(e, status, err_text(status));
}

/* Whether the table at idx is an array (1..n and nothing else); throws for a mixed one. */
static bool encode_is_array(struct encoder *e, int idx, lua_Integer *n)
{
    lua_State *L = e->L;
    lua_Integer integers = 0;
    lua_Integer strings = 0;
    lua_Integer highest = 0;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 1) {
            integers++;
            if (lua_tointeger(L, -1) > highest) highest = lua_tointeger(L, -1);
        } else if (lua_type(L, -1) == LUA_TSTRING) {
            strings++;
        } else {
            encode_fail(e, ERR_INVALID, "keys must be strings, or 1 to n");
        }
    }
    if (integers && strings) encode_fail(e, ERR_INVALID, "a table with both list items and fields");
    if (highest != integers) encode_fail(e, ERR_INVALID, "a list with holes");
    *n = integers;
    return integers > 0 || (strings == 0 && is_marked_array(L, idx));
}

static void encode_array(struct encoder *e, int idx, lua_Integer n)
{
    struct encode_level *level = &e->levels[e->depth - 1];
    json_array(&e->w);
    for (lua_Integer i = 1; i <= n; i++) {
        level->index = i;
        lua_rawgeti(e->L, idx, i);
        encode_value(e, lua_gettop(e->L));
        lua_pop(e->L, 1);
    }
    json_array_end(&e->w);
}

static int key_order(const void *left, const void *right)
{
    const struct encode_key *a = left;
    const struct encode_key *b = right;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void collect_keys(struct encoder *e, int idx)
{
    lua_State *L = e->L;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (e->key_count == e->key_cap) {
            size_t cap = e->key_cap ? e->key_cap * 2 : 32;
            struct encode_key *keys = realloc(e->keys, cap * sizeof(*keys));
            if (!keys) encode_fail(e, ERR_NOMEM, "out of memory");
            e->keys = keys;
            e->key_cap = cap;
        }
        struct encode_key *key = &e->keys[e->key_count++];
        key->text = lua_tolstring(L, -1, &key->len);
    }
}

static void encode_object(struct encoder *e, int idx)
{
    lua_State *L = e->L;
    size_t first = e->key_count;
    collect_keys(e, idx);
    size_t end = e->key_count;
    if (end > first + 1) qsort(e->keys + first, end - first, sizeof(*e->keys), key_order);
    struct encode_level *level = &e->levels[e->depth - 1];
    json_object(&e->w);
    for (size_t i = first; i < end; i++) {
        struct encode_key key = e->keys[i];
        level->key = key.text;
        if (memchr(key.text, '\0', key.len)) encode_fail(e, ERR_INVALID, "a key with a zero byte");
        json_key(&e->w, key.text);
        lua_pushlstring(L, key.text, key.len);
        lua_rawget(L, idx);
        encode_value(e, lua_gettop(L));
        lua_pop(L, 1);
    }
    json_object_end(&e->w);
    e->key_count = first;
}

static void encode_table(struct encoder *e, int idx)
{
    const void *table = lua_topointer(e->L, idx);
    for (int i = 0; i < e->depth; i++)
        if (e->levels[i].table == table)
            encode_fail(e, ERR_INVALID, "a table that contains itself");
    if (e->depth == CONVERT_DEPTH_MAX) encode_fail(e, ERR_LIMIT, "nested too deeply (limit 128)");
    luaL_checkstack(e->L, 8, "conversion");
    e->levels[e->depth++] = (struct encode_level){.table = table};
    lua_Integer n;
    if (encode_is_array(e, idx, &n))
        encode_array(e, idx, n);
    else
        encode_object(e, idx);
    e->depth--;
}

static void encode_value(struct encoder *e, int idx)
{
    lua_State *L = e->L;
    size_t len;
    const char *text;
    switch (lua_type(L, idx)) {
    case LUA_TNIL: json_null(&e->w); break;
    case LUA_TBOOLEAN: json_bool(&e->w, lua_toboolean(L, idx)); break;
    case LUA_TNUMBER: encode_number(e, idx); break;
    case LUA_TSTRING:
        text = lua_tolstring(L, idx, &len);
        json_stringn(&e->w, text, len);
        break;
    case LUA_TTABLE: encode_table(e, idx); break;
    case LUA_TFUNCTION: encode_fail(e, ERR_INVALID, "functions cannot be stored"); break;
    default:
        if (convert_is_null(L, idx))
            json_null(&e->w);
        else
            encode_fail(e, ERR_INVALID, "only strings, numbers, booleans and tables can be stored");
    }
    if (e->w.out->status < 0)
        encode_fail(e, e->w.out->status,
                    e->w.out->status == ERR_LIMIT ? "the text is too long" : "out of memory");
}

static int encode_protected(lua_State *L)
{
    struct encoder *e = lua_touserdata(L, 1);
    encode_value(e, 2);
    return 0;
}

/* The outcome of a protected conversion whose own code is `code`. */
static int conversion_code(lua_State *L, int status, int code, struct fault *fault)
{
    if (status == LUA_OK) return OK;
    if (code == OK) return vm_fault(vm_of(L), L, status, fault);
    lua_pop(L, 1);
    return code;
}

int convert_to_json(lua_State *L, int idx, const char *what, struct strbuf *out,
                    struct fault *fault)
{
    idx = lua_absindex(L, idx);
    if (!lua_checkstack(L, 4)) return fault_set(fault, ERR_NOMEM, "out of memory");
    struct encoder *e = malloc(sizeof(*e)); /* 3 KiB, mostly levels that are not there */
    if (!e) return fault_set(fault, ERR_NOMEM, "out of memory");
    memset(e, 0, offsetof(struct encoder, levels));
    e->L = L;
    e->what = what;
    e->fault = fault;
    json_writer_init(&e->w, out);
    lua_pushcfunction(L, encode_protected);
    lua_pushlightuserdata(L, e);
    lua_pushvalue(L, idx);
    int status = lua_pcall(L, 2, 0, 0);
    int code = conversion_code(L, status, e->code, fault);
    free(e->keys);
    free(e);
    return code;
}

/* ---- from JSON ---- */

struct decoder {
    struct json_reader r;
    struct build b;
    int code;
};

static int decode_next(struct decoder *d)
{
    int token = json_next(&d->r);
    if (token >= 0) return token;
    d->code = token;
    lua_pushnil(d->b.L);
    return lua_error(d->b.L);
}

/* The name of the next field; false: the table has ended. */
static bool decode_key(struct decoder *d)
{
    size_t len;
    const char *expected = build_next_key(&d->b, &len);
    if (expected && json_take_key(&d->r, expected, len)) {
        build_take_next_key(&d->b);
    } else if (decode_next(d) == JSON_KEY) {
        build_key(&d->b, d->r.text, d->r.len);
    } else {
        build_end(&d->b);
        return false;
    }
    return true;
}

static int decode_protected(lua_State *L)
{
    struct decoder *d = lua_touserdata(L, 1);
    struct build *b = &d->b;
    build_init(b, L);
    do {
        if (build_in_fields(b) && !decode_key(d)) continue;
        switch (decode_next(d)) {
        case JSON_OBJECT: build_begin(b, false); break;
        case JSON_ARRAY: build_begin(b, true); break;
        case JSON_ARRAY_END: build_end(b); break;
        case JSON_STRING: build_string(b, d->r.text, d->r.len); break;
        case JSON_INT: build_integer(b, d->r.integer); break;
        case JSON_NUMBER: build_number(b, d->r.number); break;
        case JSON_TRUE: build_boolean(b, true); break;
        case JSON_FALSE: build_boolean(b, false); break;
        default: build_null(b); break;
        }
    } while (b->depth > 0);
    decode_next(d); /* JSON_END, or an error for what follows */
    return 1;
}

int convert_from_json(lua_State *L, const char *json, size_t len, struct fault *fault)
{
    if (!lua_checkstack(L, 4)) return fault_set(fault, ERR_NOMEM, "out of memory");
    struct decoder d;
    d.code = OK;
    json_reader_init(&d.r, json, len, STRING_MAX);
    lua_pushcfunction(L, decode_protected);
    lua_pushlightuserdata(L, &d);
    int status = lua_pcall(L, 1, 1, 0);
    if (d.code < 0)
        fault_set(fault, d.code, "JSON: %s at byte %zu", err_text(d.code), json_offset(&d.r));
    int code = conversion_code(L, status, d.code, fault);
    json_reader_done(&d.r);
    return code;
}

/* ---- arguments ---- */

int64_t convert_duration_ms(lua_State *L, int idx, const char *what)
{
    static const double most_s = 100.0 * 366 * 86400;
    int64_t ms = -1;
    if (lua_type(L, idx) == LUA_TNUMBER) {
        double seconds = lua_tonumber(L, idx);
        if (seconds >= 0 && seconds <= most_s) return (int64_t)llround(seconds * 1000.0);
    } else if (lua_type(L, idx) == LUA_TSTRING) {
        if (duration_parse(lua_tostring(L, idx), &ms) == OK) return ms;
    } else {
        return luaL_error(L, "%s: expected seconds or a duration such as \"5m\", got %s", what,
                          luaL_typename(L, idx));
    }
    return luaL_error(L,
                      "%s: '%s' is no duration (seconds, or a text such as \"90s\" or \"1h30m\")",
                      what, luaL_tolstring(L, idx, NULL));
}

void convert_check_fields(lua_State *L, int idx, const char *what, const char *const *known)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 4, what);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        const char *name = lua_tostring(L, -1);
        const char *const *at = known;
        while (*at && strcmp(*at, name) != 0)
            at++;
        if (*at) continue;
        const char *near = nearest_name(name, known);
        if (near) luaL_error(L, "%s: unknown field '%s' (did you mean '%s'?)", what, name, near);
        luaL_error(L, "%s: unknown field '%s'", what, name);
    }
}

/* ---- the json module ---- */

/* Compact JSON -> one member a line. */
static void indent_json(const struct strbuf *in, struct strbuf *out, int width)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < in->len; i++) {
        char c = in->data[i];
        if (quoted) {
            strbuf_addc(out, c);
            if (c == '\\' && i + 1 < in->len)
                strbuf_addc(out, in->data[++i]);
            else if (c == '"')
                quoted = false;
            continue;
        }
        bool opens = c == '{' || c == '[';
        bool closes = c == '}' || c == ']';
        bool empty = opens && i + 1 < in->len && (in->data[i + 1] == '}' || in->data[i + 1] == ']');
        if (closes) depth--;
        if (closes) strbuf_addf(out, "\n%*s", depth * width, "");
        strbuf_addc(out, c);
        if (empty) {
            strbuf_addc(out, in->data[++i]);
            continue;
        }
        if (opens) depth++;
        if (opens || c == ',') strbuf_addf(out, "\n%*s", depth * width, "");
        if (c == ':') strbuf_addc(out, ' ');
        quoted = c == '"';
    }
}

static const struct vm_field encode_options[] = {
    {"indent", "boolean|integer?",
     "Columns a level, 0 to 16; true is 2. Without it, or 0, the text is one line."},
    {NULL, NULL, NULL}};

static int indent_option(lua_State *L)
{
    if (lua_isnoneornil(L, 2)) return 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    vm_check_fields(L, 2, "json.encode", encode_options);
    int type = lua_getfield(L, 2, "indent");
    if (type == LUA_TNIL) return 0;
    if (type == LUA_TBOOLEAN) return lua_toboolean(L, -1) ? 2 : 0;
    lua_Integer width = luaL_checkinteger(L, -1);
    if (width < 0 || width > 16) luaL_error(L, "json.encode: indent must be 0 to 16");
    return (int)width;
}

/* Hands the text over to Lua; runs protected, so that the buffer is released whatever happens. */
static int push_text(lua_State *L)
{
    const struct strbuf *text = lua_touserdata(L, 1);
    lua_pushlstring(L, strbuf_cstr(text), text->len);
    return 1;
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    int width = indent_option(L);
    struct fault fault;
    struct strbuf text;
    struct strbuf wide;
    strbuf_init(&text, VM_STRING_REP_MAX);
    strbuf_init(&wide, VM_STRING_REP_MAX);
    int code = convert_to_json(L, 1, "json.encode", &text, &fault);
    struct strbuf *out = &text;
    if (code == OK && width) {
        indent_json(&text, &wide, width);
        code = strbuf_status(&wide);
        if (code < 0) fault_set(&fault, code, "json.encode: the text is too long");
        out = &wide;
    }
    int status = LUA_OK;
    size_t len = out->len;
    if (code == OK) {
        lua_pushcfunction(L, push_text);
        lua_pushlightuserdata(L, out);
        status = lua_pcall(L, 1, 1, 0);
    }
    strbuf_done(&text);
    strbuf_done(&wide);
    if (code < 0) return luaL_error(L, "%s", fault.text);
    if (status != LUA_OK) return lua_error(L);
    vm_charge(L, len / 8);
    return 1;
}

static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_charge(L, len / 8);
    struct fault fault;
    int code = convert_from_json(L, text, len, &fault);
    if (code < 0) return luaL_error(L, "json.decode: %s", fault.text);
    return 1;
}

static int json_mark_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (lua_getmetatable(L, 1) && !is_marked_array(L, 1))
        return luaL_error(L, "json.array: the table has a metatable already");
    convert_mark_array(L, 1);
    lua_settop(L, 1);
    return 1;
}

static const struct vm_function functions[] = {
    {"encode", json_encode, "(value: any, options?: json.encode.options): string",
     "The JSON of a value. Tables with the keys 1..n are arrays, others objects, sorted by key; an "
     "empty table is an object unless json.array marked it. Integers stay integers, floats keep a "
     "point (3.0). An error that names the path: a function, a cycle, keys of both kinds, NaN or "
     "an "
     "infinity, more than 128 levels, or 16 MiB of text."},
    {"decode", json_decode, "(text: string): any",
     "The value of a JSON text; null becomes json.null, and an empty array is marked as json.array "
     "does. An error that says where: text that is no JSON, or more than 128 levels."},
    {"array", json_mark_array, "(list?: table): table",
     "Marks a table, or a new one, so that it is written as [] when it is empty; answers it. An "
     "error when the table has a metatable of another kind."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field fields[] = {
    {"null", "json.null",
     "JSON's null, which a Lua table cannot hold as nil. It is true in a condition: "
     "compare with it."},
    {NULL, NULL, NULL}};

const struct vm_docs json_docs = {DOCS_MODULE, "json", DOCS_ALL, "JSON texts and Lua values.",
                                  functions,   fields};
const struct vm_docs json_null_docs = {
    DOCS_CLASS, "json.null", DOCS_ALL, "The type of json.null: a light userdata.", NULL, NULL};
const struct vm_docs json_encode_docs = {
    DOCS_CLASS, "json.encode.options", DOCS_ALL, "How json.encode writes.", NULL, encode_options};

int open_json(lua_State *L)
{
    vm_new_library(L, functions);
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}
