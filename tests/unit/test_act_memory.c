/* A tick that acts, with each of its allocations failing in turn: nothing is sent without its
 * intent on disk, nothing is done twice, and with memory all is well again. */
#include "support/act_house.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { ALLOCATIONS_MAX = 5000 };

static void tick_ended(void *data, bool failed)
{
    struct house *house = data;
    house->ended = true;
    house->failed = failed;
}

/* As far as memory allows. */
static void try_tick(struct act_house *act)
{
    struct house *house = &act->house;
    act_later(act, MINUTE_MS);
    act_clear(act);
    house->ended = false;
    if (engine_tick(house->engine, NULL, tick_ended, house) < 0) return;
    house_turn_until(house, &house->ended);
}

/* As apply is entered. (SQLite's own allocations do not fail.) */
static void intents_are_on_disk(void *data)
{
    struct act_house *act = data;
    int open = 0;
    sscanf(act_query(act, "SELECT count(*) FROM intent"), "%d", &open);
    assert_true(open > 0);
}

struct scene {
    void (*prepare)(struct act_house *act, struct rule *rule);
    void (*live)(struct act_house *act); /* with one allocation failing */
    void (*after)(struct act_house *act);
};

static void begin(struct act_house *act, struct rule *rule, const struct scene *scene)
{
    fake_set(&act->fake, "a", "{\"count\":2}");
    fake_set(&act->fake, "q", "{}");
    act->fake.apply_code = OK;
    struct wants *wants = wants_of(rule);
    *wants = (struct wants){.check = VERDICT_UNKNOWN};
    wants->items[0] =
        (struct want){.resource = "a",
                      .wanted = "{\"count\":3}",
                      .rails = "{\"tolerance\":0}",
                      .verify = "{\"check\":\"c\",\"on_failure\":\"revert\",\"within\":60}"};
    wants->items[1] = (struct want){.resource = "q", .kind = "call", .wanted = "{\"key\":\"1\"}"};
    act_sql(act, "DELETE FROM memo; DELETE FROM alert; DELETE FROM journal_entry;"
                 "DELETE FROM resource; DELETE FROM intent");
    act->house.store = open_store(act->files);
    house_open(&act->house);
    assert_int_equal(house_put(&act->house, rule), OK);
    if (scene->prepare) scene->prepare(act, rule);
}

static void end(struct act_house *act)
{
    house_close(&act->house);
    store_close(act->house.store);
    act->house.store = NULL;
}

/* After a restart and the time it takes to find out, nothing is open any more. */
static void nothing_stays_open(struct act_house *act)
{
    act->fake.apply_code = OK;
    act_restart(act);
    act_later(act, 90 * 1000);
    for (int i = 0; i < 3; i++)
        act_tick(act);
    for (int i = 0; i < TURNS_MAX && act_intents(act)[0]; i++)
        house_turns(&act->house, 10);
    assert_string_equal(act_intents(act), "");
}

static void play(struct act_house *act, const struct scene *scene)
{
    struct rule *rule = act_rule(act, "web");
    rule->rails = "{\"max_share\":1}";
    act->fake.on_apply = intents_are_on_disk;
    act->fake.data = act;
    end(act);
    bool failed = true;
    for (unsigned n = 1; failed; n++) {
        begin(act, rule, scene);
        int made = fake_made(&act->fake, "q");
        alloc_fail_at(n);
        scene->live(act);
        failed = alloc_fail_done();
        nothing_stays_open(act);
        if (scene->after) scene->after(act);
        assert_true(fake_made(&act->fake, "q") - made <= 1);
        end(act);
        assert_true(n < ALLOCATIONS_MAX);
    }
    act->house.store = open_store(act->files);
    house_open(&act->house);
}

static void one_tick(struct act_house *act)
{
    try_tick(act);
}

static void it_is_as_wanted(struct act_house *act)
{
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":3}");
}

static void a_tick_that_applies(void **state)
{
    play(*state, &(struct scene){.live = one_tick, .after = it_is_as_wanted});
}

static void somebody_else(struct act_house *act, struct rule *rule)
{
    wants_of(rule)->items[0].verify = NULL;
    act_tick(act);
    wants_of(rule)->items[0].wanted = "{\"count\":4}";
    act->fake.busy = "not now";
    act_tick(act); /* it has been seen as it was written */
    act->fake.busy = NULL;
    fake_set(&act->fake, "a", "{\"count\":7}");
}

static void it_was_left_alone(struct act_house *act)
{
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":7}");
}

static void a_tick_that_finds_a_drift(void **state)
{
    play(*state, &(struct scene){somebody_else, one_tick, it_was_left_alone});
}

static void will_fail(struct act_house *act, struct rule *rule)
{
    wants_of(rule)->items[0].rails = "{\"tolerance\":0,\"stabilization_in\":0}";
    act_tick(act);
    wants_of(rule)->check = VERDICT_FALSE;
}

static void it_was_put_back(struct act_house *act)
{
    struct engine_actions actions;
    engine_actions(act->house.engine, &actions);
    assert_int_equal(actions.frozen, 1);
    assert_string_equal(fake_get(&act->fake, "a"), "{\"count\":2}");
}

static void a_tick_that_puts_former_values_back(void **state)
{
    play(*state, &(struct scene){will_fail, one_tick, it_was_put_back});
}

static void no_answer(struct act_house *act, struct rule *rule)
{
    (void)rule;
    act->fake.apply_code = ERR_TIMEOUT;
    act->fake.effect = true;
}

static void two_ticks(struct act_house *act)
{
    try_tick(act);
    act_later(act, 90 * 1000);
    try_tick(act);
    house_turns(&act->house, 50);
}

static void a_tick_whose_answers_do_not_come(void **state)
{
    play(*state, &(struct scene){no_answer, two_ticks, it_is_as_wanted});
}

/* ---- a start that finds much ---- */

static void open_and_drifting(struct act_house *act, struct rule *rule)
{
    will_fail(act, rule);
    act_tick(act);
    act->fake.apply_code = ERR_TIMEOUT;
    wants_of(rule)->items[1].wanted = "{\"key\":\"2\"}";
    wants_of(rule)->items[1].resource = "p";
    act_tick(act);
}

static void a_start_that_finds_no_memory_does_not_begin(void **state)
{
    struct act_house *act = *state;
    struct rule *rule = act_rule(act, "web");
    rule->rails = "{\"max_share\":1}";
    end(act);
    begin(act, rule, &(struct scene){.prepare = open_and_drifting});
    assert_string_equal(act_intents(act), "p;");
    house_close(&act->house);
    int rc = ERR_NOMEM;
    for (unsigned n = 1; rc < 0; n++) {
        struct fault fault;
        alloc_fail_at(n);
        rc = engine_new(&act->house.options, &act->house.engine, &fault);
        if (alloc_fail_done()) assert_int_equal(rc, ERR_NOMEM);
    }
    act->house.stopped = false;
    struct engine_actions actions;
    engine_actions(act->house.engine, &actions);
    assert_int_equal(actions.open_intents, 1);
    assert_int_equal(actions.frozen, 1);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, act_setup, act_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_tick_that_applies),
        FACT(a_tick_that_finds_a_drift),
        FACT(a_tick_that_puts_former_values_back),
        FACT(a_tick_whose_answers_do_not_come),
        FACT(a_start_that_finds_no_memory_does_not_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
