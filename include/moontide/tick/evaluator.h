/* tick/evaluator.h - what the tick knows of a policy: a small vtable that something else implements
 * (bind, in Lua).
 *
 * An evaluator is one loaded generation of one policy file. A reload makes a new one beside it; the
 * engine swaps them between two evaluations and frees the old one.
 *
 * Rule 1: evaluate is pure: its input decides its output.
 * Rule 2: discover and collect may wait; their done callbacks run on the loop exactly once, perhaps
 * before the call returns, and not after stop(). Rule 3: strings that info() and target() give live
 * as long as the evaluator, or until the next successful discover. */
#ifndef MOONTIDE_TICK_EVALUATOR_H
#define MOONTIDE_TICK_EVALUATOR_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/hash.h"
#include "moontide/model/evaluation.h"
#include "moontide/model/metric.h"
#include "moontide/model/series.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_info {
    const char *name, *doc; /* doc may be "" */
    const char *file;       /* as messages show it: "policies/performance.lua" */
    char sha256[SHA256_HEX_MAX];
    const char *source; /* the text that has this hash; NULL: it is not kept */
    size_t source_len;
    int64_t every_ms;
    int64_t discover_ms; /* how often targets() runs again; 0: never, it is a list */
    enum policy_mode mode;
    bool has_mode; /* the policy says its mode; else the configuration's */
    bool has_collect;
    int shadow_ticks;              /* `reload = { shadow = N }`; negative: it does not say */
    const char *rails;             /* JSON of the policy's `rails` (tick/rails.h); NULL: none */
    const char *const *depends_on; /* names of policies, ends with NULL; NULL: none */
};

/* One declaration of `metrics`. */
struct metric_use {
    const char *key;
    struct metric *metric;
    uint32_t slots; /* window / period */
};

struct target {
    const char *id; /* "environment=prod": sorted key=value pairs; a string target is its own id */
    const char *json; /* the target's fields, one JSON object or string */
    const struct metric_use *uses;
    uint32_t use_count;
};

/* The last answers of `missing = "ignore"` questions: (target, metric, operation, threshold, M, N)
 * hashed to one key -> verdict. Kept by the engine across reloads. */
struct answers;
MUST_CHECK int answers_new(struct answers **out);
void answers_free(struct answers *answers);
MUST_CHECK int answers_copy(const struct answers *answers, struct answers **out);
enum verdict answers_get(const struct answers *answers, uint64_t key); /* UNKNOWN at first */
void answers_set(struct answers *answers, uint64_t key, enum verdict verdict);

struct evaluation_input {
    size_t target; /* index */
    int64_t now_ms;
    struct series *const *series; /* shape: [use_count], in the order of uses; never NULL. Each
                                     call gives them anew: after EVALUATE_AGAIN they are copies of
                                     the same data at other addresses */
    const char *extra_json;       /* what collect returned; NULL: none */
    const char *memo_json; /* to be loaded before this evaluation, in place of what is there (the
                              first one of a generation or after a discovery, and the one after a
                              failure); NULL: keep what is there */
    struct answers *answers;
    uint64_t seed;
    int64_t slice_ms; /* the loop wants its turn back after that long; 0: it does not */
    bool compared;    /* what is said is compared and forgotten: datapoints_json is not asked for */
};

enum {
    EVALUATE_AGAIN = 1
}; /* the slice is used up: call evaluate again for the same target, with
      equal input but for the addresses of series and memo_json */

/* ---- what an evaluation did, for who traces the policy ---- */

enum trace_kind {
    TRACE_BRANCH, /* an if or elseif: TRUE its block ran, FALSE it did not, UNKNOWN: the lines do
                     not tell */
    TRACE_ASKED,  /* above() or below() of a series, with its answer */
};
struct trace_step {
    enum trace_kind kind;
    const char *file; /* as messages show it */
    int line;
    const char *text; /* the source line without its indentation; "p99:above(1000)" */
    enum verdict verdict;
};
/* A series that was read, and its newest datapoint. */
struct trace_read {
    const char *key;
    bool known; /* there is a datapoint */
    double value;
    int64_t time_s;
};
/* All of it is borrowed for the call. */
struct evaluation_trace {
    const char *policy, *sha256, *target;
    int64_t at_ms;      /* the tick's time */
    int64_t elapsed_us; /* of real time, without that between its slices */
    uint32_t slices;
    const struct trace_read *reads;
    const struct trace_step *steps; /* in order */
    size_t read_count, step_count, steps_left_out;
    const struct evaluation *evaluation; /* NULL: it failed */
    const struct fault *fault;           /* why; else NULL */
};
struct tracer {
    void *data;
    void (*evaluated)(void *data, const struct evaluation_trace *trace);
};

typedef void evaluator_done_fn(void *data, int code, const struct fault *fault);
typedef void evaluator_collect_fn(void *data, int code, const char *json,
                                  const struct fault *fault);

struct evaluator;
struct evaluator_vtable {
    void (*free)(struct evaluator *evaluator); /* stops first */
    const struct policy_info *(*info)(const struct evaluator *evaluator);
    /* Whether this generation was built from that file (the policy itself or a lib module). */
    bool (*uses_file)(const struct evaluator *evaluator, const char *path);
    /* Runs targets() and metrics(t); on success the new targets replace the old. */
    void (*discover)(struct evaluator *evaluator, evaluator_done_fn *done, void *data);
    size_t (*target_count)(const struct evaluator *evaluator);
    const struct target *(*target)(const struct evaluator *evaluator, size_t index);
    void (*collect)(struct evaluator *evaluator, size_t target, int64_t now_ms,
                    evaluator_collect_fn *done, void *data);
    /* OK: *out is filled (the caller reset it). EVALUATE_AGAIN. Errors: ERR_LUA, ERR_BUDGET,
     * ERR_MEMORY_CAP, ERR_LIMIT with file and line; *out is then to be ignored. */
    int (*evaluate)(struct evaluator *evaluator, const struct evaluation_input *input,
                    struct evaluation *out, struct fault *fault);
    /* The verification `name` of the policy's `checks`, for a target of which the evaluation with
     * this input has just ended: what the function returned. ERR_NOT_FOUND: there is no such check
     * (any more); other errors as evaluate(). It never answers EVALUATE_AGAIN. */
    int (*check)(struct evaluator *evaluator, const struct evaluation_input *input,
                 const char *name, enum verdict *out, struct fault *fault);
    /* Drops an evaluation that answered AGAIN, and cancels discover and collect without calling
     * back. */
    void (*stop)(struct evaluator *evaluator);
    size_t (*memory_bytes)(const struct evaluator *evaluator);
    /* Traces each evaluation from the next one on; NULL ends that. The tracer is borrowed until
     * then. NULL: this evaluator cannot be traced. */
    void (*trace)(struct evaluator *evaluator, const struct tracer *tracer);
};
struct evaluator {
    const struct evaluator_vtable *vtable;
};

#endif
