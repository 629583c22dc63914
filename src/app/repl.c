/* app/repl.c - `moontide repl`: interactive Lua on the loop, lines from a thread.
 *
 * libedit's el_gets blocks, and its callback mode loses the terminal's state after the first line,
 * so a thread reads and the loop runs:
 *
 *   thread: wait for `ask` -> el_gets -> hand over the line (uv_async) -> wait
 *   loop:   line -> script_run_text -> (waiting calls turn the loop) -> done -> ask for the next
 *
 * Ctrl-C while Lua runs or waits interrupts it (a handler by sigaction, as uv_signal cannot fire
 * while Lua spins); while a line is edited it drops the line. Completion runs on the reading
 * thread, when no Lua does. */
#include "moontide/app/code.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <wchar.h>

enum { LINE_BYTES_MAX = 1024 * 1024, HISTORY_LINES = 5000 };

struct repl {
    struct code code;
    struct strbuf chunk; /* the lines of a statement so far */
    EditLine *edit;
    History *history;
    char *history_path;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t ready;
    bool color, closed;
    /* under the mutex */
    bool ask, quit,
        more;            /* the thread is to read; to end; the prompt is that of a continued line */
    char *line;          /* what it read */
    bool ended, dropped; /* Ctrl-D; Ctrl-C at the prompt */
};

static char *prompt(EditLine *edit)
{
    static char first[] = "moontide> ", next[] = "       >> ";
    struct repl *r = NULL;
    el_get(edit, EL_CLIENTDATA, &r);
    return r && r->more ? next : first;
}

/* ---- completion: on the reading thread, while the loop's Lua rests ---- */

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
    struct repl *r = NULL;
    struct strbuf list;
    size_t from;
    (void)key;
    el_get(edit, EL_CLIENTDATA, &r);
    const LineInfo *info = el_line(edit);
    size_t len = (size_t)(info->cursor - info->buffer);
    strbuf_init(&list, LINE_BYTES_MAX);
    script_complete(r->code.script, info->buffer, len, &from, &list);
    unsigned char result = CC_ERROR;
    if (strbuf_status(&list) >= 0 && list.len) {
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

/* Ctrl-C at the prompt (a character here, as the editor's terminal mode has no ISIG): drops the
 * line. */
static unsigned char drop_line(EditLine *edit, wint_t key)
{
    struct repl *r = NULL;
    (void)key;
    el_get(edit, EL_CLIENTDATA, &r);
    const LineInfoW *info = el_wline(edit);
    el_cursor(edit, (int)(info->lastchar - info->cursor));
    el_deletestr(edit, (int)(info->lastchar - info->buffer));
    fputs("^C\n", stdout);
    r->dropped = true;
    return CC_NEWLINE; /* of an empty line, which el_gets() takes for the end of input */
}

/* ---- the reading thread ---- */

static void add_history(struct repl *r, const char *line)
{
    HistEvent event;
    if (line[strspn(line, " \t\r\n")] == '\0') return;
    history(r->history, &event, H_ENTER, line);
    if (r->history_path) history(r->history, &event, H_SAVE, r->history_path);
}

/* One line, without its newline; NULL at the end of input. */
static char *read_line(struct repl *r)
{
    int count = 0;
    char *line = NULL;
    if (r->edit) {
        /* el_gets() itself would show the prompt first: a key pressed at once would be lost. */
        el_set(r->edit, EL_PREP_TERM, 1);
        const char *edited = el_gets(r->edit, &count);
        if (r->dropped) return strdup("");
        if (!edited || count <= 0) return NULL;
        add_history(r, edited);
        line = strdup(edited);
    } else {
        size_t cap = 0;
        if (getline(&line, &cap, stdin) < 0) {
            free(line);
            return NULL;
        }
    }
    if (line) line[strcspn(line, "\n")] = '\0';
    return line;
}

static void reading_thread(void *data)
{
    struct repl *r = data;
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupts, NULL); /* they are for the thread that runs Lua */
    uv_mutex_lock(&r->mutex);
    for (;;) {
        while (!r->ask && !r->quit)
            uv_cond_wait(&r->wake, &r->mutex);
        if (r->quit) break;
        r->ask = false;
        uv_mutex_unlock(&r->mutex);
        char *line = read_line(r);
        uv_mutex_lock(&r->mutex);
        r->line = line;
        r->ended = !line;
        uv_async_send(&r->ready);
    }
    uv_mutex_unlock(&r->mutex);
}

static void ask_for_line(struct repl *r)
{
    uv_mutex_lock(&r->mutex);
    r->more = r->chunk.len > 0;
    r->ask = true;
    uv_cond_signal(&r->wake);
    uv_mutex_unlock(&r->mutex);
}

/* ---- the loop ---- */

static void end(struct repl *r)
{
    loop_stop(r->code.instance.loop);
}

static void on_chunk_done(void *data, const struct script_result *result)
{
    struct repl *r = data;
    fflush(stdout);
    if (!r->edit) code_interrupt_on_sigint(&r->code, false);
    if (result->exit_status >= 0) {
        r->code.exit_status = result->exit_status;
        end(r);
        return;
    }
    if (result->code < 0) {
        const char *on = r->color ? "\033[31m" : "", *off = r->color ? "\033[0m" : "";
        fprintf(stderr, "%s%s%s\n", on, result->error ? result->error : err_text(result->code),
                off);
        if (!r->edit) r->code.exit_status = 1; /* a pipe's errors are its status */
    }
    ask_for_line(r);
}

static void run_chunk(struct repl *r)
{
    bool incomplete = false;
    struct strbuf chunk = r->chunk; /* its end may come before script_run_text() returns */
    strbuf_init(&r->chunk, LINE_BYTES_MAX);
    code_interrupt_on_sigint(&r->code, true);
    int code = script_run_text(r->code.script, chunk.data, chunk.len, "=stdin", true, &incomplete,
                               on_chunk_done, r);
    if (incomplete)
        r->chunk = chunk;
    else
        strbuf_done(&chunk);
    if (code >= 0) return;
    if (!r->edit) code_interrupt_on_sigint(&r->code, false);
    if (!incomplete) fprintf(stderr, "%s\n", err_text(code));
    ask_for_line(r);
}

static void on_line(uv_async_t *async)
{
    struct repl *r = async->data;
    uv_mutex_lock(&r->mutex);
    char *line = r->line;
    bool ended = r->ended, dropped = r->dropped;
    r->line = NULL;
    r->dropped = false;
    uv_mutex_unlock(&r->mutex);
    if (ended) {
        if (r->edit) putchar('\n');
        if (r->chunk.len) fputs("moontide: the last statement is not complete\n", stderr);
        if (r->chunk.len && !r->edit) r->code.exit_status = 1;
        end(r);
        return;
    }
    if (!line) return; /* woken before anything was read */
    if (dropped) {
        strbuf_reset(&r->chunk);
    } else if (r->chunk.len || line[strspn(line, " \t\r")]) {
        if (r->chunk.len) strbuf_addc(&r->chunk, '\n');
        strbuf_adds(&r->chunk, line);
    }
    free(line);
    if (strbuf_status(&r->chunk) < 0) {
        fprintf(stderr, "moontide: a statement has at most %d bytes\n", LINE_BYTES_MAX);
        strbuf_reset(&r->chunk);
    }
    if (r->chunk.len)
        run_chunk(r);
    else
        ask_for_line(r);
}

/* ---- start and end ---- */

static char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && state[0] == '/') return fs_join(state, "moontide_history");
    return home ? fs_join(home, ".moontide_history") : NULL;
}

static int open_editor(struct repl *r)
{
    HistEvent event;
    /* The editor counts characters, not bytes, and Lua's source is UTF-8. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
    terminal_keep(STDIN_FILENO);
    r->history = history_init();
    r->edit = el_init("moontide", stdin, stdout, stderr);
    if (!r->history || !r->edit) return ERR_NOMEM;
    history(r->history, &event, H_SETSIZE, HISTORY_LINES);
    history(r->history, &event, H_SETUNIQUE, 1);
    r->history_path = history_path();
    if (r->history_path) history(r->history, &event, H_LOAD, r->history_path);
    el_set(r->edit, EL_CLIENTDATA, r);
    el_set(r->edit, EL_PROMPT, prompt);
    el_set(r->edit, EL_EDITOR, "emacs");
    el_set(r->edit, EL_HIST, history, r->history);
    /* el_set() would leak copies of the names. */
    el_wset(r->edit, EL_ADDFN, L"moontide-complete", L"completes names", complete);
    el_set(r->edit, EL_BIND, "^I", "moontide-complete", NULL);
    el_set(r->edit, EL_SETTY, "-d", "-isig", NULL);
    el_wset(r->edit, EL_ADDFN, L"moontide-drop", L"drops the line", drop_line);
    el_set(r->edit, EL_BIND, "^C", "moontide-drop", NULL);
    el_set(r->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(r->edit, NULL);
    return OK;
}

static void close_editor(struct repl *r)
{
    if (r->edit) el_end(r->edit);
    if (r->history) history_end(r->history);
    free(r->history_path);
}

static void start_thread(struct repl *r)
{
    if (uv_mutex_init(&r->mutex) < 0) abort(); /* only for want of memory, at the very start */
    if (uv_cond_init(&r->wake) < 0) abort();
    r->ready.data = r;
    if (uv_async_init(loop_uv(r->code.instance.loop), &r->ready, on_line) < 0) abort();
    if (uv_thread_create(&r->thread, reading_thread, r) < 0) abort();
}

static void on_async_closed(uv_handle_t *handle)
{
    ((struct repl *)handle->data)->closed = true;
}

static void end_thread(struct repl *r)
{
    uv_mutex_lock(&r->mutex);
    r->quit = true;
    uv_cond_signal(&r->wake);
    uv_mutex_unlock(&r->mutex);
    uv_thread_join(
        &r->thread); /* it never reads now: a line is asked for only when the last one is done */
    uv_close((uv_handle_t *)&r->ready, on_async_closed);
    while (!r->closed)
        (void)loop_turn(r->code.instance.loop, false);
    uv_mutex_destroy(&r->mutex);
    uv_cond_destroy(&r->wake);
}

int command_repl(const struct arguments *arguments)
{
    struct repl r = {0};
    if (code_open(&r.code, arguments)) return 1;
    strbuf_init(&r.chunk, LINE_BYTES_MAX);
    r.color = terminal_color(STDERR_FILENO);
    if (isatty(STDIN_FILENO)) {
        if (open_editor(&r) < 0) {
            fputs("moontide: no line editor: out of memory\n", stderr);
            code_close(&r.code);
            return 1;
        }
        printf("moontide " MOONTIDE_VERSION
               ", world %s. Tab completes; Ctrl-C interrupts; Ctrl-D ends.\n",
               r.code.instance.world->name);
    }
    start_thread(&r);
    ask_for_line(&r);
    loop_run(r.code.instance.loop);
    end_thread(&r);
    close_editor(&r);
    strbuf_done(&r.chunk);
    code_close(&r.code);
    return r.code.exit_status;
}
