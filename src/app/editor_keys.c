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

enum { HISTORY_LINES = 5000 };

struct keys {
    struct keys_options options;
    EditLine *edit;
    History *history;
    char *history_path;
    const char *prompt; /* of the line that is read */
    mbstate_t partial;  /* of a character whose bytes have not all come */
    bool dropped, ended;
};

static struct keys *keys_of(EditLine *edit)
{
    struct keys *keys = NULL;
    el_get(edit, EL_CLIENTDATA, &keys);
    return keys;
}

static char *prompt(EditLine *edit)
{
    return (char *)keys_of(edit)->prompt;
}

/* ---- completion ---- */

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

/* The candidates, one a line of `list`, in columns. */
static void show_columns(const char *list)
{
    size_t widest = 0, count = 0, column = 0;
    for (const char *at = list; *at; at += strcspn(at, "\n"), at += *at == '\n', count++)
        if (strcspn(at, "\n") > widest) widest = strcspn(at, "\n");
    size_t columns = (size_t)terminal_width(STDOUT_FILENO) / (widest + 2);
    for (const char *at = list; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        bool last = ++column >= columns || --count == 0;
        int len = (int)strcspn(at, "\n");
        printf("%s%.*s%*s", column == 1 ? "\n" : "", len, at, last ? 0 : (int)widest + 2 - len, "");
        if (last) column = 0;
    }
    putchar('\n');
    fflush(stdout);
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

/* ---- Ctrl-C ---- */

/* A character here, as the editor's terminal mode has no ISIG. */
static unsigned char drop_line(EditLine *edit, wint_t key)
{
    (void)key;
    const LineInfoW *info = el_wline(edit);
    el_cursor(edit, (int)(info->lastchar - info->cursor));
    el_deletestr(edit, (int)(info->lastchar - info->buffer));
    fputs("^C\n", stdout);
    keys_of(edit)->dropped = true;
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

/* Writes the text where the line stands, and the line again below it. */
static void redraw(struct keys *keys, const struct strbuf *text, bool resized)
{
    int row = cursor_row(keys);
    if (row > 0) printf("\033[%dA", row);
    fputs("\r\033[J", stdout);
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
    keys->dropped = keys->ended = false;
    /* el_gets() itself would show the prompt first: a key pressed at once would be lost. */
    el_set(keys->edit, EL_PREP_TERM, 1);
    const char *edited = el_gets(keys->edit, &count);
    *dropped = keys->dropped;
    if (keys->dropped) return strdup("");
    if (keys->ended || !edited || count <= 0) return NULL;
    char *line = strdup(edited);
    if (line) line[strcspn(line, "\n")] = '\0';
    return line;
}

void keys_remember(struct keys *keys, const char *text)
{
    HistEvent event;
    history(keys->history, &event, H_ENTER, text);
    if (keys->history_path) history(keys->history, &event, H_SAVE, keys->history_path);
}

/* ---- start and end ---- */

static void bind_keys(EditLine *edit)
{
    /* el_set() would leak copies of the names. */
    el_wset(edit, EL_ADDFN, L"moontide-complete", L"completes names", complete);
    el_set(edit, EL_BIND, "^I", "moontide-complete", NULL);
    el_set(edit, EL_SETTY, "-d", "-isig", NULL);
    el_wset(edit, EL_ADDFN, L"moontide-drop", L"drops the line", drop_line);
    el_set(edit, EL_BIND, "^C", "moontide-drop", NULL);
    el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

int keys_open(const struct keys_options *options, struct keys **out)
{
    HistEvent event;
    /* The editor counts characters, not bytes, and Lua's source is UTF-8. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    terminal_keep(STDIN_FILENO);
    struct keys *keys = calloc(1, sizeof *keys);
    if (!keys) return ERR_NOMEM;
    keys->options = *options;
    keys->history = history_init();
    keys->edit = el_init("moontide", stdin, stdout, stderr);
    if (options->history_path) keys->history_path = strdup(options->history_path);
    if (!keys->history || !keys->edit || (options->history_path && !keys->history_path)) {
        keys_close(keys);
        return ERR_NOMEM;
    }
    history(keys->history, &event, H_SETSIZE, HISTORY_LINES);
    history(keys->history, &event, H_SETUNIQUE, 1);
    if (keys->history_path) history(keys->history, &event, H_LOAD, keys->history_path);
    el_set(keys->edit, EL_CLIENTDATA, keys);
    el_wset(keys->edit, EL_GETCFN, read_key);
    el_set(keys->edit, EL_PROMPT, prompt);
    el_set(keys->edit, EL_EDITOR, "emacs");
    el_set(keys->edit, EL_HIST, history, keys->history);
    bind_keys(keys->edit);
    el_source(keys->edit, NULL);
    *out = keys;
    return OK;
}

void keys_close(struct keys *keys)
{
    if (!keys) return;
    if (keys->edit) el_end(keys->edit);
    if (keys->history) history_end(keys->history);
    free(keys->history_path);
    free(keys);
}
