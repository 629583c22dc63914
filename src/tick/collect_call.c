/* tick/collect_call.c - calls under way, what their answers mean, and the end of fetches.
 *
 *                     calls_start               call_answered
 *   plan --> queue ----------------> active ------------------> gone
 *              |  \                    |                         ^
 *              |   `--> unstarted -----|------- on_pump ---------'
 *              `--------- fetch_cancel, calls_abandon -----------'
 *
 * A call that the world refuses to start ends in the next turn, so that nobody is called back from
 * within a question. Fetches that ended are called back last, when nothing else is half done: their
 * callbacks may ask, subscribe, release and cancel. */
#include "collect_internal.h"

#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists. */

void call_list_add(struct call_list *list, struct call *call)
{
    call->prev = list->last;
    call->next = NULL;
    if (list->last)
        list->last->next = call;
    else
        list->first = call;
    list->last = call;
    list->count++;
    list->datapoints += call->datapoints;
}

void call_list_remove(struct call_list *list, struct call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        list->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        list->last = call->prev;
    list->count--;
    list->datapoints -= call->datapoints;
}

void call_free(struct call *call)
{
    free(call->waiters);
    free(call);
}

int call_wait(struct call *call, struct fetch *fetch)
{
    /* A plan meets all entries of a call before another plan runs: looking at the last is enough.
     */
    if (call->waiter_count > 0 && call->waiters[call->waiter_count - 1] == fetch) return OK;
    if (call->waiter_count == call->waiter_cap) {
        size_t cap = call->waiter_cap ? call->waiter_cap * 2 : 1;
        struct fetch **waiters = realloc(call->waiters, cap * sizeof(struct fetch *));
        if (!waiters) return ERR_NOMEM;
        call->waiters = waiters;
        call->waiter_cap = cap;
    }
    call->waiters[call->waiter_count++] = fetch;
    fetch->calls_left++;
    return OK;
}

/* The end of calls and fetches. */

static void fetch_ended(struct fetch *fetch)
{
    struct collector *c = fetch->collector;
    fetch->ended = true;
    fetch->next_ended = NULL;
    if (c->ended_last)
        c->ended_last->next_ended = fetch;
    else
        c->ended_first = fetch;
    c->ended_last = fetch;
}

static void again_release(struct collector *c, struct fetch_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        collector_release(c, items[i].entry);
    free(items);
}

/* What another fetch had asked with too short a range is asked for now. */
static void fetch_again(struct fetch *fetch)
{
    struct fetch_item *items = fetch->again;
    size_t count = fetch->again_count;
    fetch->again = NULL;
    fetch->again_count = fetch->again_cap = 0;
    int code = plan_fetch(fetch, items, count);
    if (code < 0) {
        fetch_detach(fetch);
        fetch->result.code =
            fault_set(&fetch->result.fault, code, "metrics could not be asked for");
    }
    again_release(fetch->collector, items, count);
}

static void fetch_told(struct fetch *fetch, const struct cloudwatch_result *result)
{
    if (result->code < 0 && fetch->result.code == OK) {
        fetch->result.code = result->code;
        fetch->result.fault = result->fault;
        if (!result->fault.text[0])
            fault_set(&fetch->result.fault, result->code, "%s", err_text(result->code));
    }
    if (--fetch->calls_left > 0) return;
    if (fetch->again_count > 0) fetch_again(fetch);
    if (fetch->calls_left == 0) fetch_ended(fetch);
}

static void fetch_messages(struct fetch *fetch, const char *messages)
{
    if (!messages[0]) return;
    char *to = fetch->result.messages;
    size_t size = sizeof fetch->result.messages, len = strlen(to);
    if (strstr(to, messages)) return;
    snprintf(to + len, size - len, "%s%s", len > 0 ? "; " : "", messages);
}

static void call_settle(struct call *call, const struct cloudwatch_result *result)
{
    struct collector *c = call->collector;
    call_answer(call, result);
    c->stats.datapoints += result->datapoints;
    if (result->code < 0) c->stats.failures++;
    if (call->asker) {
        call->asker->result.datapoints += result->datapoints;
        fetch_messages(call->asker, result->messages);
    }
    for (size_t i = 0; i < call->waiter_count; i++)
        fetch_told(call->waiters[i], result);
    call_free(call);
}

void fetch_free(struct fetch *fetch)
{
    fetch->collector->fetches--;
    free(fetch->again);
    free(fetch);
}

static void fetch_report(struct fetch *fetch)
{
    int64_t now_ns = clock_mono_ns(&fetch->collector->world->clock);
    fetch->result.elapsed_ms = (now_ns - fetch->began_ns) / 1000000;
    fetch->result.metrics_charged = fetch->charged;
    fetch->done(fetch->data, &fetch->result);
    fetch_free(fetch);
}

static void fetches_report(struct collector *c)
{
    for (struct fetch *fetch; (fetch = c->ended_first);) {
        c->ended_first = fetch->next_ended;
        if (!c->ended_first) c->ended_last = NULL;
        fetch_report(fetch);
    }
}

static void call_answered(void *data, const struct cloudwatch_result *result)
{
    struct call *call = data;
    struct collector *c = call->collector;
    call_list_remove(&c->active, call);
    call_settle(call, result);
    calls_start(c);
    fetches_report(c);
}

/* The start. */

static void on_pump(void *data)
{
    struct collector *c = data;
    c->pump = NULL;
    for (struct call *call; (call = c->unstarted.first);) {
        call_list_remove(&c->unstarted, call);
        struct cloudwatch_result result = {.code = call->code};
        call_settle(call, &result);
    }
    calls_start(c);
    fetches_report(c);
}

/* Without memory for the timer the next fetch or answer tries again. */
static void pump_soon(struct collector *c)
{
    if (!c->pump && loop_timer_start(c->loop, 0, on_pump, c, &c->pump) < 0) c->pump = NULL;
}

static int call_start(struct call *call)
{
    struct world *world = call->collector->world;
    return world->vtable->fetch(world, call->questions, call->count, call->start_s, call->end_s,
                                call->group->period_s, call_answered, call);
}

static bool has_room(const struct collector *c)
{
    const struct call *next = c->queue.first;
    if (!next || c->active.count >= COLLECT_CALLS_AT_ONCE) return false;
    return c->active.count == 0 ||
           c->active.datapoints + next->datapoints <= COLLECT_DATAPOINTS_AT_ONCE;
}

void calls_start(struct collector *c)
{
    while (has_room(c)) {
        struct call *call = c->queue.first;
        call_list_remove(&c->queue, call);
        call->code = call_start(call);
        if (call->code < 0) {
            call_list_add(&c->unstarted, call);
            continue;
        }
        call_list_add(&c->active, call);
        c->stats.calls++;
        c->stats.queries += call->queries;
        c->stats.metrics_charged += call->charged;
    }
    if (c->unstarted.first) pump_soon(c);
}

int collector_fetch(struct collector *c, const struct fetch_item *items, size_t count,
                    size_t owner_count, int64_t now_ms, fetch_done_fn *done, void *data,
                    struct fetch **out)
{
    struct fetch *fetch = calloc(1, sizeof *fetch + owner_count * sizeof fetch->charged[0]);
    if (!fetch) return ERR_NOMEM;
    fetch->collector = c;
    fetch->done = done;
    fetch->data = data;
    fetch->now_ms = now_ms;
    fetch->began_ns = clock_mono_ns(&c->world->clock);
    fetch->result.owner_count = owner_count;
    c->fetches++;
    int code = plan_fetch(fetch, items, count);
    if (code < 0) {
        fetch_detach(fetch);
        fetch_free(fetch);
        return code;
    }
    if (fetch->calls_left == 0) {
        *out = NULL;
        fetch_report(fetch);
        return OK;
    }
    *out = fetch;
    calls_start(c);
    return OK;
}

/* Cancel. */

static void call_forget(struct call *call, const struct fetch *fetch)
{
    size_t kept = 0;
    for (size_t i = 0; i < call->waiter_count; i++)
        if (call->waiters[i] != fetch) call->waiters[kept++] = call->waiters[i];
    call->waiter_count = kept;
    if (call->asker == fetch) call->asker = NULL;
}

void fetch_detach(struct fetch *fetch)
{
    struct collector *c = fetch->collector;
    struct call_list *lists[] = {&c->queue, &c->active, &c->unstarted};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (struct call *call = lists[i]->first; call; call = call->next)
            call_forget(call, fetch);
    fetch->calls_left = 0;
    again_release(c, fetch->again, fetch->again_count);
    fetch->again = NULL;
    fetch->again_count = fetch->again_cap = 0;
}

/* The entries of a call that is given up; one that was not even sent leaves no trace. */
static void call_drop(struct call *call, bool sent)
{
    struct collector *c = call->collector;
    struct reason *reason =
        sent ? reason_new("the call was given up before it was answered") : NULL;
    for (uint32_t i = 0; i < call->count; i++) {
        struct collector_entry *e = call->entries[i];
        question_settle(call, i);
        if (e->refs == 0) {
            entry_free(c, e);
        } else if (sent) {
            e->series->state = SERIES_FAILED;
            e->forbidden = false;
            entry_set_reason(e, reason);
        }
    }
    reason_release(reason);
    call_free(call);
}

static void drop_unwanted(struct collector *c, struct call_list *list, bool sent)
{
    struct call *next = NULL;
    for (struct call *call = list->first; call; call = next) {
        next = call->next;
        if (call->waiter_count > 0) continue;
        call_list_remove(list, call);
        if (sent) c->world->vtable->cancel(c->world, call->questions);
        call_drop(call, sent);
    }
}

static void unlink_ended(struct collector *c, struct fetch *fetch)
{
    struct fetch *before = NULL;
    for (struct fetch *at = c->ended_first; at != fetch; at = at->next_ended)
        before = at;
    if (before)
        before->next_ended = fetch->next_ended;
    else
        c->ended_first = fetch->next_ended;
    if (c->ended_last == fetch) c->ended_last = before;
}

void fetch_cancel(struct fetch *fetch)
{
    if (!fetch) return;
    struct collector *c = fetch->collector;
    if (fetch->ended) {
        unlink_ended(c, fetch);
    } else {
        fetch_detach(fetch);
        drop_unwanted(c, &c->queue, false);
        drop_unwanted(c, &c->unstarted, false);
        drop_unwanted(c, &c->active, true);
        if (c->queue.first) pump_soon(c);
    }
    fetch_free(fetch);
}

void calls_abandon(struct collector *c)
{
    drop_unwanted(c, &c->queue, false);
    drop_unwanted(c, &c->unstarted, false);
    drop_unwanted(c, &c->active, true);
    loop_timer_cancel(c->pump);
    c->pump = NULL;
}
