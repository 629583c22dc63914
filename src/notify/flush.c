/* notify/flush.c - whether a group is told now, and of what.
 *
 * What fires and is not held back is compared with the record of what the receiver was told:
 *
 *   fires, not in the record, or with another severity     told
 *   in the record, fires nowhere any more                   told as resolved
 *   in the record, fires, held back                         stays in the record, nothing is told
 *   in the record, fires in other groups by new settings    leaves the record, nothing is told
 *
 * With nothing to tell, what fires is told again when repeat_interval has passed. */
#include "moontide/base/hash.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/store/store.h"

#include "notifier_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_BYTES_MAX = 16 * 1024 * 1024, RETRY_MS = 10 * 1000 };

/* ---- what holds back ---- */

bool group_muted(const struct notifier *notifier, const struct group *group, const char **by)
{
    const struct route *route = group->route;
    int64_t now_ms = notifier_now_ms(notifier);
    for (size_t i = 0; route && i < route->mute_count; i++) {
        const struct mute_settings *mute = notify_mute(notifier->settings, route->mute[i]);
        for (size_t w = 0; mute && w < mute->window_count; w++)
            if (window_contains(&mute->windows[w], now_ms, NULL)) {
                *by = mute->name;
                return true;
            }
    }
    return false;
}

enum held item_held(const struct notifier *notifier, const struct item *item, const char **by,
                    char buffer[24])
{
    size_t rule = 0;
    const struct silence *silence =
        silences_find(&notifier->silences, &item->labels, notifier_now_ms(notifier));
    if (silence) {
        *by = silence->id;
        return HELD_SILENCED;
    }
    if (!item_inhibited(notifier, item, &rule)) return HELD_NOT;
    snprintf(buffer, 24, "inhibit[%zu]", rule);
    *by = buffer;
    return HELD_INHIBITED;
}

/* ---- what there is to tell ---- */

struct flush {
    struct notifier *notifier;
    struct group *group;
    struct told *next;    /* the record as it will be */
    struct item **firing; /* shape: [firing_count] */
    const struct told_alert **resolved;
    size_t firing_count, resolved_count;
    bool changed; /* something new fires */
    int64_t now_ms;
};

/* Alerts of targets that are gone are not reported again: the engine is asked. */
static int reconcile(struct flush *flush)
{
    struct group *group = flush->group;
    for (size_t i = 0; i < group->count;) {
        const struct item *item = group->members[i];
        const struct house *house = item->house;
        size_t count = 0, k = 0;
        if (strcmp(house->by.first, OWN_POLICY) != 0) {
            const struct alert *alerts =
                engine_alerts(flush->notifier->engine, house->by.first, house->by.second, &count);
            while (k < count && (strcmp(alerts[k].type, item->type) != 0 ||
                                 strcmp(alerts[k].key, item->key) != 0))
                k++;
            if (k == count) {
                int code =
                    items_update(flush->notifier, house->by.first, house->by.second, alerts, count);
                if (code < 0) return code;
                continue; /* another is at i now */
            }
        }
        i++;
    }
    return OK;
}

static int take_firing(struct flush *flush)
{
    char buffer[24];
    const char *by;
    for (size_t i = 0; i < flush->group->count; i++) {
        struct item *item = flush->group->members[i];
        const struct told_alert *before = told_find(&flush->group->told, item->id);
        int code = OK;
        if (item_held(flush->notifier, item, &by, buffer) != HELD_NOT) {
            if (before) code = told_add_copy(flush->next, before);
        } else {
            flush->firing[flush->firing_count++] = item;
            if (!before || before->severity != item->severity) flush->changed = true;
            code = told_add_item(flush->next, item);
        }
        if (code < 0) return code;
    }
    return OK;
}

static void take_resolved(struct flush *flush)
{
    const struct group *group = flush->group;
    /* The next record has all members that were told of: who is in neither is resolved. */
    for (size_t i = 0; i < group->told.count; i++) {
        const struct told_alert *alert = &group->told.alerts[i];
        if (told_find(flush->next, alert->id)) continue;
        bool moved = group->version != flush->notifier->version &&
                     items_has(flush->notifier, alert->policy, alert->target, alert->id);
        if (!moved) flush->resolved[flush->resolved_count++] = alert;
    }
}

static int worst_first(const void *a, const void *b)
{
    const struct item *x = *(struct item *const *)a, *y = *(struct item *const *)b;
    if (x->severity != y->severity) return x->severity > y->severity ? -1 : 1;
    if (x->raised_ms != y->raised_ms) return x->raised_ms < y->raised_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int look(struct flush *flush)
{
    struct group *group = flush->group;
    int code = reconcile(flush);
    if (code < 0) return code;
    flush->next = calloc(1, sizeof *flush->next);
    flush->firing = calloc(group->count + 1, sizeof *flush->firing);
    flush->resolved = calloc(group->told.count + 1, sizeof *flush->resolved);
    if (!flush->next || !flush->firing || !flush->resolved) return ERR_NOMEM;
    code = take_firing(flush);
    if (code < 0) return code;
    told_sort(flush->next);
    take_resolved(flush);
    if (flush->firing_count)
        qsort(flush->firing, flush->firing_count, sizeof *flush->firing, worst_first);
    return OK;
}

/* ---- telling ---- */

static void number_of(const struct flush *flush, char id[ITEM_ID_MAX])
{
    struct notifier *notifier = flush->notifier;
    char text[64];
    snprintf(text, sizeof text, "%lld/%llu", (long long)flush->now_ms,
             (unsigned long long)++notifier->numbered);
    item_id(flush->group->receiver, flush->group->key, text, "", id);
}

/* Alerts with long texts may be more than one message can carry: then fewer of them are listed. */
static int write_telling(const struct flush *flush, struct telling *telling, struct strbuf *json)
{
    int code = ERR_LIMIT;
    for (size_t most = NOTIFY_ALERTS_MAX; most > 0 && code == ERR_LIMIT; most /= 2) {
        telling->listed_max = most;
        strbuf_done(json);
        strbuf_init(json, OUTBOX_BYTES_MAX);
        code = notification_write(flush->notifier, telling, json);
    }
    return code;
}

static int tell(struct flush *flush, struct store_batch *batch, bool repeat)
{
    struct notifier *notifier = flush->notifier;
    struct group *group = flush->group;
    struct strbuf json;
    char id[ITEM_ID_MAX];
    number_of(flush, id);
    struct telling telling = {.group = group,
                              .status = flush->firing_count > 0 ? "firing" : "resolved",
                              .id = id,
                              .repeat = repeat,
                              .firing = flush->firing,
                              .firing_count = flush->firing_count,
                              .resolved = flush->resolved,
                              .resolved_count = flush->resolved_count,
                              .at_ms = flush->now_ms};
    strbuf_init(&json, OUTBOX_BYTES_MAX);
    int code = write_telling(flush, &telling, &json);
    if (code == OK)
        code = outbox_put(notifier->outbox, batch, group->receiver, group->key, id,
                          strbuf_cstr(&json), group->told.state);
    strbuf_done(&json);
    return code;
}

/* The record as JSON; left empty when it goes with its last alert. */
static int write_record(struct flush *flush, struct strbuf *json)
{
    const char *state = flush->group->told.state;
    if (flush->next->count == 0) return OK;
    if (state && !(flush->next->state = strdup(state))) return ERR_NOMEM;
    return told_write(flush->next, json);
}

/* Last of all is what cannot fail: a message without its record would be sent twice. */
static int keep_and_tell(struct flush *flush, struct store_batch *batch, bool tells, bool repeat)
{
    struct group *group = flush->group;
    struct strbuf record;
    strbuf_init(&record, TOLD_BYTES_MAX);
    flush->next->at_ms = tells ? flush->now_ms : group->told.at_ms;
    int code = write_record(flush, &record);
    if (code == OK && tells) code = tell(flush, batch, repeat);
    if (code == OK) {
        store_batch_told(batch,
                         &(struct told_row){.group_key = group->key,
                                            .receiver = group->receiver,
                                            .json = record.len ? strbuf_cstr(&record) : NULL});
        group->telling = flush->next;
        flush->next = NULL;
    }
    strbuf_done(&record);
    return code;
}

static int decide(struct flush *flush, struct store_batch *batch)
{
    const struct group *group = flush->group;
    const struct receiver_settings *receiver =
        notify_receiver(flush->notifier->settings, group->receiver);
    bool gone = flush->resolved_count > 0 && receiver && receiver->send_resolved;
    bool due_again = flush->firing_count > 0 && group->told.at_ms > 0 &&
                     (flush->now_ms - group->told.at_ms >= group->repeat_interval_ms ||
                      group->told.at_ms > flush->now_ms);
    bool tells = receiver && (flush->changed || gone || due_again);
    if (!tells && flush->next->count == group->told.count) return OK; /* as it was */
    return keep_and_tell(flush, batch, tells, !flush->changed && !gone);
}

int group_flush(struct notifier *notifier, struct group *group, struct store_batch *batch)
{
    struct flush flush = {
        .notifier = notifier, .group = group, .now_ms = notifier_now_ms(notifier)};
    const char *by;
    group->due_ms = flush.now_ms + group->group_interval_ms;
    if (group_muted(notifier, group, &by)) return OK;
    int code = look(&flush);
    if (code == OK) code = decide(&flush, batch);
    if (code < 0) {
        group->due_ms = flush.now_ms + RETRY_MS;
        log_event(LOG_ERROR, "alert.failed", LOG_S("receiver", group->receiver),
                  LOG_S("group", group->key), LOG_S("error", err_text(code)));
    }
    told_free(flush.next);
    free(flush.firing);
    free(flush.resolved);
    return code;
}
