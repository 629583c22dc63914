/* notify/notifier_private.h - what the files of the notifier share.
 *
 *     notifier.c       begin and end, what is reported, the timer, the batches
 *     items.c          the alerts that fire, by target, and who inhibits whom
 *     groups.c         the groups they are in, and what each receiver was told last
 *     flush.c          whether a group is told now, and of what
 *     notification.c   that as JSON
 *     shown.c          what lists of alerts show
 *
 *   target report --> item --route--> membership in groups --due--> flush --> record + outbox */
#ifndef MOONTIDE_NOTIFY_NOTIFIER_PRIVATE_H
#define MOONTIDE_NOTIFY_NOTIFIER_PRIVATE_H

#include "moontide/base/pair_table.h"
#include "moontide/base/strbuf.h"
#include "moontide/notify/notifier.h"
#include "moontide/notify/outbox.h"
#include "moontide/notify/route.h"
#include "moontide/notify/silences.h"

struct json_writer;
struct loop_timer;

/* ---- items.c ---- */

enum { ITEM_ID_MAX = 33, INHIBITS_MAX = 64 };

/* An alert that fires, flaps or clears. */
struct item {
    struct house *house;
    char id[ITEM_ID_MAX]; /* of (policy, target, type, key): the same as long as the issue is */
    char *type, *key, *description, *recommendation;
    char *metrics; /* names of the series that its condition read, with commas; NULL: none */
    enum severity severity;
    bool flapping, unknown, seen;
    bool lost; /* there was no memory to bring it into all its groups: tried again */
    int64_t raised_ms;
    struct labels labels;
    uint64_t source_of, target_of; /* bits: rules of inhibition whose matchers match */
    struct membership {
        struct group *group;
        size_t at; /* group->members[at] is this item */
    } * groups;    /* shape: [group_count] */
    size_t group_count;
};

/* The items of one target. */
struct house {
    struct keyed by; /* first: (policy, target) */
    struct item **items;
    size_t count;
    char *context; /* JSON members of the last report: recommendations, decisions; "" */
    char names[];
};

/* The items that match a rule of inhibition as source, with a hash of its equal labels. */
struct sources {
    struct source {
        struct item *item;
        uint64_t hash;
    } * items; /* shape: [count] */
    size_t count, cap;
};

/* Brings the target's items to what the report says; made and dropped as needed. */
MUST_CHECK int items_update(struct notifier *notifier, const char *policy, const char *target,
                            const struct alert *alerts, size_t count);
struct house *house_find(const struct notifier *notifier, const char *policy, const char *target);
/* Whether an item of this id fires, wherever. */
bool items_has(const struct notifier *notifier, const char *policy, const char *target,
               const char *id);
void items_route_all(struct notifier *notifier); /* after other settings */
void items_free(struct notifier *notifier);
/* Whether a rule holds the item back now; *by is its number from 1. */
bool item_inhibited(const struct notifier *notifier, const struct item *item, size_t *by);
void item_id(const char *policy, const char *target, const char *type, const char *key,
             char id[ITEM_ID_MAX]);

/* ---- groups.c ---- */

enum { GROUP_KEY_MAX = 16 * 1024 };

/* What a receiver was told of one alert. */
struct told_alert {
    char id[ITEM_ID_MAX];
    char *policy, *target, *type, *key, *description;
    enum severity severity;
    int64_t raised_ms;
};
struct told {
    int64_t at_ms;             /* 0: it was told of nothing */
    struct told_alert *alerts; /* shape: [count], sorted by id */
    size_t count;
    char *state; /* what the receiver left (courier.h); NULL: nothing */
};

struct group {
    struct keyed by;           /* first: (receiver, key) */
    char *receiver;            /* by's first */
    char *key;                 /* by's second: its labels as JSON, {"environment":"prod",...} */
    const struct route *route; /* its mute windows; NULL: no route leads here any more */
    int64_t group_wait_ms, group_interval_ms, repeat_interval_ms;
    struct item **members; /* shape: [count] */
    size_t count, cap;
    int64_t due_ms;
    struct told told;
    struct told *telling; /* becomes `told` when the batch is on disk; NULL: none under way */
    uint32_t version;     /* of the settings when it was told last; 0: by another process */
};

MUST_CHECK int groups_load(struct notifier *notifier, struct fault *fault);
void groups_free(struct notifier *notifier);
/* ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int group_join(struct notifier *notifier, const struct route_end *end,
                          struct item *item);
void group_leave(struct group *group, struct item *item);
void group_drop(struct notifier *notifier, struct group *group);
const struct told_alert *told_find(const struct told *told, const char *id);
void told_free(struct told *told); /* heap object; NULL is allowed */
void told_done(struct told *told);
/* The record as JSON for the store. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int told_write(const struct told *told, struct strbuf *out);
/* A copy of what group_flush wants to tell: the members that are active, and those kept. */
MUST_CHECK int told_add_item(struct told *told, const struct item *item);
MUST_CHECK int told_add_copy(struct told *told, const struct told_alert *alert);
void told_sort(struct told *told);

/* ---- flush.c ---- */

/* Why the item is not told of now: HELD_NOT when it is. */
enum held item_held(const struct notifier *notifier, const struct item *item, const char **by,
                    char buffer[24]);
bool group_muted(const struct notifier *notifier, const struct group *group, const char **by);
/* Puts what the group is to be told, if anything, into the batch. group->telling is set then. */
MUST_CHECK int group_flush(struct notifier *notifier, struct group *group,
                           struct store_batch *batch);

/* ---- notification.c ---- */

struct telling {
    const struct group *group;
    const char *status; /* "firing", "resolved", "test" */
    const char *id;
    bool repeat;
    struct item *const *firing; /* shape: [firing_count], the worst first */
    size_t firing_count;
    const struct told_alert *const *resolved; /* shape: [resolved_count] */
    size_t resolved_count;
    size_t listed_max; /* alerts; the rest is counted */
    int64_t at_ms;
};
MUST_CHECK int notification_write(const struct notifier *notifier, const struct telling *telling,
                                  struct strbuf *out);
/* The members "recommendations" and "decisions" of a report; malloc'ed; NULL: no memory. */
char *notification_context(const struct target_report *report);

/* ---- notifier.c ---- */

struct notifier {
    struct notifier_options options;
    const struct notify_settings *settings;
    struct engine *engine;
    struct outbox *outbox;
    struct silences silences;
    struct table houses;                  /* of struct house */
    struct table groups;                  /* of struct group */
    struct sources sources[INHIBITS_MAX]; /* by rule of inhibition */
    struct loop_timer *timer;
    int64_t armed_ms;  /* when the timer fires; meaningful while there is one */
    uint32_t version;  /* of the settings; from 1 */
    struct strbuf key; /* of the group that is looked for: its memory is kept */
    uint64_t numbered; /* notifications so far, for their ids */
    bool committing, stopping;
    bool reading, read_again; /* SILENCES, on a worker */
    void (*stopped)(void *data);
    void *stopped_data;
};

static inline int64_t notifier_now_ms(const struct notifier *notifier)
{
    return clock_now_ms(notifier->options.clock);
}
/* A group is due at due_ms: earlier, perhaps, than the timer knows. */
void notifier_due(struct notifier *notifier, int64_t due_ms);

/* The policy under which the notifier's own alerts go: receivers that fail. */
#define OWN_POLICY "moontide"

#endif
