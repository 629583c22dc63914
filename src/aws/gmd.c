/* aws/gmd.c - what the codecs of GetMetricData share.
 *
 * Requests: a batch of questions is walked as a flat list of queries. Question i is "m<i>"; what an
 * expression uses is "m<i>_<id>", and the expression's identifiers are rewritten to that, token by
 * token, so that two policies may both call something "errors".
 * Answers: results are matched by id, never by position, gathered whole, and put into the series.
 */
#include "gmd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 1024, EXPRESSION_MAX = 1024 * 1024 };

/* ---- requests ---- */

uint32_t metric_query_count(const struct metric *metric)
{
    uint32_t count = 1;
    for (uint32_t i = 0; i < metric->input_count && count <= CLOUDWATCH_QUERIES_MAX; i++)
        count += metric_query_count(metric->inputs[i].metric);
    return count;
}

size_t gmd_query_total(const struct metric_question *questions, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += questions[i].metric->input_count ? metric_query_count(questions[i].metric) : 1;
    return total;
}

static bool word_begins(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool word_goes_on(char c)
{
    return word_begins(c) || (c >= '0' && c <= '9');
}

static bool is_input(const struct metric *metric, const char *word, size_t len)
{
    for (uint32_t i = 0; i < metric->input_count; i++)
        if (strlen(metric->inputs[i].id) == len && memcmp(metric->inputs[i].id, word, len) == 0)
            return true;
    return false;
}

/* The text up to and with its closing quote; a backslash takes the next character with it. */
static const char *end_of_quoted(const char *at)
{
    char quote = *at++;
    while (*at && *at != quote)
        at += *at == '\\' && at[1] ? 2 : 1;
    return *at ? at + 1 : at;
}

/* Identifiers that `using` names become "<prefix>_<id>"; texts in quotes and numbers stay. */
static void rewrite(struct strbuf *out, const struct metric *metric, const char *prefix,
                    size_t prefix_len)
{
    strbuf_reset(out);
    for (const char *at = metric->expression; *at;) {
        const char *end = at + 1;
        if (*at == '\'' || *at == '"') {
            end = end_of_quoted(at);
        } else if (word_begins(*at)) {
            while (word_goes_on(*end))
                end++;
            if (is_input(metric, at, (size_t)(end - at))) {
                strbuf_add(out, prefix, prefix_len);
                strbuf_addc(out, '_');
            }
        } else if (*at >= '0' && *at <= '9') { /* 1e5 is no identifier e5 */
            while (word_goes_on(*end) || *end == '.')
                end++;
        }
        strbuf_add(out, at, (size_t)(end - at));
        at = end;
    }
}

struct walk {
    void (*emit)(void *data, const struct gmd_query *query);
    void *data;
    struct strbuf expression;
};

static int walk_metric(struct walk *walk, const struct metric *metric, char *id, size_t len,
                       int depth)
{
    struct gmd_query query = {
        .id = id, .id_len = len, .metric = metric, .returns_data = depth == 0};
    if (depth > GMD_NESTING_MAX) return ERR_LIMIT;
    if (metric->expression) {
        rewrite(&walk->expression, metric, id, len);
        int code = strbuf_status(&walk->expression);
        if (code < 0) return code;
        query.expression = strbuf_cstr(&walk->expression);
    }
    walk->emit(walk->data, &query);
    for (uint32_t i = 0; i < metric->input_count; i++) {
        size_t more = strlen(metric->inputs[i].id);
        if (len + 1 + more >= ID_MAX) return ERR_LIMIT;
        id[len] = '_';
        memcpy(id + len + 1, metric->inputs[i].id, more + 1);
        int code = walk_metric(walk, metric->inputs[i].metric, id, len + 1 + more, depth + 1);
        id[len] = '\0';
        if (code < 0) return code;
    }
    return OK;
}

static size_t write_id(char *id, size_t index)
{
    char digits[24];
    size_t n = 0, len = 0;
    do {
        digits[n++] = (char)('0' + index % 10);
        index /= 10;
    } while (index > 0);
    id[len++] = 'm';
    while (n > 0)
        id[len++] = digits[--n];
    id[len] = '\0';
    return len;
}

int gmd_walk(const struct metric_question *questions, size_t count,
             void (*emit)(void *data, const struct gmd_query *query), void *data)
{
    struct walk walk = {.emit = emit, .data = data};
    char id[ID_MAX];
    int code = OK;
    strbuf_init(&walk.expression, EXPRESSION_MAX);
    for (size_t i = 0; i < count && code == OK; i++)
        code = walk_metric(&walk, questions[i].metric, id, write_id(id, i), 0);
    strbuf_done(&walk.expression);
    return code;
}

int gmd_encode(enum cloudwatch_protocol protocol, const struct metric_question *questions,
               size_t count, int64_t start_s, int64_t end_s, const char *next_token,
               struct strbuf *out)
{
    struct gmd_page page = {questions, count, start_s, end_s, next_token};
    switch (protocol) {
    case CLOUDWATCH_CBOR: return gmd_cbor_encode(&page, out);
    case CLOUDWATCH_JSON: return gmd_json_encode(&page, out);
    case CLOUDWATCH_QUERY: return gmd_query_encode(&page, out);
    }
    return ERR_INVALID;
}

/* ---- answers ---- */

static void column_init(struct gmd_column *column)
{
    column->at = column->fixed;
    column->count = 0;
    column->cap = GMD_FIXED_POINTS;
}

static void column_done(struct gmd_column *column)
{
    if (column->at != column->fixed) free(column->at);
}

int gmd_grow(struct gmd_column *column)
{
    if (column->cap >= GMD_DATAPOINTS_MAX) return ERR_LIMIT;
    uint32_t cap = column->cap * 4 < GMD_DATAPOINTS_MAX ? column->cap * 4 : GMD_DATAPOINTS_MAX;
    double *was = column->at == column->fixed ? NULL : column->at;
    double *grown = realloc(was, cap * sizeof *grown);
    if (!grown) return ERR_NOMEM;
    if (!was) memcpy(grown, column->fixed, column->count * sizeof *grown);
    column->at = grown;
    column->cap = cap;
    return OK;
}

void gmd_sink_init(struct gmd_sink *sink, struct metric_question *questions, size_t count,
                   struct gmd_answer *answer, struct fault *fault)
{
    sink->questions = questions;
    sink->count = count;
    sink->answer = answer;
    sink->fault = fault;
    sink->has_results = sink->said = false;
    column_init(&sink->times);
    column_init(&sink->values);
    gmd_begin(sink);
}

void gmd_sink_done(struct gmd_sink *sink)
{
    column_done(&sink->times);
    column_done(&sink->values);
}

void gmd_begin(struct gmd_sink *sink)
{
    sink->index = -1;
    sink->state = SERIES_READY;
    sink->times.count = sink->values.count = 0;
}

void gmd_id(struct gmd_sink *sink, const char *id, size_t len)
{
    uint32_t index = 0;
    sink->index = -1;
    if (len < 2 || len > 7 || id[0] != 'm' || (id[1] == '0' && len > 2)) return;
    for (size_t i = 1; i < len; i++) {
        if (id[i] < '0' || id[i] > '9') return;
        index = index * 10 + (uint32_t)(id[i] - '0');
    }
    if (index < sink->count) sink->index = index;
}

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* A status that nobody knows yet is asked again, like an incomplete answer. */
void gmd_status(struct gmd_sink *sink, const char *status, size_t len)
{
    sink->state = is(status, len, "Complete")        ? SERIES_READY
                  : is(status, len, "Forbidden")     ? SERIES_FORBIDDEN
                  : is(status, len, "InternalError") ? SERIES_FAILED
                                                     : SERIES_PARTIAL;
}

/* Times are mostly one period apart, up or down: then the slot needs no division. */
static uint64_t put_columns(struct series *series, const double *times, const double *values,
                            uint32_t count)
{
    const int64_t period_s = series->period_s;
    int64_t slot = -1, slot_s = INT64_MIN / 2;
    uint64_t stored = 0;
    for (uint32_t i = 0; i < count; i++) {
        double time = times[i], value = values[i];
        if (!(time > -1e15 && time < 1e15) || !isfinite(value)) {
            series->refused++;
            continue;
        }
        int64_t time_s = (int64_t)time;
        if (time_s == slot_s + period_s) {
            slot++;
            slot_s += period_s;
        } else if (time_s == slot_s - period_s) {
            slot--;
            slot_s -= period_s;
        } else {
            int64_t age_s = time_s - series->start_s;
            slot = age_s >= 0 ? age_s / period_s : -1;
            slot_s = slot >= 0 ? series->start_s + slot * period_s : INT64_MIN / 2;
        }
        if (slot < 0 || slot >= (int64_t)series->slots) {
            series->refused++;
            slot_s = INT64_MIN / 2;
            continue;
        }
        series->values[slot] = value;
        stored++;
    }
    return stored;
}

void gmd_end(struct gmd_sink *sink)
{
    uint32_t times = sink->times.count, values = sink->values.count;
    if (sink->index < 0) {
        static const char text[] = "a result for an id that was not asked";
        gmd_message(sink, NULL, 0, text, sizeof text - 1);
        return;
    }
    if (times != values) {
        static const char text[] = "a result with more timestamps than values, or fewer";
        gmd_message(sink, NULL, 0, text, sizeof text - 1);
    }
    struct metric_question *question = &sink->questions[sink->index];
    sink->answer->datapoints += put_columns(question->series, sink->times.at, sink->values.at,
                                            times < values ? times : values);
    question->state = (uint8_t)sink->state;
}

void gmd_copy(char *out, size_t size, const char *text, size_t len)
{
    size_t n = len < size ? len : size - 1;
    if (n < len)
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    out[n] = '\0';
}

/* "Code: text; Code: text", without saying the same twice in a row, until it is full. */
void gmd_message(struct gmd_sink *sink, const char *code, size_t code_len, const char *text,
                 size_t len)
{
    char one[512], *messages = sink->answer->messages;
    size_t room = sizeof sink->answer->messages, used = strlen(messages);
    gmd_copy(one, sizeof one, code ? code : "", code ? code_len : 0);
    size_t n = strlen(one);
    if (n > 0 && n + 3 < sizeof one) n = (size_t)(stpcpy(one + n, ": ") - one);
    gmd_copy(one + n, sizeof one - n, text, len);
    n = strlen(one);
    if (n == 0 || strstr(messages, one) || used + 3 >= room) return;
    if (used > 0) used = (size_t)(stpcpy(messages + used, "; ") - messages);
    gmd_copy(messages + used, room - used, one, n);
}

int gmd_next_token(struct gmd_sink *sink, const char *token, size_t len)
{
    if (len >= sizeof sink->answer->next_token || memchr(token, '\0', len)) {
        sink->said = true;
        return fault_set(sink->fault, ERR_LIMIT, "a NextToken of %zu bytes; at most %zu are kept",
                         len, sizeof sink->answer->next_token - 1);
    }
    memcpy(sink->answer->next_token, token, len);
    sink->answer->next_token[len] = '\0';
    return OK;
}

int gmd_decode(enum cloudwatch_protocol protocol, const char *body, size_t len,
               struct metric_question *questions, size_t count, struct gmd_answer *answer,
               struct fault *fault)
{
    struct gmd_sink sink;
    int code = ERR_INVALID;
    answer->next_token[0] = answer->messages[0] = '\0';
    answer->error_code[0] = answer->error_message[0] = '\0';
    answer->datapoints = 0;
    gmd_sink_init(&sink, questions, count, answer, fault);
    switch (protocol) {
    case CLOUDWATCH_CBOR: code = gmd_cbor_decode(body, len, &sink); break;
    case CLOUDWATCH_JSON: code = gmd_json_decode(body, len, &sink); break;
    case CLOUDWATCH_QUERY: code = gmd_query_decode(body, len, &sink); break;
    }
    if (code == OK && !sink.has_results)
        code = fault_set(fault, ERR_PARSE, "the answer of %zu bytes has no MetricDataResults", len);
    gmd_sink_done(&sink);
    return code;
}

void gmd_error_code(struct gmd_answer *answer, const char *text, size_t len)
{
    const char *hash = memchr(text, '#', len);
    if (hash) {
        len -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    const char *colon = memchr(text, ':', len);
    if (colon) len = (size_t)(colon - text);
    gmd_copy(answer->error_code, sizeof answer->error_code, text, len);
}

void gmd_decode_error(enum cloudwatch_protocol protocol, const char *body, size_t len,
                      struct gmd_answer *answer)
{
    answer->error_code[0] = answer->error_message[0] = '\0';
    switch (protocol) {
    case CLOUDWATCH_CBOR: gmd_cbor_error(body, len, answer); break;
    case CLOUDWATCH_JSON: gmd_json_error(body, len, answer); break;
    case CLOUDWATCH_QUERY: gmd_query_error(body, len, answer); break;
    }
}
