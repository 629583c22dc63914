/* app/daemon.h - the long run: schedule, hot reload, control socket, signals, and an orderly end.
 *
 *   start -> scan -> first ticks -> running --SIGHUP, reload--> scan
 *                                     |
 *                                     +--SIGTERM, SIGINT--> draining (at most 5 s) -> end, exit 0
 */
#ifndef MOONTIDE_APP_DAEMON_H
#define MOONTIDE_APP_DAEMON_H

#include "moontide/app/instance.h"
#include "moontide/app/policy_dir.h"
#include "moontide/app/tick_metrics.h"
#include "moontide/base/compiler.h"
#include "moontide/base/strbuf.h"

enum { DAEMON_DRAIN_MS = 5000 };

struct consoles;

/* Who hears of what a daemon's engine reports: the data of its listener. */
struct daemon_ears {
    struct tick_metrics metrics;
    struct consoles *consoles; /* daemon_run()'s own */
};

/* Runs until it is told to stop. The instance was opened with policies and store. Answers the exit
 * status. */
MUST_CHECK int daemon_run(struct instance *instance, struct policy_dir *dir,
                          struct daemon_ears *ears);

/* The listener's functions of a daemon, whose data is a struct daemon_ears: status.changed in the
 * log, a tick's metrics, and what consoles show. */
void daemon_target(void *data, const struct target_report *report);
void daemon_tick(void *data, const struct tick_report *report);

/* The `status` document of a running daemon. */
void daemon_status_json(const struct instance *instance, int64_t started_ms, struct strbuf *out);
/* The same without its policies: it does not grow with them. */
void daemon_summary_json(const struct instance *instance, int64_t started_ms, struct strbuf *out);

#endif
