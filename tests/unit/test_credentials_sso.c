/* Facts about IAM Identity Center: the cached token, the portal, and what is said when either is no
 * good. The portal is a server on loopback; the token files' names were made with sha1sum. */
#include "credentials_fixture.h"

#include <sys/stat.h>

#define PORTAL_PATH "/federation/credentials?role_name=Read%20Only&account_id=123456789012"
#define ANSWER                                                                                     \
    "{\"roleCredentials\":{\"accessKeyId\":\"SSOID\",\"secretAccessKey\":\"s\","                   \
    "\"sessionToken\":\"t\",\"expiration\":1767229200000}}"
#define SESSION_FILE "17c772d62d6f108c21dedfe0d2ae7f495a8598fa.json" /* of "tide" */
#define URL_FILE     "13f9d35043871d073ab260e020f0ffde092cb14b.json" /* of the legacy URL */
#define LEGACY_URL   "https://d-92671207e4.awsapps.com/start"

static void token_file(struct world *w, const char *name, const char *text)
{
    char path[256];
    static const char *const parts[] = {"/.aws", "/.aws/sso", "/.aws/sso/cache"};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        snprintf(path, sizeof path, "%s%s", w->dir, parts[i]);
        (void)mkdir(path, 0700);
    }
    snprintf(path, sizeof path, "%s/.aws/sso/cache/%s", w->dir, name);
    write_text(path, text);
}

static void session_profile(struct world *w)
{
    setenv("AWS_ENDPOINT_URL_SSO", w->url, 1);
    w->routes[0] = (struct route){
        "GET", PORTAL_PATH, "x-amz-sso_bearer_token: TOKEN\r\n", 200, ANSWER, 0, NULL};
    write_text(w->config, "[default]\nsso_session = tide\nsso_account_id = 123456789012\n"
                          "sso_role_name = Read Only\n"
                          "[sso-session tide]\nsso_region = eu-west-1\n"
                          "sso_start_url = https://x.awsapps.com/start\n");
    make_chain(w, NULL, false);
}

static void a_session_s_token_gives_the_role(void **state)
{
    struct world *w = *state;
    session_profile(w);
    token_file(w, SESSION_FILE,
               "{\"startUrl\":\"x\",\"region\":\"eu-west-1\",\"accessToken\":\"TOKEN\","
               "\"expiresAt\":\"2026-01-01T00:10:00Z\",\"refreshToken\":\"r\"}");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "SSOID");
    assert_string_equal(w->provider, "sso");
    assert_int_equal(w->expires_s, NOW_S + 3600);
    assert_true(credentials_configured(NULL));
}

static void an_older_profile_has_its_start_url_itself(void **state)
{
    struct world *w = *state;
    session_profile(w);
    write_text(w->config, "[default]\nsso_start_url = " LEGACY_URL "\nsso_region = us-east-1\n"
                          "sso_account_id = 123456789012\nsso_role_name = Read Only\n");
    make_chain(w, NULL, false);
    token_file(w, URL_FILE, "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"2026-01-01T00:10:00UTC\"}");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "SSOID");
}

static void a_token_that_is_missing_or_has_ended_says_what_to_run(void **state)
{
    struct world *w = *state;
    session_profile(w);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "there is no cached token; run `aws sso login --profile default`");
    token_file(w, SESSION_FILE,
               "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"2026-01-01T00:00:00Z\"}");
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "has expired; run `aws sso login --profile default`");
    token_file(w, SESSION_FILE,
               "{\"accessToken\":\"OTHER\",\"expiresAt\":\"2026-01-01T00:10:00Z\"}");
    assert_int_equal(get(w), ERR_CREDENTIALS); /* the portal answers 401 */
    expect_text(w, "run `aws sso login --profile default`");
    assert_null(strstr(w->text, "OTHER"));
}

static void a_token_file_that_is_none_is_an_error(void **state)
{
    struct world *w = *state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"accessToken\":\"T\"}",
        "{\"accessToken\":1,\"expiresAt\":\"2026-01-02T00:00:00Z\"}",
        "{\"accessToken\":\"T\",\"expiresAt\":\"never\"}",
        "{\"accessToken\":\"T\\r\\nx: y\",\"expiresAt\":"
        "\"2026-01-02T00:00:00Z\"}"};
    session_profile(w);
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        token_file(w, SESSION_FILE, bodies[i]);
        assert_int_equal(get(w), ERR_CREDENTIALS);
        expect_text(w, SESSION_FILE);
    }
    assert_int_equal(w->routes[0].hits, 0);
}

static void a_new_login_is_seen(void **state)
{
    struct world *w = *state;
    session_profile(w);
    token_file(w, SESSION_FILE,
               "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"2026-01-01T00:10:00Z\"}");
    assert_int_equal(get(w), OK);
    token_file(w, SESSION_FILE,
               "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"2026-01-01T08:10:00+00:00\"}");
    clock_advance(&w->clock, 1000);
    assert_int_equal(get(w), OK); /* the old ones, while it asks */
    while (w->routes[0].hits < 2)
        (void)loop_turn(w->loop, true);
}

static void the_portal_s_refusals_are_told(void **state)
{
    struct world *w = *state;
    session_profile(w);
    token_file(w, SESSION_FILE,
               "{\"accessToken\":\"TOKEN\",\"expiresAt\":\"2026-01-01T00:10:00Z\"}");
    w->routes[0].status = 403;
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "role Read Only of account 123456789012");
    w->routes[0].status = 500;
    assert_int_equal(get(w), ERR_SERVER);
    w->routes[0].status = 200;
    w->routes[0].body = "{\"roleCredentials\":{}}";
    assert_int_equal(get(w), ERR_PARSE);
    w->routes[0].body = "{}";
    assert_int_equal(get(w), ERR_PARSE);
}

static void what_a_profile_lacks_is_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *config, *part;
    } cases[] = {
        {"[default]\nsso_session = tide\n", "profile \"default\" has no sso_account_id"},
        {"[default]\nsso_session = tide\nsso_account_id=1\n", "profile \"default\" has no "
                                                              "sso_role_name"},
        {"[default]\nsso_session = tide\nsso_account_id=1\nsso_role_name=r\n",
         "sso-session \"tide\" has no sso_start_url"},
        {"[default]\nsso_start_url = x\nsso_account_id=1\nsso_role_name=r\n",
         "profile \"default\" has no sso_region"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_text(w->config, cases[i].config);
        make_chain(w, NULL, false);
        assert_int_equal(get(w), ERR_CREDENTIALS);
        expect_text(w, cases[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_s_token_gives_the_role),
        TEST(an_older_profile_has_its_start_url_itself),
        TEST(a_token_that_is_missing_or_has_ended_says_what_to_run),
        TEST(a_token_file_that_is_none_is_an_error),
        TEST(a_new_login_is_seen),
        TEST(the_portal_s_refusals_are_told),
        TEST(what_a_profile_lacks_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
