/* Facts about a record of a tick as bytes: whatever changes from tick to tick, the reader holds
 * what the writer was given. The world here is random and small: series with late data, revisions
 * and holes, windows that move, grow, shrink and go back, targets and metrics that come and go. */
#include "moontide/tick/record_code.h"

#include "moontide/model/series.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/replay.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TARGETS = 6, METRICS = 5, PERIOD_S = 60 };

/* ---- a world ---- */

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525U + 1013904223U;
    return sides > 0 ? (seed >> 8) % sides : 0;
}

struct fake_target {
    bool there;
    char id[32], json[64], *extra, *memo;
    struct metric_use uses[METRICS];
    uint32_t use_count;
};
struct fake {
    struct metric *metrics[TARGETS * METRICS + 1]; /* the last one is shared by all */
    struct series *series[TARGETS * METRICS + 1];
    struct fake_target targets[TARGETS];
    int64_t end_s;
};

static struct metric *new_metric(uint32_t at)
{
    static const char *const stats[] = {"Average", "p99", "Sum"};
    char name[16];
    struct metric *out = NULL, *inner = NULL;
    snprintf(name, sizeof name, "Metric%u", at);
    struct metric_dimension dimensions[] = {{"Environment", name}, {"Cluster", "c"}};
    struct metric draft = {.namespace_name = "GMTool/API",
                           .name = name,
                           .stat = stats[at % 3],
                           .unit = at % 4 == 0 ? "Percent" : NULL,
                           .region = at % 5 == 0 ? "eu-west-1" : NULL,
                           .account = at % 7 == 0 ? "shop" : NULL,
                           .period_s = PERIOD_S,
                           .dimension_count = at % 3,
                           .dimensions = dimensions};
    assert_int_equal(metric_new(&draft, &out), OK);
    if (at % 6 != 5) return out;
    inner = out;
    struct metric_input input = {.id = "a", .metric = inner};
    struct metric expression = {
        .expression = "100 * a", .period_s = PERIOD_S, .input_count = 1, .inputs = &input};
    assert_int_equal(metric_new(&expression, &out), OK);
    metric_release(inner);
    return out;
}

static void fill(struct series *series)
{
    for (uint32_t i = 0; i < series->slots; i++)
        if (dice(4) > 0) series->values[i] = dice(1000) / (dice(2) ? 1.0 : 3.0);
}

static void new_series(struct fake *fake, uint32_t at, uint32_t slots)
{
    struct series *old = fake->series[at];
    assert_int_equal(series_new(PERIOD_S, slots, &fake->series[at]), OK);
    series_move(fake->series[at], fake->end_s);
    if (old && dice(2))
        for (uint32_t i = 0; i < old->slots; i++)
            (void)series_put(fake->series[at], old->start_s + (int64_t)i * PERIOD_S,
                             old->values[i]);
    else
        fill(fake->series[at]);
    free(old);
}

static void set_text(char **text)
{
    char *old = *text;
    size_t old_len = old ? strlen(old) : 0, len = dice(3) ? old_len : dice(120);
    if (dice(6) == 0) {
        free(old);
        *text = NULL;
        return;
    }
    char *fresh = calloc(1, len + 1);
    assert_non_null(fresh);
    for (size_t i = 0; i < len; i++)
        fresh[i] = (char)(i < old_len && dice(20) ? old[i] : 'a' + (int)dice(26));
    free(old);
    *text = fresh;
}

static void set_uses(struct fake *fake, uint32_t at)
{
    static const char *const keys[METRICS] = {"cpu", "p99", "errors", "hits", "shared"};
    struct fake_target *target = &fake->targets[at];
    target->use_count = 0;
    for (uint32_t i = 0; i < METRICS; i++) {
        if (dice(5) == 0) continue;
        uint32_t which = i == METRICS - 1 ? TARGETS * METRICS : at * METRICS + i;
        target->uses[target->use_count++] = (struct metric_use){
            .key = keys[i], .metric = fake->metrics[which], .slots = 1 + dice(20)};
    }
}

static struct fake *new_fake(void)
{
    struct fake *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    fake->end_s = 1700000040;
    for (uint32_t i = 0; i <= TARGETS * METRICS; i++) {
        fake->metrics[i] = new_metric(i);
        new_series(fake, i, 1 + dice(20));
    }
    for (uint32_t i = 0; i < TARGETS; i++) {
        fake->targets[i].there = true;
        snprintf(fake->targets[i].id, sizeof fake->targets[i].id, "environment=e%u", i);
        snprintf(fake->targets[i].json, sizeof fake->targets[i].json, "{\"environment\":\"e%u\"}",
                 i);
        set_text(&fake->targets[i].memo);
        set_uses(fake, i);
    }
    return fake;
}

static void free_fake(struct fake *fake)
{
    for (uint32_t i = 0; i <= TARGETS * METRICS; i++) {
        metric_release(fake->metrics[i]);
        free(fake->series[i]);
    }
    for (uint32_t i = 0; i < TARGETS; i++) {
        free(fake->targets[i].extra);
        free(fake->targets[i].memo);
    }
    free(fake);
}

static void change_series(struct fake *fake, uint32_t at)
{
    struct series *series = fake->series[at];
    uint32_t slot = dice(series->slots);
    switch (dice(8)) {
    case 0: new_series(fake, at, 1 + dice(40)); break;        /* it grew, or shrank */
    case 1: series->values[slot] = NAN; break;                /* taken back */
    case 2: series->values[slot] = dice(100000) / 7.0; break; /* late, or revised */
    case 3: series->values[slot] = -0.0; break;
    case 4: series->state = (uint8_t)dice(SERIES_FAILED + 1); break;
    case 5: series->hint = (uint8_t)dice(2); break;
    case 6: series_move(series, series_end_s(series) - PERIOD_S * (int64_t)dice(5)); break;
    case 7: series->values[slot] = 1e300 * dice(9); break;
    }
}

/* Another metric at the same place: what a reload does. */
static void change_metric(struct fake *fake, uint32_t at)
{
    metric_release(fake->metrics[at]);
    fake->metrics[at] = new_metric(at + (dice(2) ? 0 : 1000));
    new_series(fake, at, 1 + dice(20));
    for (uint32_t i = 0; i < TARGETS; i++)
        set_uses(fake, i);
}

static void pass_time(struct fake *fake)
{
    uint32_t periods = dice(4);
    fake->end_s += (int64_t)periods * PERIOD_S;
    for (uint32_t i = 0; i <= TARGETS * METRICS; i++) {
        struct series *series = fake->series[i];
        series_move(series, fake->end_s);
        for (uint32_t j = 0; j < periods && j < series->slots; j++)
            if (dice(5)) series->values[series->slots - 1 - j] = dice(1000) * 1.1;
        while (dice(3) == 0)
            change_series(fake, i);
    }
    for (uint32_t i = 0; i < TARGETS; i++) {
        if (dice(4) == 0) fake->targets[i].there = !fake->targets[i].there;
        if (dice(3) == 0) set_text(&fake->targets[i].memo);
        if (dice(5) == 0) set_text(&fake->targets[i].extra);
        if (dice(9) == 0) set_uses(fake, i);
    }
    if (dice(10) == 0) change_metric(fake, dice(TARGETS * METRICS));
}

/* ---- writing it, reading it ---- */

static struct series *series_of(const struct fake *fake, const struct metric *metric)
{
    for (uint32_t i = 0; i <= TARGETS * METRICS; i++)
        if (fake->metrics[i] == metric) return fake->series[i];
    fail_msg("a metric of nobody");
    return NULL;
}

static void write_targets(struct record_code *code, const struct fake *fake, bool backwards)
{
    for (uint32_t i = 0; i < TARGETS; i++) {
        const struct fake_target *t = &fake->targets[backwards ? TARGETS - 1 - i : i];
        struct series *series[METRICS];
        if (!t->there) continue;
        for (uint32_t j = 0; j < t->use_count; j++)
            series[j] = series_of(fake, t->uses[j].metric);
        struct target target = {
            .id = t->id, .json = t->json, .uses = t->uses, .use_count = t->use_count};
        record_write_target(code, &target, series, t->extra, t->memo);
    }
}

static void write_fake(struct record_code *code, const struct fake *fake, bool whole,
                       bool backwards, char **out, size_t *len)
{
    assert_int_equal(record_write_begin(code, whole), OK);
    write_targets(code, fake, backwards);
    assert_int_equal(record_write_end(code, out, len), OK);
}

static void same_series(const struct series *expected, const struct series *got, uint32_t want)
{
    assert_non_null(got);
    assert_true(got->slots >= expected->slots && got->slots >= want);
    struct series_view view = series_view(got, expected->slots);
    assert_int_equal(view.start_s, expected->start_s);
    assert_int_equal(got->period_s, expected->period_s);
    assert_int_equal(got->state, expected->state);
    assert_int_equal(got->hint, expected->hint);
    for (uint32_t i = 0; i < expected->slots; i++)
        if (!isnan(view.values[i]) || !isnan(expected->values[i]))
            assert_memory_equal(&view.values[i], &expected->values[i], sizeof(double));
}

static void same_text(const char *expected, const char *got)
{
    if (!expected || !got)
        assert_ptr_equal(got, expected);
    else
        assert_string_equal(got, expected);
}

static void same_target(const struct fake *fake, const struct fake_target *t,
                        const struct replay_target *got)
{
    assert_string_equal(got->id, t->id);
    same_text(t->json, got->json);
    same_text(t->extra, got->extra_json);
    same_text(t->memo, got->memo_json);
    assert_int_equal(got->use_count, t->use_count);
    for (uint32_t i = 0; i < t->use_count; i++) {
        assert_string_equal(got->uses[i].key, t->uses[i].key);
        assert_int_equal(got->uses[i].slots, t->uses[i].slots);
        assert_true(metric_equal(got->uses[i].metric, t->uses[i].metric));
        same_series(series_of(fake, t->uses[i].metric), got->uses[i].series, 0);
    }
}

static void same_fake(const struct fake *fake, const struct record_code *reader, bool backwards)
{
    size_t count, at = 0;
    const struct replay_target *targets = record_targets(reader, &count);
    for (uint32_t i = 0; i < TARGETS; i++) {
        const struct fake_target *t = &fake->targets[backwards ? TARGETS - 1 - i : i];
        if (!t->there) continue;
        assert_true(at < count);
        same_target(fake, t, &targets[at++]);
    }
    assert_int_equal(at, count);
}

static struct record_code *new_code(void)
{
    struct record_code *code = NULL;
    assert_int_equal(record_code_new(0, &code), OK);
    return code;
}

static void the_reader_holds_what_the_writer_was_given(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 40; round++) {
        seed = round * 7919;
        struct fake *fake = new_fake();
        struct record_code *writer = new_code(), *reader = new_code(), *wide = new_code();
        struct series *const *found;
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(record_find(wide, fake->metrics[i * 4], 50, &found), OK);
        for (int tick = 0; tick < 60; tick++) {
            char *body = NULL;
            size_t len = 0;
            bool backwards = dice(10) == 0;
            write_fake(writer, fake, tick == 0 || dice(15) == 0, backwards, &body, &len);
            assert_int_equal(record_read(reader, body, len), OK);
            same_fake(fake, reader, backwards);
            assert_int_equal(record_read(wide, body, len), OK);
            same_fake(fake, wide, backwards);
            if (dice(10) == 0)
                assert_int_equal(record_find(wide, fake->metrics[dice(30)], dice(60), &found), OK);
            same_fake(fake, wide, backwards);
            free(body);
            pass_time(fake);
        }
        record_code_free(writer);
        record_code_free(reader);
        record_code_free(wide);
        free_fake(fake);
    }
}

static void what_left_a_wider_window_stays_as_it_was_known_last(void **state)
{
    (void)state;
    seed = 3;
    struct fake *fake = new_fake();
    struct record_code *writer = new_code(), *reader = new_code();
    struct series *const *found = NULL;
    struct fake_target *t = &fake->targets[0];
    t->use_count = 1;
    t->uses[0] = (struct metric_use){.key = "cpu", .metric = fake->metrics[0], .slots = 3};
    for (uint32_t i = 1; i < TARGETS; i++)
        fake->targets[i].there = false;
    new_series(fake, 0, 3);
    assert_int_equal(record_find(reader, fake->metrics[0], 6, &found), OK);
    assert_null(*found);
    for (int tick = 0; tick < 9; tick++) {
        char *body = NULL;
        size_t len = 0;
        series_move(fake->series[0], fake->end_s + (int64_t)tick * PERIOD_S);
        fake->series[0]->values[2] = tick;
        write_fake(writer, fake, tick % 4 == 0, false, &body, &len);
        assert_int_equal(record_read(reader, body, len), OK);
        free(body);
    }
    assert_int_equal((*found)->slots, 6);
    for (int i = 0; i < 6; i++)
        assert_true((*found)->values[i] == 3 + i);
    record_code_free(writer);
    record_code_free(reader);
    free_fake(fake);
}

static void a_tick_in_which_nothing_changed_takes_two_bytes_a_target(void **state)
{
    (void)state;
    seed = 11;
    struct fake *fake = new_fake();
    struct record_code *writer = new_code();
    char *body = NULL;
    size_t len = 0;
    write_fake(writer, fake, true, false, &body, &len);
    free(body);
    write_fake(writer, fake, false, false, &body, &len);
    assert_true(len <= 4 + 3 * TARGETS);
    free(body);
    record_code_free(writer);
    free_fake(fake);
}

static void a_delta_without_the_record_before_it_is_refused(void **state)
{
    (void)state;
    seed = 5;
    struct fake *fake = new_fake();
    struct record_code *writer = new_code(), *reader = new_code();
    char *whole = NULL, *delta = NULL;
    size_t whole_len = 0, delta_len = 0, count;
    assert_int_equal(record_write_begin(writer, false), ERR_INVALID);
    write_fake(writer, fake, true, false, &whole, &whole_len);
    write_fake(writer, fake, false, false, &delta, &delta_len);
    assert_true(record_is_whole(whole, whole_len));
    assert_false(record_is_whole(delta, delta_len));
    assert_int_equal(record_read(reader, delta, delta_len), ERR_CORRUPT);
    (void)record_targets(reader, &count);
    assert_int_equal(count, 0);
    assert_int_equal(record_read(reader, whole, whole_len), OK);
    assert_int_equal(record_read(reader, delta, delta_len), OK);
    whole[0] = RECORD_VERSION + 1;
    assert_int_equal(record_read(reader, whole, whole_len), ERR_VERSION);
    assert_int_equal(record_read(reader, delta, delta_len), ERR_CORRUPT);
    free(whole);
    free(delta);
    record_code_free(writer);
    record_code_free(reader);
    free_fake(fake);
}

static void a_record_cut_short_or_changed_is_refused_or_read(void **state)
{
    (void)state;
    seed = 17;
    struct fake *fake = new_fake();
    struct record_code *writer = new_code();
    char *whole = NULL;
    size_t len = 0;
    write_fake(writer, fake, true, false, &whole, &len);
    for (size_t cut = 0; cut < len; cut++) {
        struct record_code *reader = new_code();
        char *some = malloc(cut ? cut : 1); /* exactly as long: a byte too far is seen */
        assert_non_null(some);
        memcpy(some, whole, cut);
        assert_true(record_read(reader, some, cut) < 0);
        free(some);
        record_code_free(reader);
    }
    for (size_t at = 0; at < len; at++) {
        struct record_code *reader = NULL;
        size_t count;
        assert_int_equal(record_code_new(1024 * 1024, &reader), OK);
        whole[at] = (char)(whole[at] ^ (1 << dice(8)));
        int rc = record_read(reader, whole, len); /* whatever it is, nothing breaks */
        assert_true(rc <= OK);
        (void)record_targets(reader, &count);
        record_code_free(reader);
    }
    free(whole);
    record_code_free(writer);
    free_fake(fake);
}

static void more_slots_than_there_may_be_are_refused_on_both_sides(void **state)
{
    (void)state;
    seed = 23;
    struct fake *fake = new_fake();
    struct record_code *writer = NULL, *reader = NULL, *free_writer = new_code();
    char *body = NULL;
    size_t len = 0;
    assert_int_equal(record_code_new(10, &writer), OK);
    assert_int_equal(record_code_new(10, &reader), OK);
    assert_int_equal(record_write_begin(writer, true), OK);
    write_targets(writer, fake, false);
    assert_int_equal(record_write_end(writer, &body, &len), ERR_LIMIT);
    assert_int_equal(record_write_begin(writer, false), ERR_INVALID);
    write_fake(free_writer, fake, true, false, &body, &len);
    assert_int_equal(record_read(reader, body, len), ERR_LIMIT);
    free(body);
    record_code_free(writer);
    record_code_free(reader);
    record_code_free(free_writer);
    free_fake(fake);
}

/* Every allocation of writing and reading three ticks fails in turn; after each, a whole record
 * mends it. */
static void without_memory_a_record_is_lost_and_no_more(void **state)
{
    (void)state;
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        seed = 29;
        struct fake *fake = new_fake();
        struct record_code *writer = new_code(), *reader = new_code();
        failed = false;
        for (int tick = 0; tick < 3; tick++) {
            char *body = NULL;
            size_t len = 0;
            if (tick == 1) alloc_fail_at(nth);
            int rc = record_write_begin(writer, tick == 0);
            if (rc == OK) {
                write_targets(writer, fake, false);
                rc = record_write_end(writer, &body, &len);
            }
            if (rc == OK) rc = record_read(reader, body, len);
            failed = alloc_fail_done() || failed;
            free(body);
            if (rc < 0) {
                assert_int_equal(tick, 1);
                assert_int_equal(rc, ERR_NOMEM);
                write_fake(writer, fake, true, false, &body, &len);
                assert_int_equal(record_read(reader, body, len), OK);
                free(body);
            }
            same_fake(fake, reader, false);
            pass_time(fake);
        }
        record_code_free(writer);
        record_code_free(reader);
        free_fake(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reader_holds_what_the_writer_was_given),
        cmocka_unit_test(what_left_a_wider_window_stays_as_it_was_known_last),
        cmocka_unit_test(a_tick_in_which_nothing_changed_takes_two_bytes_a_target),
        cmocka_unit_test(a_delta_without_the_record_before_it_is_refused),
        cmocka_unit_test(a_record_cut_short_or_changed_is_refused_or_read),
        cmocka_unit_test(more_slots_than_there_may_be_are_refused_on_both_sides),
        cmocka_unit_test(without_memory_a_record_is_lost_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
