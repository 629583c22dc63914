/* bind/config_fields.h - between config.c, which runs moontide.lua, and config_fields.c, which
 * reads its table. */
#ifndef MOONTIDE_BIND_CONFIG_FIELDS_H
#define MOONTIDE_BIND_CONFIG_FIELDS_H

#include "fields.h"
#include "moontide/base/faults.h"
#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/bind/source.h"

struct config_reading {
    struct config *config;
    struct faults *faults;
    struct fields root;
    char **secrets; /* shape: [secret_count]: what env and file gave */
    size_t secret_count;
};

/* Reads root's table into config; each fault goes into faults. Throws for memory. */
void config_read_fields(struct config_reading *reading);
/* config_alerts.c: the table `alerts`, if there is one. */
void config_read_alerts(struct config_reading *reading);
void config_free_list(char ***list, size_t *count);

#endif
