/* aws/sts.h - the two calls of the Security Token Service that credentials are made of.
 *
 * AssumeRole (signed by other credentials) and AssumeRoleWithWebIdentity (unsigned), by the query
 * protocol, written by hand: credentials are needed before any service model is, and must not
 * depend on one. Source: AWS STS API Reference. */
#ifndef MOONTIDE_AWS_STS_H
#define MOONTIDE_AWS_STS_H

#include "moontide/aws/credentials.h"
#include "moontide/base/strbuf.h"

#include <stddef.h>

enum { STS_ANSWER_MAX = 64 * 1024, STS_REQUEST_MAX = 64 * 1024 };

struct sts_role {
    const char *role_arn;
    const char *session_name; /* NULL: AWS_ROLE_SESSION_NAME, then "moontide" */
    const char *external_id;  /* NULL: none */
    int32_t duration_s;       /* 0: STS's default */
};

struct sts;

/* The texts of the options live as long as this. */
MUST_CHECK int sts_new(const struct credential_options *options, struct sts **out);
void sts_free(struct sts *sts); /* cancels without calling back; NULL is allowed */

/* Both answer exactly once, not before they return, or fail (then nothing follows). One call at a
 * time. Transient failures are tried again, three attempts in all. A refusal is ERR_CREDENTIALS,
 * ERR_EXPIRED when the base credentials are no good any more; `provider` lives for ever. */
MUST_CHECK int sts_assume_role(struct sts *sts, const struct sts_role *role,
                               struct credentials *base, const char *provider,
                               credentials_done_fn *done, void *data, struct fault *fault);
MUST_CHECK int sts_assume_role_with_web_identity(struct sts *sts, const struct sts_role *role,
                                                 const char *token, const char *provider,
                                                 credentials_done_fn *done, void *data,
                                                 struct fault *fault);

/* The answer's XML. status 200: credentials; else the fault says what STS said, and *retry (may be
 * NULL) whether it may say something else next time. Pure; public for the fuzz target. */
MUST_CHECK int sts_parse(int status, const char *body, size_t len, const char *provider,
                         struct credentials **out, bool *retry, struct fault *fault);

#endif
