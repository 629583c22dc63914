/* aws/pagination.h - from one page to the next, by the model's paginators.
 *
 * Tokens are shown where they stand in the answer, not copied here: some are whole tables
 * (DynamoDB's LastEvaluatedKey). */
#ifndef MOONTIDE_AWS_PAGINATION_H
#define MOONTIDE_AWS_PAGINATION_H

#include "moontide/aws/model.h"
#include "moontide/aws/value.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdint.h>

/* What is remembered from page to page; zero-initialised before the first. */
struct page_cursor {
    uint64_t tokens; /* a hash of the last page's */
};

/* Sets the parameter `name` of the next call to the value on which the reader stands; with at NULL,
 * takes it out of the parameters. */
typedef void page_token_fn(void *data, const char *name, struct value_reader *at);

/* Looks at an answer (the reader stands on the whole of it). 1: there is another page, and `token`
 * was called for each of its tokens; 0: that was the last one; ERR_PARSE: the same tokens twice, or
 * a path that is none. `token` must not use the reader but for the value it stands on. */
MUST_CHECK int page_next(const struct pagination *pagination, struct value_reader *answer,
                         struct page_cursor *cursor, page_token_fn *token, void *data,
                         struct fault *fault);

#endif
