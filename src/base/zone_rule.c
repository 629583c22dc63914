/* base/zone_rule.c - POSIX' TZ text, read and applied. Source: POSIX.1-2017 chapter 8.3, RFC 8536
 * section 3.3.1. */
#include "zone_rule.h"

#include "civil.h"

#include <ctype.h>

struct cursor {
    const char *at, *end;
};

static bool take_char(struct cursor *c, char want)
{
    if (c->at == c->end || *c->at != want) return false;
    c->at++;
    return true;
}

static bool take_number(struct cursor *c, int low, int high, int *out)
{
    int value = 0;
    const char *begin = c->at;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
        if ((value = value * 10 + (*c->at - '0')) > high) return false;
    *out = value;
    return c->at > begin && value >= low;
}

/* "CET", or anything of letters, digits and signs in "<...>". */
static bool take_name(struct cursor *c)
{
    const char *begin = c->at;
    if (take_char(c, '<')) {
        while (c->at < c->end && (isalnum((unsigned char)*c->at) || *c->at == '+' || *c->at == '-'))
            c->at++;
        return c->at - begin >= 4 && take_char(c, '>');
    }
    while (c->at < c->end && isalpha((unsigned char)*c->at))
        c->at++;
    return c->at - begin >= 3;
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(struct cursor *c, int hours_max, int32_t *out)
{
    int hours, minutes = 0, seconds = 0;
    bool negative = take_char(c, '-');
    if (!negative) (void)take_char(c, '+');
    if (!take_number(c, 0, hours_max, &hours)) return false;
    if (take_char(c, ':')) {
        if (!take_number(c, 0, 59, &minutes)) return false;
        if (take_char(c, ':') && !take_number(c, 0, 59, &seconds)) return false;
    }
    *out = hours * 3600 + minutes * 60 + seconds;
    if (negative) *out = -*out;
    return true;
}

static bool take_change(struct cursor *c, struct zone_change *out)
{
    *out = (struct zone_change){.form = 'N', .time_s = 2 * 3600};
    if (take_char(c, 'M')) {
        out->form = 'M';
        if (!take_number(c, 1, 12, &out->month) || !take_char(c, '.') ||
            !take_number(c, 1, 5, &out->week) || !take_char(c, '.') ||
            !take_number(c, 0, 6, &out->day))
            return false;
    } else if (take_char(c, 'J')) {
        out->form = 'J';
        if (!take_number(c, 1, 365, &out->day)) return false;
    } else if (!take_number(c, 0, 365, &out->day)) {
        return false;
    }
    return !take_char(c, '/') || take_time(c, 167, &out->time_s);
}

bool zone_rule_parse(const char *text, size_t len, struct zone_rule *out)
{
    struct cursor c = {text, text + len};
    struct zone_rule rule = {0};
    if (!take_name(&c) || !take_time(&c, 24, &rule.standard_s)) return false;
    rule.standard_s = -rule.standard_s; /* POSIX counts to the west */
    if (c.at < c.end) {
        rule.saves = true;
        if (!take_name(&c)) return false;
        rule.saving_s = rule.standard_s + 3600;
        if (c.at < c.end && *c.at != ',') {
            if (!take_time(&c, 24, &rule.saving_s)) return false;
            rule.saving_s = -rule.saving_s;
        }
        if (!take_char(&c, ',') || !take_change(&c, &rule.begin) || !take_char(&c, ',') ||
            !take_change(&c, &rule.end))
            return false;
    }
    if (c.at != c.end) return false;
    *out = rule;
    return true;
}

/* The day of the year's change, as days since 1970. */
static int64_t change_day(const struct zone_change *change, int64_t year)
{
    int64_t first = days_from_civil(year, 1, 1);
    if (change->form == 'N') return first + change->day;
    if (change->form == 'J')
        return first + change->day - 1 + (change->day > 59 && days_of_month(year, 2) == 29);
    int64_t month = days_from_civil(year, change->month, 1);
    int64_t day = (change->day - weekday_from_days(month) + 7) % 7 + (change->week - 1) * 7;
    if (day >= days_of_month(year, change->month)) day -= 7;
    return month + day;
}

/* Changes may lie up to a week outside of their year, so those of three years are looked at: the
 * last one before the time tells. Where both fall together (daylight saving all year) the beginning
 * does. */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t epoch_s)
{
    if (!rule->saves) return rule->standard_s;
    int64_t year = civil_from_s(epoch_s + rule->standard_s).year, latest = INT64_MIN;
    int32_t offset = rule->standard_s;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t end = change_day(&rule->end, y) * 86400 + rule->end.time_s - rule->saving_s;
        int64_t begin = change_day(&rule->begin, y) * 86400 + rule->begin.time_s - rule->standard_s;
        if (end <= epoch_s && end > latest) {
            latest = end;
            offset = rule->standard_s;
        }
        if (begin <= epoch_s && begin >= latest) {
            latest = begin;
            offset = rule->saving_s;
        }
    }
    return offset;
}
