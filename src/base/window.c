/* base/window.c - whether a time is in a window that begins by cron text.
 *
 * Local minutes that fit are looked for day by day, and in a day by bits. A local minute becomes
 * the instant at which its window begins: begins_at() never decreases as local time grows (what
 * daylight saving skips begins together at the end of the gap, what comes twice at its first), so
 * the last beginning up to now is that of the last local minute whose instant is not after now. */
#include "civil.h"
#include "moontide/base/cron.h"
#include "moontide/base/zone.h"

enum { DAY_S = 86400, DAY_MIN = 1440, YEAR_DAYS = 366 };

static int highest(uint64_t set)
{
    return 63 - __builtin_clzll(set);
}

static int lowest(uint64_t set)
{
    return __builtin_ctzll(set);
}

static uint64_t up_to(int bit)
{
    return bit >= 63 ? UINT64_MAX : ((uint64_t)2 << bit) - 1;
}

static bool day_fits(const struct cron *cron, int64_t day)
{
    struct civil c = civil_from_s(day * DAY_S);
    int hour = lowest(cron->hours), minute = lowest(cron->minutes);
    return cron_matches(cron, c.month, c.day, weekday_from_days(day), hour, minute);
}

/* The last minute of a day (from 0) that fits, at most `most`; -1: none. */
static int last_of_day(const struct cron *cron, int most)
{
    int hour = most / 60;
    uint64_t minutes = cron->minutes & up_to(most % 60);
    if ((cron->hours >> hour & 1) && minutes) return hour * 60 + highest(minutes);
    uint64_t hours = hour > 0 ? cron->hours & up_to(hour - 1) : 0;
    return hours ? highest(hours) * 60 + highest(cron->minutes) : -1;
}

/* The first, at least `least`; -1: none. */
static int first_of_day(const struct cron *cron, int least)
{
    int hour = least / 60;
    uint64_t minutes = least % 60 ? cron->minutes & ~up_to(least % 60 - 1) : cron->minutes;
    if ((cron->hours >> hour & 1) && minutes) return hour * 60 + lowest(minutes);
    uint64_t hours = cron->hours & ~up_to(hour);
    return hours ? lowest(hours) * 60 + lowest(cron->minutes) : -1;
}

/* The last local minute that fits, from `minute` back to the day `first_day`. */
static bool minute_before(const struct cron *cron, int64_t minute, int64_t first_day, int64_t *out)
{
    int64_t day = floor_div(minute, DAY_MIN);
    int most = (int)(minute - day * DAY_MIN);
    for (; day >= first_day; day--, most = DAY_MIN - 1) {
        int found = last_of_day(cron, most);
        if (found < 0 || !day_fits(cron, day)) continue;
        *out = day * DAY_MIN + found;
        return true;
    }
    return false;
}

static bool minute_after(const struct cron *cron, int64_t minute, int64_t last_day, int64_t *out)
{
    int64_t day = floor_div(minute, DAY_MIN);
    int least = (int)(minute - day * DAY_MIN);
    for (; day <= last_day; day++, least = 0) {
        int found = first_of_day(cron, least);
        if (found < 0 || !day_fits(cron, day)) continue;
        *out = day * DAY_MIN + found;
        return true;
    }
    return false;
}

/* The first instant with the offset of `late`, between two instants of which the first has another:
 * the end of a gap. */
static int64_t end_of_gap(const struct zone *zone, int64_t early, int64_t late)
{
    int32_t offset = zone_offset_s(zone, late);
    while (late - early > 1) {
        int64_t middle = early + (late - early) / 2;
        if (zone_offset_s(zone, middle) == offset)
            late = middle;
        else
            early = middle;
    }
    return late;
}

/* The instant at which a local minute begins. No zone changes its clock by more than a day. */
static int64_t begins_at(const struct zone *zone, int64_t local_minute)
{
    int64_t local_s = local_minute * 60;
    int32_t before = zone_offset_s(zone, local_s - DAY_S);
    int32_t after = zone_offset_s(zone, local_s + DAY_S);
    if (zone_offset_s(zone, local_s - before) == before) return local_s - before;
    if (zone_offset_s(zone, local_s - after) == after) return local_s - after;
    if (before >= after) return local_s - before; /* two changes in a day: any answer will do */
    return end_of_gap(zone, local_s - after, local_s - before);
}

/* The largest local minute up to now; more than the clock shows when it was put back within the
 * last day. */
static int64_t latest_local_minute(const struct zone *zone, int64_t now_s)
{
    int32_t now = zone_offset_s(zone, now_s), before = zone_offset_s(zone, now_s - DAY_S);
    return floor_div(now_s + (before > now ? before : now), 60);
}

bool window_contains(const struct window *window, int64_t now_ms, int64_t *until_ms)
{
    const struct cron *cron = &window->cron;
    int64_t now_s = floor_div(now_ms, 1000), minute, at_ms;
    int64_t local = latest_local_minute(window->zone, now_s);
    int64_t oldest_day = floor_div(local, DAY_MIN) - window->duration_ms / (DAY_S * 1000) - 2;
    for (minute = local; minute_before(cron, minute, oldest_day, &minute); minute--) {
        at_ms = begins_at(window->zone, minute) * 1000;
        if (at_ms > now_ms) continue;
        if (now_ms - at_ms >= window->duration_ms) break;
        if (until_ms) *until_ms = at_ms + window->duration_ms;
        return true;
    }
    if (!until_ms) return false;
    *until_ms = 0;
    int64_t last_day = floor_div(local, DAY_MIN) + YEAR_DAYS;
    local = floor_div(now_s + zone_offset_s(window->zone, now_s), 60);
    for (minute = local; minute_after(cron, minute, last_day, &minute); minute++) {
        at_ms = begins_at(window->zone, minute) * 1000;
        if (at_ms <= now_ms) continue;
        *until_ms = at_ms;
        break;
    }
    return false;
}
