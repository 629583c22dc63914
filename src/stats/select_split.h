/* stats/select_split.h - a few ranks of some thousand values by splitting at pivots. */
#ifndef MOONTIDE_STATS_SELECT_SPLIT_H
#define MOONTIDE_STATS_SELECT_SPLIT_H

#include "select_plan.h"

/* Answers wanted for values[n], which are reordered; no NaN is among them. spare: room for n +
 * KERNEL_SLACK. Linear in n for any input. */
void select_split(double *values, size_t n, double *spare, struct wanted *wanted);

#endif
