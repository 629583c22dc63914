/* Facts about the expressions of paginators and waiters. */
#include "moontide/aws/path.h"
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

static void parse(const char *text, struct path *out)
{
    struct fault fault = {0};
    int code = path_parse(text, out, &fault);
    if (code < 0) print_error("%s\n", fault.text);
    assert_int_equal(code, OK);
}

static bool write_down(void *data, struct value_reader *at)
{
    struct strbuf *out = data;
    size_t len;
    if (out->len > 0) strbuf_addc(out, ' ');
    switch (at->vtable->type(at)) {
    case VALUE_STRING: {
        const char *text = at->vtable->string(at, &len);
        strbuf_add(out, text, len);
        break;
    }
    case VALUE_INTEGER: strbuf_add_int(out, at->vtable->integer(at)); break;
    case VALUE_NUMBER: strbuf_add_double(out, at->vtable->number(at)); break;
    case VALUE_BOOLEAN: strbuf_adds(out, at->vtable->boolean(at) ? "true" : "false"); break;
    case VALUE_TABLE: strbuf_addf(out, "table(%zu)", at->vtable->length(at)); break;
    default: strbuf_adds(out, "?"); break;
    }
    return true;
}

/* What the path leads to, one after the other. */
static void leads(const char *json, const char *expression, const char *to)
{
    struct json_value *value = NULL;
    struct path path;
    struct strbuf out;
    strbuf_init(&out, 4096);
    parse(expression, &path);
    assert_int_equal(json_value_new(json, strlen(json), &value), OK);
    path_each(&path, json_value_reader(value), write_down, &out);
    leave(value);
    if (strcmp(strbuf_cstr(&out), to) != 0) print_error("%s of %s\n", expression, json);
    assert_string_equal(strbuf_cstr(&out), to);
    strbuf_done(&out);
}

static void is(const char *json, const char *expression, bool truth)
{
    struct json_value *value = NULL;
    struct path path;
    parse(expression, &path);
    assert_int_equal(json_value_new(json, strlen(json), &value), OK);
    if (path_true(&path, json_value_reader(value)) != truth)
        print_error("%s of %s\n", expression, json);
    assert_int_equal(path_true(&path, json_value_reader(value)), truth);
    leave(value);
}

static void names_are_followed(void **state)
{
    (void)state;
    leads("{\"NextToken\":\"t\"}", "NextToken", "t");
    leads("{\"a\":{\"b\":{\"c\":7}}}", "a.b.c", "7");
    leads("{\"a\":{\"b-c\":1.5}}", "a.\"b-c\"", "1.5");
    leads("{\"a\":{}}", "a.b.c", "");
    leads("{\"a\":null}", "a", "");
    leads("{\"a\":\"text\"}", "a.b", "");
    leads("{\"a\":[1,2]}", "a", "table(2)");
    leads("{\"a\":1}", "@", "table(0)");
}

static void an_index_counts_from_either_end(void **state)
{
    (void)state;
    leads("{\"Jobs\":[{\"JobId\":\"a\"},{\"JobId\":\"z\"}]}", "Jobs[-1].JobId", "z");
    leads("{\"Jobs\":[{\"JobId\":\"a\"},{\"JobId\":\"z\"}]}", "Jobs[0].JobId", "a");
    leads("{\"Jobs\":[]}", "Jobs[-1].JobId", "");
    leads("{\"Jobs\":[1]}", "Jobs[1]", "");
    leads("{\"Jobs\":[1]}", "Jobs[-2]", "");
}

static void flattening_takes_lists_within_lists_apart_once(void **state)
{
    (void)state;
    static const char reservations[] =
        "{\"R\":[{\"I\":[{\"S\":\"a\"},{\"S\":\"b\"}]},{},{\"I\":[]},{\"I\":[{\"S\":\"c\"},{}]}]}";
    leads(reservations, "R[].I[].S", "a b c");
    leads(reservations, "R[].I", "table(2) table(0) table(2)");
    leads(reservations, "R[*].I[0].S", "a c");
    leads("{\"a\":[[1,[2]],3]}", "a[]", "1 table(1) 3");
    leads("{\"a\":[[1,[2]],3]}", "a[][]", "1 2 3");
    leads("{\"a\":{\"b\":1}}", "a[]", "");
    leads("[1,2]", "[]", "1 2");
    leads("{\"R\":[{},{\"a\":1},[]]}", "R[]", "table(0) table(0)"); /* {} is a structure there */
}

static void all_values_of_a_map_are_a_projection(void **state)
{
    (void)state;
    leads("{\"V\":{\"x\":{\"S\":\"Success\"},\"y\":{\"S\":\"Pending\"},\"z\":{}}}", "V.*.S",
          "Success Pending");
    leads("{\"V\":[1]}", "V.*", "");
}

static void a_filter_keeps_what_is_true(void **state)
{
    (void)state;
    static const char services[] =
        "{\"s\":[{\"n\":\"a\",\"d\":[1],\"r\":2,\"w\":2},{\"n\":\"b\",\"d\":[1,2],\"r\":2,\"w\":2},"
        "{\"n\":\"c\",\"d\":[1],\"r\":1,\"w\":2}]}";
    leads(services, "s[?length(d) == `1` && r == w].n", "a");
    leads(services, "s[?!(length(d) == `1` && r == w)].n", "b c");
    leads(services, "s[?n == 'b' || n == 'c'].n", "b c");
    leads(services, "s[?n == `\"c\"`].n", "c");
    leads(services, "s[?missing].n", "");
}

static void or_takes_the_first_that_is_true(void **state)
{
    (void)state;
    leads("{\"NextMarker\":\"m\",\"Contents\":[{\"Key\":\"k\"}]}", "NextMarker || Contents[-1].Key",
          "m");
    leads("{\"NextMarker\":\"\",\"Contents\":[{\"Key\":\"j\"},{\"Key\":\"k\"}]}",
          "NextMarker || Contents[-1].Key", "k");
    leads("{}", "NextMarker || Contents[-1].Key", "");
}

static void truth_is_that_of_jmespath(void **state)
{
    (void)state;
    static const char json[] = "{\"t\":true,\"f\":false,\"z\":0,\"e\":\"\",\"s\":\"x\",\"l\":[],"
                               "\"m\":{},\"n\":null,\"k\":[false]}";
    is(json, "t", true);
    is(json, "f", false);
    is(json, "z", true);
    is(json, "e", false);
    is(json, "s", true);
    is(json, "l", false);
    is(json, "m", false);
    is(json, "n", false);
    is(json, "k", true);
    is(json, "k[]", true);
    is(json, "l[]", false);
    is(json, "!l", true);
    is(json, "!!s", true);
    is(json, "!!e", false);
    is(json, "s && f", false);
    is(json, "e || `true`", true);
}

static void only_like_compares_with_like(void **state)
{
    (void)state;
    static const char json[] = "{\"i\":1,\"d\":1.0,\"s\":\"1\",\"n\":null,\"l\":[1]}";
    is(json, "i == d", true);
    is(json, "i == s", false);
    is(json, "i != s", true);
    is(json, "n == missing", true);
    is(json, "n == `null`", true);
    is(json, "s == `null`", false);
    is(json, "l == l", false); /* tables are not compared */
    is(json, "i > `0`", true);
    is(json, "i >= `1`", true);
    is(json, "i < `1`", false);
    is(json, "i <= `1`", true);
    is(json, "s > `0`", false);
    is(json, "s == '1' && i == `1`", true);
}

static void length_counts_elements_members_and_characters(void **state)
{
    (void)state;
    static const char json[] =
        "{\"l\":[1,2],\"m\":{\"a\":1,\"b\":2,\"c\":3},\"s\":\"\xc3\xa4\xc3\xb6\",\"e\":[],\"i\":7}";
    is(json, "length(l) == `2`", true);
    is(json, "length(m) == `3`", true);
    is(json, "length(s) == `2`", true);
    is(json, "length(l[]) == `2`", true);
    is(json, "length(e) == `0`", true);
    is(json, "length(missing) == `0`", true); /* an answer may leave an empty list out */
    is(json, "length(missing[]) == `0`", true);
    is(json, "length(missing || '') > `0`", false);
    is(json, "length(s || '') > `0`", true);
    is(json, "length(i) == `1`", false);
}

static void contains_looks_into_lists_and_texts(void **state)
{
    (void)state;
    static const char json[] = "{\"l\":[\"a\",\"b\"],\"s\":\"abc\",\"o\":[{\"x\":\"y\"}]}";
    is(json, "contains(l, 'b')", true);
    is(json, "contains(l, 'c')", false);
    is(json, "contains(s, 'bc')", true);
    is(json, "contains(s, 'cb')", false);
    is(json, "contains(o[].x, 'y')", true);
    is(json, "contains(missing, 'y')", false);
}

static void the_longest_one_that_exists_is_understood(void **state)
{
    (void)state;
    static const char expression[] =
        "length(K) > `0`  && length(K[?D == 'DISABLED' || D == 'ENABLE_FAILED']) ==  length(K)";
    is("{\"K\":[{\"D\":\"DISABLED\"},{\"D\":\"ENABLE_FAILED\"}]}", expression, true);
    is("{\"K\":[{\"D\":\"DISABLED\"},{\"D\":\"ACTIVE\"}]}", expression, false);
    is("{\"K\":[]}", expression, false);
}

static void a_filter_over_many_elements_needs_no_more_memory(void **state)
{
    (void)state;
    struct strbuf json;
    strbuf_init(&json, 1 << 20);
    strbuf_adds(&json, "{\"a\":[");
    for (int i = 0; i < 5000; i++)
        strbuf_addf(&json, "%s{\"s\":\"a status as long as this one, number %d\"}", i ? "," : "",
                    i);
    strbuf_adds(&json, "]}");
    is(strbuf_cstr(&json), "length(a[?s != 'x']) == `5000`", true);
    is(strbuf_cstr(&json), "contains(a[].s, 'x')", false);
    strbuf_done(&json);
}

static void what_is_not_understood_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "a name was expected at offset 0"},
        {"a.", "a name was expected at offset 2"},
        {"a[", "an index was expected"},
        {"a[1", "\"]\" was expected"},
        {"a[?b", "\"]\" was expected"},
        {"a b", "nothing more was expected at offset 2"},
        {"length(a", "\")\" was expected"},
        {"contains(a)", "\",\" was expected"},
        {"`{}`", "no scalar"},
        {"`1", "\"`\" was expected"},
        {"'x", "a text without escapes was expected"},
        {"sort_by(a, &b)", "nothing more was expected"},
        {"((((((((((((((((((a", "too deep"},
        {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "too long"},
        {"a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a||a==a"
         "||a==a||a==a",
         "too long"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct path path;
        struct fault fault = {0};
        assert_true(path_parse(cases[i].text, &path, &fault) < 0);
        if (!strstr(fault.text, cases[i].says)) print_error("%s\n", fault.text);
        assert_non_null(strstr(fault.text, cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_followed),
        cmocka_unit_test(an_index_counts_from_either_end),
        cmocka_unit_test(flattening_takes_lists_within_lists_apart_once),
        cmocka_unit_test(all_values_of_a_map_are_a_projection),
        cmocka_unit_test(a_filter_keeps_what_is_true),
        cmocka_unit_test(or_takes_the_first_that_is_true),
        cmocka_unit_test(truth_is_that_of_jmespath),
        cmocka_unit_test(only_like_compares_with_like),
        cmocka_unit_test(length_counts_elements_members_and_characters),
        cmocka_unit_test(contains_looks_into_lists_and_texts),
        cmocka_unit_test(the_longest_one_that_exists_is_understood),
        cmocka_unit_test(a_filter_over_many_elements_needs_no_more_memory),
        cmocka_unit_test(what_is_not_understood_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
