/* tick/verdicts.h - the last verdict on each decision, to tell news; private to the layer. */
#ifndef MOONTIDE_TICK_VERDICTS_H
#define MOONTIDE_TICK_VERDICTS_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct verdicts;
MUST_CHECK int verdicts_new(struct verdicts **out);
void verdicts_free(struct verdicts *verdicts);
/* Whether the verdict on `about` (a hash) differs from the last; remembers it. *first: there was
 * none. Without memory everything is news. */
bool verdicts_news(struct verdicts *verdicts, uint64_t about, uint64_t verdict, bool *first);

#endif
