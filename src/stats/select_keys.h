/* stats/select_keys.h - whether the edges of a plan can be compared by 16 bits, and how: see
 * kernels_keys.h. */
#ifndef MOONTIDE_STATS_SELECT_KEYS_H
#define MOONTIDE_STATS_SELECT_KEYS_H

#include "kernels.h"

/* Finds a scale for ranges of values, low and high (both included) of each, ascending; the last
 * high may be NaN: open. Moves their ends outwards to ends of keys, none by much. `least`: about
 * the least of all values. False, and nothing moved: there is none, as where a low is not above 0
 * or a range is a few values wide. */
bool keys_widen(double ranges[][2], unsigned count, double least, struct key_scale *scale);

/* The first value of the last key. */
double keys_top(struct key_scale scale);

#endif
