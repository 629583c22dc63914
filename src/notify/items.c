/* notify/items.c - the alerts that fire, by target, and who inhibits whom.
 *
 * An item lives as long as its alert fires or clears; what its receivers were told of it lives on
 * in the groups' records. An alert whose severity changes has other labels, and so perhaps another
 * way: it leaves the groups that it no longer belongs to. */
#include "moontide/base/hash.h"
#include "moontide/base/log.h"

#include "notifier_private.h"

#include <stdlib.h>
#include <string.h>

void item_id(const char *policy, const char *target, const char *type, const char *key,
             char id[ITEM_ID_MAX])
{
    const char *const texts[] = {policy, target, type, key};
    unsigned char bytes[16];
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t hash = half;
        for (size_t i = 0; i < COUNT_OF(texts); i++)
            hash = hash64(texts[i], strlen(texts[i]) + 1, hash);
        memcpy(bytes + 8 * half, &hash, sizeof hash);
    }
    hex_encode(bytes, sizeof bytes, id);
}

/* ---- inhibition ---- */

static uint64_t equal_hash(const struct inhibit_settings *rule, const struct labels *labels)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < rule->equal_count; i++) {
        const char *value = labels_get(labels, rule->equal[i]);
        hash = hash64(value, strlen(value) + 1, hash);
    }
    return hash;
}

static bool equal_labels(const struct inhibit_settings *rule, const struct labels *a,
                         const struct labels *b)
{
    for (size_t i = 0; i < rule->equal_count; i++)
        if (strcmp(labels_get(a, rule->equal[i]), labels_get(b, rule->equal[i])) != 0) return false;
    return true;
}

static size_t rule_count(const struct notifier *notifier)
{
    size_t count = notifier->settings ? notifier->settings->inhibit_count : 0;
    return count < INHIBITS_MAX ? count : INHIBITS_MAX;
}

static int sources_add(struct sources *sources, struct item *item, uint64_t hash)
{
    if (sources->count == sources->cap) {
        size_t cap = sources->cap ? sources->cap * 2 : 4;
        struct source *items = realloc(sources->items, cap * sizeof *items);
        if (!items) return ERR_NOMEM;
        sources->items = items;
        sources->cap = cap;
    }
    sources->items[sources->count++] = (struct source){item, hash};
    return OK;
}

static void sources_remove(struct sources *sources, const struct item *item)
{
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].item == item) {
            sources->items[i] = sources->items[--sources->count];
            return;
        }
}

static int inhibit_enter(struct notifier *notifier, struct item *item)
{
    for (size_t r = 0; r < rule_count(notifier); r++) {
        const struct inhibit_settings *rule = &notifier->settings->inhibits[r];
        if (matchers_match(&rule->target, &item->labels)) item->target_of |= UINT64_C(1) << r;
        if (!matchers_match(&rule->source, &item->labels)) continue;
        uint64_t hash = equal_hash(rule, &item->labels);
        if (sources_add(&notifier->sources[r], item, hash) < 0) return ERR_NOMEM;
        item->source_of |= UINT64_C(1) << r;
    }
    return OK;
}

static void inhibit_leave(struct notifier *notifier, struct item *item)
{
    for (size_t r = 0; r < INHIBITS_MAX; r++)
        if (item->source_of >> r & 1) sources_remove(&notifier->sources[r], item);
    item->source_of = item->target_of = 0;
}

/* As in Alertmanager, an alert that matches both sides is not held back by others that do. */
bool item_inhibited(const struct notifier *notifier, const struct item *item, size_t *by)
{
    for (size_t r = 0; item->target_of >> r; r++) {
        if (!(item->target_of >> r & 1)) continue;
        const struct inhibit_settings *rule = &notifier->settings->inhibits[r];
        const struct sources *sources = &notifier->sources[r];
        uint64_t hash = sources->count ? equal_hash(rule, &item->labels) : 0;
        for (size_t i = 0; i < sources->count; i++) {
            const struct item *source = sources->items[i].item;
            if (source == item || sources->items[i].hash != hash) continue;
            if (item->source_of >> r & 1 && source->target_of >> r & 1) continue;
            if (!equal_labels(rule, &source->labels, &item->labels)) continue;
            *by = r + 1;
            return true;
        }
        if (r + 1 == INHIBITS_MAX) break;
    }
    return false;
}

/* ---- routing ---- */

struct routing {
    struct notifier *notifier;
    struct item *item;
    int code;
};

/* A receiver that fails is not told so. */
static bool is_about(const struct item *item, const char *receiver)
{
    return strcmp(item->house->by.first, OWN_POLICY) == 0 && strcmp(item->key, receiver) == 0;
}

static void join(void *data, const struct route_end *end)
{
    struct routing *routing = data;
    if (is_about(routing->item, end->receiver)) return;
    int code = group_join(routing->notifier, end, routing->item);
    if (code < 0) routing->code = code;
}

/* Where all ways of such an alert lead to the receiver that fails, every other one is told. */
static void join_others(struct routing *routing)
{
    const struct notify_settings *settings = routing->notifier->settings;
    if (routing->item->group_count > 0 || strcmp(routing->item->house->by.first, OWN_POLICY) != 0)
        return;
    for (size_t i = 0; i < settings->receiver_count; i++)
        join(routing, &(struct route_end){.route = &settings->root,
                                          .receiver = settings->receivers[i].name,
                                          .group_wait_ms = GROUP_WAIT_MS,
                                          .group_interval_ms = GROUP_INTERVAL_MS,
                                          .repeat_interval_ms = REPEAT_INTERVAL_MS});
}

static void leave_all(struct item *item)
{
    while (item->group_count > 0)
        group_leave(item->groups[item->group_count - 1].group, item);
}

static int route_anew(struct notifier *notifier, struct item *item)
{
    struct routing routing = {notifier, item, OK};
    const struct house *house = item->house;
    leave_all(item);
    inhibit_leave(notifier, item);
    labels_done(&item->labels);
    int code = labels_new(house->by.first, house->by.second, item->type,
                          severity_names[item->severity], item->key, &item->labels);
    if (code == OK) code = inhibit_enter(notifier, item);
    if (code < 0 || !notifier->settings) return code;
    route_find(notifier->settings, &item->labels, join, &routing);
    join_others(&routing);
    return routing.code;
}

/* Labels, inhibition and groups anew. */
static int item_route(struct notifier *notifier, struct item *item)
{
    int code = route_anew(notifier, item);
    item->lost = code == ERR_NOMEM;
    return code;
}

/* ---- items ---- */

static void item_free(struct notifier *notifier, struct item *item)
{
    if (!item) return;
    leave_all(item);
    inhibit_leave(notifier, item);
    labels_done(&item->labels);
    free(item->groups);
    free(item->type);
    free(item->key);
    free(item->description);
    free(item->recommendation);
    free(item->metrics);
    free(item);
}

/* Keeps the old text where it is the same. */
static int take_text(char **to, const char *text)
{
    if (!text) text = "";
    if (*to && strcmp(*to, text) == 0) return OK;
    char *copy = strdup(text);
    if (!copy) return ERR_NOMEM;
    free(*to);
    *to = copy;
    return OK;
}

static int item_take(struct item *item, const struct alert *alert)
{
    int code = take_text(&item->description, alert->description);
    if (code == OK) code = take_text(&item->recommendation, alert->recommendation);
    if (code == OK) code = take_text(&item->metrics, alert->metrics);
    item->flapping = alert->flapping;
    item->unknown = alert->unknown;
    item->raised_ms = alert->raised_ms;
    return code;
}

static struct item *house_item(const struct house *house, const struct alert *alert)
{
    for (size_t i = 0; i < house->count; i++)
        if (strcmp(house->items[i]->type, alert->type) == 0 &&
            strcmp(house->items[i]->key, alert->key) == 0)
            return house->items[i];
    return NULL;
}

static int item_add(struct notifier *notifier, struct house *house, const struct alert *alert)
{
    struct item **items = realloc(house->items, (house->count + 1) * sizeof(struct item *));
    if (!items) return ERR_NOMEM;
    house->items = items;
    struct item *item = calloc(1, sizeof *item);
    if (!item) return ERR_NOMEM;
    item->house = house;
    item->seen = true;
    item->severity = alert->severity;
    item->type = strdup(alert->type);
    item->key = strdup(alert->key);
    int code = item->type && item->key ? item_take(item, alert) : ERR_NOMEM;
    if (code < 0) {
        item_free(notifier, item);
        return code;
    }
    item_id(house->by.first, house->by.second, item->type, item->key, item->id);
    house->items[house->count++] = item;
    return item_route(notifier, item);
}

/* ---- houses ---- */

struct house *house_find(const struct notifier *notifier, const char *policy, const char *target)
{
    return (struct house *)table_find(&notifier->houses, policy, target);
}

static struct house *house_new(struct notifier *notifier, const char *policy, const char *target)
{
    size_t policy_bytes = strlen(policy) + 1, target_bytes = strlen(target) + 1;
    if (table_reserve(&notifier->houses) < 0) return NULL;
    struct house *house = calloc(1, sizeof *house + policy_bytes + target_bytes);
    if (!house) return NULL;
    memcpy(house->names, policy, policy_bytes);
    memcpy(house->names + policy_bytes, target, target_bytes);
    house->by =
        (struct keyed){keyed_hash(policy, target), house->names, house->names + policy_bytes};
    table_insert(&notifier->houses, &house->by);
    return house;
}

static void house_free(struct notifier *notifier, struct house *house)
{
    for (size_t i = 0; i < house->count; i++)
        item_free(notifier, house->items[i]);
    free(house->items);
    free(house->context);
    free(house);
}

/* Clearing and flapping count as firing; a flapping alert may be between two times of it. */
static bool is_told_of(const struct alert *alert)
{
    return alert_is_on(alert) || alert->flapping;
}

static int house_update(struct notifier *notifier, struct house *house, const struct alert *alerts,
                        size_t count)
{
    int code = OK;
    for (size_t i = 0; i < house->count; i++)
        house->items[i]->seen = false;
    for (size_t i = 0; i < count; i++) {
        int rc = OK;
        if (!is_told_of(&alerts[i])) continue;
        struct item *item = house_item(house, &alerts[i]);
        if (!item) {
            rc = item_add(notifier, house, &alerts[i]);
        } else {
            item->seen = true;
            rc = item_take(item, &alerts[i]);
            if (item->lost || item->severity != alerts[i].severity) {
                item->severity = alerts[i].severity;
                rc = item_route(notifier, item);
            }
        }
        if (rc < 0) code = rc;
    }
    for (size_t i = 0; i < house->count;) {
        if (house->items[i]->seen) {
            i++;
            continue;
        }
        item_free(notifier, house->items[i]);
        house->items[i] = house->items[--house->count];
    }
    return code;
}

int items_update(struct notifier *notifier, const char *policy, const char *target,
                 const struct alert *alerts, size_t count)
{
    struct house *house = house_find(notifier, policy, target);
    if (!house) {
        bool any = false;
        for (size_t i = 0; i < count && !any; i++)
            any = is_told_of(&alerts[i]);
        if (!any) return OK;
        house = house_new(notifier, policy, target);
        if (!house) return ERR_NOMEM;
    }
    int code = house_update(notifier, house, alerts, count);
    if (house->count == 0) {
        table_remove(&notifier->houses, &house->by);
        house_free(notifier, house);
    }
    return code;
}

bool items_has(const struct notifier *notifier, const char *policy, const char *target,
               const char *id)
{
    const struct house *house = house_find(notifier, policy, target);
    for (size_t i = 0; house && i < house->count; i++)
        if (strcmp(house->items[i]->id, id) == 0) return true;
    return false;
}

void items_route_all(struct notifier *notifier)
{
    for (size_t h = 0; h < notifier->houses.cap; h++) {
        struct house *house = (struct house *)notifier->houses.slots[h];
        for (size_t i = 0; house && i < house->count; i++)
            if (item_route(notifier, house->items[i]) < 0)
                log_event(LOG_ERROR, "alert.failed", LOG_S("policy", house->by.first),
                          LOG_S("target", house->by.second), LOG_S("error", "out of memory"));
    }
}

void items_free(struct notifier *notifier)
{
    for (size_t h = 0; h < notifier->houses.cap; h++)
        if (notifier->houses.slots[h])
            house_free(notifier, (struct house *)notifier->houses.slots[h]);
    table_done(&notifier->houses);
    for (size_t r = 0; r < INHIBITS_MAX; r++)
        free(notifier->sources[r].items);
}
