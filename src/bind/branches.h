/* bind/branches.h - where the ifs of a Lua source stand: which lines are a condition's, and which
 * its block's. For traces: with it the lines that run tell which way was taken. */
#ifndef MOONTIDE_SRC_BIND_BRANCHES_H
#define MOONTIDE_SRC_BIND_BRANCHES_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* One `if` or `elseif` with its block. */
struct branch {
    int line;      /* of the keyword */
    int then_line; /* of its `then` */
    int end_line;  /* of the elseif, else or end behind its block */
    bool leaves;   /* on the line of `then`, the block leaves: return, break, goto, error */
    bool crowded;  /* another one begins on this line: the lines do not tell them apart */
    char *text;    /* the line, without its indentation */
};

struct branches {
    struct branch *items; /* shape: [count], sorted by line */
    size_t count;
};

/* Text that is no Lua gives an empty or partial list, never an error. ERR_NOMEM. */
MUST_CHECK int branches_scan(const char *text, size_t len, struct branches *out);
void branches_done(struct branches *branches);
/* The one that begins on this line, or NULL. */
const struct branch *branches_at(const struct branches *branches, int line);

#endif
