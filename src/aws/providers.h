/* aws/providers.h - the providers of the standard chain, one a file, and what they share. */
#ifndef MOONTIDE_AWS_PROVIDERS_H
#define MOONTIDE_AWS_PROVIDERS_H

#include "moontide/aws/credentials.h"

#include <stddef.h>

/* ERR_NOMEM. The options are borrowed for the call, their texts, loop and http for the life of the
 * provider. */
MUST_CHECK int explicit_provider_new(const struct credential_options *options,
                                     struct credential_provider **out);
MUST_CHECK int environment_provider_new(const struct credential_options *options,
                                        struct credential_provider **out);
MUST_CHECK int files_provider_new(const struct credential_options *options,
                                  struct credential_provider **out);
MUST_CHECK int container_provider_new(const struct credential_options *options,
                                      struct credential_provider **out);
MUST_CHECK int imds_provider_new(const struct credential_options *options,
                                 struct credential_provider **out);

/* What the environment and the files say, without asking anybody. ERR_NOT_FOUND: nothing there, the
 * fault says where it looked. */
MUST_CHECK int environment_credentials(const char *profile, struct credentials **out,
                                       struct fault *fault);
MUST_CHECK int files_credentials(const char *profile, struct credentials **out,
                                 struct fault *fault);

/* { AccessKeyId, SecretAccessKey, Token, Expiration }, as containers and IMDS answer. */
MUST_CHECK int credentials_from_json(const char *body, size_t len, const char *provider,
                                     struct credentials **out, struct fault *fault);

#endif
