// bench/bench_percentile_peers.cc - see bench_percentile_peers.h.
#include "bench_percentile_peers.h"

#include <algorithm>

#ifdef HAVE_VQSORT
#include <hwy/contrib/sort/vqsort.h>
#endif

void peer_nth_element(double *values, size_t n, const size_t *at, size_t count)
{
    size_t from = 0;
    for (size_t i = 0; i < count; i++) {
        std::nth_element(values + from, values + at[i], values + n);
        if (at[i] + 1 < n) std::iter_swap(values + at[i] + 1, std::min_element(values + at[i] + 1, values + n));
        from = at[i] + 2;
    }
}

int peer_vqsort(double *values, size_t n)
{
#ifdef HAVE_VQSORT
    static hwy::Sorter sorter;
    sorter(values, n, hwy::SortAscending());
    return 1;
#else
    (void)values;
    (void)n;
    return 0;
#endif
}
