/* bind/trends.h - what `stats` and the methods of a series share: questions to values in time.
 *
 * `options` is the index of a table of options, or of nil: all defaults. Each list of known options
 * begins with those that only `stats` takes, since a series has its own times and now. */
#ifndef MOONTIDE_BIND_TRENDS_H
#define MOONTIDE_BIND_TRENDS_H

#include "moontide/stats/grid.h"
#include "moontide/stats/holt_winters.h"
#include "moontide/stats/trend.h"
#include "moontide/vm/docs.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

/* ---- options ---- */

/* The values at `values` in time, for functions whose last argument, at `options`, is a list of
 * times or a table of options with `times`; leaves a table of known options or nil there. */
struct trend options_in_time(lua_State *L, int values, int options, const char *what,
                             const struct vm_field *known);
/* Throws unless it is nil or a table of known options. */
void options_check(lua_State *L, int options, const char *what, const struct vm_field *known);
/* A share like 0.95, from 0.5 to 0.9999. */
double options_share(lua_State *L, int options, const char *name, double fallback);
bool options_boolean(lua_State *L, int options, const char *name, bool fallback);
/* Its index in names, which end with NULL. */
int options_choice(lua_State *L, int options, const char *name, const char *const *names,
                   int fallback);
double options_number(lua_State *L, int options, const char *name, double low, double high,
                      double fallback);
double options_duration_s(lua_State *L, int options, const char *name, double fallback_s);

/* ---- answers ---- */

/* Each question pushes its answer, a table or some numbers, and says how many values; 0: too few
 * datapoints. trends_answer() makes nil of that. */
int trends_answer(lua_State *L, int pushed);
int trends_push(lua_State *L, struct interval interval);

/* ---- stats_trend.c ---- */

extern const struct vm_field slope_options[], line_options[], change_options[];
extern const struct vm_field time_to_options[]; /* begins with two */

double trends_slope(lua_State *L, struct trend trend, int options);
int trends_line(lua_State *L, struct trend trend, int options);
int trends_change(lua_State *L, struct trend trend, int options);
int trends_time_to(lua_State *L, struct trend trend, double threshold, double now_s, int options);

/* ---- stats_season.c, stats_forecast.c ---- */

extern const struct vm_field seasons_options[]; /* begins with two */

/* Pushes a userdata that owns the grid. */
struct grid *trends_grid(lua_State *L, struct trend trend, double step_s);
/* The option of this name in slots: a number of them, a duration as text, or "auto", which is also
 * what nil means. 0: none. */
size_t trends_season(lua_State *L, const struct grid *grid, int options, const char *name);
int trends_seasons(lua_State *L, struct trend trend, int options);

/* By the line of least squares; by Holt-Winters. Option `level`; also `season` and `damped`. */
int trends_ahead_by_line(lua_State *L, struct trend trend, double at_s, int options);
int trends_ahead(lua_State *L, struct trend trend, double at_s, int options);

#endif
