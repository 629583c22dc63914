/* app/check_explain.c - a section of docs/check.md is found by its heading, "### CODE". */
#include "moontide/app/check_explain.h"

#include "moontide/base/err.h"
#include "moontide/bind/diagnostic.h"
#include "moontide/vm/prelude.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void list(void)
{
    for (const struct diagnostic *at = diagnostics; at->id; at++)
        printf("%-22s %s\n", at->id, at->summary);
}

/* The text behind the heading, up to the next one; NULL: the page has none. */
static const char *section(const struct prelude_file *page, const char *id, size_t *len)
{
    char heading[80];
    int n = snprintf(heading, sizeof heading, "\n### %s\n", id);
    const char *begin = memmem(page->source, page->len, heading, (size_t)n);
    if (!begin) return NULL;
    begin += n;
    const char *end = page->source + page->len, *next = begin;
    while ((next = memmem(next, (size_t)(end - next), "\n##", 3)) != NULL) {
        if (next[3] == ' ' || strncmp(next + 3, "# ", 2) == 0) break;
        next += 3;
    }
    *len = (size_t)((next ? next : end) - begin);
    while (*len > 0 && begin[*len - 1] == '\n')
        (*len)--;
    return begin;
}

/* The page is Markdown: its blocks of code are indented, their fences left out. */
static void print_section(const char *text, size_t len)
{
    bool code = false;
    for (const char *end = text + len; text < end;) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        int width = (int)((stop ? stop : end) - text);
        if (strncmp(text, "```", 3) == 0)
            code = !code;
        else
            printf("%s%.*s\n", code && width > 0 ? "    " : "", width, text);
        text = stop ? stop + 1 : end;
    }
}

int check_explain(const char *id)
{
    size_t len = 0;
    if (strcmp(id, "all") == 0) {
        list();
        return 0;
    }
    const struct diagnostic *diagnostic = diagnostic_find(id);
    const struct prelude_file *page = prelude_find("docs_check");
    const char *text = diagnostic && page ? section(page, id, &len) : NULL;
    if (!diagnostic) {
        const char *nearest = diagnostic_nearest(id);
        fprintf(stderr, "moontide check: there is no code '%s'", id);
        if (nearest) fprintf(stderr, " (did you mean %s?)", nearest);
        fputs("; --explain all lists them\n", stderr);
        return 1;
    }
    printf("%s: %s\n", diagnostic->id, diagnostic->summary);
    if (text) print_section(text, len);
    return 0;
}
