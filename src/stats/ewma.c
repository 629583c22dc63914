/* stats/ewma.c - the exponentially weighted mean by half-life. */
#include "moontide/stats/ewma.h"

double ewma_of(struct trend trend, double half_life_s)
{
    if (!(half_life_s > 0)) return NAN;
    double weighted = 0, weights = 0, before = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (!trend_has(&trend, i)) continue;
        /* What came before fades by the time that went by; the newest weighs 1. */
        double now = trend_time(&trend, i),
               fade = weights > 0 ? exp2((before - now) / half_life_s) : 0;
        weighted = weighted * fade + trend.values[i];
        weights = weights * fade + 1;
        before = now;
    }
    return weights > 0 ? weighted / weights : NAN;
}
