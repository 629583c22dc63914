/* Facts about evaluations: bounded, reused, and no harm when memory ends. */
#include "moontide/base/compiler.h"
#include "moontide/model/evaluation.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *text(struct evaluation *e, const char *s)
{
    return evaluation_text(e, s, strlen(s));
}

static void an_evaluation_that_says_nothing_allocates_nothing(void **state)
{
    (void)state;
    struct evaluation e;
    alloc_fail_at(1);
    evaluation_init(&e);
    evaluation_reset(&e);
    evaluation_done(&e);
    assert_false(alloc_fail_done());
}

static void items_come_zeroed_and_in_order(void **state)
{
    (void)state;
    struct evaluation e;
    evaluation_init(&e);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10; i++) {
            struct issue *issue = evaluation_issue(&e);
            assert_non_null(issue);
            assert_null(issue->type);
            assert_int_equal(issue->severity, SEVERITY_LOW);
            assert_false(issue->has_clear);
            char name[16];
            snprintf(name, sizeof name, "type%d", i);
            issue->type = text(&e, name);
            issue->severity = SEVERITY_HIGH;
            issue->has_clear = true;
        }
        assert_int_equal(e.issue_count, 10);
        assert_string_equal(e.issues[0].type, "type0");
        assert_string_equal(e.issues[9].type, "type9");
        assert_non_null(evaluation_recommendation(&e));
        assert_non_null(evaluation_decision(&e));
        assert_non_null(evaluation_unknown(&e));
        assert_null(e.decisions[0].wanted);
        evaluation_reset(&e);
        assert_int_equal(
            e.issue_count + e.recommendation_count + e.decision_count + e.unknown_count, 0);
    }
    evaluation_done(&e);
}

static void texts_stay_where_they_are_until_the_reset(void **state)
{
    (void)state;
    enum { TEXTS = 2000 };
    struct evaluation e;
    static const char *kept[TEXTS];
    evaluation_init(&e);
    for (int round = 0; round < 3; round++) {
        char line[300];
        for (int i = 0; i < TEXTS; i++) {
            int len = snprintf(line, sizeof line, "%d:%0*d", i, i % 200 + 1, 0);
            kept[i] = evaluation_text(&e, line, (size_t)len);
            assert_non_null(kept[i]);
        }
        for (int i = 0; i < TEXTS; i++)
            assert_int_equal(atoi(kept[i]), i);
        evaluation_reset(&e);
    }
    evaluation_done(&e);
}

static void the_same_target_again_allocates_nothing(void **state)
{
    (void)state;
    struct evaluation e;
    evaluation_init(&e);
    for (int round = 0; round < 2; round++) {
        if (round == 1) alloc_fail_at(1);
        for (int i = 0; i < 20; i++) {
            struct issue *issue = evaluation_issue(&e);
            assert_non_null(issue);
            issue->description = text(&e, "API p99 is 1200 ms");
            assert_non_null(issue->description);
        }
        evaluation_reset(&e);
    }
    assert_false(alloc_fail_done());
    evaluation_done(&e);
}

static void more_than_the_items_allowed_are_refused(void **state)
{
    (void)state;
    struct evaluation e;
    evaluation_init(&e);
    for (int i = 0; i < EVALUATION_ITEMS_MAX; i++)
        assert_non_null(evaluation_recommendation(&e));
    assert_null(evaluation_recommendation(&e));
    assert_int_equal(e.recommendation_count, EVALUATION_ITEMS_MAX);
    assert_non_null(evaluation_issue(&e)); /* each kind has its own bound */
    evaluation_done(&e);
}

static void more_than_the_bytes_allowed_are_refused(void **state)
{
    (void)state;
    static char big[EVALUATION_BYTES_MAX];
    memset(big, 'x', sizeof big);
    struct evaluation e;
    evaluation_init(&e);
    assert_null(evaluation_text(&e, big, sizeof big)); /* its terminator does not fit */
    assert_null(evaluation_text(&e, big, SIZE_MAX));
    assert_non_null(evaluation_text(&e, big, sizeof big - 1));
    assert_null(evaluation_text(&e, "", 0));
    evaluation_reset(&e);
    assert_non_null(evaluation_text(&e, big, sizeof big / 2));
    assert_null(evaluation_text(&e, big, sizeof big / 2));
    assert_non_null(evaluation_text(&e, big, sizeof big / 2 - 2));
    evaluation_done(&e);
}

static void a_text_may_be_empty_or_hold_a_nul(void **state)
{
    (void)state;
    struct evaluation e;
    evaluation_init(&e);
    assert_string_equal(evaluation_text(&e, NULL, 0), "");
    assert_memory_equal(evaluation_text(&e, "a\0b", 3), "a\0b", 4);
    evaluation_done(&e);
}

/* Says a fixed something; NULL anywhere gives false. */
static bool speak(struct evaluation *e)
{
    for (int i = 0; i < 12; i++) {
        struct issue *issue = evaluation_issue(e);
        if (!issue || !(issue->type = text(e, "api_latency"))) return false;
    }
    static char big[3 * 4096];
    memset(big, 'x', sizeof big);
    return evaluation_recommendation(e) && evaluation_decision(e) && evaluation_unknown(e) &&
           evaluation_text(e, big, sizeof big);
}

static void each_failing_allocation_is_told_and_leaves_a_usable_evaluation(void **state)
{
    (void)state;
    unsigned n = 1;
    for (bool failed = true; failed; n++) {
        assert_true(n < 100);
        struct evaluation e;
        evaluation_init(&e);
        alloc_fail_at(n);
        bool spoke = speak(&e);
        failed = alloc_fail_done();
        assert_int_equal(spoke, !failed);
        evaluation_reset(&e);
        assert_true(speak(&e));
        evaluation_done(&e);
    }
    assert_true(n > 5);
}

static void names_follow_their_enums(void **state)
{
    (void)state;
    assert_string_equal(severity_names[SEVERITY_HIGH], "high");
    assert_null(severity_names[SEVERITY_HIGH + 1]);
    assert_string_equal(severity_names[LEVEL_LOW], "low");
    assert_string_equal(status_names[STATUS_CRITICAL], "critical");
    assert_string_equal(status_names[STATUS_UNKNOWN], "unknown");
    assert_null(status_names[STATUS_CRITICAL + 1]);
    assert_string_equal(mode_names[MODE_ACT], "act");
    assert_null(mode_names[MODE_ACT + 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_evaluation_that_says_nothing_allocates_nothing),
        cmocka_unit_test(items_come_zeroed_and_in_order),
        cmocka_unit_test(texts_stay_where_they_are_until_the_reset),
        cmocka_unit_test(the_same_target_again_allocates_nothing),
        cmocka_unit_test(more_than_the_items_allowed_are_refused),
        cmocka_unit_test(more_than_the_bytes_allowed_are_refused),
        cmocka_unit_test(a_text_may_be_empty_or_hold_a_nul),
        cmocka_unit_test(each_failing_allocation_is_told_and_leaves_a_usable_evaluation),
        cmocka_unit_test(names_follow_their_enums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
