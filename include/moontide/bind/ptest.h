/* bind/ptest.h - policy tests: runs Lua test files, each in a state of its own.
 *
 * A file sees describe, it and their kind, expect and assert, run(), fixture() (docs/testing.md),
 * Lua's whole standard library and the modules that need no network. Each test is an entry of its
 * own with a budget of its own; what it leaves behind in globals fails it and is put back.
 *
 * run() goes the way of production: engine, rails, alerts on a fixed world. One loop, one store (of
 * its own, in a temporary directory that goes with it) and one state of decision kinds serve all
 * tests of a process; nothing of a world is seen by another, as the store keeps all by world.
 *
 * Rule 1: the loop is turned from inside; nothing of it may be called from a callback. */
#ifndef MOONTIDE_BIND_PTEST_H
#define MOONTIDE_BIND_PTEST_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/cover.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct ptest;

enum {
    PTEST_INSTRUCTIONS = 100000000, /* of one test, or of the load of a file */
    PTEST_WALL_MS = 10 * 1000,
    PTEST_MEMORY_BYTES = 256 * 1024 * 1024,
    PTEST_OUTPUT_MAX = 64 * 1024, /* of what a test prints */
};

enum ptest_status { PTEST_PASSED, PTEST_FAILED, PTEST_PENDING };

/* Borrowed for the callback. Texts are "" when there is none. */
struct ptest_result {
    const char *file, *name; /* "performance > critical when slow" */
    int line;                /* where the test stands; 0: not known */
    enum ptest_status status;
    const char *message; /* why it failed, or is pending: lines, coloured if that was asked */
    const char *at_file; /* where it failed; at_line 0: not known */
    int at_line;
    const char *source; /* that line */
    const char *traceback;
    const char *output; /* what it printed */
    int64_t elapsed_us;
};

struct ptest_options {
    const struct config *config;
    bool color; /* in messages */
    bool coverage;
    bool update;         /* snapshots are taken over */
    bool keep_snapshots; /* one that is missing fails, and none is written (CI) */
    /* Whether a test is wanted; NULL: all. */
    bool (*wanted)(void *data, const char *name);
    void (*result)(void *data, const struct ptest_result *result);
    void *data;
};

MUST_CHECK int ptest_new(const struct ptest_options *options, struct ptest **out,
                         struct fault *fault);
void ptest_free(struct ptest *ptest); /* NULL is allowed */

/* What became of a file beyond its tests' results. */
struct ptest_file {
    size_t tests;    /* that it has, wanted or not */
    bool focused;    /* only those of it.only were run */
    char *traceback; /* of a load that failed; the caller frees it */
};
/* Runs a file; shown: how messages name it. A file that does not load is an error: fault has file
 * and line. */
MUST_CHECK int ptest_run(struct ptest *ptest, const char *path, const char *shown,
                         struct ptest_file *out, struct fault *fault);
/* NULL: coverage was not asked for. */
struct cover *ptest_cover(struct ptest *ptest);

#endif
