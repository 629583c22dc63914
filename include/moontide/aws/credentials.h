/* aws/credentials.h - where credentials come from, and when they end.
 *
 * Providers, asked in this order (each in a file of its own, src/aws/credentials_<provider>.c):
 * explicit in configuration, environment, web identity token file, shared config and credentials
 * files with profile (a role with its source, a web identity, static keys, the SSO token cache,
 * credential_process), container endpoint, IMDSv2. The chain remembers which provider answered,
 * refreshes ahead of expiry in the background, one refresh at a time, and hands out the old ones
 * while they are still valid. Files are read again when they have changed.
 *
 * Rule 1: secrets are wiped when freed and are never part of a log, a fault or a describe text.
 * Rule 2: when nobody answers, the fault names every place that was looked at, and what was found
 * there. */
#ifndef MOONTIDE_AWS_CREDENTIALS_H
#define MOONTIDE_AWS_CREDENTIALS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct http;
struct loop;
struct clock;

struct credentials {
    char *access_key_id, *secret_access_key, *session_token; /* token may be NULL */
    int64_t expires_s;                                       /* epoch; 0: never */
    /* "configuration", "environment", "web identity", "assume role", "shared files", "sso",
     * "process", "container", "imds"; lives for ever */
    const char *provider;
    uint32_t refs;
};

/* Copies the texts; one reference. ERR_NOMEM. */
MUST_CHECK int credentials_new(const char *access_key_id, const char *secret_access_key,
                               const char *session_token, int64_t expires_s, const char *provider,
                               struct credentials **out);
struct credentials *credentials_retain(struct credentials *credentials);
void credentials_release(struct credentials *credentials); /* wipes with the last reference */

/* A provider: credentials_chain_new() makes those of the standard chain; tests may add their own.
 */
struct credential_provider;
typedef void credentials_done_fn(void *data, int code, struct credentials *borrowed,
                                 const struct fault *fault);
struct credential_provider_vtable {
    const char *name;
    /* Answers through done, perhaps before it returns. ERR_NOT_FOUND: nothing configured here, ask
     * the next; any other error ends the chain (a profile that is broken must not fall through
     * silently). */
    void (*fetch)(struct credential_provider *provider, credentials_done_fn *done, void *data);
    void (*free)(struct credential_provider *provider); /* cancels what is under way */
    /* May be NULL. Whether what the last answer was read from has changed since; cheap. */
    bool (*changed)(struct credential_provider *provider);
    /* May be NULL. A service said that the last answer is no good: the next one is fetched anew. */
    void (*invalidate)(struct credential_provider *provider);
};
struct credential_provider {
    const struct credential_provider_vtable *vtable;
};

struct credential_options {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;                      /* NULL: real */
    const char *profile;                            /* NULL: AWS_PROFILE, then "default" */
    const struct credentials *explicit_credentials; /* NULL: none */
    const char
        *imds_endpoint;   /* NULL: AWS_EC2_METADATA_SERVICE_ENDPOINT, then http://169.254.169.254 */
    bool imds_v1_allowed; /* never falls back to v1 unless set */
    const char *region;   /* of STS; NULL: region_default(), then us-east-1 */
    const char *sts_endpoint; /* NULL: by the rules of endpoint.h */
};

struct credential_chain;
MUST_CHECK int credential_chain_new(const struct credential_options *options,
                                    struct credential_chain **out);
void credential_chain_free(struct credential_chain *chain);

/* The credentials of a role that those of another chain may assume (STS AssumeRole); renewed like
 * any. */
struct credential_role_options {
    struct loop *loop;
    struct http *http;
    const struct clock *clock;     /* NULL: real */
    struct credential_chain *base; /* borrowed: outlives the new chain */
    const char *role_arn;
    const char *external_id;  /* NULL: none */
    const char *session_name; /* NULL: AWS_ROLE_SESSION_NAME, then "moontide" */
    int32_t duration_s;       /* 0: STS's default, an hour */
    const char *profile;      /* for region and endpoint of STS; may be NULL */
    const char *region;       /* as in credential_options */
    const char *sts_endpoint;
};
MUST_CHECK int credential_role_chain_new(const struct credential_role_options *options,
                                         struct credential_chain **out);

/* Answers through done, before it returns when valid ones are at hand. ERR_CREDENTIALS: none found.
 */
void credential_chain_get(struct credential_chain *chain, credentials_done_fn *done, void *data);
/* The service said they are expired or invalid: the next get fetches anew. */
void credential_chain_invalidate(struct credential_chain *chain);
/* Callers that are going away: their pending done is not called any more. */
void credential_chain_forget(struct credential_chain *chain, void *data);

/* Whether environment or files say where credentials come from (keys, a role, a process, SSO, a
 * container endpoint), right or wrong. Used to say early that no account is configured. */
bool credentials_configured(const char *profile);

/* A value of the profile in the shared config file (region, endpoint_url, ...), or NULL; the caller
 * frees it. ERR_PARSE with file and line in fault. */
MUST_CHECK int profile_value(const char *profile, const char *key, char **out, struct fault *fault);

/* The region: AWS_REGION, AWS_DEFAULT_REGION, the profile's; NULL when none. The caller frees it.
 */
MUST_CHECK int region_default(const char *profile, char **out, struct fault *fault);

#endif
