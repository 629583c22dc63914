/* bind/fields.h - reads the table of named fields that policy{}, cloudwatch{}, decide and
 * moontide.lua take.
 *
 * Each reader answers a value or, when it is absent or wrong, its fallback; what is wrong is one
 * fault with the field, the file, the line of the field where the source tells it (else of the
 * call), and the nearest known name. With binding->faults all of them are collected and reading
 * goes on; without, the first one throws. */
#ifndef MOONTIDE_BIND_FIELDS_H
#define MOONTIDE_BIND_FIELDS_H

#include "moontide/base/err.h"
#include "moontide/bind/host.h"

struct fields {
    lua_State *L;
    int at;           /* absolute index of the table */
    const char *what; /* begins each message: "cloudwatch" */
    const char *site; /* the name by which source.h finds the constructor */
    struct faults *faults;
    const struct source *source; /* NULL: not known */
    int line;                    /* of the call; 0: not known */
    char file[FAULT_FILE_MAX];
    bool failed; /* any fault so far */
};

/* In a function that Lua called with the table at idx; throws when there is no table. */
void fields_of_call(struct fields *fields, lua_State *L, int idx, const char *what,
                    const char *site);
/* A table at idx inside of another one's field. */
void fields_inside(struct fields *fields, const struct fields *parent, int idx, const char *what,
                   const char *site);

/* Adds a fault about `field` (NULL: about the whole). */
void fields_fault(struct fields *fields, const char *field, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same with its code among the findings of `check`, which lives for ever. */
void fields_finding(struct fields *fields, const char *id, const char *field, const char *format,
                    ...) PRINTF_LIKE(4, 5);
/* What is odd and no fault: for `check`, which collects it in binding->warnings; else nothing. */
void fields_warn(struct fields *fields, const char *id, const char *field, const char *hint,
                 const char *format, ...) PRINTF_LIKE(5, 6);
struct hint {
    char text[128];
};
/* " (did you mean 'x'?)" or "". */
struct hint fields_hint(const char *name, const char *const *known);

/* A fault for each key that is not in `known` (ends with NULL). */
void fields_known(struct fields *fields, const char *const *known);

enum presence { OPTIONAL, REQUIRED };
/* The text is owned by Lua and lives as long as the table. */
const char *fields_string(struct fields *fields, const char *field, enum presence presence);
int64_t fields_duration(struct fields *fields, const char *field, enum presence presence,
                        int64_t fallback_ms);
double fields_number(struct fields *fields, const char *field, double low, double high,
                     double fallback);
int64_t fields_integer(struct fields *fields, const char *field, int64_t low, int64_t high,
                       int64_t fallback);
bool fields_boolean(struct fields *fields, const char *field, bool fallback);
/* Its index in names (ends with NULL). */
int fields_choice(struct fields *fields, const char *field, const char *const *names, int fallback);
/* Pushes the field and answers its type; LUA_TNIL, with nothing pushed, when it is absent or of
 * none of the allowed types (bits 1 << LUA_T...), which `expected` names. */
int fields_push(struct fields *fields, const char *field, unsigned allowed, const char *expected);

#endif
