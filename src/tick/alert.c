/* tick/alert.c - the state of each issue of each target.
 *
 *                 when, pending > 0             pending over
 *      inactive ------------------> pending -----------------> firing <-----------+
 *          ^  |                        |  a miss                 |  gone           | when
 *          |  +---- when, pending 0 ---|-----------------------> |                 |
 *          |                           v                         v  keep_firing >0 |
 *          +-- calm --- resolved <-----+--------- over ------- resolving ----------+
 *
 * The edges: raise_issue() for `when`, go_back() for a miss, gone and over, remember() for calm.
 * Inactive is no record at all: a healthy target costs nothing. The alerts of one target are a
 * group; groups are found by (policy, target). An alert's texts share one block that begins
 * with its type. */
#include "moontide/tick/alert.h"

#include "moontide/base/pair_table.h"
#include "moontide/store/store.h"
#include "moontide/tick/changes.h"

#include <stdlib.h>
#include <string.h>

struct group {
    struct keyed by;
    uint32_t live, count, cap;
    struct alert *items; /* shape: [count]; those that are resolved from `live` on */
    char names[];
};

struct alerts {
    struct table groups;
};

const char *const alert_state_names[] = {"pending", "firing", "resolving", "resolved", NULL};
/* As the store has them. */
static const char *const state_names[] = {"pending", "firing", "clearing", "resolved"};

enum { HISTORY_MASK = (1 << ALERT_HISTORY) - 1, FLAPPING_BIT = ALERT_HISTORY };

int alerts_new(struct alerts **out)
{
    struct alerts *alerts = calloc(1, sizeof *alerts);
    if (!alerts) return ERR_NOMEM;
    *out = alerts;
    return OK;
}

static void group_free(struct group *group)
{
    for (uint32_t i = 0; i < group->count; i++)
        free((char *)group->items[i].type);
    free(group->items);
    free(group);
}

void alerts_free(struct alerts *alerts)
{
    if (!alerts) return;
    for (size_t i = 0; i < alerts->groups.cap; i++)
        if (alerts->groups.slots[i]) group_free((struct group *)alerts->groups.slots[i]);
    table_done(&alerts->groups);
    free(alerts);
}

static struct group *group_find(const struct alerts *alerts, const char *policy, const char *target)
{
    return (struct group *)table_find(&alerts->groups, policy, target);
}

static struct group *group_new(struct alerts *alerts, const char *policy, const char *target)
{
    size_t policy_len = strlen(policy) + 1, target_len = strlen(target) + 1;
    if (table_reserve(&alerts->groups) < 0) return NULL;
    struct group *group = calloc(1, sizeof *group + policy_len + target_len);
    if (!group) return NULL;
    memcpy(group->names, policy, policy_len);
    memcpy(group->names + policy_len, target, target_len);
    group->by = (struct keyed){keyed_hash(policy, target), group->names, group->names + policy_len};
    table_insert(&alerts->groups, &group->by);
    return group;
}

static void group_drop(struct alerts *alerts, struct group *group)
{
    table_remove(&alerts->groups, &group->by);
    group_free(group);
}

static struct alert *group_alert(const struct group *group, const char *type, const char *key)
{
    for (uint32_t i = 0; i < group->count; i++)
        if (strcmp(group->items[i].type, type) == 0 && strcmp(group->items[i].key, key) == 0)
            return &group->items[i];
    return NULL;
}

/* Texts. */

enum { TEXTS = 5 };

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

static bool texts_set(struct alert *alert, const char *type, const char *key,
                      const struct issue *issue)
{
    const char *from[TEXTS] = {type, key, text_or_empty(issue->description),
                               text_or_empty(issue->recommendation), text_or_empty(issue->metrics)};
    if (alert->type && strcmp(alert->description, from[2]) == 0 &&
        strcmp(alert->recommendation, from[3]) == 0 && strcmp(alert->metrics, from[4]) == 0)
        return true;
    size_t lengths[TEXTS], total = 0;
    for (int i = 0; i < TEXTS; i++)
        total += lengths[i] = strlen(from[i]) + 1;
    char *block = malloc(total), *at = block;
    if (!block) return false;
    const char **to[TEXTS] = {&alert->type, &alert->key, &alert->description,
                              &alert->recommendation, &alert->metrics};
    char *before = (char *)alert->type; /* `from` may point into it */
    for (int i = 0; i < TEXTS; i++) {
        memcpy(at, from[i], lengths[i]);
        *to[i] = at;
        at += lengths[i];
    }
    free(before);
    return true;
}

static struct alert *group_add(struct group *group, const struct issue *issue)
{
    if (group->count == group->cap) {
        uint32_t cap = group->cap ? group->cap * 2 : 1;
        struct alert *items = realloc(group->items, cap * sizeof *items);
        if (!items) return NULL;
        group->items = items;
        group->cap = cap;
    }
    struct alert alert = {0};
    if (!texts_set(&alert, issue->type, issue->key, issue)) return NULL;
    group->items[group->count++] = group->items[group->live]; /* the first resolved one */
    group->items[group->live] = alert;
    return &group->items[group->live++];
}

/* Behind those that are live, whose order stays. */
static struct alert *bury(struct group *group, struct alert *alert)
{
    struct alert buried = *alert;
    size_t after = (size_t)(&group->items[group->live] - alert) - 1;
    memmove(alert, alert + 1, after * sizeof *alert);
    alert = &group->items[--group->live];
    *alert = buried;
    return alert;
}

static struct alert *dig_up(struct group *group, struct alert *alert)
{
    struct alert dug = *alert, *to = &group->items[group->live++];
    *alert = *to;
    *to = dug;
    return to;
}

/* Load. */

struct loading {
    struct alerts *alerts;
    int code;
};

static void load_row(void *data, const struct alert_row *row)
{
    struct loading *loading = data;
    int state = ALERT_RESOLVED;
    while (state >= 0 && strcmp(state_names[state], row->state) != 0)
        state--;
    if (state < 0 || row->severity < SEVERITY_LOW || row->severity > SEVERITY_HIGH) return;
    struct group *group = group_find(loading->alerts, row->policy, row->target);
    if (!group) group = group_new(loading->alerts, row->policy, row->target);
    struct issue issue = {.type = row->type,
                          .key = row->key ? row->key : "",
                          .description = row->description,
                          .recommendation = row->recommendation};
    struct alert *alert = group ? group_add(group, &issue) : NULL;
    if (!alert) {
        loading->code = ERR_NOMEM;
        return;
    }
    alert->state = (enum alert_state)state;
    alert->severity = (enum severity)row->severity;
    alert->since_ms = row->since_ms;
    alert->raised_ms = row->raised_ms;
    alert->gone_ms = row->gone_ms;
    alert->keep_firing_ms = row->keep_firing_ms;
    alert->history = (uint32_t)row->flaps & HISTORY_MASK;
    alert->flapping = row->flaps >> FLAPPING_BIT & 1;
    if (alert->state == ALERT_RESOLVED) bury(group, alert);
}

int alerts_load(struct alerts *alerts, struct store *store, const char *world, struct fault *fault)
{
    struct loading loading = {.alerts = alerts};
    int rc = store_each_alert(store, world, load_row, &loading, fault);
    if (rc < 0) return rc;
    if (loading.code < 0) return fault_set(fault, loading.code, "no memory for the alerts");
    return OK;
}

/* One evaluation. */

struct applying {
    struct group *group;
    int64_t now_ms;
    struct changes *changes;
    struct alert_changes *count;
    void (*changed)(void *data, const struct alert *alert, enum alert_event event);
    void *data;
};

static int64_t flaps_of(const struct alert *alert)
{
    return (int64_t)alert->history | (int64_t)alert->flapping << FLAPPING_BIT;
}

static void say(const struct applying *to, const struct alert *alert, enum alert_event event)
{
    if (to->changed) to->changed(to->data, alert, event);
}

static void keep_row(const struct applying *to, const struct alert *alert)
{
    changes_alert(to->changes, &(struct alert_row){.policy = to->group->by.first,
                                                   .target = to->group->by.second,
                                                   .type = alert->type,
                                                   .key = alert->key,
                                                   .state = state_names[alert->state],
                                                   .severity = (int)alert->severity,
                                                   .since_ms = alert->since_ms,
                                                   .raised_ms = alert->raised_ms,
                                                   .gone_ms = alert->gone_ms,
                                                   .keep_firing_ms = alert->keep_firing_ms,
                                                   .flaps = flaps_of(alert),
                                                   .description = alert->description,
                                                   .recommendation = alert->recommendation});
}

static void enter(const struct applying *to, struct alert *alert, enum alert_state state)
{
    alert->state = state;
    alert->since_ms = to->now_ms;
}

static void fire(const struct applying *to, struct alert *alert)
{
    enter(to, alert, ALERT_FIRING);
    alert->raised_ms = to->now_ms;
    to->count->fired++;
    say(to, alert, ALERT_EVENT_FIRED);
}

/* The issue's condition is true. */
static int raise_issue(const struct applying *to, struct alert *alert, const struct issue *issue)
{
    bool begins = !alert;
    if (begins) {
        alert = group_add(to->group, issue);
        if (!alert) return ERR_NOMEM;
    } else if (!texts_set(alert, alert->type, alert->key, issue)) {
        return ERR_NOMEM;
    }
    bool differs = begins || alert->severity != issue->severity;
    enum alert_state before = alert->state;
    if (!begins && before == ALERT_RESOLVED) {
        alert = dig_up(to->group, alert);
        begins = true;
    }
    alert->seen = true;
    alert->severity = issue->severity;
    alert->keep_firing_ms = issue->keep_firing_ms;
    if (differs && !begins && alert_is_on(alert)) say(to, alert, ALERT_EVENT_SEVERITY);
    if (begins && issue->pending_ms > 0) {
        enter(to, alert, ALERT_PENDING);
    } else if (begins) {
        fire(to, alert);
    } else if (alert->state == ALERT_PENDING && to->now_ms - alert->since_ms >= issue->pending_ms) {
        fire(to, alert);
    } else if (alert->state == ALERT_RESOLVING) {
        enter(to, alert, ALERT_FIRING);
    }
    if (differs || alert->state != before) keep_row(to, alert);
    return OK;
}

/* Over; what is left is its history. */
static void resolve(const struct applying *to, struct alert *alert)
{
    bool was_on = alert_is_on(alert);
    enter(to, alert, ALERT_RESOLVED);
    if (was_on) {
        to->count->resolved++;
        say(to, alert, ALERT_EVENT_RESOLVED);
    }
    alert = bury(to->group, alert);
    keep_row(to, alert);
}

/* The condition is false. issue: NULL when the policy no longer states it. Returns whether the
 * alert is still there. */
static bool go_back(const struct applying *to, struct alert *alert, const struct issue *issue)
{
    if (alert->state == ALERT_PENDING) {
        resolve(to, alert);
        return false;
    }
    if (issue) alert->keep_firing_ms = issue->keep_firing_ms;
    if (issue && issue->has_clear && issue->clear != VERDICT_TRUE) {
        if (alert->state == ALERT_RESOLVING && issue->clear == VERDICT_FALSE) {
            enter(to, alert, ALERT_FIRING);
            keep_row(to, alert);
        }
        return true;
    }
    if (alert->state == ALERT_FIRING && alert->keep_firing_ms > 0) {
        enter(to, alert, ALERT_RESOLVING);
        alert->gone_ms = to->now_ms;
        keep_row(to, alert);
        return true;
    }
    if (alert->state == ALERT_RESOLVING && to->now_ms - alert->gone_ms < alert->keep_firing_ms)
        return true;
    resolve(to, alert);
    return false;
}

static int verdict_rank(enum verdict verdict)
{
    return verdict == VERDICT_TRUE ? 2 : verdict == VERDICT_UNKNOWN ? 1 : 0;
}

/* Of issues stated twice under one type and key the strongest counts: true before unknown before
 * false, then the higher severity, then the earlier. Quadratic, in EVALUATION_ITEMS_MAX at most. */
static bool is_outdone(const struct evaluation *evaluation, uint32_t at)
{
    const struct issue *issue = &evaluation->issues[at];
    for (uint32_t i = 0; i < evaluation->issue_count; i++) {
        const struct issue *other = &evaluation->issues[i];
        if (i == at || strcmp(other->type, issue->type) != 0 || strcmp(other->key, issue->key) != 0)
            continue;
        int by_verdict = verdict_rank(other->when) - verdict_rank(issue->when);
        int by_severity = (int)other->severity - (int)issue->severity;
        if (by_verdict > 0 ||
            (by_verdict == 0 && (by_severity > 0 || (by_severity == 0 && i < at))))
            return true;
    }
    return false;
}

/* ---- history ---- */

/* In percent of what is possible, the newest change weighing 1.2 and the oldest 0.8. */
static double flap_percent(uint32_t history)
{
    enum { CHANGES = ALERT_HISTORY - 1 };
    double sum = 0;
    uint32_t changes = (history ^ history >> 1) & ((1u << CHANGES) - 1);
    for (int i = 0; i < CHANGES; i++)
        if (changes >> i & 1) sum += 1.2 - 0.4 * i / (CHANGES - 1);
    return 100 * sum / CHANGES;
}

static bool is_calm(const struct alert *alert)
{
    return alert->history == 0 || alert->history == HISTORY_MASK;
}

static void alert_remember(const struct applying *to, struct alert *alert)
{
    bool flapped = alert->flapping, was_calm = is_calm(alert);
    alert->history = (alert->history << 1 | alert_is_on(alert)) & HISTORY_MASK;
    if (was_calm && is_calm(alert)) return;
    double percent = flap_percent(alert->history);
    if (percent >= ALERT_FLAPS_PERCENT) alert->flapping = true;
    if (percent < ALERT_CALM_PERCENT) alert->flapping = false;
    if (alert->flapping != flapped)
        say(to, alert, alert->flapping ? ALERT_EVENT_FLAPS : ALERT_EVENT_CALM);
    /* Each evaluation of one that may flap is kept, so that a restart does not change the count. */
    if (alert->flapping != flapped || percent >= ALERT_CALM_PERCENT) keep_row(to, alert);
}

static void drop(const struct applying *to, struct alert *alert)
{
    struct group *group = to->group;
    changes_alert_end(to->changes, group->by.first, group->by.second, alert->type, alert->key);
    free((char *)alert->type);
    *alert = group->items[--group->count];
}

/* After an evaluation: each alert's state goes into its history; those without any are dropped. */
static void remember(const struct applying *to, bool no_data)
{
    struct group *group = to->group;
    for (uint32_t i = 0; i < group->count; i++) {
        group->items[i].unknown = no_data;
        if (!no_data) alert_remember(to, &group->items[i]);
    }
    for (uint32_t i = group->live; i < group->count;) {
        if (group->items[i].history == 0)
            drop(to, &group->items[i]);
        else
            i++;
    }
}

static int apply_issues(const struct applying *to, const struct evaluation *evaluation)
{
    int code = OK;
    bool no_data = evaluation->unknown_count > 0;
    for (uint32_t i = 0; i < to->group->live; i++)
        to->group->items[i].seen = false;
    for (uint32_t i = 0; i < evaluation->issue_count; i++) {
        const struct issue *issue = &evaluation->issues[i];
        if (is_outdone(evaluation, i)) continue;
        struct alert *alert = group_alert(to->group, issue->type, issue->key);
        if (issue->when == VERDICT_TRUE) {
            int rc = raise_issue(to, alert, issue);
            if (rc < 0) code = rc;
        } else if (alert && alert->state != ALERT_RESOLVED) {
            alert->seen = true;
            if (issue->when == VERDICT_FALSE && !no_data) go_back(to, alert, issue);
        }
    }
    for (uint32_t i = 0; i < to->group->live && !no_data;) {
        struct alert *alert = &to->group->items[i];
        if (alert->seen || go_back(to, alert, NULL)) i++;
    }
    remember(to, no_data);
    return code;
}

int alerts_apply(struct alerts *alerts, const char *policy, const char *target,
                 const struct evaluation *evaluation, int64_t now_ms, struct changes *changes,
                 struct alert_changes *count,
                 void (*changed)(void *data, const struct alert *alert, enum alert_event event),
                 void *data)
{
    struct alert_changes ignored = {0};
    struct group *group = group_find(alerts, policy, target);
    if (!group) {
        bool raised = false;
        for (uint32_t i = 0; i < evaluation->issue_count && !raised; i++)
            raised = evaluation->issues[i].when == VERDICT_TRUE;
        if (!raised) return OK;
        group = group_new(alerts, policy, target);
        if (!group) return ERR_NOMEM;
    }
    struct applying to = {.group = group,
                          .now_ms = now_ms,
                          .changes = changes,
                          .count = count ? count : &ignored,
                          .changed = changed,
                          .data = data};
    int code = apply_issues(&to, evaluation);
    if (group->count == 0) group_drop(alerts, group);
    return code;
}

const struct alert *alerts_of(const struct alerts *alerts, const char *policy, const char *target,
                              size_t *count)
{
    const struct group *group = group_find(alerts, policy, target);
    *count = group ? group->live : 0;
    return group ? group->items : NULL;
}

const struct alert *alerts_all_of(const struct alerts *alerts, const char *policy,
                                  const char *target, size_t *count)
{
    const struct group *group = group_find(alerts, policy, target);
    *count = group ? group->count : 0;
    return group ? group->items : NULL;
}

void alerts_each(const struct alerts *alerts,
                 void (*each)(void *data, const char *policy, const char *target,
                              const struct alert *alerts, size_t count),
                 void *data)
{
    for (size_t i = 0; i < alerts->groups.cap; i++) {
        const struct group *group = (const struct group *)alerts->groups.slots[i];
        if (group) each(data, group->by.first, group->by.second, group->items, group->count);
    }
}

void alerts_retain(struct alerts *alerts, const char *policy,
                   bool (*keep)(void *data, const char *target),
                   void (*gone)(void *data, const char *target, const struct alert *alert),
                   void *data, struct changes *changes)
{
    for (size_t i = 0; i < alerts->groups.cap;) {
        struct group *group = (struct group *)alerts->groups.slots[i];
        if (!group || strcmp(group->by.first, policy) != 0 || keep(data, group->by.second)) {
            i++;
            continue;
        }
        for (uint32_t k = 0; k < group->count; k++) {
            const struct alert *alert = &group->items[k];
            if (gone && alert_is_on(alert)) gone(data, group->by.second, alert);
            changes_alert_end(changes, policy, group->by.second, alert->type, alert->key);
        }
        group_drop(alerts, group); /* shifts another into slot i: look at it again */
    }
}

enum status alerts_status(const struct alert *alerts, size_t count, uint32_t unknown_count)
{
    enum status status = unknown_count > 0 ? STATUS_UNKNOWN : STATUS_HEALTHY;
    for (size_t i = 0; i < count; i++) {
        if (!alert_is_on(&alerts[i])) continue;
        if (alerts[i].severity == SEVERITY_HIGH) return STATUS_CRITICAL;
        if (alerts[i].severity == SEVERITY_MEDIUM) status = STATUS_WARNING;
    }
    return status;
}
