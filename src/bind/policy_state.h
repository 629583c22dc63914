/* bind/policy_state.h - what the files that make up a policy share: the inside of struct policy.
 *
 *   policy.c        load and end; the vtable
 *   policy_check.c  what `check` does beyond loading
 *   policy_fields.c policy{}: the table and its faults
 *   targets.c       targets() and metrics(t): the targets and their layouts
 *   layout.c        one `m` for all targets that declare the same keys
 *   series.c        the handles in `m`
 *   findings.c      issue{} and recommend{}
 *   decide.c        decide.<kind>{}
 *   decide_current.c  decide.current(), which waits
 *   memo.c          what a policy keeps of a target
 *   evaluate.c      one evaluation, start to end
 *   trace.c         what an evaluation does, for who traces it
 *   gather.c        collect(t)
 *   settings.c      `config`, and the globals
 *
 * Evaluation points one struct run at a target; every function that Lua may call reaches it through
 * its first upvalue. While run.layout is NULL, none of them works: that is how a handle that was
 * kept, or an issue{} outside of evaluate, is told. */
#ifndef MOONTIDE_BIND_POLICY_STATE_H
#define MOONTIDE_BIND_POLICY_STATE_H

#include "moontide/base/faults.h"
#include "moontide/bind/config.h"
#include "moontide/bind/declaration.h"
#include "moontide/bind/policy.h"
#include "moontide/bind/source.h"
#include "moontide/model/series.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/task.h"

enum {
    POLICY_MEMO_MAX = 64 * 1024,        /* bytes of one memo's JSON */
    POLICY_EXTRA_MAX = 1024 * 1024,     /* bytes of what one collect returns */
    POLICY_TARGETS_MAX = 100000,        /* of one policy */
    POLICY_TARGET_JSON_MAX = 16 * 1024, /* bytes of one target's fields */
    POLICY_METRICS_MAX = 1000,          /* declarations of one target */
    POLICY_EVERY_MIN_MS = 1000,
};

/* ---- layout: the keys that `metrics` returned, and how each is read ---- */

struct layout_key {
    const char *name;
    uint64_t hash;
    enum missing_mode missing;
    bool plain;               /* a datapoint that is there counts, and no answer is kept */
    double low_samples_below; /* 0: evaluate whatever there is; else a datapoint of fewer samples is
                                 none */
    uint32_t samples;         /* index of the SampleCount series beside it, when that is > 0 */
    uint64_t told_at;         /* number of the evaluation in which it was recorded as unknown */
    uint64_t read_at;         /* number of the evaluation that read it last */
    uint64_t masked_at;       /* number of the evaluation whose values are in `masked` */
    double *masked;           /* shape: [masked_cap] */
    uint32_t masked_cap;
};

struct layout {
    uint64_t id; /* never used again, so that a handle may outlive its layout */
    struct layout *next;
    struct layout_key *keys; /* shape: [count], sorted by name */
    uint32_t count;          /* keys in `m`; SampleCount companions follow in `uses` */
    uint32_t use_count;
    bool used;
    int m_ref, fields_ref; /* `m`, and the table behind it; LUA_NOREF before it is made */
};

struct policy_target {
    struct target shown;
    struct layout *layout;
    uint64_t id_hash;
    int table_ref; /* t */
    int memo_ref;  /* LUA_NOREF: it keeps nothing, and is lent policy->blank_ref */
    char *memo;    /* its JSON as last agreed with the host; NULL: empty */
};

struct target_set {
    struct policy_target *items; /* shape: [count], as targets() gave them */
    size_t count;
};

/* ---- the evaluation under way ---- */

enum { JUDGED_MAX = 4 /* a power of two */ };

struct run {
    bool under_way;
    bool has_extra; /* m.extra was set for it */
    bool checking;  /* a function of `checks` runs: it states nothing */
    const struct evaluation_input *input;
    struct evaluation *out;
    struct policy_target *target;
    struct layout *layout; /* NULL while no Lua of an evaluation runs */
    uint64_t layout_id;    /* 0 then */
    uint64_t number;
    uint32_t nil_verdicts; /* above() and below() that answered nil since the last statement */
    uint32_t judged[JUDGED_MAX]; /* keys that they were asked of since then, the last ones */
    uint32_t judged_count;
};

/* Field names as Lua interned them, so that reading a table is comparing pointers: those that are
 * met most first. */
enum word {
    WORD_TYPE,
    WORD_SEVERITY,
    WORD_WHEN,
    WORD_DESCRIPTION,
    WORD_RECOMMENDATION,
    WORD_KEY,
    WORD_CLEAR,
    WORD_PENDING,
    WORD_KEEP_FIRING,
    WORD_ACTION,
    WORD_IMPACT,
    WORD_EFFORT,
    WORD_LOW,
    WORD_MEDIUM,
    WORD_HIGH,
    WORD_COUNT
};

struct discovery;
struct kind;
struct gathering;
struct trace;

struct policy {
    struct evaluator evaluator; /* first: the engine holds a pointer to it */
    struct binding binding;
    struct policy_info info;
    struct vm *vm;
    char *name, *doc, *shown, *path, *dir, *shown_dir;
    char **files; /* paths that this generation was built from: shape [file_count] */
    size_t file_count;
    struct kind **kinds; /* that decide gave: shape [kind_count] */
    size_t kind_count;
    char **depends_on; /* ends with NULL; or NULL */
    char *rails;       /* JSON; or NULL */

    /* What policy{} was given, as registry references; LUA_NOREF when absent. */
    int spec_ref, targets_ref, metrics_ref, collect_ref, evaluate_ref, checks_ref;
    bool targets_wait; /* targets is a function */
    bool given;        /* policy{} was called */
    bool loading;

    struct target_set targets;
    struct layout *layouts; /* of targets, and of a discovery under way */
    int blank_ref;          /* an empty memo for targets that keep nothing; LUA_NOREF: to be made */
    uint64_t layouts_made;
    struct run run;
    const void *words[WORD_COUNT]; /* lua_topointer() of each */

    struct discovery *discovery;
    struct gathering *gatherings;
    struct trace *trace; /* trace.h; NULL: nobody traces it */
};

static inline struct policy *policy_of_upvalue(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* given_targets.c: a JSON list takes the place of the policy's own targets, from its next discovery
 * on, which does not wait then. */
MUST_CHECK int policy_set_targets(struct policy *policy, const char *json, struct fault *fault);

/* NULL: this evaluator is no policy in Lua. */
const struct policy *policy_of(const struct evaluator *evaluator);

/* policy.c: *out is set whenever the file ran and its table was read, even when fields of it have
 * faults. warnings: where declarations tell what is odd; NULL: nowhere. */
MUST_CHECK int policy_build(const struct host *host, const char *path, const char *shown,
                            const char *source, size_t len, struct policy **out,
                            struct faults *faults, struct faults *warnings);

/* The budget of one piece of this policy's code, from the configuration. */
struct vm_budget policy_budget(const struct policy *policy, const char *what);

/* Each opens its part in a state under construction; they throw like Lua. The policy is on no
 * stack: it is the first upvalue of what they make. */
void policy_open_fields(lua_State *L, struct policy *policy);   /* the global `policy` */
void policy_open_findings(lua_State *L, struct policy *policy); /* issue, recommend */
void policy_open_series(lua_State *L);                          /* the handles' metatable */
void policy_open_decide(lua_State *L, struct policy *policy);   /* decide.<kind> */
void policy_open_settings(lua_State *L, struct policy *policy); /* config */
void policy_open_strict(lua_State *L, struct policy *policy);   /* undefined globals are errors */

/* decide.c: the kind of this name, which the policy keeps. */
int policy_take_kind(struct policy *policy, const char *name, struct kind **out,
                     struct fault *fault);

/* Throws "name: only inside evaluate" unless an evaluation runs. */
struct run *policy_running(lua_State *L, const char *name);
/* A statement (issue, recommend, decide) ended: see findings.c, "Is `when` absent or nil?". */
static inline void run_statement(struct run *run)
{
    run->nil_verdicts = 0;
    run->judged_count = 0;
}
/* Copies into the evaluation; throws when its bounds are reached. */
const char *run_text(lua_State *L, struct run *run, const char *text, size_t len);

/* layout.c: finds or makes the layout of the declarations in the table at idx, and the target's
 * uses. Returns false when it is not usable (faults has why). Throws for memory. */
bool layout_read(lua_State *L, struct policy *policy, struct policy_target *target, int idx,
                 const char *where, struct faults *faults);
/* Ends those whose `used` is not set, and takes the mark off the others. */
void layouts_sweep(struct policy *policy);
/* The index of a use by its key in `m`, or NULL. */
void layout_push_m(lua_State *L, const struct layout *layout);
void layout_set_extra(lua_State *L, const struct layout *layout); /* pops a value (or nil) */

/* targets.c */
enum { DISCOVERY_SLICE_MS = 5 }; /* the loop gets its turn between two metrics(t) */
/* The same as discover, in one go, with every fault. Code that waits is not run: *waits then. */
int policy_discover_now(struct policy *policy, struct faults *faults, bool *waits);
void policy_discover(struct evaluator *evaluator, evaluator_done_fn *done, void *data);
void discovery_stop(struct policy *policy);
void target_set_done(struct policy *policy, struct target_set *set);

/* gather.c */
void policy_collect(struct evaluator *evaluator, size_t target, int64_t now_ms,
                    evaluator_collect_fn *done, void *data);
void gatherings_stop(struct policy *policy);

/* memo.c: on the policy's main stack, through a protected call. */
/* Before an evaluation; json: what to load in place of what is there, or NULL. */
int memo_ready(struct policy *policy, struct policy_target *target, const char *json,
               struct fault *fault);
void memo_push(lua_State *L, const struct policy *policy, const struct policy_target *target);
/* After an evaluation: *changed is the new text ("{}" when it was emptied), or NULL. */
int memo_store(struct policy *policy, struct policy_target *target, const char **changed,
               struct fault *fault);
/* After a failed one: what it did to the memo is forgotten. */
void memo_revert(struct policy *policy, struct policy_target *target);

/* decide.c: pushes the name of the resource that the fields at `wanted` tell of. */
const char *decide_push_resource(lua_State *L, const struct kind *kind, int wanted,
                                 const char *what);
int decide_current(lua_State *L); /* decide_current.c; upvalue: the policy */

/* evaluate.c */
int policy_evaluate(struct evaluator *evaluator, const struct evaluation_input *input,
                    struct evaluation *out, struct fault *fault);
int policy_verify(struct evaluator *evaluator, const struct evaluation_input *input,
                  const char *name, enum verdict *out, struct fault *fault);
void evaluate_stop(struct policy *policy);

#endif
