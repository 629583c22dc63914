/* Facts about the store when the process or the disk ends in the middle of a write.
 *
 * A child process writes batches of ENTRIES journal entries, each with the batch's number, and a
 * memo with the same number, and tells each that is done through a pipe. However it ends, the file
 * must open at once, hold every batch that was told, and no part of any other. */
#include "moontide/base/err.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "support/store_files.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ENTRIES = 40, BATCHES_MAX = 4000 };

struct child {
    struct store *store;
    int tell; /* the pipe's end */
    int number;
};

static struct store_batch *numbered_batch(int number)
{
    struct store_batch *b;
    char json[512];
    if (store_batch_new("aws", number, &b) < 0) return NULL;
    int n = snprintf(json, sizeof json, "{\"n\":%d,\"pad\":\"", number);
    memset(json + n, 'x', 400);
    snprintf(json + n + 400, sizeof json - (size_t)n - 400, "\"}");
    for (int i = 0; i < ENTRIES; i++)
        store_batch_journal(b, &(struct journal_entry){.what = "w", .target = "t", .json = json});
    snprintf(json, sizeof json, "%d", number);
    store_batch_memo(b, "p", "t", json);
    return b;
}

/* Runs in the child, so it ends the process in place of failing the test. */
static void write_next(void *data, int code, const struct fault *fault)
{
    struct child *c = data;
    char mark = 'x';
    (void)fault;
    if (code < 0 || c->number > BATCHES_MAX) _exit(3);
    if (c->number > 0 && write(c->tell, &mark, 1) != 1) _exit(4);
    struct store_batch *b = numbered_batch(++c->number);
    if (!b || store_commit(c->store, b, write_next, c) < 0) _exit(5);
}

static void write_for_ever(const char *path, int tell)
{
    struct loop *loop;
    struct child c = {.tell = tell};
    if (loop_new(&loop) < 0 || store_open(loop, path, &c.store, NULL) < 0) _exit(2);
    write_next(&c, OK, NULL);
    loop_run(loop);
    _exit(6);
}

struct census {
    int entries, highest;
    int of_batch[BATCHES_MAX + 2];
};

static bool take_census(void *data, const struct journal_row *row)
{
    struct census *census = data;
    int number = (int)row->at_ms;
    if (number < 1 || number > BATCHES_MAX + 1) return false;
    census->entries++;
    census->of_batch[number]++;
    if (number > census->highest) census->highest = number;
    return true;
}

static void expect_whole_batches(struct store_files *f, int told)
{
    static struct census census;
    char memo[64];
    memset(&census, 0, sizeof census);
    struct store *s = open_store(f);
    struct journal_filter all = {.limit = UINT32_MAX};
    struct fault fault;
    assert_int_equal(store_each_journal(s, &all, take_census, &census, &fault), OK);
    assert_true(census.highest >= told);
    assert_int_equal(census.entries, census.highest * ENTRIES);
    for (int i = 1; i <= census.highest; i++)
        assert_int_equal(census.of_batch[i], ENTRIES);
    snprintf(memo, sizeof memo, "p/t=%d;", census.highest);
    assert_string_equal(read_memo(s, "aws"), census.highest ? memo : "");
    struct store_batch *b = numbered_batch(census.highest + 1);
    assert_int_equal(commit(f, s, b), OK); /* and it goes on */
    assert_int_equal(count_journal(s), census.entries + ENTRIES);
    store_close(s);
}

/* Reads marks until there are `wanted` or the child is gone; returns how many came. */
static int read_marks(int from, int wanted)
{
    int seen = 0;
    char c;
    while (seen < wanted) {
        ssize_t n = read(from, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        seen++;
    }
    return seen;
}

static void a_killed_process_leaves_whole_batches_and_a_file_that_opens(void **state)
{
    struct store_files *f = *state;
    static const int kill_after[] = {0, 1, 2, 5, 9, 14, 22, 35};
    for (size_t i = 0; i < COUNT_OF(kill_after); i++) {
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) write_for_ever(f->path, ends[1]);
        close(ends[1]);
        int told = read_marks(ends[0], kill_after[i]);
        assert_int_equal(told, kill_after[i]);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        told += read_marks(ends[0], BATCHES_MAX); /* those it told before it died */
        close(ends[0]);
        expect_whole_batches(f, told);
        store_files_clear(f);
    }
}

/* SIGXFSZ kills inside write(): the first byte past the limit. Each limit is another place in the
 * middle of a commit or of a checkpoint. */
static void a_process_that_dies_inside_a_write_leaves_whole_batches(void **state)
{
    struct store_files *f = *state;
    for (rlim_t limit = 90001; limit < 2000000; limit += 170123) {
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct rlimit none = {0, 0}, size = {limit, limit};
            setrlimit(RLIMIT_CORE, &none);
            if (setrlimit(RLIMIT_FSIZE, &size) < 0) _exit(1);
            write_for_ever(f->path, ends[1]);
        }
        close(ends[1]);
        int told = read_marks(ends[0], BATCHES_MAX);
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
        expect_whole_batches(f, told);
        store_files_clear(f);
    }
}

/* ---- a full disk ---- */

static void keep(void *data, int code, const struct fault *fault)
{
    (void)fault;
    *(int *)data = code;
}

static int commit_in_child(struct loop *loop, struct store *store, struct store_batch *b)
{
    int told = 1;
    if (!b || store_commit(store, b, keep, &told) < 0) _exit(20);
    loop_run(loop);
    return told;
}

/* Writes until it is told ERR_FULL, makes room, and writes again. The exit status says what went
 * wrong; 0: it went as it must, and `told` batches are in the file. */
static void write_until_full(const char *path, void (*make_room)(const char *), int tell)
{
    struct loop *loop;
    struct store *store;
    struct fault fault;
    if (loop_new(&loop) < 0 || store_open(loop, path, &store, &fault) < 0) _exit(10);
    int number = 0, code = OK;
    while (code == OK && number < BATCHES_MAX) {
        code = commit_in_child(loop, store, numbered_batch(number + 1));
        if (code == OK) number++;
    }
    if (code != ERR_FULL) _exit(11);
    if (number == 0) _exit(12);
    if (count_journal(store) != number * ENTRIES) _exit(13); /* nothing of the failed one */
    if (commit_in_child(loop, store, numbered_batch(number + 1)) != ERR_FULL) _exit(14);
    make_room(path);
    if (commit_in_child(loop, store, numbered_batch(number + 1)) != OK) _exit(15);
    if (count_journal(store) != (number + 1) * ENTRIES) _exit(16);
    store_close(store);
    if (loop_free(loop) != 0) _exit(17);
    if (store_open(NULL, path, &store, &fault) < 0) _exit(18);
    if (count_journal(store) != (number + 1) * ENTRIES) _exit(19);
    store_close(store);
    if (write(tell, "x", 1) != 1) _exit(21);
}

static void lift_the_limit(const char *path)
{
    (void)path;
    struct rlimit size;
    if (getrlimit(RLIMIT_FSIZE, &size) < 0) _exit(30);
    size.rlim_cur = size.rlim_max;
    if (setrlimit(RLIMIT_FSIZE, &size) < 0) _exit(31);
}

static void a_file_that_may_not_grow_is_told_as_full_and_works_again_later(void **state)
{
    struct store_files *f = *state;
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit size;
        if (getrlimit(RLIMIT_FSIZE, &size) < 0) _exit(1);
        size.rlim_cur = 700000;
        signal(SIGXFSZ, SIG_IGN); /* then write() says EFBIG */
        if (setrlimit(RLIMIT_FSIZE, &size) < 0) _exit(1);
        write_until_full(f->path, lift_the_limit, ends[1]);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(status, 0);
    close_pipe(ends);
}

static void remount_larger(const char *path)
{
    char dir[96];
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=16m") < 0) _exit(32);
}

/* A file system of 512 KiB in a mount namespace of the child's own, which ends with it. */
static void a_full_disk_is_told_and_works_again_later(void **state)
{
    struct store_files *f = *state;
    int ends[2], status;
    enum { NO_MOUNT = 77 };
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", f->dir, "tmpfs", 0, "size=512k") < 0)
            _exit(NO_MOUNT);
        write_until_full(f->path, remount_larger, ends[1]);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close_pipe(ends);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT) {
        print_message("skipped: a file system of its own needs root\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(status, 0);
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_killed_process_leaves_whole_batches_and_a_file_that_opens),
        STORE_TEST(a_process_that_dies_inside_a_write_leaves_whole_batches),
        STORE_TEST(a_file_that_may_not_grow_is_told_as_full_and_works_again_later),
        STORE_TEST(a_full_disk_is_told_and_works_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
