/* aws/credentials_files.c - static keys in a profile of the shared files.
 *
 * The files are read anew at each fetch, so that keys which somebody replaced are found after the
 * service refused the old ones. What a profile asks for and moontide cannot do yet (roles, SSO,
 * processes) is an error that names the field: going on to the next provider would act as somebody
 * else than the operator meant. */
#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>

struct files_provider {
    struct credential_provider base;
    const char *profile;
};

/* In the order in which a profile means them; static keys stand between the two lists. */
static const char *const before_keys[] = {"role_arn", "web_identity_token_file", NULL};
static const char *const after_keys[] = {"sso_session", "sso_start_url", "sso_account_id",
                                         "credential_process", NULL};

static int refuse_unsupported(const struct profile *p, const char *const *fields,
                              struct fault *fault)
{
    const char *path = NULL;
    for (; *fields; fields++)
        if (profile_get(p, *fields, &path))
            return fault_set(fault, ERR_UNSUPPORTED,
                             "%s: profile \"%s\" has %s, which is not supported yet", path, p->name,
                             *fields);
    return OK;
}

static int missing(const struct profile *p, struct fault *fault)
{
    if (!p->named)
        return fault_set(fault, ERR_NOT_FOUND, "no profile \"default\" in %s%s or %s%s",
                         p->credentials_path, p->credentials ? "" : " (no such file)",
                         p->config_path, p->config ? "" : " (no such file)");
    bool unprefixed = ini_has(p->config, p->name);
    return fault_set(fault, ERR_CREDENTIALS, "profile \"%s\" is neither in %s%s nor in %s%s%s",
                     p->name, p->credentials_path, p->credentials ? "" : " (no such file)",
                     p->config_path, p->config ? "" : " (no such file)",
                     unprefixed ? " (its section lacks the word \"profile\")" : "");
}

static int from_profile(const struct profile *p, struct credentials **out, struct fault *fault)
{
    const char *id_at = NULL, *secret_at = NULL;
    if (!p->in_config && !p->in_credentials) return missing(p, fault);
    int code = refuse_unsupported(p, before_keys, fault);
    if (code < 0) return code;
    const char *id = profile_get(p, "aws_access_key_id", &id_at);
    const char *secret = profile_get(p, "aws_secret_access_key", &secret_at);
    if (id && secret && id_at == secret_at) { /* halves of two files make no pair */
        code = credentials_new(id, secret, profile_get(p, "aws_session_token", NULL), 0,
                               "shared files", out);
        return code < 0 ? fault_set(fault, code, "out of memory") : OK;
    }
    if (id || secret)
        return fault_set(fault, ERR_CREDENTIALS, "%s: profile \"%s\" has %s but no %s",
                         id ? id_at : secret_at, p->name,
                         id ? "aws_access_key_id" : "aws_secret_access_key",
                         id ? "aws_secret_access_key" : "aws_access_key_id");
    code = refuse_unsupported(p, after_keys, fault);
    if (code < 0) return code;
    return fault_set(fault, ERR_NOT_FOUND, "profile \"%s\" has no aws_access_key_id (in %s or %s)",
                     p->name, p->credentials_path, p->config_path);
}

int files_credentials(const char *profile, struct credentials **out, struct fault *fault)
{
    struct profile p;
    int code = profile_read(&p, profile, fault);
    if (code < 0) return code;
    code = from_profile(&p, out, fault);
    profile_done(&p);
    return code;
}

static void files_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    struct files_provider *p = (struct files_provider *)provider;
    struct credentials *found = NULL;
    struct fault fault = {0};
    int code = files_credentials(p->profile, &found, &fault);
    done(data, code, found, &fault);
    credentials_release(found);
}

static void files_free(struct credential_provider *provider)
{
    free(provider);
}

static const struct credential_provider_vtable files_vtable = {
    .name = "shared files", .fetch = files_fetch, .free = files_free};

int files_provider_new(const struct credential_options *options, struct credential_provider **out)
{
    struct files_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &files_vtable;
    p->profile = options->profile;
    *out = &p->base;
    return OK;
}
