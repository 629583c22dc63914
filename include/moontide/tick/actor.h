/* tick/actor.h - what the tick knows of decision kinds: a small vtable that something else
 * implements (bind, in Lua; one module a kind).
 *
 * A kind reads the present state of resources, compares it with what a decision wants, says whether
 * the change can be made at all, and makes it. World `aws` asks the actor for all four; a simulated
 * world keeps the state itself and asks it only to compare, and to simulate.
 *
 *   read -> compare -> (rails) -> check -> (rails) -> apply
 *
 * Rule 1: compare and simulate are pure and do not wait; read, check and apply wait. Rule 2: every
 * `done` runs exactly once on the loop, never before the call returns, and not after
 * actor_cancel(). Rule 3: JSON that an actor answers has sorted keys, so that equal states are
 * equal texts. Rule 4: no secret is in any of it. */
#ifndef MOONTIDE_TICK_ACTOR_H
#define MOONTIDE_TICK_ACTOR_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which way a change moves capacity: `in` takes some away. NONE: neither, or the kind has none. */
enum direction { DIRECTION_NONE, DIRECTION_IN, DIRECTION_OUT };
extern const char *const direction_names[]; /* "none", "in", "out", NULL */

struct kind_info {
    const char *name;  /* "ecs_desired_count" */
    const char *event; /* begins its log events: "scaling.ecs" -> scaling.ecs.configured */
    bool reads;        /* false: it has no read (call), so nothing can be compared or found out */
};

/* One decision's resource. The texts are borrowed from who asks; answers are malloc'ed, and end
 * with subject_done(). */
struct subject {
    const char *kind, *resource;  /* "ecs_desired_count", "service/gm-tool-prod/api" */
    const char *region, *account; /* NULL: the configuration's */
    const char *wanted;           /* a JSON object: the decision's own fields */

    /* Answers of read(). code OK with current NULL: there is no such resource, and `problem` says
     * so ("the cluster gm-tool-prod does not exist"). code < 0: it could not be read; ERR_DENIED
     * names the IAM action and the resource in `problem`. */
    int code;
    char
        *current; /* a JSON object: the fields that wanted may name, and what check wants to know */
    char *problem;
};
void subject_done(struct subject *subject);

enum { CAPACITIES_MAX = 2, CAPACITY_FIELD_MAX = 32, CHANGES_MAX = 64 };

/* A field that is a capacity: rails may clip its `to`. */
struct capacity {
    char field[CAPACITY_FIELD_MAX];
    double from, to; /* from NaN: the resource has none yet */
};

/* What differs between current and wanted. Ends with comparison_done(). */
struct comparison {
    char *changes; /* JSON: [{"field": "max", "from": 10, "to": 20}, ...]; NULL: nothing differs */
    char *wanted;  /* JSON: as asked, with the clipped capacities put in */
    size_t change_count;
    struct capacity capacities[CAPACITIES_MAX]; /* all that wanted names, changed or not */
    size_t capacity_count;
    enum direction direction;
};
void comparison_done(struct comparison *comparison);

/* Whether and how it can be done. Ends with feasibility_done(). */
struct feasibility {
    char *infeasible; /* why it cannot be done as asked (NOT_FEASIBLE); NULL: it can */
    char *busy;       /* what is in progress on the resource (BUSY); NULL: nothing */
    char *notes;      /* JSON: a list of texts, the cost of being wrong: downtime, reboot, whom it
                         reaches; NULL: none */
};
void feasibility_done(struct feasibility *feasibility);

/* What became of it. code OK: done. ERR_DENIED: `fault` names the IAM action and the resource.
 * Any other code: `unsent` tells that no request of it can have had an effect. */
struct applied {
    int code;
    bool unsent;
    const struct fault *fault; /* NULL when OK */
    const char *calls;         /* JSON: [{"operation": "ecs:UpdateService", "request_id": "..."}] */
};

typedef void actor_read_fn(void *data);
typedef void actor_check_fn(void *data, int code, struct feasibility *take_feasibility,
                            const struct fault *fault);
typedef void actor_apply_fn(void *data, const struct applied *applied);

struct actor;
struct actor_call; /* a read, check or apply under way */
struct actor_vtable {
    void (*free)(struct actor *actor); /* cancels what is under way */
    /* NULL: there is no such kind (any more). Valid until the actor is asked again. */
    const struct kind_info *(*kind)(struct actor *actor, const char *name);
    /* Fills current, code and problem of each; many of one kind, region and account are asked at
     * once. Kinds without read answer OK and current "{}". The subjects stay where they are until
     * done. */
    int (*read)(struct actor *actor, struct subject *subjects, size_t count, actor_read_fn *done,
                void *data, struct actor_call **out);
    /* current of the subject may be NULL (a resource that does not exist yet is a kind's business:
     * a scalable target may be made; a service not). `clipped`, shape [clipped_count], which may be
     * NULL, replaces the capacities of wanted by their `to`. ERR_LUA: fault has file and line. */
    int (*compare)(struct actor *actor, const struct subject *subject,
                   const struct capacity *clipped, size_t clipped_count, struct comparison *out,
                   struct fault *fault);
    int (*check)(struct actor *actor, const struct subject *subject,
                 const struct comparison *comparison, actor_check_fn *done, void *data,
                 struct actor_call **out);
    int (*apply)(struct actor *actor, const struct subject *subject,
                 const struct comparison *comparison, actor_apply_fn *done, void *data,
                 struct actor_call **out);
    /* The resource's state after the change, as read() would answer it; *out is malloc'ed. */
    int (*simulate)(struct actor *actor, const struct subject *subject,
                    const struct comparison *comparison, char **out, struct fault *fault);
    void (*cancel)(struct actor *actor, struct actor_call *call);
};
struct actor {
    const struct actor_vtable *vtable;
};

#endif
