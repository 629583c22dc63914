/* tick/world_aws.c - the real world: CloudWatch, with a client for each region and role that is
 * met.
 *
 * Nothing is looked up when the world is made: a daemon starts without credentials and without a
 * region, and each fetch that needs them says what is missing, and where it was looked for. Such a
 * refusal is answered in the next turn, as a call would be. */
#include "moontide/aws/cloudwatch.h"
#include "moontide/aws/credentials.h"
#include "moontide/aws/endpoint.h"
#include "moontide/aws/retry.h"
#include "moontide/base/nearest.h"
#include "moontide/io/loop.h"
#include "moontide/tick/world.h"

#include <stdlib.h>
#include <string.h>

struct account {
    char *name, *role_arn, *region, *external_id, *session_name;
    struct credential_chain *credentials; /* of the role, made when it is met first; or NULL */
};

struct aws_client {
    struct aws_client *next;
    char *region;
    const struct credential_chain *credentials; /* which it signs with: tells clients apart */
    struct cloudwatch *cloudwatch;
};

struct aws_fetch {
    struct aws_fetch *prev, *next;
    struct world_aws *aws;
    struct metric_question *questions;
    size_t count;
    cloudwatch_done_fn *done;
    void *data;
    struct cloudwatch_call *call; /* or */
    struct loop_timer *timer;     /* to refuse, with */
    struct fault fault;
};

struct world_aws {
    struct world world;
    struct loop *loop;
    struct http *http;
    char *region, *profile, *endpoint;
    struct backoff_policy retry;
    struct rates *rates;
    char *default_region; /* of environment or profile, once found */
    struct account *accounts;
    size_t account_count;
    struct credential_chain *credentials;
    struct aws_client *clients;
    struct aws_fetch *fetches;
    world_ready_fn *ready;
    void *ready_data;
};

/* Which region, which account. */

static int unknown_account(const struct world_aws *aws, const char *name, struct fault *fault)
{
    const char *nearest = NULL;
    const char **names = calloc(aws->account_count + 1, sizeof *names);
    for (size_t i = 0; names && i < aws->account_count; i++)
        names[i] = aws->accounts[i].name;
    if (names) nearest = nearest_name(name, names);
    fault_set(fault, ERR_NOT_FOUND, "account \"%s\" is not in the configuration's accounts%s%s%s",
              name, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
              nearest ? "\"?" : "");
    free(names);
    return ERR_NOT_FOUND;
}

static int find_account(const struct world_aws *aws, const char *name, struct account **out,
                        struct fault *fault)
{
    *out = NULL;
    if (!name) return OK;
    for (size_t i = 0; i < aws->account_count && !*out; i++)
        if (strcmp(aws->accounts[i].name, name) == 0) *out = &aws->accounts[i];
    return *out ? OK : unknown_account(aws, name, fault);
}

/* An account with a role has a chain of its own, which stands on the world's. *out is borrowed. */
static int find_credentials(struct world_aws *aws, struct account *account,
                            struct credential_chain **out, struct fault *fault)
{
    *out = aws->credentials;
    if (!account || !account->role_arn) return OK;
    if (!account->credentials) {
        struct credential_role_options options = {
            .loop = aws->loop,
            .http = aws->http,
            .base = aws->credentials,
            .role_arn = account->role_arn,
            .external_id = account->external_id,
            .session_name = account->session_name,
            .profile = aws->profile,
            .region = account->region ? account->region : aws->region,
            .sts_endpoint = aws->endpoint,
        };
        int code = credential_role_chain_new(&options, &account->credentials);
        if (code < 0) return fault_set(fault, code, "%s", err_text(code));
    }
    *out = account->credentials;
    return OK;
}

static int no_region(const struct world_aws *aws, struct fault *fault)
{
    const char *profile = aws->profile ? aws->profile : getenv("AWS_PROFILE");
    return fault_set(fault, ERR_INVALID,
                     "no region: none in the metric's `region`, `region` of its account, `region` "
                     "of the configuration, AWS_REGION, AWS_DEFAULT_REGION, and `region` of the "
                     "profile \"%s\" in the shared config file (%s)",
                     profile && profile[0] ? profile : "default",
                     getenv("AWS_CONFIG_FILE") ? getenv("AWS_CONFIG_FILE") : "~/.aws/config");
}

/* *out is borrowed from the metric or the world. */
static int find_region(struct world_aws *aws, const struct metric *metric,
                       const struct account *account, const char **out, struct fault *fault)
{
    *out = metric->region;
    if (!*out && account) *out = account->region;
    if (!*out) *out = aws->region;
    if (!*out && !aws->default_region) {
        int code = region_default(aws->profile, &aws->default_region, fault);
        if (code < 0) return code;
    }
    if (!*out) *out = aws->default_region;
    return *out ? OK : no_region(aws, fault);
}

static int client_new(struct world_aws *aws, const char *region,
                      struct credential_chain *credentials, struct aws_client **out,
                      struct fault *fault)
{
    char *endpoint = NULL;
    struct retry_settings retries = {RETRY_MODE_UNSAID, aws->retry.max_attempts};
    int code = retry_settings_complete(&retries, aws->profile, fault);
    if (code == OK)
        code = endpoint_resolve("cloudwatch", "monitoring", region, aws->profile, aws->endpoint,
                                &endpoint, fault);
    if (code < 0) return code;
    struct aws_client *client = calloc(1, sizeof *client);
    code = client && (client->region = strdup(region)) ? OK : ERR_NOMEM;
    if (code == OK) {
        struct cloudwatch_options options = {
            .loop = aws->loop,
            .http = aws->http,
            .credentials = credentials,
            .region = region,
            .endpoint = endpoint,
            .backoff = aws->retry,
            .rates = aws->rates,
        };
        options.backoff.max_attempts = retries.max_attempts;
        code = cloudwatch_new(&options, &client->cloudwatch);
    }
    free(endpoint);
    if (code < 0) {
        if (client) free(client->region);
        free(client);
        return fault_set(fault, code, "%s", err_text(code));
    }
    client->credentials = credentials;
    client->next = aws->clients;
    aws->clients = client;
    *out = client;
    return OK;
}

/* All questions of a batch name the same region and account. */
static int client_of(struct world_aws *aws, const struct metric *metric, struct aws_client **out,
                     struct fault *fault)
{
    struct account *account = NULL;
    struct credential_chain *credentials = NULL;
    const char *region = NULL;
    int code = find_account(aws, metric->account, &account, fault);
    if (code == OK) code = find_region(aws, metric, account, &region, fault);
    if (code == OK) code = find_credentials(aws, account, &credentials, fault);
    if (code < 0) return code;
    for (struct aws_client *client = aws->clients; client; client = client->next)
        if (client->credentials == credentials && strcmp(client->region, region) == 0) {
            *out = client;
            return OK;
        }
    return client_new(aws, region, credentials, out, fault);
}

/* Fetches. */

static void fetch_unlink(struct aws_fetch *fetch)
{
    if (fetch->prev)
        fetch->prev->next = fetch->next;
    else
        fetch->aws->fetches = fetch->next;
    if (fetch->next) fetch->next->prev = fetch->prev;
}

static void on_answer(void *data, const struct cloudwatch_result *result)
{
    struct aws_fetch *fetch = data;
    fetch_unlink(fetch);
    fetch->done(fetch->data, result);
    free(fetch);
}

static void on_refusal(void *data)
{
    struct aws_fetch *fetch = data;
    struct cloudwatch_result result = {.code = fetch->fault.code, .fault = fetch->fault};
    for (size_t i = 0; i < fetch->count; i++)
        fetch->questions[i].state = SERIES_FAILED;
    on_answer(fetch, &result);
}

static int aws_fetch(struct world *world, struct metric_question *questions, size_t count,
                     int64_t start_s, int64_t end_s, int32_t period_s, cloudwatch_done_fn *done,
                     void *data)
{
    struct world_aws *aws = (struct world_aws *)world;
    struct aws_client *client = NULL;
    if (count == 0) return ERR_INVALID;
    struct aws_fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch) return ERR_NOMEM;
    fetch->aws = aws;
    fetch->questions = questions;
    fetch->count = count;
    fetch->done = done;
    fetch->data = data;
    int code = client_of(aws, questions[0].metric, &client, &fetch->fault);
    if (code == OK)
        code = cloudwatch_get_metric_data(client->cloudwatch, questions, count, start_s, end_s,
                                          period_s, on_answer, fetch, &fetch->call);
    else if (code != ERR_NOMEM)
        code = loop_timer_start(aws->loop, 0, on_refusal, fetch, &fetch->timer);
    if (code < 0) {
        free(fetch);
        return code;
    }
    fetch->next = aws->fetches;
    if (fetch->next) fetch->next->prev = fetch;
    aws->fetches = fetch;
    return OK;
}

static void fetch_drop(struct aws_fetch *fetch)
{
    fetch_unlink(fetch);
    if (fetch->call) cloudwatch_cancel(fetch->call);
    loop_timer_cancel(fetch->timer);
    free(fetch);
}

static void aws_cancel(struct world *world, const struct metric_question *questions)
{
    struct aws_fetch *fetch = ((struct world_aws *)world)->fetches;
    while (fetch && fetch->questions != questions)
        fetch = fetch->next;
    if (fetch) fetch_drop(fetch);
}

/* Credentials, asked for ahead of the first fetch. */

static void on_credentials(void *data, int code, struct credentials *borrowed,
                           const struct fault *fault)
{
    struct world_aws *aws = data;
    (void)borrowed;
    aws->ready(aws->ready_data, code, fault);
}

static void aws_ready(struct world *world, world_ready_fn *done, void *data)
{
    struct world_aws *aws = (struct world_aws *)world;
    aws->ready = done;
    aws->ready_data = data;
    credential_chain_get(aws->credentials, on_credentials, aws);
}

/* The world. */

static void aws_free(struct world *world)
{
    struct world_aws *aws = (struct world_aws *)world;
    while (aws->fetches)
        fetch_drop(aws->fetches);
    for (struct aws_client *client; (client = aws->clients);) {
        aws->clients = client->next;
        cloudwatch_free(client->cloudwatch);
        free(client->region);
        free(client);
    }
    for (size_t i = 0; i < aws->account_count; i++) {
        credential_chain_free(aws->accounts[i].credentials);
        free(aws->accounts[i].name);
        free(aws->accounts[i].role_arn);
        free(aws->accounts[i].region);
        free(aws->accounts[i].external_id);
        free(aws->accounts[i].session_name);
    }
    free(aws->accounts);
    credential_chain_free(aws->credentials); /* on which those of the accounts stood */
    free(aws->region);
    free(aws->profile);
    free(aws->endpoint);
    free(aws->default_region);
    free(aws);
}

static const struct world_vtable aws_vtable = {
    .free = aws_free,
    .fetch = aws_fetch,
    .cancel = aws_cancel,
    .ready = aws_ready,
};

/* "" is as good as nothing: it is what an unset variable expands to. */
static int copy(const char *text, char **out)
{
    *out = text && text[0] ? strdup(text) : NULL;
    return text && text[0] && !*out ? ERR_NOMEM : OK;
}

static int copy_options(struct world_aws *aws, const struct world_aws_options *options)
{
    int code = copy(options->region, &aws->region);
    if (code == OK) code = copy(options->profile, &aws->profile);
    if (code == OK) code = copy(options->endpoint, &aws->endpoint);
    if (code < 0 || options->account_count == 0) return code;
    aws->accounts = calloc(options->account_count, sizeof *aws->accounts);
    if (!aws->accounts) return ERR_NOMEM;
    aws->account_count = options->account_count;
    for (size_t i = 0; code == OK && i < options->account_count; i++) {
        const struct account_options *from = &options->accounts[i];
        struct account *to = &aws->accounts[i];
        to->name = strdup(from->name);
        code = to->name ? copy(from->role_arn, &to->role_arn) : ERR_NOMEM;
        if (code == OK) code = copy(from->region, &to->region);
        if (code == OK) code = copy(from->external_id, &to->external_id);
        if (code == OK) code = copy(from->session_name, &to->session_name);
    }
    return code;
}

int world_aws_new(const struct world_aws_options *options, struct world **out, struct fault *fault)
{
    struct world_aws *aws = calloc(1, sizeof *aws);
    if (!aws) return fault_set(fault, ERR_NOMEM, "out of memory");
    aws->world = (struct world){.vtable = &aws_vtable, .name = "aws", .priced = true};
    clock_init_real(&aws->world.clock);
    aws->loop = options->loop;
    aws->http = options->http;
    aws->retry = options->retry;
    aws->rates = options->rates;
    int code = copy_options(aws, options);
    if (code == OK) {
        struct credential_options credentials = {
            .loop = aws->loop, .http = aws->http, .profile = aws->profile};
        code = credential_chain_new(&credentials, &aws->credentials);
    }
    if (code < 0) {
        aws_free(&aws->world);
        return fault_set(fault, code, "%s", err_text(code));
    }
    *out = &aws->world;
    return OK;
}
