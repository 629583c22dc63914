/* The rails as a tick feeds them: the kill switch, missing data, gates, what is clipped, and what
 * AWS refuses. */
#include "support/act_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* ---- the kill switch ---- */

static void the_file_paused_holds_what_it_names(void **state)
{
    static const struct {
        const char *line, *wanted, *said;
    } cases[] = {
        {"", "{\"count\":3}", "a refused:PAUSED;"},
        {"{\"scope\":\"\"}", "{\"count\":3}", "a refused:PAUSED;"},
        {"{\"scope\":\"web\"}", "{\"count\":3}", "a refused:PAUSED;"},
        {"{\"scope\":\"prod\"}", "{\"count\":3}", "a refused:PAUSED;"},
        {"{\"scope\":\"a\"}", "{\"count\":3}", "a refused:PAUSED;"},
        {"{\"scope\":\"other\"}", "{\"count\":3}", "a applied:;"},
        {"{\"scope\":\"\",\"direction\":\"out\"}", "{\"count\":4}", "a refused:PAUSED;"},
        {"{\"scope\":\"\",\"direction\":\"in\"}", "{\"count\":5}", "a applied:;"},
        {"not JSON", "{\"count\":9}", "a refused:PAUSED;"},
    };
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        act_want(rule, cases[i].wanted);
        act_pause(act, cases[i].line);
        assert_string_equal(act_tick(act), cases[i].said);
    }
    act_pause(act, NULL);
    assert_string_equal(act_tick(act), "a applied:;");
}

static void pause_between(struct act_house *act, bool *hold)
{
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    *hold = true;
    act_begin_tick(act);
    act_until_held(act, 1);
    act_pause(act, "{\"scope\":\"web\",\"reason\":\"migration\"}");
    *hold = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_string_equal(act->said, "a refused:PAUSED;");
    assert_non_null(strstr(act->texts, "migration"));
    assert_int_equal(act->fake.applies, 0);
    assert_string_equal(act_intents(act), "");
}

static void a_pause_in_mid_tick_holds_what_was_not_sent_yet(void **state)
{
    struct act_house *act = *state;
    pause_between(act, &act->fake.hold_check);
    assert_string_equal(act_journal(act), "intent;pause;outcome refused;");
}

static int many(struct act_house *act)
{
    struct rule *rule = act_rule(act, "web");
    rule->target_count = 8;
    rule->rails = "{\"max_share\":1,\"max_actions_per_tick\":20}";
    for (int i = 0; i < 2; i++)
        wants_of(rule)->items[i] =
            (struct want){.resource = i == 0 ? "r-%" : "s-%", .wanted = "{\"count\":3}"};
    act->fake.others = "{\"count\":2}";
    return house_put(&act->house, rule);
}

static void a_pause_that_is_told_holds_the_calls_still_to_be_sent(void **state)
{
    struct act_house *act = *state;
    assert_int_equal(many(act), OK);
    act->fake.hold_apply = true;
    act_begin_tick(act);
    act_until_held(act, 8);
    act_pause(act, "");
    engine_pauses_changed(act->house.engine);
    assert_int_equal(loop_run(act->house.loop), 0); /* the file is all there is to wait for */
    act->fake.hold_apply = false;
    fake_answer(&act->fake, 0);
    act_end_tick(act);
    assert_int_equal(act->fake.applies, 8);
    assert_non_null(strstr(act->said, "r-d refused:PAUSED;s-d refused:PAUSED;"));
    assert_string_equal(act_intents(act), "");
}

/* ---- unknown ---- */

static void without_data_capacity_is_added_and_not_taken_away(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":1}");
    wants_of(rule)->unknown = true;
    assert_string_equal(act_tick(act), "a refused:UNKNOWN;");
    assert_string_equal(act->texts, "a: no data: load: no datapoint;");
    act_want(rule, "{\"note\":\"x\"}");
    assert_string_equal(act_tick(act), "a refused:UNKNOWN;");
    act_want(rule, "{\"count\":6}");
    assert_string_equal(act_tick(act), "a applied:;");
}

/* ---- gates ---- */

static struct rule *tier(struct act_house *act, const char *issue, enum severity severity)
{
    struct rule *rule = act_rule(act, "db");
    wants_of(rule)->issue = issue;
    wants_of(rule)->severity = severity;
    assert_int_equal(house_put(&act->house, rule), OK);
    return rule;
}

static void a_saturated_tier_gates_what_depends_on_it(void **state)
{
    static const char *const tiers[] = {"db", NULL};
    static const struct {
        const char *issue;
        enum severity severity;
        const char *rails, *wanted, *said;
    } cases[] = {
        {"connection_saturation", SEVERITY_HIGH, NULL, "{\"count\":3}", "a refused:GATED;"},
        {"saturation", SEVERITY_HIGH, NULL, "{\"count\":3}", "a refused:GATED;"},
        {"connection_saturation", SEVERITY_MEDIUM, NULL, "{\"count\":3}", "a applied:;"},
        {"latency", SEVERITY_HIGH, NULL, "{\"count\":3}", "a applied:;"},
        {"insaturation", SEVERITY_HIGH, NULL, "{\"count\":3}", "a applied:;"},
        {"saturation", SEVERITY_HIGH, "{\"gate\":false}", "{\"count\":3}", "a applied:;"},
        {"saturation", SEVERITY_HIGH, NULL, "{\"note\":\"x\"}", "a applied:;"},
    };
    struct act_house *act = *state;
    struct rule *db = tier(act, NULL, SEVERITY_HIGH);
    struct rule *rule = act_count(act, "web", "a", "{\"count\":3}");
    rule->depends_on = tiers;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fake_set(&act->fake, "a", "{\"count\":2}");
        act_sql(act, "DELETE FROM resource; DELETE FROM alert");
        wants_of(db)->issue = cases[i].issue;
        wants_of(db)->severity = cases[i].severity;
        rule->rails = cases[i].rails;
        act_want(rule, cases[i].wanted);
        act_restart(act);
        act_tick(act);
        assert_string_equal(act_tick(act)[0] ? act->said : "", strstr(cases[i].said, "applied")
                                                                   ? "a unchanged:NO_CHANGE;"
                                                                   : cases[i].said);
    }
}

/* ---- what is clipped ---- */

static void what_the_rate_leaves_is_applied_and_journaled(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    act_count(act, "web", "a", "{\"count\":30,\"max\":40,\"min\":1}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":8}");
    assert_non_null(strstr(act->texts, "4 -> 30 wanted, 8 allowed"));
    assert_string_equal(
        act_query(act, "SELECT json_extract(json, '$.wanted.count') || ' ' ||"
                       " json_extract(json, '$.changes[0].to') || ' ' ||"
                       " json_extract(json, '$.clipped') FROM journal WHERE what = 'intent'"),
        "8 8 [\"RATE\"]");
    assert_string_equal(
        act_query(act, "SELECT json_extract(json, '$.written.count') FROM resource"), "8");
}

static void rate_and_cooldown_outlive_a_restart(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":8}");
    act_tick(act);
    act_restart(act);
    act_want(rule, "{\"count\":5}");
    assert_string_equal(act_tick(act), "a refused:STABILIZING;"); /* the capacity there is counts */
    act_want(rule, "{\"count\":8,\"max\":6,\"min\":1}");
    fake_set(&act->fake, "a", "{\"count\":8}");
    assert_string_equal(act_tick(act), "a unchanged:NO_CHANGE;");
}

static void the_decisions_own_bounds_hold(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    act_count(act, "web", "a", "{\"count\":7,\"max\":5,\"min\":1}");
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":5}");
    act_tick(act);
    assert_string_equal(act->said, "a refused:AT_MAX;");
}

static void numbers_that_are_none_are_not_feasible(void **state)
{
    static const char *const wanted[] = {"{\"count\":-1}", "{\"count\":1e999}"};
    struct act_house *act = *state;
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        fake_set(&act->fake, "a", "{\"count\":4}");
        if (i == 0) act_count(act, "web", "a", wanted[i]);
        act_want(act->house.rules, wanted[i]);
        act_tick(act);
        assert_int_equal(act->fake.applies, 0);
        assert_null(strstr(act->said, "applied"));
    }
}

static void rails_of_a_decision_that_cannot_be_read_fail_it(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":4}");
    struct rule *rule = act_count(act, "web", "a", "{\"count\":5}");
    wants_of(rule)->items[0].rails = "{\"tolerence\":1}";
    assert_string_equal(act_tick(act), "a failed:;");
    assert_non_null(strstr(act->texts, "rails: tolerence"));
}

/* ---- what AWS says ---- */

static void what_is_busy_or_cannot_be_done_is_refused_with_its_words(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.busy = "a deployment is in progress";
    assert_string_equal(act_tick(act), "a refused:BUSY;");
    assert_string_equal(act->texts, "a: a deployment is in progress;");
    act->fake.infeasible = "no such class";
    assert_string_equal(act_tick(act), "a refused:NOT_FEASIBLE;");
    act->fake.infeasible = act->fake.busy = NULL;
    act->fake.notes = "[\"downtime\"]";
    assert_string_equal(act_tick(act), "a applied:;");
    assert_string_equal(act_query(act, "SELECT json_extract(json, '$.notes[0]') FROM journal"
                                       " WHERE what = 'intent'"),
                        "downtime");
}

static void what_aws_denies_rests_for_ten_minutes(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.apply_code = ERR_DENIED;
    assert_string_equal(act_tick(act), "a refused:NOT_ALLOWED;");
    act->fake.apply_code = OK;
    size_t reads = act->fake.reads;
    for (int i = 0; i < 9; i++)
        assert_string_equal(act_tick(act), "a refused:NOT_ALLOWED;");
    assert_int_equal(act->fake.reads, reads);
    assert_string_equal(act_tick(act), "a applied:;");
}

static void so_does_a_resource_that_may_not_be_read(void **state)
{
    struct act_house *act = *state;
    fake_set(&act->fake, "a", "{\"count\":2}");
    act_count(act, "web", "a", "{\"count\":3}");
    act->fake.read_code = ERR_DENIED;
    act->fake.read_problem = "ecs:DescribeServices on a is not allowed";
    assert_string_equal(act_tick(act), "a refused:NOT_ALLOWED;");
    assert_string_equal(act->texts, "a: ecs:DescribeServices on a is not allowed;");
    act->fake.read_code = OK;
    for (int i = 0; i < 9; i++)
        assert_string_equal(act_tick(act), "a refused:NOT_ALLOWED;");
    assert_int_equal(act->fake.reads, 1);
    act_later(act, -60 * MINUTE_MS); /* by a clock that goes back it rests no longer */
    for (int i = 0; i < 10; i++)
        act_tick(act);
    assert_string_equal(act_tick(act), "a applied:;");
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(the_file_paused_holds_what_it_names),
        FACT(a_pause_in_mid_tick_holds_what_was_not_sent_yet),
        FACT(a_pause_that_is_told_holds_the_calls_still_to_be_sent),
        FACT(without_data_capacity_is_added_and_not_taken_away),
        FACT(a_saturated_tier_gates_what_depends_on_it),
        FACT(what_the_rate_leaves_is_applied_and_journaled),
        FACT(rate_and_cooldown_outlive_a_restart),
        FACT(the_decisions_own_bounds_hold),
        FACT(numbers_that_are_none_are_not_feasible),
        FACT(rails_of_a_decision_that_cannot_be_read_fail_it),
        FACT(what_is_busy_or_cannot_be_done_is_refused_with_its_words),
        FACT(what_aws_denies_rests_for_ten_minutes),
        FACT(so_does_a_resource_that_may_not_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
