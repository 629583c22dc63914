/* Facts about JSON: what RFC 8259 allows is read, what it does not is refused, nothing is read past
 * the end, and what the writer writes the reader reads.
 *
 * Size: each rule of the grammar is a fact of its own. */
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { STRING_MAX = 1000, TOKENS_MAX = 100000 };

/* Reads the whole document; JSON_END or the error. The input is copied to a block of its exact
 * size, so that the address sanitizer sees any read past it. */
static int read_all(const char *input, size_t len)
{
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, input, len);
    struct json_reader r;
    json_reader_init(&r, exact, len, STRING_MAX);
    int token = JSON_NULL;
    for (int i = 0; i < TOKENS_MAX && token > JSON_END; i++)
        token = json_next(&r);
    assert_true(json_offset(&r) <= len);
    if (token < 0) assert_int_equal(json_next(&r), token); /* an error sticks */
    json_reader_done(&r);
    free(exact);
    return token;
}

static const char *const good[] = {
    "null",
    " true\t",
    "\r\nfalse",
    "0",
    "-0",
    "-1",
    "12345678901234567890",
    "1.5",
    "0.0",
    "1e5",
    "1E+5",
    "-1.25e-7",
    "1e400",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\u0000\"",
    "\"\\uD834\\uDD1E\"",
    "\"\\ud834\"",
    "\"\\udd1e\\ud834\"",
    "\"\xC3\xA9\"",
    "\"\x7f\"",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1]",
    "[1 , 2]",
    "[[],[[]],{}]",
    "{\"a\":1}",
    "{ \"a\" : [ { } ] , \"\" : \"\" }",
    "{\"a\":1,\"a\":2}",
    "[null,true,false]",
    "[\"\\u20AC\",\"\\uFFFF\"]",
};

static const char *const bad[] = {
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "NaN",
    "Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "0x1",
    "1 2",
    "- 1",
    "1,",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\uD834\\u\"",
    "\"\n\"",
    "\"\x01\"",
    "\"a\tb\"",
    "'a'",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1}",
    "[\"a\"",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":}",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,}",
    "{1:2}",
    "{a:1}",
    "{\"a\" 1}",
    "{\"a\":1]",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1:2}",
    "{\"a\",1}",
    "[]]",
    "{}}",
    "[]{}",
    "null,",
    "\xEF\xBB\xBFnull",
    "/**/1",
    "[1]//",
    "[tru]",
    "\"\\'\"",
    "[1,,2]",
    "\v1",
};

static void what_rfc_8259_allows_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (read_all(good[i], strlen(good[i])) != JSON_END) fail_msg("refused: %s", good[i]);
}

static void what_rfc_8259_does_not_allow_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (read_all(bad[i], strlen(bad[i])) != ERR_PARSE) fail_msg("read: %s", bad[i]);
    assert_int_equal(read_all("\"\0\"", 3), ERR_PARSE);
    assert_int_equal(read_all("1\0", 2), ERR_PARSE);
    assert_int_equal(read_all("\"\\\0\"", 4), ERR_PARSE);
}

static void a_document_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"key\":[1.5e3,-12,\"text \\u20AC \\n\",true,false,null,{\"a\":{}}],"
        "\"b\":\"\\uD834\\uDD1E\"}";
    size_t len = sizeof whole - 1;
    assert_int_equal(read_all(whole, len), JSON_END);
    for (size_t cut = 0; cut < len; cut++)
        if (read_all(whole, cut) != ERR_PARSE) fail_msg("read: %.*s", (int)cut, whole);
}

static void any_changed_byte_ends_in_an_answer(void **state)
{
    (void)state;
    static const char whole[] = "{\"k\\n\":[1.5e3,\"\\uD834\\uDD1E\",true,null],\"b\":{}}";
    size_t len = sizeof whole - 1;
    int refused = 0;
    for (size_t at = 0; at < len; at++) {
        for (int c = 0; c < 256; c++) {
            char changed[sizeof whole];
            memcpy(changed, whole, sizeof whole);
            changed[at] = (char)c;
            int token = read_all(changed, len);
            assert_true(token == JSON_END || token == ERR_PARSE);
            refused += token == ERR_PARSE;
        }
    }
    assert_true(refused > 1000);
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    char deep[2 * (JSON_DEPTH_MAX + 1)];
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    assert_int_equal(read_all(deep, sizeof deep), ERR_LIMIT);
    assert_int_equal(read_all(deep + 1, sizeof deep - 2), JSON_END);
}

static void numbers_keep_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int token;
        int64_t integer;
        double number;
    } rows[] = {
        {"0", JSON_INT, 0, 0},
        {"-0", JSON_INT, 0, 0},
        {"9223372036854775807", JSON_INT, INT64_MAX, 9223372036854775807.0},
        {"-9223372036854775808", JSON_INT, INT64_MIN, -9223372036854775808.0},
        {"9223372036854775808", JSON_NUMBER, 0, 9223372036854775808.0},
        {"-9223372036854775809", JSON_NUMBER, 0, -9223372036854775809.0},
        {"18446744073709551616", JSON_NUMBER, 0, 18446744073709551616.0},
        {"99999999999999999999999999", JSON_NUMBER, 0, 1e26},
        {"1.0", JSON_NUMBER, 0, 1},
        {"1e2", JSON_NUMBER, 0, 100},
        {"2.2250738585072011e-308", JSON_NUMBER, 0, 2.2250738585072011e-308},
        {"1e400", JSON_NUMBER, 0, INFINITY},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_reader r;
        json_reader_init(&r, rows[i].text, strlen(rows[i].text), STRING_MAX);
        assert_int_equal(json_next(&r), rows[i].token);
        if (rows[i].token == JSON_INT) assert_true(r.integer == rows[i].integer);
        assert_true(r.number == rows[i].number);
        json_reader_done(&r);
    }
}

static void a_number_of_any_length_is_read(void **state)
{
    (void)state;
    char digits[600];
    memset(digits, '3', sizeof digits);
    digits[1] = '.';
    struct json_reader r;
    json_reader_init(&r, digits, sizeof digits, STRING_MAX);
    assert_int_equal(json_next(&r), JSON_NUMBER);
    assert_true(r.number > 3.33 && r.number < 3.34);
    json_reader_done(&r);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *json, *bytes;
        size_t len;
    } rows[] = {
        {"\"plain\"", "plain", 5},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"\\u00e9\\u20AC\"", "\xC3\xA9\xE2\x82\xAC", 5},
        {"\"\\uD834\\uDD1E\"", "\xF0\x9D\x84\x9E", 4},
        {"\"\\uDBFF\\uDFFF\"", "\xF4\x8F\xBF\xBF", 4},
        {"\"\\uD834\"", "\xEF\xBF\xBD", 3},
        {"\"\\uD834x\"", "\xEF\xBF\xBDx", 4},
        {"\"\\uDD1E\\uD834\"", "\xEF\xBF\xBD\xEF\xBF\xBD", 6},
        {"\"\\uD834\\u0041\"", "\xEF\xBF\xBD\x41", 4},
        {"\"\\uD834\\n\"", "\xEF\xBF\xBD\n", 4},
        {"\"\"", "", 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_reader r;
        json_reader_init(&r, rows[i].json, strlen(rows[i].json), STRING_MAX);
        assert_int_equal(json_next(&r), JSON_STRING);
        assert_int_equal(r.len, rows[i].len);
        assert_memory_equal(r.text, rows[i].bytes, rows[i].len);
        json_reader_done(&r);
    }
}

static void a_decoded_string_ends_at_its_limit(void **state)
{
    (void)state;
    char text[STRING_MAX + 10];
    for (size_t over = 0; over <= 1; over++) {
        size_t n = 0, letters = STRING_MAX - 1 + over;
        text[n++] = '"';
        memset(text + n, 'x', letters);
        n += letters;
        memcpy(text + n, "\\n\"", 3);
        assert_int_equal(read_all(text, n + 3), over ? ERR_LIMIT : JSON_END);
    }
}

static void tokens_come_in_the_order_of_the_text(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,\"x\"],\"b\":{\"c\":null}}";
    static const int expected[] = {JSON_OBJECT, JSON_KEY,       JSON_ARRAY,      JSON_INT,
                                   JSON_STRING, JSON_ARRAY_END, JSON_KEY,        JSON_OBJECT,
                                   JSON_KEY,    JSON_NULL,      JSON_OBJECT_END, JSON_OBJECT_END,
                                   JSON_END,    JSON_END};
    struct json_reader r;
    json_reader_init(&r, text, sizeof text - 1, STRING_MAX);
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        assert_int_equal(json_next(&r), expected[i]);
    json_reader_done(&r);
}

/* After each token in turn: skip, and see which key comes next. */
static void skip_passes_over_a_whole_value(void **state)
{
    (void)state;
    static const char *const values[] = {
        "1", "\"s\\n\"", "null", "[]", "{}", "[1,[2,{\"z\":3}]]", "{\"a\":{\"b\":[]},\"c\":2}"};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (int announced = 0; announced <= 1; announced++) {
            char text[128];
            int n = snprintf(text, sizeof text, "{\"first\":%s,\"next\":5}", values[i]);
            struct json_reader r;
            json_reader_init(&r, text, (size_t)n, STRING_MAX);
            assert_int_equal(json_next(&r), JSON_OBJECT);
            assert_int_equal(json_next(&r), JSON_KEY);
            if (announced) assert_true(json_next(&r) > 0); /* then only its rest is skipped */
            assert_int_equal(json_skip(&r), OK);
            assert_int_equal(json_next(&r), JSON_KEY);
            assert_memory_equal(r.text, "next", 4);
            assert_int_equal(json_skip(&r), OK);
            assert_int_equal(json_next(&r), JSON_OBJECT_END);
            assert_int_equal(json_next(&r), JSON_END);
            json_reader_done(&r);
        }
    }
}

static void skip_tells_what_is_wrong_inside(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,{\"b\":tru}]}";
    struct json_reader r;
    json_reader_init(&r, text, sizeof text - 1, STRING_MAX);
    assert_int_equal(json_next(&r), JSON_OBJECT);
    assert_int_equal(json_next(&r), JSON_KEY);
    assert_int_equal(json_skip(&r), ERR_PARSE);
    assert_int_equal(json_skip(&r), ERR_PARSE);
    assert_int_equal(json_offset(&r), 13);
    json_reader_done(&r);
}

static void a_failing_allocation_is_told(void **state)
{
    (void)state;
    static const char escaped[] = "\"\\n\"";
    alloc_fail_at(1);
    struct json_reader r;
    json_reader_init(&r, escaped, sizeof escaped - 1, STRING_MAX);
    int token = json_next(&r);
    assert_true(alloc_fail_done());
    assert_int_equal(token, ERR_NOMEM);
    json_reader_done(&r);

    char digits[100];
    memset(digits, '3', sizeof digits);
    json_reader_init(&r, digits, sizeof digits, STRING_MAX);
    alloc_fail_at(1);
    token = json_next(&r);
    assert_true(alloc_fail_done());
    assert_int_equal(token, ERR_NOMEM);
    json_reader_done(&r);
}

/* ---- the writer ---- */

static void the_writer_puts_commas_and_colons_where_they_belong(void **state)
{
    (void)state;
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, 1000);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "a");
    json_int(&w, INT64_MIN);
    json_key(&w, "b");
    json_array(&w);
    json_double(&w, 0.1);
    json_double(&w, NAN);
    json_double(&w, -INFINITY);
    json_bool(&w, true);
    json_null(&w);
    json_string(&w, NULL);
    json_object(&w);
    json_object_end(&w);
    json_array(&w);
    json_array_end(&w);
    json_raw(&w, "{\"x\":1}", 7);
    json_stringn(&w, "y\0z", 3);
    json_array_end(&w);
    json_key(&w, "");
    json_string(&w, "");
    json_object_end(&w);
    assert_int_equal(w.depth, 0);
    assert_string_equal(strbuf_cstr(&out), "{\"a\":-9223372036854775808,\"b\":[0.1,null,null,true,"
                                           "null,null,{},[],{\"x\":1},\"y\\u0000z\"],\"\":\"\"}");
    strbuf_done(&out);
}

static void quoting_escapes_controls_and_mends_bad_utf_8(void **state)
{
    (void)state;
#define FFFD "\xEF\xBF\xBD"
    static const struct {
        const char *text, *quoted;
    } rows[] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\\u007f\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E\""},
        {"\x80", "\"" FFFD "\""},
        {"a\xC3", "\"a" FFFD "\""},
        {"\xC0\xAF", "\"" FFFD FFFD "\""},                   /* overlong */
        {"\xED\xA0\x80", "\"" FFFD FFFD FFFD "\""},          /* a surrogate */
        {"\xF4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""}, /* past U+10FFFF */
        {"\xE0\x80\x80x", "\"" FFFD FFFD FFFD "x\""},
        {"\xFF\xFEok", "\"" FFFD FFFD "ok\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf out;
        strbuf_init(&out, 1000);
        json_quote(&out, rows[i].text, strlen(rows[i].text));
        assert_string_equal(strbuf_cstr(&out), rows[i].quoted);
        assert_int_equal(read_all(out.data, out.len), JSON_END);
        strbuf_done(&out);
    }
}

static void every_byte_pair_that_is_quoted_can_be_read(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char text[2] = {(char)a, (char)b};
            struct strbuf out;
            strbuf_init(&out, 100);
            json_quote(&out, text, 2);
            assert_int_equal(read_all(out.data, out.len), JSON_END);
            strbuf_done(&out);
        }
    }
}

static void fractions_are_those_of_strtod(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0.0",
        "-0.0",
        "1700000000.123",
        "9007199254740993.0",
        "9007199254740991e22",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "123456789012345678901.5",
        "4.9e-324",
        "2.2250738585072011e-308",
        "1.7976931348623157e308",
        "1e400",
        "-1e400",
        "0.000000000000000000000000000000000000000000000000000000000000000000000001",
        "1.00000000000000000000000000000000000000000000000000000000000000000000e5",
        "0e99999999999",
        "1e-99999999999",
        "9223372036854775808",
        "18446744073709551616",
    };
    struct json_reader r;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_reader_init(&r, texts[i], strlen(texts[i]), STRING_MAX);
        assert_int_equal(json_next(&r), JSON_NUMBER);
        double wanted = strtod(texts[i], NULL);
        if (r.number != wanted || signbit(r.number) != signbit(wanted))
            fail_msg("%s: %.17g, not %.17g", texts[i], r.number, wanted);
    }
    uint32_t state_of_random = 1;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        int digits[4];
        for (size_t n = 0; n < COUNT_OF(digits); n++) {
            state_of_random = state_of_random * 1664525U + 1013904223U;
            digits[n] = (int)(state_of_random >> 8);
        }
        snprintf(text, sizeof text, "%d.%0*de%d", digits[0] % 100000, 1 + digits[1] % 9,
                 digits[2] % 10, digits[3] % 60 - 30);
        json_reader_init(&r, text, strlen(text), STRING_MAX);
        assert_int_equal(json_next(&r), JSON_NUMBER);
        if (r.number != strtod(text, NULL)) fail_msg("%s: %.17g", text, r.number);
    }
}

static void strings_end_wherever_they_end(void **state)
{
    (void)state;
    for (size_t len = 0; len < 70; len++) {
        char text[80];
        memset(text, 'x', sizeof text);
        text[0] = '"';
        text[len + 1] = '"';
        struct json_reader r;
        json_reader_init(&r, text, len + 2, STRING_MAX);
        assert_int_equal(json_next(&r), JSON_STRING);
        assert_int_equal(r.len, len);
        for (size_t at = 1; at <= len; at++) { /* a control character at each place */
            text[at] = '\x1f';
            json_reader_init(&r, text, len + 2, STRING_MAX);
            assert_int_equal(json_next(&r), ERR_PARSE);
            text[at] = '\x80';
            json_reader_init(&r, text, len + 2, STRING_MAX);
            assert_int_equal(json_next(&r), JSON_STRING);
            assert_int_equal(r.len, len);
            text[at] = 'x';
        }
    }
}

static void a_borrowed_buffer_takes_the_decoded_text(void **state)
{
    (void)state;
    static const char text[] = "[\"a\\nb\",\"plain\"]";
    struct strbuf decoded;
    struct json_reader r;
    strbuf_init(&decoded, STRING_MAX);
    json_reader_borrow(&r, text, strlen(text), &decoded);
    assert_int_equal(json_next(&r), JSON_ARRAY);
    assert_int_equal(json_next(&r), JSON_STRING);
    assert_ptr_equal(r.text, decoded.data);
    assert_memory_equal(r.text, "a\nb", 3);
    assert_int_equal(json_next(&r), JSON_STRING);
    assert_ptr_equal(r.text, strstr(text, "plain"));
    strbuf_done(&decoded);
}

static void an_expected_key_is_taken_or_nothing_happens(void **state)
{
    (void)state;
    static const struct {
        const char *json, *key;
        bool taken;
    } rows[] = {
        {"{\"a\":1}", "a", true},
        {"{\"\":1}", "", true},
        {"{\"abcd\":1}", "abcd", true},
        {"{\"abcdefgh\":1}", "abcdefgh", true},
        {"{\"abcdefghijklmnopq\":1}", "abcdefghijklmnopq", true},
        {"{\"abcdefghijklmnopq\":1}", "abcdefghijklmnopz", false},
        {"{\"abcdefghXjklmnopq\":1}", "abcdefghijklmnopq", false},
        {"{\"abcd\":1}", "abce", false},
        {"{\"ab\":1}", "a", false},
        {"{\"a\":1}", "ab", false},
        {"{\"a\" :1}", "a", false},
        {"{ \"a\":1}", "a", false},
        {"{\"\\u0061\":1}", "a", false},
        {"{\"a\"", "a", false},
        {"{\"a", "a", false},
        {"{", "a", false},
        {"{}", "a", false},
        {"[\"a\",1]", "a", false},
        {"\"a\":1", "a", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t len = strlen(rows[i].json);
        char *exact = malloc(len);
        assert_non_null(exact);
        memcpy(exact, rows[i].json, len);
        struct json_reader r;
        json_reader_init(&r, exact, len, STRING_MAX);
        if (*exact != '"') assert_true(json_next(&r) >= 0);
        size_t before = json_offset(&r);
        bool taken = json_take_key(&r, rows[i].key, strlen(rows[i].key));
        if (taken != rows[i].taken) fail_msg("%s: %d", rows[i].json, taken);
        if (!taken) assert_int_equal(json_offset(&r), before);
        if (taken) {
            assert_false(json_take_key(&r, rows[i].key, strlen(rows[i].key))); /* a value is next */
            assert_int_equal(json_next(&r), JSON_INT);
            assert_int_equal(json_next(&r), JSON_OBJECT_END);
            assert_int_equal(json_next(&r), JSON_END);
        }
        json_reader_done(&r);
        free(exact);
    }
}

static void a_later_key_is_taken_after_its_comma(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[{\"b\":1}],\"c\":2}";
    struct json_reader r;
    json_reader_init(&r, text, sizeof text - 1, STRING_MAX);
    assert_int_equal(json_next(&r), JSON_OBJECT);
    assert_true(json_take_key(&r, "a", 1));
    assert_int_equal(json_next(&r), JSON_ARRAY);
    assert_false(json_take_key(&r, "b", 1));
    assert_int_equal(json_next(&r), JSON_OBJECT);
    assert_true(json_take_key(&r, "b", 1));
    assert_int_equal(json_next(&r), JSON_INT);
    assert_int_equal(json_next(&r), JSON_OBJECT_END);
    assert_false(json_take_key(&r, "c", 1)); /* in the list no key can come */
    assert_int_equal(json_next(&r), JSON_ARRAY_END);
    assert_false(json_take_key(&r, "b", 1));
    assert_true(json_take_key(&r, "c", 1));
    assert_int_equal(json_next(&r), JSON_INT);
    assert_int_equal(json_next(&r), JSON_OBJECT_END);
    assert_int_equal(json_next(&r), JSON_END);
    json_reader_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rfc_8259_allows_is_read),
        cmocka_unit_test(what_rfc_8259_does_not_allow_is_refused),
        cmocka_unit_test(a_document_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_changed_byte_ends_in_an_answer),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(numbers_keep_64_bits),
        cmocka_unit_test(a_number_of_any_length_is_read),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(fractions_are_those_of_strtod),
        cmocka_unit_test(strings_end_wherever_they_end),
        cmocka_unit_test(a_borrowed_buffer_takes_the_decoded_text),
        cmocka_unit_test(a_decoded_string_ends_at_its_limit),
        cmocka_unit_test(tokens_come_in_the_order_of_the_text),
        cmocka_unit_test(an_expected_key_is_taken_or_nothing_happens),
        cmocka_unit_test(a_later_key_is_taken_after_its_comma),
        cmocka_unit_test(skip_passes_over_a_whole_value),
        cmocka_unit_test(skip_tells_what_is_wrong_inside),
        cmocka_unit_test(a_failing_allocation_is_told),
        cmocka_unit_test(the_writer_puts_commas_and_colons_where_they_belong),
        cmocka_unit_test(quoting_escapes_controls_and_mends_bad_utf_8),
        cmocka_unit_test(every_byte_pair_that_is_quoted_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
