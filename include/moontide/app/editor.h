/* app/editor.h - lines from a person or a pipe, read beside the loop.
 *
 * On a terminal a thread edits with libedit, as its el_gets() blocks; else the thread reads lines
 * as they are. Both hand over one line at a time, each only when it is asked for:
 *
 *   editor_ask(prompt) -> (the thread reads) -> on_line(event, line) -> ... -> editor_ask(prompt)
 *
 * Rule 1: every function is for the loop's thread, and every callback runs on it, never before the
 *         function that led to it has returned.
 * Rule 2: while a line is being read the terminal is the editor's: other output goes through
 *         editor_show(). Between on_line and editor_ask it is the caller's, in its usual mode. */
#ifndef MOONTIDE_APP_EDITOR_H
#define MOONTIDE_APP_EDITOR_H

#include "moontide/base/compiler.h"
#include "moontide/io/loop.h"

#include <stdbool.h>
#include <stddef.h>

enum { EDITOR_LINE_MAX = 1024 * 1024 /* bytes of a line, of the candidates, of what is shown */ };

struct editor;

enum editor_event {
    EDITOR_LINE,
    EDITOR_DROPPED, /* Ctrl-C: the line is dropped, and so should be a statement before it */
    EDITOR_END      /* Ctrl-D on an empty line, the end of the pipe; on_line comes no more */
};

struct editor_options {
    struct loop *loop;
    const char *history_path; /* borrowed for the call; NULL: the history ends with the editor */
    /* line is without its newline, borrowed for the call, and "" but for EDITOR_LINE. The next line
     * may be asked for, or the editor closed at the next turn of the loop, not in here. */
    void (*on_line)(void *data, enum editor_event event, const char *line);
    /* Tab after line[len]: to be answered with editor_candidates(id), in here or within
     * EDITOR_COMPLETE_MS; a later answer is ignored. NULL: nothing is completed. */
    void (*on_complete)(void *data, unsigned id, const char *line, size_t len);
    void *data;
};
enum { EDITOR_COMPLETE_MS = 2000 };

/* Starts the thread; reads nothing yet. ERR_NOMEM, or what libuv said. */
MUST_CHECK int editor_open(const struct editor_options *options, struct editor **out);
/* Also while a line is read (a signal, a connection that ends): the line is lost. Gives the
 * terminal back; turns the loop until its handle is closed. NULL is allowed. */
void editor_close(struct editor *editor);

/* Whether a person edits (standard input is a terminal). */
bool editor_interactive(const struct editor *editor);
/* The file of a history named `name` in XDG_STATE_HOME, else hidden in HOME; the caller frees it.
 * NULL: there is neither, or no memory. */
char *editor_history_path(const char *name);

/* Reads one line behind this prompt (copied; a pipe's is not shown). Only when no line is being
 * read. */
void editor_ask(struct editor *editor, const char *prompt);
/* Adds an entry to the history, and to its file; it may have several lines. Only when no line is
 * being read; nothing happens for a pipe, for blank text, and for text that begins with a space:
 * that is how a line with a secret is kept out. */
void editor_remember(struct editor *editor, const char *text);
/* Answers on_complete: '\n' between the candidates, which replace the text from line[from]. */
void editor_candidates(struct editor *editor, unsigned id, size_t from, const char *list);
/* Writes whole lines to standard output, above the line that is edited when one is. */
void editor_show(struct editor *editor, const char *text, size_t len);

#endif
