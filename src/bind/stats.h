/* bind/stats.h - the parts of the Lua module `stats`, one a file. Each adds its functions to the
 * table on top of the stack. */
#ifndef MOONTIDE_BIND_STATS_H
#define MOONTIDE_BIND_STATS_H

#include <lua.h>

void stats_add_percentile(lua_State *L); /* percentile, percentiles, summary, ... */
void stats_add_trend(lua_State *L);      /* slope, rate, ewma, forecast, ... */
void stats_add_anomaly(lua_State *L);    /* anomaly */

/* Of scripts and the REPL only: they read files. */
void stats_add_read(lua_State *L);       /* read */
void stats_add_access_log(lua_State *L); /* access_log */

#endif
