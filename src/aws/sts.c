/* aws/sts.c - asks the Security Token Service.
 *
 *   IDLE --sts_assume_role--> SENT --answer, or no more attempts--> IDLE, done is called
 *                              ^ |
 *                     on_wait  | | a transient failure, attempts left
 *                              | v
 *                             WAITING
 *
 * Endpoint and region are found anew for each call: the files that name them may have changed. */
#include "sts.h"

#include "moontide/aws/endpoint.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/clock.h"
#include "moontide/io/backoff.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"

#include "profile.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define VERSION        "2011-06-15"
#define DEFAULT_REGION "us-east-1" /* that of STS's global endpoint */
#define CONTENT_TYPE   "application/x-www-form-urlencoded; charset=utf-8"
#define DEFAULT_NAME   "moontide"

enum { ATTEMPTS = 3, TIMEOUT_MS = 10000, URL_BYTES_MAX = 2048, AUTHORIZATION_MAX = 2048 };

struct sts {
    struct credential_options own;
    struct clock clock;
    struct signing_keys *keys;
    struct endpoint endpoint;
    struct strbuf body, url, authorization;
    const char *provider;
    struct credentials *base; /* NULL: unsigned */
    credentials_done_fn *done;
    void *data;
    struct http_call *call;
    struct loop_timer *timer;
    int attempts;
    uint64_t random;
};

int sts_new(const struct credential_options *options, struct sts **out)
{
    struct sts *sts = calloc(1, sizeof *sts);
    if (!sts) return ERR_NOMEM;
    sts->own = *options;
    clock_init_real(&sts->clock);
    if (!sts->own.clock) sts->own.clock = &sts->clock;
    sts->random = (uint64_t)(uintptr_t)sts ^ (uint64_t)clock_mono_ns(&sts->clock);
    strbuf_init(&sts->body, STS_REQUEST_MAX);
    strbuf_init(&sts->url, URL_BYTES_MAX);
    strbuf_init(&sts->authorization, AUTHORIZATION_MAX);
    int code = signing_keys_new(&sts->keys);
    if (code < 0) {
        sts_free(sts);
        return code;
    }
    *out = sts;
    return OK;
}

/* The body holds a web identity token. */
static void forget(struct sts *sts)
{
    if (sts->body.data) OPENSSL_cleanse(sts->body.data, sts->body.cap);
    strbuf_reset(&sts->body);
    credentials_release(sts->base);
    sts->base = NULL;
    endpoint_done(&sts->endpoint);
}

void sts_free(struct sts *sts)
{
    if (!sts) return;
    http_cancel(sts->call);
    loop_timer_cancel(sts->timer);
    forget(sts);
    signing_keys_free(sts->keys);
    strbuf_done(&sts->body);
    strbuf_done(&sts->url);
    strbuf_done(&sts->authorization);
    free(sts);
}

static int find_endpoint(struct sts *sts, struct fault *fault)
{
    const struct credential_options *o = &sts->own;
    char *found = NULL;
    const char *region = o->region;
    if (!region || !region[0]) {
        int code = region_default(o->profile, &found, fault);
        if (code < 0) return code;
        region = found ? found : DEFAULT_REGION;
    }
    struct endpoint_question question = {.service_id = "sts",
                                         .prefix = "sts",
                                         .region = region,
                                         .profile = o->profile,
                                         .configured = o->sts_endpoint};
    int code = endpoint_find(&question, &sts->endpoint, fault);
    free(found);
    if (code == OK && !sts->endpoint.region && !(sts->endpoint.region = strdup(DEFAULT_REGION)))
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    return code;
}

static void add_parameter(struct strbuf *body, const char *name, const char *value)
{
    strbuf_addf(body, "&%s=", name);
    http_encode(body, value, strlen(value), false);
}

static void write_body(struct sts *sts, const char *action, const struct sts_role *role,
                       const char *token)
{
    struct strbuf *body = &sts->body;
    const char *name = role->session_name;
    if (!name || !name[0]) name = environment("AWS_ROLE_SESSION_NAME");
    strbuf_reset(body);
    strbuf_addf(body, "Action=%s&Version=" VERSION, action);
    add_parameter(body, "RoleArn", role->role_arn);
    add_parameter(body, "RoleSessionName", name ? name : DEFAULT_NAME);
    if (role->duration_s > 0) strbuf_addf(body, "&DurationSeconds=%d", (int)role->duration_s);
    if (role->external_id && role->external_id[0])
        add_parameter(body, "ExternalId", role->external_id);
    if (token) add_parameter(body, "WebIdentityToken", token);
}

static void on_answer(void *data, const struct http_response *response);

/* "https://host[:port]/path" -> the host with its port, and the path */
static void split_url(const char *endpoint, const char **host, size_t *host_len, const char **path)
{
    *host = strstr(endpoint, "://") + 3;
    *host_len = strcspn(*host, "/");
    *path = *host + *host_len;
}

static int sign(struct sts *sts, const char *host, const char *path, struct http_header *headers,
                size_t *count, struct sigv4_result *result)
{
    const struct sign_header signs[] = {{"content-type", CONTENT_TYPE}, {"host", host}};
    struct sign_request request = {
        .method = "POST",
        .path = path,
        .headers = signs,
        .header_count = COUNT_OF(signs),
        .body = sts->body.data,
        .body_len = sts->body.len,
        .region = sts->endpoint.region,
        .service = "sts",
        .time_s = clock_now_ms(sts->own.clock) / 1000,
        .normalize_path = true,
        .double_encode = true,
    };
    int code = sigv4_sign(sts->keys, sts->base, &request, &sts->authorization, result);
    for (size_t i = 0; code == OK && i < result->added_count; i++)
        headers[(*count)++] = (struct http_header){result->added[i].name, result->added[i].value};
    return code;
}

static int send_once(struct sts *sts)
{
    struct sigv4_result result;
    struct http_header headers[2 + SIGV4_ADDED_MAX] = {{"content-type", CONTENT_TYPE}};
    size_t count = 1, host_len;
    const char *at, *path;
    split_url(sts->endpoint.url, &at, &host_len, &path);
    char *host = strndup(at, host_len);
    if (!host) return ERR_NOMEM;
    headers[count++] = (struct http_header){"host", host};
    strbuf_reset(&sts->url);
    strbuf_adds(&sts->url, sts->endpoint.url);
    if (!path[0]) strbuf_addc(&sts->url, '/');
    int code = strbuf_status(&sts->url);
    if (code == OK && sts->base) code = sign(sts, host, path, headers, &count, &result);
    struct http_request request = {
        .method = "POST",
        .url = strbuf_cstr(&sts->url),
        .headers = headers,
        .header_count = count,
        .body = sts->body.data,
        .body_len = sts->body.len,
        .timeout_ms = TIMEOUT_MS,
        .max_body_bytes = STS_ANSWER_MAX,
    };
    sts->attempts++;
    if (code == OK) code = http_send(sts->own.http, &request, on_answer, sts, &sts->call);
    free(host);
    return code;
}

static void conclude(struct sts *sts, int code, struct credentials *found,
                     const struct fault *fault)
{
    credentials_done_fn *done = sts->done;
    void *data = sts->data;
    forget(sts);
    done(data, code, found, fault);
}

static void on_wait(void *data)
{
    struct sts *sts = data;
    sts->timer = NULL;
    int code = send_once(sts);
    if (code == OK) return;
    struct fault fault = {0};
    fault_set(&fault, code, "STS: %s", err_text(code));
    conclude(sts, code, NULL, &fault);
}

static void on_answer(void *data, const struct http_response *response)
{
    struct sts *sts = data;
    struct credentials *found = NULL;
    struct fault why = {0}, fault = {0};
    bool again = false;
    int code = response->code;
    sts->call = NULL;
    if (code < 0) {
        why = response->fault;
        again = err_retryable(code) || code == ERR_IO;
    } else {
        code = sts_parse(response->status, response->body, response->body_len, sts->provider,
                         &found, &again, &why);
    }
    if (again && sts->attempts < ATTEMPTS) {
        struct backoff_policy policy = {.base_ms = 500};
        int64_t wait_ms = backoff_ms(&policy, sts->attempts, backoff_random(&sts->random));
        if (loop_timer_start(sts->own.loop, wait_ms, on_wait, sts, &sts->timer) == OK) return;
    }
    if (code < 0) fault_set(&fault, code, "%s: %s", sts->endpoint.url, why.text);
    conclude(sts, code, found, &fault);
    credentials_release(found);
}

static int begin(struct sts *sts, const char *action, const struct sts_role *role,
                 const char *token, struct fault *fault)
{
    int code = find_endpoint(sts, fault);
    if (code < 0) goto failed;
    write_body(sts, action, role, token);
    code = strbuf_status(&sts->body);
    sts->attempts = 0;
    if (code == OK) code = send_once(sts);
    if (code == OK) return OK;
    fault_set(fault, code, "STS: %s", err_text(code));

failed:
    forget(sts);
    return code;
}

int sts_assume_role(struct sts *sts, const struct sts_role *role, struct credentials *base,
                    const char *provider, credentials_done_fn *done, void *data,
                    struct fault *fault)
{
    sts->base = credentials_retain(base);
    sts->provider = provider;
    sts->done = done;
    sts->data = data;
    return begin(sts, "AssumeRole", role, NULL, fault);
}

int sts_assume_role_with_web_identity(struct sts *sts, const struct sts_role *role,
                                      const char *token, const char *provider,
                                      credentials_done_fn *done, void *data, struct fault *fault)
{
    sts->provider = provider;
    sts->done = done;
    sts->data = data;
    return begin(sts, "AssumeRoleWithWebIdentity", role, token, fault);
}
