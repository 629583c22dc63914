/* notify/groups.c - the groups of alerts, and the record of what each receiver was told last.
 *
 * A group is named by its receiver and its labels, not by its route: a route that moves within the
 * tree, or a second one that leads to the same receiver, tells nobody twice. A record is there as
 * long as it holds an alert that its receiver was told of and not told the end of. */
#include "moontide/base/json.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include "notifier_private.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTION_TOLD_MAX = 300 };

/* ---- records ---- */

static void told_alert_done(struct told_alert *alert)
{
    free(alert->policy);
    free(alert->target);
    free(alert->type);
    free(alert->key);
    free(alert->description);
}

void told_done(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        told_alert_done(&told->alerts[i]);
    free(told->alerts);
    free(told->state);
    *told = (struct told){0};
}

void told_free(struct told *told)
{
    if (told) told_done(told);
    free(told);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct told_alert *)a)->id, ((const struct told_alert *)b)->id);
}

void told_sort(struct told *told)
{
    if (told->count) qsort(told->alerts, told->count, sizeof *told->alerts, by_id);
}

const struct told_alert *told_find(const struct told *told, const char *id)
{
    struct told_alert wanted;
    memcpy(wanted.id, id, sizeof wanted.id);
    return told->count ? bsearch(&wanted, told->alerts, told->count, sizeof wanted, by_id) : NULL;
}

/* texts: policy, target, type, key, description. */
static int told_add(struct told *told, const char *id, const char *const texts[5],
                    enum severity severity, int64_t raised_ms)
{
    if ((told->count & (told->count - 1)) == 0) { /* full at each power of two */
        size_t cap = told->count ? told->count * 2 : 1;
        struct told_alert *alerts = realloc(told->alerts, cap * sizeof *alerts);
        if (!alerts) return ERR_NOMEM;
        told->alerts = alerts;
    }
    struct told_alert alert = {.severity = severity,
                               .raised_ms = raised_ms,
                               .policy = strdup(texts[0]),
                               .target = strdup(texts[1]),
                               .type = strdup(texts[2]),
                               .key = strdup(texts[3]),
                               .description = strndup(texts[4], DESCRIPTION_TOLD_MAX)};
    memccpy(alert.id, id, 0, sizeof alert.id - 1);
    if (!alert.policy || !alert.target || !alert.type || !alert.key || !alert.description) {
        told_alert_done(&alert);
        return ERR_NOMEM;
    }
    told->alerts[told->count++] = alert;
    return OK;
}

int told_add_item(struct told *told, const struct item *item)
{
    const char *const texts[5] = {item->house->by.first, item->house->by.second, item->type,
                                  item->key, item->description};
    return told_add(told, item->id, texts, item->severity, item->raised_ms);
}

int told_add_copy(struct told *told, const struct told_alert *alert)
{
    const char *const texts[5] = {alert->policy, alert->target, alert->type, alert->key,
                                  alert->description};
    return told_add(told, alert->id, texts, alert->severity, alert->raised_ms);
}

int told_write(const struct told *told, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "at");
    json_int(&w, told->at_ms);
    if (told->state) json_put_string(&w, "state", told->state);
    json_key(&w, "alerts");
    json_array(&w);
    for (size_t i = 0; i < told->count; i++) {
        const struct told_alert *alert = &told->alerts[i];
        json_object(&w);
        json_put_string(&w, "id", alert->id);
        json_put_string(&w, "policy", alert->policy);
        json_put_string(&w, "target", alert->target);
        json_put_string(&w, "type", alert->type);
        json_put_string(&w, "key", alert->key);
        json_put_string(&w, "description", alert->description);
        json_put_string(&w, "severity", severity_names[alert->severity]);
        json_key(&w, "raised");
        json_int(&w, alert->raised_ms);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    return strbuf_status(out);
}

/* ---- reading records ---- */

static int told_read_alert(struct told *told, const cJSON *object)
{
    const char *const texts[5] = {json_tree_text(object, "policy"),
                                  json_tree_text(object, "target"), json_tree_text(object, "type"),
                                  json_tree_text(object, "key"),
                                  json_tree_text(object, "description")};
    int severity = SEVERITY_HIGH;
    while (severity > SEVERITY_LOW &&
           strcmp(severity_names[severity], json_tree_text(object, "severity")) != 0)
        severity--;
    return told_add(told, json_tree_text(object, "id"), texts, (enum severity)severity,
                    json_tree_int(object, "raised"));
}

static int told_read(struct told *told, const char *json)
{
    int code = OK;
    const cJSON *each;
    cJSON *document = cJSON_Parse(json);
    if (!document) return ERR_PARSE;
    told->at_ms = json_tree_int(document, "at");
    const char *state = json_tree_text(document, "state");
    if (state[0] && !(told->state = strdup(state))) code = ERR_NOMEM;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(document, "alerts"))
    {
        if (code == OK) code = told_read_alert(told, each);
    }
    cJSON_Delete(document);
    told_sort(told);
    return code;
}

/* ---- groups ---- */

static void group_free(struct group *group)
{
    if (!group) return;
    told_done(&group->told);
    told_free(group->telling);
    free(group->members);
    free(group->receiver);
    free(group->key);
    free(group);
}

static struct group *group_new(struct notifier *notifier, const char *receiver, const char *key)
{
    if (table_reserve(&notifier->groups) < 0) return NULL;
    struct group *group = calloc(1, sizeof *group);
    if (!group) return NULL;
    group->receiver = strdup(receiver);
    group->key = strdup(key);
    if (!group->receiver || !group->key) {
        group_free(group);
        return NULL;
    }
    group->group_wait_ms = GROUP_WAIT_MS;
    group->group_interval_ms = GROUP_INTERVAL_MS;
    group->repeat_interval_ms = REPEAT_INTERVAL_MS;
    group->by = (struct keyed){keyed_hash(receiver, key), group->receiver, group->key};
    table_insert(&notifier->groups, &group->by);
    return group;
}

void group_drop(struct notifier *notifier, struct group *group)
{
    table_remove(&notifier->groups, &group->by);
    group_free(group);
}

struct loading {
    struct notifier *notifier;
    int code;
};

static void load_told(void *data, const struct told_row *row)
{
    struct loading *loading = data;
    if (loading->code < 0) return;
    struct group *group = group_new(loading->notifier, row->receiver, row->group_key);
    loading->code = group ? told_read(&group->told, row->json) : ERR_NOMEM;
    if (loading->code == ERR_PARSE) {
        log_event(LOG_WARN, "alert.record_unreadable", LOG_S("receiver", row->receiver),
                  LOG_S("group", row->group_key));
        loading->code = OK;
    }
    /* Who has ended meanwhile is told so as soon as the alerts are known. */
    if (group) group->due_ms = notifier_now_ms(loading->notifier);
}

int groups_load(struct notifier *notifier, struct fault *fault)
{
    struct loading loading = {.notifier = notifier};
    int code = store_each_told(notifier->options.store, notifier->options.world, load_told,
                               &loading, fault);
    if (code == OK && loading.code < 0) code = fault_set(fault, loading.code, "out of memory");
    return code;
}

void groups_free(struct notifier *notifier)
{
    for (size_t i = 0; i < notifier->groups.cap; i++)
        if (notifier->groups.slots[i]) group_free((struct group *)notifier->groups.slots[i]);
    table_done(&notifier->groups);
}

/* ---- membership ---- */

/* The group's labels as JSON, which name it. */
static int write_key(const struct route_end *end, const struct labels *labels, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    bool all = end->group_by_count == 1 && strcmp(end->group_by[0], "...") == 0;
    for (size_t i = 0; all && i < labels->count; i++)
        json_put_string(&w, labels->items[i].name, labels->items[i].value);
    for (size_t i = 0; !all && i < end->group_by_count; i++)
        json_put_string(&w, end->group_by[i], labels_get(labels, end->group_by[i]));
    json_object_end(&w);
    return strbuf_status(out);
}

static int add_member(struct group *group, struct item *item)
{
    if (group->count == group->cap) {
        size_t cap = group->cap ? group->cap * 2 : 4;
        struct item **members = realloc(group->members, cap * sizeof(struct item *));
        if (!members) return ERR_NOMEM;
        group->members = members;
        group->cap = cap;
    }
    struct membership *groups = realloc(item->groups, (item->group_count + 1) * sizeof *groups);
    if (!groups) return ERR_NOMEM;
    item->groups = groups;
    groups[item->group_count++] = (struct membership){group, group->count};
    group->members[group->count++] = item;
    return OK;
}

/* When the group is told with this member among it. */
static void set_due(struct notifier *notifier, struct group *group, const struct item *item)
{
    int64_t now_ms = notifier_now_ms(notifier), due_ms = item->raised_ms + group->group_wait_ms;
    if (group->told.at_ms > 0 || group->telling) {
        int64_t next_ms = group->told.at_ms + group->group_interval_ms;
        if (group->telling) next_ms = now_ms + group->group_interval_ms;
        if (due_ms < next_ms) due_ms = next_ms;
    }
    if (due_ms > now_ms + group->group_wait_ms + group->group_interval_ms)
        due_ms = now_ms + group->group_wait_ms; /* the clock went back */
    if (group->due_ms == 0 || due_ms < group->due_ms) group->due_ms = due_ms;
}

int group_join(struct notifier *notifier, const struct route_end *end, struct item *item)
{
    struct strbuf *key = &notifier->key;
    strbuf_reset(key);
    int code = write_key(end, &item->labels, key);
    if (code < 0) return code;
    struct group *group =
        (struct group *)table_find(&notifier->groups, end->receiver, strbuf_cstr(key));
    if (!group) {
        if (notifier->groups.count >= NOTIFY_GROUPS_MAX) return ERR_LIMIT;
        group = group_new(notifier, end->receiver, strbuf_cstr(key));
        if (!group) return ERR_NOMEM;
    }
    for (size_t i = 0; i < item->group_count; i++)
        if (item->groups[i].group == group) return OK; /* another route led here as well */
    group->route = end->route;
    group->group_wait_ms = end->group_wait_ms;
    group->group_interval_ms = end->group_interval_ms;
    group->repeat_interval_ms = end->repeat_interval_ms;
    code = add_member(group, item);
    if (code < 0) return code;
    set_due(notifier, group, item);
    notifier_due(notifier, group->due_ms);
    return OK;
}

static struct membership *membership_of(struct item *item, const struct group *group)
{
    size_t i = 0;
    while (item->groups[i].group != group)
        i++;
    return &item->groups[i];
}

void group_leave(struct group *group, struct item *item)
{
    struct membership *membership = membership_of(item, group);
    struct item *last = group->members[--group->count];
    size_t at = membership->at;
    group->members[at] = last;
    membership_of(last, group)->at = at;
    *membership = item->groups[--item->group_count];
}
