/* stats/rate.c - how fast a counter counts. */
#include "moontide/stats/rate.h"

double rate_of(struct trend trend)
{
    double first = 0, last = 0, before = 0, increase = 0;
    size_t n = 0;
    for (size_t i = 0; i < trend.count; i++) {
        if (!trend_has(&trend, i)) continue;
        double value = trend.values[i];
        last = trend_time(&trend, i);
        if (n++ == 0)
            first = last;
        else
            increase += value >= before ? value - before : value;
        before = value;
    }
    return n >= 2 && last > first ? increase / (last - first) : NAN;
}
