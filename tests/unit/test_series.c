/* Facts about series: datapoints on the grid of their period. */
#include "moontide/base/err.h"
#include "moontide/model/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PERIOD = 60, SLOTS = 4, END = 1200 }; /* the window is [960, 1200) */

static struct series *four_slots(void)
{
    struct series *s = NULL;
    assert_int_equal(series_new(PERIOD, SLOTS, &s), OK);
    series_move(s, END);
    return s;
}

static void a_new_series_has_no_datapoint(void **state)
{
    (void)state;
    struct series *s = four_slots();
    assert_int_equal(s->start_s, 960);
    assert_int_equal(series_end_s(s), END);
    assert_int_equal(view_count(series_view(s, SLOTS)), 0);
    double value;
    assert_false(view_at(series_view(s, SLOTS), -1, &value, NULL));
    free(s);
}

static void sizes_outside_the_limits_are_refused(void **state)
{
    (void)state;
    struct series *s = NULL;
    assert_int_equal(series_new(PERIOD, 0, &s), ERR_LIMIT);
    assert_int_equal(series_new(PERIOD, SERIES_SLOTS_MAX + 1, &s), ERR_LIMIT);
    assert_int_equal(series_new(0, 1, &s), ERR_INVALID);
    assert_null(s);
}

static void a_datapoint_is_floored_to_its_slot(void **state)
{
    (void)state;
    struct series *s = four_slots();
    assert_true(series_put(s, 1079, 7.0));
    double value = 0;
    int64_t time_s = 0;
    assert_true(view_at(series_view(s, SLOTS), 1, &value, &time_s));
    assert_true(value == 7.0);
    assert_int_equal(time_s, 1020);
    free(s);
}

static void the_last_datapoint_written_wins(void **state)
{
    (void)state;
    struct series *s = four_slots();
    assert_true(series_put(s, 960, 1.0));
    assert_true(series_put(s, 960, 2.0));
    assert_true(s->values[0] == 2.0);
    assert_int_equal(view_count(series_view(s, SLOTS)), 1);
    free(s);
}

static void what_is_off_the_window_or_not_finite_is_refused_and_counted(void **state)
{
    (void)state;
    struct series *s = four_slots();
    static const struct {
        int64_t time_s;
        double value;
    } bad[] = {
        {959, 1.0},  {1200, 1.0},      {INT64_MIN, 1.0},  {INT64_MAX, 1.0},
        {1000, NAN}, {1000, INFINITY}, {1000, -INFINITY},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(series_put(s, bad[i].time_s, bad[i].value));
    assert_int_equal(s->refused, COUNT_OF(bad));
    assert_int_equal(view_count(series_view(s, SLOTS)), 0);
    free(s);
}

static void moving_keeps_what_stays_inside(void **state)
{
    (void)state;
    struct series *s = four_slots();
    for (int i = 0; i < SLOTS; i++)
        assert_true(series_put(s, 960 + i * PERIOD, i));
    series_move(s, END + PERIOD);
    assert_true(s->values[0] == 1 && s->values[2] == 3);
    assert_true(isnan(s->values[3]));
    series_move(s, END - PERIOD); /* two back */
    assert_true(isnan(s->values[0]) && isnan(s->values[1]));
    assert_true(s->values[2] == 1 && s->values[3] == 2);
    series_move(s, END + 100 * PERIOD);
    assert_int_equal(view_count(series_view(s, SLOTS)), 0);
    free(s);
}

static void a_view_is_the_newest_slots(void **state)
{
    (void)state;
    struct series *s = four_slots();
    assert_true(series_put(s, 960, 1.0));
    assert_true(series_put(s, 1080, 3.0));
    struct series_view view = series_view(s, 2);
    assert_int_equal(view.start_s, 1080);
    assert_int_equal(view_count(view), 1);
    assert_int_equal(series_view(s, 99).slots, SLOTS);
    free(s);
}

static void datapoints_are_counted_from_either_end(void **state)
{
    (void)state;
    struct series *s = four_slots();
    assert_true(series_put(s, 960, 1.0));
    assert_true(series_put(s, 1140, 4.0));
    struct series_view view = series_view(s, SLOTS);
    double value = 0;
    int64_t time_s = 0;
    assert_true(view_at(view, 2, &value, &time_s));
    assert_true(value == 4.0 && time_s == 1140);
    assert_true(view_at(view, -2, &value, &time_s));
    assert_true(value == 1.0 && time_s == 960);
    assert_false(view_at(view, 3, &value, &time_s));
    assert_false(view_at(view, -3, &value, &time_s));
    assert_false(view_at(view, 0, &value, &time_s));
    assert_false(view_at(view, INT64_MIN, &value, &time_s));
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_series_has_no_datapoint),
        cmocka_unit_test(sizes_outside_the_limits_are_refused),
        cmocka_unit_test(a_datapoint_is_floored_to_its_slot),
        cmocka_unit_test(the_last_datapoint_written_wins),
        cmocka_unit_test(what_is_off_the_window_or_not_finite_is_refused_and_counted),
        cmocka_unit_test(moving_keeps_what_stays_inside),
        cmocka_unit_test(a_view_is_the_newest_slots),
        cmocka_unit_test(datapoints_are_counted_from_either_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
