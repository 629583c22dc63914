/* aws/trace.h - requests and answers as text for a person, without what is secret in them.
 *
 * Blanked ("***"): signatures, session tokens, headers and query parameters whose name looks
 * secret, and in bodies of JSON, XML and forms the values of names that look secret or are marked
 * sensitive in the model, with all that is nested in them. Other bodies show as their size. */
#ifndef MOONTIDE_AWS_TRACE_H
#define MOONTIDE_AWS_TRACE_H

#include "moontide/aws/model.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/http.h"

#include <stdbool.h>

enum { TRACE_BODY_MAX = 4096, TRACE_BYTES_MAX = 256 * 1024 };

/* The wire names of a model's sensitive members. */
struct trace;
MUST_CHECK int trace_new(const struct model *model, struct trace **out);
void trace_free(struct trace *trace); /* NULL is allowed */

bool trace_is_secret(const struct trace *trace, const char *name, size_t len);
void trace_url(const struct trace *trace, struct strbuf *out, const char *url);
void trace_header(const struct trace *trace, struct strbuf *out, const char *name,
                  const char *value);
/* At most TRACE_BODY_MAX bytes. */
void trace_body(const struct trace *trace, struct strbuf *out, const char *body, size_t len);

#endif
