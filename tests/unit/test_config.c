/* Facts about moontide.lua. */
#include "moontide/base/fs.h"
#include "moontide/bind/config.h"

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
    snprintf(p->dir, sizeof p->dir, "/tmp/moontide-config-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof p->file, "%s/moontide.lua", p->dir);
    *state = p;
    return 0;
}

static int remove_project(void **state)
{
    struct project *p = *state;
    char secret[96];
    snprintf(secret, sizeof secret, "%s/token", p->dir);
    unlink(secret);
    unlink(p->file);
    rmdir(p->dir);
    free(p);
    return 0;
}

static int load(struct project *p, const char *text, struct config **out, struct faults *faults)
{
    struct fault fault;
    assert_int_equal(fs_write_file(p->file, text, strlen(text), 0600, &fault), OK);
    faults_init(faults);
    *out = NULL;
    return config_load(p->dir, out, faults);
}

static struct config *good(struct project *p, const char *text)
{
    struct config *config = NULL;
    struct faults faults;
    int code = load(p, text, &config, &faults);
    if (code < 0) fail_msg("%s", faults.items[0].text);
    faults_done(&faults);
    return config;
}

/* Fails unless the only fault's text holds `part` and is on `line`. */
static void bad(struct project *p, const char *text, int line, const char *part)
{
    struct config *config = NULL;
    struct faults faults;
    assert_true(load(p, text, &config, &faults) < 0);
    assert_null(config);
    if (faults.count != 1 || !strstr(faults.items[0].text, part))
        fail_msg("%s: %zu faults, the first '%s', not '%s'", text, faults.count,
                 faults.items[0].text, part);
    assert_string_equal(faults.items[0].file, p->file);
    if (faults.items[0].line != line)
        fail_msg("%s: '%s' on line %d, not %d", text, part, faults.items[0].line, line);
    faults_done(&faults);
}

static void a_missing_file_means_defaults(void **state)
{
    struct project *p = *state;
    struct config *config = NULL;
    assert_int_equal(config_load(p->dir, &config, NULL), OK);
    assert_null(config->file);
    assert_int_equal(config->environment_count, 2);
    assert_string_equal(config->environments[0], "prod");
    assert_string_equal(config->environments[1], "staging");
    assert_string_equal(config->language, "en");
    assert_int_equal(config->mode, MODE_RECOMMEND);
    assert_int_equal(config->settle_ms, 60000);
    assert_int_equal(config->policy_memory_bytes, 32 << 20);
    assert_int_equal(config->instructions, 5000000);
    assert_int_equal(config->evaluation_ms, 1000);
    assert_int_equal(config->policy_wall_ms, 5000);
    assert_int_equal(config->collect_ms, 30000);
    assert_int_equal(config->apply_ms, 60000);
    assert_int_equal(config->source_bytes, 1 << 20);
    assert_int_equal(config->request_ms, 30000);
    assert_int_equal(config->connect_ms, 3000);
    assert_int_equal(config->response_bytes, 32 << 20);
    assert_int_equal(config->retry_attempts, 0); /* not said */
    assert_int_equal(config->retry_base_ms, 1000);
    assert_int_equal(config->retry_cap_ms, 20000);
    assert_int_equal(config->log_format, -1);
    assert_int_equal(config->rails.max_actions_per_tick, 10);
    assert_int_equal(config->rails.drift_hold_ms, 3600000);
    assert_int_equal(config->journal_keep_ms, 7776000000);
    assert_int_equal(config->journal_max_bytes, 256 << 20);
    assert_true(config->record);
    assert_int_equal(config->record_keep_ms, 604800000);
    assert_int_equal(config->record_max_bytes, 1 << 30);
    assert_string_equal(config->json,
                        "{\"environments\":[\"prod\",\"staging\"],\"language\":\"en\","
                        "\"mode\":\"recommend\",\"vars\":{}}");
    config_free(config);
}

static void every_field_is_read(void **state)
{
    struct project *p = *state;
    struct config *config = good(
        p,
        "local ms = '250ms'\n"
        "return {\n"
        "  environments = { 'a', 'b', 'c' }, region = 'ap-northeast-2', profile = 'x',\n"
        "  endpoint = 'http://127.0.0.1:1', policies = 'rules', state = '/var/lib/moontide',\n"
        "  accounts = { audit = { role_arn = 'arn:aws:iam::1:role/x', region = 'us-east-1',\n"
        "                         external_id = 'shop/1', session_name = 'tide' } },\n"
        "  language = 'ko', mode = 'act', settle = '2m', allow = { 'sqs:SetQueueAttributes' },\n"
        "  rails = { max_actions_per_tick = 3, max_share = 0.5, tolerance = 0.2,\n"
        "            rate_out = { add = 8 }, cooldown_in = '10m', change_windows = {},\n"
        "            freezes = { { cron = '0 18 * * fri', duration = '62h',\n"
        "                          timezone = 'Asia/Seoul' } } },\n"
        "  journal = { keep = '30d', max_size = '1GiB' },\n"
        "  record = { keep = '2d', size = '5MiB' },\n"
        "  limits = { policy_memory = '8MiB', instructions = 1e6, evaluation = ms,\n"
        "             evaluations = 2, collect = '10s', apply = '20s', source = '64KiB', request = "
        "'5s',\n"
        "             connect = '1s', response = '1MiB' },\n"
        "  retry = { attempts = 2, base = '10ms', cap = '1s' },\n"
        "  log = { level = 'debug', format = 'json' },\n"
        "  alerts = { receivers = { ops = { type = 'slack' } }, route = 'ops' }, cost = { "
        "per_1000_metrics = 0.02 },\n"
        "  reload = {}, vars = { budget = 5, teams = { 'x' } },\n"
        "}");
    assert_int_equal(config->environment_count, 3);
    assert_string_equal(config->region, "ap-northeast-2");
    assert_string_equal(config->profile, "x");
    assert_string_equal(config->endpoint, "http://127.0.0.1:1");
    assert_string_equal(config->accounts[0].name, "audit");
    assert_string_equal(config->accounts[0].region, "us-east-1");
    assert_string_equal(config->accounts[0].external_id, "shop/1");
    assert_string_equal(config->accounts[0].session_name, "tide");
    assert_string_equal(config->state_dir, "/var/lib/moontide");
    assert_int_equal(config->allow_count, 1);
    assert_string_equal(config->allow[0], "sqs:SetQueueAttributes");
    assert_true(strstr(config->policies_dir, "/rules") != NULL);
    assert_string_equal(config->language, "ko");
    assert_int_equal(config->mode, MODE_ACT);
    assert_int_equal(config->settle_ms, 120000);
    assert_int_equal(config->policy_memory_bytes, 8 << 20);
    assert_int_equal(config->instructions, 1000000);
    assert_int_equal(config->evaluation_ms, 250);
    assert_int_equal(config->policy_wall_ms, 2000);
    assert_int_equal(config->collect_ms, 10000);
    assert_int_equal(config->apply_ms, 20000);
    assert_int_equal(config->source_bytes, 65536);
    assert_int_equal(config->request_ms, 5000);
    assert_int_equal(config->connect_ms, 1000);
    assert_int_equal(config->response_bytes, 1 << 20);
    assert_int_equal(config->retry_attempts, 2);
    assert_int_equal(config->retry_base_ms, 10);
    assert_int_equal(config->retry_cap_ms, 1000);
    assert_int_equal(config->log_level, LOG_DEBUG);
    assert_int_equal(config->log_format, LOG_JSON);
    assert_int_equal(config->rails.max_actions_per_tick, 3);
    assert_true(config->rails.max_share == 0.5 && config->rails.tolerance == 0.2);
    assert_true(config->rails.rate_out.add == 8 && config->rails.rate_out.percent == 100);
    assert_int_equal(config->rails.cooldown_in_ms, 600000);
    assert_null(config->rails.change_windows);
    assert_non_null(config->rails.freezes);
    assert_int_equal(config->journal_keep_ms, 2592000000);
    assert_int_equal(config->journal_max_bytes, 1 << 30);
    assert_true(config->record);
    assert_int_equal(config->record_keep_ms, 172800000);
    assert_int_equal(config->record_max_bytes, 5 << 20);
    assert_true(config->price_per_1000_usd == 0.02);
    assert_string_equal(
        config->json, "{\"environments\":[\"a\",\"b\",\"c\"],\"language\":\"ko\",\"mode\":\"act\","
                      "\"region\":\"ap-northeast-2\",\"vars\":{\"budget\":5,\"teams\":[\"x\"]}}");
    config_free(config);
}

static void a_recording_is_switched_off_and_on(void **state)
{
    struct project *p = *state;
    struct config *config = good(p, "return { record = false }");
    assert_false(config->record);
    config_free(config);
    config = good(p, "return { record = true }");
    assert_true(config->record);
    config_free(config);
}

static void a_faulty_field_names_itself_its_line_and_its_nearest(void **state)
{
    struct project *p = *state;
    static const struct {
        const char *text;
        int line;
        const char *part;
    } cases[] = {
        {"return {\n regoin = 'x' }", 2, "unknown field 'regoin' (did you mean 'region'?)"},
        {"return {\n limits = {\n  evalution = 1 } }", 3, "(did you mean 'evaluation'?)"},
        {"return { mode = 'acct' }", 1, "it must be one of observe, recommend, act (did you mean"},
        {"return { language = 'fr' }", 1, "one of en, ko"},
        {"return { environments = 'prod' }", 1, "environments must be a list of names, not a str"},
        {"return { environments = { x = 'prod' } }", 1, "must be a list of names"},
        {"return { environments = { 'a', 'a' } }", 1, "'a' twice"},
        {"return { environments = { 1 } }", 1, "environments[1] must be a name"},
        {"return { settle = 'soon' }", 1, "'soon' is no duration"},
        {"return { settle = 0/0 }", 1, "is no duration"},
        {"return { limits = { policy_memory = '32 buckets' } }", 1, "is no size"},
        {"return { limits = { policy_memory = 5 } }", 1, "is no size"},
        {"return { limits = { instructions = 1.5 } }", 1, "whole number"},
        {"return { limits = { evaluation = 0 } }", 1, "must be over 0"},
        {"return { accounts = { 'x' } }", 1, "accounts must be named tables"},
        {"return { accounts = { x = { role = 'y' } } }", 1, "unknown field 'role'"},
        {"return { allow = { 'sqs' } }", 1, "service:Operation"},
        {"return { rails = { max_share = 2 } }", 1, "configuration: rails: max_share is 2"},
        {"return {\n rails = {\n  gate = true,\n  cooldwn_in = 5 } }", 4,
         "cooldwn_in: unknown field (did you mean 'cooldown_in'?)"},
        {"return {\n rails = {\n  rate_in = {\n   period = '1x' } } }", 3, "rate_in.period: '1x'"},
        {"return { rails = {\n freezes = { { cron = '* * *', duration = '1h' } } } }", 2,
         "freezes[1].cron: cron: '* * *' must have five fields"},
        {"return { rails = { min = 9, max = 0/0 } }", 1, "rails"},
        {"return { rails = 5 }", 1, "rails must be a table"},
        {"return { rails = { 1 } }", 1, "rails"},
        {"return { journal = { keep = 0 } }", 1, "keep must be over 0"},
        {"return { journal = { max_size = '5B' } }", 1, "max_size: '5B' is no size"},
        {"return { journal = { max_siz = 1 } }", 1, "did you mean 'max_size'?"},
        {"return { record = 5 }", 1, "record must be false, or a table with keep and size"},
        {"return { record = { keep = 0 } }", 1, "keep must be over 0"},
        {"return { record = { size = '5B' } }", 1, "size: '5B' is no size"},
        {"return { record = { max_size = '5MiB' } }", 1, "unknown field 'max_size'"},
        {"return { alerts = { route = 1 } }", 1, "route must be a receiver's name"},
        {"return { log = { cloudwatch = { group = 'g', stream = 's', metrics = '' } } }", 1,
         "metrics is empty"},
        {"return { vars = { f = print } }", 1, "vars.f"},
        {"return { log = { level = 'loud' } }", 1, "level is 'loud'"},
        {"return 5", 0, "must return a table, not a number"},
        {"return { 'prod' }", 0, "named fields only"},
        {"return {", 1, "expected"},
        {"\nerror('no')", 2, "no"},
        {"while true do end", 1, "instructions"},
        {"return { region = env 'MOONTIDE_NO_SUCH_VARIABLE' }", 1, "is not set"},
        {"return { region = file 'no-such-file' }", 1, "no-such-file"},
        {"return { region = os.getenv 'HOME' }", 1, "os"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        bad(p, cases[i].text, cases[i].line, cases[i].part);
}

static void all_faults_are_told_at_once(void **state)
{
    struct project *p = *state;
    struct config *config = NULL;
    struct faults faults;
    assert_true(load(p, "return {\n regoin = 1,\n mode = 2,\n settle = 'x',\n limits = { a = 1 } }",
                     &config, &faults) < 0);
    assert_int_equal(faults.count, 4);
    faults_done(&faults);
}

static void secrets_are_read_and_stay_out_of_what_policies_see(void **state)
{
    struct project *p = *state;
    struct fault fault;
    char path[96];
    snprintf(path, sizeof path, "%s/token", p->dir);
    assert_int_equal(fs_write_file(path, "s3\"cret\n", 8, 0600, &fault), OK);
    assert_int_equal(setenv("MOONTIDE_TEST_SECRET", "hush-hush", 1), 0);
    struct config *config = good(
        p,
        "return { endpoint = env 'MOONTIDE_TEST_SECRET', profile = file 'token',\n"
        "         alerts = { receivers = { ops = { type = 'webhook', url = file 'token' } } } }");
    assert_string_equal(config->endpoint, "hush-hush");
    assert_string_equal(config->profile, "s3\"cret");
    assert_null(strstr(config->json, "hush"));
    assert_null(strstr(config->json, "cret"));
    config_free(config);
    bad(p, "return { vars = { token = file 'token' } }", 1, "secrets do not belong there");
    bad(p, "return { vars = { url = 'x?' .. env 'MOONTIDE_TEST_SECRET' } }", 1, "secrets");
}

static void the_log_goes_to_files_and_syslog(void **state)
{
    struct config *c =
        good(*state, "return { log = { file = { path = 'm.log', max_size = '1MB' },\n"
                     "  syslog = true, level = 'warn' } }");
    char path[96];
    snprintf(path, sizeof path, "%s/m.log", ((struct project *)*state)->dir);
    assert_string_equal(c->log_file.path, path);
    assert_int_equal(c->log_file.max_bytes, 1000000);
    assert_int_equal(c->log_file.keep, 7);
    assert_int_equal(c->log_file.level, LOG_INFO);
    assert_int_equal(c->log_level, LOG_WARN);
    assert_true(c->log_syslog.on);
    assert_int_equal(c->log_syslog.facility, 3);
    config_free(c);
    c = good(*state,
             "return { log = { syslog = { facility = 'local7', path = '/x', level = 'off' } } }");
    assert_null(c->log_file.path);
    assert_int_equal(c->log_syslog.facility, 23);
    assert_int_equal(c->log_syslog.level, LOG_OFF);
    assert_string_equal(c->log_syslog.path, "/x");
    config_free(c);
    c = good(*state, "return { log = { syslog = false } }");
    assert_false(c->log_syslog.on);
    config_free(c);
}

static void faults_of_the_log_name_their_line(void **state)
{
    bad(*state, "return { log = {\n file = {\n keep = 2 } } }", 2, "path is missing");
    bad(*state, "return { log = {\n file = { path = 'x',\n max_size = '1B' } } }", 3,
        "max_size: '1B' is no size from 1024");
    bad(*state, "return { log = {\n file = { path = 'x',\n keeps = 1 } } }", 3,
        "unknown field 'keeps' (did you mean 'keep'?)");
    bad(*state, "return { log = {\n syslog = {\n facility = 'demon' } } }", 3,
        "(did you mean 'daemon'?)");
    bad(*state, "return { log = {\n syslog = 'yes' } }", 2, "syslog must be true or a table");
}

int main(void)
{
#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, make_project, remove_project)
    const struct CMUnitTest tests[] = {
        IN_PROJECT(a_missing_file_means_defaults),
        IN_PROJECT(every_field_is_read),
        IN_PROJECT(a_recording_is_switched_off_and_on),
        IN_PROJECT(a_faulty_field_names_itself_its_line_and_its_nearest),
        IN_PROJECT(all_faults_are_told_at_once),
        IN_PROJECT(secrets_are_read_and_stay_out_of_what_policies_see),
        cmocka_unit_test_setup_teardown(the_log_goes_to_files_and_syslog, make_project,
                                        remove_project),
        cmocka_unit_test_setup_teardown(faults_of_the_log_name_their_line, make_project,
                                        remove_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
