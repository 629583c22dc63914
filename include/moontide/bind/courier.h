/* bind/courier.h - the receivers: those that ship inside the binary, and an operator's own in
 * policies/lib/receiver_<type>.lua. docs/alerts.md is what an operator reads.
 *
 * One sandboxed Lua state holds all of them, and the templates that turn a notification into words.
 * It is made when the first message is sent, so that a project without receivers pays nothing. */
#ifndef MOONTIDE_BIND_COURIER_H
#define MOONTIDE_BIND_COURIER_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/host.h"
#include "moontide/notify/courier.h"

/* *host is borrowed, with its config (language, alerts.templates_dir). Ends with the vtable's free.
 */
MUST_CHECK int courier_new(const struct host *host, struct courier **out);

/* Whether a receiver's type and fields are right, without sending anything: `check` and the load of
 * moontide.lua ask. ERR_INVALID: the fault says which field, and the nearest known name. */
MUST_CHECK int courier_check(struct courier *courier, const struct receiver_settings *receiver,
                             struct fault *fault);

#endif
