/* bind/syntax_parse.h - what the files of the parser share: its state. */
#ifndef MOONTIDE_BIND_SYNTAX_PARSE_H
#define MOONTIDE_BIND_SYNTAX_PARSE_H

#include "lexer.h"
#include "moontide/bind/syntax.h"

/* Keywords, as the parser asks for them. */
enum keyword {
    KEY_NONE,
    KEY_AND,
    KEY_BREAK,
    KEY_DO,
    KEY_ELSE,
    KEY_ELSEIF,
    KEY_END,
    KEY_FALSE,
    KEY_FOR,
    KEY_FUNCTION,
    KEY_GOTO,
    KEY_IF,
    KEY_IN,
    KEY_LOCAL,
    KEY_NIL,
    KEY_NOT,
    KEY_OR,
    KEY_REPEAT,
    KEY_RETURN,
    KEY_THEN,
    KEY_TRUE,
    KEY_UNTIL,
    KEY_WHILE,
};

struct parser {
    struct syntax *syntax;
    struct lexer lexer;
    struct token token;
    enum keyword keyword; /* of the token */
    const char *before;   /* where the token before it ended */
    int code;             /* the first failure; nothing is built after it */
    struct span failed;   /* the token that it was at */
    int depth;
    struct variable *scope; /* the newest; the others by `shadowed` */
    struct function *function;
    const struct stat *stat;
    const struct block *block;
    const struct guard *guard;
};

/* syntax.c. Memory that lives as long as the tree, zeroed; NULL: none left, and the parser failed.
 */
void *parser_new(struct parser *p, size_t size);
void parser_fail(struct parser *p, int code);
void parser_advance(struct parser *p);
bool parser_take(struct parser *p, int kind, const char *op); /* op: of TOKEN_OPERATOR */
bool parser_take_keyword(struct parser *p, enum keyword keyword);
void parser_expect(struct parser *p, int kind);
void parser_expect_keyword(struct parser *p, enum keyword keyword);
struct span parser_here(const struct parser *p);
void parser_close_span(const struct parser *p, struct span *span); /* ends at the token before */
bool parser_enter(struct parser *p); /* one level deeper; false: too deep */
const struct guard *parser_guard(struct parser *p, const struct expr *condition, bool holds);
struct variable *parser_declare(struct parser *p, const struct token *name);
struct variable *parser_find(const struct parser *p, const struct token *name);
struct expr *parser_expr(struct parser *p, enum expr_kind kind, struct span begin);
void parser_keep_expr(struct parser *p, struct expr *expr); /* it is whole: span, list of all */
void parser_keep_stat(struct parser *p, struct stat *stat);

/* syntax_expr.c */
struct expr *parse_expr(struct parser *p);
struct expr *parse_expr_list(struct parser *p);
struct expr *parse_suffixed(struct parser *p); /* a name, a field, a call */
struct function *parse_function_body(struct parser *p, struct span begin, bool method);

/* syntax_stat.c. A block up to its end word, which is not taken. Its names are gone after it when
 * `scope` is true. */
struct block *parse_block(struct parser *p, bool scope);

#endif
