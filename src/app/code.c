/* app/code.c - what `eval`, `script` and `repl` share. */
#include "moontide/app/code.h"

#include "moontide/base/log.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* What a signal handler may reach: a handler has no argument of ours. */
static struct code *volatile interrupted;

/* Both are async-signal-safe: the hook reaches running Lua, the async a waiting call. */
static void on_sigint(int number)
{
    struct code *code = interrupted;
    (void)number;
    if (!code) return;
    script_signal(code->script);
    uv_async_send(code->interrupt);
}

static void on_interrupt(uv_async_t *async)
{
    struct code *code = async->data;
    if (code) script_interrupt(code->script);
}

void code_interrupt_on_sigint(struct code *code, bool on)
{
    struct sigaction action = {.sa_handler = on ? on_sigint : SIG_DFL};
    interrupted = on ? code : NULL;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART; /* the async wakes the loop; a read in another thread goes on */
    sigaction(SIGINT, &action, NULL);
}

static void on_async_closed(uv_handle_t *handle)
{
    free(handle);
}

static int open_interrupt(struct code *code)
{
    code->interrupt = malloc(sizeof *code->interrupt);
    if (!code->interrupt) return ERR_NOMEM;
    int status = uv_async_init(loop_uv(code->instance.loop), code->interrupt, on_interrupt);
    if (status < 0) {
        free(code->interrupt);
        return err_from_uv(status);
    }
    code->interrupt->data = code;
    uv_unref((uv_handle_t *)code->interrupt);
    return OK;
}

int code_open(struct code *code, const struct arguments *arguments)
{
    static const struct script_options none;
    return code_open_with(code, arguments, &none);
}

int code_open_with(struct code *code, const struct arguments *arguments,
                   const struct script_options *script_options)
{
    const char *dir = arguments_value(arguments, "dir"),
               *world = arguments_value(arguments, "world");
    const char *speed = arguments_value(arguments, "speed");
    char *end = NULL;
    memset(code, 0, sizeof *code);
    struct instance_options options = {.dir = dir ? dir : ".",
                                       .world = world ? world : "aws",
                                       .speed = speed ? strtod(speed, &end) : 1,
                                       .trace_aws = arguments_flag(arguments, "trace-aws")};
    if (speed && (*end || !(options.speed >= 0.001) || options.speed > 1e6)) {
        fprintf(stderr, "moontide %s: --speed is a number from 0.001 to 1000000, not %s\n",
                arguments->command->name, speed);
        return 1;
    }
    if (instance_open(&options, &code->instance) < 0) return 1;
    log_open(stderr, LOG_INFO, isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON,
             terminal_color(STDERR_FILENO), &code->instance.world->clock);
    struct script_options script = *script_options;
    script.host = &code->instance.host;
    script.width = terminal_width(STDOUT_FILENO);
    script.color = terminal_color(STDOUT_FILENO);
    if (open_interrupt(code) < 0) {
        fputs("moontide: out of memory\n", stderr);
        instance_close(&code->instance);
        return 1;
    }
    if (script_new(&script, &code->script) < 0) {
        fputs("moontide: out of memory\n", stderr);
        uv_close((uv_handle_t *)code->interrupt, on_async_closed);
        instance_close(&code->instance);
        return 1;
    }
    if (time_travel_open(arguments, code->script, &code->travel)) {
        code_close(code);
        return 1;
    }
    return 0;
}

void code_close(struct code *code)
{
    time_travel_close(code->travel);
    code_interrupt_on_sigint(code, false);
    uv_close((uv_handle_t *)code->interrupt, on_async_closed);
    script_free(code->script);
    instance_close(&code->instance);
}

void code_done(void *data, const struct script_result *result)
{
    struct code *code = data;
    fflush(stdout);
    if (result->exit_status >= 0) {
        code->exit_status = result->exit_status;
    } else if (result->code < 0) {
        fprintf(stderr, "moontide: %s\n", result->error ? result->error : err_text(result->code));
        code->exit_status = 1;
    }
    code->over = true;
    loop_stop(code->instance.loop);
}
