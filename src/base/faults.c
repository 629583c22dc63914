/* base/faults.c - a bounded list of faults. */
#include "moontide/base/faults.h"

#include <stdlib.h>
#include <string.h>

void faults_init(struct faults *faults)
{
    memset(faults, 0, sizeof *faults);
}

void faults_done(struct faults *faults)
{
    free(faults->items);
    memset(faults, 0, sizeof *faults);
}

int faults_add(struct faults *faults, const struct fault *fault)
{
    if (!faults) return fault->code;
    if (faults->count == faults->cap) {
        size_t cap = faults->cap ? faults->cap * 2 : 4;
        struct fault *items =
            cap <= FAULTS_MAX * 2 ? realloc(faults->items, cap * sizeof *items) : NULL;
        if (!items) {
            faults->more = true;
            return fault->code;
        }
        faults->items = items;
        faults->cap = cap;
    }
    if (faults->count < FAULTS_MAX)
        faults->items[faults->count++] = *fault;
    else
        faults->more = true;
    return fault->code;
}
