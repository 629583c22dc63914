/* The last answers of `missing = "ignore"` questions: what was set is had again, and questions that
 * nobody asks any more take no memory for ever. */
#include "moontide/tick/evaluator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct answers *answers = NULL;
    if (answers_new(&answers) < 0) return -1;
    *state = answers;
    return 0;
}

static int teardown(void **state)
{
    answers_free(*state);
    return 0;
}

static uint64_t key_of(uint64_t n)
{
    return hash64(&n, sizeof n, 0);
}

static void a_question_begins_at_unknown(void **state)
{
    assert_int_equal(answers_get(*state, key_of(1)), VERDICT_UNKNOWN);
    answers_set(*state, key_of(2), VERDICT_TRUE);
    assert_int_equal(answers_get(*state, key_of(1)), VERDICT_UNKNOWN);
}

static void each_verdict_comes_back_and_the_last_one_counts(void **state)
{
    static const enum verdict verdicts[] = {VERDICT_TRUE, VERDICT_FALSE, VERDICT_UNKNOWN,
                                            VERDICT_TRUE};
    for (size_t i = 0; i < 4; i++) {
        answers_set(*state, key_of(7), verdicts[i]);
        assert_int_equal(answers_get(*state, key_of(7)), verdicts[i]);
    }
}

static void a_hundred_thousand_questions_are_told_apart(void **state)
{
    enum { QUESTIONS = 100000 };
    for (uint64_t i = 0; i < QUESTIONS; i++)
        answers_set(*state, key_of(i), i % 3 ? VERDICT_FALSE : VERDICT_TRUE);
    for (uint64_t i = 0; i < QUESTIONS; i++)
        assert_int_equal(answers_get(*state, key_of(i)), i % 3 ? VERDICT_FALSE : VERDICT_TRUE);
}

static void a_question_that_is_still_asked_outlives_millions_that_are_not(void **state)
{
    for (uint64_t i = 1; i < 2000000; i++) {
        answers_set(*state, key_of(i), VERDICT_FALSE);
        if (i % 1000 == 0) answers_set(*state, key_of(0), VERDICT_TRUE);
    }
    assert_int_equal(answers_get(*state, key_of(0)), VERDICT_TRUE);
    assert_int_equal(answers_get(*state, key_of(1)), VERDICT_UNKNOWN);
}

static void the_key_zero_is_a_key_like_others(void **state)
{
    answers_set(*state, 0, VERDICT_TRUE);
    assert_int_equal(answers_get(*state, 0), VERDICT_TRUE);
    answers_set(*state, 64 << 2, VERDICT_FALSE);
    assert_int_equal(answers_get(*state, 0), VERDICT_TRUE);
    assert_int_equal(answers_get(*state, 64 << 2), VERDICT_FALSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_question_begins_at_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(each_verdict_comes_back_and_the_last_one_counts, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hundred_thousand_questions_are_told_apart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_question_that_is_still_asked_outlives_millions_that_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(the_key_zero_is_a_key_like_others, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
