/* Facts about policies: how a file is loaded, refused, and judged. Targets and their metrics have a
 * file of their own (test_targets.c), findings (test_findings.c) and handles
 * (test_series_handle.c) too. */
#include "policy_fixture.h"

#include "moontide/base/fs.h"

#include <sys/stat.h>
#include <unistd.h>

static void a_policy_tells_what_it_is(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'a.b-c_1', doc = 'What it is', every = '90s', mode = 'act',\n"
             "targets = function() return { 'all' } end, discover = 30, depends_on = { 'db' }, "
             "rails = { max = 1 },\n"
             "checks = { ok = function() end }, evaluate = function() end }");
    const struct policy_info *info = b->evaluator->vtable->info(b->evaluator);
    assert_string_equal(info->name, "a.b-c_1");
    assert_string_equal(info->doc, "What it is");
    assert_string_equal(info->file, "policies/test.lua");
    assert_int_equal(info->every_ms, 90000);
    assert_int_equal(info->discover_ms, 30000);
    assert_true(info->has_mode);
    assert_int_equal(info->mode, MODE_ACT);
    assert_false(info->has_collect);
    assert_int_equal(strlen(info->sha256), 64);
    assert_int_equal(b->evaluator->vtable->target_count(b->evaluator), 1);
    assert_string_equal(target(b, 0)->id, "all");
    assert_true(b->evaluator->vtable->memory_bytes(b->evaluator) > 1000);
    evaluate_ok(b);
}

static void a_list_of_targets_is_not_found_again(void **state)
{
    struct bench *b = *state;
    ready(b, "return policy { name = 'a', targets = { 'x', 'y' }, discover = 30,\n"
             "evaluate = function() end }");
    assert_int_equal(b->evaluator->vtable->info(b->evaluator)->discover_ms, 0);
}

struct bad_file {
    const char *text;
    int line;
    const char *part;
};

static void expect_load_fault(struct bench *b, const struct bad_file *c)
{
    if (load(b, c->text) >= 0) fail_msg("loaded: %s", c->text);
    const struct fault *fault = &b->faults.items[0];
    if (b->faults.count != 1 || !strstr(fault->text, c->part))
        fail_msg("%s: %zu faults, the first '%s', not '%s'", c->text, b->faults.count, fault->text,
                 c->part);
    assert_string_equal(fault->file, "policies/test.lua");
    if (fault->line != c->line) fail_msg("%s: line %d, not %d", fault->text, fault->line, c->line);
}

#define EVALUATE "evaluate = function() end"

static void a_file_that_is_no_policy_is_refused_with_its_place(void **state)
{
    struct bench *b = *state;
    static const struct bad_file cases[] = {
        {"return policy {\n", 2, "expected"},
        {"x = = 1", 1, "unexpected symbol"},
        {"\n\nerror('stop')", 3, "stop"},
        {"error({ a = 1 })", 1, "table value"},
        {"error()", 1, "nil"},
        {"", 0, "does not return a policy"},
        {"return 5", 0, "does not return a policy"},
        {"policy { name = 'x', " EVALUATE " }", 0, "does not return a policy"},
        {"policy { name = 'x', " EVALUATE " }\nreturn policy { name = 'x', " EVALUATE " }", 2,
         "a file holds one policy"},
        {"return policy { " EVALUATE " }", 1, "policy: name is missing"},
        {"return policy { name = '', " EVALUATE " }", 1, "name is empty"},
        {"return policy { name = 'a b', " EVALUATE " }", 1, "name 'a b' may have"},
        {"return policy { name = 5, " EVALUATE " }", 1, "name must be a string, not a number"},
        {"return policy { name = 'x' }", 1, "evaluate is missing"},
        {"return policy {\n name = 'x',\n evalaute = 1, " EVALUATE " }", 3,
         "unknown field 'evalaute' (did you mean 'evaluate'?)"},
        {"return policy { name = 'x', every = '1x', " EVALUATE " }", 1, "every: '1x' is no dur"},
        {"return policy { name = 'x', every = 0.1, " EVALUATE " }", 1, "at least 1 s"},
        {"return policy { name = 'x', mode = 'acts', " EVALUATE " }", 1, "did you mean 'act'?"},
        {"return policy { name = 'x', targets = 5, " EVALUATE " }", 1, "targets must be a list or"},
        {"return policy { name = 'x', metrics = {}, " EVALUATE " }", 1, "metrics must be a func"},
        {"return policy { name = 'x', collect = {}, " EVALUATE " }", 1, "collect must be a func"},
        {"return policy { name = 'x', checks = { 1 }, " EVALUATE " }", 1, "table of named func"},
        {"return policy { name = 'x', depends_on = { a = 1 }, " EVALUATE " }", 1, "list of polic"},
        {"return policy { 'x', name = 'x', " EVALUATE " }", 1, "named fields only"},
        {"return policy(5)", 1, "table expected"},
        {"while true do end", 1, "load used more than 5000000 instructions"},
        {"while true do pcall(function() while true do end end) end", 1, "instructions"},
        {"local function f() return 1 + f() end f()", 1, "memory"},
        {"local s = 'x' while true do s = s .. s end", 1, "memory"},
        {"local x = ('x'):rep(1e18)", 1, "rep"},
        {"io.open('/etc/passwd')", 1, "unknown name 'io'"},
        {"issue { type = 'x', severity = 'low' }", 1, "issue may be called only inside evaluate"},
        {"recommend { }", 1, "recommend may be called only inside evaluate"},
        {"decide.call { }", 1, "decide.call may be called only inside evaluate"},
        {"decide.cal { }", 1, "there is no decision kind 'cal' (did you mean 'call'?)"},
        {"isue { }", 1, "unknown name 'isue' (did you mean 'issue'?)"},
        {"require 'socket'", 1, "lib.socket"},
        {"require 'lib.nothing'", 1, "there is no policies/lib/nothing.lua"},
        {"config.region = 'x'", 1, "config is read-only"},
        {"async.sleep(1)", 1, "waits"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_load_fault(b, &cases[i]);
}

static void all_faults_of_a_file_are_told_at_once(void **state)
{
    struct bench *b = *state;
    assert_true(load(b, "return policy {\n nam = 'x',\n every = 'often',\n mode = 'x' }") < 0);
    assert_int_equal(b->faults.count, 5); /* nam, name, every, mode, evaluate */
    for (size_t i = 0; i < b->faults.count; i++)
        assert_true(b->faults.items[i].line > 0);
}

static void bytecode_and_oversized_sources_are_refused(void **state)
{
    struct bench *b = *state;
    assert_true(load(b, "\x1bLua") < 0);
    assert_true(strstr(b->faults.items[0].text, "compiled") != NULL);
    bench_drop(b);
    size_t size = (1 << 20) + 1;
    char *big = malloc(size);
    assert_non_null(big);
    memset(big, ' ', size);
    assert_int_equal(
        policy_load_text(&b->host, "a.lua", "a.lua", big, size, &b->evaluator, &b->faults),
        ERR_LIMIT);
    free(big);
    bench_drop(b);

    /* A file of 100 MiB is not read: it is sparse here, and told by its size. */
    char path[] = "/tmp/moontide-policy-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    close(fd);
    assert_int_equal(policy_load(&b->host, path, "big.lua", &b->evaluator, &b->faults), ERR_LIMIT);
    assert_string_equal(b->faults.items[0].file, "big.lua");
    unlink(path);
    assert_int_equal(policy_load(&b->host, path, "gone.lua", &b->evaluator, &b->faults),
                     ERR_NOT_FOUND);
}

/* ---- evaluation ---- */

static void runaway_evaluations_are_stopped_and_the_next_one_runs(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body;
        int code;
        const char *part;
    } cases[] = {
        {"while true do end", ERR_BUDGET, "evaluate used more than 5000000 instructions"},
        {"while true do pcall(function() while true do end end) end", ERR_BUDGET, "instructions"},
        {"local l = {} for i = 1, 100 do l[i] = i % 7 end\n"
         "table.sort(l, function(x, y) while true do end end)",
         ERR_BUDGET, "instructions"},
        {"coroutine.wrap(function() while true do end end)()", ERR_BUDGET, "instructions"},
        {"local s = 'x' while true do s = s .. s end", ERR_MEMORY_CAP, "memory"},
        /* A million frames need more than the memory of a policy. */
        {"local function f() return 1 + f() end f()", ERR_MEMORY_CAP, "memory"},
        {"error({})", ERR_LUA, "table value"},
        {"error(setmetatable({}, { __tostring = function() error('x') end }))", ERR_LUA, ""},
        {"('x'):rep(1e18)", ERR_LUA, "rep"},
        {"(('a'):rep(200)):find('.-.-.-.-.-.-.-.-b')", ERR_LUA, ""},
        {"setmetatable({}, { __gc = function() end })", ERR_LUA, "__gc"},
        {"http.get('http://127.0.0.1:1/')", ERR_LUA, "http.get"},
        {"async.sleep(1)", ERR_LUA, "waits"},
        {"cloudwatch.fetch({})", ERR_LUA, ""},
        {"counter = 1", ERR_LUA, "assignment to the global 'counter'"},
        {"policy { name = 'x' }", ERR_LUA, "belongs at the end"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[600];
        snprintf(body, sizeof body, "if not memo.again then memo.again = true\n%s\nend memo.ok = 1",
                 cases[i].body);
        ready(b, policy_with("", body));
        int code = evaluate(b);
        if (code != cases[i].code) fail_msg("%s: %d (%s)", cases[i].body, code, b->fault.text);
        expect_fault(b, 0, cases[i].part);
        assert_string_equal(b->fault.file, "policies/test.lua");
        assert_true(b->fault.line >= 5);
        /* What it did to the memo is forgotten; told to go on, it does. */
        assert_int_equal(
            evaluate_input(b, (struct evaluation_input){.memo_json = "{\"again\":true}"}), OK);
        assert_string_equal(b->memo, "{\"again\":true,\"ok\":1}");
    }
}

static void a_long_evaluation_gives_the_loop_its_turn(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "local n = 0 for i = 1, 400000 do n = n + i end\n"
                             "memo.n = n memo.last = m.x:last()"));
    FILL(b, "x", 7);
    struct evaluation_input input = {
        .now_ms = NOW_S * 1000LL, .series = b->series, .answers = b->answers, .slice_ms = 1};
    int turns = 0, code;
    while ((code = b->evaluator->vtable->evaluate(b->evaluator, &input, &b->out, &b->fault)) ==
           EVALUATE_AGAIN)
        turns++;
    assert_int_equal(code, OK);
    assert_true(turns > 0);
    assert_string_equal(b->out.memo_json, "{\"last\":7.0,\"n\":80000200000}");

    evaluation_reset(&b->out);
    code = b->evaluator->vtable->evaluate(b->evaluator, &input, &b->out, &b->fault);
    assert_int_equal(code, EVALUATE_AGAIN);
    b->evaluator->vtable->stop(b->evaluator);
    evaluate_ok(b); /* begins anew */
}

static void random_numbers_follow_the_seed(void **state)
{
    struct bench *b = *state;
    char first[200];
    ready(b, policy_with("", "memo.v = math.random(1, 1000000000)"));
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.seed = 1}), OK);
    snprintf(first, sizeof first, "%.100s", b->memo);
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.seed = 2}), OK);
    assert_string_not_equal(first, b->memo);
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.seed = 1}), OK);
    assert_string_equal(first, b->memo);
}

static void time_is_the_time_of_the_tick(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "memo.now = time.now()"));
    clock_advance(&b->clock, 77000);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"now\":1800000000.0}");
}

/* ---- memo ---- */

static void memo_lasts_and_is_told_when_it_changes(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "if m.x:last() == 1 then memo.seen = { b = 2, a = { 1, 2 } } end\n"
                             "if m.x:last() == 3 then memo.seen = nil end"));
    FILL(b, "x", 0);
    evaluate_ok(b);
    assert_null(b->out.memo_json);
    FILL(b, "x", 1);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"seen\":{\"a\":[1,2],\"b\":2}}");
    FILL(b, "x", 2);
    evaluate_ok(b);
    assert_null(b->out.memo_json);
    FILL(b, "x", 3);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{}");
}

static void targets_never_see_what_others_keep(void **state)
{
    struct bench *b = *state;
    ready(b,
          "return policy { name = 'x', targets = { { n = 1 }, { n = 2 }, { n = 3 }, { n = 4 } },\n"
          "evaluate = function(t, m, memo)\n"
          " assert(next(memo) == nil or memo.of == t.n)\n"
          " assert(t.n == 3 or getmetatable(memo) == nil)\n"
          " if t.n == 1 then memo.of = 1 end\n"
          " if t.n == 2 then memo.of = 2 error('stop') end\n"
          " if t.n == 3 then setmetatable(memo, { __index = { of = 3 } }) end\n"
          "end }");
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 4; i++) {
            struct evaluation_input input = {.target = i};
            assert_int_equal(evaluate_input(b, input), i == 1 ? ERR_LUA : OK);
            assert_string_equal(b->memo, round == 0 && i == 0 ? "{\"of\":1}" : "");
        }
}

static void a_memo_that_cannot_be_kept_is_a_fault_that_names_its_path(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body;
        const char *part;
    } cases[] = {
        {"memo.seen = { 1, 2, print }", "memo.seen[3]"},
        {"memo.me = memo", "memo.me"},
        {"memo.x = 0/0", "memo.x"},
        {"memo.m = m.x", "memo.m"},
        {"memo.big = ('x'):rep(70000)", "longer than 64 KiB"},
        {"memo[1] = 1", "both list items and fields"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char body[300];
        snprintf(body, sizeof body, "if m.x:last() == 1 then %s end memo.n = (memo.n or 0) + 1",
                 cases[i].body);
        ready(b, policy_with("", body));
        FILL(b, "x", 1);
        assert_true(evaluate(b) < 0);
        expect_fault(b, 0, cases[i].part);
        FILL(b, "x", 2);
        evaluate_ok(b);
        assert_string_equal(b->memo, "{\"n\":1}");
    }
}

/* ---- what a policy sees ---- */

static void config_is_read_only(void **state)
{
    struct bench *b = *state;
    ready(b, policy_with("", "config.environments[1] = 'x'\n"
                             "memo.e = config.environments\n"
                             "memo.l = config.language memo.none = config.nothing == nil\n"
                             "memo.v = #config.vars\n"
                             "local n = 0 for k in pairs(config) do n = n + 1 end memo.n = n\n"
                             "memo.ok = pcall(function() config.language = 'x' end)\n"
                             "memo.raw = pcall(rawset, config, 'language', 'x')"));
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"e\":[\"prod\",\"staging\"],\"l\":\"en\",\"n\":4,\"none\":true,"
                                 "\"ok\":false,\"raw\":false,\"v\":0}");
}

struct gathered {
    bool done;
    int code;
    char json[FAULT_TEXT_MAX];
};

static void note_collected(void *data, int code, const char *json, const struct fault *fault)
{
    struct gathered *g = data;
    g->done = true;
    g->code = code;
    snprintf(g->json, sizeof g->json, "%s", code < 0 ? fault->text : json);
}

static struct gathered collect(struct bench *b, const char *body)
{
    static struct gathered g;
    char text[1000];
    snprintf(text, sizeof text,
             "return policy { name = 'x', collect = function(t) %s end,\n"
             "evaluate = function(t, m, memo) memo.v = m.extra and m.extra.v end }",
             body);
    g = (struct gathered){0};
    ready(b, text);
    b->evaluator->vtable->collect(b->evaluator, 0, NOW_S * 1000LL, note_collected, &g);
    for (int i = 0; i < 10000 && !g.done; i++)
        (void)loop_turn(b->loop, true);
    assert_true(g.done);
    return g;
}

static void collect_waits_and_its_table_is_extra(void **state)
{
    struct bench *b = *state;
    struct gathered g = collect(b, "async.sleep(0.001) return { v = { 1, 'two' } }");
    assert_int_equal(g.code, OK);
    assert_string_equal(g.json, "{\"v\":[1,\"two\"]}");
    assert_int_equal(evaluate_input(b, (struct evaluation_input){.extra_json = g.json}), OK);
    assert_string_equal(b->memo, "{\"v\":[1,\"two\"]}");
    evaluate_ok(b); /* what was collected is of that evaluation alone */
    assert_string_equal(b->memo, "{}");
}

static void a_faulty_collect_is_told(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"return 5", "collect must return a table, not a number"},
        {"return { f = print }", "collect.f"},
        {"error('why')", "why"},
        {"while true do end", "collect used more than"},
        {"async.sleep(0) while true do pcall(function() while true do end end) end",
         "collect used more than"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gathered g = collect(b, cases[i].body);
        assert_true(g.code < 0);
        if (!strstr(g.json, cases[i].part)) fail_msg("'%s', not '%s'", g.json, cases[i].part);
    }
    assert_string_equal(collect(b, "return nil").json, "null");
}

/* ---- modules, check ---- */

static void a_lib_module_is_found_beside_the_policy_and_known_as_a_file_of_it(void **state)
{
    struct bench *b = *state;
    char dir[] = "/tmp/moontide-policies-XXXXXX", path[100], lib[100], module[100];
    struct fault fault;
    assert_non_null(mkdtemp(dir));
    snprintf(lib, sizeof lib, "%s/lib", dir);
    snprintf(module, sizeof module, "%s/lib/texts.lua", dir);
    snprintf(path, sizeof path, "%s/a.lua", dir);
    assert_int_equal(mkdir(lib, 0700), 0);
    const char *text = "local texts = require 'lib.texts'\n"
                       "return policy { name = 'a', evaluate = function(t, m, memo)\n"
                       " memo.v = texts.hello() end }";
    const char *library = "return { hello = function() return 'hello' end }";
    assert_int_equal(fs_write_file(path, text, strlen(text), 0600, &fault), OK);
    assert_int_equal(fs_write_file(module, library, strlen(library), 0600, &fault), OK);
    assert_int_equal(policy_load(&b->host, path, "a.lua", &b->evaluator, &b->faults), OK);
    assert_true(b->evaluator->vtable->uses_file(b->evaluator, path));
    assert_true(b->evaluator->vtable->uses_file(b->evaluator, module));
    assert_false(b->evaluator->vtable->uses_file(b->evaluator, lib));
    assert_int_equal(discover(b), OK);
    make_series(b, 0);
    evaluate_ok(b);
    assert_string_equal(b->memo, "{\"v\":\"hello\"}");

    bench_drop(b);
    library = "\nreturn {";
    assert_int_equal(fs_write_file(module, library, strlen(library), 0600, &fault), OK);
    assert_true(policy_load(&b->host, path, "a.lua", &b->evaluator, &b->faults) < 0);
    assert_string_equal(b->faults.items[0].file, "lib/texts.lua");
    assert_int_equal(b->faults.items[0].line, 2);
    unlink(path);
    unlink(module);
    rmdir(lib);
    rmdir(dir);
}

static void check_finds_what_loading_does_not(void **state)
{
    struct bench *b = *state;
    struct faults faults;
    faults_init(&faults);
    assert_int_equal(load(b, "local count = 0\n"
                             "return policy { name = 'x', evaluate = function()\n"
                             "  count = count + 1 end,\n"
                             "metrics = function() return { x = cloudwatch { stat = 'x' },\n"
                             "  y = cloudwatch { period = 7 } } end }"),
                     OK);
    assert_int_equal(policy_check(b->evaluator, &faults), ERR_INVALID);
    assert_int_equal(faults.count, 7); /* namespace, name twice; stat; period; the warning */
    assert_int_equal(faults.items[6].code, OK);
    assert_int_equal(faults.items[6].line, 3);
    assert_true(strstr(faults.items[6].text, "'count'") != NULL);
    faults_done(&faults);

    faults_init(&faults);
    assert_int_equal(load(b, "return policy { name = 'x', " EVALUATE ", targets = function()\n"
                             "async.sleep(1) return {} end }"),
                     OK);
    assert_int_equal(policy_check(b->evaluator, &faults), OK);
    assert_int_equal(faults.count, 0);
    faults_done(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BENCH(a_policy_tells_what_it_is),
        ON_BENCH(a_list_of_targets_is_not_found_again),
        ON_BENCH(a_file_that_is_no_policy_is_refused_with_its_place),
        ON_BENCH(all_faults_of_a_file_are_told_at_once),
        ON_BENCH(bytecode_and_oversized_sources_are_refused),
        ON_BENCH(runaway_evaluations_are_stopped_and_the_next_one_runs),
        ON_BENCH(a_long_evaluation_gives_the_loop_its_turn),
        ON_BENCH(random_numbers_follow_the_seed),
        ON_BENCH(time_is_the_time_of_the_tick),
        ON_BENCH(memo_lasts_and_is_told_when_it_changes),
        ON_BENCH(targets_never_see_what_others_keep),
        ON_BENCH(a_memo_that_cannot_be_kept_is_a_fault_that_names_its_path),
        ON_BENCH(config_is_read_only),
        ON_BENCH(collect_waits_and_its_table_is_extra),
        ON_BENCH(a_faulty_collect_is_told),
        ON_BENCH(a_lib_module_is_found_beside_the_policy_and_known_as_a_file_of_it),
        ON_BENCH(check_finds_what_loading_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
