/* tick/world.c - what is common to all worlds. */
#include "moontide/tick/world.h"

#include <stddef.h>

void world_free(struct world *world)
{
    if (world) world->vtable->free(world);
}

void world_ready(struct world *world, world_ready_fn *done, void *data)
{
    if (world->vtable->ready)
        world->vtable->ready(world, done, data);
    else
        done(data, OK, NULL);
}
