/* Facts about the pool of small blocks: no two blocks overlap, what was given back is used again,
 * and memory that ends is told. */
#include "pool.h"

#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCKS = 3000, ROUNDS = 200000 };

static struct {
    unsigned char *at;
    size_t size;
    unsigned char mark;
} blocks[BLOCKS];

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525U + 1013904223U;
    return random_state >> 8;
}

static void check_and_give(struct pool *pool, size_t i)
{
    for (size_t k = 0; k < blocks[i].size; k++)
        assert_int_equal(blocks[i].at[k], blocks[i].mark);
    pool_give(pool, blocks[i].at, blocks[i].size);
    blocks[i].at = NULL;
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    struct pool pool = {0};
    for (int round = 0; round < ROUNDS; round++) {
        size_t i = next_random() % BLOCKS;
        if (blocks[i].at) {
            check_and_give(&pool, i);
            continue;
        }
        blocks[i].size = 1 + next_random() % POOL_BLOCK_MAX;
        blocks[i].mark = (unsigned char)next_random();
        blocks[i].at = pool_take(&pool, blocks[i].size);
        assert_non_null(blocks[i].at);
        assert_int_equal((uintptr_t)blocks[i].at % POOL_STEP, 0);
        memset(blocks[i].at, blocks[i].mark, blocks[i].size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i].at) check_and_give(&pool, i);
    pool_done(&pool);
}

static void what_was_given_back_is_used_again(void **state)
{
    (void)state;
    struct pool pool = {0};
    void *first = pool_take(&pool, 56);
    pool_give(&pool, first, 56);
    assert_ptr_equal(pool_take(&pool, 50), first);
    assert_ptr_not_equal(pool_take(&pool, 50), first);
    pool_done(&pool);
}

static void a_pool_without_memory_answers_null_and_goes_on(void **state)
{
    (void)state;
    struct pool pool = {0};
    alloc_fail_at(1);
    assert_null(pool_take(&pool, 16));
    assert_true(alloc_fail_done());
    assert_non_null(pool_take(&pool, 16));
    bool failed = false;
    alloc_fail_at(1);
    for (int i = 0; i < 10000 && !failed; i++)
        failed = pool_take(&pool, 256) == NULL;
    assert_true(failed);
    assert_true(alloc_fail_done());
    assert_non_null(pool_take(&pool, 256));
    pool_done(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap),
        cmocka_unit_test(what_was_given_back_is_used_again),
        cmocka_unit_test(a_pool_without_memory_answers_null_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
