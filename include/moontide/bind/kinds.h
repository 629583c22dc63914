/* bind/kinds.h - the decision kinds: those that ship inside the binary, and an operator's own in
 * policies/lib/kind_<name>.lua. docs/kinds.md is what an operator reads.
 *
 * One sandboxed Lua state holds all of them. It is made when the first kind is asked for, so that a
 * project without decisions pays nothing. Policies take a kind's declaration (its fields) to check
 * what decide.<name> is given; the tick takes the actor (tick/actor.h) to carry decisions out. */
#ifndef MOONTIDE_BIND_KINDS_H
#define MOONTIDE_BIND_KINDS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/host.h"
#include "moontide/tick/actor.h"

enum kind_type {
    KIND_STRING,
    KIND_NUMBER,
    KIND_COUNT, /* a whole number from 0 to 2^31 - 1 */
    KIND_DURATION,
    KIND_BOOLEAN,
    KIND_TABLE,
};

enum { KIND_FIELDS_MAX = 24, KIND_PAIRS_MAX = 4, KIND_NAME_MAX = 64 };

struct kind_field {
    char *name, *doc; /* doc may be "" */
    enum kind_type type;
    bool required;
};

/* One loaded kind. Never changes; a save of its file makes another one. */
struct kind {
    struct kind_info info;
    char *doc;
    char *resource;            /* "service/{cluster}/{service}" */
    char *file;                /* as messages show it; "" for those of the binary */
    struct kind_field *fields; /* shape: [field_count] */
    size_t field_count;
    size_t capacities[CAPACITIES_MAX]; /* indexes of fields */
    size_t capacity_count;
    size_t ordered[KIND_PAIRS_MAX][2]; /* the first of a pair may not exceed the second */
    size_t ordered_count;
    /* private */
    struct kinds *kinds;
    uint32_t refs;
    uint64_t generation; /* never used again */
    int table_ref;
};

/* *host is copied, but for `kinds`, which is the result. Allocates little. */
MUST_CHECK int kinds_new(const struct host *host, struct kinds **out);
void kinds_free(struct kinds *kinds); /* after all policies; NULL is allowed */

/* The same for all; ends with kinds_free(). */
struct actor *kinds_actor(struct kinds *kinds);

/* The kind of this name; the caller releases it. One of an operator is read again when its file has
 * changed since. dir: of the policy that asks (its lib/kind_<name>.lua comes first, that of the
 * configuration's policies after it); NULL: that of the configuration. ERR_NOT_FOUND: there is
 * none, and the fault names the nearest one. Other errors: its file is faulty, and the fault has
 * file and line; who uses an earlier version may go on with it. */
MUST_CHECK int kinds_get(struct kinds *kinds, const char *name, const char *dir, struct kind **out,
                         struct fault *fault);
void kind_release(struct kind *kind); /* NULL is allowed */

/* Whether the binary has a kind of this name. */
bool kind_is_built_in(const char *name);
/* "kind_<name>.lua" in the lib of a directory of policies. Malloc'ed; NULL: no memory. */
char *kind_path(const char *dir, const char *name);

/* "{cluster}" of `resource` at *at: where the names begin and end; false when there is none left.
 */
bool kind_placeholder(const char **at, const char **names, size_t *len);

#endif
