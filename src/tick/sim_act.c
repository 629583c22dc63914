/* tick/sim_act.c - what a decision does to the simulated world: the kind says what becomes of the
 * state (simulate), which is then kept. Everything that exists can be changed. */
#include "sim_act.h"

#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum sim_verb { SIM_READ, SIM_CHECK, SIM_APPLY };

struct sim_act {
    struct sim_act *prev, *next;
    struct sim_acts *acts;
    enum sim_verb verb;
    union {
        actor_read_fn *read;
        actor_check_fn *check;
        actor_apply_fn *apply;
    } done; /* by the verb */
    void *data;
    struct loop_timer *timer;
    struct subject about; /* of apply: copies of its texts */
    char *state;          /* of apply: what becomes of it; NULL: fault says why nothing does */
    char *problem;        /* of check */
    struct fault fault;
};

static void act_free(struct sim_act *act)
{
    if (act->prev)
        act->prev->next = act->next;
    else
        act->acts->first = act->next;
    if (act->next) act->next->prev = act->prev;
    loop_timer_cancel(act->timer);
    free((char *)(uintptr_t)act->about.kind);
    free((char *)(uintptr_t)act->about.resource);
    free((char *)(uintptr_t)act->about.region);
    free((char *)(uintptr_t)act->about.account);
    free(act->state);
    free(act->problem);
    free(act);
}

static void tell_applied(struct sim_act *act)
{
    char calls[128];
    actor_apply_fn *done = act->done.apply;
    void *data = act->data;
    struct fault fault = act->fault;
    if (act->state && sim_resources_put(act->acts->resources, &act->about, act->state) < 0)
        fault_set(&fault, ERR_NOMEM, "out of memory");
    snprintf(calls, sizeof calls, "[{\"operation\":\"sim:Apply\",\"request_id\":\"sim-%llu\"}]",
             (unsigned long long)++act->acts->applied);
    struct applied applied = {.code = fault.code,
                              .unsent = fault.code < 0,
                              .fault = fault.code < 0 ? &fault : NULL,
                              .calls = fault.code < 0 ? "[]" : calls};
    act_free(act);
    done(data, &applied);
}

static void on_turn(void *data)
{
    struct sim_act *act = data;
    void *to = act->data;
    act->timer = NULL;
    if (act->verb == SIM_APPLY) {
        tell_applied(act);
    } else if (act->verb == SIM_READ) {
        actor_read_fn *done = act->done.read;
        act_free(act);
        done(to);
    } else {
        actor_check_fn *done = act->done.check;
        struct feasibility feasibility = {.infeasible = act->problem};
        act->problem = NULL;
        act_free(act);
        done(to, OK, &feasibility, NULL);
    }
}

static struct sim_act *act_new(struct sim_acts *acts, enum sim_verb verb, void *data)
{
    struct sim_act *act = calloc(1, sizeof *act);
    if (!act) return NULL;
    act->acts = acts;
    act->verb = verb;
    act->data = data;
    act->next = acts->first;
    if (act->next) act->next->prev = act;
    acts->first = act;
    if (loop_timer_start(acts->loop, 0, on_turn, act, &act->timer) == OK) return act;
    act_free(act);
    return NULL;
}

static void hand_out(struct sim_act *act, struct actor_call **out)
{
    if (out) *out = (struct actor_call *)act;
}

int sim_act_read(struct sim_acts *acts, struct actor *actor, struct subject *subjects, size_t count,
                 actor_read_fn *done, void *data, struct actor_call **out)
{
    struct sim_act *act = act_new(acts, SIM_READ, data);
    if (!act) return ERR_NOMEM;
    act->done.read = done;
    for (size_t i = 0; i < count; i++) {
        const struct kind_info *kind = actor->vtable->kind(actor, subjects[i].kind);
        sim_resources_read(acts->resources, &subjects[i]);
        if (subjects[i].current || !kind || kind->reads) continue;
        free(subjects[i].problem); /* what cannot be read is always there */
        subjects[i].problem = NULL;
        subjects[i].current = strdup("{}");
        if (!subjects[i].current) subjects[i].code = ERR_NOMEM;
    }
    hand_out(act, out);
    return OK;
}

int sim_act_check(struct sim_acts *acts, const struct subject *subject, actor_check_fn *done,
                  void *data, struct actor_call **out)
{
    struct sim_act *act = act_new(acts, SIM_CHECK, data);
    if (!act) return ERR_NOMEM;
    act->done.check = done;
    if (!subject->current)
        act->problem = strdup(subject->problem ? subject->problem : "there is no such resource");
    if (!subject->current && !act->problem) {
        act_free(act);
        return ERR_NOMEM;
    }
    hand_out(act, out);
    return OK;
}

static bool keep(const char *text, const char **out)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

int sim_act_apply(struct sim_acts *acts, struct actor *actor, const struct subject *subject,
                  const struct comparison *comparison, actor_apply_fn *done, void *data,
                  struct actor_call **out)
{
    struct sim_act *act = act_new(acts, SIM_APPLY, data);
    if (!act) return ERR_NOMEM;
    act->done.apply = done;
    if (!keep(subject->kind, &act->about.kind) || !keep(subject->resource, &act->about.resource) ||
        !keep(subject->region, &act->about.region) ||
        !keep(subject->account, &act->about.account)) {
        act_free(act);
        return ERR_NOMEM;
    }
    if (actor->vtable->simulate(actor, subject, comparison, &act->state, &act->fault) < 0)
        act->state = NULL;
    hand_out(act, out);
    return OK;
}

void sim_act_cancel(struct sim_acts *acts, struct actor_call *call)
{
    (void)acts;
    act_free((struct sim_act *)call);
}

void sim_acts_done(struct sim_acts *acts)
{
    while (acts->first)
        act_free(acts->first);
}
