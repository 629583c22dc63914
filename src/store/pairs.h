/* store/pairs.h - the pairs of texts that a batch's entries name again and again, each kept once:
 * (target, resource), (policy, its source's hash). Either text may be NULL. */
#ifndef MOONTIDE_STORE_PAIRS_H
#define MOONTIDE_STORE_PAIRS_H

#include "moontide/base/compiler.h"
#include "moontide/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

#define PAIRS_NO_TEXT SIZE_MAX

struct pair {
    size_t first, second; /* offsets into the batch's texts, or PAIRS_NO_TEXT */
    uint64_t hash;
    int64_t row; /* its id in the file; the writer's */
};

/* Plain data; zero-initialised it is empty. */
struct pairs {
    struct pair *items;
    size_t count, cap;
    uint32_t *slots; /* open addressing: an index into items, plus one */
    size_t slot_count;
    uint32_t last; /* what was asked for last: entries of one subject come together */
};

/* Its index in items; a new one's texts are appended to texts, whose status is the caller's to
 * look at. ERR_NOMEM. */
MUST_CHECK int pairs_add(struct pairs *pairs, struct strbuf *texts, const char *first,
                         const char *second, uint32_t *out);
void pairs_done(struct pairs *pairs);

#endif
