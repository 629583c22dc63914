/* aws/model_gzip.h - models may be gzip'ed, and may be told in several documents. */
#ifndef MOONTIDE_AWS_MODEL_GZIP_H
#define MOONTIDE_AWS_MODEL_GZIP_H

#include "moontide/aws/model.h"

bool gzip_is(const char *bytes, size_t len);
/* On success the caller frees *out. ERR_PARSE, ERR_LIMIT (more than max_bytes), ERR_NOMEM. */
MUST_CHECK int gzip_inflate(const char *bytes, size_t len, size_t max_bytes, char **out,
                            size_t *out_len);
/* Into a fresh buffer that the caller frees. ERR_NOMEM. */
MUST_CHECK int gzip_deflate(const char *bytes, size_t len, char **out, size_t *out_len);

struct model_text {
    const char *bytes;
    size_t len;
};
/* model_read() of a model whose parts (service-2, paginators-1, waiters-2) are documents of their
 * own. */
MUST_CHECK int model_read_texts(const char *service, const struct model_text *texts, size_t count,
                                struct model **out, struct fault *fault);

#endif
