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
    int64_t slice_ms; /* the loop wants its turn back after that long */
};

enum {
    EVALUATE_AGAIN = 1
}; /* the slice is used up: call evaluate again for the same target, with
      equal input but for the addresses of series and memo_json */

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
};
struct evaluator {
    const struct evaluator_vtable *vtable;
};

#endif
