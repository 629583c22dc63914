/* bind/series.h - the handle of a series in `m`; see series.c. */
#ifndef MOONTIDE_BIND_SERIES_H
#define MOONTIDE_BIND_SERIES_H

#include "moontide/stats/trend.h"
#include "policy_state.h"

#include <stdbool.h>

/* Pushes a handle of the index-th key of a layout. */
void handle_push(lua_State *L, struct policy *policy, uint64_t layout_id, uint32_t index);

/* What a method works on. */
struct seen {
    struct policy *policy;
    struct run *run;
    struct layout_key *key;
    uint32_t index;
    struct series_view view;
};

/* What the handle at 1 shows, marked as read; throws when it is no handle or outside of its
 * evaluation. */
struct seen series_self(lua_State *L);
/* Pushes value; when it is NaN, nil, and records the series as unknown. Returns 1. */
int series_answer(lua_State *L, struct seen *seen, double value);

/* When there is a handle at idx: true, and *out is what it shows, empty slots being NaN; borrowed
 * for this call from Lua. A handle without a datapoint is recorded as unknown, one outside of its
 * evaluation throws. */
bool series_numbers(lua_State *L, int idx, struct trend *out);

/* The names of a handle's methods; ends with NULL. */
extern const char *const series_methods[];

/* The parts of a handle's methods, one a file: each adds its own to the table on top. */
void series_add_trend(lua_State *L);
void series_add_anomaly(lua_State *L);

#endif
