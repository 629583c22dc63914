/* app/diff.h - what `moontide diff` knows when it has ended: for diff_report.c. */
#ifndef MOONTIDE_APP_DIFF_H
#define MOONTIDE_APP_DIFF_H

#include "moontide/app/past.h"
#include "moontide/tick/spans.h"

enum side { SIDE_OLD, SIDE_NEW, SIDES };

struct diff {
    struct past project;
    struct past_policy found;
    struct version versions[SIDES];
    struct host hosts[SIDES]; /* of each its own, as they are evaluated at the same time */
    struct rerun *reruns[SIDES];
    struct mate *mate; /* the thread beside; while it runs */
    struct replay *replay;
    struct spans *spans;
    struct differences differences;
    int64_t from_ms;
    uint64_t ticks, damaged; /* read; records that could not be */
    uint64_t both_failed;    /* evaluations that ended in an error by both versions */
    struct fault failure;    /* the first of them, by the new version */
    int64_t first_ms, last_ms;
    uint64_t first_tick, last_tick;
    size_t target_count; /* of the last tick */
    int code;            /* of the comparisons; negative: it went wrong at the last tick */
    int64_t elapsed_ms;
    bool json;
};

/* Prints the result on standard output. Answers how many differences there are, or ERR_NOMEM. */
MUST_CHECK int diff_report(const struct diff *diff);

#endif
