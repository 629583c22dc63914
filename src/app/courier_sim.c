/* app/courier_sim.c - the courier of a simulated world: what would have been sent is logged. */
#include "moontide/app/alerting.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/loop.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

enum { TITLES_MAX = 5, TITLES_BYTES_MAX = 16 * 1024 };

struct courier_call {
    struct courier_call *next;
    struct sim *sim;
    struct loop_timer *timer;
    courier_done_fn *done;
    void *data;
};

struct sim {
    struct courier courier; /* first */
    struct loop *loop;
    struct courier_call *calls;
};

static void call_end(struct courier_call *call)
{
    struct courier_call **at = &call->sim->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    loop_timer_cancel(call->timer);
    free(call);
}

static void answer(void *data)
{
    struct courier_call *call = data;
    courier_done_fn *done = call->done;
    void *done_data = call->data;
    call->timer = NULL;
    call_end(call);
    done(done_data, &(struct delivery){.code = OK, .answer = "simulated"});
}

/* "high api_latency environment=prod; ..." */
static void log_notification(const char *notification)
{
    struct strbuf titles;
    cJSON *document = cJSON_Parse(notification);
    const cJSON *alerts = cJSON_GetObjectItemCaseSensitive(document, "alerts"), *each;
    int count = 0, all = cJSON_GetArraySize(alerts);
    strbuf_init(&titles, TITLES_BYTES_MAX);
    cJSON_ArrayForEach(each, alerts)
    {
        if (count++ == TITLES_MAX) break;
        strbuf_addf(&titles, "%s%s %s %s", count > 1 ? "; " : "", json_tree_text(each, "severity"),
                    json_tree_text(each, "type"), json_tree_text(each, "target"));
    }
    if (all > TITLES_MAX) strbuf_addf(&titles, "; and %d more", all - TITLES_MAX);
    log_event(LOG_INFO, "alert.simulated", LOG_S("receiver", json_tree_text(document, "receiver")),
              LOG_S("status", json_tree_text(document, "status")),
              LOG_S("titles", strbuf_status(&titles) < 0 ? "..." : strbuf_cstr(&titles)));
    strbuf_done(&titles);
    cJSON_Delete(document);
}

static int sim_send(struct courier *courier, const struct receiver_settings *receiver,
                    const char *notification, const char *state, courier_done_fn *done, void *data,
                    struct courier_call **out)
{
    struct sim *sim = (struct sim *)courier;
    struct courier_call *call = calloc(1, sizeof *call);
    (void)receiver;
    (void)state;
    if (!call) return ERR_NOMEM;
    *call = (struct courier_call){.next = sim->calls, .sim = sim, .done = done, .data = data};
    int code = loop_timer_start(sim->loop, 0, answer, call, &call->timer);
    if (code < 0) {
        free(call);
        return code;
    }
    sim->calls = call;
    log_notification(notification);
    *out = call;
    return OK;
}

static void sim_cancel(struct courier *courier, struct courier_call *call)
{
    (void)courier;
    call_end(call);
}

static void sim_free(struct courier *courier)
{
    struct sim *sim = (struct sim *)courier;
    while (sim->calls)
        call_end(sim->calls);
    free(sim);
}

int courier_sim_new(struct loop *loop, struct courier **out)
{
    static const struct courier_vtable vtable = {
        .free = sim_free, .send = sim_send, .cancel = sim_cancel};
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim) return ERR_NOMEM;
    *sim = (struct sim){.courier = {&vtable}, .loop = loop};
    *out = &sim->courier;
    return OK;
}
