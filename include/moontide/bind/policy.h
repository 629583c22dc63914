/* bind/policy.h - a policy file in a Lua state of its own, as an evaluator.
 *
 * Compiles and runs the file in a sandbox, reads the table that policy{} was given, checks every
 * field, and implements evaluator.h on it. The faults of a file are collected, not only the first.
 */
#ifndef MOONTIDE_BIND_POLICY_H
#define MOONTIDE_BIND_POLICY_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"
#include "moontide/bind/host.h"
#include "moontide/tick/evaluator.h"

/* path: the file; shown: how messages name it (relative to where the person is). On success the
 * caller owns *out (or gives it to engine_put). */
MUST_CHECK int policy_load(const struct host *host, const char *path, const char *shown,
                           struct evaluator **out, struct faults *faults);
/* The same from text that was read already (its hash decides whether a reload is needed). */
MUST_CHECK int policy_load_text(const struct host *host, const char *path, const char *shown,
                                const char *source, size_t len, struct evaluator **out,
                                struct faults *faults);
/* Offline checks beyond loading: runs targets() and metrics(t) where they do not wait, and warns of
 * file-level locals that evaluate assigns. A warning is a fault whose code is OK. */
MUST_CHECK int policy_check(struct evaluator *evaluator, struct faults *faults);
/* Loads and checks, for `check`: goes on past faults of single fields, so that all are found in one
 * go. *out is set only when there is no fault. */
MUST_CHECK int policy_check_text(const struct host *host, const char *path, const char *shown,
                                 const char *source, size_t len, struct evaluator **out,
                                 struct faults *faults);

#endif
