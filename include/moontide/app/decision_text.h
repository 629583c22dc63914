/* app/decision_text.h - one decision for people: what would change, field by field, what stands in
 * the way, and what being wrong would cost. */
#ifndef MOONTIDE_APP_DECISION_TEXT_H
#define MOONTIDE_APP_DECISION_TEXT_H

#include "moontide/tick/engine.h"

#include <stdbool.h>
#include <stdio.h>

void decision_print(FILE *out, const struct decision_report *decision, bool color);

#endif
