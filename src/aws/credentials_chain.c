/* aws/credentials_chain.c - asks the providers in order, keeps what the first one answers, and
 * renews it before it ends.
 *
 *   IDLE --credential_chain_get, nothing valid--> FETCHING --answered--> IDLE, waiters are told
 *   IDLE --credential_chain_get, ends soon------> FETCHING (the old ones are handed out meanwhile)
 *
 * There is one fetch at a time. A renewal begins at the provider that answered last; a first fetch,
 * and one after credential_chain_invalidate(), at the first. A renewal that fails while the old
 * ones are still valid is logged and tried again a minute later. */
#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"

#include "profile.h"
#include "providers.h"

#include <stdlib.h>
#include <string.h>

enum { PROVIDERS_MAX = 5, REFRESH_AHEAD_S = 300, RETRY_S = 60 };

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
    char *profile, *imds_endpoint;

    struct credentials *current;
    size_t answered;    /* the provider of `current` */
    int64_t retry_at_s; /* no renewal before */

    bool fetching;
    size_t asked, left; /* the provider under way, and how many may follow */
    struct strbuf looked;
    struct waiter *waiters;
    int holds; /* callbacks under way; freeing waits for them */
    bool freed;
};

static int64_t now_s(const struct credential_chain *chain)
{
    const struct clock *clock = chain->given_clock ? chain->given_clock : &chain->clock;
    return clock_now_ms(clock) / 1000;
}

static void destroy(struct credential_chain *chain)
{
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

static void conclude(struct credential_chain *chain, int code, struct credentials *found,
                     const struct fault *fault)
{
    chain->fetching = false;
    if (code == OK) {
        credentials_release(chain->current);
        chain->current = credentials_retain(found);
        chain->answered = chain->asked;
        chain->retry_at_s = 0;
    } else if (chain->current) {
        chain->retry_at_s = now_s(chain) + RETRY_S;
        log_event(LOG_WARN, "credentials.refresh_failed",
                  LOG_S("provider", chain->current->provider), LOG_S("error", fault->text));
    }
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

void credential_chain_get(struct credential_chain *chain, credentials_done_fn *done, void *data)
{
    struct credentials *current = chain->current;
    int64_t left_s = current && current->expires_s ? current->expires_s - now_s(chain) : INT64_MAX;
    chain->holds++;
    if (current && left_s > 0) {
        if (left_s <= REFRESH_AHEAD_S && !chain->fetching && now_s(chain) >= chain->retry_at_s)
            fetch(chain);
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
    credentials_release(chain->current);
    chain->current = NULL;
    chain->retry_at_s = 0;
}

void credential_chain_forget(struct credential_chain *chain, void *data)
{
    for (struct waiter *w = chain->waiters; w; w = w->next)
        if (w->data == data) w->done = NULL;
}

int credential_chain_new(const struct credential_options *options, struct credential_chain **out)
{
    static int (*const makers[PROVIDERS_MAX])(const struct credential_options *,
                                              struct credential_provider **) = {
        explicit_provider_new, environment_provider_new, files_provider_new, container_provider_new,
        imds_provider_new};
    struct credential_chain *chain = calloc(1, sizeof *chain);
    if (!chain) return ERR_NOMEM;
    struct credential_options own = *options;
    int code = ERR_NOMEM;
    strbuf_init(&chain->looked, 16 * 1024);
    clock_init_real(&chain->clock);
    chain->given_clock = options->clock;
    if (options->profile && !(chain->profile = strdup(options->profile))) goto failed;
    if (options->imds_endpoint && !(chain->imds_endpoint = strdup(options->imds_endpoint)))
        goto failed;
    own.profile = chain->profile;
    own.imds_endpoint = chain->imds_endpoint;
    for (size_t i = options->explicit_credentials ? 0 : 1; i < COUNT_OF(makers); i++) {
        code = makers[i](&own, &chain->providers[chain->count]);
        if (code < 0) goto failed;
        chain->count++;
    }
    *out = chain;
    return OK;

failed:
    destroy(chain);
    return code;
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
    int code = environment_credentials(profile, &found, &fault);
    if (code == ERR_NOT_FOUND) code = files_credentials(profile, &found, &fault);
    credentials_release(found);
    return code != ERR_NOT_FOUND || environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
           environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}
