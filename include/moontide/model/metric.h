/* model/metric.h - what is asked of CloudWatch: one series of one metric, or an expression.
 *
 * A struct metric is immutable and lives in one block of memory, strings included. Two metrics with
 * equal fields are the same question; the collector asks it once however many policies declare it.
 * The window, and how missing data reads, belong to the declaration, not to the metric. */
#ifndef MOONTIDE_MODEL_METRIC_H
#define MOONTIDE_MODEL_METRIC_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METRIC_DIMENSIONS_MAX = 30, /* CloudWatch's limit */
    METRIC_INPUTS_MAX = 100,
    METRIC_TEXT_MAX = 2048, /* of an expression; names are at most 255 */
};

struct metric_dimension {
    const char *name, *value;
};

struct metric;

struct metric_input {
    const char *id; /* as the expression spells it: [a-z][a-zA-Z0-9_]* */
    struct metric *metric;
};

struct metric {
    const char *region;  /* NULL: the configuration's */
    const char *account; /* a name of the configuration's `accounts`; NULL: its own credentials */
    const char *namespace_name, *name, *stat; /* NULL in an expression */
    const char *unit;                         /* NULL: any */
    const char *expression;                   /* metric math; NULL in a plain metric */
    int32_t period_s;
    uint32_t dimension_count, input_count, refs;
    const struct metric_dimension *dimensions; /* sorted by name */
    const struct metric_input *inputs;         /* `using`; owned by this metric */
    uint64_t hash;
};

/* A deep copy of draft (its refs and hash ignored, its inputs' metrics retained) with one
 * reference. Sorts dimensions. ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int metric_new(const struct metric *draft, struct metric **out);
struct metric *metric_retain(struct metric *metric);
void metric_release(struct metric *metric); /* NULL is allowed */
bool metric_equal(const struct metric *a, const struct metric *b);

/* One line for people: GMTool/API ResponseTime p99 5m {Environment=prod}. Always terminated. */
void metric_describe(const struct metric *metric, char *out, size_t size);

#endif
