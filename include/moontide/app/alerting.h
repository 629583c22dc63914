/* app/alerting.h - the notifier of one moontide: made when moontide.lua has receivers, fed with
 * what the engine reports, and ended in order.
 *
 *   engine --report--> alerting --> the listener (report, log)
 *                            +----> notifier --> outbox --> courier --> receiver
 *                                                        (a simulated world: only the log)
 *
 * Order of the end: engine_stop, alerting_stop, alerting_free, engine_free, store_close. */
#ifndef MOONTIDE_APP_ALERTING_H
#define MOONTIDE_APP_ALERTING_H

#include "moontide/app/control.h"
#include "moontide/app/instance.h"
#include "moontide/base/compiler.h"
#include "moontide/base/json.h"
#include "moontide/notify/courier.h"
#include "moontide/notify/notifier.h"

struct alerting;

/* Whether the configuration has anybody to tell. */
bool alerting_wanted(const struct config *config);
/* In front of the listener; the engine is made with what alerting_listener() gives. */
MUST_CHECK int alerting_new(const struct engine_listener *listener, struct alerting **out);
struct engine_listener alerting_listener(struct alerting *alerting);
/* The instance is where it stays. Checks the receivers: all that is wrong goes into faults. */
MUST_CHECK int alerting_open(struct alerting *alerting, struct instance *instance,
                             struct faults *faults);
/* Reads moontide.lua again and goes on with its `alerts`: receivers, routes, inhibition, mute
 * windows; what else it says is taken at a start. With a fault nothing changes. */
MUST_CHECK int alerting_reload(struct instance *instance, struct faults *faults);
/* done runs once, perhaps before return. NULL is allowed. */
void alerting_stop(struct alerting *alerting, void (*done)(void *data), void *data);
void alerting_free(struct alerting *alerting);
/* NULL before it is open; alerting may be NULL. */
struct notifier *alerting_notifier(const struct alerting *alerting);
/* Turns the loop until all that is due is delivered or waits for its next attempt, at most
 * limit_ms; answers how many alerts that fire wait for their group. */
size_t alerting_deliver(struct alerting *alerting, int64_t limit_ms);

/* A courier that sends nothing and logs alert.simulated. */
MUST_CHECK int courier_sim_new(struct loop *loop, struct courier **out);

/* Requests of the control socket that concern alerts; false: the command is none of them. */
bool alerting_command(struct instance *instance, const char *command, const char *arguments,
                      struct control_request *request);
/* The members "alerts" of `status`: how many fire, and each receiver. */
void alerting_status_json(const struct instance *instance, struct json_writer *w);

#endif
