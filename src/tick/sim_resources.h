/* tick/sim_resources.h - the resources of the simulated world: what a kind's read() would answer of
 * them, as JSON, by (kind, resource, region, account).
 *
 * Every environment of the fleet has, until a decision changes them, the ECS service api of the
 * cluster gm-tool-<environment>, the database gm-tool-<environment> and the cache parameter group
 * gm-tool-<environment>-params; a fleet's file may list more. Anything else does not exist. */
#ifndef MOONTIDE_TICK_SIM_RESOURCES_H
#define MOONTIDE_TICK_SIM_RESOURCES_H

#include "moontide/base/compiler.h"
#include "moontide/tick/actor.h"
#include "sim_fleet.h"

struct sim_resource {
    uint64_t key;  /* 0: empty */
    char *current; /* JSON */
};

struct sim_resources {
    const struct sim_fleet *fleet;
    struct sim_resource *items; /* those that differ from the fleet's; shape: [cap] */
    size_t count, cap;          /* cap: a power of two */
};

/* Takes the list of the fleet's file over. ERR_NOMEM. */
MUST_CHECK int sim_resources_init(struct sim_resources *resources, const struct sim_fleet *fleet);
void sim_resources_done(struct sim_resources *resources);

/* As the actor's read: fills current, code and problem. */
void sim_resources_read(const struct sim_resources *resources, struct subject *subject);
/* The resource's new state. ERR_NOMEM. */
MUST_CHECK int sim_resources_put(struct sim_resources *resources, const struct subject *subject,
                                 const char *current);

#endif
