/* stats/grid.c - values in time on an even grid. */
#include "moontide/stats/grid.h"

#include "moontide/base/err.h"
#include "moontide/stats/percentile.h"
#include "points.h"

#include <stdlib.h>

static int copy_slots(const struct trend *trend, struct grid *out)
{
    if (trend->count > GRID_SLOTS_MAX) return ERR_LIMIT;
    out->values = malloc((trend->count + 1) * sizeof *out->values);
    if (!out->values) return ERR_NOMEM;
    out->count = trend->count;
    out->start_s = trend->start_s;
    out->step_s = trend->step_s;
    for (size_t i = 0; i < trend->count; i++)
        out->values[i] = trend_has(trend, i) ? trend->values[i] : NAN;
    return OK;
}

/* 0 without two datapoints at different times. */
static double median_step(const struct points *points, double *scratch)
{
    size_t n = 0;
    for (size_t i = 1; i < points->count; i++)
        if (points->times[i] > points->times[i - 1])
            scratch[n++] = points->times[i] - points->times[i - 1];
    return n ? percentile_in_place(scratch, n, 50) : 0;
}

static int fill(const struct points *points, struct grid *out)
{
    double span = points->count ? points->times[points->count - 1] : 0;
    if (points->count == 0) return OK;
    double newest = floor(span / out->step_s + 0.5);
    if (!(newest < GRID_SLOTS_MAX)) return ERR_LIMIT;
    out->count = (size_t)newest + 1;
    out->values = malloc(out->count * sizeof *out->values);
    if (!out->values) return ERR_NOMEM;
    for (size_t i = 0; i < out->count; i++)
        out->values[i] = NAN;
    for (size_t i = 0, end; i < points->count; i = end) {
        size_t slot = (size_t)floor(points->times[i] / out->step_s + 0.5);
        double mean = 0;
        for (end = i;
             end < points->count && (size_t)floor(points->times[end] / out->step_s + 0.5) == slot;
             end++)
            mean += (points->values[end] - mean) / (double)(end - i + 1);
        out->values[slot] = mean;
    }
    return OK;
}

int grid_of(struct trend trend, double step_s, struct grid *out)
{
    *out = (struct grid){0};
    if (!trend.times && !(step_s > 0)) return copy_slots(&trend, out);
    struct points points = {0};
    int code = points_of(trend, &points);
    if (code < 0) return code;
    double *scratch = malloc((points.count + 1) * sizeof *scratch);
    if (!scratch) code = ERR_NOMEM;
    if (code == OK) {
        out->start_s = points.origin_s;
        out->step_s = step_s > 0 ? step_s : median_step(&points, scratch);
        if (!(out->step_s > 0)) out->step_s = 1;
        code = fill(&points, out);
    }
    free(scratch);
    points_done(&points);
    return code;
}

void grid_done(struct grid *grid)
{
    free(grid->values);
}
