/* app/judgement.h - what one evaluation says, as text and as JSON, where no alert or outcome is
 * known: a rerun of a recorded tick. */
#ifndef MOONTIDE_APP_JUDGEMENT_H
#define MOONTIDE_APP_JUDGEMENT_H

#include "moontide/base/json.h"
#include "moontide/tick/compare.h"

/* Lines: issues that are raised or unknown, recommendations, decisions, unknown series; or the
 * error. */
void judgement_text(const struct judgement *judgement, struct strbuf *out);
/* Members of the object that is open: issues, recommendations, decisions, unknown, memo (when it
 * changed), error. */
void judgement_json(const struct judgement *judgement, struct json_writer *w);

#endif
