/* bind/syntax.c - the tree's memory, its names, and the tokens that the parser reads. */
#include "syntax_parse.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 32 * 1024,
    DEPTH_MAX = 180, /* Lua's own is 200 C levels (LUAI_MAXCCALLS) */
};

struct chunk {
    struct chunk *next;
    size_t used;
    alignas(max_align_t) char bytes[CHUNK_BYTES];
};

struct syntax {
    struct chunk *chunks;
    struct block *file;
    const struct expr *expressions;
    const struct stat *statements;
    const struct expr **last_expression;
    const struct stat **last_statement;
};

/* ---- memory ---- */

void *parser_new(struct parser *p, size_t size)
{
    struct syntax *s = p->syntax;
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (p->code < 0) return NULL;
    if (size > CHUNK_BYTES) {
        parser_fail(p, ERR_LIMIT);
        return NULL;
    }
    if (!s->chunks || s->chunks->used + size > CHUNK_BYTES) {
        struct chunk *chunk = malloc(sizeof *chunk);
        if (!chunk) {
            parser_fail(p, ERR_NOMEM);
            return NULL;
        }
        chunk->next = s->chunks;
        chunk->used = 0;
        s->chunks = chunk;
    }
    void *made = s->chunks->bytes + s->chunks->used;
    s->chunks->used += size;
    return memset(made, 0, size);
}

void parser_fail(struct parser *p, int code)
{
    if (p->code == OK) {
        p->code = code;
        p->failed = parser_here(p);
        p->failed.end = p->lexer.at > p->failed.begin ? p->lexer.at : p->failed.begin;
    }
    p->token.kind = TOKEN_END;
    p->keyword = KEY_NONE;
}

/* ---- tokens ---- */

static enum keyword keyword_of(const struct token *token)
{
    static const struct {
        const char *text;
        enum keyword keyword;
    } words[] = {
        {"and", KEY_AND},     {"break", KEY_BREAK},   {"do", KEY_DO},
        {"else", KEY_ELSE},   {"elseif", KEY_ELSEIF}, {"end", KEY_END},
        {"false", KEY_FALSE}, {"for", KEY_FOR},       {"function", KEY_FUNCTION},
        {"goto", KEY_GOTO},   {"if", KEY_IF},         {"in", KEY_IN},
        {"local", KEY_LOCAL}, {"nil", KEY_NIL},       {"not", KEY_NOT},
        {"or", KEY_OR},       {"repeat", KEY_REPEAT}, {"return", KEY_RETURN},
        {"then", KEY_THEN},   {"true", KEY_TRUE},     {"until", KEY_UNTIL},
        {"while", KEY_WHILE},
    };
    if (token->kind != TOKEN_NAME || token->len > 8) return KEY_NONE;
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (words[i].text[0] == token->text[0] && token_is(token, words[i].text))
            return words[i].keyword;
    return KEY_NONE;
}

void parser_advance(struct parser *p)
{
    if (p->code < 0) return;
    p->before = p->lexer.at;
    p->token = lexer_next(&p->lexer);
    p->keyword = keyword_of(&p->token);
}

bool parser_take(struct parser *p, int kind, const char *op)
{
    bool same = p->token.kind == kind && p->keyword == KEY_NONE;
    if (same && op)
        same = strlen(op) == p->token.len && memcmp(op, p->token.text, p->token.len) == 0;
    if (same) parser_advance(p);
    return same;
}

bool parser_take_keyword(struct parser *p, enum keyword keyword)
{
    if (p->keyword != keyword) return false;
    parser_advance(p);
    return true;
}

void parser_expect(struct parser *p, int kind)
{
    if (!parser_take(p, kind, NULL)) parser_fail(p, ERR_PARSE);
}

void parser_expect_keyword(struct parser *p, enum keyword keyword)
{
    if (!parser_take_keyword(p, keyword)) parser_fail(p, ERR_PARSE);
}

struct span parser_here(const struct parser *p)
{
    return (struct span){.begin = p->token.begin, .line = p->token.line, .column = p->token.column};
}

void parser_close_span(const struct parser *p, struct span *span)
{
    span->end = p->before > span->begin ? p->before : span->begin;
}

bool parser_enter(struct parser *p)
{
    if (++p->depth > DEPTH_MAX) parser_fail(p, ERR_LIMIT);
    return p->code == OK;
}

/* ---- nodes ---- */

const struct guard *parser_guard(struct parser *p, const struct expr *condition, bool holds)
{
    struct guard *guard = condition ? parser_new(p, sizeof *guard) : NULL;
    if (!guard) return p->guard;
    *guard = (struct guard){condition, holds, p->guard};
    return guard;
}

struct variable *parser_declare(struct parser *p, const struct token *name)
{
    struct variable *variable = parser_new(p, sizeof *variable);
    if (!variable) return NULL;
    variable->name = (struct piece){name->text, name->len};
    variable->span = (struct span){name->text, name->text + name->len, name->line, name->column};
    variable->owner = p->function;
    variable->shadowed = p->scope;
    p->scope = variable;
    return variable;
}

struct variable *parser_find(const struct parser *p, const struct token *name)
{
    const struct variable *at = p->scope;
    while (at && (at->name.len != name->len || memcmp(at->name.text, name->text, name->len) != 0))
        at = at->shadowed;
    return (struct variable *)at;
}

struct expr *parser_expr(struct parser *p, enum expr_kind kind, struct span begin)
{
    struct expr *expr = parser_new(p, sizeof *expr);
    if (!expr) return NULL;
    expr->kind = kind;
    expr->span = begin;
    expr->stat = p->stat;
    expr->guard = p->guard;
    expr->in = p->function;
    return expr;
}

void parser_keep_expr(struct parser *p, struct expr *expr)
{
    if (!expr) return;
    parser_close_span(p, &expr->span);
    *p->syntax->last_expression = expr;
    p->syntax->last_expression = &expr->all_next;
}

void parser_keep_stat(struct parser *p, struct stat *stat)
{
    if (!stat) return;
    *p->syntax->last_statement = stat;
    p->syntax->last_statement = &stat->all_next;
}

/* ---- the tree ---- */

int syntax_new(const char *text, size_t len, struct syntax **out)
{
    struct span where;
    return syntax_read(text, len, out, &where);
}

int syntax_read(const char *text, size_t len, struct syntax **out, struct span *where)
{
    struct syntax *syntax = calloc(1, sizeof *syntax);
    *where = (struct span){.begin = text, .end = text, .line = 1, .column = 1};
    if (!syntax) return ERR_NOMEM;
    syntax->last_expression = &syntax->expressions;
    syntax->last_statement = &syntax->statements;
    struct parser p = {.syntax = syntax, .before = text};
    lexer_init(&p.lexer, text, len);
    parser_advance(&p);
    syntax->file = parse_block(&p, true);
    if (p.code == OK && p.token.kind != TOKEN_END) parser_fail(&p, ERR_PARSE);
    /* The lexer ends at a zero byte as at the end. */
    if (p.code == OK && p.lexer.at != text + len) parser_fail(&p, ERR_PARSE);
    if (p.code < 0) {
        *where = p.failed;
        syntax_free(syntax);
        return p.code;
    }
    *out = syntax;
    return OK;
}

void syntax_free(struct syntax *syntax)
{
    if (!syntax) return;
    while (syntax->chunks) {
        struct chunk *chunk = syntax->chunks;
        syntax->chunks = chunk->next;
        free(chunk);
    }
    free(syntax);
}

const struct block *syntax_file(const struct syntax *syntax)
{
    return syntax->file;
}

const struct expr *syntax_expressions(const struct syntax *syntax)
{
    return syntax->expressions;
}

const struct stat *syntax_statements(const struct syntax *syntax)
{
    return syntax->statements;
}

/* ---- words ---- */

bool piece_is(struct piece piece, const char *text)
{
    return strlen(text) == piece.len && memcmp(piece.text, text, piece.len) == 0;
}

bool piece_same(struct piece a, struct piece b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
}

const char *piece_copy(struct piece piece, char *out, size_t size)
{
    size_t len = piece.len < size ? piece.len : size - 1;
    memcpy(out, piece.text, len);
    out[len] = '\0';
    return out;
}
