/* stats/minimize.h - the smallest value of a function of a few variables, without derivatives. */
#ifndef MOONTIDE_SRC_STATS_MINIMIZE_H
#define MOONTIDE_SRC_STATS_MINIMIZE_H

enum { MINIMIZE_SIZE_MAX = 4 };

typedef double objective_fn(void *data, const double *at);

/* Moves at[size] to a local minimum and answers its value: the downhill simplex, begun with a step
 * to each side, ended by `within` (relative, between best and worst) or evaluations_max. The same
 * input gives the same answer. Source: J. Nelder, R. Mead, "A Simplex Method for Function
 * Minimization", Computer Journal 7 (1965), with their coefficients. */
double minimize(objective_fn *objective, void *data, double *at, int size, double step,
                double within, int evaluations_max);

#endif
