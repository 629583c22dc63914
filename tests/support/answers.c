/* support/answers.c - reads GetMetricData requests and writes answers, fast for CBOR. */
#include "support/answers.h"

#include "moontide/aws/cbor.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double answers_value(size_t query, int64_t time_s, int64_t period_s)
{
    return (double)query + (double)(time_s / period_s % 100);
}

/* ---- requests ---- */

static void add_id(struct answers_request *request, const char *at, size_t len)
{
    if (request->count == ANSWERS_IDS_MAX) return;
    request->ids[request->count].at = at;
    request->ids[request->count++].len = len;
}

static void set_token(struct answers_request *request, const char *at, size_t len)
{
    if (len >= sizeof request->token) len = sizeof request->token - 1;
    memcpy(request->token, at, len);
    request->token[len] = '\0';
}

static bool cbor_period(struct cbor_reader *r, struct answers_request *out)
{
    double value;
    if (cbor_number(r, &value) < 0) return false;
    out->period_s = (int64_t)value;
    return true;
}

static bool cbor_stat(struct cbor_reader *r, struct answers_request *out)
{
    struct cbor_items members;
    struct cbor_text key;
    int more;
    if (cbor_open(r, CBOR_MAP, &members) < 0) return false;
    while ((more = cbor_more(r, &members)) > 0) {
        if (cbor_text(r, &key) < 0) return false;
        if (CBOR_IS(key, "Period") ? !cbor_period(r, out) : cbor_skip(r) < 0) return false;
    }
    return more == 0;
}

static bool cbor_query(struct cbor_reader *r, struct answers_request *out)
{
    struct cbor_items members;
    struct cbor_text key, id = {"", 0};
    bool returns = true;
    int more;
    if (cbor_open(r, CBOR_MAP, &members) < 0) return false;
    while ((more = cbor_more(r, &members)) > 0) {
        bool fine;
        if (cbor_text(r, &key) < 0) return false;
        if (CBOR_IS(key, "Id"))
            fine = cbor_text(r, &id) == OK;
        else if (CBOR_IS(key, "ReturnData"))
            fine = cbor_bool(r, &returns) == OK;
        else if (CBOR_IS(key, "MetricStat"))
            fine = cbor_stat(r, out);
        else if (CBOR_IS(key, "Period"))
            fine = cbor_period(r, out);
        else
            fine = cbor_skip(r) == OK;
        if (!fine) return false;
    }
    if (returns) add_id(out, id.at, id.len);
    return more == 0;
}

static bool read_cbor(struct cbor_reader *r, struct answers_request *out)
{
    struct cbor_items members, queries;
    struct cbor_text key, text;
    int more;
    if (cbor_open(r, CBOR_MAP, &members) < 0) return false;
    while ((more = cbor_more(r, &members)) > 0) {
        double time_s;
        if (cbor_text(r, &key) < 0) return false;
        bool start = CBOR_IS(key, "StartTime"), end = CBOR_IS(key, "EndTime");
        if (start || end) {
            if (cbor_number(r, &time_s) < 0) return false;
            *(start ? &out->start_s : &out->end_s) = (int64_t)time_s;
        } else if (CBOR_IS(key, "NextToken")) {
            if (cbor_text(r, &text) < 0) return false;
            set_token(out, text.at, text.len);
        } else if (CBOR_IS(key, "MetricDataQueries")) {
            if (cbor_open(r, CBOR_ARRAY, &queries) < 0) return false;
            while ((more = cbor_more(r, &queries)) > 0)
                if (!cbor_query(r, out)) return false;
            if (more < 0) return false;
        } else if (cbor_skip(r) < 0) {
            return false;
        }
    }
    return more == 0;
}

static bool json_is(const struct json_reader *r, const char *word)
{
    return strlen(word) == r->len && memcmp(word, r->text, r->len) == 0;
}

/* Keys are unique enough in this request that their depth does not matter, but for ReturnData,
 * which belongs to the Id of its object. */
static bool read_json(const char *body, size_t len, struct answers_request *out)
{
    struct json_reader r;
    int token;
    json_reader_init(&r, body, len, 65536);
    while ((token = json_next(&r)) > JSON_END) {
        if (token != JSON_KEY) continue;
        bool id = json_is(&r, "Id"), returns = json_is(&r, "ReturnData");
        int64_t *number = json_is(&r, "StartTime") ? &out->start_s
                          : json_is(&r, "EndTime") ? &out->end_s
                          : json_is(&r, "Period")  ? &out->period_s
                                                   : NULL;
        bool next = json_is(&r, "NextToken");
        if (!id && !returns && !number && !next) continue;
        token = json_next(&r);
        if (id && token == JSON_STRING) add_id(out, r.text, r.len);
        if (returns && token == JSON_FALSE && out->count > 0) out->count--;
        if (number) *number = (int64_t)r.number;
        if (next && token == JSON_STRING) set_token(out, r.text, r.len);
    }
    json_reader_done(&r);
    return token == JSON_END;
}

static void decode_percent(const char *at, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++) {
        unsigned c;
        if (at[i] == '%' && i + 2 < len + 0 + 1 && sscanf(at + i + 1, "%2x", &c) == 1) {
            out[n++] = (char)c;
            i += 2;
        } else {
            out[n++] = at[i];
        }
    }
    out[n] = '\0';
}

static bool ends_with(const char *at, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(at + len - n, end, n) == 0;
}

static bool read_form(const char *body, size_t len, struct answers_request *out)
{
    const char *end = body + len;
    bool action = false;
    while (body < end) {
        const char *stop = memchr(body, '&', (size_t)(end - body));
        if (!stop) stop = end;
        const char *equals = memchr(body, '=', (size_t)(stop - body));
        if (!equals) return false;
        size_t name = (size_t)(equals - body), n = (size_t)(stop - equals - 1);
        char value[128];
        int64_t time_ms = 0;
        decode_percent(equals + 1, n, value, sizeof value);
        if (ends_with(body, name, "Action")) action = strcmp(value, "GetMetricData") == 0;
        if (ends_with(body, name, ".Id")) add_id(out, equals + 1, n);
        if (ends_with(body, name, ".ReturnData") && out->count > 0) out->count--;
        if (ends_with(body, name, "Period")) out->period_s = atoll(value);
        if (ends_with(body, name, "NextToken")) set_token(out, value, strlen(value));
        bool start = ends_with(body, name, "StartTime");
        if ((start || ends_with(body, name, "EndTime")) &&
            time_parse(value, strlen(value), &time_ms) == OK)
            *(start ? &out->start_s : &out->end_s) = time_ms / 1000;
        body = stop + 1;
    }
    return action;
}

bool answers_read(enum cloudwatch_protocol protocol, const char *body, size_t len,
                  struct answers_request *out)
{
    out->count = 0;
    out->start_s = out->end_s = 0;
    out->period_s = 60;
    out->token[0] = '\0';
    bool fine = false;
    if (protocol == CLOUDWATCH_CBOR) {
        struct cbor_reader r;
        cbor_reader_init(&r, body, len);
        fine = read_cbor(&r, out);
        cbor_reader_done(&r);
    } else if (protocol == CLOUDWATCH_JSON) {
        fine = read_json(body, len, out);
    } else {
        fine = read_form(body, len, out);
    }
    return fine && out->period_s > 0 && out->end_s > out->start_s;
}

/* ---- answers ---- */

struct points {
    int64_t times[ANSWERS_POINTS];
    size_t count;
    size_t values; /* fewer than count: uneven */
    bool first;    /* of the answer: most faults are its alone */
};

static void choose_points(const struct answers_request *request, enum answer_fault fault,
                          bool first, int page, int pages, struct points *out)
{
    int64_t n = (request->end_s - request->start_s) / request->period_s;
    if (n > ANSWERS_POINTS) n = ANSWERS_POINTS;
    int64_t begin_s = request->end_s - n * request->period_s;
    out->first = first;
    out->count = 0;
    if (fault == ANSWER_FUTURE && first) begin_s = request->end_s;
    if (fault == ANSWER_PARTIAL && first) n /= 2;
    if (fault == ANSWER_EMPTY || (first && (fault == ANSWER_INTERNAL || fault == ANSWER_FORBIDDEN)))
        n = 0;
    for (int64_t i = 0; i < n; i++)
        if (i % pages == page) out->times[out->count++] = begin_s + i * request->period_s;
    if (fault == ANSWER_UNORDERED)
        for (size_t i = 0; i < out->count / 2; i++) {
            int64_t swap = out->times[i];
            out->times[i] = out->times[out->count - 1 - i];
            out->times[out->count - 1 - i] = swap;
        }
    out->values = fault == ANSWER_UNEVEN && out->count > 0 ? out->count - 1 : out->count;
}

static double value_of(enum answer_fault fault, size_t query, size_t i, const struct points *p,
                       const struct answers_request *request)
{
    if (fault == ANSWER_NAN && i == 0) return NAN;
    if (fault == ANSWER_NAN && i == 1) return INFINITY;
    return answers_value(query, p->times[i], request->period_s);
}

static const char *status_of(enum answer_fault fault, bool first)
{
    if (!first) return "Complete";
    switch (fault) {
    case ANSWER_PARTIAL: return "PartialData";
    case ANSWER_INTERNAL: return "InternalError";
    case ANSWER_FORBIDDEN: return "Forbidden";
    default: return "Complete";
    }
}

#define PUT(out, literal) cbor_put_text(out, literal, sizeof(literal) - 1)

static void cbor_times(struct strbuf *out, const struct points *p)
{
    PUT(out, "Timestamps");
    cbor_put_head(out, CBOR_ARRAY, p->count);
    for (size_t i = 0; i < p->count; i++) {
        cbor_put_head(out, CBOR_TAG, 1);
        cbor_put_double(out, (double)p->times[i]);
    }
}

static void cbor_result(struct strbuf *out, const struct answers_request *request, size_t query,
                        enum answer_fault fault, const struct points *p)
{
    const char *status = status_of(fault, p->first);
    cbor_put_head(out, CBOR_MAP, 5);
    PUT(out, "Id");
    cbor_put_text(out, request->ids[query].at, request->ids[query].len);
    PUT(out, "Label");
    PUT(out, "a label");
    if (fault != ANSWER_UNORDERED) cbor_times(out, p);
    PUT(out, "Values");
    cbor_put_head(out, CBOR_ARRAY, p->values);
    for (size_t i = 0; i < p->values; i++)
        if (fault == ANSWER_WRONG_TYPE)
            PUT(out, "x");
        else
            cbor_put_double(out, value_of(fault, query, i, p, request));
    if (fault == ANSWER_UNORDERED) cbor_times(out, p);
    PUT(out, "StatusCode");
    cbor_put_text(out, status, strlen(status));
}

static void json_result(struct json_writer *w, const struct answers_request *request, size_t query,
                        enum answer_fault fault, const struct points *p)
{
    json_object(w);
    json_key(w, "Id");
    json_stringn(w, request->ids[query].at, request->ids[query].len);
    for (int part = 0; part < 2; part++) {
        bool times = (part == 0) != (fault == ANSWER_UNORDERED);
        json_key(w, times ? "Timestamps" : "Values");
        json_array(w);
        for (size_t i = 0; i < (times ? p->count : p->values); i++) {
            double value = value_of(fault, query, i, p, request);
            if (times)
                json_int(w, p->times[i]);
            else if (fault == ANSWER_WRONG_TYPE)
                json_string(w, "x");
            else if (isnan(value))
                json_string(w, "NaN");
            else if (isinf(value))
                json_string(w, "Infinity");
            else
                json_double(w, value);
        }
        json_array_end(w);
    }
    json_key(w, "StatusCode");
    json_string(w, status_of(fault, p->first));
    json_object_end(w);
}

static void xml_result(struct strbuf *out, const struct answers_request *request, size_t query,
                       enum answer_fault fault, const struct points *p)
{
    strbuf_addf(out, "<member><Id>%.*s</Id>", (int)request->ids[query].len, request->ids[query].at);
    for (int part = 0; part < 2; part++) {
        bool times = (part == 0) != (fault == ANSWER_UNORDERED);
        strbuf_adds(out, times ? "<Timestamps>" : "<Values>");
        for (size_t i = 0; i < (times ? p->count : p->values); i++) {
            char text[TIME_TEXT_MAX];
            strbuf_adds(out, "<member>");
            if (times) {
                time_format(p->times[i] * 1000, text);
                strbuf_adds(out, text);
            } else if (fault == ANSWER_WRONG_TYPE) {
                strbuf_adds(out, "x");
            } else {
                strbuf_addf(out, "%g", value_of(fault, query, i, p, request));
            }
            strbuf_adds(out, "</member>");
        }
        strbuf_adds(out, times ? "</Timestamps>" : "</Values>");
    }
    strbuf_addf(out, "<StatusCode>%s</StatusCode></member>", status_of(fault, p->first));
}

static void write_cbor(const struct answers_request *request, enum answer_fault fault, int page,
                       int pages, const char *next_token, struct strbuf *out)
{
    struct points first, rest;
    size_t from = fault == ANSWER_MISSING ? 1 : 0;
    choose_points(request, fault, true, page, pages, &first);
    choose_points(request, fault, false, page, pages, &rest);
    cbor_put_head(out, CBOR_MAP, next_token ? 2 : 1);
    PUT(out, "MetricDataResults");
    cbor_put_head(out, CBOR_ARRAY, request->count - from);
    for (size_t i = from; i < request->count; i++)
        cbor_result(out, request, i, fault, i == 0 ? &first : &rest);
    if (!next_token) return;
    PUT(out, "NextToken");
    cbor_put_text(out, next_token, strlen(next_token));
}

static void write_json(const struct answers_request *request, enum answer_fault fault, int page,
                       int pages, const char *next_token, struct strbuf *out)
{
    struct json_writer w;
    struct points p;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "MetricDataResults");
    json_array(&w);
    for (size_t i = fault == ANSWER_MISSING ? 1 : 0; i < request->count; i++) {
        choose_points(request, fault, i == 0, page, pages, &p);
        json_result(&w, request, i, fault, &p);
    }
    json_array_end(&w);
    if (next_token) {
        json_key(&w, "NextToken");
        json_string(&w, next_token);
    }
    json_object_end(&w);
}

static void write_xml(const struct answers_request *request, enum answer_fault fault, int page,
                      int pages, const char *next_token, struct strbuf *out)
{
    struct points p;
    strbuf_adds(out, "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/"
                     "2010-08-01/\"><GetMetricDataResult><MetricDataResults>");
    for (size_t i = fault == ANSWER_MISSING ? 1 : 0; i < request->count; i++) {
        choose_points(request, fault, i == 0, page, pages, &p);
        xml_result(out, request, i, fault, &p);
    }
    strbuf_adds(out, "</MetricDataResults>");
    if (next_token) strbuf_addf(out, "<NextToken>%s</NextToken>", next_token);
    strbuf_adds(out, "</GetMetricDataResult></GetMetricDataResponse>");
}

void answers_write(enum cloudwatch_protocol protocol, const struct answers_request *request,
                   enum answer_fault fault, int page, int pages, const char *next_token,
                   struct strbuf *out)
{
    switch (protocol) {
    case CLOUDWATCH_CBOR: write_cbor(request, fault, page, pages, next_token, out); break;
    case CLOUDWATCH_JSON: write_json(request, fault, page, pages, next_token, out); break;
    case CLOUDWATCH_QUERY: write_xml(request, fault, page, pages, next_token, out); break;
    }
}
