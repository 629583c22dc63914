/* tick/alert.c - the state of each issue of each target.
 *
 *                 when, pending > 0             pending over
 *      inactive ------------------> pending -----------------> firing <-----------+
 *          ^  |                        |  a miss                 |  gone           | when
 *          |  +---- when, pending 0 ---|-----------------------> |                 |
 *          |                           v                         v  keep_firing >0 |
 *          +---------------------- inactive <--- over -------- clearing -----------+
 *
 * The edges: raise() for `when`, go_back() for a miss, gone and over. Inactive is no record at all:
 * a healthy target costs nothing. The alerts of one target are a group; groups are found by
 * (policy, target). An alert's four texts share one block that begins with its type. */
#include "moontide/tick/alert.h"

#include "moontide/base/pair_table.h"
#include "moontide/store/store.h"
#include "moontide/tick/changes.h"

#include <stdlib.h>
#include <string.h>

struct group {
    struct keyed by;
    uint32_t count, cap;
    struct alert *items;
    char names[];
};

struct alerts {
    struct table groups;
};

static const char *const state_names[] = {
    [ALERT_PENDING] = "pending", [ALERT_FIRING] = "firing", [ALERT_CLEARING] = "clearing"};

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

static bool texts_set(struct alert *alert, const char *type, const char *key,
                      const char *description, const char *recommendation)
{
    const char *from[4] = {type, key, description ? description : "",
                           recommendation ? recommendation : ""};
    if (alert->type && strcmp(alert->description, from[2]) == 0 &&
        strcmp(alert->recommendation, from[3]) == 0)
        return true;
    size_t lengths[4], total = 0;
    for (int i = 0; i < 4; i++)
        total += lengths[i] = strlen(from[i]) + 1;
    char *block = malloc(total), *at = block;
    if (!block) return false;
    const char **to[4] = {&alert->type, &alert->key, &alert->description, &alert->recommendation};
    char *before = (char *)alert->type; /* `from` may point into it */
    for (int i = 0; i < 4; i++) {
        memcpy(at, from[i], lengths[i]);
        *to[i] = at;
        at += lengths[i];
    }
    free(before);
    return true;
}

static struct alert *group_add(struct group *group, const char *type, const char *key,
                               const char *description, const char *recommendation)
{
    if (group->count == group->cap) {
        uint32_t cap = group->cap ? group->cap * 2 : 1;
        struct alert *items = realloc(group->items, cap * sizeof *items);
        if (!items) return NULL;
        group->items = items;
        group->cap = cap;
    }
    struct alert *alert = &group->items[group->count];
    *alert = (struct alert){0};
    if (!texts_set(alert, type, key, description, recommendation)) return NULL;
    group->count++;
    return alert;
}

/* Load. */

struct loading {
    struct alerts *alerts;
    int code;
};

static void load_row(void *data, const struct alert_row *row)
{
    struct loading *loading = data;
    int state = ALERT_CLEARING;
    while (state >= 0 && strcmp(state_names[state], row->state) != 0)
        state--;
    if (state < 0 || row->severity < SEVERITY_LOW || row->severity > SEVERITY_HIGH) return;
    struct group *group = group_find(loading->alerts, row->policy, row->target);
    if (!group) group = group_new(loading->alerts, row->policy, row->target);
    struct alert *alert = group ? group_add(group, row->type, row->key ? row->key : "",
                                            row->description, row->recommendation)
                                : NULL;
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
    void (*changed)(void *data, const struct alert *alert, bool fired);
    void *data;
};

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
    if (to->changed) to->changed(to->data, alert, true);
}

/* The issue's condition is true. */
static int raise_issue(const struct applying *to, struct alert *alert, const struct issue *issue)
{
    bool begins = !alert;
    if (begins) {
        alert = group_add(to->group, issue->type, issue->key, issue->description,
                          issue->recommendation);
        if (!alert) return ERR_NOMEM;
    } else if (!texts_set(alert, alert->type, alert->key, issue->description,
                          issue->recommendation)) {
        return ERR_NOMEM;
    }
    bool differs = begins || alert->severity != issue->severity;
    enum alert_state before = alert->state;
    alert->seen = true;
    alert->severity = issue->severity;
    alert->keep_firing_ms = issue->keep_firing_ms;
    if (begins && issue->pending_ms > 0) {
        enter(to, alert, ALERT_PENDING);
    } else if (begins) {
        fire(to, alert);
    } else if (alert->state == ALERT_PENDING && to->now_ms - alert->since_ms >= issue->pending_ms) {
        fire(to, alert);
    } else if (alert->state == ALERT_CLEARING) {
        enter(to, alert, ALERT_FIRING);
    }
    if (differs || alert->state != before) keep_row(to, alert);
    return OK;
}

static void resolve(const struct applying *to, struct alert *alert)
{
    if (alert->state != ALERT_PENDING) {
        to->count->resolved++;
        if (to->changed) to->changed(to->data, alert, false);
    }
    changes_alert_end(to->changes, to->group->by.first, to->group->by.second, alert->type,
                      alert->key);
    struct group *group = to->group;
    free((char *)alert->type);
    size_t after = (size_t)(&group->items[group->count] - alert) - 1;
    memmove(alert, alert + 1, after * sizeof *alert);
    group->count--;
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
        if (alert->state == ALERT_CLEARING && issue->clear == VERDICT_FALSE) {
            enter(to, alert, ALERT_FIRING);
            keep_row(to, alert);
        }
        return true;
    }
    if (alert->state == ALERT_FIRING && alert->keep_firing_ms > 0) {
        enter(to, alert, ALERT_CLEARING);
        alert->gone_ms = to->now_ms;
        keep_row(to, alert);
        return true;
    }
    if (alert->state == ALERT_CLEARING && to->now_ms - alert->gone_ms < alert->keep_firing_ms)
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

static int apply_issues(const struct applying *to, const struct evaluation *evaluation)
{
    int code = OK;
    bool no_data = evaluation->unknown_count > 0;
    for (uint32_t i = 0; i < to->group->count; i++)
        to->group->items[i].seen = false;
    for (uint32_t i = 0; i < evaluation->issue_count; i++) {
        const struct issue *issue = &evaluation->issues[i];
        if (is_outdone(evaluation, i)) continue;
        struct alert *alert = group_alert(to->group, issue->type, issue->key);
        if (issue->when == VERDICT_TRUE) {
            int rc = raise_issue(to, alert, issue);
            if (rc < 0) code = rc;
        } else if (alert) {
            alert->seen = true;
            if (issue->when == VERDICT_FALSE && !no_data) go_back(to, alert, issue);
        }
    }
    for (uint32_t i = 0; i < to->group->count && !no_data;) {
        struct alert *alert = &to->group->items[i];
        if (alert->seen || go_back(to, alert, NULL)) i++;
    }
    return code;
}

int alerts_apply(struct alerts *alerts, const char *policy, const char *target,
                 const struct evaluation *evaluation, int64_t now_ms, struct changes *changes,
                 struct alert_changes *count,
                 void (*changed)(void *data, const struct alert *alert, bool fired), void *data)
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
            if (gone && alert->state != ALERT_PENDING) gone(data, group->by.second, alert);
            changes_alert_end(changes, policy, group->by.second, alert->type, alert->key);
        }
        group_drop(alerts, group); /* shifts another into slot i: look at it again */
    }
}

enum status alerts_status(const struct alert *alerts, size_t count, uint32_t unknown_count)
{
    enum status status = unknown_count > 0 ? STATUS_UNKNOWN : STATUS_HEALTHY;
    for (size_t i = 0; i < count; i++) {
        if (alerts[i].state == ALERT_PENDING) continue;
        if (alerts[i].severity == SEVERITY_HIGH) return STATUS_CRITICAL;
        if (alerts[i].severity == SEVERITY_MEDIUM) status = STATUS_WARNING;
    }
    return status;
}
