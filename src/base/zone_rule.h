/* base/zone_rule.h - the rule in force after a zone's last transition; private to the layer.
 *
 * It is POSIX' TZ text ("CET-1CEST,M3.5.0,M10.5.0/3"), with the signed hours up to 167 that RFC
 * 8536 section 3.3.1 adds. */
#ifndef MOONTIDE_BASE_ZONE_RULE_H
#define MOONTIDE_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When, in a year, the clock is changed: "M10.5.0/3", "J60", "59". */
struct zone_change {
    char form;            /* 'M', 'J' (days from 1, February 29 not counted), 'N' (days from 0) */
    int month, week, day; /* of M: week 5 is the last; day 0 is Sunday. Else only day */
    int32_t time_s;       /* local time of the day, from -167 h to 167 h */
};

struct zone_rule {
    int32_t standard_s, saving_s; /* offsets, east is positive */
    bool saves;                   /* false: standard time all year */
    struct zone_change begin, end;
};

/* Whether the text is one. */
bool zone_rule_parse(const char *text, size_t len, struct zone_rule *out);
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t epoch_s);

#endif
