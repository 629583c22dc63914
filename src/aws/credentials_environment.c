/* aws/credentials_environment.c - the providers that only look: credentials that are there already
 * (explicit in the configuration, static keys of a profile), and AWS_ACCESS_KEY_ID with
 * AWS_SECRET_ACCESS_KEY.
 *
 * A profile that the configuration names goes before the environment, as with the AWS CLI's
 * --profile: otherwise a forgotten variable would choose another account. */
#include "moontide/base/timetext.h"

#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>

struct looking_provider {
    struct credential_provider base;
    const char *profile;
    struct credentials *fixed;
};

static void looking_free(struct credential_provider *provider)
{
    struct looking_provider *p = (struct looking_provider *)provider;
    credentials_release(p->fixed);
    free(p);
}

static void explicit_fetch(struct credential_provider *provider, credentials_done_fn *done,
                           void *data)
{
    struct looking_provider *p = (struct looking_provider *)provider;
    struct credentials *fixed = credentials_retain(p->fixed); /* done may free the provider */
    done(data, OK, fixed, NULL);
    credentials_release(fixed);
}

int environment_credentials(const char *profile, struct credentials **out, struct fault *fault)
{
    const char *id = environment("AWS_ACCESS_KEY_ID");
    const char *secret = environment("AWS_SECRET_ACCESS_KEY");
    if (profile && profile[0])
        return fault_set(fault, ERR_NOT_FOUND,
                         "not asked, as the configuration names profile \"%s\"", profile);
    if (id && secret) {
        const char *until = environment("AWS_CREDENTIAL_EXPIRATION");
        int64_t expires_ms = 0;
        if (until && time_parse(until, strlen(until), &expires_ms) < 0)
            return fault_set(fault, ERR_CREDENTIALS, "AWS_CREDENTIAL_EXPIRATION is not a time");
        int code = credentials_new(id, secret, environment("AWS_SESSION_TOKEN"), expires_ms / 1000,
                                   "environment", out);
        return code < 0 ? fault_set(fault, code, "out of memory") : OK;
    }
    if (id || secret)
        return fault_set(fault, ERR_CREDENTIALS, "environment: %s is set, but %s is not",
                         id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    return fault_set(fault, ERR_NOT_FOUND, "AWS_ACCESS_KEY_ID is not set");
}

static void environment_fetch(struct credential_provider *provider, credentials_done_fn *done,
                              void *data)
{
    struct looking_provider *p = (struct looking_provider *)provider;
    struct credentials *found = NULL;
    struct fault fault = {0};
    int code = environment_credentials(p->profile, &found, &fault);
    done(data, code, found, &fault);
    credentials_release(found);
}

static const struct credential_provider_vtable explicit_vtable = {
    .name = "configuration", .fetch = explicit_fetch, .free = looking_free};
static const struct credential_provider_vtable environment_vtable = {
    .name = "environment", .fetch = environment_fetch, .free = looking_free};

int environment_provider_new(const struct credential_options *options,
                             struct credential_provider **out)
{
    struct looking_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &environment_vtable;
    p->profile = options->profile;
    *out = &p->base;
    return OK;
}

int fixed_provider_new(struct credentials *credentials, struct credential_provider **out)
{
    struct looking_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &explicit_vtable;
    p->fixed = credentials_retain(credentials);
    *out = &p->base;
    return OK;
}

int explicit_provider_new(const struct credential_options *options,
                          struct credential_provider **out)
{
    const struct credentials *given = options->explicit_credentials;
    struct credentials *copied = NULL;
    int code = credentials_new(given->access_key_id, given->secret_access_key, given->session_token,
                               given->expires_s, "configuration", &copied);
    if (code == OK) code = fixed_provider_new(copied, out);
    credentials_release(copied);
    return code;
}
