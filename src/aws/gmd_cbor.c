/* aws/gmd_cbor.c - GetMetricData in smithy rpc-v2-cbor: the fast path.
 *
 * The decoder reads the body once, front to back, and builds nothing: the numbers of one result go
 * into two columns, and from there into the series. */
#include "moontide/aws/cbor.h"

#include "gmd.h"

#include <string.h>

#define PUT(out, literal) cbor_put_text(out, literal, sizeof(literal) - 1)

static void put_string(struct strbuf *out, const char *text)
{
    cbor_put_text(out, text, strlen(text));
}

static void put_time(struct strbuf *out, int64_t time_s)
{
    cbor_put_head(out, CBOR_TAG, 1);
    if (time_s >= 0)
        cbor_put_head(out, CBOR_UINT, (uint64_t)time_s);
    else
        cbor_put_head(out, CBOR_NEGATIVE, (uint64_t)(-1 - time_s));
}

static void put_stat(struct strbuf *out, const struct metric *metric)
{
    PUT(out, "MetricStat");
    cbor_put_head(out, CBOR_MAP, metric->unit ? 4 : 3);
    PUT(out, "Metric");
    cbor_put_head(out, CBOR_MAP, metric->dimension_count > 0 ? 3 : 2);
    PUT(out, "Namespace");
    put_string(out, metric->namespace_name);
    PUT(out, "MetricName");
    put_string(out, metric->name);
    if (metric->dimension_count > 0) {
        PUT(out, "Dimensions");
        cbor_put_head(out, CBOR_ARRAY, metric->dimension_count);
    }
    for (uint32_t i = 0; i < metric->dimension_count; i++) {
        cbor_put_head(out, CBOR_MAP, 2);
        PUT(out, "Name");
        put_string(out, metric->dimensions[i].name);
        PUT(out, "Value");
        put_string(out, metric->dimensions[i].value);
    }
    PUT(out, "Period");
    cbor_put_head(out, CBOR_UINT, (uint64_t)metric->period_s);
    PUT(out, "Stat");
    put_string(out, metric->stat);
    if (metric->unit) {
        PUT(out, "Unit");
        put_string(out, metric->unit);
    }
}

static void put_query(void *data, const struct gmd_query *query)
{
    struct strbuf *out = data;
    cbor_put_head(out, CBOR_MAP, 2 + (query->expression != NULL) + !query->returns_data);
    PUT(out, "Id");
    cbor_put_text(out, query->id, query->id_len);
    if (query->expression) {
        PUT(out, "Expression");
        put_string(out, query->expression);
        PUT(out, "Period");
        cbor_put_head(out, CBOR_UINT, (uint64_t)query->metric->period_s);
    } else {
        put_stat(out, query->metric);
    }
    if (!query->returns_data) {
        PUT(out, "ReturnData");
        cbor_put_bool(out, false);
    }
}

int gmd_cbor_encode(const struct gmd_page *page, struct strbuf *out)
{
    cbor_put_head(out, CBOR_MAP, page->next_token ? 6 : 5);
    PUT(out, "StartTime");
    put_time(out, page->start_s);
    PUT(out, "EndTime");
    put_time(out, page->end_s);
    PUT(out, "ScanBy");
    PUT(out, "TimestampAscending");
    PUT(out, "MaxDatapoints");
    cbor_put_head(out, CBOR_UINT, GMD_DATAPOINTS_MAX);
    PUT(out, "MetricDataQueries");
    cbor_put_head(out, CBOR_ARRAY, gmd_query_total(page->questions, page->count));
    int code = gmd_walk(page->questions, page->count, put_query, out);
    if (code < 0) return code;
    if (page->next_token) {
        PUT(out, "NextToken");
        put_string(out, page->next_token);
    }
    return strbuf_status(out);
}

static int read_column(struct cbor_reader *r, struct gmd_column *column)
{
    struct cbor_items items;
    int more, code = cbor_open(r, CBOR_ARRAY, &items);
    if (code < 0) return code;
    column->count = (uint32_t)cbor_doubles(r, &items, column->at, column->cap);
    while ((more = cbor_more(r, &items)) > 0) {
        double value;
        code = cbor_number(r, &value);
        if (code == OK) code = gmd_add(column, value);
        if (code == ERR_LIMIT) return cbor_fail(r, "more than 100800 datapoints in a result");
        if (code < 0) return code;
        column->count += (uint32_t)cbor_doubles(r, &items, column->at + column->count,
                                                column->cap - column->count);
    }
    return more;
}

static int read_messages(struct cbor_reader *r, struct gmd_sink *sink)
{
    struct cbor_items items, members;
    int more, code = cbor_open(r, CBOR_ARRAY, &items);
    if (code < 0) return code;
    while ((more = cbor_more(r, &items)) > 0) {
        struct cbor_text key, text;
        char name[128] = "", value[512] = "";
        code = cbor_open(r, CBOR_MAP, &members);
        if (code < 0) return code;
        while ((more = cbor_more(r, &members)) > 0) {
            code = cbor_text(r, &key);
            if (code < 0) return code;
            bool is_code = CBOR_IS(key, "Code"), is_value = CBOR_IS(key, "Value");
            if ((is_code || is_value) && cbor_peek(r) == CBOR_TEXT) {
                code = cbor_text(r, &text);
                if (code == OK && is_code) gmd_copy(name, sizeof name, text.at, text.len);
                if (code == OK && is_value) gmd_copy(value, sizeof value, text.at, text.len);
            } else {
                code = cbor_skip(r);
            }
            if (code < 0) return code;
        }
        if (more < 0) return more;
        gmd_message(sink, name, strlen(name), value, strlen(value));
    }
    return more;
}

static int read_member(struct cbor_reader *r, struct gmd_sink *sink)
{
    struct cbor_text key, text;
    int code = cbor_text(r, &key);
    if (code < 0) return code;
    if (CBOR_IS(key, "Timestamps")) return read_column(r, &sink->times);
    if (CBOR_IS(key, "Values")) return read_column(r, &sink->values);
    if (CBOR_IS(key, "Messages") && cbor_peek(r) == CBOR_ARRAY) return read_messages(r, sink);
    bool id = CBOR_IS(key, "Id"), status = CBOR_IS(key, "StatusCode");
    if (!id && !status) return cbor_skip(r);
    code = cbor_text(r, &text);
    if (code == OK && id) gmd_id(sink, text.at, text.len);
    if (code == OK && status) gmd_status(sink, text.at, text.len);
    return code;
}

static int read_results(struct cbor_reader *r, struct gmd_sink *sink)
{
    struct cbor_items results, members;
    int more, code = cbor_open(r, CBOR_ARRAY, &results);
    if (code < 0) return code;
    while ((more = cbor_more(r, &results)) > 0) {
        gmd_begin(sink);
        code = cbor_open(r, CBOR_MAP, &members);
        if (code < 0) return code;
        while ((more = cbor_more(r, &members)) > 0) {
            code = read_member(r, sink);
            if (code < 0) return code;
        }
        if (more < 0) return more;
        gmd_end(sink);
    }
    return more;
}

static int read_top(struct cbor_reader *r, struct gmd_sink *sink)
{
    struct cbor_items members;
    int more, code = cbor_open(r, CBOR_MAP, &members);
    if (code < 0) return code;
    while ((more = cbor_more(r, &members)) > 0) {
        struct cbor_text key, text;
        code = cbor_text(r, &key);
        if (code < 0) return code;
        if (CBOR_IS(key, "MetricDataResults")) {
            sink->has_results = true;
            code = read_results(r, sink);
        } else if (CBOR_IS(key, "Messages") && cbor_peek(r) == CBOR_ARRAY) {
            code = read_messages(r, sink);
        } else if (CBOR_IS(key, "NextToken") && cbor_peek(r) == CBOR_TEXT) {
            code = cbor_text(r, &text);
            if (code == OK) code = gmd_next_token(sink, text.at, text.len);
        } else {
            code = cbor_skip(r);
        }
        if (code < 0) return code;
    }
    return more < 0 ? more : cbor_finish(r);
}

int gmd_cbor_decode(const char *body, size_t len, struct gmd_sink *sink)
{
    struct cbor_reader r;
    cbor_reader_init(&r, body, len);
    int code = read_top(&r, sink);
    if (r.status < 0) /* else the sink has said what was wrong */
        code = fault_set(sink->fault, r.status == ERR_NOMEM ? ERR_NOMEM : ERR_PARSE,
                         "the CBOR answer is wrong at byte %zu of %zu: %s", cbor_offset(&r), len,
                         r.error);
    else if (code == ERR_NOMEM)
        fault_set(sink->fault, code, "out of memory");
    cbor_reader_done(&r);
    return code;
}

void gmd_cbor_error(const char *body, size_t len, struct gmd_answer *answer)
{
    struct cbor_reader r;
    struct cbor_items members;
    struct cbor_text key, text;
    cbor_reader_init(&r, body, len);
    int code = cbor_open(&r, CBOR_MAP, &members);
    while (code == OK && cbor_more(&r, &members) > 0) {
        code = cbor_text(&r, &key);
        if (code < 0) break;
        bool type = CBOR_IS(key, "__type"),
             message = CBOR_IS(key, "message") || CBOR_IS(key, "Message");
        if ((type || message) && cbor_peek(&r) == CBOR_TEXT) {
            code = cbor_text(&r, &text);
            if (code == OK && type) gmd_error_code(answer, text.at, text.len);
            if (code == OK && message)
                gmd_copy(answer->error_message, sizeof answer->error_message, text.at, text.len);
        } else {
            code = cbor_skip(&r);
        }
    }
    cbor_reader_done(&r);
}
