/* stats/sum.c - the eight sums joined to one. */
#include "moontide/stats/sum.h"

#include "kernels.h"

#include <math.h>

double sum_of(const double *values, size_t count)
{
    double sums[8] = {0}, errors[8] = {0}, last[8] = {0};
    size_t whole = count - count % 8;
    kernels_now()->add(values, whole, sums, errors);
    for (size_t i = whole; i < count; i++)
        last[i - whole] = values[i];
    kernels_now()->add(last, 8, sums, errors);
    double total = 0, error = 0;
    for (int i = 0; i < 8; i++) {
        double sum = total + sums[i], back = sum - total;
        error += (total - (sum - back)) + (sums[i] - back) + errors[i];
        total = sum;
    }
    return isfinite(total) ? total + error : total;
}
