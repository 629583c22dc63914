/* aws/credentials_container.c - the credentials endpoint of ECS tasks and EKS pods.
 *
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is asked of 169.254.170.2; _FULL_URI may be any https URL,
 * but http only of this host or the link-local addresses of ECS and EKS, so that a variable cannot
 * send the authorization token in the clear to somewhere else.
 * Source: AWS SDKs and Tools Reference Guide, "Container credential provider". */
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"

#include "metadata.h"
#include "profile.h"
#include "providers.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CONTAINER_HOST "http://169.254.170.2"

enum { URL_MAX = 4096, TOKEN_MAX = 16 * 1024 };

struct container_provider {
    struct credential_provider base;
    struct metadata_request request;
    struct strbuf url;
    char *token;
    credentials_done_fn *done;
    void *data;
};

static void forget_token(struct container_provider *p)
{
    if (p->token) OPENSSL_cleanse(p->token, strlen(p->token));
    free(p->token);
    p->token = NULL;
}

static bool host_is(const char *host, size_t len, const char *name)
{
    return strlen(name) == len && strncmp(host, name, len) == 0;
}

static bool digits_and_dots(const char *text, size_t len)
{
    return strspn(text, "0123456789.") >= len;
}

static int check_full_uri(const char *uri, struct fault *fault)
{
    if (strncmp(uri, "https://", 8) == 0) return OK;
    if (strncmp(uri, "http://", 7) == 0) {
        const char *host = uri + 7;
        size_t len = strcspn(host, "/?#");
        bool user = memchr(host, '@', len) != NULL;
        if (host[0] == '[') {
            const char *end = memchr(host, ']', len);
            len = end ? (size_t)(end - host) + 1 : 0;
        } else {
            const char *port = memchr(host, ':', len);
            if (port) len = (size_t)(port - host);
        }
        bool loopback = strncmp(host, "127.", 4) == 0 && digits_and_dots(host, len);
        if (!user && (loopback || host_is(host, len, "localhost") || host_is(host, len, "[::1]") ||
                      host_is(host, len, "169.254.170.2") || host_is(host, len, "169.254.170.23") ||
                      host_is(host, len, "[fd00:ec2::23]")))
            return OK;
    }
    return fault_set(fault, ERR_CREDENTIALS,
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address of this "
                     "host, of ECS or of EKS");
}

static int read_token(struct container_provider *p, struct fault *fault)
{
    const char *path = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    forget_token(p);
    if (path) {
        struct fault why = {0};
        size_t len = 0;
        int code = fs_read_file(path, TOKEN_MAX, &p->token, &len, &why);
        if (code < 0)
            return fault_set(fault, ERR_CREDENTIALS, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: %s",
                             why.text);
        while (len > 0 && (p->token[len - 1] == '\n' || p->token[len - 1] == '\r'))
            p->token[--len] = '\0';
    } else if (token && !(p->token = strdup(token))) {
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    if (p->token && strpbrk(p->token, "\r\n"))
        return fault_set(fault, ERR_CREDENTIALS, "the container authorization token has a newline");
    return OK;
}

static void container_answered(void *data, const struct http_response *response)
{
    struct container_provider *p = data;
    struct credentials *found = NULL;
    struct fault why = {0}, fault = {0};
    int code;
    forget_token(p);
    if (response->code < 0) {
        code = fault_set(&fault, ERR_CREDENTIALS, "container endpoint: %s", response->fault.text);
    } else if (response->status != 200) {
        code = fault_set(&fault, ERR_CREDENTIALS, "container endpoint %s answered %d",
                         strbuf_cstr(&p->url), response->status);
    } else {
        code = credentials_from_json(response->body, response->body_len, CREDENTIALS_OF_METADATA,
                                     "container", &found, &why);
        if (code < 0)
            fault_set(&fault, code, "container endpoint %s: %s", strbuf_cstr(&p->url), why.text);
    }
    p->done(p->data, code, found, &fault);
    credentials_release(found);
}

static int prepare(struct container_provider *p, struct fault *fault)
{
    const char *relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!relative && !full)
        return fault_set(fault, ERR_NOT_FOUND,
                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
    strbuf_reset(&p->url);
    if (relative) {
        strbuf_adds(&p->url, CONTAINER_HOST);
        if (relative[0] != '/') strbuf_addc(&p->url, '/');
        strbuf_adds(&p->url, relative);
    } else {
        int code = check_full_uri(full, fault);
        if (code < 0) return code;
        strbuf_adds(&p->url, full);
    }
    if (strbuf_status(&p->url) < 0)
        return fault_set(fault, strbuf_status(&p->url), "the container endpoint's URL is too long");
    return read_token(p, fault);
}

static void container_fetch(struct credential_provider *provider, credentials_done_fn *done,
                            void *data)
{
    struct container_provider *p = (struct container_provider *)provider;
    struct fault fault = {0};
    int code = prepare(p, &fault);
    if (code == OK) {
        p->done = done;
        p->data = data;
        p->request.method = "GET";
        p->request.url = strbuf_cstr(&p->url);
        p->request.headers[0] = (struct http_header){"Authorization", p->token};
        p->request.header_count = p->token ? 1 : 0;
        p->request.done = container_answered;
        p->request.data = p;
        code = metadata_send(&p->request);
        if (code == OK) return;
        fault_set(&fault, ERR_CREDENTIALS, "container endpoint %s: %s", strbuf_cstr(&p->url),
                  err_text(code));
        code = fault.code;
    }
    forget_token(p);
    done(data, code, NULL, &fault);
}

static void container_free(struct credential_provider *provider)
{
    struct container_provider *p = (struct container_provider *)provider;
    metadata_cancel(&p->request);
    forget_token(p);
    strbuf_done(&p->url);
    free(p);
}

static const struct credential_provider_vtable container_vtable = {
    .name = "container", .fetch = container_fetch, .free = container_free};

int container_provider_new(const struct credential_options *options,
                           struct credential_provider **out)
{
    struct container_provider *p = calloc(1, sizeof *p);
    if (!p) return ERR_NOMEM;
    p->base.vtable = &container_vtable;
    p->request.http = options->http;
    strbuf_init(&p->url, URL_MAX);
    *out = &p->base;
    return OK;
}
