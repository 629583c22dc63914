/* bind/complete.c - completion.
 *
 * name{.name}[.:]word: the names lead from the globals to a value; its keys that begin with the
 * word, and those of the tables behind it by __index, are the candidates, and the operations of a
 * client of aws. Inside a table constructor or a string it is what is taken there, if that is
 * known; else the globals. */
#include "moontide/bind/complete.h"

#include "aws.h"
#include "complete_text.h"
#include "moontide/base/compiler.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_CHAIN_MAX = 16, STACK_SLOTS = 24 };

static const char *const keywords[] = {
    "and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
    "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
    "repeat",   "return", "then", "true", "until",  "while",
};

static bool begins_with(const char *text, size_t text_len, const char *word, size_t len)
{
    return text_len >= len && memcmp(text, word, len) == 0;
}

static bool is_identifier(const char *text, size_t len)
{
    if (len == 0 || isdigit((unsigned char)*text)) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_') return false;
    return true;
}

void add_candidate(const struct candidates *to, const char *text, size_t len)
{
    if (!begins_with(text, len, to->word, to->len)) return;
    lua_pushlstring(to->L, text, len);
    lua_pushboolean(to->L, 1);
    lua_rawset(to->L, to->set);
}

static void add_operations(const struct candidates *to, const struct model *model)
{
    for (uint32_t i = 0; i < model->operation_count; i++)
        add_candidate(to, model->operations[i].snake, strlen(model->operations[i].snake));
}

/* Adds the fitting keys of the value on top, and of what is behind it; pops it. Names that begin
 * with "__" only when the word does. */
static void add_keys(const struct candidates *to, bool methods)
{
    lua_State *L = to->L;
    const struct aws_client *client = aws_test_client(L, -1);
    if (client) add_operations(to, client->model);
    for (int i = 0; i < INDEX_CHAIN_MAX; i++) {
        if (lua_istable(L, -1)) {
            int table = lua_gettop(L);
            for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
                if (lua_type(L, -2) != LUA_TSTRING || (methods && !lua_isfunction(L, -1))) continue;
                size_t key_len;
                const char *key = lua_tolstring(L, -2, &key_len);
                if (!is_identifier(key, key_len)) continue;
                if (begins_with(key, key_len, "__", 2) && to->len < 2) continue;
                add_candidate(to, key, key_len);
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

static void add_globals(const struct candidates *to)
{
    lua_pushglobaltable(to->L);
    add_keys(to, false);
    for (size_t i = 0; i < COUNT_OF(keywords) && to->len > 0; i++)
        add_candidate(to, keywords[i], strlen(keywords[i]));
}

void complete_names(lua_State *L, const char *line, size_t len, size_t *from, struct strbuf *out)
{
    luaL_checkstack(L, STACK_SLOTS, "complete");
    int top = lua_gettop(L);
    struct text text;
    text_read(L, line, len, &text);
    lua_newtable(L);
    struct candidates to = {.L = L, .set = lua_gettop(L), .word = text.word, .len = text.word_len};
    *from = (size_t)(text.word - line);
    bool method = text_is(&text, text.count - 1, ':');
    if (text.lost || text.in_number) {
        /* nothing */
    } else if (method || text_is(&text, text.count - 1, '.')) {
        if (!text.in_string && text_push_value(L, &text, text.count - 2)) add_keys(&to, method);
    } else if (!complete_typed(&to, &text) && !text.in_string) {
        add_globals(&to);
    }
    write_sorted(L, to.set, out);
    lua_settop(L, top);
}
