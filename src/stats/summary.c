/* stats/summary.c - one pass over the values. */
#include "moontide/stats/summary.h"

#include <math.h>

void summary_init(struct summary *s)
{
    *s = (struct summary){.min = NAN, .max = NAN, .mean = NAN};
}

void summary_add(struct summary *s, double value)
{
    if (isnan(value)) return;
    if (s->count++ == 0) {
        s->min = s->max = s->mean = s->sum = value;
        return;
    }
    if (value < s->min) s->min = value;
    if (value > s->max) s->max = value;

    double before = value - s->mean;
    s->mean += before / (double)s->count;
    s->squares += before * (value - s->mean);

    double total = s->sum + value;
    s->compensation +=
        fabs(s->sum) >= fabs(value) ? (s->sum - total) + value : (value - total) + s->sum;
    s->sum = total;
}

struct summary summary_of(const double *values, size_t count)
{
    struct summary s;
    summary_init(&s);
    for (size_t i = 0; i < count; i++)
        summary_add(&s, values[i]);
    return s;
}

double summary_sum(const struct summary *s)
{
    return isfinite(s->sum) ? s->sum + s->compensation : s->sum;
}

double summary_stddev(const struct summary *s)
{
    return s->count == 0 ? NAN : sqrt(s->squares / (double)s->count);
}
