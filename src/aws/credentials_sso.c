/* aws/credentials_sso.c - a role of IAM Identity Center, by the token that `aws sso login` left.
 *
 * A profile names an sso_session (a section of its own, with sso_start_url and sso_region), or has
 * those two itself, as older ones do. The token is ~/.aws/sso/cache/<SHA-1 of the session's name or
 * of the start URL, in hex>.json; the portal gives credentials for it (GetRoleCredentials).
 * moontide reads tokens and never renews one: that is the CLI's business, and a token that has
 * ended is an error that says which command gets a new one. Source: AWS SDKs and Tools Reference
 * Guide, "IAM Identity Center credential provider". */
#include "moontide/aws/endpoint.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/hash.h"
#include "moontide/base/json.h"
#include "moontide/base/strbuf.h"
#include "moontide/base/timetext.h"

#include "metadata.h"
#include "profile.h"
#include "providers.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_FILE_MAX = 64 * 1024,
    TOKEN_MAX = 32 * 1024,
    URL_MAX = 4096,
    CONNECT_MS = 3000,
    TOTAL_MS = 15000,
};

struct sso_provider {
    struct credential_provider base;
    const struct clock *clock; /* NULL: real */
    char *profile, *cache_key, *region, *account_id, *role_name;
    struct metadata_request request;
    struct strbuf url;
    char *token;
    char *token_path;
    struct file_stamp stamp;
    credentials_done_fn *done;
    void *data;
};

/* ---- the cached token ---- */

static char *token_path(const char *cache_key)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char hex[2 * SHA_DIGEST_LENGTH + 1];
    struct strbuf path;
    char *home = expand_home("~/.aws/sso/cache/");
    if (!home) return NULL;
    SHA1((const unsigned char *)cache_key, strlen(cache_key), digest);
    hex_encode(digest, sizeof digest, hex);
    strbuf_init(&path, 8192);
    strbuf_addf(&path, "%s%s.json", home, hex);
    free(home);
    char *taken = strbuf_take(&path, NULL);
    strbuf_done(&path);
    return taken;
}

static int keep_text(struct json_reader *r, char **out)
{
    int token = json_next(r);
    if (token != JSON_STRING || memchr(r->text, '\0', r->len)) return ERR_PARSE;
    if (*out) OPENSSL_cleanse(*out, strlen(*out));
    free(*out);
    *out = strndup(r->text, r->len);
    return *out ? OK : ERR_NOMEM;
}

/* { accessToken, expiresAt }; the caller wipes and frees both. */
static int read_fields(struct json_reader *r, char **access_token, char **expires_at)
{
    if (json_next(r) != JSON_OBJECT) return ERR_PARSE;
    int token, code = OK;
    while (code >= 0 && (token = json_next(r)) == JSON_KEY) {
        if (r->len == 11 && memcmp(r->text, "accessToken", 11) == 0)
            code = keep_text(r, access_token);
        else if (r->len == 9 && memcmp(r->text, "expiresAt", 9) == 0)
            code = keep_text(r, expires_at);
        else
            code = json_skip(r);
    }
    if (code < 0) return code;
    return token == JSON_OBJECT_END && *access_token && *expires_at ? OK : ERR_PARSE;
}

/* Older files end a time in "UTC" in place of "Z". */
static int parse_end(char *text, int64_t *out_ms)
{
    size_t len = strlen(text);
    if (len > 3 && strcmp(text + len - 3, "UTC") == 0) {
        strcpy(text + len - 3, "Z");
        len -= 2;
    }
    return time_parse(text, len, out_ms);
}

static int log_in_again(const struct sso_provider *p, const char *what, struct fault *fault)
{
    return fault_set(fault, ERR_CREDENTIALS, "sso: %s; run `aws sso login --profile %s`", what,
                     p->profile);
}

static void forget_token(struct sso_provider *p)
{
    if (p->token) OPENSSL_cleanse(p->token, strlen(p->token));
    free(p->token);
    p->token = NULL;
}

static int read_token(struct sso_provider *p, struct fault *fault)
{
    struct json_reader r;
    struct clock real = {0};
    struct fault why = {0};
    char *text = NULL, *expires_at = NULL;
    size_t len = 0;
    int64_t expires_ms = 0;
    free(p->token_path);
    p->token_path = token_path(p->cache_key);
    if (!p->token_path) return fault_set(fault, ERR_NOMEM, "out of memory");
    file_stamp_take(p->token_path, &p->stamp);
    int code = fs_read_file(p->token_path, TOKEN_FILE_MAX, &text, &len, &why);
    if (code == ERR_NOT_FOUND) return log_in_again(p, "there is no cached token", fault);
    if (code < 0) return fault_set(fault, ERR_CREDENTIALS, "sso: %s", why.text);
    json_reader_init(&r, text, len, TOKEN_MAX);
    code = read_fields(&r, &p->token, &expires_at);
    if (code == OK) code = parse_end(expires_at, &expires_ms);
    if (r.scratch.data) OPENSSL_cleanse(r.scratch.data, r.scratch.cap);
    json_reader_done(&r);
    OPENSSL_cleanse(text, len);
    free(text);
    free(expires_at);
    if (code == ERR_NOMEM) return fault_set(fault, code, "out of memory");
    if (code < 0 || strpbrk(p->token, "\r\n"))
        return fault_set(fault, ERR_CREDENTIALS, "sso: %s is not a token of `aws sso login`",
                         p->token_path);
    if (expires_ms <= clock_now_ms(p->clock ? p->clock : &real))
        return log_in_again(p, "the cached token has expired", fault);
    return OK;
}

/* ---- the portal ---- */

static void on_answer(void *data, const struct http_response *response)
{
    struct sso_provider *p = data;
    struct credentials *found = NULL;
    struct fault why = {0}, fault = {0};
    int code;
    forget_token(p);
    if (response->code < 0) {
        code = fault_set(&fault, response->code, "sso: %s", response->fault.text);
    } else if (response->status == 401) {
        code = log_in_again(p, "the portal does not take the cached token any more", &fault);
    } else if (response->status == 403 || response->status == 404) {
        code = fault_set(&fault, ERR_CREDENTIALS,
                         "sso: role %s of account %s is not given to this user (profile \"%s\")",
                         p->role_name, p->account_id, p->profile);
    } else if (response->status != 200) {
        code = fault_set(&fault, response->status >= 500 ? ERR_SERVER : ERR_CREDENTIALS,
                         "sso: the portal answered %d", response->status);
    } else {
        code = credentials_from_json(response->body, response->body_len, CREDENTIALS_OF_SSO, "sso",
                                     &found, &why);
        if (code < 0) fault_set(&fault, code, "sso: %s", why.text);
    }
    p->done(p->data, code, found, &fault);
    credentials_release(found);
}

static int write_url(struct sso_provider *p, struct fault *fault)
{
    char *endpoint = NULL;
    int code = endpoint_resolve("sso", "portal.sso", p->region, p->profile, NULL, &endpoint, fault);
    if (code < 0) return code;
    strbuf_reset(&p->url);
    strbuf_addf(&p->url, "%s/federation/credentials?role_name=", endpoint);
    http_encode(&p->url, p->role_name, strlen(p->role_name), false);
    strbuf_adds(&p->url, "&account_id=");
    http_encode(&p->url, p->account_id, strlen(p->account_id), false);
    free(endpoint);
    code = strbuf_status(&p->url);
    return code < 0 ? fault_set(fault, code, "sso: %s", err_text(code)) : OK;
}

static void sso_fetch(struct credential_provider *provider, credentials_done_fn *done, void *data)
{
    struct sso_provider *p = (struct sso_provider *)provider;
    struct fault fault = {0};
    p->done = done;
    p->data = data;
    int code = read_token(p, &fault);
    if (code == OK) code = write_url(p, &fault);
    if (code == OK) {
        p->request.method = "GET";
        p->request.url = strbuf_cstr(&p->url);
        p->request.headers[0] = (struct http_header){"x-amz-sso_bearer_token", p->token};
        p->request.header_count = 1;
        p->request.connect_ms = CONNECT_MS;
        p->request.timeout_ms = TOTAL_MS;
        p->request.done = on_answer;
        p->request.data = p;
        code = metadata_send(&p->request);
        if (code == OK) return;
        fault_set(&fault, code, "sso: %s", err_text(code));
    }
    forget_token(p);
    done(data, code, NULL, &fault);
}

static bool sso_changed(struct credential_provider *provider)
{
    const struct sso_provider *p = (struct sso_provider *)provider;
    struct file_stamp now;
    if (!p->token_path) return false;
    file_stamp_take(p->token_path, &now);
    return !file_stamp_same(&now, &p->stamp);
}

static void sso_free(struct credential_provider *provider)
{
    struct sso_provider *p = (struct sso_provider *)provider;
    metadata_cancel(&p->request);
    forget_token(p);
    strbuf_done(&p->url);
    free(p->token_path);
    free(p->profile);
    free(p->cache_key);
    free(p->region);
    free(p->account_id);
    free(p->role_name);
    free(p);
}

static const struct credential_provider_vtable sso_vtable = {
    .name = "sso", .fetch = sso_fetch, .free = sso_free, .changed = sso_changed};

/* ---- from a profile ---- */

struct sso_fields {
    const char *session, *start_url, *region, *account_id, *role_name;
};

static int read_profile(const struct profile *profile, struct sso_fields *out, struct fault *fault)
{
    *out = (struct sso_fields){
        .session = profile_get(profile, "sso_session", NULL),
        .start_url = profile_get(profile, "sso_start_url", NULL),
        .region = profile_get(profile, "sso_region", NULL),
        .account_id = profile_get(profile, "sso_account_id", NULL),
        .role_name = profile_get(profile, "sso_role_name", NULL),
    };
    if (out->session) {
        out->start_url = profile_section_get(profile, "sso-session", out->session, "sso_start_url");
        out->region = profile_section_get(profile, "sso-session", out->session, "sso_region");
    }
    const char *missing = !out->account_id  ? "sso_account_id"
                          : !out->role_name ? "sso_role_name"
                          : !out->start_url ? "sso_start_url"
                          : !out->region    ? "sso_region"
                                            : NULL;
    if (!missing) return OK;
    bool of_session = out->session && out->account_id && out->role_name;
    return fault_set(fault, ERR_CREDENTIALS, "%s: %s \"%s\" has no %s", profile->config_path,
                     of_session ? "sso-session" : "profile",
                     of_session ? out->session : profile->name, missing);
}

int sso_provider_new(const struct credential_options *options, const struct profile *profile,
                     struct credential_provider **out, struct fault *fault)
{
    struct sso_fields fields;
    int code = read_profile(profile, &fields, fault);
    if (code < 0) return code;
    struct sso_provider *p = calloc(1, sizeof *p);
    if (!p) return fault_set(fault, ERR_NOMEM, "out of memory");
    p->base.vtable = &sso_vtable;
    p->clock = options->clock;
    p->request.http = options->http;
    strbuf_init(&p->url, URL_MAX);
    p->profile = strdup(profile->name);
    p->cache_key = strdup(fields.session ? fields.session : fields.start_url);
    p->region = strdup(fields.region);
    p->account_id = strdup(fields.account_id);
    p->role_name = strdup(fields.role_name);
    if (!p->profile || !p->cache_key || !p->region || !p->account_id || !p->role_name) {
        sso_free(&p->base);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    *out = &p->base;
    return OK;
}
