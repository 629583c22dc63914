/* notify/settings.h - `alerts` of moontide.lua as plain data: who is told what, when.
 *
 *   alerts = {
 *     receivers = { oncall = { type = "pagerduty", routing_key = env "PAGERDUTY_KEY" }, ... },
 *     route = { receiver = "chat", group_by = { "environment", "policy" },
 *               { matchers = { "severity=high" }, receiver = "oncall", continue = true }, ... },
 *     inhibit = { { source = { "type=db_down" }, target = { "severity=~low|medium" },
 *                   equal = { "environment" } } },
 *     mute = { nights = { { cron = "0 22 * * *", duration = "9h", timezone = "Asia/Seoul" } } },
 *     heartbeat = { url = env "HEARTBEAT_URL" },
 *   }
 *
 * Built by bind (config_alerts.c), read by route.h and notifier.h. Defaults: group_by environment
 * and policy; group_wait 30 s, group_interval 5 m, repeat_interval 4 h (Alertmanager's). */
#ifndef MOONTIDE_NOTIFY_SETTINGS_H
#define MOONTIDE_NOTIFY_SETTINGS_H

#include "moontide/base/cron.h"
#include "moontide/notify/matcher.h"

#include <stdint.h>

enum {
    GROUP_WAIT_MS = 30 * 1000,
    GROUP_INTERVAL_MS = 5 * 60 * 1000,
    REPEAT_INTERVAL_MS = 4 * 3600 * 1000,
    ROUTES_MAX = 1000,
    ROUTE_DEPTH_MAX = 16,
    RECEIVERS_MAX = 200,
};

struct receiver_settings {
    char *name, *type;
    char *json; /* the receiver's fields as one JSON object, secrets included: never logged */
    bool send_resolved; /* default true */
    double rate_per_s;  /* at most so many messages a second; default 1 */
};

struct route {
    struct matchers matchers;
    char *receiver;  /* NULL: the parent's */
    char **group_by; /* shape: [group_by_count]; NULL: the parent's; one "...": every label */
    size_t group_by_count;
    int64_t group_wait_ms, group_interval_ms, repeat_interval_ms; /* -1: the parent's */
    char **mute; /* names of mute windows; shape: [mute_count] */
    size_t mute_count;
    bool goes_on;           /* `continue`: siblings behind it are asked as well */
    struct route *children; /* shape: [child_count] */
    size_t child_count;
    uint32_t number; /* of the tree in preorder, the root 0: part of a group's name */
    int line;        /* in moontide.lua; 0: not known */
};

struct mute_settings {
    char *name;
    struct window *windows; /* shape: [window_count]; zones are owned: see zone.h */
    size_t window_count;
};

struct inhibit_settings {
    struct matchers source, target;
    char **equal; /* shape: [equal_count] */
    size_t equal_count;
};

struct notify_settings {
    struct receiver_settings *receivers; /* shape: [receiver_count] */
    size_t receiver_count;
    struct route root; /* receiver NULL: nobody is told, alerts are only kept */
    struct mute_settings *mutes;
    size_t mute_count;
    struct inhibit_settings *inhibits;
    size_t inhibit_count;
    char *heartbeat_json; /* as a receiver's json; NULL: none */
    bool send_simulated;  /* also what a simulated world finds; else that is only logged */
    char *templates_dir;  /* where an operator's message templates are; NULL: none */
};

void notify_settings_init(struct notify_settings *settings);
void notify_settings_done(struct notify_settings *settings);
/* NULL when there is none of that name. */
const struct receiver_settings *notify_receiver(const struct notify_settings *settings,
                                                const char *name);
const struct mute_settings *notify_mute(const struct notify_settings *settings, const char *name);

#endif
