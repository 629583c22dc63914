/* tick/collect_internal.h - what the files of the collector share.
 *
 *   collect.c          entries: interning, windows, reasons
 *   collect_plan.c     a fetch's items -> what is due -> ranges -> calls
 *   collect_call.c     calls under way: start, end, cancel; the end of fetches
 *   collect_answer.c   what an answer means for the entries of its call */
#ifndef MOONTIDE_TICK_COLLECT_INTERNAL_H
#define MOONTIDE_TICK_COLLECT_INTERNAL_H

#include "moontide/tick/collect.h"
#include "moontide/tick/world.h"

#include <stdbool.h>

struct call;
struct loop_timer;

/* A sentence that many entries share: the failure of their call, most often. */
struct reason {
    uint32_t refs;
    char text[];
};

/* One (region, account, period): what may share a call. */
struct group {
    struct group *next;
    char *region, *account; /* NULL as in the metric */
    int32_t period_s;
    uint32_t entries;
    /* Of the plan whose number is `plan`. */
    uint64_t plan;
    int64_t end_s;    /* no datapoint at or after it is old enough to be used */
    int64_t oldest_s; /* the first period that CloudWatch still keeps */
    size_t range;     /* the range that the last due entry went into */
};

/* Kept small: a fleet has ten thousands of them, and every tick looks at each. */
struct collector_entry {
    struct metric *metric;
    struct series *series;
    struct call *call; /* the one that asks for it just now, or NULL */
    struct group *group;
    struct reason *reason;
    struct collector_entry *next;     /* in its bucket of the table */
    struct collector_entry *next_due; /* in its range of the plan being made */
    int64_t have_start_s, have_end_s; /* answered for good; equal: nothing */
    int64_t forbidden_ms;
    uint32_t hash;  /* of the metric without its statistic: a family shares a bucket */
    uint32_t order; /* equal in a family; families in the order in which they were first seen */
    uint32_t refs;
    union {
        uint32_t owner;    /* of the plan being made */
        uint32_t question; /* index in call, when there is one */
    };
    uint16_t queries; /* of the 500 of a call */
    uint16_t price;   /* metrics charged for it when it stands alone */
    bool due;         /* in the plan being made */
    bool forbidden;   /* the last answer was Forbidden, at forbidden_ms */
    bool unanswered;  /* the last answer was not one for it */
    bool clamped;     /* its window reaches back past what CloudWatch keeps */
};

struct call {
    struct call *prev, *next;
    struct collector *collector;
    struct group *group;
    struct fetch *asker; /* NULL once it was canceled */
    struct fetch **waiters;
    size_t waiter_count, waiter_cap;
    int64_t start_s, end_s, now_ms;
    int64_t datapoints; /* that it asks for */
    uint32_t count, queries, charged;
    int code;                           /* why it could not be started */
    struct collector_entry **entries;   /* shape: [count] */
    struct metric_question questions[]; /* shape: [count] */
};

struct call_list {
    struct call *first, *last;
    size_t count;
    int64_t datapoints;
};

/* Due entries that are asked with one range, in the order in which they go into calls. */
struct range {
    struct group *group;
    int64_t start_s, end_s;
    struct collector_entry *first, *last;
    bool ordered;
};

struct fetch {
    struct collector *collector;
    struct fetch *next_ended;
    fetch_done_fn *done;
    void *data;
    int64_t now_ms, began_ns;
    size_t calls_left;
    struct fetch_item *again; /* under way for another fetch, with too short a range */
    size_t again_count, again_cap;
    bool ended; /* done is being called, or will be */
    struct fetch_result result;
    uint32_t charged[]; /* shape: [owner_count] */
};

struct collector {
    struct loop *loop;
    struct world *world;
    int64_t settle_ms;
    struct collector_entry **table; /* shape: [table_size], a power of two */
    size_t table_size;
    struct group *groups;
    uint32_t orders;
    uint64_t plans;
    struct range *ranges; /* of the plan being made */
    size_t range_count, range_cap;
    struct call_list queue, active, unstarted;
    struct loop_timer *pump;
    struct fetch *ended_first, *ended_last;
    size_t fetches;
    struct {
        struct reason *reason;
        int32_t period_s;
        uint32_t slots;
        bool clamped;
    } empty; /* the last sentence of its kind, most often the next one too */
    struct collector_stats stats;
};

/* collect.c */
struct reason *reason_new(const char *text); /* one reference; NULL when out of memory */
struct reason *reason_retain(struct reason *reason);
void reason_release(struct reason *reason);
void entry_set_reason(struct collector_entry *entry, struct reason *reason); /* retains */
void entry_free(struct collector *collector, struct collector_entry *entry);

/* collect_plan.c */

/* Asks for what is due among the items: calls go into the queue, with fetch as their waiter. On
 * ERR_NOMEM nothing was changed, but for waits on calls under way: fetch_detach() ends those. */
MUST_CHECK int plan_fetch(struct fetch *fetch, const struct fetch_item *items, size_t count);
/* Retention bounds resolution: how far back a period can be asked for. */
int64_t retention_s(int32_t period_s);

/* collect_answer.c */

/* The entry is not under way any more. Where its series grew meanwhile, the one that the call had
 * is merged into it and freed. */
void question_settle(struct call *call, uint32_t i);
/* Ends the call for its entries. Those that nobody holds any more are freed. */
void call_answer(struct call *call, const struct cloudwatch_result *result);

/* collect_call.c */
void call_list_add(struct call_list *list, struct call *call);
void call_list_remove(struct call_list *list, struct call *call);
MUST_CHECK int call_wait(struct call *call, struct fetch *fetch);
void call_free(struct call *call); /* its entries are no concern of it */
void fetch_detach(struct fetch *fetch);
void fetch_free(struct fetch *fetch);
/* Starts queued calls while there is room. */
void calls_start(struct collector *collector);
/* Gives up all calls, whoever waits. */
void calls_abandon(struct collector *collector);

#endif
