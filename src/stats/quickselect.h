/* stats/quickselect.h - plain selection in place: what remains where sampling does not help. */
#ifndef MOONTIDE_STATS_QUICKSELECT_H
#define MOONTIDE_STATS_QUICKSELECT_H

#include <stddef.h>

/* Moves the at[i]-th smallest (from 0) of values[n], no NaN among them, to values[at[i]] for each
 * i: nothing larger before it, nothing smaller after. at[count] ascends and is below n. */
void quickselect(double *values, size_t n, const size_t *at, size_t count);

#endif
