/* bind/aws_values.c - Lua values as the aws layer sees them.
 *
 * The reader never throws: it pushes no string that may have to be made. Names of members come from
 * the model and stay where they are, so the string for each is made once, protected, and kept by
 * its address. */
#include "aws_values.h"

#include "moontide/vm/convert.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_A_LEVEL = 4, SLOTS_SPARE = 16 };

static struct lua_reader *of(struct value_reader *r)
{
    return (struct lua_reader *)r;
}

static enum value_type type(struct value_reader *r)
{
    lua_State *L = of(r)->L;
    switch (lua_type(L, -1)) {
    case LUA_TNIL: return VALUE_NONE;
    case LUA_TBOOLEAN: return VALUE_BOOLEAN;
    case LUA_TNUMBER: return lua_isinteger(L, -1) ? VALUE_INTEGER : VALUE_NUMBER;
    case LUA_TSTRING: return VALUE_STRING;
    case LUA_TTABLE: return VALUE_TABLE;
    default: return convert_is_null(L, -1) ? VALUE_NULL : VALUE_OTHER;
    }
}

static bool boolean(struct value_reader *r)
{
    return lua_toboolean(of(r)->L, -1);
}

static int64_t integer(struct value_reader *r)
{
    return lua_tointeger(of(r)->L, -1);
}

static double number(struct value_reader *r)
{
    return lua_tonumber(of(r)->L, -1);
}

static const char *string(struct value_reader *r, size_t *len)
{
    return lua_tolstring(of(r)->L, -1, len);
}

static size_t length(struct value_reader *r)
{
    return lua_rawlen(of(r)->L, -1);
}

static bool only_list(struct value_reader *r)
{
    lua_State *L = of(r)->L;
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_pushnil(L); lua_next(L, -2);) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key >= 1 && key <= n) continue;
        lua_pop(L, 1);
        return false;
    }
    return true;
}

static bool is_array(struct value_reader *r)
{
    lua_State *L = of(r)->L;
    if (!lua_getmetatable(L, -1)) return false;
    bool same = lua_rawequal(L, -1, of(r)->marked_idx);
    lua_pop(L, 1);
    return same;
}

/* Whether one level more may be entered; past the end nil is what is read. */
static bool deeper(struct lua_reader *r)
{
    if (++r->depth <= READER_DEPTH_MAX) return true;
    r->failed = true;
    lua_pushnil(r->L);
    return false;
}

static void enter_index(struct value_reader *reader, size_t index)
{
    struct lua_reader *r = of(reader);
    if (deeper(r)) lua_rawgeti(r->L, -1, (lua_Integer)index + 1);
}

/* names, address, length -> the string, now in names */
static int keep_name(lua_State *L)
{
    const char *name = lua_touserdata(L, 2);
    lua_pushlstring(L, name, (size_t)(uintptr_t)lua_touserdata(L, 3));
    lua_pushvalue(L, -1);
    lua_rawsetp(L, 1, name);
    return 1;
}

static bool push_name(struct lua_reader *r, const char *name, size_t len)
{
    lua_State *L = r->L;
    if (lua_rawgetp(L, r->names_idx, name) == LUA_TSTRING) {
        size_t known_len;
        const char *known = lua_tolstring(L, -1, &known_len);
        if (known_len == len && memcmp(known, name, len) == 0) return true;
    }
    lua_pop(L, 1);
    lua_pushcfunction(L, keep_name);
    lua_pushvalue(L, r->names_idx);
    lua_pushlightuserdata(L, (void *)(uintptr_t)name);
    lua_pushlightuserdata(L, (void *)(uintptr_t)len);
    if (lua_pcall(L, 3, 1, 0) == LUA_OK) return true;
    lua_pop(L, 1);
    r->failed = true;
    return false;
}

static bool enter_member(struct value_reader *reader, const char *name, size_t len)
{
    struct lua_reader *r = of(reader);
    if (!push_name(r, name, len)) return false;
    if (lua_rawget(r->L, -2) == LUA_TNIL) {
        lua_pop(r->L, 1);
        return false;
    }
    if (++r->depth > READER_DEPTH_MAX) r->failed = true;
    return true;
}

static void leave(struct value_reader *r)
{
    of(r)->depth--;
    lua_pop(of(r)->L, 1);
}

static int key_order(const void *left, const void *right)
{
    const struct reader_key *a = left, *b = right;
    if (!a->text || !b->text) return (a->text == NULL) - (b->text == NULL);
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool add_key(struct lua_reader *r, struct reader_key key)
{
    if (r->key_count == r->key_cap) {
        size_t cap = r->key_cap ? r->key_cap * 2 : 64;
        struct reader_key *keys = realloc(r->keys, cap * sizeof *keys);
        if (!keys) return false;
        r->keys = keys;
        r->key_cap = cap;
    }
    r->keys[r->key_count++] = key;
    return true;
}

/* The keys lie on the stack above the table while they are walked. */
static void begin_keys(struct value_reader *reader)
{
    struct lua_reader *r = of(reader);
    lua_State *L = r->L;
    if (r->frame_count == READER_DEPTH_MAX) {
        r->failed = true;
        return;
    }
    struct reader_frame *frame = &r->frames[r->frame_count++];
    *frame =
        (struct reader_frame){.table = lua_gettop(L), .first = r->key_count, .at = r->key_count};
    for (lua_pushnil(L); lua_next(L, frame->table);) {
        struct reader_key key = {.idx = lua_gettop(L) - 1};
        if (lua_type(L, -2) == LUA_TSTRING) key.text = lua_tolstring(L, -2, &key.len);
        lua_pop(L, 1);
        if (!lua_checkstack(L, SLOTS_SPARE) || !add_key(r, key)) {
            r->failed = true;
            lua_pop(L, 1);
            break;
        }
        lua_pushvalue(L, -1);
    }
    size_t count = r->key_count - frame->first;
    frame->top = lua_gettop(L);
    if (count > 1) qsort(r->keys + frame->first, count, sizeof *r->keys, key_order);
}

static bool next_key(struct value_reader *reader, const char **key, size_t *len)
{
    struct lua_reader *r = of(reader);
    lua_State *L = r->L;
    if (r->frame_count == 0) return false; /* begin_keys() failed */
    struct reader_frame *frame = &r->frames[r->frame_count - 1];
    if (frame->at == r->key_count) {
        lua_settop(L, frame->table);
        r->key_count = frame->first;
        r->frame_count--;
        return false;
    }
    const struct reader_key *found = &r->keys[frame->at++];
    *key = found->text;
    *len = found->len;
    if (!deeper(r)) return true;
    lua_pushvalue(L, found->idx);
    lua_rawget(L, frame->table);
    return true;
}

static const struct value_reader_vtable reader_vtable = {
    .type = type,
    .boolean = boolean,
    .integer = integer,
    .number = number,
    .string = string,
    .length = length,
    .only_list = only_list,
    .is_array = is_array,
    .enter_index = enter_index,
    .enter_member = enter_member,
    .begin_keys = begin_keys,
    .next_key = next_key,
    .leave = leave,
};

void lua_reader_init(struct lua_reader *r, lua_State *L, int idx, int names_idx)
{
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, READER_DEPTH_MAX * SLOTS_A_LEVEL + SLOTS_SPARE, "reading parameters");
    r->reader.vtable = &reader_vtable;
    r->L = L;
    r->names_idx = lua_absindex(L, names_idx);
    r->depth = r->frame_count = 0;
    r->keys = NULL;
    r->key_count = r->key_cap = 0;
    r->failed = false;
    convert_push_array_type(L);
    r->marked_idx = lua_gettop(L);
    lua_pushvalue(L, idx);
}

void lua_reader_done(struct lua_reader *r)
{
    free(r->keys);
    r->keys = NULL;
    lua_settop(r->L, r->marked_idx - 1);
    if (r->failed) luaL_error(r->L, "the parameters are nested too deeply, or memory ended");
}

/* ---- the writer ---- */

static struct build *build_of(struct value_writer *w)
{
    return &((struct lua_writer *)w)->build;
}

static void begin_table(struct value_writer *w, size_t list_hint, size_t field_hint, bool list)
{
    (void)list_hint;
    (void)field_hint;
    build_begin(build_of(w), list);
}

static void end_table(struct value_writer *w)
{
    build_end(build_of(w));
}

static void put_key(struct value_writer *w, const struct member *member, const char *name,
                    size_t len)
{
    if (member)
        build_key_from(build_of(w), ((struct lua_writer *)w)->keys_idx,
                       (lua_Integer)member->index + 1, name);
    else
        build_key(build_of(w), name, len);
}

static void put_null(struct value_writer *w)
{
    build_null(build_of(w));
}

static void put_boolean(struct value_writer *w, bool value)
{
    build_boolean(build_of(w), value);
}

static void put_integer(struct value_writer *w, int64_t value)
{
    build_integer(build_of(w), value);
}

static void put_number(struct value_writer *w, double value)
{
    build_number(build_of(w), value);
}

static void put_string(struct value_writer *w, const char *text, size_t len)
{
    build_string(build_of(w), text, len);
}

static const struct value_writer_vtable writer_vtable = {.begin_table = begin_table,
                                                         .end_table = end_table,
                                                         .key = put_key,
                                                         .null = put_null,
                                                         .boolean = put_boolean,
                                                         .integer = put_integer,
                                                         .number = put_number,
                                                         .string = put_string};

void lua_writer_init(struct lua_writer *w, lua_State *L, int keys_idx)
{
    w->writer.vtable = &writer_vtable;
    w->keys_idx = lua_absindex(L, keys_idx);
    build_init(&w->build, L);
}
