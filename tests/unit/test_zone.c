/* Facts about time zones: as the C library has them, and files that are not what they say. */
#include "moontide/base/fs.h"
#include "moontide/base/zone.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { DAY_S = 86400, FILE_MAX = 8192 };

static struct zone *opened(const char *name)
{
    struct zone *zone = NULL;
    struct fault fault;
    if (zone_open(name, &zone, &fault) != OK) fail_msg("%s", fault.text);
    assert_string_equal(zone_name(zone), name);
    return zone;
}

/* The C library's answer for the zone of TZ. */
static void compare_at(const struct zone *zone, int64_t at_s)
{
    time_t s = (time_t)at_s;
    struct tm tm;
    struct local_time local;
    assert_non_null(localtime_r(&s, &tm));
    zone_local(zone, at_s, &local);
    if (zone_offset_s(zone, at_s) != tm.tm_gmtoff || local.year != tm.tm_year + 1900 ||
        local.month != tm.tm_mon + 1 || local.day != tm.tm_mday || local.hour != tm.tm_hour ||
        local.minute != tm.tm_min || local.second != tm.tm_sec || local.weekday != tm.tm_wday)
        fail_msg("%s at %lld: %d, not %ld", zone_name(zone), (long long)at_s,
                 zone_offset_s(zone, at_s), tm.tm_gmtoff);
}

static const char *const names[] = {
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin", /* saves a negative hour in winter */
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Nuuk", /* changes the day before, at -1 hours */
    "America/Scoresbysund",
    "Asia/Seoul",
    "Asia/Kathmandu",
    "Asia/Gaza", /* at hours past 24 */
    "Asia/Jerusalem",
    "Africa/Casablanca",
    "Australia/Lord_Howe", /* half an hour */
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Antarctica/Troll", /* two hours */
    "Etc/GMT+12",
    "EST5EDT",
};

static void local_time_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct zone *zone = opened(names[i]);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        /* every 31 h or so from 1850 to 2105: what the file says, then its rule */
        for (int64_t at = -3786825600; at < 4260211200; at += 31 * 3600 + 13 * 60 + 7)
            compare_at(zone, at);
        zone_free(zone);
    }
}

static void the_second_of_each_change_is_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct zone *zone = opened(names[i]);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int64_t day = 0; day < 4102444800; day += DAY_S) {
            int64_t low = day, high = day + DAY_S;
            if (zone_offset_s(zone, low) == zone_offset_s(zone, high)) continue;
            while (high - low > 1) {
                int64_t middle = (low + high) / 2;
                if (zone_offset_s(zone, middle) == zone_offset_s(zone, low))
                    low = middle;
                else
                    high = middle;
            }
            compare_at(zone, low);
            compare_at(zone, high);
        }
        zone_free(zone);
    }
}

static void no_zone_is_utc(void **state)
{
    (void)state;
    struct local_time local;
    assert_string_equal(zone_name(NULL), "UTC");
    assert_int_equal(zone_offset_s(NULL, 1769860800), 0);
    zone_local(NULL, -1, &local);
    assert_int_equal(local.year, 1969);
    assert_int_equal(local.second, 59);
    assert_int_equal(local.weekday, 3);
    zone_free(NULL);
}

static void any_time_has_an_answer(void **state)
{
    (void)state;
    struct zone *zone = opened("Europe/Berlin");
    struct local_time local;
    assert_int_equal(zone_offset_s(zone, INT64_MIN), 3208); /* local mean time */
    assert_true(zone_offset_s(zone, INT64_MAX) >= 3600);
    zone_local(zone, INT64_MIN, &local);
    zone_local(zone, INT64_MAX, &local);
    assert_true(local.year > 30000000);
    zone_free(zone);
}

static void a_name_is_looked_for_below_its_directory_only(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "/etc/passwd",
        "../../../etc/passwd",
        "Europe/../../x",
        ".hidden",
        "Europe/",
        "a b",
        "Europe//Berlin",
        "Europe/Berlin\n",
        "a-name-that-is-longer-than-any-zone-would-ever-have-had-in-its-whole-life-so-far"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *zone = NULL;
        struct fault fault;
        assert_int_equal(zone_open(rows[i], &zone, &fault), ERR_INVALID);
        assert_non_null(strstr(fault.text, "no name of a time zone"));
    }
}

static void an_unknown_zone_names_the_places(void **state)
{
    (void)state;
    struct zone *zone = NULL;
    struct fault fault;
    assert_int_equal(zone_open("Europe/Atlantis", &zone, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "'Europe/Atlantis' is neither UTC nor in /usr/share/"));
    assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
    assert_int_equal(zone_open("Europe/Atlantis", &zone, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "/nonexistent or /usr/share/zoneinfo"));
    assert_int_equal(zone_open("Europe/Berlin", &zone, &fault), OK); /* the usual place is left */
    zone_free(zone);
    assert_int_equal(unsetenv("TZDIR"), 0);
    assert_int_equal(zone_open("tzdata.zi", &zone, &fault), ERR_INVALID);
    assert_int_equal(zone_open("leapseconds", &zone, &fault), ERR_CORRUPT);
}

static size_t read_file(const char *name, unsigned char bytes[FILE_MAX])
{
    char path[128], *text = NULL;
    size_t len = 0;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    assert_int_equal(fs_read_file(path, FILE_MAX, &text, &len, NULL), OK);
    memcpy(bytes, text, len);
    free(text);
    return len;
}

/* From a block of exactly that size, so that the address sanitizer sees any read past it. */
static int read_exactly(const unsigned char *bytes, size_t len, struct zone **out,
                        struct fault *fault)
{
    unsigned char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    int code = zone_read("X", exact, len, out, fault);
    free(exact);
    return code;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"Europe/Berlin", "Asia/Gaza", "EST", "Africa/Casablanca"};
    for (size_t f = 0; f < COUNT_OF(files); f++) {
        unsigned char bytes[FILE_MAX];
        size_t whole = read_file(files[f], bytes);
        for (size_t len = 0; len <= whole; len++) {
            struct zone *zone = NULL;
            assert_int_equal(read_exactly(bytes, len, &zone, NULL),
                             len == whole ? OK : ERR_CORRUPT);
            zone_free(zone);
        }
    }
}

static void a_byte_changed_anywhere_is_no_crash(void **state)
{
    (void)state;
    unsigned char bytes[FILE_MAX];
    size_t whole = read_file("Europe/Berlin", bytes);
    for (size_t i = 0; i < whole; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct zone *zone = NULL;
            bytes[i] ^= (unsigned char)(1 << bit);
            if (read_exactly(bytes, whole, &zone, NULL) == OK)
                for (int64_t at = -4000000000; at < 5000000000; at += 1000000000)
                    assert_in_range(zone_offset_s(zone, at) + 180000, 0, 360000);
            zone_free(zone);
            bytes[i] ^= (unsigned char)(1 << bit);
        }
}

/* A file of version 2 with one transition, at 1,000 s, from type 0 to 1, and a rule. */
struct toy {
    unsigned char bytes[512];
    size_t len;
};

static void put(struct toy *toy, const void *bytes, size_t len)
{
    memcpy(toy->bytes + toy->len, bytes, len);
    toy->len += len;
}

enum { TOY_COUNTS = 20, TOY_TIME = 44, TOY_TYPE_INDEX = 48, TOY_TYPES = 49, TOY_LEN = 65 };

static void put_block(struct toy *toy, char version)
{
    static const unsigned char counts[24] = {[15] = 1, [19] = 2, [23] = 4};
    static const unsigned char types[12] = {0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0x1c, 0x20, 1, 0};
    const char head[20] = {'T', 'Z', 'i', 'f', version};
    put(toy, head, sizeof head);
    put(toy, counts, sizeof counts);
    if (version) put(toy, "\0\0\0\0", 4);
    put(toy, "\0\0\x03\xe8\x01", 5);
    put(toy, types, sizeof types);
    put(toy, "ABC", 4);
}

static struct toy version_1(void)
{
    struct toy toy = {.len = 0};
    put_block(&toy, 0);
    return toy;
}

static struct toy with_rule(char version, const char *rule)
{
    struct toy toy = version_1();
    toy.bytes[4] = (unsigned char)version;
    put_block(&toy, version);
    put(&toy, "\n", 1);
    put(&toy, rule, strlen(rule));
    put(&toy, "\n", 1);
    return toy;
}

static void all_versions_are_read(void **state)
{
    (void)state;
    struct zone *zone = NULL;
    struct toy toy = version_1();
    assert_int_equal(toy.len, TOY_LEN);
    assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, NULL), OK);
    assert_int_equal(zone_offset_s(zone, 999), 3600);
    assert_int_equal(zone_offset_s(zone, 1000), 7200);
    zone_free(zone);
    for (int v = '2'; v <= '4'; v++) {
        char version = (char)v;
        toy = with_rule(version, "");
        assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, NULL), OK);
        assert_int_equal(zone_offset_s(zone, 1000), 7200); /* no rule: the last type stays */
        zone_free(zone);
        toy = with_rule(version, "<-03>3");
        assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, NULL), OK);
        assert_int_equal(zone_offset_s(zone, 999), 3600);
        assert_int_equal(zone_offset_s(zone, 1000), -10800);
        zone_free(zone);
    }
    toy = with_rule('5', "");
    assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, NULL), ERR_UNSUPPORTED);
}

static void the_rules_of_posix_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int64_t at_s;
        int32_t offset;
    } rows[] = {
        {"XXX3EDT4,0/0,J365/23", 1767225600, -14400}, /* daylight saving all year, RFC 8536 */
        {"XXX3EDT4,0/0,J365/23", 1767236400, -14400},
        {"XXX3EDT4,0/0,J365/23", 1782864000, -14400},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600}, /* 2026-03-29T00:59:59Z */
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792889999, 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", 1792890000, 3600},
        {"AAA0BBB,J60/0,J61/0", 1772323200, 3600}, /* 2026-03-01 */
        {"AAA0BBB,J60/0,J61/0", 1835481600, 3600}, /* 2028-03-01: J60 passes over the leap day */
        {"AAA0BBB,J60/0,J61/0", 1835481599, 0},
        {"AAA0BBB,59/0,60/0", 1835395200, 3600}, /* 2028-02-29: day 59 does not */
        {"AAA0BBB,59/0,60/0", 1835481600, 0},
        {"AAA0BBB-0:30:15,M1.1.4/-24,M1.1.5/167", 1767139200, 1815}, /* 2025-12-31 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *zone = NULL;
        struct fault fault;
        struct toy toy = with_rule('3', rows[i].rule);
        if (read_exactly(toy.bytes, toy.len, &zone, &fault) != OK) fail_msg("%s", fault.text);
        if (zone_offset_s(zone, rows[i].at_s) != rows[i].offset)
            fail_msg("row %zu: %d", i, zone_offset_s(zone, rows[i].at_s));
        zone_free(zone);
    }
}

static void rules_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "C",
        "CET",
        "CE-1",
        "CET-25",
        "CET-1:60",
        "<+1>-1x",
        "<+>1",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J1",
        "CET-1CEST,366,1",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *zone = NULL;
        struct fault fault;
        struct toy toy = with_rule('3', rows[i]);
        if (read_exactly(toy.bytes, toy.len, &zone, &fault) != ERR_CORRUPT)
            fail_msg("'%s'", rows[i]);
        assert_non_null(strstr(fault.text, "time zone 'X': the rule at its end"));
    }
}

static void a_file_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        int code;
        const char *part;
    } rows[] = {
        {0, 'X', ERR_CORRUPT, "no TZif file"},
        {4, '1', ERR_UNSUPPORTED, "version"},
        {TOY_COUNTS + 3, 1, ERR_CORRUPT, "counts"},       /* UT indicators */
        {TOY_COUNTS + 7, 3, ERR_CORRUPT, "counts"},       /* standard indicators */
        {TOY_COUNTS + 8, 0xff, ERR_CORRUPT, "cut short"}, /* leap seconds by the billion */
        {TOY_COUNTS + 12, 0xff, ERR_CORRUPT, "cut short"},
        {TOY_COUNTS + 19, 0, ERR_CORRUPT, "counts"}, /* no type */
        {TOY_COUNTS + 23, 0, ERR_CORRUPT, "counts"}, /* no name */
        {TOY_TYPE_INDEX, 2, ERR_CORRUPT, "a type that is not there"},
        {TOY_TYPES, 0x7f, ERR_CORRUPT, "out of range"},
        {TOY_TYPES + 4, 2, ERR_CORRUPT, "out of range"},
        {TOY_TYPES + 5, 4, ERR_CORRUPT, "out of range"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct zone *zone = NULL;
        struct fault fault;
        struct toy toy = version_1();
        toy.bytes[rows[i].at] = rows[i].value;
        assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, &fault), rows[i].code);
        if (!strstr(fault.text, rows[i].part)) fail_msg("row %zu: %s", i, fault.text);
    }
}

static void leap_seconds_are_refused(void **state)
{
    (void)state;
    struct zone *zone = NULL;
    struct fault fault;
    struct toy toy = version_1();
    toy.bytes[TOY_COUNTS + 11] = 1;
    put(&toy, "\0\0\0\0\0\0\0\1", 8);
    assert_int_equal(read_exactly(toy.bytes, toy.len, &zone, &fault), ERR_UNSUPPORTED);
    assert_non_null(strstr(fault.text, "leap seconds"));
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    unsigned n = 1;
    for (; n < 100; n++) {
        struct zone *zone = NULL;
        alloc_fail_at(n);
        int code = zone_open(n % 2 ? "Europe/Berlin" : "Asia/Seoul", &zone, NULL);
        if (!alloc_fail_done()) {
            assert_int_equal(code, OK);
            zone_free(zone);
            break;
        }
        assert_int_equal(code, ERR_NOMEM);
        assert_null(zone);
    }
    assert_in_range(n, 4, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_time_is_that_of_the_c_library),
        cmocka_unit_test(the_second_of_each_change_is_exact),
        cmocka_unit_test(no_zone_is_utc),
        cmocka_unit_test(any_time_has_an_answer),
        cmocka_unit_test(a_name_is_looked_for_below_its_directory_only),
        cmocka_unit_test(an_unknown_zone_names_the_places),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_byte_changed_anywhere_is_no_crash),
        cmocka_unit_test(all_versions_are_read),
        cmocka_unit_test(the_rules_of_posix_are_read),
        cmocka_unit_test(rules_that_are_none_are_refused),
        cmocka_unit_test(a_file_that_contradicts_itself_is_refused),
        cmocka_unit_test(leap_seconds_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
