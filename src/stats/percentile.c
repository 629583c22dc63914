/* stats/percentile.c - percentiles by the ranks that they need. */
#include "moontide/stats/percentile.h"

#include "moontide/base/err.h"
#include "quickselect.h"
#include "rank.h"
#include "select.h"

#include <math.h>

enum { TOGETHER_MAX = WANTED_MAX / 2 /* percentiles that share one pass: two ranks each */ };

/* Some percentiles of one array. */
struct asked {
    struct question question;
    enum percentile_method method;
    const double *ps; /* those outside 0..100 want nothing */
    size_t count;
};

static bool is_percentile(double p)
{
    return p >= 0 && p <= 100;
}

static void want(struct wanted *wanted, size_t at)
{
    unsigned i = wanted->count;
    while (i > 0 && wanted->at[i - 1] > at)
        i--;
    if (i > 0 && wanted->at[i - 1] == at) return;
    for (unsigned j = wanted->count++; j > i; j--)
        wanted->at[j] = wanted->at[j - 1];
    wanted->at[i] = at;
}

static void ask_ranks(const struct question *question, size_t n, struct wanted *wanted)
{
    const struct asked *asked = (const struct asked *)question;
    wanted->count = 0;
    for (size_t i = 0; i < asked->count; i++) {
        if (!is_percentile(asked->ps[i])) continue;
        struct rank rank = rank_of(asked->method, n, asked->ps[i]);
        want(wanted, rank.at);
        if (rank.fraction > 0) want(wanted, rank.at + 1);
    }
}

static double value_at(const struct wanted *wanted, size_t at)
{
    unsigned i = 0;
    while (wanted->at[i] != at)
        i++;
    return wanted->value[i];
}

static double answer(const struct wanted *wanted, enum percentile_method method, size_t n, double p)
{
    if (n == 0 || !is_percentile(p)) return NAN;
    struct rank rank = rank_of(method, n, p);
    double low = value_at(wanted, rank.at);
    double high = rank.fraction > 0 ? value_at(wanted, rank.at + 1) : low;
    return rank_value(low, high, rank.fraction);
}

double percentile_in_place(double *values, size_t count, double p)
{
    double out;
    percentile_select(values, count, PERCENTILE_LINEAR, &p, 1, &out);
    return out;
}

/* Without memory: numbers to the front, then each percentile by plain selection. */
static void select_in_place(double *values, size_t count, enum percentile_method method,
                            const double *ps, size_t p_count, double *out)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            double number = values[i];
            values[i] = values[n];
            values[n++] = number;
        }
    for (size_t i = 0; i < p_count; i++) {
        out[i] = NAN;
        if (n == 0 || !is_percentile(ps[i])) continue;
        struct rank rank = rank_of(method, n, ps[i]);
        size_t next = rank.at + (rank.fraction > 0), at[] = {rank.at, next};
        quickselect(values, n, at, 2);
        out[i] = rank_value(values[rank.at], values[next], rank.fraction);
    }
}

void percentile_select(double *values, size_t count, enum percentile_method method,
                       const double *ps, size_t p_count, double *out)
{
    if (percentile_many(values, count, method, ps, p_count, out) < 0)
        select_in_place(values, count, method, ps, p_count, out);
}

/* ERR_NOMEM */
static int some_of(const double *values, size_t count, const struct asked *asked, double *out)
{
    struct wanted wanted;
    size_t n = 0;
    int rc = select_values(values, count, &asked->question, &wanted, &n);
    for (size_t i = 0; rc == OK && i < asked->count; i++)
        out[i] = answer(&wanted, asked->method, n, asked->ps[i]);
    return rc;
}

int percentile_many(const double *values, size_t count, enum percentile_method method,
                    const double *ps, size_t p_count, double *out)
{
    for (size_t i = 0; i < p_count; i += TOGETHER_MAX) {
        size_t together = p_count - i < TOGETHER_MAX ? p_count - i : TOGETHER_MAX;
        struct asked asked = {{ask_ranks}, method, ps + i, together};
        int rc = some_of(values, count, &asked, out + i);
        if (rc < 0) return rc;
    }
    return OK;
}

int percentile_of(const double *values, size_t count, double p, double *out)
{
    return percentile_many(values, count, PERCENTILE_LINEAR, &p, 1, out);
}
