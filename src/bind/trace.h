/* bind/trace.h - what an evaluation of a policy does, told to a tracer; see trace.c. While
 * policy->trace is NULL an evaluation pays one look at that pointer. */
#ifndef MOONTIDE_SRC_BIND_TRACE_H
#define MOONTIDE_SRC_BIND_TRACE_H

#include "policy_state.h"
#include "series.h"

/* The vtable's trace. */
void policy_trace(struct evaluator *evaluator, const struct tracer *tracer);

/* Around an evaluation and each of its slices, when policy->trace is set. */
void trace_begin(struct policy *policy);
void trace_slice_begins(struct policy *policy);
void trace_slice_ends(struct policy *policy);
/* code and fault are the outcome; while run->input stands. */
void trace_end(struct policy *policy, int code, const struct fault *fault);
void trace_drop(struct policy *policy); /* the evaluation was given up: nobody is told */
void trace_asked(lua_State *L, const struct seen *seen, const struct threshold *threshold,
                 enum verdict verdict);

#endif
