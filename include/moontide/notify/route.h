/* notify/route.h - the way of an alert through the tree of routes.
 *
 * As in Alertmanager: from the root down to the first child that matches, and on to its siblings
 * only where `continue` says so; a node without a matching child is where it ends. What a node does
 * not say, it has from its parent. */
#ifndef MOONTIDE_NOTIFY_ROUTE_H
#define MOONTIDE_NOTIFY_ROUTE_H

#include "moontide/notify/settings.h"

/* A node with everything that it inherits. Texts are the settings'. */
struct route_end {
    const struct route *route;
    const char *receiver; /* never NULL */
    char *const *group_by;
    size_t group_by_count;
    int64_t group_wait_ms, group_interval_ms, repeat_interval_ms;
    /* Mute windows are the node's own, as in Alertmanager: they are not inherited. */
};

/* Calls each(data, end) for every end of the way, in the order of the tree; none when the root has
 * no receiver. */
void route_find(const struct notify_settings *settings, const struct labels *labels,
                void (*each)(void *data, const struct route_end *end), void *data);

#endif
