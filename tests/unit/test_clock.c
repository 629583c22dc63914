/* Facts about clocks. No fact waits for time to pass: bounds are taken around each reading. */
#include "moontide/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void a_manual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct clock c;
    clock_init_manual(&c, 1000);
    int64_t mono = clock_mono_ns(&c);
    assert_int_equal(clock_now_ms(&c), 1000);
    assert_int_equal(clock_now_ms(&c), 1000);
    clock_advance(&c, 250);
    assert_int_equal(clock_now_ms(&c), 1250);
    assert_int_equal(clock_mono_ns(&c) - mono, 250000000);
}

static void a_manual_clock_never_asks_to_wait_long(void **state)
{
    (void)state;
    struct clock c;
    clock_init_manual(&c, 1000);
    assert_int_equal(clock_real_ms_until(&c, 999), 0);
    assert_int_equal(clock_real_ms_until(&c, 1000), 0);
    assert_int_equal(clock_real_ms_until(&c, 1000000), 1);
}

static void a_zeroed_clock_is_the_real_one(void **state)
{
    (void)state;
    struct clock zero = {0}, real;
    clock_init_real(&real);
    int64_t before = (int64_t)time(NULL) * 1000 - 1000;
    int64_t a = clock_now_ms(&zero), b = clock_now_ms(&real);
    int64_t after = (int64_t)time(NULL) * 1000 + 1000;
    assert_true(before <= a && a <= b && b <= after);
    int64_t m = clock_mono_ns(&zero);
    assert_true(m > 0 && clock_mono_ns(&real) >= m);
}

static void the_real_clock_waits_for_what_is_ahead(void **state)
{
    (void)state;
    struct clock c;
    clock_init_real(&c);
    int64_t left = clock_real_ms_until(&c, clock_now_ms(&c) + 3600000);
    assert_true(left > 3500000 && left <= 3600000);
    assert_int_equal(clock_real_ms_until(&c, 0), 0);
}

static void a_scaled_clock_runs_as_fast_as_it_was_told(void **state)
{
    (void)state;
    struct clock real, c;
    clock_init_real(&real);
    int64_t before_ns = clock_mono_ns(&real);
    clock_init_scaled(&c, 5000000, 1000);
    int64_t now = clock_now_ms(&c);
    int64_t passed_ms = (clock_mono_ns(&real) - before_ns) / 1000000 + 1;
    assert_true(now >= 5000000 && now <= 5000000 + passed_ms * 1000);
    /* an hour of its world in 3.6 real seconds, less what has passed */
    int64_t left = clock_real_ms_until(&c, 5000000 + 3600000);
    assert_true(left <= 3600 && left > 3600 - 1000);
    assert_int_equal(clock_real_ms_until(&c, 4999999), 0);
    assert_true(clock_mono_ns(&c) >= before_ns); /* real */
}

static void a_wait_for_a_fraction_is_rounded_up(void **state)
{
    (void)state;
    struct clock c;
    clock_init_scaled(&c, 0, 1e-9); /* so slow that nothing passes meanwhile */
    assert_true(clock_real_ms_until(&c, 1) >= 999999999);
    clock_init_scaled(&c, 0, 60);
    int64_t ahead = clock_now_ms(&c) + 1000000;
    assert_true(clock_real_ms_until(&c, ahead) >= 1);
}

static void cpu_time_never_goes_back(void **state)
{
    (void)state;
    int64_t a = clock_cpu_ns();
    assert_true(a > 0 && clock_cpu_ns() >= a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manual_clock_moves_only_when_told),
        cmocka_unit_test(a_manual_clock_never_asks_to_wait_long),
        cmocka_unit_test(a_zeroed_clock_is_the_real_one),
        cmocka_unit_test(the_real_clock_waits_for_what_is_ahead),
        cmocka_unit_test(a_scaled_clock_runs_as_fast_as_it_was_told),
        cmocka_unit_test(a_wait_for_a_fraction_is_rounded_up),
        cmocka_unit_test(cpu_time_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
