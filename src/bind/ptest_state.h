/* bind/ptest_state.h - between ptest.c, which runs files, and ptest_core.c, which is what their
 * Lua may ask of C. */
#ifndef MOONTIDE_SRC_BIND_PTEST_STATE_H
#define MOONTIDE_SRC_BIND_PTEST_STATE_H

#include "moontide/base/clock.h"
#include "moontide/bind/ptest.h"
#include "moontide/vm/vm.h"
#include "ptest_house.h"

/* Functions of prelude/test.lua, in this order at refs. */
enum ptest_step {
    STEP_LOAD,
    STEP_COUNT_TESTS,
    STEP_TEST,
    STEP_ENTER,
    STEP_BEFORE,
    STEP_BODY,
    STEP_AFTER,
    STEP_LEAVE,
    STEP_CUT,
    STEP_SNAPSHOTS,
    STEP_COUNT
};

/* One file, while it runs. */
struct ptest_run {
    struct binding binding; /* first: vm_owner() */
    struct ptest *ptest;
    const char *path, *shown;
    char *dir;
    struct vm *vm;
    int refs[STEP_COUNT];
    struct house **houses; /* shape: [house_count]: made and not ended yet */
    size_t house_count, house_cap;
    size_t kept; /* of them: those that are not of the test under way */
    struct strbuf output;
};

struct ptest {
    struct ptest_options options;
    struct ptest_base base;
    struct clock clock;
    struct host host; /* of the test files' own states */
    char *state_dir, *database;
    struct cover *cover;
};

/* Pushes the table of functions. */
void ptest_push_core(lua_State *L, struct ptest_run *run);
/* Ends the houses beyond the first `keep`. */
void ptest_end_houses(struct ptest_run *run, size_t keep);

#endif
