/* aws/credentials_imds.c - the role of an EC2 instance, by its metadata service, version 2.
 *
 *   fetch --PUT token--> on_token --GET role list--> on_role --GET credentials--> on_credentials
 *                           |
 *                           +- no token, version 1 allowed: the same without the token's header
 *
 * Version 1 (no token) answers any process that can be made to send a GET, so it is asked only when
 * the configuration allows it. Source: EC2 User Guide, "Use the Instance Metadata Service".
 * AWS_METADATA_SERVICE_TIMEOUT (seconds) and _NUM_ATTEMPTS bound each request, as in the SDKs. */
#include "moontide/base/strbuf.h"

#include "metadata.h"
#include "profile.h"
#include "providers.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IMDS_DEFAULT "http://169.254.169.254"
#define ROLE_PATH    "/latest/meta-data/iam/security-credentials/"

enum { URL_MAX = 4096, TOKEN_TEXT_MAX = 1024 };

struct imds_provider {
    struct credential_provider base;
    struct metadata_request request;
    struct strbuf url;
    const char *endpoint; /* the configuration's, or NULL */
    bool v1_allowed;
    char token[TOKEN_TEXT_MAX]; /* "": version 1 */
    credentials_done_fn *done;
    void *data;
};

static void finish(struct imds_provider *p, int code, struct credentials *found,
                   const struct fault *fault)
{
    OPENSSL_cleanse(p->token, sizeof p->token);
    p->token[0] = '\0';
    p->done(p->data, code, found, fault);
}

/* No usable answer: nothing is found here, and the fault says what was. */
static void nothing(struct imds_provider *p, const struct http_response *response)
{
    struct fault fault = {0};
    if (response->code < 0)
        fault_set(&fault, ERR_NOT_FOUND, "%s", response->fault.text);
    else
        fault_set(&fault, ERR_NOT_FOUND, "%s answered %d", strbuf_cstr(&p->url), response->status);
    finish(p, ERR_NOT_FOUND, NULL, &fault);
}

static const char *endpoint_of(const struct imds_provider *p)
{
    const char *set = p->endpoint ? p->endpoint : environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    return set ? set : IMDS_DEFAULT;
}

static void ask(struct imds_provider *p, const char *method, const char *path, size_t path_len,
                void (*done)(void *, const struct http_response *))
{
    const char *endpoint = endpoint_of(p);
    size_t len = strlen(endpoint);
    while (len > 0 && endpoint[len - 1] == '/')
        len--;
    strbuf_add(&p->url, endpoint, len);
    strbuf_add(&p->url, path, path_len);
    int code = strbuf_status(&p->url);
    p->request.method = method;
    p->request.url = strbuf_cstr(&p->url);
    p->request.done = done;
    p->request.data = p;
    if (code == OK) code = metadata_send(&p->request);
    if (code < 0) {
        struct fault fault = {0};
        fault_set(&fault, code, "%s: %s", endpoint, err_text(code));
        finish(p, code, NULL, &fault);
    }
}

static void get(struct imds_provider *p, const char *path, size_t len,
                void (*done)(void *, const struct http_response *))
{
    p->request.headers[0] = (struct http_header){"x-aws-ec2-metadata-token", p->token};
    p->request.header_count = p->token[0] ? 1 : 0;
    ask(p, "GET", path, len, done);
}

static void on_credentials(void *data, const struct http_response *response)
{
    struct imds_provider *p = data;
    struct credentials *found = NULL;
    struct fault why = {0}, fault = {0};
    if (response->code < 0 || response->status != 200) {
        nothing(p, response);
        return;
    }
    int code = credentials_from_json(response->body, response->body_len, CREDENTIALS_OF_METADATA,
                                     "imds", &found, &why);
    if (code < 0) fault_set(&fault, code, "imds %s: %s", strbuf_cstr(&p->url), why.text);
    finish(p, code, found, &fault);
    credentials_release(found);
}

/* The first line names the instance's role: [\w+=,.@-]{1,64}. */
static void on_role(void *data, const struct http_response *response)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "_+=,.@-";
    struct imds_provider *p = data;
    struct fault fault = {0};
    char path[sizeof ROLE_PATH + 128], role[65] = "";
    if (response->code == OK && response->status == 404) {
        fault_set(&fault, ERR_NOT_FOUND, "%s: the instance has no role", endpoint_of(p));
        finish(p, ERR_NOT_FOUND, NULL, &fault);
        return;
    }
    if (response->code < 0 || response->status != 200) {
        nothing(p, response);
        return;
    }
    size_t len = 0;
    while (len < response->body_len && response->body[len] && strchr(allowed, response->body[len]))
        len++;
    bool ended =
        len == response->body_len || response->body[len] == '\n' || response->body[len] == '\r';
    if (len == 0 || len >= sizeof role || !ended) {
        fault_set(&fault, ERR_NOT_FOUND, "%s answered no role name", strbuf_cstr(&p->url));
        finish(p, ERR_NOT_FOUND, NULL, &fault);
        return;
    }
    memcpy(role, response->body, len);
    int n = snprintf(path, sizeof path, "%s%s", ROLE_PATH, role);
    strbuf_reset(&p->url);
    get(p, path, (size_t)n, on_credentials);
}

static bool keep_token(struct imds_provider *p, const struct http_response *response)
{
    if (response->body_len == 0 || response->body_len >= sizeof p->token) return false;
    for (size_t i = 0; i < response->body_len; i++)
        if (response->body[i] <= ' ' || response->body[i] == 127) return false;
    memcpy(p->token, response->body, response->body_len);
    p->token[response->body_len] = '\0';
    return true;
}

static void on_token(void *data, const struct http_response *response)
{
    struct imds_provider *p = data;
    bool kept = response->code == OK && response->status == 200 && keep_token(p, response);
    /* Nobody there at all: version 1 would not be there either. */
    if (!kept && (!p->v1_allowed || response->code < 0)) {
        nothing(p, response);
        return;
    }
    strbuf_reset(&p->url);
    get(p, ROLE_PATH, sizeof ROLE_PATH - 1, on_role);
}

/* A number of the environment over 0 and at most `most`, or 0. */
static double bounded_setting(const char *name, double most)
{
    const char *text = environment(name);
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    return text && !*end && value > 0 && value <= most ? value : 0;
}

static void imds_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    static const char path[] = "/latest/api/token";
    struct imds_provider *p = (struct imds_provider *)provider;
    const char *disabled = environment("AWS_EC2_METADATA_DISABLED");
    if (disabled && strcasecmp(disabled, "true") == 0) {
        struct fault fault = {0};
        fault_set(&fault, ERR_NOT_FOUND, "AWS_EC2_METADATA_DISABLED is true");
        done(data, ERR_NOT_FOUND, NULL, &fault);
        return;
    }
    p->done = done;
    p->data = data;
    p->token[0] = '\0';
    p->request.timeout_ms = (int64_t)(1000 * bounded_setting("AWS_METADATA_SERVICE_TIMEOUT", 60));
    p->request.attempts = (int)bounded_setting("AWS_METADATA_SERVICE_NUM_ATTEMPTS", 10);
    p->request.headers[0] = (struct http_header){"x-aws-ec2-metadata-token-ttl-seconds", "21600"};
    p->request.header_count = 1;
    strbuf_reset(&p->url);
    ask(p, "PUT", path, sizeof path - 1, on_token);
}

static void imds_free(struct credential_provider *provider)
{
    struct imds_provider *p = (struct imds_provider *)provider;
    metadata_cancel(&p->request);
    OPENSSL_cleanse(p->token, sizeof p->token);
    strbuf_done(&p->url);
    free(p);
}

static const struct credential_provider_vtable imds_vtable = {
    .name = "imds", .fetch = imds_fetch, .free = imds_free};

int imds_provider_new(const struct credential_options *options, struct credential_provider **out)
{
    struct imds_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &imds_vtable;
    p->request.http = options->http;
    p->endpoint = options->imds_endpoint;
    p->v1_allowed = options->imds_v1_allowed;
    strbuf_init(&p->url, URL_MAX);
    *out = &p->base;
    return OK;
}
