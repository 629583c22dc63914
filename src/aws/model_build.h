/* aws/model_build.h - a model while it is read: what its readers share.
 *
 *   model_read.c       the documents and their top level: metadata, operations
 *   model_shapes.c     shapes and members, in the order in which they come
 *   model_extras.c     pagination and waiters
 *   model_link.c       once everything is there: references, defaults, look-up tables
 *
 * A shape is made at its first mention, so one pass is enough; model_link() refuses those that were
 * mentioned and never came. What only the building needs is in an arena of its own. */
#ifndef MOONTIDE_AWS_MODEL_BUILD_H
#define MOONTIDE_AWS_MODEL_BUILD_H

#include "arena.h"
#include "moontide/aws/model.h"
#include "moontide/base/json.h"

enum { MODEL_ARENA_MAX = 512 * 1024 * 1024, MEMBERS_MAX = 60000 };

/* How a model is kept: the face first. */
struct model_box {
    struct model model;
    struct arena arena; /* empty in a face upon another model: */
    struct model *base; /* the one that has it; or NULL */
    unsigned references;
};

/* A shape and what has to wait until all shapes are there. */
struct draft {
    struct shape *shape;
    size_t name_len;
    uint32_t hash;
    bool defined;
    const char *payload;         /* the name of a member, or NULL */
    const char *const *required; /* names of members, or NULL */
    struct draft *next;
};

struct operation_draft {
    struct operation operation;
    const char *checksum_member;
};

struct pagination_draft {
    const char *operation;
    struct pagination *pagination;
};

struct waiter_draft {
    const char *operation;
    struct waiter waiter;
};

/* A list that grows while it is read; the items are copied out of it. */
struct gather {
    void *items;
    size_t count, cap;
};

struct builder {
    const char *service;
    struct fault *fault;
    struct model_box *box;
    struct arena *arena; /* the box's */
    struct arena scratch;
    struct json_reader json;

    struct draft **slots; /* a hash table by name */
    size_t slot_count, draft_count;
    struct draft *drafts; /* newest first */
    uint32_t members;     /* handed out indexes */

    struct gather names, member_list, operations, paginations, waiters, acceptors;
    bool says_protocols; /* metadata.protocols came: metadata.protocol does not count */
};

/* Fills the fault once, and returns the code. The first is for what JSON says well but a model must
 * not; its text names the place. */
int build_refuse(struct builder *b, const char *format, ...) PRINTF_LIKE(2, 3);
int build_no_memory(struct builder *b);

/* Reading. Each returns OK or the failure, told. */
int read_object(struct builder *b);
/* After read_object(): 1: a key is in b->json; 0: the object has ended. */
int read_key(struct builder *b);
int read_text(struct builder *b, const char **out); /* into the model's arena */
int read_bool(struct builder *b, bool *out);
int read_int(struct builder *b, int *out);
/* A text, or a list of texts: ends with NULL. */
int read_names(struct builder *b, const char *const **out);
int read_skip(struct builder *b); /* the value of a key */
/* The value of a key as JSON text. */
int read_raw(struct builder *b, const char **out);
/* { "shape": NAME, ... }: a reference to a shape and what is said beside it. */
int read_member(struct builder *b, struct member *out);

/* Appends a copy of an item of `size` bytes. NULL: told. */
void *gather_add(struct builder *b, struct gather *g, const void *item, size_t size);

/* The shape of that name, made if need be. NULL: no memory. */
struct draft *build_shape(struct builder *b, const char *name, size_t len);

int read_shapes(struct builder *b);
int read_pagination(struct builder *b);
int read_waiters(struct builder *b);
int model_link(struct builder *b);

/* Whether the key just read is this literal. */
#define KEY_IS(b, literal)                                                                         \
    ((b)->json.len == sizeof(literal) - 1 &&                                                       \
     __builtin_memcmp((b)->json.text, literal, sizeof(literal) - 1) == 0)

#endif
