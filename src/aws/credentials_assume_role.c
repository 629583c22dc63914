/* aws/credentials_assume_role.c - a role, assumed with other credentials (STS AssumeRole).
 *
 *   fetch --the base provider answers--> on_base --STS AssumeRole--> on_role --> done
 *             ^                                                        |
 *             +---- STS says that the base credentials have ended -----+   (once)
 *
 * Source: AWS SDKs and Tools Reference Guide, "Assume role credential provider". */
#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>

enum { DURATION_MIN_S = 900, DURATION_MAX_S = 43200 /* STS API Reference, AssumeRole */ };

struct role_provider {
    struct credential_provider base;
    struct credential_provider *source;
    struct sts *sts;
    char *role_arn, *session_name, *external_id;
    int32_t duration_s;
    bool again; /* the source was asked anew already */
    credentials_done_fn *done;
    void *data;
};

int role_of_profile(const struct profile *profile, struct sts_role *out, struct fault *fault)
{
    const char *path = NULL;
    *out = (struct sts_role){
        .role_arn = profile_get(profile, "role_arn", &path),
        .session_name = profile_get(profile, "role_session_name", NULL),
        .external_id = profile_get(profile, "external_id", NULL),
    };
    if (profile_get(profile, "mfa_serial", NULL))
        return fault_set(fault, ERR_UNSUPPORTED,
                         "%s: profile \"%s\" has mfa_serial: nobody is there to type a code while "
                         "moontide runs; use a role without it, or credential_process",
                         path, profile->name);
    const char *duration = profile_get(profile, "duration_seconds", NULL);
    if (!duration) return OK;
    char *end;
    long seconds = strtol(duration, &end, 10);
    if (*end || seconds < DURATION_MIN_S || seconds > DURATION_MAX_S)
        return fault_set(fault, ERR_CREDENTIALS,
                         "%s: profile \"%s\": duration_seconds is not a number from %d to %d", path,
                         profile->name, DURATION_MIN_S, DURATION_MAX_S);
    out->duration_s = (int32_t)seconds;
    return OK;
}

static void finish(struct role_provider *p, int code, struct credentials *found,
                   const struct fault *why)
{
    struct fault fault = {0};
    if (code < 0) fault_set(&fault, code, "role %s: %s", p->role_arn, why->text);
    p->done(p->data, code, found, &fault);
}

static void on_base(void *data, int code, struct credentials *found, const struct fault *fault);

static void on_role(void *data, int code, struct credentials *found, const struct fault *fault)
{
    struct role_provider *p = data;
    if (code == ERR_EXPIRED && !p->again && p->source->vtable->invalidate) {
        p->again = true;
        p->source->vtable->invalidate(p->source);
        p->source->vtable->fetch(p->source, on_base, p);
        return;
    }
    finish(p, code, found, fault);
}

/* A source that has nothing is an error here: the profile named it. */
static void on_base(void *data, int code, struct credentials *found, const struct fault *fault)
{
    struct role_provider *p = data;
    struct fault why = {0};
    if (code < 0) {
        why = *fault;
        finish(p, code == ERR_NOT_FOUND ? ERR_CREDENTIALS : code, NULL, &why);
        return;
    }
    struct sts_role role = {p->role_arn, p->session_name, p->external_id, p->duration_s};
    code = sts_assume_role(p->sts, &role, found, "assume role", on_role, p, &why);
    if (code < 0) finish(p, code, NULL, &why);
}

static void role_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    struct role_provider *p = (struct role_provider *)provider;
    p->done = done;
    p->data = data;
    p->again = false;
    p->source->vtable->fetch(p->source, on_base, p);
}

static bool role_changed(struct credential_provider *provider)
{
    struct role_provider *p = (struct role_provider *)provider;
    return p->source->vtable->changed && p->source->vtable->changed(p->source);
}

static void role_free(struct credential_provider *provider)
{
    struct role_provider *p = (struct role_provider *)provider;
    sts_free(p->sts);
    p->source->vtable->free(p->source);
    free(p->role_arn);
    free(p->session_name);
    free(p->external_id);
    free(p);
}

static const struct credential_provider_vtable role_vtable = {
    .name = "assume role", .fetch = role_fetch, .free = role_free, .changed = role_changed};

static int copy(const char *text, char **out)
{
    if (!text) return OK;
    *out = strdup(text);
    return *out ? OK : ERR_NOMEM;
}

int role_provider_new(const struct credential_options *options, const struct sts_role *role,
                      struct credential_provider *take_base, struct credential_provider **out)
{
    struct role_provider *p = calloc(1, sizeof *p);
    if (!p) {
        take_base->vtable->free(take_base);
        return ERR_NOMEM;
    }
    p->base.vtable = &role_vtable;
    p->source = take_base;
    p->duration_s = role->duration_s;
    int code = copy(role->role_arn, &p->role_arn);
    if (code == OK) code = copy(role->session_name, &p->session_name);
    if (code == OK) code = copy(role->external_id, &p->external_id);
    if (code == OK) code = sts_new(options, &p->sts);
    if (code < 0)
        role_free(&p->base);
    else
        *out = &p->base;
    return code;
}
