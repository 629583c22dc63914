/* model/evaluation.h - what one evaluation of one target says: issues, recommendations, decisions,
 * and the series that could not answer.
 *
 * A struct evaluation is filled, read and reset for each target; its strings live in an arena of
 * its own until the reset. Nothing is allocated for an evaluation that says nothing. */
#ifndef MOONTIDE_MODEL_EVALUATION_H
#define MOONTIDE_MODEL_EVALUATION_H

#include "moontide/base/compiler.h"
#include "moontide/model/threshold.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
enum level { LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH }; /* impact and effort */
enum status { STATUS_HEALTHY, STATUS_UNKNOWN, STATUS_WARNING, STATUS_CRITICAL };
enum policy_mode { MODE_OBSERVE, MODE_RECOMMEND, MODE_ACT };

extern const char *const severity_names[]; /* "low", "medium", "high", NULL; levels use them too */
extern const char *const status_names[];   /* "healthy", "unknown", "warning", "critical", NULL */
extern const char *const mode_names[];     /* "observe", "recommend", "act", NULL */

struct issue {
    const char *type, *key;                   /* key "" when none was given */
    const char *description, *recommendation; /* may be "" */
    enum severity severity;
    enum verdict when;  /* UNKNOWN: the state stays as it is */
    enum verdict clear; /* meaningful when has_clear */
    bool has_clear;
    int64_t pending_ms, keep_firing_ms;
    const char *metrics; /* names of the series that its conditions read, with commas; or NULL */
};

struct recommendation {
    const char *type, *action;
    enum level impact, effort;
};

/* `wanted` is the decision as the policy stated it, one JSON object with sorted keys; what it says
 * of its own rails and verification stands beside it. */
struct decision {
    const char *kind;     /* "ecs_autoscaling", ... */
    const char *resource; /* "service/gm-tool-prod/api": kind and resource name what is decided */
    const char *region, *account; /* NULL: the configuration's */
    const char *wanted;
    const char *rails;  /* JSON, or NULL: the policy's */
    const char *verify; /* JSON: { check, on_failure, within } with within in seconds; or NULL */
};

struct unknown {
    const char *metric; /* the declaration's name in `metrics` */
    const char *reason;
};

enum { EVALUATION_ITEMS_MAX = 1000, EVALUATION_BYTES_MAX = 1024 * 1024 };

struct evaluation {
    struct issue *issues;
    struct recommendation *recommendations;
    struct decision *decisions;
    struct unknown *unknowns;
    uint32_t issue_count, recommendation_count, decision_count, unknown_count;
    const char *datapoints_json;    /* when there are decisions: the newest datapoint of each series
                                       that was read, {"p99": {"at": epoch_s, "value": v}, ...}, with
                                       sorted keys; else NULL */
    const char *memo_json;          /* NULL: unchanged; else the memo's new text, in the arena */
    struct evaluation_arena *arena; /* private */
    uint32_t caps[4];               /* private */
};

void evaluation_init(struct evaluation *evaluation);
void evaluation_reset(struct evaluation *evaluation); /* keeps memory for the next target */
void evaluation_done(struct evaluation *evaluation);

/* Copies text into the arena; NULL when a bound (EVALUATION_BYTES_MAX) or memory ends. */
const char *evaluation_text(struct evaluation *evaluation, const char *text, size_t len);

/* Append a zeroed item; NULL when EVALUATION_ITEMS_MAX is reached or memory ends. */
struct issue *evaluation_issue(struct evaluation *evaluation);
struct recommendation *evaluation_recommendation(struct evaluation *evaluation);
struct decision *evaluation_decision(struct evaluation *evaluation);
struct unknown *evaluation_unknown(struct evaluation *evaluation);

#endif
