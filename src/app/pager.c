/* app/pager.c - a text through a pager.
 *
 * It reads the text from a temporary file, so that nothing has to be written while it runs and
 * leaving it early is no error. Ctrl-C goes to it and to us, as both are in the foreground: nothing
 * of ours runs then, so there is nothing that it could interrupt. */
#include "moontide/app/pager.h"

#include "moontide/base/err.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { SHELL_FAILED = 126 /* and 127: sh could not run it (POSIX XCU 2.8.2) */ };

struct pager {
    uv_process_t process;
    FILE *text;
    bool failed;
    void (*done)(void *data);
    void *data;
};

bool pager_is_long(int fd, const char *text, size_t len)
{
    if (!isatty(fd)) return false;
    int width = terminal_width(fd), rows = terminal_height(fd) - 1, row = 0, column = 0;
    for (size_t i = 0; i < len && row < rows; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == 0x1b) { /* colours: to the letter at their end */
            while (i < len && text[i] != 'm')
                i++;
        } else if (c == '\n') {
            row++, column = 0;
        } else if ((c & 0xC0) != 0x80 && ++column > width) {
            row++, column = 1;
        }
    }
    return row >= rows;
}

static bool in_path(const char *name)
{
    char place[4096];
    for (const char *at = getenv("PATH"); at && *at; at += strspn(at, ":")) {
        size_t len = strcspn(at, ":");
        int n = snprintf(place, sizeof place, "%.*s/%s", (int)len, at, name);
        if (n > 0 && (size_t)n < sizeof place && access(place, X_OK) == 0) return true;
        at += len;
    }
    return false;
}

/* The command, for sh; NULL: there is none. */
static const char *command(void)
{
    const char *said = getenv("PAGER");
    if (!said) return in_path("less") ? "less -RFX" : NULL;
    return *said && strcmp(said, "cat") != 0 ? said : NULL;
}

static void write_text(struct pager *pager)
{
    char bytes[4096];
    rewind(pager->text);
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, pager->text)) > 0;)
        fwrite(bytes, 1, n, stdout);
    fflush(stdout);
}

static void on_closed(uv_handle_t *handle)
{
    struct pager *pager = handle->data;
    void (*done)(void *) = pager->done;
    void *data = pager->data;
    if (pager->failed) write_text(pager);
    fclose(pager->text);
    free(pager);
    if (done) done(data);
}

static void on_ended(uv_process_t *process, int64_t status, int number)
{
    struct pager *pager = process->data;
    pager->failed = number == 0 && status >= SHELL_FAILED;
    uv_close((uv_handle_t *)process, on_closed);
}

static int start(struct pager *pager, struct loop *loop, const char *shell_command)
{
    char sh[] = "/bin/sh", c[] = "-c", *line = strdup(shell_command);
    char *args[] = {sh, c, line, NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_INHERIT_FD, .data.fd = fileno(pager->text)},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    uv_process_options_t options = {
        .file = sh, .args = args, .stdio = stdio, .stdio_count = 3, .exit_cb = on_ended};
    if (!line) return ERR_NOMEM;
    pager->process.data = pager;
    int status = uv_spawn(loop_uv(loop), &pager->process, &options);
    free(line);
    return status < 0 ? err_from_uv(status) : OK;
}

int pager_show(struct loop *loop, const char *text, size_t len, void (*done)(void *data),
               void *data)
{
    const char *shell_command = command();
    if (!shell_command) return ERR_NOT_FOUND;
    struct pager *pager = calloc(1, sizeof *pager);
    if (!pager) return ERR_NOMEM;
    pager->text = tmpfile();
    bool kept = pager->text && fwrite(text, 1, len, pager->text) == len &&
                fflush(pager->text) == 0 && lseek(fileno(pager->text), 0, SEEK_SET) == 0;
    if (!kept) {
        if (pager->text) fclose(pager->text);
        free(pager);
        return ERR_IO;
    }
    fflush(stdout);
    int code = start(pager, loop, shell_command);
    if (code < 0) { /* the handle has to be closed all the same; on_closed() then tells nobody */
        uv_close((uv_handle_t *)&pager->process, on_closed);
        return code;
    }
    pager->done = done;
    pager->data = data;
    return OK;
}
