/* app/time_travel.h - a script state at a recorded tick (`moontide repl --tick`): m, t, memo and
 * tick are what one target of one policy had; rerun(), ticks(), go(), next() and prev() work on it.
 */
#ifndef MOONTIDE_APP_TIME_TRAVEL_H
#define MOONTIDE_APP_TIME_TRAVEL_H

#include "moontide/app/options.h"
#include "moontide/base/compiler.h"
#include "moontide/bind/script.h"

struct time_travel;

/* Goes where --tick, --policy and --target say; without --tick *out is NULL. The script is
 * borrowed. 0, or 1 after saying what is wrong. */
MUST_CHECK int time_travel_open(const struct arguments *arguments, struct script *script,
                                struct time_travel **out);
void time_travel_close(struct time_travel *travel); /* NULL is allowed; before the script */

#endif
