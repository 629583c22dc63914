/* Differences put together over time. */
#include "moontide/tick/spans.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

static int setup(void **state)
{
    return spans_new((struct spans **)state);
}

static int teardown(void **state)
{
    spans_free(*state);
    return 0;
}

/* One evaluation, which differs in these subjects (one letter each). */
static int add(struct spans *spans, uint64_t tick, const char *target, const char *subjects)
{
    static char names[8][2];
    struct difference items[8];
    size_t count = strlen(subjects);
    for (size_t i = 0; i < count; i++) {
        names[i][0] = subjects[i];
        items[i] = (struct difference){.what = DIFFERENCE_ISSUE,
                                       .side = DIFFERENCE_ADDED,
                                       .subject = names[i],
                                       .text = "high",
                                       .id = (uint64_t)subjects[i]};
    }
    struct differences differences = {.items = items, .count = count};
    return spans_add(spans, tick, (int64_t)tick * MINUTE_MS, target, &differences);
}

static void tick(struct spans *spans, uint64_t number, const char *target, const char *subjects)
{
    assert_int_equal(add(spans, number, target, subjects), OK);
}

/* "prod + issue a: high [1..2 4..4]; " */
static const char *text_of(struct spans *spans)
{
    static char text[2048];
    const struct span_group *groups;
    size_t count;
    text[0] = '\0';
    assert_int_equal(spans_list(spans, &groups, &count), OK);
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(text);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s %s [", groups[i].target,
                               groups[i].line);
        for (size_t k = 0; k < groups[i].span_count; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%d..%d", k ? " " : "",
                                   (int)groups[i].spans[k].first_tick,
                                   (int)groups[i].spans[k].last_tick);
        snprintf(text + at, sizeof text - at, "];");
    }
    return text;
}

static void a_difference_that_lasts_is_one_span(void **state)
{
    struct spans *spans = *state;
    for (uint64_t i = 1; i <= 2000; i++)
        tick(spans, i, "prod", "a");
    assert_string_equal(text_of(spans), "prod + issue a: high [1..2000];");
}

static void one_that_comes_back_is_another(void **state)
{
    struct spans *spans = *state;
    tick(spans, 1, "prod", "a");
    tick(spans, 2, "prod", "ab");
    tick(spans, 3, "prod", "b");
    tick(spans, 4, "prod", "a");
    assert_string_equal(text_of(spans), "prod + issue a: high [1..2 4..4];"
                                        "prod + issue b: high [2..3];");
}

static void ticks_without_the_target_do_not_end_a_span(void **state)
{
    struct spans *spans = *state;
    tick(spans, 1, "prod", "a");
    tick(spans, 1, "staging", "");
    tick(spans, 2, "staging", "a");
    tick(spans, 3, "prod", "a");
    assert_string_equal(text_of(spans), "prod + issue a: high [1..3];"
                                        "staging + issue a: high [2..2];");
}

static void two_that_are_the_same_count_once(void **state)
{
    struct spans *spans = *state;
    const struct span_group *groups;
    size_t count;
    tick(spans, 1, "prod", "aa");
    assert_int_equal(spans_list(spans, &groups, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(groups[0].ticks, 1);
}

static void totals_count_evaluations_ticks_and_targets(void **state)
{
    struct spans *spans = *state;
    struct spans_totals totals;
    tick(spans, 1, "prod", "a");
    tick(spans, 1, "staging", "a");
    tick(spans, 2, "prod", "");
    tick(spans, 2, "dev", "");
    tick(spans, 3, "prod", "b");
    spans_totals(spans, &totals);
    assert_int_equal(totals.evaluations, 5);
    assert_int_equal(totals.differing, 3);
    assert_int_equal(totals.targets, 3);
    assert_int_equal(totals.targets_differing, 2);
    assert_int_equal(totals.ticks_differing, 2);
    assert_int_equal(totals.by_what[DIFFERENCE_ISSUE], 3);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        struct spans *spans = NULL;
        const struct span_group *groups;
        size_t count;
        alloc_fail_at(n);
        int rc = spans_new(&spans);
        for (uint64_t i = 1; i < 5 && rc == OK; i++)
            rc = add(spans, i, "prod", i % 2 ? "a" : "bc");
        if (rc == OK) rc = spans_list(spans, &groups, &count);
        failed = alloc_fail_done();
        if (!failed) assert_int_equal(rc, OK);
        if (rc == OK)
            assert_string_equal(text_of(spans), "prod + issue a: high [1..1 3..3];"
                                                "prod + issue b: high [2..2 4..4];"
                                                "prod + issue c: high [2..2 4..4];");
        else
            assert_int_equal(rc, ERR_NOMEM); /* a shorter block that is refused harms nobody */
        spans_free(spans);
    }
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_difference_that_lasts_is_one_span),
        FACT(one_that_comes_back_is_another),
        FACT(ticks_without_the_target_do_not_end_a_span),
        FACT(two_that_are_the_same_count_once),
        FACT(totals_count_evaluations_ticks_and_targets),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
