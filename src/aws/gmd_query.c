/* aws/gmd_query.c - GetMetricData in the AWS Query protocol: a form goes out, XML comes back.
 *
 * expat calls element by element; what an element means depends on where it stands, so the path
 * from the root is kept as a string of one letter an element: r GetMetricDataResult, s
 * MetricDataResults, t Timestamps, v Values, e Messages, m member, i Id, c StatusCode, C Code, V
 * Value, n NextToken, ? anything else. */
#include "moontide/base/timetext.h"
#include "moontide/io/http.h"

#include "gmd.h"
#include "xml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { XML_DEPTH_MAX = 128, TEXT_MAX = 4096 };

struct form {
    struct strbuf *out;
    size_t member;
};

static void put_value(struct strbuf *out, const char *text)
{
    http_encode(out, text, strlen(text), false);
}

/* &MetricDataQueries.member.<n>.<name>= */
static void put_name(struct form *form, const char *name)
{
    strbuf_adds(form->out, "&MetricDataQueries.member.");
    strbuf_add_int(form->out, (int64_t)form->member);
    strbuf_addc(form->out, '.');
    strbuf_adds(form->out, name);
    strbuf_addc(form->out, '=');
}

static void put_text(struct form *form, const char *name, const char *value)
{
    put_name(form, name);
    put_value(form->out, value);
}

static void put_dimension(struct form *form, size_t number, const char *part, const char *value)
{
    char name[96];
    snprintf(name, sizeof name, "MetricStat.Metric.Dimensions.member.%zu.%s", number, part);
    put_text(form, name, value);
}

static void put_query(void *data, const struct gmd_query *query)
{
    struct form *form = data;
    const struct metric *metric = query->metric;
    form->member++;
    put_text(form, "Id", query->id);
    if (query->expression) {
        put_text(form, "Expression", query->expression);
        put_name(form, "Period");
    } else {
        put_text(form, "MetricStat.Metric.Namespace", metric->namespace_name);
        put_text(form, "MetricStat.Metric.MetricName", metric->name);
        for (uint32_t i = 0; i < metric->dimension_count; i++) {
            put_dimension(form, i + 1, "Name", metric->dimensions[i].name);
            put_dimension(form, i + 1, "Value", metric->dimensions[i].value);
        }
        put_text(form, "MetricStat.Stat", metric->stat);
        if (metric->unit) put_text(form, "MetricStat.Unit", metric->unit);
        put_name(form, "MetricStat.Period");
    }
    strbuf_add_int(form->out, metric->period_s);
    if (!query->returns_data) put_text(form, "ReturnData", "false");
}

static void put_time(struct strbuf *out, const char *name, int64_t time_s)
{
    char text[TIME_TEXT_MAX];
    time_format(time_s * 1000, text);
    strbuf_adds(out, name);
    put_value(out, text);
}

int gmd_query_encode(const struct gmd_page *page, struct strbuf *out)
{
    struct form form = {.out = out};
    strbuf_adds(out, "Action=GetMetricData&Version=2010-08-01&ScanBy=TimestampAscending");
    strbuf_addf(out, "&MaxDatapoints=%d", GMD_DATAPOINTS_MAX);
    put_time(out, "&StartTime=", page->start_s);
    put_time(out, "&EndTime=", page->end_s);
    int code = gmd_walk(page->questions, page->count, put_query, &form);
    if (code < 0) return code;
    if (page->next_token) {
        strbuf_adds(out, "&NextToken=");
        put_value(out, page->next_token);
    }
    return strbuf_status(out);
}

struct xml {
    struct xml_reading reading;
    struct gmd_sink *sink; /* NULL while an error answer is read */
    struct gmd_answer *answer;
    char path[XML_DEPTH_MAX + 1];
    int depth;
    struct strbuf text; /* of the element at hand */
    char message_code[128], message_value[512];
};

static char letter_of(const char *name)
{
    static const struct {
        const char *name;
        char letter;
    } known[] = {
        {"member", 'm'},
        {"Timestamps", 't'},
        {"Values", 'v'},
        {"Id", 'i'},
        {"StatusCode", 'c'},
        {"Messages", 'e'},
        {"Code", 'C'},
        {"Value", 'V'},
        {"NextToken", 'n'},
        {"Message", 'M'},
        {"Error", 'E'},
        {"MetricDataResults", 's'},
        {"GetMetricDataResult", 'r'},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(name, known[i].name) == 0) return known[i].letter;
    return '?';
}

static bool at(const struct xml *xml, const char *path)
{
    return strcmp(xml->path, path) == 0;
}

static void begins(void *data, const char *name, const char **attributes)
{
    struct xml *xml = data;
    (void)attributes;
    if (xml->depth == XML_DEPTH_MAX) {
        xml_stop(&xml->reading, ERR_LIMIT, "nested too deep");
        return;
    }
    if (xml->depth == 0 && xml->sink && strcmp(name, "GetMetricDataResponse") != 0) {
        xml_stop(&xml->reading, ERR_PARSE, "it is no GetMetricDataResponse");
        return;
    }
    xml->path[xml->depth++] = letter_of(name);
    xml->path[xml->depth] = '\0';
    strbuf_reset(&xml->text);
    if (!xml->sink) return;
    if (at(xml, "?rs")) xml->sink->has_results = true;
    if (at(xml, "?rsm")) gmd_begin(xml->sink);
    if (at(xml, "?rsmem") || at(xml, "?rem")) xml->message_code[0] = xml->message_value[0] = '\0';
}

static double read_number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    return end == text || *end ? NAN : value;
}

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end); /* takes NaN and Infinity too, which the series refuse */
    return end != text && *end == '\0';
}

static void add_point(struct xml *xml, struct gmd_column *column, bool time)
{
    const char *text = strbuf_cstr(&xml->text);
    double value = NAN;
    int64_t time_ms;
    if (time) {
        if (time_parse(text, xml->text.len, &time_ms) < 0) {
            xml_stop(&xml->reading, ERR_PARSE, "a timestamp that is none");
            return;
        }
        value = (double)time_ms / 1000.0;
    } else if (!is_number(text)) {
        xml_stop(&xml->reading, ERR_PARSE, "a value that is no number");
        return;
    } else {
        value = read_number(text);
    }
    int code = gmd_add(column, value);
    if (code < 0) xml_stop(&xml->reading, code, "more than 100800 datapoints in a result");
}

static void result_ends(struct xml *xml)
{
    struct gmd_sink *sink = xml->sink;
    const char *text = strbuf_cstr(&xml->text);
    size_t len = xml->text.len;
    if (at(xml, "?rsmtm")) {
        add_point(xml, &sink->times, true);
    } else if (at(xml, "?rsmvm")) {
        add_point(xml, &sink->values, false);
    } else if (at(xml, "?rsmi")) {
        gmd_id(sink, text, len);
    } else if (at(xml, "?rsmc")) {
        gmd_status(sink, text, len);
    } else if (at(xml, "?rsm")) {
        gmd_end(sink);
    } else if (at(xml, "?rsmemC") || at(xml, "?remC")) {
        gmd_copy(xml->message_code, sizeof xml->message_code, text, len);
    } else if (at(xml, "?rsmemV") || at(xml, "?remV")) {
        gmd_copy(xml->message_value, sizeof xml->message_value, text, len);
    } else if (at(xml, "?rsmem") || at(xml, "?rem")) {
        gmd_message(sink, xml->message_code, strlen(xml->message_code), xml->message_value,
                    strlen(xml->message_value));
    } else if (at(xml, "?rn")) {
        int code = gmd_next_token(sink, text, len);
        if (code < 0) xml_stop(&xml->reading, code, NULL);
    }
}

/* <ErrorResponse><Error><Code>, or <Response><Errors><Error><Code> */
static void error_ends(struct xml *xml)
{
    const char *text = strbuf_cstr(&xml->text);
    struct gmd_answer *answer = xml->answer;
    if (at(xml, "?EC") || at(xml, "??EC")) gmd_error_code(answer, text, xml->text.len);
    if (at(xml, "?EM") || at(xml, "??EM"))
        gmd_copy(answer->error_message, sizeof answer->error_message, text, xml->text.len);
}

static void ends(void *data, const char *name)
{
    struct xml *xml = data;
    (void)name;
    if (xml->reading.code < 0) return;
    if (strbuf_status(&xml->text) < 0) {
        xml_stop(&xml->reading, ERR_PARSE, "a text is too long");
        return;
    }
    if (xml->sink)
        result_ends(xml);
    else
        error_ends(xml);
    xml->path[--xml->depth] = '\0';
    strbuf_reset(&xml->text);
}

static void text_comes(void *data, const char *text, int len)
{
    struct xml *xml = data;
    strbuf_add(&xml->text, text, (size_t)len);
}

static int parse(struct xml *xml, const char *body, size_t len)
{
    xml->reading = (struct xml_reading){.begins = begins, .ends = ends, .text_comes = text_comes};
    strbuf_init(&xml->text, TEXT_MAX);
    int code = xml_read(&xml->reading, body, len);
    strbuf_done(&xml->text);
    return code;
}

int gmd_query_decode(const char *body, size_t len, struct gmd_sink *sink)
{
    struct xml xml = {.sink = sink, .answer = sink->answer};
    int code = parse(&xml, body, len);
    if (code == ERR_NOMEM)
        fault_set(sink->fault, code, "out of memory");
    else if (code < 0 && xml.reading.error)
        code = fault_set(sink->fault, ERR_PARSE, "the XML answer is wrong at byte %lld of %zu: %s",
                         xml.reading.at, len, xml.reading.error);
    return code;
}

void gmd_query_error(const char *body, size_t len, struct gmd_answer *answer)
{
    struct xml xml = {.answer = answer};
    (void)!parse(&xml, body, len);
}
