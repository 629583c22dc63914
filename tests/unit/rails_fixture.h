/* unit/rails_fixture.h - one decision as the rails see it, in mode act with nothing in its way, on
 * one capacity with a history of its own. */
#ifndef MOONTIDE_RAILS_FIXTURE_H
#define MOONTIDE_RAILS_FIXTURE_H

#include "moontide/base/timetext.h"
#include "moontide/tick/rails.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

struct rails_fixture {
    struct rail_limits limits;
    struct rail_history *histories[CAPACITIES_MAX];
    int64_t now_ms;
};

static inline int rails_setup(void **state)
{
    struct rails_fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    f->now_ms = 1769860800000; /* 2026-01-31T12:00:00Z */
    rail_limits_default(&f->limits);
    for (size_t i = 0; i < CAPACITIES_MAX; i++)
        if (rail_history_new(&f->histories[i]) < 0) return -1;
    *state = f;
    return 0;
}

static inline int rails_teardown(void **state)
{
    struct rails_fixture *f = *state;
    rail_limits_done(&f->limits);
    for (size_t i = 0; i < CAPACITIES_MAX; i++)
        rail_history_free(f->histories[i]);
    free(f);
    return 0;
}

/* `limits` as JSON with ' for ". */
static inline void rails_limit(struct rails_fixture *f, const char *limits)
{
    char json[1024];
    struct fault fault;
    snprintf(json, sizeof json, "%s", limits);
    for (char *at = json; *at; at++)
        if (*at == '\'') *at = '"';
    if (rail_limits_read(&f->limits, json, strlen(json), &fault) != OK) fail_msg("%s", fault.text);
}

static inline struct rail_case rails_case(struct rails_fixture *f, double from, double to)
{
    struct rail_case c = {.now_ms = f->now_ms,
                          .limits = &f->limits,
                          .mode = MODE_ACT,
                          .change_count = from != to,
                          .capacities = {{"count", from, to}},
                          .histories = {f->histories[0], f->histories[1]},
                          .capacity_count = 1,
                          .min = NAN,
                          .max = NAN,
                          .policy_targets = 1};
    c.direction = capacities_direction(c.capacities, 1);
    return c;
}

static inline void rails_all(struct rail_case *c)
{
    rails_judge(c, RAIL_NO_CHANGE, RAIL_MODE);
}

/* A wish, judged by all rules. */
static inline struct rail_case rails_wish(struct rails_fixture *f, double from, double to)
{
    struct rail_case c = rails_case(f, from, to);
    rail_history_wish(f->histories[0], f->now_ms, from, to);
    rails_all(&c);
    return c;
}

static inline void rails_apply(struct rails_fixture *f, double from, double to)
{
    rail_history_applied(f->histories[0], f->now_ms, from, to);
}

#define assert_passes(c, reached)                                                                  \
    do {                                                                                           \
        if ((c).effect != RAIL_PASSES) fail_msg("%s: %s", rail_codes[(c).rail], (c).text);         \
        assert_int_equal((c).rail, RAIL_NONE);                                                     \
        assert_true((c).capacities[0].to == (reached));                                            \
    } while (0)

#define assert_refused(c, code, part)                                                              \
    do {                                                                                           \
        assert_int_equal((c).effect, RAIL_REFUSES);                                                \
        assert_string_equal(rail_codes[(c).rail], rail_codes[code]);                               \
        if (!strstr((c).text, part)) fail_msg("'%s', not '%s'", (c).text, part);                   \
    } while (0)

#endif
