/* stats/histogram.c - a search among the edges for each value. */
#include "moontide/stats/histogram.h"

void histogram_edges(double low, double high, size_t bins, double *edges)
{
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    double step = (high - low) / (double)bins;
    for (size_t i = 0; i < bins; i++)
        edges[i] = (double)i * step + low;
    edges[bins] = high;
}

/* The bin of a value from the first edge to the last: the last edge that is not above it. */
static size_t bin_of(double value, const double *edges, size_t bins)
{
    size_t low = 0, high = bins;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (edges[middle] <= value)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void histogram_count(const double *values, size_t count, const double *edges, size_t bins,
                     uint64_t *counts)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] >= edges[0] && values[i] <= edges[bins])
            counts[bin_of(values[i], edges, bins)]++;
}
