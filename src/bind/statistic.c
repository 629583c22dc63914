/* bind/statistic.c - the grammar of CloudWatch's statistic names, so that a typo is found when a
 * policy is loaded and not when AWS refuses a call of 500 queries for it. */
#include "moontide/bind/declaration.h"

#include "moontide/base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits with an optional fraction; moves *at past them. */
static bool number(const char **at, double *value)
{
    const char *p = *at;
    if (!isdigit((unsigned char)*p)) return false;
    while (isdigit((unsigned char)*p))
        p++;
    if (*p == '.') {
        p++;
        if (!isdigit((unsigned char)*p)) return false;
        while (isdigit((unsigned char)*p))
            p++;
    }
    if (p - *at > 20) return false;
    *value = strtod(*at, NULL);
    *at = p;
    return true;
}

/* p99, tm99.9, wm, tc, ts: a percentage right behind the name. */
static bool percent_form(const char *text, double *value)
{
    static const char *const names[] = {"p", "tm", "wm", "tc", "ts"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(text, names[i], len) != 0) continue;
        const char *at = text + len;
        if (number(&at, value) && *at == '\0' && *value <= 100) return true;
    }
    return false;
}

/* TM(10%:90%), TM(:500), PR(100:): one bound may be missing, and both are percent or neither is. */
static bool range_form(const char *text)
{
    static const char *const names[] = {"TM(", "WM(", "TC(", "TS(", "PR("};
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        known = known || strncmp(text, names[i], 3) == 0;
    if (!known) return false;

    const char *at = text + 3;
    double low = 0, high = 0;
    bool has_low = number(&at, &low), low_percent = has_low && *at == '%';
    if (low_percent) at++;
    if (*at++ != ':') return false;
    bool has_high = number(&at, &high), high_percent = has_high && *at == '%';
    if (high_percent) at++;
    if (strcmp(at, ")") != 0 || (!has_low && !has_high)) return false;
    if (has_low && has_high && (low_percent != high_percent || low >= high)) return false;
    bool percent = low_percent || high_percent;
    if (percent && strncmp(text, "PR", 2) == 0) return false;
    return !percent || (low <= 100 && high <= 100);
}

bool statistic_valid(const char *text)
{
    static const char *const plain[] = {"Average", "Sum",         "Minimum",
                                        "Maximum", "SampleCount", "IQM"};
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (strcmp(text, plain[i]) == 0) return true;
    double value;
    return percent_form(text, &value) || range_form(text);
}

/* What other tools call them. */
static const char *synonym(const char *text)
{
    static const struct {
        const char *other, *name;
    } names[] = {{"avg", "Average"},         {"mean", "Average"},  {"total", "Sum"},
                 {"min", "Minimum"},         {"max", "Maximum"},   {"count", "SampleCount"},
                 {"samples", "SampleCount"}, {"n", "SampleCount"}, {"median", "p50"}};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcasecmp(text, names[i].other) == 0) return names[i].name;
    return NULL;
}

/* P99, 99, p99%, p999: as percentiles are written elsewhere. */
static bool percentile_meant(const char *text, char out[STATISTIC_SIZE])
{
    const char *digits = text[0] == 'p' || text[0] == 'P' ? text + 1 : text;
    size_t len = strspn(digits, "0123456789.");
    if (len == 0 || len > 10 || (digits[len] && strcmp(digits + len, "%") != 0)) return false;
    snprintf(out, STATISTIC_SIZE, "p%.*s", (int)len, digits);
    if (statistic_valid(out)) return true;
    if (strncmp(digits, "99", 2) != 0 || strchr(digits, '.') || len > 6) return false;
    snprintf(out, STATISTIC_SIZE, "p99.%.*s", (int)len - 2, digits + 2); /* p999 is p99.9 */
    return statistic_valid(out);
}

bool statistic_nearest(const char *text, char out[STATISTIC_SIZE])
{
    static const char *const known[] = {"Average",     "Sum", "Minimum", "Maximum",
                                        "SampleCount", "IQM", NULL};
    char lower[STATISTIC_SIZE];
    const char *name = synonym(text);
    if (!name) name = nearest_name(text, known);
    if (name) {
        snprintf(out, STATISTIC_SIZE, "%s", name);
        return true;
    }
    if (percentile_meant(text, out)) return true;
    if (strlen(text) >= sizeof lower) return false;
    for (size_t i = 0; i <= strlen(text); i++)
        lower[i] = (char)tolower((unsigned char)text[i]); /* TM90 */
    snprintf(out, STATISTIC_SIZE, "%s", lower);
    return statistic_valid(out);
}

double statistic_percentile(const char *text)
{
    double value;
    return text[0] == 'p' && percent_form(text, &value) ? value : 0;
}
