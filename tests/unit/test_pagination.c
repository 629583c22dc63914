/* Facts about getting from one page to the next. */
#include "moontide/aws/pagination.h"
#include "moontide/base/strbuf.h"
#include "support/json_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* Every walk comes back to where it began. */
static void leave(struct json_value *value)
{
    assert_true(json_value_is_home(value));
    json_value_free(value);
}

/* Writes "name=text name=- ..." */
static void note(void *data, const char *name, struct value_reader *at)
{
    struct strbuf *out = data;
    size_t len;
    strbuf_addf(out, "%s%s=", out->len ? " " : "", name);
    if (!at) {
        strbuf_addc(out, '-');
    } else if (at->vtable->type(at) == VALUE_STRING) {
        const char *text = at->vtable->string(at, &len);
        strbuf_add(out, text, len);
    } else {
        strbuf_adds(out, "(table)");
    }
}

static int next(const struct pagination *p, const char *json, struct page_cursor *cursor,
                const char *tokens)
{
    struct json_value *value = NULL;
    struct strbuf out;
    struct fault fault = {0};
    strbuf_init(&out, 4096);
    assert_int_equal(json_value_new(json, strlen(json), &value), OK);
    int more = page_next(p, json_value_reader(value), cursor, note, &out, &fault);
    leave(value);
    assert_string_equal(strbuf_cstr(&out), tokens);
    strbuf_done(&out);
    return more;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_token_leads_to_the_next_page(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("nextToken"), .output_token = LIST("nextToken")};
    struct page_cursor cursor = {0};
    assert_int_equal(next(&p, "{\"nextToken\":\"a\"}", &cursor, "nextToken=a"), 1);
    assert_int_equal(next(&p, "{\"nextToken\":\"b\"}", &cursor, "nextToken=b"), 1);
    assert_int_equal(next(&p, "{\"nextToken\":\"\"}", &cursor, ""), 0);
    assert_int_equal(next(&p, "{\"nextToken\":null}", &cursor, ""), 0);
    assert_int_equal(next(&p, "{}", &cursor, ""), 0);
    assert_int_equal(next(&p, "{\"nextToken\":\"None\"}", &cursor, ""), 0);
}

static void the_same_token_twice_is_an_error(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("m"), .output_token = LIST("a.m")};
    struct page_cursor cursor = {0};
    assert_int_equal(next(&p, "{\"a\":{\"m\":\"x\"}}", &cursor, "m=x"), 1);
    assert_int_equal(next(&p, "{\"a\":{\"m\":\"x\"}}", &cursor, ""), ERR_PARSE);
}

static void a_tokens_table_is_compared_by_what_it_holds(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("ExclusiveStartKey"),
                           .output_token = LIST("LastEvaluatedKey")};
    struct page_cursor cursor = {0};
    static const char first[] = "{\"LastEvaluatedKey\":{\"id\":{\"S\":\"1\"}}}";
    static const char second[] = "{\"LastEvaluatedKey\":{\"id\":{\"S\":\"2\"}}}";
    assert_int_equal(next(&p, first, &cursor, "ExclusiveStartKey=(table)"), 1);
    assert_int_equal(next(&p, second, &cursor, "ExclusiveStartKey=(table)"), 1);
    assert_int_equal(next(&p, second, &cursor, ""), ERR_PARSE);
    assert_int_equal(next(&p, "{\"LastEvaluatedKey\":{}}", &cursor, ""), 0);
}

static void more_results_ends_it_whatever_the_token(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("Marker"),
                           .output_token = LIST("NextMarker || Contents[-1].Key"),
                           .more_results = "IsTruncated"};
    struct page_cursor cursor = {0};
    assert_int_equal(
        next(&p, "{\"IsTruncated\":true,\"Contents\":[{\"Key\":\"k\"}]}", &cursor, "Marker=k"), 1);
    assert_int_equal(next(&p, "{\"IsTruncated\":false,\"NextMarker\":\"n\"}", &cursor, ""), 0);
    assert_int_equal(next(&p, "{\"NextMarker\":\"n\"}", &cursor, ""), 0);
}

static void of_two_tokens_the_absent_one_is_taken_out(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("KeyMarker", "IdMarker"),
                           .output_token = LIST("NextKey", "NextId")};
    struct page_cursor cursor = {0};
    assert_int_equal(
        next(&p, "{\"NextKey\":\"k\",\"NextId\":\"i\"}", &cursor, "KeyMarker=k IdMarker=i"), 1);
    assert_int_equal(next(&p, "{\"NextKey\":\"k\"}", &cursor, "KeyMarker=k IdMarker=-"), 1);
    assert_int_equal(next(&p, "{}", &cursor, ""), 0);
}

static void a_path_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct pagination p = {.input_token = LIST("a"), .output_token = LIST("sum(b)")};
    struct page_cursor cursor = {0};
    assert_int_equal(next(&p, "{}", &cursor, ""), ERR_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_leads_to_the_next_page),
        cmocka_unit_test(the_same_token_twice_is_an_error),
        cmocka_unit_test(a_tokens_table_is_compared_by_what_it_holds),
        cmocka_unit_test(more_results_ends_it_whatever_the_token),
        cmocka_unit_test(of_two_tokens_the_absent_one_is_taken_out),
        cmocka_unit_test(a_path_that_is_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
