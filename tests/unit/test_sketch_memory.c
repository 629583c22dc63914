/* The sketch while each allocation fails in turn: it is as it was, or done. */
#include "support/alloc_fail.h"
#include "unit/sketch_fixture.h"

enum { TRIES_MAX = 200, MANY = 3000 };

static double many[MANY];

static void fill(double spread, bool both_signs)
{
    uint64_t seed = 9;
    for (size_t i = 0; i < MANY; i++) {
        many[i] = around_one(&seed, spread);
        if (both_signs && i % 2) many[i] = -many[i];
    }
}

/* A sketch with something in it already. */
static struct sketch *begun(void)
{
    struct sketch *sketch = sketch_of(7, 0);
    assert_int_equal(sketch_add(sketch, 1e-9, 60000), OK);
    return sketch;
}

static int do_add_wide(struct sketch *sketch)
{
    return sketch_add(sketch, 1e300, 70000);
}

static int do_add_far(struct sketch *sketch)
{
    return sketch_add(sketch, -0x1p-1074, 1);
}

static int do_add_all(struct sketch *sketch)
{
    return sketch_add_all(sketch, many, MANY, NULL);
}

static struct sketch *other;

static int do_merge(struct sketch *sketch)
{
    return sketch_merge(sketch, other);
}

static void survives(int (*act)(struct sketch *), struct sketch *(*make)(void))
{
    struct sketch *before = make();
    for (unsigned n = 1;; n++) {
        assert_true(n < TRIES_MAX);
        struct sketch *sketch = make();
        alloc_fail_at(n);
        int code = act(sketch);
        bool failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : OK);
        if (failed) assert_equal_sketches(sketch, before);
        if (failed) assert_int_equal(act(sketch), OK); /* of use after it */
        sketch_free(sketch);
        if (!failed) break;
    }
    sketch_free(before);
}

static struct sketch *begun_coarse(void)
{
    struct sketch *sketch = sketch_of(6, 0);
    assert_int_equal(sketch_add(sketch, 1e-9, 60000), OK);
    return sketch;
}

static struct sketch *begun_fine(void)
{
    struct sketch *sketch = sketch_of(SKETCH_SCALE_MAX, 0);
    assert_int_equal(sketch_add(sketch, 1, 1), OK);
    assert_int_equal(sketch_add(sketch, -2, 1), OK);
    return sketch;
}

static void adding_survives(void **state)
{
    (void)state;
    survives(do_add_wide, begun);
    survives(do_add_far, begun);
    survives(do_add_wide, begun_fine);
    survives(do_add_far, begun_fine);
}

static void adding_many_survives(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        fill(i / 2 ? 100 : 2, i % 2);
        survives(do_add_all, begun_coarse); /* by tallies, or one by one */
        survives(do_add_all, begun);
    }
}

static void merging_survives(void **state)
{
    (void)state;
    fill(20, true);
    other = sketch_of(6, 0);
    assert_int_equal(sketch_add_all(other, many, MANY, NULL), OK);
    survives(do_merge, begun_coarse);
    survives(do_merge, begun);
    survives(do_merge, begun_fine);
    sketch_free(other);
}

static void copies_and_bytes_survive(void **state)
{
    (void)state;
    fill(2, true);
    struct sketch *sketch = begun();
    assert_int_equal(do_add_all(sketch), OK);
    struct strbuf bytes = bytes_of(sketch);
    for (int decode = 0; decode <= 1; decode++)
        for (unsigned n = 1;; n++) {
            struct sketch *made = NULL;
            const char *reason = NULL;
            assert_true(n < TRIES_MAX);
            alloc_fail_at(n);
            int code = decode ? sketch_decode(NULL, bytes.data, bytes.len, &made, &reason)
                              : sketch_copy(sketch, &made);
            bool failed = alloc_fail_done();
            assert_int_equal(code, failed ? ERR_NOMEM : OK);
            assert_true(failed ? made == NULL : made != NULL);
            if (!failed) assert_equal_sketches(made, sketch);
            sketch_free(made);
            if (!failed) break;
        }
    strbuf_done(&bytes);
    sketch_free(sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding_survives),
        cmocka_unit_test(adding_many_survives),
        cmocka_unit_test(merging_survives),
        cmocka_unit_test(copies_and_bytes_survive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
