/* tick/collect.h - the planner: turns the metrics that policies declare into the fewest
 * GetMetricData calls.
 *
 * Each distinct metric is one entry with one series, shared by all policies that declare it; its
 * window is the longest that anybody asked for. A fetch asks only for entries for which a new
 * datapoint can exist by now (end = floor((now - settle) / period) * period moved on since the last
 * good answer), reads the last two periods again, groups by (region, account, period) and by range,
 * keeps the statistics of one metric side by side, and fills calls up to 500 queries. An entry that
 * is already being asked for is waited for, not asked twice. An entry whose call failed is asked
 * again by the next fetch.
 *
 * Cost: metrics requested are counted for the policy that caused the question; up to five
 * statistics of one metric in one call count once. Source: Amazon CloudWatch pricing. */
#ifndef MOONTIDE_TICK_COLLECT_H
#define MOONTIDE_TICK_COLLECT_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/model/metric.h"
#include "moontide/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct collector;
struct collector_entry;
struct fetch;
struct loop;
struct world;

enum { COLLECT_SETTLE_MS = 60000, COLLECT_REREAD_PERIODS = 2 };
/* Calls under way: so many, and so many datapoints asked for by all of them (one call may pass that
 * alone). A datapoint takes some 20 bytes of an answer, which is held whole until it is decoded. */
enum { COLLECT_CALLS_AT_ONCE = 4, COLLECT_DATAPOINTS_AT_ONCE = 18000 };
enum { COLLECT_FORBIDDEN_MS = 10 * 60 * 1000 };

struct collector_options {
    struct loop *loop;
    struct world *world; /* borrowed */
    int64_t settle_ms;   /* as given; COLLECT_SETTLE_MS is the configuration's default */
};

MUST_CHECK int collector_new(const struct collector_options *options, struct collector **out);
/* After all entries were released and all fetches ended or were canceled; not from a done callback.
 * NULL is allowed. */
void collector_free(struct collector *collector);

/* Declares interest in the newest `slots` periods of a metric. One reference. A longer window than
 * before makes the series grow (what is in it stays) and the missing part is asked for. ERR_LIMIT:
 * more than SERIES_SLOTS_MAX slots, or an expression of more than CLOUDWATCH_QUERIES_MAX queries.
 */
MUST_CHECK int collector_subscribe(struct collector *collector, struct metric *metric,
                                   uint32_t slots, struct collector_entry **out);
void collector_release(struct collector *collector, struct collector_entry *entry);
/* The entry's series; valid until the next subscribe or release of its metric. Never NULL. */
struct series *collector_series(const struct collector_entry *entry);
/* Why the entry has no (complete) answer, in words, or "" - for `unknown` reasons. Valid until the
 * next turn of the loop. */
const char *collector_reason(const struct collector_entry *entry);

/* Whether the last answer left it without data (Forbidden, PartialData, InternalError, a failed
 * call).
 */
bool collector_unanswered(const struct collector_entry *entry);

/* Forgets what was had of a metric, if anybody declared it: its series is empty, and the next fetch
 * asks for all of its window. For a world whose past was changed (tests). Not while it is asked. */
void collector_forget(struct collector *collector, const struct metric *metric);

struct fetch_item {
    struct collector_entry *entry;
    uint32_t owner; /* 0..owner_count-1: whom to charge */
};
struct fetch_result {
    int code; /* OK, or the first failure of a call: some entries could not be had */
    struct fault fault;
    uint32_t calls, queries, waited; /* batches and queries asked; entries waited for on another
                                        fetch */
    uint64_t datapoints;             /* of the calls that this fetch asked */
    int64_t elapsed_ms;
    const uint32_t *metrics_charged; /* shape: [owner_count], valid in the callback */
    size_t owner_count;
    char messages[512];
};
typedef void fetch_done_fn(void *data, const struct fetch_result *result);

/* Brings the items up to date at now_ms. done runs exactly once, perhaps before return when there
 * is nothing to ask (*out is NULL then, and was written before done); not after fetch_cancel(). The
 * fetch is gone when done is entered. Items are borrowed for the call; their entries may be
 * released before the end. On ERR_NOMEM done is not called. */
MUST_CHECK int collector_fetch(struct collector *collector, const struct fetch_item *items,
                               size_t count, size_t owner_count, int64_t now_ms,
                               fetch_done_fn *done, void *data, struct fetch **out);
/* Calls that nobody else waits for are given up, and their entries asked again by the next fetch.
 */
void fetch_cancel(struct fetch *fetch);

struct collector_stats {
    uint64_t calls, queries, metrics_charged, datapoints, failures;
    size_t entries, series_bytes;
};
void collector_stats(const struct collector *collector, struct collector_stats *out);

#endif
