/* app/alerts.h - what the commands about alerts share: an alert as JSON, the world they ask about,
 * colours. */
#ifndef MOONTIDE_APP_ALERTS_H
#define MOONTIDE_APP_ALERTS_H

#include "moontide/app/options.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

enum { ALERTS_ASK_MS = 10 * 1000, WORLD_NAME_MAX = 256 };

struct alert_shown {
    const char *policy, *target, *type, *key, *state, *severity, *description;
    int64_t since_ms, raised_ms; /* in this state; when it began to fire */
    bool unknown, flapping;
    const char *held, *by; /* "silence", "inhibit", "mute", "waiting" or ""; by which */
};
void alert_json(struct json_writer *w, const struct alert_shown *alert);

/* The colour of a severity, and of an alert's or a notification's state; NULL: none. */
const char *severity_paint(const char *severity);
const char *state_paint(const char *state);

/* The daemon's answer; NULL: none runs, or (*failed) it gave an error, which has been printed. */
MUST_CHECK int alerts_ask(const struct config *config, const char *command, const char *json,
                          cJSON **out, struct fault *fault);
/* --world, else that of the running daemon, else aws. */
MUST_CHECK int alerts_world(const struct arguments *arguments, const struct config *config,
                            char out[WORLD_NAME_MAX], struct fault *fault);

/* The running daemon's time, else this process's: a simulated world's is another one. */
int64_t alerts_now(const struct config *config);

/* Prints "moontide COMMAND: what", and the usage. Answers 1. */
int alerts_refuse(const struct arguments *arguments, const char *what);

#endif
