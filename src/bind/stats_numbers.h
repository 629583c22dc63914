/* bind/stats_numbers.h - what the functions of `stats` are given: numbers, perhaps in time.
 *
 * A list of numbers, a vector or a slice of one, a series, or a table with one of these as `values`
 * (an answer of cloudwatch.fetch).
 *
 * Rule 1: what was given is never modified. Each function pushes exactly one value, which owns the
 * numbers; they are good while it is on the stack.
 * Rule 2: numbers that are no copy may be a vector's, which moves when it grows; a finalizer that
 * Lua runs while it allocates can do that. So read numbers last, and push answers when they are
 * computed. */
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

/* The numbers at idx. A string, a boolean throw with their position; a hole (nil) is as NaN. */
struct numbers numbers_check(lua_State *L, int idx, enum nan_policy policy);
/* The same, always as a copy: own is never NULL. */
struct numbers numbers_copy(lua_State *L, int idx, enum nan_policy policy);
/* `nan` of the options table at idx, which may be nil or none: "error" (default) or "omit". */
enum nan_policy numbers_nan_policy(lua_State *L, int idx);

/* Two rows that belong together, value by value, in a[count] and b[count]; two series by time, as
 * far as both reach. Here an omitted NaN stays. Other lengths throw: "3 values but 2 weights", with
 * b_noun = "weight". */
struct number_pairs {
    const double *a, *b;
    size_t count;
};
struct number_pairs numbers_pairs(lua_State *L, int a_idx, int b_idx, const char *b_noun,
                                  enum nan_policy policy);

/* Pushes the source of the numbers at idx, which is what numbers_read() takes, and answers how many
 * it has at most. */
size_t numbers_source(lua_State *L, int idx);
/* Copies the numbers of the source at idx to `to`, of which `room` fit; the empty slots of a series
 * are left out, a hole throws. Answers how many. Allocates nothing in Lua. */
size_t numbers_read(lua_State *L, int idx, double *to, size_t room);

/* The values at idx in time, the oldest first: the list at times_idx (epoch seconds), or their own
 * times (a series, an answer of fetch), or one second apart. NaN means no datapoint and stays. */
struct trend numbers_in_time(lua_State *L, int idx, int times_idx);

/* The position of the option `field` in names (ends with NULL) of the table at idx, which may be
 * nil or none; throws and names the nearest. */
int numbers_choice(lua_State *L, int idx, const char *field, const char *const *names,
                   int fallback);

/* Pushes answer, nil when it is NaN: no answer is never zero. Returns 1. */
int push_answer(lua_State *L, double answer);
void set_answer(lua_State *L, const char *key, double answer);

#endif
