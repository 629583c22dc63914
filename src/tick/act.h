/* tick/act.h - what the files that carry decisions out share; private to the layer.
 *
 *     act.c      the actions of a tick: what is decided, read, and in the end reported
 *     judge.c    what differs, the rails, the check
 *     intent.c   what is put on disk before a call, and what a start finds there
 *     apply.c    the calls, and their outcomes
 *     gate.c     whether a tier that the policy depends on is saturated
 *     drift.c    whether somebody else changed a resource
 *     recover.c  intents whose outcome nobody knows
 *     verify.c   whether a change did what it was for, and what follows when it did not
 *     note.c     what the journal and the log say of all that
 *
 *                    nothing differs                          refused, clipped to nothing
 *   decision -- read -- compare --+-- rails -- check -- rails --+-- proposed
 *                  |              |                             |
 *                  failed     unchanged                     intent -- kept -- apply -- outcome
 */
#ifndef MOONTIDE_TICK_ACT_H
#define MOONTIDE_TICK_ACT_H

#include "engine_private.h"
#include "moontide/base/json.h"
#include "moontide/tick/pause.h"
#include "resources.h"

enum {
    CHECKS_AT_ONCE = 16,
    APPLIES_AT_ONCE = 8,
    CANCEL_WAIT_MS = 4000, /* of the 5 s that a daemon has to end */
    ENTRY_BYTES_MAX = 4 * EVALUATION_BYTES_MAX,
};

/* A target whose report waits for its decisions, or for those of one before it. */
struct judged {
    struct judged *next;
    struct run *run;
    size_t target; /* index */
    enum status status, before;
    bool first;
    bool failed;                  /* it could not be judged: evaluation says nothing */
    struct evaluation evaluation; /* owned */
    struct decision *backs;       /* shape: [back_count]: former values to put back */
    struct resource **back_resources;
    size_t back_count;
    size_t first_action, action_count; /* of tick->actions */
    bool counted;                      /* BLAST_RADIUS has counted this target */
};

struct action {
    struct judged *judged;
    const struct decision *decision;
    struct resource *resource; /* NULL: it ended before one was needed */
    struct subject *subject;   /* of tick->subjects; NULL: it is not read */
    struct comparison comparison;
    struct feasibility feasibility;
    struct rail_limits *limits; /* its own, or NULL: the policy's */
    struct rail_case rail;
    struct actor_call *call; /* check or apply under way */
    uint64_t wish;           /* its id */
    uint64_t about;          /* hash of world, policy, target, kind and resource */
    char id[33];
    char *text;  /* why, in words; NULL: nothing to say */
    char *calls; /* JSON, of apply */
    enum outcome outcome;
    const char *reason;
    bool back;  /* it puts former values back */
    bool ended; /* its outcome is known */
    bool cut;   /* a stop of the engine ended it, and nothing of it was done: no failure to tell */
    bool checked;  /* its check has begun */
    bool to_apply; /* its intent is noted */
    bool applying, sent;
};

/* So long after its intent no request of an action can be under way any more: the actor's deadline
 * for apply, and half of it. */
static inline int64_t apply_bound_ms(const struct engine *engine)
{
    return engine->options.apply_ms + engine->options.apply_ms / 2;
}

static inline const char *action_target(const struct action *action)
{
    const struct run *run = action->judged->run;
    const struct evaluator *evaluator = run->generation->evaluator;
    return evaluator->vtable->target(evaluator, action->judged->target)->id;
}
static inline struct policy *action_policy(const struct action *action)
{
    return action->judged->run->policy;
}
static inline struct tick *action_tick(const struct action *action)
{
    return action->judged->run->tick;
}
/* Its outcome, and why: text is a printf format, NULL for none. */
void action_end(struct action *action, enum outcome outcome, const char *reason, const char *format,
                ...) PRINTF_LIKE(4, 5);
void judged_free(struct judged *judged);

/* ---- gate.c ---- */
/* The saturated tier in words, in out; NULL: none is. */
const char *gate_holds(const struct action *action, char out[RAIL_TEXT_MAX]);

/* ---- drift.c ---- */
/* After a read: compares `current` with what moontide wrote last. Sets *busy (malloc'ed) when that
 * is not visible yet. ERR_NOMEM. */
MUST_CHECK int drift_look(struct action *action, char **busy);
/* Why it is held as somebody else changed it; NULL: it is not. */
const char *drift_holds(const struct action *action);
/* Nothing differs from what is wanted: whoever made it so. */
void drift_settled(struct action *action);

/* ---- intent.c ---- */
void intent_note(struct action *action, struct changes *changes);
void intent_end(struct action *action, struct changes *changes);
/* As the last of what its outcome changes: when memory did not do for some of that, the intent
 * stays open, so that the next start finds it out. */
void intent_close(const char *id, struct changes *changes);
/* The capacities of an intent, as it keeps them (malloc'ed; NULL: no memory), and back: those that
 * had no value before are left out. */
char *capacities_json(const struct comparison *comparison);
size_t capacities_of(const char *capacities_json, struct capacity out[CAPACITIES_MAX]);
/* A change that was made: what is known of its resource from now on. */
struct change_made {
    const char *id, *policy, *target;
    const char *verify; /* JSON, or NULL */
};
void resource_applied(struct engine *engine, struct resource *resource,
                      const struct change_made *made, const struct comparison *comparison,
                      struct changes *changes);

/* ---- recover.c ---- */
/* Its answer left open whether it was done: looked at later. */
void recovery_add(struct action *action);

/* ---- note.c ---- */
/* The id of its chain, and what tells it from other decisions from tick to tick. index: of the
 * actions, as an evaluation may decide one thing twice. */
void action_name(struct action *action, size_t index);
void note_decision(struct action *action, struct changes *changes); /* when it is news */
void note_intent(const struct action *action, struct changes *changes);
void note_outcome(const struct action *action, struct changes *changes);
void note_verification(struct engine *engine, const struct resource *resource,
                       const struct verification *verification, const char *result,
                       const char *text, struct changes *changes);
/* A pause or resume that the file shows and that was not known before. */
void note_pauses(struct engine *engine, const struct pauses *found);
struct note {
    const char *id, *what, *policy, *target, *resource, *sha256;
};
/* Writes the object's members. */
typedef void note_members_fn(struct json_writer *w, const void *data);
void note_entry(struct changes *changes, const struct note *note, note_members_fn *members,
                const void *data);
void note_key(struct json_writer *w, const char *key, const char *text);      /* NULL: left out */
void note_key_json(struct json_writer *w, const char *key, const char *json); /* NULL: left out */

#endif
