/* bind/courier_state.h - what the files that make up the courier share.
 *
 *   courier.c       the state, the vtable, and whether a receiver's settings are right
 *   courier_call.c  one message on its way
 *   courier_core.c  what of the courier's Lua is C
 *   prelude/receivers.lua  the rest, and prelude/receiver_*.lua the receivers */
#ifndef MOONTIDE_SRC_BIND_COURIER_STATE_H
#define MOONTIDE_SRC_BIND_COURIER_STATE_H

#include "moontide/bind/courier.h"
#include "moontide/vm/task.h"

enum {
    COURIER_SEND_MS = 50 * 1000, /* below OUTBOX_SEND_MS, so that the answer tells why */
    COURIER_MEMORY_BYTES = 96 * 1024 * 1024, /* a message of 5 MiB is in there several times */
    RECEIVER_TYPE_MAX = 64,
};

/* Functions of prelude/receivers.lua, in this order at post_refs. */
enum post_function { POST_CHECK, POST_SEND, POST_COUNT };

struct post {
    struct courier courier;
    struct binding binding; /* what vm_owner() is */
    const struct host *host;
    struct vm *vm; /* NULL: nothing was sent yet */
    int post_refs[POST_COUNT];
    struct courier_call *calls; /* under way */
    struct courier_call *beat;  /* the heartbeat that is; one of them */
};

static inline struct post *post_of(struct courier *courier)
{
    return (struct post *)courier;
}

/* Makes the Lua state where there is none. */
int post_open(struct post *post, struct fault *fault);
struct vm_budget post_budget(const char *what);

/* courier_call.c */
int post_send(struct courier *courier, const struct receiver_settings *receiver,
              const char *notification, const char *state, courier_done_fn *done, void *data,
              struct courier_call **out);
void post_cancel(struct courier *courier, struct courier_call *call);
void post_heartbeat(struct courier *courier, const char *settings_json);
/* Whether the message that the running task makes is being rendered: a budget that ends then is the
 * fault of a template. */
void call_renders(void *tag, bool renders);
double call_seconds_left(const void *tag);

/* courier_core.c: pushes the table of functions that receivers.lua is given. */
void push_core(lua_State *L, struct post *post);

#endif
