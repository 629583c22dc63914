/* bind/series.h - the handle of a series in `m`; see series.c. */
#ifndef MOONTIDE_BIND_SERIES_H
#define MOONTIDE_BIND_SERIES_H

#include "policy_state.h"

/* Pushes a handle of the index-th key of a layout. */
void handle_push(lua_State *L, struct policy *policy, uint64_t layout_id, uint32_t index);

#endif
