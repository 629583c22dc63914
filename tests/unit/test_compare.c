/* What differs between what two versions of a policy say of one target. */
#include "moontide/tick/compare.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Two sides and the list, as text: one difference a line. */
struct pair {
    struct evaluation before, after;
    struct differences differences;
    struct strbuf text;
};

static int setup(void **state)
{
    static struct pair pair;
    evaluation_init(&pair.before);
    evaluation_init(&pair.after);
    differences_init(&pair.differences);
    strbuf_init(&pair.text, 1 << 20);
    *state = &pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;
    evaluation_done(&pair->before);
    evaluation_done(&pair->after);
    differences_done(&pair->differences);
    strbuf_done(&pair->text);
    return 0;
}

static const char *lines_of(struct pair *pair, int count)
{
    strbuf_reset(&pair->text);
    for (int i = 0; i < count; i++) {
        difference_print(&pair->differences.items[i], &pair->text);
        strbuf_addc(&pair->text, '\n');
    }
    return strbuf_cstr(&pair->text);
}

static const char *compared(struct pair *pair)
{
    const struct judgement before = {.evaluation = &pair->before},
                           after = {.evaluation = &pair->after};
    int count = differences_find(&pair->differences, &before, &after);
    assert_true(count >= 0);
    assert_int_equal(count, pair->differences.count);
    return lines_of(pair, count);
}

static struct issue *state_issue(struct evaluation *evaluation, const char *type,
                                 enum severity severity, enum verdict when, const char *description)
{
    struct issue *issue = evaluation_issue(evaluation);
    assert_non_null(issue);
    *issue = (struct issue){.type = type,
                            .key = "",
                            .severity = severity,
                            .when = when,
                            .description = description,
                            .recommendation = ""};
    return issue;
}

static struct decision *state_decision(struct evaluation *evaluation, const char *wanted)
{
    struct decision *decision = evaluation_decision(evaluation);
    assert_non_null(decision);
    *decision = (struct decision){
        .kind = "ecs_desired_count", .resource = "service/prod/api", .wanted = wanted};
    return decision;
}

/* ---- issues ---- */

static void what_is_equal_has_no_difference(void **state)
{
    struct pair *pair = *state;
    struct evaluation *sides[] = {&pair->before, &pair->after};
    for (int i = 0; i < 2; i++) {
        state_issue(sides[i], "slow", SEVERITY_HIGH, VERDICT_TRUE, "p99 is 900 ms");
        state_decision(sides[i], "{\"desired\":4}");
        *evaluation_unknown(sides[i]) =
            (struct unknown){"hits", i ? "no datapoint in the last 1h" : "it was not asked for"};
        *evaluation_recommendation(sides[i]) =
            (struct recommendation){.type = "api", .action = "cache"};
    }
    assert_string_equal(compared(pair), "");
}

static void an_issue_of_one_side_is_added_or_removed(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "errors", SEVERITY_MEDIUM, VERDICT_TRUE, "5 % fail");
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_FALSE, "");
    state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_TRUE, "p99 is\n900 ms")->key = "eu";
    assert_string_equal(compared(pair), "- issue errors: medium: 5 % fail\n"
                                        "+ issue slow/eu: high: p99 is 900 ms\n");
}

static void one_that_is_not_stated_is_as_one_that_is_not_so(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_FALSE, "p99 is 3 ms");
    state_issue(&pair->after, "errors", SEVERITY_LOW, VERDICT_FALSE, "");
    assert_string_equal(compared(pair), "");
}

static void a_clear_that_holds_an_alert_differs_from_none(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_FALSE, "");
    struct issue *issue = state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_FALSE, "");
    issue->has_clear = true;
    issue->clear = VERDICT_FALSE;
    assert_string_equal(compared(pair), "~ issue slow: clear true -> false\n");
    issue->clear = VERDICT_TRUE;
    assert_string_equal(compared(pair), "");
}

static void an_issue_that_both_raise_may_differ_in_each_field(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "p99 is 900 ms");
    struct issue *issue =
        state_issue(&pair->after, "slow", SEVERITY_MEDIUM, VERDICT_TRUE, "p99 = 900 ms");
    issue->pending_ms = 300000;
    issue->keep_firing_ms = 60000;
    issue->recommendation = "cache it";
    assert_string_equal(compared(pair),
                        "~ issue slow: severity high -> medium, pending 0s -> 5m, keep_firing 0s "
                        "-> 1m, description p99 is 900 ms -> p99 = 900 ms, recommendation  -> "
                        "cache it\n");
}

static void an_unknown_condition_is_a_change_of_when(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "");
    state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_UNKNOWN, "");
    state_issue(&pair->after, "errors", SEVERITY_HIGH, VERDICT_UNKNOWN, "");
    assert_string_equal(compared(pair), "~ issue slow: when true -> unknown\n"
                                        "~ issue errors: when false -> unknown\n");
}

static void two_statements_of_one_issue_are_matched_one_by_one(void **state)
{
    struct pair *pair = *state;
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "a");
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "b");
    state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_TRUE, "a");
    assert_string_equal(compared(pair), "- issue slow: high: b\n");
}

/* ---- decisions, recommendations, unknowns ---- */

static void the_fields_of_a_decision_are_told_one_by_one(void **state)
{
    struct pair *pair = *state;
    state_decision(&pair->before, "{\"desired\":4,\"max\":10,\"tags\":[1,2]}");
    state_decision(&pair->after, "{\"desired\":6,\"min\":1,\"tags\":[1,2]}")->rails =
        "{\"max_share\":0.5}";
    assert_string_equal(compared(pair),
                        "~ decision ecs_desired_count service/prod/api: desired 4 -> 6, max 10 -> "
                        "(none), min (none) -> 1, rails (none) -> {\"max_share\":0.5}\n");
}

static void a_decision_in_another_region_is_another_decision(void **state)
{
    struct pair *pair = *state;
    state_decision(&pair->before, "{\"desired\":4}");
    state_decision(&pair->after, "{\"desired\":4}")->region = "eu-west-1";
    assert_string_equal(compared(pair),
                        "- decision ecs_desired_count service/prod/api: {\"desired\":4}\n"
                        "+ decision ecs_desired_count service/prod/api in eu-west-1: "
                        "{\"desired\":4}\n");
}

static void recommendations_and_unknown_series_are_compared(void **state)
{
    struct pair *pair = *state;
    *evaluation_recommendation(&pair->before) =
        (struct recommendation){"api", "cache", LEVEL_HIGH, LEVEL_LOW};
    *evaluation_recommendation(&pair->after) =
        (struct recommendation){"api", "cache", LEVEL_LOW, LEVEL_LOW};
    *evaluation_recommendation(&pair->after) =
        (struct recommendation){"db", "index", LEVEL_LOW, LEVEL_LOW};
    *evaluation_unknown(&pair->after) = (struct unknown){"hits", "it was not asked for yet"};
    assert_string_equal(compared(pair), "~ recommendation api: impact high -> low\n"
                                        "+ recommendation db: index\n"
                                        "+ unknown hits: it was not asked for yet\n");
}

/* ---- errors ---- */

static void an_error_of_one_side_is_the_only_difference(void **state)
{
    struct pair *pair = *state;
    struct fault fault;
    fault_set(&fault, ERR_LUA, "attempt to index a nil value");
    fault_at(&fault, "policies/web.lua", 7, 0);
    state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "");
    struct judgement before = {.evaluation = &pair->before}, after = {.fault = &fault};
    assert_int_equal(differences_find(&pair->differences, &before, &after), 1);
    assert_string_equal(lines_of(pair, 1),
                        "+ error: policies/web.lua:7: attempt to index a nil value\n");
    assert_int_equal(differences_find(&pair->differences, &after, &after), 0);
}

/* ---- ids ---- */

static uint64_t id_of(struct pair *pair)
{
    (void)compared(pair);
    assert_int_equal(pair->differences.count, 1);
    return pair->differences.items[0].id;
}

static void an_id_is_of_what_differs_and_not_of_what_was_measured(void **state)
{
    struct pair *pair = *state;
    struct decision *before = state_decision(&pair->before, "{\"desired\":4}");
    struct decision *after = state_decision(&pair->after, "{\"desired\":6}");
    uint64_t id = id_of(pair);
    before->wanted = "{\"desired\":7}";
    after->wanted = "{\"desired\":9}";
    assert_true(id_of(pair) == id);
    after->wanted = "{\"desired\":7,\"max\":9}";
    assert_true(id_of(pair) != id);
    after->wanted = before->wanted;
    struct issue *old = state_issue(&pair->before, "slow", SEVERITY_HIGH, VERDICT_TRUE, "1 ms");
    struct issue *new = state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_TRUE, "1.0 ms");
    id = id_of(pair);
    old->description = "2 ms";
    new->description = "2.0 ms";
    assert_true(id_of(pair) == id);
    new->description = old->description;
    new->severity = SEVERITY_LOW;
    uint64_t lower = id_of(pair);
    new->severity = SEVERITY_MEDIUM;
    assert_true(id_of(pair) != lower);
}

static void a_difference_is_json_too(void **state)
{
    struct pair *pair = *state;
    struct json_writer w;
    state_decision(&pair->before, "{\"desired\":4}");
    state_decision(&pair->after, "{\"max\":\"a\"}");
    state_issue(&pair->after, "slow", SEVERITY_LOW, VERDICT_TRUE, "");
    (void)compared(pair);
    strbuf_reset(&pair->text);
    json_writer_init(&w, &pair->text);
    json_array(&w);
    for (size_t i = 0; i < pair->differences.count; i++)
        difference_json(&pair->differences.items[i], &w);
    json_array_end(&w);
    assert_string_equal(
        strbuf_cstr(&pair->text),
        "[{\"difference\":\"added\",\"what\":\"issue\",\"subject\":\"slow\",\"text\":\"low\"},"
        "{\"difference\":\"changed\",\"what\":\"decision\",\"subject\":\"ecs_desired_count "
        "service/prod/api\",\"fields\":[{\"field\":\"desired\",\"before\":\"4\",\"after\":null},"
        "{\"field\":\"max\",\"before\":null,\"after\":\"\\\"a\\\"\"}]}]");
}

static void a_long_text_is_cut_between_two_characters(void **state)
{
    struct pair *pair = *state;
    char text[1500];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xea\xb0\x80", 3); /* a syllable of three bytes */
    text[sizeof text - 3] = '\0';
    state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_TRUE, text);
    const char *line = compared(pair);
    size_t len = strlen("+ issue slow: high: ");
    size_t kept = strlen(line) - len - strlen("...\n");
    assert_int_equal(strncmp(line, "+ issue slow: high: ", len), 0);
    assert_int_equal((kept - (kept % 3)), kept);
    assert_true(kept > 900 && kept <= 1024);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state)
{
    struct pair *pair = *state;
    const struct judgement before = {.evaluation = &pair->before},
                           after = {.evaluation = &pair->after};
    state_decision(&pair->before, "{\"desired\":4,\"max\":1}");
    state_decision(&pair->after, "{\"desired\":6}");
    state_issue(&pair->before, "slow", SEVERITY_LOW, VERDICT_TRUE, "");
    state_issue(&pair->after, "slow", SEVERITY_HIGH, VERDICT_TRUE, "a");
    state_issue(&pair->after, "new", SEVERITY_HIGH, VERDICT_TRUE, "a");
    *evaluation_unknown(&pair->after) = (struct unknown){"hits", "none"};
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        struct differences differences;
        differences_init(&differences);
        alloc_fail_at(n);
        int rc = differences_find(&differences, &before, &after);
        failed = alloc_fail_done();
        if (!failed) assert_int_equal(rc, 4);
        if (failed) assert_true(rc == ERR_NOMEM || rc == ERR_LIMIT);
        differences_done(&differences);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(what_is_equal_has_no_difference),
        FACT(an_issue_of_one_side_is_added_or_removed),
        FACT(one_that_is_not_stated_is_as_one_that_is_not_so),
        FACT(a_clear_that_holds_an_alert_differs_from_none),
        FACT(an_issue_that_both_raise_may_differ_in_each_field),
        FACT(an_unknown_condition_is_a_change_of_when),
        FACT(two_statements_of_one_issue_are_matched_one_by_one),
        FACT(the_fields_of_a_decision_are_told_one_by_one),
        FACT(a_decision_in_another_region_is_another_decision),
        FACT(recommendations_and_unknown_series_are_compared),
        FACT(an_error_of_one_side_is_the_only_difference),
        FACT(an_id_is_of_what_differs_and_not_of_what_was_measured),
        FACT(a_difference_is_json_too),
        FACT(a_long_text_is_cut_between_two_characters),
        FACT(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
