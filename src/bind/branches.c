/* bind/branches.c - finds the ifs of a source by its tokens. Blocks nest, so what is open is a
 * stack; of an if, the arm that is open now: the condition and block of its last `if` or `elseif`.
 */
#include "branches.h"

#include "lexer.h"
#include "moontide/base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 200, BRANCHES_MAX = 10000, TEXT_MAX = 120 };

struct open_block {
    bool is_if;
    size_t arm; /* index of its branch; NONE: it is in its `else` */
};

#define NONE SIZE_MAX

struct scan {
    struct branches *out;
    const char *text, *end;
    struct open_block open[DEPTH_MAX];
    size_t depth, cap;
    size_t waiting; /* the arm whose condition is read; NONE: none */
    size_t first;   /* the arm whose block may begin on the line of its `then` */
};

/* The line that a token stands in, without its indentation. */
static char *line_text(const struct scan *scan, const struct token *token)
{
    const char *begin = token->text, *end = token->text;
    while (begin > scan->text && begin[-1] != '\n')
        begin--;
    while (end < scan->end && *end != '\n' && *end != '\r')
        end++;
    begin += strspn(begin, " \t");
    size_t len = (size_t)(end - begin);
    return strndup(begin, len > TEXT_MAX ? TEXT_MAX : len);
}

static int begin_arm(struct scan *scan, const struct token *token, size_t *arm)
{
    struct branches *out = scan->out;
    if (out->count == BRANCHES_MAX) return ERR_LIMIT;
    if (out->count == scan->cap) {
        size_t cap = scan->cap ? scan->cap * 2 : 32;
        struct branch *items = realloc(out->items, cap * sizeof *items);
        if (!items) return ERR_NOMEM;
        out->items = items;
        scan->cap = cap;
    }
    struct branch *branch = &out->items[out->count];
    *branch = (struct branch){.line = token->line, .text = line_text(scan, token)};
    if (!branch->text) return ERR_NOMEM;
    *arm = scan->waiting = out->count++;
    if (*arm > 0 && out->items[*arm - 1].line == token->line)
        branch->crowded = out->items[*arm - 1].crowded = true;
    return OK;
}

static void end_arm(struct scan *scan, size_t arm, int line)
{
    if (arm == NONE) return;
    scan->out->items[arm].end_line = line;
    if (scan->waiting == arm) scan->waiting = NONE; /* a `then` would come too late */
}

static int push(struct scan *scan, bool is_if, size_t arm)
{
    if (scan->depth == DEPTH_MAX) return ERR_LIMIT;
    scan->open[scan->depth++] = (struct open_block){is_if, arm};
    return OK;
}

static void pop(struct scan *scan, int line)
{
    if (scan->depth == 0) return;
    struct open_block *top = &scan->open[--scan->depth];
    if (top->is_if) end_arm(scan, top->arm, line);
}

static bool is_one_of(const struct token *token, const char *const *names)
{
    for (; *names; names++)
        if (token_is(token, *names)) return true;
    return false;
}

static void note_leaving(struct scan *scan, const struct token *token)
{
    static const char *const leaving[] = {"return", "break", "goto", "error", NULL};
    struct branch *branch = scan->first != NONE ? &scan->out->items[scan->first] : NULL;
    if (!branch) return;
    if (token->line != branch->then_line)
        scan->first = NONE;
    else if (is_one_of(token, leaving))
        branch->leaves = true;
}

/* else and elseif: the arm before it ends. */
static int next_arm(struct scan *scan, const struct token *token, bool has_condition)
{
    struct open_block *top = scan->depth ? &scan->open[scan->depth - 1] : NULL;
    if (!top || !top->is_if) return ERR_PARSE;
    end_arm(scan, top->arm, token->line);
    top->arm = NONE;
    return has_condition ? begin_arm(scan, token, &top->arm) : OK;
}

static int take(struct scan *scan, const struct token *token)
{
    static const char *const openers[] = {"function", "do", "repeat", NULL};
    static const char *const closers[] = {"end", "until", NULL};
    size_t arm = NONE;
    int code = OK;
    if (token->kind != TOKEN_NAME) return OK;
    note_leaving(scan, token);
    if (token_is(token, "if")) {
        code = begin_arm(scan, token, &arm);
        return code < 0 ? code : push(scan, true, arm);
    }
    if (token_is(token, "elseif")) return next_arm(scan, token, true);
    if (token_is(token, "else")) return next_arm(scan, token, false);
    if (token_is(token, "then") && scan->waiting != NONE) {
        scan->out->items[scan->waiting].then_line = token->line;
        scan->first = scan->waiting;
        scan->waiting = NONE;
    } else if (is_one_of(token, openers)) {
        code = push(scan, false, NONE);
    } else if (is_one_of(token, closers)) {
        pop(scan, token->line);
    }
    return code;
}

/* Arms that lack their end (the text is no Lua) are no help. */
static void drop_unfinished(struct branches *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i].then_line && out->items[i].end_line)
            out->items[kept++] = out->items[i];
        else
            free(out->items[i].text);
    }
    out->count = kept;
}

int branches_scan(const char *text, size_t len, struct branches *out)
{
    struct scan scan = {
        .out = out, .text = text, .end = text + len, .waiting = NONE, .first = NONE};
    struct lexer lexer;
    *out = (struct branches){0};
    lexer_init(&lexer, text, len);
    int code = OK;
    while (code == OK) {
        struct token token = lexer_next(&lexer);
        if (token.kind == TOKEN_END) break;
        code = take(&scan, &token);
    }
    drop_unfinished(out);
    if (code != ERR_NOMEM) return OK;
    branches_done(out);
    return ERR_NOMEM;
}

void branches_done(struct branches *branches)
{
    for (size_t i = 0; i < branches->count; i++)
        free(branches->items[i].text);
    free(branches->items);
    *branches = (struct branches){0};
}

const struct branch *branches_at(const struct branches *branches, int line)
{
    size_t low = 0, high = branches->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (branches->items[middle].line < line)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < branches->count && branches->items[low].line == line;
    return found ? &branches->items[low] : NULL;
}
