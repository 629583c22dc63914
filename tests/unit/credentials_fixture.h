/* What the tests of credentials share: files in a directory of its own, servers on loopback, a
 * chain with a manual clock, and the answer it gave last. */
#ifndef MOONTIDE_TESTS_CREDENTIALS_FIXTURE_H
#define MOONTIDE_TESTS_CREDENTIALS_FIXTURE_H

#include "moontide/aws/credentials.h"
#include "moontide/base/clock.h"
#include "moontide/base/err.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/route_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 20000, NOW_S = 1767225600 /* 2026-01-01T00:00:00Z */ };

struct world {
    struct loop *loop;
    struct http *http;
    struct route_server *server;
    struct credential_chain *chain;
    struct clock clock;
    struct route routes[8];
    char dir[64], config[96], credentials[96], token_file[96];
    char url[64];
    int answers, code;
    char id[64], provider[32], text[FAULT_TEXT_MAX];
    int64_t expires_s;
    bool has_token, too_late;
};

static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_CREDENTIAL_EXPIRATION",
                                        "AWS_PROFILE",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_ENDPOINT_URL",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_ENDPOINT_URL_SSO"};

static inline void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        unsetenv(variables[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    strcpy(w->dir, "/tmp/moontide-credentials-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->config, sizeof w->config, "%s/config", w->dir);
    snprintf(w->credentials, sizeof w->credentials, "%s/credentials", w->dir);
    snprintf(w->token_file, sizeof w->token_file, "%s/token", w->dir);
    setenv("HOME", w->dir, 1);
    setenv("AWS_CONFIG_FILE", w->config, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", w->credentials, 1);
    assert_int_equal(loop_new(&w->loop), OK);
    assert_int_equal(http_new(w->loop, NULL, &w->http), OK);
    w->server = route_server_new(loop_uv(w->loop), w->routes);
    assert_non_null(w->server);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%d", route_server_port(w->server));
    clock_init_manual(&w->clock, NOW_S * 1000ll);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    credential_chain_free(w->chain);
    http_free(w->http);
    route_server_free(w->server);
    int open = loop_free(w->loop);
    (void)nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(w);
    return open;
}

static inline void make_chain(struct world *w, const char *profile, bool v1)
{
    struct credential_options options = {.loop = w->loop,
                                         .http = w->http,
                                         .clock = &w->clock,
                                         .profile = profile,
                                         .imds_endpoint = w->url,
                                         .imds_v1_allowed = v1};
    credential_chain_free(w->chain);
    w->chain = NULL;
    assert_int_equal(credential_chain_new(&options, &w->chain), OK);
}

static inline void on_answer(void *data, int code, struct credentials *credentials,
                             const struct fault *fault)
{
    struct world *w = data;
    w->answers++;
    w->code = code;
    snprintf(w->id, sizeof w->id, "%s", credentials ? credentials->access_key_id : "");
    snprintf(w->provider, sizeof w->provider, "%s", credentials ? credentials->provider : "");
    snprintf(w->text, sizeof w->text, "%s", code < 0 ? fault->text : "");
    w->expires_s = credentials ? credentials->expires_s : 0;
    w->has_token = credentials && credentials->session_token;
    loop_stop(w->loop);
}

static inline void give_up(void *data)
{
    struct world *w = data;
    w->too_late = true;
    loop_stop(w->loop);
}

static inline int get(struct world *w)
{
    struct loop_timer *timer = NULL;
    w->answers = 0;
    credential_chain_get(w->chain, on_answer, w);
    assert_int_equal(loop_timer_start(w->loop, WAIT_MAX_MS, give_up, w, &timer), OK);
    while (w->answers == 0 && !w->too_late)
        (void)loop_turn(w->loop, true);
    loop_timer_cancel(timer);
    assert_int_equal(w->answers, 1);
    return w->code;
}

static inline void expect_text(const struct world *w, const char *part)
{
    if (!strstr(w->text, part)) print_error("\"%s\" is not in \"%s\"\n", part, w->text);
    assert_non_null(strstr(w->text, part));
}

#define TOKEN_PATH "/latest/api/token"
#define ROLE_PATH  "/latest/meta-data/iam/security-credentials/"
#define ROLE_JSON                                                                                  \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"IMDSID\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","  \
    "\"Expiration\":\"2026-01-01T01:00:00Z\",\"Type\":\"AWS-HMAC\"}"

static inline void imds_routes(struct world *w)
{
    unsetenv("AWS_EC2_METADATA_DISABLED");
    w->routes[0] = (struct route){
        "PUT", TOKEN_PATH, "x-aws-ec2-metadata-token-ttl-seconds: 21600", 200, "TOKEN", 0, NULL};
    w->routes[1] = (struct route){
        "GET", ROLE_PATH, "x-aws-ec2-metadata-token: TOKEN\r\n", 200, "web\n", 0, NULL};
    w->routes[2] = (struct route){
        "GET", ROLE_PATH "web", "x-aws-ec2-metadata-token: TOKEN\r\n", 200, ROLE_JSON, 0, NULL};
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
