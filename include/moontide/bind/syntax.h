/* bind/syntax.h - the text of a Lua 5.4 file as a tree, for the findings of `check`. Source: Lua
 * 5.4 Reference Manual, sections 3 and 9.
 *
 * Names are resolved while it is read: a name expression points at the variable it means, or at
 * none when it is a global. Each expression and statement knows its `guard`: the conditions that
 * hold, or do not, whenever it is reached - of `if`, `while`, `and`, `or`, and of an `if` before
 * it in the same block whose body leaves. So the findings are loops over flat lists, no walks.
 *
 * It is read after Lua itself has compiled the same text; what is no Lua is ERR_PARSE, and nothing
 * is said about it here. The tree points into the text, which must outlive it. */
#ifndef MOONTIDE_BIND_SYNTAX_H
#define MOONTIDE_BIND_SYNTAX_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece {
    const char *text;
    size_t len;
};

/* Lines and columns from 1, columns in bytes. */
struct span {
    const char *begin, *end;
    int line, column;
};

enum expr_kind {
    EXPR_NIL,
    EXPR_TRUE,
    EXPR_FALSE,
    EXPR_NUMBER,
    EXPR_STRING,
    EXPR_VARARG,
    EXPR_FUNCTION,
    EXPR_NAME,
    EXPR_INDEX,  /* left.text, left[right] */
    EXPR_CALL,   /* left(list) */
    EXPR_METHOD, /* left:text(list) */
    EXPR_UNARY,
    EXPR_BINARY,
    EXPR_TABLE,
    EXPR_PAREN,
};

enum operator{
    OP_NONE,
    OP_OR,
    OP_AND,
    OP_LT,
    OP_GT,
    OP_LE,
    OP_GE,
    OP_NE,
    OP_EQ,
    OP_BOR,
    OP_BXOR,
    OP_BAND,
    OP_SHL,
    OP_SHR,
    OP_CONCAT,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_IDIV,
    OP_MOD,
    OP_POW,
    OP_NOT,
    OP_LEN,
    OP_NEG,
    OP_BNOT,
};

struct expr;
struct stat;
struct block;

/* What is known when something is reached; NULL: nothing. */
struct guard {
    const struct expr *condition;
    bool holds; /* it was true; else it was false or nil */
    const struct guard *outer;
};

struct variable {
    struct piece name;
    struct span span;
    const struct expr *init; /* local x = init: the value of just this one; NULL: not known */
    const struct function *owner;
    const struct variable *shadowed; /* while it is read: the one declared before */
    uint32_t writes;                 /* assignments after it was declared */
    uint32_t uses, index_uses;       /* names of it; those in front of a . or [ */
    bool mutated;                    /* v.x = ..., v.x.y = ..., function v.x() */
    bool parameter;
    int role; /* what the reader knows of it; 0 at first */
};

struct function {
    struct span span;
    struct variable **parameters; /* shape: [parameter_count] */
    size_t parameter_count;
    bool vararg, method;
    bool entry; /* the reader's: the host calls it */
    struct block *body;
    const struct function *outer; /* NULL: the file */
};

struct item { /* of a table constructor */
    struct item *next;
    struct span span;       /* of the key, or of the value of one without */
    const struct expr *key; /* NULL: of the list part; a name is an EXPR_STRING */
    const struct expr *value;
};

struct expr {
    enum expr_kind kind;
    enum operator op;
    struct span span;
    struct piece text; /* a name, a number, a string without its quotes, the field after . or : */
    struct span text_span;
    bool plain; /* a string that holds no escapes */
    const struct expr *left, *right;
    const struct expr *list;     /* arguments */
    const struct expr *next;     /* in a list */
    const struct expr *parent;   /* NULL: it is the statement's own */
    const struct stat *stat;     /* that it stands in */
    const struct item *items;    /* of a table */
    const struct item *item;     /* that it is the value of; NULL: of none */
    struct variable *variable;   /* NULL: a global */
    struct function *function;   /* that it makes */
    const struct function *in;   /* that it stands in */
    const struct guard *guard;   /* NULL: always reached, as far as is known */
    const struct expr *all_next; /* in the order of the text, by where they end */
};

enum stat_kind {
    STAT_LOCAL,
    STAT_ASSIGN,
    STAT_CALL,
    STAT_DO,
    STAT_WHILE,
    STAT_REPEAT,
    STAT_IF,
    STAT_FOR,
    STAT_FUNCTION,
    STAT_RETURN,
    STAT_LEAVE, /* break, goto */
    STAT_LABEL,
};

struct arm { /* of an if */
    struct arm *next;
    struct span span;
    const struct expr *condition; /* NULL: else */
    struct block *body;
};

struct stat {
    enum stat_kind kind;
    struct span span;
    struct stat *next;
    const struct expr *targets, *values; /* lists */
    struct variable **variables;         /* shape: [variable_count]: of local, for */
    size_t variable_count;
    struct arm *arms;   /* of if */
    struct block *body; /* of do, while, repeat, for */
    const struct block *in;
    const struct guard *guard;
    const struct stat *all_next;
};

struct block {
    struct stat *first;
    const struct stat *of; /* the statement that it belongs to; NULL: a function's or the file's */
    const struct arm *arm; /* that it is the body of; NULL: of none */
    bool leaves;           /* its last statement returns, breaks, jumps, or calls error */
};

struct syntax;

/* ERR_PARSE: no Lua. ERR_LIMIT: nested deeper than Lua allows. ERR_NOMEM. */
MUST_CHECK int syntax_new(const char *text, size_t len, struct syntax **out);
/* The same; where: the token at which it was given up. */
MUST_CHECK int syntax_read(const char *text, size_t len, struct syntax **out, struct span *where);
void syntax_free(struct syntax *syntax);                            /* NULL is allowed */
const struct block *syntax_file(const struct syntax *syntax);       /* its own statements */
const struct expr *syntax_expressions(const struct syntax *syntax); /* all: by all_next */
const struct stat *syntax_statements(const struct syntax *syntax);  /* all: by all_next */

bool piece_is(struct piece piece, const char *text);
bool piece_same(struct piece a, struct piece b);
/* As a C string, cut where it does not fit. Answers out. */
const char *piece_copy(struct piece piece, char *out, size_t size);

#endif
