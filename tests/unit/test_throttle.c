/* Facts about how fast a client may send; time is what the test says. */
#include "../../src/aws/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

static const int64_t MS = 1000000, SECOND = 1000 * 1000000ll;

static void a_burst_is_a_tenth_of_a_seconds_worth(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 50, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(throttle_take(&t, 0), 0);
    assert_int_equal(throttle_take(&t, 0), 20 * MS);
    throttle_init(&t, 2, 0);
    assert_int_equal(throttle_take(&t, 0), 0);
    assert_int_equal(throttle_take(&t, 0), 500 * MS);
}

static void who_comes_later_waits_longer(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 10, 0);
    (void)throttle_take(&t, 0);
    for (int i = 1; i <= 20; i++)
        assert_int_equal(throttle_take(&t, 0), i * 100 * MS);
    /* A second later ten have gone by: the next is the eleventh of those that wait. */
    assert_int_equal(throttle_take(&t, SECOND), 11 * 100 * MS);
}

static void tokens_do_not_pile_up_past_the_burst(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 10, 0);
    (void)throttle_take(&t, 0);
    assert_int_equal(throttle_take(&t, 3600 * SECOND), 0);
    assert_int_equal(throttle_take(&t, 3600 * SECOND), 100 * MS);
}

static void a_token_that_is_given_back_is_the_next_ones(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 10, 0);
    (void)throttle_take(&t, 0);
    assert_int_equal(throttle_take(&t, 0), 100 * MS);
    throttle_give_back(&t);
    assert_int_equal(throttle_take(&t, 0), 100 * MS);
}

static void no_second_sees_more_than_rate_and_burst(void **state)
{
    (void)state;
    struct throttle t;
    int64_t sent_ns[400];
    throttle_init(&t, 50, 0);
    for (int i = 0; i < 400; i++) { /* asked for a hundred times a second */
        int64_t now_ns = i * 10 * MS;
        sent_ns[i] = now_ns + throttle_take(&t, now_ns);
    }
    for (int i = 0; i < 400; i++) {
        int within = 0;
        for (int k = i; k < 400 && sent_ns[k] < sent_ns[i] + SECOND; k++)
            within++;
        assert_true(within <= 55);
    }
}

static void a_clock_that_stands_or_goes_back_gives_nothing(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 10, SECOND);
    (void)throttle_take(&t, SECOND);
    assert_int_equal(throttle_take(&t, 0), 100 * MS);
    assert_int_equal(throttle_take(&t, SECOND), 200 * MS);
}

/* Answers at a steady rate for a while; returns the time at its end. */
static int64_t answer(struct adaptive *a, int64_t now_ns, int rate, int seconds, bool throttled)
{
    for (int i = 0; i < rate * seconds; i++) {
        now_ns += SECOND / rate;
        adaptive_answer(a, throttled, now_ns);
    }
    return now_ns;
}

static void nothing_is_held_back_before_the_first_throttling(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    (void)answer(&a, 0, 100, 3, false);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(adaptive_acquire(&a, 3 * SECOND), 0);
}

static void throttling_cuts_to_seven_tenths_of_what_was_sent(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    int64_t now_ns = answer(&a, 0, 100, 4, false);
    double before = a.measured_rate;
    assert_true(fabs(before - 100) < 5);
    adaptive_answer(&a, true, now_ns + SECOND / 100);
    assert_true(a.enabled);
    assert_true(fabs(a.rate - 0.7 * a.measured_rate) < 1e-9);
    assert_true(adaptive_acquire(&a, now_ns + SECOND / 100) >= 0);
}

static void the_rate_comes_back_along_the_cubic(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    int64_t now_ns = answer(&a, 0, 100, 4, false);
    adaptive_answer(&a, true, now_ns);
    double cut = a.rate, max = a.max_rate, zero_point_s = a.zero_point_s;
    assert_true(fabs(zero_point_s - cbrt(max * 0.3 / 0.4)) < 1e-9);
    /* Slow near the old rate, which it has again at K seconds, and past it later. */
    double last = cut;
    for (int second = 1; second < 12; second++) {
        now_ns = answer(&a, now_ns, 100, 1, false);
        assert_true(a.rate >= last);
        last = a.rate;
        if (second < (int)zero_point_s)
            assert_true(a.rate <= max + 1e-9);
        else if (second > (int)zero_point_s + 1)
            assert_true(a.rate > max);
    }
}

static void it_never_runs_far_ahead_of_what_is_sent(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    int64_t now_ns = answer(&a, 0, 10, 4, false);
    adaptive_answer(&a, true, now_ns);
    (void)answer(&a, now_ns, 10, 60, false);
    assert_true(a.rate <= 2 * a.measured_rate + 1e-9);
}

static void it_never_stands_still(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    int64_t now_ns = answer(&a, 0, 10, 30, true);
    assert_true(a.rate >= 0.5);
    while (adaptive_acquire(&a, now_ns) == 0) /* what is left in the bucket */
        ;
    int64_t wait_ns = adaptive_acquire(&a, now_ns);
    assert_true(wait_ns > 0 && wait_ns <= 2 * SECOND);
    assert_int_equal(adaptive_acquire(&a, now_ns + wait_ns), 0);
}

static void as_many_pass_as_the_rate_says(void **state)
{
    (void)state;
    struct adaptive a;
    adaptive_init(&a, 0);
    int64_t now_ns = answer(&a, 0, 100, 4, false);
    adaptive_answer(&a, true, now_ns);
    double rate = a.rate;
    while (adaptive_acquire(&a, now_ns) == 0)
        ;
    int passed = 0;
    for (int i = 0; i < 1000; i++) /* asked each 10 ms for ten seconds */
        passed += adaptive_acquire(&a, now_ns + i * 10 * MS) == 0;
    assert_true(fabs(passed - 10 * rate) < 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_a_tenth_of_a_seconds_worth),
        cmocka_unit_test(who_comes_later_waits_longer),
        cmocka_unit_test(tokens_do_not_pile_up_past_the_burst),
        cmocka_unit_test(a_token_that_is_given_back_is_the_next_ones),
        cmocka_unit_test(no_second_sees_more_than_rate_and_burst),
        cmocka_unit_test(a_clock_that_stands_or_goes_back_gives_nothing),
        cmocka_unit_test(nothing_is_held_back_before_the_first_throttling),
        cmocka_unit_test(throttling_cuts_to_seven_tenths_of_what_was_sent),
        cmocka_unit_test(the_rate_comes_back_along_the_cubic),
        cmocka_unit_test(it_never_runs_far_ahead_of_what_is_sent),
        cmocka_unit_test(it_never_stands_still),
        cmocka_unit_test(as_many_pass_as_the_rate_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
