/* bind/source_items.c - on which lines the nameless tables of a nested list stand. */
#include "moontide/bind/source.h"

#include "lexer.h"

#include <stdbool.h>
#include <string.h>

enum { OPEN_MAX = 200 };

struct walk {
    struct token before[2];
    bool item[OPEN_MAX]; /* the bracket at this depth is the named table, or a nameless one in it */
    size_t depth, base;  /* base: the depth of the named table; 0: not inside of one */
    size_t named;        /* how many tables of that name there are */
    int *lines;
    size_t max, count;
};

static void add_line(struct walk *w, int line)
{
    if (w->count < w->max) w->lines[w->count] = line;
    w->count++;
}

static void enter(struct walk *w, const struct token *token, const char *name)
{
    const struct token *before = &w->before[0];
    bool item = false;
    if (w->depth == OPEN_MAX) return;
    if (token->kind == '{' && before->kind == '=' && w->base == 0 &&
        w->before[1].kind == TOKEN_NAME && token_is(&w->before[1], name)) {
        item = true;
        w->base = w->depth + 1;
        w->named++;
    } else if (token->kind == '{' && w->depth > 0 && w->item[w->depth - 1]) {
        item = before->kind == '{' || before->kind == ',' || before->kind == ';';
    }
    if (item) add_line(w, token->line);
    w->item[w->depth++] = item;
}

static void leave(struct walk *w)
{
    if (w->depth > 0) w->depth--;
    if (w->depth < w->base) w->base = 0;
}

size_t source_items(const struct source *source, const char *name, int *lines, size_t max)
{
    struct walk w = {.lines = lines, .max = max};
    struct lexer lexer;
    const char *text = source_text(source);
    lexer_init(&lexer, text, strlen(text));
    for (struct token token = lexer_next(&lexer); token.kind != TOKEN_END;
         token = lexer_next(&lexer)) {
        if (token.kind == '{' || token.kind == '(' || token.kind == '[')
            enter(&w, &token, name);
        else if (token.kind == '}' || token.kind == ')' || token.kind == ']')
            leave(&w);
        w.before[1] = w.before[0];
        w.before[0] = token;
    }
    return w.named == 1 && w.depth == 0 && w.count <= max ? w.count : 0;
}
