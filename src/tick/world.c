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

int world_read(struct world *world, struct actor *actor, struct subject *subjects, size_t count,
               actor_read_fn *done, void *data, struct actor_call **out)
{
    if (world->vtable->read)
        return world->vtable->read(world, actor, subjects, count, done, data, out);
    return actor->vtable->read(actor, subjects, count, done, data, out);
}

int world_check(struct world *world, struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_check_fn *done, void *data,
                struct actor_call **out)
{
    if (world->vtable->check)
        return world->vtable->check(world, actor, subject, comparison, done, data, out);
    return actor->vtable->check(actor, subject, comparison, done, data, out);
}

int world_apply(struct world *world, struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_apply_fn *done, void *data,
                struct actor_call **out)
{
    if (world->vtable->apply)
        return world->vtable->apply(world, actor, subject, comparison, done, data, out);
    return actor->vtable->apply(actor, subject, comparison, done, data, out);
}

void world_cancel_act(struct world *world, struct actor *actor, struct actor_call *call)
{
    if (world->vtable->cancel_act)
        world->vtable->cancel_act(world, actor, call);
    else
        actor->vtable->cancel(actor, call);
}
