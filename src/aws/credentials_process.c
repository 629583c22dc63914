/* aws/credentials_process.c - credentials that a program of the operator's prints
 * (credential_process in a profile).
 *
 * The program is run without a shell: its line is split by the rules of quoting below, and nothing
 * in it is expanded. It gets 60 seconds and 64 KiB of output; standard input is empty. What it
 * writes to standard error is the reason that is told when it fails, so by its contract it must not
 * put secrets there.
 *
 *   fetch --uv_spawn--> RUNNING --its exit, and the ends of both pipes--> conclude --> done
 *                          |
 *                          +--time is up, or too much output: SIGKILL--> the same
 *
 * Handles close after the answer, so a run is memory of its own, which its last close callback
 * frees. Source: AWS SDKs and Tools Reference Guide, "Process credential provider". */
#include "profile.h"
#include "providers.h"

#include "moontide/io/loop.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <uv.h>

enum {
    WORDS_MAX = 128,
    OUTPUT_MAX = 64 * 1024,
    COMPLAINT_MAX = 512,
    TIMEOUT_MS = 60000,
    HANDLES = 3,
};

struct process_provider;

struct run {
    uv_process_t process;
    uv_pipe_t out, err;
    struct process_provider *provider; /* NULL: nobody waits any more */
    struct loop_timer *timer;
    int open;    /* handles that are not closed yet */
    int pending; /* exit and the ends of two pipes */
    char output[OUTPUT_MAX + 1], complaint[COMPLAINT_MAX + 1], rest[512];
    size_t output_len, complaint_len;
    int64_t exit_status;
    int signal;
    const char *killed; /* why */
};

struct process_provider {
    struct credential_provider base;
    struct loop *loop;
    char *profile, *command;
    struct run *run;
    credentials_done_fn *done;
    void *data;
};

/* ---- words ---- */

/* As a POSIX shell reads quotes and backslashes, and nothing else of it: '...' is literal, "..."
 * keeps spaces and takes \" and \\, a backslash outside takes the next character as it is. */
static const char *read_word(const char *at, char **to)
{
    for (char quote = '\0'; *at; at++) {
        if (quote) {
            if (*at == quote)
                quote = '\0';
            else if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
                *(*to)++ = *++at;
            else
                *(*to)++ = *at;
            if (quote && !at[1]) return NULL;
        } else if (*at == ' ' || *at == '\t' || *at == '\n') {
            break;
        } else if (*at == '"' || *at == '\'') {
            quote = *at;
            if (!at[1]) return NULL;
        } else if (*at == '\\') {
            if (!at[1]) return NULL;
            *(*to)++ = *++at;
        } else {
            *(*to)++ = *at;
        }
    }
    return at;
}

int process_split(char *command, char **argv, size_t argv_size)
{
    size_t count = 0;
    const char *at = command;
    char *to = command; /* never ahead of `at` */
    for (;;) {
        at += strspn(at, " \t\n");
        if (!*at) break;
        if (count + 1 >= argv_size) return ERR_LIMIT;
        argv[count++] = to;
        at = read_word(at, &to);
        if (!at) return ERR_PARSE;
        bool last = !*at;
        *to++ = '\0';
        if (last) break;
        at++;
    }
    argv[count] = NULL;
    return count > 0 ? (int)count : ERR_PARSE;
}

/* ---- a run ---- */

static void closed(uv_handle_t *handle)
{
    struct run *run = handle->data;
    if (--run->open > 0) return;
    OPENSSL_cleanse(run, sizeof *run);
    free(run);
}

static void close_all(struct run *run)
{
    loop_timer_cancel(run->timer);
    run->timer = NULL;
    uv_handle_t *const handles[HANDLES] = {(uv_handle_t *)&run->process, (uv_handle_t *)&run->out,
                                           (uv_handle_t *)&run->err};
    for (size_t i = 0; i < HANDLES; i++)
        if (!uv_is_closing(handles[i])) uv_close(handles[i], closed);
}

static void printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = ' ';
}

static int judge(struct run *run, struct credentials **out, struct fault *fault)
{
    const struct process_provider *p = run->provider;
    struct fault why = {0};
    run->output[run->output_len] = '\0';
    run->complaint[run->complaint_len] = '\0';
    printable(run->complaint);
    if (run->killed)
        return fault_set(fault, ERR_CREDENTIALS, "credential_process of profile \"%s\" %s",
                         p->profile, run->killed);
    if (run->signal != 0)
        return fault_set(fault, ERR_CREDENTIALS,
                         "credential_process of profile \"%s\" ended by signal %d", p->profile,
                         run->signal);
    if (run->exit_status != 0)
        return fault_set(fault, ERR_CREDENTIALS,
                         "credential_process of profile \"%s\" ended with status %lld%s%s",
                         p->profile, (long long)run->exit_status, run->complaint_len ? ": " : "",
                         run->complaint);
    int code = credentials_from_json(run->output, run->output_len, CREDENTIALS_OF_PROCESS,
                                     "process", out, &why);
    if (code < 0)
        fault_set(fault, code, "credential_process of profile \"%s\": %s", p->profile, why.text);
    return code;
}

static void one_ended(struct run *run)
{
    struct process_provider *p = run->provider;
    if (--run->pending > 0 || !p) return;
    struct credentials *found = NULL;
    struct fault fault = {0};
    int code = judge(run, &found, &fault);
    run->provider = NULL;
    p->run = NULL;
    close_all(run);
    p->done(p->data, code, found, &fault);
    credentials_release(found);
}

static void end_it(struct run *run, const char *why)
{
    if (run->killed) return;
    run->killed = why;
    (void)uv_process_kill(&run->process, SIGKILL); /* ESRCH: it has ended by itself */
}

static void exited(uv_process_t *process, int64_t exit_status, int signal)
{
    struct run *run = process->data;
    run->exit_status = exit_status;
    run->signal = signal;
    one_ended(run);
}

static void on_timeout(void *data)
{
    struct run *run = data;
    run->timer = NULL;
    end_it(run, "did not end within 60 seconds");
    /* A child of its may hold the pipes open for ever. */
    if (run->pending == 0) return;
    for (uv_pipe_t *pipe = &run->out; pipe; pipe = pipe == &run->out ? &run->err : NULL)
        if (uv_is_active((uv_handle_t *)pipe)) {
            (void)uv_read_stop((uv_stream_t *)pipe);
            one_ended(run);
        }
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct run *run = handle->data;
    (void)suggested;
    char *at = run->rest; /* what is read and dropped */
    size_t left = 0;
    if (handle == (uv_handle_t *)&run->out) {
        left = OUTPUT_MAX - run->output_len;
        if (left > 0) at = run->output + run->output_len;
    } else {
        left = COMPLAINT_MAX - run->complaint_len;
        if (left > 0) at = run->complaint + run->complaint_len;
    }
    *buf = uv_buf_init(at, (unsigned)(left > 0 ? left : sizeof run->rest));
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct run *run = stream->data;
    if (n < 0) {
        (void)uv_read_stop(stream);
        one_ended(run);
        return;
    }
    if (buf->base == run->rest) {
        if (stream == (uv_stream_t *)&run->out && n > 0) end_it(run, "printed more than 64 KiB");
    } else if (stream == (uv_stream_t *)&run->out) {
        run->output_len += (size_t)n;
    } else {
        run->complaint_len += (size_t)n;
    }
}

static int spawn(struct run *run, struct loop *loop, char **argv)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&run->err}};
    uv_process_options_t options = {
        .exit_cb = exited, .file = argv[0], .args = argv, .stdio_count = 3, .stdio = stdio};
    uv_loop_t *uv = loop_uv(loop);
    run->process.data = run->out.data = run->err.data = run;
    (void)uv_pipe_init(uv, &run->out, 0); /* these only link a handle into the loop */
    (void)uv_pipe_init(uv, &run->err, 0);
    int rc =
        uv_spawn(uv, &run->process, &options); /* initialises the handle whatever comes of it */
    run->open = HANDLES;
    run->pending = 1;
    if (rc == 0) run->pending = 3;
    if (rc == 0) rc = uv_read_start((uv_stream_t *)&run->out, give_room, received);
    if (rc == 0) rc = uv_read_start((uv_stream_t *)&run->err, give_room, received);
    if (rc < 0 && run->pending == 3) end_it(run, "could not be read from");
    return rc < 0 ? err_from_uv(rc) : OK;
}

/* ---- the provider ---- */

static int start(struct process_provider *p, struct fault *fault)
{
    char *argv[WORDS_MAX];
    char *words = strdup(p->command);
    struct run *run = calloc(1, sizeof *run);
    int code = words && run ? process_split(words, argv, COUNT_OF(argv)) : ERR_NOMEM;
    if (code < 0) {
        free(run);
        fault_set(fault, code == ERR_NOMEM ? code : ERR_CREDENTIALS,
                  "credential_process of profile \"%s\": %s", p->profile,
                  code == ERR_NOMEM   ? "out of memory"
                  : code == ERR_LIMIT ? "more than 127 words"
                                      : "a quote without its end, or no program");
        free(words);
        return fault->code;
    }
    code = spawn(run, p->loop, argv);
    if (code == OK) code = loop_timer_start(p->loop, TIMEOUT_MS, on_timeout, run, &run->timer);
    if (code == OK) {
        run->provider = p;
        p->run = run;
    } else {
        fault_set(fault, ERR_CREDENTIALS, "credential_process of profile \"%s\": \"%s\": %s",
                  p->profile, argv[0], err_text(code));
        if (run->pending == 3) end_it(run, "is not wanted");
        close_all(run);
    }
    free(words);
    return code < 0 ? fault->code : OK;
}

static void process_fetch(struct credential_provider *provider, credentials_done_fn *done,
                          void *data)
{
    struct process_provider *p = (struct process_provider *)provider;
    struct fault fault = {0};
    p->done = done;
    p->data = data;
    int code = start(p, &fault);
    if (code < 0) done(data, code, NULL, &fault);
}

static void process_free(struct credential_provider *provider)
{
    struct process_provider *p = (struct process_provider *)provider;
    if (p->run) {
        int pid = p->run->process.pid;
        p->run->provider = NULL;
        end_it(p->run, "is not wanted any more");
        close_all(p->run);
        (void)waitpid(pid, NULL, WNOHANG); /* else init does it, when moontide has ended */
    }
    free(p->profile);
    free(p->command);
    free(p);
}

static const struct credential_provider_vtable process_vtable = {
    .name = "process", .fetch = process_fetch, .free = process_free};

int process_provider_new(const struct credential_options *options, const char *profile,
                         const char *command, struct credential_provider **out)
{
    struct process_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &process_vtable;
    p->loop = options->loop;
    p->profile = strdup(profile);
    p->command = strdup(command);
    if (!p->profile || !p->command) {
        process_free(&p->base);
        return ERR_NOMEM;
    }
    *out = &p->base;
    return OK;
}
