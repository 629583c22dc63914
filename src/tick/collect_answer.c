/* tick/collect_answer.c - what the answer of a call means for its entries: what is had now, what is
 * asked again, and the sentence that tells a person why there is nothing. */
#include "collect_internal.h"

#include "moontide/base/timetext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { REASON_MAX = 1536 };

static bool has_datapoint(const struct series *series)
{
    for (uint32_t i = series->slots; i-- > 0;)
        if (!isnan(series->values[i])) return true;
    return false;
}

static struct reason *empty_reason(struct collector *c, const struct collector_entry *e)
{
    int32_t period_s = e->group->period_s;
    if (c->empty.reason && c->empty.period_s == period_s && c->empty.slots == e->series->slots &&
        c->empty.clamped == e->clamped)
        return c->empty.reason;
    char text[REASON_MAX], window[DURATION_TEXT_MAX], period[DURATION_TEXT_MAX];
    int64_t window_s = (int64_t)e->series->slots * period_s;
    duration_format(1000 * (e->clamped ? retention_s(period_s) : window_s), window);
    duration_format(1000 * (int64_t)period_s, period);
    int n = snprintf(text, sizeof text, "no datapoint in the last %s", window);
    if (e->clamped && n > 0)
        snprintf(text + n, sizeof text - (size_t)n,
                 ", and CloudWatch keeps none of period %s for longer", period);
    reason_release(c->empty.reason);
    c->empty.reason = reason_new(text);
    c->empty.period_s = period_s;
    c->empty.slots = e->series->slots;
    c->empty.clamped = e->clamped;
    return c->empty.reason;
}

static void say(struct collector_entry *e, const char *text)
{
    struct reason *reason = reason_new(text);
    entry_set_reason(e, reason);
    reason_release(reason);
}

static void say_unit(struct collector_entry *e)
{
    char text[REASON_MAX];
    snprintf(text, sizeof text, "empty: the unit %s may not be the one the metric is stored with",
             e->metric->unit);
    say(e, text);
}

static void say_clamped(struct collector_entry *e)
{
    char text[REASON_MAX], window[DURATION_TEXT_MAX], kept[DURATION_TEXT_MAX],
        period[DURATION_TEXT_MAX];
    duration_format(1000 * (int64_t)e->series->slots * e->group->period_s, window);
    duration_format(1000 * retention_s(e->group->period_s), kept);
    duration_format(1000 * (int64_t)e->group->period_s, period);
    snprintf(text, sizeof text,
             "the window is %s, but CloudWatch keeps datapoints of period %s for %s only", window,
             period, kept);
    say(e, text);
}

/* Joins what was had with what was asked when they touch. */
static void entry_had(struct collector_entry *e, const struct call *call)
{
    bool touches = e->have_end_s > e->have_start_s && call->start_s <= e->have_end_s &&
                   call->end_s >= e->have_start_s;
    if (!touches || call->start_s < e->have_start_s) e->have_start_s = call->start_s;
    if (!touches || call->end_s > e->have_end_s) e->have_end_s = call->end_s;
}

static void entry_ready(struct collector *c, struct collector_entry *e, const struct call *call)
{
    entry_had(e, call);
    e->forbidden = false;
    e->series->hint = SERIES_HINT_NONE;
    if (has_datapoint(e->series)) {
        if (e->clamped)
            say_clamped(e);
        else if (e->reason)
            entry_set_reason(e, NULL);
        return;
    }
    if (e->metric->unit) {
        e->series->hint = SERIES_HINT_UNIT;
        say_unit(e);
    } else {
        entry_set_reason(e, empty_reason(c, e));
    }
}

/* The sentences of one answer, each made when the first entry needs it. */
struct answer {
    const struct cloudwatch_result *result;
    struct reason *said[SERIES_FAILED + 1];
};

static struct reason *answer_reason(struct answer *answer, enum series_state state)
{
    if (answer->said[state]) return answer->said[state];
    const struct cloudwatch_result *result = answer->result;
    char text[REASON_MAX];
    const char *messages = result->messages, *colon = messages[0] ? ": " : "";
    if (result->code < 0)
        snprintf(text, sizeof text, "%s",
                 result->fault.text[0] ? result->fault.text : err_text(result->code));
    else if (state == SERIES_FORBIDDEN)
        snprintf(text, sizeof text, "AccessDenied: CloudWatch forbids this query%s%s", colon,
                 messages);
    else if (state == SERIES_PARTIAL)
        snprintf(text, sizeof text, "the answer was not complete%s%s", colon, messages);
    else
        snprintf(text, sizeof text, "the query failed%s%s", colon, messages);
    answer->said[state] = reason_new(text);
    return answer->said[state];
}

void question_settle(struct call *call, uint32_t i)
{
    struct series *asked = call->questions[i].series, *series = call->entries[i]->series;
    call->entries[i]->call = NULL;
    if (asked == series) return;
    for (uint32_t slot = 0; slot < asked->slots; slot++)
        if (!isnan(asked->values[slot]))
            series_put(series, asked->start_s + (int64_t)slot * asked->period_s,
                       asked->values[slot]);
    series->refused = asked->refused;
    free(asked);
}

static void entry_answered(struct call *call, uint32_t i, struct answer *answer)
{
    struct collector *c = call->collector;
    struct collector_entry *e = call->entries[i];
    enum series_state state = (enum series_state)call->questions[i].state;
    question_settle(call, i);
    if (e->refs == 0) {
        entry_free(c, e);
        return;
    }
    if (state != SERIES_FORBIDDEN && (answer->result->code < 0 || state == SERIES_NEW))
        state = SERIES_FAILED;
    e->series->state = (uint8_t)state;
    e->unanswered = state != SERIES_READY;
    if (state == SERIES_READY) {
        entry_ready(c, e, call);
        return;
    }
    e->forbidden = state == SERIES_FORBIDDEN;
    if (e->forbidden) e->forbidden_ms = call->now_ms;
    entry_set_reason(e, answer_reason(answer, state));
}

void call_answer(struct call *call, const struct cloudwatch_result *result)
{
    struct answer answer = {.result = result};
    for (uint32_t i = 0; i < call->count; i++)
        entry_answered(call, i, &answer);
    for (size_t i = 0; i < COUNT_OF(answer.said); i++)
        reason_release(answer.said[i]);
}
