/* aws/credentials_web_identity.c - a role, assumed with a token that a file holds, as EKS and other
 * OpenID Connect providers put it there (STS AssumeRoleWithWebIdentity).
 *
 * By AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, or by web_identity_token_file with role_arn in
 * a profile. The file is read at each fetch, as whoever wrote it replaces the token before it ends.
 * A profile that the configuration names goes before the environment. Source: AWS SDKs and Tools
 * Reference Guide, "Assume role with web identity". */
#include "moontide/base/fs.h"

#include "profile.h"
#include "providers.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_MAX = 32 * 1024 /* STS takes 20,000 characters */ };

struct web_identity_provider {
    struct credential_provider base;
    struct sts *sts;
    const char *profile;                        /* of the environment's: the configuration's */
    char *token_file, *role_arn, *session_name; /* of a profile; NULL: the environment's */
    int32_t duration_s;
    credentials_done_fn *done;
    void *data;
};

int web_identity_configured(const char *profile, struct fault *fault)
{
    if (profile && profile[0])
        return fault_set(fault, ERR_NOT_FOUND,
                         "not asked, as the configuration names profile \"%s\"", profile);
    if (!environment("AWS_WEB_IDENTITY_TOKEN_FILE"))
        return fault_set(fault, ERR_NOT_FOUND, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (!environment("AWS_ROLE_ARN"))
        return fault_set(fault, ERR_CREDENTIALS,
                         "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is "
                         "not");
    return OK;
}

static void on_role(void *data, int code, struct credentials *found, const struct fault *why)
{
    struct web_identity_provider *p = data;
    struct fault fault = {0};
    if (code < 0) fault_set(&fault, code, "web identity: %s", why->text);
    p->done(p->data, code, found, &fault);
}

/* The caller wipes and frees *out. */
static int read_token(const char *path, char **out, struct fault *fault)
{
    struct fault why = {0};
    size_t len = 0;
    int code = fs_read_file(path, TOKEN_MAX, out, &len, &why);
    if (code < 0) return fault_set(fault, ERR_CREDENTIALS, "web identity token: %s", why.text);
    while (len > 0 && strchr(" \t\r\n", (*out)[len - 1]))
        (*out)[--len] = '\0';
    if (len == 0) return fault_set(fault, ERR_CREDENTIALS, "web identity token: %s is empty", path);
    return OK;
}

static void web_identity_fetch(struct credential_provider *provider, credentials_done_fn *done,
                               void *data)
{
    struct web_identity_provider *p = (struct web_identity_provider *)provider;
    struct fault fault = {0};
    char *token = NULL;
    const char *path = p->token_file;
    struct sts_role role = {p->role_arn, p->session_name, NULL, p->duration_s};
    int code = OK;
    if (!path) {
        code = web_identity_configured(p->profile, &fault);
        path = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
        role = (struct sts_role){.role_arn = environment("AWS_ROLE_ARN")};
    }
    p->done = done;
    p->data = data;
    if (code == OK) code = read_token(path, &token, &fault);
    if (code == OK)
        code = sts_assume_role_with_web_identity(p->sts, &role, token, "web identity", on_role, p,
                                                 &fault);
    if (token) OPENSSL_cleanse(token, strlen(token));
    free(token);
    if (code < 0) done(data, code, NULL, &fault);
}

static void web_identity_free(struct credential_provider *provider)
{
    struct web_identity_provider *p = (struct web_identity_provider *)provider;
    sts_free(p->sts);
    free(p->token_file);
    free(p->role_arn);
    free(p->session_name);
    free(p);
}

static const struct credential_provider_vtable web_identity_vtable = {
    .name = "web identity", .fetch = web_identity_fetch, .free = web_identity_free};

int web_identity_provider_new(const struct credential_options *options,
                              struct credential_provider **out)
{
    struct web_identity_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &web_identity_vtable;
    p->profile = options->profile;
    int code = sts_new(options, &p->sts);
    if (code < 0)
        web_identity_free(&p->base);
    else
        *out = &p->base;
    return code;
}

int token_file_provider_new(const struct credential_options *options, const struct sts_role *role,
                            const char *token_file, struct credential_provider **out)
{
    struct credential_provider *made = NULL;
    int code = web_identity_provider_new(options, &made);
    if (code < 0) return code;
    struct web_identity_provider *p = (struct web_identity_provider *)made;
    p->duration_s = role->duration_s;
    p->token_file = expand_home(token_file);
    p->role_arn = strdup(role->role_arn);
    if (role->session_name) p->session_name = strdup(role->session_name);
    if (!p->token_file || !p->role_arn || (role->session_name && !p->session_name)) {
        web_identity_free(made);
        return ERR_NOMEM;
    }
    *out = made;
    return OK;
}
