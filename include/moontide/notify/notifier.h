/* notify/notifier.h - from alert states to notifications: grouping, repeating, and what holds back.
 *
 * Fed with the report of each target (tick/engine.h). Alerts of one route end and equal group_by
 * labels are a group; a group is told of group_wait after its first alert began to fire, then at
 * most every group_interval when something changed, and every repeat_interval when nothing did.
 *
 * At such a time the alerts that fire now (neither silenced, inhibited nor muted) are compared with
 * those of the group's record, what the receiver was told last (in the store): new ones, a higher
 * severity, those that are resolved or a repeat make one notification; record and notification are
 * one store batch. Nothing else is remembered, so a restart at any point sends nothing again and
 * forgets nothing: the alerts' own states are durable (tick/alert.h).
 *
 * Rule 1: an alert that ends before its group was told sends nothing. Rule 2: resolved is sent
 * once, to those who were told that it fires. Rule 3: a target that was not judged since the start
 * keeps its alerts. Source: Alertmanager's dispatcher and notification log. */
#ifndef MOONTIDE_NOTIFY_NOTIFIER_H
#define MOONTIDE_NOTIFY_NOTIFIER_H

#include "moontide/notify/courier.h"
#include "moontide/notify/settings.h"
#include "moontide/tick/engine.h"

struct clock;
struct loop;
struct notifier;
struct store;

enum {
    NOTIFY_ALERTS_MAX = 25,  /* listed in one notification; the rest is counted */
    NOTIFY_SERIES_MAX = 4,   /* of one alert */
    NOTIFY_POINTS_MAX = 120, /* of one series: two hours of minutes */
    NOTIFY_GROUPS_MAX = 100000,
};

struct notifier_options {
    struct loop *loop;
    struct store *store;       /* borrowed */
    const struct clock *clock; /* the world's */
    const char *world;
    const char *silences_path; /* borrowed; NULL: none */
    struct courier *courier;   /* borrowed */
};
MUST_CHECK int notifier_new(const struct notifier_options *options, struct notifier **out,
                            struct fault *fault);
/* done runs once, perhaps before return, when nothing is being written any more. */
void notifier_stop(struct notifier *notifier, void (*done)(void *data), void *data);
void notifier_free(struct notifier *notifier); /* after notifier_stop()'s done; NULL is allowed */
/* Of a (re)load; borrowed until the next call. */
void notifier_settings(struct notifier *notifier, const struct notify_settings *settings);
/* The engine whose alerts these are, and its alerts as of the start. */
MUST_CHECK int notifier_start(struct notifier *notifier, struct engine *engine);

/* engine_listener's: as soon as a target is judged, and at the end of a tick. */
void notifier_target(struct notifier *notifier, const struct target_report *report);
void notifier_tick(struct notifier *notifier, const struct tick_report *report);
/* SILENCES may have changed. */
void notifier_silences_changed(struct notifier *notifier);
/* A test message to one receiver, through the outbox. ERR_NOT_FOUND. */
MUST_CHECK int notifier_test(struct notifier *notifier, const char *receiver, struct fault *fault);
/* Whether something of it is on its way to or from the disk, or is due. */
bool notifier_busy(const struct notifier *notifier);
struct outbox *notifier_outbox(struct notifier *notifier);

/* Why an alert that fires is not told of now; for `alerts list`. */
enum held { HELD_NOT, HELD_SILENCED, HELD_INHIBITED, HELD_MUTED, HELD_WAITING };
struct notifier_alert {
    const char *policy, *target;
    const struct alert *alert;
    enum held held;
    const char *by; /* the silence's id, the mute window's name, ...; "" */
};
void notifier_each(const struct notifier *notifier,
                   void (*each)(void *data, const struct notifier_alert *alert), void *data);

/* The alerts that are the notifier's own, receivers that fail, as engine_each_alert() gives those
 * of policies; borrowed for the call. */
void notifier_each_own(const struct notifier *notifier,
                       void (*each)(void *data, const char *policy, const char *target,
                                    const struct alert *alerts, size_t count),
                       void *data);

#endif
