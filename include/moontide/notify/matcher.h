/* notify/matcher.h - which alerts are meant: name=value, name!=value, name=~regex, name!~regex.
 *
 * As Alertmanager's matchers: all of a list must match; a regular expression is POSIX extended and
 * matches the whole value; an absent label is the empty text. A value may stand in double quotes.
 * Source: prometheus.io/docs/alerting/latest/configuration, "matcher". */
#ifndef MOONTIDE_NOTIFY_MATCHER_H
#define MOONTIDE_NOTIFY_MATCHER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/notify/labels.h"

#include <stdbool.h>
#include <stddef.h>

enum { MATCHERS_MAX = 32, MATCHER_TEXT_MAX = 512 };

struct matcher; /* one; see matchers */

struct matchers {
    struct matcher **items; /* shape: [count] */
    size_t count;
};

void matchers_init(struct matchers *matchers);
void matchers_done(struct matchers *matchers);
/* ERR_INVALID: the fault says what is wrong with the text; ERR_LIMIT; ERR_NOMEM. */
MUST_CHECK int matchers_add(struct matchers *matchers, const char *text, struct fault *fault);
/* Whether all of them match; none at all matches everything. */
bool matchers_match(const struct matchers *matchers, const struct labels *labels);
/* As it was written, normalised: environment="prod". */
const char *matcher_text(const struct matcher *matcher);
/* The label's name that a matcher asks for. */
const char *matcher_name(const struct matcher *matcher);

#endif
