/* Facts about the codecs of GetMetricData: what is asked, and what any answer does to the series.
 */
#include "moontide/aws/cbor.h"
#include "moontide/aws/cloudwatch.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PERIOD = 60, SLOTS = 4, END = 1767225600, START = END - SLOTS * PERIOD };

/* "\x1a" and four bytes: 1767225360 + 60 n */
#define T0 "\xc1\x1a\x69\x55\xb8\x10"
#define T1 "\xc1\x1a\x69\x55\xb8\x4c"

struct world {
    struct metric *metric;
    struct metric_question questions[3];
    struct gmd_answer answer;
    struct fault fault;
    struct strbuf out;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    const struct metric_dimension d[] = {{"Environment", "prod & \"more\""}};
    struct metric draft = {.namespace_name = "GMTool/API",
                           .name = "ResponseTime",
                           .stat = "p99",
                           .unit = "Milliseconds",
                           .period_s = PERIOD,
                           .dimensions = d,
                           .dimension_count = 1};
    assert_int_equal(metric_new(&draft, &w->metric), OK);
    for (size_t i = 0; i < COUNT_OF(w->questions); i++) {
        w->questions[i].metric = w->metric;
        assert_int_equal(series_new(PERIOD, SLOTS, &w->questions[i].series), OK);
        series_move(w->questions[i].series, END);
    }
    strbuf_init(&w->out, 1 << 20);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < COUNT_OF(w->questions); i++)
        free(w->questions[i].series);
    metric_release(w->metric);
    strbuf_done(&w->out);
    free(w);
    return 0;
}

static int decode(struct world *w, enum cloudwatch_protocol protocol, const char *body, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(w->questions); i++) {
        struct series *s = w->questions[i].series;
        w->questions[i].state = SERIES_NEW;
        s->refused = 0;
        for (uint32_t k = 0; k < s->slots; k++)
            s->values[k] = NAN;
    }
    w->fault.text[0] = '\0';
    /* a copy of exactly that size, so that the sanitizer sees a byte too far */
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    if (len) memcpy(copy, body, len);
    int code = gmd_decode(protocol, copy, len, w->questions, COUNT_OF(w->questions), &w->answer,
                          &w->fault);
    free(copy);
    return code;
}
#define CBOR(w, literal) decode(w, CLOUDWATCH_CBOR, literal, sizeof(literal) - 1)
#define JSON(w, literal) decode(w, CLOUDWATCH_JSON, literal, sizeof(literal) - 1)
#define XML(w, literal)  decode(w, CLOUDWATCH_QUERY, literal, sizeof(literal) - 1)

#define RESULTS          "\xa1\x71MetricDataResults"
#define ID1              "\x62Id\x62m1"
#define TIMES            "\x6aTimestamps"
#define VALUES           "\x66Values"

static const double *values(const struct world *w, size_t i)
{
    return w->questions[i].series->values;
}

static void encode(struct world *w, enum cloudwatch_protocol protocol, const char *token)
{
    strbuf_reset(&w->out);
    assert_int_equal(gmd_encode(protocol, w->questions, 1, START, END, token, &w->out), OK);
}

static void the_json_request_is_what_the_api_documents(void **state)
{
    struct world *w = *state;
    encode(w, CLOUDWATCH_JSON, "next");
    assert_string_equal(
        strbuf_cstr(&w->out),
        "{\"StartTime\":1767225360,\"EndTime\":1767225600,\"ScanBy\":\"TimestampAscending\","
        "\"MaxDatapoints\":100800,\"NextToken\":\"next\",\"MetricDataQueries\":[{\"Id\":\"m0\","
        "\"MetricStat\":{\"Metric\":{\"Namespace\":\"GMTool/API\",\"MetricName\":\"ResponseTime\","
        "\"Dimensions\":[{\"Name\":\"Environment\",\"Value\":\"prod & \\\"more\\\"\"}]},"
        "\"Period\":60,\"Stat\":\"p99\",\"Unit\":\"Milliseconds\"}}]}");
}

static void the_query_request_is_a_form(void **state)
{
    struct world *w = *state;
    encode(w, CLOUDWATCH_QUERY, "a+b");
    assert_string_equal(
        strbuf_cstr(&w->out),
        "Action=GetMetricData&Version=2010-08-01&ScanBy=TimestampAscending&MaxDatapoints=100800"
        "&StartTime=2025-12-31T23%3A56%3A00Z&EndTime=2026-01-01T00%3A00%3A00Z"
        "&MetricDataQueries.member.1.Id=m0"
        "&MetricDataQueries.member.1.MetricStat.Metric.Namespace=GMTool%2FAPI"
        "&MetricDataQueries.member.1.MetricStat.Metric.MetricName=ResponseTime"
        "&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name=Environment"
        "&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value="
        "prod%20%26%20%22more%22"
        "&MetricDataQueries.member.1.MetricStat.Stat=p99"
        "&MetricDataQueries.member.1.MetricStat.Unit=Milliseconds"
        "&MetricDataQueries.member.1.MetricStat.Period=60&NextToken=a%2Bb");
}

static void the_cbor_request_is_whole_and_dated(void **state)
{
    struct world *w = *state;
    struct cbor_reader r;
    encode(w, CLOUDWATCH_CBOR, NULL);
    static const char begin[] = "\xa5\x69StartTime" T0 "\x67"
                                "EndTime\xc1\x1a\x69\x55\xb9\x00\x66ScanBy";
    assert_memory_equal(strbuf_cstr(&w->out), begin, sizeof begin - 1);
    cbor_reader_init(&r, strbuf_cstr(&w->out), w->out.len);
    assert_int_equal(cbor_skip(&r), OK);
    assert_int_equal(cbor_finish(&r), OK);
    cbor_reader_done(&r);
}

static void identifiers_of_an_expression_are_rewritten_token_by_token(void **state)
{
    struct world *w = *state;
    struct metric_input inputs[] = {{"e", w->metric}, {"req", w->metric}};
    static const struct {
        const char *given, *sent;
    } cases[] = {
        {"100 * e / req", "100 * m0_e / m0_req"},
        {"1e5*e", "1e5*m0_e"},
        {"SUM([e,req])/2.e", "SUM([m0_e,m0_req])/2.e"},
        {"e1 + ee + e_ + E + re", "e1 + ee + e_ + E + re"},
        {"IF(e>1,\"e \\\" e\",'e')+e", "IF(m0_e>1,\"e \\\" e\",'e')+m0_e"},
        {"e+'unclosed e", "m0_e+'unclosed e"},
        {"FILL(req, 0)", "FILL(m0_req, 0)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct metric draft = {
            .expression = cases[i].given, .period_s = PERIOD, .inputs = inputs, .input_count = 2};
        struct metric *expression = NULL;
        char wanted[256];
        struct strbuf quoted;
        assert_int_equal(metric_new(&draft, &expression), OK);
        w->questions[0].metric = expression;
        encode(w, CLOUDWATCH_JSON, NULL);
        strbuf_init(&quoted, sizeof wanted);
        strbuf_adds(&quoted, "\"Expression\":\"");
        for (const char *c = cases[i].sent; *c; c++)
            strbuf_addf(&quoted, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        strbuf_adds(&quoted, "\",\"Period\":60}");
        assert_non_null(strstr(strbuf_cstr(&w->out), strbuf_cstr(&quoted)));
        assert_non_null(strstr(strbuf_cstr(&w->out), "\"Id\":\"m0_e\",\"MetricStat\""));
        assert_non_null(strstr(strbuf_cstr(&w->out), "\"Unit\":\"Milliseconds\"},"
                                                     "\"ReturnData\":false}"));
        strbuf_done(&quoted);
        metric_release(expression);
    }
    w->questions[0].metric = w->metric;
}

static void timestamps_may_come_as_any_number(void **state)
{
    struct world *w = *state;
    /* tag 1 and an integer, a double, a float that rounds, no tag, and half floats as values */
    assert_int_equal(CBOR(w, RESULTS "\x81\xa3" ID1 TIMES "\x82" T0 "\xc1\xfb\x41\xda\x55\x6e\x13"
                                     "\x00\x00\x00" VALUES "\x82\xf9\x3c\x00\xfa\x40\x20\x00\x00"),
                     OK);
    assert_true(values(w, 1)[0] == 1.0);
    assert_true(values(w, 1)[1] == 2.5);
    assert_int_equal(w->questions[1].state, SERIES_READY);
    assert_int_equal(w->answer.datapoints, 2);
    assert_int_equal(w->questions[0].state, SERIES_NEW); /* nothing was said about it */
}

static void values_may_be_integers_and_come_first(void **state)
{
    struct world *w = *state;
    assert_int_equal(CBOR(w, RESULTS "\x81\xa3" VALUES "\x82\x05\x38\x63" TIMES "\x82" T1 T0 ID1),
                     OK);
    assert_true(values(w, 1)[1] == 5.0);
    assert_true(values(w, 1)[0] == -100.0);
}

static void lengths_may_be_indefinite_everywhere(void **state)
{
    struct world *w = *state;
    assert_int_equal(CBOR(w, "\xbf\x71MetricDataResults\x9f\xbf\x62Id\x7f\x61m\x61"
                             "1\xff" TIMES "\x9f" T0 T1 "\xff" VALUES
                             "\x9f\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00\x07\xff\xff\xff"
                             "\x69NextToken\x7f\x62to\x62kn\xff\xff"),
                     OK);
    assert_true(values(w, 1)[0] == 1.5);
    assert_true(values(w, 1)[1] == 7.0);
    assert_string_equal(w->answer.next_token, "tokn");
}

static void unknown_members_are_passed_over(void **state)
{
    struct world *w = *state;
    assert_int_equal(CBOR(w, "\xa2\x63new\xa1\x61x\x82\xc2\x41\x01\xf6\x71MetricDataResults\x81"
                             "\xa4" ID1 "\x63odd\x9f\x01\xff" VALUES "\x81\x01" TIMES "\x81" T0),
                     OK);
    assert_true(values(w, 1)[0] == 1.0);
}

static void every_state_is_understood(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text;
        int state;
    } cases[] = {{"Complete", SERIES_READY},
                 {"PartialData", SERIES_PARTIAL},
                 {"Forbidden", SERIES_FORBIDDEN},
                 {"InternalError", SERIES_FAILED},
                 {"Whatever", SERIES_PARTIAL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        strbuf_reset(&w->out);
        strbuf_addf(&w->out, "{\"MetricDataResults\":[{\"StatusCode\":\"%s\",\"Id\":\"m2\"}]}",
                    cases[i].text);
        assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len), OK);
        assert_int_equal(w->questions[2].state, cases[i].state);
    }
}

static void ids_that_were_not_asked_touch_nothing(void **state)
{
    struct world *w = *state;
    static const char *const ids[] = {"m3",           "m",    "m01", "x1", "m1x", "m-1",
                                      "m99999999999", "m0_e", ""};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        strbuf_reset(&w->out);
        strbuf_addf(&w->out,
                    "{\"MetricDataResults\":[{\"Id\":\"%s\",\"Timestamps\":[%d],\"Values\":[1]}]}",
                    ids[i], START);
        assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len), OK);
        assert_int_equal(w->answer.datapoints, 0);
        assert_string_equal(w->answer.messages, "a result for an id that was not asked");
    }
}

static void messages_are_joined_and_bounded(void **state)
{
    struct world *w = *state;
    assert_int_equal(JSON(w,
                          "{\"Messages\":[{\"Code\":\"A\",\"Value\":\"one\"},{\"Value\":\"two\"},"
                          "{\"Code\":\"A\",\"Value\":\"one\"}],\"MetricDataResults\":[]}"),
                     OK);
    assert_string_equal(w->answer.messages, "A: one; two");
    strbuf_reset(&w->out);
    strbuf_adds(&w->out, "{\"MetricDataResults\":[],\"Messages\":[");
    for (int i = 0; i < 300; i++)
        strbuf_addf(&w->out, "%s{\"Code\":\"%d\",\"Value\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}",
                    i ? "," : "", i);
    strbuf_adds(&w->out, "]}");
    assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len), OK);
    size_t len = strlen(w->answer.messages);
    assert_in_range(len, 400, sizeof w->answer.messages - 1);
    assert_true((w->answer.messages[len - 1] & 0xC0) != 0xC0); /* no half character */
}

static void what_is_not_finite_never_enters_a_series(void **state)
{
    struct world *w = *state;
    assert_int_equal(CBOR(w, RESULTS "\x81\xa3" ID1 TIMES "\x84" T0 T0 T0 T0 VALUES
                                     "\x84\xf9\x7e\x00\xf9\x7c\x00\xfa\xff\x80\x00\x00\xf6"),
                     OK);
    assert_int_equal(w->questions[1].series->refused, 4);
    assert_true(isnan(values(w, 1)[0]));
    assert_int_equal(JSON(w, "{\"MetricDataResults\":[{\"Id\":\"m1\",\"Timestamps\":[1767225360,"
                             "1767225420,1767225480,1e300],\"Values\":[\"NaN\",\"-Infinity\","
                             "1e999,1]}]}"),
                     OK);
    assert_int_equal(w->questions[1].series->refused, 4);
    assert_int_equal(w->answer.datapoints, 0);
}

static void times_descend_ascend_or_jump(void **state)
{
    struct world *w = *state;
    static const int orders[][SLOTS] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 1, 0, 1}};
    for (size_t o = 0; o < COUNT_OF(orders); o++) {
        double wanted[SLOTS] = {NAN, NAN, NAN, NAN};
        strbuf_reset(&w->out);
        strbuf_adds(&w->out, "{\"MetricDataResults\":[{\"Id\":\"m0\",\"Timestamps\":[");
        for (int i = 0; i < SLOTS; i++) /* a few seconds into the slot now and then */
            strbuf_addf(&w->out, "%s%d", i ? "," : "",
                        START + orders[o][i] * PERIOD + (i == 2) * 7);
        strbuf_adds(&w->out, "],\"Values\":[");
        for (int i = 0; i < SLOTS; i++) {
            strbuf_addf(&w->out, "%s%d", i ? "," : "", i + 1);
            wanted[orders[o][i]] = i + 1;
        }
        strbuf_adds(&w->out, "]}]}");
        assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len), OK);
        for (int i = 0; i < SLOTS; i++)
            assert_true(isnan(wanted[i]) ? isnan(values(w, 0)[i]) : values(w, 0)[i] == wanted[i]);
    }
}

static void datapoints_off_the_window_are_refused_wherever_they_stand(void **state)
{
    struct world *w = *state;
    assert_int_equal(JSON(w,
                          "{\"MetricDataResults\":[{\"Id\":\"m0\",\"Timestamps\":[1767225300,"
                          "1767225360,1767225540,1767225600,1767225660,1767225420,-5,1767225359],"
                          "\"Values\":[1,2,3,4,5,6,7,8]}]}"),
                     OK);
    assert_int_equal(w->questions[0].series->refused, 5);
    assert_true(values(w, 0)[0] == 2 && values(w, 0)[3] == 3 && values(w, 0)[1] == 6);
    assert_true(isnan(values(w, 0)[2]));
}

static void more_datapoints_than_a_page_may_have_are_an_error(void **state)
{
    struct world *w = *state;
    struct strbuf big;
    strbuf_init(&big, 4 << 20);
    strbuf_adds(&big, "{\"MetricDataResults\":[{\"Id\":\"m0\",\"Values\":[0");
    for (int i = 1; i < 100800; i++)
        strbuf_adds(&big, ",0");
    size_t len = big.len;
    strbuf_adds(&big, "]}]}");
    assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&big), big.len), OK);
    big.len = len;
    strbuf_adds(&big, ",0]}]}");
    assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&big), big.len), ERR_PARSE);
    strbuf_done(&big);
}

static void broken_cbor_is_an_error_with_its_place(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *body;
        size_t len;
        const char *says;
    } cases[] = {
#define CASE(text, says) {text, sizeof(text) - 1, says}
        CASE("", "ends too early"),
        CASE("\x80", "a map was expected"),
        CASE("<html>", "a map was expected"),
        CASE("\xa0", "no MetricDataResults"),
        CASE("\xa1\x71MetricDataResults", "ends too early"),
        CASE("\xa1\x71MetricDataResults\x80\x00", "bytes after its end"),
        CASE("\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "a length beyond the end"),
        CASE("\xa1\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "a length beyond the end"),
        CASE("\xa1\x71MetricDataResults\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "a length beyond"),
        CASE("\xa1\x01\x80", "a text was expected"),
        CASE("\xa1\x71MetricDataResults\x61x", "an array was expected"),
        CASE(RESULTS "\x81\xa1\x66Values\x81\x61x", "a number was expected"),
        CASE(RESULTS "\x81\xa1\x66Values\x81\xff", "a number was expected"),
        CASE(RESULTS "\x81\xa1\x62Id\x01", "a text was expected"),
        CASE("\xa1\x61x\x1c", "a reserved length"),
        CASE("\xa1\x61x\x1f", "a reserved length"),
        CASE("\xa1\x61x\xff", "a break where none belongs"),
        CASE("\xa1\x61x\x7f\x7f\x61m\xff\xff", "a piece of a text"),
        CASE("\xa1\x61x\xfb\x00", "ends too early"),
#undef CASE
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int code = decode(w, CLOUDWATCH_CBOR, cases[i].body, cases[i].len);
        if (code != ERR_PARSE || !strstr(w->fault.text, cases[i].says))
            print_error("case %zu: %d %s\n", i, code, w->fault.text);
        assert_int_equal(code, ERR_PARSE);
        assert_non_null(strstr(w->fault.text, cases[i].says));
    }
}

static void every_prefix_of_an_answer_is_an_error(void **state)
{
    struct world *w = *state;
    static const char whole[] = "\xa2\x71MetricDataResults\x81\xa4" ID1 "\x6aStatusCode\x68"
                                "Complete" TIMES "\x82" T0 T1 VALUES
                                "\x82\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00\x07\x69NextToken\x61x";
    assert_int_equal(decode(w, CLOUDWATCH_CBOR, whole, sizeof whole - 1), OK);
    for (size_t len = 0; len + 1 < sizeof whole; len++)
        assert_int_equal(decode(w, CLOUDWATCH_CBOR, whole, len), ERR_PARSE);
}

static void depth_is_bounded_in_each_protocol(void **state)
{
    struct world *w = *state;
    static const struct {
        enum cloudwatch_protocol protocol;
        const char *begin, *open;
    } cases[] = {{CLOUDWATCH_CBOR, "\xa1\x61x", "\x81"},
                 {CLOUDWATCH_JSON, "{\"x\":", "["},
                 {CLOUDWATCH_QUERY, "<GetMetricDataResponse>", "<x>"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        strbuf_reset(&w->out);
        strbuf_adds(&w->out, cases[i].begin);
        for (int k = 0; k < 100000; k++)
            strbuf_adds(&w->out, cases[i].open);
        assert_int_equal(decode(w, cases[i].protocol, strbuf_cstr(&w->out), w->out.len), ERR_PARSE);
        assert_non_null(strstr(w->fault.text, "nested too deep"));
    }
}

static void a_token_that_is_too_long_is_an_error(void **state)
{
    struct world *w = *state;
    strbuf_reset(&w->out);
    strbuf_adds(&w->out, "{\"MetricDataResults\":[],\"NextToken\":\"");
    for (int i = 0; i < 2047; i++)
        strbuf_addc(&w->out, 'a');
    size_t len = w->out.len;
    strbuf_adds(&w->out, "\"}");
    assert_int_equal(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len), OK);
    assert_int_equal(strlen(w->answer.next_token), 2047);
    w->out.len = len;
    strbuf_adds(&w->out, "a\"}");
    assert_true(decode(w, CLOUDWATCH_JSON, strbuf_cstr(&w->out), w->out.len) < 0);
    assert_non_null(strstr(w->fault.text, "NextToken"));
}

static void xml_is_read_by_where_an_element_stands(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        XML(w,
            "<?xml version=\"1.0\"?>\n<GetMetricDataResponse xmlns=\"http://x/\">\n"
            "  <GetMetricDataResult>\n    <Messages><member><Code>C</Code><Value>v &lt; 1</Value>"
            "</member></Messages>\n    <MetricDataResults>\n      <member>\n"
            "        <Values><member>1.5</member><member>-2e3</member></Values>\n"
            "        <Label><Id>m0</Id></Label><Id>m1</Id><StatusCode>PartialData</StatusCode>\n"
            "        <Timestamps><member>2025-12-31T23:56:00Z</member>"
            "<member>2025-12-31T23:57:00+00:00</member></Timestamps>\n"
            "      </member>\n    </MetricDataResults>\n    <NextToken>a=b</NextToken>\n"
            "  </GetMetricDataResult>\n</GetMetricDataResponse>\n"),
        OK);
    assert_true(values(w, 1)[0] == 1.5 && values(w, 1)[1] == -2000.0);
    assert_int_equal(w->questions[1].state, SERIES_PARTIAL);
    assert_int_equal(w->questions[0].state, SERIES_NEW);
    assert_string_equal(w->answer.next_token, "a=b");
    assert_string_equal(w->answer.messages, "C: v < 1");
}

static void broken_xml_is_an_error(void **state)
{
    struct world *w = *state;
    static const char *const cases[] = {
        "",
        "<html></html>",
        "<GetMetricDataResponse>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><GetMetricDataResponse>&a;</GetMetricDataResponse>",
        "<GetMetricDataResponse/>",
        "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults><member><Values><member>x"
        "</member></Values></member></MetricDataResults></GetMetricDataResult>"
        "</GetMetricDataResponse>",
        "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults><member><Timestamps>"
        "<member>yesterday</member></Timestamps></member></MetricDataResults>"
        "</GetMetricDataResult></GetMetricDataResponse>",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int code = decode(w, CLOUDWATCH_QUERY, cases[i], strlen(cases[i]));
        if (code != ERR_PARSE) print_error("case %zu: %d\n", i, code);
        assert_int_equal(code, ERR_PARSE);
        assert_true(w->fault.text[0] != '\0');
    }
}

static void broken_json_is_an_error_with_its_place(void **state)
{
    struct world *w = *state;
    static const char *const cases[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"MetricDataResults\":{}}",
                                        "{\"MetricDataResults\":[1]}",
                                        "{\"MetricDataResults\":[{\"Values\":[\"x\"]}]}",
                                        "{\"MetricDataResults\":[]} x",
                                        "{\"MetricDataResults\":[{\"Id\":1}]}",
                                        "{\"MetricDataResults\":[{\"Values\":[1",
                                        "{\"NextToken\":1,\"MetricDataResults\":[]}"};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int code = decode(w, CLOUDWATCH_JSON, cases[i], strlen(cases[i]));
        if (code != ERR_PARSE) print_error("case %zu: %d\n", i, code);
        assert_int_equal(code, ERR_PARSE);
        assert_true(w->fault.text[0] != '\0');
    }
}

static void error_answers_give_code_and_message(void **state)
{
    struct world *w = *state;
    static const struct {
        enum cloudwatch_protocol protocol;
        const char *body;
        const char *code, *message;
    } cases[] = {
        {CLOUDWATCH_CBOR,
         "\xa2\x66__type\x6e"
         "com.x#Throttle\x67message\x64slow",
         "Throttle", "slow"},
        {CLOUDWATCH_JSON, "{\"__type\":\"com.amazonaws#AccessDenied:http://x\",\"Message\":\"no\"}",
         "AccessDenied", "no"},
        {CLOUDWATCH_JSON, "{\"code\":\"X\",\"message\":{\"a\":[1]}}", "X", ""},
        {CLOUDWATCH_QUERY,
         "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded"
         "</Message></Error></ErrorResponse>",
         "Throttling", "Rate exceeded"},
        {CLOUDWATCH_QUERY,
         "<Response><Errors><Error><Code>RequestExpired</Code><Message>late</Message></Error>"
         "</Errors></Response>",
         "RequestExpired", "late"},
        {CLOUDWATCH_CBOR, "<html>", "", ""},
        {CLOUDWATCH_JSON, "<html>", "", ""},
        {CLOUDWATCH_QUERY, "<html><body>no", "", ""},
        {CLOUDWATCH_JSON, "", "", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        gmd_decode_error(cases[i].protocol, cases[i].body, strlen(cases[i].body), &w->answer);
        assert_string_equal(w->answer.error_code, cases[i].code);
        assert_string_equal(w->answer.error_message, cases[i].message);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_json_request_is_what_the_api_documents),
        TEST(the_query_request_is_a_form),
        TEST(the_cbor_request_is_whole_and_dated),
        TEST(identifiers_of_an_expression_are_rewritten_token_by_token),
        TEST(timestamps_may_come_as_any_number),
        TEST(values_may_be_integers_and_come_first),
        TEST(lengths_may_be_indefinite_everywhere),
        TEST(unknown_members_are_passed_over),
        TEST(every_state_is_understood),
        TEST(ids_that_were_not_asked_touch_nothing),
        TEST(messages_are_joined_and_bounded),
        TEST(what_is_not_finite_never_enters_a_series),
        TEST(times_descend_ascend_or_jump),
        TEST(datapoints_off_the_window_are_refused_wherever_they_stand),
        TEST(more_datapoints_than_a_page_may_have_are_an_error),
        TEST(broken_cbor_is_an_error_with_its_place),
        TEST(every_prefix_of_an_answer_is_an_error),
        TEST(depth_is_bounded_in_each_protocol),
        TEST(a_token_that_is_too_long_is_an_error),
        TEST(xml_is_read_by_where_an_element_stands),
        TEST(broken_xml_is_an_error),
        TEST(broken_json_is_an_error_with_its_place),
        TEST(error_answers_give_code_and_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
