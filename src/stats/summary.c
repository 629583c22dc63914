/* stats/summary.c - one pass over the values. */
#include "moontide/stats/summary.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>

void summary_init(struct summary *s)
{
    *s = (struct summary){.min = NAN, .max = NAN, .mean = NAN};
}

/* The higher powers first: each is made from the lower ones before this value. */
static void add_powers(struct summary *s, double value)
{
    double n = (double)s->count, delta = value - s->mean, step = delta / n;
    double square = delta * step * (n - 1), step2 = step * step;
    s->fourths +=
        square * step2 * (n * n - 3 * n + 3) + 6 * step2 * s->squares - 4 * step * s->cubes;
    s->cubes += square * step * (n - 2) - 3 * step * s->squares;
    s->squares += square;
    s->mean += step;
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

    add_powers(s, value);

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

double summary_sample_stddev(const struct summary *s)
{
    return s->count < 2 ? NAN : sqrt(s->squares / (double)(s->count - 1));
}

/* scipy's test: a variance within the rounding of the mean says nothing. */
static bool is_flat(const struct summary *s)
{
    double noise = DBL_EPSILON * s->mean;
    return s->count == 0 || !(s->squares / (double)s->count > noise * noise);
}

double summary_skew(const struct summary *s)
{
    if (is_flat(s)) return NAN;
    return sqrt((double)s->count) * s->cubes / (s->squares * sqrt(s->squares));
}

double summary_kurtosis(const struct summary *s)
{
    if (is_flat(s)) return NAN;
    return (double)s->count * s->fourths / (s->squares * s->squares) - 3;
}
