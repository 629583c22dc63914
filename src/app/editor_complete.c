/* app/editor_complete.c - Tab. */
#include "editor_keys.h"

#include "moontide/app/editor.h"
#include "moontide/base/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_KEPT = 4 /* of the screen, for the line itself and what was before */ };

static const char INDENT[] = "  ";

static void insert_common(EditLine *edit, const struct strbuf *list, size_t typed)
{
    const char *first = strbuf_cstr(list);
    size_t common = strcspn(first, "\n");
    for (const char *at = first; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t n = 0;
        while (n < common && at[n] == first[n])
            n++;
        common = n;
    }
    if (common <= typed) return;
    char *text = strndup(first + typed, common - typed);
    if (text) el_insertstr(edit, text);
    free(text);
}

static const char *next_word(const char *at)
{
    at += strcspn(at, "\n");
    return at + (*at == '\n');
}

/* The candidates, one a line of `list`, in columns, as many as the screen has room for. */
static void show_columns(const char *list)
{
    size_t widest = 0, count = 0, shown = 0;
    for (const char *at = list; *at; at = next_word(at), count++)
        if (strcspn(at, "\n") > widest) widest = strcspn(at, "\n");
    size_t columns = (size_t)terminal_width(STDOUT_FILENO) / (widest + 2);
    size_t rows = (size_t)terminal_height(STDOUT_FILENO);
    if (columns == 0) columns = 1;
    size_t room = columns * (rows > ROWS_KEPT ? rows - ROWS_KEPT : 1);
    for (const char *at = list; *at && shown < room; at = next_word(at), shown++) {
        int len = (int)strcspn(at, "\n");
        bool last = shown % columns == columns - 1 || shown + 1 == count;
        printf("%s%.*s%*s", shown % columns == 0 ? "\n" : "", len, at,
               last ? 0 : (int)widest + 2 - len, "");
    }
    if (shown < count) printf("\n... and %zu more", count - shown);
    putchar('\n');
    fflush(stdout);
}

/* Nothing is to be completed where a line begins: code that is pasted may be indented by tabs. */
static bool only_blanks(const LineInfo *info)
{
    const char *at = info->cursor;
    while (at > info->buffer && (at[-1] == ' ' || at[-1] == '\t'))
        at--;
    return at > info->buffer ? at[-1] == '\n' : true;
}

static unsigned char complete(EditLine *edit, wint_t key)
{
    struct keys *keys = keys_of(edit);
    struct strbuf list;
    size_t from = 0;
    (void)key;
    const LineInfo *info = el_line(edit);
    size_t len = (size_t)(info->cursor - info->buffer);
    unsigned char result = CC_ERROR;
    if (only_blanks(info)) return el_insertstr(edit, INDENT) < 0 ? CC_ERROR : CC_REFRESH;
    strbuf_init(&list, EDITOR_LINE_MAX);
    if (keys->options.complete(keys->options.data, info->buffer, len, &from, &list) && list.len &&
        from <= len) {
        size_t before = len;
        insert_common(edit, &list, len - from);
        info = el_line(edit);
        result = CC_REFRESH;
        if ((size_t)(info->cursor - info->buffer) == before && strchr(list.data, '\n')) {
            show_columns(strbuf_cstr(&list));
            result = CC_REDISPLAY;
        }
    }
    strbuf_done(&list);
    return result;
}

void keys_bind_complete(EditLine *edit)
{
    /* el_set() would leak copies of the names. */
    el_wset(edit, EL_ADDFN, L"moontide-complete", L"completes names", complete);
    el_set(edit, EL_BIND, "^I", "moontide-complete", NULL);
}
