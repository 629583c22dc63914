/* notify/settings.c - the end of the settings, and finding in them. */
#include "moontide/notify/settings.h"

#include "moontide/base/zone.h"

#include <stdlib.h>
#include <string.h>

void notify_settings_init(struct notify_settings *settings)
{
    *settings = (struct notify_settings){0};
    settings->root.group_wait_ms = settings->root.group_interval_ms =
        settings->root.repeat_interval_ms = -1;
}

static void free_texts(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static void route_done(struct route *route)
{
    for (size_t i = 0; i < route->child_count; i++)
        route_done(&route->children[i]);
    matchers_done(&route->matchers);
    free(route->children);
    free(route->receiver);
    free_texts(route->group_by, route->group_by_count);
    free_texts(route->mute, route->mute_count);
}

void notify_settings_done(struct notify_settings *settings)
{
    for (size_t i = 0; i < settings->receiver_count; i++) {
        free(settings->receivers[i].name);
        free(settings->receivers[i].type);
        free(settings->receivers[i].json);
    }
    free(settings->receivers);
    route_done(&settings->root);
    for (size_t i = 0; i < settings->mute_count; i++) {
        for (size_t k = 0; k < settings->mutes[i].window_count; k++)
            zone_free((struct zone *)settings->mutes[i].windows[k].zone);
        free(settings->mutes[i].windows);
        free(settings->mutes[i].name);
    }
    free(settings->mutes);
    for (size_t i = 0; i < settings->inhibit_count; i++) {
        matchers_done(&settings->inhibits[i].source);
        matchers_done(&settings->inhibits[i].target);
        free_texts(settings->inhibits[i].equal, settings->inhibits[i].equal_count);
    }
    free(settings->inhibits);
    free(settings->heartbeat_json);
    free(settings->templates_dir);
    notify_settings_init(settings);
}

const struct receiver_settings *notify_receiver(const struct notify_settings *settings,
                                                const char *name)
{
    for (size_t i = 0; i < settings->receiver_count; i++)
        if (strcmp(settings->receivers[i].name, name) == 0) return &settings->receivers[i];
    return NULL;
}

const struct mute_settings *notify_mute(const struct notify_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->mute_count; i++)
        if (strcmp(settings->mutes[i].name, name) == 0) return &settings->mutes[i];
    return NULL;
}
