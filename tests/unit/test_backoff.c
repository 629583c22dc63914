/* Waits between attempts and the quota that ends them. */
#include "moontide/io/backoff.h"

#include "moontide/base/compiler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void waits_double_up_to_the_cap(void **state)
{
    (void)state;
    struct backoff_policy standard = {0};
    static const int64_t halves_ms[] = {500, 1000, 2000, 4000, 8000, 10000, 10000};
    for (size_t i = 0; i < COUNT_OF(halves_ms); i++)
        assert_int_equal(backoff_ms(&standard, (int)i + 1, 0.5), halves_ms[i]);
    assert_int_equal(backoff_ms(&standard, 1, 0), 0);
    assert_int_equal(backoff_ms(&standard, INT32_MAX, 0.999), 19980);
}

static void base_and_cap_are_configurable(void **state)
{
    (void)state;
    struct backoff_policy quick = {.base_ms = 10, .cap_ms = 25};
    static const int64_t halves_ms[] = {5, 10, 12, 12};
    for (size_t i = 0; i < COUNT_OF(halves_ms); i++)
        assert_int_equal(backoff_ms(&quick, (int)i + 1, 0.5), halves_ms[i]);
    struct backoff_policy base_above_cap = {.base_ms = 1000, .cap_ms = 100};
    assert_int_equal(backoff_ms(&base_above_cap, 1, 0.5), 50);
    struct backoff_policy huge = {.base_ms = INT64_MAX / 2, .cap_ms = INT64_MAX / 2};
    assert_true(backoff_ms(&huge, 60, 0.9) <= INT64_MAX / 2);
}

static void random_numbers_fill_zero_to_one_and_repeat_by_seed(void **state)
{
    (void)state;
    enum { DRAWS = 10000 };
    uint64_t seed = 42, again = 42, other = 43;
    double sum = 0, least = 1, most = 0;
    int same = 0;
    for (int i = 0; i < DRAWS; i++) {
        double r = backoff_random(&seed);
        assert_true(r == backoff_random(&again));
        same += r == backoff_random(&other);
        assert_true(r >= 0 && r < 1);
        sum += r;
        least = r < least ? r : least;
        most = r > most ? r : most;
    }
    assert_int_equal(same, 0);
    assert_true(sum / DRAWS > 0.48 && sum / DRAWS < 0.52);
    assert_true(least < 0.01 && most > 0.99);
}

static void a_timeout_costs_twice_a_retry(void **state)
{
    (void)state;
    struct retry_quota quota;
    retry_quota_init(&quota);
    int cost = 0;
    assert_true(retry_quota_take(&quota, false, &cost));
    assert_int_equal(cost, 5);
    assert_int_equal(quota.tokens, 495);
    assert_true(retry_quota_take(&quota, true, &cost));
    assert_int_equal(cost, 10);
    assert_int_equal(quota.tokens, 485);
}

static void an_exhausted_quota_refuses_and_takes_nothing(void **state)
{
    (void)state;
    struct retry_quota quota;
    retry_quota_init(&quota);
    int retries = 0, cost = 0;
    while (retries < 1000 && retry_quota_take(&quota, false, &cost))
        retries++;
    assert_int_equal(retries, 100);
    cost = 77;
    assert_false(retry_quota_take(&quota, false, &cost));
    assert_int_equal(cost, 77);
    assert_int_equal(quota.tokens, 0);
    retry_quota_give(&quota, 5);
    assert_false(retry_quota_take(&quota, true, &cost));
    assert_true(retry_quota_take(&quota, false, &cost));
}

static void success_gives_back_but_never_more_than_there_was(void **state)
{
    (void)state;
    struct retry_quota quota;
    retry_quota_init(&quota);
    retry_quota_give(&quota, 0);
    assert_int_equal(quota.tokens, 500);
    int cost = 0;
    assert_true(retry_quota_take(&quota, true, &cost));
    retry_quota_give(&quota, 0);
    assert_int_equal(quota.tokens, 491);
    retry_quota_give(&quota, cost);
    assert_int_equal(quota.tokens, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_cap),
        cmocka_unit_test(base_and_cap_are_configurable),
        cmocka_unit_test(random_numbers_fill_zero_to_one_and_repeat_by_seed),
        cmocka_unit_test(a_timeout_costs_twice_a_retry),
        cmocka_unit_test(an_exhausted_quota_refuses_and_takes_nothing),
        cmocka_unit_test(success_gives_back_but_never_more_than_there_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
