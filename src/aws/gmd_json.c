/* aws/gmd_json.c - GetMetricData in AWS JSON 1.0: times are epoch seconds, NaN and infinities come
 * as texts (and are refused by the series). */
#include "moontide/base/json.h"

#include "gmd.h"

#include <math.h>
#include <string.h>

enum { STRING_MAX = 64 * 1024 };

static void put_stat(struct json_writer *w, const struct metric *metric)
{
    json_key(w, "MetricStat");
    json_object(w);
    json_key(w, "Metric");
    json_object(w);
    json_key(w, "Namespace");
    json_string(w, metric->namespace_name);
    json_key(w, "MetricName");
    json_string(w, metric->name);
    if (metric->dimension_count > 0) {
        json_key(w, "Dimensions");
        json_array(w);
        for (uint32_t i = 0; i < metric->dimension_count; i++) {
            json_object(w);
            json_key(w, "Name");
            json_string(w, metric->dimensions[i].name);
            json_key(w, "Value");
            json_string(w, metric->dimensions[i].value);
            json_object_end(w);
        }
        json_array_end(w);
    }
    json_object_end(w);
    json_key(w, "Period");
    json_int(w, metric->period_s);
    json_key(w, "Stat");
    json_string(w, metric->stat);
    if (metric->unit) {
        json_key(w, "Unit");
        json_string(w, metric->unit);
    }
    json_object_end(w);
}

static void put_query(void *data, const struct gmd_query *query)
{
    struct json_writer *w = data;
    json_object(w);
    json_key(w, "Id");
    json_stringn(w, query->id, query->id_len);
    if (query->expression) {
        json_key(w, "Expression");
        json_string(w, query->expression);
        json_key(w, "Period");
        json_int(w, query->metric->period_s);
    } else {
        put_stat(w, query->metric);
    }
    if (!query->returns_data) {
        json_key(w, "ReturnData");
        json_bool(w, false);
    }
    json_object_end(w);
}

int gmd_json_encode(const struct gmd_page *page, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "StartTime");
    json_int(&w, page->start_s);
    json_key(&w, "EndTime");
    json_int(&w, page->end_s);
    json_key(&w, "ScanBy");
    json_string(&w, "TimestampAscending");
    json_key(&w, "MaxDatapoints");
    json_int(&w, GMD_DATAPOINTS_MAX);
    if (page->next_token) {
        json_key(&w, "NextToken");
        json_string(&w, page->next_token);
    }
    json_key(&w, "MetricDataQueries");
    json_array(&w);
    int code = gmd_walk(page->questions, page->count, put_query, &w);
    if (code < 0) return code;
    json_array_end(&w);
    json_object_end(&w);
    return strbuf_status(out);
}

static bool text_is(const struct json_reader *r, const char *word)
{
    return strlen(word) == r->len && memcmp(word, r->text, r->len) == 0;
}

static int expect(struct json_reader *r, int wanted)
{
    int token = json_next(r);
    return token < 0 ? token : token == wanted ? OK : ERR_PARSE;
}

static int read_column(struct json_reader *r, struct gmd_column *column)
{
    int token, code = expect(r, JSON_ARRAY);
    if (code < 0) return code;
    column->count = 0;
    while ((token = json_next(r)) != JSON_ARRAY_END) {
        double value = NAN;
        if (token < 0) return token;
        if (token == JSON_INT || token == JSON_NUMBER)
            value = r->number;
        else if (token != JSON_NULL &&
                 (token != JSON_STRING ||
                  !(text_is(r, "NaN") || text_is(r, "Infinity") || text_is(r, "-Infinity"))))
            return ERR_PARSE;
        code = gmd_add(column, value);
        if (code < 0) return code;
    }
    return OK;
}

static int read_message(struct json_reader *r, struct gmd_sink *sink)
{
    char name[128] = "", value[512] = "";
    int token;
    while ((token = json_next(r)) == JSON_KEY) {
        bool is_code = text_is(r, "Code"), is_value = text_is(r, "Value");
        if (!is_code && !is_value) {
            int code = json_skip(r);
            if (code < 0) return code;
            continue;
        }
        token = json_next(r);
        if (token == JSON_STRING && is_code) gmd_copy(name, sizeof name, r->text, r->len);
        if (token == JSON_STRING && is_value) gmd_copy(value, sizeof value, r->text, r->len);
        if (token != JSON_STRING && token != JSON_NULL) return ERR_PARSE;
    }
    if (token != JSON_OBJECT_END) return token < 0 ? token : ERR_PARSE;
    gmd_message(sink, name, strlen(name), value, strlen(value));
    return OK;
}

static int read_messages(struct json_reader *r, struct gmd_sink *sink)
{
    int token = json_next(r);
    if (token == JSON_NULL) return OK;
    if (token != JSON_ARRAY) return token < 0 ? token : ERR_PARSE;
    while ((token = json_next(r)) == JSON_OBJECT) {
        int code = read_message(r, sink);
        if (code < 0) return code;
    }
    return token == JSON_ARRAY_END ? OK : token < 0 ? token : ERR_PARSE;
}

static int read_result(struct json_reader *r, struct gmd_sink *sink)
{
    int token, code;
    gmd_begin(sink);
    while ((token = json_next(r)) == JSON_KEY) {
        bool id = text_is(r, "Id"), status = text_is(r, "StatusCode");
        if (text_is(r, "Timestamps")) {
            code = read_column(r, &sink->times);
        } else if (text_is(r, "Values")) {
            code = read_column(r, &sink->values);
        } else if (text_is(r, "Messages")) {
            code = read_messages(r, sink);
        } else if (id || status) {
            code = expect(r, JSON_STRING);
            if (code == OK && id) gmd_id(sink, r->text, r->len);
            if (code == OK && status) gmd_status(sink, r->text, r->len);
        } else {
            code = json_skip(r);
        }
        if (code < 0) return code;
    }
    if (token != JSON_OBJECT_END) return token < 0 ? token : ERR_PARSE;
    gmd_end(sink);
    return OK;
}

static int read_results(struct json_reader *r, struct gmd_sink *sink)
{
    int token, code = expect(r, JSON_ARRAY);
    if (code < 0) return code;
    while ((token = json_next(r)) == JSON_OBJECT) {
        code = read_result(r, sink);
        if (code < 0) return code;
    }
    return token == JSON_ARRAY_END ? OK : token < 0 ? token : ERR_PARSE;
}

static int read_top(struct json_reader *r, struct gmd_sink *sink)
{
    int token, code = expect(r, JSON_OBJECT);
    if (code < 0) return code;
    while ((token = json_next(r)) == JSON_KEY) {
        if (text_is(r, "MetricDataResults")) {
            sink->has_results = true;
            code = read_results(r, sink);
        } else if (text_is(r, "Messages")) {
            code = read_messages(r, sink);
        } else if (text_is(r, "NextToken")) {
            token = json_next(r);
            code = token == JSON_STRING ? gmd_next_token(sink, r->text, r->len)
                   : token == JSON_NULL ? OK
                   : token < 0          ? token
                                        : ERR_PARSE;
        } else {
            code = json_skip(r);
        }
        if (code < 0) return code;
    }
    if (token != JSON_OBJECT_END) return token < 0 ? token : ERR_PARSE;
    return expect(r, JSON_END);
}

int gmd_json_decode(const char *body, size_t len, struct gmd_sink *sink)
{
    struct json_reader r;
    json_reader_init(&r, body, len, STRING_MAX);
    int code = read_top(&r, sink);
    if (code == ERR_NOMEM)
        fault_set(sink->fault, code, "out of memory");
    else if (code < 0 && !sink->said)
        code = fault_set(sink->fault, ERR_PARSE, "the JSON answer is wrong at byte %zu of %zu%s",
                         json_offset(&r), len,
                         code == ERR_LIMIT ? ": nested too deep, or too much in one piece" : "");
    json_reader_done(&r);
    return code;
}

void gmd_json_error(const char *body, size_t len, struct gmd_answer *answer)
{
    struct json_reader r;
    json_reader_init(&r, body, len, STRING_MAX);
    int token, code = expect(&r, JSON_OBJECT);
    while (code == OK && (token = json_next(&r)) == JSON_KEY) {
        bool type = text_is(&r, "__type") || text_is(&r, "code") || text_is(&r, "Code");
        bool message = text_is(&r, "message") || text_is(&r, "Message");
        if (!type && !message) {
            code = json_skip(&r);
            continue;
        }
        token = json_next(&r);
        if (token == JSON_OBJECT || token == JSON_ARRAY) code = json_skip(&r);
        if (token < 0) code = token;
        if (token == JSON_STRING && type && !answer->error_code[0])
            gmd_error_code(answer, r.text, r.len);
        if (token == JSON_STRING && message)
            gmd_copy(answer->error_message, sizeof answer->error_message, r.text, r.len);
    }
    json_reader_done(&r);
}
