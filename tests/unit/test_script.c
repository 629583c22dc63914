/* Facts about scripts, `eval` and the lines of the REPL. */
#include "moontide/bind/config.h"
#include "unit/script_fixture.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static void an_expression_is_echoed(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(fixture_echo(f, "1 + 1"), "2\n");
    assert_string_equal(fixture_echo(f, "'a', nil, {x = 1}"), "\"a\"\tnil\t{ x = 1 }\n");
    assert_string_equal(fixture_echo(f, "return 7"), "7\n");
}

static void a_statement_is_not_echoed_and_its_globals_stay(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(fixture_echo(f, "x = 41"), "");
    assert_string_equal(fixture_echo(f, "x + 1"), "42\n");
    assert_string_equal(fixture_echo(f, ""), "");
    assert_string_equal(fixture_echo(f, "-- nothing"), "");
}

static void print_goes_where_the_echo_goes(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(fixture_echo(f, "print('a', 1)"), "a\t1\n");
}

static void what_lacks_its_end_is_incomplete(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"if true then", "x = ",     "f(1,",   "function g()",
                                        "[[ text",      "return {", "{ 1, 2", "1 +"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        bool incomplete = false;
        int code = script_run_text(f->script, texts[i], strlen(texts[i]), "=stdin", true,
                                   &incomplete, fixture_done, f);
        if (code != ERR_PARSE || !incomplete) fail_msg("'%s' counts as whole", texts[i]);
    }
    assert_false(f->done);
}

static void what_is_wrong_is_not_incomplete(void **state)
{
    struct fixture *f = *state;
    assert_contains(fixture_error(f, "x = = 1"), "stdin:1: unexpected symbol near '='");
    assert_contains(fixture_error(f, "# nothing"), "stdin:1:");
}

static void an_error_has_its_line_and_a_traceback(void **state)
{
    struct fixture *f = *state;
    const char *error =
        fixture_error(f, "local function inner()\n error('it broke')\nend\ninner()");
    assert_contains(error, "stdin:2: it broke");
    assert_contains(error, "stack traceback:");
    assert_contains(error, "stdin:4: in main chunk");
}

static void the_state_goes_on_after_an_error(void **state)
{
    struct fixture *f = *state;
    fixture_error(f, "y = 5; error({})");
    assert_string_equal(fixture_echo(f, "y"), "5\n");
}

static void an_error_object_is_one_line(void **state)
{
    struct fixture *f = *state;
    const char *error = fixture_error(f, "http.get('http://127.0.0.1:1/')");
    const char *end = strchr(error, '\n');
    assert_contains(error, "http.get: ");
    if (end) assert_memory_equal(end, "\nstack traceback", 16);
}

static void calls_that_wait_are_straight_code(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(fixture_echo(f, "async.sleep(0.001) return 'woken'"), "\"woken\"\n");
    assert_string_equal(
        fixture_echo(f, "local ok, v = pcall(function() async.sleep(0) return 3 end) return ok, v"),
        "true\t3\n");
}

static void one_piece_of_code_runs_at_a_time(void **state)
{
    struct fixture *f = *state;
    bool incomplete;
    const char *text = "async.sleep(0.01)";
    fixture_begin(f);
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    assert_false(f->done);
    assert_int_equal(
        script_run_text(f->script, "1", 1, "=stdin", true, &incomplete, fixture_done, f), ERR_BUSY);
    fixture_wait(f);
    assert_int_equal(f->code, OK);
}

static void interrupting_ends_a_waiting_call(void **state)
{
    struct fixture *f = *state;
    bool incomplete;
    const char *text = "pcall(async.sleep, 3600) return 'swallowed'";
    fixture_begin(f);
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    assert_false(f->done);
    script_interrupt(f->script);
    fixture_wait(f);
    assert_int_equal(f->code, ERR_CANCELED);
    assert_contains(f->error, "interrupted");
    assert_string_equal(fixture_echo(f, "'and goes on'"), "\"and goes on\"\n");
}

static struct script *signaled;

static void on_alarm(int number)
{
    (void)number;
    script_signal(signaled);
}

static void a_signal_interrupts_running_lua(void **state)
{
    struct fixture *f = *state;
    signaled = f->script;
    struct sigaction action = {.sa_handler = on_alarm};
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval soon = {.it_value.tv_usec = 20000, .it_interval.tv_usec = 20000};
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    const char *error =
        fixture_error(f, "while true do pcall(function() while true do end end) end");
    struct itimerval never = {0};
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_contains(error, "interrupted");
    assert_int_equal(f->code, ERR_CANCELED);
    assert_string_equal(fixture_echo(f, "'and goes on'"), "\"and goes on\"\n");
}

static void exit_status(struct fixture *f, const char *text, int status)
{
    fixture_run(f, text);
    if (f->code != OK) fail_msg("%s: %s", text, f->error);
    assert_int_equal(f->exit_status, status);
}

static void os_exit_ends_the_code_and_not_the_process(void **state)
{
    struct fixture *f = *state;
    exit_status(f, "os.exit(3) print('not reached')", 3);
    assert_string_equal(strbuf_cstr(&f->out), "");
    exit_status(f, "os.exit()", 0);
    exit_status(f, "os.exit(false)", 1);
    exit_status(f, "pcall(os.exit, 4) print('not reached')", 4);
    assert_string_equal(strbuf_cstr(&f->out), "");
    exit_status(f, "async.all { function() os.exit(5) end, function() async.sleep(3600) end }", 5);
    exit_status(f, "1", -1);
}

static void os_exit_works_where_nothing_may_wait(void **state)
{
    struct fixture *f = *state;
    exit_status(f, "while true do pcall(table.sort, {3, 2, 1}, function() os.exit(6) end) end", 6);
    exit_status(f, "1", -1);
}

struct file {
    char path[64];
};

static struct file file_with(const char *text)
{
    struct file file = {"/tmp/moontide-script-XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return file;
}

static void run_file(struct fixture *f, const struct file *file, char *const *args, size_t count)
{
    struct fault fault;
    fixture_begin(f);
    assert_int_equal(script_run_file(f->script, file->path, args, count, fixture_done, f, &fault),
                     OK);
    fixture_wait(f);
    unlink(file->path);
}

static void a_file_has_its_arguments(void **state)
{
    struct fixture *f = *state;
    char one[] = "one", two[] = "2";
    char *const args[] = {one, two};
    struct file file =
        file_with("#!/usr/bin/env moontide\nprint(..., #arg, arg[2], arg[0] ~= nil)\n"
                  "async.sleep(0)\nos.exit(#arg + 5)\n");
    run_file(f, &file, args, 2);
    assert_int_equal(f->code, OK);
    assert_int_equal(f->exit_status, 7);
    assert_string_equal(strbuf_cstr(&f->out), "one\t2\t2\ttrue\n");
}

static void the_first_line_is_skipped_and_still_counts(void **state)
{
    struct fixture *f = *state;
    struct file file = file_with("#!/usr/bin/env moontide\nerror('second line')\n");
    run_file(f, &file, NULL, 0);
    assert_int_equal(f->code, ERR_LUA);
    assert_contains(f->error, ":2: second line");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct fixture *f = *state;
    struct fault fault;
    assert_int_equal(script_run_file(f->script, "/nowhere/x.lua", NULL, 0, fixture_done, f, &fault),
                     ERR_NOT_FOUND);
    assert_contains(fault.text, "/nowhere/x.lua");
    assert_false(f->done);
}

static void modules_are_globals_and_can_be_required(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"json", "async", "stats",   "http",
                                        "log",  "time",  "journal", "cloudwatch"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char text[128];
        snprintf(text, sizeof text, "%s ~= nil and require('%s') == %s", names[i], names[i],
                 names[i]);
        if (strcmp(fixture_echo(f, text), "true\n") != 0) fail_msg("%s is no module", names[i]);
    }
    assert_string_equal(fixture_echo(f, "type(config), type(io.popen), type(debug.traceback)"),
                        "\"table\"\t\"function\"\t\"function\"\n");
}

static void a_module_of_the_project_may_wait(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/tmp/moontide-project-XXXXXX", lib[64], module[80], command[96],
         json[] = "{\"x\":5}";
    assert_non_null(mkdtemp(dir));
    snprintf(lib, sizeof lib, "%s/lib", dir);
    snprintf(module, sizeof module, "%s/waits.lua", lib);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(mkdir(lib, 0700), 0);
    FILE *stream = fopen(module, "w");
    assert_non_null(stream);
    fputs("async.sleep(0)\nreturn { answer = 42, name = ... }\n", stream);
    fclose(stream);

    struct config config = {.dir = dir, .policies_dir = dir, .json = json};
    script_free(f->script);
    f->host.config = &config;
    struct script_options options = {.host = &f->host, .print = fixture_print, .data = &f->out};
    assert_int_equal(script_new(&options, &f->script), OK);
    assert_string_equal(fixture_echo(f, "require('lib.waits').answer, require('lib.waits').name"),
                        "42\t\"lib.waits\"\n");
    assert_string_equal(fixture_echo(f, "config.x"), "5\n");
    assert_contains(fixture_error(f, "require 'lib.none'"), "lib.none");
    assert_int_equal(system(command), 0);
    script_free(f->script);
    f->script = NULL;
}

static void a_coroutine_of_ones_own_does_not_swallow_a_wait(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(
        fixture_echo(f, "local co = coroutine.wrap(function()\n"
                        "  async.sleep(0.001) coroutine.yield('one') async.sleep(0) return 'two'\n"
                        "end) return co(), co()"),
        "\"one\"\t\"two\"\n");
}

static void a_state_can_be_freed_while_a_call_waits(void **state)
{
    struct fixture *f = *state;
    bool incomplete;
    const char *text = "async.sleep(3600)";
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    assert_false(f->done); /* the teardown frees it, and nobody is called */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(an_expression_is_echoed),
        script_test(a_statement_is_not_echoed_and_its_globals_stay),
        script_test(print_goes_where_the_echo_goes),
        script_test(what_lacks_its_end_is_incomplete),
        script_test(what_is_wrong_is_not_incomplete),
        script_test(an_error_has_its_line_and_a_traceback),
        script_test(the_state_goes_on_after_an_error),
        script_test(an_error_object_is_one_line),
        script_test(calls_that_wait_are_straight_code),
        script_test(one_piece_of_code_runs_at_a_time),
        script_test(interrupting_ends_a_waiting_call),
        script_test(a_signal_interrupts_running_lua),
        script_test(os_exit_ends_the_code_and_not_the_process),
        script_test(os_exit_works_where_nothing_may_wait),
        script_test(a_file_has_its_arguments),
        script_test(the_first_line_is_skipped_and_still_counts),
        script_test(a_file_that_is_not_there_is_named),
        script_test(modules_are_globals_and_can_be_required),
        script_test(a_module_of_the_project_may_wait),
        script_test(a_coroutine_of_ones_own_does_not_swallow_a_wait),
        script_test(a_state_can_be_freed_while_a_call_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
