/* tick/sim_expression.h - metric math as far as the simulated fleet goes: + - * / and parentheses
 * over numbers and the ids of `using`.
 *
 * Rule 1: a missing datapoint, or a division by zero, gives no datapoint. */
#ifndef MOONTIDE_TICK_SIM_EXPRESSION_H
#define MOONTIDE_TICK_SIM_EXPRESSION_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/model/metric.h"

#include <stdint.h>

enum { SIM_STEPS_MAX = 256, SIM_STACK_MAX = 64 };

/* The expression in postfix order. */
struct sim_step {
    char op;        /* '+' '-' '*' '/', '~' to negate, 'n' a number, 'i' an input */
    uint32_t input; /* index into the metric's inputs */
    double number;
};
struct sim_expression {
    struct sim_step steps[SIM_STEPS_MAX];
    uint32_t count;
};

/* ERR_UNSUPPORTED: functions, comparisons, m1[0], more than SIM_STEPS_MAX steps ...; ERR_INVALID:
 * an id that `using` does not name, or not an expression at all. *fault says what, and where. */
MUST_CHECK int sim_expression_parse(const struct metric *metric, struct sim_expression *out,
                                    struct fault *fault);
/* inputs: shape [metric->input_count]; NaN in them is no datapoint, and so it is in the result. */
double sim_expression_value(const struct sim_expression *expression, const double *inputs);

#endif
