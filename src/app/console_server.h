/* app/console_server.h - what the files of the consoles' server share.
 *
 *   console.c            sessions: their lines, their ends
 *   console_send.c       the lines they are sent
 *   console_act.c        what a console lets the daemon do: reload, tick, pause, resume
 *   console_decisions.c  the last decisions and what became of them */
#ifndef MOONTIDE_APP_CONSOLE_SERVER_H
#define MOONTIDE_APP_CONSOLE_SERVER_H

#include "moontide/app/console.h"
#include "moontide/app/console_line.h"
#include "moontide/app/wire.h"
#include "moontide/base/json.h"
#include "moontide/bind/console.h"

struct act;
struct decisions;

enum { CONSOLE_LINE_OUT_MAX = 8 * 1024 * 1024 /* bytes of one line */ };

struct session {
    struct consoles *consoles;
    struct session *next;
    struct wire *wire;
    struct console *console;
    struct console_hello hello;
    struct strbuf text, out; /* of the line that came; of the one that goes */
    int64_t id;              /* of the command that runs */
    bool running;
    char *traced; /* the policy whose evaluations it is told; or NULL */
};

struct consoles {
    struct consoles_options options;
    struct session *sessions;
    size_t count;
    struct act *acts; /* under way */
    struct decisions *decisions;
    struct tracer tracer;
    struct vm_gate gate; /* however many there are, the loop is held by one */
};

/* console_send.c. A line begins, with its id or without; put members, then send it. */
struct json_writer line_begin(struct session *session, bool with_id, int64_t id);
void line_send(struct session *session, struct json_writer *w);
void send_done(struct session *session, int64_t id, const char *error);
void send_event(struct session *session, const char *event, const char *text);
void send_hello(struct session *session);

/* console_act.c: the call of struct console_calls. */
int act_begin(void *session, enum console_act act, const char *what, const char *reason,
              uint64_t ticket, struct fault *fault);
void acts_reloaded(struct consoles *consoles, const struct scan_result *result);
void acts_forget(struct consoles *consoles, const struct session *session); /* NULL: all */

/* console_decisions.c */
MUST_CHECK int decisions_new(const struct clock *clock, struct decisions **out);
void decisions_free(struct decisions *decisions);
void decisions_add(struct decisions *decisions, const struct target_report *report);
void decisions_json(const struct decisions *decisions, struct strbuf *out); /* a list */

#endif
