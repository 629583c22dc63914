/* app/repl.c - `moontide repl`: interactive Lua on the loop.
 *
 *   line -> script_run_text -> (waiting calls turn the loop) -> done -> ask for the next
 *
 * Ctrl-C while Lua runs or waits interrupts it (a handler by sigaction, as uv_signal cannot fire
 * while Lua spins); while a line is edited it drops the line. */
#include "moontide/app/attach.h"
#include "moontide/app/code.h"
#include "moontide/app/editor.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct repl {
    struct code code;
    struct strbuf chunk; /* the lines of a statement so far */
    struct editor *editor;
    bool color;
};

static void ask_for_line(struct repl *r)
{
    editor_ask(r->editor, r->chunk.len ? "       >> " : "moontide> ");
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
    if (!editor_interactive(r->editor)) code_interrupt_on_sigint(&r->code, false);
    if (result->exit_status >= 0) {
        r->code.exit_status = result->exit_status;
        end(r);
        return;
    }
    if (result->code < 0) {
        const char *on = r->color ? "\033[31m" : "", *off = r->color ? "\033[0m" : "";
        fprintf(stderr, "%s%s%s\n", on, result->error ? result->error : err_text(result->code),
                off);
        if (!editor_interactive(r->editor))
            r->code.exit_status = 1; /* a pipe's errors are its status */
    }
    ask_for_line(r);
}

static void run_chunk(struct repl *r)
{
    struct strbuf chunk = r->chunk; /* its end may come before script_run_text() returns */
    if (script_incomplete(r->code.script, chunk.data, chunk.len)) {
        ask_for_line(r);
        return;
    }
    editor_remember(r->editor, strbuf_cstr(&chunk));
    strbuf_init(&r->chunk, EDITOR_LINE_MAX);
    code_interrupt_on_sigint(&r->code, true);
    int code = script_run_text(r->code.script, chunk.data, chunk.len, "=stdin", true, NULL,
                               on_chunk_done, r);
    strbuf_done(&chunk);
    if (code >= 0) return;
    if (!editor_interactive(r->editor)) code_interrupt_on_sigint(&r->code, false);
    fprintf(stderr, "%s\n", err_text(code));
    ask_for_line(r);
}

static void on_end(struct repl *r)
{
    bool interactive = editor_interactive(r->editor);
    if (interactive) putchar('\n');
    if (r->chunk.len) fputs("moontide: the last statement is not complete\n", stderr);
    if (r->chunk.len && !interactive) r->code.exit_status = 1;
    end(r);
}

static void on_line(void *data, enum editor_event event, const char *line)
{
    struct repl *r = data;
    if (event == EDITOR_END) {
        on_end(r);
        return;
    }
    if (event == EDITOR_DROPPED) {
        editor_remember(r->editor, strbuf_cstr(&r->chunk)); /* to go on with, or to mend it */
        strbuf_reset(&r->chunk);
    } else if (r->chunk.len || line[strspn(line, " \t\r")]) {
        if (r->chunk.len) strbuf_addc(&r->chunk, '\n');
        strbuf_adds(&r->chunk, line);
    }
    if (strbuf_status(&r->chunk) < 0) {
        fprintf(stderr, "moontide: a statement has at most %d bytes\n", EDITOR_LINE_MAX);
        strbuf_reset(&r->chunk);
    }
    if (r->chunk.len)
        run_chunk(r);
    else
        ask_for_line(r);
}

/* The lines before are part of what is completed: a constructor may have begun there. */
static void on_complete(void *data, unsigned id, const char *line, size_t len)
{
    struct repl *r = data;
    struct strbuf list, text;
    strbuf_init(&list, EDITOR_LINE_MAX);
    strbuf_init(&text, (size_t)2 * EDITOR_LINE_MAX);
    strbuf_add(&text, strbuf_cstr(&r->chunk), r->chunk.len);
    if (text.len) strbuf_addc(&text, '\n');
    size_t before = text.len, from = 0;
    strbuf_add(&text, line, len);
    if (strbuf_status(&text) >= 0)
        script_complete(r->code.script, strbuf_cstr(&text), text.len, &from, &list);
    bool known = from >= before && strbuf_status(&list) >= 0;
    editor_candidates(r->editor, id, known ? from - before : 0, known ? strbuf_cstr(&list) : "");
    strbuf_done(&text);
    strbuf_done(&list);
}

/* ---- start and end ---- */

static int open_editor(struct repl *r)
{
    char *path = editor_history_path("moontide_history");
    struct editor_options options = {.loop = r->code.instance.loop,
                                     .history_path = path,
                                     .on_line = on_line,
                                     .on_complete = on_complete,
                                     .data = r};
    int code = editor_open(&options, &r->editor);
    free(path);
    return code;
}

int command_repl(const struct arguments *arguments)
{
    struct repl r = {0};
    if (attach_asked(arguments)) return attach_run(arguments);
    if (code_open(&r.code, arguments)) return 1;
    strbuf_init(&r.chunk, EDITOR_LINE_MAX);
    r.color = terminal_color(STDERR_FILENO);
    int code = open_editor(&r);
    if (code < 0) {
        fprintf(stderr, "moontide: no line editor: %s\n", err_text(code));
        code_close(&r.code);
        return 1;
    }
    if (editor_interactive(r.editor))
        printf("moontide " MOONTIDE_VERSION
               ", world %s. Tab completes; Ctrl-C interrupts; Ctrl-D ends.\n",
               r.code.instance.world->name);
    ask_for_line(&r);
    loop_run(r.code.instance.loop);
    editor_close(r.editor);
    strbuf_done(&r.chunk);
    code_close(&r.code);
    return r.code.exit_status;
}
