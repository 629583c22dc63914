/* tick/world.c - what is common to all worlds. */
#include "moontide/tick/world.h"

void world_free(struct world *world)
{
    if (world) world->vtable->free(world);
}
