/* Facts about completion. */
#include "unit/script_fixture.h"

/* The candidates for the end of line, in one line; "" when there are none. */
static void assert_completes(struct fixture *f, const char *line, size_t from, const char *wanted)
{
    struct strbuf out;
    size_t got_from = 999;
    strbuf_init(&out, 64 * 1024);
    script_complete(f->script, line, strlen(line), &got_from, &out);
    char got[8192];
    snprintf(got, sizeof got, "%s", strbuf_cstr(&out));
    strbuf_done(&out);
    for (char *at = got; *at; at++)
        if (*at == '\n') *at = ' ';
    assert_string_equal(got, wanted);
    assert_int_equal(got_from, from);
}

static void globals_and_keywords_complete(void **state)
{
    struct fixture *f = *state;
    assert_completes(f, "ipa", 0, "ipairs");
    assert_completes(f, "for k, v in pai", 12, "pairs");
    assert_completes(f, "func", 0, "function");
    assert_completes(f, "st", 0, "stats string");
    assert_completes(f, "nothing_like_it", 0, "");
}

static void fields_complete_at_any_depth(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "deep = { one = { two = { three = 1, thrice = print } } }");
    assert_completes(f, "http.", 5, "get post request");
    assert_completes(f, "print(stats.std", 12, "stddev");
    assert_completes(f, "deep.one.two.thr", 13, "three thrice");
    assert_completes(f, "x = deep.one.two:thr", 17, "thrice"); /* a method can be called */
    assert_completes(f, "deep.none.", 10, "");
}

static void strings_have_their_methods(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "s = 'text'");
    assert_completes(f, "s:up", 2, "upper");
    assert_completes(f, "('x'):rep(3) .. 'y':up", 20, "upper");
}

static void userdata_and_objects_have_those_of_their_index(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "Base = { greet = function() end }\n"
                   "Class = setmetatable({ go = function() end }, { __index = Base })\n"
                   "object = setmetatable({ name = 1 }, { __index = Class })");
    assert_completes(f, "object:g", 7, "go greet");
    assert_completes(f, "object.", 7, "go greet name");
    assert_completes(f, "io.stdout:fl", 10, "flush");
    fixture_run(f, "v = stats.vector { 1 }");
    assert_completes(f, "v:sl", 2, "slice");
}

static void no_lua_code_runs(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ran = false\n"
                   "trap = setmetatable({ key = 1 }, { __index = function() ran = true end,\n"
                   "  __pairs = function() ran = true end })");
    assert_completes(f, "trap.k", 5, "key");
    assert_completes(f, "trap.other.", 11, "");
    assert_string_equal(fixture_echo(f, "ran"), "false\n");
}

static void a_chain_that_loops_ends(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "loop = {}; setmetatable(loop, { __index = loop })");
    assert_completes(f, "loop.", 5, "");
    assert_completes(f, "loop.a.", 7, "");
}

static void what_is_no_name_has_no_candidates(void **state)
{
    struct fixture *f = *state;
    assert_completes(f, "f().", 4, "");
    assert_completes(f, "1.5", 0, "");
    assert_completes(f, "a:b().c", 6, "");
    assert_completes(f, "'a' ..ipa", 6, "ipairs");
}

static void private_names_show_only_when_asked(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "t = { __secret = 1, open = 2 }");
    assert_completes(f, "t.", 2, "open");
    assert_completes(f, "t.__", 2, "__secret");
}

static void a_client_has_its_operations(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ecs = aws.client('ecs'); deep = { ecs = ecs }");
    assert_completes(f, "ecs:describe_ser", 4,
                     "describe_service_deployments describe_service_revisions describe_services");
    assert_completes(f, "x = deep.ecs:list_cl", 13, "list_clusters");
    assert_completes(f, "ecs:pag", 4, "pages");
    assert_completes(f, "ecs:pages(\"list_cl", 11, "list_clusters");
    assert_completes(f, "ecs:wait('services_", 10, "services_inactive services_stable");
    assert_completes(f, "aws.client('applic", 12, "application-autoscaling");
    assert_completes(f, "aws.client \"clo", 12, "cloudwatch");
}

static void an_operation_has_its_parameters(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ecs = aws.client('ecs'); rds = aws.client('rds')");
    assert_completes(f, "ecs:describe_services { clu", 24, "cluster");
    assert_completes(f, "ecs:describe_services({ clu", 24, "cluster");
    assert_completes(f, "print(#ecs:describe_services { clu", 31, "cluster");
    assert_completes(f, "ecs:describe_services {", 23, "cluster include services");
    assert_completes(f, "ecs:describe_services { cluster = 'a', ", 39, "include services");
    assert_completes(f, "ecs:describe_services {\n  cluster = { x = 1 },\n  ser", 49, "services");
    assert_completes(f, "ecs:pages('list_services', { clu", 29, "cluster");
    assert_completes(f, "ecs:wait('services_stable', { clu", 30, "cluster");
    assert_completes(f, "ecs:describe_services { cluster = pri", 34, "print"); /* a value */
    assert_completes(f, "ecs:describe_services { services = { pri", 37, "print");
    assert_completes(f, "ecs:no_such_thing { clu", 20, "");
}

static void nested_parameters_have_theirs(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "ecs = aws.client('ecs')");
    assert_completes(f, "ecs:run_task { overrides = { containerOverrides = { { me", 54,
                     "memory memoryReservation");
    assert_completes(f, "ecs:run_task { overrides = { containerOverrides = { { name = 'a' }, { na",
                     70, "name");
    assert_completes(f, "ecs:run_task { ['overrides'] = { exec", 33, "executionRoleArn");
    assert_completes(f, "ecs:run_task { launchType = 'F", 29, "FARGATE");
    assert_completes(f, "ecs:describe_services { include = { \"TA", 37, "TAGS");
}

static void a_documented_function_has_its_fields(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "metric = cloudwatch");
    assert_completes(f, "cloudwatch { names", 13, "namespace");
    assert_completes(f, "metric { names", 9, "namespace"); /* by whatever name */
    assert_completes(f, "issue { sev", 8, "severity");
    assert_completes(f, "issue { severity = \"h", 20, "high");
    assert_completes(f, "cloudwatch { unit = 'Megabits/", 21, "Megabits/Second");
    assert_completes(f, "policy { targ", 9, "targets");
    assert_completes(f, "aws.client('ecs', { retry_", 20, "retry_mode");
    assert_completes(f, "aws.client('ecs', { retry_mode = 'a", 34, "adaptive");
}

static void comments_and_texts_have_no_candidates(void **state)
{
    struct fixture *f = *state;
    assert_completes(f, "x = 1 -- pri", 12, "");
    assert_completes(f, "x = 'pri", 5, "");
    assert_completes(f, "x = [[pri", 6, "");
    assert_completes(f, "x = [[a]] pri", 10, "print");
    assert_completes(f, "x = 'a' pri", 8, "print");
}

static void constant_indexes_lead_on(void **state)
{
    struct fixture *f = *state;
    fixture_run(f, "answer = { services = { { name = 'api', nodes = {} } } }");
    assert_completes(f, "answer.services[1].na", 19, "name");
    assert_completes(f, "answer['services'][1].no", 22, "nodes");
    assert_completes(f, "answer.services[i].na", 19, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(globals_and_keywords_complete),
        script_test(fields_complete_at_any_depth),
        script_test(strings_have_their_methods),
        script_test(userdata_and_objects_have_those_of_their_index),
        script_test(no_lua_code_runs),
        script_test(a_chain_that_loops_ends),
        script_test(what_is_no_name_has_no_candidates),
        script_test(private_names_show_only_when_asked),
        script_test(a_client_has_its_operations),
        script_test(an_operation_has_its_parameters),
        script_test(nested_parameters_have_theirs),
        script_test(a_documented_function_has_its_fields),
        script_test(comments_and_texts_have_no_candidates),
        script_test(constant_indexes_lead_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
