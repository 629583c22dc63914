/* bind/ptest_keep.c - a courier that takes every notification and keeps it, for policy tests. */
#include "moontide/io/loop.h"
#include "ptest_house.h"

#include <stdlib.h>
#include <string.h>

struct courier_call {
    struct courier_call *next;
    struct keep *keep;
    struct loop_timer *timer;
    courier_done_fn *done;
    void *data;
};

struct keep {
    struct courier courier; /* first */
    struct loop *loop;
    struct strbuf *kept;
    struct courier_call *calls;
};

static void call_end(struct courier_call *call)
{
    struct courier_call **at = &call->keep->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    loop_timer_cancel(call->timer);
    free(call);
}

static void taken(void *data)
{
    struct courier_call *call = data;
    courier_done_fn *done = call->done;
    void *to = call->data;
    call->timer = NULL;
    call_end(call);
    done(to, &(struct delivery){.code = OK, .answer = "kept"});
}

static int keep_send(struct courier *courier, const struct receiver_settings *receiver,
                     const char *notification, const char *state, courier_done_fn *done, void *data,
                     struct courier_call **out)
{
    struct keep *keep = (struct keep *)courier;
    struct courier_call *call = calloc(1, sizeof *call);
    (void)receiver;
    (void)state;
    if (!call) return ERR_NOMEM;
    *call = (struct courier_call){.next = keep->calls, .keep = keep, .done = done, .data = data};
    int code = loop_timer_start(keep->loop, 0, taken, call, &call->timer);
    if (code < 0) {
        free(call);
        return code;
    }
    keep->calls = call;
    if (keep->kept->len > 0) strbuf_addc(keep->kept, ',');
    strbuf_adds(keep->kept, notification);
    *out = call;
    return OK;
}

static void keep_cancel(struct courier *courier, struct courier_call *call)
{
    (void)courier;
    call_end(call);
}

static void keep_free(struct courier *courier)
{
    struct keep *keep = (struct keep *)courier;
    while (keep->calls)
        call_end(keep->calls);
    free(keep);
}

int courier_keep_new(struct loop *loop, struct strbuf *kept, struct courier **out)
{
    static const struct courier_vtable vtable = {
        .free = keep_free, .send = keep_send, .cancel = keep_cancel};
    struct keep *keep = calloc(1, sizeof *keep);
    if (!keep) return ERR_NOMEM;
    *keep = (struct keep){.courier = {&vtable}, .loop = loop, .kept = kept};
    *out = &keep->courier;
    return OK;
}
