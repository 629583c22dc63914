/* Who has to give way when several policies wish something of one resource. */
#include "moontide/tick/wishes.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, HOUR_MS = 3600000 };

static int64_t now_ms;

static int setup(void **state)
{
    struct wishes *wishes;
    now_ms = 1769860800000;
    if (wishes_new(&wishes) < 0) return -1;
    *state = wishes;
    return 0;
}

static int teardown(void **state)
{
    wishes_free(*state);
    return 0;
}

static struct wish wish_of(const char *policy, const char *wanted, const struct capacity *count)
{
    return (struct wish){.policy = policy,
                         .target = "environment=prod",
                         .kind = "ecs_desired_count",
                         .resource = "service/c/api",
                         .every_ms = MINUTE_MS,
                         .wanted = wanted,
                         .capacities = count,
                         .capacity_count = count ? 1 : 0};
}

static uint64_t put(struct wishes *wishes, const struct wish *wish)
{
    uint64_t id = 0;
    assert_int_equal(wishes_put(wishes, wish, now_ms, &id), OK);
    assert_true(id != 0);
    return id;
}

static uint64_t put_count(struct wishes *wishes, const char *policy, double count)
{
    char wanted[64];
    struct capacity capacity = {"count", 5, count};
    snprintf(wanted, sizeof wanted, "{\"cluster\":\"c\",\"count\":%g}", count);
    struct wish wish = wish_of(policy, wanted, &capacity);
    return put(wishes, &wish);
}

/* The text of the conflict, or "". */
static const char *conflict(struct wishes *wishes, uint64_t id)
{
    static char text[WISH_TEXT_MAX];
    struct wish key = wish_of("", "", NULL);
    text[0] = '\0';
    int lost = wishes_conflict(wishes, &key, id, now_ms, text);
    assert_in_range(lost, 0, 1);
    assert_int_equal(lost, text[0] != '\0');
    return text;
}

static void one_alone_has_no_conflict(void **state)
{
    uint64_t id = put_count(*state, "web", 4);
    assert_string_equal(conflict(*state, id), "");
    assert_string_equal(conflict(*state, id + 1), "");
}

static void the_largest_capacity_wins(void **state)
{
    uint64_t a = put_count(*state, "a", 4), b = put_count(*state, "b", 9);
    uint64_t c = put_count(*state, "c", 7);
    assert_string_equal(conflict(*state, b), "");
    assert_string_equal(conflict(*state, a),
                        "policy 'c' for environment=prod wishes count = 7, more than 4");
    assert_string_equal(conflict(*state, c),
                        "policy 'b' for environment=prod wishes count = 9, more than 7");
}

static void of_equal_ones_the_first_by_name_acts(void **state)
{
    uint64_t b = put_count(*state, "b", 9), a = put_count(*state, "a", 9);
    assert_string_equal(conflict(*state, a), "");
    assert_string_equal(conflict(*state, b),
                        "the same is decided by policy 'a' for environment=prod");
}

static void a_wish_is_replaced_by_the_next_evaluations(void **state)
{
    uint64_t a = put_count(*state, "a", 9), b = put_count(*state, "b", 4);
    now_ms += MINUTE_MS;
    uint64_t again = put_count(*state, "a", 3);
    assert_int_equal(wishes_count(*state), 2);
    assert_string_equal(conflict(*state, a), ""); /* it is no more */
    assert_string_equal(conflict(*state, b), "");
    assert_non_null(strstr(conflict(*state, again), "more than 3"));
}

static void two_of_one_evaluation_are_two(void **state)
{
    uint64_t first = put_count(*state, "a", 9), second = put_count(*state, "a", 4);
    assert_string_equal(conflict(*state, first), "");
    assert_non_null(strstr(conflict(*state, second), "policy 'a'"));
    now_ms += MINUTE_MS;
    first = put_count(*state, "a", 5);
    assert_int_equal(wishes_count(*state), 1);
    second = put_count(*state, "a", 5);
    assert_string_equal(conflict(*state, first), "");
    assert_non_null(strstr(conflict(*state, second), "the same is decided"));
}

static void a_wish_holds_for_three_periods_and_at_least_five_minutes(void **state)
{
    static const struct {
        int64_t every_ms, holds_ms;
    } rows[] = {{MINUTE_MS, 5 * MINUTE_MS}, {HOUR_MS, 3 * HOUR_MS}, {0, 5 * MINUTE_MS}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct capacity capacity = {"count", 5, 9};
        struct wish wish = wish_of("a", "{\"count\":9}", &capacity);
        wish.every_ms = rows[i].every_ms;
        put(*state, &wish);
        now_ms += rows[i].holds_ms - 1;
        uint64_t b = put_count(*state, "b", 4);
        assert_non_null(strstr(conflict(*state, b), "more than 4"));
        now_ms += 1;
        assert_string_equal(conflict(*state, b), "");
    }
}

static void a_clock_put_back_holds_no_longer(void **state)
{
    put_count(*state, "a", 9);
    now_ms -= HOUR_MS;
    uint64_t b = put_count(*state, "b", 4);
    assert_non_null(strstr(conflict(*state, b), "more than 4"));
    now_ms += 5 * MINUTE_MS;
    b = put_count(*state, "b", 4);
    assert_string_equal(conflict(*state, b), "");
}

static void a_clock_put_forward_and_back_forgets_nobody(void **state)
{
    put_count(*state, "a", 9);
    now_ms += HOUR_MS;
    uint64_t b = put_count(*state, "b", 4);
    assert_string_equal(conflict(*state, b), ""); /* a's is over by this clock */
    now_ms -= HOUR_MS - MINUTE_MS;
    b = put_count(*state, "b", 4);
    assert_non_null(strstr(conflict(*state, b), "more than 4"));
    now_ms += 4 * HOUR_MS;
    put_count(*state, "b", 4);
    assert_int_equal(wishes_count(*state), 1);
}

static void resources_are_told_apart(void **state)
{
    struct capacity capacity = {"count", 5, 9};
    struct wish others[5];
    for (size_t i = 0; i < COUNT_OF(others); i++)
        others[i] = wish_of("a", "{\"count\":9}", &capacity);
    others[0].kind = "ecs_autoscaling";
    others[1].resource = "service/c/ap";
    others[2].region = "eu-west-1";
    others[3].account = "shop";
    others[4].region = "shop"; /* and not the account of that name */
    uint64_t b = put_count(*state, "b", 4);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        put(*state, &others[i]);
    assert_string_equal(conflict(*state, b), "");
}

/* Two wishes without capacities; "" or a part of the text for each. */
static void other_fields_refuse_both_when_they_differ(void **state)
{
    static const struct {
        const char *a, *b, *text_a, *text_b;
    } rows[] = {
        {"{\"target\":50}", "{\"target\":60}", "wishes target = 60, not 50",
         "wishes target = 50, not 60"},
        {"{\"target\":50}", "{\"metric\":\"cpu\"}", "", ""},
        {"{\"target\":50,\"metric\":\"cpu\"}", "{\"target\":50}", "", "the same is decided"},
        {"{\"target\":50}", "{\"target\":50,\"metric\":\"cpu\"}", "the same is decided", ""},
        {"{\"target\":50,\"a\":1}", "{\"target\":50,\"b\":1}", "", ""},
        {"{\"parameters\":{\"x\":\"1\",\"y\":\"2\"}}", "{\"parameters\":{\"x\":\"1\",\"z\":\"3\"}}",
         "", ""},
        {"{\"parameters\":{\"x\":\"1\",\"y\":\"2\"}}", "{\"parameters\":{\"y\":\"3\"}}",
         "wishes y = \"3\", not \"2\"", "wishes y = \"2\", not \"3\""},
        {"{\"parameters\":{\"x\":\"1\"}}", "{\"parameters\":5}", "not {\"x\":\"1\"}", "not 5"},
        {"{\"list\":[1,2]}", "{\"list\":[2,1]}", "not [1,2]", "not [2,1]"},
        {"{\"list\":[1,{\"a\":2}]}", "{\"list\":[1,{\"a\":2}]}", "", "the same is decided"},
        {"{\"min\":1}", "{\"min\":2}", "",
         "the same"}, /* a bound is no wish, so both say nothing */
    };
    static const char *const bounds[] = {"min", "max", NULL};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct wish a = wish_of("a", rows[i].a, NULL), b = wish_of("b", rows[i].b, NULL);
        a.bounds = b.bounds = bounds;
        now_ms += MINUTE_MS;
        uint64_t id_a = put(*state, &a), id_b = put(*state, &b);
        const char *text = conflict(*state, id_a);
        if (*rows[i].text_a ? !strstr(text, rows[i].text_a) : *text)
            fail_msg("row %zu, a: '%s'", i, text);
        text = conflict(*state, id_b);
        if (*rows[i].text_b ? !strstr(text, rows[i].text_b) : *text)
            fail_msg("row %zu, b: '%s'", i, text);
    }
}

static void two_capacities_are_compared_one_by_one(void **state)
{
    struct capacity a[] = {{"min", 2, 2}, {"max", 10, 20}}, b[] = {{"min", 2, 4}, {"max", 10, 10}};
    struct wish wish_a = wish_of("a", "{\"min\":2,\"max\":20}", a);
    struct wish wish_b = wish_of("b", "{\"min\":4,\"max\":10}", b);
    wish_a.capacity_count = wish_b.capacity_count = 2;
    uint64_t id_a = put(*state, &wish_a), id_b = put(*state, &wish_b);
    assert_non_null(strstr(conflict(*state, id_a), "min = 4, more than 2"));
    assert_non_null(strstr(conflict(*state, id_b), "max = 20, more than 10"));
    b[0].to = 2;
    now_ms += MINUTE_MS;
    id_a = put(*state, &wish_a);
    id_b = put(*state, &wish_b);
    assert_string_equal(conflict(*state, id_a), "");
    assert_non_null(strstr(conflict(*state, id_b), "max = 20"));
}

static void who_is_gone_wishes_nothing(void **state)
{
    put_count(*state, "a", 9);
    struct capacity capacity = {"count", 5, 8};
    struct wish other = wish_of("a", "{\"count\":8}", &capacity);
    other.target = "environment=staging";
    put(*state, &other);
    uint64_t b = put_count(*state, "b", 4);
    wishes_forget(*state, "a", "environment=prod");
    assert_int_equal(wishes_count(*state), 2);
    assert_non_null(strstr(conflict(*state, b), "count = 8"));
    wishes_forget(*state, "a", NULL);
    assert_int_equal(wishes_count(*state), 1);
    assert_string_equal(conflict(*state, b), "");
    wishes_forget(*state, "b", NULL);
    assert_int_equal(wishes_count(*state), 0);
}

static void a_policy_forgotten_leaves_thousands_of_others(void **state)
{
    enum { MANY = 3000 };
    for (int i = 0; i < MANY; i++) {
        char resource[32];
        struct capacity capacity = {"count", 5, 8};
        struct wish wish = wish_of(i % 3 ? "a" : "b", "{\"count\":8}", &capacity);
        snprintf(resource, sizeof resource, "service/c/%d", i);
        wish.resource = resource;
        put(*state, &wish);
    }
    wishes_forget(*state, "a", NULL);
    assert_int_equal(wishes_count(*state), MANY / 3);
    wishes_forget(*state, "b", NULL);
    assert_int_equal(wishes_count(*state), 0);
}

static void their_number_is_bounded_and_the_old_make_room(void **state)
{
    struct capacity capacity = {"count", 5, 8};
    struct wish wish = wish_of("a", "{}", &capacity);
    char target[32];
    uint64_t id = 0;
    wish.target = target;
    for (int i = 0; i < WISHES_MAX; i++) {
        char resource[32];
        snprintf(target, sizeof target, "t%d", i);
        snprintf(resource, sizeof resource, "service/c/%d", i % 9000);
        wish.resource = resource;
        assert_int_equal(wishes_put(*state, &wish, now_ms, &id), OK);
    }
    wish.resource = "one more";
    assert_int_equal(wishes_put(*state, &wish, now_ms, &id), ERR_LIMIT);
    assert_int_equal(wishes_put(*state, &wish, now_ms + HOUR_MS, &id), OK);
    assert_int_equal(wishes_count(*state), 1);
}

static void every_allocation_may_fail(void **state)
{
    struct wishes *wishes = *state;
    char text[WISH_TEXT_MAX];
    uint64_t kept = put_count(wishes, "b", 9), id = 0;
    struct capacity capacity = {"count", 5, 4};
    struct wish wish = wish_of("a", "{\"count\":4}", &capacity);
    unsigned n = 1;
    for (; n < 100; n++) {
        wish.resource = n % 2 ? "service/c/api" : "service/c/new";
        alloc_fail_at(n);
        int code = wishes_put(wishes, &wish, now_ms, &id);
        if (code == OK) code = wishes_conflict(wishes, &wish, id, now_ms, text);
        if (!alloc_fail_done()) {
            assert_in_range(code, 0, 1);
            break;
        }
        assert_int_equal(code, ERR_NOMEM);
        wishes_forget(wishes, "a", NULL);
        assert_int_equal(wishes_count(wishes), 1);
    }
    assert_in_range(n, 3, 99);
    assert_string_equal(conflict(wishes, kept), "");
    struct wishes *made = NULL;
    alloc_fail_at(1);
    assert_int_equal(wishes_new(&made), ERR_NOMEM);
    assert_true(alloc_fail_done());
    wishes_free(NULL);
}

int main(void)
{
#define FACT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        FACT(one_alone_has_no_conflict),
        FACT(the_largest_capacity_wins),
        FACT(of_equal_ones_the_first_by_name_acts),
        FACT(a_wish_is_replaced_by_the_next_evaluations),
        FACT(two_of_one_evaluation_are_two),
        FACT(a_wish_holds_for_three_periods_and_at_least_five_minutes),
        FACT(a_clock_put_back_holds_no_longer),
        FACT(a_clock_put_forward_and_back_forgets_nobody),
        FACT(resources_are_told_apart),
        FACT(other_fields_refuse_both_when_they_differ),
        FACT(two_capacities_are_compared_one_by_one),
        FACT(who_is_gone_wishes_nothing),
        FACT(a_policy_forgotten_leaves_thousands_of_others),
        FACT(their_number_is_bounded_and_the_old_make_room),
        FACT(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
