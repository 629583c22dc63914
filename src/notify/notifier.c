/* notify/notifier.c - begin and end, what is reported, the timer, and the batches.
 *
 * A pass flushes every group that is due, into one store batch; while that is on its way no other
 * pass begins. What a batch that failed would have told is told by the next one. */
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"

#include "notifier_private.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 10 * 1000, WAIT_MAX_MS = 24 * 3600 * 1000, TOLD_BYTES_MAX = 16 * 1024 * 1024 };

static void pass(struct notifier *notifier);

/* ---- the timer ---- */

static void timer_fired(void *data)
{
    struct notifier *notifier = data;
    notifier->timer = NULL;
    pass(notifier);
}

void notifier_due(struct notifier *notifier, int64_t due_ms)
{
    if (!notifier->engine || notifier->stopping || notifier->committing) return;
    if (notifier->timer && notifier->armed_ms <= due_ms) return;
    loop_timer_cancel(notifier->timer);
    notifier->timer = NULL;
    int64_t wait_ms = clock_real_ms_until(notifier->options.clock, due_ms);
    if (wait_ms > WAIT_MAX_MS) wait_ms = WAIT_MAX_MS;
    int code =
        loop_timer_start(notifier->options.loop, wait_ms, timer_fired, notifier, &notifier->timer);
    notifier->armed_ms = due_ms;
    if (code < 0) log_event(LOG_ERROR, "alert.failed", LOG_S("error", err_text(code)));
}

static void arm(struct notifier *notifier)
{
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < notifier->groups.cap; i++) {
        const struct group *group = (const struct group *)notifier->groups.slots[i];
        if (group && group->due_ms < first_ms) first_ms = group->due_ms;
    }
    if (first_ms < INT64_MAX) notifier_due(notifier, first_ms);
}

/* ---- passes ---- */

static void finish_stop(struct notifier *notifier)
{
    if (notifier->stopping && !notifier->committing && !notifier->reading)
        outbox_stop(notifier->outbox, notifier->stopped, notifier->stopped_data);
}

static void group_told(struct notifier *notifier, struct group *group, int code)
{
    if (code < 0) {
        told_free(group->telling);
        group->due_ms = notifier_now_ms(notifier) + RETRY_MS;
    } else {
        told_done(&group->told);
        group->told = *group->telling;
        free(group->telling);
        group->version = notifier->version;
    }
    group->telling = NULL;
}

/* A group that goes moves others to its place in the table, which is looked at again then. */
static void settle(struct notifier *notifier, int code)
{
    for (size_t i = 0; i < notifier->groups.cap;) {
        struct group *group = (struct group *)notifier->groups.slots[i];
        if (group && group->telling) group_told(notifier, group, code);
        if (group && group->count == 0 && group->told.count == 0)
            group_drop(notifier, group);
        else
            i++;
    }
}

static void passed(void *data, int code, const struct fault *fault)
{
    struct notifier *notifier = data;
    notifier->committing = false;
    if (code < 0) log_event(LOG_ERROR, "alert.not_kept", LOG_S("error", fault->text));
    settle(notifier, code);
    outbox_committed(notifier->outbox, code);
    finish_stop(notifier);
    if (!notifier->stopping) arm(notifier);
}

/* Also when it is due later than it can be: the clock went back. */
static bool is_due(const struct group *group, int64_t now_ms)
{
    return group->due_ms <= now_ms ||
           group->due_ms - now_ms > group->group_wait_ms + group->group_interval_ms;
}

/* A flush may add a group and so move others; one that is missed for it is due still, and one that
 * is met again is not. */
static void flush_due(struct notifier *notifier, struct store_batch *batch)
{
    int64_t now_ms = notifier_now_ms(notifier);
    for (size_t i = 0; i < notifier->groups.cap; i++) {
        struct group *group = (struct group *)notifier->groups.slots[i];
        if (!group || !is_due(group, now_ms)) continue;
        if (group_flush(notifier, group, batch) < 0) continue; /* it says so, and is due again */
    }
}

static void pass(struct notifier *notifier)
{
    struct store_batch *batch = NULL;
    if (notifier->committing || notifier->stopping || !notifier->engine || !notifier->settings)
        return;
    int code = store_batch_new(notifier->options.world, notifier_now_ms(notifier), &batch);
    if (code == OK) {
        flush_due(notifier, batch);
        if (store_batch_empty(batch)) {
            store_batch_free(batch);
            settle(notifier, OK);
            arm(notifier);
            return;
        }
        code = store_commit(notifier->options.store, batch, passed, notifier);
    }
    if (code == OK) {
        notifier->committing = true;
        return;
    }
    log_event(LOG_ERROR, "alert.not_kept", LOG_S("error", err_text(code)));
    settle(notifier, code);
    outbox_committed(notifier->outbox, code);
    notifier_due(notifier, notifier_now_ms(notifier) + RETRY_MS);
}

/* ---- what the outbox says ---- */

/* A receiver that fails is an alert of its own, for the others. */
static void receiver_sick(void *data, const char *receiver, bool sick, const char *why)
{
    struct notifier *notifier = data;
    struct strbuf text;
    strbuf_init(&text, 1024);
    strbuf_addf(&text, "Nothing has reached the receiver %s for 10 minutes: %.500s", receiver, why);
    struct alert alert = {.type = "receiver_failing",
                          .key = receiver,
                          .description = strbuf_cstr(&text),
                          .recommendation = "See `moontide alerts dead` and the log",
                          .severity = SEVERITY_HIGH,
                          .state = ALERT_FIRING,
                          .raised_ms = notifier_now_ms(notifier)};
    struct strbuf target;
    strbuf_init(&target, 1024);
    strbuf_addf(&target, "receiver=%.500s", receiver);
    if (items_update(notifier, OWN_POLICY, strbuf_cstr(&target), &alert, sick ? 1 : 0) < 0)
        log_event(LOG_ERROR, "alert.failed", LOG_S("error", err_text(ERR_NOMEM)));
    strbuf_done(&target);
    strbuf_done(&text);
}

static void keep_state(struct notifier *notifier, struct group *group)
{
    struct strbuf json;
    struct store_batch *batch = NULL;
    strbuf_init(&json, TOLD_BYTES_MAX);
    int code = told_write(&group->told, &json);
    if (code == OK)
        code = store_batch_new(notifier->options.world, notifier_now_ms(notifier), &batch);
    if (code == OK) {
        store_batch_told(batch, &(struct told_row){.group_key = group->key,
                                                   .receiver = group->receiver,
                                                   .json = strbuf_cstr(&json)});
        code = store_commit(notifier->options.store, batch, NULL, NULL);
    }
    strbuf_done(&json);
    if (code < 0) log_event(LOG_WARN, "alert.not_kept", LOG_S("error", err_text(code)));
}

/* What a receiver left (a thread) is given to the next notification of the group. */
static void notification_sent(void *data, const char *receiver, const char *group_key,
                              const char *id, const char *state)
{
    (void)id;
    struct notifier *notifier = data;
    struct group *group = (struct group *)table_find(&notifier->groups, receiver, group_key);
    if (!group || !state || (group->told.state && strcmp(group->told.state, state) == 0)) return;
    char *copy = strdup(state);
    if (!copy) return;
    free(group->told.state);
    group->told.state = copy;
    if (group->telling) {
        free(group->telling->state);
        group->telling->state = strdup(state);
    }
    /* A batch under way carries the record without it: then it goes with the next one. */
    if (group->told.count > 0 && !group->telling && !notifier->stopping)
        keep_state(notifier, group);
}

/* ---- silences ---- */

struct reading {
    struct notifier *notifier;
    struct silences silences;
    struct fault fault;
    int code;
};

static void read_work(void *data)
{
    struct reading *reading = data;
    reading->code = silences_read(reading->notifier->options.silences_path, &reading->silences,
                                  &reading->fault);
}

static void say_unreadable(const struct reading *reading)
{
    if (reading->fault.code < 0)
        log_event(LOG_WARN, "silences.unreadable",
                  LOG_S("file", reading->notifier->options.silences_path),
                  LOG_S("error", reading->fault.text));
}

static void read_done(void *data, int status)
{
    struct reading *reading = data;
    struct notifier *notifier = reading->notifier;
    notifier->reading = false;
    if (status == OK && reading->code == OK) {
        silences_done(&notifier->silences);
        notifier->silences = reading->silences;
    } else {
        silences_done(&reading->silences);
    }
    say_unreadable(reading);
    free(reading);
    finish_stop(notifier);
    if (notifier->read_again && !notifier->stopping) {
        notifier->read_again = false;
        notifier_silences_changed(notifier);
    }
}

void notifier_silences_changed(struct notifier *notifier)
{
    if (!notifier->options.silences_path || notifier->stopping) return;
    if (notifier->reading) {
        notifier->read_again = true;
        return;
    }
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading) reading->notifier = notifier;
    int code =
        reading ? loop_work(notifier->options.loop, read_work, read_done, reading) : ERR_NOMEM;
    notifier->reading = code == OK;
    if (code == OK) return;
    free(reading);
    log_event(LOG_ERROR, "silences.unreadable", LOG_S("error", err_text(code)));
}

/* ---- begin and end ---- */

int notifier_new(const struct notifier_options *options, struct notifier **out, struct fault *fault)
{
    struct notifier *notifier = calloc(1, sizeof *notifier);
    if (!notifier) return fault_set(fault, ERR_NOMEM, "out of memory");
    notifier->options = *options;
    strbuf_init(&notifier->key, GROUP_KEY_MAX);
    struct outbox_options outbox = {.loop = options->loop,
                                    .store = options->store,
                                    .clock = options->clock,
                                    .world = options->world,
                                    .courier = options->courier,
                                    .sick = receiver_sick,
                                    .sent = notification_sent,
                                    .data = notifier};
    int code = groups_load(notifier, fault);
    if (code == OK) code = outbox_new(&outbox, &notifier->outbox, fault);
    if (code < 0) {
        notifier_free(notifier);
        return code;
    }
    *out = notifier;
    return OK;
}

static void seed(void *data, const char *policy, const char *target, const struct alert *alerts,
                 size_t count)
{
    if (items_update(data, policy, target, alerts, count) < 0)
        log_event(LOG_ERROR, "alert.failed", LOG_S("policy", policy), LOG_S("target", target),
                  LOG_S("error", err_text(ERR_NOMEM)));
}

int notifier_start(struct notifier *notifier, struct engine *engine)
{
    if (notifier->options.silences_path) {
        struct reading reading = {.notifier = notifier};
        read_work(&reading); /* the loop does not run yet */
        if (reading.code == OK) notifier->silences = reading.silences;
        say_unreadable(&reading);
    }
    notifier->engine = engine;
    engine_each_alert(engine, seed, notifier);
    arm(notifier);
    return OK;
}

void notifier_settings(struct notifier *notifier, const struct notify_settings *settings)
{
    notifier->settings = settings;
    notifier->version++;
    for (size_t i = 0; i < notifier->groups.cap; i++) /* the routes of before are gone */
        if (notifier->groups.slots[i]) ((struct group *)notifier->groups.slots[i])->route = NULL;
    items_route_all(notifier);
    outbox_settings(notifier->outbox, settings);
    arm(notifier);
}

void notifier_stop(struct notifier *notifier, void (*done)(void *data), void *data)
{
    notifier->stopping = true;
    notifier->stopped = done;
    notifier->stopped_data = data;
    loop_timer_cancel(notifier->timer);
    notifier->timer = NULL;
    finish_stop(notifier);
}

void notifier_free(struct notifier *notifier)
{
    if (!notifier) return;
    loop_timer_cancel(notifier->timer);
    items_free(notifier);
    groups_free(notifier);
    silences_done(&notifier->silences);
    strbuf_done(&notifier->key);
    outbox_free(notifier->outbox);
    free(notifier);
}

bool notifier_busy(const struct notifier *notifier)
{
    int64_t now_ms = notifier_now_ms(notifier);
    bool busy = notifier->committing || notifier->reading || outbox_busy(notifier->outbox);
    for (size_t i = 0; notifier->engine && i < notifier->groups.cap && !busy; i++)
        busy = notifier->groups.slots[i] &&
               is_due((const struct group *)notifier->groups.slots[i], now_ms);
    return busy;
}

struct outbox *notifier_outbox(struct notifier *notifier)
{
    return notifier->outbox;
}

/* ---- reports ---- */

static void keep_context(struct notifier *notifier, const struct target_report *report)
{
    struct house *house = house_find(notifier, report->policy, report->target);
    char *context = house ? notification_context(report) : NULL;
    if (!context) return;
    free(house->context);
    house->context = context;
}

void notifier_target(struct notifier *notifier, const struct target_report *report)
{
    size_t count = 0;
    const struct alert *alerts =
        engine_alerts(notifier->engine, report->policy, report->target, &count);
    int code = items_update(notifier, report->policy, report->target, alerts, count);
    if (code < 0)
        log_event(LOG_ERROR, "alert.failed", LOG_S("policy", report->policy),
                  LOG_S("target", report->target), LOG_S("error", err_text(code)));
    if (report->evaluation) keep_context(notifier, report);
}

void notifier_tick(struct notifier *notifier, const struct tick_report *report)
{
    (void)report;
    struct courier *courier = notifier->options.courier;
    const char *heartbeat = notifier->settings ? notifier->settings->heartbeat_json : NULL;
    if (heartbeat && courier->vtable->heartbeat) courier->vtable->heartbeat(courier, heartbeat);
    pass(notifier);
    outbox_go_on(notifier->outbox);
}

/* ---- a test message ---- */

int notifier_test(struct notifier *notifier, const char *receiver, struct fault *fault)
{
    struct store_batch *batch = NULL;
    struct strbuf json;
    char id[ITEM_ID_MAX], number[32];
    if (!notifier->settings || !notify_receiver(notifier->settings, receiver))
        return fault_set(fault, ERR_NOT_FOUND, "there is no receiver %s", receiver);
    if (notifier->committing)
        return fault_set(fault, ERR_BUSY, "notifications are being written: try again");
    int64_t now_ms = notifier_now_ms(notifier);
    snprintf(number, sizeof number, "%lld", (long long)now_ms);
    item_id(receiver, "test", number, "", id);
    struct group group = {.receiver = (char *)receiver, .key = (char *)"{}"};
    struct telling telling = {.group = &group, .status = "test", .id = id, .at_ms = now_ms};
    strbuf_init(&json, OUTBOX_BYTES_MAX);
    int code = notification_write(notifier, &telling, &json);
    if (code == OK) code = store_batch_new(notifier->options.world, now_ms, &batch);
    if (code == OK)
        code = outbox_put(notifier->outbox, batch, receiver, "test", id, strbuf_cstr(&json), NULL);
    if (code == OK) {
        code = store_commit(notifier->options.store, batch, passed, notifier);
        notifier->committing = code == OK;
        if (code < 0) outbox_committed(notifier->outbox, code);
    } else {
        store_batch_free(batch);
    }
    strbuf_done(&json);
    return code < 0 ? fault_set(fault, code, "%s", err_text(code)) : OK;
}
