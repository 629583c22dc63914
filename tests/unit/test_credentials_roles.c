/* Facts about roles: assumed with a token file, with other profiles, with other providers, and what
 * is said when they cannot be. STS is a server on loopback. */
#include "credentials_fixture.h"

#define ARN(name) "arn:aws:iam::123456789012:role/" name
#define ANSWER(action, id, until)                                                                  \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" action             \
    "Result><AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>" id        \
    "</AccessKeyId><SecretAccessKey>s&amp;s</SecretAccessKey><SessionToken>t</SessionToken>"       \
    "<Expiration>" until "</Expiration></Credentials></" action "Result></" action "Response>"
#define REFUSAL(code, message)                                                                     \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>" message              \
    "</Message></Error><RequestId>r</RequestId></ErrorResponse>"
#define HOUR "2026-01-01T01:00:00Z"

/* Any AssumeRole of `role` (percent-encoded) gives `id`. */
static void sts(struct world *w, int at, const char *with, int status, const char *body)
{
    setenv("AWS_ENDPOINT_URL_STS", w->url, 1);
    w->routes[at] = (struct route){"POST", "/", NULL, status, body, 0, with};
}

static void expect_asked(const struct world *w, const char *part)
{
    const char *last = route_server_last(w->server);
    if (!strstr(last, part)) print_error("\"%s\" is not in:\n%s\n", part, last);
    assert_non_null(strstr(last, part));
}

static void expect_not_asked(const struct world *w, const char *part)
{
    assert_null(strstr(route_server_last(w->server), part));
}

static void a_token_file_is_sent_unsigned_with_the_role_of_the_environment(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRoleWithWebIdentity", "WEBID", HOUR));
    write_text(w->token_file, "a.b+c/d\n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", w->token_file, 1);
    setenv("AWS_ROLE_ARN", ARN("pod"), 1);
    setenv("AWS_ROLE_SESSION_NAME", "my-pod", 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "WEBID");
    assert_string_equal(w->provider, "web identity");
    assert_int_equal(w->expires_s, NOW_S + 3600);
    assert_true(w->has_token);
    expect_asked(w, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A"
                    "%3A123456789012%3Arole%2Fpod&RoleSessionName=my-pod&WebIdentityToken="
                    "a.b%2Bc%2Fd");
    expect_not_asked(w, "uthorization:");
    assert_true(credentials_configured(NULL));
}

static void a_token_file_is_read_again_at_each_fetch(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRoleWithWebIdentity", "WEBID", HOUR));
    write_text(w->token_file, "first");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", w->token_file, 1);
    setenv("AWS_ROLE_ARN", ARN("pod"), 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    expect_asked(w, "RoleSessionName=moontide&WebIdentityToken=first");
    write_text(w->token_file, "second");
    credential_chain_invalidate(w->chain);
    assert_int_equal(get(w), OK);
    expect_asked(w, "WebIdentityToken=second");
}

static void what_lacks_of_a_web_identity_is_named(void **state)
{
    struct world *w = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", w->token_file, 1);
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AWS_ROLE_ARN is not");
    setenv("AWS_ROLE_ARN", ARN("pod"), 1);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, w->token_file);
    write_text(w->token_file, "\n");
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "is empty");
}

static void the_profile_of_the_configuration_goes_before_a_web_identity(void **state)
{
    struct world *w = *state;
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent", 1);
    setenv("AWS_ROLE_ARN", ARN("pod"), 1);
    write_text(w->credentials, "[web]\naws_access_key_id=FILEID\naws_secret_access_key=s\n");
    make_chain(w, "web", false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "FILEID");
}

static void a_role_is_assumed_with_the_keys_of_its_source(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    write_text(w->config, "[profile web]\nrole_arn = " ARN(
                              "web") "\nsource_profile = base\n"
                                     "external_id = e/x\nrole_session_name = me@here\n"
                                     "duration_seconds = 900\nregion = eu-west-1\n");
    write_text(w->credentials, "[base]\naws_access_key_id=BASEID\naws_secret_access_key=s\n");
    make_chain(w, "web", false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "ROLEID");
    assert_string_equal(w->provider, "assume role");
    expect_asked(w, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012"
                    "%3Arole%2Fweb&RoleSessionName=me%40here&DurationSeconds=900&ExternalId=e%2Fx");
    expect_asked(w, "Credential=BASEID/20260101/eu-west-1/sts/aws4_request");
    assert_int_equal(w->routes[0].hits, 1);
    assert_int_equal(get(w), OK);
    assert_int_equal(w->routes[0].hits, 1); /* kept */
}

static void roles_may_stand_on_roles(void **state)
{
    struct world *w = *state;
    sts(w, 0, "role%2Fmiddle", 200, ANSWER("AssumeRole", "MIDDLEID", HOUR));
    sts(w, 1, "role%2Ftop", 200, ANSWER("AssumeRole", "TOPID", HOUR));
    write_text(
        w->config,
        "[default]\nrole_arn = " ARN(
            "top") "\nsource_profile = middle\n"
                   "[profile middle]\nrole_arn = " ARN(
                       "middle") "\n"
                                 "source_profile = base\n"
                                 "[profile "
                                 "base]\naws_access_key_id=BASEID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "TOPID");
    expect_asked(w, "Credential=MIDDLEID/");
    expect_asked(w, "x-amz-security-token: t");
    assert_int_equal(w->routes[0].hits, 1);
}

static void a_profile_may_be_its_own_source_where_it_has_keys(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    write_text(w->config, "[profile web]\nrole_arn = " ARN(
                              "web") "\nsource_profile = web\n"
                                     "aws_access_key_id=OWNID\naws_secret_access_key=s\n");
    make_chain(w, "web", false);
    assert_int_equal(get(w), OK);
    expect_asked(w, "Credential=OWNID/");
}

static void what_is_wrong_with_a_role_is_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *config, *part;
        int code;
    } cases[] = {
        {"[profile a]\nrole_arn=r\nsource_profile=a\n", "leads back to \"a\"", ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=c\n"
         "[profile c]\nrole_arn=r\nsource_profile=b\n",
         "leads back to \"b\"", ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\nsource_profile=typo\n", "source_profile \"typo\"",
         ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nregion=x\n",
         "says nothing about credentials", ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\n", "neither source_profile nor credential_source",
         ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\nsource_profile=b\ncredential_source=Environment\n",
         "both source_profile and credential_source", ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\ncredential_source=Moon\n", "credential_source is none of",
         ERR_CREDENTIALS},
        {"[profile a]\nrole_arn=r\nsource_profile=b\nmfa_serial=m\n", "mfa_serial",
         ERR_UNSUPPORTED},
        {"[profile a]\nrole_arn=r\nsource_profile=b\nduration_seconds=5\n", "duration_seconds",
         ERR_CREDENTIALS},
        {"[profile a]\nweb_identity_token_file=/x\n", "but no role_arn", ERR_CREDENTIALS},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_text(w->config, cases[i].config);
        make_chain(w, "a", false);
        assert_int_equal(get(w), cases[i].code);
        expect_text(w, cases[i].part);
        assert_true(credentials_configured("a"));
    }
}

static void a_credential_source_is_asked_for_the_base(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    write_text(w->config,
               "[profile env]\nrole_arn = " ARN(
                   "web") "\n"
                          "credential_source = Environment\n"
                          "[profile ecs]\nrole_arn = " ARN(
                              "web") "\n"
                                     "credential_source = EcsContainer\n"
                                     "[profile ec2]\nrole_arn = " ARN(
                                         "web") "\n"
                                                "credential_source = Ec2InstanceMetadata\n");
    make_chain(w, "ecs", false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    make_chain(w, "ec2", false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AWS_EC2_METADATA_DISABLED");
    make_chain(w, "env", false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AWS_ACCESS_KEY_ID is not set");
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_int_equal(get(w), OK);
    expect_asked(w, "Credential=ENVID/");
}

static void a_profile_may_name_a_token_file(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRoleWithWebIdentity", "WEBID", HOUR));
    write_text(w->token_file, "token");
    char config[512];
    snprintf(config, sizeof config,
             "[profile web]\nrole_arn = " ARN("web") "\nweb_identity_token_file = %s\n"
                                                     "role_session_name = me\n",
             w->token_file);
    write_text(w->config, config);
    make_chain(w, "web", false);
    assert_int_equal(get(w), OK);
    expect_asked(w, "RoleSessionName=me&WebIdentityToken=token");
    assert_string_equal(w->provider, "web identity");
}

static void a_refusal_says_what_sts_said_and_ends_the_chain(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 403, REFUSAL("AccessDenied", "User is not authorized"));
    write_text(w->config,
               "[default]\nrole_arn = " ARN(
                   "web") "\nsource_profile = default\n"
                          "aws_access_key_id=BASEID\naws_secret_access_key=VERYSECRET\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "AccessDenied: User is not authorized");
    expect_text(w, ARN("web"));
    assert_null(strstr(w->text, "VERYSECRET"));
    assert_int_equal(w->routes[0].hits, 1); /* a refusal is not asked for again */
}

static void an_sts_that_stumbles_is_asked_three_times(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 503, "<html>");
    write_text(w->config, "[default]\nrole_arn = " ARN(
                              "web") "\nsource_profile = default\n"
                                     "aws_access_key_id=BASEID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_SERVER);
    expect_text(w, "503");
    assert_int_equal(w->routes[0].hits, 3);
}

static void nonsense_of_sts_is_an_error(void **state)
{
    struct world *w = *state;
    static const char *const bodies[] = {
        "",
        "<a>",
        "{}",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        ANSWER("AssumeRole", "", HOUR),
        ANSWER("AssumeRole", "ROLEID", "tomorrow"),
        "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"};
    write_text(w->config, "[default]\nrole_arn = " ARN(
                              "web") "\nsource_profile = default\n"
                                     "aws_access_key_id=BASEID\naws_secret_access_key=s\n");
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        sts(w, 0, NULL, 200, bodies[i]);
        make_chain(w, NULL, false);
        assert_int_equal(get(w), ERR_PARSE);
        expect_text(w, "the answer");
    }
}

static struct credential_chain *role_chain(struct world *w, const char *external_id)
{
    struct credential_chain *made = NULL;
    struct credential_role_options options = {.loop = w->loop,
                                              .http = w->http,
                                              .clock = &w->clock,
                                              .base = w->chain,
                                              .role_arn = ARN("account"),
                                              .external_id = external_id,
                                              .session_name = "tide",
                                              .region = "ap-northeast-2",
                                              .sts_endpoint = w->url};
    assert_int_equal(credential_role_chain_new(&options, &made), OK);
    return made;
}

/* get(), of another chain than the world's. */
static int get_of(struct world *w, struct credential_chain *chain)
{
    struct credential_chain *own = w->chain;
    w->chain = chain;
    int code = get(w);
    w->chain = own;
    return code;
}

static void a_chain_may_stand_on_another_by_a_role(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    make_chain(w, NULL, false);
    struct credential_chain *role = role_chain(w, "x");
    assert_int_equal(get_of(w, role), OK);
    assert_string_equal(w->id, "ROLEID");
    expect_asked(w, "RoleSessionName=tide&ExternalId=x");
    expect_asked(w, "Credential=ENVID/20260101/ap-northeast-2/sts/aws4_request");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "ENVID"); /* the base is what it was */
    credential_chain_free(role);
}

static void base_credentials_that_sts_calls_expired_are_fetched_anew_once(void **state)
{
    struct world *w = *state;
    sts(w, 0, "Credential=OLDID", 403, REFUSAL("ExpiredToken", "The token is expired"));
    sts(w, 1, "Credential=NEWID", 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    write_text(w->credentials, "[default]\naws_access_key_id=OLDID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    struct credential_chain *role = role_chain(w, NULL);
    assert_int_equal(get_of(w, role), ERR_EXPIRED);
    expect_text(w, "ExpiredToken");
    assert_int_equal(w->routes[0].hits, 2);
    write_text(w->credentials, "[default]\naws_access_key_id=NEWID\naws_secret_access_key=s\n");
    assert_int_equal(get_of(w, role), OK);
    assert_int_equal(w->routes[0].hits, 3);
    credential_chain_free(role);
}

static void a_role_may_be_given_up_while_it_is_assumed(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    setenv("AWS_ACCESS_KEY_ID", "ENVID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    make_chain(w, NULL, false);
    struct credential_chain *role = role_chain(w, NULL);
    w->answers = 0;
    credential_chain_get(role, on_answer, w);
    credential_chain_free(role);
    (void)loop_turn(w->loop, false);
    assert_int_equal(w->answers, 0);
}

static void without_a_region_sts_is_signed_for_us_east_1(void **state)
{
    struct world *w = *state;
    sts(w, 0, NULL, 200, ANSWER("AssumeRole", "ROLEID", HOUR));
    write_text(w->config, "[default]\nrole_arn = " ARN(
                              "web") "\nsource_profile = default\n"
                                     "aws_access_key_id=BASEID\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    expect_asked(w, "Credential=BASEID/20260101/us-east-1/sts/aws4_request");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_file_is_sent_unsigned_with_the_role_of_the_environment),
        TEST(a_token_file_is_read_again_at_each_fetch),
        TEST(what_lacks_of_a_web_identity_is_named),
        TEST(the_profile_of_the_configuration_goes_before_a_web_identity),
        TEST(a_role_is_assumed_with_the_keys_of_its_source),
        TEST(without_a_region_sts_is_signed_for_us_east_1),
        TEST(roles_may_stand_on_roles),
        TEST(a_profile_may_be_its_own_source_where_it_has_keys),
        TEST(what_is_wrong_with_a_role_is_named),
        TEST(a_credential_source_is_asked_for_the_base),
        TEST(a_profile_may_name_a_token_file),
        TEST(a_refusal_says_what_sts_said_and_ends_the_chain),
        TEST(an_sts_that_stumbles_is_asked_three_times),
        TEST(nonsense_of_sts_is_an_error),
        TEST(a_chain_may_stand_on_another_by_a_role),
        TEST(base_credentials_that_sts_calls_expired_are_fetched_anew_once),
        TEST(a_role_may_be_given_up_while_it_is_assumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
