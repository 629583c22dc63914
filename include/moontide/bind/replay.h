/* bind/replay.h - policies at a recorded tick: their targets are given, and a person may look at
 * what one of them saw (`m`, `t`, `memo` of `moontide repl --tick`). */
#ifndef MOONTIDE_BIND_REPLAY_H
#define MOONTIDE_BIND_REPLAY_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"
#include "moontide/bind/script.h"
#include "moontide/tick/evaluator.h"

/* In place of a discovery: json, a list of what targets() would give, becomes the policy's targets;
 * targets() is not run, metrics(t) is for those that are new. A target that was there keeps its
 * memo. Of a fault nothing has changed. */
MUST_CHECK int policy_give_targets(struct evaluator *evaluator, const char *json,
                                   struct faults *faults);

/* ---- the REPL at a recorded tick ---- */

/* What the program does when it is asked; all run inside of the code that asks. Texts that are
 * answered go into `out` (what a person reads) and `json` (what the code gets: one JSON value, or
 * nothing for nil). Negative: fault says what went wrong, and the code gets it thrown. */
struct traveller {
    void *data;
    /* The policy of that file (NULL: as recorded) on this tick. */
    int (*rerun)(void *data, const char *path, struct strbuf *out, struct strbuf *json,
                 struct fault *fault);
    /* The ticks there are; what ("" or a time, a duration): from then on. */
    int (*ticks)(void *data, const char *from, struct strbuf *out, struct strbuf *json,
                 struct fault *fault);
    /* To the tick of this number or time, and the target of this id (each NULL: the present). */
    int (*go)(void *data, const char *where, const char *target, struct strbuf *out,
              struct fault *fault);
    /* So many ticks on (or back, when negative). */
    int (*step)(void *data, int64_t ticks, struct strbuf *out, struct fault *fault);
};
/* Defines rerun, ticks, go, next and prev in the script; the traveller is copied. */
MUST_CHECK int script_travel(struct script *script, const struct traveller *traveller,
                             struct fault *fault);

/* What the target input->target of this evaluator is shown as: the globals t, m, memo and tick of
 * the script. All of this stays as it is until script_look_away(), or another view. After
 * script_travel(). */
struct script_view {
    struct evaluator *evaluator;
    const struct evaluation_input *input; /* memo_json and extra_json NULL: none */
    const char *tick_json;                /* what `tick` is */
    struct evaluation *unseen;            /* where series that cannot answer are told, for nobody */
};
MUST_CHECK int script_look_at(struct script *script, const struct script_view *view,
                              struct fault *fault);
/* The handles of that view throw from here on, as outside of an evaluation. */
void script_look_away(struct script *script);

#endif
