/* Facts about reading and writing small files. */
#include "moontide/base/fs.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char dir[64], file[80], other[80];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p) return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/moontide-XXXXXX");
    if (!mkdtemp(p->dir)) return -1;
    snprintf(p->file, sizeof p->file, "%s/file", p->dir);
    snprintf(p->other, sizeof p->other, "%s/other", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    remove(p->file);
    remove(p->other);
    int rc = rmdir(p->dir); /* fails when a test left anything else */
    free(p);
    return rc;
}

static void what_is_written_is_read(void **state)
{
    struct place *p = *state;
    char *out;
    size_t len;
    static const size_t sizes[] = {0, 1, 4096, 100000};
    char *bytes = calloc(1, 100000);
    assert_non_null(bytes);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        memset(bytes, (int)i + 1, sizes[i]);
        assert_int_equal(fs_write_file(p->file, bytes, sizes[i], 0640, NULL), OK);
        assert_int_equal(fs_read_file(p->file, 100000, &out, &len, NULL), OK);
        assert_int_equal(len, sizes[i]);
        assert_memory_equal(out, bytes, len);
        assert_int_equal(out[len], '\0');
        free(out);
    }
    free(bytes);
}

static void a_file_has_the_mode_that_was_asked_whatever_the_umask(void **state)
{
    struct place *p = *state;
    struct stat st;
    mode_t before = umask(0777);
    assert_int_equal(fs_write_file(p->file, "secret", 6, 0640, NULL), OK);
    umask(before);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_size, 6);
}

/* The names that this process would take next, left behind by one of the same id that died. */
static void what_a_crash_left_behind_is_neither_used_nor_in_the_way(void **state)
{
    enum { LEFT = 50, NUMBERS = 1000 };
    struct place *p = *state;
    char *out, tmp[128];
    size_t len;
    for (int i = 1; i <= NUMBERS; i += NUMBERS / LEFT) {
        snprintf(tmp, sizeof tmp, "%s.%ld-%d.tmp", p->file, (long)getpid(), i);
        FILE *left = fopen(tmp, "w");
        assert_non_null(left);
        fputs("crashed here", left);
        fclose(left);
    }
    for (int i = 0; i < NUMBERS; i++)
        assert_int_equal(fs_write_file(p->file, "x", 1, 0600, NULL), OK);
    for (int i = 1; i <= NUMBERS; i += NUMBERS / LEFT) {
        snprintf(tmp, sizeof tmp, "%s.%ld-%d.tmp", p->file, (long)getpid(), i);
        assert_int_equal(fs_read_file(tmp, 100, &out, &len, NULL), OK);
        assert_string_equal(out, "crashed here");
        free(out);
        remove(tmp);
    }
}

enum { WRITERS = 4, WRITES = 50, WRITTEN_BYTES = 20000 };

/* Writes the path over and over, each time one letter and another length. */
static int write_over_and_over(const char *path, int letter)
{
    static char bytes[WRITTEN_BYTES];
    int failures = 0;
    memset(bytes, letter, sizeof bytes);
    for (int i = 0; i < WRITES; i++)
        if (fs_write_file(path, bytes, sizeof bytes - (size_t)i, 0600, NULL) != OK) failures++;
    return failures;
}

static void many_writers_of_one_file_never_mix_and_never_fail(void **state)
{
    struct place *p = *state;
    pid_t writers[WRITERS];
    char *out;
    size_t len;
    assert_int_equal(fs_write_file(p->file, "a", 1, 0600, NULL), OK);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = fork();
        assert_true(writers[i] >= 0);
        if (writers[i] == 0) _exit(write_over_and_over(p->file, 'a' + i));
    }
    for (int left = WRITERS; left > 0;) {
        assert_int_equal(fs_read_file(p->file, WRITTEN_BYTES, &out, &len, NULL), OK);
        assert_true(len == 1 || len > WRITTEN_BYTES - WRITES);
        for (size_t at = 1; at < len; at++)
            assert_int_equal(out[at], out[0]);
        free(out);
        int status;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended <= 0) continue;
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        left--;
    }
}

static void a_write_that_fails_leaves_the_old_file(void **state)
{
    struct place *p = *state;
    struct fault fault;
    assert_int_equal(mkdir(p->file, 0700), 0); /* rename over a directory cannot work */
    assert_int_equal(fs_write_file(p->file, "x", 1, 0600, &fault), ERR_IO);
    assert_non_null(strstr(fault.text, p->file)); /* and the teardown sees that no .tmp stays */
    assert_int_equal(fs_write_file("/nonexistent/x", "x", 1, 0600, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "/nonexistent/x"));
}

static void a_file_past_the_limit_is_refused_with_both_sizes(void **state)
{
    struct place *p = *state;
    struct fault fault;
    char *out = NULL;
    size_t len;
    assert_int_equal(fs_write_file(p->file, "12345", 5, 0600, NULL), OK);
    assert_int_equal(fs_read_file(p->file, 5, &out, &len, &fault), OK);
    free(out);
    assert_int_equal(fs_read_file(p->file, 4, &out, &len, &fault), ERR_LIMIT);
    assert_non_null(strstr(fault.text, "5 bytes"));
    assert_non_null(strstr(fault.text, "limit is 4"));
    assert_non_null(strstr(fault.text, p->file));
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    struct place *p = *state;
    struct fault fault;
    char *out;
    size_t len;
    assert_int_equal(mkfifo(p->file, 0600), 0); /* nobody writes to it */
    assert_int_equal(fs_read_file(p->file, 10, &out, &len, &fault), ERR_INVALID);
    assert_int_equal(fs_read_file(p->dir, 10, &out, &len, &fault), ERR_INVALID);
    assert_int_equal(fs_read_file("/dev/zero", 10, &out, &len, &fault), ERR_INVALID);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct place *p = *state;
    struct fault fault;
    char *out;
    size_t len;
    assert_int_equal(fs_read_file(p->file, 10, &out, &len, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, p->file));
    assert_int_equal(fs_read_file("", 10, &out, &len, &fault), ERR_NOT_FOUND);
}

static void paths_are_joined_with_one_slash(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *name, *joined;
    } rows[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"},
        {"", "b", "b"},    {"a", "/b", "/b"},  {".", "b/c", "./b/c"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *joined = fs_join(rows[i].dir, rows[i].name);
        assert_string_equal(joined, rows[i].joined);
        free(joined);
    }
}

static void a_directory_is_made_once(void **state)
{
    struct place *p = *state;
    struct fault fault;
    struct stat st;
    assert_int_equal(fs_make_dir(p->other, &fault), OK);
    assert_int_equal(fs_make_dir(p->other, &fault), OK);
    assert_int_equal(stat(p->other, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fs_write_file(p->file, "", 0, 0600, NULL), OK);
    assert_int_equal(fs_make_dir(p->file, &fault), ERR_EXISTS);
    assert_non_null(strstr(fault.text, p->file));
    assert_int_equal(fs_make_dir("/nonexistent/x", &fault), ERR_NOT_FOUND);
}

static void each_failing_allocation_is_told(void **state)
{
    struct place *p = *state;
    struct fault fault;
    char *out;
    size_t len;
    assert_int_equal(fs_write_file(p->file, "x", 1, 0600, NULL), OK);
    alloc_fail_at(1);
    assert_int_equal(fs_read_file(p->file, 10, &out, &len, &fault), ERR_NOMEM);
    alloc_fail_at(1);
    assert_int_equal(fs_write_file(p->file, "y", 1, 0600, &fault), ERR_NOMEM);
    alloc_fail_at(1);
    assert_null(fs_join("a", "b"));
    alloc_fail_at(1);
    assert_null(fs_join("a", "/b"));
    assert_true(alloc_fail_done());
}

#define FS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FS_TEST(what_is_written_is_read),
        FS_TEST(a_file_has_the_mode_that_was_asked_whatever_the_umask),
        FS_TEST(what_a_crash_left_behind_is_neither_used_nor_in_the_way),
        FS_TEST(many_writers_of_one_file_never_mix_and_never_fail),
        FS_TEST(a_write_that_fails_leaves_the_old_file),
        FS_TEST(a_file_past_the_limit_is_refused_with_both_sizes),
        FS_TEST(what_is_no_regular_file_is_refused_without_waiting),
        FS_TEST(a_file_that_is_not_there_is_named),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        FS_TEST(a_directory_is_made_once),
        FS_TEST(each_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
