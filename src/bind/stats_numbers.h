/* bind/stats_numbers.h - what the functions of `stats` are given: numbers, perhaps in time.
 *
 * A list of numbers, anything with a method `values` (a series), or a table with a list `values`
 * (an answer of cloudwatch.fetch).
 *
 * Rule 1: what was given is never modified. Each function pushes exactly one value, which owns the
 * numbers; they are good while it is on the stack. */
#ifndef MOONTIDE_BIND_STATS_NUMBERS_H
#define MOONTIDE_BIND_STATS_NUMBERS_H

#include "moontide/stats/trend.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct numbers {
    const double *at; /* shape: [count] */
    size_t count;
    double *own; /* the same memory where it is a copy, free to be reordered; else NULL */
};

enum nan_policy {
    NAN_IS_AN_ERROR, /* thrown with its position; a series has none: its empty slots are left out */
    NAN_IS_OMITTED,
};

/* The numbers at idx. A hole (nil), a string, a boolean throw with their position. */
struct numbers numbers_check(lua_State *L, int idx, enum nan_policy policy);
/* The same, always as a copy: own is never NULL. */
struct numbers numbers_copy(lua_State *L, int idx, enum nan_policy policy);
/* `nan` of the options table at idx, which may be nil or none: "error" (default) or "omit". */
enum nan_policy numbers_nan_policy(lua_State *L, int idx);

/* The values at idx in time, the oldest first: their own times (a series, an answer of fetch), or
 * the list at times_idx (epoch seconds), or one second apart. NaN means no datapoint and stays. */
struct trend numbers_in_time(lua_State *L, int idx, int times_idx);

/* Pushes answer, nil when it is NaN: no answer is never zero. Returns 1. */
int push_answer(lua_State *L, double answer);
void set_answer(lua_State *L, const char *key, double answer);

#endif
