/* stats/quickselect.c - quickselect with a partition in three, so that equal values do no harm. */
#include "quickselect.h"

#include <stdlib.h>

enum { INSERTION_MAX = 16 /* below this insertion sort beats partitioning */ };

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

/* The median of three medians of three, spread over v. */
static double pivot_of(const double *v, size_t n)
{
    size_t step = n / 9;
    double m[3];
    for (size_t i = 0; i < 3; i++) {
        const double *at = v + 3 * i * step;
        m[i] = median_of_three(at[0], at[step], at[2 * step]);
    }
    return median_of_three(m[0], m[1], m[2]);
}

/* v[*less..*greater) become the values equal to the pivot. */
static void partition(double *v, size_t n, size_t *less, size_t *greater)
{
    double pivot = pivot_of(v, n);
    size_t below = 0, at = 0, above = n;
    while (at < above) {
        if (v[at] < pivot)
            swap(&v[below++], &v[at++]);
        else if (v[at] > pivot)
            swap(&v[at], &v[--above]);
        else
            at++;
    }
    *less = below;
    *greater = above;
}

static void nth(double *v, size_t n, size_t k)
{
    int rounds = 8; /* bad splits allowed: 8 + 2 log2(n), then sort what is left */
    for (size_t m = n; m > 1; m /= 2)
        rounds += 2;
    while (n > INSERTION_MAX && rounds-- > 0) {
        size_t less, greater;
        partition(v, n, &less, &greater);
        if (k < less) {
            n = less;
        } else if (k >= greater) {
            v += greater;
            n -= greater;
            k -= greater;
        } else {
            return;
        }
    }
    if (n <= INSERTION_MAX)
        insertion_sort(v, n);
    else
        qsort(v, n, sizeof *v, by_value);
}

void quickselect(double *values, size_t n, const size_t *at, size_t count)
{
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < from) continue; /* the same rank twice */
        nth(values + from, n - from, at[i] - from);
        from = at[i] + 1;
    }
}
