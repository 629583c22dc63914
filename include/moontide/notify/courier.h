/* notify/courier.h - what the outbox knows of receivers: a small vtable that something else
 * implements (bind, in Lua; one module a type of receiver).
 *
 * A notification is one JSON object, made by the notifier and kept in the outbox as it is; the
 * courier renders it into words (templates, language) and sends it:
 *
 *   { "id": "...", "receiver": "chat", "status": "firing" | "resolved" | "test",
 *     "at": epoch_ms, "group": { "environment": "prod", "policy": "performance" },
 *     "group_key": "...", "repeat": false, "severity": "high",      -- the worst that fires
 *     "firing": n, "resolved": n, "more": n,    -- all of them; those that are not listed in alerts
 *     "alerts": [ { "id", "policy", "target", "labels": {...}, "type", "key", "severity",
 *                   "state": "firing" | "flapping" | "resolved", "unknown": false,
 *                   "since": epoch_ms, "resolved_at": epoch_ms,
 *                   "description", "recommendation",
 *                   "description_cut", "recommendation_cut": bytes that were left out of them;
 * absent: none "recommendations": [ { "type", "action", "impact", "effort" } ], "decisions": [ {
 * "kind", "resource", "outcome", "reason", "text", "changes" }
 * ], "series": [ { "name", "unit", "start": epoch_s, "period": s, "values": [number | null] } ] } ]
 * }
 *
 * id is the idempotency key: it is the same however often the notification is tried. */
#ifndef MOONTIDE_NOTIFY_COURIER_H
#define MOONTIDE_NOTIFY_COURIER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct receiver_settings;

/* Borrowed for the callback. */
struct delivery {
    int code;               /* OK: taken by the receiver */
    bool permanent;         /* trying again would not help (400, 404, a bad address) */
    int64_t retry_after_ms; /* the receiver asked for it; 0: it did not */
    const char *answer;     /* one line for the history: "200 ok", "429 rate_limited"; no secret */
    const char *state;      /* JSON that the next message of this group is given (a Slack thread);
                               NULL: as before. Of a failure: what the next attempt is given */
    const char *warning;    /* a template was faulty, and the plain message was sent; or NULL */
};
typedef void courier_done_fn(void *data, const struct delivery *delivery);

struct courier;
struct courier_call;
struct courier_vtable {
    void (*free)(struct courier *courier); /* cancels what is under way */
    /* done runs exactly once on the loop, never before return, not after cancel(). state: what an
     * earlier delivery of this group to this receiver left; NULL: nothing. */
    int (*send)(struct courier *courier, const struct receiver_settings *receiver,
                const char *notification, const char *state, courier_done_fn *done, void *data,
                struct courier_call **out);
    void (*cancel)(struct courier *courier, struct courier_call *call);
    /* One ping of the dead man's switch, at the end of a tick: nobody waits for it, a failure is
     * logged. */
    void (*heartbeat)(struct courier *courier, const char *settings_json);
};
struct courier {
    const struct courier_vtable *vtable;
};

#endif
