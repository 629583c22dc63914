/* Facts about vectors of doubles. */
#include "moontide/stats/vector.h"

#include "moontide/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Memory of at most limit bytes. */
struct purse {
    size_t used, limit;
};

static void *from_purse(void *data, void *block, size_t before, size_t after)
{
    struct purse *purse = data;
    size_t held = block ? before : 0;
    if (after > held && after - held > purse->limit - purse->used) return NULL;
    purse->used += after - held;
    if (after > 0) return realloc(block, after);
    free(block);
    return NULL;
}

static void values_are_kept_while_it_grows(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector);
    for (int i = 0; i < 1000; i++) {
        const double pair[] = {i, -i};
        assert_int_equal(vector_append(&vector, pair, 2), OK);
    }
    assert_int_equal(vector.count, 2000);
    for (int i = 0; i < 1000; i++)
        assert_true(vector.at[2 * i] == i && vector.at[2 * i + 1] == -i);
    vector_done(&vector);
    assert_null(vector.at);
    assert_int_equal(vector.count, 0);
}

static void what_was_reserved_does_not_move(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector);
    assert_int_equal(vector_reserve(&vector, 500), OK);
    const double *at = vector.at, value = 1;
    for (int i = 0; i < 500; i++)
        assert_int_equal(vector_append(&vector, &value, 1), OK);
    assert_ptr_equal(vector.at, at);
    vector_done(&vector);
}

static void its_memory_comes_from_where_it_was_told(void **state)
{
    (void)state;
    struct purse purse = {.limit = 100 * sizeof(double)};
    struct vector vector;
    const double value = 7;
    vector_init_with(&vector, from_purse, &purse);
    /* 64 do not double to 128, but some more are had. */
    int code = OK;
    while (code == OK)
        code = vector_append(&vector, &value, 1);
    assert_int_equal(code, ERR_NOMEM);
    assert_in_range(vector.count, 90, 100);
    assert_true(vector.at[vector.count - 1] == 7);
    vector_done(&vector);
    assert_int_equal(purse.used, 0);
}

static void too_many_are_refused(void **state)
{
    (void)state;
    struct vector vector;
    vector_init(&vector);
    assert_int_equal(vector_reserve(&vector, VECTOR_COUNT_MAX + 1), ERR_LIMIT);
    assert_int_equal(vector_reserve(&vector, SIZE_MAX), ERR_LIMIT);
    assert_null(vector.at);
}

static void a_fixed_one_cannot_grow_and_frees_nothing(void **state)
{
    (void)state;
    double values[] = {1, 2};
    struct vector vector;
    vector_init(&vector);
    vector.at = values;
    vector.count = vector.cap = 2;
    vector.fixed = true;
    assert_int_equal(vector_append(&vector, values, 1), ERR_UNSUPPORTED);
    assert_int_equal(vector.count, 2);
    vector_done(&vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_kept_while_it_grows),
        cmocka_unit_test(what_was_reserved_does_not_move),
        cmocka_unit_test(its_memory_comes_from_where_it_was_told),
        cmocka_unit_test(too_many_are_refused),
        cmocka_unit_test(a_fixed_one_cannot_grow_and_frees_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
