/* Facts about lines: least squares and Theil-Sen, against scipy's numbers. */
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"
#include "moontide/stats/line.h"

#include <stdlib.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static const double TIMES[] = {0, 60, 120, 240, 300, 420, 480}, VALUES[] = {1, 4, 2, 9, 50, 13, 14};

static struct trend scattered(void)
{
    return (struct trend){.values = VALUES, .times = TIMES, .count = COUNT_OF(VALUES)};
}

static struct line theil_sen(struct trend trend)
{
    struct line line;
    assert_int_equal(line_theil_sen(trend, 0.95, &line), OK);
    return line;
}

/* scipy.stats: norm.ppf, t.ppf, kstwobign.sf */
static void widths_and_tails_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_near(normal_width(0.95), 1.959963984540054, 1e-13);
    assert_near(normal_width(0.5), 0.6744897501960817, 1e-13);
    assert_near(student_width(0.95, 1), 12.706204736174694, 1e-9);
    assert_near(student_width(0.95, 2), 4.302652729749462, 1e-12);
    assert_near(student_width(0.99, 30), 2.7499956535672254, 1e-12);
    assert_near(student_width(0.9, 1000), 1.6463788172854643, 1e-11);
    assert_near(kolmogorov_tail(0.5), 0.9639452436648751, 1e-13);
    assert_near(kolmogorov_tail(0.9), 0.3927307079406543, 1e-13);
    assert_near(kolmogorov_tail(1.358), 0.05002679733444698, 1e-13);
    assert_near(kolmogorov_tail(3), 3.045995948942526e-08, 1e-20);
    assert_near(kolmogorov_tail(0), 1, 0);
}

/* scipy.stats.linregress, t.ppf(0.95, 5) */
static void least_squares_says_how_sure_it_is(void **state)
{
    (void)state;
    struct line line = line_least_squares(scattered(), 0.9);
    assert_near(line.slope, 0.042013888888888885, 1e-15);
    assert_near(line.low, -0.033394133510374395, 1e-13);
    assert_near(line.high, 0.11742191128815216, 1e-13);
    assert_near(line.error, 0.03742243779216745, 1e-14);
    assert_near(line.r2, 0.20133388338833874, 1e-14);
}

/* statsmodels OLS, conf_int(obs=True) */
static void a_forecast_of_the_line_has_an_interval(void **state)
{
    (void)state;
    struct line line = line_least_squares(scattered(), 0.95);
    struct interval at = line_predict(&line, 600, 0.95);
    assert_near(at.expected, 28.77083333333333, 1e-12);
    assert_near(at.low, -29.07118015, 1e-7);
    assert_near(at.high, 86.61284682, 1e-7);
}

/* scipy.stats.theilslopes(method="joint") */
static void theil_sen_is_the_median_of_the_slopes(void **state)
{
    (void)state;
    struct line line = theil_sen(scattered());
    assert_near(line.slope, 0.027777777777777776, 1e-16);
    assert_near(line.low, 0.008333333333333333, 1e-16);
    assert_near(line.high, 0.16333333333333333, 1e-15);
    assert_near(line_at(&line, 0), 1.333333333333334, 1e-14);
}

static void a_quarter_of_outliers_does_not_move_theil_sen(void **state)
{
    (void)state;
    double values[400];
    for (size_t i = 0; i < COUNT_OF(values); i++)
        values[i] = i % 4 == 3 ? 1e9 : (double)i * 0.5;
    struct line line =
        theil_sen((struct trend){.values = values, .count = COUNT_OF(values), .step_s = 1});
    assert_near(line.slope, 0.5, 1e-9);
}

/* Pairs are made up to 200 datapoints and counted beyond: the same by hand, over all of them. */
static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void check_median(const double *values, const double *times, size_t count)
{
    double *slopes = malloc(count * count / 2 * sizeof *slopes);
    assert_non_null(slopes);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (times[j] > times[i]) slopes[n++] = (values[j] - values[i]) / (times[j] - times[i]);
    qsort(slopes, n, sizeof *slopes, ascending);
    double median = (slopes[(n - 1) / 2] + slopes[n / 2]) / 2;
    free(slopes);
    struct line line = theil_sen((struct trend){.values = values, .times = times, .count = count});
    assert_near(line.slope, median, 1e-12 * fabs(median));
}

static void counting_pairs_finds_what_making_them_does(void **state)
{
    (void)state;
    enum { COUNT = 701 };
    double rough[COUNT], coarse[COUNT], twins[COUNT], times[COUNT], doubled[COUNT];
    uint32_t seed = 12345;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * 1664525 + 1013904223;
        rough[i] = (double)(seed >> 8) / 1e5;
        coarse[i] = (double)(seed >> 29);
        twins[i] = (double)(seed >> 30);
        times[i] = (double)i + (double)(seed >> 16) / 70000;
        doubled[i] = floor((double)i / 3);
    }
    check_median(rough, times, COUNT);
    check_median(coarse, times, COUNT); /* most slopes are 0 */
    check_median(twins, doubled, COUNT);
    check_median(times, times, COUNT); /* all slopes are 1 */
}

static void a_constant_has_slope_zero_and_no_r2(void **state)
{
    (void)state;
    const double values[] = {5, 5, 5, 5};
    struct trend trend = {.values = values, .count = 4, .step_s = 60};
    struct line line = line_least_squares(trend, 0.95);
    assert_near(line.slope, 0, 0);
    assert_true(isnan(line.r2));
    assert_near(theil_sen(trend).slope, 0, 0);
}

static void two_datapoints_have_a_line_but_no_interval(void **state)
{
    (void)state;
    const double values[] = {1, 3}, times[] = {0, 4};
    struct trend trend = {.values = values, .times = times, .count = 2};
    struct line squares = line_least_squares(trend, 0.95), sen = theil_sen(trend);
    assert_near(squares.slope, 0.5, 1e-15);
    assert_near(sen.slope, 0.5, 1e-15);
    assert_true(isnan(squares.low) && isnan(sen.low));
    struct interval at = line_predict(&squares, 8, 0.95);
    assert_near(at.expected, 5, 1e-14);
    assert_true(isnan(at.low) && isnan(at.high));
}

static void nothing_is_no_line(void **state)
{
    (void)state;
    const double gone[] = {NAN, INFINITY, 3, -INFINITY}, same[] = {1, 2, 3}, now[] = {7, 7, 7};
    struct trend trends[] = {
        {.values = gone, .count = 0, .step_s = 1},
        {.values = gone, .count = 4, .step_s = 1},
        {.values = same, .times = now, .count = 3},
    };
    for (size_t i = 0; i < COUNT_OF(trends); i++) {
        assert_true(isnan(line_least_squares(trends[i], 0.95).slope));
        assert_true(isnan(theil_sen(trends[i]).slope));
    }
}

static void an_infinity_is_no_datapoint(void **state)
{
    (void)state;
    const double values[] = {1, 2, INFINITY, 4, NAN, 6};
    struct trend trend = {.values = values, .count = 6, .step_s = 1};
    assert_near(line_least_squares(trend, 0.95).slope, 1, 1e-15);
    assert_near(theil_sen(trend).slope, 1, 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_and_tails_are_those_of_the_tables),
        cmocka_unit_test(least_squares_says_how_sure_it_is),
        cmocka_unit_test(a_forecast_of_the_line_has_an_interval),
        cmocka_unit_test(theil_sen_is_the_median_of_the_slopes),
        cmocka_unit_test(a_quarter_of_outliers_does_not_move_theil_sen),
        cmocka_unit_test(counting_pairs_finds_what_making_them_does),
        cmocka_unit_test(a_constant_has_slope_zero_and_no_r2),
        cmocka_unit_test(two_datapoints_have_a_line_but_no_interval),
        cmocka_unit_test(nothing_is_no_line),
        cmocka_unit_test(an_infinity_is_no_datapoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
