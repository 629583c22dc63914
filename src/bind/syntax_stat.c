/* bind/syntax_stat.c - statements and blocks (Lua 5.4 Reference Manual, 3.3). */
#include "syntax_parse.h"

#include <string.h>

enum { NAMES_MAX = 200 /* Lua: more local variables are an error */ };

static struct stat *new_stat(struct parser *p, enum stat_kind kind)
{
    struct stat *stat = parser_new(p, sizeof *stat);
    if (!stat) return NULL;
    stat->kind = kind;
    stat->span = parser_here(p);
    stat->in = p->block;
    stat->guard = p->guard;
    p->stat = stat;
    return stat;
}

static struct block *body_of(struct parser *p, struct stat *stat, struct arm *arm, bool scope)
{
    struct block *block = parse_block(p, scope);
    if (!block) return NULL;
    block->of = stat;
    block->arm = arm;
    return block;
}

/* ---- local ---- */

static size_t parse_names(struct parser *p, struct token *names)
{
    size_t count = 0;
    do {
        if (p->token.kind != TOKEN_NAME || p->keyword != KEY_NONE || count == NAMES_MAX) {
            parser_fail(p, ERR_PARSE);
            return 0;
        }
        names[count++] = p->token;
        parser_advance(p);
        if (parser_take(p, '<', NULL)) { /* <const>, <close> */
            parser_expect(p, TOKEN_NAME);
            parser_expect(p, '>');
        }
    } while (parser_take(p, ',', NULL));
    return count;
}

static void declare_names(struct parser *p, struct stat *stat, const struct token *names,
                          size_t count)
{
    stat->variables = parser_new(p, (count + 1) * sizeof(struct variable *));
    if (!stat->variables) return;
    for (size_t i = 0; i < count; i++) {
        struct variable *variable = parser_declare(p, &names[i]);
        if (!variable) return;
        stat->variables[stat->variable_count++] = variable;
    }
}

/* A last value that gives several gives its first to the name in its place. */
static void give_values(struct stat *stat)
{
    const struct expr *value = stat->values;
    for (size_t i = 0; i < stat->variable_count && value; i++, value = value->next)
        stat->variables[i]->init = value;
}

static struct expr *function_expr(struct parser *p, struct span begin, bool method)
{
    struct expr *expr = parser_expr(p, EXPR_FUNCTION, begin);
    struct function *function = parse_function_body(p, begin, method);
    if (!expr) return NULL;
    expr->function = function;
    parser_keep_expr(p, expr);
    return expr;
}

static void parse_local(struct parser *p, struct stat *stat)
{
    struct token names[NAMES_MAX];
    struct span begin = parser_here(p);
    parser_advance(p);
    if (parser_take_keyword(p, KEY_FUNCTION)) {
        names[0] = p->token;
        parser_expect(p, TOKEN_NAME);
        declare_names(p, stat, names, 1); /* known in its own body */
        stat->values = function_expr(p, begin, false);
    } else {
        size_t count = parse_names(p, names);
        if (parser_take(p, '=', NULL)) stat->values = parse_expr_list(p);
        declare_names(p, stat, names, count);
    }
    if (p->code == OK) give_values(stat);
}

/* ---- assignments and calls ---- */

static void wrote(const struct expr *target)
{
    if (target->kind == EXPR_NAME) {
        if (target->variable) target->variable->writes++;
        return;
    }
    while (target->kind == EXPR_INDEX || target->kind == EXPR_PAREN)
        target = target->left;
    if (target->kind == EXPR_NAME && target->variable) target->variable->mutated = true;
}

static void parse_assignment(struct parser *p, struct stat *stat, struct expr *first)
{
    struct expr *last = first;
    stat->kind = STAT_ASSIGN;
    stat->targets = first;
    while (parser_take(p, ',', NULL)) {
        struct expr *more = parse_suffixed(p);
        if (!more) return;
        last->next = more;
        last = more;
    }
    parser_expect(p, '=');
    stat->values = parse_expr_list(p);
    for (const struct expr *target = first; target && p->code == OK; target = target->next) {
        if (target->kind != EXPR_NAME && target->kind != EXPR_INDEX) parser_fail(p, ERR_PARSE);
        wrote(target);
    }
}

static void parse_call_or_assignment(struct parser *p, struct stat *stat)
{
    struct expr *first = parse_suffixed(p);
    if (!first || p->code < 0) return;
    if (p->token.kind == '=' || p->token.kind == ',') {
        parse_assignment(p, stat, first);
        return;
    }
    stat->values = first;
    if (first->kind != EXPR_CALL && first->kind != EXPR_METHOD) parser_fail(p, ERR_PARSE);
}

/* function a.b:c() end */
static void parse_function_stat(struct parser *p, struct stat *stat)
{
    struct span begin = parser_here(p);
    bool method = false;
    parser_advance(p);
    struct expr *name = NULL;
    struct token head = p->token;
    parser_expect(p, TOKEN_NAME);
    name = parser_expr(p, EXPR_NAME, begin);
    if (!name) return;
    name->text = (struct piece){head.text, head.len};
    name->variable = parser_find(p, &head);
    bool field = false;
    while (!method && (p->token.kind == '.' || p->token.kind == ':')) {
        field = true;
        method = p->token.kind == ':';
        parser_advance(p);
        parser_expect(p, TOKEN_NAME);
    }
    if (name->variable && field) name->variable->mutated = true;
    if (name->variable && !field) name->variable->writes++;
    if (name->variable) name->variable->uses++;
    name->span = (struct span){head.begin, head.begin + head.len, head.line, head.column};
    stat->targets = field ? NULL : name;
    stat->values = function_expr(p, begin, method);
}

/* ---- control ---- */

static struct arm *parse_arm(struct parser *p, struct stat *stat, struct span begin, bool is_else)
{
    struct arm *arm = parser_new(p, sizeof *arm);
    if (!arm) return NULL;
    const struct guard *outer = p->guard;
    arm->span = begin;
    if (!is_else) {
        arm->condition = parse_expr(p);
        parser_expect_keyword(p, KEY_THEN);
        p->guard = parser_guard(p, arm->condition, true);
    }
    arm->body = body_of(p, stat, arm, true);
    p->stat = stat;
    p->guard = outer;
    parser_close_span(p, &arm->span);
    return arm;
}

/* Behind an if, the conditions of arms that leave did not hold - as long as all before left too. */
static void guard_after(struct parser *p, const struct stat *stat)
{
    for (const struct arm *arm = stat->arms; arm && arm->condition; arm = arm->next) {
        if (!arm->body || !arm->body->leaves) return;
        p->guard = parser_guard(p, arm->condition, false);
    }
}

static void parse_if(struct parser *p, struct stat *stat)
{
    const struct guard *outer = p->guard;
    struct arm **last = &stat->arms;
    bool is_else = false;
    for (;;) {
        struct span begin = parser_here(p);
        parser_advance(p); /* if, elseif, else */
        struct arm *arm = parse_arm(p, stat, begin, is_else);
        if (!arm || p->code < 0) return;
        *last = arm;
        last = &arm->next;
        if (is_else || (p->keyword != KEY_ELSE && p->keyword != KEY_ELSEIF)) break;
        is_else = p->keyword == KEY_ELSE;
        p->guard = parser_guard(p, arm->condition, false);
    }
    p->guard = outer;
    parser_expect_keyword(p, KEY_END);
    guard_after(p, stat);
}

static void parse_while(struct parser *p, struct stat *stat)
{
    const struct guard *outer = p->guard;
    parser_advance(p);
    const struct expr *condition = stat->values = parse_expr(p);
    parser_expect_keyword(p, KEY_DO);
    p->guard = parser_guard(p, condition, true);
    stat->body = body_of(p, stat, NULL, true);
    p->guard = outer;
    parser_expect_keyword(p, KEY_END);
}

/* The condition sees the names of the body. */
static void parse_repeat(struct parser *p, struct stat *stat)
{
    struct variable *scope = p->scope;
    const struct guard *outer = p->guard;
    parser_advance(p);
    stat->body = body_of(p, stat, NULL, false);
    p->stat = stat;
    parser_expect_keyword(p, KEY_UNTIL);
    stat->values = parse_expr(p);
    p->guard = outer;
    p->scope = scope;
}

static void parse_for(struct parser *p, struct stat *stat)
{
    struct token names[NAMES_MAX];
    struct variable *scope = p->scope;
    parser_advance(p);
    size_t count = parse_names(p, names);
    if (!parser_take(p, '=', NULL)) parser_expect_keyword(p, KEY_IN);
    stat->values = parse_expr_list(p);
    parser_expect_keyword(p, KEY_DO);
    declare_names(p, stat, names, count);
    stat->body = body_of(p, stat, NULL, true);
    p->scope = scope;
    parser_expect_keyword(p, KEY_END);
}

static void parse_return(struct parser *p, struct stat *stat)
{
    parser_advance(p);
    bool empty = p->token.kind == TOKEN_END || p->token.kind == ';' || p->keyword == KEY_END ||
                 p->keyword == KEY_ELSE || p->keyword == KEY_ELSEIF || p->keyword == KEY_UNTIL;
    if (!empty) stat->values = parse_expr_list(p);
    (void)parser_take(p, ';', NULL);
}

static void parse_label(struct parser *p)
{
    parser_advance(p);
    parser_expect(p, TOKEN_NAME);
    if (!parser_take(p, TOKEN_OPERATOR, "::")) parser_fail(p, ERR_PARSE);
}

static struct stat *parse_keyword_stat(struct parser *p)
{
    enum keyword keyword = p->keyword;
    static const enum stat_kind kinds[] = {
        [KEY_LOCAL] = STAT_LOCAL,       [KEY_IF] = STAT_IF,
        [KEY_WHILE] = STAT_WHILE,       [KEY_FOR] = STAT_FOR,
        [KEY_FUNCTION] = STAT_FUNCTION, [KEY_REPEAT] = STAT_REPEAT,
        [KEY_RETURN] = STAT_RETURN,     [KEY_BREAK] = STAT_LEAVE,
        [KEY_GOTO] = STAT_LEAVE,        [KEY_DO] = STAT_DO,
        [KEY_NONE] = STAT_CALL,         [KEY_WHILE + 1] = STAT_CALL,
    };
    struct stat *stat = new_stat(p, kinds[keyword]);
    if (!stat) return NULL;
    switch (keyword) {
    case KEY_LOCAL: parse_local(p, stat); break;
    case KEY_IF: parse_if(p, stat); break;
    case KEY_WHILE: parse_while(p, stat); break;
    case KEY_REPEAT: parse_repeat(p, stat); break;
    case KEY_FOR: parse_for(p, stat); break;
    case KEY_FUNCTION: parse_function_stat(p, stat); break;
    case KEY_RETURN: parse_return(p, stat); break;
    case KEY_BREAK: parser_advance(p); break;
    case KEY_GOTO:
        parser_advance(p);
        parser_expect(p, TOKEN_NAME);
        break;
    case KEY_DO:
        parser_advance(p);
        stat->body = body_of(p, stat, NULL, true);
        parser_expect_keyword(p, KEY_END);
        break;
    case KEY_NONE: parse_call_or_assignment(p, stat); break;
    default: parser_fail(p, ERR_PARSE); break;
    }
    return stat;
}

static struct stat *parse_stat(struct parser *p)
{
    const struct stat *outer = p->stat;
    struct stat *stat = NULL;
    if (!parser_enter(p)) return NULL;
    if (p->token.kind == TOKEN_OPERATOR && p->token.len == 2 && *p->token.text == ':') {
        stat = new_stat(p, STAT_LABEL);
        parse_label(p);
    } else {
        stat = parse_keyword_stat(p);
    }
    p->depth--;
    p->stat = outer;
    if (!stat || p->code < 0) return NULL;
    parser_close_span(p, &stat->span);
    parser_keep_stat(p, stat);
    return stat;
}

static bool block_ends(const struct parser *p)
{
    return p->code < 0 || p->token.kind == TOKEN_END || p->keyword == KEY_END ||
           p->keyword == KEY_ELSE || p->keyword == KEY_ELSEIF || p->keyword == KEY_UNTIL;
}

static bool leaves(const struct stat *stat)
{
    if (!stat) return false;
    if (stat->kind == STAT_RETURN || stat->kind == STAT_LEAVE) return true;
    const struct expr *call = stat->kind == STAT_CALL ? stat->values : NULL;
    return call && call->kind == EXPR_CALL && call->left->kind == EXPR_NAME &&
           !call->left->variable && piece_is(call->left->text, "error");
}

/* A label may be jumped to from elsewhere: what was known before it is known no more. */
struct block *parse_block(struct parser *p, bool scope)
{
    struct block *block = parser_new(p, sizeof *block);
    struct variable *names = p->scope;
    const struct block *outer = p->block;
    const struct guard *guard = p->guard;
    struct stat *last = NULL;
    if (!block) return NULL;
    p->block = block;
    while (!block_ends(p)) {
        if (parser_take(p, ';', NULL)) continue;
        struct stat *stat = parse_stat(p);
        if (!stat) break;
        if (stat->kind == STAT_LABEL) p->guard = guard;
        *(last ? &last->next : &block->first) = stat;
        last = stat;
        if (stat->kind == STAT_RETURN) break;
    }
    block->leaves = leaves(last);
    p->block = outer;
    p->guard = guard;
    if (scope) p->scope = names;
    return p->code == OK ? block : NULL;
}
