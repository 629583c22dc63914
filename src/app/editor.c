/* app/editor.c - the line editor's two threads.
 *
 *   loop:   editor_ask() --------> wake            on_ready(): on_line, on_complete
 *   thread:              wait -> read_line() -----> uv_async ^
 *
 * The thread also asks the loop, on Tab, and waits for the answer; and it is woken through a pipe
 * while it waits for a key (editor_show(), a terminal of another size, editor_close()). Where it
 * reads a pipe it sits in getline(), as Lua may read from the same stream in between; there only a
 * signal wakes it. */
#include "moontide/app/editor.h"

#include "editor_keys.h"
#include "moontide/base/err.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { END_TRY_NS = 5 * 1000 * 1000 };

struct editor {
    struct editor_options options;
    struct keys *keys; /* NULL: a pipe */
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t ready;
    uv_signal_t resize;
    int open_handles;
    int pipe[2]; /* wakes the thread while it waits for a key */
    /* under the mutex */
    bool ask, reading, quit, ended, resized;
    char *prompt;
    bool handed; /* `event` and `line` are for on_line */
    enum editor_event event;
    char *line;
    struct strbuf shown; /* while a line is read */
    /* the completion that is asked for: id 0 is none */
    unsigned id, last_id;
    bool told, answered;
    char *text;
    size_t text_len, from;
    char *list;
};

static void poke(struct editor *e)
{
    char byte = 0;
    ssize_t unused = write(e->pipe[1], &byte, 1); /* a full pipe wakes as well */
    (void)unused;
}

/* ---- on the reading thread ---- */

static bool ask_candidates(void *data, const char *line, size_t len, size_t *from,
                           struct strbuf *list)
{
    struct editor *e = data;
    uint64_t end = uv_hrtime() + EDITOR_COMPLETE_MS * (uint64_t)1000000;
    char *text = strndup(line, len);
    uv_mutex_lock(&e->mutex);
    if (text && !e->quit) {
        e->text = text;
        e->text_len = len;
        e->id = ++e->last_id ? e->last_id : ++e->last_id;
        e->told = e->answered = false;
        uv_async_send(&e->ready);
        for (uint64_t now = uv_hrtime(); !e->answered && !e->quit && now < end; now = uv_hrtime())
            uv_cond_timedwait(&e->wake, &e->mutex, end - now);
        e->id = 0;
    }
    bool got = text && e->answered && e->list;
    if (got) strbuf_adds(list, e->list);
    *from = e->from;
    free(e->list);
    free(text);
    e->list = e->text = NULL;
    e->answered = false;
    uv_mutex_unlock(&e->mutex);
    return got && strbuf_status(list) >= 0;
}

static bool on_wake(void *data, struct strbuf *text, bool *resized)
{
    struct editor *e = data;
    char bytes[64];
    while (read(e->pipe[0], bytes, sizeof bytes) > 0)
        continue;
    uv_mutex_lock(&e->mutex);
    strbuf_add(text, strbuf_cstr(&e->shown), e->shown.len);
    strbuf_reset(&e->shown);
    *resized = e->resized;
    e->resized = false;
    bool going = !e->quit;
    uv_mutex_unlock(&e->mutex);
    return going;
}

static bool ends(struct editor *e)
{
    uv_mutex_lock(&e->mutex);
    bool quit = e->quit;
    uv_mutex_unlock(&e->mutex);
    return quit;
}

static char *read_pipe(struct editor *e)
{
    char *line = NULL;
    size_t cap = 0;
    errno = 0;
    while (getline(&line, &cap, stdin) < 0) {
        if (errno != EINTR || ends(e)) {
            free(line);
            return NULL;
        }
        clearerr(stdin);
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void hand_over(struct editor *e, char *line, bool dropped)
{
    if (e->shown.len) fwrite(e->shown.data, 1, e->shown.len, stdout); /* it came too late */
    strbuf_reset(&e->shown);
    e->line = line;
    e->event = !line ? EDITOR_END : dropped ? EDITOR_DROPPED : EDITOR_LINE;
    e->handed = true;
    e->reading = false;
    uv_async_send(&e->ready);
}

static void reading_thread(void *data)
{
    struct editor *e = data;
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupts, NULL); /* they are for the thread that runs Lua */
    uv_mutex_lock(&e->mutex);
    for (;;) {
        while (!e->ask && !e->quit)
            uv_cond_wait(&e->wake, &e->mutex);
        if (e->quit) break;
        e->ask = false;
        char *prompt = e->prompt;
        e->prompt = NULL;
        uv_mutex_unlock(&e->mutex);
        bool dropped = false;
        char *line = e->keys ? keys_read(e->keys, prompt ? prompt : "> ", &dropped) : read_pipe(e);
        free(prompt);
        uv_mutex_lock(&e->mutex);
        hand_over(e, line, dropped);
    }
    e->ended = true;
    uv_cond_signal(&e->wake);
    uv_mutex_unlock(&e->mutex);
}

/* ---- on the loop ---- */

static void tell_completion(struct editor *e)
{
    unsigned id = e->id;
    char *text = id && !e->told ? strndup(e->text, e->text_len) : NULL;
    size_t len = e->text_len;
    if (id) e->told = true;
    uv_mutex_unlock(&e->mutex);
    if (text && e->options.on_complete)
        e->options.on_complete(e->options.data, id, text, len);
    else if (id)
        editor_candidates(e, id, 0, "");
    free(text);
    uv_mutex_lock(&e->mutex);
}

static void on_ready(uv_async_t *async)
{
    struct editor *e = async->data;
    uv_mutex_lock(&e->mutex);
    if (e->id && !e->told) tell_completion(e);
    bool handed = e->handed;
    char *line = e->line;
    enum editor_event event = e->event;
    e->line = NULL;
    e->handed = false;
    uv_mutex_unlock(&e->mutex);
    if (handed) e->options.on_line(e->options.data, event, line ? line : "");
    free(line);
}

static void on_resize(uv_signal_t *handle, int number)
{
    struct editor *e = handle->data;
    (void)number;
    uv_mutex_lock(&e->mutex);
    e->resized = true;
    uv_mutex_unlock(&e->mutex);
    poke(e);
}

void editor_ask(struct editor *e, const char *prompt)
{
    uv_mutex_lock(&e->mutex);
    free(e->prompt);
    e->prompt = strdup(prompt);
    e->ask = e->reading = true;
    uv_cond_signal(&e->wake);
    uv_mutex_unlock(&e->mutex);
}

void editor_remember(struct editor *e, const char *text)
{
    if (e->keys && text[0] != ' ' && text[strspn(text, "\t\r\n ")])
        (void)recall_add(e->keys->recall, text); /* what cannot be written is kept for now */
}

void editor_candidates(struct editor *e, unsigned id, size_t from, const char *list)
{
    uv_mutex_lock(&e->mutex);
    if (id && id == e->id && !e->answered) {
        e->list = strdup(list);
        e->from = from;
        e->answered = true;
        uv_cond_signal(&e->wake);
    }
    uv_mutex_unlock(&e->mutex);
}

void editor_show(struct editor *e, const char *text, size_t len)
{
    uv_mutex_lock(&e->mutex);
    bool edited = e->keys && e->reading;
    if (edited) {
        strbuf_add(&e->shown, text, len);
    } else {
        fwrite(text, 1, len, stdout);
        fflush(stdout);
    }
    uv_mutex_unlock(&e->mutex);
    if (edited) poke(e);
}

bool editor_interactive(const struct editor *e)
{
    return e->keys != NULL;
}

char *editor_history_path(const char *name)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char hidden[64];
    if (state && state[0] == '/') return fs_join(state, name);
    snprintf(hidden, sizeof hidden, ".%s", name);
    return home ? fs_join(home, hidden) : NULL;
}

/* ---- start and end ---- */

static int open_keys(struct editor *e)
{
    struct keys_options options = {.history_path = e->options.history_path,
                                   .complete = ask_candidates,
                                   .on_wake = on_wake,
                                   .data = e};
    if (!isatty(STDIN_FILENO)) return OK;
    if (pipe2(e->pipe, O_CLOEXEC | O_NONBLOCK) < 0) return err_from_errno(errno);
    options.wake_fd = e->pipe[0];
    return keys_open(&options, &e->keys);
}

static void on_closed(uv_handle_t *handle)
{
    ((struct editor *)handle->data)->open_handles--;
}

static int open_handles(struct editor *e)
{
    uv_loop_t *loop = loop_uv(e->options.loop);
    int status = uv_async_init(loop, &e->ready, on_ready);
    if (status < 0) return err_from_uv(status);
    e->ready.data = e->resize.data = e;
    e->open_handles = 1;
    if (!e->keys) return OK;
    status = uv_signal_init(loop, &e->resize);
    if (status < 0) return err_from_uv(status);
    e->open_handles = 2;
    status = uv_signal_start(&e->resize, on_resize, SIGWINCH);
    return status < 0 ? err_from_uv(status) : OK;
}

static void release(struct editor *e)
{
    if (e->open_handles > 1) uv_close((uv_handle_t *)&e->resize, on_closed);
    if (e->open_handles > 0) uv_close((uv_handle_t *)&e->ready, on_closed);
    while (e->open_handles > 0)
        (void)loop_turn(e->options.loop, false);
    keys_close(e->keys);
    for (int i = 0; i < 2; i++)
        if (e->pipe[i] >= 0) close(e->pipe[i]);
    strbuf_done(&e->shown);
    free(e->prompt);
    free(e->line);
    free(e);
}

static void on_urgent(int number)
{
    (void)number; /* interrupts getline() */
}

int editor_open(const struct editor_options *options, struct editor **out)
{
    struct sigaction action = {.sa_handler = on_urgent}; /* without SA_RESTART */
    struct editor *e = calloc(1, sizeof *e);
    if (!e) return ERR_NOMEM;
    e->options = *options;
    e->pipe[0] = e->pipe[1] = -1;
    strbuf_init(&e->shown, EDITOR_LINE_MAX);
    int code = open_keys(e);
    e->options.history_path = NULL;
    if (code >= 0) code = open_handles(e);
    if (code < 0) {
        release(e);
        return code;
    }
    if (!e->keys) sigaction(SIGURG, &action, NULL);
    if (uv_mutex_init(&e->mutex) < 0) abort(); /* only for want of memory, at the very start */
    if (uv_cond_init(&e->wake) < 0) abort();
    if (uv_thread_create(&e->thread, reading_thread, e) < 0) abort();
    *out = e;
    return OK;
}

void editor_close(struct editor *e)
{
    if (!e) return;
    uv_mutex_lock(&e->mutex);
    e->quit = true;
    uv_cond_broadcast(&e->wake);
    if (e->keys) poke(e);
    while (!e->ended) {
        if (!e->keys) pthread_kill(e->thread, SIGURG); /* again, as it may have come too early */
        uv_cond_timedwait(&e->wake, &e->mutex, END_TRY_NS);
    }
    uv_mutex_unlock(&e->mutex);
    uv_thread_join(&e->thread);
    uv_mutex_destroy(&e->mutex);
    uv_cond_destroy(&e->wake);
    release(e);
}
