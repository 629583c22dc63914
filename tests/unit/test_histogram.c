/* Facts about histograms: numpy.histogram's. */
#include "moontide/stats/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/near.h"

static void the_last_bin_holds_its_upper_edge(void **state)
{
    (void)state;
    const double edges[] = {1, 2, 3, 4}, values[] = {1, 2, 1, 4, 3.5, 0.9, 4.1, NAN};
    uint64_t counts[3] = {0};
    histogram_count(values, 8, edges, 3, counts);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 2);
}

static void edges_of_one_width_end_exactly(void **state)
{
    (void)state;
    double edges[11];
    histogram_edges(0.1, 0.7, 10, edges);
    assert_near(edges[0], 0.1, 0);
    assert_near(edges[10], 0.7, 0);
    assert_near(edges[5], 0.4, 1e-15);
    histogram_edges(3, 3, 2, edges);
    assert_near(edges[0], 2.5, 0);
    assert_near(edges[1], 3, 0);
    assert_near(edges[2], 3.5, 0);
}

static void a_bin_without_width_is_empty_unless_it_is_the_last(void **state)
{
    (void)state;
    const double edges[] = {0, 1, 1, 2, 2}, values[] = {0, 1, 1.5, 2};
    uint64_t counts[4] = {0};
    histogram_count(values, 4, edges, 4, counts);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 2);
    assert_int_equal(counts[3], 1);
}

static void counts_add_up(void **state)
{
    (void)state;
    const double edges[] = {0, 1}, values[] = {0.5};
    uint64_t counts[1] = {41};
    histogram_count(values, 1, edges, 1, counts);
    assert_int_equal(counts[0], 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_bin_holds_its_upper_edge),
        cmocka_unit_test(edges_of_one_width_end_exactly),
        cmocka_unit_test(a_bin_without_width_is_empty_unless_it_is_the_last),
        cmocka_unit_test(counts_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
