/* Facts about credential_process: how its line is split, what it may print, and how it is bounded.
 * The programs are real ones. */
#include "../../src/aws/providers.h"

#include "credentials_fixture.h"

#include <signal.h>

static void expect_words(const char *command, const char *const *words)
{
    char copy[256], *argv[8];
    snprintf(copy, sizeof copy, "%s", command);
    int count = process_split(copy, argv, COUNT_OF(argv));
    int wanted = 0;
    while (words[wanted])
        wanted++;
    assert_int_equal(count, wanted);
    for (int i = 0; i < count; i++)
        assert_string_equal(argv[i], words[i]);
    assert_null(argv[count]);
}

static void words_are_split_as_a_shell_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *words[8];
    } cases[] = {
        {"/bin/x", {"/bin/x"}},
        {"  /bin/x\t--user  helen ", {"/bin/x", "--user", "helen"}},
        {"\"/opt/my programs/x\" a\"b c\"d", {"/opt/my programs/x", "ab cd"}},
        {"x '' \"\" 'a \"b\"'", {"x", "", "", "a \"b\""}},
        {"x \"a\\\"b\\\\c\\d\"", {"x", "a\"b\\c\\d"}},
        {"x a\\ b '\\n' $HOME ~ *", {"x", "a b", "\\n", "$HOME", "~", "*"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect_words(cases[i].command, cases[i].words);
}

static void a_line_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "  ", "x \"a", "x 'a", "x '", "x \\", "\"", "x \"a'"};
    char copy[64], *argv[4];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        snprintf(copy, sizeof copy, "%s", bad[i]);
        assert_int_equal(process_split(copy, argv, COUNT_OF(argv)), ERR_PARSE);
    }
    snprintf(copy, sizeof copy, "a b c d");
    assert_int_equal(process_split(copy, argv, COUNT_OF(argv)), ERR_LIMIT);
}

/* A profile whose credential_process runs this shell script. */
static void script(struct world *w, const char *text)
{
    char path[128], config[256];
    snprintf(path, sizeof path, "%s/my program", w->dir);
    write_text(path, text);
    snprintf(config, sizeof config,
             "[default]\ncredential_process = /bin/sh \"%s\" an\\ argument\n", path);
    write_text(w->config, config);
    make_chain(w, NULL, false);
}

static void what_it_prints_are_the_credentials(void **state)
{
    struct world *w = *state;
    script(w, "test \"$1\" = 'an argument' || exit 9\n"
              "echo '{\"Version\":1,\"AccessKeyId\":\"PROCID\",\"SecretAccessKey\":\"s\",'\n"
              "echo '\"SessionToken\":\"t\",\"Expiration\":\"2026-01-01T01:00:00Z\"}'\n");
    assert_int_equal(get(w), OK);
    assert_string_equal(w->id, "PROCID");
    assert_string_equal(w->provider, "process");
    assert_int_equal(w->expires_s, NOW_S + 3600);
    assert_true(w->has_token);
    assert_true(credentials_configured(NULL));
}

static void a_program_that_fails_says_why_on_standard_error(void **state)
{
    struct world *w = *state;
    script(w, "echo '{\"SecretAccessKey\":\"VERYSECRET\"}'; echo 'log in\nfirst' >&2; exit 3\n");
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "ended with status 3: log in first");
    assert_null(strstr(w->text, "VERYSECRET"));
    script(w, "kill -9 $$\n");
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "signal 9");
}

static void what_is_no_answer_is_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *part;
        int code;
    } cases[] = {
        {"true\n", "not the JSON", ERR_PARSE},
        {"echo '{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}'\n", "no Version 1", ERR_VERSION},
        {"echo '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}'\n", "no Version 1",
         ERR_VERSION},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'\n", "no SecretAccessKey", ERR_PARSE},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
         "\"Expiration\":\"soon\"}'\n",
         "not a time", ERR_PARSE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        script(w, cases[i].text);
        assert_int_equal(get(w), cases[i].code);
        expect_text(w, cases[i].part);
    }
    write_text(w->config, "[default]\ncredential_process = /nonexistent/program --x\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "/nonexistent/program");
    write_text(w->config, "[default]\ncredential_process = 'x\n");
    make_chain(w, NULL, false);
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "a quote without its end");
}

static void output_is_bounded(void **state)
{
    struct world *w = *state;
    script(w, "while :; do echo 0123456789012345678901234567890123456789; done\n");
    assert_int_equal(get(w), ERR_CREDENTIALS);
    expect_text(w, "more than 64 KiB");
}

static void complaints_are_cut_and_do_not_stop_it(void **state)
{
    struct world *w = *state;
    script(w, "i=0; while [ $i -lt 3000 ]; do echo 01234567890123456789012345678901234567 >&2;\n"
              "i=$((i+1)); done\n"
              "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}'\n");
    assert_int_equal(get(w), OK);
    assert_int_equal(w->expires_s, 0);
}

static void it_is_killed_when_nobody_waits_any_more(void **state)
{
    struct world *w = *state;
    char text[600], pid_file[128];
    snprintf(pid_file, sizeof pid_file, "%s/pid", w->dir);
    snprintf(text, sizeof text, "echo $$ >'%s~'; mv '%s~' '%s'; while :; do sleep 0.1; done\n",
             pid_file, pid_file, pid_file);
    script(w, text);
    w->answers = 0;
    credential_chain_get(w->chain, on_answer, w);
    FILE *file = NULL;
    while (!(file = fopen(pid_file, "r")))
        (void)loop_turn(w->loop, false);
    int pid = 0;
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    assert_int_equal(fclose(file), 0);
    credential_chain_free(w->chain);
    w->chain = NULL;
    assert_int_equal(w->answers, 0);
    for (bool gone = false; !gone;) { /* gone, or a zombie of ours */
        char path[64], line[256] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        file = fopen(path, "r");
        gone = !file || !fgets(line, sizeof line, file) || strstr(line, ") Z ");
        if (file) assert_int_equal(fclose(file), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_as_a_shell_quotes),
        cmocka_unit_test(a_line_that_is_none_is_refused),
        TEST(what_it_prints_are_the_credentials),
        TEST(a_program_that_fails_says_why_on_standard_error),
        TEST(what_is_no_answer_is_named),
        TEST(output_is_bounded),
        TEST(complaints_are_cut_and_do_not_stop_it),
        TEST(it_is_killed_when_nobody_waits_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
