/* Windows of time: tables of what is inside, and, minute by minute, against a model that walks
 * through time with the C library's clock. */
#include "moontide/base/cron.h"
#include "moontide/base/timetext.h"
#include "moontide/base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, DAY_MINUTES = 1440 };

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(time_parse(text, strlen(text), &ms), OK);
    return ms;
}

static struct zone *opened(const char *name)
{
    struct zone *zone = NULL;
    struct fault fault;
    if (zone_open(name, &zone, &fault) != OK) fail_msg("%s", fault.text);
    return zone;
}

static void a_window_begins_and_ends_to_the_millisecond(void **state)
{
    (void)state;
    static const struct {
        const char *cron, *zone, *lasts, *now, *until;
        bool inside;
    } rows[] = {
        {"0 9 * * 1-5", "UTC", "8h", "2026-01-30T08:59:59.999Z", "2026-01-30T09:00:00Z", false},
        {"0 9 * * 1-5", "UTC", "8h", "2026-01-30T09:00:00Z", "2026-01-30T17:00:00Z", true},
        {"0 9 * * 1-5", "UTC", "8h", "2026-01-30T16:59:59.999Z", "2026-01-30T17:00:00Z", true},
        {"0 9 * * 1-5", "UTC", "8h", "2026-01-30T17:00:00Z", "2026-02-02T09:00:00Z", false},
        /* east and west */
        {"0 9 * * 1-5", "Asia/Seoul", "1h", "2026-01-30T00:30:00Z", "2026-01-30T01:00:00Z", true},
        {"0 9 * * *", "America/New_York", "1h", "2026-01-30T14:30:00Z", "2026-01-30T15:00:00Z",
         true},
        {"0 9 * * *", "Asia/Kathmandu", "1h", "2026-01-30T03:14:00Z", "2026-01-30T03:15:00Z",
         false},
        {"0 0 * * *", "Pacific/Kiritimati", "1h", "2026-01-29T10:00:00Z", "2026-01-29T11:00:00Z",
         true},
        /* the clock is put forward from 2:00 to 3:00: begins at 3:00; and back: at the first */
        {"30 2 * * *", "Europe/Berlin", "1h", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z",
         false},
        {"30 2 * * *", "Europe/Berlin", "1h", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", true},
        {"30 2 * * *", "Europe/Berlin", "1h", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", true},
        {"30 2 * * *", "Europe/Berlin", "10m", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z",
         false},
        {"0 1 * * *", "Australia/Lord_Howe", "1h", "2026-10-03T14:45:00Z", "2026-10-03T15:30:00Z",
         true},
        /* longer than from one beginning to the next: of several the last to end */
        {"0 * * * *", "UTC", "3h", "2026-01-30T09:30:00Z", "2026-01-30T12:00:00Z", true},
        {"* * * * *", "UTC", "1m", "2026-01-30T09:30:59Z", "2026-01-30T09:31:00Z", true},
        {"@monthly", "UTC", "31d", "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", true},
        {"@monthly", "UTC", "31d", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", true},
        /* month ends, leap days */
        {"0 22 31 * *", "UTC", "4h", "2026-02-01T01:00:00Z", "2026-02-01T02:00:00Z", true},
        {"0 22 31 * *", "UTC", "4h", "2026-02-01T02:00:00Z", "2026-03-31T22:00:00Z", false},
        {"0 0 29 2 *", "UTC", "1d", "2028-02-29T12:00:00Z", "2028-03-01T00:00:00Z", true},
        {"0 0 29 2 *", "UTC", "1d", "2027-03-01T12:00:00Z", "2028-02-29T00:00:00Z", false},
        {"0 0 29 2 *", "UTC", "1d", "2026-01-30T00:00:00Z", NULL, false}, /* not within a year */
        {"0 0 * 12 *", "UTC", "1d", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct window window = {.zone = opened(rows[i].zone)};
        int64_t until = -1;
        assert_int_equal(cron_parse(rows[i].cron, &window.cron, NULL), OK);
        assert_int_equal(duration_parse(rows[i].lasts, &window.duration_ms), OK);
        if (window_contains(&window, at(rows[i].now), &until) != rows[i].inside ||
            until != (rows[i].until ? at(rows[i].until) : 0)) {
            char text[TIME_TEXT_MAX];
            time_format(until, text);
            fail_msg("row %zu, '%s' at %s: until %s", i, rows[i].cron, rows[i].now, text);
        }
        assert_int_equal(window_contains(&window, at(rows[i].now), NULL), rows[i].inside);
        zone_free((struct zone *)window.zone);
    }
}

/* The local minutes of an instant since 1970, by the C library. */
static int64_t libc_local_minute(int64_t minute, struct tm *tm)
{
    time_t s = (time_t)(minute * 60);
    assert_non_null(localtime_r(&s, tm));
    struct tm as_utc = *tm;
    return timegm(&as_utc) / 60;
}

/* Whether a window begins at the instant: a local minute that fits is shown for the first time, or
 * was passed over. *shown is the latest local minute shown so far. */
static bool model_begins(const struct cron *cron, int64_t minute, int64_t *shown)
{
    struct tm tm;
    bool begins = false;
    int64_t local = libc_local_minute(minute, &tm);
    for (int64_t m = *shown + 1; m <= local; m++) {
        time_t s = (time_t)(m * 60);
        assert_non_null(gmtime_r(&s, &tm));
        begins |= cron_matches(cron, tm.tm_mon + 1, tm.tm_mday, tm.tm_wday, tm.tm_hour, tm.tm_min);
    }
    if (local > *shown) *shown = local;
    return begins;
}

/* Every minute of `days` days is asked for; where the next window begins, too. */
static void walk(const char *text, const char *name, int64_t lasts_minutes, const char *from,
                 int days)
{
    struct zone *zone = opened(name);
    struct window window = {.duration_ms = lasts_minutes * MINUTE_MS, .zone = zone};
    assert_int_equal(cron_parse(text, &window.cron, NULL), OK);
    struct tm tm;
    int64_t begin = at(from) / MINUTE_MS, lead = 3 * DAY_MINUTES, last = INT64_MIN / 2;
    int64_t shown = libc_local_minute(begin - lead - 1, &tm), expected = 0;
    for (int64_t minute = begin - lead; minute < begin + days * DAY_MINUTES; minute++) {
        bool begins = model_begins(&window.cron, minute, &shown);
        if (begins && expected && minute * MINUTE_MS != expected)
            fail_msg("'%s' in %s begins at minute %lld, not %lld", text, name, (long long)minute,
                     (long long)(expected / MINUTE_MS));
        if (begins) last = minute;
        if (minute < begin) continue;
        int64_t until = 0;
        bool inside = window_contains(&window, minute * MINUTE_MS, &until);
        if (inside != (minute - last < lasts_minutes) ||
            (inside && until != (last + lasts_minutes) * MINUTE_MS))
            fail_msg("'%s' in %s is wrong at minute %lld", text, name, (long long)minute);
        expected = inside ? 0 : until;
    }
    zone_free(zone);
}

static void each_minute_is_as_a_clock_on_the_wall_would_have_it(void **state)
{
    (void)state;
    static const char *const texts[] = {"30 2 * * *", "*/20 1-3 * * *", "0 0 * * 0",
                                        "45 23 28-31 * *"};
    static const int64_t lasts[] = {1, 45, 200, 2 * DAY_MINUTES};
    static const struct {
        const char *zone, *from;
        int days;
    } places[] = {
        {"Europe/Berlin", "2026-03-27", 4},       {"Europe/Berlin", "2026-10-23", 4},
        {"America/New_York", "2026-03-06", 4},    {"America/New_York", "2026-10-30", 4},
        {"Australia/Lord_Howe", "2026-04-03", 3}, {"Australia/Lord_Howe", "2026-10-02", 3},
        {"America/St_Johns", "2006-04-01", 3},    {"America/St_Johns", "2006-10-28", 3},
        {"Pacific/Apia", "2011-12-28", 4},        {"Pacific/Kwajalein", "1993-08-19", 4},
        {"Africa/Casablanca", "2026-02-14", 3},   {"Asia/Pyongyang", "2015-08-13", 4},
        {"America/Caracas", "2007-12-08", 3},     {"Europe/Dublin", "2050-10-28", 3},
    };
    for (size_t p = 0; p < COUNT_OF(places); p++) {
        assert_int_equal(setenv("TZ", places[p].zone, 1), 0);
        tzset();
        for (size_t t = 0; t < COUNT_OF(texts); t++)
            for (size_t l = 0; l < COUNT_OF(lasts); l++)
                walk(texts[t], places[p].zone, lasts[l], places[p].from, places[p].days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_begins_and_ends_to_the_millisecond),
        cmocka_unit_test(each_minute_is_as_a_clock_on_the_wall_would_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
