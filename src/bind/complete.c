/* bind/complete.c - completion.
 *
 * The end of the line is read backwards as name{.name}[.:]word. The names lead from the globals to
 * a value; its keys that begin with the word, and those of the tables behind it by __index, are the
 * candidates. */
#include "moontide/bind/complete.h"

#include "moontide/base/compiler.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_CHAIN_MAX = 16, NAMES_MAX = 16, STACK_SLOTS = 16 };

static const char *const keywords[] = {
    "and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
    "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
    "repeat",   "return", "then", "true", "until",  "while",
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_begin(const char *line, size_t end)
{
    while (end > 0 && is_word(line[end - 1]))
        end--;
    return end;
}

/* Replaces the value on top by the table behind it that its __index names; false when there is none
 * (popped then). */
static bool follow_index(lua_State *L)
{
    bool found = lua_getmetatable(L, -1);
    lua_remove(L, found ? -2 : -1);
    if (!found) return false;
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_istable(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

/* Replaces the value on top by its field `name`, without running Lua; nil when it has none. */
static void get_field(lua_State *L, const char *name, size_t len)
{
    for (int i = 0; i < INDEX_CHAIN_MAX; i++) {
        if (lua_istable(L, -1)) {
            lua_pushlstring(L, name, len);
            if (lua_rawget(L, -2) != LUA_TNIL) {
                lua_remove(L, -2);
                return;
            }
            lua_pop(L, 1);
        }
        if (!follow_index(L)) {
            lua_pushnil(L);
            return;
        }
    }
    lua_pop(L, 1);
    lua_pushnil(L);
}

/* Pushes the value that the text before line[end] (a '.' or ':') names; false: none is pushed. */
static bool push_owner(lua_State *L, const char *line, size_t end)
{
    struct {
        size_t begin, end;
    } names[NAMES_MAX];
    int count = 0;
    if (end > 0 && (line[end - 1] == '"' || line[end - 1] == '\'') && line[end] == ':') {
        lua_pushliteral(L, ""); /* the methods of a string */
        return true;
    }
    for (size_t at = end;;) {
        size_t begin = word_begin(line, at);
        if (begin == at || isdigit((unsigned char)line[begin]) || count == NAMES_MAX) return false;
        names[count].begin = begin;
        names[count++].end = at;
        if (begin == 0 || line[begin - 1] != '.') {
            if (begin > 0 && line[begin - 1] == ':') return false; /* a method has no fields */
            break;
        }
        at = begin - 1;
        if (at > 0 && line[at - 1] == '.') break; /* a .. b */
    }
    lua_pushglobaltable(L);
    while (count-- > 0)
        get_field(L, line + names[count].begin, names[count].end - names[count].begin);
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

static bool begins_with(const char *text, size_t text_len, const char *word, size_t len)
{
    return text_len >= len && memcmp(text, word, len) == 0;
}

static bool is_identifier(const char *text, size_t len)
{
    if (len == 0 || isdigit((unsigned char)*text)) return false;
    for (size_t i = 0; i < len; i++)
        if (!is_word(text[i])) return false;
    return true;
}

static void add_candidate(lua_State *L, int set, const char *text, size_t len)
{
    lua_pushlstring(L, text, len);
    lua_pushboolean(L, 1);
    lua_rawset(L, set);
}

/* Adds the fitting keys of the value on top, and of what is behind it, to the set; pops it. Names
 * that begin with "__" only when the word does. */
static void add_keys(lua_State *L, int set, const char *word, size_t len, bool methods)
{
    for (int i = 0; i < INDEX_CHAIN_MAX; i++) {
        if (lua_istable(L, -1)) {
            int table = lua_gettop(L);
            for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
                if (lua_type(L, -2) != LUA_TSTRING || (methods && !lua_isfunction(L, -1))) continue;
                size_t key_len;
                const char *key = lua_tolstring(L, -2, &key_len);
                if (!is_identifier(key, key_len) || !begins_with(key, key_len, word, len)) continue;
                if (begins_with(key, key_len, "__", 2) && len < 2) continue;
                add_candidate(L, set, key, key_len);
            }
        }
        if (!follow_index(L)) return;
    }
    lua_pop(L, 1);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_sorted(lua_State *L, int set, struct strbuf *out)
{
    size_t count = 0, n = 0;
    for (lua_pushnil(L); lua_next(L, set); lua_pop(L, 1))
        count++;
    const char **texts = lua_newuserdatauv(L, (count + 1) * sizeof *texts, 0);
    for (lua_pushnil(L); lua_next(L, set); lua_pop(L, 1))
        texts[n++] = lua_tostring(L, -2);
    qsort(texts, n, sizeof *texts, by_text);
    for (size_t i = 0; i < n && i < COMPLETE_MAX; i++) {
        if (i) strbuf_addc(out, '\n');
        strbuf_adds(out, texts[i]);
    }
}

void complete_names(lua_State *L, const char *line, size_t len, size_t *from, struct strbuf *out)
{
    luaL_checkstack(L, STACK_SLOTS, "complete");
    int top = lua_gettop(L);
    size_t begin = word_begin(line, len);
    const char *word = line + begin;
    size_t word_len = len - begin;
    *from = begin;
    lua_newtable(L);
    int set = lua_gettop(L);
    char before = begin > 0 ? line[begin - 1] : ' ';
    bool concat = before == '.' && begin > 1 && line[begin - 2] == '.';
    bool number = word_len > 0 && isdigit((unsigned char)*word);
    if (!number && (before == ':' || before == '.') && !concat) {
        if (push_owner(L, line, begin - 1)) add_keys(L, set, word, word_len, before == ':');
    } else if (!number) {
        lua_pushglobaltable(L);
        add_keys(L, set, word, word_len, false);
        for (size_t i = 0; i < COUNT_OF(keywords) && word_len > 0; i++)
            if (begins_with(keywords[i], strlen(keywords[i]), word, word_len))
                add_candidate(L, set, keywords[i], strlen(keywords[i]));
    }
    write_sorted(L, set, out);
    lua_settop(L, top);
}
