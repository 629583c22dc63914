/* Facts about the anomaly detector. The noise is of a fixed generator: the same on each machine. */
#include "moontide/base/err.h"
#include "moontide/stats/anomaly.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/near.h"

enum { PERIOD_S = 300, DAY = 288, POINTS_MAX = 21 * DAY };

struct bench {
    struct anomaly_detector *detector;
    double values[POINTS_MAX];
    struct anomaly out[POINTS_MAX];
    uint64_t noise;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->noise = 20240229;
    assert_int_equal(anomaly_new(&(struct anomaly_options){.period_s = PERIOD_S}, &b->detector),
                     OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    anomaly_free(b->detector);
    free(b);
    return 0;
}

/* Uniform in -1..1: the upper bits of Knuth's generator. */
static double uniform(struct bench *b)
{
    b->noise = b->noise * 6364136223846793005u + 1442695040888963407u;
    return (double)(b->noise >> 11) / (double)(1ull << 52) - 1;
}

static double noise(struct bench *b)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += uniform(b);
    return sum / 2; /* 12 of variance 1/3, halved: variance 1 */
}

static double time_of(int i)
{
    return 1767225600.0 + i * PERIOD_S;
}

static void run(struct bench *b, int from, int to)
{
    for (int i = from; i < to; i++)
        assert_int_equal(anomaly_update(b->detector, time_of(i), b->values[i], &b->out[i]), OK);
}

static void daily(struct bench *b, int count)
{
    for (int i = 0; i < count; i++)
        b->values[i] = 100 + 60 * sin(2 * M_PI * (i % DAY) / DAY) + 2 * noise(b);
}

static void noisy(struct bench *b, int count, double level)
{
    for (int i = 0; i < count; i++)
        b->values[i] = level + noise(b);
}

static double largest_score(const struct bench *b, int from, int to)
{
    double largest = 0;
    for (int i = from; i < to; i++)
        largest = fmax(largest, b->out[i].score);
    return largest;
}

static int count_likely(const struct bench *b, int from, int to)
{
    int count = 0;
    for (int i = from; i < to; i++)
        count += b->out[i].likelihood >= 0.95;
    return count;
}

static void a_spike_in_the_valley_is_unusual_and_the_daily_peak_is_not(void **state)
{
    struct bench *b = *state;
    daily(b, 14 * DAY);
    int spike = 13 * DAY + 3 * DAY / 4;
    b->values[spike] += 60; /* still below the peak */
    run(b, 0, 14 * DAY);
    assert_true(b->out[spike].score > 0.5);
    assert_true(b->out[spike].likelihood > 0.9);
    assert_true(largest_score(b, 10 * DAY, 13 * DAY) < 0.5);
}

static void a_level_shift_is_told_once_and_then_accepted(void **state)
{
    struct bench *b = *state;
    int shift = 7 * DAY;
    noisy(b, 14 * DAY, 50);
    for (int i = shift; i < 14 * DAY; i++)
        b->values[i] += 40;
    run(b, 0, 14 * DAY);
    assert_true(b->out[shift].score > 0.9);
    assert_true(b->out[shift].likelihood > 0.95);
    assert_in_range(count_likely(b, shift, shift + DAY), 1, 3);
    assert_true(largest_score(b, shift + 2 * DAY, 14 * DAY) < 0.7); /* as noise alone */
    assert_near(b->out[shift + DAY].expected, 90, 2);
}

static double largest_likelihood(const struct bench *b, int from, int to)
{
    double largest = 0;
    for (int i = from; i < to; i++)
        largest = fmax(largest, b->out[i].likelihood);
    return largest;
}

static void a_peak_that_does_not_come_is_told(void **state)
{
    struct bench *b = *state;
    daily(b, 14 * DAY);
    int day = 12 * DAY; /* its first half is the peak's */
    for (int i = day; i < day + DAY / 2; i++)
        b->values[i] = 100 + 2 * noise(b);
    run(b, 0, 14 * DAY);
    assert_true(largest_likelihood(b, day, day + DAY / 4) > 0.15);
    assert_true(largest_likelihood(b, 7 * DAY, day) < 0.05);
}

/* The mean likelihood that is told of some datapoints that are 4 sigma high for their time of day,
 * while others of the day are higher: only views see that. */
static double told_of(struct bench *b, int datapoints)
{
    enum { ROUNDS = 20 };
    int odd = 10 * DAY;
    double told = 0;
    b->noise = 20240229;
    for (int round = 0; round < ROUNDS; round++) {
        noisy(b, 11 * DAY, 500);
        for (int i = 0; i < 11 * DAY; i++)
            b->values[i] += 20 * sin(2 * M_PI * (i % DAY) / DAY);
        for (int i = odd; i < odd + datapoints; i++)
            b->values[i] += 4;
        anomaly_reset(b->detector);
        run(b, 0, odd + 24);
        told += largest_likelihood(b, odd, odd + 24) / ROUNDS;
    }
    return told;
}

static void half_an_hour_that_only_views_see_is_told_and_five_minutes_are_not(void **state)
{
    struct bench *b = *state;
    assert_true(told_of(b, 6) > 0.1);
    assert_true(told_of(b, 1) < 0.01);
}

/* On or off for a quarter of an hour to two hours: any mean and any step is ordinary. */
static void a_value_between_two_levels_is_told_where_none_was(void **state)
{
    struct bench *b = *state;
    for (int i = 0, left = 0, on = 0; i < 10 * DAY; i++, left--) {
        if (left <= 0) {
            left = 3 + (int)(10.5 * (1 + uniform(b)));
            on = !on;
        }
        b->values[i] = (on ? 80 : 20) + uniform(b);
    }
    int between = 9 * DAY;
    b->values[between] = 50;
    run(b, 0, 10 * DAY);
    assert_true(b->out[between].likelihood > 0.7);
    assert_true(largest_likelihood(b, 5 * DAY, between) < 0.65);
}

static void a_line_that_goes_flat_is_unusual(void **state)
{
    struct bench *b = *state;
    noisy(b, 10 * DAY, 50);
    int flat = 9 * DAY;
    for (int i = flat; i < flat + DAY / 2; i++)
        b->values[i] = b->values[flat];
    run(b, 0, 10 * DAY);
    assert_true(largest_score(b, flat, flat + DAY / 4) > 0.5);
    assert_true(largest_score(b, 5 * DAY, flat) < 0.5);
}

static void a_constant_that_moves_is_unusual_and_one_that_does_not_never(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 5 * DAY; i++)
        b->values[i] = i == 4 * DAY ? 46 : 45;
    run(b, 0, 5 * DAY);
    assert_near(largest_score(b, ANOMALY_POINTS_MIN, 4 * DAY), 0, 0);
    assert_true(b->out[4 * DAY].score > 0.5);
    assert_true(b->out[4 * DAY].likelihood > 0.95);
}

static void a_missing_datapoint_changes_nothing(void **state)
{
    struct bench *b = *state;
    daily(b, 4 * DAY);
    run(b, 0, 3 * DAY);
    struct anomaly missing, before;
    assert_int_equal(anomaly_update(b->detector, time_of(3 * DAY), NAN, &missing), OK);
    assert_true(isnan(missing.score) && isnan(missing.likelihood));
    assert_int_equal(anomaly_update(b->detector, time_of(3 * DAY), NAN, &before), OK);
    assert_near(missing.expected, before.expected, 0);
    assert_near(missing.expected, 100, 5);
    run(b, 3 * DAY, 4 * DAY);
    assert_true(largest_score(b, 3 * DAY, 4 * DAY) < 0.5);
}

static void a_gap_is_not_an_anomaly(void **state)
{
    struct bench *b = *state;
    daily(b, 12 * DAY);
    run(b, 0, 9 * DAY);
    run(b, 9 * DAY + DAY / 2, 12 * DAY);
    assert_true(largest_score(b, 9 * DAY + DAY / 2, 12 * DAY) < 0.5);
}

static void the_scores_of_a_prefix_are_the_prefix_of_the_scores(void **state)
{
    struct bench *b = *state;
    daily(b, 6 * DAY);
    run(b, 0, 6 * DAY);
    struct anomaly_detector *other;
    assert_int_equal(anomaly_new(&(struct anomaly_options){.period_s = PERIOD_S}, &other), OK);
    for (int round = 0; round < 2; round++) { /* also after a reset */
        for (int i = 0; i < 4 * DAY; i++) {
            struct anomaly out;
            assert_int_equal(anomaly_update(other, time_of(i), b->values[i], &out), OK);
            assert_memory_equal(&out, &b->out[i], sizeof out);
        }
        anomaly_reset(other);
    }
    anomaly_free(other);
}

static void the_band_holds_about_what_it_says(void **state)
{
    struct bench *b = *state;
    noisy(b, POINTS_MAX, 500);
    run(b, 0, POINTS_MAX);
    int inside = 0, from = 200;
    for (int i = from; i < POINTS_MAX; i++)
        inside += b->values[i] >= b->out[i].lower && b->values[i] <= b->out[i].upper;
    assert_near((double)inside / (POINTS_MAX - from), 0.95, 0.02);
    assert_near(b->out[POINTS_MAX - 1].upper - b->out[POINTS_MAX - 1].lower, 2 * 1.96, 1.5);
}

static void noise_alone_is_told_of_seldom(void **state)
{
    struct bench *b = *state;
    noisy(b, POINTS_MAX, 500);
    run(b, 0, POINTS_MAX);
    assert_in_range(count_likely(b, 3 * DAY, POINTS_MAX), 0, 12); /* of 5184 in 18 days */
    assert_true(largest_score(b, 3 * DAY, POINTS_MAX) < 0.7);
}

/* Others 1..9: median 5, MAD 2; z = 3.5 is at 5 + 3.5 * 2 / 0.6745. */
static void a_short_window_has_the_score_of_iglewicz_and_hoaglin(void **state)
{
    struct bench *b = *state;
    for (int i = 0; i < 9; i++)
        b->values[i] = i + 1;
    b->values[9] = 5 + 3.5 * 2 / 0.6745;
    run(b, 0, 10);
    for (int i = 0; i < ANOMALY_POINTS_MIN - 1; i++)
        assert_true(isnan(b->out[i].score));
    assert_false(isnan(b->out[ANOMALY_POINTS_MIN - 1].score));
    assert_near(b->out[9].score, 0.5, 1e-12);
    assert_true(isnan(b->out[9].likelihood));
}

static void a_short_flat_window_has_a_spike_too(void **state)
{
    struct bench *b = *state;
    static const double values[] = {5, 5, 5, 5, 5, 6};
    memcpy(b->values, values, sizeof values);
    run(b, 0, 6);
    assert_near(b->out[4].score, 0, 0);
    assert_near(b->out[5].score, 1, 0);
}

static void what_cannot_be_is_refused_and_changes_nothing(void **state)
{
    struct bench *b = *state;
    struct anomaly out;
    daily(b, 2 * DAY);
    run(b, 0, DAY);
    assert_int_equal(anomaly_update(b->detector, time_of(DAY), INFINITY, &out), ERR_INVALID);
    assert_int_equal(anomaly_update(b->detector, time_of(DAY), -INFINITY, &out), ERR_INVALID);
    assert_int_equal(anomaly_update(b->detector, time_of(DAY - 2), 1, &out), ERR_INVALID);
    assert_int_equal(anomaly_update(b->detector, NAN, 1, &out), ERR_INVALID);
    assert_int_equal(anomaly_update(b->detector, INFINITY, 1, &out), ERR_INVALID);
    run(b, DAY, 2 * DAY);
    struct anomaly last = b->out[2 * DAY - 1];
    anomaly_reset(b->detector);
    run(b, 0, 2 * DAY);
    assert_memory_equal(&last, &b->out[2 * DAY - 1], sizeof last);
    struct anomaly_detector *none;
    assert_int_equal(anomaly_new(&(struct anomaly_options){.period_s = -1}, &none), ERR_INVALID);
    assert_int_equal(anomaly_new(&(struct anomaly_options){.period_s = NAN}, &none), ERR_INVALID);
}

static void any_finite_values_have_finite_answers(void **state)
{
    struct bench *b = *state;
    static const double extremes[] = {DBL_MAX, -DBL_MAX, 0, -0.0, DBL_TRUE_MIN, DBL_MIN, 1, -1e300};
    for (int i = 0; i < 4 * DAY; i++) {
        b->noise = b->noise * 6364136223846793005u + 1442695040888963407u;
        b->values[i] = extremes[b->noise >> 61];
    }
    run(b, 0, 4 * DAY);
    for (int i = ANOMALY_POINTS_MIN; i < 4 * DAY; i++) {
        const struct anomaly *out = &b->out[i];
        assert_true(out->score >= 0 && out->score <= 1);
        assert_true(i < ANOMALY_WARM || (out->likelihood >= 0 && out->likelihood <= 1));
        assert_true(isfinite(out->expected) && isfinite(out->lower) && isfinite(out->upper));
    }
}

static void memory_is_what_the_documentation_says(void **state)
{
    (void)state;
    assert_true(anomaly_size() <= 24 * 1024);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_spike_in_the_valley_is_unusual_and_the_daily_peak_is_not),
        FACT(a_level_shift_is_told_once_and_then_accepted),
        FACT(a_peak_that_does_not_come_is_told),
        FACT(half_an_hour_that_only_views_see_is_told_and_five_minutes_are_not),
        FACT(a_value_between_two_levels_is_told_where_none_was),
        FACT(a_line_that_goes_flat_is_unusual),
        FACT(a_constant_that_moves_is_unusual_and_one_that_does_not_never),
        FACT(a_missing_datapoint_changes_nothing),
        FACT(a_gap_is_not_an_anomaly),
        FACT(the_scores_of_a_prefix_are_the_prefix_of_the_scores),
        FACT(the_band_holds_about_what_it_says),
        FACT(noise_alone_is_told_of_seldom),
        FACT(a_short_window_has_the_score_of_iglewicz_and_hoaglin),
        FACT(a_short_flat_window_has_a_spike_too),
        FACT(what_cannot_be_is_refused_and_changes_nothing),
        FACT(any_finite_values_have_finite_answers),
        cmocka_unit_test(memory_is_what_the_documentation_says),
    };
    return cmocka_run_group_tests_name("anomaly", tests, NULL, NULL);
}
