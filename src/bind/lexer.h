/* bind/lexer.h - the tokens of Lua 5.4, read by the parser, source.c, completion, help and the
 * statements of the REPL. Source:
 * Lua 5.4 Reference Manual, section 3.1. */
#ifndef MOONTIDE_BIND_LEXER_H
#define MOONTIDE_BIND_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum { TOKEN_END = 0, TOKEN_NAME = 256, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OPERATOR };

struct token {
    int kind; /* one of the above, or the character of a one-character operator */
    const char *text;
    size_t len;        /* of a string: without its quotes, escapes as they stand */
    const char *begin; /* its first byte, a quote too */
    int line, column;
};

struct lexer {
    const char *at, *end, *line_start;
    int line;
};

void lexer_init(struct lexer *lexer, const char *text, size_t len);
struct token lexer_next(struct lexer *lexer);
bool token_is(const struct token *token, const char *name); /* a name or keyword */

#endif
