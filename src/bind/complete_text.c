/* bind/complete_text.c - the tokens before the cursor. */
#include "complete_text.h"

#include "moontide/base/compiler.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 * 1024 /* bytes; what is before is not looked at */, INDEX_CHAIN_MAX = 16 };

bool text_is(const struct text *text, int at, int kind)
{
    return at >= 0 && at < text->count && text->tokens[at].kind == kind;
}

/* ---- tokens ---- */

static const char *token_end(const struct token *token)
{
    return token->text + token->len;
}

/* A string whose end is the text's has no closing quote. */
static void take_word(struct text *text, const char *line, size_t len)
{
    const char *end = line + len;
    const struct token *last = text->count > 0 ? &text->tokens[text->count - 1] : NULL;
    text->word = end;
    if (last && token_end(last) == end &&
        (last->kind == TOKEN_NAME || last->kind == TOKEN_STRING || last->kind == TOKEN_NUMBER)) {
        text->word = last->text;
        text->word_len = last->len;
        text->in_string = last->kind == TOKEN_STRING;
        text->in_number = last->kind == TOKEN_NUMBER;
        text->count--;
        return;
    }
    const char *at = last ? token_end(last) + (last->kind == TOKEN_STRING) : line;
    if (last && last->kind == TOKEN_STRING)
        while (at < end && (*at == ']' || *at == '='))
            at++; /* of a long string */
    for (; at < end; at++)
        if (!isspace((unsigned char)*at)) text->lost = true;
}

static void find_open(struct text *text)
{
    for (int i = 0; i < text->count; i++) {
        int kind = text->tokens[i].kind;
        if (kind == '{' || kind == '(' || kind == '[') {
            if (text->open_count == OPEN_MAX) {
                text->lost = true;
                return;
            }
            text->open[text->open_count++] = i;
        } else if ((kind == '}' || kind == ')' || kind == ']') && text->open_count > 0) {
            text->open_count--;
        }
    }
}

void text_read(lua_State *L, const char *line, size_t len, struct text *text)
{
    struct lexer lexer;
    int count = 0;
    *text = (struct text){.word = line + len};
    if (len > TEXT_MAX) {
        line += len - TEXT_MAX;
        len = TEXT_MAX;
    }
    lexer_init(&lexer, line, len);
    while (lexer_next(&lexer).kind != TOKEN_END)
        count++;
    struct token *tokens = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *tokens, 0);
    lexer_init(&lexer, line, len);
    for (int i = 0; i < count; i++)
        tokens[i] = lexer_next(&lexer);
    text->tokens = tokens;
    text->count = count;
    take_word(text, line, len);
    find_open(text);
}

/* ---- values ---- */

/* Replaces a function of C on top by the first table among its upvalues: the methods that bindings
 * give it. */
static void take_methods(lua_State *L)
{
    if (!lua_iscfunction(L, -1)) return;
    for (int i = 1; lua_getupvalue(L, -1, i); i++) {
        if (lua_istable(L, -1)) {
            lua_remove(L, -2);
            return;
        }
        lua_pop(L, 1);
    }
}

bool follow_index(lua_State *L)
{
    bool found = lua_getmetatable(L, -1);
    lua_remove(L, found ? -2 : -1);
    if (!found) return false;
    lua_pushliteral(L, "__index");
    lua_rawget(L, -2);
    lua_remove(L, -2);
    take_methods(L);
    if (lua_istable(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

void get_field_raw(lua_State *L)
{
    for (int i = 0; i < INDEX_CHAIN_MAX; i++) {
        if (lua_istable(L, -2)) {
            lua_pushvalue(L, -1);
            if (lua_rawget(L, -3) != LUA_TNIL) {
                lua_replace(L, -3);
                lua_pop(L, 1);
                return;
            }
            lua_pop(L, 1);
        }
        lua_insert(L, -2); /* key, value */
        bool more = follow_index(L);
        if (!more) {
            lua_pop(L, 1);
            lua_pushnil(L);
            return;
        }
        lua_insert(L, -2);
    }
    lua_pop(L, 2);
    lua_pushnil(L);
}

int text_name_begin(const struct text *text, int last)
{
    int at = last;
    for (;;) {
        if (text_is(text, at, TOKEN_NAME)) {
            if (text_is(text, at - 1, ':')) return -1; /* what a method answers is not known */
            if (!text_is(text, at - 1, '.')) return at;
            at -= 2;
        } else if (text_is(text, at, ']') && text_is(text, at - 2, '[') &&
                   (text_is(text, at - 1, TOKEN_NUMBER) || text_is(text, at - 1, TOKEN_STRING))) {
            at -= 3;
            if (!text_is(text, at, TOKEN_NAME) && !text_is(text, at, ']')) return -1;
        } else {
            return -1;
        }
    }
}

static void push_key(lua_State *L, const struct token *token)
{
    lua_pushlstring(L, token->text, token->len);
    if (token->kind == TOKEN_NUMBER && lua_stringtonumber(L, lua_tostring(L, -1)))
        lua_remove(L, -2);
}

bool text_push_value(lua_State *L, const struct text *text, int last)
{
    bool parenthesized = text_is(text, last, ')') && text_is(text, last - 2, '(');
    if (text_is(text, parenthesized ? last - 1 : last, TOKEN_STRING)) {
        lua_pushliteral(L, ""); /* any one has the same fields */
        return true;
    }
    int begin = text_name_begin(text, last);
    if (begin < 0) return false;
    lua_pushglobaltable(L);
    for (int i = begin; i <= last; i++) {
        int kind = text->tokens[i].kind;
        if (kind != TOKEN_NAME && kind != TOKEN_NUMBER && kind != TOKEN_STRING) continue;
        push_key(L, &text->tokens[i]);
        get_field_raw(L);
    }
    if (!lua_isnil(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}
