/* Parameters to requests: each feature of each protocol on a small model, and what is refused
 * before anything is sent. Whole services are held against botocore in tests/integration.
 *
 * Size: the protocols share their shapes and helpers, and are best read side by side. */
#include "moontide/aws/model.h"
#include "moontide/aws/protocol.h"
#include "support/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define TOKEN "00000000-0000-4000-8000-000000000000"

/* The shapes that most tests share. Quotes are single ones in all JSON of this file. */
static const char shapes[] =
    "'Text':{'type':'string'},'Int':{'type':'integer'},'Long':{'type':'long'},"
    "'Double':{'type':'double'},'Single':{'type':'float'},'Bool':{'type':'boolean'},"
    "'Blob':{'type':'blob'},'Time':{'type':'timestamp'},"
    "'Free':{'type':'structure','members':{},'document':true},"
    "'Texts':{'type':'list','member':{'shape':'Text'}},"
    "'Times':{'type':'list','member':{'shape':'Time'}},"
    "'Holes':{'type':'list','member':{'shape':'Text'},'sparse':true},"
    "'Flat':{'type':'list','member':{'shape':'Text'},'flattened':true},"
    "'FlatNamed':{'type':'list','member':{'shape':'Text','locationName':'One'},'flattened':true},"
    "'Map':{'type':'map','key':{'shape':'Text'},'value':{'shape':'Text'}},"
    "'FlatMap':{'type':'map','key':{'shape':'Text','locationName':'Name'},"
    "'value':{'shape':'Text','locationName':'Value'},'flattened':true},"
    "'Lists':{'type':'map','key':{'shape':'Text'},'value':{'shape':'Texts'}},"
    "'Pair':{'type':'structure','members':{'Left':{'shape':'Text'},"
    "'Right':{'shape':'Int','locationName':'right'}},'required':['Left']},"
    "'Pairs':{'type':'list','member':{'shape':'Pair'}},"
    "'Tree':{'type':'structure','members':{'Down':{'shape':'Tree'}}},"
    "'Choice':{'type':'structure','union':true,'members':{'A':{'shape':'Text'},"
    "'B':{'shape':'Int'}}}";

struct toy {
    struct model *model;
    struct wire_request request;
    struct fault fault;
    int code;
};

static void with_quotes(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    assert_true(len < size);
    for (size_t i = 0; i <= len; i++)
        out[i] = (char)(text[i] == '\'' ? '"' : text[i]);
}

static void token(void *data, char out[37])
{
    (void)data;
    memcpy(out, TOKEN, sizeof TOKEN);
}

static void say(struct toy *toy, const struct operation *op, const char *params)
{
    static const struct serialize_options options = {token, NULL};
    struct json_value *value = NULL;
    char json[8192];
    with_quotes(json, sizeof json, params);
    assert_int_equal(json_value_new(json, strlen(json), &value), OK);
    memset(&toy->fault, 0, sizeof toy->fault);
    toy->code = protocol_serialize(toy->model, op, json_value_reader(value), &options,
                                   &toy->request, &toy->fault);
    assert_true(json_value_is_home(value));
    json_value_free(value);
}

/* A model with one operation, `Do`, whose input has these members (and whatever else `input` says
 * of the shape), asked to serialize these parameters. */
static void toy_do(struct toy *toy, const char *protocol, const char *operation,
                   const char *members, const char *input, const char *params)
{
    char text[16384], json[16384];
    int n = snprintf(text, sizeof text,
                     "{'metadata':{'apiVersion':'2020-01-01','endpointPrefix':'toy',"
                     "'targetPrefix':'Toy','jsonVersion':'1.1','protocol':'%s'},"
                     "'operations':{'Do':{%s'input':{'shape':'In'}}},"
                     "'shapes':{'In':{'type':'structure','members':{%s}%s},%s}}",
                     protocol, operation, members, input, shapes);
    assert_true(n > 0 && (size_t)n < sizeof text);
    with_quotes(json, sizeof json, text);
    memset(toy, 0, sizeof *toy);
    wire_request_init(&toy->request);
    if (model_read("toy", json, strlen(json), &toy->model, &toy->fault) < 0)
        fail_msg("%s", toy->fault.text);
    say(toy, model_operation(toy->model, "do"), params);
}

static void toy_done(struct toy *toy)
{
    wire_request_done(&toy->request);
    model_release(toy->model);
}

static const char *header(const struct wire_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(wire_header_name(request, i), name) == 0)
            return wire_header_value(request, i);
    return NULL;
}

static void body_is(const struct toy *toy, const char *expected)
{
    if (toy->code < 0) fail_msg("%s", toy->fault.text);
    assert_string_equal(strbuf_cstr(&toy->request.body), expected);
}

/* In one breath: what these members and parameters become. */
static void writes(const char *protocol, const char *members, const char *params,
                   const char *expected)
{
    struct toy toy;
    char body[8192];
    toy_do(&toy, protocol, "", members, "", params);
    if (strcmp(protocol, "json") == 0 || strcmp(protocol, "rest-json") == 0)
        with_quotes(body, sizeof body, expected);
    else
        snprintf(body, sizeof body, "%s", expected);
    body_is(&toy, body);
    toy_done(&toy);
}

static void refuses(const char *members, const char *params, const char *expected)
{
    struct toy toy;
    char text[1024];
    snprintf(text, sizeof text, "do: parameter%s", expected);
    toy_do(&toy, "json", "", members, "", params);
    assert_int_equal(toy.code, ERR_INVALID);
    assert_int_equal(toy.fault.code, ERR_INVALID);
    assert_string_equal(toy.fault.text, text);
    toy_done(&toy);
}

/* The check */

static void an_unknown_name_is_refused_with_the_nearest(void **state)
{
    (void)state;
    refuses("'Cluster':{'shape':'Text'}", "{'cluter':'x'}",
            " cluter: there is no such parameter (did you mean 'Cluster'?)");
    refuses("'Cluster':{'shape':'Text'}", "{'zzz':1}", " zzz: there is no such parameter");
    refuses("'P':{'shape':'Pairs'}", "{'P':[{'Left':'x'},{'Left':'x','Rihgt':1}]}",
            " P[2].Rihgt: there is no such parameter (did you mean 'Right'?)");
}

static void an_operation_without_parameters_takes_none(void **state)
{
    static const char text[] = "{\"metadata\":{\"apiVersion\":\"1\",\"endpointPrefix\":\"toy\","
                               "\"targetPrefix\":\"T\",\"protocol\":\"json\"},"
                               "\"operations\":{\"Do\":{}}}";
    struct toy toy = {0};
    (void)state;
    wire_request_init(&toy.request);
    assert_int_equal(model_read("toy", text, strlen(text), &toy.model, &toy.fault), OK);
    say(&toy, model_operation(toy.model, "do"), "{}");
    body_is(&toy, "{}");
    say(&toy, model_operation(toy.model, "do"), "{'a':1}");
    assert_int_equal(toy.code, ERR_INVALID);
    say(&toy, model_operation(toy.model, "do"), "[1]");
    assert_int_equal(toy.code, ERR_INVALID);
    say(&toy, model_operation(toy.model, "do"), "5");
    assert_string_equal(toy.fault.text, "do: parameters: a table was expected, not a number");
    toy_done(&toy);
}

static void a_wrong_type_is_refused_with_its_path(void **state)
{
    (void)state;
    refuses("'T':{'shape':'Text'}", "{'T':5}", " T: a string was expected, not a number");
    refuses("'T':{'shape':'Text'}", "{'T':{}}", " T: a string was expected, not a table");
    refuses("'I':{'shape':'Int'}", "{'I':'5'}", " I: an integer was expected, not a string");
    refuses("'I':{'shape':'Int'}", "{'I':2.5}", " I: an integer was expected, not the number 2.5");
    refuses("'I':{'shape':'Int'}", "{'I':1e300}",
            " I: an integer was expected, not the number 1e+300");
    refuses("'D':{'shape':'Double'}", "{'D':true}", " D: a number was expected, not a boolean");
    refuses("'B':{'shape':'Bool'}", "{'B':0}", " B: a boolean was expected, not a number");
    refuses("'B':{'shape':'Blob'}", "{'B':[]}", " B: a string of bytes was expected, not a table");
    refuses("'L':{'shape':'Texts'}", "{'L':'a'}", " L: a list was expected, not a string");
    refuses("'L':{'shape':'Texts'}", "{'L':{'a':'b'}}",
            " L: a list was expected, not a table with keys");
    refuses("'L':{'shape':'Texts'}", "{'L':['a',null]}", " L[2]: a string was expected, not null");
    refuses("'M':{'shape':'Map'}", "{'M':{'k':1}}", " M.k: a string was expected, not a number");
    refuses("'M':{'shape':'Map'}", "{'M':['k']}", " M: its keys must be strings of valid UTF-8");
    refuses("'P':{'shape':'Pair'}", "{'P':['x']}", " P: its keys must be strings, not numbers");
    refuses("'P':{'shape':'Pair'}", "{'P':'x'}", " P: a structure was expected, not a string");
    refuses("'W':{'shape':'Time'}", "{'W':true}",
            " W: a time (epoch seconds, or ISO 8601 text) was expected, not a boolean");
    refuses("'W':{'shape':'Time'}", "{'W':'soon'}",
            " W: a time was expected (epoch seconds, or ISO 8601 text)");
    refuses("'W':{'shape':'Time'}", "{'W':1e18}",
            " W: a time was expected (epoch seconds, or ISO 8601 text)");
}

static void what_is_required_is_asked_for(void **state)
{
    (void)state;
    refuses("'P':{'shape':'Pair'}", "{'P':{}}", " P.Left: it is required");
    refuses("'P':{'shape':'Pair'}", "{'P':{'Left':null}}", " P.Left: it is required");
}

static void a_union_has_exactly_one_member(void **state)
{
    (void)state;
    refuses("'C':{'shape':'Choice'}", "{'C':{}}", " C: exactly one member must be set, not 0");
    refuses("'C':{'shape':'Choice'}", "{'C':{'A':'x','B':1}}",
            " C: exactly one member must be set, not 2");
    writes("json", "'C':{'shape':'Choice'}", "{'C':{'A':null,'B':1}}", "{'C':{'B':1}}");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    refuses("'T':{'shape':'Text'}", "{'T':'\xff'}", " T: its text is not valid UTF-8");
    refuses("'T':{'shape':'Text'}", "{'T':'12345678\xed\xa0\x80'}",
            " T: its text is not valid UTF-8");
    refuses("'M':{'shape':'Map'}", "{'M':{'\xc0\x80':'x'}}",
            " M: its keys must be strings of valid UTF-8");
    writes("json", "'T':{'shape':'Text'}", "{'T':'\xed\x95\x9c \xf0\x9f\x98\x80'}",
           "{'T':'\xed\x95\x9c \xf0\x9f\x98\x80'}");
}

/* A table without end: in each there is one more, under "Down". */
struct bottomless {
    struct value_reader reader;
    int depth;
    bool told[WIRE_DEPTH_MAX + 2];
};

static enum value_type bottomless_type(struct value_reader *r)
{
    (void)r;
    return VALUE_TABLE;
}

static void bottomless_begin(struct value_reader *r)
{
    struct bottomless *b = (struct bottomless *)r;
    b->told[b->depth] = false;
}

static bool bottomless_next(struct value_reader *r, const char **key, size_t *len)
{
    struct bottomless *b = (struct bottomless *)r;
    if (b->told[b->depth]) return false;
    b->told[b->depth++] = true;
    assert_true(b->depth <= WIRE_DEPTH_MAX + 1);
    *key = "Down";
    *len = 4;
    return true;
}

static void bottomless_leave(struct value_reader *r)
{
    ((struct bottomless *)r)->depth--;
}

static void what_is_nested_too_deep_is_refused(void **state)
{
    static const struct value_reader_vtable vtable = {.type = bottomless_type,
                                                      .begin_keys = bottomless_begin,
                                                      .next_key = bottomless_next,
                                                      .leave = bottomless_leave};
    struct bottomless bottomless = {.reader = {&vtable}};
    struct toy toy;
    (void)state;
    toy_do(&toy, "json", "", "'Down':{'shape':'Tree'}", "", "{'Down':{'Down':{}}}");
    body_is(&toy, "{\"Down\":{\"Down\":{}}}");
    assert_int_equal(protocol_serialize(toy.model, model_operation(toy.model, "do"),
                                        &bottomless.reader, NULL, &toy.request, &toy.fault),
                     ERR_INVALID);
    assert_non_null(strstr(toy.fault.text, "it is nested too deep"));
    assert_int_equal(bottomless.depth, 0);
    toy_done(&toy);
}

static void an_operation_with_a_stream_of_events_cannot_be_called(void **state)
{
    struct toy toy = {0};
    (void)state;
    wire_request_init(&toy.request);
    assert_int_equal(model_load("logs", NULL, &toy.model, &toy.fault), OK);
    say(&toy, model_operation(toy.model, "start_live_tail"), "{}");
    assert_int_equal(toy.code, ERR_UNSUPPORTED);
    toy_done(&toy);
}

/* AWS JSON */

static void json_writes_every_type(void **state)
{
    (void)state;
    writes("json", "'T':{'shape':'Text'}", "{'T':'a\\\"\\n\\u0000'}", "{'T':'a\\\"\\n\\u0000'}");
    writes("json", "'I':{'shape':'Long'}", "{'I':9223372036854775807}",
           "{'I':9223372036854775807}");
    writes("json", "'I':{'shape':'Long'}", "{'I':-9223372036854775808}",
           "{'I':-9223372036854775808}");
    writes("json", "'I':{'shape':'Int'}", "{'I':3.0}", "{'I':3}");
    writes("json", "'D':{'shape':'Double'}", "{'D':0.1}", "{'D':0.1}");
    writes("json", "'D':{'shape':'Double'}", "{'D':1e999}", "{'D':'Infinity'}");
    writes("json", "'D':{'shape':'Double'}", "{'D':-1e999}", "{'D':'-Infinity'}");
    writes("json", "'B':{'shape':'Bool'}", "{'B':false}", "{'B':false}");
    writes("json", "'B':{'shape':'Blob'}", "{'B':'ab'}", "{'B':'YWI='}");
    writes("json", "'B':{'shape':'Blob'}", "{'B':''}", "{'B':''}");
    writes("json", "'L':{'shape':'Texts'}", "{'L':[]}", "{'L':[]}");
    writes("json", "'L':{'shape':'Texts'}", "{'L':{}}", "{'L':[]}");
    writes("json", "'M':{'shape':'Map'}", "{'M':[]}", "{'M':{}}");
    writes("json", "'M':{'shape':'Map'}", "{'M':{'b':'2','a\\\"':'1'}}",
           "{'M':{'a\\\"':'1','b':'2'}}");
    writes("json", "'H':{'shape':'Holes'}", "{'H':['a',null]}", "{'H':['a',null]}");
    writes("json", "'P':{'shape':'Pair','locationName':'pp'}", "{'P':{'Left':'x','Right':1}}",
           "{'pp':{'Left':'x','right':1}}");
    writes("json", "'A':{'shape':'Text'},'B':{'shape':'Text'}", "{'B':'2','A':null}", "{'B':'2'}");
}

static void json_writes_times_in_every_format(void **state)
{
    (void)state;
    writes("json", "'W':{'shape':'Time'}", "{'W':1704067200}", "{'W':1704067200}");
    writes("json", "'W':{'shape':'Time'}", "{'W':1704067200.25}", "{'W':1704067200.25}");
    writes("json", "'W':{'shape':'Time'}", "{'W':'2024-01-01T09:00:00.5+09:00'}",
           "{'W':1704067200.5}");
    writes("json", "'W':{'shape':'Time','timestampFormat':'iso8601'}", "{'W':1704067200}",
           "{'W':'2024-01-01T00:00:00Z'}");
    writes("json", "'W':{'shape':'Time','timestampFormat':'iso8601'}", "{'W':1704067200.25}",
           "{'W':'2024-01-01T00:00:00.250Z'}");
    writes("json", "'W':{'shape':'Time','timestampFormat':'iso8601'}", "{'W':-0.000001}",
           "{'W':'1969-12-31T23:59:59.999999Z'}");
    writes("json", "'W':{'shape':'Time','timestampFormat':'rfc822'}", "{'W':784111777}",
           "{'W':'Sun, 06 Nov 1994 08:49:37 GMT'}");
    writes("json", "'W':{'shape':'Time'}", "{'W':'2024-01-01'}", "{'W':1704067200}");
}

static void documents_are_any_json(void **state)
{
    static const char any[] = "{'F':{'a':[],'b':{},'c':[1,'x',null,true,2.5,[{}]],'d':null}}";
    (void)state;
    writes("json", "'F':{'shape':'Free'}", any, any);
    writes("rest-json", "'F':{'shape':'Free'}", "{'F':'just text'}", "{'F':'just text'}");
    refuses("'F':{'shape':'Free'}", "{'F':{'a':1e999}}", " F.a: JSON has no such number");
}

static void json_says_its_target_and_version(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "json", "", "", "", "{}");
    assert_string_equal(toy.request.method, "POST");
    assert_string_equal(strbuf_cstr(&toy.request.uri), "/");
    assert_string_equal(header(&toy.request, "x-amz-target"), "Toy.Do");
    assert_string_equal(header(&toy.request, "content-type"), "application/x-amz-json-1.1");
    assert_null(header(&toy.request, "x-amzn-query-mode"));
    toy_done(&toy);
}

static void sqs_says_that_it_understands_the_old_codes(void **state)
{
    struct toy toy = {0};
    (void)state;
    wire_request_init(&toy.request);
    assert_int_equal(model_load("sqs", NULL, &toy.model, &toy.fault), OK);
    say(&toy, model_operation(toy.model, "get_queue_url"), "{'QueueName':'q'}");
    body_is(&toy, "{\"QueueName\":\"q\"}");
    assert_string_equal(header(&toy.request, "x-amzn-query-mode"), "true");
    assert_string_equal(header(&toy.request, "content-type"), "application/x-amz-json-1.0");
    toy_done(&toy);
}

static void a_missing_token_is_made_and_a_given_one_is_kept(void **state)
{
    static const char member[] = "'T':{'shape':'Text','idempotencyToken':true}";
    struct toy toy;
    (void)state;
    writes("json", member, "{}", "{'T':'" TOKEN "'}");
    writes("json", member, "{'T':null}", "{'T':'" TOKEN "'}");
    writes("json", member, "{'T':'mine'}", "{'T':'mine'}");
    writes("query", member, "{}", "Action=Do&Version=2020-01-01&T=" TOKEN);
    toy_do(&toy, "json", "", member, ",'required':['T']", "{}");
    assert_int_equal(toy.code, OK);
    toy_done(&toy);
}

/* CBOR */

static void cbor_is(const char *members, const char *params, const char *hex)
{
    struct toy toy;
    char text[1024];
    toy_do(&toy, "smithy-rpc-v2-cbor", "", members, "", params);
    if (toy.code < 0) fail_msg("%s", toy.fault.text);
    const struct strbuf *body = &toy.request.body;
    assert_true(body->len * 2 < sizeof text);
    for (size_t i = 0; i < body->len; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned char)body->data[i]);
    assert_string_equal(text, hex);
    toy_done(&toy);
}

static void cbor_writes_every_type(void **state)
{
    (void)state;
    cbor_is("'T':{'shape':'Text'}", "{'T':'ab'}", "a16154626162");
    cbor_is("'I':{'shape':'Long'}", "{'I':-500}", "a161493901f3");
    cbor_is("'I':{'shape':'Long'}", "{'I':-9223372036854775808}", "a161493b7fffffffffffffff");
    cbor_is("'D':{'shape':'Double'}", "{'D':1.5}", "a16144fb3ff8000000000000");
    cbor_is("'D':{'shape':'Single'}", "{'D':1.5}", "a16144fa3fc00000");
    cbor_is("'D':{'shape':'Double'}", "{'D':1e999}", "a16144fb7ff0000000000000");
    cbor_is("'B':{'shape':'Bool'}", "{'B':true}", "a16142f5");
    cbor_is("'B':{'shape':'Blob'}", "{'B':'ab'}", "a16142426162");
    cbor_is("'W':{'shape':'Time'}", "{'W':5}", "a16157c105");
    cbor_is("'W':{'shape':'Time'}", "{'W':1.5}", "a16157c1fb3ff8000000000000");
    cbor_is("'L':{'shape':'Texts'}", "{'L':['a']}", "a1614c816161");
    cbor_is("'H':{'shape':'Holes'}", "{'H':[null]}", "a1614881f6");
    cbor_is("'M':{'shape':'Map'}", "{'M':{'k':'v'}}", "a1614da1616b6176");
    cbor_is("'M':{'shape':'Map'}", "{'M':{}}", "a1614da0");
    cbor_is("'A':{'shape':'Text'}", "{}", "a0");
}

static void a_cbor_map_of_many_keys_has_a_longer_head(void **state)
{
    (void)state;
    for (int count = 22; count < 600; count += count < 30 ? 1 : count < 250 ? 220 : 6) {
        struct toy toy;
        struct strbuf params;
        strbuf_init(&params, 16384);
        strbuf_adds(&params, "{'M':{");
        for (int i = 0; i < count; i++)
            strbuf_addf(&params, "%s'%03d':''", i ? "," : "", i);
        strbuf_adds(&params, "}}");
        toy_do(&toy, "smithy-rpc-v2-cbor", "", "'M':{'shape':'Map'}", "", strbuf_cstr(&params));
        assert_int_equal(toy.code, OK);
        const unsigned char *at = (const unsigned char *)toy.request.body.data + 3;
        size_t head = count < 24 ? 1 : count < 256 ? 2 : 3;
        int said = head == 1 ? at[0] & 31 : head == 2 ? at[1] : at[1] << 8 | at[2];
        assert_int_equal(at[0] >> 5, 5);
        assert_int_equal(said, count);
        assert_memory_equal(at + head,
                            "\x63"
                            "000"
                            "\x60",
                            5);
        assert_int_equal(toy.request.body.len, 3 + head + 5 * (size_t)count);
        toy_done(&toy);
        strbuf_done(&params);
    }
}

static void cbor_names_the_operation_in_its_path(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "smithy-rpc-v2-cbor", "", "", "", "{}");
    assert_string_equal(strbuf_cstr(&toy.request.uri), "/service/Toy/operation/Do");
    assert_string_equal(header(&toy.request, "smithy-protocol"), "rpc-v2-cbor");
    assert_string_equal(header(&toy.request, "accept"), "application/cbor");
    assert_string_equal(header(&toy.request, "content-type"), "application/cbor");
    toy_done(&toy);
}

/* Query and EC2 */

#define QUERY "Action=Do&Version=2020-01-01"

static void query_flattens_lists_maps_and_structures(void **state)
{
    (void)state;
    writes("query", "'T':{'shape':'Text'}", "{'T':'a b&c=/\\u00e9'}",
           QUERY "&T=a%20b%26c%3D%2F%C3%A9");
    writes("query", "'L':{'shape':'Texts'}", "{'L':['a','b']}", QUERY "&L.member.1=a&L.member.2=b");
    writes("query", "'L':{'shape':'Texts'}", "{'L':[]}", QUERY "&L=");
    writes("query", "'L':{'shape':'Flat'}", "{'L':['a','b']}", QUERY "&L.1=a&L.2=b");
    writes("query", "'L':{'shape':'FlatNamed'}", "{'L':['a','b']}", QUERY "&One.1=a&One.2=b");
    writes("query", "'M':{'shape':'Map'}", "{'M':{'k':'v','l':'w'}}",
           QUERY "&M.entry.1.key=k&M.entry.1.value=v&M.entry.2.key=l&M.entry.2.value=w");
    writes("query", "'M':{'shape':'FlatMap'}", "{'M':{'k':'v'}}", QUERY "&M.1.Name=k&M.1.Value=v");
    writes("query", "'P':{'shape':'Pairs'}", "{'P':[{'Left':'x'},{'Left':'y','Right':2}]}",
           QUERY "&P.member.1.Left=x&P.member.2.Left=y&P.member.2.right=2");
    writes("query", "'P':{'shape':'Pair'},'Z':{'shape':'Text'}", "{'P':{'Left':'x'},'Z':'z'}",
           QUERY "&P.Left=x&Z=z");
    writes("query", "'M':{'shape':'Lists'}", "{'M':{'k':['a','b']}}",
           QUERY "&M.entry.1.key=k&M.entry.1.value.member.1=a&M.entry.1.value.member.2=b");
}

static void query_writes_scalars_as_text(void **state)
{
    (void)state;
    writes("query", "'W':{'shape':'Time'}", "{'W':1704067200}",
           QUERY "&W=2024-01-01T00%3A00%3A00Z");
    writes("query", "'B':{'shape':'Bool'}", "{'B':true}", QUERY "&B=true");
    writes("query", "'B':{'shape':'Blob'}", "{'B':'a?>'}", QUERY "&B=YT8%2B");
    writes("query", "'D':{'shape':'Double'}", "{'D':-1e999}", QUERY "&D=-Infinity");
    writes("query", "'I':{'shape':'Int'}", "{'I':7.0}", QUERY "&I=7");
}

static void ec2_capitalizes_names_and_never_says_member(void **state)
{
    (void)state;
    writes("ec2", "'L':{'shape':'Texts','locationName':'item'}", "{'L':['a','b']}",
           QUERY "&Item.1=a&Item.2=b");
    writes("ec2", "'L':{'shape':'Texts','locationName':'x','queryName':'yy'}", "{'L':['a']}",
           QUERY "&yy.1=a");
    writes("ec2", "'P':{'shape':'Pair'}", "{'P':{'Left':'x','Right':1}}",
           QUERY "&P.Left=x&P.Right=1");
    writes("ec2", "'L':{'shape':'Texts'}", "{'L':[]}", QUERY);
}

/* REST */

static void uri_is(const char *uri, const char *members, const char *input, const char *params,
                   const char *expected)
{
    struct toy toy;
    char operation[512];
    snprintf(operation, sizeof operation, "'http':{'method':'GET','requestUri':'%s'},", uri);
    toy_do(&toy, "rest-json", operation, members, input, params);
    if (toy.code < 0) fail_msg("%s", toy.fault.text);
    assert_string_equal(toy.request.method, "GET");
    assert_string_equal(strbuf_cstr(&toy.request.uri), expected);
    toy_done(&toy);
}

#define ID "'Id':{'shape':'Text','location':'uri','locationName':'id'}"

static void labels_are_encoded_and_greedy_ones_keep_slashes(void **state)
{
    (void)state;
    uri_is("/a/{id}/b", ID, ",'required':['Id']", "{'Id':'x/y z\\u00e9~'}",
           "/a/x%2Fy%20z%C3%A9~/b");
    uri_is("/a/{id+}", ID, ",'required':['Id']", "{'Id':'x/y z'}", "/a/x/y%20z");
    uri_is("/{id}", "'Id':{'shape':'Time','location':'uri','locationName':'id'}",
           ",'required':['Id']", "{'Id':0}", "/1970-01-01T00%3A00%3A00Z");
    uri_is("/{id}", "'Id':{'shape':'Bool','location':'uri','locationName':'id'}",
           ",'required':['Id']", "{'Id':true}", "/true");
}

static void an_empty_label_is_refused(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "'http':{'requestUri':'/{id}'},", ID, ",'required':['Id']",
           "{'Id':''}");
    assert_int_equal(toy.code, ERR_INVALID);
    assert_string_equal(toy.fault.text,
                        "do: parameter Id: it is a part of the path and must not be empty");
    toy_done(&toy);
}

static void query_strings_take_scalars_lists_and_maps(void **state)
{
    (void)state;
    uri_is("/", "'Q':{'shape':'Text','location':'querystring','locationName':'q q'}", "",
           "{'Q':'a&b'}", "/?q%20q=a%26b");
    uri_is("/x?fixed=1", "'Q':{'shape':'Int','location':'querystring'}", "", "{'Q':5}",
           "/x?fixed=1&Q=5");
    uri_is("/", "'Q':{'shape':'Texts','location':'querystring','locationName':'q'}", "",
           "{'Q':['a','b']}", "/?q=a&q=b");
    uri_is("/", "'Q':{'shape':'Texts','location':'querystring'}", "", "{'Q':[]}", "/");
    uri_is("/", "'Q':{'shape':'Times','location':'querystring'}", "", "{'Q':[0]}",
           "/?Q=1970-01-01T00%3A00%3A00Z");
    uri_is("/", "'Q':{'shape':'Lists','location':'querystring'}", "", "{'Q':{'k':['a','b']}}",
           "/?k=a&k=b");
    uri_is("/",
           "'Q':{'shape':'Map','location':'querystring'},"
           "'K':{'shape':'Text','location':'querystring','locationName':'k'}",
           "", "{'Q':{'k':'map','l':'x'},'K':'own'}", "/?k=own&l=x");
    uri_is("/", "'Q':{'shape':'Text','location':'querystring'}", "", "{'Q':null}", "/");
}

static void header_is(const char *member, const char *params, const char *name,
                      const char *expected)
{
    struct toy toy;
    toy_do(&toy, "rest-json", "", member, "", params);
    if (toy.code < 0) fail_msg("%s", toy.fault.text);
    const char *value = header(&toy.request, name);
    if (expected)
        assert_string_equal(value ? value : "(absent)", expected);
    else
        assert_null(value);
    toy_done(&toy);
}

#define HEADER(shape) "'H':{'shape':'" shape "','location':'header','locationName':'X-H'}"

static void headers_take_scalars_lists_maps_and_json(void **state)
{
    (void)state;
    header_is(HEADER("Text"), "{'H':'a b'}", "x-h", "a b");
    header_is(HEADER("Text"), "{'H':''}", "x-h", "");
    header_is(HEADER("Int"), "{'H':5}", "x-h", "5");
    header_is(HEADER("Bool"), "{'H':false}", "x-h", "false");
    header_is(HEADER("Double"), "{'H':1e999}", "x-h", "Infinity");
    header_is(HEADER("Time"), "{'H':784111777}", "x-h", "Sun, 06 Nov 1994 08:49:37 GMT");
    header_is(HEADER("Texts"), "{'H':['a','b,c','d\\\"']}", "x-h", "a,\"b,c\",\"d\\\"\"");
    header_is(HEADER("Texts"), "{'H':[]}", "x-h", NULL);
    header_is(HEADER("Times"), "{'H':[784111777]}", "x-h", "Sun, 06 Nov 1994 08:49:37 GMT");
    header_is("'H':{'shape':'Map','location':'headers','locationName':'x-meta-'}",
              "{'H':{'One':'1','two':'2'}}", "x-meta-one", "1");
    header_is("'H':{'shape':'Text','location':'header','jsonvalue':true}", "{'H':{'a':[1]}}", "H",
              "eyJhIjpbMV19");
}

static void a_line_break_in_a_header_is_refused(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "", HEADER("Text"), "", "{'H':'a\\r\\nX-Evil: 1'}");
    assert_int_equal(toy.code, ERR_INVALID);
    assert_string_equal(toy.fault.text, "do: parameter H: it cannot be a header");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "", "'H':{'shape':'Map','location':'headers','locationName':'x-'}",
           "", "{'H':{'a: b\\r\\n':'c'}}");
    assert_int_equal(toy.code, ERR_INVALID);
    toy_done(&toy);
}

static void a_rest_body_holds_what_goes_nowhere_else(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "", HEADER("Text") ",'B':{'shape':'Text','locationName':'b'}", "",
           "{'H':'h','B':'x'}");
    body_is(&toy, "{\"b\":\"x\"}");
    assert_string_equal(header(&toy.request, "content-type"), "application/json");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "", HEADER("Text") ",'B':{'shape':'Text'}", "", "{}");
    body_is(&toy, "{}");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "", HEADER("Text"), "", "{}");
    body_is(&toy, "");
    assert_null(header(&toy.request, "content-type"));
    toy_done(&toy);
}

static void a_payload_is_the_whole_body(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "", "'P':{'shape':'Blob'}", ",'payload':'P'", "{'P':'\\u0000raw'}");
    assert_int_equal(toy.code, OK);
    assert_int_equal(toy.request.body.len, 4);
    assert_memory_equal(toy.request.body.data, "\0raw", 4);
    assert_string_equal(header(&toy.request, "content-type"), "application/octet-stream");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "", "'P':{'shape':'Pair'}", ",'payload':'P'", "{'P':{'Left':'x'}}");
    body_is(&toy, "{\"Left\":\"x\"}");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "", "'P':{'shape':'Pair'}", ",'payload':'P'", "{}");
    body_is(&toy, "{}");
    toy_done(&toy);
    toy_do(&toy, "rest-json", "",
           "'P':{'shape':'Text'},'C':{'shape':'Text','location':'header','locationName':"
           "'Content-Type'}",
           ",'payload':'P'", "{'P':'a,b','C':'text/csv'}");
    body_is(&toy, "a,b");
    assert_string_equal(header(&toy.request, "content-type"), "text/csv");
    toy_done(&toy);
}

static void a_host_prefix_takes_its_labels(void **state)
{
    static const char operation[] = "'endpoint':{'hostPrefix':'{Account}.data-'},";
    static const char member[] = "'Account':{'shape':'Text','hostLabel':true}";
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", operation, member, "", "{'Account':'12-a'}");
    assert_int_equal(toy.code, OK);
    assert_string_equal(strbuf_cstr(&toy.request.host_prefix), "12-a.data-");
    toy_done(&toy);
    toy_do(&toy, "rest-json", operation, member, "", "{'Account':'evil.example/'}");
    assert_int_equal(toy.code, ERR_INVALID);
    toy_done(&toy);
    toy_do(&toy, "rest-json", operation, member, "", "{}");
    assert_int_equal(toy.code, ERR_INVALID);
    toy_done(&toy);
}

/* XML */

static void xml_is(const char *members, const char *params, const char *expected)
{
    struct toy toy;
    char body[2048];
    snprintf(body, sizeof body, "<In>%s</In>", expected);
    toy_do(&toy, "rest-xml", "", members, "", params);
    body_is(&toy, body);
    assert_string_equal(header(&toy.request, "content-type"), "application/xml");
    toy_done(&toy);
}

static void xml_writes_every_type(void **state)
{
    (void)state;
    xml_is("'T':{'shape':'Text'}", "{'T':'<a> & \\\"b\\\"\\r\\n'}",
           "<T>&lt;a&gt; &amp; \"b\"&#xD;\n</T>");
    xml_is("'B':{'shape':'Bool'}", "{'B':true}", "<B>true</B>");
    xml_is("'B':{'shape':'Blob'}", "{'B':'ab'}", "<B>YWI=</B>");
    xml_is("'W':{'shape':'Time'}", "{'W':0}", "<W>1970-01-01T00:00:00Z</W>");
    xml_is("'L':{'shape':'Texts'}", "{'L':['a','b']}",
           "<L><member>a</member><member>b</member></L>");
    xml_is("'L':{'shape':'Texts'}", "{'L':[]}", "<L></L>");
    xml_is("'L':{'shape':'Flat','locationName':'X'}", "{'L':['a','b']}", "<X>a</X><X>b</X>");
    xml_is("'M':{'shape':'Map'}", "{'M':{'k':'v'}}",
           "<M><entry><key>k</key><value>v</value></entry></M>");
    xml_is("'M':{'shape':'FlatMap'}", "{'M':{'k':'v'}}", "<M><Name>k</Name><Value>v</Value></M>");
    xml_is("'P':{'shape':'Pair','xmlNamespace':{'uri':'http://x/','prefix':'p'}}",
           "{'P':{'Left':'l','Right':2}}",
           "<P xmlns:p=\"http://x/\"><Left>l</Left><right>2</right></P>");
    xml_is("'A':{'shape':'Text','locationName':'x:a','xmlAttribute':true},'T':{'shape':'Text'}",
           "{'T':'t'}", "<T>t</T>");
}

static void an_xml_attribute_stands_in_its_parents_tag(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-xml", "",
           "'A':{'shape':'Text','locationName':'x:a','xmlAttribute':true},'T':{'shape':'Text'}", "",
           "{'A':'\\\"<\\n','T':'t'}");
    body_is(&toy, "<In x:a=\"&quot;&lt;&#xA;\"><T>t</T></In>");
    toy_done(&toy);
}

static void an_xml_payload_has_its_own_root(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-xml", "",
           "'P':{'shape':'Pair','locationName':'Root','xmlNamespace':{'uri':'urn:x'}}",
           ",'payload':'P'", "{'P':{'Left':'l'}}");
    body_is(&toy, "<Root xmlns=\"urn:x\"><Left>l</Left></Root>");
    toy_done(&toy);
    toy_do(&toy, "rest-xml", "", "'P':{'shape':'Pair'}", ",'payload':'P'", "{}");
    body_is(&toy, "");
    toy_done(&toy);
    toy_do(&toy, "rest-xml", "", "'T':{'shape':'Text'}", "", "{}");
    body_is(&toy, "");
    assert_null(header(&toy.request, "content-type"));
    toy_done(&toy);
}

/* What all protocols have */

static void a_checksum_is_added_where_one_is_required(void **state)
{
    static const char sums[] =
        "'httpChecksum':{'requestAlgorithmMember':'Sum','requestChecksumRequired':true},";
    static const char member[] =
        "'Sum':{'shape':'Text','location':'header','locationName':'x-amz-sdk-checksum-algorithm'},"
        "'Own':{'shape':'Text','location':'header','locationName':'x-amz-checksum-crc32c'},"
        "'Body':{'shape':'Blob'}";
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "'httpChecksumRequired':true,", "'Body':{'shape':'Blob'}",
           ",'payload':'Body'", "{'Body':'123456789'}");
    assert_string_equal(header(&toy.request, "x-amz-checksum-crc32"), "y/Q5Jg=="); /* CBF43926 */
    toy_done(&toy);
    toy_do(&toy, "rest-json", sums, member, ",'payload':'Body'", "{'Body':'123456789'}");
    assert_string_equal(header(&toy.request, "x-amz-checksum-crc32"), "y/Q5Jg==");
    assert_string_equal(header(&toy.request, "x-amz-sdk-checksum-algorithm"), "CRC32");
    toy_done(&toy);
    toy_do(&toy, "rest-json", sums, member, ",'payload':'Body'", "{'Sum':'SHA256'}");
    assert_string_equal(header(&toy.request, "x-amz-checksum-sha256"),
                        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_null(header(&toy.request, "x-amz-checksum-crc32"));
    toy_done(&toy);
    toy_do(&toy, "rest-json", sums, member, ",'payload':'Body'", "{'Own':'AAAA'}");
    assert_null(header(&toy.request, "x-amz-checksum-crc32"));
    toy_done(&toy);
    toy_do(&toy, "rest-json", sums, member, ",'payload':'Body'", "{'Sum':'MD4'}");
    assert_int_equal(toy.code, ERR_INVALID);
    toy_done(&toy);
}

static void a_large_body_goes_packed_where_the_service_takes_it(void **state)
{
    static const char packs[] = "'requestcompression':{'encodings':['gzip']},";
    static char large[12000], params[12100], plain[12100];
    struct toy toy;
    (void)state;
    memset(large, 'x', 7000);
    snprintf(params, sizeof params, "{'T':'%s'}", large);
    toy_do(&toy, "json", packs, "'T':{'shape':'Text'}", "", params);
    assert_null(header(&toy.request, "content-encoding"));
    toy_done(&toy);
    toy_do(&toy, "json", packs, "'L':{'shape':'Texts'}", "", "{}");
    struct json_value *value = NULL;
    memset(large, 'x', 11000);
    snprintf(params, sizeof params, "{\"L\":[\"%s\"]}", large);
    assert_int_equal(json_value_new(params, strlen(params), &value), OK);
    assert_int_equal(protocol_serialize(toy.model, model_operation(toy.model, "do"),
                                        json_value_reader(value), NULL, &toy.request, &toy.fault),
                     OK);
    json_value_free(value);
    assert_string_equal(header(&toy.request, "content-encoding"), "gzip");
    z_stream stream = {.next_in = (Bytef *)toy.request.body.data,
                       .avail_in = (uInt)toy.request.body.len,
                       .next_out = (Bytef *)plain,
                       .avail_out = sizeof plain};
    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_int_equal(stream.total_out, strlen(params));
    assert_memory_equal(plain, params, strlen(params));
    toy_done(&toy);
}

static void a_request_is_reset_between_two_uses(void **state)
{
    struct toy toy;
    (void)state;
    toy_do(&toy, "rest-json", "", HEADER("Text") ",'B':{'shape':'Text'}", "", "{'H':'h','B':'b'}");
    const struct operation *op = model_operation(toy.model, "do");
    say(&toy, op, "{'B':'c'}");
    body_is(&toy, "{\"B\":\"c\"}");
    assert_null(header(&toy.request, "x-h"));
    say(&toy, op, "{'B':5}");
    assert_int_equal(toy.code, ERR_INVALID);
    toy_done(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_name_is_refused_with_the_nearest),
        cmocka_unit_test(an_operation_without_parameters_takes_none),
        cmocka_unit_test(a_wrong_type_is_refused_with_its_path),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(a_union_has_exactly_one_member),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(what_is_nested_too_deep_is_refused),
        cmocka_unit_test(an_operation_with_a_stream_of_events_cannot_be_called),
        cmocka_unit_test(json_writes_every_type),
        cmocka_unit_test(json_writes_times_in_every_format),
        cmocka_unit_test(documents_are_any_json),
        cmocka_unit_test(json_says_its_target_and_version),
        cmocka_unit_test(sqs_says_that_it_understands_the_old_codes),
        cmocka_unit_test(a_missing_token_is_made_and_a_given_one_is_kept),
        cmocka_unit_test(cbor_writes_every_type),
        cmocka_unit_test(a_cbor_map_of_many_keys_has_a_longer_head),
        cmocka_unit_test(cbor_names_the_operation_in_its_path),
        cmocka_unit_test(query_flattens_lists_maps_and_structures),
        cmocka_unit_test(query_writes_scalars_as_text),
        cmocka_unit_test(ec2_capitalizes_names_and_never_says_member),
        cmocka_unit_test(labels_are_encoded_and_greedy_ones_keep_slashes),
        cmocka_unit_test(an_empty_label_is_refused),
        cmocka_unit_test(query_strings_take_scalars_lists_and_maps),
        cmocka_unit_test(headers_take_scalars_lists_maps_and_json),
        cmocka_unit_test(a_line_break_in_a_header_is_refused),
        cmocka_unit_test(a_rest_body_holds_what_goes_nowhere_else),
        cmocka_unit_test(a_payload_is_the_whole_body),
        cmocka_unit_test(a_host_prefix_takes_its_labels),
        cmocka_unit_test(xml_writes_every_type),
        cmocka_unit_test(an_xml_attribute_stands_in_its_parents_tag),
        cmocka_unit_test(an_xml_payload_has_its_own_root),
        cmocka_unit_test(a_checksum_is_added_where_one_is_required),
        cmocka_unit_test(a_large_body_goes_packed_where_the_service_takes_it),
        cmocka_unit_test(a_request_is_reset_between_two_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
