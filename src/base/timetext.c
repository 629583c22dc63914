/* base/timetext.c - durations and UTC times as text. */
#include "moontide/base/timetext.h"

#include "civil.h"
#include "moontide/base/err.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"ms", 1}, {"m", 60000}, {"s", 1000},
};

/* A number of digits with at most one point; strtod would also take "inf", hex and signs. */
static const char *read_number(const char *at, double *out)
{
    const char *p = at;
    while (isdigit((unsigned char)*p))
        p++;
    if (p == at) return NULL;
    if (*p == '.') {
        p++;
        if (!isdigit((unsigned char)*p)) return NULL;
        while (isdigit((unsigned char)*p))
            p++;
    }
    char copy[32];
    if ((size_t)(p - at) >= sizeof copy) return NULL;
    memcpy(copy, at, (size_t)(p - at));
    copy[p - at] = '\0';
    *out = strtod(copy, NULL);
    return p;
}

int duration_parse(const char *text, int64_t *out_ms)
{
    static const double MAX_MS = 100.0 * 365.25 * 86400e3;
    double total = 0;
    bool first = true;
    const char *at = text;
    if (!*at) return ERR_INVALID;
    while (*at) {
        double n;
        at = read_number(at, &n);
        if (!at) return ERR_INVALID;
        const struct unit *found = NULL;
        for (size_t i = 0; i < COUNT_OF(units) && !found; i++)
            if (strncmp(at, units[i].name, strlen(units[i].name)) == 0) found = &units[i];
        if (found) {
            at += strlen(found->name);
            total += n * (double)found->ms;
        } else if (!*at && first) {
            total = n * 1000;
        } else {
            return ERR_INVALID;
        }
        first = false;
    }
    if (!(total <= MAX_MS)) return ERR_INVALID;
    *out_ms = (int64_t)llround(total);
    return OK;
}

void duration_format(int64_t ms, char out[DURATION_TEXT_MAX])
{
    static const struct unit parts[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t n = 0;
    uint64_t left = (uint64_t)ms;
    if (ms < 0) {
        out[n++] = '-';
        left = 0 - left; /* also of INT64_MIN, which has no negative */
    }
    if (ms == 0) {
        memcpy(out, "0s", 3);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        uint64_t unit = (uint64_t)parts[i].ms, count = left / unit;
        if (count == 0) continue;
        n += (size_t)snprintf(out + n, DURATION_TEXT_MAX - n, "%llu%s", (unsigned long long)count,
                              parts[i].name);
        left -= count * unit;
    }
}

static struct civil civil_from_ms(int64_t epoch_ms)
{
    int64_t s = epoch_ms / 1000, ms = epoch_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        s--;
    }
    struct civil c = civil_from_s(s);
    c.ms = (int)ms;
    return c;
}

void time_format(int64_t epoch_ms, char out[TIME_TEXT_MAX])
{
    struct civil c = civil_from_ms(epoch_ms);
    int n = snprintf(out, TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)c.year,
                     c.month, c.day, c.hour, c.minute, c.second);
    if (n < 0 || n >= TIME_TEXT_MAX - 6) n = TIME_TEXT_MAX - 6;
    if (c.ms)
        snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), ".%03dZ", c.ms);
    else
        snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), "Z");
}

void time_format_compact(int64_t epoch_s, char out[TIME_TEXT_MAX])
{
    struct civil c = civil_from_s(epoch_s);
    snprintf(out, TIME_TEXT_MAX, "%04lld%02d%02dT%02d%02d%02dZ", (long long)c.year, c.month, c.day,
             c.hour, c.minute, c.second);
}

struct cursor {
    const char *at, *end;
};

static bool take_digits(struct cursor *c, int count, int *out)
{
    int value = 0;
    if (c->end - c->at < count) return false;
    for (int i = 0; i < count; i++, c->at++) {
        if (!isdigit((unsigned char)*c->at)) return false;
        value = value * 10 + (*c->at - '0');
    }
    *out = value;
    return true;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->at == c->end || *c->at != want) return false;
    c->at++;
    return true;
}

static bool valid_civil(int year, int month, int day, int hour, int minute, int second)
{
    if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 60) return false;
    return day <= days_of_month(year, month);
}

/* The years of four digits, so that what is read can be written: an offset or a leap second may
 * lead out of them. */
static bool in_four_digits(int64_t epoch_s)
{
    return epoch_s >= -62167219200 && epoch_s <= 253402300799; /* 0000-01-01 to 9999-12-31 */
}

static bool take_fraction(struct cursor *c, int *ms)
{
    *ms = 0;
    if (!take_char(c, '.')) return true;
    int scale = 100;
    if (c->at == c->end || !isdigit((unsigned char)*c->at)) return false;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++, scale /= 10)
        *ms += (*c->at - '0') * scale;
    return true;
}

static bool take_zone(struct cursor *c, int *offset_s)
{
    *offset_s = 0;
    if (take_char(c, 'Z') || take_char(c, 'z')) return true;
    int sign = take_char(c, '+') ? 1 : take_char(c, '-') ? -1 : 0;
    int hour, minute = 0;
    if (!sign || !take_digits(c, 2, &hour)) return false;
    if ((take_char(c, ':') || c->at < c->end) && !take_digits(c, 2, &minute)) return false;
    if (hour > 23 || minute > 59) return false;
    *offset_s = sign * (hour * 3600 + minute * 60);
    return true;
}

int time_parse(const char *text, size_t len, int64_t *out_ms)
{
    struct cursor c = {text, text + len};
    int year, month, day, hour = 0, minute = 0, second = 0, ms = 0, offset_s = 0;
    if (!take_digits(&c, 4, &year) || !take_char(&c, '-') || !take_digits(&c, 2, &month) ||
        !take_char(&c, '-') || !take_digits(&c, 2, &day))
        return ERR_PARSE;
    if (take_char(&c, 'T') || take_char(&c, 't') || take_char(&c, ' ')) {
        if (!take_digits(&c, 2, &hour) || !take_char(&c, ':') || !take_digits(&c, 2, &minute))
            return ERR_PARSE;
        if (take_char(&c, ':') && (!take_digits(&c, 2, &second) || !take_fraction(&c, &ms)))
            return ERR_PARSE;
        if (!take_zone(&c, &offset_s)) return ERR_PARSE;
    }
    if (c.at != c.end || !valid_civil(year, month, day, hour, minute, second)) return ERR_PARSE;
    int64_t s =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
    if (!in_four_digits(s)) return ERR_PARSE;
    *out_ms = s * 1000 + ms;
    return OK;
}

int time_parse_http(const char *text, int64_t *out_s)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day, year, hour, minute, second, used = 0;
    char name[4];
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, name, &year, &hour, &minute,
               &second, &used) != 6 ||
        used == 0 || text[used + (int)strspn(text + used, " \t\r\n")] != '\0')
        return ERR_PARSE;
    const char *found = strlen(name) == 3 ? strstr(months, name) : NULL;
    if (year < 0 || !found || (found - months) % 3 != 0) return ERR_PARSE;
    int month = (int)((found - months) / 3 + 1);
    if (day < 1 || hour < 0 || minute < 0 || second < 0 ||
        !valid_civil(year, month, day, hour, minute, second))
        return ERR_PARSE;
    int64_t s = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    if (!in_four_digits(s)) return ERR_PARSE;
    *out_s = s;
    return OK;
}
