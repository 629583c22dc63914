/* One tick: evaluation, faults, limits, collect, decisions, and the end of an engine. How policies
 * come and go is in test_engine_policies.c, what must survive on disk is in
 * test_engine_store.c, when policies are due in test_schedule.c. */
#include "moontide/base/log.h"
#include "support/engine_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a tick ---- */

static void a_tick_judges_every_target_and_reports_it(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    assert_int_equal(house_put(house, rule), OK);
    assert_false(house_tick(house));
    assert_string_equal(house->targets, "web/prod=healthy;web/staging=healthy;");
    assert_int_equal(house->last.targets, 2);
    assert_int_equal(house->last.by_status[STATUS_HEALTHY], 2);
    assert_int_equal(house->last.queries, 2);
    assert_int_equal(house->last.datapoints, 6);
    assert_int_equal(house->last.number, 1);
    assert_string_equal(house->policies, "web:2 ");
    house_close(house);
    assert_int_equal(rule->alive, 0);
}

static void a_target_goes_critical_and_back(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->target_count = 1;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    house->world.value = 500;
    house_next_tick(house);
    house_next_tick(house);
    house->world.value = 1;
    house_next_tick(house);
    house_next_tick(house);
    assert_string_equal(house->targets,
                        "web/prod=healthy;web/prod=critical[slow];web/prod=critical[slow];"
                        "web/prod=healthy;web/prod=healthy;");
}

static void a_missing_datapoint_is_unknown_and_resolves_nothing(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->target_count = 1;
    rule->slots = 1;
    assert_int_equal(house_put(house, rule), OK);
    house->world.value = NAN;
    house_tick(house);
    house->world.value = 500;
    house_next_tick(house);
    house->world.value = NAN;
    house_next_tick(house);
    house_next_tick(house);
    assert_string_equal(house->targets,
                        "web/prod=unknown;web/prod=critical[slow];web/prod=critical[slow];"
                        "web/prod=critical[slow];");
}

static void note_before(struct house *house, const struct target_report *report)
{
    size_t len = strlen(house->targets);
    snprintf(house->targets + len, sizeof house->targets - len, "(%s)",
             report->first ? "first" : status_names[report->before]);
}

static void a_report_knows_the_status_before(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->target_count = 1;
    house->on_target = note_before;
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    assert_int_equal(house_put(house, rule), OK); /* a new generation forgets nothing */
    house_next_tick(house);
    assert_string_equal(house->targets,
                        "web/prod=critical[slow];(first)web/prod=critical[slow];(critical)");
}

static void a_tick_without_policies_ends(void **state)
{
    struct house *house = *state;
    assert_false(house_tick(house));
    assert_int_equal(house->last.targets, 0);
}

static void a_metric_of_two_policies_is_asked_once(void **state)
{
    struct house *house = *state;
    struct rule *one = house_rule(house, "web", judge_slow),
                *two = house_rule(house, "other", judge_slow);
    assert_int_equal(house_put(house, one), OK);
    assert_int_equal(house_put(house, two), OK);
    house_tick(house);
    assert_int_equal(house->world.calls, 1);
    assert_int_equal(house->world.queries, 2);
    assert_int_equal(house->last.targets, 4);
    assert_string_equal(house->policies, "other:2 web:0 ");
}

static void the_seed_is_the_targets_and_the_ticks(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_healthy);
    rule->target_count = 1;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    uint64_t seed = rule->seed;
    house_tick(house);
    assert_true(rule->seed == seed);
    house_next_tick(house);
    assert_true(rule->seed != seed);
}

static void a_tick_of_one_policy_leaves_the_others_alone(void **state)
{
    struct house *house = *state;
    struct rule *one = house_rule(house, "web", judge_slow),
                *two = house_rule(house, "other", judge_slow);
    assert_int_equal(house_put(house, one), OK);
    assert_int_equal(house_put(house, two), OK);
    assert_int_equal(engine_tick(house->engine, "nobody", NULL, NULL), ERR_NOT_FOUND);
    house->world.hold = true;
    assert_int_equal(engine_tick(house->engine, "web", NULL, NULL), OK);
    assert_int_equal(engine_tick(house->engine, "web", NULL, NULL), ERR_BUSY);
    house_turns(house, 5);
    world_answer(&house->world);
    house_turns(house, 20);
    assert_string_equal(house->targets, "web/prod=healthy;web/staging=healthy;");
    house->world.hold = false;
}

/* ---- faults ---- */

static void a_policy_that_fails_harms_no_other(void **state)
{
    struct house *house = *state;
    struct rule *bad = house_rule(house, "bad", judge_fails),
                *good = house_rule(house, "web", judge_slow);
    assert_int_equal(house_put(house, bad), OK);
    assert_int_equal(house_put(house, good), OK);
    assert_true(house_tick(house));
    /* In which order: on a slow machine two policies take turns within a tick. */
    static const char *const told[] = {"bad/prod=unknown;", "bad/staging=unknown;",
                                       "web/prod=healthy;", "web/staging=healthy;"};
    size_t length = 0;
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        assert_non_null(strstr(house->targets, told[i]));
        length += strlen(told[i]);
    }
    assert_int_equal(strlen(house->targets), length);
    assert_string_equal(house->errors,
                        "bad|policies/bad.lua|7|prod: attempt to index a nil value;"
                        "bad|policies/bad.lua|7|staging: attempt to index a nil value;");
}

static void a_failed_evaluation_keeps_the_alerts(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    rule->target_count = 1;
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    rule->judge = judge_fails;
    house_next_tick(house);
    assert_string_equal(house->targets, "web/prod=critical[slow];web/prod=critical[slow];");
}

static void a_failed_fetch_is_one_error_and_the_targets_are_judged(void **state)
{
    struct house *house = *state;
    struct rule *one = house_rule(house, "web", judge_slow),
                *two = house_rule(house, "other", judge_slow),
                *three = house_rule(house, "still", judge_healthy);
    three->metric = NULL;
    house->world.failure = ERR_CONNECT;
    assert_int_equal(house_put(house, one), OK);
    assert_int_equal(house_put(house, two), OK);
    assert_int_equal(house_put(house, three), OK);
    assert_true(house_tick(house));
    assert_string_equal(house->errors,
                        "||0|metrics of other, web could not be had: the world is out of order;");
    assert_int_equal(house->last.by_status[STATUS_UNKNOWN], 4);
    assert_int_equal(house->last.by_status[STATUS_HEALTHY], 2);
    house->world.failure = OK;
    assert_false(house_tick(house));
    assert_int_equal(house->last.by_status[STATUS_HEALTHY], 6);
}

static void a_fault_of_a_file_is_in_every_tick_until_it_is_cleared(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    struct fault fault;
    assert_int_equal(house_put(house, rule), OK);
    fault_set(&fault, ERR_LUA, "unexpected symbol near '}'");
    fault_at(&fault, "policies/web.lua", 12, 0);
    assert_int_equal(engine_file_fault(house->engine, "policies/web.lua", "web", &fault), OK);
    for (int i = 0; i < 2; i++) {
        assert_true(house_next_tick(house));
        assert_string_equal(house->errors, "web|policies/web.lua|12|unexpected symbol near '}';");
        assert_int_equal(house->last.by_status[STATUS_HEALTHY], 2); /* the last good one runs */
    }
    fault_set(&fault, ERR_LUA, "another");
    assert_int_equal(engine_file_fault(house->engine, "policies/web.lua", "web", &fault), OK);
    house_next_tick(house);
    assert_string_equal(house->errors, "web|policies/web.lua|0|another;");
    assert_int_equal(engine_file_fault(house->engine, "policies/web.lua", "web", NULL), OK);
    assert_false(house_next_tick(house));
    assert_string_equal(house->errors, "");
}

static void the_errors_of_many_targets_are_bounded_and_counted(void **state)
{
    enum { TARGETS = 300 };
    struct house *house = *state;
    static char ids[TARGETS][8];
    static const char *targets[TARGETS];
    for (int i = 0; i < TARGETS; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        targets[i] = ids[i];
    }
    struct rule *rule = house_rule(house, "web", judge_fails);
    rule->targets = targets;
    rule->target_count = TARGETS;
    assert_int_equal(house_put(house, rule), OK);
    assert_true(house_tick(house));
    assert_int_equal(house->last.targets, TARGETS);
    assert_true(house->last.error_count < 60);
    assert_non_null(strstr(house->errors, "250 more errors of this policy are not listed"));
}

/* ---- limits ---- */

static int judge_expires(struct rule *rule, const struct evaluation_input *input,
                         const char *target, struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)out;
    return fault_set(fault, ERR_BUDGET, "it took longer than 1s");
}

static void after_three_expiries_the_rest_of_the_policy_is_skipped(void **state)
{
    static const char *const five[] = {"a", "b", "c", "d", "e"};
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_expires);
    rule->targets = five;
    rule->target_count = 5;
    assert_int_equal(house_put(house, rule), OK);
    assert_true(house_tick(house));
    assert_int_equal(rule->evaluated, 3);
    assert_int_equal(house->last.targets, 5);
    assert_non_null(strstr(house->errors, "3 evaluations of this tick used up their budget: the "
                                          "other 2 targets were not judged"));
    house_tick(house);
    assert_int_equal(rule->evaluated, 6); /* the next tick begins anew */
}

static void use_up(int64_t ms)
{
    struct clock clock = {0};
    int64_t until = clock_mono_ns(&clock) + ms * 1000000;
    while (clock_mono_ns(&clock) < until)
        ;
}

static int judge_never_ends(struct rule *rule, const struct evaluation_input *input,
                            const char *target, struct evaluation *out, struct fault *fault)
{
    (void)out, (void)fault;
    if (strcmp(target, "prod") != 0) return OK;
    assert_true(input->slice_ms <= 5);
    use_up(input->slice_ms);
    if (rule->data) ((int *)rule->data)[0]++;
    return EVALUATE_AGAIN;
}

static void count_turn(void *data)
{
    struct house *house = data;
    if (house->ended) return;
    house->ticks += 1000;
    assert_int_equal(loop_timer_start(house->loop, 1, count_turn, house, NULL), OK);
}

static void the_loop_turns_while_an_evaluation_uses_the_policys_whole_time(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_never_ends);
    house_close(house);
    house->options.policy_wall_ms = 100;
    house_open(house);
    assert_int_equal(house_put(house, rule), OK);
    count_turn(house);
    assert_true(house_tick(house));
    assert_true(house->ticks >= 5 * 1000);
    assert_true(rule->evaluated > 5);
    assert_int_equal(rule->stopped, 1);
    assert_non_null(strstr(house->errors, "prod: its evaluation was given up"));
    assert_non_null(strstr(house->errors, "the other 1 targets were not judged"));
    house_turns(house, 3);
    while (loop_turn(house->loop, true)) /* the last count_turn */
        ;
}

/* What an evaluation saw of its series while another policy's fetch came in. */
struct watched {
    struct rule *other;
    double before;
    int calls;
};

static int judge_until_the_other_was_judged(struct rule *rule, const struct evaluation_input *input,
                                            const char *target, struct evaluation *out,
                                            struct fault *fault)
{
    (void)target, (void)out, (void)fault;
    struct watched *watched = rule->data;
    double value = 0;
    assert_true(view_at(series_view(input->series[0], 3), -1, &value, NULL));
    if (watched->calls++ == 0) watched->before = value;
    assert_true(value == watched->before);
    if (watched->other->evaluated) return OK;
    use_up(input->slice_ms);
    return EVALUATE_AGAIN;
}

static void a_fetch_changes_nothing_in_an_evaluation_under_way(void **state)
{
    struct house *house = *state;
    struct rule *slow = house_rule(house, "web", judge_until_the_other_was_judged),
                *wide = house_rule(house, "wide", judge_slow);
    struct watched watched = {.other = wide};
    slow->target_count = wide->target_count = 1;
    slow->data = &watched;
    house_close(house);
    house->options.slice_ms = 1;
    house_open(house);
    assert_int_equal(house_put(house, slow), OK);
    assert_int_equal(engine_tick(house->engine, "web", NULL, NULL), OK);
    for (int i = 0; i < 100 && watched.calls == 0; i++)
        house_turns(house, 1);
    house->world.value = 500; /* the series grows, moves and is filled anew meanwhile */
    wide->slots = 50;
    clock_advance(&house->world.world.clock, 5 * MINUTE_MS);
    assert_int_equal(house_put(house, wide), OK);
    assert_int_equal(engine_tick(house->engine, "wide", NULL, NULL), OK);
    for (int i = 0; i < 1000 && house->ticks < 2; i++)
        house_turns(house, 1);
    assert_true(watched.calls > 2);
    assert_string_equal(house->targets, "wide/prod=critical[slow];web/prod=healthy;");
}

static void ten_thousand_targets_are_one_tick(void **state)
{
    enum { TARGETS = 10000 };
    struct house *house = *state;
    static char ids[TARGETS][12];
    static const char *targets[TARGETS];
    for (int i = 0; i < TARGETS; i++) {
        snprintf(ids[i], sizeof ids[i], "t%d", i);
        targets[i] = ids[i];
    }
    struct rule *rule = house_rule(house, "web", judge_healthy);
    rule->targets = targets;
    rule->target_count = TARGETS;
    assert_int_equal(house_put(house, rule), OK);
    assert_false(house_tick(house));
    assert_int_equal(house->last.by_status[STATUS_HEALTHY], TARGETS);
    assert_int_equal(house->world.queries, TARGETS);
}

/* ---- collect ---- */

static int judge_extra(struct rule *rule, const struct evaluation_input *input, const char *target,
                       struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)target, (void)out, (void)fault;
    assert_string_equal(input->extra_json, "{\"extra\":1}");
    return OK;
}

static void what_collect_returns_joins_the_snapshot(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_extra);
    rule->has_collect = true;
    assert_int_equal(house_put(house, rule), OK);
    assert_false(house_tick(house));
    assert_int_equal(rule->collected, 2);
    assert_int_equal(rule->evaluated, 2);
}

static void a_target_whose_collect_fails_is_not_judged(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_extra);
    rule->has_collect = true;
    rule->collect_code = ERR_DENIED;
    assert_int_equal(house_put(house, rule), OK);
    assert_true(house_tick(house));
    assert_int_equal(rule->evaluated, 0);
    assert_string_equal(house->targets, "web/prod=unknown;web/staging=unknown;");
    assert_string_equal(house->errors,
                        "web|policies/web.lua|0|collect of prod: collect() fell over;"
                        "web|policies/web.lua|0|collect of staging: collect() fell over;");
}

static void a_collect_that_never_ends_is_given_up(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_extra);
    house_close(house);
    house->options.collect_ms = 20;
    house_open(house);
    rule->has_collect = rule->hold_collect = true;
    assert_int_equal(house_put(house, rule), OK);
    assert_true(house_tick(house));
    assert_int_equal(rule->evaluated, 0);
    assert_int_equal(rule->stopped, 1);
    assert_non_null(strstr(house->errors, "collect of staging: it did not end within 20 ms"));
}

/* ---- decisions ---- */

static int judge_decides(struct rule *rule, const struct evaluation_input *input,
                         const char *target, struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)fault;
    *evaluation_decision(out) = (struct decision){
        .kind = "ecs_desired_count", .resource = "service/a/api", .wanted = "{\"count\":3}"};
    return OK;
}

static void a_decision_is_proposed_and_observing_refuses_it(void **state)
{
    static const struct {
        enum policy_mode said;
        bool says;
        enum policy_mode configured;
        bool overrides, up;
        const char *outcome;
    } cases[] = {
        {MODE_OBSERVE, true, MODE_ACT, false, false, "{refused:MODE}"},
        {MODE_ACT, true, MODE_OBSERVE, false, false, "{proposed:MODE}"},
        {MODE_ACT, false, MODE_OBSERVE, false, false, "{refused:MODE}"},
        {MODE_ACT, true, MODE_OBSERVE, true, false, "{refused:MODE}"},
        {MODE_OBSERVE, true, MODE_ACT, true, false, "{refused:MODE}"},
        {MODE_OBSERVE, true, MODE_ACT, true, true, "{proposed:MODE}"},
    };
    struct house *house = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rule *rule = house_rule(house, "web", judge_decides);
        house_close(house);
        house->options.mode = cases[i].configured;
        house->options.mode_override = cases[i].overrides;
        house->options.override_up = cases[i].up;
        house_open(house);
        rule->mode = cases[i].said;
        rule->has_mode = cases[i].says;
        rule->target_count = 1;
        assert_int_equal(house_put(house, rule), OK);
        house_clear(house);
        assert_false(house_tick(house));
        assert_non_null(strstr(house->targets, cases[i].outcome));
        house_close(house);
    }
}

/* ---- the end ---- */

static void stop_done(void *data)
{
    ((struct house *)data)->stopped = true;
}

/* What the log said meanwhile: that a tick was cut short, and nothing of a failure. */
static void expect_cut_short(FILE *stream, char **said, bool cut)
{
    log_open(NULL, LOG_OFF, LOG_TEXT, false, NULL);
    fclose(stream);
    assert_null(strstr(*said, "\"level\":\"error\""));
    assert_null(strstr(*said, ".failed"));
    assert_int_equal(strstr(*said, "tick.cut_short") != NULL, cut);
    free(*said);
    *said = NULL;
}

static void an_engine_may_be_stopped_in_any_phase_of_a_tick(void **state)
{
    struct house *house = *state;
    char *said = NULL;
    size_t said_len = 0;
    for (int phase = 0; phase < 5; phase++) {
        struct rule *rule = house_rule(house, "web", phase == 4 ? judge_never_ends : judge_slow);
        if (!house->engine) house_open(house);
        rule->hold_discover = phase == 1;
        rule->has_collect = rule->hold_collect = phase == 3;
        house->world.hold = phase == 2;
        house->ticks = 0;
        assert_int_equal(house_put(house, rule), OK);
        assert_int_equal(engine_start(house->engine), OK);
        if (phase > 0) {
            for (int i = 0; i < 1000 && !rule->evaluated && i < (phase == 4 ? 1000 : 20); i++)
                loop_turn(house->loop, false);
            assert_int_equal(house->ticks, 0);
        }
        FILE *stream = open_memstream(&said, &said_len);
        assert_non_null(stream);
        log_open(stream, LOG_INFO, LOG_JSON, false, NULL);
        engine_stop(house->engine, stop_done, house);
        assert_false(house->stopped);
        assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), ERR_CLOSED);
        house_turn_until(house, &house->stopped);
        engine_free(house->engine);
        house->engine = NULL;
        assert_int_equal(rule->alive, 0);
        assert_int_equal(house->ticks, phase > 0);
        if (phase > 0) assert_non_null(strstr(house->errors, "the engine stops"));
        expect_cut_short(stream, &said, phase > 0);
        world_answer(&house->world);
    }
}

static void a_listener_may_stop_the_engine(struct house *house, const struct target_report *report)
{
    (void)report;
    engine_stop(house->engine, stop_done, house);
}

static void stopping_ends_a_policy_between_two_targets(void **state)
{
    struct house *house = *state;
    struct rule *rule = house_rule(house, "web", judge_slow);
    house->on_target = a_listener_may_stop_the_engine;
    assert_int_equal(house_put(house, rule), OK);
    assert_int_equal(engine_start(house->engine), OK);
    house_turn_until(house, &house->stopped);
    assert_string_equal(house->targets, "web/prod=healthy;");
    assert_non_null(strstr(house->errors, "the engine stops: 1 targets were not judged"));
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_tick_judges_every_target_and_reports_it),
        FACT(a_target_goes_critical_and_back),
        FACT(a_missing_datapoint_is_unknown_and_resolves_nothing),
        FACT(a_report_knows_the_status_before),
        FACT(a_tick_without_policies_ends),
        FACT(a_metric_of_two_policies_is_asked_once),
        FACT(the_seed_is_the_targets_and_the_ticks),
        FACT(a_tick_of_one_policy_leaves_the_others_alone),
        FACT(a_policy_that_fails_harms_no_other),
        FACT(a_failed_evaluation_keeps_the_alerts),
        FACT(a_failed_fetch_is_one_error_and_the_targets_are_judged),
        FACT(a_fault_of_a_file_is_in_every_tick_until_it_is_cleared),
        FACT(the_errors_of_many_targets_are_bounded_and_counted),
        FACT(after_three_expiries_the_rest_of_the_policy_is_skipped),
        FACT(the_loop_turns_while_an_evaluation_uses_the_policys_whole_time),
        FACT(a_fetch_changes_nothing_in_an_evaluation_under_way),
        FACT(ten_thousand_targets_are_one_tick),
        FACT(what_collect_returns_joins_the_snapshot),
        FACT(a_target_whose_collect_fails_is_not_judged),
        FACT(a_collect_that_never_ends_is_given_up),
        FACT(a_decision_is_proposed_and_observing_refuses_it),
        FACT(an_engine_may_be_stopped_in_any_phase_of_a_tick),
        FACT(stopping_ends_a_policy_between_two_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
