/* Facts about sums with their errors kept. */
#include "moontide/base/compiler.h"
#include "moontide/stats/cpu.h"
#include "moontide/stats/sum.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_cancels_leaves_the_rest(void **state)
{
    (void)state;
    double values[300];
    for (size_t i = 0; i < COUNT_OF(values); i += 3) {
        values[i] = 1;
        values[i + 1] = 1e100;
        values[i + 2] = -1e100;
    }
    assert_true(sum_of(values, COUNT_OF(values)) == 100);
}

static void a_tenth_ten_thousand_times_is_a_thousand(void **state)
{
    (void)state;
    static double values[10000];
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = 0.1;
    assert_true(sum_of(values, COUNT_OF(values)) == 1000);
}

static void every_count_is_summed_to_its_end(void **state)
{
    (void)state;
    double values[40];
    for (size_t n = 0; n <= COUNT_OF(values); n++) {
        for (size_t i = 0; i < n; i++)
            values[i] = (double)i + 1;
        assert_true(sum_of(values, n) == (double)(n * (n + 1) / 2));
    }
}

static void no_datapoint_is_left_out_and_infinity_stays(void **state)
{
    (void)state;
    const double gap[] = {1, NAN, 2}, endless[] = {1, INFINITY, 2}, both[] = {INFINITY, -INFINITY};
    assert_true(sum_of(gap, 3) == 3);
    assert_true(sum_of(endless, 3) == INFINITY);
    assert_true(isnan(sum_of(both, 2)));
    assert_true(sum_of(NULL, 0) == 0);
}

static void every_level_gives_the_same_bits(void **state)
{
    (void)state;
    static double values[10007];
    uint64_t seed = 3, first = 0;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = ldexp((double)(int64_t)seed, (int)(seed >> 58));
    }
    enum cpu_level before = cpu_level();
    for (int level = 0; level < CPU_LEVELS; level++) {
        if (!cpu_has((enum cpu_level)level)) continue;
        cpu_level_set((enum cpu_level)level);
        double sum = sum_of(values, COUNT_OF(values));
        uint64_t bits;
        memcpy(&bits, &sum, sizeof bits);
        if (level > 0) assert_true(bits == first);
        first = bits;
    }
    cpu_level_set(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cancels_leaves_the_rest),
        cmocka_unit_test(a_tenth_ten_thousand_times_is_a_thousand),
        cmocka_unit_test(every_count_is_summed_to_its_end),
        cmocka_unit_test(no_datapoint_is_left_out_and_infinity_stays),
        cmocka_unit_test(every_level_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
