/* What a history keeps: over a restart, over a clock that jumps, and with more than it has room
 * for. */
#include "rails_fixture.h"
#include "support/alloc_fail.h"

enum { HOUR_MS = 60 * MINUTE_MS };

static void only(struct rails_fixture *f, const char *limits)
{
    rails_limit(f, "{'tolerance':0,'stabilization_in':0,'cooldown_in':0,'cooldown_out':0,"
                   "'rate_out':{'percent':1000000}}");
    rails_limit(f, limits);
}

static void restart(struct rails_fixture *f)
{
    struct strbuf text;
    strbuf_init(&text, 65536);
    assert_int_equal(rail_history_write(f->histories[0], &text), OK);
    rail_history_free(f->histories[0]);
    assert_int_equal(rail_history_new(&f->histories[0]), OK);
    assert_int_equal(rail_history_read(f->histories[0], text.data, text.len), OK);
    strbuf_done(&text);
}

static void begin_anew(struct rails_fixture *f)
{
    rail_history_free(f->histories[0]);
    assert_int_equal(rail_history_new(&f->histories[0]), OK);
}

static void changes_outlive_a_restart_and_wishes_do_not(void **state)
{
    struct rails_fixture *f = *state;
    only(f, "{'rate_out':{'percent':100},'cooldown_in':'5m','stabilization_in':'5m'}");
    rails_apply(f, 5, 9);
    rails_wish(f, 9, 12);
    restart(f);
    struct rail_case c = rails_wish(f, 9, 20);
    assert_passes(c, 10); /* of 5 there were a minute ago */
    c = rails_wish(f, 9, 8);
    assert_refused(c, RAIL_STABILIZING, "20 is the highest wish");
    f->now_ms += 5 * MINUTE_MS;
    rails_wish(f, 9, 9);
    rails_apply(f, 9, 6);
    restart(f);
    f->now_ms += MINUTE_MS;
    c = rails_wish(f, 6, 5);
    assert_refused(c, RAIL_STABILIZING, "6 is the highest"); /* the capacity there was at first */
    f->now_ms += 4 * MINUTE_MS - 1;
    rail_limits_default(&f->limits);
    only(f, "{'cooldown_in':'5m'}");
    c = rails_wish(f, 6, 5);
    assert_refused(c, RAIL_COOLDOWN, "1s left");
    f->now_ms += 1;
    c = rails_wish(f, 6, 5);
    assert_passes(c, 5);
}

static void what_is_written_is_small_and_sorted(void **state)
{
    struct rails_fixture *f = *state;
    struct strbuf text;
    strbuf_init(&text, 4096);
    rails_apply(f, 2, 4.5);
    f->now_ms += MINUTE_MS;
    rails_apply(f, 4.5, 3);
    rails_apply(f, 3, 3); /* no change */
    rails_apply(f, NAN, 3);
    assert_int_equal(rail_history_write(f->histories[0], &text), OK);
    assert_string_equal(strbuf_cstr(&text),
                        "{\"changes\":[[1769860800000,2.5,0],[1769860860000,0,1.5]],"
                        "\"in\":[1769860860000,3],\"out\":[1769860800000,4.5]}");
    strbuf_done(&text);
    strbuf_init(&text, 16);
    assert_int_equal(rail_history_write(f->histories[0], &text), ERR_LIMIT);
    strbuf_done(&text);
}

static void what_is_no_history_leaves_the_one_there_is(void **state)
{
    struct rails_fixture *f = *state;
    static const char *const rows[] = {
        "",
        "[]",
        "{",
        "{\"changes\":{}}",
        "{\"changes\":[[1,2]]}",
        "{\"changes\":[[1,2,3,4]]}",
        "{\"changes\":[[1,2,-3]]}",
        "{\"changes\":[[1,1e400,3]]}",
        "{\"changes\":[[1.5,2,3]]}",
        "{\"changes\":[[\"1\",2,3]]}",
        "{\"changes\":[[1,null,3]]}",
        "{\"changes\":[1]}",
        "{\"out\":[1]}",
        "{\"out\":5}",
        "{\"in\":[1,2}",
        "{} x",
    };
    only(f, "{'cooldown_out':'5m'}");
    rails_apply(f, 4, 8);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rail_history_read(f->histories[0], rows[i], strlen(rows[i])) != ERR_PARSE)
            fail_msg("%s", rows[i]);
    char many[2000] = "{\"changes\":[[1,1,1]";
    for (int i = 0; i < 100; i++)
        strcat(many, ",[1,1,1]");
    strcat(many, "]}");
    assert_int_equal(rail_history_read(f->histories[0], many, strlen(many)), ERR_LIMIT);
    struct rail_case c = rails_wish(f, 6, 8);
    assert_refused(c, RAIL_COOLDOWN, "reached 8");
    static const char later[] = "{\"changes\":[],\"more\":{\"x\":[1]}}"; /* a later version's */
    assert_int_equal(rail_history_read(f->histories[0], later, strlen(later)), OK);
    c = rails_wish(f, 6, 8);
    assert_passes(c, 8);
}

/* What was done or wished at a time that is now the future counts as done now. */
static void a_clock_put_back_lets_nothing_pass_and_holds_for_one_window(void **state)
{
    struct rails_fixture *f = *state;
    for (int restarted = 0; restarted < 2; restarted++) {
        only(f, "{'cooldown_out':'5m'}");
        rails_apply(f, 4, 8);
        f->now_ms -= HOUR_MS;
        if (restarted) restart(f);
        struct rail_case c = rails_wish(f, 6, 8);
        assert_refused(c, RAIL_COOLDOWN, "5m left");
        f->now_ms += 5 * MINUTE_MS;
        c = rails_wish(f, 6, 8);
        assert_passes(c, 8);

        begin_anew(f);
        only(f, "{'cooldown_in':'5m'}");
        rails_apply(f, 8, 6);
        f->now_ms -= HOUR_MS;
        if (restarted) restart(f);
        c = rails_wish(f, 6, 5);
        assert_refused(c, RAIL_COOLDOWN, "5m left");
        f->now_ms += 5 * MINUTE_MS;
        c = rails_wish(f, 6, 5);
        assert_passes(c, 5);

        begin_anew(f);
        only(f, "{'rate_out':{'percent':100}}");
        rails_apply(f, 5, 9);
        f->now_ms -= HOUR_MS;
        if (restarted) restart(f);
        c = rails_wish(f, 9, 20);
        assert_passes(c, 10);
        f->now_ms += MINUTE_MS;
        c = rails_wish(f, 9, 20);
        assert_passes(c, 18);
        begin_anew(f);
    }
    only(f, "{'stabilization_in':'5m'}");
    rails_wish(f, 9, 20);
    f->now_ms -= HOUR_MS;
    struct rail_case c = rails_wish(f, 9, 5);
    assert_refused(c, RAIL_STABILIZING, "20 is the highest");
    f->now_ms += 5 * MINUTE_MS;
    c = rails_wish(f, 9, 5);
    assert_passes(c, 5);
}

static void there_and_back_forgets_nothing(void **state)
{
    struct rails_fixture *f = *state;
    only(f, "{'cooldown_out':'5m','stabilization_in':'5m'}");
    rails_apply(f, 4, 8);
    rails_wish(f, 8, 8);
    f->now_ms += HOUR_MS;
    rails_wish(f, 8, 8);
    f->now_ms -= HOUR_MS;
    struct rail_case c = rails_wish(f, 6, 8);
    assert_refused(c, RAIL_COOLDOWN, "5m left");
    c = rails_wish(f, 8, 4);
    assert_refused(c, RAIL_STABILIZING, "8 is the highest");
}

/* More wishes than there is room for, each lower than the one before: the highest of the window may
 * count a sixteenth of it too long, never too short. */
static void a_full_history_of_wishes_errs_to_the_safe_side(void **state)
{
    struct rails_fixture *f = *state;
    enum { WINDOW_S = 3000, SPAN_S = WINDOW_S / 16 + 1 };
    static const int steps[] = {1, 7, 30, 60, 190};
    for (size_t s = 0; s < COUNT_OF(steps); s++) {
        only(f, "{'stabilization_in':3000}");
        begin_anew(f);
        for (int i = 0; i * steps[s] < 4 * WINDOW_S; i++, f->now_ms += steps[s] * SECOND_MS) {
            double wish = 100000 - i; /* a wish that is n steps old was n higher */
            struct rail_case c = rails_case(f, 1000000, wish);
            rail_history_wish(f->histories[0], f->now_ms, NAN, wish);
            rails_judge(&c, RAIL_STABILIZING, RAIL_STABILIZING);
            int oldest = (WINDOW_S - 1) / steps[s], held = (WINDOW_S + SPAN_S) / steps[s] + 1;
            double least = wish + (i < oldest ? i : oldest), most = wish + held;
            if (!(c.capacities[0].to >= least && c.capacities[0].to <= most))
                fail_msg("every %d s, wish %d: %g, not %g to %g", steps[s], i, c.capacities[0].to,
                         least, most);
        }
    }
}

static void a_full_history_of_changes_errs_to_the_safe_side(void **state)
{
    struct rails_fixture *f = *state;
    enum { TICKS = 2000, TICK_S = 10, PERIOD_TICKS = 3000 / TICK_S };
    static double reached[TICKS]; /* after each tick */
    only(f, "{'rate_out':{'add':1000,'percent':0,'period':3000}}");
    double capacity = 0;
    for (int i = 0; i < TICKS; i++, f->now_ms += TICK_S * SECOND_MS) {
        struct rail_case c = rails_wish(f, capacity, capacity + 10);
        if (c.effect == RAIL_PASSES) {
            rails_apply(f, capacity, c.capacities[0].to);
            capacity = c.capacities[0].to;
        }
        reached[i] = capacity;
        if (i >= PERIOD_TICKS) assert_true(capacity - reached[i - PERIOD_TICKS] <= 1000);
    }
    assert_true(capacity >= 6000); /* of 7,000: held up for no more than a sixteenth of each */
}

static void no_memory_is_told(void **state)
{
    (void)state;
    struct rail_history *history = NULL;
    alloc_fail_at(1);
    assert_int_equal(rail_history_new(&history), ERR_NOMEM);
    assert_true(alloc_fail_done());
    assert_null(history);
    rail_history_free(NULL);
}

int main(void)
{
#define FACT(test) cmocka_unit_test_setup_teardown(test, rails_setup, rails_teardown)
    const struct CMUnitTest tests[] = {
        FACT(changes_outlive_a_restart_and_wishes_do_not),
        FACT(what_is_written_is_small_and_sorted),
        FACT(what_is_no_history_leaves_the_one_there_is),
        FACT(a_clock_put_back_lets_nothing_pass_and_holds_for_one_window),
        FACT(there_and_back_forgets_nothing),
        FACT(a_full_history_of_wishes_errs_to_the_safe_side),
        FACT(a_full_history_of_changes_errs_to_the_safe_side),
        FACT(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
