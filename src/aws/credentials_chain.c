/* aws/credentials_chain.c - asks the providers in order, keeps what the first one answers, and
 * renews it before it ends.
 *
 *   IDLE --credential_chain_get, nothing valid-----------> FETCHING --answered--> IDLE, waiters
 * told IDLE --on_timer, or _get after that time: ends soon--> FETCHING (the old ones are handed out
 *   IDLE --_get, what they were read from has changed----> FETCHING  meanwhile)
 *
 * There is one fetch at a time. A renewal begins at the provider that answered last; a first fetch,
 * and one after credential_chain_invalidate(), at the first. A renewal is due five minutes before
 * the end, less up to one at random, so that a fleet started together does not ask together; half
 * way to the end for what lives shorter than ten. One that fails while the old ones are still valid
 * is logged and tried again a minute later. The timer does not keep the loop alive. */
#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/backoff.h"
#include "moontide/io/loop.h"

#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    PROVIDERS_MAX = 6,
    AHEAD_S = 300,
    JITTER_S = 60,
    RETRY_S = 60,
    LOOK_AGAIN_MS = 1000, /* at files, at most that often */
    TIMER_MAX_MS = 3600 * 1000,
};

/* Memory of its own, as a handle closes after its chain is gone. */
struct renewal {
    uv_timer_t uv;
    struct credential_chain *chain;
};

struct waiter {
    credentials_done_fn *done; /* NULL: forgotten */
    void *data;
    struct waiter *next;
};

struct credential_chain {
    struct clock clock;
    const struct clock *given_clock;
    struct credential_provider *providers[PROVIDERS_MAX];
    size_t count;
    char *profile, *imds_endpoint, *region, *sts_endpoint;

    struct credentials *current;
    size_t answered;         /* the provider of `current` */
    int64_t renew_at_s;      /* INT64_MAX: never */
    int64_t look_at_ms;      /* at files: not before */
    struct renewal *renewal; /* NULL: no loop */
    uint64_t random;

    bool fetching;
    size_t asked, left; /* the provider under way, and how many may follow */
    struct strbuf looked;
    struct waiter *waiters;
    int holds; /* callbacks under way; freeing waits for them */
    bool freed;
};

static const struct clock *clock_of(const struct credential_chain *chain)
{
    return chain->given_clock ? chain->given_clock : &chain->clock;
}

static int64_t now_s(const struct credential_chain *chain)
{
    return clock_now_ms(clock_of(chain)) / 1000;
}

static int64_t mono_ms(const struct credential_chain *chain)
{
    return clock_mono_ns(clock_of(chain)) / 1000000;
}

static void renewal_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void destroy(struct credential_chain *chain)
{
    if (chain->renewal) uv_close((uv_handle_t *)&chain->renewal->uv, renewal_closed);
    for (size_t i = 0; i < chain->count; i++)
        chain->providers[i]->vtable->free(chain->providers[i]);
    while (chain->waiters) {
        struct waiter *w = chain->waiters;
        chain->waiters = w->next;
        free(w);
    }
    credentials_release(chain->current);
    strbuf_done(&chain->looked);
    free(chain->profile);
    free(chain->imds_endpoint);
    free(chain->region);
    free(chain->sts_endpoint);
    free(chain);
}

static void drop_hold(struct credential_chain *chain)
{
    if (--chain->holds == 0 && chain->freed) destroy(chain);
}

static void tell_waiters(struct credential_chain *chain, int code, struct credentials *credentials,
                         const struct fault *fault)
{
    struct waiter *last = chain->waiters;
    while (last && last->next)
        last = last->next;
    /* Those who ask again from inside their callback stand behind `last`. */
    for (bool more = last != NULL; more && !chain->freed;) {
        struct waiter *w = chain->waiters;
        more = w != last;
        chain->waiters = w->next;
        credentials_done_fn *done = w->done;
        void *data = w->data;
        free(w);
        if (done) done(data, code, credentials, fault);
    }
}

static void fetch(struct credential_chain *chain);

static bool renewal_is_due(const struct credential_chain *chain)
{
    return chain->current && !chain->fetching && now_s(chain) >= chain->renew_at_s;
}

static void start_timer(struct credential_chain *chain);

static void on_timer(uv_timer_t *uv)
{
    struct credential_chain *chain = ((struct renewal *)uv->data)->chain;
    if (!renewal_is_due(chain)) {
        start_timer(chain);
        return;
    }
    chain->holds++;
    fetch(chain);
    drop_hold(chain);
}

/* Long waits are taken in steps: the clock may be set, or another than the real one. */
static void start_timer(struct credential_chain *chain)
{
    if (!chain->renewal || !chain->current || chain->renew_at_s == INT64_MAX) return;
    int64_t wait_ms = clock_real_ms_until(clock_of(chain), chain->renew_at_s * 1000);
    if (wait_ms > TIMER_MAX_MS) wait_ms = TIMER_MAX_MS;
    /* fails only without a callback, or on a handle that is closing */
    (void)uv_timer_start(&chain->renewal->uv, on_timer, (uint64_t)wait_ms + 1, 0);
}

static int64_t renewal_time(struct credential_chain *chain, int64_t expires_s)
{
    int64_t now = now_s(chain), left = expires_s - now;
    if (expires_s == 0) return INT64_MAX;
    if (left < 2 * AHEAD_S) return now + left / 2;
    return expires_s - AHEAD_S + (int64_t)(backoff_random(&chain->random) * JITTER_S);
}

static void conclude(struct credential_chain *chain, int code, struct credentials *found,
                     const struct fault *fault)
{
    chain->fetching = false;
    if (code == OK) {
        credentials_release(chain->current);
        chain->current = credentials_retain(found);
        chain->answered = chain->asked;
        chain->renew_at_s = renewal_time(chain, found->expires_s);
        chain->look_at_ms = mono_ms(chain) + LOOK_AGAIN_MS;
    } else if (chain->current) {
        chain->renew_at_s = now_s(chain) + RETRY_S;
        log_event(LOG_WARN, "credentials.refresh_failed",
                  LOG_S("provider", chain->current->provider), LOG_S("error", fault->text));
    }
    start_timer(chain);
    struct credentials *told = code == OK ? credentials_retain(found) : NULL;
    tell_waiters(chain, code, told, fault);
    credentials_release(told);
}

static void on_answer(void *data, int code, struct credentials *found, const struct fault *fault);

static void ask(struct credential_chain *chain)
{
    struct credential_provider *provider = chain->providers[chain->asked];
    provider->vtable->fetch(provider, on_answer, chain);
}

static void nobody_answered(struct credential_chain *chain)
{
    struct fault fault = {0};
    fault_set(&fault, ERR_CREDENTIALS, "no credentials found; looked at %s",
              strbuf_cstr(&chain->looked));
    conclude(chain, ERR_CREDENTIALS, NULL, &fault);
}

static void on_answer(void *data, int code, struct credentials *found, const struct fault *fault)
{
    struct credential_chain *chain = data;
    const char *name = chain->providers[chain->asked]->vtable->name;
    chain->holds++;
    bool expired = code == OK && found->expires_s != 0 && found->expires_s <= now_s(chain);
    if (expired || code == ERR_NOT_FOUND) {
        if (chain->looked.len > 0) strbuf_adds(&chain->looked, "; ");
        strbuf_addf(&chain->looked, "%s: %s", name,
                    expired ? "its credentials have already expired" : fault->text);
        if (--chain->left > 0) {
            chain->asked = (chain->asked + 1) % chain->count;
            ask(chain);
        } else {
            nobody_answered(chain);
        }
    } else {
        conclude(chain, code, found, fault);
    }
    drop_hold(chain);
}

static void fetch(struct credential_chain *chain)
{
    chain->fetching = true;
    chain->asked = chain->current ? chain->answered : 0;
    chain->left = chain->count;
    strbuf_reset(&chain->looked);
    ask(chain);
}

static bool has_changed(struct credential_chain *chain)
{
    struct credential_provider *provider = chain->providers[chain->answered];
    if (!provider->vtable->changed || chain->fetching || mono_ms(chain) < chain->look_at_ms)
        return false;
    chain->look_at_ms = mono_ms(chain) + LOOK_AGAIN_MS;
    return provider->vtable->changed(provider);
}

void credential_chain_get(struct credential_chain *chain, credentials_done_fn *done, void *data)
{
    struct credentials *current = chain->current;
    chain->holds++;
    if (current && (current->expires_s == 0 || current->expires_s > now_s(chain))) {
        if (renewal_is_due(chain) || has_changed(chain)) fetch(chain);
        /* a provider may have answered at once */
        current = credentials_retain(chain->current);
        done(data, OK, current, NULL);
        credentials_release(current);
        drop_hold(chain);
        return;
    }
    struct waiter *w = malloc(sizeof *w);
    if (w) {
        *w = (struct waiter){.done = done, .data = data};
        struct waiter **end = &chain->waiters;
        while (*end)
            end = &(*end)->next;
        *end = w;
        if (!chain->fetching) fetch(chain);
    } else {
        struct fault fault = {0};
        done(data, fault_set(&fault, ERR_NOMEM, "out of memory"), NULL, &fault);
    }
    drop_hold(chain);
}

void credential_chain_invalidate(struct credential_chain *chain)
{
    if (!chain->current) return;
    struct credential_provider *provider = chain->providers[chain->answered];
    if (provider->vtable->invalidate) provider->vtable->invalidate(provider);
    credentials_release(chain->current);
    chain->current = NULL;
}

void credential_chain_forget(struct credential_chain *chain, void *data)
{
    for (struct waiter *w = chain->waiters; w; w = w->next)
        if (w->data == data) w->done = NULL;
}

static int copy(const char *text, const char **in_options, char **out)
{
    *in_options = NULL;
    if (!text) return OK;
    *in_options = *out = strdup(text);
    return *out ? OK : ERR_NOMEM;
}

static int start_renewal(struct credential_chain *chain, struct loop *loop)
{
    if (!loop) return OK;
    struct renewal *renewal = calloc(1, sizeof *renewal);
    if (!renewal) return ERR_NOMEM;
    renewal->chain = chain;
    int rc = uv_timer_init(loop_uv(loop), &renewal->uv);
    if (rc < 0) {
        free(renewal);
        return err_from_uv(rc);
    }
    renewal->uv.data = renewal;
    uv_unref((uv_handle_t *)&renewal->uv);
    chain->renewal = renewal;
    return OK;
}

/* A chain without providers; *own are the options with texts that live as long as it. */
static int chain_new(const struct credential_options *options, struct credential_options *own,
                     struct credential_chain **out)
{
    struct credential_chain *chain = calloc(1, sizeof *chain);
    if (!chain) return ERR_NOMEM;
    *own = *options;
    strbuf_init(&chain->looked, 16 * 1024);
    clock_init_real(&chain->clock);
    chain->given_clock = options->clock;
    chain->renew_at_s = INT64_MAX;
    chain->random = (uint64_t)(uintptr_t)chain ^ (uint64_t)clock_mono_ns(&chain->clock);
    int code = copy(options->profile, &own->profile, &chain->profile);
    if (code == OK) code = copy(options->imds_endpoint, &own->imds_endpoint, &chain->imds_endpoint);
    if (code == OK) code = copy(options->region, &own->region, &chain->region);
    if (code == OK) code = copy(options->sts_endpoint, &own->sts_endpoint, &chain->sts_endpoint);
    if (code == OK) code = start_renewal(chain, options->loop);
    if (code < 0)
        destroy(chain);
    else
        *out = chain;
    return code;
}

int credential_chain_new(const struct credential_options *options, struct credential_chain **out)
{
    static int (*const makers[PROVIDERS_MAX])(const struct credential_options *,
                                              struct credential_provider **) = {
        explicit_provider_new, environment_provider_new, web_identity_provider_new,
        files_provider_new,    container_provider_new,   imds_provider_new};
    struct credential_chain *chain = NULL;
    struct credential_options own;
    int code = chain_new(options, &own, &chain);
    if (code < 0) return code;
    for (size_t i = options->explicit_credentials ? 0 : 1; i < COUNT_OF(makers); i++) {
        code = makers[i](&own, &chain->providers[chain->count]);
        if (code < 0) {
            destroy(chain);
            return code;
        }
        chain->count++;
    }
    *out = chain;
    return OK;
}

int credential_role_chain_new(const struct credential_role_options *options,
                              struct credential_chain **out)
{
    const struct credential_options given = {.loop = options->loop,
                                             .http = options->http,
                                             .clock = options->clock,
                                             .profile = options->profile,
                                             .region = options->region,
                                             .sts_endpoint = options->sts_endpoint};
    const struct sts_role role = {options->role_arn, options->session_name, options->external_id,
                                  options->duration_s};
    struct credential_chain *chain = NULL;
    struct credential_options own;
    struct credential_provider *source = NULL;
    int code = chain_new(&given, &own, &chain);
    if (code < 0) return code;
    code = chain_provider_new(options->base, &source);
    if (code == OK) code = role_provider_new(&own, &role, source, &chain->providers[0]);
    if (code < 0) {
        destroy(chain);
        return code;
    }
    chain->count = 1;
    *out = chain;
    return OK;
}

/* ---- a chain as the provider of another one ---- */

struct chain_provider {
    struct credential_provider base;
    struct credential_chain *chain;
    credentials_done_fn *done;
    void *data;
};

static void chain_answered(void *data, int code, struct credentials *found,
                           const struct fault *fault)
{
    struct chain_provider *p = data;
    p->done(p->data, code, found, fault);
}

static void chain_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    struct chain_provider *p = (struct chain_provider *)provider;
    p->done = done;
    p->data = data;
    credential_chain_get(p->chain, chain_answered, p);
}

static void chain_invalidate(struct credential_provider *provider)
{
    credential_chain_invalidate(((struct chain_provider *)provider)->chain);
}

static void chain_free(struct credential_provider *provider)
{
    struct chain_provider *p = (struct chain_provider *)provider;
    credential_chain_forget(p->chain, p);
    free(p);
}

static const struct credential_provider_vtable chain_vtable = {
    .name = "chain", .fetch = chain_fetch, .free = chain_free, .invalidate = chain_invalidate};

int chain_provider_new(struct credential_chain *chain, struct credential_provider **out)
{
    struct chain_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &chain_vtable;
    p->chain = chain;
    *out = &p->base;
    return OK;
}

void credential_chain_free(struct credential_chain *chain)
{
    if (!chain) return;
    chain->freed = true;
    if (chain->holds == 0) destroy(chain);
}

bool credentials_configured(const char *profile)
{
    struct credentials *found = NULL;
    struct fault fault = {0};
    const struct credential_options options = {.profile = profile};
    int code = environment_credentials(profile, &found, &fault);
    if (code == ERR_NOT_FOUND) code = web_identity_configured(profile, &fault);
    if (code == ERR_NOT_FOUND) code = files_configured(&options, &fault);
    credentials_release(found);
    return code != ERR_NOT_FOUND || environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
           environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}
