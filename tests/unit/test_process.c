/* Facts about programs that are run: what they get, what is kept of them, and how they are ended.
 */
#include "moontide/base/clock.h"
#include "moontide/io/loop.h"
#include "moontide/io/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lab {
    struct loop *loop;
    struct process *process;
    bool ended;
    struct process_result result;
    char output[PROCESS_OUTPUT_MAX + 1], complaint[PROCESS_COMPLAINT_MAX + 1];
};

static int open_lab(void **state)
{
    struct lab *lab = calloc(1, sizeof *lab);
    assert_non_null(lab);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(loop_new(&lab->loop), OK);
    *state = lab;
    return 0;
}

static int close_lab(void **state)
{
    struct lab *lab = *state;
    int left = loop_free(lab->loop);
    free(lab);
    return left;
}

static void on_end(void *data, const struct process_result *result)
{
    struct lab *lab = data;
    assert_false(lab->ended);
    lab->ended = true;
    lab->process = NULL;
    lab->result = *result;
    memcpy(lab->output, result->output, result->output_len + 1);
    memcpy(lab->complaint, result->complaint, result->complaint_len + 1);
}

static int begin(struct lab *lab, const char *script, const char *input, int64_t timeout_ms)
{
    char shell[] = "/bin/sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin", own[] = "OWN=1";
    char *text = strdup(script);
    char *const argv[] = {shell, option, text, NULL}, *const environment[] = {path, own, NULL};
    struct fault fault;
    const struct process_options options = {.argv = argv,
                                            .environment = environment,
                                            .input = input,
                                            .input_len = input ? strlen(input) : 0,
                                            .timeout_ms = timeout_ms};
    lab->ended = false;
    int code = process_run(lab->loop, &options, on_end, lab, &lab->process, &fault);
    assert_false(lab->ended);
    free(text);
    return code;
}

static void run(struct lab *lab, const char *script, const char *input, int64_t timeout_ms)
{
    assert_int_equal(begin(lab, script, input, timeout_ms), OK);
    while (!lab->ended)
        (void)loop_turn(lab->loop, true);
}

static void it_gets_its_input_and_nothing_else_of_the_environment(void **state)
{
    struct lab *lab = *state;
    run(lab, "cat; echo \"$OWN$HOME\" >&2; exit 7", "words", 60000);
    assert_string_equal(lab->output, "words");
    assert_string_equal(lab->complaint, "1\n");
    assert_int_equal(lab->result.status, 7);
    assert_int_equal(lab->result.signal, 0);
    assert_false(lab->result.timed_out);
}

static void output_past_its_bound_is_dropped(void **state)
{
    struct lab *lab = *state;
    run(lab, "head -c 300000 /dev/zero | tr '\\0' x; head -c 9000 /dev/zero | tr '\\0' y >&2", NULL,
        60000);
    assert_int_equal(lab->result.output_len, PROCESS_OUTPUT_MAX);
    assert_int_equal(lab->result.complaint_len, PROCESS_COMPLAINT_MAX);
    assert_int_equal(lab->result.status, 0);
}

static void one_that_does_not_read_is_no_failure(void **state)
{
    struct lab *lab = *state;
    char *input = malloc(1000001);
    assert_non_null(input);
    memset(input, 'x', 1000000);
    input[1000000] = '\0';
    run(lab, "exec 0<&-; echo ok", input, 60000);
    free(input);
    assert_string_equal(lab->output, "ok\n");
}

static void a_late_one_is_killed(void **state)
{
    struct lab *lab = *state;
    run(lab, "sleep 600", NULL, 50);
    assert_true(lab->result.timed_out);
    assert_int_equal(lab->result.signal, SIGKILL);
    assert_int_equal(lab->result.status, -1);
}

static void what_it_leaves_behind_is_not_waited_for_longer(void **state)
{
    struct lab *lab = *state;
    run(lab, "sleep 5 & echo here", NULL, 300);
    assert_false(lab->result.timed_out);
    assert_int_equal(lab->result.status, 0);
    assert_string_equal(lab->output, "here\n");
}

static void a_canceled_one_is_not_told(void **state)
{
    struct lab *lab = *state;
    assert_int_equal(begin(lab, "sleep 600", NULL, 60000), OK);
    process_cancel(lab->process);
    while (loop_turn(lab->loop, true))
        ;
    assert_false(lab->ended);
}

static void what_cannot_be_run_says_so(void **state)
{
    struct lab *lab = *state;
    char name[] = "/nonexistent/program";
    char *const argv[] = {name, NULL}, *const environment[] = {NULL};
    struct fault fault;
    const struct process_options options = {
        .argv = argv, .environment = environment, .timeout_ms = 1000};
    int code = process_run(lab->loop, &options, on_end, lab, &lab->process, &fault);
    assert_int_equal(code, ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, name));
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)

int main(void)
{
    const struct CMUnitTest facts[] = {
        FACT(it_gets_its_input_and_nothing_else_of_the_environment),
        FACT(output_past_its_bound_is_dropped),
        FACT(one_that_does_not_read_is_no_failure),
        FACT(a_late_one_is_killed),
        FACT(what_it_leaves_behind_is_not_waited_for_longer),
        FACT(a_canceled_one_is_not_told),
        FACT(what_cannot_be_run_says_so),
    };
    return cmocka_run_group_tests(facts, NULL, NULL);
}
