/* app/editor_lines.c - an entry of several lines in the one buffer that libedit has. libedit draws
 * a newline in it as one, so a recalled statement is seen and edited as it was written:
 *
 *   moontide> for i = 1, 2 do
 *               print(i)          -- "\n" and the width of the prompt in blanks before it
 *             end */
#include "editor_keys.h"

#include <stdlib.h>
#include <string.h>

static size_t margin(const struct keys *keys)
{
    return strlen(keys->prompt);
}

wchar_t *keys_indent(const struct keys *keys, const char *text)
{
    size_t lines = 0, n = 0, len = mbstowcs(NULL, text, 0);
    if (len == (size_t)-1) return NULL; /* not of this character set */
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    wchar_t *raw = malloc((len + 1) * sizeof *raw);
    wchar_t *out = malloc((len + lines * margin(keys) + 1) * sizeof *out);
    if (raw && out) {
        mbstowcs(raw, text, len + 1);
        for (size_t i = 0; i < len; i++) {
            out[n++] = raw[i];
            for (size_t k = 0; raw[i] == L'\n' && k < margin(keys); k++)
                out[n++] = L' ';
        }
        out[n] = L'\0';
    } else {
        free(out);
        out = NULL;
    }
    free(raw);
    return out;
}

char *keys_unindent(const struct keys *keys, const char *text)
{
    char *out = malloc(strlen(text) + 1);
    size_t n = 0, left = 0; /* blanks that are still of the margin */
    if (!out) return NULL;
    for (const char *at = text; *at; at++) {
        bool blank = *at == ' ' && left > 0;
        left = *at == '\n' ? margin(keys) : blank ? left - 1 : 0;
        if (!blank) out[n++] = *at;
    }
    out[n] = '\0';
    return out;
}

/* ---- the line of the buffer that the cursor is in ---- */

static const wchar_t *row_begin(const LineInfoW *info)
{
    const wchar_t *at = info->cursor;
    while (at > info->buffer && at[-1] != L'\n')
        at--;
    return at;
}

static const wchar_t *row_end(const LineInfoW *info, const wchar_t *at)
{
    while (at < info->lastchar && *at != L'\n')
        at++;
    return at;
}

static void move_to(struct keys *keys, const LineInfoW *info, const wchar_t *to)
{
    el_cursor(keys->edit, (int)(to - info->cursor));
}

/* Columns of the screen, of which the first line's text has the prompt to its left. */
bool keys_move_row(struct keys *keys, int by)
{
    const LineInfoW *info = el_wline(keys->edit);
    const wchar_t *begin = row_begin(info), *other = info->buffer;
    size_t column = (size_t)(info->cursor - begin) + (begin == info->buffer ? margin(keys) : 0);
    if (by < 0) {
        if (begin == info->buffer) return false;
        for (const wchar_t *at = info->buffer; at < begin - 1; at++)
            if (*at == L'\n') other = at + 1;
    } else {
        other = row_end(info, info->cursor);
        if (other == info->lastchar) return false;
        other++;
    }
    size_t left = other == info->buffer ? margin(keys) : 0;
    size_t wanted = column > left ? column - left : 0;
    size_t len = (size_t)(row_end(info, other) - other);
    move_to(keys, info, other + (wanted < len ? wanted : len));
    return true;
}

/* How many blanks of a margin are before the cursor, when there is nothing else in its line. */
static size_t margin_before(const struct keys *keys, const LineInfoW *info)
{
    const wchar_t *begin = row_begin(info);
    size_t count = (size_t)(info->cursor - begin);
    if (begin == info->buffer || count > margin(keys)) return 0;
    for (const wchar_t *at = begin; at < info->cursor; at++)
        if (*at != L' ') return 0;
    return count;
}

/* ---- keys ---- */

/* Alt-Enter: another line. */
static unsigned char add_row(EditLine *edit, wint_t key)
{
    (void)key;
    wchar_t *text = keys_indent(keys_of(edit), "\n");
    bool done = text && el_winsertstr(edit, text) == 0;
    free(text);
    return done ? CC_REFRESH : CC_ERROR;
}

/* Backspace: a margin goes as a whole, with the newline before it. */
static unsigned char erase(EditLine *edit, wint_t key)
{
    (void)key;
    const LineInfoW *info = el_wline(edit);
    if (info->cursor == info->buffer) return CC_ERROR;
    el_deletestr(edit, (int)margin_before(keys_of(edit), info) + 1);
    return CC_REFRESH;
}

static unsigned char to_begin(EditLine *edit, wint_t key)
{
    (void)key;
    struct keys *keys = keys_of(edit);
    const LineInfoW *info = el_wline(edit);
    const wchar_t *to = row_begin(info);
    for (size_t i = 0; to > info->buffer && i < margin(keys) && to < info->lastchar; i++)
        to += *to == L' ';
    move_to(keys, info, to);
    return CC_REFRESH;
}

static unsigned char to_end(EditLine *edit, wint_t key)
{
    (void)key;
    const LineInfoW *info = el_wline(edit);
    move_to(keys_of(edit), info, row_end(info, info->cursor));
    return CC_REFRESH;
}

void keys_bind_lines(EditLine *edit)
{
    static const struct {
        const char *key, *command;
    } keys[] = {
        {"^[^M", "moontide-newline"},     {"^[^J", "moontide-newline"},
        {"^H", "moontide-erase"},         {"^?", "moontide-erase"},
        {"^A", "moontide-line-begin"},    {"\\e[H", "moontide-line-begin"},
        {"\\eOH", "moontide-line-begin"}, {"\\e[1~", "moontide-line-begin"},
        {"^E", "moontide-line-end"},      {"\\e[F", "moontide-line-end"},
        {"\\eOF", "moontide-line-end"},   {"\\e[4~", "moontide-line-end"},
    };
    el_wset(edit, EL_ADDFN, L"moontide-newline", L"adds a line", add_row);
    el_wset(edit, EL_ADDFN, L"moontide-erase", L"deletes what is before the cursor", erase);
    el_wset(edit, EL_ADDFN, L"moontide-line-begin", L"to where the line begins", to_begin);
    el_wset(edit, EL_ADDFN, L"moontide-line-end", L"to where the line ends", to_end);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        el_set(edit, EL_BIND, keys[i].key, keys[i].command, NULL);
}
