/* bind/courier.c - a stand-in: receivers of type "webhook" are sent the notification as it is. */
#include "moontide/bind/courier.h"

#include "moontide/io/http.h"
#include "moontide/notify/settings.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct post {
    struct courier courier; /* first */
    const struct host *host;
};
struct courier_call {
    struct http_call *call;
    courier_done_fn *done;
    void *data;
};

static void answered(void *data, const struct http_response *response)
{
    struct courier_call *call = data;
    char answer[64];
    snprintf(answer, sizeof answer, "%d", response->status);
    struct delivery delivery = {.code = OK, .answer = answer};
    if (response->code < 0)
        delivery = (struct delivery){.code = response->code, .answer = response->fault.text};
    else if (response->status >= 300)
        delivery = (struct delivery){.code = ERR_HTTP,
                                     .permanent = response->status < 500 && response->status != 429,
                                     .answer = answer};
    call->done(call->data, &delivery);
    free(call);
}

static int post_send(struct courier *courier, const struct receiver_settings *receiver,
                     const char *notification, const char *state, courier_done_fn *done, void *data,
                     struct courier_call **out)
{
    struct post *post = (struct post *)courier;
    struct courier_call *call = calloc(1, sizeof *call);
    (void)state;
    if (!call) return ERR_NOMEM;
    *call = (struct courier_call){.done = done, .data = data};
    cJSON *settings = cJSON_Parse(receiver->json);
    const char *url = cJSON_GetStringValue(cJSON_GetObjectItem(settings, "url"));
    struct http_request request = {.method = "POST",
                                   .url = url ? url : "",
                                   .body = notification,
                                   .body_len = strlen(notification)};
    int code = http_send(post->host->http, &request, answered, call, &call->call);
    cJSON_Delete(settings);
    if (code < 0) free(call);
    *out = code < 0 ? NULL : call;
    return code;
}

static void post_cancel(struct courier *courier, struct courier_call *call)
{
    (void)courier;
    http_cancel(call->call);
    free(call);
}

static void post_free(struct courier *courier)
{
    free(courier);
}

int courier_new(const struct host *host, struct courier **out)
{
    static const struct courier_vtable vtable = {
        .free = post_free, .send = post_send, .cancel = post_cancel};
    struct post *post = calloc(1, sizeof *post);
    if (!post) return ERR_NOMEM;
    *post = (struct post){.courier = {&vtable}, .host = host};
    *out = &post->courier;
    return OK;
}

int courier_check(struct courier *courier, const struct receiver_settings *receiver,
                  struct fault *fault)
{
    (void)courier;
    if (strcmp(receiver->type, "webhook") == 0) return OK;
    return fault_set(fault, ERR_INVALID, "receiver %s: there is no type '%s'", receiver->name,
                     receiver->type);
}
