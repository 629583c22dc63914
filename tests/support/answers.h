/* support/answers.h - what a CloudWatch would say to one GetMetricData request.
 *
 * Reads a request of any of the three protocols and writes an answer in it: for each query that
 * returns data up to twelve datapoints, the last of the window. The datapoint of query i (from 0)
 * at time t is  i + (t / period) % 100. */
#ifndef MOONTIDE_TESTS_ANSWERS_H
#define MOONTIDE_TESTS_ANSWERS_H

#include "moontide/aws/cloudwatch.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ANSWERS_IDS_MAX = 600, ANSWERS_POINTS = 12 };

enum answer_fault {
    ANSWER_FINE,
    ANSWER_PARTIAL,    /* the first result has half of its datapoints and says PartialData */
    ANSWER_INTERNAL,   /* the first result is empty and says InternalError */
    ANSWER_FORBIDDEN,  /* the first result says Forbidden */
    ANSWER_NAN,        /* the first datapoint of each result is NaN, the second infinite */
    ANSWER_UNORDERED,  /* newest first, and values before timestamps */
    ANSWER_FUTURE,     /* the first result's datapoints lie after the window */
    ANSWER_WRONG_TYPE, /* the values are texts that are no numbers */
    ANSWER_UNEVEN,     /* a value less than timestamps */
    ANSWER_EMPTY,      /* no datapoints */
    ANSWER_MISSING,    /* the first result is left out */
};

struct answers_request {
    struct {
        const char *at; /* into the body; Query: as it stands there */
        size_t len;
    } ids[ANSWERS_IDS_MAX];
    size_t count;
    int64_t start_s, end_s, period_s;
    char token[64]; /* of the page asked for; "" the first */
};

/* false: it is no request that can be read. */
bool answers_read(enum cloudwatch_protocol protocol, const char *body, size_t len,
                  struct answers_request *out);
/* next_token NULL: the last page. Page p of n (from 0) holds every n-th datapoint, from the p-th.
 */
void answers_write(enum cloudwatch_protocol protocol, const struct answers_request *request,
                   enum answer_fault fault, int page, int pages, const char *next_token,
                   struct strbuf *out);
double answers_value(size_t query, int64_t time_s, int64_t period_s);

#endif
