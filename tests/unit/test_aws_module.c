/* Facts about the Lua module `aws`, called as a script calls it: against a server on loopback where
 * a call goes out, and without any where it is pure.
 *
 * Size: each promise of the module is a fact of its own. */
#include "support/reply_server.h"
#include "unit/script_fixture.h"

#include <stdlib.h>

static struct reply_server *server;

/* A client of ecs for the server is the global `ecs`. */
static int setup(void **state)
{
    static const struct reply ok = {.status = 200, .body = "{}"};
    char text[512];
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    unsetenv("AWS_ENDPOINT_URL");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    unsetenv("AWS_PROFILE");
    unsetenv("AWS_ACCESS_KEY_ID");
    fixture_setup(state);
    struct fixture *f = *state;
    server = reply_server_new(loop_uv(f->loop), &ok, 1);
    assert_non_null(server);
    snprintf(
        text, sizeof text,
        "keys = {access_key_id = 'AKID', secret_access_key = 'hushhush'}\n"
        "where = 'http://127.0.0.1:%d'\n"
        "function client(service, more)\n"
        "  local o = {region = 'eu-west-1', endpoint = where, credentials = keys, retries = 0}\n"
        "  for k, v in pairs(more or {}) do o[k] = v end\n"
        "  return aws.client(service, o)\n"
        "end\n"
        "ecs = client('ecs')\n"
        "function fails(f, ...)\n"
        "  local ok, err = pcall(f, ...)\n"
        "  return tostring(err)\n"
        "end\n",
        reply_server_port(server));
    fixture_run(f, text);
    assert_int_equal(f->code, OK);
    return 0;
}

static int teardown(void **state)
{
    reply_server_free(server);
    return fixture_teardown(state);
}

static void assert_echo(struct fixture *f, const char *text, const char *wanted)
{
    const char *got = fixture_echo(f, text);
    if (strcmp(got, wanted) != 0) fail_msg("%s\n  gave   %s\n  wanted %s", text, got, wanted);
}

static void replies(const struct reply *list, size_t count)
{
    reply_server_script(server, list, count);
}

/* ---- calls ---- */

static void a_call_waits_for_its_result(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 200,
         .body = "{\"services\":[{\"serviceName\":\"api\",\"desiredCount\":9007199254740993,"
                 "\"createdAt\":1700000000.5,\"events\":[],\"unknown\":1}],\"failures\":[]}"}};
    replies(list, 1);
    assert_echo(f,
                "local r = ecs:describe_services {cluster = 'c', services = {'api', 'web'}}\n"
                "local s = r.services[1]\n"
                "return s.serviceName, s.desiredCount, math.type(s.desiredCount), s.createdAt, "
                "#s.events, s.unknown, #r.failures",
                "\"api\"\t9007199254740993\t\"integer\"\t1700000000.5\t0\tnil\t0\n");
    assert_non_null(strstr(reply_server_head(server, 0),
                           "AmazonEC2ContainerServiceV20141113.DescribeServices"));
    assert_non_null(strstr(reply_server_head(server, 0), "AKID/"));
    assert_string_equal(reply_server_body(server, 0),
                        "{\"cluster\":\"c\",\"services\":[\"api\",\"web\"]}");
    assert_echo(f, "next((ecs:list_clusters()))", "nil\n");
    assert_string_equal(reply_server_body(server, 1), "{}");
}

static void an_error_of_the_service_is_an_object(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 400,
         .headers = "x-amzn-RequestId: id-1\r\n",
         .body = "{\"__type\":\"com.amazonaws.ecs#ClusterNotFoundException\","
                 "\"message\":\"Cluster\\nnot found.\"}"}};
    replies(list, 1);
    assert_echo(f,
                "local ok, e = pcall(ecs.list_services, ecs, {cluster = 'c'})\n"
                "return ok, e.code, e.message, e.status, e.request_id, e.retryable, e.service, "
                "e.operation, e.fields",
                "false\t\"ClusterNotFoundException\"\t\"Cluster\\nnot found.\"\t400\t\"id-1\"\t"
                "false\t\"ecs\"\t\"list_services\"\tnil\n");
    assert_echo(f, "fails(ecs.list_services, ecs, {cluster = 'c'})",
                "\"ecs:list_services: ClusterNotFoundException: Cluster not found. (HTTP 400, "
                "request id-1)\"\n");
    assert_contains(fixture_error(f, "ecs:list_services {cluster = 'c'}"),
                    "ecs:list_services: ClusterNotFoundException");
}

static void an_error_brings_the_fields_that_the_model_knows(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 400,
         .body =
             "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\","
             "\"message\":\"The conditional request failed\",\"Item\":{\"id\":{\"N\":\"1\"}}}"}};
    replies(list, 1);
    assert_echo(f,
                "local ok, e = pcall(function() client('dynamodb'):put_item {TableName = 't', "
                "Item = {id = {N = '1'}}} end)\n"
                "return e.code, e.fields.Item.id.N",
                "\"ConditionalCheckFailedException\"\t\"1\"\n");
}

static void throttling_is_retryable(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 400, .body = "{\"__type\":\"ThrottlingException\",\"message\":\"slow\"}"}};
    replies(list, 1);
    assert_echo(f,
                "local ok, e = pcall(ecs.list_clusters, ecs)\nreturn e.code, e.retryable, e.status",
                "\"ThrottlingException\"\ttrue\t400\n");
}

static void no_answer_is_an_error_too(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {{.how = REPLY_CLOSE}};
    replies(list, 1);
    assert_echo(f,
                "local ok, e = pcall(ecs.list_clusters, ecs)\n"
                "return ok, e.service, e.operation, e.status",
                "false\t\"ecs\"\t\"list_clusters\"\tnil\n");
    assert_contains(fixture_echo(f, "fails(ecs.list_clusters, ecs)"), "ecs:list_clusters: ");
    static const struct reply garbage[] = {{.status = 200, .body = "<html>"}};
    replies(garbage, 1);
    assert_contains(fixture_echo(f, "fails(ecs.list_clusters, ecs)"),
                    "ecs:list_clusters: the JSON answer is wrong at byte 0");
}

static void what_cannot_be_sent_is_told_before(void **state)
{
    struct fixture *f = *state;
    assert_contains(fixture_echo(f, "fails(function() ecs:describe_service {} end)"),
                    "ecs has no operation 'describe_service' (did you mean 'describe_services'?)");
    assert_contains(fixture_echo(f, "fails(ecs.describe_services, ecs, {service = {'a'}})"),
                    "did you mean 'services'?");
    assert_contains(fixture_echo(f, "fails(ecs.describe_services, ecs, {services = {1}})"),
                    "ecs:describe_services: parameter services[1]: a string was expected");
    assert_contains(fixture_echo(f, "fails(ecs.describe_services, ecs, 'a')"),
                    "parameters are a table, not a string");
    assert_contains(fixture_echo(f, "fails(ecs.describe_services, {services = {'a'}})"),
                    "client:operation{...}");
    assert_contains(
        fixture_echo(f, "fails(ecs.describe_services, client('sqs'), {services = {'a'}})"),
        "describe_services is an operation of another client");
    assert_int_equal(reply_server_requests(server), 0);
}

static void options_are_checked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *call, *text;
    } cases[] = {
        {"aws.client('ecss')", "did you mean 'ecs'?"},
        {"aws.client('ecs', {regoin = 'x'})", "unknown field 'regoin' (did you mean 'region'?)"},
        {"aws.client('ecs', {retries = -1})", "retries must be an integer from 0 to 100"},
        {"aws.client('ecs', {retry_mode = 'fast'})", "retry_mode is"},
        {"aws.client('ecs', {timeout = 'soon'})", "'soon' is no duration"},
        {"aws.client('ecs', {credentials = {access_key_id = 'a'}})",
         "need access_key_id and secret_access_key"},
        {"aws.client('ecs', {credentials = {access_key = 'a'}})", "did you mean 'access_key_id'?"},
        {"aws.client('ecs', {model = 3})", "a path or a table"},
        {"aws.client('ecs', {model = '/nonexistent'})", "/nonexistent"},
        {"aws.client('ecs', {credentials = keys}):list_clusters()", "region"},
        {"aws.client('ecs', {region = 'eu-west-1', endpoint = where}):list_clusters()",
         "credentials"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "fails(function() %s end)", cases[i].call);
        assert_contains(fixture_echo(f, text), cases[i].text);
    }
    assert_echo(f, "print(ecs)", "aws.client(\"ecs\", eu-west-1)\n");
}

static void a_dry_run_refuses_what_is_no_read(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "dry = client('ecs', {dry_run = true})");
    const char *got =
        fixture_echo(f, "fails(dry.update_service, dry, {service = 'api', desiredCount = 3})");
    assert_contains(got, "update_service was not sent");
    assert_contains(got, "desiredCount");
    assert_echo(f, "local ok, e = pcall(dry.update_service, dry, {service = 'api'}) return e.code",
                "\"DryRun\"\n");
    assert_int_equal(reply_server_requests(server), 0);
    assert_echo(f, "type(dry:list_clusters())", "\"table\"\n");
    assert_int_equal(reply_server_requests(server), 1);
}

static void many_calls_go_out_at_once(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {{.status = 200, .body = "{}", .delay_ms = 20}};
    replies(list, 1);
    assert_echo(f,
                "local calls = {}\n"
                "for i = 1, 16 do calls[i] = function() return ecs:list_clusters() end end\n"
                "return #async.all(calls)",
                "16\n");
    assert_int_equal(reply_server_requests(server), 16);
    assert_true(reply_server_most_at_once(server) > 4);
    assert_echo(f, "ecs:metrics().list_clusters.calls", "16\n");
}

static void a_call_ends_with_what_waits_for_it(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {{.how = REPLY_STALL}};
    replies(list, 1);
    assert_contains(
        fixture_echo(f, "fails(async.timeout, 0.05, function() ecs:list_clusters() end)"),
        "Timeout");
}

static void a_token_is_made_for_those_who_gave_none(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "client('secretsmanager'):create_secret {Name = 'a'}");
    assert_int_equal(f->code, OK);
    const char *token = strstr(reply_server_body(server, 0), "\"ClientRequestToken\":\"");
    assert_non_null(token);
    token += strlen("\"ClientRequestToken\":\"");
    assert_int_equal(strcspn(token, "\""), 36);
    assert_int_equal(token[14], '4');
    assert_echo(f,
                "print(client('secretsmanager'):serialize('create_secret', {Name = 'a'}, "
                "{idempotency_token = 'T'}).body)",
                "{\"Name\":\"a\",\"ClientRequestToken\":\"T\"}\n");
}

/* ---- pages and waiters ---- */

static const struct reply three_pages[] = {
    {.status = 200, .body = "{\"serviceArns\":[\"a\",\"b\"],\"nextToken\":\"1\"}"},
    {.status = 200, .body = "{\"serviceArns\":[],\"nextToken\":\"2\"}"},
    {.status = 200, .body = "{\"serviceArns\":[\"c\"]}"},
};

static void pages_follow_one_another(void **state)
{
    struct fixture *f = *state;
    replies(three_pages, 3);
    assert_echo(f,
                "local params, sizes = {cluster = 'x'}, {}\n"
                "for page in ecs:pages('list_services', params) do sizes[#sizes + 1] = "
                "#page.serviceArns end\n"
                "return table.concat(sizes, ' '), params.nextToken",
                "\"2 0 1\"\tnil\n");
    assert_int_equal(reply_server_requests(server), 3);
    assert_string_equal(reply_server_body(server, 2), "{\"cluster\":\"x\",\"nextToken\":\"2\"}");
}

static void items_of_all_pages_come_one_by_one(void **state)
{
    struct fixture *f = *state;
    static const char collect[] = "local all = {}\n"
                                  "for arn in ecs:items('list_services', nil%s) do "
                                  "all[#all + 1] = arn end\n"
                                  "return table.concat(all)";
    char text[256];
    for (int i = 0; i < 2; i++) {
        replies(three_pages, 3);
        snprintf(text, sizeof text, collect, i ? "" : ", 'serviceArns'");
        assert_echo(f, text, "\"abc\"\n");
    }
    assert_contains(fixture_echo(f, "fails(ecs.items, ecs, 'list_services', {}, 'serviceArn')"),
                    "did you mean 'serviceArns'?");
}

static void tokens_may_be_tables(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 200,
         .body =
             "{\"Items\":[{\"id\":{\"N\":\"1\"}}],\"LastEvaluatedKey\":{\"id\":{\"N\":\"1\"}}}"},
        {.status = 200, .body = "{\"Items\":[{\"id\":{\"N\":\"2\"}}]}"},
    };
    replies(list, 2);
    assert_echo(f,
                "local ids = {}\n"
                "for item in client('dynamodb'):items('scan', {TableName = 't'}, 'Items') do "
                "ids[#ids + 1] = item.id.N end\n"
                "return table.concat(ids)",
                "\"12\"\n");
    assert_string_equal(reply_server_body(server, 1),
                        "{\"TableName\":\"t\",\"ExclusiveStartKey\":{\"id\":{\"N\":\"1\"}}}");
}

static void a_token_that_comes_again_ends_in_an_error(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 200, .body = "{\"serviceArns\":[],\"nextToken\":\"same\"}"}};
    replies(list, 1);
    assert_contains(
        fixture_echo(f, "fails(function() for _ in ecs:pages('list_services') do end end)"),
        "ecs:list_services: ");
    assert_int_equal(reply_server_requests(server), 2);
}

static void a_wait_ends_when_it_has_come(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 200, .body = "{\"services\":[{\"status\":\"ACTIVE\",\"deployments\":[{},{}]}]}"},
        {.status = 200,
         .body = "{\"services\":[{\"status\":\"ACTIVE\",\"deployments\":[{}],\"runningCount\":2,"
                 "\"desiredCount\":2}]}"},
    };
    replies(list, 2);
    assert_echo(f,
                "ecs:wait('services_stable', {services = {'a'}}, {delay = 0.001})"
                ".services[1].runningCount",
                "2\n");
    assert_int_equal(reply_server_requests(server), 2);
}

static void a_wait_that_is_in_vain_says_so(void **state)
{
    struct fixture *f = *state;
    static const struct reply inactive[] = {
        {.status = 200, .body = "{\"services\":[{\"status\":\"INACTIVE\"}]}"}};
    static const char wait[] = "fails(ecs.wait, ecs, 'services_stable', {services = {'a'}}, {delay "
                               "= 0, max_attempts = 3})";
    replies(inactive, 1);
    assert_contains(fixture_echo(f, wait), "ecs:describe_services: WaiterFailed");
    static const struct reply never[] = {
        {.status = 200,
         .body = "{\"services\":[{\"status\":\"ACTIVE\",\"deployments\":[{},{}]}]}"}};
    replies(never, 1);
    assert_contains(fixture_echo(f, wait), "WaiterTimeout: services_stable has not come after 3");
    assert_int_equal(reply_server_requests(server), 3);
    static const struct reply error[] = {
        {.status = 400, .body = "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}"}};
    replies(error, 1);
    assert_contains(fixture_echo(f, wait), "AccessDeniedException: no");
    assert_contains(fixture_echo(f, "fails(ecs.wait, ecs, 'service_stable', {})"),
                    "did you mean 'services_stable'?");
    assert_contains(fixture_echo(f, "fails(ecs.wait, ecs, 'services_stable', {}, {dealy = 1})"),
                    "unknown field 'dealy'");
}

/* ---- pure ---- */

static void serialize_and_parse_need_no_network(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "local c = aws.client('sts')\n"
                "local r = c:serialize('get_caller_identity', {})\n"
                "return r.method, r.uri, r.body",
                "\"POST\"\t\"/\"\t\"Action=GetCallerIdentity&Version=2011-06-15\"\n");
    assert_echo(f,
                "aws.client('sts'):parse('GetCallerIdentity', {status = 200, body = "
                "'<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>'}).Account",
                "\"1\"\n");
    assert_echo(f,
                "aws.client('lambda'):parse('invoke', {status = 200, headers = {['X-Amz-Function-"
                "Error'] = 'Unhandled', ['x-amz-executed-version'] = '7'}, body = 'a\\0b'})",
                "{\n  ExecutedVersion = \"7\",\n  FunctionError = \"Unhandled\",\n"
                "  Payload = \"a\\x00b\",\n  StatusCode = 200,\n}\n");
    assert_contains(fixture_echo(f,
                                 "fails(ecs.parse, ecs, 'list_clusters', {status = 404, headers = "
                                 "{{'X-Amzn-RequestId', 'id-9'}}})"),
                    "404: Not Found (HTTP 404, request id-9)");
    assert_contains(fixture_echo(f, "fails(ecs.parse, ecs, 'list_clusters', {stauts = 1})"),
                    "did you mean 'status'?");
}

static void values_keep_their_kinds(void **state)
{
    struct fixture *f = *state;
    assert_echo(
        f,
        "local c = aws.client('cloudwatch')\n"
        "local r = c:parse('get_metric_data', {body = '\\xBF\\x71MetricDataResults\\x81\\xA2"
        "\\x62Id\\x61a\\x66Values\\x83\\xFB\\x7F\\xF0\\0\\0\\0\\0\\0\\0\\x01\\xF9\\x7E\\0\\xFF'})\n"
        "local v = r.MetricDataResults[1].Values\n"
        "return v[1] == math.huge, math.type(v[2]), v[3] ~= v[3]",
        "true\t\"float\"\ttrue\n");
    assert_echo(f,
                "local d = aws.client('dynamodb')\n"
                "print(d:serialize('put_item', {TableName = 't', Item = {b = {B = 'a\\0'}, n = "
                "{NULL = true}}}).body)",
                "{\"TableName\":\"t\",\"Item\":{\"b\":{\"B\":\"YQA=\"},\"n\":{\"NULL\":true}}}\n");
    assert_echo(f,
                "print(json.encode(ecs:parse('list_clusters', {body = '{\"clusterArns\":[]}'})))",
                "{\"clusterArns\":[]}\n");
}

/* The next member is guessed from the structures before: names in other orders, escaped,
 * with space about them, null, unknown ones between. What the model knows is what json.decode says.
 */
static void members_are_those_of_the_text_whatever_came_before(void **state)
{
    struct fixture *f = *state;
    assert_echo(
        f,
        "local shapes = {\n"
        "  "
        "'{\"status\":\"A\",\"desiredCount\":%d,\"events\":[{\"id\":\"x\",\"message\":\"m\"}]}',\n"
        "  "
        "'{\"desiredCount\":%d,\"status\":\"B\",\"events\":[{\"message\":\"m\",\"id\":\"x\"},{}]}',"
        "\n"
        "  '{ \"status\" : \"C\" , \"desiredCount\" : %d }',\n"
        "  '{\"sta\\\\u0074us\":\"D\",\"desiredCount\":%d}',\n"
        "  "
        "'{\"status\":\"F\",\"desiredCount\":%d,\"tags\":[{\"key\":\"status\",\"value\":\"v\"}]}',"
        "\n"
        "}\n"
        "local parts, seed = {}, 7\n"
        "for i = 1, 200 do\n"
        "  seed = (seed * 1103515245 + 12345) % 2147483648\n"
        "  parts[i] = shapes[(seed >> 8) % #shapes + 1]:format(i)\n"
        "end\n"
        "local text = '{\"services\":[' .. table.concat(parts, ',') .. '],\"failures\":[]}'\n"
        "local odd = text:gsub('(\"desiredCount\":%d+,)', '%1\"unknown\":{\"status\":1},"
        "\"launchType\":null,')\n"
        "assert(#text > 4096 and odd ~= text)\n"
        "local plain = json.encode(json.decode(text))\n"
        "return json.encode(ecs:parse('describe_services', {body = text})) == plain, "
        "json.encode(ecs:parse('describe_services', {body = odd})) == plain",
        "true\ttrue\n");
}

static void a_model_may_be_a_table(void **state)
{
    struct fixture *f = *state;
    assert_echo(
        f,
        "local toy = aws.client('toy', {model = {\n"
        "  metadata = {apiVersion = '1', endpointPrefix = 'toy', protocol = 'json', "
        "jsonVersion = '1.1', targetPrefix = 'Toy', serviceId = 'Toy'},\n"
        "  operations = {Play = {name = 'Play', http = {method = 'POST', requestUri = '/'}, "
        "input = {shape = 'In'}}},\n"
        "  shapes = {In = {type = 'structure', members = {Ball = {shape = 'S'}}}, "
        "S = {type = 'string'}}}})\n"
        "print(toy:serialize('play', {Ball = 'red'}).body, toy:operations()[1])",
        "{\"Ball\":\"red\"}\tplay\n");
    assert_contains(fixture_echo(f, "fails(aws.client, 'toy', {model = {metadata = print}})"),
                    "model.metadata");
}

static void help_shows_parameters_with_their_types(void **state)
{
    struct fixture *f = *state;
    const char *help = fixture_echo(f, "ecs:help('describe_services')");
    assert_contains(help, "ecs:describe_services { ... }");
    assert_contains(help, "services  list of string, required");
    assert_contains(help, "desiredCount");
    assert_contains(fixture_echo(f, "ecs:help()"), "client:wait(\"services_stable\", ...)");
    assert_contains(fixture_echo(f, "fails(ecs.help, ecs, 'describe_servces')"), "did you mean");
}

static void parameters_are_read_without_metamethods(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "print(ecs:serialize('list_services', setmetatable({cluster = 'c'}, {__index = "
                "error, __len = error, __pairs = error})).body)",
                "{\"cluster\":\"c\"}\n");
    assert_contains(
        fixture_echo(f, "fails(ecs.serialize, ecs, 'list_services', {cluster = print})"),
        "parameter cluster: a string was expected");
    assert_contains(fixture_echo(f, "fails(ecs.serialize, ecs, 'list_services', {'a'})"),
                    "ecs:list_services: ");
    assert_contains(fixture_echo(f, "local t = {} t.M = t\n"
                                    "return fails(function() return client('dynamodb'):serialize("
                                    "'put_item', {TableName = 't', Item = {a = t}}) end)"),
                    "parameter Item.a.M.M.M");
}

/* ---- signing ---- */

static void a_signature_shows_its_stages(void **state)
{
    struct fixture *f = *state;
    /* "get-vanilla-query-order-key-case" of the SigV4 test suite */
    fixture_run(f,
                "s = aws.sigv4.sign {method = 'GET', uri = '/?Param2=value2&Param1=value1', "
                "headers = {{'Host', 'example.amazonaws.com'}}, service = 'service', region = "
                "'us-east-1', time = '2015-08-30T12:36:00Z', credentials = {access_key_id = "
                "'AKIDEXAMPLE', secret_access_key = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'}}");
    assert_int_equal(f->code, OK);
    assert_echo(f, "s.signature",
                "\"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500\"\n");
    assert_echo(f, "s.canonical_request:match('^GET\\n/\\nParam1=value1&Param2=value2\\n') ~= nil",
                "true\n");
    assert_echo(f, "s.string_to_sign:match('^AWS4%-HMAC%-SHA256\\n20150830T123600Z\\n') ~= nil",
                "true\n");
    assert_echo(f, "s.headers[2][1]:lower(), s.headers[2][2], s.uri",
                "\"x-amz-date\"\t\"20150830T123600Z\"\t\"/?Param2=value2&Param1=value1\"\n");
}

static void a_presigned_url_holds_its_signature(void **state)
{
    struct fixture *f = *state;
    /* the example of the S3 API reference, "Authenticating requests: using query parameters" */
    assert_echo(
        f,
        "aws.presign {url = 'https://examplebucket.s3.amazonaws.com/test.txt', service = 's3', "
        "region = 'us-east-1', expires = 86400, time = '2013-05-24T00:00:00Z', credentials = "
        "{access_key_id = 'AKIAIOSFODNN7EXAMPLE', secret_access_key = "
        "'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'}}:match('X%-Amz%-Signature=(%x+)')",
        "\"aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\"\n");
    assert_contains(fixture_echo(f, "fails(aws.presign, {url = 'https://x/', credentials = keys})"),
                    "service is missing");
}

static void regions_are_known(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "#aws.regions() > 20, aws.regions('aws-cn')",
                "true\t{ \"cn-north-1\", \"cn-northwest-1\" }\n");
}

static void credentials_tell_where_they_are_from_and_no_secret(void **state)
{
    struct fixture *f = *state;
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "hushhush", 1);
    assert_echo(f, "aws.credentials()", "{ provider = \"environment\" }\n");
    assert_echo(f, "aws.presign {url = 'https://x/', service = 'a', region = 'b'}:match('AKIDENV')",
                "\"AKIDENV\"\n");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
}

static void the_identity_is_asked_of_sts(void **state)
{
    struct fixture *f = *state;
    static const struct reply list[] = {
        {.status = 200,
         .body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:x</Arn><UserId>U"
                 "</UserId><Account>123</Account></GetCallerIdentityResult>"
                 "</GetCallerIdentityResponse>"}};
    replies(list, 1);
    assert_echo(f, "aws.identity {region = 'eu-west-1', endpoint = where, credentials = keys}",
                "{ account = \"123\", arn = \"arn:x\", user_id = \"U\" }\n");
}

#define aws_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        aws_test(a_call_waits_for_its_result),
        aws_test(an_error_of_the_service_is_an_object),
        aws_test(an_error_brings_the_fields_that_the_model_knows),
        aws_test(throttling_is_retryable),
        aws_test(no_answer_is_an_error_too),
        aws_test(what_cannot_be_sent_is_told_before),
        aws_test(options_are_checked),
        aws_test(a_dry_run_refuses_what_is_no_read),
        aws_test(many_calls_go_out_at_once),
        aws_test(a_call_ends_with_what_waits_for_it),
        aws_test(a_token_is_made_for_those_who_gave_none),
        aws_test(pages_follow_one_another),
        aws_test(items_of_all_pages_come_one_by_one),
        aws_test(tokens_may_be_tables),
        aws_test(a_token_that_comes_again_ends_in_an_error),
        aws_test(a_wait_ends_when_it_has_come),
        aws_test(a_wait_that_is_in_vain_says_so),
        aws_test(serialize_and_parse_need_no_network),
        aws_test(values_keep_their_kinds),
        aws_test(members_are_those_of_the_text_whatever_came_before),
        aws_test(a_model_may_be_a_table),
        aws_test(help_shows_parameters_with_their_types),
        aws_test(parameters_are_read_without_metamethods),
        aws_test(a_signature_shows_its_stages),
        aws_test(a_presigned_url_holds_its_signature),
        aws_test(regions_are_known),
        aws_test(credentials_tell_where_they_are_from_and_no_secret),
        aws_test(the_identity_is_asked_of_sts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
