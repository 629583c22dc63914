/* tick/sim_act.h - reading, checking and applying in the simulated world, each answered in the next
 * turn of the loop. */
#ifndef MOONTIDE_TICK_SIM_ACT_H
#define MOONTIDE_TICK_SIM_ACT_H

#include "moontide/tick/world.h"
#include "sim_resources.h"

struct loop;
struct sim_act; /* one under way: a struct actor_call to who asked */

struct sim_acts {
    struct loop *loop;
    struct sim_resources *resources;
    struct sim_act *first;
    uint64_t applied; /* numbers what would be request ids */
};

int sim_act_read(struct sim_acts *acts, struct actor *actor, struct subject *subjects, size_t count,
                 actor_read_fn *done, void *data, struct actor_call **out);
int sim_act_check(struct sim_acts *acts, const struct subject *subject, actor_check_fn *done,
                  void *data, struct actor_call **out);
int sim_act_apply(struct sim_acts *acts, struct actor *actor, const struct subject *subject,
                  const struct comparison *comparison, actor_apply_fn *done, void *data,
                  struct actor_call **out);
void sim_act_cancel(struct sim_acts *acts, struct actor_call *call);
void sim_acts_done(struct sim_acts *acts);

#endif
