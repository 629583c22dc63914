/* app/repl.c - `moontide repl`: interactive Lua on the loop.
 *
 *   line -> is the statement whole? -> script_run_text -> done -> (the pager) -> ask for the next
 *             no: ask for more          waiting calls turn the loop
 *
 * Ctrl-C while Lua runs or waits interrupts it (a handler by sigaction, as uv_signal cannot fire
 * while Lua spins); while a line is edited it drops the line.
 *
 * What is printed is written at once. A text that is whole (an echoed value, help) and higher than
 * the screen is kept, with what is printed after it, and shown through a pager when the statement
 * is over; then comes its error, if it has one. */
#include "moontide/app/attach.h"
#include "moontide/app/code.h"
#include "moontide/app/editor.h"
#include "moontide/app/pager.h"
#include "moontide/app/spinner.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/terminal.h"
#include "moontide/bind/help.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES_MAX = 64 * 1024 * 1024 };

struct repl {
    struct code code;
    struct strbuf chunk; /* the lines of a statement so far */
    struct strbuf page;  /* what waits for the pager */
    char *error;         /* of the statement whose output is in the pager */
    struct editor *editor;
    struct spinner *spinner;
    bool color;
};

static void ask_for_line(struct repl *r)
{
    editor_ask(r->editor, r->chunk.len ? "       >> " : "moontide> ");
}

/* ---- output ---- */

static void on_print(void *data, const char *text, size_t len)
{
    struct repl *r = data;
    if (r->page.len) {
        strbuf_add(&r->page, text, len);
        return;
    }
    fwrite(text, 1, len, stdout);
    fflush(stdout);
}

static void on_show(void *data, const char *text, size_t len)
{
    struct repl *r = data;
    if (!r->page.len && editor_interactive(r->editor) && pager_is_long(STDOUT_FILENO, text, len))
        strbuf_add(&r->page, text, len);
    else
        on_print(data, text, len);
}

static const char *waits_for(void *data, unsigned *count)
{
    struct repl *r = data;
    return script_waits_for(r->code.script, count);
}

static void on_turn(void *data, bool runs)
{
    struct repl *r = data;
    if (!r->spinner) return;
    if (runs)
        spinner_hide(r->spinner);
    else
        spinner_show(r->spinner);
}

static void say_error(const struct repl *r, const char *text)
{
    const char *on = r->color ? "\033[31m" : "", *off = r->color ? "\033[0m" : "";
    fprintf(stderr, "%s%s%s\n", on, text, off);
}

/* ---- the loop ---- */

static void end(struct repl *r)
{
    loop_stop(r->code.instance.loop);
}

static void on_paged(void *data)
{
    struct repl *r = data;
    strbuf_done(&r->page);
    strbuf_init(&r->page, PAGE_BYTES_MAX);
    if (r->error) say_error(r, r->error);
    free(r->error);
    r->error = NULL;
    if (r->code.over)
        end(r);
    else
        ask_for_line(r);
}

/* The statement is over: what it left is shown, and the next line asked for. */
static void go_on(struct repl *r, const char *error)
{
    if (error) r->error = strdup(error);
    if (r->page.len &&
        pager_show(r->code.instance.loop, r->page.data, r->page.len, on_paged, r) >= 0)
        return;
    fwrite(strbuf_cstr(&r->page), 1, r->page.len, stdout);
    fflush(stdout);
    on_paged(r);
}

static void on_chunk_done(void *data, const struct script_result *result)
{
    struct repl *r = data;
    spinner_stop(r->spinner);
    fflush(stdout);
    if (!editor_interactive(r->editor)) code_interrupt_on_sigint(&r->code, false);
    r->code.over = result->exit_status >= 0;
    if (r->code.over) r->code.exit_status = result->exit_status;
    bool failed = !r->code.over && result->code < 0;
    if (failed && !editor_interactive(r->editor))
        r->code.exit_status = 1; /* a pipe's errors are its status */
    go_on(r, failed ? (result->error ? result->error : err_text(result->code)) : NULL);
}

static void run_chunk(struct repl *r)
{
    struct strbuf chunk = r->chunk,
                  shorthand; /* the end may come before script_run_text() returns */
    strbuf_init(&shorthand, EDITOR_LINE_MAX);
    bool short_for = help_shorthand(chunk.data, chunk.len, &shorthand);
    const struct strbuf *text = short_for ? &shorthand : &chunk;
    if (!short_for && script_incomplete(r->code.script, chunk.data, chunk.len)) {
        ask_for_line(r);
        return;
    }
    editor_remember(r->editor, strbuf_cstr(&chunk));
    strbuf_init(&r->chunk, EDITOR_LINE_MAX);
    code_interrupt_on_sigint(&r->code, true);
    script_resize(r->code.script, terminal_width(STDOUT_FILENO));
    if (editor_interactive(r->editor)) spinner_start(r->spinner);
    int code = script_run_text(r->code.script, strbuf_cstr(text), text->len, "=stdin", true, NULL,
                               on_chunk_done, r);
    strbuf_done(&chunk);
    strbuf_done(&shorthand);
    if (code >= 0) return;
    if (!editor_interactive(r->editor)) code_interrupt_on_sigint(&r->code, false);
    spinner_stop(r->spinner);
    say_error(r, err_text(code));
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

static void greet(const struct repl *r)
{
    if (!editor_interactive(r->editor)) return;
    printf("moontide " MOONTIDE_VERSION ", world %s. help() tells more; Tab completes; "
           "Ctrl-D ends.\n",
           r->code.instance.world->name);
}

int command_repl(const struct arguments *arguments)
{
    struct repl r = {0};
    if (attach_asked(arguments)) return attach_run(arguments);
    bool interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    struct script_options options = {
        .print = on_print, .show = on_show, .turn = on_turn, .data = &r, .draws = interactive};
    strbuf_init(&r.chunk, EDITOR_LINE_MAX);
    strbuf_init(&r.page, PAGE_BYTES_MAX);
    r.color = terminal_color(STDERR_FILENO);
    if (code_open_with(&r.code, arguments, &options)) return 1;
    int code = spinner_new(r.code.instance.loop, waits_for, &r, &r.spinner);
    if (code >= 0) code = open_editor(&r);
    if (code < 0) {
        fprintf(stderr, "moontide: no line editor: %s\n", err_text(code));
        r.code.exit_status = 1;
    } else {
        greet(&r);
        ask_for_line(&r);
        loop_run(r.code.instance.loop);
    }
    editor_close(r.editor);
    spinner_free(r.spinner);
    strbuf_done(&r.chunk);
    strbuf_done(&r.page);
    code_close(&r.code);
    return r.code.exit_status;
}
