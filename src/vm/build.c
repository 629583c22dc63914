/* vm/build.c - Lua tables from a stream of values. */
#include "moontide/vm/build.h"

#include "moontide/base/bytes.h"
#include "moontide/base/json.h"
#include "moontide/vm/convert.h"

#include <string.h>

enum {
    SLOTS_LOG2 = 9,
    SLOTS = 1 << SLOTS_LOG2,
    CACHED_MAX = 40, /* Lua interns up to here (LUAI_MAXSHORTLEN); longer texts are only copied */
    GROW = 256,      /* stack slots asked for at a time */
    FLUSH_MIN = 512, /* values of one table that wait on the stack */
    NOWHERE = SLOTS + 1, /* stands for the slot + 1 of a text that is in none */
    GUESSES = 1024,
};

struct slot {
    const char *text; /* inside the Lua string at this index of the table; NULL: none */
    uint32_t len;
    uint32_t seen; /* the hash of the last text that was not found here */
    bool plain;    /* json_plain() */
    bool used;     /* since another text last came here */
};

struct strings {
    struct slot slots[SLOTS];
    /* Slots + 1 of keys, or 0: by the key before it in its table (0: none) and the key that the
     * table is under. A wrong guess does no harm. */
    uint16_t guesses[GUESSES];
};

static const char STRINGS_KEY; /* in the registry */

/* Throws Lua's own memory error where there is no memory for the stack, which lua_checkstack does
 * not tell from a stack that is full. */
static void grow_stack(lua_State *L)
{
    if (lua_checkstack(L, GROW)) return;
    lua_newuserdatauv(L, ((size_t)lua_gettop(L) + GROW) * 4 * sizeof(lua_Number), 0);
    luaL_error(L, "building tables: stack overflow");
}

/* Pushes the cache's table. */
static struct strings *push_strings(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &STRINGS_KEY) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        struct strings *fresh = lua_newuserdatauv(L, sizeof *fresh, 1);
        memset(fresh, 0, sizeof *fresh);
        lua_createtable(L, SLOTS, 0);
        lua_setiuservalue(L, -2, 1);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &STRINGS_KEY);
    }
    struct strings *strings = lua_touserdata(L, -1);
    lua_getiuservalue(L, -1, 1);
    lua_remove(L, -2);
    return strings;
}

void build_init(struct build *b, lua_State *L)
{
    grow_stack(L);
    b->L = L;
    b->strings = push_strings(L);
    b->strings_idx = lua_gettop(L);
    convert_push_array_type(L);
    b->top = b->array_type_idx = lua_gettop(L);
    b->key = 0;
    b->room = b->top + GROW - 8; /* 8: what the functions here push for themselves */
    b->depth = 0;
    b->owner = 0;
}

static void make(struct build *b, struct build_level *level, int list_room, int field_room)
{
    lua_createtable(b->L, list_room, field_room);
    lua_replace(b->L, level->base);
    level->made = true;
}

/* Moves the values that wait into the table, which will get more. */
static void flush(struct build *b, struct build_level *level)
{
    lua_State *L = b->L;
    int count = b->top - level->base;
    if (!level->made) make(b, level, level->list ? 2 * count : 0, level->list ? 0 : count);
    if (level->list) {
        for (int i = 1; i <= count; i++) {
            lua_pushvalue(L, level->base + i);
            lua_rawseti(L, level->base, ++level->done);
        }
        lua_settop(L, level->base);
    } else {
        for (int i = 0; i < count; i += 2)
            lua_rawset(L, level->base);
    }
    b->top = level->base;
}

static void grow(struct build *b)
{
    struct build_level *level = b->depth > 0 ? &b->levels[b->depth - 1] : NULL;
    if (level && b->top - level->base >= FLUSH_MIN) {
        flush(b, level);
        return;
    }
    grow_stack(b->L);
    b->room = b->top + GROW - 8;
}

static inline void need(struct build *b, int slots)
{
    if (__builtin_expect(b->top + slots > b->room, 0)) grow(b);
}

void build_begin(struct build *b, bool list)
{
    if (b->depth == BUILD_DEPTH_MAX) luaL_error(b->L, "tables are nested too deeply");
    need(b, 1);
    lua_pushnil(b->L); /* the table's place */
    struct build_level *level = &b->levels[b->depth++];
    level->base = ++b->top;
    level->done = 0;
    level->list = list;
    level->made = false;
    level->key = b->key;
    level->owner = b->owner;
    b->owner = b->key ? b->key : b->owner;
    b->key = 0;
}

void build_end(struct build *b)
{
    lua_State *L = b->L;
    struct build_level *level = &b->levels[--b->depth];
    int base = level->base, count = b->top - base;
    b->key = level->key;
    b->owner = level->owner;
    if (level->made) {
        flush(b, level);
        return;
    }
    make(b, level, level->list ? count : 0, level->list ? 0 : count / 2);
    b->top = base;
    if (level->list) {
        for (int i = count; i > 0; i--)
            lua_rawseti(L, base, i);
        if (count > 0) return;
        lua_pushvalue(L, b->array_type_idx);
        lua_setmetatable(L, base);
        return;
    }
    for (int i = 0; i < count; i += 2)
        lua_rawset(L, base);
}

/* Of the ends and the length alone: an equal hash is not yet an equal text. */
static inline uint32_t hash_ends(const char *text, size_t len)
{
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, text, 8);
        memcpy(&last, text + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&first, text, 4);
        memcpy(&last, text + len - 4, 4);
    } else if (len > 0) {
        first = (unsigned char)text[0] | (uint64_t)(unsigned char)text[len / 2] << 8 |
                (uint64_t)(unsigned char)text[len - 1] << 16;
    }
    uint64_t mixed = (first ^ (last << 32 | last >> 32) ^ len) * 0x9E3779B97F4A7C15U;
    return (uint32_t)(mixed >> 32);
}

static inline bool holds(const struct slot *slot, const char *text, size_t len)
{
    return slot->len == len && slot->text && bytes_equal(slot->text, text, len);
}

/* Where a text that was seen twice is to be kept: not in place of one that was of use since another
 * wanted its slot. */
static struct slot *choose(struct strings *strings, uint32_t at)
{
    struct slot *first = &strings->slots[at], *second = &strings->slots[at ^ 1];
    if (!first->used) return first;
    if (!second->used) return second;
    first->used = second->used = false;
    return NULL;
}

/* Pushes a text that is in no slot. */
static uint16_t push_new(struct build *b, const char *text, size_t len, uint32_t hash)
{
    lua_State *L = b->L;
    uint32_t at = hash >> (32 - SLOTS_LOG2);
    const char *kept = lua_pushlstring(L, text, len);
    struct slot *home = &b->strings->slots[at];
    if (home->seen != hash) {
        home->seen = hash;
        return NOWHERE;
    }
    struct slot *slot = choose(b->strings, at);
    if (!slot) return NOWHERE;
    uint16_t number = (uint16_t)(slot - b->strings->slots + 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, b->strings_idx, number);
    slot->text = kept;
    slot->len = (uint32_t)len;
    slot->plain = json_plain(text, len);
    slot->used = true;
    return number;
}

/* Pushes text as a string. Answers its slot + 1, or NOWHERE. */
static uint16_t push_text(struct build *b, const char *text, size_t len)
{
    if (len > CACHED_MAX) {
        lua_pushlstring(b->L, text, len);
        return NOWHERE;
    }
    uint32_t hash = hash_ends(text, len), at = hash >> (32 - SLOTS_LOG2);
    struct slot *slot = &b->strings->slots[at];
    if (!holds(slot, text, len)) {
        slot = &b->strings->slots[at ^ 1];
        if (!holds(slot, text, len)) return push_new(b, text, len, hash);
    }
    slot->used = true;
    uint16_t number = (uint16_t)(slot - b->strings->slots + 1);
    lua_rawgeti(b->L, b->strings_idx, number);
    return number;
}

static inline uint16_t *guess(struct build *b)
{
    return &b->strings->guesses[(b->owner * 37U + b->key) % GUESSES];
}

const char *build_next_key(struct build *b, size_t *len)
{
    uint16_t at = *guess(b);
    if (at == 0 || at == NOWHERE) return NULL;
    const struct slot *slot = &b->strings->slots[at - 1];
    *len = slot->len;
    return slot->plain ? slot->text : NULL;
}

void build_take_next_key(struct build *b)
{
    need(b, 2);
    b->key = *guess(b);
    lua_rawgeti(b->L, b->strings_idx, b->key);
    b->top++;
}

void build_key(struct build *b, const char *text, size_t len)
{
    need(b, 2);
    uint16_t at = push_text(b, text, len);
    *guess(b) = at;
    b->key = at;
    b->top++;
}

void build_key_from(struct build *b, int keys_idx, lua_Integer n, const char *text)
{
    need(b, 2);
    if (lua_rawgeti(b->L, keys_idx, n) == LUA_TNIL) {
        lua_pop(b->L, 1);
        lua_pushstring(b->L, text);
        lua_pushvalue(b->L, -1);
        lua_rawseti(b->L, keys_idx, n);
    }
    b->top++;
}

void build_null(struct build *b)
{
    need(b, 1);
    convert_push_null(b->L);
    b->top++;
}

void build_boolean(struct build *b, bool value)
{
    need(b, 1);
    lua_pushboolean(b->L, value);
    b->top++;
}

void build_integer(struct build *b, int64_t value)
{
    need(b, 1);
    lua_pushinteger(b->L, value);
    b->top++;
}

void build_number(struct build *b, double value)
{
    need(b, 1);
    lua_pushnumber(b->L, value);
    b->top++;
}

void build_string(struct build *b, const char *text, size_t len)
{
    need(b, 1);
    push_text(b, text, len);
    b->top++;
}
