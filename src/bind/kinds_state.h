/* bind/kinds_state.h - what the files that make up the kinds share.
 *
 *   kinds.c          the state, and the list of kinds
 *   kinds_declare.c  kind{}: a kind's table becomes a struct kind
 *   kinds_compare.c  compare and simulate, and what is remembered of them
 *   kinds_call.c     read, check and apply
 *   prelude/kinds.lua  what of these is Lua */
#ifndef MOONTIDE_BIND_KINDS_STATE_H
#define MOONTIDE_BIND_KINDS_STATE_H

#include "moontide/base/strbuf.h"
#include "moontide/bind/kinds.h"
#include "moontide/vm/task.h"

enum {
    KINDS_MAX = 200,
    KIND_JSON_MAX = 1024 * 1024 /* of one current, wanted or list of changes */
};

/* Functions of prelude/kinds.lua, in this order at host_refs. */
enum host_function { HOST_READ, HOST_COMPARE, HOST_CHECK, HOST_APPLY, HOST_SIMULATE, HOST_COUNT };

struct entry {
    char *name, *path; /* path "" for those of the binary */
    uint64_t hash;     /* of its source */
    struct kind *kind;
};

/* A resource in a state in which nothing differed from what was wanted. */
struct equal {
    uint64_t key[2]; /* of kind, resource, wanted and current; both 0: empty */
    double from[CAPACITIES_MAX], to[CAPACITIES_MAX];
    uint8_t fields[CAPACITIES_MAX]; /* indexes in the kind's capacities */
    uint8_t count;
};

struct kinds {
    struct actor actor;
    struct binding binding; /* what vm_owner() is */
    struct host host;
    struct vm *vm; /* NULL: no kind was asked for yet */
    int host_refs[HOST_COUNT];
    struct entry *entries;
    size_t entry_count;
    uint64_t generations;
    struct actor_call *calls; /* under way */
    struct equal *equals;     /* shape: [equal_cap], a power of two; the newest wins a slot */
    size_t equal_cap, equal_count;
};

static inline struct kinds *kinds_of(struct actor *actor)
{
    return (struct kinds *)actor;
}

struct vm_budget kinds_budget(const char *what);
/* The kind of a subject, borrowed from the list; NULL with the fault filled. */
struct kind *kinds_find(struct kinds *kinds, const char *name, struct fault *fault);
/* Pushes a function of the prelude, or the table of a kind. */
void kinds_push_host(struct kinds *kinds, enum host_function function);
void kind_push(const struct kind *kind);

/* kinds_declare.c: opens `kind` in the state; reads the table at idx into *out, which is zeroed but
 * for the private fields. Throws, with the field that is wrong. */
int kind_declare(lua_State *L);
void kind_read_table(lua_State *L, int idx, struct kind *out);
void kind_free_fields(struct kind *kind);

/* kinds_compare.c */
int kinds_compare(struct actor *actor, const struct subject *subject,
                  const struct capacity *clipped, size_t clipped_count, struct comparison *out,
                  struct fault *fault);
int kinds_simulate(struct actor *actor, const struct subject *subject,
                   const struct comparison *comparison, char **out, struct fault *fault);

/* kinds_call.c */
int kinds_read(struct actor *actor, struct subject *subjects, size_t count, actor_read_fn *done,
               void *data, struct actor_call **out);
int kinds_check(struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_check_fn *done, void *data,
                struct actor_call **out);
int kinds_apply(struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_apply_fn *done, void *data,
                struct actor_call **out);
void kinds_cancel(struct actor *actor, struct actor_call *call);
size_t kinds_on_call(void *tag, size_t begun, const struct call_record *record);
int kinds_answer(lua_State *L); /* what the prelude calls for each subject that was read */

#endif
