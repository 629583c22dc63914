/* What the table `rails` may say. */
#include "rails_fixture.h"
#include "support/alloc_fail.h"

static void the_defaults_are_those_of_the_table(void **state)
{
    struct rails_fixture *f = *state;
    const struct rail_limits *limits = &f->limits;
    assert_int_equal(limits->max_actions_per_tick, 10);
    assert_true(limits->max_share == 0.25 && limits->tolerance == 0.1);
    assert_int_equal(limits->stabilization_in_ms, 300000);
    assert_int_equal(limits->stabilization_out_ms, 0);
    assert_int_equal(limits->cooldown_in_ms, 300000);
    assert_int_equal(limits->cooldown_out_ms, 300000);
    assert_true(limits->rate_out.add == 4 && limits->rate_out.percent == 100);
    assert_int_equal(limits->rate_out.period_ms, 60000);
    assert_true(limits->rate_in.add == 0 && limits->rate_in.percent == 100);
    assert_int_equal(limits->rate_in.period_ms, 60000);
    assert_true(isnan(limits->min) && isnan(limits->max));
    assert_int_equal(limits->drift_hold_ms, 3600000);
    assert_true(limits->gate);
    assert_null(limits->change_windows);
    assert_null(limits->freezes);
}

static void every_limit_is_read(void **state)
{
    struct rails_fixture *f = *state;
    rails_limit(f, "{'max_actions_per_tick':3,'max_share':0.5,'tolerance':0,"
                   "'stabilization_in':'10m','stabilization_out':30,'cooldown_in':'1h30m',"
                   "'cooldown_out':1.5,'rate_in':{'add':2,'percent':10,'period':'2m'},"
                   "'rate_out':{'percent':50},'min':1,'max':99.5,'drift_hold':0,'gate':false,"
                   "'change_windows':[{'cron':'@daily','duration':'1m'}],"
                   "'freezes':[{'cron':'0 0 1 1 *','duration':'31d','timezone':'Asia/Seoul'}]}");
    const struct rail_limits *limits = &f->limits;
    assert_int_equal(limits->max_actions_per_tick, 3);
    assert_true(limits->max_share == 0.5 && limits->tolerance == 0);
    assert_int_equal(limits->stabilization_in_ms, 600000);
    assert_int_equal(limits->stabilization_out_ms, 30000);
    assert_int_equal(limits->cooldown_in_ms, 5400000);
    assert_int_equal(limits->cooldown_out_ms, 1500);
    assert_true(limits->rate_in.add == 2 && limits->rate_in.percent == 10);
    assert_int_equal(limits->rate_in.period_ms, 120000);
    assert_true(limits->rate_out.add == 4 && limits->rate_out.percent == 50); /* what is not said */
    assert_int_equal(limits->rate_out.period_ms, 60000);
    assert_true(limits->min == 1 && limits->max == 99.5);
    assert_int_equal(limits->drift_hold_ms, 0);
    assert_false(limits->gate);
    assert_non_null(limits->change_windows);
    assert_non_null(limits->freezes);
}

static void a_narrower_level_says_what_differs(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_limits policy;
    rails_limit(f, "{'max':20,'cooldown_in':60,'freezes':[{'cron':'@daily','duration':'1h'}]}");
    rail_limits_copy(&policy, &f->limits);
    assert_ptr_equal(policy.freezes, f->limits.freezes); /* shared */
    rails_limit(f, "{'freezes':{}}"); /* an empty table of Lua's; the copy keeps its own */
    assert_null(f->limits.freezes);
    assert_non_null(policy.freezes);
    assert_true(policy.max == 20);
    struct rail_case c = rails_case(f, 4, 8);
    c.limits = &policy;
    c.now_ms = 1769817600000; /* midnight */
    rails_judge(&c, RAIL_FROZEN, RAIL_FROZEN);
    assert_refused(c, RAIL_FROZEN, "2026-01-31T01:00:00Z");
    rail_limits_done(&policy);
    rail_limits_done(&policy);
}

static void a_wrong_limit_is_named_and_changes_nothing(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        const char *json, *begins, *part;
    } rows[] = {
        {"", "rails", "no JSON"},
        {"[]", "rails", "must be a table"},
        {"{'max':1", "rails", "no JSON"},
        {"{} 5", "rails", "no JSON"},
        {"{'max_shar':1}", "max_shar:", "did you mean 'max_share'?"},
        {"{'nothing_like_it':1}", "nothing_like_it: unknown field", "unknown field"},
        {"{'max_share':2}", "max_share is 2", "from 0 to 1"},
        {"{'max_share':-0.1}", "max_share", "from 0 to 1"},
        {"{'max_share':'half'}", "max_share must be a number", "number"},
        {"{'max_share':null}", "max_share must be a number", "number"},
        {"{'tolerance':1e400}", "tolerance is inf", "from 0 to 1"},
        {"{'max_actions_per_tick':1.5}", "max_actions_per_tick is 1.5", "whole"},
        {"{'max_actions_per_tick':1000001}", "max_actions_per_tick is", "1e+06"},
        {"{'max_actions_per_tick':-1}", "max_actions_per_tick is -1", "from 0"},
        {"{'cooldown_in':'5 minutes'}", "cooldown_in: '5 minutes' is no duration", "\"5m\""},
        {"{'cooldown_in':'31d'}", "cooldown_in: '31d' is no duration from 0s to 30d", ""},
        {"{'cooldown_in':-1}", "cooldown_in: '-1'", ""},
        {"{'cooldown_in':1e300}", "cooldown_in: '1e+300'", ""},
        {"{'cooldown_in':true}", "cooldown_in must be a duration", ""},
        {"{'cooldown_in':'5m\\u0000'}", "cooldown_in", "no duration"},
        {"{'rate_out':5}", "rate_out must be a table: { add = 4", ""},
        {"{'rate_out':{'ad':1}}", "rate_out.ad: unknown field (did you mean 'add'?)", ""},
        {"{'rate_out':{'period':0}}", "rate_out.period: '0' is no duration from 1s", ""},
        {"{'rate_out':{'percent':-1}}", "rate_out.percent is -1", ""},
        {"{'gate':1}", "gate must be true or false", ""},
        {"{'min':5,'max':4}", "min is 5, more than max, which is 4", ""},
        {"{'freezes':5}", "freezes must be a list of { cron", ""},
        {"{'freezes':{'cron':'@daily'}}", "freezes must be a list", ""},
        {"{'freezes':['@daily']}", "freezes must be a list", ""},
        {"{'freezes':[{}]}", "freezes[1]: cron is missing", ""},
        {"{'freezes':[{'cron':'@daily'}]}", "freezes[1]: duration is missing", ""},
        {"{'freezes':[{'cron':'@daily','duration':'1h'},{'duration':'1h'}]}",
         "freezes[2]: cron is missing", ""},
        {"{'freezes':[{'cron':'61 * * * *','duration':'1h'}]}", "freezes[1].cron: cron: the minute",
         "0 to 59"},
        {"{'freezes':[{'cron':5,'duration':'1h'}]}", "freezes[1].cron must be a text", ""},
        {"{'freezes':[{'cron':'@daily','duration':'59s'}]}", "freezes[1].duration: '59s'", "1m"},
        {"{'freezes':[{'cron':'@daily','duration':'32d'}]}", "freezes[1].duration: '32d'", "31d"},
        {"{'freezes':[{'cron':'@daily','duration':'1h','timezone':'Mars/Base'}]}",
         "freezes[1].timezone: time zone 'Mars/Base'", "/usr/share/zoneinfo"},
        {"{'freezes':[{'cron':'@daily','duration':'1h','timezone':'../x'}]}",
         "freezes[1].timezone:", "no name"},
        {"{'freezes':[{'cron':'@daily','duration':'1h','zone':'UTC'}]}",
         "freezes[1].zone: unknown field", ""},
        {"{'change_windows':[{'cron':'@daily','timezone':'UTC','timezone':'UTC'}]}",
         "change_windows[1]: duration", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char json[512];
        struct fault fault;
        snprintf(json, sizeof json, "%s", rows[i].json);
        for (char *at = json; *at; at++)
            if (*at == '\'') *at = '"';
        rail_limits_default(&f->limits);
        int code = rail_limits_read(&f->limits, json, strlen(json), &fault);
        if (code != ERR_INVALID) fail_msg("%s: %d", rows[i].json, code);
        if (strncmp(fault.text, rows[i].begins, strlen(rows[i].begins)) != 0 ||
            !strstr(fault.text, rows[i].part))
            fail_msg("%s: %s", rows[i].json, fault.text);
        the_defaults_are_those_of_the_table(state);
    }
}

static void the_number_of_windows_is_bounded(void **state)
{
    struct rails_fixture *f = *state;
    char json[2048] = "{\"freezes\":[";
    struct fault fault;
    for (int i = 0; i <= RAIL_WINDOWS_MAX; i++) {
        strcat(json, i ? "," : "");
        strcat(json, "{\"cron\":\"@daily\",\"duration\":\"1h\",\"timezone\":\"UTC\"}");
    }
    strcat(json, "]}");
    assert_int_equal(rail_limits_read(&f->limits, json, strlen(json), &fault), ERR_INVALID);
    assert_string_equal(fault.text, "freezes[17]: there are at most 16");
}

static void every_allocation_may_fail(void **state)
{
    struct rails_fixture *f = *state;
    static const char json[] = "{\"max\":9,\"freezes\":[{\"cron\":\"\\u0040daily\",\"duration\":"
                               "\"1h\",\"timezone\":\"Asia/Seoul\"}]}";
    unsigned n = 1;
    for (; n < 100; n++) {
        alloc_fail_at(n);
        int code = rail_limits_read(&f->limits, json, sizeof json - 1, NULL);
        if (!alloc_fail_done()) {
            assert_int_equal(code, OK);
            break;
        }
        assert_int_equal(code, ERR_NOMEM);
        assert_true(isnan(f->limits.max));
    }
    assert_in_range(n, 5, 99);
}

int main(void)
{
#define FACT(test) cmocka_unit_test_setup_teardown(test, rails_setup, rails_teardown)
    const struct CMUnitTest tests[] = {
        FACT(the_defaults_are_those_of_the_table), FACT(every_limit_is_read),
        FACT(a_narrower_level_says_what_differs),  FACT(a_wrong_limit_is_named_and_changes_nothing),
        FACT(the_number_of_windows_is_bounded),    FACT(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
