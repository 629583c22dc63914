/* app/test.c - `moontide test [PATH...]`: runs policy tests.
 *
 *   paths -> files -> workers -> book -> printer, TAP, JUnit, coverage -> exit
 *
 * Exit 0; 1 when something could not be loaded (a test file, moontide.lua, wrong usage); 2 when a
 * test failed, there was none, or coverage is below the threshold. */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/tests.h"
#include "moontide/base/fs.h"
#include "moontide/base/log.h"
#include "moontide/base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MOST = 64, LOAD_ERROR = 1, FAILED = 2 };

struct testing {
    const struct arguments *arguments;
    struct config *config;
    struct test_settings settings;
    regex_t only;
    bool has_only, tap, bench, watch, allow_empty;
    const char *junit;
    double threshold; /* negative: none */
};

/* ---- options ---- */

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "moontide test: %s: %s\n", what, value);
    return LOAD_ERROR;
}

static int read_regex(struct testing *t)
{
    const char *text = arguments_value(t->arguments, "r");
    if (!text) return 0;
    int problem = regcomp(&t->only, text, REG_EXTENDED | REG_NOSUB);
    if (problem) {
        char words[256];
        regerror(problem, &t->only, words, sizeof words);
        fprintf(stderr, "moontide test: -r '%s': %s\n", text, words);
        return LOAD_ERROR;
    }
    t->has_only = true;
    t->settings.only = &t->only;
    return 0;
}

static int read_numbers(struct testing *t)
{
    const char *threshold = arguments_value(t->arguments, "threshold");
    const char *jobs = arguments_value(t->arguments, "j");
    char *end;
    t->threshold = -1;
    t->settings.jobs = 1;
    if (threshold) {
        t->threshold = strtod(threshold, &end);
        if (end == threshold || *end || !(t->threshold >= 0 && t->threshold <= 100))
            return wrong("--threshold is a percentage from 0 to 100, not", threshold);
        t->settings.coverage = true;
    }
    if (!jobs) return 0;
    long count = strtol(jobs, &end, 10);
    if (end == jobs || *end || count < 1 || count > JOBS_MOST)
        return wrong("-j is a number of processes from 1 to 64, not", jobs);
    t->settings.jobs = (int)count;
    return 0;
}

static int read_options(struct testing *t)
{
    const char *ci = getenv("CI");
    t->settings.verbose = arguments_flag(t->arguments, "v");
    t->settings.coverage = arguments_flag(t->arguments, "coverage");
    t->settings.update = arguments_flag(t->arguments, "update");
    t->settings.ci = ci && *ci && strcmp(ci, "false") != 0;
    t->tap = arguments_flag(t->arguments, "tap");
    t->bench = arguments_flag(t->arguments, "bench");
    t->watch = arguments_flag(t->arguments, "watch");
    t->junit = arguments_value(t->arguments, "junit");
    t->allow_empty = arguments_flag(t->arguments, "allow-empty");
    t->settings.color = !t->tap && terminal_color(STDOUT_FILENO);
    if (t->allow_empty && arguments_flag(t->arguments, "fail-on-empty"))
        return wrong("only one of", "--fail-on-empty and --allow-empty");
    int status = read_numbers(t);
    return status ? status : read_regex(t);
}

/* ---- the project and its files ---- */

static int open_project(struct testing *t)
{
    const char *dir = arguments_value(t->arguments, "dir");
    char *found = NULL;
    struct faults faults;
    if (!dir && t->arguments->operand_count > 0) found = test_project(t->arguments->operands[0]);
    if (!dir) dir = found ? found : ".";
    faults_init(&faults);
    int code = config_load(dir, &t->config, &faults);
    if (code < 0) print_faults(&faults);
    faults_done(&faults);
    free(found);
    t->settings.config = t->config;
    return code < 0 ? LOAD_ERROR : 0;
}

static int find_files(const struct testing *t, struct test_book *book)
{
    struct fault fault = {0};
    int code = OK;
    if (t->arguments->operand_count == 0) {
        char *tests = fs_join(t->config->policies_dir, "tests");
        code = tests ? test_find(book, tests, &fault) : ERR_NOMEM;
        if (code == ERR_NOT_FOUND) {
            free(tests);
            return 0; /* no test at all, which is said */
        }
        free(tests);
    }
    for (size_t i = 0; i < t->arguments->operand_count && code == OK; i++)
        code = test_find(book, t->arguments->operands[i], &fault);
    if (code < 0) print_fault(&fault);
    return code < 0 ? LOAD_ERROR : 0;
}

/* ---- one round ---- */

static int judge(const struct testing *t, const struct test_book *book, size_t below)
{
    size_t ran = book->passed + book->failed + book->pending;
    if (book->out_of_memory) {
        fputs("moontide test: out of memory\n", stderr);
        return LOAD_ERROR;
    }
    if (book->broken) return LOAD_ERROR;
    if (book->failed || below) return FAILED;
    if (ran > 0 || t->allow_empty) return 0;
    if (t->has_only)
        fprintf(stderr, "moontide test: no test matches -r '%s'\n",
                arguments_value(t->arguments, "r"));
    else
        fprintf(stderr, "moontide test: there is no test%s (--allow-empty makes that no failure)\n",
                book->count ? "" : ": tests are in policies/tests/*.lua");
    return FAILED;
}

static int show_all(const struct testing *t, const struct test_book *book,
                    struct test_printer *printer, const struct cover *cover, size_t *below)
{
    struct fault fault;
    FILE *tables = t->tap ? stderr : stdout;
    if (t->tap) test_print_tap(book, stdout);
    if (t->bench) test_print_bench(book, tables);
    if (cover) *below = test_cover_print(cover, t->threshold, tables, t->settings.color);
    if (t->tap) printer->out = stderr;
    test_print_end(printer);
    fflush(stdout);
    if (!t->junit || test_write_junit(book, t->junit, &fault) == OK) return 0;
    print_fault(&fault);
    return LOAD_ERROR;
}

static int run_round(const struct testing *t, struct test_book *book)
{
    struct cover *cover = NULL;
    struct fault fault = {0};
    struct test_printer printer = {.out = stdout,
                                   .color = t->settings.color,
                                   .verbose = t->settings.verbose,
                                   .progress = isatty(STDERR_FILENO) && !t->tap,
                                   .book = book,
                                   .begun_us = test_now_us()};
    size_t below = 0;
    if (!t->tap) {
        book->record = test_print_record;
        book->file = test_print_file;
    }
    book->moved = test_print_moved;
    book->data = &printer;
    int code = t->settings.coverage ? cover_new(&cover) : OK;
    if (code == OK && cover) test_cover_sources(cover, t->config);
    if (code == OK) code = test_workers_run(&t->settings, book, cover, &fault);
    int status = LOAD_ERROR;
    if (code < 0) {
        if (!fault.text[0]) fault_set(&fault, code, "%s", err_text(code));
        print_fault(&fault);
    } else {
        status = show_all(t, book, &printer, cover, &below);
        if (status == 0) status = judge(t, book, below);
    }
    cover_free(cover);
    book->data = NULL; /* the printer is gone */
    return status;
}

/* The configuration is read again with each round, too. */
static int watch_rounds(struct testing *t)
{
    int status = 0;
    for (bool go_on = true; go_on;) {
        struct test_book book = {0};
        struct test_watch *watch = NULL;
        status = find_files(t, &book);
        if (test_watch_new(t->config, &book, &watch) < 0) {
            fputs("moontide test: nothing can be watched here\n", stderr);
            test_book_done(&book);
            return LOAD_ERROR;
        }
        if (status == 0) status = run_round(t, &book);
        fputs("waiting for the next save (Ctrl-C ends)\n", stderr);
        go_on = test_watch_wait(watch);
        test_watch_free(watch);
        test_book_done(&book);
        if (!go_on) break;
        config_free(t->config);
        t->config = NULL;
        go_on = open_project(t) == 0;
    }
    return status;
}

int command_test(const struct arguments *arguments)
{
    struct testing t = {.arguments = arguments};
    int status = read_options(&t);
    if (status == 0) status = open_project(&t);
    log_open(stderr, t.settings.verbose ? LOG_WARN : LOG_OFF, LOG_TEXT,
             terminal_color(STDERR_FILENO), NULL);
    if (status == 0 && t.watch) {
        status = watch_rounds(&t);
    } else if (status == 0) {
        struct test_book book = {0};
        status = find_files(&t, &book);
        if (status == 0) status = run_round(&t, &book);
        test_book_done(&book);
    }
    if (t.has_only) regfree(&t.only);
    config_free(t.config);
    return status;
}
