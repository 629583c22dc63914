/* app/tests.h - what the files of `moontide test` share: the results, and who shows them.
 *
 *   test.c          the command: options, one round, exit
 *   test_find.c     which files
 *   test_workers.c  one process, or several, each with a share of the files
 *   test_book.c     all results, in the order of the files, however they come
 *   test_print.c    for people      test_tap.c, test_junit.c   for programs
 *   test_cover.c    lines that ran  test_watch.c               again on each save */
#ifndef MOONTIDE_APP_TESTS_H
#define MOONTIDE_APP_TESTS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/bind/config.h"
#include "moontide/bind/cover.h"
#include "moontide/bind/ptest.h"

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>

/* A result that lasts: every text is its own. */
struct test_record {
    char *name, *message, *at_file, *source, *traceback, *output;
    int line, at_line;
    enum ptest_status status;
    int64_t elapsed_us;
};

struct test_file {
    char *path, *shown;
    struct test_record *records; /* shape: [count] */
    size_t count, cap;
    size_t tests;       /* that it has */
    size_t shown_count; /* records that were shown already */
    bool over, focused;
    struct fault *fault; /* it did not load; NULL: it did */
    char *traceback;
};

/* All of one round. */
struct test_book {
    struct test_file *files; /* shape: [count] */
    size_t count, cap;
    size_t next; /* the first file that is not over */
    size_t passed, failed, pending, broken;
    bool out_of_memory;
    /* Who is told, in the order of the files; NULL: nobody. */
    void (*record)(void *data, const struct test_file *file, const struct test_record *record);
    void (*file)(void *data, const struct test_file *file); /* it is over */
    void (*moved)(void *data);                              /* something came in */
    void *data;
};
void test_book_done(struct test_book *book);
/* Takes copies. */
void test_book_file(struct test_book *book, const char *path, const char *shown);
void test_book_add(struct test_book *book, size_t file, const struct ptest_result *result);
void test_book_end(struct test_book *book, size_t file, const struct ptest_file *end, int code,
                   const struct fault *fault);

/* test_find.c: the directory of the project that a path belongs to, malloc'ed. */
char *test_project(const char *path);
/* The *.lua of a file or directory, sorted; directories called fixtures, snapshots and lib are left
 * out. ERR_NOT_FOUND. */
MUST_CHECK int test_find(struct test_book *book, const char *path, struct fault *fault);

struct test_settings {
    const struct config *config;
    const regex_t *only; /* NULL: all */
    bool color, coverage, update, ci, verbose;
    int jobs;
};
/* test_workers.c: runs all files of the book. cover (may be NULL) takes what the workers covered.
 */
MUST_CHECK int test_workers_run(const struct test_settings *settings, struct test_book *book,
                                struct cover *cover, struct fault *fault);

/* test_print.c */
struct test_printer {
    FILE *out;
    bool color, verbose, progress, drawn;
    const struct test_book *book;
    int64_t begun_us;
    int64_t drawn_us;
};
void test_print_record(void *printer, const struct test_file *file,
                       const struct test_record *record);
void test_print_file(void *printer, const struct test_file *file);
void test_print_moved(void *printer);
void test_print_end(struct test_printer *printer);
void test_print_bench(const struct test_book *book, FILE *out);
int64_t test_now_us(void);
/* A text without the sequences of colour; malloc'ed. */
char *test_plain(const char *text);

/* test_tap.c, test_junit.c */
void test_print_tap(const struct test_book *book, FILE *out);
MUST_CHECK int test_write_junit(const struct test_book *book, const char *path,
                                struct fault *fault);

/* test_cover.c: the sources of the project's policies into cover; the table. Answers how many are
 * below the threshold (percent; negative: none is asked). */
void test_cover_sources(struct cover *cover, const struct config *config);
size_t test_cover_print(const struct cover *cover, double threshold, FILE *out, bool color);

/* test_watch.c: waits until something in the project's policies and tests is saved. False: it
 * cannot be watched, or it was interrupted. */
struct test_watch;
MUST_CHECK int test_watch_new(const struct config *config, const struct test_book *book,
                              struct test_watch **out);
bool test_watch_wait(struct test_watch *watch);
void test_watch_free(struct test_watch *watch);

#endif
