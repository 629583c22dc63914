/* Facts about notifications in words, rendered as the courier renders them: in a sandbox, within
 * the budget of one message. What is to be read is in data/messages: <notification>.<language>.txt.
 */
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/host.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/prelude.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/contains.h"

static const char OWN[] = "moontide.";
enum {
    INSTRUCTIONS = 2500000, /* half of what the courier gives: reading and sending need theirs */
    MEMORY_BYTES = 96 * 1024 * 1024,
    MESSAGE_MAX = 1024 * 1024,
};

/* Results of data/messages/render.lua. */
enum result { TITLE, TEXT, MARKDOWN, HTML, WARNING, PARTS, RESULT_COUNT };

struct stage {
    struct clock clock;
    struct host host;
    struct binding binding;
    struct vm *vm;
    char *script;
    size_t script_len;
    char *results[RESULT_COUNT];
};

static int load_module(void *data, const char *name, char **source, size_t *len,
                       char chunkname[FAULT_FILE_MAX], struct fault *fault)
{
    (void)data;
    const struct prelude_file *file =
        strncmp(name, OWN, sizeof OWN - 1) == 0 ? prelude_find(name + sizeof OWN - 1) : NULL;
    if (!file) return fault_set(fault, ERR_NOT_FOUND, "there is no %s", name);
    snprintf(chunkname, FAULT_FILE_MAX, "@moontide/%s.lua", file->name);
    *source = strndup(file->source, file->len);
    *len = file->len;
    return *source ? OK : ERR_NOMEM;
}

static char *read_data(const char *name, size_t *len)
{
    char path[512], *text = NULL;
    struct fault fault;
    snprintf(path, sizeof path, "%s/messages/%s", TEST_DATA, name);
    if (fs_read_file(path, VM_SOURCE_MAX, &text, len, &fault) != OK)
        fail_msg("%s: %s", path, fault.text);
    return text;
}

static int open_modules(lua_State *L)
{
    vm_module(L, "json", open_json);
    vm_module(L, "time", open_time);
    return 0;
}

static int setup(void **state)
{
    static struct stage stage;
    struct fault fault;
    stage = (struct stage){.host = {.clock = &stage.clock}, .binding = {.host = &stage.host}};
    struct vm_options options = {
        .sandboxed = true, .memory_limit_bytes = MEMORY_BYTES, .owner = &stage.binding};
    clock_init_manual(&stage.clock, 0);
    assert_int_equal(vm_new(&options, &stage.vm), OK);
    vm_set_loader(stage.vm, load_module, NULL);
    lua_pushcfunction(vm_lua(stage.vm), open_modules);
    assert_int_equal(vm_call(stage.vm, vm_lua(stage.vm), 0, 0, &fault, NULL), OK);
    stage.script = read_data("render.lua", &stage.script_len);
    *state = &stage;
    return 0;
}

static void forget(struct stage *s)
{
    for (int i = 0; i < RESULT_COUNT; i++) {
        free(s->results[i]);
        s->results[i] = NULL;
    }
}

static int teardown(void **state)
{
    struct stage *s = *state;
    forget(s);
    free(s->script);
    vm_free(s->vm);
    return 0;
}

/* ---- rendering ---- */

static int try_render(struct stage *s, const char *json, const char *language, const char *template,
                      const char *options, struct fault *fault)
{
    const struct vm_budget budget = {.instructions = INSTRUCTIONS, .what = "send"};
    lua_State *L = vm_lua(s->vm);
    forget(s);
    vm_budget(s->vm, NULL);
    assert_int_equal(vm_load(s->vm, s->script, s->script_len, "@render.lua", fault), OK);
    lua_pushstring(L, json);
    lua_pushstring(L, language);
    lua_pushstring(L, template);
    lua_pushstring(L, "@templates/message.lua");
    lua_pushstring(L, options);
    vm_budget(s->vm, &budget);
    int code = vm_call(s->vm, L, 5, RESULT_COUNT, fault, NULL);
    vm_budget(s->vm, NULL);
    for (int i = 0; code == OK && i < RESULT_COUNT; i++) {
        const char *text = lua_tostring(L, i - RESULT_COUNT);
        s->results[i] = text ? strdup(text) : NULL;
    }
    if (code == OK) lua_pop(L, RESULT_COUNT);
    return code;
}

static void render(struct stage *s, const char *json, const char *language, const char *template)
{
    struct fault fault = {0};
    if (try_render(s, json, language, template, NULL, &fault) != OK)
        fail_msg("%.200s: %s:%d: %s", json, fault.file, fault.line, fault.text);
}

static char *notification(const char *name)
{
    char file[64];
    size_t len;
    snprintf(file, sizeof file, "%s.json", name);
    return read_data(file, &len);
}

static void render_data(struct stage *s, const char *name, const char *language,
                        const char *template)
{
    char *json = notification(name);
    render(s, json, language, template);
    free(json);
}

static void assert_lacks(const char *text, const char *what)
{
    if (strstr(text, what)) fail_msg("'%s' is in: %.2000s", what, text);
}

/* ---- what is to be read ---- */

static void assert_reads(struct stage *s, const char *name)
{
    static const char *const languages[] = {"en", "ko"};
    for (size_t i = 0; i < COUNT_OF(languages); i++) {
        char file[64];
        size_t len;
        snprintf(file, sizeof file, "%s.%s.txt", name, languages[i]);
        char *wanted = read_data(file, &len);
        wanted[len - 1] = '\0'; /* the file's last line end */
        render_data(s, name, languages[i], NULL);
        if (strcmp(s->results[TEXT], wanted) != 0)
            fail_msg("%s is now:\n%s", file, s->results[TEXT]);
        free(wanted);
        assert_null(s->results[WARNING]);
    }
}

static void an_alert_that_fires(void **state)
{
    struct stage *s = *state;
    assert_reads(s, "firing");
    assert_string_equal(s->results[TITLE], "[높음] API 응답 지연 · environment=prod");
    render_data(s, "firing", "en", NULL);
    assert_string_equal(s->results[TITLE], "[HIGH] API latency on environment=prod");
    assert_contains(s->results[PARTS], "\"spark\":\"▁▁▁▁▂  ▃▃▄▆▇█\"");
    assert_contains(s->results[PARTS], "\"status\":\"firing\"");
    assert_contains(s->results[PARTS], "\"effort\":\"medium\"");
    assert_contains(s->results[MARKDOWN], "*[HIGH] API latency on environment=prod*\n");
    assert_contains(s->results[MARKDOWN], "|Console>");
    assert_contains(s->results[HTML], "<svg ");
}

static void an_alert_that_is_over(void **state)
{
    assert_reads(*state, "resolved");
}

static void an_alert_that_goes_on(void **state)
{
    assert_reads(*state, "repeat");
}

static void a_test_message_is_marked(void **state)
{
    struct stage *s = *state;
    assert_reads(s, "test");
    render_data(s, "test", "en", NULL);
    assert_string_equal(s->results[TITLE], "[TEST] Test message to chat");
    assert_contains(s->results[HTML], "Nothing is wrong");
}

static void many_alerts(void **state)
{
    assert_reads(*state, "many");
}

static void an_unknown_language_is_english(void **state)
{
    struct stage *s = *state;
    render_data(s, "test", "xx", NULL);
    assert_contains(s->results[TITLE], "Test message");
}

static void links_and_the_zone_are_the_configurations(void **state)
{
    struct stage *s = *state;
    struct fault fault;
    char *json = notification("firing");
    assert_int_equal(
        try_render(s, json, "en", NULL,
                   "{\"timezone\":\"Asia/Seoul\",\"links\":{"
                   "\"runbook\":\"https://r.example.com/{type}?t={target}&x={none}\","
                   "\"status_page\":\"javascript:alert(1)\",\"wiki\":\"https://w.example.com\"}}",
                   &fault),
        OK);
    free(json);
    assert_contains(s->results[TEXT],
                    "Runbook: https://r.example.com/api_latency?t=environment%3Dprod&x=\n");
    assert_contains(s->results[TEXT], "wiki: https://w.example.com\n");
    assert_contains(s->results[TEXT], "2026-01-01T08:18:00+09:00 (42 min ago)");
    assert_lacks(s->results[HTML], "javascript");
}

static void a_zone_that_is_not_known_is_said(void **state)
{
    struct stage *s = *state;
    struct fault fault;
    char *json = notification("firing");
    assert_int_equal(try_render(s, json, "en", NULL, "{\"timezone\":\"Moon/Sea\"}", &fault), OK);
    free(json);
    assert_contains(s->results[WARNING], "time zone 'Moon/Sea' is not known here");
    assert_contains(s->results[TEXT], "2025-12-31T23:18:00Z (42 min ago)");
}

/* ---- bad input ---- */

static void what_somebody_wrote_stays_text(void **state)
{
    struct stage *s = *state;
    render(
        s,
        "{\"status\":\"firing\",\"alerts\":[{\"type\":\"a\\r\\nBcc: x\",\"target\":\"t\\u2028u\","
        "\"description\":\"<script>alert('1')</script> \\u202eback\\u202c \\u0007 & <!channel> "
        "\\u05e9\\u05dc\\u05d5\\u05dd \\ud83d\\ude80\"}]}",
        "en", NULL);
    assert_string_equal(s->results[TITLE], "[LOW] A Bcc: x on t u");
    assert_lacks(s->results[HTML], "<script");
    assert_lacks(s->results[HTML], "\u202e");
    assert_contains(s->results[HTML], "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; back");
    assert_contains(s->results[HTML], "\u05e9\u05dc\u05d5\u05dd \U0001f680");
    assert_lacks(s->results[MARKDOWN], "<!channel>");
    assert_lacks(s->results[TEXT], "\a");
}

static void a_command_quotes_what_a_shell_would_take(void **state)
{
    struct stage *s = *state;
    render(s, "{\"alerts\":[{\"policy\":\"p\",\"type\":\"x\",\"target\":\"a';reboot;\\\"$(b)\"}]}",
           "en", NULL);
    assert_contains(s->results[PARTS], "--matcher 'target=\\\"a'\\\\'';reboot;\\\\\\\"$(b)\\\"'");
}

static void a_long_description_is_cut_and_says_so(void **state)
{
    struct stage *s = *state;
    struct strbuf text;
    strbuf_init(&text, 8 << 20);
    strbuf_adds(&text, "{\"alerts\":[{\"type\":\"x\",\"description\":\"");
    for (int i = 0; i < 5 << 18; i++)
        strbuf_adds(&text, "\U0001f680");
    strbuf_adds(&text, "\"}]}");
    assert_int_equal(strbuf_status(&text), OK);
    render(s, strbuf_cstr(&text), "en", NULL);
    assert_contains(s->results[TEXT], "\U0001f680… (5.0 MiB cut)");
    assert_true(strlen(s->results[HTML]) < 20000);
    strbuf_done(&text);
}

static void what_was_cut_before_the_words_were_made_is_said_too(void **state)
{
    struct stage *s = *state;
    render(s, "{\"alerts\":[{\"type\":\"x\",\"description\":\"so far\",\"description_cut\":2048}]}",
           "en", NULL);
    assert_contains(s->results[TEXT], "so far… (2.0 KiB cut)");
    render(s,
           "{\"alerts\":[{\"type\":\"x\",\"description\":\"so far\",\"description_cut\":\"a\"}]}",
           "en", NULL);
    assert_null(strstr(s->results[TEXT], "cut)"));
}

static void a_title_has_a_bound(void **state)
{
    struct stage *s = *state;
    struct strbuf text;
    strbuf_init(&text, 1 << 16);
    strbuf_adds(&text, "{\"alerts\":[{\"type\":\"x\",\"target\":\"");
    for (int i = 0; i < 500; i++)
        strbuf_adds(&text, "가");
    strbuf_adds(&text, "\"}]}");
    render(s, strbuf_cstr(&text), "ko", NULL);
    assert_true(strlen(s->results[TITLE]) <= 120 * 3);
    assert_contains(s->results[TITLE], "가…");
    strbuf_done(&text);
}

static void fields_of_odd_types_are_left_out(void **state)
{
    static const char *const odd[] = {
        "null",
        "1",
        "[]",
        "{}",
        "{\"alerts\":5}",
        "{\"alerts\":[1,null,\"x\",{}],\"more\":-1}",
        "{\"status\":[],\"at\":\"x\",\"group\":3,\"severity\":{},\"firing\":\"9\",\"alerts\":[{}]}",
        "{\"at\":1e300,\"alerts\":[{\"since\":-1e300,\"resolved_at\":{},\"state\":7,\"type\":9,"
        "\"labels\":[1],\"doc\":[],\"key\":{},\"description\":{},\"recommendation\":[]}]}",
        "{\"alerts\":[{\"series\":[{\"values\":[1e308,-1e308,null,\"x\",{}]},{\"values\":[]},"
        "{\"values\":7},4],\"decisions\":[{},3,{\"kind\":{},\"changes\":7},{\"changes\":[{},1,"
        "{\"field\":\"a\",\"from\":{\"b\":[1]},\"to\":null}]}],\"recommendations\":{\"a\":1}}]}",
        "{\"alerts\":[{\"series\":[{\"unit\":3,\"start\":1e18,\"period\":-1,\"values\":[0,0]}]}]}",
        "{\"alerts\":[{\"series\":[{\"start\":0,\"period\":1e15,\"values\":[5e-324,0,1e299]}]}]}",
        "{\"repeat\":true,\"alerts\":[]}",
        "{\"status\":\"resolved\",\"alerts\":[{\"since\":5}]}",
        "{\"alerts\":[{\"labels\":{\"region\":\"x y\",\"environment\":{}},\"unknown\":\"yes\"}]}",
    };
    struct stage *s = *state;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        render(s, odd[i], i % 2 ? "ko" : "en", NULL);
        assert_true(strlen(s->results[TITLE]) > 0);
        assert_contains(s->results[HTML], "</html>");
        assert_null(s->results[WARNING]);
    }
}

/* 25 alerts with everything at its longest, and more of them. */
static char *longest(void)
{
    struct strbuf text;
    strbuf_init(&text, 8 << 20);
    strbuf_adds(&text, "{\"at\":1767225600000,\"firing\":990,\"more\":965,\"alerts\":[");
    for (int i = 0; i < 25; i++) {
        strbuf_adds(&text, i ? ",{" : "{");
        strbuf_adds(&text, "\"policy\":\"p\",\"type\":\"t\",\"target\":\"t\",\"description\":\"");
        for (int k = 0; k < 2000; k++)
            strbuf_adds(&text, "\\\"&");
        strbuf_adds(&text, "\",\"recommendations\":[");
        for (int k = 0; k < 20; k++)
            strbuf_adds(&text, "{\"action\":\"<do this>\",\"impact\":\"high\"},");
        strbuf_adds(&text, "{}],\"series\":[");
        for (int k = 0; k < 4; k++) {
            strbuf_adds(&text, k ? ",{" : "{");
            strbuf_adds(&text, "\"name\":\"m\",\"start\":0,\"period\":60,\"values\":[0");
            for (int v = 1; v < 120; v++)
                strbuf_adds(&text, v % 9 == 0 ? ",null" : v % 2 ? ",1234567.25" : ",0.125");
            strbuf_adds(&text, "]}");
        }
        strbuf_adds(&text, "]}");
    }
    strbuf_adds(&text, "]}");
    assert_int_equal(strbuf_status(&text), OK);
    char *made = strdup(strbuf_cstr(&text));
    strbuf_done(&text);
    return made;
}

static void the_longest_notification_is_within_its_bounds(void **state)
{
    struct stage *s = *state;
    char *json = longest();
    render(s, json, "en", "return { title = function(n, default) return default end }");
    free(json);
    assert_true(strlen(s->results[HTML]) < MESSAGE_MAX);
    assert_true(strlen(s->results[TEXT]) < MESSAGE_MAX);
    assert_contains(s->results[PARTS], "\"alerts\":25");
    assert_contains(s->results[TEXT], "965 more alerts are not listed.");
    assert_contains(s->results[HTML], "</html>");
}

/* ---- templates ---- */

static void a_template_replaces_parts(void **state)
{
    struct stage *s = *state;
    render_data(
        s, "firing", "en",
        "return {\n"
        "  title = function(n, default) return 'Ops\\n' .. n.severity .. ' ' .. default end,\n"
        "  alert = function(a, default) return default .. ' <' .. a.policy .. '>' end,\n"
        "}");
    assert_null(s->results[WARNING]);
    assert_string_equal(s->results[TITLE], "Ops high [HIGH] API latency on environment=prod");
    assert_contains(s->results[TEXT], "(limit 1000 ms) <performance>\n");
    assert_contains(s->results[HTML], "(limit 1000 ms) &lt;performance&gt;");
}

static void assert_falls_back(struct stage *s, const char *template, const char *warning)
{
    render_data(s, "firing", "en", template);
    assert_non_null(s->results[WARNING]);
    assert_contains(s->results[WARNING], warning);
    assert_contains(s->results[TITLE], "[HIGH] API latency on environment=prod");
    assert_contains(s->results[TEXT], "(limit 1000 ms)\n");
}

static void a_faulty_template_leaves_the_default_and_says_where(void **state)
{
    struct stage *s = *state;
    assert_falls_back(s, "return {\n  title = function(n) return n.none.x end }",
                      "templates/message.lua:2: attempt to index");
    assert_falls_back(s, "return { alert = function() return 5 end }",
                      "template 'alert' returned a number");
    assert_falls_back(s, "return { title = 'x' }", "template 'title' is a string");
    assert_falls_back(s, "return {\n  title = function(\n", "templates/message.lua:");
    assert_falls_back(s, "error('not today')", "templates/message.lua:1: not today");
    assert_falls_back(s, "return 5", "templates/message.lua: a table of functions was expected");
    assert_falls_back(s, "return { title = function() error({}) end }", "table");
    assert_falls_back(s, "return { title = function() return http.get('http://x/') end }",
                      "templates/message.lua:1: attempt to index a nil value (global 'http')");
}

static void a_template_cannot_change_the_notification(void **state)
{
    struct stage *s = *state;
    render_data(s, "firing", "en",
                "return { alert = function(a, d) a.type, a.series = 'gone', 5 return d end,\n"
                "  title = function(n, d) n.alerts = nil return d end }");
    assert_null(s->results[WARNING]);
    assert_contains(s->results[TITLE], "API latency");
    assert_contains(s->results[HTML], "<svg ");
}

static void a_template_that_loops_ends_by_the_budget(void **state)
{
    struct stage *s = *state;
    struct fault fault;
    char *json = notification("firing");
    assert_int_equal(try_render(s, json, "en",
                                "return { title = function() while true do end end }", NULL,
                                &fault),
                     ERR_BUDGET);
    free(json);
    assert_contains(fault.file, "templates/message.lua");
    render_data(s, "firing", "en", NULL);
    assert_contains(s->results[TITLE], "API latency");
}

#define fact(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fact(an_alert_that_fires),
        fact(an_alert_that_is_over),
        fact(an_alert_that_goes_on),
        fact(a_test_message_is_marked),
        fact(many_alerts),
        fact(an_unknown_language_is_english),
        fact(links_and_the_zone_are_the_configurations),
        fact(a_zone_that_is_not_known_is_said),
        fact(what_somebody_wrote_stays_text),
        fact(a_command_quotes_what_a_shell_would_take),
        fact(a_long_description_is_cut_and_says_so),
        fact(what_was_cut_before_the_words_were_made_is_said_too),
        fact(a_title_has_a_bound),
        fact(fields_of_odd_types_are_left_out),
        fact(the_longest_notification_is_within_its_bounds),
        fact(a_template_replaces_parts),
        fact(a_faulty_template_leaves_the_default_and_says_where),
        fact(a_template_cannot_change_the_notification),
        fact(a_template_that_loops_ends_by_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
