/* support/fake_actor.h - decision kinds in C whose resources are JSON texts of the test's own.
 *
 * Two kinds. "count": each member that `wanted` names is compared with the resource's, but for min
 * and max, which are bounds; the capacity is `count`. "call": it cannot be read, and always
 * differs. Answers come in the next turn of the loop, or when the test gives them. What was asked
 * is written down in order. */
#ifndef MOONTIDE_TESTS_FAKE_ACTOR_H
#define MOONTIDE_TESTS_FAKE_ACTOR_H

#include "moontide/io/loop.h"
#include "moontide/tick/actor.h"

#include <stdbool.h>
#include <stddef.h>

struct fake_call;
struct fake_resource;

struct fake_actor {
    struct actor actor;
    struct loop *loop;
    const char *others; /* JSON of resources that were not set; NULL: there are no others */
    bool no_kinds;      /* as if their modules were gone */

    bool hold_read, hold_check, hold_apply; /* until fake_answer() */
    int read_code, check_code;              /* what each answer is; OK */
    const char *read_problem;
    const char *infeasible, *busy, *notes;
    int apply_code;
    bool unsent;
    bool effect;    /* a failed apply has changed the resource all the same */
    bool invisible; /* an apply is not to be seen in reads until fake_show() */
    int start_code; /* of apply: negative when it does not even start */

    /* seen: "read a b;compare a;check a;apply a {...};", without the compares unless asked for */
    char log[32768];
    bool log_compares;
    size_t reads, compares, checks, applies, canceled;
    void (*on_apply)(void *data); /* as apply is entered; NULL: nobody looks */
    void *data;

    struct fake_call *first, *last;
    struct fake_resource *resources;
};

void fake_init(struct fake_actor *fake, struct loop *loop);
void fake_done(struct fake_actor *fake); /* frees; fails the test when a call is under way */
/* The resource's state from now on; json NULL: there is no such one. */
void fake_set(struct fake_actor *fake, const char *resource, const char *json);
const char *fake_get(const struct fake_actor *fake, const char *resource); /* NULL: not set */
/* How often a change of it was made. */
int fake_made(const struct fake_actor *fake, const char *resource);
void fake_show(struct fake_actor *fake); /* what was invisible */
/* Answers what is under way, oldest first; count 0: all. Returns how many there were. */
size_t fake_answer(struct fake_actor *fake, size_t count);
size_t fake_held(const struct fake_actor *fake); /* calls that wait for fake_answer() */
void fake_clear(struct fake_actor *fake);        /* the log */

#endif
