/* base/faults.h - all the faults of one load, so that a person mends them in one go. */
#ifndef MOONTIDE_BASE_FAULTS_H
#define MOONTIDE_BASE_FAULTS_H

#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { FAULTS_MAX = 200 };

struct faults {
    struct fault *items; /* shape: items[count] */
    size_t count, cap;
    bool more; /* there were more than FAULTS_MAX, or memory ended: the rest is not listed */
};

void faults_init(struct faults *faults);
void faults_done(struct faults *faults);
/* Copies one. Returns fault->code. faults may be NULL. */
int faults_add(struct faults *faults, const struct fault *fault);

#endif
