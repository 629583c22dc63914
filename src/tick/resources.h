/* tick/resources.h - what is known of each resource that was decided, beyond what AWS says of it;
 * private to the layer.
 *
 *   written     what moontide wrote last, to tell a change by somebody else (drift) from its own
 *   histories   of its capacities, for the rails
 *   frozen      until somebody resumes it: a verification failed
 *   verified    verifications that are due, and the one that failed last
 *   back        the former values that are to be put back
 *
 * All of that outlives a restart, as one row of the store. What is only in memory: a refusal of AWS
 * (asked again after DENIED_MS), and which tick acts on it just now. */
#ifndef MOONTIDE_TICK_RESOURCES_H
#define MOONTIDE_TICK_RESOURCES_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/tick/actor.h"
#include "moontide/tick/rails.h"

#include "moontide/base/pair_table.h"

#include <stdbool.h>
#include <stdint.h>

struct action;
struct changes;
struct store;

enum { DENIED_MS = 10 * 60 * 1000, CONFIRM_MS = 5 * 60 * 1000, FAILED_SHOWN_MS = 24 * 3600 * 1000 };

enum on_failure { ON_FAILURE_ALERT, ON_FAILURE_FREEZE, ON_FAILURE_REVERT };
extern const char *const on_failure_names[]; /* "alert", "freeze", "revert", NULL */

struct verification {
    struct verification *next;
    char *id; /* of the chain that changed it */
    char *policy, *target, *check;
    enum on_failure on_failure;
    int64_t due_ms;
    char *back; /* JSON: the wanted that puts the former values back; NULL: there is none */
};
void verification_free(struct verification *verification);

/* Former values on their way back. */
struct back {
    char *id, *policy, *target, *wanted; /* wanted NULL: there is none */
};
void back_done(struct back *back);

struct known_capacity {
    char field[CAPACITY_FIELD_MAX];
    struct rail_history *history;
};

struct resource {
    struct keyed key;       /* policy: kind, region and account; target: the resource */
    char *kind, *resource;  /* owned */
    char *region, *account; /* NULL: the configuration's */
    struct known_capacity capacities[CAPACITIES_MAX]; /* history NULL: free */

    char *written; /* JSON: the wanted that was applied; NULL: nothing was */
    int64_t written_ms;
    bool confirmed;      /* a read has shown it */
    bool call_unknown;   /* of a kind that cannot be read: whether it was done is not known */
    uint64_t compared;   /* hash of the `current` that was compared with `written`; 0: none */
    uint64_t drift_hash; /* of what differed when it drifted; 0: it did not */
    int64_t drift_ms,
        drift_until_ms; /* found; held, by the words of who found it. 0: there is none */
    char *drift;        /* in words; NULL: there is none */

    char *frozen; /* why; NULL: it is not */
    struct verification *verifications;
    char *failed, *failed_policy, *failed_target; /* the verification that failed; or NULL */
    int64_t failed_ms;
    struct back back;

    char *denied; /* not in the store, like the rest */
    int64_t denied_until_ms;
    uint32_t open_intents; /* of a process that died: recover.c looks */
    struct action *acting;
    int64_t acting_until_ms; /* while policies in mode act wish something of it */
    uint8_t counted;         /* bits: how it is counted in struct resources */
    struct resource *watched_next;
};

/* Plain data; zero-initialised it is empty. */
struct resources {
    struct table table;
    size_t frozen, failed, verifying, returning; /* how many there are: most often none */
    struct resource *watched; /* those, so that each target need not look at all */
};

void resources_done(struct resources *resources);
MUST_CHECK int resources_load(struct resources *resources, struct store *store, const char *world,
                              struct fault *fault);
/* Found, or made. NULL: no memory. */
struct resource *resources_get(struct resources *resources, const char *kind, const char *resource,
                               const char *region, const char *account);
/* Notes its row; forgets it there when nothing is worth keeping. Counts what is frozen, due,
 * failed, on its way back. */
void resources_keep(struct resources *resources, struct resource *resource,
                    struct changes *changes);

/* freeze.c: ends the freeze by a failed verification, and what of it is shown, with an entry in the
 * journal. Whether there was one. by may be NULL. */
bool resource_unfreeze(struct resources *resources, struct resource *resource, const char *by,
                       int64_t at_ms, struct changes *changes);

/* The history of a capacity; NULL: no memory. */
struct rail_history *resource_history(struct resource *resource, const char *field);

/* Replaces an owned text by a copy (text may be NULL). ERR_NOMEM: it is NULL then, which who sets
 * words for people may leave at that. */
int text_set(char **owned, const char *text);

#endif
