/* Facts about recording and replay, through an engine: what a policy was given in a tick is what is
 * read back, whatever happened between. The record as bytes is test_record_code.c's, the file
 * test_recording.c's. */
#include "moontide/tick/recorder.h"

#include "moontide/tick/replay.h"
#include "support/alloc_fail.h"
#include "support/engine_house.h"
#include "unit/contains.h"
#include "unit/recording_fixture.h"

#include <math.h>

struct studio {
    struct house house;
    struct shelf *shelf;
    struct recorder *recorder;
};

static void start(struct studio *studio)
{
    struct fault fault;
    const struct recording_options options = {.path = studio->shelf->path, .retry_ms = 1};
    assert_int_equal(recorder_new(&options, "test", &studio->recorder, &fault), OK);
    studio->house.options.recorder = studio->recorder;
    house_open(&studio->house);
}

static void end(struct studio *studio)
{
    house_close(&studio->house);
    recorder_free(studio->recorder);
    studio->recorder = NULL;
}

static int setup(void **state)
{
    void *shelf = NULL;
    struct loop *loop = NULL;
    struct studio *studio = calloc(1, sizeof *studio);
    if (!studio || shelf_open(&shelf) < 0 || loop_new(&loop) < 0) return -1;
    studio->shelf = shelf;
    house_init(&studio->house, loop);
    start(studio);
    *state = studio;
    return 0;
}

static int teardown(void **state)
{
    struct studio *studio = *state;
    struct loop *loop = studio->house.loop;
    end(studio);
    house_done(&studio->house);
    int left = loop_free(loop);
    void *shelf = studio->shelf;
    int rc = shelf_close(&shelf);
    free(studio);
    return left > 0 ? -1 : rc;
}

static void restart(struct studio *studio)
{
    end(studio);
    start(studio);
}

/* ---- what was read, as text ---- */

static void add_series(char *out, size_t size, const struct replay_use *use)
{
    struct series_view view = series_view(use->series, use->slots);
    for (uint32_t i = 0; i < view.slots; i++) {
        size_t used = strlen(out);
        if (isnan(view.values[i]))
            snprintf(out + used, size - used, "%s-", i ? "," : "");
        else
            snprintf(out + used, size - used, "%s%g", i ? "," : "", view.values[i]);
    }
}

/* "1 slow prod{memo|extra|1,1,1} staging{...};" for each tick. */
static const char *read_with(const struct studio *studio, const struct replay_options *given)
{
    static char text[65536];
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    struct replay_options options = *given;
    options.path = studio->shelf->path;
    text[0] = '\0';
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    while (replay_next(replay, &tick, &fault) == 1) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%llu %s", (unsigned long long)tick.number,
                 tick.policy);
        for (size_t i = 0; i < tick.target_count; i++) {
            const struct replay_target *t = &tick.targets[i];
            used = strlen(text);
            snprintf(text + used, sizeof text - used, " %s{%s|%s|", t->id,
                     t->memo_json ? t->memo_json : "-", t->extra_json ? t->extra_json : "-");
            for (size_t j = 0; j < t->use_count; j++)
                add_series(text, sizeof text, &t->uses[j]);
            strcat(text, "}");
        }
        strcat(text, ";");
    }
    replay_close(replay);
    return text;
}

static const char *read_all(struct studio *studio)
{
    end(studio); /* so that all of it is written */
    const char *text = read_with(studio, &(struct replay_options){.world = NULL});
    start(studio);
    return text;
}

/* ---- facts ---- */

static void a_tick_is_read_as_the_policy_saw_it(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_counts);
    rule->has_collect = true;
    assert_int_equal(house_put(house, rule), OK);
    for (int i = 1; i <= 3; i++) {
        house->world.value = i;
        house_next_tick(house);
    }
    /* The datapoints of all three periods are revised each time. */
    assert_string_equal(
        read_all(studio),
        "1 slow prod{-|{\"extra\":1}|1,1,1} staging{-|{\"extra\":1}|1,1,1};"
        "2 slow prod{{\"n\":1}|{\"extra\":1}|2,2,2} staging{{\"n\":1}|{\"extra\":1}|2,2,2};"
        "3 slow prod{{\"n\":2}|{\"extra\":1}|3,3,3} staging{{\"n\":2}|{\"extra\":1}|3,3,3};");
}

static void what_is_read_is_dated_and_names_the_source(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    house_put(house, house_rule(house, "slow", judge_slow));
    house_tick(house);
    int64_t at_ms = house->last.at_ms;
    assert_int_equal(house->last.number, 1);
    end(studio);
    const struct replay_options options = {.path = studio->shelf->path, .policy = "slow"};
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    assert_int_equal(replay_next(replay, &tick, &fault), 1);
    assert_int_equal(tick.number, 1);
    assert_int_equal(tick.at_ms, at_ms);
    assert_string_equal(tick.world, "test");
    assert_string_equal(tick.sha256 + 62, "07");
    assert_string_equal(tick.targets[0].uses[0].key, "Latency");
    assert_string_equal(tick.targets[0].uses[0].metric->name, "Latency");
    assert_int_equal(tick.targets[0].uses[0].series->state, SERIES_READY);
    assert_int_equal(replay_next(replay, &tick, &fault), 0);
    replay_close(replay);
    start(studio);
}

static void numbers_go_on_through_a_restart_and_the_first_record_is_whole(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_slow);
    house_put(house, rule);
    house_tick(house);
    house_next_tick(house);
    restart(studio);
    house_put(house, rule);
    house_next_tick(house);
    assert_int_equal(house->last.number, 3);
    end(studio);
    assert_string_equal(list_rows(studio->shelf, &(struct recording_filter){.world = NULL}),
                        "1:slow! 2:slow 3:slow! ");
    start(studio);
}

static void several_policies_are_told_apart(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *counts = house_rule(house, "counts", judge_counts);
    house_put(house, counts);
    house_put(house, house_rule(house, "slow", judge_slow));
    house_tick(house);
    house_next_tick(house);
    end(studio);
    const struct replay_options slow = {.policy = "slow", .from_tick = 2};
    assert_string_equal(read_with(studio, &slow), "2 slow prod{-|-|1,1,1} staging{-|-|1,1,1};");
    const struct replay_options both = {.from_tick = 2, .to_tick = 2};
    const char *text = read_with(studio, &both);
    assert_contains(text, "2 counts prod{{\"n\":1}|-|1,1,1}");
    assert_contains(text, "2 slow prod{-|-|1,1,1}");
    const struct replay_options other = {.world = "aws"};
    assert_string_equal(read_with(studio, &other), "");
    start(studio);
}

static void a_range_begins_and_ends_where_it_was_asked_to(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    int64_t at_ms[6];
    house_put(house, house_rule(house, "slow", judge_slow));
    for (int i = 1; i <= 5; i++) {
        house->world.value = i;
        house_next_tick(house);
        at_ms[i] = house->last.at_ms;
    }
    end(studio);
    const struct replay_options times = {.from_ms = at_ms[3], .to_ms = at_ms[4]};
    assert_string_equal(read_with(studio, &times), "3 slow prod{-|-|3,3,3} staging{-|-|3,3,3};"
                                                   "4 slow prod{-|-|4,4,4} staging{-|-|4,4,4};");
    const struct replay_options after = {.from_ms = at_ms[5] + 1};
    assert_string_equal(read_with(studio, &after), "");
    start(studio);
}

static void targets_that_come_and_go_are_followed(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    static const char *const two[] = {"staging", "dev"};
    struct rule *rule = house_rule(house, "slow", judge_slow);
    rule->discover_ms = MINUTE_MS;
    house_put(house, rule);
    house_tick(house);
    rule->targets = two;
    rule->target_count = 2;
    house_next_tick(house);
    assert_string_equal(read_all(studio), "1 slow prod{-|-|1,1,1} staging{-|-|1,1,1};"
                                          "2 slow staging{-|-|1,1,1} dev{-|-|1,1,1};");
}

static void an_evaluation_that_fails_is_recorded_too(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    house_put(house, house_rule(house, "bad", judge_fails));
    assert_true(house_tick(house));
    assert_string_equal(read_all(studio), "1 bad prod{-|-|1,1,1} staging{-|-|1,1,1};");
}

static void a_target_whose_collect_failed_is_not_in_it(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_slow);
    rule->has_collect = true;
    rule->collect_code = ERR_LUA;
    house_put(house, rule);
    house_tick(house);
    assert_string_equal(read_all(studio), "1 slow;");
}

/* A series is found by its metric before the tick that brings it, and follows from then on. */
static void a_series_is_found_once_and_followed(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    struct metric *metric = NULL, *other = NULL;
    struct series *const *wide = NULL, *const *none = NULL;
    house_put(house, house_rule(house, "slow", judge_slow));
    for (int i = 1; i <= 6; i++) {
        house->world.value = i;
        house_next_tick(house);
    }
    end(studio);
    const struct replay_options options = {
        .path = studio->shelf->path, .world = "test", .policy = "slow"};
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    assert_int_equal(replay_next(replay, &tick, &fault), 1);
    metric = metric_retain(tick.targets[0].uses[0].metric);
    replay_close(replay);

    struct metric draft = *metric;
    draft.stat = "p50";
    assert_int_equal(metric_new(&draft, &other), OK);
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    assert_int_equal(replay_find(replay, NULL, metric, 5, &wide), OK);
    assert_int_equal(replay_find(replay, NULL, other, 0, &none), OK);
    assert_null(*wide);
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(replay_next(replay, &tick, &fault), 1);
        assert_ptr_equal(*wide, tick.targets[0].uses[0].series);
        assert_null(*none);
    }
    /* Three were recorded; the two before them stay as they were known last. */
    static const double values[] = {4, 5, 6, 6, 6};
    assert_int_equal((*wide)->slots, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_true((*wide)->values[i] == values[i]);
    assert_int_equal(replay_find(replay, NULL, metric, SERIES_SLOTS_MAX + 1, &wide), ERR_LIMIT);
    replay_close(replay);
    metric_release(metric);
    metric_release(other);
    start(studio);
}

static void a_damaged_record_is_passed_over(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_slow);
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    house_put(house, rule);
    for (int i = 0; i < 3; i++)
        house_next_tick(house);
    restart(studio); /* a new segment from tick 4 on */
    house_put(house, rule);
    house_next_tick(house);
    end(studio);
    change_file(studio->shelf,
                "UPDATE record SET body = zeroblob(9), raw_bytes = 0 WHERE tick = 2");
    const struct replay_options options = {.path = studio->shelf->path, .policy = "slow"};
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    assert_int_equal(replay_next(replay, &tick, &fault), 1);
    assert_int_equal(replay_next(replay, &tick, &fault), ERR_VERSION);
    assert_contains(fault.text, "tick 2 of slow");
    assert_int_equal(replay_next(replay, &tick, &fault), 1); /* 3 builds on it */
    assert_int_equal(tick.number, 4);
    assert_int_equal(tick.target_count, 2);
    replay_close(replay);
    start(studio);
}

static void which_policy_and_world_a_series_is_of_must_be_known(void **state)
{
    struct studio *studio = *state;
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    struct series *const *found = NULL;
    house_put(&studio->house, house_rule(&studio->house, "slow", judge_slow));
    house_tick(&studio->house);
    end(studio);
    const struct replay_options options = {.path = studio->shelf->path};
    const struct metric draft = {.name = "M", .namespace_name = "N", .stat = "Sum", .period_s = 60};
    struct metric *metric = NULL;
    assert_int_equal(metric_new(&draft, &metric), OK);
    assert_int_equal(replay_open(&options, &replay, &fault), OK);
    assert_int_equal(replay_find(replay, NULL, metric, 0, &found), ERR_INVALID);
    assert_int_equal(replay_find(replay, "slow", metric, 0, &found), ERR_INVALID);
    assert_int_equal(replay_next(replay, &tick, &fault), 1);
    assert_int_equal(replay_find(replay, "slow", metric, 0, &found), OK);
    assert_null(*found);
    assert_int_equal(replay_find(replay, "slow", tick.targets[1].uses[0].metric,
                                 tick.targets[1].uses[0].slots, &found),
                     OK);
    assert_ptr_equal(*found, tick.targets[1].uses[0].series); /* also in mid-tick */
    assert_int_equal(replay_find(replay, "slow", tick.targets[1].uses[0].metric, 100, &found), OK);
    assert_ptr_equal(*found, tick.targets[1].uses[0].series);
    assert_int_equal((*found)->slots, 100);
    replay_close(replay);
    metric_release(metric);
    start(studio);
}

static int judge_stops(struct rule *rule, const struct evaluation_input *input, const char *target,
                       struct evaluation *out, struct fault *fault)
{
    struct house *house = rule->data;
    (void)input;
    (void)target;
    (void)out;
    (void)fault;
    if (house->ticks > 0) engine_remove(house->engine, rule->name);
    return OK;
}

/* It would look as if targets were missing. */
static void a_tick_that_is_cut_short_is_not_recorded(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_stops);
    rule->data = house;
    house_put(house, rule);
    house_put(house, house_rule(house, "web", judge_healthy));
    house_tick(house);
    house_next_tick(house);
    end(studio);
    const struct replay_options slow = {.policy = "slow"}, web = {.policy = "web"};
    assert_string_equal(read_with(studio, &slow), "1 slow prod{-|-|1,1,1} staging{-|-|1,1,1};");
    assert_contains(read_with(studio, &web), "2 web prod");
    start(studio);
}

/* A name that comes back begins anew. */
static void a_policy_that_goes_is_forgotten(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    struct rule *rule = house_rule(house, "slow", judge_slow);
    house_put(house, rule);
    house_tick(house);
    house_next_tick(house);
    engine_remove(house->engine, "slow");
    house_put(house, rule);
    house_next_tick(house);
    end(studio);
    assert_string_equal(list_rows(studio->shelf, &(struct recording_filter){.world = NULL}),
                        "1:slow! 2:slow 3:slow! ");
    start(studio);
}

/* Each allocation of a tick fails in turn: whatever came of the tick, the next one is recorded. */
static void without_memory_a_record_is_lost_and_the_next_is_whole(void **state)
{
    struct studio *studio = *state;
    struct house *house = &studio->house;
    house_put(house, house_rule(house, "slow", judge_counts));
    house_tick(house);
    bool failed = true;
    for (unsigned n = 1; failed && n < 400; n++) {
        const struct policy_info info = {.name = "slow", .sha256 = "07"};
        const struct target target = {.id = "prod", .json = "{\"a\":1}"};
        alloc_fail_at(n);
        struct record *record =
            recorder_begin(studio->recorder, &info, recorder_next_tick(studio->recorder), 1000);
        record_target(record, &target, NULL, "{\"extra\":\"some text\"}", "{}");
        record_end(record);
        failed = alloc_fail_done();
        record =
            recorder_begin(studio->recorder, &info, recorder_next_tick(studio->recorder), 1000);
        record_target(record, &target, NULL, NULL, "{}");
        record_end(record);
    }
    assert_false(failed);
    /* The writer's own allocations are among them: it may have failed, and begins again soon. */
    struct recording_status status = {.failed = true};
    for (int i = 0; i < 1000 && status.failed; i++) {
        house_next_tick(house);
        do
            recorder_status(studio->recorder, &status);
        while (status.waiting > 0);
    }
    house_next_tick(house);
    uint64_t number = house->last.number;
    end(studio);
    char last[64];
    snprintf(last, sizeof last, ";%llu slow prod{", (unsigned long long)number);
    const char *text = read_with(studio, &(struct replay_options){.world = NULL});
    assert_contains(text, last);
    start(studio);
}

int main(void)
{
#define studio_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        studio_test(a_tick_is_read_as_the_policy_saw_it),
        studio_test(what_is_read_is_dated_and_names_the_source),
        studio_test(numbers_go_on_through_a_restart_and_the_first_record_is_whole),
        studio_test(several_policies_are_told_apart),
        studio_test(a_range_begins_and_ends_where_it_was_asked_to),
        studio_test(targets_that_come_and_go_are_followed),
        studio_test(an_evaluation_that_fails_is_recorded_too),
        studio_test(a_target_whose_collect_failed_is_not_in_it),
        studio_test(a_series_is_found_once_and_followed),
        studio_test(a_damaged_record_is_passed_over),
        studio_test(which_policy_and_world_a_series_is_of_must_be_known),
        studio_test(a_tick_that_is_cut_short_is_not_recorded),
        studio_test(a_policy_that_goes_is_forgotten),
        studio_test(without_memory_a_record_is_lost_and_the_next_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
