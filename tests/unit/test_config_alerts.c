/* Facts about `alerts` of moontide.lua: what is read of it, and the line of what is wrong. */
#include "moontide/base/fs.h"
#include "moontide/bind/config.h"
#include "moontide/notify/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct project {
    char dir[64], file[96];
};

static int make_project(void **state)
{
    struct project *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->dir, sizeof p->dir, "/tmp/moontide-alerts-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof p->file, "%s/moontide.lua", p->dir);
    *state = p;
    return 0;
}

static int remove_project(void **state)
{
    struct project *p = *state;
    unlink(p->file);
    rmdir(p->dir);
    free(p);
    return 0;
}

static int load(struct project *p, const char *text, struct config **out, struct faults *faults)
{
    char whole[8192];
    snprintf(whole, sizeof whole, "return { alerts = {\n%s\n} }", text);
    assert_int_equal(fs_write_file(p->file, whole, strlen(whole), 0600, NULL), OK);
    faults_init(faults);
    *out = NULL;
    return config_load(p->dir, out, faults);
}

static struct config *good(struct project *p, const char *text)
{
    struct config *config;
    struct faults faults;
    if (load(p, text, &config, &faults) < 0) fail_msg("%s", faults.items[0].text);
    faults_done(&faults);
    return config;
}

/* The text begins on line 2. Fails unless the only fault's text holds `part` and is on `line`. */
static void bad(struct project *p, const char *text, int line, const char *part)
{
    struct config *config;
    struct faults faults;
    assert_true(load(p, text, &config, &faults) < 0);
    assert_null(config);
    if (faults.count != 1 || !strstr(faults.items[0].text, part))
        fail_msg("%s: %zu faults, the first '%s', not '%s'", text, faults.count,
                 faults.items[0].text, part);
    assert_string_equal(faults.items[0].file, p->file);
    if (faults.items[0].line != line)
        fail_msg("%s: '%s' on line %d, not %d", text, faults.items[0].text, faults.items[0].line,
                 line);
    faults_done(&faults);
}

#define CHAT "receivers = { chat = { type = 'slack' } },\n"
#define BOTH "receivers = { chat = { type = 'slack' }, page = { type = 'pagerduty' } },\n"

/* ---- what is read ---- */

static void without_alerts_nobody_is_told(void **state)
{
    struct project *p = *state;
    struct config *config = good(p, "");
    assert_int_equal(config->alerts.receiver_count, 0);
    assert_null(config->alerts.root.receiver);
    assert_null(config->alerts.heartbeat_json);
    assert_false(config->alerts.send_simulated);
    config_free(config);
}

static void one_receiver_needs_no_route(void **state)
{
    struct project *p = *state;
    struct config *config = good(p, CHAT);
    assert_string_equal(config->alerts.root.receiver, "chat");
    assert_true(config->alerts.receivers[0].send_resolved);
    assert_true(config->alerts.receivers[0].rate_per_s == 1);
    config_free(config);
    config = good(p, BOTH "route = 'page'");
    assert_string_equal(config->alerts.root.receiver, "page");
    config_free(config);
}

static void the_fields_of_a_receiver_pass_as_json(void **state)
{
    struct project *p = *state;
    struct config *config =
        good(p, "receivers = { chat = { type = 'slack', channel = '#a', send_resolved = false,"
                " rate = 2.5, deep = { list = { 1, 2 } } } }");
    const struct receiver_settings *chat = notify_receiver(&config->alerts, "chat");
    assert_string_equal(chat->type, "slack");
    assert_false(chat->send_resolved);
    assert_true(chat->rate_per_s == 2.5);
    assert_non_null(strstr(chat->json, "\"channel\":\"#a\""));
    assert_non_null(strstr(chat->json, "\"deep\":{\"list\":[1,2]}"));
    assert_null(strstr(chat->json, "rate"));
    assert_null(strstr(chat->json, "type"));
    assert_null(notify_receiver(&config->alerts, "nobody"));
    config_free(config);
}

static void a_secret_is_no_part_of_what_policies_see(void **state)
{
    struct project *p = *state;
    assert_int_equal(setenv("MOONTIDE_TEST_HOOK", "swordfish", 1), 0);
    struct config *config = good(
        p, "receivers = { chat = { type = 'slack', webhook_url = env 'MOONTIDE_TEST_HOOK' } }");
    assert_non_null(strstr(config->alerts.receivers[0].json, "swordfish"));
    assert_null(strstr(config->json, "swordfish"));
    config_free(config);
    unsetenv("MOONTIDE_TEST_HOOK");
}

static void a_tree_of_routes_has_numbers_and_lines(void **state)
{
    struct project *p = *state;
    struct config *config = good(p, BOTH /* line 2 */
                                 "route = {\n"
                                 "  receiver = 'chat', group_by = { 'team', \"route\" },\n"
                                 "  { matchers = { 'severity=high' }, receiver = 'page',\n"
                                 "    continue = true, group_wait = '5s', repeat_interval = '1h',\n"
                                 "    { matchers = { 'type=~a|b' }, group_by = { '...' } },\n"
                                 "  },\n"
                                 "  { matchers = { 'severity=low', 'team!=x' } },\n"
                                 "}");
    const struct route *root = &config->alerts.root;
    assert_int_equal(root->line, 3);
    assert_int_equal(root->group_wait_ms, -1);
    assert_int_equal(root->group_by_count, 2);
    assert_int_equal(root->child_count, 2);
    const struct route *high = &root->children[0], *low = &root->children[1];
    assert_int_equal(high->line, 5);
    assert_int_equal(high->number, 1);
    assert_true(high->goes_on);
    assert_int_equal(high->group_wait_ms, 5000);
    assert_int_equal(high->group_interval_ms, -1);
    assert_int_equal(high->repeat_interval_ms, 3600 * 1000);
    assert_int_equal(high->children[0].line, 7);
    assert_int_equal(high->children[0].number, 2);
    assert_string_equal(high->children[0].group_by[0], "...");
    assert_int_equal(low->line, 9);
    assert_int_equal(low->number, 3);
    assert_int_equal(low->matchers.count, 2);
    assert_null(low->receiver);
    config_free(config);
}

static void routes_that_code_makes_have_no_lines(void **state)
{
    struct project *p = *state;
    struct config *config = good(p, CHAT "route = { receiver = 'chat',\n"
                                         "  (function() return { matchers = { 'a=b' } } end)(),\n"
                                         "  { matchers = { 'c=d' } } }");
    assert_int_equal(config->alerts.root.child_count, 2);
    assert_int_equal(config->alerts.root.line, 0);
    assert_int_equal(config->alerts.root.children[1].line, 0);
    config_free(config);
}

static void mute_windows_inhibition_and_the_rest(void **state)
{
    struct project *p = *state;
    struct config *config =
        good(p, CHAT "mute = { nights = { { cron = '0 22 * * *', duration = '9h',"
                     " timezone = 'Asia/Seoul' }, { cron = '@weekly', duration = '1m' } } },\n"
                     "route = { receiver = 'chat', { mute = { 'nights' } } },\n"
                     "inhibit = { { source = { 'type=down' }, target = { 'severity=low' },"
                     " equal = { 'environment' } } },\n"
                     "heartbeat = { url = 'http://127.0.0.1/' }, templates = 'words',"
                     " send_simulated = true");
    const struct notify_settings *alerts = &config->alerts;
    assert_int_equal(notify_mute(alerts, "nights")->window_count, 2);
    assert_int_equal(notify_mute(alerts, "nights")->windows[0].duration_ms, 9 * 3600 * 1000);
    assert_non_null(notify_mute(alerts, "nights")->windows[0].zone);
    assert_null(notify_mute(alerts, "nights")->windows[1].zone);
    assert_string_equal(alerts->root.children[0].mute[0], "nights");
    assert_int_equal(alerts->inhibit_count, 1);
    assert_string_equal(alerts->inhibits[0].equal[0], "environment");
    assert_string_equal(alerts->heartbeat_json, "{\"url\":\"http://127.0.0.1/\"}");
    assert_non_null(strstr(alerts->templates_dir, "/words"));
    assert_true(alerts->send_simulated);
    config_free(config);
}

/* ---- what is wrong ---- */

static void faults_of_receivers(void **state)
{
    struct project *p = *state;
    bad(p, "receivrs = {}", 2, "did you mean 'receivers'");
    bad(p, "receivers = 'chat'", 2, "named tables");
    bad(p, "receivers = { 'chat' }", 2, "named tables");
    bad(p, "receivers = { chat = 'x' }", 2, "named tables");
    bad(p, "\nreceivers = {\n chat = { channel = 'x' } }", 4, "type");
    bad(p, "receivers = { chat = {\n type = 'slack', rate = 0 } }", 3, "rate");
    bad(p, "receivers = { chat = { type = 'slack',\n\n send_resolved = 1 } }", 4, "send_resolved");
    bad(p, "receivers = { chat = { type = 'slack', f = print } }", 2, "function");
    bad(p, BOTH, 2, "needs a route");
}

static void faults_of_routes(void **state)
{
    struct project *p = *state;
    bad(p, CHAT "route = 'chatt'", 3, "did you mean 'chat'");
    bad(p, CHAT "route = 7", 3, "route must be");
    bad(p, CHAT "route = { group_wait = '5s' }", 3, "needs a receiver");
    bad(p, CHAT "route = {\n receiver = 'pager' }", 4, "no receiver 'pager'");
    bad(p, CHAT "route = {\n receiver = 'chat',\n matchers = { 'a=b' } }", 5, "matches everything");
    bad(p, CHAT "route = {\n receiver = 'chat',\n group_weight = '5s' }", 5,
        "did you mean 'group_wait'");
    bad(p, CHAT "route = {\n receiver = 'chat',\n group_wait = 'soon' }", 5, "group_wait");
    bad(p, CHAT "route = {\n receiver = 'chat',\n group_by = 'team' }", 5, "list of names");
    bad(p, CHAT "route = {\n receiver = 'chat',\n group_by = { x = 'team' } }", 5, "list of names");
    bad(p, CHAT "route = {\n receiver = 'chat',\n mute = { 'never' } }", 5, "no mute windows");
    bad(p, CHAT "route = {\n receiver = 'chat', 'x' }", 3, "a route holds routes");
}

static void faults_of_matchers(void **state)
{
    struct project *p = *state;
    static const char *const wrong[] = {"a", "=b", "a==b", "a=~(", "a=\"b", "", "1=2"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];
        struct config *config;
        struct faults faults;
        snprintf(text, sizeof text, CHAT "route = { receiver = 'chat',\n { matchers = { '%s' } } }",
                 wrong[i]);
        if (load(p, text, &config, &faults) < 0) {
            assert_true(faults.count >= 1);
            assert_non_null(strstr(faults.items[0].text, "matcher"));
        } else if (strcmp(wrong[i], "a==b") != 0) { /* its value is "=b" */
            fail_msg("taken: %s", wrong[i]);
        }
        config_free(config);
        faults_done(&faults);
    }
}

static void a_tree_that_is_too_deep_or_has_too_many_routes_is_refused(void **state)
{
    struct project *p = *state;
    struct config *config;
    struct faults faults;
    const struct {
        bool deep;
        int count;
        bool taken;
    } cases[] = {{true, ROUTE_DEPTH_MAX, true},
                 {true, ROUTE_DEPTH_MAX + 1, false},
                 {false, ROUTES_MAX - 1, true},
                 {false, ROUTES_MAX, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 CHAT "route = (function() local t = { receiver = 'chat' }\n"
                      "for i = 1, %d do %s end return t end)()",
                 cases[i].count, cases[i].deep ? "t = { receiver = 'chat', t }" : "t[i] = {}");
        assert_int_equal(load(p, text, &config, &faults) >= 0, cases[i].taken);
        config_free(config);
        faults_done(&faults);
    }
}

static void faults_of_mute_windows_and_inhibition(void **state)
{
    struct project *p = *state;
    bad(p, CHAT "mute = { n = {} }", 3, "must be a list");
    bad(p, CHAT "mute = { n = { 'x' } }", 3, "list of tables");
    bad(p, CHAT "mute = { n = { { duration = '1h' } } }", 3, "cron");
    bad(p, CHAT "mute = { n = { { cron = '0 0 * * *' } } }", 3, "duration");
    bad(p, CHAT "mute = { n = { { cron = '61 * * * *', duration = '1h' } } }", 3, "minute");
    bad(p, CHAT "mute = { n = { { cron = '@daily', duration = '1h', timezone = 'Moon/Base' } } }",
        3, "Moon/Base");
    bad(p, CHAT "mute = { n = { { cron = '@daily', duration = '1h', zone = 'UTC' } } }", 3, "zone");
    bad(p, CHAT "inhibit = { { source = { 'a=b' } } }", 3, "needs matchers");
    bad(p, CHAT "inhibit = { 'x' }", 3, "inhibit must be");
    bad(p, CHAT "inhibit = { { source = { 'a=b' }, target = { 'c=d' }, equals = { 'x' } } }", 3,
        "did you mean 'equal'");
    bad(p, CHAT "heartbeat = 'x'", 3, "heartbeat");
    bad(p, CHAT "send_simulated = 'yes'", 3, "send_simulated");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_project, remove_project)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_alerts_nobody_is_told),
        TEST(one_receiver_needs_no_route),
        TEST(the_fields_of_a_receiver_pass_as_json),
        TEST(a_secret_is_no_part_of_what_policies_see),
        TEST(a_tree_of_routes_has_numbers_and_lines),
        TEST(routes_that_code_makes_have_no_lines),
        TEST(mute_windows_inhibition_and_the_rest),
        TEST(faults_of_receivers),
        TEST(faults_of_routes),
        TEST(faults_of_matchers),
        TEST(a_tree_that_is_too_deep_or_has_too_many_routes_is_refused),
        TEST(faults_of_mute_windows_and_inhibition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
