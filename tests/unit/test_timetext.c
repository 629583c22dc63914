/* Facts about durations and times as text. */
#include "moontide/base/err.h"
#include "moontide/base/timetext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void durations_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"90", 90000},
        {"0.25", 250},
        {"90s", 90000},
        {"5m", 300000},
        {"1h30m", 5400000},
        {"1.5h", 5400000},
        {"7d", 604800000},
        {"2w", 1209600000},
        {"250ms", 250},
        {"1m250ms", 60250},
        {"30m1h", 5400000},
        {"1s1s", 2000},
        {"0s", 0},
        {"0.0004ms", 0},
        {"1d2h3m4s5ms", 93784005},
        {"36525d", 3155760000000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = -1;
        if (duration_parse(rows[i].text, &ms) != OK) fail_msg("refused: %s", rows[i].text);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        " ",
        "s",
        "-5s",
        "+5s",
        "5 s",
        " 5s",
        "5s ",
        "5x",
        "5M",
        "1m30",
        "0m30",
        "0s5",
        "1.s",
        ".5s",
        "1..5s",
        "1e3s",
        "0x10s",
        "inf",
        "nan",
        "5mm",
        "5sm",
        "5,5s",
        "36526d",
        "99999999999999999999999999d",
        "111111111111111111111111111111111111111111111s",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = 77;
        if (duration_parse(rows[i], &ms) != ERR_INVALID) fail_msg("read: %s", rows[i]);
        assert_int_equal(ms, 77);
    }
}

static void durations_are_written_so_that_they_can_be_read(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {250, "250ms"},
        {1000, "1s"},
        {90000, "1m30s"},
        {604800000, "7d"},
        {5400000, "1h30m"},
        {86400001, "1d1ms"},
        {93784005, "1d2h3m4s5ms"},
        {3155760000000, "36525d"},
    };
    char text[DURATION_TEXT_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t back;
        duration_format(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(duration_parse(text, &back), OK);
        assert_int_equal(back, rows[i].ms);
    }
    duration_format(-90000, text);
    assert_string_equal(text, "-1m30s");
    duration_format(INT64_MIN, text);
    assert_string_equal(text, "-106751991167d7h12m55s808ms");
    duration_format(INT64_MAX, text);
    assert_string_equal(text, "106751991167d7h12m55s807ms");
}

static const struct {
    int64_t ms;
    const char *text;
} times[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {-1000, "1969-12-31T23:59:59Z"},
    {951782400000, "2000-02-29T00:00:00Z"},
    {1582934399000, "2020-02-28T23:59:59Z"},
    {1769860800123, "2026-01-31T12:00:00.123Z"},
    {4107542400000, "2100-03-01T00:00:00Z"},
    {-62135596800000, "0001-01-01T00:00:00Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void times_are_written_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        char text[TIME_TEXT_MAX];
        int64_t back = 0;
        time_format(times[i].ms, text);
        assert_string_equal(text, times[i].text);
        assert_int_equal(time_parse(text, strlen(text), &back), OK);
        assert_int_equal(back, times[i].ms);
    }
}

static void any_time_can_be_written(void **state)
{
    (void)state;
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, 253402300800000};
    for (size_t i = 0; i < COUNT_OF(extremes); i++) {
        char text[TIME_TEXT_MAX];
        memset(text, 'x', sizeof text);
        time_format(extremes[i], text);
        assert_non_null(memchr(text, '\0', sizeof text));
        time_format_compact(extremes[i], text);
        assert_non_null(memchr(text, '\0', sizeof text));
    }
}

static void the_compact_form_is_the_one_of_sigv4(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX];
    time_format_compact(1440938160, text); /* the date of AWS's signing examples */
    assert_string_equal(text, "20150830T123600Z");
}

static void iso_8601_is_read_in_its_usual_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-01-31", 1769817600000},
        {"2026-01-31T12:00Z", 1769860800000},
        {"2026-01-31t12:00:00z", 1769860800000},
        {"2026-01-31 12:00:00Z", 1769860800000},
        {"2026-01-31T12:00:00+00:00", 1769860800000},
        {"2026-01-31T21:00:00+09:00", 1769860800000},
        {"2026-01-31T21:00:00+0900", 1769860800000},
        {"2026-01-31T21:00:00+09", 1769860800000},
        {"2026-01-31T08:30:00-03:30", 1769860800000},
        {"2026-01-31T12:00:00.1Z", 1769860800100},
        {"2026-01-31T12:00:00.123456789Z", 1769860800123},
        {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second is the next minute's first */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms = 0;
        if (time_parse(rows[i].text, strlen(rows[i].text), &ms) != OK)
            fail_msg("refused: %s", rows[i].text);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026",
        "2026-1-31",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-32",
        "2026-02-29",
        "2100-02-29",
        "2026-01-31T",
        "2026-01-31T12",
        "2026-01-31T12:00",
        "2026-01-31T12:00:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+",
        "2026-01-31T12:00:00+09:",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+09:60",
        "2026-01-31T12:00:00Z ",
        " 2026-01-31",
        "2026-01-31T-1:00:00Z",
        "+026-01-31",
        "9999-12-31T23:59:60Z", /* the year 10000 */
        "9999-12-31T23:59:59-01:00",
        "0000-01-01T00:00:00+01:00",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t ms;
        if (time_parse(rows[i], strlen(rows[i]), &ms) != ERR_PARSE) fail_msg("read: %s", rows[i]);
    }
}

static void a_time_is_read_within_its_length(void **state)
{
    (void)state;
    static const char text[] = "2026-01-31T12:00:00.123Z0000";
    int64_t ms;
    assert_int_equal(time_parse(text, 24, &ms), OK);
    assert_int_equal(time_parse(text, 10, &ms), OK);
    assert_int_equal(ms, 1769817600000);
    for (size_t len = 11; len < 24; len++)
        assert_int_equal(time_parse(text, len, &ms), ERR_PARSE);
}

static void an_http_date_is_read(void **state)
{
    (void)state;
    int64_t s;
    assert_int_equal(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &s), OK);
    assert_int_equal(s, 784111777); /* the example of RFC 9110, section 5.6.7 */
    assert_int_equal(time_parse_http("Thu, 01 Jan 1970 00:00:00 GMT\r\n", &s), OK);
    assert_int_equal(s, 0);
}

static void what_is_no_http_date_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMTX",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 No 1994 08:49:37 GMT",
        "Sun, 06 ovD 1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t s;
        if (time_parse_http(rows[i], &s) != ERR_PARSE) fail_msg("read: %s", rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(durations_are_written_so_that_they_can_be_read),
        cmocka_unit_test(times_are_written_and_read_back),
        cmocka_unit_test(any_time_can_be_written),
        cmocka_unit_test(the_compact_form_is_the_one_of_sigv4),
        cmocka_unit_test(iso_8601_is_read_in_its_usual_forms),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(a_time_is_read_within_its_length),
        cmocka_unit_test(an_http_date_is_read),
        cmocka_unit_test(what_is_no_http_date_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
