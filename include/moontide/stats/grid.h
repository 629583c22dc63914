/* stats/grid.h - values in time on an even grid, which seasons and Holt-Winters need. */
#ifndef MOONTIDE_STATS_GRID_H
#define MOONTIDE_STATS_GRID_H

#include "moontide/base/compiler.h"
#include "moontide/stats/trend.h"

/* As many as a series may have (model/series.h, SERIES_SLOTS_MAX). */
enum { GRID_SLOTS_MAX = 100800 };

/* Slot i is at start_s + i * step_s; NaN: no datapoint. */
struct grid {
    double *values; /* shape: [count] */
    size_t count;
    double start_s, step_s;
};

/* Values without times are on their grid already, unless there is a step_s. Others are put into the
 * slot that is nearest to their time, beginning with the first; several in one slot become their
 * mean. step_s: 0 for the median of the times between datapoints. The caller frees it with
 * grid_done(). ERR_NOMEM; ERR_LIMIT: more than GRID_SLOTS_MAX slots. */
MUST_CHECK int grid_of(struct trend trend, double step_s, struct grid *out);
void grid_done(struct grid *grid);

#endif
