/* app/findings_text.c - findings as a compiler shows them:
 *
 *   policies/a.lua:5:3: error: policy: unknown field 'evry' [E-unknown-field]
 *       5 |   evry = "1m",
 *         |   ^~~~
 *         = help: did you mean 'every'? */
#include "moontide/app/findings.h"

#include "moontide/bind/diagnostic.h"

#include <string.h>

enum { SHOWN_MAX = 160 /* bytes of one line */, BEFORE_MAX = 100 };

static const char *const RED = "\033[1;31m", *const YELLOW = "\033[1;33m", *const BOLD = "\033[1m",
                         *const BLUE = "\033[1;34m", *const PLAIN = "\033[0m";

struct printing {
    FILE *out;
    bool color;
};

static void paint(const struct printing *p, const char *color)
{
    if (p->color) fputs(color, p->out);
}

/* What others wrote may hold anything: control characters would reach the terminal. */
static void put(const struct printing *p, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        fputc(c < 0x20 || c == 0x7F ? ' ' : c, p->out);
    }
}

/* ---- the line of the text ---- */

struct window {
    const char *text; /* what is shown of the line */
    size_t len;
    size_t begin, end; /* of what is underlined, in it; equal: nothing */
};

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* A long line is shown around the place. */
static struct window window_of(const char *line, size_t len, const struct fault *fault)
{
    size_t begin = fault->column > 0 ? (size_t)fault->column - 1 : 0, from = 0;
    if (begin > len) begin = len;
    size_t end = fault->end_column > fault->column ? (size_t)fault->end_column - 1 : begin + 1;
    if (fault->column == 0) end = begin;
    if (end > len) end = begin < len ? len : begin;
    if (len > SHOWN_MAX && begin > BEFORE_MAX) from = begin - BEFORE_MAX;
    while (from > 0 && continues(line[from]))
        from--;
    size_t shown = len - from < SHOWN_MAX ? len - from : SHOWN_MAX;
    while (shown > 0 && from + shown < len && continues(line[from + shown]))
        shown--;
    struct window w = {.text = line + from, .len = shown, .begin = begin - from, .end = end - from};
    if (w.end > w.len) w.end = w.len;
    if (w.begin > w.end) w.begin = w.end;
    return w;
}

/* Columns of a terminal that the code point at `at` takes; *len: its bytes. Wide are the scripts of
 * East Asia (Unicode, East Asian Width W and F, the blocks that matter). */
static size_t width_of(const char *at, size_t left, size_t *len)
{
    unsigned char c = (unsigned char)*at;
    size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned long code = n == 1 ? c : c & (0x7Fu >> n);
    if (n > left) n = left;
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    *len = n;
    bool wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                (code >= 0x1F300 && code <= 0x1FAFF);
    return wide ? 2 : 1;
}

/* Whether the line is text: of a file of bytes nothing is shown. */
static bool is_text(const char *text, size_t len)
{
    for (size_t i = 0, bytes; i < len; i += bytes) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t' && c != '\r') || (c >= 0x80 && c < 0xC2) || c > 0xF4)
            return false;
        (void)width_of(text + i, len - i, &bytes);
        for (size_t k = 1; k < bytes; k++)
            if (!continues(text[i + k])) return false;
        if (c >= 0xC2 && bytes < (c < 0xE0 ? 2u : c < 0xF0 ? 3u : 4u)) return false;
    }
    return true;
}

static void put_columns(const struct printing *p, const char *text, size_t len, char first,
                        char rest)
{
    char mark = first;
    for (size_t i = 0, bytes; i < len; i += bytes)
        for (size_t w = width_of(text + i, len - i, &bytes); w-- > 0; mark = rest)
            fputc(mark, p->out);
}

static void put_source(const struct printing *p, const struct findings_file *file,
                       const struct fault *fault)
{
    const char *at = file->text, *end = at ? at + file->len : NULL;
    for (int line = fault->line; at && line > 1; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) at++;
    }
    if (!at || fault->line <= 0 || at >= end) return;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    struct window w = window_of(at, (size_t)((stop ? stop : end) - at), fault);
    if (!is_text(w.text, w.len)) return;
    paint(p, BLUE);
    fprintf(p->out, "%5d |", fault->line);
    paint(p, PLAIN);
    fputc(' ', p->out);
    put(p, w.text, w.len);
    fputc('\n', p->out);
    if (fault->column == 0) return;
    paint(p, BLUE);
    fputs("      |", p->out);
    paint(p, PLAIN);
    fputc(' ', p->out);
    put_columns(p, w.text, w.begin, ' ', ' ');
    paint(p, fault->code < 0 ? RED : YELLOW);
    if (w.end > w.begin)
        put_columns(p, w.text + w.begin, w.end - w.begin, '^', '~');
    else
        fputc('^', p->out);
    paint(p, PLAIN);
    fputc('\n', p->out);
}

/* ---- one finding ---- */

static void put_place(FILE *out, const struct fault *fault)
{
    if (fault->file[0]) fprintf(out, "%s:", fault->file);
    if (fault->file[0] && fault->line > 0) fprintf(out, "%d:", fault->line);
    if (fault->file[0] && fault->line > 0 && fault->column > 0) fprintf(out, "%d:", fault->column);
    if (fault->file[0]) fputc(' ', out);
}

static void put_finding(const struct printing *p, const struct findings_file *file,
                        const struct fault *fault)
{
    bool error = fault->code < 0;
    paint(p, BOLD);
    put_place(p->out, fault);
    paint(p, error ? RED : YELLOW);
    fputs(error ? "error: " : "warning: ", p->out);
    paint(p, PLAIN);
    paint(p, BOLD);
    put(p, fault->text, findings_message_len(fault));
    paint(p, PLAIN);
    fprintf(p->out, " [%s]\n", diagnostic_of(fault));
    put_source(p, file, fault);
    if (!fault->hint[0]) return;
    paint(p, BLUE);
    fputs("      =", p->out);
    paint(p, PLAIN);
    fputs(" help: ", p->out);
    put(p, fault->hint, strlen(fault->hint));
    fputc('\n', p->out);
}

void findings_print(const struct findings *findings, FILE *out, bool color)
{
    struct printing p = {out, color};
    for (size_t i = 0; i < findings->count; i++)
        put_finding(&p, &findings->texts[findings->files[i]], &findings->items[i]);
    if (findings->more) fputs("moontide check: there is more, which is not listed\n", out);
}

void findings_print_lines(const struct findings *findings, FILE *out)
{
    struct printing p = {out, false};
    for (size_t i = 0; i < findings->count; i++) {
        const struct fault *fault = &findings->items[i];
        if (fault->file[0])
            fprintf(out, "%s:%d:%d: ", fault->file, fault->line > 0 ? fault->line : 1,
                    fault->column > 0 ? fault->column : 1);
        fputs(fault->code < 0 ? "error: " : "warning: ", out);
        put(&p, fault->text, findings_message_len(fault));
        if (fault->hint[0]) fputs(" (", out);
        put(&p, fault->hint, strlen(fault->hint));
        fprintf(out, "%s [%s]\n", fault->hint[0] ? ")" : "", diagnostic_of(fault));
    }
}
