/* app/test_workers.c - the files of a book, run here or by several processes.
 *
 * Each worker is a fork that takes the next file from a counter that all share, and writes what
 * comes of it down a pipe of its own, a JSON object a line:
 *
 *   { "file": 3, "name": ..., "status": ..., ... }     one test
 *   { "file": 3, "end": true, "tests": n, ... }        the file is over, perhaps with a fault
 *   { "coverage": { ... } }                            the last line
 *
 * A worker that dies leaves its file without an end: that is then an error of the file. */
#include "moontide/app/tests.h"
#include "moontide/base/json.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/strbuf.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 16 * 1024 * 1024, READ_BYTES = 64 * 1024, JOBS_MAX = 64 };

/* ---- one process ---- */

struct running {
    const struct test_settings *settings;
    struct test_book *book; /* NULL: a worker, which writes to fd */
    size_t file;
    int fd;
    struct strbuf line;
};

static bool is_wanted(void *data, const char *name)
{
    const struct running *running = data;
    return !running->settings->only || regexec(running->settings->only, name, 0, NULL, 0) == 0;
}

static int run_file(struct ptest *ptest, const struct test_file *file, struct ptest_file *end,
                    struct fault *fault)
{
    return ptest_run(ptest, file->path, file->shown, end, fault);
}

static struct ptest_options options_of(const struct test_settings *settings,
                                       void (*result)(void *data, const struct ptest_result *),
                                       struct running *running)
{
    return (struct ptest_options){.config = settings->config,
                                  .color = settings->color,
                                  .coverage = settings->coverage,
                                  .update = settings->update,
                                  .keep_snapshots = settings->ci,
                                  .wanted = is_wanted,
                                  .result = result,
                                  .data = running};
}

static void keep_result(void *data, const struct ptest_result *result)
{
    struct running *running = data;
    test_book_add(running->book, running->file, result);
}

static int merge(struct cover *into, const struct cover *from)
{
    struct strbuf json;
    struct json_writer w;
    strbuf_init(&json, LINE_BYTES_MAX);
    json_writer_init(&w, &json);
    cover_write(from, &w);
    int code = strbuf_status(&json);
    if (code == OK) code = cover_merge(into, strbuf_cstr(&json));
    strbuf_done(&json);
    return code;
}

static int run_here(const struct test_settings *settings, struct test_book *book,
                    struct cover *cover, struct fault *fault)
{
    struct running running = {.settings = settings, .book = book};
    struct ptest_options options = options_of(settings, keep_result, &running);
    struct ptest *ptest = NULL;
    int code = ptest_new(&options, &ptest, fault);
    if (code < 0) return code;
    for (; running.file < book->count; running.file++) {
        struct ptest_file end;
        struct fault own;
        int ran = run_file(ptest, &book->files[running.file], &end, &own);
        test_book_end(book, running.file, &end, ran, &own);
        free(end.traceback);
    }
    if (cover && (code = merge(cover, ptest_cover(ptest))) < 0)
        fault_set(fault, code, "coverage: %s", err_text(code));
    ptest_free(ptest);
    return code;
}

/* ---- a worker ---- */

static void member(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_string(w, text ? text : "");
}

static struct json_writer line_begin(struct running *running)
{
    struct json_writer w;
    strbuf_reset(&running->line);
    json_writer_init(&w, &running->line);
    json_object(&w);
    return w;
}

static void line_end(struct running *running, struct json_writer *w)
{
    json_object_end(w);
    strbuf_addc(&running->line, '\n');
    if (strbuf_status(&running->line) < 0) _exit(1);
    for (size_t at = 0; at < running->line.len;) {
        ssize_t n = write(running->fd, strbuf_cstr(&running->line) + at, running->line.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) _exit(1); /* nobody reads any more */
        at += (size_t)n;
    }
}

static void send_result(void *data, const struct ptest_result *result)
{
    struct running *running = data;
    struct json_writer w = line_begin(running);
    json_put_int(&w, "file", (int64_t)running->file);
    member(&w, "name", result->name);
    json_put_int(&w, "line", result->line);
    json_put_int(&w, "status", result->status);
    member(&w, "message", result->message);
    member(&w, "at_file", result->at_file);
    json_put_int(&w, "at_line", result->at_line);
    member(&w, "source", result->source);
    member(&w, "traceback", result->traceback);
    member(&w, "output", result->output);
    json_put_int(&w, "elapsed_us", result->elapsed_us);
    line_end(running, &w);
}

static void send_end(struct running *running, const struct ptest_file *end, int code,
                     const struct fault *fault)
{
    struct json_writer w = line_begin(running);
    json_put_int(&w, "file", (int64_t)running->file);
    json_key(&w, "end");
    json_bool(&w, true);
    json_put_int(&w, "tests", (int64_t)end->tests);
    json_key(&w, "focused");
    json_bool(&w, end->focused);
    json_put_int(&w, "code", code);
    if (code < 0) {
        member(&w, "text", fault->text);
        member(&w, "at_file", fault->file);
        json_put_int(&w, "at_line", fault->line);
    }
    if (end->traceback) member(&w, "traceback", end->traceback);
    line_end(running, &w);
}

static void send_coverage(struct running *running, const struct cover *cover)
{
    struct json_writer w = line_begin(running);
    json_key(&w, "coverage");
    cover_write(cover, &w);
    line_end(running, &w);
}

static int work(const struct test_settings *settings, const struct test_book *book,
                atomic_size_t *next, int fd)
{
    struct running running = {.settings = settings, .fd = fd};
    struct ptest_options options = options_of(settings, send_result, &running);
    struct ptest *ptest = NULL;
    struct fault fault;
    strbuf_init(&running.line, LINE_BYTES_MAX);
    int code = ptest_new(&options, &ptest, &fault);
    while ((running.file = atomic_fetch_add(next, 1)) < book->count) {
        struct ptest_file end = {0};
        int ran = code;
        if (code == OK) ran = run_file(ptest, &book->files[running.file], &end, &fault);
        send_end(&running, &end, ran, &fault);
        free(end.traceback);
    }
    if (code == OK && settings->coverage) send_coverage(&running, ptest_cover(ptest));
    ptest_free(ptest);
    strbuf_done(&running.line);
    return code == OK ? 0 : 1;
}

/* ---- the parent ---- */

struct worker {
    pid_t pid;
    int fd; /* -1: it ended */
    struct strbuf text;
    size_t at; /* what of text was read */
};

static void take_end(struct test_book *book, size_t file, const cJSON *line)
{
    struct fault fault;
    int code = (int)json_tree_int(line, "code");
    const cJSON *trace = cJSON_GetObjectItemCaseSensitive(line, "traceback");
    struct ptest_file end = {.tests = (size_t)json_tree_int(line, "tests"),
                             .focused =
                                 cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "focused")),
                             .traceback = cJSON_GetStringValue(trace)};
    fault_set(&fault, code, "%s", json_tree_text(line, "text"));
    fault_at(&fault, json_tree_text(line, "at_file"), (int)json_tree_int(line, "at_line"), 0);
    test_book_end(book, file, &end, code, &fault);
}

static void take_result(struct test_book *book, size_t file, const cJSON *line)
{
    struct ptest_result result = {.name = json_tree_text(line, "name"),
                                  .line = (int)json_tree_int(line, "line"),
                                  .status = (enum ptest_status)json_tree_int(line, "status"),
                                  .message = json_tree_text(line, "message"),
                                  .at_file = json_tree_text(line, "at_file"),
                                  .at_line = (int)json_tree_int(line, "at_line"),
                                  .source = json_tree_text(line, "source"),
                                  .traceback = json_tree_text(line, "traceback"),
                                  .output = json_tree_text(line, "output"),
                                  .elapsed_us = json_tree_int(line, "elapsed_us")};
    test_book_add(book, file, &result);
}

static void take_line(struct test_book *book, struct cover *cover, const char *text, size_t len)
{
    cJSON *line = cJSON_ParseWithLength(text, len);
    const cJSON *coverage = cJSON_GetObjectItemCaseSensitive(line, "coverage");
    size_t file = (size_t)json_tree_int(line, "file");
    if (coverage && cover) {
        char *json = cJSON_PrintUnformatted(coverage);
        if (!json || cover_merge(cover, json) < 0) book->out_of_memory = true;
        free(json);
    } else if (line && !coverage && file < book->count) {
        if (cJSON_HasObjectItem(line, "end"))
            take_end(book, file, line);
        else
            take_result(book, file, line);
    }
    cJSON_Delete(line);
}

static void take_text(struct worker *worker, struct test_book *book, struct cover *cover)
{
    const char *text = strbuf_cstr(&worker->text), *end;
    while ((end = memchr(text + worker->at, '\n', worker->text.len - worker->at))) {
        take_line(book, cover, text + worker->at, (size_t)(end - text) - worker->at);
        worker->at = (size_t)(end - text) + 1;
    }
    if (worker->at == worker->text.len) {
        strbuf_reset(&worker->text);
        worker->at = 0;
    }
}

static void read_worker(struct worker *worker, struct test_book *book, struct cover *cover)
{
    char buffer[READ_BYTES];
    ssize_t n = read(worker->fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
        close(worker->fd);
        worker->fd = -1;
        return;
    }
    strbuf_add(&worker->text, buffer, (size_t)n);
    take_text(worker, book, cover);
}

static bool wait_for_some(struct worker *workers, int count, struct test_book *book,
                          struct cover *cover)
{
    struct pollfd fds[JOBS_MAX];
    int alive = 0;
    for (int i = 0; i < count; i++) {
        fds[i] = (struct pollfd){.fd = workers[i].fd, .events = POLLIN};
        alive += workers[i].fd >= 0;
    }
    if (alive == 0) return false;
    if (poll(fds, (nfds_t)count, -1) < 0) return errno == EINTR;
    for (int i = 0; i < count; i++)
        if (workers[i].fd >= 0 && fds[i].revents) read_worker(&workers[i], book, cover);
    return true;
}

static int start_worker(const struct test_settings *settings, struct test_book *book,
                        atomic_size_t *next, struct worker *out)
{
    int ends[2];
    if (pipe(ends) < 0) return err_from_errno(errno);
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        int saved = errno;
        close(ends[0]);
        close(ends[1]);
        return err_from_errno(saved);
    }
    if (pid == 0) {
        close(ends[0]);
        _exit(work(settings, book, next, ends[1]));
    }
    close(ends[1]);
    *out = (struct worker){.pid = pid, .fd = ends[0]};
    strbuf_init(&out->text, LINE_BYTES_MAX * 4);
    return OK;
}

/* Files that a worker did not come back from. */
static void find_lost(struct test_book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct ptest_file end = {0};
        struct fault fault;
        if (book->files[i].over) continue;
        fault_set(&fault, ERR_CLOSED, "the process that ran it ended in the middle of it");
        fault_at(&fault, book->files[i].shown, 0, 0);
        test_book_end(book, i, &end, ERR_CLOSED, &fault);
    }
}

int test_workers_run(const struct test_settings *settings, struct test_book *book,
                     struct cover *cover, struct fault *fault)
{
    struct worker workers[JOBS_MAX];
    int jobs = settings->jobs < JOBS_MAX ? settings->jobs : JOBS_MAX, started = 0, code = OK;
    if ((size_t)jobs > book->count) jobs = (int)book->count;
    if (jobs <= 1) return run_here(settings, book, cover, fault);
    atomic_size_t *next =
        mmap(NULL, sizeof *next, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (next == MAP_FAILED) return fault_set(fault, ERR_NOMEM, "out of memory");
    atomic_init(next, 0);
    while (started < jobs && code == OK) {
        code = start_worker(settings, book, next, &workers[started]);
        if (code == OK) started++;
    }
    if (started > 0) code = OK; /* those that there are do it */
    while (wait_for_some(workers, started, book, cover))
        continue;
    for (int i = 0; i < started; i++) {
        while (waitpid(workers[i].pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        strbuf_done(&workers[i].text);
    }
    munmap(next, sizeof *next);
    if (code < 0) return fault_set(fault, code, "no process for the tests: %s", err_text(code));
    find_lost(book);
    return OK;
}
