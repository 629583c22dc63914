/* aws/waiter.h - whether what is waited for has come: the model's acceptors, asked in order.
 *
 * Source: the Smithy 2.0 specification, "Waiters" (smithy.waiters#waitable), in botocore's form. */
#ifndef MOONTIDE_AWS_WAITER_H
#define MOONTIDE_AWS_WAITER_H

#include "moontide/aws/model.h"
#include "moontide/aws/value.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

struct waiter_answer {
    int status;                  /* of HTTP */
    const char *error_code;      /* NULL or "": no error */
    struct value_reader *result; /* stands on the result; NULL for an error */
};

/* OK and *out: WAITER_RETRY means to ask again after waiter->delay_s, at most
 * waiter->max_attempts times in all. An error that no acceptor knows is WAITER_FAILURE. ERR_PARSE:
 * an acceptor's path or expected value is none. */
MUST_CHECK int waiter_judge(const struct waiter *waiter, const struct waiter_answer *answer,
                            enum waiter_state *out, struct fault *fault);

#endif
