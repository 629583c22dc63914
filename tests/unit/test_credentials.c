/* Facts about credentials: where they are looked for, what is said when there are none, and when
 * they are fetched again. Files are real ones, metadata servers listen on loopback.
 *
 * Size: each provider, and each way in which it fails, is a fact of its own. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/ini.h"
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 20000, NOW_S = 1767225600 /* 2026-01-01T00:00:00Z */ };

#define TOKEN_PATH "/latest/api/token"
#define ROLE_PATH  "/latest/meta-data/iam/security-credentials/"
#define ROLE_JSON                                                                                  \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"IMDSID\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","  \
    "\"Expiration\":\"2026-01-01T01:00:00Z\",\"Type\":\"AWS-HMAC\"}"

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
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
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

static int teardown(void **state)
{
    struct world *w = *state;
    credential_chain_free(w->chain);
    http_free(w->http);
    route_server_free(w->server);
    int open = loop_free(w->loop);
    unlink(w->config);
    unlink(w->credentials);
    unlink(w->token_file);
    rmdir(w->dir);
    free(w);
    return open;
}

static void make_chain(struct world *w, const char *profile, bool v1)
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

static void on_answer(void *data, int code, struct credentials *credentials,
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

static void give_up(void *data)
{
    struct world *w = data;
    w->too_late = true;
    loop_stop(w->loop);
}

static int get(struct world *w)
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

static void expect_text(const struct world *w, const char *part)
{
    if (!strstr(w->text, part)) print_error("\"%s\" is not in \"%s\"\n", part, w->text);
    assert_non_null(strstr(w->text, part));
}

static void imds_routes(struct world *w)
{
    unsetenv("AWS_EC2_METADATA_DISABLED");
    w->routes[0] = (struct route){"PUT", TOKEN_PATH, "x-aws-ec2-metadata-token-ttl-seconds: 21600",
                                  200,   "TOKEN",    0};
    w->routes[1] =
        (struct route){"GET", ROLE_PATH, "x-aws-ec2-metadata-token: TOKEN\r\n", 200, "web\n", 0};
    w->routes[2] = (struct route){"GET", ROLE_PATH "web", "x-aws-ec2-metadata-token: TOKEN\r\n",
                                  200,   ROLE_JSON,       0};
}

/* ---- files ---- */

static struct ini *parse(const char *text)
{
    struct ini *ini = NULL;
    struct fault fault = {0};
    assert_int_equal(ini_parse(text, strlen(text), "config", &ini, &fault), OK);
    return ini;
}

static void the_files_syntax_is_read_as_aws_does(void **state)
{
    (void)state;
    struct ini *ini = parse("\xEF\xBB\xBF# first\r\n[default]\r\nRegion = eu-west-1 # here\r\n"
                            "  ; not a value\r\nkey=a#b;c\r\n\r\n[profile   web ] # after\n"
                            "s3 =\n  addressing_style = path\n  max = 2 ; two\n"
                            "role_arn = first\n\tsecond\nempty =\n[profile \"my  web\"]\nx=1\n"
                            "[default]\nregion=us-east-1\n[indented]\n  a = 1\n  b = 2\nlast=x");
    static const struct {
        const char *section, *key, *value;
    } facts[] = {
        {"default", "region", "us-east-1"},
        {"default", "key", "a#b;c"},
        {"profile web", "s3.addressing_style", "path"},
        {"profile web", "s3.max", "2"},
        {"profile web", "role_arn", "first\nsecond"},
        {"profile web", "empty", ""},
        {"profile my  web", "x", "1"},
        {"indented", "a", "1"},
        {"indented", "b", "2"},
        {"indented", "last", "x"},
    };
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        const char *value = ini_get(ini, facts[i].section, facts[i].key);
        if (!value) print_error("[%s] %s\n", facts[i].section, facts[i].key);
        assert_non_null(value);
        assert_string_equal(value, facts[i].value);
    }
    assert_null(ini_get(ini, "default", "x"));
    assert_true(ini_has(ini, "profile web"));
    assert_false(ini_has(ini, "web"));
    ini_free(ini);
}

static void a_broken_file_is_an_error_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line;
    } cases[] = {{"[a]\n[b\n", 2}, {"x=1\n", 1}, {"[a]\n\n=1\n", 3},     {"[a]\nwhat\n", 2},
                 {"[a] x\n", 1},   {"[]\n", 1},  {"[a]\ns3 =\n  x\n", 3}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ini *ini = NULL;
        struct fault fault = {0};
        assert_int_equal(ini_parse(cases[i].text, strlen(cases[i].text), "/x/config", &ini, &fault),
                         ERR_PARSE);
        assert_int_equal(fault.line, cases[i].line);
        assert_string_equal(fault.file, "/x/config");
        assert_null(ini);
    }
}

static void a_file_is_bounded(void **state)
{
    (void)state;
    struct ini *ini = NULL;
    struct fault fault = {0};
    size_t len = INI_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '\n', len);
    assert_int_equal(ini_parse(text, len, "config", &ini, &fault), ERR_LIMIT);
    memcpy(text, "[a]\n", 4);
    for (size_t i = 4; i + 4 < len; i += 4)
        memcpy(text + i, "b=1\n", 4);
    assert_int_equal(ini_parse(text, len - 1, "config", &ini, &fault), ERR_LIMIT);
    for (size_t i = 8; i + 3 < len; i += 3)
        memcpy(text + i, " x\n", 3);
    assert_int_equal(ini_parse(text, len - 1, "config", &ini, &fault), ERR_PARSE);
    free(text);
}

/* ---- providers ---- */

static void the_environment_answers_at_once(void **state)
{
    struct world *w = *state;
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    write_text(w->credentials, "[default]\naws_access_key_id=FILEID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    w->answers = 0;
    credential_chain_get(w->chain, on_answer, w);
    assert_int_equal(w->answers, 1); /* before it returned */
    assert_int_equal(w->code, OK);
    assert_string_equal(w->id, "ENVID");
    assert_string_equal(w->provider, "environment");
    assert_false(w->has_token);
}

static void half_of_a_pair_is_an_error(void **state)
{
    struct world *w = *state;
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AWS_SECRET_ACCESS_KEY is not");
}

static void an_empty_variable_counts_as_not_set(void **state)
{
    struct world *w = *state;
    setenv("AWS_ACCESS_KEY_ID", "", 1);
    setenv("AWS_PROFILE", "", 1);
    write_text(w->credentials, "[default]\naws_access_key_id=FILEID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->provider, "shared files");
}

static void a_profile_is_found_in_either_file(void **state)
{
    struct world *w = *state;
    write_text(w->config, "[profile web]\nregion=eu-west-1\naws_access_key_id=CONFIGID\n"
                          "aws_secret_access_key=s\n[profile both]\naws_access_key_id=CONFIGID\n"
                          "aws_secret_access_key=s\n");
    write_text(w->credentials, "[both]\naws_access_key_id=FILEID\naws_secret_access_key=s\n"
                               "aws_session_token=t\n");
    setenv("AWS_PROFILE", "web", 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "CONFIGID");
    make_chain(w, "both", false); /* the configuration's goes before AWS_PROFILE */
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "FILEID");
    assert_true(w->has_token);
}

static void a_profile_of_the_configuration_goes_before_the_environment(void **state)
{
    struct world *w = *state;
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    write_text(w->credentials, "[web]\naws_access_key_id=FILEID\naws_secret_access_key=s\n");
    make_chain(w, "web", false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "FILEID");
}

static void a_named_profile_that_is_missing_is_an_error_that_names_it(void **state)
{
    struct world *w = *state;
    write_text(w->config, "[typo]\nregion=x\n");
    setenv("AWS_PROFILE", "typo", 1);
    imds_routes(w); /* nobody goes on to ask there */
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "profile \"typo\"");
    expect_text(w, w->config);
    expect_text(w, "lacks the word \"profile\"");
    assert_int_equal(w->routes[0].hits, 0);
}

static void what_is_not_supported_is_named_with_file_and_field(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"role_arn = arn:aws:iam::1:role/x\nsource_profile = y\naws_access_key_id=A\n"
         "aws_secret_access_key=s\n",
         "role_arn"},
        {"sso_session = x\n", "sso_session"},
        {"credential_process = /bin/x\n", "credential_process"},
    };
    setenv("AWS_PROFILE", "web", 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "[profile web]\n%s", cases[i].text);
        write_text(w->config, text);
        make_chain(w, NULL, false);
        assert_int_equal(get(w), ERR_UNSUPPORTED);
        expect_text(w, cases[i].field);
        expect_text(w, "\"web\"");
        expect_text(w, w->config);
    }
    unsetenv("AWS_PROFILE");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/x", 1);
    setenv("AWS_ROLE_ARN", "arn", 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_UNSUPPORTED);
}

static void no_secret_is_in_a_fault(void **state)
{
    struct world *w = *state;
    write_text(w->credentials, "[default]\naws_secret_access_key=VERYSECRET\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    assert_null(strstr(w->text, "VERYSECRET"));
    expect_text(w, "aws_access_key_id");
    write_text(w->credentials, "[default]\naws_secret_access_key VERYSECRET\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_PARSE);
    assert_null(strstr(w->text, "VERYSECRET"));
}

static void when_nobody_answers_every_place_is_named(void **state)
{
    struct world *w = *state;
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "environment: AWS_ACCESS_KEY_ID is not set");
    expect_text(w, w->credentials);
    expect_text(w, w->config);
    expect_text(w, "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
    expect_text(w, "imds: AWS_EC2_METADATA_DISABLED is true");
    assert_false(credentials_configured(NULL));
}

static void a_container_is_asked_with_its_token(void **state)
{
    struct world *w = *state;
    char url[128];
    snprintf(url, sizeof url, "%s/creds?a=b", w->url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this one", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", w->token_file, 1);
    write_text(w->token_file, "from the file\n");
    w->routes[0] = (struct route){"GET",
                                  "/creds?a=b",
                                  "authorization: from the file\r\n",
                                  200,
                                  "{\"AccessKeyId\":\"CID\",\"SecretAccessKey\":\"s\",\"Token\":"
                                  "\"t\",\"Expiration\":\"2026-01-01T06:00:00Z\",\"RoleArn\":[]}",
                                  0};
    assert_true(credentials_configured(NULL));
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "CID");
    assert_string_equal(w->provider, "container");
    assert_int_equal(w->expires_s, NOW_S + 6 * 3600);
}

static void a_container_that_fails_is_an_error_and_no_reason_to_go_on(void **state)
{
    struct world *w = *state;
    char url[128];
    snprintf(url, sizeof url, "%s/creds", w->url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    imds_routes(w);
    w->routes[3] = (struct route){"GET", "/creds", NULL, 500, "oops", 0};
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "answered 500");
    assert_int_equal(w->routes[3].hits, 2); /* once more */
    assert_int_equal(w->routes[0].hits, 0);
    w->routes[3].status = 200;
    assert_int_equal(get(w), ERR_PARSE);
    w->routes[3].body = "{\"AccessKeyId\":\"X\"}";
    assert_int_equal(get(w), ERR_PARSE);
    expect_text(w, "no SecretAccessKey");
}

static void a_container_elsewhere_has_to_be_https(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"http://example.com/",
                                      "http://127.0.0.1.example.com/",
                                      "http://127.0.0.1@example.com/",
                                      "ftp://127.0.0.1/",
                                      "http://169.254.170.99/",
                                      "http://[::2]/",
                                      "http://"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i], 1);
        make_chain(w, NULL, false);
        assert_int_equal(get(w), ERR_CREDENTIALS);
        expect_text(w, "neither https nor an address of this host");
    }
}

static void an_instance_is_asked_with_a_token_first(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "IMDSID");
    assert_string_equal(w->provider, "imds");
    assert_true(w->has_token);
    assert_int_equal(w->expires_s, NOW_S + 3600);
}

static void version_1_is_never_asked_unless_allowed(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    w->routes[0].status = 404;
    w->routes[1].needs = w->routes[2].needs = NULL;
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "/latest/api/token answered 404");
    assert_int_equal(w->routes[1].hits, 0);
    make_chain(w, NULL, true);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "IMDSID");
}

static void an_instance_without_a_role_says_so(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    w->routes[1].status = 404;
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "the instance has no role");
    w->routes[1].status = 200;
    w->routes[1].body = "../../evil";
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "no role name");
    w->routes[1].body = "web";
    w->routes[2].body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"not trusted\"}";
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AssumeRoleUnauthorizedAccess: not trusted");
}

static void nobody_at_the_instances_address_is_no_long_wait(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    w->routes[0].status = 0; /* hangs up */
    make_chain(w, NULL, true);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "imds: ");
    assert_int_equal(w->routes[0].hits, 2);
    assert_int_equal(w->routes[1].hits, 0);
}

/* ---- the chain ---- */

static void they_are_renewed_ahead_of_their_end(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_int_equal(get(w), OK);
    assert_int_equal(w->routes[2].hits, 1); /* kept */
    clock_advance(&w->clock, (3600 - 299) * 1000);
    w->routes[2].body = "{\"Code\":\"Success\",\"AccessKeyId\":\"NEWID\",\"SecretAccessKey\":\"s\","
                        "\"Token\":\"t\",\"Expiration\":\"2026-01-01T07:00:00Z\"}";
    w->answers = 0;
    credential_chain_get(w->chain, on_answer, w);
    assert_int_equal(w->answers, 1); /* the old ones, at once */
    assert_string_equal(w->id, "IMDSID");
    credential_chain_get(w->chain, on_answer, w);
    while (w->routes[2].hits < 2)
        (void)loop_turn(w->loop, true);
    while (strcmp(w->id, "NEWID") != 0) {
        (void)loop_turn(w->loop, true);
        credential_chain_get(w->chain, on_answer, w);
    }
    assert_int_equal(w->routes[0].hits, 2); /* one renewal, however often it was asked for */
}

static void a_renewal_that_fails_keeps_what_is_still_valid(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    w->routes[1].status = 500;
    clock_advance(&w->clock, (3600 - 299) * 1000);
    assert_int_equal(get(w), OK);
    while (w->routes[1].hits < 3)
        (void)loop_turn(w->loop, true);
    for (int i = 0; i < 20; i++)
        (void)loop_turn(w->loop, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "IMDSID");
    clock_advance(&w->clock, 300 * 1000);
    assert_int_equal(get(w), ERR_CREDENTIALS); /* now they have ended */
}

static void those_who_ask_together_get_one_fetch(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    int forgotten = 0;
    credential_chain_get(w->chain, on_answer, w);
    credential_chain_get(w->chain, on_answer, &forgotten);
    credential_chain_get(w->chain, on_answer, w);
    credential_chain_forget(w->chain, &forgotten);
    while (w->answers < 2)
        (void)loop_turn(w->loop, true);
    assert_int_equal(w->routes[0].hits, 1);
    assert_int_equal(w->code, OK);
}

static void after_invalidate_the_files_are_read_anew(void **state)
{
    struct world *w = *state;
    write_text(w->credentials, "[default]\naws_access_key_id=OLD\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    write_text(w->credentials, "[default]\naws_access_key_id=NEW\naws_secret_access_key=s\n");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "OLD");
    credential_chain_invalidate(w->chain);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "NEW");
}

static void a_chain_may_be_freed_while_it_fetches(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    credential_chain_get(w->chain, on_answer, w);
    while (w->routes[0].hits == 0)
        (void)loop_turn(w->loop, true);
    credential_chain_free(w->chain);
    w->chain = NULL;
    (void)loop_turn(w->loop, false);
    assert_int_equal(w->answers, 0);
}

static void free_chain(void *data, int code, struct credentials *credentials,
                       const struct fault *fault)
{
    struct world *w = data;
    (void)credentials;
    (void)fault;
    w->code = code;
    w->answers++;
    credential_chain_free(w->chain);
    w->chain = NULL;
}

static void a_chain_may_be_freed_by_the_one_it_answers(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    credential_chain_get(w->chain, free_chain, w);
    credential_chain_get(w->chain, on_answer, w);
    while (w->answers == 0)
        (void)loop_turn(w->loop, true);
    assert_int_equal(w->answers, 1);
    assert_int_equal(w->code, OK);
}

static void the_region_comes_from_environment_or_profile(void **state)
{
    struct world *w = *state;
    char *region = NULL;
    struct fault fault = {0};
    assert_int_equal(region_default(NULL, &region, &fault), OK);
    assert_null(region);
    write_text(w->config, "[default]\nregion=sa-east-1\n[profile web]\nregion=eu-west-1\n");
    assert_int_equal(region_default(NULL, &region, &fault), OK);
    assert_string_equal(region, "sa-east-1");
    free(region);
    assert_int_equal(region_default("web", &region, &fault), OK);
    assert_string_equal(region, "eu-west-1");
    free(region);
    setenv("AWS_DEFAULT_REGION", "us-west-2", 1);
    assert_int_equal(region_default("web", &region, &fault), OK);
    assert_string_equal(region, "us-west-2");
    free(region);
    write_text(w->config, "[default\n");
    unsetenv("AWS_DEFAULT_REGION");
    assert_int_equal(region_default(NULL, &region, &fault), ERR_PARSE);
    assert_int_equal(fault.line, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_files_syntax_is_read_as_aws_does),
        TEST(a_broken_file_is_an_error_with_its_line),
        TEST(a_file_is_bounded),
        TEST(the_environment_answers_at_once),
        TEST(half_of_a_pair_is_an_error),
        TEST(an_empty_variable_counts_as_not_set),
        TEST(a_profile_is_found_in_either_file),
        TEST(a_profile_of_the_configuration_goes_before_the_environment),
        TEST(a_named_profile_that_is_missing_is_an_error_that_names_it),
        TEST(what_is_not_supported_is_named_with_file_and_field),
        TEST(no_secret_is_in_a_fault),
        TEST(when_nobody_answers_every_place_is_named),
        TEST(a_container_is_asked_with_its_token),
        TEST(a_container_that_fails_is_an_error_and_no_reason_to_go_on),
        TEST(a_container_elsewhere_has_to_be_https),
        TEST(an_instance_is_asked_with_a_token_first),
        TEST(version_1_is_never_asked_unless_allowed),
        TEST(an_instance_without_a_role_says_so),
        TEST(nobody_at_the_instances_address_is_no_long_wait),
        TEST(they_are_renewed_ahead_of_their_end),
        TEST(a_renewal_that_fails_keeps_what_is_still_valid),
        TEST(those_who_ask_together_get_one_fetch),
        TEST(after_invalidate_the_files_are_read_anew),
        TEST(a_chain_may_be_freed_while_it_fetches),
        TEST(a_chain_may_be_freed_by_the_one_it_answers),
        TEST(the_region_comes_from_environment_or_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
