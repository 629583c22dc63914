/* Facts about thresholds: the tables that CloudWatch publishes, and what they leave open.
 *
 * A range is written as in the User Guide: oldest first, 0 fine, X breaching, - missing. A row says
 * the answers for missing, ignore, breaching and not_breaching: A alarm, O ok, N no data, R as
 * before. */
#include "moontide/model/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "moontide/base/compiler.h"

enum { LIMIT = 100, ROW_SLOTS_MAX = 32 };

struct row {
    uint32_t m, n;
    const char *range;
    const char *answers;
};

static uint32_t read_range(const char *range, enum threshold_op op, double out[ROW_SLOTS_MAX])
{
    double bad = op == THRESHOLD_ABOVE ? LIMIT + 1 : LIMIT - 1;
    uint32_t n = 0;
    for (const char *p = range; *p; p++) {
        if (*p == ' ') continue;
        assert_true(n < ROW_SLOTS_MAX);
        out[n++] = *p == 'X' ? bad : *p == '-' ? NAN : LIMIT; /* the limit itself is fine */
    }
    return n;
}

static enum verdict expected(char answer, enum verdict before)
{
    switch (answer) {
    case 'A': return VERDICT_TRUE;
    case 'O': return VERDICT_FALSE;
    case 'N': return VERDICT_UNKNOWN;
    default: return before;
    }
}

static void check_row(const struct row *row, enum threshold_op op)
{
    static const char *const modes[] = {"missing", "ignore", "breaching", "not_breaching"};
    double values[ROW_SLOTS_MAX];
    uint32_t slots = read_range(row->range, op, values);
    struct series_view view = {.values = values, .slots = slots, .period_s = 300};
    for (int mode = MISSING_MISSING; mode <= MISSING_NOT_BREACHING; mode++) {
        for (int before = VERDICT_UNKNOWN; before <= VERDICT_TRUE; before++) {
            struct threshold t = {op, LIMIT, row->m, row->n, (enum missing_mode)mode};
            int got = threshold_judge(&t, view, (enum verdict)before);
            int want = expected(row->answers[mode], (enum verdict)before);
            if (got != want)
                fail_msg("%u of %u, %s, missing = %s, before %d: %d, expected %d", row->m, row->n,
                         row->range, modes[mode], before, got, want);
        }
    }
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(&rows[i], THRESHOLD_ABOVE);
        check_row(&rows[i], THRESHOLD_BELOW);
    }
}

static void the_published_table_of_3_of_3_holds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {3, 3, "0 - X - X", "OOOO"}, {3, 3, "0 - - - -", "OOOO"}, {3, 3, "- - - - -", "NRAO"},
        {3, 3, "0 X X - X", "AAAA"}, {3, 3, "- - X - -", "ARAO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void the_published_table_of_2_of_3_holds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {2, 3, "0 - X - X", "AAAA"}, {2, 3, "0 0 X 0 X", "AAAA"}, {2, 3, "0 - X - -", "OOAO"},
        {2, 3, "- - - - 0", "OOAO"}, {2, 3, "- - - X -", "ARAO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

/* The guide's prose beside the tables. */
static void one_young_breach_is_not_yet_an_alarm(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {3, 3, "- - - - X", "ORAO"},
        {3, 3, "- - - X -", "ORAO"},
        {3, 3, "- - - X 0", "OOOO"},
        {3, 3, "- - X - 0", "OOOO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void points_older_than_the_range_do_not_count(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {3, 3, "X X X - - - - -", "NRAO"},
        {3, 3, "0 - - - - -", "NRAO"},
        {1, 1, "X - -", "AAAA"},
        {1, 1, "X - - -", "NRAO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void older_points_of_the_range_are_ignored_when_n_newer_ones_exist(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {3, 3, "X X 0 0 0", "OOOO"},
        {2, 3, "X X 0 0 X", "OOOO"},
        {1, 3, "X X 0 0 0", "OOOO"},
        {3, 3, "0 0 X X X", "AAAA"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void one_of_one_reads_the_newest_datapoint(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {1, 1, "0 0 X", "AAAA"},
        {1, 1, "X X 0", "OOOO"},
        {1, 1, "0 X -", "AAAA"},
        {1, 1, "- - -", "NRAO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void a_view_shorter_than_the_range_reads_as_missing(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {3, 3, "", "NRAO"},
        {3, 3, "X", "ORAO"},
        {2, 3, "X X", "AAAA"},
        {3, 3, "0 X", "OOOO"},
        {2, UINT32_MAX, "X X", "AAAA"}, /* N + 2 does not wrap */
        {2, UINT32_MAX, "- -", "NRAO"},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void the_limit_itself_is_neither_above_nor_below(void **state)
{
    (void)state;
    const double values[] = {LIMIT, LIMIT, LIMIT};
    struct series_view view = {.values = values, .slots = 3, .period_s = 60};
    struct threshold above = {THRESHOLD_ABOVE, LIMIT, 1, 1, MISSING_MISSING};
    struct threshold below = {THRESHOLD_BELOW, LIMIT, 1, 1, MISSING_MISSING};
    assert_int_equal(threshold_judge(&above, view, VERDICT_UNKNOWN), VERDICT_FALSE);
    assert_int_equal(threshold_judge(&below, view, VERDICT_UNKNOWN), VERDICT_FALSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_table_of_3_of_3_holds),
        cmocka_unit_test(the_published_table_of_2_of_3_holds),
        cmocka_unit_test(one_young_breach_is_not_yet_an_alarm),
        cmocka_unit_test(points_older_than_the_range_do_not_count),
        cmocka_unit_test(older_points_of_the_range_are_ignored_when_n_newer_ones_exist),
        cmocka_unit_test(one_of_one_reads_the_newest_datapoint),
        cmocka_unit_test(a_view_shorter_than_the_range_reads_as_missing),
        cmocka_unit_test(the_limit_itself_is_neither_above_nor_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
