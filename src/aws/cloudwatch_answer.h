/* aws/cloudwatch_answer.h - what an HTTP answer to GetMetricData means for the call. */
#ifndef MOONTIDE_AWS_CLOUDWATCH_ANSWER_H
#define MOONTIDE_AWS_CLOUDWATCH_ANSWER_H

#include "moontide/aws/cloudwatch.h"
#include "moontide/aws/retry.h"
#include "moontide/io/http.h"

enum answer_kind {
    ANSWER_OK,      /* 200 in the protocol that was spoken: decode it */
    ANSWER_RETRY,   /* transient, or throttled */
    ANSWER_OTHER,   /* the endpoint does not speak this protocol */
    ANSWER_SKEW,    /* signed at a time that the service does not accept, or perhaps so */
    ANSWER_EXPIRED, /* the credentials have ended, or are not known */
    ANSWER_REFUSED, /* anything else: no use to ask again */
};

struct answer_meaning {
    enum answer_kind kind;
    int code;
    struct fault fault; /* set unless ANSWER_OK */
    bool understood;    /* it was an answer in the protocol that was spoken */
    struct retry_judgement judgement;
};

/* `answer` is where an error's code and message go. `endpoint` is for the fault. */
void answer_read(enum cloudwatch_protocol protocol, const struct http_response *response,
                 const char *endpoint, struct gmd_answer *answer, struct answer_meaning *out);

#endif
