/* Facts about the sketch. */
#include "unit/sketch_fixture.h"

static void add(struct sketch *sketch, double value, uint64_t n)
{
    assert_int_equal(sketch_add(sketch, value, n), OK);
}

/* As Lua's s:add() does it. */
static void add_quickly(struct sketch *sketch, double value)
{
    if (!sketch_add_known(sketch, value)) add(sketch, value, 1);
}

static void nothing_has_no_quantile(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0);
    assert_true(isnan(sketch_quantile(sketch, 0.5)) && isnan(sketch_rank(sketch, 0)));
    assert_true(isnan(sketch_min(sketch)) && isnan(sketch_max(sketch)) &&
                isnan(sketch_mean(sketch)));
    assert_true(sketch_sum(sketch) == 0 && sketch_count(sketch) == 0);
    sketch_free(sketch);
    sketch_free(NULL);
}

static void scales_and_caps_have_limits(void **state)
{
    (void)state;
    struct sketch *sketch = NULL;
    assert_int_equal(sketch_new(SKETCH_SCALE_MIN - 1, 0, &sketch), ERR_INVALID);
    assert_int_equal(sketch_new(SKETCH_SCALE_MAX + 1, 0, &sketch), ERR_INVALID);
    assert_int_equal(sketch_new(6, SKETCH_BUCKETS_MIN - 1, &sketch), ERR_INVALID);
    assert_int_equal(sketch_new(6, SKETCH_BUCKETS_MAX + 1, &sketch), ERR_INVALID);
    assert_null(sketch);
}

static void an_upper_edge_belongs_to_its_bucket(void **state)
{
    (void)state;
    for (int scale = SKETCH_SCALE_MIN; scale <= SKETCH_SCALE_MAX; scale++) {
        struct sketch *sketch = sketch_of(scale, 0);
        struct sketch_cursor cursor = {0};
        struct sketch_bucket low, high;
        add(sketch, 1, 2);
        add(sketch, nextafter(1, 2), 3);
        assert_true(sketch_next(sketch, &cursor, &low) && sketch_next(sketch, &cursor, &high));
        assert_true(low.high == 1 && low.count == 2 && high.low == 1 && high.count == 3);
        assert_false(sketch_next(sketch, &cursor, &low));
        sketch_free(sketch);
    }
}

static void the_whole_range_of_doubles_has_buckets(void **state)
{
    (void)state;
    static const double values[] = {0x1p-1074, 3 * 0x1p-1074, 0x1.fp-1030, DBL_MIN, 1e-300,
                                    1,         1e300,         DBL_MAX};
    for (int scale = SKETCH_SCALE_MIN; scale <= SKETCH_SCALE_MAX; scale++)
        for (int sign = -1; sign <= 1; sign += 2)
            for (size_t i = 0; i < COUNT_OF(values); i++) {
                struct sketch *sketch = sketch_of(scale, 0);
                struct sketch_cursor cursor = {0};
                struct sketch_bucket bucket;
                double value = sign * values[i];
                add(sketch, value, 1);
                assert_true(sketch_next(sketch, &cursor, &bucket));
                assert_true(sign > 0 ? bucket.low < value && value <= bucket.high
                                     : bucket.low <= value && value < bucket.high);
                assert_true(sketch_quantile(sketch, 0.5) == value);
                sketch_free(sketch);
            }
}

static void a_quantile_is_within_the_bound_of_its_value(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0);
    for (int i = -500; i <= 1000; i++)
        add(sketch, i, 1);
    for (int i = -500; i <= 1000; i++) {
        double q = (i + 500) / 1500.0;
        double wanted = floor(q * 1500) - 500;
        assert_true(fabs(sketch_quantile(sketch, q) - wanted) <= 0.0054152 * fabs(wanted));
    }
    assert_true(sketch_quantile(sketch, 0) == -500 && sketch_quantile(sketch, 1) == 1000);
    assert_true(isnan(sketch_quantile(sketch, 1.01)) && isnan(sketch_quantile(sketch, NAN)));
    sketch_free(sketch);
}

static void a_rank_is_the_share_not_above(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(0, 0);
    add(sketch, -3, 1);
    add(sketch, 0, 1);
    add(sketch, 2, 4);
    add(sketch, 64, 2);
    assert_true(sketch_rank(sketch, -4) == 0);
    assert_true(sketch_rank(sketch, -1) == 0.125);
    assert_true(sketch_rank(sketch, 0) == 0.25);
    assert_true(sketch_rank(sketch, 1.5) == 0.5);
    assert_true(sketch_rank(sketch, 2) == 0.75);
    assert_true(sketch_rank(sketch, 64) == 1);
    assert_true(isnan(sketch_rank(sketch, NAN)));
    sketch_free(sketch);
}

static void what_is_not_finite_is_refused(void **state)
{
    (void)state;
    static const double refused[] = {NAN, INFINITY, -INFINITY};
    struct sketch *sketch = sketch_of(6, 0), *empty = sketch_of(6, 0);
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        static double values[5000];
        for (size_t k = 0; k < COUNT_OF(values); k++)
            values[k] = 1;
        values[4321] = refused[i];
        size_t at = 0;
        assert_int_equal(sketch_add(sketch, refused[i], 1), ERR_INVALID);
        assert_false(sketch_add_known(sketch, refused[i]));
        assert_int_equal(sketch_add_all(sketch, values, COUNT_OF(values), &at), ERR_INVALID);
        assert_int_equal(at, 4321);
        assert_int_equal(sketch_add_all(sketch, values + 4300, 50, &at), ERR_INVALID);
        assert_int_equal(at, 21);
    }
    assert_equal_sketches(sketch, empty);
    sketch_free(sketch);
    sketch_free(empty);
}

static void a_count_never_overflows(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0), *one = sketch_of(6, 0), *before = NULL;
    const double values[] = {1, 2};
    add(one, -1, 1);
    add(sketch, 7, UINT64_MAX - 1);
    add(sketch, 0, 1);
    assert_int_equal(sketch_copy(sketch, &before), OK);
    assert_int_equal(sketch_add(sketch, 3, 1), ERR_LIMIT);
    assert_false(sketch_add_known(sketch, 7));
    assert_int_equal(sketch_add_all(sketch, values, 2, NULL), ERR_LIMIT);
    assert_int_equal(sketch_merge(sketch, one), ERR_LIMIT);
    assert_int_equal(sketch_merge(one, sketch), ERR_LIMIT);
    assert_equal_sketches(sketch, before);
    assert_true(sketch_count(sketch) == UINT64_MAX);
    assert_true(fabs(sketch_quantile(sketch, 0.99) - 7) <= 7 * sketch_error(sketch));
    assert_true(sketch_mean(sketch) == 7);
    sketch_free(sketch);
    sketch_free(before);
    sketch_free(one);
}

/* ---- many at once ---- */

enum { MANY = 6000 };

static void assert_bulk_is_one_by_one(const double *values, size_t count, int scale, uint32_t cap)
{
    struct sketch *bulk = sketch_of(scale, cap), *single = sketch_of(scale, cap);
    struct sketch *quick = sketch_of(scale, cap);
    for (size_t i = 0; i < count; i++)
        add_quickly(quick, values[i]);
    assert_int_equal(sketch_add_all(bulk, values, count, NULL), OK);
    for (size_t i = 0; i < count; i++)
        add(single, values[i], 1);
    assert_equal_sketches(bulk, single);
    assert_equal_sketches(quick, single);
    assert_int_equal(sketch_add_all(bulk, values, count, NULL), OK);
    for (size_t i = 0; i < count; i++)
        add(single, values[i], 1);
    assert_equal_sketches(bulk, single);
    sketch_free(bulk);
    sketch_free(single);
    sketch_free(quick);
}

/* Positive; both signs; with zeros; denormals; more octaves than a tally; whole powers of two;
 * negative; near the largest double; 40 octaves, of which some blocks have fewer; normal, but the
 * least there are. */
static double of_shape(int shape, size_t i, uint64_t *seed)
{
    double value = around_one(seed, 2);
    switch (shape) {
    case 1: return i % 3 ? value : -value;
    case 2: return i % 7 ? value : i % 2 ? 0.0 : -0.0;
    case 3: return ldexp(value, -1060);
    case 4: return ldexp(value, (int)(i % 2000) - 1000);
    case 5: return ldexp(1, (int)(i % 60));
    case 6: return -value;
    case 7: return i % 2 ? DBL_MAX / (1 + value) : -DBL_MAX / (1 + value);
    case 8: return ldexp(value, i / 500 % 2 ? 30 : i % 2 ? -10 : 10);
    case 9: return DBL_MIN * (1 + value);
    default: return value;
    }
}

static void many_at_once_are_one_by_one(void **state)
{
    (void)state;
    static double values[MANY];
    static const int scales[] = {-10, -1, 0, 3, 6, 7, 12, 20};
    static const size_t counts[] = {0, 1, 1023, 1025, 4097, MANY};
    uint64_t seed = 11;
    for (int shape = 0; shape <= 9; shape++) {
        for (size_t i = 0; i < MANY; i++)
            values[i] = of_shape(shape, i, &seed);
        for (size_t s = 0; s < COUNT_OF(scales); s++)
            for (size_t c = 0; c < COUNT_OF(counts); c++)
                assert_bulk_is_one_by_one(values, counts[c], scales[s], c % 2 ? 0 : 40);
    }
}

/* Among positive values, among both signs, and among more octaves than one sum takes. */
static void what_is_not_finite_is_found_at_every_place(void **state)
{
    (void)state;
    enum { COUNT = 2048 + 5 };
    static double values[COUNT];
    static const double refused[] = {NAN, INFINITY, -INFINITY};
    uint64_t seed = 23;
    for (int shape = 0; shape < 3; shape++) {
        struct sketch *sketch = sketch_of(6, 0), *empty = sketch_of(6, 0);
        for (size_t i = 0; i < COUNT; i++) {
            values[i] = around_one(&seed, 2);
            if (shape == 1 && i % 3) values[i] = -values[i];
            if (shape == 2 && i % 4) values[i] = ldexp(values[i], (int)(i % 50));
        }
        for (size_t i = 0; i < COUNT; i++) {
            size_t at = COUNT;
            double kept = values[i];
            values[i] = refused[i % COUNT_OF(refused)];
            assert_int_equal(sketch_add_all(sketch, values, COUNT, &at), ERR_INVALID);
            assert_int_equal(at, i);
            values[i] = kept;
        }
        assert_equal_sketches(sketch, empty);
        sketch_free(sketch);
        sketch_free(empty);
    }
}

static void a_bucket_in_use_counts_beyond_its_width(void **state)
{
    (void)state;
    const uint64_t times = UINT16_MAX + 3;
    struct sketch *quick = sketch_of(6, 0), *at_once = sketch_of(6, 0);
    add(quick, 3, 1);
    assert_false(sketch_add_known(quick, 4)); /* no count there yet */
    assert_true(sketch_add_known(quick, 3));
    for (uint64_t i = 2; i < times; i++)
        add_quickly(quick, 3);
    add(at_once, 3, times);
    assert_equal_sketches(quick, at_once);
    sketch_free(quick);
    sketch_free(at_once);
}

/* ---- resolution ---- */

static void the_cap_halves_the_resolution(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 16);
    uint64_t seed = 3;
    for (int i = 0; i < 3000; i++) {
        add(sketch, around_one(&seed, 3), 1);
        add(sketch, -around_one(&seed, 1), 1);
        assert_true(sketch_buckets(sketch) <= 32);
    }
    assert_true(sketch_scale(sketch) < 6);
    double base = exp2(exp2(-sketch_scale(sketch)));
    assert_true(fabs(sketch_error(sketch) - (base - 1) / (base + 1)) < 1e-15);
    sketch_reset(sketch);
    assert_int_equal(sketch_scale(sketch), 6);
    assert_true(sketch_count(sketch) == 0 && sketch_buckets(sketch) == 0);
    sketch_free(sketch);
}

static void a_few_values_far_apart_cost_little_and_keep_the_bound(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0);
    for (int i = -1000; i < 1000; i += 100)
        add(sketch, ldexp(1.2345, i), 1);
    assert_int_equal(sketch_scale(sketch), 6);
    assert_true(sketch_bytes(sketch) < 100000);
    sketch_free(sketch);
}

static void fine_scales_give_way_to_wide_ranges(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(20, 0), *coarse = sketch_of(20, 0);
    add(sketch, 1.5, 1);
    assert_int_equal(sketch_scale(sketch), 20);
    add(sketch, 0x1p-1074, 1);
    add(sketch, DBL_MAX, 1);
    assert_true(sketch_scale(sketch) < 10 && sketch_scale(sketch) > 6);
    add(coarse, DBL_MAX, 1);
    struct sketch *rest = sketch_of(20, 0);
    add(rest, 0x1p-1074, 1);
    add(rest, 1.5, 1);
    assert_int_equal(sketch_merge(coarse, rest), OK);
    assert_equal_sketches(sketch, coarse);
    sketch_free(sketch);
    sketch_free(coarse);
    sketch_free(rest);
}

/* ---- merging ---- */

static void merged_is_unmerged(void **state)
{
    (void)state;
    static const int scales[] = {6, 4, 9, 6, -2};
    static double values[MANY];
    uint64_t seed = 5;
    for (int round = 0; round < 20; round++) {
        struct sketch *parts[COUNT_OF(scales)], *whole = sketch_of(round % 2 ? 4 : -2, 64);
        size_t used = round % 2 ? 4 : COUNT_OF(scales); /* with or without the coarsest */
        for (size_t i = 0; i < used; i++)
            parts[i] = sketch_of(scales[i], i == 1 ? 64 : 0);
        for (size_t i = 0; i < MANY; i++) {
            values[i] = of_shape(round % 3, i, &seed);
            add(parts[(seed >> 20) % used], values[i], 1);
        }
        assert_int_equal(sketch_add_all(whole, values, MANY, NULL), OK);
        for (size_t i = used; i-- > 1;)
            assert_int_equal(sketch_merge(parts[i - 1], parts[i]), OK);
        assert_equal_sketches(parts[0], whole);
        for (size_t i = 0; i < used; i++)
            sketch_free(parts[i]);
        sketch_free(whole);
    }
}

/* Counters are as wide as the total needs: 2, 4 or 8 bytes. Some buckets are in one sketch only. */
static void counters_of_any_width_merge(void **state)
{
    (void)state;
    static const uint64_t times[] = {3, UINT16_MAX + (uint64_t)5, UINT32_MAX + (uint64_t)7};
    for (size_t t = 0; t < COUNT_OF(times) * COUNT_OF(times); t++) {
        struct sketch *parts[2] = {sketch_of(6, 0), sketch_of(6, 0)}, *whole = sketch_of(6, 0);
        uint64_t n[2] = {times[t / COUNT_OF(times)], times[t % COUNT_OF(times)]};
        for (int part = 0; part < 2; part++)
            for (int i = 0; i < 200; i++) {
                double value = exp2(i / 100.0 + part * 1.5) * (i % 7 ? 1 : -1);
                add(parts[part], value, n[part] + (uint64_t)i);
                add(whole, value, n[part] + (uint64_t)i);
            }
        assert_int_equal(sketch_merge(parts[0], parts[1]), OK);
        assert_equal_sketches(parts[0], whole);
        for (int part = 0; part < 2; part++)
            sketch_free(parts[part]);
        sketch_free(whole);
    }
}

static void merging_with_itself_doubles(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0), *twice = sketch_of(6, 0);
    for (int i = -5; i < 5; i++) {
        add(sketch, i, 1);
        add(twice, i, 2);
    }
    assert_int_equal(sketch_merge(sketch, sketch), OK);
    assert_equal_sketches(sketch, twice);
    sketch_free(sketch);
    sketch_free(twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_quantile),
        cmocka_unit_test(scales_and_caps_have_limits),
        cmocka_unit_test(an_upper_edge_belongs_to_its_bucket),
        cmocka_unit_test(the_whole_range_of_doubles_has_buckets),
        cmocka_unit_test(a_quantile_is_within_the_bound_of_its_value),
        cmocka_unit_test(a_rank_is_the_share_not_above),
        cmocka_unit_test(what_is_not_finite_is_refused),
        cmocka_unit_test(a_count_never_overflows),
        cmocka_unit_test(many_at_once_are_one_by_one),
        cmocka_unit_test(what_is_not_finite_is_found_at_every_place),
        cmocka_unit_test(a_bucket_in_use_counts_beyond_its_width),
        cmocka_unit_test(the_cap_halves_the_resolution),
        cmocka_unit_test(a_few_values_far_apart_cost_little_and_keep_the_bound),
        cmocka_unit_test(fine_scales_give_way_to_wide_ranges),
        cmocka_unit_test(merged_is_unmerged),
        cmocka_unit_test(counters_of_any_width_merge),
        cmocka_unit_test(merging_with_itself_doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
