/* stats/distribution.c - quantiles by bisection of the distribution function: a few microseconds
 * each, and as exact as the function is. */
#include "moontide/stats/distribution.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

double normal_width(double confidence)
{
    double low = 0, high = 40; /* erfc(40 / sqrt 2) is 0 */
    for (;;) {
        double middle = (low + high) / 2;
        if (middle <= low || middle >= high) return middle;
        if (erfc(middle * sqrt(0.5)) > 1 - confidence)
            low = middle;
        else
            high = middle;
    }
}

static double away_from_zero(double x)
{
    return fabs(x) < 1e-300 ? 1e-300 : x;
}

/* The continued fraction of the incomplete beta function by Lentz' method. Source: DLMF 8.17.22. */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), value = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= d * c;
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return value;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta_share(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(|T| > t) is I_x(freedom / 2, 1/2) at x = freedom / (freedom + t^2). Source: DLMF 8.17. */
double student_width(double confidence, double freedom)
{
    double low = 0, high = 1;
    for (;;) {
        double middle = (low + high) / 2;
        if (middle <= low || middle >= high) return sqrt(freedom * (1 - middle) / middle);
        if (beta_share(freedom / 2, 0.5, middle) < 1 - confidence)
            low = middle;
        else
            high = middle;
    }
}

double kolmogorov_tail(double x)
{
    if (!(x > 0)) return 1;
    double sum = 0;
    if (x < 1) { /* where the other series is slow */
        for (int k = 1; k <= 9; k += 2)
            sum += exp(-k * k * PI * PI / (8 * x * x));
        return 1 - sqrt(2 * PI) / x * sum;
    }
    for (int k = 1; k <= 8; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return sum;
}
