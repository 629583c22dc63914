/* base/civil.h - days and dates of the proleptic Gregorian calendar; private to the layer.
 *
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil,
 * civil_from_days and weekday_from_days. */
#ifndef MOONTIDE_BASE_CIVIL_H
#define MOONTIDE_BASE_CIVIL_H

#include <stdint.h>

struct civil {
    int64_t year;
    int month, day, hour, minute, second, ms;
};

/* Days since 1970-01-01; month from 1. */
int64_t days_from_civil(int64_t year, int month, int day);
struct civil civil_from_s(int64_t epoch_s); /* ms is 0 */
int weekday_from_days(int64_t days);        /* 0: Sunday */
int days_of_month(int64_t year, int month);
/* Division that rounds down: the day of a time before 1970. */
int64_t floor_div(int64_t a, int64_t b);

#endif
