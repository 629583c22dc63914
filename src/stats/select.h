/* stats/select.h - the values at a few ranks of an array that is only read. */
#ifndef MOONTIDE_STATS_SELECT_H
#define MOONTIDE_STATS_SELECT_H

#include "select_plan.h"

/* Which ranks are wanted of n > 0 values; n is only known once the NaNs are counted. */
struct question {
    void (*ask)(const struct question *question, size_t n, struct wanted *wanted);
};

/* Answers the question about values[count] without its NaNs; *n: how many are left. With none left
 * wanted is untouched. ERR_NOMEM. */
int select_values(const double *values, size_t count, const struct question *question,
                  struct wanted *wanted, size_t *n);

#endif
