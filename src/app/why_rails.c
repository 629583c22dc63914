/* app/why_rails.c - the rails in words: what each rule says, and what to do when it refuses. */
#include "moontide/app/why.h"
#include "moontide/tick/rails.h"

#include <string.h>

static const struct {
    const char *code, *rule, *remedy;
} rails[RAIL_COUNT] =
    {
#define CODE(name) [RAIL_##name] = {#name,
        CODE(NO_CHANGE) "the resource is as wanted already", "nothing"},
  CODE(PAUSED) "somebody has paused it", "`moontide resume`, with the name that is paused"
}
,
    CODE(FROZEN) "it is outside of a change window, within a freeze, or frozen by a verification "
                 "that failed",
    "wait for the window; `moontide resume RESOURCE` lifts the freeze of a verification"
}
, CODE(UNKNOWN) "a series that the policy read had no data, and no data takes nothing away",
    "see why the metric has no datapoints: the metric's name, its dimensions, who sends it"
}
, CODE(GATED) "a tier that it depends on has a high issue of saturation",
    "mend that tier first; `gate = false` in `rails` lets scale-out pass"
}
, CODE(CONFLICT) "another policy wants something else of the same resource",
    "let one policy decide on this resource; capacities agree on the larger"
}
, CODE(NOT_FEASIBLE) "AWS would not take it as asked",
    "correct the policy's wish by the sentence above"
}
, CODE(NOT_ALLOWED) "AWS denied the call before",
    "allow the named IAM action on the named resource; it is asked again after 10 minutes"
}
, CODE(DRIFT) "somebody else has changed the resource since moontide's last write",
    "agree with who changed it, or wait: after `drift_hold` the policy's wish counts again"
}
, CODE(BUSY) "an earlier change is still in progress on the resource",
    "nothing: it is decided again when that one has ended"
}
, CODE(TOLERANCE) "what is wanted is within the tolerance of what there is",
    "nothing; `tolerance` in `rails` is its width"
}
, CODE(STABILIZING) "a higher wish of the last minutes still counts",
    "wait; `stabilization_in` and `stabilization_out` in `rails` are its length"
}
, CODE(COOLDOWN) "the last change was less than its cooldown ago",
    "wait; `cooldown_in` and `cooldown_out` in `rails` are its length"
}
, CODE(RATE) "it was changed as fast as it may be",
    "wait; `rate_in` and `rate_out` in `rails` are the rates"
}
, CODE(AT_MIN) "it is at its least", "lower `min` in the policy or in `rails`"
}
, CODE(AT_MAX) "it is at its most", "raise `max` in the policy or in `rails`"
}
, CODE(BLAST_RADIUS) "enough was changed in that tick already",
    "nothing: the next tick goes on; `max_actions_per_tick` and `max_share` in `rails`"
}
, CODE(MODE) "the policy's mode holds it back",
    "`mode = \"act\"` in the policy or the configuration, when it is to be carried out"
}
,
#undef CODE
}
;

static int index_of(const char *code)
{
    for (int i = 0; i < RAIL_COUNT; i++)
        if (rails[i].code && strcmp(rails[i].code, code) == 0) return i;
    return 0;
}

const char *why_rule(const char *code)
{
    int at = index_of(code);
    return at ? rails[at].rule : "";
}

const char *why_remedy(const char *code)
{
    int at = index_of(code);
    return at ? rails[at].remedy : "";
}
