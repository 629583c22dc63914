/* aws/providers.h - the providers of the standard chain, one a file, and what they share.
 *
 * A provider may be made of another: a role asks the provider of its base credentials first. */
#ifndef MOONTIDE_AWS_PROVIDERS_H
#define MOONTIDE_AWS_PROVIDERS_H

#include "moontide/aws/credentials.h"

#include "sts.h"

#include <stddef.h>

struct profile;

/* ERR_NOMEM. The options are borrowed for the call, their texts, loop and http for the life of the
 * provider. */
MUST_CHECK int explicit_provider_new(const struct credential_options *options,
                                     struct credential_provider **out);
MUST_CHECK int environment_provider_new(const struct credential_options *options,
                                        struct credential_provider **out);
MUST_CHECK int web_identity_provider_new(const struct credential_options *options,
                                         struct credential_provider **out);
MUST_CHECK int files_provider_new(const struct credential_options *options,
                                  struct credential_provider **out);
MUST_CHECK int container_provider_new(const struct credential_options *options,
                                      struct credential_provider **out);
MUST_CHECK int imds_provider_new(const struct credential_options *options,
                                 struct credential_provider **out);

/* Those that a profile asks for. Their own texts are copied. */

/* The role, assumed with what `take_base` answers; it is freed too when this fails. */
MUST_CHECK int role_provider_new(const struct credential_options *options,
                                 const struct sts_role *role, struct credential_provider *take_base,
                                 struct credential_provider **out);
/* role_arn, role_session_name, ... of a profile, into *out; the texts are the profile's.
 * ERR_UNSUPPORTED: mfa_serial; ERR_CREDENTIALS: duration_seconds is none. */
MUST_CHECK int role_of_profile(const struct profile *profile, struct sts_role *out,
                               struct fault *fault);
/* The role, assumed with the token in that file. */
MUST_CHECK int token_file_provider_new(const struct credential_options *options,
                                       const struct sts_role *role, const char *token_file,
                                       struct credential_provider **out);
/* What the program `command` (credential_process of `profile`) prints. */
MUST_CHECK int process_provider_new(const struct credential_options *options, const char *profile,
                                    const char *command, struct credential_provider **out);
/* Splits a credential_process into words, in the memory of `command`; argv is terminated by NULL.
 * The number of words; ERR_PARSE: a quote without its end, or nothing; ERR_LIMIT. */
MUST_CHECK int process_split(char *command, char **argv, size_t argv_size);
/* The role that a profile's sso_* fields name. ERR_CREDENTIALS: fields are missing. */
MUST_CHECK int sso_provider_new(const struct credential_options *options,
                                const struct profile *profile, struct credential_provider **out,
                                struct fault *fault);
/* Credentials that are there already; retained. */
MUST_CHECK int fixed_provider_new(struct credentials *credentials,
                                  struct credential_provider **out);
/* What another chain answers; the chain is borrowed. */
MUST_CHECK int chain_provider_new(struct credential_chain *chain, struct credential_provider **out);

/* What the environment and the files say, without asking anybody. ERR_NOT_FOUND: nothing there, the
 * fault says where it looked. */
MUST_CHECK int environment_credentials(const char *profile, struct credentials **out,
                                       struct fault *fault);
MUST_CHECK int web_identity_configured(const char *profile, struct fault *fault);
MUST_CHECK int files_configured(const struct credential_options *options, struct fault *fault);

/* METADATA: { AccessKeyId, SecretAccessKey, Token, Expiration }, as containers and IMDS answer.
 * PROCESS: { Version = 1, AccessKeyId, SecretAccessKey, SessionToken, Expiration }.
 * SSO: { roleCredentials = { accessKeyId, secretAccessKey, sessionToken, expiration } }, the last
 * one in milliseconds. */
enum credentials_shape { CREDENTIALS_OF_METADATA, CREDENTIALS_OF_PROCESS, CREDENTIALS_OF_SSO };
MUST_CHECK int credentials_from_json(const char *body, size_t len, enum credentials_shape shape,
                                     const char *provider, struct credentials **out,
                                     struct fault *fault);

#endif
