/* Trends while each allocation fails in turn: ERR_NOMEM or an answer, never a crash or a leak (the
 * sanitizer's part). */
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/stats/change.h"
#include "moontide/stats/crossing.h"
#include "moontide/stats/grid.h"
#include "moontide/stats/holt_winters.h"
#include "moontide/stats/line.h"
#include "moontide/stats/season.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failing_alloc.h"

enum { COUNT = 260, ALLOCATIONS_MAX = 100000 };

static double values[COUNT], times[COUNT];

static struct trend trend(void)
{
    return (struct trend){.values = values, .times = times, .count = COUNT};
}

static int theil_sen(void)
{
    struct line line;
    return line_theil_sen(trend(), 0.95, &line);
}

static int change(void)
{
    struct change found;
    return change_find(trend(), &found);
}

static int crossing(void)
{
    struct crossing found;
    return crossing_find(trend(), 1e6, CROSSING_UP, 0, 0.95, &found);
}

static int grid(void)
{
    struct grid even;
    int code = grid_of(trend(), 0, &even);
    grid_done(&even);
    return code;
}

static int season(void)
{
    size_t slots;
    return season_find(values, COUNT, 3600, &slots);
}

static int split(void)
{
    static double lists[3][COUNT];
    struct season_parts parts = {lists[0], lists[1], lists[2], NAN};
    return season_split(values, COUNT, 24, SEASON_ADDITIVE, &parts);
}

static int holt_winters(void)
{
    struct holt_winters_options options = {24, true, {0.1, 0.1, 0.1, 0.9}};
    struct holt_winters model;
    int code = holt_winters_fit(values, COUNT, &options, &model);
    if (code == OK) holt_winters_done(&model);
    return code;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    static int (*const questions[])(void) = {theil_sen, change, crossing,    grid,
                                             season,    split,  holt_winters};
    for (size_t i = 0; i < COUNT; i++) {
        times[i] = 3600 * (double)i;
        values[i] = i % 9 == 5 ? NAN : (double)i + 9 * sin((double)i * 2 * 3.14159265 / 24);
    }
    for (size_t q = 0; q < COUNT_OF(questions); q++) {
        int refused = 0;
        for (int n = 1; n < ALLOCATIONS_MAX; n++) {
            alloc_fail_at(n);
            int code = questions[q]();
            bool failed = alloc_has_failed();
            alloc_fail_at(0);
            if (!failed) {
                assert_int_equal(code, OK);
                break;
            }
            assert_true(code == OK || code == ERR_NOMEM);
            refused += code == ERR_NOMEM;
        }
        assert_true(refused > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
