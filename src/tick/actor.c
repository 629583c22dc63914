/* tick/actor.c - the ends of what actors answer, and the names of directions. */
#include "moontide/tick/actor.h"

#include <stdlib.h>

const char *const direction_names[] = {"none", "in", "out", NULL};

void subject_done(struct subject *subject)
{
    free(subject->current);
    free(subject->problem);
    subject->current = subject->problem = NULL;
}

void comparison_done(struct comparison *comparison)
{
    free(comparison->changes);
    free(comparison->wanted);
    comparison->changes = comparison->wanted = NULL;
}

void feasibility_done(struct feasibility *feasibility)
{
    free(feasibility->infeasible);
    free(feasibility->busy);
    free(feasibility->notes);
    *feasibility = (struct feasibility){0};
}
