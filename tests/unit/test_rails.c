/* The rules that ask for a fact, their order, windows, and how much at once. */
#include "rails_fixture.h"

static void what_nothing_holds_back_passes_unchanged(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = rails_wish(f, 4, 8);
    assert_passes(c, 8);
    assert_int_equal(c.clipped, 0);
    assert_string_equal(c.text, "");
    assert_int_equal(c.change_count, 1);
    assert_int_equal(c.direction, DIRECTION_OUT);
}

static void nothing_that_differs_ends_as_unchanged(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = rails_case(f, 4, 4);
    c.paused = "paused";
    rails_all(&c);
    assert_int_equal(c.effect, RAIL_ENDS);
    assert_int_equal(c.rail, RAIL_NO_CHANGE);
}

static void the_codes_are_in_the_order_of_the_rules(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "",       "NO_CHANGE", "PAUSED",       "FROZEN",      "UNKNOWN",
        "GATED",  "CONFLICT",  "NOT_FEASIBLE", "NOT_ALLOWED", "DRIFT",
        "BUSY",   "TOLERANCE", "STABILIZING",  "COOLDOWN",    "RATE",
        "AT_MIN", "AT_MAX",    "BLAST_RADIUS", "MODE"};
    assert_int_equal(COUNT_OF(codes), RAIL_COUNT);
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        assert_string_equal(rail_codes[i], codes[i]);
    assert_null(rail_codes[RAIL_COUNT]);
}

/* Everything stands in the way at once: from -> to is within the tolerance as well, and all else.
 */
static struct rail_case hopeless(struct rails_fixture *f)
{
    struct rail_case c = rails_case(f, 10, 11);
    c.paused = "is paused";
    c.frozen = "is frozen";
    c.unknown = "does not answer";
    c.gated = "is gated";
    c.conflict = "is decided elsewhere";
    c.infeasible = "cannot be";
    c.denied = "is denied";
    c.drift = "was changed";
    c.busy = "is busy";
    c.mode = MODE_OBSERVE;
    c.actions = 10;
    return c;
}

static void the_first_rule_that_refuses_is_the_one_told(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = hopeless(f);
    rails_all(&c);
    assert_refused(c, RAIL_PAUSED, "is paused");
    static const struct {
        enum rail rail;
        size_t fact;
        const char *part;
    } rows[] = {
        {RAIL_FROZEN, offsetof(struct rail_case, paused), "is frozen"},
        {RAIL_GATED, offsetof(struct rail_case, frozen), "is gated"}, /* UNKNOWN lets out pass */
        {RAIL_CONFLICT, offsetof(struct rail_case, gated), "decided elsewhere"},
        {RAIL_NOT_FEASIBLE, offsetof(struct rail_case, conflict), "cannot be"},
        {RAIL_NOT_ALLOWED, offsetof(struct rail_case, infeasible), "is denied"},
        {RAIL_DRIFT, offsetof(struct rail_case, denied), "was changed"},
        {RAIL_BUSY, offsetof(struct rail_case, drift), "is busy"},
        {RAIL_TOLERANCE, offsetof(struct rail_case, busy), "within 10 %"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        c = hopeless(f);
        for (size_t k = 0; k <= i; k++)
            *(const char **)((char *)&c + rows[k].fact) = NULL;
        rails_all(&c);
        assert_refused(c, rows[i].rail, rows[i].part);
    }
}

static void only_the_rules_asked_for_are_asked_and_an_end_stays(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = hopeless(f);
    c.paused = c.frozen = c.gated = c.conflict = NULL;
    rails_judge(&c, RAIL_NO_CHANGE, RAIL_CONFLICT);
    assert_int_equal(c.effect, RAIL_PASSES);
    rails_judge(&c, RAIL_NOT_FEASIBLE, RAIL_MODE);
    assert_refused(c, RAIL_NOT_FEASIBLE, "cannot be");
    c.infeasible = NULL;
    rails_all(&c);
    assert_refused(c, RAIL_NOT_FEASIBLE, "cannot be");
}

static void no_data_refuses_all_but_scale_out(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        double from, to;
        size_t fixed;
        bool refused;
    } rows[] = {{4, 8, 0, false}, {8, 4, 0, true}, {4, 4, 1, true}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, rows[i].from, rows[i].to);
        c.fixed_count = rows[i].fixed;
        c.change_count += rows[i].fixed;
        c.unknown = "api_p99: no data";
        rails_judge(&c, RAIL_NO_CHANGE, RAIL_CONFLICT);
        if (rows[i].refused)
            assert_refused(c, RAIL_UNKNOWN, "api_p99: no data");
        else
            assert_int_equal(c.effect, RAIL_PASSES);
    }
}

static void a_gate_holds_scale_out_only_and_can_be_lifted(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = rails_case(f, 4, 8);
    c.gated = "tier db has the high issue db_saturation";
    rails_all(&c);
    assert_refused(c, RAIL_GATED, "db_saturation");
    c = rails_case(f, 8, 4);
    c.gated = "tier db";
    rails_judge(&c, RAIL_NO_CHANGE, RAIL_CONFLICT);
    assert_int_equal(c.effect, RAIL_PASSES);
    rails_limit(f, "{'gate':false}");
    c = rails_case(f, 4, 8);
    c.gated = "tier db";
    rails_all(&c);
    assert_passes(c, 8);
}

static void a_freeze_refuses_and_says_until_when(void **state)
{
    struct rails_fixture *f = *state;
    rails_limit(f, "{'freezes':[{'cron':'0 11 * * *','duration':'2h'},"
                   "{'cron':'30 20 31 1 *','duration':'1d','timezone':'Asia/Seoul'}]}");
    struct rail_case c = rails_wish(f, 4, 8);
    assert_refused(c, RAIL_FROZEN, "in a freeze until 2026-02-01T11:30:00Z");
    f->now_ms += 24 * 60 * MINUTE_MS;
    c = rails_wish(f, 4, 8);
    assert_refused(c, RAIL_FROZEN, "in a freeze until 2026-02-01T13:00:00Z");
    f->now_ms += 60 * MINUTE_MS;
    c = rails_wish(f, 4, 8);
    assert_passes(c, 8);
}

static void outside_of_the_change_windows_it_says_when_the_next_begins(void **state)
{
    struct rails_fixture *f = *state; /* a Saturday */
    rails_limit(f, "{'change_windows':[{'cron':'0 9 * * mon-fri','duration':28800},"
                   "{'cron':'0 22 * * sun','duration':'1h'}]}");
    struct rail_case c = rails_wish(f, 4, 8);
    assert_refused(c, RAIL_FROZEN,
                   "outside of the change windows; the next begins at "
                   "2026-02-01T22:00:00Z");
    f->now_ms += (int64_t)46 * 60 * MINUTE_MS; /* Monday, 10:00 */
    c = rails_wish(f, 4, 8);
    assert_passes(c, 8);
    rails_limit(f, "{'change_windows':[{'cron':'0 0 29 2 *','duration':'1d'}]}");
    c = rails_wish(f, 4, 8);
    assert_refused(c, RAIL_FROZEN, "none begins within a year");
    rails_limit(f, "{'change_windows':[]}"); /* lifted */
    c = rails_wish(f, 4, 8);
    assert_passes(c, 8);
}

static void a_capacity_that_is_no_number_is_not_feasible(void **state)
{
    struct rails_fixture *f = *state;
    static const double rows[] = {NAN, INFINITY, -INFINITY, -1};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, 4, rows[i]);
        rails_all(&c);
        assert_refused(c, RAIL_NOT_FEASIBLE, "count cannot be");
    }
}

static void the_actions_of_a_tick_are_bounded(void **state)
{
    struct rails_fixture *f = *state;
    struct rail_case c = rails_case(f, 4, 8);
    c.actions = 9;
    rails_all(&c);
    assert_passes(c, 8);
    c = rails_case(f, 4, 8);
    c.actions = 10;
    rails_all(&c);
    assert_refused(c, RAIL_BLAST_RADIUS, "10 of 10 actions");
    rails_limit(f, "{'max_actions_per_tick':0}");
    c = rails_case(f, 4, 8);
    rails_all(&c);
    assert_refused(c, RAIL_BLAST_RADIUS, "0 of 0 actions");
}

static void so_many_of_a_policys_targets_change_in_a_tick(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        uint32_t targets, changed;
        double share;
        bool counted, passes;
    } rows[] = {
        {1, 0, 0.25, false, true},   {3, 0, 0.25, false, true},  {3, 1, 0.25, false, false},
        {8, 1, 0.25, false, true},   {8, 2, 0.25, false, false}, {8, 2, 0.25, true, true},
        {11, 2, 0.25, false, false}, {100, 0, 0, false, true},   {100, 1, 0, false, false},
        {10, 2, 0.3, false, true}, /* 0.3 x 10 is 3, whatever doubles make of it */
        {10, 3, 0.3, false, false},  {5, 4, 1, false, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, 4, 8);
        f->limits.max_share = rows[i].share;
        c.policy_targets = rows[i].targets;
        c.changed_targets = rows[i].changed;
        c.target_counted = rows[i].counted;
        rails_all(&c);
        if ((c.effect == RAIL_PASSES) != rows[i].passes) fail_msg("row %zu: %s", i, c.text);
        if (!rows[i].passes) assert_refused(c, RAIL_BLAST_RADIUS, "targets change in this tick");
    }
}

static void the_mode_proposes_refuses_or_lets_pass(void **state)
{
    struct rails_fixture *f = *state;
    static const struct {
        enum policy_mode mode;
        bool plan;
        enum rail_effect effect;
        const char *text;
    } rows[] = {
        {MODE_ACT, false, RAIL_PASSES, ""},
        {MODE_RECOMMEND, false, RAIL_PROPOSES, "the mode is recommend"},
        {MODE_OBSERVE, false, RAIL_REFUSES, "the mode is observe"},
        {MODE_ACT, true, RAIL_PROPOSES, "a plan changes nothing"},
        {MODE_RECOMMEND, true, RAIL_PROPOSES, "a plan changes nothing"},
        {MODE_OBSERVE, true, RAIL_PROPOSES, "a plan changes nothing"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct rail_case c = rails_case(f, 4, 8);
        c.mode = rows[i].mode;
        c.plan = rows[i].plan;
        rails_all(&c);
        assert_int_equal(c.effect, rows[i].effect);
        assert_int_equal(c.rail, rows[i].effect == RAIL_PASSES ? RAIL_NONE : RAIL_MODE);
        assert_string_equal(c.text, rows[i].text);
    }
    struct rail_case c = rails_case(f, 5, 20);
    c.mode = MODE_RECOMMEND;
    rails_all(&c);
    assert_int_equal(c.effect, RAIL_PROPOSES); /* and what was clipped is told */
    assert_string_equal(c.text, "5 -> 20 wanted, 10 allowed: +4 or 100 % in 60 s");
}

static void a_long_text_is_cut_between_characters(void **state)
{
    struct rails_fixture *f = *state;
    char text[600];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xec\xa0\x95", 4);
        struct rail_case c = rails_case(f, 4, 8);
        c.paused = text;
        rails_all(&c);
        size_t len = strlen(c.text);
        assert_in_range(len, RAIL_TEXT_MAX - 6, RAIL_TEXT_MAX - 1);
        assert_int_equal((len - shift) % 3, 0);
    }
}

static void direction_is_in_when_anything_falls(void **state)
{
    (void)state;
    static const struct {
        double from[2], to[2];
        enum direction direction;
    } rows[] = {
        {{2, 10}, {2, 10}, DIRECTION_NONE},   {{2, 10}, {3, 10}, DIRECTION_OUT},
        {{2, 10}, {2, 9}, DIRECTION_IN},      {{2, 10}, {3, 9}, DIRECTION_IN},
        {{NAN, NAN}, {3, 9}, DIRECTION_NONE}, {{NAN, 10}, {3, 12}, DIRECTION_OUT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct capacity capacities[] = {{"min", rows[i].from[0], rows[i].to[0]},
                                              {"max", rows[i].from[1], rows[i].to[1]}};
        assert_int_equal(capacities_direction(capacities, 2), rows[i].direction);
    }
    assert_int_equal(capacities_direction(NULL, 0), DIRECTION_NONE);
}

int main(void)
{
#define FACT(test) cmocka_unit_test_setup_teardown(test, rails_setup, rails_teardown)
    const struct CMUnitTest tests[] = {
        FACT(what_nothing_holds_back_passes_unchanged),
        FACT(nothing_that_differs_ends_as_unchanged),
        FACT(the_codes_are_in_the_order_of_the_rules),
        FACT(the_first_rule_that_refuses_is_the_one_told),
        FACT(only_the_rules_asked_for_are_asked_and_an_end_stays),
        FACT(no_data_refuses_all_but_scale_out),
        FACT(a_gate_holds_scale_out_only_and_can_be_lifted),
        FACT(a_freeze_refuses_and_says_until_when),
        FACT(outside_of_the_change_windows_it_says_when_the_next_begins),
        FACT(a_capacity_that_is_no_number_is_not_feasible),
        FACT(the_actions_of_a_tick_are_bounded),
        FACT(so_many_of_a_policys_targets_change_in_a_tick),
        FACT(the_mode_proposes_refuses_or_lets_pass),
        FACT(a_long_text_is_cut_between_characters),
        FACT(direction_is_in_when_anything_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
