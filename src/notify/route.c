/* notify/route.c - down the tree of routes. */
#include "moontide/notify/route.h"

static char environment[] = "environment", policy[] = "policy";
static char *const default_group_by[] = {environment, policy};

struct walk {
    const struct labels *labels;
    void (*each)(void *data, const struct route_end *end);
    void *data;
};

static void inherit(struct route_end *end, const struct route *route)
{
    end->route = route;
    if (route->receiver) end->receiver = route->receiver;
    if (route->group_by) {
        end->group_by = route->group_by;
        end->group_by_count = route->group_by_count;
    }
    if (route->group_wait_ms >= 0) end->group_wait_ms = route->group_wait_ms;
    if (route->group_interval_ms >= 0) end->group_interval_ms = route->group_interval_ms;
    if (route->repeat_interval_ms >= 0) end->repeat_interval_ms = route->repeat_interval_ms;
}

/* ROUTE_DEPTH_MAX deep at most: whoever builds the settings refuses more. */
static bool descend(const struct walk *walk, const struct route *route, struct route_end end)
{
    if (!matchers_match(&route->matchers, walk->labels)) return false;
    inherit(&end, route);
    bool found = false;
    for (size_t i = 0; i < route->child_count; i++) {
        if (!descend(walk, &route->children[i], end)) continue;
        found = true;
        if (!route->children[i].goes_on) break;
    }
    if (!found && end.receiver) walk->each(walk->data, &end);
    return true;
}

void route_find(const struct notify_settings *settings, const struct labels *labels,
                void (*each)(void *data, const struct route_end *end), void *data)
{
    struct route_end end = {.group_by = default_group_by,
                            .group_by_count = sizeof default_group_by / sizeof default_group_by[0],
                            .group_wait_ms = GROUP_WAIT_MS,
                            .group_interval_ms = GROUP_INTERVAL_MS,
                            .repeat_interval_ms = REPEAT_INTERVAL_MS};
    descend(&(struct walk){labels, each, data}, &settings->root, end);
}
