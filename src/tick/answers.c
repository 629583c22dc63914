/* tick/answers.c - the last answers of `missing = "ignore"` questions.
 *
 * A slot is eight bytes: the question's key with the verdict in its two lowest bits. A policy whose
 * thresholds move makes new keys for ever, so there are two tables: answers are set in `young`;
 * when that is full it becomes `old`, and the former old one is dropped. A question that is still
 * asked was set again by then. */
#include "moontide/tick/evaluator.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, SLOTS_MAX = 1 << 18 }; /* 2 MiB a table: 10,000 targets x 19 questions */

static const uint64_t VERDICT_BITS = 3;

struct half {
    uint64_t *slots; /* 0: empty */
    size_t count, cap;
};

struct answers {
    struct half young, old;
};

int answers_new(struct answers **out)
{
    struct answers *answers = calloc(1, sizeof *answers);
    if (!answers) return ERR_NOMEM;
    *out = answers;
    return OK;
}

void answers_free(struct answers *answers)
{
    if (!answers) return;
    free(answers->young.slots);
    free(answers->old.slots);
    free(answers);
}

static int half_copy(const struct half *from, struct half *to)
{
    if (from->cap == 0) return OK;
    to->slots = malloc(from->cap * sizeof *to->slots);
    if (!to->slots) return ERR_NOMEM;
    memcpy(to->slots, from->slots, from->cap * sizeof *to->slots);
    to->count = from->count;
    to->cap = from->cap;
    return OK;
}

int answers_copy(const struct answers *answers, struct answers **out)
{
    struct answers *copy = NULL;
    int rc = answers_new(&copy);
    if (rc == OK) rc = half_copy(&answers->young, &copy->young);
    if (rc == OK) rc = half_copy(&answers->old, &copy->old);
    if (rc < 0)
        answers_free(copy);
    else
        *out = copy;
    return rc;
}

/* The key's slot, or the empty one where it belongs; NULL when there is no table. */
static uint64_t *slot_of(const struct half *half, uint64_t key)
{
    if (half->cap == 0) return NULL;
    size_t mask = half->cap - 1, at = (key >> 2) & mask;
    while (half->slots[at] && (half->slots[at] & ~VERDICT_BITS) != (key & ~VERDICT_BITS))
        at = (at + 1) & mask;
    return &half->slots[at];
}

enum verdict answers_get(const struct answers *answers, uint64_t key)
{
    const uint64_t *slot = slot_of(&answers->young, key);
    if (!slot || !*slot) slot = slot_of(&answers->old, key);
    if (!slot || !*slot) return VERDICT_UNKNOWN;
    return (enum verdict)((int)(*slot & VERDICT_BITS) - 2);
}

static int grow(struct half *half)
{
    struct half bigger = {.count = half->count, .cap = half->cap ? half->cap * 2 : FIRST_SLOTS};
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots) return ERR_NOMEM;
    for (size_t i = 0; i < half->cap; i++)
        if (half->slots[i]) *slot_of(&bigger, half->slots[i]) = half->slots[i];
    free(half->slots);
    *half = bigger;
    return OK;
}

/* Without memory the answer is not kept: the question then begins at unknown again. */
void answers_set(struct answers *answers, uint64_t key, enum verdict verdict)
{
    struct half *young = &answers->young;
    uint64_t value = (key & ~VERDICT_BITS) | (uint64_t)((int)verdict + 2);
    uint64_t *slot = slot_of(young, key);
    if (slot && *slot) {
        *slot = value;
        return;
    }
    if ((young->count + 1) * 4 > young->cap * 3) {
        if (young->cap >= SLOTS_MAX) {
            free(answers->old.slots);
            answers->old = *young;
            *young = (struct half){0};
        }
        if (grow(young) < 0) return;
    }
    *slot_of(young, key) = value;
    young->count++;
}
