/* bind/source_scope.c - finds assignments in `evaluate` to locals of the file's own level.
 *
 * One pass with a stack of what is open. A name counts as assigned when it stands in a list of
 * names before `=` where a statement may stand (inside a block, not inside brackets). */
#include "moontide/bind/source.h"

#include "lexer.h"
#include "moontide/base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCOPES_MAX = 400, NAMES_MAX = 2000, TARGETS_MAX = 32, NAME_TEXT_MAX = 64 };

struct name {
    const char *text;
    size_t len;
    bool file_level;
};

struct scope {
    int kind; /* '(' '[' '{', or 'B' a block, 'F' a for that has no `do` yet */
    size_t names;
    bool evaluate; /* inside the function of that name */
};

struct walk {
    struct lexer lexer;
    struct token before[2], token, next;
    struct scope scopes[SCOPES_MAX];
    size_t depth;
    struct name names[NAMES_MAX];
    size_t name_count;
    struct token targets[TARGETS_MAX];
    size_t target_count;
    void (*each)(void *data, const char *name, int line, int column);
    void *data;
    bool too_much;
};

static void advance(struct walk *w)
{
    w->before[1] = w->before[0];
    w->before[0] = w->token;
    w->token = w->next;
    w->next = lexer_next(&w->lexer);
}

static void open(struct walk *w, int kind, bool evaluate)
{
    if (w->depth == SCOPES_MAX) {
        w->too_much = true;
        return;
    }
    bool inside = w->depth > 0 && w->scopes[w->depth - 1].evaluate;
    w->scopes[w->depth++] =
        (struct scope){.kind = kind, .names = w->name_count, .evaluate = evaluate || inside};
    w->target_count = 0;
}

static void leave(struct walk *w)
{
    if (w->depth > 0) w->name_count = w->scopes[--w->depth].names;
    w->target_count = 0;
}

static void declare(struct walk *w, const struct token *token)
{
    if (w->name_count == NAMES_MAX)
        w->too_much = true;
    else
        w->names[w->name_count++] =
            (struct name){.text = token->text, .len = token->len, .file_level = w->depth == 0};
}

static void report(struct walk *w, const struct token *token)
{
    for (size_t i = w->name_count; i-- > 0;) {
        const struct name *name = &w->names[i];
        if (name->len != token->len || memcmp(name->text, token->text, token->len) != 0) continue;
        if (name->file_level && w->depth > 0 && w->scopes[w->depth - 1].evaluate) {
            char text[NAME_TEXT_MAX];
            snprintf(text, sizeof text, "%.*s", (int)token->len, token->text);
            w->each(w->data, text, token->line, token->column);
        }
        return;
    }
}

/* `function` was just read: its name, if any, and its parameters, which belong to its body. */
static void function_head(struct walk *w, bool is_local)
{
    bool evaluate = token_is(&w->before[1], "evaluate") && w->before[0].kind == '=';
    while (w->next.kind == TOKEN_NAME || w->next.kind == '.' || w->next.kind == ':') {
        advance(w);
        evaluate = token_is(&w->token, "evaluate");
        if (is_local && w->token.kind == TOKEN_NAME) declare(w, &w->token);
    }
    open(w, 'B', evaluate);
    if (w->next.kind != '(') return;
    do {
        advance(w);
        if (w->token.kind == TOKEN_NAME) declare(w, &w->token);
    } while (w->next.kind != ')' && w->next.kind != TOKEN_END);
    advance(w);
}

/* The names of `local a <const>, b` or `for i, v`. */
static void name_list(struct walk *w)
{
    while (w->next.kind == TOKEN_NAME && !token_is(&w->next, "in")) {
        advance(w);
        declare(w, &w->token);
        if (w->next.kind == '<') {
            advance(w);
            advance(w);
            advance(w);
        }
        if (w->next.kind != ',') break;
        advance(w);
    }
    if (w->next.kind == '=') advance(w); /* so that it is not taken for an assignment */
}

static void keyword(struct walk *w)
{
    const struct token *t = &w->token;
    struct scope *top = w->depth ? &w->scopes[w->depth - 1] : NULL;
    if (token_is(t, "local")) {
        bool function = token_is(&w->next, "function");
        if (function) advance(w);
        if (function)
            function_head(w, true);
        else
            name_list(w);
    } else if (token_is(t, "function")) {
        function_head(w, false);
    } else if (token_is(t, "for")) {
        open(w, 'F', false);
        name_list(w);
    } else if (token_is(t, "do") && top && top->kind == 'F') {
        top->kind = 'B';
    } else if (token_is(t, "do") || token_is(t, "if") || token_is(t, "repeat")) {
        open(w, 'B', false);
    } else if (token_is(t, "else") || token_is(t, "elseif")) {
        leave(w);
        open(w, 'B', false);
    } else if (token_is(t, "end") || token_is(t, "until")) {
        leave(w);
    } else {
        bool statement = !top || top->kind == 'B';
        bool plain = w->before[0].kind != '.' && w->before[0].kind != ':';
        if (statement && plain && (w->next.kind == ',' || w->next.kind == '=') &&
            w->target_count < TARGETS_MAX)
            w->targets[w->target_count++] = *t;
        else
            w->target_count = 0;
    }
}

static void look_at(struct walk *w)
{
    switch (w->token.kind) {
    case '(':
    case '[':
    case '{': open(w, w->token.kind, false); return;
    case ')':
    case ']':
    case '}': leave(w); return;
    case '=':
        for (size_t i = 0; i < w->target_count; i++)
            report(w, &w->targets[i]);
        w->target_count = 0;
        return;
    case ',': return;
    case TOKEN_NAME: keyword(w); return;
    default: w->target_count = 0; return;
    }
}

int source_assigned_locals(const char *text, size_t len,
                           void (*each)(void *data, const char *name, int line, int column),
                           void *data)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w) return ERR_NOMEM;
    w->each = each;
    w->data = data;
    lexer_init(&w->lexer, text, len);
    w->token = lexer_next(&w->lexer);
    w->next = lexer_next(&w->lexer);
    while (w->token.kind != TOKEN_END && !w->too_much) {
        look_at(w);
        advance(w);
    }
    free(w);
    return OK;
}
