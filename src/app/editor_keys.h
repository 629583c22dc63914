/* app/editor_keys.h - the part of the line editor that runs on the reading thread: libedit, its
 * keys, what is shown beside the line.
 *
 *   editor_keys.c      reading a key, drawing, being woken
 *   editor_complete.c  Tab
 *   editor_lines.c     an entry of several lines in the one buffer that libedit has
 *   editor_past.c      Up, Down, Ctrl-R */
#ifndef MOONTIDE_SRC_APP_EDITOR_KEYS_H
#define MOONTIDE_SRC_APP_EDITOR_KEYS_H

#include "moontide/app/recall.h"
#include "moontide/base/strbuf.h"

#include <histedit.h>
#include <stdbool.h>
#include <wchar.h>

/* Both are called on the reading thread. */
struct keys_options {
    const char *history_path; /* borrowed for the call; or NULL */
    int wake_fd;              /* readable: on_wake() is to be called */
    /* Blocks until the candidates are there; false: there are none. */
    bool (*complete)(void *data, const char *line, size_t len, size_t *from, struct strbuf *list);
    /* Empties wake_fd. What to show above the line is appended to text; *resized: the terminal has
     * another size. Returns false when the line is to be given up. */
    bool (*on_wake)(void *data, struct strbuf *text, bool *resized);
    void *data;
};

enum { PROMPT_MAX = 256 };

struct keys {
    struct keys_options options;
    EditLine *edit;
    struct recall *recall;
    const char *prompt; /* of the line that is read */
    char shown_prompt[PROMPT_MAX];
    bool color;
    mbstate_t partial; /* of a character whose bytes have not all come */
    bool dropped, ended;

    /* Up and Down: where in the history, and what they put there; NULL: nowhere yet */
    size_t at;
    wchar_t *shown, *draft;
    size_t prefix_len;
    /* the same for libedit's own commands (vi mode's) */
    size_t told_at;
    char *told;
};

MUST_CHECK int keys_open(const struct keys_options *options, struct keys **out);
void keys_close(struct keys *keys); /* NULL is allowed */

/* Edits one line; the caller frees it. *dropped: Ctrl-C, the line is "". NULL at the end of input.
 */
char *keys_read(struct keys *keys, const char *prompt, bool *dropped);

/* ---- for the files above ---- */

struct keys *keys_of(EditLine *edit);
/* Replaces the whole line; the cursor is behind it. */
void keys_set_line(struct keys *keys, const wchar_t *text);
/* Moves to where the line begins on the screen, and clears from there. Then el_set(EL_REFRESH). */
void keys_clear(struct keys *keys);

void keys_bind_complete(EditLine *edit);
void keys_bind_lines(EditLine *edit);
void keys_bind_past(struct keys *keys);

/* Continuation lines stand below the first, so they are indented by the prompt's width in the
 * buffer, and that is taken away again from what was edited. The caller frees the text. */
wchar_t *keys_indent(const struct keys *keys, const char *text);
char *keys_unindent(const struct keys *keys, const char *text);
/* Moves up (-1) or down (1) within the buffer; false: there is no such line. */
bool keys_move_row(struct keys *keys, int by);
void keys_past_reset(struct keys *keys);

#endif
