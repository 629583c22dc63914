/* app/attach_state.h - what the two files of a console's client share.
 *
 *   attach.c         the lines of the person or the pipe, and the connection's begin and end
 *   attach_answer.c  what the daemon says */
#ifndef MOONTIDE_APP_ATTACH_STATE_H
#define MOONTIDE_APP_ATTACH_STATE_H

#include "moontide/app/attach.h"
#include "moontide/app/editor.h"
#include "moontide/app/wire.h"
#include "moontide/base/strbuf.h"

#include <stdint.h>
#include <uv.h>

struct attach {
    struct loop *loop;
    struct editor *editor;
    struct wire *wire;
    struct loop_timer *patience; /* for the hello */
    uv_signal_t sigint;
    bool sigint_closed;
    struct strbuf chunk; /* the lines of a statement so far */
    int64_t id;          /* of the command that runs or ran last */
    bool write, color_err;
    bool greeted, running, editing, interrupted, over;
    int exit_status;
};

void attach_ask(struct attach *a); /* the next line */
void attach_end(struct attach *a, int exit_status);
/* A line of the daemon's. */
void attach_heard(struct attach *a, const char *line, size_t len);

#endif
