/* Facts about the shared files: their syntax, which profile counts, and what is said when it says
 * something wrong. */
#include "credentials_fixture.h"
#include "moontide/aws/ini.h"

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

static void files_that_have_changed_are_read_anew(void **state)
{
    struct world *w = *state;
    write_text(w->credentials, "[default]\naws_access_key_id=OLD\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    write_text(w->credentials, "[default]\naws_access_key_id=NEWER\naws_secret_access_key=s\n");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "OLD"); /* they are looked at once a second */
    clock_advance(&w->clock, 1000);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "NEWER");
    write_text(w->credentials, "[default]\naws_access_key_id=HALF");
    clock_advance(&w->clock, 1000);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "NEWER"); /* an editor that has not finished does no harm */
    write_text(w->credentials, "[default]\naws_access_key_id=WHOLE\naws_secret_access_key=s\n");
    clock_advance(&w->clock, 1000);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "WHOLE");
}

static void after_invalidate_the_files_are_read_at_once(void **state)
{
    struct world *w = *state;
    write_text(w->credentials, "[default]\naws_access_key_id=OLD\naws_secret_access_key=s\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), OK);
    write_text(w->credentials, "[default]\naws_access_key_id=NEW\naws_secret_access_key=s\n");
    credential_chain_invalidate(w->chain);
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "NEW");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_files_syntax_is_read_as_aws_does),
        TEST(a_broken_file_is_an_error_with_its_line),
        TEST(a_file_is_bounded),
        TEST(a_profile_is_found_in_either_file),
        TEST(a_profile_of_the_configuration_goes_before_the_environment),
        TEST(a_named_profile_that_is_missing_is_an_error_that_names_it),
        TEST(no_secret_is_in_a_fault),
        TEST(files_that_have_changed_are_read_anew),
        TEST(after_invalidate_the_files_are_read_at_once),
        TEST(the_region_comes_from_environment_or_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
