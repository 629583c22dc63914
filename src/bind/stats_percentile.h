/* bind/stats_percentile.h - percentiles, for the functions of `stats` that answer several. */
#ifndef MOONTIDE_BIND_STATS_PERCENTILE_H
#define MOONTIDE_BIND_STATS_PERCENTILE_H

#include "moontide/stats/percentile.h"
#include "stats_numbers.h"

enum { PERCENTILES_MAX = 256 };

struct percentiles {
    double ps[PERCENTILES_MAX], answers[PERCENTILES_MAX];
    size_t count;
    enum percentile_method method;
};

/* Reads the list of percentiles at idx; throws and names the one that is none. */
void percentiles_check(lua_State *L, int idx, struct percentiles *percentiles);
/* The option `method` of the table at idx, which may be nil or none. */
enum percentile_method percentiles_method(lua_State *L, int idx);
/* Fills the answers. */
void percentiles_answer(lua_State *L, struct numbers values, struct percentiles *percentiles);

#endif
