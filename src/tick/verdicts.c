/* tick/verdicts.c - the last verdict on each decision, as two hashes, so that the journal hears of
 * one only when it differs: a policy states the same decision each minute. */
#include "verdicts.h"

#include "moontide/base/err.h"

#include <stddef.h>
#include <stdlib.h>

enum { FIRST_VERDICTS = 64, VERDICTS_MAX = 1 << 18 };

struct noted {
    uint64_t about, wanted; /* about 0: empty */
};

struct verdicts {
    struct noted *noted;
    size_t count, cap;
};

int verdicts_new(struct verdicts **out)
{
    struct verdicts *verdicts = calloc(1, sizeof *verdicts);
    if (!verdicts) return ERR_NOMEM;
    *out = verdicts;
    return OK;
}

void verdicts_free(struct verdicts *verdicts)
{
    if (!verdicts) return;
    free(verdicts->noted);
    free(verdicts);
}

static struct noted *noted_of(struct noted *noted, size_t cap, uint64_t about)
{
    size_t at = about & (cap - 1);
    while (noted[at].about && noted[at].about != about)
        at = (at + 1) & (cap - 1);
    return &noted[at];
}

static bool make_room(struct verdicts *verdicts)
{
    if ((verdicts->count + 1) * 4 <= verdicts->cap * 3) return true;
    bool full = verdicts->cap >= VERDICTS_MAX; /* then begin anew: journaled twice is no harm */
    size_t cap = full ? FIRST_VERDICTS : verdicts->cap ? verdicts->cap * 2 : FIRST_VERDICTS;
    struct noted *noted = calloc(cap, sizeof *noted);
    if (!noted) return false;
    for (size_t i = 0; i < verdicts->cap && !full; i++)
        if (verdicts->noted[i].about)
            *noted_of(noted, cap, verdicts->noted[i].about) = verdicts->noted[i];
    if (full) verdicts->count = 0;
    free(verdicts->noted);
    verdicts->noted = noted;
    verdicts->cap = cap;
    return true;
}

bool verdicts_news(struct verdicts *verdicts, uint64_t about, uint64_t wanted, bool *first)
{
    about |= 1; /* never 0 */
    *first = true;
    if (!make_room(verdicts)) return true;
    struct noted *found = noted_of(verdicts->noted, verdicts->cap, about);
    *first = !found->about;
    if (found->about && found->wanted == wanted) return false;
    if (!found->about) verdicts->count++;
    *found = (struct noted){about, wanted};
    return true;
}
