/* tick/sim_fleet.h - the simulated fleet: what its metrics show at any time.
 *
 * Rule 1: a value is a pure function of (fleet, metric, statistic, period, slot): asked twice, in
 *         any order, it is the same.
 * Rule 2: the statistics of one metric agree: Minimum <= p50 <= p90 <= p99 <= Maximum, and Sum is
 *         Average x SampleCount. */
#ifndef MOONTIDE_TICK_SIM_FLEET_H
#define MOONTIDE_TICK_SIM_FLEET_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/model/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_ENVIRONMENTS_MAX = 100000, SIM_NAME_MAX = 255, SIM_RESOURCES_MAX = 100000 };

struct sim_environment {
    char *name;
    uint32_t place; /* in the order of the description: the first has the most traffic */
    bool gaps;      /* now and then it sends nothing for ten minutes */
};

/* A resource of the file's own list. */
struct sim_listed {
    char *kind, *resource, *region, *current; /* region may be NULL; current: JSON */
};

struct sim_fleet {
    struct sim_environment *environments; /* shape: [count], sorted by name */
    size_t count;
    uint64_t seed;
    int64_t burst_every_s, burst_for_s;
    struct sim_listed *resources; /* shape: [resource_count] */
    size_t resource_count;
};

/* prod and staging: bursts of 12 minutes every 40, those of staging 20 minutes after those of prod;
 * staging has gaps. */
MUST_CHECK int sim_fleet_default(struct sim_fleet *out);
/* The JSON description in a file: { "environments": ["prod", ...], "seed": 1, "burst": { "every":
 * "40m", "for": "12m" }, "gaps": ["staging"], "resources": [{ "kind": "ecs_desired_count",
 * "resource": "service/a/b", "region": "...", "current": {...} }] }, all but environments optional
 * (and region); an unknown field is an error. The bursts of the environments are spread over
 * `every`. */
MUST_CHECK int sim_fleet_read(const char *path, struct sim_fleet *out, struct fault *fault);
MUST_CHECK int sim_fleet_parse(const char *json, size_t len, const char *file,
                               struct sim_fleet *out, struct fault *fault);
void sim_fleet_done(struct sim_fleet *fleet);
/* Whether it has an environment of this name. */
bool sim_fleet_has(const struct sim_fleet *fleet, const char *name, size_t len);

/* One metric of the fleet, looked up once for many slots. */
struct sim_source {
    const struct sim_fleet *fleet;
    const struct sim_environment *environment;
    const struct sim_row *row;
    int32_t period_s;
    int statistic; /* enum sim_statistic */
    double percentile;
};

/* ERR_NOT_FOUND: the fleet has no such metric (or not in that unit): there are no datapoints.
 * ERR_UNSUPPORTED: a statistic that the fleet does not compute; fault says so. Expressions are not
 * for here. */
MUST_CHECK int sim_source_find(const struct sim_fleet *fleet, const struct metric *metric,
                               struct sim_source *out, struct fault *fault);
/* NaN: no datapoint in that slot. */
double sim_source_value(const struct sim_source *source, int64_t slot_s);

#endif
