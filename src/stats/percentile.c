/* stats/percentile.c - quickselect, and the interpolation between two ranks. */
#include "moontide/stats/percentile.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdlib.h>

enum {
    STACK_VALUES = 256, /* copies up to this size need no allocation: a day of 5 minute slots */
    INSERTION_MAX = 16, /* below this insertion sort beats partitioning */
};

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void insertion_sort(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

static double median_of_three(double a, double b, double c)
{
    if (a > b) swap(&a, &b);
    if (b > c) b = c;
    return a > b ? a : b;
}

/* Moves the k-th smallest (from 0) to v[k], nothing larger before it, nothing smaller after it. */
static void nth(double *v, size_t n, size_t k)
{
    size_t low = 0, high = n; /* [low, high) holds k */
    int rounds = 8;           /* bad splits allowed: 8 + 2 log2(n), then sort what is left */
    for (size_t m = n; m > 1; m /= 2)
        rounds += 2;
    while (high - low > INSERTION_MAX && rounds-- > 0) {
        double pivot = median_of_three(v[low], v[low + (high - low) / 2], v[high - 1]);
        /* Three ways (less, equal, greater), so that many equal values do not degrade. */
        size_t less = low, at = low, greater = high;
        while (at < greater) {
            if (v[at] < pivot)
                swap(&v[less++], &v[at++]);
            else if (v[at] > pivot)
                swap(&v[at], &v[--greater]);
            else
                at++;
        }
        if (k < less)
            high = less;
        else if (k >= greater)
            low = greater;
        else
            return;
    }
    if (high - low <= INSERTION_MAX)
        insertion_sort(v + low, high - low);
    else
        qsort(v + low, high - low, sizeof *v, by_value);
}

/* Values that are numbers, moved or copied to the front of `to`; returns how many. */
static size_t keep_numbers(double *to, const double *values, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) to[n++] = values[i];
    return n;
}

/* numpy's _lerp: from the nearer end, so that the result is monotonic and exact at both. */
static double between(double a, double b, double t)
{
    if (a == b || t == 0) return a;
    double span = b - a;
    if (!isfinite(span)) return a * (1 - t) + b * t;
    return t < 0.5 ? a + span * t : b - span * (1 - t);
}

const char *const percentile_method_names[PERCENTILE_METHODS + 1] = {
    "linear", "lower", "higher", "nearest", "hazen", "weibull", "median_unbiased", NULL};

/* The virtual index of the p-th percentile of n sorted values. */
static double index_of(enum percentile_method method, size_t n, double p)
{
    double q = p / 100, last = (double)(n - 1), h = last * q;
    switch (method) {
    case PERCENTILE_LOWER: return floor(h);
    case PERCENTILE_HIGHER: return ceil(h);
    case PERCENTILE_NEAREST: return nearbyint(h);
    case PERCENTILE_HAZEN: h = (double)n * q - 0.5; break;
    case PERCENTILE_WEIBULL: h = (double)(n + 1) * q - 1; break;
    case PERCENTILE_MEDIAN_UNBIASED: h = ((double)n + 1.0 / 3) * q + 1.0 / 3 - 1; break;
    default: return h;
    }
    return h < 0 ? 0 : h > last ? last : h;
}

/* values: n > 0 numbers. */
static double select_percentile(double *values, size_t n, enum percentile_method method, double p)
{
    double h = index_of(method, n, p);
    size_t k = (size_t)h;
    if (k >= n - 1) k = n - 1;
    nth(values, n, k);
    double fraction = h - (double)k;
    if (k == n - 1 || fraction <= 0) return values[k];
    double next = values[k + 1];
    for (size_t i = k + 2; i < n; i++)
        if (values[i] < next) next = values[i];
    return between(values[k], next, fraction);
}

double percentile_in_place(double *values, size_t count, double p)
{
    double out;
    percentile_select(values, count, PERCENTILE_LINEAR, &p, 1, &out);
    return out;
}

void percentile_select(double *values, size_t count, enum percentile_method method,
                       const double *ps, size_t p_count, double *out)
{
    size_t n = keep_numbers(values, values, count);
    for (size_t i = 0; i < p_count; i++)
        out[i] = n == 0 || !(ps[i] >= 0 && ps[i] <= 100)
                     ? NAN
                     : select_percentile(values, n, method, ps[i]);
}

int percentile_many(const double *values, size_t count, enum percentile_method method,
                    const double *ps, size_t p_count, double *out)
{
    double on_stack[STACK_VALUES], *copy = on_stack;
    if (count > STACK_VALUES) {
        copy = malloc(count * sizeof *copy);
        if (!copy) return ERR_NOMEM;
    }
    size_t n = keep_numbers(copy, values, count);
    percentile_select(copy, n, method, ps, p_count, out);
    if (copy != on_stack) free(copy);
    return OK;
}

int percentile_of(const double *values, size_t count, double p, double *out)
{
    return percentile_many(values, count, PERCENTILE_LINEAR, &p, 1, out);
}
