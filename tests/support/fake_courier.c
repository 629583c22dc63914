/* A courier for tests. */
#include "support/fake_courier.h"

#include "moontide/notify/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct courier_call {
    struct fake_courier *fake;
    size_t slot;
    struct loop_timer *timer;
    courier_done_fn *done;
    void *data;
    char *text;
    bool fails;
};

static const char *text_of(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

/* "chat firing slow/prod:high[firing] more/...;" NULL: no memory. */
static char *words_of(const char *notification)
{
    char *out = calloc(1, 8192);
    cJSON *document = cJSON_Parse(notification);
    if (!out || !document) {
        cJSON_Delete(document);
        free(out);
        return NULL;
    }
    sprintf(out, "%s %s%s", text_of(document, "receiver"), text_of(document, "status"),
            cJSON_IsTrue(cJSON_GetObjectItem(document, "repeat")) ? " again" : "");
    const cJSON *each;
    cJSON_ArrayForEach(each, cJSON_GetObjectItem(document, "alerts"))
    {
        size_t len = strlen(out);
        if (len > 7000) break;
        snprintf(out + len, 8192 - len, " %s/%s:%s[%s]", text_of(each, "type"),
                 text_of(each, "target"), text_of(each, "severity"), text_of(each, "state"));
    }
    strcat(out, ";");
    cJSON_Delete(document);
    return out;
}

static void call_free(struct courier_call *call)
{
    loop_timer_cancel(call->timer);
    call->fake->open[call->slot] = NULL;
    call->fake->under_way--;
    free(call->text);
    free(call);
}

static void answer(void *data)
{
    struct courier_call *call = data;
    struct fake_courier *fake = call->fake;
    courier_done_fn *done = call->done;
    void *done_data = call->data;
    struct delivery delivery = {.code = OK, .answer = "200 ok", .state = fake->state};
    call->timer = NULL;
    if (call->fails) {
        delivery = fake->how;
        if (delivery.code == OK) delivery.code = ERR_SERVER;
        if (!delivery.answer) delivery.answer = "500 out of order";
    } else {
        size_t len = strlen(fake->sent);
        assert_true(len + strlen(call->text) < sizeof fake->sent);
        strcpy(fake->sent + len, call->text);
    }
    call_free(call);
    done(done_data, &delivery);
}

static void note_id(struct fake_courier *fake, const char *notification)
{
    cJSON *document = cJSON_Parse(notification);
    size_t len = strlen(fake->ids);
    if (document && len < sizeof fake->ids - 64)
        sprintf(fake->ids + len, "%s;", text_of(document, "id"));
    cJSON_Delete(document);
}

static int begin(struct courier_call *call)
{
    struct fake_courier *fake = call->fake;
    if (!call->text) return ERR_NOMEM;
    if (!fake->hold) {
        int code = loop_timer_start(fake->loop, 0, answer, call, &call->timer);
        if (code < 0) return code;
    }
    while (fake->open[call->slot])
        call->slot++;
    assert_true(call->slot < FAKE_CALLS);
    fake->open[call->slot] = call;
    fake->attempts++;
    fake->under_way++;
    return OK;
}

static int send(struct courier *courier, const struct receiver_settings *receiver,
                const char *notification, const char *state, courier_done_fn *done, void *data,
                struct courier_call **out)
{
    struct fake_courier *fake = (struct fake_courier *)courier;
    struct courier_call *call = calloc(1, sizeof *call);
    if (!call) return ERR_NOMEM;
    *call = (struct courier_call){.fake = fake,
                                  .done = done,
                                  .data = data,
                                  .text = words_of(notification),
                                  .fails = fake->sick && strcmp(fake->sick, receiver->name) == 0};
    int code = begin(call);
    if (code < 0) {
        free(call->text);
        free(call);
        return code;
    }
    note_id(fake, notification);
    snprintf(fake->given, sizeof fake->given, "%s", state ? state : "");
    *out = call;
    return OK;
}

static void cancel(struct courier *courier, struct courier_call *call)
{
    ((struct fake_courier *)courier)->canceled++;
    call_free(call);
}

static void heartbeat(struct courier *courier, const char *settings_json)
{
    assert_non_null(settings_json);
    ((struct fake_courier *)courier)->heartbeats++;
}

void fake_courier_init(struct fake_courier *fake, struct loop *loop)
{
    static const struct courier_vtable vtable = {
        .send = send, .cancel = cancel, .heartbeat = heartbeat};
    *fake = (struct fake_courier){.courier = {&vtable}, .loop = loop};
}
