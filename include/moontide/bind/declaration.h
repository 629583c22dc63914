/* bind/declaration.h - what cloudwatch{} answers: one declared series, as a userdata.
 *
 * A declaration is a question (struct metric) and how its answers are read: how many periods, and
 * what missing datapoints and percentiles of few samples mean. `metrics` returns a table of them,
 * cloudwatch.fetch takes the same table, so that a policy and a script say it once.
 *
 *   cloudwatch{ ... }                            declares (cloudwatch.c)
 *   cloudwatch.fetch({ key = declaration, ... },  waits (cloudwatch_fetch.c)
 *                    { start_time = t, end_time = t })
 *
 * Faults of a declaration: in a policy they are collected into binding->faults, all of them, and
 * the declaration that is answered has no metric; in scripts the first one throws. */
#ifndef MOONTIDE_BIND_DECLARATION_H
#define MOONTIDE_BIND_DECLARATION_H

#include "moontide/bind/host.h"
#include "moontide/model/metric.h"
#include "moontide/model/threshold.h"

enum { DECLARATION_POINTS = 12 /* the window of a declaration that gives none, in periods */ };

/* Owned by its userdata: retain the metric to keep it longer. */
struct declaration {
    struct metric *metric; /* NULL: it had faults, which are in binding->faults */
    uint32_t slots;        /* window / period */
    enum missing_mode missing;
    bool ignore_low_samples; /* low_samples = "ignore" */
};

/* The declaration at idx; throws an argument error when there is none. */
struct declaration *declaration_check(lua_State *L, int idx);
/* The same, or NULL. */
struct declaration *declaration_test(lua_State *L, int idx);

/* cloudwatch.fetch, in cloudwatch_fetch.c. */
int cloudwatch_fetch(lua_State *L);

/* Whether text is a statistic as CloudWatch spells them: Average, p99.9, tm90, TM(10%:90%),
 * PR(:300), IQM, ... Source: Amazon CloudWatch User Guide, "Statistics definitions". */
bool statistic_valid(const char *text);
/* The statistic that a mistyped one was meant to be ("avg" -> "Average", "P99" -> "p99"); false:
 * none is near. */
enum { STATISTIC_SIZE = 32 };
bool statistic_nearest(const char *text, char out[STATISTIC_SIZE]);
/* Of p99, 99; of anything else that is no single percentile, 0. */
double statistic_percentile(const char *text);

#endif
