/* bind/stats.h - the parts of the Lua module `stats`, one a file. Each adds its functions to the
 * table on top of the stack. */
#ifndef MOONTIDE_BIND_STATS_H
#define MOONTIDE_BIND_STATS_H

#include <lua.h>

void stats_add_season(lua_State *L);      /* seasons */
void stats_add_forecast(lua_State *L);    /* forecast, holt_winters */
void stats_add_vector(lua_State *L);      /* vector */
void stats_add_summary(lua_State *L);     /* summary, mean, stddev, trimmed_mean, ... */
void stats_add_histogram(lua_State *L);   /* histogram */
void stats_add_correlation(lua_State *L); /* correlation */
void stats_add_percentile(lua_State *L);  /* percentile, percentiles, percentile_rank */
void stats_add_trend(lua_State *L);       /* slope, line, rate, ewma, change, time_to */
void stats_add_anomaly(lua_State *L);     /* anomaly, anomalies */
void stats_add_sketch(lua_State *L);      /* sketch, decode, from_values_counts */

/* Of scripts and the REPL only: they read files. */
void stats_add_read(lua_State *L);       /* read */
void stats_add_access_log(lua_State *L); /* access_log */

#endif
