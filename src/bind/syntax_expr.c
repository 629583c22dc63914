/* bind/syntax_expr.c - expressions, by precedence climbing (Lua 5.4 Reference Manual, 3.4.8). */
#include "syntax_parse.h"

#include <string.h>

/* ---- operators ---- */

struct binary {
    const char *text;
    enum operator op;
    int left, right; /* binding power on each side: right is lower for those that group so */
};

static const struct binary binaries[] = {
    {"<", OP_LT, 3, 3},      {">", OP_GT, 3, 3},    {"<=", OP_LE, 3, 3},   {">=", OP_GE, 3, 3},
    {"~=", OP_NE, 3, 3},     {"==", OP_EQ, 3, 3},   {"|", OP_BOR, 4, 4},   {"~", OP_BXOR, 5, 5},
    {"&", OP_BAND, 6, 6},    {"<<", OP_SHL, 7, 7},  {">>", OP_SHR, 7, 7},  {"..", OP_CONCAT, 9, 8},
    {"+", OP_ADD, 10, 10},   {"-", OP_SUB, 10, 10}, {"*", OP_MUL, 11, 11}, {"/", OP_DIV, 11, 11},
    {"//", OP_IDIV, 11, 11}, {"%", OP_MOD, 11, 11}, {"^", OP_POW, 14, 13},
};
static const struct binary word_or = {"or", OP_OR, 1, 1}, word_and = {"and", OP_AND, 2, 2};
enum { UNARY_POWER = 12 };

static const struct binary *binary_here(const struct parser *p)
{
    if (p->keyword == KEY_OR) return &word_or;
    if (p->keyword == KEY_AND) return &word_and;
    if (p->keyword != KEY_NONE || p->token.kind == TOKEN_STRING || p->token.kind == TOKEN_END)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(binaries); i++)
        if (strlen(binaries[i].text) == p->token.len &&
            memcmp(binaries[i].text, p->token.text, p->token.len) == 0)
            return &binaries[i];
    return NULL;
}

static enum operator unary_here(const struct parser *p)
{
    if (p->keyword == KEY_NOT) return OP_NOT;
    if (p->keyword != KEY_NONE) return OP_NONE;
    switch (p->token.kind) {
    case '#': return OP_LEN;
    case '-': return OP_NEG;
    case '~': return OP_BNOT;
    default: return OP_NONE;
    }
}

static void adopt(struct expr *parent, const struct expr *child)
{
    if (parent && child) ((struct expr *)(uintptr_t)child)->parent = parent;
}

/* ---- tables ---- */

static const struct expr *name_as_string(struct parser *p)
{
    struct expr *key = parser_expr(p, EXPR_STRING, parser_here(p));
    if (key) {
        key->text = (struct piece){p->token.text, p->token.len};
        key->plain = true;
    }
    parser_advance(p);
    if (key) parser_close_span(p, &key->span);
    return key;
}

/* Whether a name is followed by one "=", which begins a field. */
static bool field_here(const struct parser *p)
{
    struct lexer ahead = p->lexer;
    return p->token.kind == TOKEN_NAME && p->keyword == KEY_NONE && lexer_next(&ahead).kind == '=';
}

static struct item *parse_item(struct parser *p, struct expr *table)
{
    struct item *item = parser_new(p, sizeof *item);
    if (!item) return NULL;
    item->span = parser_here(p);
    if (field_here(p)) {
        item->key = name_as_string(p);
        parser_close_span(p, &item->span);
        parser_expect(p, '=');
    } else if (parser_take(p, '[', NULL)) {
        item->key = parse_expr(p);
        parser_expect(p, ']');
        parser_close_span(p, &item->span);
        parser_expect(p, '=');
    }
    adopt(table, item->key);
    struct expr *value = parse_expr(p);
    if (!value) return NULL;
    if (!item->key) item->span = value->span;
    value->item = item;
    item->value = value;
    adopt(table, value);
    return item;
}

static struct expr *parse_table(struct parser *p)
{
    struct expr *table = parser_expr(p, EXPR_TABLE, parser_here(p));
    const struct item **last = table ? &table->items : NULL;
    parser_expect(p, '{');
    while (p->code == OK && p->token.kind != '}') {
        struct item *item = parse_item(p, table);
        if (!item || !last) return NULL;
        *last = item;
        last = (const struct item **)&item->next;
        if (!parser_take(p, ',', NULL) && !parser_take(p, ';', NULL)) break;
    }
    parser_expect(p, '}');
    parser_keep_expr(p, table);
    return table;
}

/* ---- functions ---- */

static void parse_parameters(struct parser *p, struct function *function)
{
    enum { PARAMETERS_MAX = 200 };
    struct variable *parameters[PARAMETERS_MAX];
    size_t count = 0;
    if (function->method) {
        struct token self = p->token;
        self.text = "self";
        self.len = 4;
        parameters[count++] = parser_declare(p, &self);
    }
    while (p->code == OK && p->token.kind != ')') {
        if (parser_take(p, TOKEN_OPERATOR, "...")) {
            function->vararg = true;
            break;
        }
        if (p->token.kind != TOKEN_NAME || p->keyword != KEY_NONE || count == PARAMETERS_MAX) {
            parser_fail(p, ERR_PARSE);
            return;
        }
        parameters[count] = parser_declare(p, &p->token);
        if (!parameters[count]) return;
        parameters[count++]->parameter = true;
        parser_advance(p);
        if (!parser_take(p, ',', NULL)) break;
    }
    parser_expect(p, ')');
    function->parameters = parser_new(p, (count + 1) * sizeof *parameters);
    if (!function->parameters) return;
    memcpy(function->parameters, parameters, count * sizeof *parameters);
    function->parameter_count = count;
}

struct function *parse_function_body(struct parser *p, struct span begin, bool method)
{
    struct function *function = parser_new(p, sizeof *function);
    if (!function || !parser_enter(p)) return NULL;
    struct parser outer = *p;
    *function = (struct function){.span = begin, .method = method, .outer = p->function};
    p->function = function;
    p->block = NULL;
    parser_expect(p, '(');
    parse_parameters(p, function);
    function->body = parse_block(p, true);
    p->scope = outer.scope;
    p->function = (struct function *)function->outer;
    p->block = outer.block;
    p->stat = outer.stat;
    p->guard = outer.guard;
    p->depth = outer.depth - 1;
    parser_expect_keyword(p, KEY_END);
    parser_close_span(p, &function->span);
    return function;
}

static struct expr *parse_function(struct parser *p)
{
    struct span begin = parser_here(p);
    struct expr *expr = parser_expr(p, EXPR_FUNCTION, begin);
    parser_advance(p);
    struct function *function = parse_function_body(p, begin, false);
    if (!expr) return NULL;
    expr->function = function;
    parser_keep_expr(p, expr);
    return expr;
}

/* ---- names, fields, calls ---- */

static struct expr *parse_name(struct parser *p)
{
    struct expr *expr = parser_expr(p, EXPR_NAME, parser_here(p));
    if (!expr) return NULL;
    expr->text = (struct piece){p->token.text, p->token.len};
    expr->variable = parser_find(p, &p->token);
    if (expr->variable) expr->variable->uses++;
    parser_advance(p);
    parser_keep_expr(p, expr);
    return expr;
}

static struct expr *parse_primary(struct parser *p)
{
    if (p->token.kind == TOKEN_NAME && p->keyword == KEY_NONE) return parse_name(p);
    struct expr *expr = parser_expr(p, EXPR_PAREN, parser_here(p));
    parser_expect(p, '(');
    const struct expr *inner = parse_expr(p);
    parser_expect(p, ')');
    if (!expr) return NULL;
    expr->left = inner;
    adopt(expr, inner);
    parser_keep_expr(p, expr);
    return expr;
}

/* The arguments of a call: (...), a string, or a table. */
static void parse_arguments(struct parser *p, struct expr *call)
{
    if (parser_take(p, '(', NULL)) {
        if (p->token.kind != ')') call->list = parse_expr_list(p);
        parser_expect(p, ')');
    } else if (p->token.kind == '{') {
        call->list = parse_table(p);
    } else if (p->token.kind == TOKEN_STRING) {
        call->list = parse_expr(p);
    } else {
        parser_fail(p, ERR_PARSE);
    }
    for (const struct expr *argument = call->list; argument; argument = argument->next)
        adopt(call, argument);
}

static struct expr *parse_index(struct parser *p, struct expr *left, bool dot)
{
    struct expr *expr = parser_expr(p, EXPR_INDEX, left->span);
    if (!expr) return NULL;
    if (left->kind == EXPR_NAME && left->variable) left->variable->index_uses++;
    if (dot && (p->token.kind != TOKEN_NAME || p->keyword != KEY_NONE)) parser_fail(p, ERR_PARSE);
    expr->text_span = parser_here(p);
    expr->right = dot ? name_as_string(p) : parse_expr(p);
    if (expr->right && expr->right->kind == EXPR_STRING) expr->text = expr->right->text;
    parser_close_span(p, &expr->text_span);
    if (!dot) parser_expect(p, ']');
    adopt(expr, expr->right);
    return expr;
}

static struct expr *parse_method(struct parser *p, const struct expr *left)
{
    struct expr *expr = parser_expr(p, EXPR_METHOD, left->span);
    if (p->token.kind != TOKEN_NAME || p->keyword != KEY_NONE) parser_fail(p, ERR_PARSE);
    if (!expr) return NULL;
    expr->text = (struct piece){p->token.text, p->token.len};
    expr->text_span = parser_here(p);
    parser_advance(p);
    parser_close_span(p, &expr->text_span);
    parse_arguments(p, expr);
    return expr;
}

static bool arguments_here(const struct parser *p)
{
    return p->token.kind == '(' || p->token.kind == '{' || p->token.kind == TOKEN_STRING;
}

struct expr *parse_suffixed(struct parser *p)
{
    struct expr *left = parse_primary(p);
    while (p->code == OK && left) {
        struct expr *expr = NULL;
        if (parser_take(p, '.', NULL)) {
            expr = parse_index(p, left, true);
        } else if (parser_take(p, '[', NULL)) {
            expr = parse_index(p, left, false);
        } else if (parser_take(p, ':', NULL)) {
            expr = parse_method(p, left);
        } else if (arguments_here(p)) {
            expr = parser_expr(p, EXPR_CALL, left->span);
            if (expr) parse_arguments(p, expr);
        } else {
            break;
        }
        if (!expr) return NULL;
        expr->left = left;
        adopt(expr, left);
        parser_keep_expr(p, expr);
        left = expr;
    }
    return left;
}

/* ---- the rest ---- */

static struct expr *parse_literal(struct parser *p, enum expr_kind kind)
{
    struct expr *expr = parser_expr(p, kind, parser_here(p));
    if (expr) {
        expr->text = (struct piece){p->token.text, p->token.len};
        expr->plain = kind == EXPR_STRING && !memchr(p->token.text, '\\', p->token.len) &&
                      p->token.begin + 1 == p->token.text; /* a long one may begin with a newline */
    }
    parser_advance(p);
    parser_keep_expr(p, expr);
    return expr;
}

static struct expr *parse_simple(struct parser *p)
{
    switch (p->keyword) {
    case KEY_NIL: return parse_literal(p, EXPR_NIL);
    case KEY_TRUE: return parse_literal(p, EXPR_TRUE);
    case KEY_FALSE: return parse_literal(p, EXPR_FALSE);
    case KEY_FUNCTION: return parse_function(p);
    default: break;
    }
    switch (p->token.kind) {
    case TOKEN_NUMBER: return parse_literal(p, EXPR_NUMBER);
    case TOKEN_STRING: return parse_literal(p, EXPR_STRING);
    case '{': return parse_table(p);
    case TOKEN_OPERATOR:
        if (p->token.len == 3 && memcmp(p->token.text, "...", 3) == 0)
            return parse_literal(p, EXPR_VARARG);
        break;
    default: return parse_suffixed(p);
    }
    parser_fail(p, ERR_PARSE);
    return NULL;
}

static struct expr *parse_power(struct parser *p, int least);

static struct expr *parse_unary(struct parser *p)
{
    enum operator op = unary_here(p);
    if (op == OP_NONE) return parse_simple(p);
    struct expr *expr = parser_expr(p, EXPR_UNARY, parser_here(p));
    parser_advance(p);
    const struct expr *operand = parse_power(p, UNARY_POWER);
    if (!expr) return NULL;
    expr->op = op;
    expr->left = operand;
    adopt(expr, operand);
    parser_keep_expr(p, expr);
    return expr;
}

/* The right side of `and` is reached when the left was true, that of `or` when it was not. */
static struct expr *parse_power(struct parser *p, int least)
{
    if (!parser_enter(p)) return NULL;
    struct expr *left = parse_unary(p);
    const struct binary *binary = binary_here(p);
    while (p->code == OK && left && binary && binary->left > least) {
        struct expr *expr = parser_expr(p, EXPR_BINARY, left->span);
        const struct guard *outer = p->guard;
        parser_advance(p);
        if (binary->op == OP_AND || binary->op == OP_OR)
            p->guard = parser_guard(p, left, binary->op == OP_AND);
        const struct expr *right = parse_power(p, binary->right);
        p->guard = outer;
        if (!expr) return NULL;
        expr->op = binary->op;
        expr->left = left;
        expr->right = right;
        adopt(expr, left);
        adopt(expr, right);
        parser_keep_expr(p, expr);
        left = expr;
        binary = binary_here(p);
    }
    p->depth--;
    return p->code == OK ? left : NULL;
}

struct expr *parse_expr(struct parser *p)
{
    return parse_power(p, 0);
}

struct expr *parse_expr_list(struct parser *p)
{
    struct expr *first = parse_expr(p), *last = first;
    while (last && parser_take(p, ',', NULL)) {
        struct expr *more = parse_expr(p);
        if (!more) return NULL;
        last->next = more;
        last = more;
    }
    return first;
}
