/* app/editor_keys.c - libedit on the reading thread.
 *
 * Characters are read by read_key() and not by libedit itself, so that the thread can be woken
 * while it waits for a key: to show a line above the one that is edited, for a terminal of another
 * size, and for the end. */
#include "editor_keys.h"

#include "moontide/app/editor.h"
#include "moontide/base/err.h"
#include "moontide/base/terminal.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

struct keys *keys_of(EditLine *edit)
{
    struct keys *keys = NULL;
    el_get(edit, EL_CLIENTDATA, &keys);
    return keys;
}

static char *prompt(EditLine *edit)
{
    return keys_of(edit)->shown_prompt;
}

void keys_set_line(struct keys *keys, const wchar_t *text)
{
    const LineInfoW *info = el_wline(keys->edit);
    el_cursor(keys->edit, (int)(info->lastchar - info->cursor));
    el_deletestr(keys->edit, (int)(info->lastchar - info->buffer));
    if (*text) el_winsertstr(keys->edit, text);
}

/* ---- Ctrl-C ---- */

/* A character here, as the editor's terminal mode has no ISIG. */
static unsigned char drop_line(EditLine *edit, wint_t key)
{
    struct keys *keys = keys_of(edit);
    const LineInfoW *info = el_wline(edit);
    (void)key;
    if (info->cursor < info->lastchar) { /* the mark goes behind all of it */
        keys_clear(keys);
        el_cursor(edit, (int)(info->lastchar - info->cursor));
        el_set(edit, EL_REFRESH);
    }
    keys_set_line(keys, L"");
    fputs("^C\n", stdout);
    keys->dropped = true;
    return CC_NEWLINE; /* of an empty line, which el_gets() takes for the end of input */
}

/* ---- what is shown beside the line ---- */

/* The row of the screen that the cursor is in, 0 being that of the prompt. */
static int cursor_row(struct keys *keys)
{
    const LineInfoW *info = el_wline(keys->edit);
    int width = terminal_width(STDOUT_FILENO), row = 0, column = (int)strlen(keys->prompt);
    for (const wchar_t *at = info->buffer; at < info->cursor; at++) {
        int wide = *at == L'\n' ? 0 : wcwidth(*at);
        if (*at == L'\n' || column + wide > width) row++, column = 0;
        column += wide > 0 ? wide : 0;
        if (column == width) row++, column = 0;
    }
    return row;
}

void keys_clear(struct keys *keys)
{
    int row = cursor_row(keys);
    if (row > 0) printf("\033[%dA", row);
    fputs("\r\033[J", stdout);
}

/* Writes the text where the line stands, and the line again below it. */
static void redraw(struct keys *keys, const struct strbuf *text, bool resized)
{
    keys_clear(keys);
    if (text->len) fwrite(text->data, 1, text->len, stdout);
    if (resized) el_resize(keys->edit);
    el_set(keys->edit, EL_REFRESH);
    fflush(stdout);
}

static bool wake(struct keys *keys)
{
    struct strbuf text;
    bool resized = false;
    strbuf_init(&text, EDITOR_LINE_MAX);
    bool going = keys->options.on_wake(keys->options.data, &text, &resized);
    if (text.len || resized) redraw(keys, &text, resized);
    strbuf_done(&text);
    return going;
}

/* ---- keys ---- */

/* An el_rfunc_t: 1 and a character; 0 at the end. */
static int read_key(EditLine *edit, wchar_t *out)
{
    struct keys *keys = keys_of(edit);
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = keys->options.wake_fd, .events = POLLIN}};
    while (!keys->ended) {
        char byte;
        int ready = poll(fds, 2, -1);
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) break;
        if (fds[1].revents && !wake(keys)) break;
        if (!fds[0].revents) continue;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) break;
        size_t used = mbrtowc(out, &byte, 1, &keys->partial);
        if (used == (size_t)-1) memset(&keys->partial, 0, sizeof keys->partial); /* no character */
        if (used == (size_t)-1 || used == (size_t)-2) continue;
        return 1;
    }
    keys->ended = true;
    return 0;
}

char *keys_read(struct keys *keys, const char *text, bool *dropped)
{
    int count = 0;
    keys->prompt = text;
    snprintf(keys->shown_prompt, sizeof keys->shown_prompt, "%s%s%s",
             keys->color ? "\1\033[1m\1" : "", text, keys->color ? "\1\033[0m\1" : "");
    keys->dropped = keys->ended = false;
    keys_past_reset(keys);
    /* el_gets() itself would show the prompt first: a key pressed at once would be lost. */
    el_set(keys->edit, EL_PREP_TERM, 1);
    const char *edited = el_gets(keys->edit, &count);
    *dropped = keys->dropped;
    if (keys->dropped) return strdup("");
    if (keys->ended || !edited || count <= 0) return NULL;
    char *line = keys_unindent(keys, edited);
    size_t len = line ? strlen(line) : 0;
    if (len && line[len - 1] == '\n') line[len - 1] = '\0';
    return line;
}

/* ---- start and end ---- */

static void bind_keys(struct keys *keys)
{
    EditLine *edit = keys->edit;
    keys_bind_complete(edit);
    keys_bind_lines(edit);
    keys_bind_past(keys);
    el_set(edit, EL_SETTY, "-d", "-isig", NULL);
    el_wset(edit, EL_ADDFN, L"moontide-drop", L"drops the line", drop_line);
    el_set(edit, EL_BIND, "^C", "moontide-drop", NULL);
}

int keys_open(const struct keys_options *options, struct keys **out)
{
    /* The editor counts characters, not bytes, and Lua's source is UTF-8. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    terminal_keep(STDIN_FILENO);
    struct keys *keys = calloc(1, sizeof *keys);
    if (!keys) return ERR_NOMEM;
    keys->options = *options;
    keys->options.history_path = NULL;
    keys->color = terminal_color(STDOUT_FILENO);
    keys->edit = el_init("moontide", stdin, stdout, stderr);
    if (!keys->edit || recall_open(options->history_path, &keys->recall) < 0) {
        keys_close(keys);
        return ERR_NOMEM;
    }
    el_set(keys->edit, EL_CLIENTDATA, keys);
    el_wset(keys->edit, EL_GETCFN, read_key);
    el_set(keys->edit, EL_PROMPT_ESC, prompt, '\1');
    el_set(keys->edit, EL_EDITOR, "emacs");
    bind_keys(keys);
    el_source(keys->edit, NULL);
    *out = keys;
    return OK;
}

void keys_close(struct keys *keys)
{
    if (!keys) return;
    if (keys->edit) el_end(keys->edit);
    recall_close(keys->recall);
    free(keys->shown);
    free(keys->draft);
    free(keys->told);
    free(keys);
}
