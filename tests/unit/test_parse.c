/* Facts about answers: what each protocol sends, as the model says it is; and how each says that
 * something went wrong. One made-up service, whose one output has a member of every kind.
 *
 * Size: each protocol, and each of its oddities, is a fact of its own. */
#include "moontide/aws/protocol.h"
#include "support/text_values.h"
#include "support/toy_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCRATCH_MAX = 1 << 20 };

struct answer {
    int status;
    struct http_header headers[12];
    const char *body;
    size_t body_len; /* 0: strlen(body) */
};

struct parsed {
    int code;
    struct text_values values;
    struct service_error error;
    struct fault fault;
};

/* The body is a block of its exact size, so that reading too far is seen. */
static void parse(const struct model *model, const char *operation, const struct answer *answer,
                  struct parsed *out)
{
    struct strbuf scratch;
    const char *body = answer->body ? answer->body : "";
    size_t len = answer->body_len ? answer->body_len : strlen(body);
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, body, len);
    struct wire_response response = {.status = answer->status ? answer->status : 200,
                                     .headers = answer->headers,
                                     .body = exact,
                                     .body_len = len};
    while (answer->headers[response.header_count].name)
        response.header_count++;
    const struct operation *op = model_operation(model, operation);
    assert_non_null(op);
    strbuf_init(&scratch, SCRATCH_MAX);
    text_values_init(&out->values);
    out->code = protocol_parse(model, op, &response, &out->values.writer, &scratch, &out->error,
                               &out->fault);
    if (out->code == OK || out->code == ERR_HTTP) assert_int_equal(out->values.depth, 0);
    strbuf_done(&scratch);
    free(exact);
}

static void gives(const struct model *model, const char *operation, const struct answer *answer,
                  const char *wanted)
{
    struct parsed parsed = {0};
    parse(model, operation, answer, &parsed);
    if (parsed.code != OK) fail_msg("%s: %s", answer->body ? answer->body : "", parsed.fault.text);
    if (strcmp(strbuf_cstr(&parsed.values.text), wanted) != 0)
        fail_msg("%s\n  gave   %s\n  wanted %s", answer->body ? answer->body : "",
                 strbuf_cstr(&parsed.values.text), wanted);
    text_values_done(&parsed.values);
}

static void is_wrong(const struct model *model, const struct answer *answer, int code,
                     const char *because)
{
    struct parsed parsed = {0};
    parse(model, "Get", answer, &parsed);
    if (parsed.code != code || !strstr(parsed.fault.text, because))
        fail_msg("%s: %d %s", answer->body, parsed.code, parsed.fault.text);
    text_values_done(&parsed.values);
}

struct case_of {
    const char *body, *wanted;
};

static const struct case_of json_cases[] = {
    {"", "{}"},
    {"{}", "{}"},
    {"null", "{}"},
    {"{\"Text\":\"a\\u0000b\",\"Count\":-5}", "{\"Text\":\"a\\u0000b\",\"Count\":-5}"},
    {"{\"Big\":9223372036854775807}", "{\"Big\":9223372036854775807}"},
    {"{\"Count\":7.0,\"Ratio\":7}", "{\"Count\":7,\"Ratio\":7.0}"},
    {"{\"Ratio\":\"NaN\"}", "{\"Ratio\":nan}"},
    {"{\"Ratio\":\"-Infinity\"}", "{\"Ratio\":-inf}"},
    {"{\"Flag\":true}", "{\"Flag\":true}"},
    {"{\"At\":1700000000}", "{\"At\":1700000000}"},
    {"{\"At\":1.7000000005E9}", "{\"At\":1700000000.5}"},
    {"{\"At\":\"2023-11-14T22:13:20Z\"}", "{\"At\":1700000000}"},
    {"{\"At\":\"2023-11-14T22:13:20.000125Z\"}", "{\"At\":1700000000.000125}"},
    {"{\"At\":\"Tue, 14 Nov 2023 22:13:20 GMT\"}", "{\"At\":1700000000}"},
    {"{\"Bytes\":\"aGk=\"}", "{\"Bytes\":\"hi\"}"},
    {"{\"Bytes\":\"\\/\\/8=\"}", "{\"Bytes\":\"\xEF\xBF\xBD\xEF\xBF\xBD\"}"}, /* FF FF, mended */
    {"{\"Bytes\":\"\"}", "{\"Bytes\":\"\"}"},
    {"{\"Items\":[],\"List\":[{}]}", "{\"Items\":[],\"List\":[{}]}"},
    {"{\"Items\":[\"a\",null,\"b\"]}", "{\"Items\":[\"a\",null,\"b\"]}"},
    {"{\"Items\":null,\"Text\":null}", "{}"},
    {"{\"Map\":{},\"FlatMap\":{\"x\":\"y\"}}", "{\"Map\":{},\"FlatMap\":{\"x\":\"y\"}}"},
    {"{\"Map\":{\"a b\":1,\"c\":null}}", "{\"Map\":{\"a b\":1,\"c\":null}}"},
    {"{\"Nested\":{\"Nested\":{\"Count\":1}}}", "{\"Nested\":{\"Nested\":{\"Count\":1}}}"},
    {"{\"Nested\":null}", "{}"},
    {"{\"New\":{\"a\":[1,{}]},\"Count\":1,\"new\":\"x\"}", "{\"Count\":1}"},
    {"{\"Free\":{\"a\":[1,2.5,null,true,{}],\"b\":[]}}",
     "{\"Free\":{\"a\":[1,2.5,null,true,{}],\"b\":[]}}"},
    {"{\"Free\":3}", "{\"Free\":3}"},
    {"{\"Choice\":{\"__type\":\"x\",\"a\":\"1\"}}", "{\"Choice\":{\"a\":\"1\"}}"},
    {"{\"Choice\":{\"c\":\"1\"}}", "{\"Choice\":{}}"},
    {"{\"wireName\":\"w\",\"Renamed\":\"no\"}", "{\"Renamed\":\"w\"}"},
    {" { \"Text\" : \"a\" , \"Count\" : 1 } ", "{\"Text\":\"a\",\"Count\":1}"},
    /* what came with another type is handed over as it came */
    {"{\"Text\":5,\"Count\":\"many\",\"Flag\":\"yes\"}",
     "{\"Text\":5,\"Count\":\"many\",\"Flag\":\"yes\"}"},
    {"{\"Items\":{\"a\":1},\"Map\":[1],\"Text\":[2]}",
     "{\"Items\":{\"a\":1},\"Map\":[1],\"Text\":[2]}"},
    {"{\"At\":\"soon\",\"Bytes\":\"?\"}", "{\"At\":\"soon\",\"Bytes\":\"?\"}"},
};

static void json_is_read_by_the_model(void **state)
{
    (void)state;
    static const char *const protocols[] = {"json", "rest-json"};
    for (size_t k = 0; k < COUNT_OF(protocols); k++) {
        struct model *model = toy_model(protocols[k]);
        for (size_t i = 0; i < COUNT_OF(json_cases); i++)
            gives(model, "Get", &(struct answer){.body = json_cases[i].body}, json_cases[i].wanted);
        model_release(model);
    }
}

static void json_that_is_none_names_the_byte(void **state)
{
    (void)state;
    struct model *model = toy_model("json");
    is_wrong(model, &(struct answer){.body = "{\"Text\":"}, ERR_PARSE, "at byte 8 of 8");
    is_wrong(model, &(struct answer){.body = "[]"}, ERR_PARSE, "wrong at byte");
    is_wrong(model, &(struct answer){.body = "{} x"}, ERR_PARSE, "wrong at byte 3");
    is_wrong(model, &(struct answer){.body = "<html>"}, ERR_PARSE, "wrong at byte 0");
    model_release(model);
}

static const struct case_of xml_cases[] = {
    {"", "{}"},
    {"<Text>a &lt; b</Text><Count> 5 </Count>", "{\"Text\":\"a < b\",\"Count\":5}"},
    {"<Text></Text><Count/><At/>", "{\"Text\":\"\"}"},
    {"<Big>-9223372036854775808</Big>", "{\"Big\":-9223372036854775808}"},
    {"<Ratio>0.5</Ratio>", "{\"Ratio\":0.5}"},
    {"<Ratio>Infinity</Ratio>", "{\"Ratio\":inf}"},
    {"<Flag>true</Flag>", "{\"Flag\":true}"},
    {"<At>2023-11-14T22:13:20.5Z</At>", "{\"At\":1700000000.5}"},
    {"<At>1700000000</At>", "{\"At\":1700000000}"},
    {"<At>2023-11-14T22:13:20+01:00</At>", "{\"At\":1699996400}"},
    {"<Bytes>aGk=</Bytes>", "{\"Bytes\":\"hi\"}"},
    {"<Bytes>\n aG\n k=\n</Bytes>", "{\"Bytes\":\"hi\"}"},
    {"<Items/>", "{\"Items\":[]}"},
    {"<Items>\n </Items>", "{\"Items\":[]}"},
    {"<Items><member>a</member><member/></Items>", "{\"Items\":[\"a\",\"\"]}"},
    {"<Items><item>a</item><item>b</item></Items>", "{\"Items\":[\"a\",\"b\"]}"},
    {"<Flat>1</Flat><Flat>2</Flat>", "{\"Flat\":[1,2]}"},
    {"<Flat>1</Flat><Text>x</Text><Flat>2</Flat>", "{\"Flat\":[1,2],\"Text\":\"x\"}"},
    {"<named>a</named><named>b</named>", "{\"Named\":[\"a\",\"b\"]}"},
    {"<Map/>", "{\"Map\":{}}"},
    {"<Map><entry><key>a</key><value>1</value></entry><entry><value>2</value><key>b</key></entry>"
     "</Map>",
     "{\"Map\":{\"a\":1,\"b\":2}}"},
    {"<FlatMap><K>a</K><V>1</V></FlatMap><FlatMap><K>b</K><V>2</V></FlatMap>",
     "{\"FlatMap\":{\"a\":\"1\",\"b\":\"2\"}}"},
    {"<Nested><Nested><Count>1</Count></Nested></Nested>",
     "{\"Nested\":{\"Nested\":{\"Count\":1}}}"},
    {"<Nested xsi:type=\"Canonical\" xmlns:xsi=\"urn:x\"><Text>a</Text></Nested>",
     "{\"Nested\":{\"Kind\":\"Canonical\",\"Text\":\"a\"}}"},
    {"<List><member><Flat>1</Flat></member><member/></List>", "{\"List\":[{\"Flat\":[1]},{}]}"},
    {"<p:Text xmlns:p=\"urn:p\">a</p:Text>", "{\"Text\":\"a\"}"},
    {"<New><Text>no</Text></New><Text><![CDATA[<a>]]></Text>", "{\"Text\":\"<a>\"}"},
    {"<wireName>w</wireName>", "{\"Renamed\":\"w\"}"},
    {"<Choice><b>1</b></Choice>", "{\"Choice\":{\"b\":1}}"},
    {"<!-- a --><Text>a<!-- b -->b</Text>", "{\"Text\":\"ab\"}"},
    {"<Count>many</Count><Flag>1</Flag><At>soon</At>",
     "{\"Count\":\"many\",\"Flag\":\"1\",\"At\":\"soon\"}"},
};

static void xml_is_read_by_the_model(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *before, *after;
    } protocols[] = {
        {"query", "<GetResponse xmlns=\"http://toy/doc/\"><GetResult>",
         "</GetResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetResponse>"},
        {"ec2", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<GetResponse><requestId>r</requestId>",
         "</GetResponse>"},
        {"rest-xml", "<Out xmlns=\"urn:toy\">\n  ", "\n</Out>\n"},
    };
    for (size_t k = 0; k < COUNT_OF(protocols); k++) {
        struct model *model = toy_model(protocols[k].protocol);
        for (size_t i = 0; i < COUNT_OF(xml_cases); i++) {
            char body[2048];
            snprintf(body, sizeof body, "%s%s%s", protocols[k].before, xml_cases[i].body,
                     protocols[k].after);
            gives(model, "Get", &(struct answer){.body = body}, xml_cases[i].wanted);
        }
        gives(model, "None", &(struct answer){.body = "<x/>"}, "{}");
        model_release(model);
    }
}

static void xml_that_is_none_says_why(void **state)
{
    (void)state;
    struct model *model = toy_model("query");
    is_wrong(model, &(struct answer){.body = "<a><b></a>"}, ERR_PARSE, "mismatched tag");
    is_wrong(model, &(struct answer){.body = "<a>"}, ERR_PARSE, "no element found");
    is_wrong(model, &(struct answer){.body = ""}, ERR_PARSE, "no element found");
    is_wrong(model,
             &(struct answer){.body = "<!DOCTYPE a [<!ENTITY b \"c\">]><a><Text>&b;</Text></a>"},
             ERR_PARSE, "document type");
    struct strbuf deep;
    strbuf_init(&deep, 1 << 20);
    for (int i = 0; i < WIRE_DEPTH_MAX + 1; i++)
        strbuf_adds(&deep, "<Nested>");
    is_wrong(model, &(struct answer){.body = strbuf_cstr(&deep)}, ERR_LIMIT, "nested too deep");
    strbuf_reset(&deep);
    strbuf_adds(&deep, "<a>");
    for (int i = 0; i < 60000; i++)
        strbuf_adds(&deep, "<b/>");
    is_wrong(model, &(struct answer){.body = strbuf_cstr(&deep)}, ERR_LIMIT, "too large");
    strbuf_done(&deep);
    model_release(model);
}

static void a_root_may_be_the_member_itself(void **state)
{
    (void)state;
    struct model *model = toy_model("rest-xml");
    gives(model, "Where", &(struct answer){.body = "<Where>eu-west-1</Where>"},
          "{\"Where\":\"eu-west-1\"}");
    gives(model, "Where", &(struct answer){.body = "<Where/>"}, "{}");
    gives(model, "Where", &(struct answer){.body = "<r><Where>x</Where></r>"}, "{\"Where\":\"x\"}");
    model_release(model);
}

#define CBOR(text) .body = (text), .body_len = sizeof(text) - 1

static void cbor_is_read_by_the_model(void **state)
{
    (void)state;
    static const struct {
        struct answer answer;
        const char *wanted;
    } cases[] = {
        {{CBOR("\xA0")}, "{}"},
        {{CBOR("\xF6")}, "{}"},
        {{.body = ""}, "{}"},
        {{CBOR("\xA2\x64Text\x61x\x65"
               "Count\x20")},
         "{\"Text\":\"x\",\"Count\":-1}"},
        {{CBOR("\xBF\x64Text\x7F\x61x\x61y\xFF\xFF")}, "{\"Text\":\"xy\"}"},
        {{CBOR("\xA1\x63"
               "Big\x1B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
         "{\"Big\":9223372036854775807}"},
        {{CBOR("\xA1\x63"
               "Big\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
         "{\"Big\":1.8446744073709552e+19}"},
        {{CBOR("\xA1\x63"
               "Big\x3B\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF")},
         "{\"Big\":-9223372036854775808}"},
        {{CBOR("\xA1\x65Ratio\x07")}, "{\"Ratio\":7.0}"},
        {{CBOR("\xA1\x65Ratio\xF9\x3C\x00")}, "{\"Ratio\":1.0}"},
        {{CBOR("\xA1\x65Ratio\xFA\x7F\x80\x00\x00")}, "{\"Ratio\":inf}"},
        {{CBOR("\xA1\x65Ratio\xFB\x7F\xF8\x00\x00\x00\x00\x00\x00")}, "{\"Ratio\":nan}"},
        {{CBOR("\xA1\x64"
               "Flag\xF5")},
         "{\"Flag\":true}"},
        {{CBOR("\xA1\x62"
               "At\xC1\x1A\x65\x53\xF1\x00")},
         "{\"At\":1700000000}"},
        {{CBOR("\xA1\x62"
               "At\xC1\xFB\x41\xD9\x54\xFC\x40\x20\x00\x00")},
         "{\"At\":1700000000.5}"},
        {{CBOR("\xA1\x65"
               "Bytes\x42hi")},
         "{\"Bytes\":\"hi\"}"},
        {{CBOR("\xA1\x65"
               "Bytes\x5F\x41h\x41i\xFF")},
         "{\"Bytes\":\"hi\"}"},
        {{CBOR("\xA1\x65Items\x80")}, "{\"Items\":[]}"},
        {{CBOR("\xA1\x65Items\x9F\x61"
               "a\xF6\xFF")},
         "{\"Items\":[\"a\",null]}"},
        {{CBOR("\xA1\x65Items\xF6")}, "{}"},
        {{CBOR("\xA1\x63Map\xBF\x61"
               "a\x01\xFF")},
         "{\"Map\":{\"a\":1}}"},
        {{CBOR("\xA1\x66Nested\xA1\x65"
               "Count\x01")},
         "{\"Nested\":{\"Count\":1}}"},
        {{CBOR("\xA1\x66Nested\xF6")}, "{}"},
        {{CBOR("\xA2\x63New\x82\x01\xA0\x65"
               "Count\x01")},
         "{\"Count\":1}"},
        {{CBOR("\xA1\x67Renamed\x61w")}, "{\"Renamed\":\"w\"}"}, /* not by its location name */
        {{CBOR("\xA1\x64"
               "Free\x82\xA1\x61"
               "a\x01\xF6")},
         "{\"Free\":[{\"a\":1},null]}"},
        {{CBOR("\xA1\x65"
               "Count\x61x")},
         "{\"Count\":\"x\"}"},
    };
    struct model *model = toy_model("smithy-rpc-v2-cbor");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        gives(model, "Get", &cases[i].answer, cases[i].wanted);
    is_wrong(model, &(struct answer){CBOR("\xA1\x64Text")}, ERR_PARSE, "at byte 6 of 6");
    is_wrong(model, &(struct answer){CBOR("\xA0\xA0")}, ERR_PARSE, "after its end");
    is_wrong(model, &(struct answer){CBOR("\x80")}, ERR_PARSE, "a map was expected");
    is_wrong(model, &(struct answer){CBOR("\xA1\x01\x01")}, ERR_PARSE, "a text was expected");
    char deep[4 * WIRE_DEPTH_MAX];
    memset(deep, 0x81, sizeof deep);
    memcpy(deep,
           "\xA1\x64"
           "Free",
           6);
    is_wrong(model, &(struct answer){.body = deep, .body_len = sizeof deep}, ERR_LIMIT,
             "nested too deep");
    model_release(model);
}

static void headers_and_the_status_are_members_too(void **state)
{
    (void)state;
    static const struct {
        struct answer answer;
        const char *wanted;
    } cases[] = {
        {{.status = 206, .body = ""}, "{\"Meta\":{},\"Status\":206}"},
        {{.headers =
              {{"x-name", "n"}, {"content-length", "12"}, {"x-flag", "true"}, {"x-half", "0.5"}}},
         "{\"Name\":\"n\",\"Size\":12,\"Flag\":true,\"Half\":0.5,\"Meta\":{},\"Status\":200}"},
        {{.headers = {{"last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"},
                      {"x-name", ""},
                      {"x-flag", ""}}},
         "{\"Name\":\"\",\"When\":1700000000,\"Meta\":{},\"Status\":200}"},
        {{.headers = {{"x-tags", "a, b ,c"}}},
         "{\"Tags\":[\"a\",\"b\",\"c\"],\"Meta\":{},\"Status\":200}"},
        {{.headers = {{"x-tags", "\"a, b\",\"c\\\"d\", e"}}},
         "{\"Tags\":[\"a, b\",\"c\\\"d\",\"e\"],\"Meta\":{},\"Status\":200}"},
        {{.headers = {{"x-times", "Tue, 14 Nov 2023 22:13:20 GMT, 2023-11-14T22:13:21Z"}}},
         "{\"Times\":[1700000000,1700000001],\"Meta\":{},\"Status\":200}"},
        {{.headers = {{"x-json", "eyJhIjpbIlxuIiwgMV19"}}},
         "{\"Json\":{\"a\":[\"\\n\",1]},\"Meta\":{},\"Status\":200}"},
        {{.headers =
              {{"x-meta-one", "1"}, {"X-Meta-Two", "2"}, {"x-metal", "no"}, {"x-meta-", "no"}}},
         "{\"Meta\":{\"one\":\"1\",\"Two\":\"2\"},\"Status\":200}"},
        {{.body = "@"}, "{\"Meta\":{},\"Status\":200,\"Text\":\"t\",\"Count\":1}"},
    };
    static const struct {
        const char *protocol, *body;
    } protocols[] = {{"rest-json", "{\"Text\":\"t\",\"Count\":1,\"Status\":5,\"x-name\":\"no\"}"},
                     {"rest-xml", "<R><Text>t</Text><Count>1</Count><Status>5</Status></R>"}};
    for (size_t k = 0; k < COUNT_OF(protocols); k++) {
        struct model *model = toy_model(protocols[k].protocol);
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            struct answer answer = cases[i].answer;
            if (answer.body && *answer.body == '@') answer.body = protocols[k].body;
            gives(model, "Rest", &answer, cases[i].wanted);
        }
        model_release(model);
    }
}

static void a_payload_is_the_whole_body(void **state)
{
    (void)state;
    struct model *json = toy_model("rest-json"), *xml = toy_model("rest-xml");
    struct answer bytes = {.headers = {{"content-type", "x/y"}}, CBOR("\0{\"")};
    for (int i = 0; i < 2; i++) {
        struct model *model = i ? json : xml;
        gives(model, "Blob", &bytes, "{\"Type\":\"x/y\",\"Body\":\"\\u0000{\\\"\"}");
        gives(model, "Blob", &(struct answer){.body = ""}, "{\"Body\":\"\"}");
        gives(model, "Text", &(struct answer){.body = "<a>"}, "{\"Body\":\"<a>\"}");
        gives(model, "Out", &(struct answer){.body = ""}, "{\"Body\":{}}");
    }
    gives(json, "Out", &(struct answer){.body = "{\"Count\":1}"}, "{\"Body\":{\"Count\":1}}");
    gives(json, "Free", &(struct answer){.body = "[1,\"a\"]"}, "{\"Body\":[1,\"a\"]}");
    gives(json, "Free", &(struct answer){.body = ""}, "{}");
    gives(xml, "Out", &(struct answer){.body = "<X><Count>1</Count></X>"},
          "{\"Body\":{\"Count\":1}}");
    model_release(json);
    model_release(xml);
}

/* ---- errors ---- */

struct error_case {
    const char *protocol;
    struct answer answer;
    const char *code, *message, *request_id, *fields;
};

static const struct error_case error_cases[] = {
    {"json",
     {.status = 400,
      .headers = {{"x-amzn-requestid", "id-1"}},
      .body = "{\"__type\":\"com.amazonaws.toy#Gone:http://x/#y\",\"message\":\"m\","
              "\"Resource\":\"r\"}"},
     "Gone",
     "m",
     "id-1",
     "{\"message\":\"m\",\"Resource\":\"r\"}"},
    {"json",
     {.status = 400, .body = "{\"__type\":\"Other\",\"Message\":\"m\",\"Resource\":\"r\"}"},
     "Other",
     "m",
     "",
     "{}"},
    {"json",
     {.status = 400,
      .headers = {{"x-amzn-query-error", "Svc.Gone;Sender"}},
      .body = "{\"__type\":\"com.amazonaws.toy#Gone\",\"message\":\"m\"}"},
     "Svc.Gone",
     "m",
     "",
     "{\"message\":\"m\"}"},
    {"json", {.status = 503, .body = "<html>busy</html>"}, "503", "Service Unavailable", "", "{}"},
    {"json", {.status = 418, .body = ""}, "418", "the answer says no more", "", "{}"},
    {"json", {.status = 400, .body = "{\"message\":\"only that\"}"}, "400", "only that", "", "{}"},
    {"json",
     {.status = 400, .body = "{\"code\":\"C\",\"__type\":\"a#T\",\"errorMessage\":\"e\"}"},
     "T",
     "e",
     "",
     "{}"},
    {"json",
     {.status = 400, .body = "{\"__type\":{\"a\":1},\"message\":[1]}"},
     "400",
     "Bad Request",
     "",
     "{}"},
    {"rest-json",
     {.status = 404,
      .headers = {{"x-amzn-errortype", "Gone:http://internal/"},
                  {"x-amz-request-id", "id-2"},
                  {"x-hint", "look"}},
      .body = "{\"message\":\"m\",\"Resource\":\"r\"}"},
     "Gone",
     "m",
     "id-2",
     "{\"Hint\":\"look\",\"message\":\"m\",\"Resource\":\"r\"}"},
    {"rest-json",
     {.status = 404, .headers = {{"x-amzn-errortype", "Gone"}}, .body = ""},
     "Gone",
     "",
     "",
     "{}"},
    {"rest-json",
     {.status = 400, .body = "{\"code\":\"Gone\",\"Resource\":\"r\"}"},
     "Gone",
     "",
     "",
     "{\"Resource\":\"r\"}"},
    {"rest-json",
     {.status = 400, .body = "{\"code\":\"C\",\"__type\":\"a#Gone\",\"Resource\":\"r\"}"},
     "C",
     "",
     "",
     "{\"Resource\":\"r\"}"},
    {"query",
     {.status = 400,
      .body = "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>Svc.Gone</Code>"
              "<Message>m</Message><Resource>r</Resource></Error><RequestId>id-3</RequestId>"
              "</ErrorResponse>"},
     "Svc.Gone",
     "m",
     "id-3",
     "{\"Resource\":\"r\"}"},
    {"query",
     {.status = 500, .body = "<html><body>x</body></html>"},
     "500",
     "Internal Server Error",
     "",
     "{}"},
    {"query", {.status = 502, .body = "<a><b>"}, "502", "Bad Gateway", "", "{}"},
    {"ec2",
     {.status = 400,
      .body = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>InvalidID</Code><Message>m"
              "</Message></Error></Errors><RequestID>id-4</RequestID></Response>"},
     "InvalidID",
     "m",
     "id-4",
     "{}"},
    {"rest-xml",
     {.status = 404,
      .headers = {{"x-hint", "look"}},
      .body = "<Error><Code>Gone</Code><Message>m</Message><Resource>r</Resource>"
              "<RequestId>id-5</RequestId><HostId>h</HostId></Error>"},
     "Gone",
     "m",
     "id-5",
     "{\"Hint\":\"look\",\"Resource\":\"r\"}"},
    {"rest-xml", {.status = 304, .body = ""}, "304", "Not Modified", "", "{}"},
    {"smithy-rpc-v2-cbor",
     {.status = 400,
      CBOR("\xA3\x66__type\x70"
           "com.x#Gone:http:\x67message\x61m\x68Resource\x61r")},
     "Gone",
     "m",
     "",
     "{\"message\":\"m\",\"Resource\":\"r\"}"},
    {"smithy-rpc-v2-cbor",
     {.status = 500, .body = "{\"a\":1}"},
     "500",
     "Internal Server Error",
     "",
     "{}"},
};

static void each_protocol_says_what_went_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(error_cases); i++) {
        const struct error_case *c = &error_cases[i];
        struct model *model = toy_model(c->protocol);
        struct parsed parsed = {0};
        parse(model, "Rest", &c->answer, &parsed);
        assert_int_equal(parsed.code, ERR_HTTP);
        assert_string_equal(parsed.error.code, c->code);
        assert_string_equal(parsed.error.message, c->message);
        assert_string_equal(parsed.error.request_id, c->request_id);
        assert_string_equal(strbuf_cstr(&parsed.values.text), c->fields);
        text_values_done(&parsed.values);
        model_release(model);
    }
}

static void a_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    struct model *model = toy_model("json");
    struct strbuf body;
    struct parsed parsed = {0};
    strbuf_init(&body, 1 << 16);
    strbuf_adds(&body, "{\"__type\":\"");
    for (int i = 0; i < 500; i++)
        strbuf_adds(&body, "C");
    strbuf_adds(&body, "\",\"message\":\"x");
    for (int i = 0; i < 2000; i++)
        strbuf_adds(&body, "\xC3\xA9");
    strbuf_adds(&body, "\"}");
    parse(model, "Get", &(struct answer){.status = 400, .body = strbuf_cstr(&body)}, &parsed);
    assert_int_equal(strlen(parsed.error.code), sizeof parsed.error.code - 1);
    assert_int_equal(strlen(parsed.error.message), sizeof parsed.error.message - 1);
    text_values_done(&parsed.values);
    strbuf_done(&body);
    model_release(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_read_by_the_model),
        cmocka_unit_test(json_that_is_none_names_the_byte),
        cmocka_unit_test(xml_is_read_by_the_model),
        cmocka_unit_test(xml_that_is_none_says_why),
        cmocka_unit_test(a_root_may_be_the_member_itself),
        cmocka_unit_test(cbor_is_read_by_the_model),
        cmocka_unit_test(headers_and_the_status_are_members_too),
        cmocka_unit_test(a_payload_is_the_whole_body),
        cmocka_unit_test(each_protocol_says_what_went_wrong),
        cmocka_unit_test(a_long_message_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
