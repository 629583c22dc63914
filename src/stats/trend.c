/* stats/trend.c - the newest of values in time. */
#include "moontide/stats/trend.h"

size_t trend_newest(const struct trend *trend)
{
    for (size_t i = trend->count; i > 0; i--)
        if (trend_has(trend, i - 1)) return i - 1;
    return trend->count;
}
