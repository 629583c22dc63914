/* Facts about Holt-Winters: the model that fits, gaps, and the intervals. */
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"
#include "moontide/stats/holt_winters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

enum { COUNT = 96 };
static const double SHAPE[] = {-3, 1, 5, -3};
static const struct smoothing SEARCHED = {NAN, NAN, NAN, NAN};

static double noise(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return (double)*seed / 4294967296.0 - 0.5;
}

static void wave(double values[COUNT], double loudness)
{
    uint32_t seed = 11;
    for (size_t i = 0; i < COUNT; i++)
        values[i] = 100 + 0.5 * (double)i + SHAPE[i % 4] + loudness * noise(&seed);
}

static struct holt_winters fit(const double *values, size_t count, size_t season, bool damped,
                               struct smoothing given)
{
    struct holt_winters_options options = {season, damped, given};
    struct holt_winters model;
    assert_int_equal(holt_winters_fit(values, count, &options, &model), OK);
    return model;
}

static void an_exact_wave_goes_on_exactly(void **state)
{
    (void)state;
    double values[COUNT];
    wave(values, 0);
    struct holt_winters model = fit(values, COUNT, 4, false, SEARCHED);
    for (size_t ahead = 1; ahead <= 9; ahead++) {
        double wanted = 100 + 0.5 * (double)(COUNT + ahead - 1) + SHAPE[(ahead - 1) % 4];
        struct interval got = holt_winters_ahead(&model, ahead, 0.95);
        assert_near(got.expected, wanted, 1e-3);
        assert_near(got.low, wanted, 1e-2);
    }
    holt_winters_done(&model);
}

/* Slots without a datapoint, the newest among them, do not stop the clock. */
static void gaps_are_passed_over(void **state)
{
    (void)state;
    double values[COUNT];
    wave(values, 0);
    for (size_t i = 0; i < COUNT; i++)
        if (i % 7 == 3 || (i >= 40 && i < 53) || i >= COUNT - 3) values[i] = NAN;
    struct holt_winters model = fit(values, COUNT, 4, false, SEARCHED);
    assert_int_equal(model.slots, COUNT - 3);
    double wanted = 100 + 0.5 * COUNT + SHAPE[0];
    assert_near(holt_winters_ahead(&model, 4, 0.95).expected, wanted, 1e-2);
    holt_winters_done(&model);
}

static void a_damped_trend_levels_out(void **state)
{
    (void)state;
    double values[COUNT];
    wave(values, 1);
    struct holt_winters model = fit(values, COUNT, 4, true, SEARCHED);
    double near = holt_winters_ahead(&model, 4, 0.95).expected,
           far = holt_winters_ahead(&model, 8, 0.95).expected,
           farther = holt_winters_ahead(&model, 12, 0.95).expected;
    assert_true(far > near && farther > far);
    assert_true(farther - far < far - near);
    holt_winters_done(&model);
}

/* Hyndman et al., table 6.1, class 1, by hand for alpha 0.3, beta* 0.2, gamma 0.1, phi 0.9, m = 4:
 * c1 = 0.3 + 0.06 * 0.9, c4 = 0.3 + 0.06 * (0.9 + 0.81 + 0.729 + 0.6561) + 0.1 */
static void the_interval_widens_as_the_book_says(void **state)
{
    (void)state;
    double values[COUNT];
    wave(values, 2);
    struct holt_winters model = fit(values, COUNT, 4, true, (struct smoothing){0.3, 0.2, 0.1, 0.9});
    assert_near(model.sigma, sqrt(model.sse / (COUNT - 5)), 1e-12); /* of states alone */
    struct interval path[5];
    holt_winters_path(&model, 5, 0.95, path);
    const double c[] = {0.3 + 0.06 * 0.9, 0.3 + 0.06 * 1.71, 0.3 + 0.06 * 2.439,
                        0.3 + 0.06 * 3.0951 + 0.1};
    double variance = 1;
    for (size_t i = 0; i < 5; i++) {
        double width = normal_width(0.95) * model.sigma * sqrt(variance);
        assert_near(path[i].high - path[i].expected, width, 1e-10);
        assert_near(path[i].expected - path[i].low, width, 1e-10);
        struct interval same = holt_winters_ahead(&model, i + 1, 0.95);
        assert_near(same.high, path[i].high, 0);
        if (i < 4) variance += c[i] * c[i];
    }
    holt_winters_done(&model);
}

static void the_search_finds_no_worse_than_what_it_could_have_been_given(void **state)
{
    (void)state;
    double values[COUNT];
    wave(values, 3);
    struct holt_winters best = fit(values, COUNT, 4, true, SEARCHED);
    static const struct smoothing others[] = {{0.1, 0.1, 0.1, 0.9},
                                              {0.5, 0.3, 0.2, 0.98},
                                              {0.9, 0.01, 0.05, 0.8},
                                              {0.02, 0.9, 0.3, 0.95}};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct holt_winters other = fit(values, COUNT, 4, true, others[i]);
        assert_true(best.sse <= other.sse * (1 + 1e-9));
        holt_winters_done(&other);
    }
    struct holt_winters again = fit(values, COUNT, 4, true, SEARCHED);
    assert_near(again.sse, best.sse, 0); /* the same values, the same model */
    holt_winters_done(&again);
    holt_winters_done(&best);
}

static void a_constant_stays(void **state)
{
    (void)state;
    double values[12];
    for (size_t i = 0; i < 12; i++)
        values[i] = 5;
    struct holt_winters model = fit(values, 12, 0, true, SEARCHED);
    struct interval at = holt_winters_ahead(&model, 100, 0.95);
    assert_near(at.expected, 5, 1e-9);
    assert_near(at.high, 5, 1e-6);
    holt_winters_done(&model);
}

static void too_few_datapoints_have_no_model(void **state)
{
    (void)state;
    double values[COUNT], empty[COUNT];
    wave(values, 1);
    for (size_t i = 0; i < COUNT; i++)
        empty[i] = NAN;
    struct holt_winters model;
    struct holt_winters_options plain = {0, true, SEARCHED}, seasonal = {24, true, SEARCHED};
    assert_int_equal(holt_winters_fit(values, 9, &plain, &model), ERR_NOT_FOUND);
    assert_int_equal(holt_winters_fit(values, 47, &seasonal, &model), ERR_NOT_FOUND);
    assert_int_equal(holt_winters_fit(empty, COUNT, &plain, &model), ERR_NOT_FOUND);
    assert_int_equal(holt_winters_fit(values, 0, &plain, &model), ERR_NOT_FOUND);
    assert_int_equal(holt_winters_fit(values, 10, &plain, &model), OK);
    holt_winters_done(&model);
    assert_int_equal(holt_winters_fit(values, 48, &seasonal, &model), OK);
    holt_winters_done(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_wave_goes_on_exactly),
        cmocka_unit_test(gaps_are_passed_over),
        cmocka_unit_test(a_damped_trend_levels_out),
        cmocka_unit_test(the_interval_widens_as_the_book_says),
        cmocka_unit_test(the_search_finds_no_worse_than_what_it_could_have_been_given),
        cmocka_unit_test(a_constant_stays),
        cmocka_unit_test(too_few_datapoints_have_no_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
