/* app/report.h - a tick for people (text, with colour on a terminal) and for programs (the JSON
 * document). */
#ifndef MOONTIDE_APP_REPORT_H
#define MOONTIDE_APP_REPORT_H

#include "moontide/base/compiler.h"
#include "moontide/tick/engine.h"

#include <stdbool.h>
#include <stdio.h>

enum report_format {
    REPORT_TEXT,
    REPORT_JSON,
    REPORT_PLAN, /* text in which the decisions come first: what would change, field by field */
};

struct report;
/* out is borrowed. color only matters for text. */
MUST_CHECK int report_new(enum report_format format, FILE *out, bool color,
                          struct report **out_report);
void report_free(struct report *report);
/* The listener's functions, with the report as data. The JSON document is written whole at the
 * tick's end. */
void report_target(void *report, const struct target_report *target);
void report_tick(void *report, const struct tick_report *tick);

#endif
