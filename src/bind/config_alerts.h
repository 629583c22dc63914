/* bind/config_alerts.h - what the files that read `alerts` of moontide.lua share:
 *
 *     config_alerts.c   receivers, mute windows, inhibition, and the lists
 *     config_routes.c   the tree of routes */
#ifndef MOONTIDE_BIND_CONFIG_ALERTS_H
#define MOONTIDE_BIND_CONFIG_ALERTS_H

#include "config_fields.h"

struct alerts_reading {
    struct notify_settings *settings;
    uint32_t routes; /* read so far */
    int *lines;      /* of the routes, by number; NULL: not known */
};

/* config_alerts.c. All throw for want of memory. */
char *alerts_copy(lua_State *L, const char *text);
/* One more zeroed item at the end of *items; counted by the caller. */
void *alerts_grow(lua_State *L, void **items, size_t count, size_t size);
/* The list of texts at `field`; what is wrong is a fault. */
void alerts_matchers(struct fields *f, const char *field, struct matchers *into);
void alerts_texts(struct fields *f, const char *field, char ***items, size_t *count);

/* config_routes.c: `route`, after the receivers and mute windows are read. */
void alerts_routes(struct alerts_reading *r, struct fields *f);

#endif
