/* app/attach.c - the client of a console.
 *
 *   connect -> hello -> ask for a line -> run ... output ... done -> ask for the next -> end
 *                            ^  incomplete |
 *                            +-------------+
 *
 * Ctrl-C while a command runs interrupts it, in the daemon; a second one, while no answer came,
 * leaves. */
#include "attach_state.h"

#include "moontide/app/control.h"
#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/base/fs.h"
#include "moontide/base/json.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECT_MS = 5000,
    HELLO_MS = 10000,
    LINE_MAX_BYTES = 16 * 1024 * 1024, /* of the daemon's */
    QUEUE_MAX_BYTES = 4 * 1024 * 1024,
    COMPLETE_ID = 1 << 30,
};

void attach_ask(struct attach *a)
{
    const char *prompt = a->write ? "moontide(attached, write)# " : "moontide(attached)> ";
    if (a->over) return;
    a->editing = true;
    a->interrupted = false;
    editor_ask(a->editor, !a->chunk.len ? prompt
                          : a->write    ? "                        >> "
                                        : "                 >> ");
}

void attach_end(struct attach *a, int exit_status)
{
    if (a->over) return;
    a->over = true;
    a->exit_status = exit_status;
    loop_stop(a->loop);
}

/* ---- to the daemon ---- */

static void send_text(struct attach *a, int64_t id, const char *what, const char *text, size_t len)
{
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, QUEUE_MAX_BYTES);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "id");
    json_int(&w, id);
    json_key(&w, what);
    if (text)
        json_stringn(&w, text, len);
    else
        json_bool(&w, true);
    if (strcmp(what, "complete") == 0) {
        json_key(&w, "cursor");
        json_int(&w, (int64_t)len);
    }
    json_object_end(&w);
    if (strbuf_status(&out) == OK) wire_send(a->wire, strbuf_cstr(&out), out.len);
    strbuf_done(&out);
}

static void run_chunk(struct attach *a)
{
    a->running = true;
    send_text(a, ++a->id, "run", strbuf_cstr(&a->chunk), a->chunk.len);
}

/* ---- lines ---- */

static void input_ended(struct attach *a)
{
    bool interactive = editor_interactive(a->editor);
    int status = a->exit_status;
    if (interactive) putchar('\n');
    if (a->chunk.len) fputs("moontide: the last statement is not complete\n", stderr);
    attach_end(a, a->chunk.len && !interactive ? 1 : status);
}

static void on_line(void *data, enum editor_event event, const char *line)
{
    struct attach *a = data;
    a->editing = false;
    if (a->over) return;
    if (event == EDITOR_END) {
        input_ended(a);
        return;
    }
    if (event == EDITOR_DROPPED) {
        strbuf_reset(&a->chunk);
    } else if (a->chunk.len || line[strspn(line, " \t\r")]) {
        if (a->chunk.len) strbuf_addc(&a->chunk, '\n');
        strbuf_adds(&a->chunk, line);
    }
    if (strbuf_status(&a->chunk) < 0) {
        fprintf(stderr, "moontide: a statement has at most %d bytes\n", EDITOR_LINE_MAX);
        strbuf_reset(&a->chunk);
    }
    if (a->chunk.len)
        run_chunk(a);
    else
        attach_ask(a);
}

static void on_complete(void *data, unsigned id, const char *line, size_t len)
{
    struct attach *a = data;
    send_text(a, (int64_t)COMPLETE_ID + (id & (COMPLETE_ID - 1)), "complete", line, len);
}

/* ---- the connection ---- */

static void on_answer(void *data, const char *line, size_t len)
{
    struct attach *a = data;
    if (!a->over) attach_heard(a, line, len);
}

static void on_lost(void *data, const char *why)
{
    struct attach *a = data;
    fflush(stdout);
    if (a->over) return;
    if (a->editing && editor_interactive(a->editor)) putchar('\n');
    if (strcmp(why, "hung up") == 0)
        fputs("moontide: the daemon has ended this console\n", stderr);
    else
        fprintf(stderr, "moontide: the connection to the daemon is lost: %s\n", why);
    attach_end(a, 1);
}

static void on_impatient(void *data)
{
    struct attach *a = data;
    a->patience = NULL;
    fputs("moontide: the daemon does not answer\n", stderr);
    attach_end(a, 1);
}

static void on_sigint(uv_signal_t *handle, int number)
{
    struct attach *a = handle->data;
    (void)number;
    if (!a->running || a->interrupted) {
        attach_end(a, 130);
        return;
    }
    a->interrupted = true;
    send_text(a, a->id, "interrupt", NULL, 0);
}

static int send_hello(const struct arguments *arguments, int fd, struct fault *fault)
{
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, CONTROL_REQUEST_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "command");
    json_string(&w, "console");
    json_key(&w, "write");
    json_bool(&w, arguments_flag(arguments, "write"));
    json_key(&w, "color");
    json_bool(&w, terminal_color(STDOUT_FILENO));
    json_key(&w, "utf8");
    json_bool(&w, terminal_utf8());
    json_key(&w, "width");
    json_int(&w, terminal_width(STDOUT_FILENO));
    json_key(&w, "by");
    json_string(&w, project_user(NULL));
    json_object_end(&w);
    strbuf_addc(&out, '\n');
    int code = strbuf_status(&out);
    if (code == OK && send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
        code = ERR_CLOSED;
    if (code < 0) fault_set(fault, code, "the daemon takes no request: %s", err_text(code));
    strbuf_done(&out);
    return code;
}

/* ---- begin and end ---- */

static void on_signal_closed(uv_handle_t *handle)
{
    ((struct attach *)handle->data)->sigint_closed = true;
}

static int open_parts(struct attach *a, int fd)
{
    const struct wire_options wire = {.loop = a->loop,
                                      .line_max = LINE_MAX_BYTES,
                                      .queue_max = QUEUE_MAX_BYTES,
                                      .queue_high = QUEUE_MAX_BYTES,
                                      .stall_ms = HELLO_MS * 6,
                                      .data = a,
                                      .line = on_answer,
                                      .closed = on_lost};
    char *history = editor_history_path("moontide_console_history");
    const struct editor_options editor = {.loop = a->loop,
                                          .history_path = history,
                                          .on_line = on_line,
                                          .on_complete = on_complete,
                                          .data = a};
    int code = wire_open(&wire, fd, &a->wire);
    if (code == OK) code = editor_open(&editor, &a->editor);
    if (code == OK) code = loop_timer_start(a->loop, HELLO_MS, on_impatient, a, &a->patience);
    free(history);
    if (code < 0) return code;
    int status = uv_signal_init(loop_uv(a->loop), &a->sigint);
    if (status < 0) return err_from_uv(status);
    a->sigint.data = a;
    a->sigint_closed = false;
    status = uv_signal_start(&a->sigint, on_sigint, SIGINT);
    return status < 0 ? err_from_uv(status) : OK;
}

static void close_parts(struct attach *a)
{
    if (a->editor) editor_close(a->editor);
    loop_timer_cancel(a->patience);
    wire_close(a->wire);
    if (!a->sigint_closed) uv_close((uv_handle_t *)&a->sigint, on_signal_closed);
    while (!a->sigint_closed)
        (void)loop_turn(a->loop, false);
    strbuf_done(&a->chunk);
    (void)loop_free(a->loop);
}

static int talk(int fd)
{
    struct attach a = {.sigint_closed = true, .color_err = terminal_color(STDERR_FILENO)};
    strbuf_init(&a.chunk, EDITOR_LINE_MAX);
    int code = loop_new(&a.loop);
    if (code < 0) {
        close(fd);
        return code;
    }
    code = open_parts(&a, fd);
    if (code == OK) loop_run(a.loop);
    close_parts(&a);
    return code < 0 ? code : a.exit_status;
}

static int wrong(const struct arguments *arguments, const char *what)
{
    fprintf(stderr, "moontide repl: %s\n\n", what);
    command_usage(arguments->command, stderr);
    return 1;
}

/* The socket that was named, else the project's. NULL after saying what is wrong. */
static char *socket_path(const struct arguments *arguments)
{
    struct config *config = NULL;
    if (arguments->operand_count > 0) return strdup(arguments->operands[0]);
    if (project_config(arguments, &config) < 0) return NULL;
    char *path = fs_join(config->state_dir, "control.sock");
    config_free(config);
    return path;
}

bool attach_asked(const struct arguments *arguments)
{
    return arguments_flag(arguments, "attach") || arguments_flag(arguments, "write") ||
           arguments->operand_count > 0;
}

int attach_run(const struct arguments *arguments)
{
    struct fault fault;
    int fd = -1;
    if (!arguments_flag(arguments, "attach"))
        return wrong(arguments, "SOCKET and --write are for a console: --attach");
    if (arguments_value(arguments, "world"))
        return wrong(arguments, "a console is into the daemon's world: no --world with --attach");
    char *path = socket_path(arguments);
    if (!path) return 1;
    int code = control_connect(path, CONNECT_MS, &fd, &fault);
    if (code == OK && (code = send_hello(arguments, fd, &fault)) < 0) close(fd);
    free(path);
    if (code < 0) {
        print_fault(&fault);
        if (code == ERR_NOT_FOUND) fputs("start one with: moontide run\n", stderr);
        return 1;
    }
    code = talk(fd);
    if (code < 0) fprintf(stderr, "moontide: no console: %s\n", err_text(code));
    return code < 0 ? 1 : code;
}
