/* stats/points.c - the datapoints of a trend without those that are missing. */
#include "points.h"

#include "moontide/base/err.h"

#include <stdlib.h>

int points_of(struct trend trend, struct points *out)
{
    double *both = malloc((2 * trend.count + 1) * sizeof *both);
    if (!both) return ERR_NOMEM;
    *out = (struct points){.times = both, .values = both + trend.count};
    for (size_t i = 0; i < trend.count; i++) {
        if (!trend_has(&trend, i)) continue;
        if (out->count == 0) out->origin_s = trend_time(&trend, i);
        out->times[out->count] = trend_time(&trend, i) - out->origin_s;
        out->values[out->count++] = trend.values[i];
    }
    return OK;
}

void points_done(struct points *points)
{
    free(points->times);
}
