/* app/project.h - what the commands share that talk to a project's daemon or read its database:
 * where both are, and how the answer is to look. */
#ifndef MOONTIDE_APP_PROJECT_H
#define MOONTIDE_APP_PROJECT_H

#include "moontide/app/options.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/config.h"
#include "moontide/store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Loads the configuration of --dir, and says on standard error what is wrong with it. Only where
 * the state directory is matters to these commands. */
MUST_CHECK int project_config(const struct arguments *arguments, struct config **out);
/* control_ask() at the project's socket. */
MUST_CHECK int project_ask(const struct config *config, const char *command, const char *json,
                           int64_t timeout_ms, char **out, struct fault *fault);
/* The database beside a running daemon, read-only. Says on standard error what is wrong, and in its
 * own words that nothing was ever journaled. */
MUST_CHECK int project_store(const struct config *config, struct store **out);
/* --format: 0, or 1 after saying that it is neither. */
MUST_CHECK int project_format(const struct arguments *arguments, bool *json);
/* --since ("1h"): epoch milliseconds; 0 without one and without a default. 1 after saying why it is
 * no duration. */
MUST_CHECK int project_since(const struct arguments *arguments, const char *otherwise,
                             int64_t *out_ms);

/* Two commands that change a file of the state directory take turns: locks it (made when missing)
 * until *out is closed. */
MUST_CHECK int project_lock(const char *state_dir, int *out, struct fault *fault);
/* Who does it: the name that was given, else the user that called (of sudo, too). */
const char *project_user(const char *given);

#endif
