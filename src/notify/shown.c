/* notify/shown.c - what is shown of the alerts: those that fire, and why one is not told of now. */
#include "notifier_private.h"

#include <string.h>

static const struct alert *alert_of(const struct item *item, const struct alert *alerts,
                                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(alerts[i].type, item->type) == 0 && strcmp(alerts[i].key, item->key) == 0)
            return &alerts[i];
    return NULL;
}

static void each_of_house(const struct notifier *notifier, const struct house *house,
                          void (*each)(void *data, const struct notifier_alert *alert), void *data)
{
    size_t count = 0;
    const struct alert *alerts =
        engine_alerts(notifier->engine, house->by.first, house->by.second, &count);
    for (size_t i = 0; i < house->count; i++) {
        const struct item *item = house->items[i];
        struct notifier_alert shown = {.policy = house->by.first,
                                       .target = house->by.second,
                                       .alert = alert_of(item, alerts, count),
                                       .by = ""};
        char buffer[24];
        if (!shown.alert) continue;
        shown.held = item_held(notifier, item, &shown.by, buffer);
        bool told = false, muted = item->group_count > 0;
        const char *mute = "";
        for (size_t g = 0; g < item->group_count; g++) {
            told = told || told_find(&item->groups[g].group->told, item->id);
            muted = muted && group_muted(notifier, item->groups[g].group, &mute);
        }
        if (shown.held == HELD_NOT && muted) {
            shown.held = HELD_MUTED;
            shown.by = mute;
        } else if (shown.held == HELD_NOT && !told) {
            shown.held = HELD_WAITING;
        }
        each(data, &shown);
    }
}

void notifier_each(const struct notifier *notifier,
                   void (*each)(void *data, const struct notifier_alert *alert), void *data)
{
    for (size_t i = 0; notifier->engine && i < notifier->houses.cap; i++)
        if (notifier->houses.slots[i])
            each_of_house(notifier, (const struct house *)notifier->houses.slots[i], each, data);
}

void notifier_each_own(const struct notifier *notifier,
                       void (*each)(void *data, const char *policy, const char *target,
                                    const struct alert *alerts, size_t count),
                       void *data)
{
    for (size_t h = 0; h < notifier->houses.cap; h++) {
        const struct house *house = (const struct house *)notifier->houses.slots[h];
        if (!house || strcmp(house->by.first, OWN_POLICY) != 0) continue;
        for (size_t i = 0; i < house->count; i++) {
            const struct item *item = house->items[i];
            struct alert alert = {.type = item->type,
                                  .key = item->key,
                                  .description = item->description,
                                  .recommendation = item->recommendation,
                                  .metrics = "",
                                  .severity = item->severity,
                                  .state = ALERT_FIRING,
                                  .since_ms = item->raised_ms,
                                  .raised_ms = item->raised_ms};
            each(data, house->by.first, house->by.second, &alert, 1);
        }
    }
}
