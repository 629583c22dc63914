/* app/alerts_hold.h - what of the configuration and of SILENCES holds an alert back now, without a
 * daemon. */
#ifndef MOONTIDE_APP_ALERTS_HOLD_H
#define MOONTIDE_APP_ALERTS_HOLD_H

#include "moontide/base/compiler.h"
#include "moontide/bind/config.h"
#include "moontide/notify/silences.h"

/* <state>/SILENCES; lines that cannot be read are said on standard error. */
MUST_CHECK int hold_silences(const struct config *config, struct silences *out,
                             struct fault *fault);
/* The name of the mute windows of a route that hold at now_ms, with their end in *until_ms; NULL:
 * none. */
const char *hold_mute(const struct notify_settings *settings, const struct route *route,
                      int64_t now_ms, int64_t *until_ms);
/* *held: "silence", "mute" (every end of its way is) or ""; *by: which. */
void hold_find(const struct notify_settings *settings, const struct silences *silences,
               const struct labels *labels, int64_t now_ms, const char **held, const char **by);

#endif
