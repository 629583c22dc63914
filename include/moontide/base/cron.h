/* base/cron.h - cron text ("0 9 * * 1-5"), and windows of time that begin by it.
 *
 * Five fields: minute, hour, day of month, month, day of week (0-7, 0 and 7 are Sunday); names
 * (mon, jan), lists, ranges, steps, "*"; or @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
 * @annually. As in Vixie cron, when both day fields are restricted (neither begins with "*") either
 * may match. Source: crontab(5). */
#ifndef MOONTIDE_BASE_CRON_H
#define MOONTIDE_BASE_CRON_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

struct cron {
    uint64_t minutes;
    uint32_t hours, days, months, weekdays; /* bit sets */
    bool any_day, any_weekday;
};

/* ERR_INVALID: fault->text names the field and what is allowed there, or that the day never comes
 * (February 30). */
MUST_CHECK int cron_parse(const char *text, struct cron *out, struct fault *fault);
/* Whether local time y-m-d h:m fits. */
bool cron_matches(const struct cron *cron, int month, int day, int weekday, int hour, int minute);

enum { WINDOW_HOURS_MAX = 31 * 24 }; /* a longer one would meet its own next beginning */

/* From each time that fits the cron text, for duration_ms (1 minute to WINDOW_HOURS_MAX); times are
 * local to the zone (NULL: UTC). A local time that daylight saving skips begins at the first minute
 * after it; one that comes twice begins at the first. */
struct window {
    struct cron cron;
    int64_t duration_ms;
    const struct zone *zone;
};
/* Whether now is inside; *until_ms (may be NULL) is when that window ends (of several that overlap,
 * the last; or, when outside, when the next one begins; 0: not within a year). */
bool window_contains(const struct window *window, int64_t now_ms, int64_t *until_ms);

#endif
