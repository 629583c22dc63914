/* support/fake_courier.h - a courier that writes down what it is given, and answers as it is told:
 *
 *   chat firing slow/prod:high[firing];   chat resolved slow/prod:high[resolved]; */
#ifndef MOONTIDE_TESTS_FAKE_COURIER_H
#define MOONTIDE_TESTS_FAKE_COURIER_H

#include "moontide/io/loop.h"
#include "moontide/notify/courier.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_CALLS = 8 };

struct fake_courier {
    struct courier courier; /* first */
    struct loop *loop;
    char sent[16384]; /* what was taken */
    char ids[8192];   /* "id;" of each attempt */
    size_t attempts, heartbeats, canceled, under_way;
    const char *sick;    /* a receiver that fails; NULL: none */
    struct delivery how; /* how it fails: code 0 stands for ERR_SERVER */
    const char *state;   /* that it leaves with each delivery; NULL */

    char given[256]; /* the state that came with the last send; "" for none */
    bool hold;       /* nothing is answered */
    struct courier_call *open[FAKE_CALLS];
};

void fake_courier_init(struct fake_courier *fake, struct loop *loop);

#endif
