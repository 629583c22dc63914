/* Facts about credentials: where they are looked for, what is said when there are none, and when
 * they are fetched again. Files are real ones, metadata servers listen on loopback. */
#include "credentials_fixture.h"

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
                                  0,
                                  NULL};
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
    w->routes[3] = (struct route){"GET", "/creds", NULL, 500, "oops", 0, NULL};
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
    clock_advance(&w->clock, (3600 - 239) * 1000);
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

static void a_renewal_needs_nobody_who_asks(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    clock_advance(&w->clock, (3600 - 301) * 1000);
    for (int i = 0; i < 20; i++)
        (void)loop_turn(w->loop, false);
    assert_int_equal(w->routes[0].hits, 1); /* never earlier than five minutes ahead */
    clock_advance(&w->clock, 62 * 1000);
    while (w->routes[2].hits < 2) /* the server keeps the loop alive, not the timer */
        (void)loop_turn(w->loop, true);
    assert_int_equal(w->routes[0].hits, 2);
}

static void a_renewal_keeps_no_loop_alive(void **state)
{
    struct world *w = *state;
    struct loop *own = NULL;
    struct credential_chain *chain = NULL;
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T01:00:00Z", 1);
    assert_int_equal(loop_new(&own), OK);
    struct credential_options options = {.loop = own, .http = w->http, .clock = &w->clock};
    assert_int_equal(credential_chain_new(&options, &chain), OK);
    credential_chain_get(chain, on_answer, w);
    assert_int_equal(w->expires_s, NOW_S + 3600);
    assert_false(loop_turn(own, false));
    credential_chain_free(chain);
    assert_int_equal(loop_free(own), 0);
}

static void a_renewal_that_fails_keeps_what_is_still_valid(void **state)
{
    struct world *w = *state;
    imds_routes(w);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    w->routes[1].status = 500;
    clock_advance(&w->clock, (3600 - 239) * 1000);
    assert_int_equal(get(w), OK);
    while (w->routes[1].hits < 3)
        (void)loop_turn(w->loop, true);
    for (int i = 0; i < 20; i++)
        (void)loop_turn(w->loop, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "IMDSID");
    clock_advance(&w->clock, 240 * 1000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_environment_answers_at_once),
        TEST(half_of_a_pair_is_an_error),
        TEST(an_empty_variable_counts_as_not_set),
        TEST(when_nobody_answers_every_place_is_named),
        TEST(a_container_is_asked_with_its_token),
        TEST(a_container_that_fails_is_an_error_and_no_reason_to_go_on),
        TEST(a_container_elsewhere_has_to_be_https),
        TEST(an_instance_is_asked_with_a_token_first),
        TEST(version_1_is_never_asked_unless_allowed),
        TEST(an_instance_without_a_role_says_so),
        TEST(nobody_at_the_instances_address_is_no_long_wait),
        TEST(they_are_renewed_ahead_of_their_end),
        TEST(a_renewal_needs_nobody_who_asks),
        TEST(a_renewal_keeps_no_loop_alive),
        TEST(a_renewal_that_fails_keeps_what_is_still_valid),
        TEST(those_who_ask_together_get_one_fetch),
        TEST(a_chain_may_be_freed_while_it_fetches),
        TEST(a_chain_may_be_freed_by_the_one_it_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
