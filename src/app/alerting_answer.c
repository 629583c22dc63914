/* app/alerting_answer.c - what a running daemon answers about alerts, silences and receivers. */
#include "moontide/app/alerting.h"
#include "moontide/app/alerts.h"
#include "moontide/app/silences.h"
#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/notify/outbox.h"
#include "moontide/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 60 * 1024 * 1024 };

static void answer_text(struct control_request *request, const char *json)
{
    control_answer(request, json, strlen(json));
}

static void answer_error(struct control_request *request, const char *text)
{
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, 4 * FAULT_TEXT_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "error");
    json_string(&w, text);
    json_object_end(&w);
    control_answer(request, strbuf_cstr(&out), out.len);
    strbuf_done(&out);
}

/* ---- alerts ---- */

/* Why an alert is held back, by where it is in the engine. */
struct hold {
    const struct alert *alert;
    enum held held;
    char by[64];
};
struct listing {
    struct json_writer w;
    struct hold *holds; /* shape: [count], sorted by alert */
    size_t count, cap;
};

static void take_hold(void *data, const struct notifier_alert *shown)
{
    struct listing *listing = data;
    if (listing->count == listing->cap) {
        size_t cap = listing->cap ? listing->cap * 2 : 256;
        struct hold *holds = realloc(listing->holds, cap * sizeof *holds);
        if (!holds) return; /* then it is shown without */
        listing->holds = holds;
        listing->cap = cap;
    }
    struct hold *hold = &listing->holds[listing->count++];
    *hold = (struct hold){.alert = shown->alert, .held = shown->held};
    snprintf(hold->by, sizeof hold->by, "%s", shown->by);
}

static int by_alert(const void *a, const void *b)
{
    const struct alert *x = ((const struct hold *)a)->alert, *y = ((const struct hold *)b)->alert;
    return (x > y) - (x < y);
}

static void write_alerts(void *data, const char *policy, const char *target,
                         const struct alert *alerts, size_t count)
{
    static const char *const names[] = {"", "silence", "inhibit", "mute", "waiting"};
    struct listing *listing = data;
    for (size_t i = 0; i < count; i++) {
        struct hold wanted = {.alert = &alerts[i]};
        const struct hold *hold = listing->count ? bsearch(&wanted, listing->holds, listing->count,
                                                           sizeof wanted, by_alert)
                                                 : NULL;
        alert_json(&listing->w,
                   &(struct alert_shown){.policy = policy,
                                         .target = target,
                                         .type = alerts[i].type,
                                         .key = alerts[i].key,
                                         .state = alert_state_names[alerts[i].state],
                                         .severity = severity_names[alerts[i].severity],
                                         .since_ms = alerts[i].since_ms,
                                         .raised_ms = alerts[i].raised_ms,
                                         .unknown = alerts[i].unknown,
                                         .flapping = alerts[i].flapping,
                                         .description = alerts[i].description,
                                         .held = names[hold ? hold->held : HELD_NOT],
                                         .by = hold ? hold->by : ""});
    }
}

static void on_alerts(struct instance *instance, struct control_request *request)
{
    struct strbuf out;
    struct listing listing = {0};
    const struct notifier *notifier = alerting_notifier(instance->alerting);
    if (notifier) notifier_each(notifier, take_hold, &listing);
    if (listing.count) qsort(listing.holds, listing.count, sizeof *listing.holds, by_alert);
    strbuf_init(&out, ANSWER_BYTES_MAX);
    json_writer_init(&listing.w, &out);
    json_object(&listing.w);
    json_key(&listing.w, "world");
    json_string(&listing.w, instance->world->name);
    json_key(&listing.w, "now");
    json_int(&listing.w, clock_now_ms(&instance->world->clock));
    json_key(&listing.w, "alerts");
    json_array(&listing.w);
    engine_each_alert(instance->engine, write_alerts, &listing);
    if (notifier) notifier_each_own(notifier, write_alerts, &listing);
    json_array_end(&listing.w);
    json_object_end(&listing.w);
    if (strbuf_status(&out) < 0)
        answer_error(request, "there are too many alerts to list");
    else
        control_answer(request, strbuf_cstr(&out), out.len);
    strbuf_done(&out);
    free(listing.holds);
}

/* ---- silences ---- */

static void note_written(void *data, int code, const struct fault *fault)
{
    (void)data;
    if (code < 0)
        log_event(LOG_ERROR, "silence.not_journaled",
                  LOG_S("error", fault ? fault->text : err_text(code)));
}

/* The file is what counts and is there already; the journal is told who did it. */
static void on_silences(struct instance *instance, const char *arguments,
                        struct control_request *request)
{
    struct notifier *notifier = alerting_notifier(instance->alerting);
    char *entry = malloc(CONTROL_REQUEST_MAX);
    int code = entry ? control_argument(arguments, "entry", entry, CONTROL_REQUEST_MAX) : ERR_NOMEM;
    if (code == OK && instance->store)
        code = silence_journal(instance->store, instance->world->name,
                               clock_now_ms(&instance->world->clock), entry, note_written, NULL);
    if (code < 0 && code != ERR_NOT_FOUND) note_written(NULL, code, NULL);
    free(entry);
    if (notifier) notifier_silences_changed(notifier);
    answer_text(request, "{\"ok\":true}");
}

/* ---- tests and dead letters ---- */

static void on_test(struct instance *instance, const char *arguments,
                    struct control_request *request)
{
    struct notifier *notifier = alerting_notifier(instance->alerting);
    struct fault fault = {0};
    char receiver[256];
    int code = OK;
    if (control_argument(arguments, "receiver", receiver, sizeof receiver) < 0)
        answer_error(request, "alerts_test needs a receiver");
    else if (!notifier)
        answer_error(request, "the running daemon has no receivers: moontide.lua is read at start");
    else if ((code = notifier_test(notifier, receiver, &fault)) == ERR_BUSY)
        answer_text(request, "{\"busy\":true}"); /* a batch is on its way: in a moment */
    else if (code < 0)
        answer_error(request, fault.text);
    else
        answer_text(request, "{\"ok\":true}");
}

static void on_resend(struct instance *instance, const char *arguments,
                      struct control_request *request)
{
    struct notifier *notifier = alerting_notifier(instance->alerting);
    char which[32], world[WORLD_NAME_MAX], answer[64];
    size_t count = 1;
    if (control_argument(arguments, "which", which, sizeof which) < 0 ||
        control_argument(arguments, "world", world, sizeof world) < 0 || !notifier) {
        answer_error(request, notifier ? "alerts_resend needs a number, or all, and the world"
                                       : "the running daemon has no receivers");
        return;
    }
    if (strcmp(world, instance->world->name) != 0) {
        answer_error(request, "the running daemon is of another world");
        return;
    }
    struct outbox *outbox = notifier_outbox(notifier);
    int code = strcmp(which, "all") == 0 ? outbox_resend_all(outbox, &count)
                                         : outbox_resend(outbox, strtoll(which, NULL, 10));
    if (code < 0) {
        answer_error(request,
                     code == ERR_NOT_FOUND ? "there is no such dead letter" : err_text(code));
        return;
    }
    snprintf(answer, sizeof answer, "{\"queued\":%zu}", count);
    answer_text(request, answer);
}

bool alerting_command(struct instance *instance, const char *command, const char *arguments,
                      struct control_request *request)
{
    if (strcmp(command, "alerts") == 0)
        on_alerts(instance, request);
    else if (strcmp(command, "silences") == 0)
        on_silences(instance, arguments, request);
    else if (strcmp(command, "alerts_test") == 0)
        on_test(instance, arguments, request);
    else if (strcmp(command, "alerts_resend") == 0)
        on_resend(instance, arguments, request);
    else
        return false;
    return true;
}

/* ---- status ---- */

static void count_firing(void *data, const char *policy, const char *target,
                         const struct alert *alerts, size_t count)
{
    (void)policy;
    (void)target;
    for (size_t i = 0; i < count; i++)
        *(int64_t *)data += alert_is_on(&alerts[i]);
}

struct asking {
    const char *receiver;
    struct outbox_status status;
};

static void take_status(void *data, const struct outbox_status *status)
{
    struct asking *asking = data;
    if (strcmp(status->receiver, asking->receiver) == 0) asking->status = *status;
}

static void write_receiver(struct json_writer *w, const struct receiver_settings *receiver,
                           const struct outbox *outbox)
{
    struct asking asking = {.receiver = receiver->name, .status = {.answer = ""}};
    outbox_each(outbox, take_status, &asking);
    json_object(w);
    json_key(w, "receiver");
    json_string(w, receiver->name);
    json_key(w, "type");
    json_string(w, receiver->type);
    json_key(w, "queued");
    json_int(w, (int64_t)asking.status.queued);
    json_key(w, "sick");
    json_bool(w, asking.status.sick);
    json_key(w, "failing_since_ms");
    json_int(w, asking.status.failing_since_ms);
    json_key(w, "answer");
    json_string(w, asking.status.answer);
    json_object_end(w);
}

void alerting_status_json(const struct instance *instance, struct json_writer *w)
{
    const struct notify_settings *settings = &instance->config->alerts;
    struct notifier *notifier = alerting_notifier(instance->alerting);
    int64_t firing = 0;
    engine_each_alert(instance->engine, count_firing, &firing);
    json_object(w);
    json_key(w, "firing");
    json_int(w, firing);
    json_key(w, "receivers");
    json_array(w);
    for (size_t i = 0; notifier && i < settings->receiver_count; i++)
        write_receiver(w, &settings->receivers[i], notifier_outbox(notifier));
    json_array_end(w);
    json_object_end(w);
}
