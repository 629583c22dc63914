/* stats/filter.h - the filter of Holt-Winters and the state it begins with; see holt_winters.h. */
#ifndef MOONTIDE_SRC_STATS_FILTER_H
#define MOONTIDE_SRC_STATS_FILTER_H

#include "moontide/stats/holt_winters.h"

/* Runs the filter over values[count] and moves the state along; errors[count] (may be NULL) are
 * those of one slot ahead, 0 where there is no datapoint. Answers the sum of their squares. */
double filter_run(const double *values, size_t count, const struct smoothing *smoothing,
                  size_t season, struct holt_winters_state *state, double *errors);

/* Moves the state to where the sum of squares is smallest at these parameters. ERR_NOMEM. */
MUST_CHECK int filter_refine(const double *values, size_t count, const struct smoothing *smoothing,
                             size_t season, int rounds, struct holt_winters_state *state);
/* A first state to begin with: the season of the first few ones, and the line of least squares
 * through what it leaves. ERR_NOMEM. */
MUST_CHECK int filter_begin(const double *values, size_t count, size_t season,
                            struct holt_winters_state *state);

#endif
