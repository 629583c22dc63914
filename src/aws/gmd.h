/* aws/gmd.h - what the three codecs of GetMetricData share: the flat list of queries that a batch
 * becomes, and the sink that an answer's results go into. */
#ifndef MOONTIDE_AWS_GMD_H
#define MOONTIDE_AWS_GMD_H

#include "moontide/aws/cloudwatch.h"
#include "moontide/base/strbuf.h"

enum {
    GMD_DATAPOINTS_MAX = 100800, /* API Reference: MaxDatapoints of one page */
    GMD_NESTING_MAX = 8,         /* expressions that use expressions */
    GMD_FIXED_POINTS = 512,      /* of one result without asking for memory */
};

/* ---- requests ---- */

struct gmd_query {
    const char *id;
    size_t id_len;
    const struct metric *metric;
    const char *expression; /* with the ids of this batch; NULL in a plain metric */
    bool returns_data;
};

/* Calls emit for each query of the batch: "m<index>", and "m<index>_<id>" for what an expression
 * uses. ERR_LIMIT: nested too deep. */
MUST_CHECK int gmd_walk(const struct metric_question *questions, size_t count,
                        void (*emit)(void *data, const struct gmd_query *query), void *data);
size_t gmd_query_total(const struct metric_question *questions, size_t count);

struct gmd_page {
    const struct metric_question *questions;
    size_t count;
    int64_t start_s, end_s;
    const char *next_token; /* NULL: the first page */
};

MUST_CHECK int gmd_cbor_encode(const struct gmd_page *page, struct strbuf *out);
MUST_CHECK int gmd_json_encode(const struct gmd_page *page, struct strbuf *out);
MUST_CHECK int gmd_query_encode(const struct gmd_page *page, struct strbuf *out);

/* ---- answers ---- */

/* A column of one result. It begins in its own `fixed` and moves to the heap when that is full. */
struct gmd_column {
    double *at;
    uint32_t count, cap;
    double fixed[GMD_FIXED_POINTS];
};

/* Answers name a result's members in any order, so one result is gathered and then put away. */
struct gmd_sink {
    struct metric_question *questions;
    size_t count;
    struct gmd_answer *answer;
    struct fault *fault;
    bool said;        /* *fault names what is wrong already */
    bool has_results; /* the answer has MetricDataResults: else it is somebody else's */
    /* of the result at hand */
    int64_t index; /* of its question; -1: none of ours */
    enum series_state state;
    struct gmd_column times, values;
};

void gmd_sink_init(struct gmd_sink *sink, struct metric_question *questions, size_t count,
                   struct gmd_answer *answer, struct fault *fault);
void gmd_sink_done(struct gmd_sink *sink);

void gmd_begin(struct gmd_sink *sink);
void gmd_id(struct gmd_sink *sink, const char *id, size_t len);
void gmd_status(struct gmd_sink *sink, const char *status, size_t len);
/* Puts the datapoints into the question's series and tells its state. */
void gmd_end(struct gmd_sink *sink);
void gmd_message(struct gmd_sink *sink, const char *code, size_t code_len, const char *text,
                 size_t len);
MUST_CHECK int gmd_next_token(struct gmd_sink *sink, const char *token, size_t len);

int gmd_grow(struct gmd_column *column); /* ERR_LIMIT, ERR_NOMEM */
MUST_CHECK static inline int gmd_add(struct gmd_column *column, double value)
{
    if (column->count == column->cap) {
        int code = gmd_grow(column);
        if (code < 0) return code;
    }
    column->at[column->count++] = value;
    return OK;
}

/* Copies at most size - 1 bytes, ends them, and cuts no UTF-8 character. */
void gmd_copy(char *out, size_t size, const char *text, size_t len);
/* An error's code without what stands around it: "com.x#Throttling:http://..." -> "Throttling". */
void gmd_error_code(struct gmd_answer *answer, const char *text, size_t len);

MUST_CHECK int gmd_cbor_decode(const char *body, size_t len, struct gmd_sink *sink);
MUST_CHECK int gmd_json_decode(const char *body, size_t len, struct gmd_sink *sink);
MUST_CHECK int gmd_query_decode(const char *body, size_t len, struct gmd_sink *sink);
void gmd_cbor_error(const char *body, size_t len, struct gmd_answer *answer);
void gmd_json_error(const char *body, size_t len, struct gmd_answer *answer);
void gmd_query_error(const char *body, size_t len, struct gmd_answer *answer);

#endif
