/* aws/credentials_files.c - what a profile of the shared files says about credentials.
 *
 * A profile means, in this order: a role (role_arn, assumed with a web identity token, with another
 * profile or with a credential_source), static keys, IAM Identity Center, a process. Where it is
 * the source of another profile's role, static keys go first, so that a profile may be its own
 * source. What it means becomes a provider, roles on top of the provider of their source. The files
 * are read anew, and that provider is made anew, at each fetch; and a fetch is due when they have
 * changed.
 *
 * A profile that says something wrong is an error: going on to the next provider would act as
 * somebody else than the operator meant. */
#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>

enum { ROLES_MAX = 8 }; /* one upon the other */

struct files_provider {
    struct credential_provider base;
    struct credential_options options;
    struct credential_provider *inner; /* NULL: nothing was found */
    char *config_path, *credentials_path;
    struct file_stamp config_stamp, credentials_stamp;
};

/* The way from the profile that was asked for to the one that is looked at. */
struct way {
    const struct credential_options *options;
    struct profile profile;
    char *names[ROLES_MAX];
    size_t count;
};

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

static bool has_static_keys(const struct profile *p)
{
    return profile_get(p, "aws_access_key_id", NULL) &&
           profile_get(p, "aws_secret_access_key", NULL);
}

/* ERR_NOT_FOUND: it has none. */
static int static_keys(const struct profile *p, struct credential_provider **out,
                       struct fault *fault)
{
    const char *id_at = NULL, *secret_at = NULL;
    const char *id = profile_get(p, "aws_access_key_id", &id_at);
    const char *secret = profile_get(p, "aws_secret_access_key", &secret_at);
    if (!id && !secret) return ERR_NOT_FOUND;
    if (!id || !secret || id_at != secret_at) /* halves of two files make no pair */
        return fault_set(fault, ERR_CREDENTIALS, "%s: profile \"%s\" has %s but no %s",
                         id ? id_at : secret_at, p->name,
                         id ? "aws_access_key_id" : "aws_secret_access_key",
                         id ? "aws_secret_access_key" : "aws_access_key_id");
    struct credentials *found = NULL;
    int code = credentials_new(id, secret, profile_get(p, "aws_session_token", NULL), 0,
                               "shared files", &found);
    if (code == OK) code = fixed_provider_new(found, out);
    credentials_release(found);
    return code < 0 ? fault_set(fault, code, "out of memory") : OK;
}

static int from_credential_source(const struct way *way, const char *name, const char *path,
                                  struct credential_provider **out, struct fault *fault)
{
    static const struct {
        const char *name;
        int (*make)(const struct credential_options *, struct credential_provider **);
    } sources[] = {{"Environment", environment_provider_new},
                   {"Ec2InstanceMetadata", imds_provider_new},
                   {"EcsContainer", container_provider_new}};
    struct credential_options options = *way->options;
    options.profile = NULL; /* which would keep the environment from being asked */
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        if (strcmp(name, sources[i].name) != 0) continue;
        int code = sources[i].make(&options, out);
        return code < 0 ? fault_set(fault, code, "out of memory") : OK;
    }
    return fault_set(fault, ERR_CREDENTIALS,
                     "%s: profile \"%s\": credential_source is none of Environment, "
                     "Ec2InstanceMetadata and EcsContainer",
                     path, way->profile.name);
}

static int walk(struct way *way, struct credential_provider **out, struct fault *fault);

static int turn(struct way *way, const char *name, struct fault *fault)
{
    bool seen = false;
    char *from = strdup(way->profile.name);
    if (!from) return fault_set(fault, ERR_NOMEM, "out of memory");
    if (way->count == ROLES_MAX) {
        free(from);
        return fault_set(fault, ERR_LIMIT, "profile \"%s\": more than %d roles one upon the other",
                         way->names[0], ROLES_MAX);
    }
    way->names[way->count++] = from;
    for (size_t i = 0; i < way->count && !seen; i++)
        seen = strcmp(way->names[i], name) == 0;
    int code = profile_turn_to(&way->profile, name);
    if (code < 0) return fault_set(fault, code, "out of memory");
    if (!way->profile.in_config && !way->profile.in_credentials)
        return fault_set(fault, ERR_CREDENTIALS,
                         "%s: profile \"%s\" has source_profile \"%s\", which is neither there nor "
                         "in %s",
                         way->profile.config_path, from, name, way->profile.credentials_path);
    if (seen && !has_static_keys(&way->profile))
        return fault_set(fault, ERR_CREDENTIALS,
                         "%s: profile \"%s\": its source_profile leads back to \"%s\"",
                         way->profile.config_path, way->names[0], name);
    return OK;
}

static int from_role(struct way *way, struct credential_provider **out, struct fault *fault)
{
    struct sts_role role;
    struct credential_provider *source = NULL;
    const struct profile *p = &way->profile;
    const char *path = NULL;
    int code = role_of_profile(p, &role, fault);
    if (code < 0) return code;
    (void)profile_get(p, "role_arn", &path);
    const char *token_file = profile_get(p, "web_identity_token_file", NULL);
    const char *named = profile_get(p, "source_profile", NULL);
    const char *other = profile_get(p, "credential_source", NULL);
    if (token_file) {
        code = token_file_provider_new(way->options, &role, token_file, out);
        return code < 0 ? fault_set(fault, code, "out of memory") : OK;
    }
    if (!named == !other)
        return fault_set(fault, ERR_CREDENTIALS,
                         "%s: profile \"%s\" has role_arn with %s source_profile %s "
                         "credential_source",
                         path, p->name, named ? "both" : "neither", named ? "and" : "nor");
    if (named) {
        code = turn(way, named, fault);
        if (code == OK) code = walk(way, &source, fault);
    } else {
        code = from_credential_source(way, other, path, &source, fault);
    }
    if (code < 0) return code;
    code = role_provider_new(way->options, &role, source, out);
    return code < 0 ? fault_set(fault, code, "out of memory") : OK;
}

static bool has_sso(const struct profile *p)
{
    return profile_get(p, "sso_session", NULL) || profile_get(p, "sso_start_url", NULL) ||
           profile_get(p, "sso_account_id", NULL);
}

/* The provider of way->profile, which is the source of another one when way->count > 0. */
static int walk(struct way *way, struct credential_provider **out, struct fault *fault)
{
    const struct profile *p = &way->profile;
    const char *path = NULL, *command;
    bool source = way->count > 0;
    if (profile_get(p, "role_arn", NULL) && !(source && has_static_keys(p)))
        return from_role(way, out, fault);
    if (profile_get(p, "web_identity_token_file", &path))
        return fault_set(fault, ERR_CREDENTIALS,
                         "%s: profile \"%s\" has web_identity_token_file but no role_arn", path,
                         p->name);
    int code = static_keys(p, out, fault);
    if (code != ERR_NOT_FOUND) return code;
    if (has_sso(p)) return sso_provider_new(way->options, p, out, fault);
    if ((command = profile_get(p, "credential_process", NULL))) {
        code = process_provider_new(way->options, p->name, command, out);
        return code < 0 ? fault_set(fault, code, "out of memory") : OK;
    }
    if (source)
        return fault_set(fault, ERR_CREDENTIALS,
                         "profile \"%s\", the source_profile of \"%s\", says nothing about "
                         "credentials (in %s or %s)",
                         p->name, way->names[way->count - 1], p->credentials_path, p->config_path);
    return fault_set(fault, ERR_NOT_FOUND, "profile \"%s\" has no aws_access_key_id (in %s or %s)",
                     p->name, p->credentials_path, p->config_path);
}

/* What the files mean now; `p` (may be NULL) keeps what tells that they have changed. */
static int make_inner(const struct credential_options *options, struct files_provider *p,
                      struct credential_provider **out, struct fault *fault)
{
    struct way way = {.options = options};
    int code = profile_read(&way.profile, options->profile, fault);
    if (code < 0) return code;
    if (p) {
        free(p->config_path);
        free(p->credentials_path);
        p->config_path = strdup(way.profile.config_path);
        p->credentials_path = strdup(way.profile.credentials_path);
        p->config_stamp = way.profile.config_stamp;
        p->credentials_stamp = way.profile.credentials_stamp;
        if (!p->config_path || !p->credentials_path)
            code = fault_set(fault, ERR_NOMEM, "out of memory");
    }
    if (code == OK)
        code = way.profile.in_config || way.profile.in_credentials ? walk(&way, out, fault)
                                                                   : missing(&way.profile, fault);
    for (size_t i = 0; i < way.count; i++)
        free(way.names[i]);
    profile_done(&way.profile);
    return code;
}

int files_configured(const struct credential_options *options, struct fault *fault)
{
    struct credential_provider *inner = NULL;
    int code = make_inner(options, NULL, &inner, fault);
    if (inner) inner->vtable->free(inner);
    return code;
}

static void drop_inner(struct files_provider *p)
{
    if (p->inner) p->inner->vtable->free(p->inner);
    p->inner = NULL;
}

static void files_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    struct files_provider *p = (struct files_provider *)provider;
    struct fault fault = {0};
    drop_inner(p);
    int code = make_inner(&p->options, p, &p->inner, &fault);
    if (code < 0)
        done(data, code, NULL, &fault);
    else
        p->inner->vtable->fetch(p->inner, done, data);
}

static bool stale(const char *path, const struct file_stamp *then)
{
    struct file_stamp now;
    if (!path) return false;
    file_stamp_take(path, &now);
    return !file_stamp_same(&now, then);
}

static bool files_changed(struct credential_provider *provider)
{
    struct files_provider *p = (struct files_provider *)provider;
    if (stale(p->config_path, &p->config_stamp) ||
        stale(p->credentials_path, &p->credentials_stamp))
        return true;
    return p->inner && p->inner->vtable->changed && p->inner->vtable->changed(p->inner);
}

static void files_invalidate(struct credential_provider *provider)
{
    struct files_provider *p = (struct files_provider *)provider;
    if (p->inner && p->inner->vtable->invalidate) p->inner->vtable->invalidate(p->inner);
}

static void files_free(struct credential_provider *provider)
{
    struct files_provider *p = (struct files_provider *)provider;
    drop_inner(p);
    free(p->config_path);
    free(p->credentials_path);
    free(p);
}

static const struct credential_provider_vtable files_vtable = {.name = "shared files",
                                                               .fetch = files_fetch,
                                                               .free = files_free,
                                                               .changed = files_changed,
                                                               .invalidate = files_invalidate};

int files_provider_new(const struct credential_options *options, struct credential_provider **out)
{
    struct files_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &files_vtable;
    p->options = *options;
    *out = &p->base;
    return OK;
}
