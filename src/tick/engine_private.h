/* tick/engine_private.h - what the files of the engine share; nobody else includes it.
 *
 *     engine.c      the policies: put, remove, status
 *     generation.c  one loaded generation: discovery, its series, the swap
 *     schedule.c    when each policy is due
 *     tick.c        one tick: its phases
 *     gather.c      ... before the judgement: discovery, datapoints, collect
 *     evaluate.c    ... the judgement of each target, a slice at a time
 *     act.h         ... what becomes of its decisions: the files are named there
 *     keep.c        ... its batches to disk
 *     recover.c     intents of a process that died
 *     tickerror.c   ... what went wrong
 *
 * A policy has one `live` generation. A tick takes part of each of its policies in a `run`, which
 * pins the generation it began with. */
#ifndef MOONTIDE_TICK_ENGINE_PRIVATE_H
#define MOONTIDE_TICK_ENGINE_PRIVATE_H

#include "memos.h"
#include "moontide/tick/changes.h"
#include "moontide/tick/engine.h"
#include "moontide/tick/pause.h"
#include "moontide/tick/rails.h"
#include "moontide/tick/recorder.h"
#include "resources.h"

struct loop_timer;
struct tick;
struct run;

enum {
    DEFAULT_SLICE_MS = 5,
    DEFAULT_POLICY_WALL_MS = 5000,
    DEFAULT_COLLECT_MS = 30000,
    DEFAULT_APPLY_MS = 60000,
    BUDGET_EXPIRIES_MAX = 3,
    COLLECTS_AT_ONCE = 16,
    RUN_ERRORS_MAX = 50,    /* listed of one policy in a tick; the rest is counted */
    TICK_ERRORS_MAX = 1000, /* of all */
};

/* ---- generation.c ---- */

enum { TARGET_JUDGED = 1, TARGET_MEMO_GIVEN = 2, TARGET_MEMO_SPOILT = 4 };

/* Small, as there may be 10,000 in a policy. */
struct target_state {
    uint64_t id_hash;
    uint32_t first_entry;
    uint8_t status; /* enum status, of the last tick; when TARGET_JUDGED */
    uint8_t flags;
};

struct targets {
    struct target_state *states; /* shape: [count] */
    size_t count;
    struct collector_entry **entries; /* shape: [entry_count]: each target's uses in a row */
    size_t entry_count, entry_cap;
    uint32_t use_max;
    int64_t period_max_ms;
};

struct policy;

struct generation {
    struct engine *engine;
    struct evaluator *evaluator;
    const struct policy_info *info;
    struct targets targets;
    int64_t discovered_ms;
    struct rail_limits limits; /* the configuration's, and the policy's over them */
    uint32_t pins;
};

/* A call of discover, bounded in time. */
struct discovery {
    struct engine *engine;
    struct evaluator *evaluator;
    struct loop_timer *timer;
    void (*done)(void *data, int code, const struct fault *fault);
    void *data;
    bool under_way;
};
void discovery_start(struct discovery *discovery, struct engine *engine,
                     struct evaluator *evaluator,
                     void (*done)(void *data, int code, const struct fault *fault), void *data);
void discovery_cancel(struct discovery *discovery); /* when under way; done does not run */

void generation_unpin(struct generation *generation); /* NULL is allowed */
/* Subscribes the evaluator's targets; takes the evaluator on success, with one pin. */
MUST_CHECK int generation_new(struct engine *engine, struct evaluator *evaluator,
                              struct generation **out);
/* After another discovery of its evaluator: the new targets' series, then release of the old. */
MUST_CHECK int generation_refresh(struct policy *policy, struct generation *generation);
/* Makes it the policy's live one; the statuses, alerts and memos of targets that stay, stay. */
void generation_install(struct policy *policy, struct generation *generation);
/* A tick of it ended: what it found passes to the live generation, if that is another by now. */
void generation_overtaken(struct policy *policy, const struct generation *generation);

/* ---- engine.c ---- */

/* A generation on its way: discovering, or waiting to discover again. */
struct put {
    struct evaluator *evaluator; /* NULL: there is none */
    struct discovery discovery;
    void (*swapped)(void *data, const char *policy, int code);
    void *data;
};

struct policy {
    struct engine *engine;
    struct policy *next; /* by name */
    char *name, *file;
    uint64_t hash;
    struct generation *live; /* NULL: none was discovered yet */
    struct put put;
    struct fault fault; /* why the file on disk is not what runs; code OK: it is */
    struct run *run;    /* its part of the tick under way */
    bool removed;       /* no longer in the list; freed when its run ends */
    struct answers *answers;
    struct evaluation evaluation; /* of the target being judged */

    int64_t every_ms, due_ms, due_by_ns; /* schedule.c */
    uint64_t skipped_in_row;

    size_t by_status[4];
    uint64_t ticks, skipped, failed, metrics_charged;
    int64_t first_ms, last_ms, last_elapsed_us;
};

struct file_fault {
    struct file_fault *next;
    char *file, *policy;
    struct fault fault;
};

struct engine {
    struct engine_options options;
    struct collector *collector;
    struct alerts *alerts;
    struct memos memos;
    struct verdicts *verdicts;
    struct rail_limits limits; /* the configuration's */
    struct resources resources;
    struct wishes *wishes, *acting_wishes; /* of all policies; of those in mode act */
    struct pauses pauses;                  /* as last read */
    bool pauses_unknown;                   /* they could not be read */
    uint64_t pause_looks, pauses_of;       /* looks begun; that which `pauses` is of */
    bool pauses_read;                      /* they were, once */
    struct recovery *recoveries;           /* open intents, as of a process that died */
    struct loop_timer *recovery_timer;
    uint32_t keeping;         /* batches and looks at files under way */
    struct changes *unsaved;  /* of batches that failed, and of what happens between ticks; NULL:
                                 nothing is kept */
    struct fault store_fault; /* code OK: the store works */
    struct policy *policies;
    struct file_fault *file_faults;
    struct tick *ticks; /* under way */
    uint64_t tick_number;

    struct run *ready_first, *ready_last; /* those that have targets to work on now */
    struct loop_timer *pump;
    bool pumping;
    struct series **series; /* scratch, shape: [series_cap] */
    size_t series_cap;

    bool started, stopping, final_write;
    struct loop_timer *timer; /* the schedule's */
    void (*stopped)(void *data);
    void *stopped_data;
};

static inline int64_t engine_now_ms(const struct engine *engine)
{
    return clock_now_ms(&engine->options.world->clock);
}
int64_t real_ns(void); /* budgets and slices are real time in every world */
enum policy_mode policy_mode_in_force(const struct policy *policy);
/* Begins (again) the discovery of policy->put. */
void policy_discover_put(struct policy *policy);
void policy_free(struct policy *policy);
/* Where changes of the policy go that no evaluation made: its tick's, or the engine's. */
struct changes *policy_changes(const struct policy *policy);
/* Asks whether a stopping engine has ended. */
void engine_check_stopped(struct engine *engine);

/* ---- schedule.c ---- */
void schedule_start(struct engine *engine);
void schedule_stop(struct engine *engine);
void schedule_now(struct policy *policy);   /* a new policy: due at once */
void schedule_again(struct policy *policy); /* a new generation, perhaps with another `every` */
void schedule_arm(struct engine *engine);

/* ---- tick.c ---- */

struct run {
    struct tick *tick;
    struct policy *policy;
    struct generation *generation; /* pinned after discovery; NULL: the policy has none yet */
    struct run *next;              /* of the tick */
    struct run *next_ready;        /* of engine->ready_first */
    bool (*step)(struct run *run, int64_t until_ns); /* returns whether there is more to do now */

    enum policy_mode mode; /* in force when its generation was pinned */
    bool awaits_put;       /* discovery */
    struct discovery discovery;

    struct collect_call *calls; /* collect */
    size_t collect_at, in_flight;
    char **extra; /* shape: [target count]: what collect returned; NULL when the policy has none */
    bool collecting, stepping, queued;

    size_t at; /* evaluation: the next target */
    bool again, skip_rest;
    struct record *record;  /* NULL: it is not recorded */
    struct series **copies; /* of the target in mid-evaluation */
    uint32_t copy_count;
    int64_t spent_ns;
    uint32_t expiries;
    size_t by_status[4], failed;
    uint32_t error_count, errors_hidden;
    uint32_t metrics_charged;
    bool deferring;           /* reports wait: a decision was made */
    uint32_t changed_targets; /* for BLAST_RADIUS */
};

struct tick_errors {
    struct tick_error *items;
    size_t count, cap, lost;
};

struct tick {
    struct engine *engine;
    struct tick *next;
    uint64_t number;
    int64_t at_ms, begun_ns;
    int phase;
    uint32_t waiting; /* on what; the tick goes on when it is 0 */
    struct run *runs;
    size_t run_count;
    struct loop_timer *starter;
    struct fetch *fetch;
    bool fetching, canceled;
    bool written;            /* `changes` is in a batch: nothing can join it */
    struct changes *changes; /* NULL: nothing is kept */
    struct tick_errors errors;
    uint32_t calls, queries, metrics_charged;
    uint64_t datapoints;
    double month_usd;
    bool failed;

    struct judged *judged_first, *judged_last; /* whose reports wait */
    struct action *actions;   /* shape: [action_count], in the order they were decided */
    struct subject *subjects; /* shape: [subject_count]: those that are read */
    size_t action_count, subject_count, decision_count;
    size_t at; /* of actions, in phases that take them in slices or turns */
    struct loop_timer *slice, *act_end;
    struct actor_call *reading;
    uint32_t checking, applying; /* calls under way */
    uint32_t changes_made;       /* for BLAST_RADIUS */
    int keep_code;               /* of the last batch */
    bool acted;                  /* an intent was kept */

    void (*done)(void *data, bool failed);
    void *data;
};

/* A tick of these policies, none of which has one under way. */
MUST_CHECK int tick_begin(struct engine *engine, struct policy *const *policies, size_t count,
                          void (*done)(void *data, bool failed), void *data);
static inline void tick_wait(struct tick *tick)
{
    tick->waiting++;
}
void tick_resume(struct tick *tick); /* one of the things waited for has ended; may free the tick */
void tick_cancel(struct tick *tick);
void run_cancel(struct run *run); /* ends what it waits for; may free the tick */

/* ---- gather.c ---- */
void tick_discover(struct tick *tick);
void tick_collect(struct tick *tick);
void collect_cancel(struct run *run);                           /* when run->collecting */
bool collect_take(struct run *run, size_t target, char **json); /* false: it failed */
void extra_free(struct run *run);
void put_settled(struct policy *policy); /* its put ended or failed: a tick may have waited */

/* ---- evaluate.c ---- */
void tick_evaluate(struct tick *tick);
void pump_add(struct run *run, bool (*step)(struct run *run, int64_t until_ns));

/* ---- keep.c ---- */
enum { KEEP_UNDER_WAY = 1 };
/* Everything unsaved, with `changes` (may be NULL; left empty) on top, as one batch.
 * KEEP_UNDER_WAY: done (may be NULL) will come, with OK or the failure, which is in
 * engine->store_fault then and its changes unsaved again. OK: there was nothing to write. Negative:
 * it failed at once. */
int engine_keep(struct engine *engine, struct changes *changes, int64_t at_ms,
                void (*done)(void *data, int code), void *data);

/* ---- act.c ---- */
struct judged;
/* Takes the policy's evaluation, whose report waits for what becomes of its decisions. ERR_NOMEM.
 */
MUST_CHECK int tick_defer(struct run *run, const struct target_report *report);
void tick_read(struct tick *tick);
void tick_compare(struct tick *tick);
void tick_rails(struct tick *tick);
void tick_check(struct tick *tick);
void tick_check_cancel(struct tick *tick);
void tick_decide(struct tick *tick);
void tick_report_judged(struct tick *tick); /* to the listener, in the order of judgement */
void tick_act_cancel(struct tick *tick);    /* ends what waits in these phases */
void tick_act_done(struct tick *tick);
/* Reads the kill switch on a worker into engine->pauses; then tick_resume(). */
void tick_read_pauses(struct tick *tick);

/* ---- apply.c ---- */
void tick_pause_again(struct tick *tick); /* the kill switch, just before the calls */
void tick_act(struct tick *tick);
void tick_apply_cancel(struct tick *tick);

/* ---- recover.c ---- */
MUST_CHECK int recoveries_load(struct engine *engine, struct fault *fault);
void recoveries_start(
    struct engine *engine);                  /* looks at those whose time has come, now and later */
void recoveries_stop(struct engine *engine); /* cancels the look under way */
void recoveries_done(struct engine *engine);

/* ---- verify.c ---- */
/* After an evaluation of a target that succeeded, before its alerts are applied: runs the checks
 * that are due, and states the issues of those that failed. */
void verify_target(struct run *run, const struct target *target,
                   const struct evaluation_input *input, struct evaluation *evaluation);
/* Ends as gone the verifications of the policy's targets that stays() refuses; why in words. */
void verify_retain(struct engine *engine, const char *policy,
                   bool (*stays)(void *data, const char *target), void *data, const char *why,
                   struct changes *changes);
/* And those whose policy is not there at all: its file went while no moontide ran. All files were
 * looked at before the first tick. */
void verify_orphans(struct tick *tick);
/* Former values of this target's resources that are on their way back, as decisions; the arrays are
 * malloc'ed and the decisions' texts belong to the resources. Returns how many. */
bool verify_has_backs(const struct run *run, const char *target);
size_t verify_backs(struct run *run, const char *target, struct decision **decisions,
                    struct resource ***resources);

/* ---- note.c ---- */
/* 128 bits that name one chain of the journal: what it is about, and when it began. */
void chain_id(const char *const strings[5], int64_t at_ms, char out[33]);
/* An alert began to fire, or ended: journal and log. generation: whose evaluation said so; NULL:
 * none did, and reason says why it ended. */
void note_issue(const struct policy *policy, const struct generation *generation,
                const char *target, const struct alert *alert, enum alert_event event,
                const char *reason, struct changes *changes);

/* ---- tickerror.c ---- */
void tick_errors_done(struct tick_errors *errors);
/* policy and fault are copied. prefix: what was being done, e.g. "target prod"; may be "". */
void tick_error_add(struct tick *tick, const char *policy, const char *prefix,
                    const struct fault *fault);
/* The same for a target of a run; counted only after RUN_ERRORS_MAX. Logged as analysis.failed, but
 * what a stop or a removal cut short as tick.cut_short: that is no failure. */
void run_error_add(struct run *run, const char *prefix, const struct fault *fault);
/* What holds for every tick: faults of files, of discoveries, of the store. */
void tick_errors_standing(struct tick *tick);

#endif
