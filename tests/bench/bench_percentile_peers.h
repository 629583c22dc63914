/* bench/bench_percentile_peers.h - others that select or sort, from C++. */
#ifndef MOONTIDE_BENCH_PERCENTILE_PEERS_H
#define MOONTIDE_BENCH_PERCENTILE_PEERS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* std::nth_element for each of the ascending ranks at[count], each on what is right of the one
 * before, and std::min_element for the value after it. The ranks are at least two apart. */
void peer_nth_element(double *values, size_t n, const size_t *at, size_t count);
/* Highway's vectorised sort. 0 when the benchmark was built without it. */
int peer_vqsort(double *values, size_t n);

#ifdef __cplusplus
}
#endif

#endif
