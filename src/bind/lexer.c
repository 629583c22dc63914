/* bind/lexer.c - cuts Lua text into tokens; broken text gives TOKEN_END early, never a fault. */
#include "lexer.h"

#include <ctype.h>
#include <string.h>

void lexer_init(struct lexer *lexer, const char *text, size_t len)
{
    *lexer = (struct lexer){.at = text, .end = text + len, .line_start = text, .line = 1};
    if (len > 0 && text[0] == '#')
        while (lexer->at < lexer->end && *lexer->at != '\n')
            lexer->at++;
}

static int peek(const struct lexer *lexer, size_t ahead)
{
    return (size_t)(lexer->end - lexer->at) > ahead ? (unsigned char)lexer->at[ahead] : -1;
}

static void step(struct lexer *lexer)
{
    if (*lexer->at++ != '\n') return;
    lexer->line++;
    lexer->line_start = lexer->at;
}

/* The level of a long bracket that opens at `at` ([[ is 0, [=[ is 1), or -1. */
static int long_level(const struct lexer *lexer)
{
    size_t i = 1;
    if (peek(lexer, 0) != '[') return -1;
    while (peek(lexer, i) == '=')
        i++;
    return peek(lexer, i) == '[' ? (int)i - 1 : -1;
}

static void skip_long(struct lexer *lexer, int level, struct token *token)
{
    for (int i = 0; i < level + 2; i++)
        step(lexer);
    token->text = lexer->at;
    while (lexer->at < lexer->end) {
        if (*lexer->at == ']') {
            size_t i = 1;
            while (i <= (size_t)level && peek(lexer, i) == '=')
                i++;
            if (i == (size_t)level + 1 && peek(lexer, i) == ']') {
                token->len = (size_t)(lexer->at - token->text);
                lexer->at += level + 2;
                return;
            }
        }
        step(lexer);
    }
    token->len = (size_t)(lexer->at - token->text);
}

static void skip_space(struct lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (isspace((unsigned char)*lexer->at)) {
            step(lexer);
        } else if (peek(lexer, 0) == '-' && peek(lexer, 1) == '-') {
            lexer->at += 2;
            int level = long_level(lexer);
            struct token ignored;
            if (level >= 0)
                skip_long(lexer, level, &ignored);
            else
                while (lexer->at < lexer->end && *lexer->at != '\n')
                    lexer->at++;
        } else {
            return;
        }
    }
}

static void short_string(struct lexer *lexer, struct token *token)
{
    char quote = *lexer->at++;
    token->kind = TOKEN_STRING;
    token->text = lexer->at;
    while (lexer->at < lexer->end && *lexer->at != quote) {
        if (*lexer->at == '\\' && lexer->at + 1 < lexer->end) step(lexer);
        step(lexer);
    }
    token->len = (size_t)(lexer->at - token->text);
    if (lexer->at < lexer->end) lexer->at++;
}

static bool in_name(int c)
{
    return isalnum(c) || c == '_';
}

static void operator(struct lexer *lexer, struct token *token)
{
    static const char *const longer[] = {
        "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
    bool may_be_longer = strchr(".=~</>:", *lexer->at) != NULL; /* most are not */
    for (size_t i = 0; may_be_longer && i < sizeof longer / sizeof longer[0]; i++) {
        size_t len = strlen(longer[i]);
        if ((size_t)(lexer->end - lexer->at) < len || memcmp(lexer->at, longer[i], len) != 0)
            continue;
        token->kind = TOKEN_OPERATOR;
        token->len = len;
        lexer->at += len;
        return;
    }
    token->kind = (unsigned char)*lexer->at++;
    token->len = 1;
}

struct token lexer_next(struct lexer *lexer)
{
    skip_space(lexer);
    struct token token = {.text = lexer->at,
                          .begin = lexer->at,
                          .line = lexer->line,
                          .column = (int)(lexer->at - lexer->line_start) + 1};
    int c = peek(lexer, 0);
    if (c <= 0) return token;
    if (c == '"' || c == '\'') {
        short_string(lexer, &token);
    } else if (long_level(lexer) >= 0) {
        token.kind = TOKEN_STRING;
        skip_long(lexer, long_level(lexer), &token);
    } else if (isdigit(c) || (c == '.' && isdigit(peek(lexer, 1)))) {
        token.kind = TOKEN_NUMBER;
        while (lexer->at < lexer->end) {
            bool exponent = strchr("eEpP", *lexer->at) && *lexer->at;
            if (!in_name((unsigned char)*lexer->at) && *lexer->at != '.') break;
            lexer->at++;
            if (exponent && (peek(lexer, 0) == '-' || peek(lexer, 0) == '+')) lexer->at++;
        }
        token.len = (size_t)(lexer->at - token.text);
    } else if (in_name(c)) {
        token.kind = TOKEN_NAME;
        while (lexer->at < lexer->end && in_name((unsigned char)*lexer->at))
            lexer->at++;
        token.len = (size_t)(lexer->at - token.text);
    } else {
        operator(lexer, &token);
    }
    return token;
}

bool token_is(const struct token *token, const char *name)
{
    return token->kind == TOKEN_NAME && token->text[0] == name[0] && strlen(name) == token->len &&
           memcmp(token->text, name, token->len) == 0;
}
