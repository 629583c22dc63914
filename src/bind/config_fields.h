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

/* Of `reload`, which a policy may say as well. */
extern const struct vm_field reload_fields[];

/* Reads root's table into config; each fault goes into faults. Throws for memory. */
void config_read_fields(struct config_reading *reading);
/* The fields of `reload`, which a policy has too. */
extern const struct vm_docs config_reload_fields_docs;
/* config_alerts.c: the table `alerts`, if there is one. */
void config_read_alerts(struct config_reading *reading);
/* config_log.c: the table `log`, if there is one. */
void config_read_log(struct config_reading *reading);
void config_log_done(struct config *config);

/* Readers of config_fields.c: a text and a path (joined with dir) replace what *into owns. */
void config_take_text(struct fields *fields, const char *field, char **into);
void config_take_path(struct fields *fields, const char *field, const char *dir, char **into);
/* "32MiB", or a number of bytes. */
size_t config_take_size(struct fields *fields, const char *field, double low, double high,
                        size_t fallback);
/* Pushes a table field and opens it as fields of its own, until config_close_table(). */
bool config_open_table(struct fields *fields, const char *field, const char *what,
                       struct fields *inner);
void config_close_table(struct fields *inner);
void config_free_list(char ***list, size_t *count);

#endif
