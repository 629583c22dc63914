/* A candidate beside the live generation: what runs, what is compared, and what becomes of it. */
#include "moontide/base/clock.h"
#include "support/alloc_fail.h"
#include "support/engine_house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* Raises "slow" as judge_slow does, but medium. */
static int judge_medium(struct rule *rule, const struct evaluation_input *input, const char *target,
                        struct evaluation *out, struct fault *fault)
{
    int rc = judge_slow(rule, input, target, out, fault);
    if (rc == OK) out->issues[0].severity = SEVERITY_MEDIUM;
    return rc;
}

static int judge_fails_on_staging(struct rule *rule, const struct evaluation_input *input,
                                  const char *target, struct evaluation *out, struct fault *fault)
{
    if (strcmp(target, "staging") == 0) return judge_fails(rule, input, target, out, fault);
    return judge_slow(rule, input, target, out, fault);
}

static void hear_swapped(void *data, const char *policy, int code)
{
    (void)policy;
    *(int *)data = code + 1000;
}

/* What web.lua is made into: a candidate for `ticks`. */
static struct rule *candidate(struct house *house, judge_fn *judge, int ticks)
{
    struct rule *rule = house_rule(house, "web", judge);
    rule->shadow_ticks = ticks;
    return rule;
}

/* The live one, after its first tick; the world is slow. */
static struct rule *live(struct house *house, judge_fn *judge)
{
    struct rule *rule = house_rule(house, "web", judge);
    house->world.value = 500;
    assert_int_equal(house_put(house, rule), OK);
    house_tick(house);
    house_clear(house);
    return rule;
}

/* The status of the only policy; its texts as one. */
struct seen {
    bool has_shadow;
    struct shadow_status shadow;
    char lines[2048], fault[FAULT_TEXT_MAX];
};

static void see(void *data, const struct policy_status *status)
{
    struct seen *seen = data;
    if (status->fault) snprintf(seen->fault, sizeof seen->fault, "%s", status->fault->text);
    if (!status->shadow) return;
    seen->has_shadow = true;
    seen->shadow = *status->shadow;
    for (size_t i = 0; i < status->shadow->line_count; i++)
        snprintf(seen->lines + strlen(seen->lines), sizeof seen->lines - strlen(seen->lines), "%s;",
                 status->shadow->lines[i]);
}

static const struct seen *status_of(struct house *house)
{
    static struct seen seen;
    seen = (struct seen){0};
    engine_each_policy(house->engine, see, &seen);
    return &seen;
}

/* ---- the course of a candidate ---- */

static void a_candidate_runs_beside_the_live_one_and_is_promoted(void **state)
{
    struct house *house = *state;
    struct fault fault;
    int swapped = 0;
    struct rule *old = live(house, judge_slow), *new = candidate(house, judge_medium, 2);
    assert_int_equal(engine_put(house->engine, rule_load(new), hear_swapped, &swapped, &fault), OK);
    assert_int_equal(swapped, PUT_SHADOWED + 1000);
    assert_false(house_next_tick(house));
    assert_string_equal(house->targets, "web/prod=critical[slow];web/staging=critical[slow];");
    assert_int_equal(new->evaluated, 2);
    assert_true(new->seed == old->seed);
    const struct seen *seen = status_of(house);
    assert_int_equal(seen->shadow.done, 1);
    assert_int_equal(seen->shadow.ticks, 2);
    assert_string_equal(seen->lines, "prod: ~ issue slow: severity high -> medium;"
                                     "staging: ~ issue slow: severity high -> medium;");
    assert_false(house_next_tick(house));
    assert_false(status_of(house)->has_shadow);
    assert_int_equal(old->alive, 0);
    house_clear(house);
    assert_false(house_next_tick(house));
    assert_string_equal(house->targets, "web/prod=warning[slow];web/staging=warning[slow];");
}

static void a_difference_that_lasts_is_counted_and_said_once(void **state)
{
    struct house *house = *state;
    live(house, judge_slow);
    assert_int_equal(house_put(house, candidate(house, judge_medium, 10)), OK);
    for (int i = 0; i < 5; i++)
        house_next_tick(house);
    const struct seen *seen = status_of(house);
    assert_int_equal(seen->shadow.differences, 10);
    assert_int_equal(seen->shadow.distinct, 2);
    assert_int_equal(seen->shadow.line_count, 2);
}

static void the_first_generation_of_a_policy_is_live_at_once(void **state)
{
    struct house *house = *state;
    house_close(house);
    house->options.shadow_ticks = 3;
    house_open(house);
    struct rule *rule = house_rule(house, "web", judge_slow);
    assert_int_equal(house_put(house, rule), OK);
    assert_false(status_of(house)->has_shadow);
    assert_int_equal(house_put(house, rule), OK); /* its successor is not */
    assert_int_equal(status_of(house)->shadow.ticks, 3);
    rule->shadow_ticks = 0; /* what the policy says counts first */
    assert_int_equal(house_put(house, rule), OK);
    assert_false(status_of(house)->has_shadow);
    assert_int_equal(rule->alive, 1);
}

static void a_candidate_that_throws_is_rejected_and_the_last_good_one_goes_on(void **state)
{
    struct house *house = *state;
    struct rule *old = live(house, judge_slow), *new = candidate(house, judge_fails_on_staging, 5);
    assert_int_equal(house_put(house, new), OK);
    assert_true(house_next_tick(house));
    assert_string_equal(house->targets, "web/prod=critical[slow];web/staging=critical[slow];");
    assert_string_equal(house->errors, "web|policies/web.lua|7|attempt to index a nil value;");
    assert_string_equal(status_of(house)->fault, "attempt to index a nil value");
    assert_false(status_of(house)->has_shadow);
    assert_int_equal(new->alive, 0);
    assert_int_equal(old->alive, 1);
    assert_int_equal(house_put(house, candidate(house, judge_slow, 5)), OK);
    assert_false(house_next_tick(house)); /* mended */
}

static void a_newer_save_replaces_the_candidate(void **state)
{
    struct house *house = *state;
    struct rule *first, *second;
    live(house, judge_slow);
    assert_int_equal(house_put(house, first = candidate(house, judge_fails, 5)), OK);
    assert_int_equal(house_put(house, second = candidate(house, judge_slow, 5)), OK);
    assert_int_equal(first->alive, 0);
    assert_false(house_next_tick(house));
    assert_int_equal(second->evaluated, 2);
    assert_int_equal(status_of(house)->shadow.differences, 0);
}

static void a_candidate_may_be_promoted_by_hand(void **state)
{
    struct house *house = *state;
    live(house, judge_slow);
    assert_int_equal(house_put(house, candidate(house, judge_medium, 100)), OK);
    assert_int_equal(engine_promote(house->engine, "nobody"), 0);
    assert_int_equal(engine_promote(house->engine, NULL), 1);
    assert_int_equal(engine_promote(house->engine, NULL), 0);
    assert_false(house_next_tick(house));
    assert_string_equal(house->targets, "web/prod=warning[slow];web/staging=warning[slow];");
}

/* ---- its state ---- */

static void it_has_a_memo_of_its_own_and_is_live_with_that_of_the_live_one(void **state)
{
    struct house *house = *state;
    struct rule *old = live(house, judge_counts), *new = candidate(house, judge_counts, 2);
    assert_int_equal(house_put(house, new), OK);
    house_next_tick(house);
    assert_string_equal(new->memo, "{\"n\":1}");
    assert_string_equal(old->memo, "-");
    house_next_tick(house);
    assert_string_equal(new->memo, "-"); /* it held its own */
    house_next_tick(house);
    assert_string_equal(new->memo, "{\"n\":3}");
}

static void metrics_that_only_it_asks_for_are_fetched(void **state)
{
    struct house *house = *state;
    live(house, judge_slow);
    struct rule *new = candidate(house, judge_slow, 2);
    new->metric = "Errors";
    new->slots = 5;
    assert_int_equal(house_put(house, new), OK);
    assert_false(house_next_tick(house));
    assert_int_equal(status_of(house)->shadow.differences, 0); /* both are slow */
    assert_int_equal(status_of(house)->shadow.done, 1);
}

static void targets_of_one_side_are_differences(void **state)
{
    static const char *const others[] = {"staging", "dev"};
    struct house *house = *state;
    live(house, judge_slow);
    struct rule *new = candidate(house, judge_slow, 2);
    new->targets = others;
    assert_int_equal(house_put(house, new), OK);
    house_next_tick(house);
    assert_int_equal(new->evaluated, 2);
    assert_string_equal(status_of(house)->lines, "prod: - target prod;dev: + target dev;");
    house_next_tick(house);
    house_clear(house);
    house_next_tick(house);
    assert_string_equal(house->targets, "web/staging=critical[slow];web/dev=critical[slow];");
}

static void a_target_that_only_it_has_may_reject_it(void **state)
{
    static const char *const more[] = {"prod", "staging"}, *const less[] = {"prod"};
    struct house *house = *state;
    struct rule *old = house_rule(house, "web", judge_slow);
    old->targets = less;
    old->target_count = 1;
    assert_int_equal(house_put(house, old), OK);
    struct rule *new = candidate(house, judge_fails_on_staging, 2);
    new->targets = more;
    assert_int_equal(house_put(house, new), OK);
    assert_true(house_tick(house));
    assert_non_null(strstr(house->errors, "attempt to index a nil value"));
}

static void it_collects_for_itself(void **state)
{
    struct house *house = *state;
    struct rule *old = live(house, judge_slow), *new = candidate(house, judge_slow, 2);
    new->has_collect = true;
    assert_int_equal(house_put(house, new), OK);
    assert_false(house_next_tick(house));
    assert_int_equal(new->collected, 2);
    assert_string_equal(new->extra, "{\"extra\":1}");
    assert_string_equal(old->extra, "-");
    new->collect_code = ERR_TIMEOUT;
    assert_true(house_next_tick(house));
    assert_string_equal(house->errors, "web|policies/web.lua|0|collect() fell over;");
    assert_int_equal(new->alive, 0);
}

static void an_error_of_the_live_one_alone_is_a_difference(void **state)
{
    struct house *house = *state;
    live(house, judge_fails_on_staging);
    assert_int_equal(house_put(house, candidate(house, judge_slow, 2)), OK);
    assert_true(house_next_tick(house));
    assert_string_equal(status_of(house)->lines,
                        "staging: - error: policies/web.lua:7: attempt to index a nil value;");
    assert_int_equal(status_of(house)->shadow.done, 1);
}

/* ---- time ---- */

static void use_up(int64_t ms)
{
    const struct clock clock = {.kind = CLOCK_REAL};
    int64_t until = clock_mono_ns(&clock) + ms * 1000000;
    while (clock_mono_ns(&clock) < until)
        ;
}

static int judge_never_ends(struct rule *rule, const struct evaluation_input *input,
                            const char *target, struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)target, (void)out, (void)fault;
    use_up(input->slice_ms);
    return EVALUATE_AGAIN;
}

/* In two slices, the second with copies of its series. */
static int judge_in_two_slices(struct rule *rule, const struct evaluation_input *input,
                               const char *target, struct evaluation *out, struct fault *fault)
{
    const void **first = rule->data;
    if (!*first) {
        *first = input->series[0];
        use_up(input->slice_ms);
        return EVALUATE_AGAIN;
    }
    assert_ptr_not_equal(*first, input->series[0]);
    *first = NULL;
    return judge_slow(rule, input, target, out, fault);
}

static void count_turn(void *data)
{
    int *turns = data;
    if (*turns < 0) return;
    ++*turns;
}

static void a_candidate_that_never_ends_is_rejected_and_the_live_one_has_its_time(void **state)
{
    struct house *house = *state;
    int turns = 0;
    house_close(house);
    house->options.policy_wall_ms = 60;
    house_open(house);
    struct rule *old = live(house, judge_slow), *new = candidate(house, judge_never_ends, 2);
    assert_int_equal(house_put(house, new), OK);
    for (int i = 1; i <= 30; i++)
        assert_int_equal(loop_timer_start(house->loop, i, count_turn, &turns, NULL), OK);
    assert_true(house_next_tick(house));
    assert_true(turns >= 5); /* the loop had its turn */
    assert_string_equal(house->targets, "web/prod=critical[slow];web/staging=critical[slow];");
    assert_non_null(strstr(house->errors, "the evaluations of this tick took"));
    assert_int_equal(old->evaluated, 4);
    assert_int_equal(new->alive, 0);
    while (turns < 30)
        loop_turn(house->loop, true);
}

static void an_evaluation_goes_on_in_another_slice(void **state)
{
    struct house *house = *state;
    const void *first = NULL;
    live(house, judge_slow);
    struct rule *new = candidate(house, judge_in_two_slices, 5);
    new->data = &first;
    assert_int_equal(house_put(house, new), OK);
    assert_false(house_next_tick(house));
    assert_int_equal(new->evaluated, 4);
    assert_int_equal(status_of(house)->shadow.done, 1);
    assert_int_equal(status_of(house)->shadow.differences, 0);
}

/* ---- ends in mid-tick ---- */

enum way { PROMOTED, REPLACED, REMOVED, STOPPED, WAYS };

static void end_it(struct house *house, enum way way)
{
    switch (way) {
    case PROMOTED: assert_int_equal(engine_promote(house->engine, NULL), 1); break;
    case REPLACED: assert_int_equal(house_put(house, candidate(house, judge_slow, 0)), OK); break;
    case REMOVED: engine_remove(house->engine, "web"); break;
    default: house_close(house); break;
    }
}

static void it_may_end_in_any_phase_of_a_tick(void **state)
{
    struct house *house = *state;
    for (int round = 0; round < 3 * WAYS; round++) {
        enum way way = round % WAYS;
        int phase = round / WAYS; /* the fetch, its collect, its evaluation */
        house_close(house);
        house->options.slice_ms = 1;
        house_open(house);
        house->world.hold = false;
        struct rule *old = live(house, judge_slow), *new = candidate(house, judge_slow, 5);
        if (phase == 2) new->judge = judge_never_ends;
        new->has_collect = new->hold_collect = phase == 1;
        assert_int_equal(house_put(house, new), OK);
        clock_advance(&house->world.world.clock, MINUTE_MS);
        house->world.hold = phase == 0;
        assert_int_equal(engine_tick(house->engine, NULL, NULL, NULL), OK);
        house_turns(house, 10);
        size_t ticks = house->ticks;
        end_it(house, way);
        world_answer(&house->world);
        house_turns(house, 50);
        if (way != STOPPED) assert_int_equal(house->ticks, ticks + 1);
        assert_int_equal(new->alive, way == PROMOTED);
        assert_int_equal(old->alive, 0);
        if (way == REMOVED || way == STOPPED) continue;
        engine_remove(house->engine, "web");
    }
}

/* ---- memory ---- */

static void every_allocation_of_its_life_may_fail_once(void **state)
{
    struct house *house = *state;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        house_close(house);
        house_open(house);
        struct rule *old = live(house, judge_slow), *new = candidate(house, judge_medium, 1);
        new->has_collect = true;
        alloc_fail_at(n);
        struct evaluator *evaluator = rule_load(new);
        struct fault fault;
        if (evaluator && engine_put(house->engine, evaluator, NULL, NULL, &fault) == OK)
            house_turns(house, 5);
        clock_advance(&house->world.world.clock, MINUTE_MS);
        if (engine_tick(house->engine, NULL, NULL, NULL) == OK) house_turns(house, 50);
        failed = alloc_fail_done();
        assert_int_equal(house_put(house, new), OK);
        house_next_tick(house); /* with memory all is well again */
        house_next_tick(house);
        assert_int_equal(old->alive, 0);
        assert_int_equal(new->alive, 1);
        assert_int_equal(house->last.by_status[STATUS_WARNING], 2);
        engine_remove(house->engine, "web");
        assert_true(n < 500);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_candidate_runs_beside_the_live_one_and_is_promoted),
        FACT(a_difference_that_lasts_is_counted_and_said_once),
        FACT(the_first_generation_of_a_policy_is_live_at_once),
        FACT(a_candidate_that_throws_is_rejected_and_the_last_good_one_goes_on),
        FACT(a_newer_save_replaces_the_candidate),
        FACT(a_candidate_may_be_promoted_by_hand),
        FACT(it_has_a_memo_of_its_own_and_is_live_with_that_of_the_live_one),
        FACT(metrics_that_only_it_asks_for_are_fetched),
        FACT(targets_of_one_side_are_differences),
        FACT(a_target_that_only_it_has_may_reject_it),
        FACT(it_collects_for_itself),
        FACT(an_error_of_the_live_one_alone_is_a_difference),
        FACT(a_candidate_that_never_ends_is_rejected_and_the_live_one_has_its_time),
        FACT(an_evaluation_goes_on_in_another_slice),
        FACT(it_may_end_in_any_phase_of_a_tick),
        FACT(every_allocation_of_its_life_may_fail_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
