/* model/series.h - datapoints on the grid of their period, in C memory.
 *
 * CloudWatch's datapoints are aligned to the period, so a series is an array of slots, the oldest
 * first; slot i covers [start_s + i*period_s, + period_s). An empty slot holds NaN: no datapoint is
 * never zero. Datapoints may come in any order and more than once; the last one written wins.
 *
 * Rule 1: NaN and infinities from outside are refused (series_put says so), never stored. */
#ifndef MOONTIDE_MODEL_SERIES_H
#define MOONTIDE_MODEL_SERIES_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SERIES_SLOTS_MAX = 100800 };

/* Why a series has no answer. */
enum series_state {
    SERIES_NEW,       /* never asked */
    SERIES_READY,     /* the last question was answered (with or without datapoints) */
    SERIES_PARTIAL,   /* the last answer was incomplete and stayed so */
    SERIES_FORBIDDEN, /* this query is refused by IAM */
    SERIES_FAILED,    /* the last call failed; older datapoints may still be here */
};

struct series {
    int64_t start_s; /* of slot 0, epoch seconds, a multiple of period_s */
    int32_t period_s;
    uint32_t slots; /* shape: values[slots] */
    uint32_t
        refused; /* datapoints dropped in the last fill: not finite, out of range, off the window */
    uint8_t state; /* enum series_state */
    uint8_t hint;  /* enum series_hint */
    double values[];
};

enum series_hint { SERIES_HINT_NONE, SERIES_HINT_UNIT /* empty, and a unit was asked for */ };

/* slots from 1 to SERIES_SLOTS_MAX; begins empty at start_s = 0. The caller frees it with free().
 */
MUST_CHECK int series_new(int32_t period_s, uint32_t slots, struct series **out);

/* Moves the window so that it ends (exclusive) at end_s, a multiple of period_s; keeps the
 * datapoints that stay inside. Moving back in time drops the newest. */
void series_move(struct series *series, int64_t end_s);
static inline int64_t series_end_s(const struct series *s)
{
    return s->start_s + (int64_t)s->slots * s->period_s;
}

/* Stores one datapoint; the time is floored to its slot. false, and counted in `refused`, when it
 * is outside the window or not finite. */
bool series_put(struct series *series, int64_t time_s, double value);

/* The part of a series that one declaration looks at: its newest `slots` slots. Plain data,
 * borrowed. */
struct series_view {
    const double *values;
    uint32_t slots;
    int32_t period_s;
    int64_t start_s;
};
struct series_view series_view(const struct series *series, uint32_t slots);

uint32_t view_count(struct series_view view); /* datapoints present */
/* The i-th datapoint present, from 1 (the oldest) or from -1 (the newest). Returns whether there is
 * one. */
bool view_at(struct series_view view, int64_t i, double *value, int64_t *time_s);

#endif
