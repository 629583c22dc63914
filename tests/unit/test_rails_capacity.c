/* The rules on capacities: tolerance, stabilization, cooldowns, rate, min and max. */
#include "rails_fixture.h"

/* Nothing but the rule of the test holds. */
static void free_of_others(struct rails_fixture *f)
{
    rails_limit(f, "{'tolerance':0,'stabilization_in':0,'cooldown_in':0,'cooldown_out':0,"
                   "'rate_out':{'percent':1000000}}");
}

static void tolerance_is_a_tenth_and_means_it(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        double from, to;
        bool passes;
    } rows[] = {
        {10, 11, false},  {10, 9, false},
        {10, 12, true},   {10, 8, true},
        {1, 2, true},     {100, 110, false},
        {100, 111, true}, {3, 3.3, false},
        {0, 1, true},     {1000000, 1000001, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, rows[i].from, rows[i].to);
        rails_judge(&c, RAIL_TOLERANCE, RAIL_TOLERANCE);
        if ((c.effect == RAIL_PASSES) != rows[i].passes) fail_msg("row %zu", i);
        if (rows[i].passes) continue;
        assert_refused(c, RAIL_TOLERANCE, "wanted: within 10 % of what there is");
        assert_true(c.capacities[0].to == rows[i].from);
        assert_int_equal(c.change_count, 0);
        assert_int_equal(c.direction, DIRECTION_NONE);
    }
    rails_limit(f, "{'tolerance':0}");
    struct rail_case c = rails_case(f, 1000000, 1000001);
    rails_judge(&c, RAIL_TOLERANCE, RAIL_TOLERANCE);
    assert_passes(c, 1000001);
}

static void the_highest_wish_of_five_minutes_counts_for_scale_in(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'stabilization_in':'300s'}");
    struct rail_case c = rails_wish(f, 10, 8);
    assert_refused(c, RAIL_STABILIZING, "10 -> 8 wanted: 10 is the highest wish of the last 300 s");
    for (int minute = 1; minute < 5; minute++) {
        f->now_ms += MINUTE_MS;
        c = rails_wish(f, 10, 9 - minute); /* 8, 7, 6, 5 */
        assert_refused(c, RAIL_STABILIZING, "10 is the highest");
    }
    f->now_ms += MINUTE_MS - 1;
    c = rails_wish(f, 10, 2);
    assert_refused(c, RAIL_STABILIZING, "10 is the highest");
    f->now_ms += 1; /* what there was at first is 300 s old, and so is the first wish */
    c = rails_wish(f, 10, 2);
    assert_passes(c, 8);
    assert_int_equal(c.clipped, 1u << RAIL_STABILIZING);
    assert_string_equal(c.text,
                        "10 -> 2 wanted, 8 allowed: 8 is the highest wish of the last 300 s");
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 10, 2);
    assert_passes(c, 7);
}

static void a_wish_for_more_holds_up_scale_in_and_not_itself(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'stabilization_in':'300s'}");
    struct rail_case c = rails_wish(f, 10, 14);
    assert_passes(c, 14); /* the window for scale-out is 0 s */
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 14, 12);
    assert_refused(c, RAIL_STABILIZING, "14 is the highest");
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 12, 11); /* somebody else made it 12: 14 counts, at most what there is */
    assert_refused(c, RAIL_STABILIZING, "14 is the highest");
}

static void the_lowest_wish_counts_for_scale_out_where_asked(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'stabilization_out':'2m'}");
    struct rail_case c = rails_wish(f, 4, 9);
    assert_refused(c, RAIL_STABILIZING, "4 is the lowest wish of the last 120 s");
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 4, 7);
    assert_refused(c, RAIL_STABILIZING, "4 is the lowest");
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 4, 12);
    assert_passes(c, 7);
}

static void a_larger_scale_out_passes_its_cooldown(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'cooldown_out':'5m'}");
    rails_apply(f, 4, 8);
    f->now_ms += 2 * MINUTE_MS;
    struct rail_case c = rails_wish(f, 6, 8); /* somebody took two away again */
    assert_refused(c, RAIL_COOLDOWN,
                   "6 -> 8 wanted: the last scale-out reached 8; its cooldown has 3m left");
    c = rails_wish(f, 6, 7);
    assert_refused(c, RAIL_COOLDOWN, "reached 8");
    c = rails_wish(f, 8, 9);
    assert_passes(c, 9);
    f->now_ms += 3 * MINUTE_MS - 1;
    c = rails_wish(f, 6, 8);
    assert_refused(c, RAIL_COOLDOWN, "1s left");
    f->now_ms += 1;
    c = rails_wish(f, 6, 8);
    assert_passes(c, 8);
}

static void scale_in_waits_for_its_cooldown_unless_a_scale_out_cancels_it(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'cooldown_in':'5m'}");
    rails_apply(f, 12, 8);
    f->now_ms += MINUTE_MS;
    struct rail_case c = rails_wish(f, 8, 4);
    assert_refused(c, RAIL_COOLDOWN, "the cooldown of the last scale-in has 4m left");
    c = rails_wish(f, 8, 9);
    assert_passes(c, 9);
    rails_apply(f, 8, 9);
    c = rails_wish(f, 9, 4);
    assert_passes(c, 4);
}

static void scale_out_goes_by_four_or_doubles_in_a_minute(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        double from, to, reached;
    } rows[] = {{0, 9, 4},    {1, 9, 5},       {2, 100, 6}, {4, 100, 8},
                {5, 100, 10}, {50, 1000, 100}, {5, 7, 7}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, rows[i].from, rows[i].to);
        rails_all(&c);
        assert_passes(c, rows[i].reached);
    }
    struct rail_case c = rails_case(f, 4, 9);
    rails_all(&c);
    assert_string_equal(c.text, "4 -> 9 wanted, 8 allowed: +4 or 100 % in 60 s");
    assert_int_equal(c.clipped, 1u << RAIL_RATE);
}

static void what_was_added_within_the_minute_counts(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'rate_out':{'add':4,'percent':100,'period':'60s'}}");
    rails_apply(f, 5, 8);
    f->now_ms += 30 * SECOND_MS;
    struct rail_case c = rails_wish(f, 8, 20);
    assert_passes(c, 10); /* of the 5 there were */
    rails_apply(f, 8, 10);
    f->now_ms += 29 * SECOND_MS;
    c = rails_wish(f, 10, 20);
    assert_refused(c, RAIL_RATE, "10 -> 20 wanted: +4 or 100 % in 60 s");
    f->now_ms += SECOND_MS; /* the first 3 are 60 s old */
    c = rails_wish(f, 10, 40);
    assert_passes(c, 16);
    f->now_ms += 30 * SECOND_MS;
    c = rails_wish(f, 10, 40);
    assert_passes(c, 20);
}

static void scale_in_has_a_rate_of_its_own(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    struct rail_case c = rails_wish(f, 10, 0);
    assert_passes(c, 0); /* 100 % */
    rails_limit(f, "{'rate_in':{'percent':20,'period':'10m'}}");
    c = rails_wish(f, 10, 0);
    assert_passes(c, 8);
    assert_string_equal(c.text, "10 -> 0 wanted, 8 allowed: 20 % in 600 s");
    rails_apply(f, 10, 9);
    c = rails_wish(f, 9, 0);
    assert_passes(c, 8);
    rails_apply(f, 9, 8);
    c = rails_wish(f, 8, 0);
    assert_refused(c, RAIL_RATE, "20 % in 600 s");
    rails_limit(f, "{'rate_in':{'add':3}}"); /* whichever allows more */
    c = rails_wish(f, 8, 0);
    assert_passes(c, 7);
    assert_string_equal(c.text, "8 -> 0 wanted, 7 allowed: -3 or 20 % in 600 s");
}

static void whole_capacities_stay_whole_rounded_to_what_there_is(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'rate_out':{'add':0,'percent':50,'period':60},"
                   "'rate_in':{'add':0,'percent':50,'period':60}}");
    struct rail_case c = rails_wish(f, 5, 10);
    assert_passes(c, 7);
    c = rails_wish(f, 5, 1);
    assert_passes(c, 3);
    c = rails_wish(f, 5, 10.5); /* one that may be broken */
    assert_passes(c, 7.5);
    c = rails_wish(f, 1, 10);
    assert_refused(c, RAIL_RATE, "50 % in 60 s");
    rails_limit(f, "{'rate_out':{'percent':10}}"); /* 10 * 1.1 is 11 */
    c = rails_wish(f, 10, 20);
    assert_passes(c, 11);
    rails_limit(f, "{'min':2.5,'max':10.5}");
    c = rails_wish(f, 10, 20);
    assert_refused(c, RAIL_AT_MAX, "max is 10.5");
    rails_limit(f, "{'rate_in':{'percent':100}}");
    c = rails_wish(f, 10, 1);
    assert_passes(c, 3);
}

static void the_tighter_of_two_bounds_holds(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        double from, to, own_min, own_max, min, max, reached;
        enum rail rail;
    } rows[] = {
        {4, 8, NAN, NAN, NAN, NAN, 8, RAIL_NONE}, {4, 8, 1, 6, NAN, NAN, 6, RAIL_AT_MAX},
        {4, 8, 1, 6, 2, 5, 5, RAIL_AT_MAX},       {4, 8, 1, 6, NAN, 7, 6, RAIL_AT_MAX},
        {8, 1, 2, 20, NAN, NAN, 2, RAIL_AT_MIN},  {8, 1, 2, 20, 3, 9, 3, RAIL_AT_MIN},
        {8, 1, NAN, NAN, 3, NAN, 3, RAIL_AT_MIN},
    };
    free_of_others(f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, rows[i].from, rows[i].to);
        c.min = rows[i].own_min;
        c.max = rows[i].own_max;
        f->limits.min = rows[i].min;
        f->limits.max = rows[i].max;
        rails_all(&c);
        assert_passes(c, rows[i].reached);
        assert_int_equal(c.clipped, rows[i].rail ? 1u << rows[i].rail : 0);
    }
}

static void bounds_refuse_when_nothing_is_left_and_never_turn_a_change_round(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'min':4,'max':10}");
    struct rail_case c = rails_wish(f, 10, 12);
    assert_refused(c, RAIL_AT_MAX, "10 -> 12 wanted: max is 10");
    c = rails_wish(f, 12, 14);
    assert_refused(c, RAIL_AT_MAX, "max is 10");
    c = rails_wish(f, 4, 3);
    assert_refused(c, RAIL_AT_MIN, "4 -> 3 wanted: min is 4");
    c = rails_wish(f, 2, 1);
    assert_refused(c, RAIL_AT_MIN, "min is 4");
    c = rails_wish(f, 1, 3); /* on the way back inside */
    assert_passes(c, 3);
    c = rails_wish(f, 20, 15);
    assert_passes(c, 15);
}

static void a_resource_that_is_made_knows_only_bounds(void **state)
{
    struct rails_fixture *f = *state;
    rails_limit(f, "{'min':2,'max':50}");
    rails_apply(f, 1, 8); /* whatever was there under that name */
    for (int i = 0; i < 2; i++) {
        struct rail_case c = rails_case(f, NAN, i ? 100 : 1);
        c.change_count = 1;
        rails_all(&c);
        assert_passes(c, i ? 50 : 2);
        assert_string_equal(c.text, i ? "100 wanted, 50 allowed: max is 50"
                                      : "1 wanted, 2 allowed: min is 2");
        assert_int_equal(c.direction, DIRECTION_NONE);
    }
}

static struct rail_case two(struct rails_fixture *f, double min, double to_min, double max,
                            double to_max)
{
    struct rail_case c = rails_case(f, min, to_min);
    snprintf(c.capacities[0].field, CAPACITY_FIELD_MAX, "min");
    c.capacities[1] = (struct capacity){"max", max, to_max};
    c.capacity_count = 2;
    c.change_count = (min != to_min) + (max != to_max);
    c.direction = capacities_direction(c.capacities, 2);
    rail_history_wish(f->histories[0], f->now_ms, min, to_min);
    rail_history_wish(f->histories[1], f->now_ms, max, to_max);
    return c;
}

static void each_of_two_capacities_is_judged_by_itself(void **state)
{
    struct rails_fixture *f = *state;
    free_of_others(f);
    rails_limit(f, "{'tolerance':0.1,'stabilization_in':300,'rate_out':{'percent':100}}");
    struct rail_case c = two(f, 10, 11, 20, 100);
    rails_all(&c);
    assert_passes(c, 10);
    assert_true(c.capacities[1].to == 40);
    assert_int_equal(c.change_count, 1);
    assert_int_equal(c.clipped, 1u << RAIL_TOLERANCE | 1u << RAIL_RATE);
    assert_string_equal(c.text, "min: 10 -> 11 wanted: within 10 % of what there is; "
                                "max: 20 -> 100 wanted, 40 allowed: +4 or 100 % in 60 s");
    c = two(f, 10, 12, 20, 15);
    assert_int_equal(c.direction, DIRECTION_IN);
    rails_all(&c);
    assert_passes(c, 12);
    assert_int_equal(c.direction, DIRECTION_OUT); /* of what is left */
    c = two(f, 10, 11, 20, 15);
    rails_all(&c);
    assert_refused(c, RAIL_STABILIZING, "max: 20 -> 15 wanted"); /* which took the last one */
}

static void changes_that_are_no_capacity_go_on_alone(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = rails_case(f, 10, 11);
    c.fixed_count = 1;
    c.change_count = 2;
    rails_all(&c);
    assert_passes(c, 10);
    assert_int_equal(c.change_count, 1);
    assert_int_equal(c.direction, DIRECTION_NONE);
    assert_int_equal(c.clipped, 1u << RAIL_TOLERANCE);
}

int main(void)
{
#define FACT(test) cmocka_unit_test_setup_teardown(test, rails_setup, rails_teardown)
    const struct CMUnitTest tests[] = {
        FACT(tolerance_is_a_tenth_and_means_it),
        FACT(the_highest_wish_of_five_minutes_counts_for_scale_in),
        FACT(a_wish_for_more_holds_up_scale_in_and_not_itself),
        FACT(the_lowest_wish_counts_for_scale_out_where_asked),
        FACT(a_larger_scale_out_passes_its_cooldown),
        FACT(scale_in_waits_for_its_cooldown_unless_a_scale_out_cancels_it),
        FACT(scale_out_goes_by_four_or_doubles_in_a_minute),
        FACT(what_was_added_within_the_minute_counts),
        FACT(scale_in_has_a_rate_of_its_own),
        FACT(whole_capacities_stay_whole_rounded_to_what_there_is),
        FACT(the_tighter_of_two_bounds_holds),
        FACT(bounds_refuse_when_nothing_is_left_and_never_turn_a_change_round),
        FACT(a_resource_that_is_made_knows_only_bounds),
        FACT(each_of_two_capacities_is_judged_by_itself),
        FACT(changes_that_are_no_capacity_go_on_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
