/* Facts about the history of what was entered, and its file. */
#include "moontide/app/recall.h"
#include "moontide/base/err.h"

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
#include <histedit.h>

static char dir[] = "/tmp/moontide-recall-XXXXXX", path[64];

static int begin(void **state)
{
    (void)state;
    strcpy(strrchr(dir, '-') + 1, "XXXXXX");
    if (!mkdtemp(dir)) return -1;
    snprintf(path, sizeof path, "%s/history", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir); /* nothing else was left there */
}

static struct recall *open_it(void)
{
    struct recall *recall = NULL;
    assert_int_equal(recall_open(path, &recall), OK);
    return recall;
}

static void assert_entries(const char *const *wanted, size_t count)
{
    struct recall *recall = open_it();
    assert_int_equal(recall_count(recall), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(recall_at(recall, i), wanted[i]);
    recall_close(recall);
}

static const char *const texts[] = {
    "x = 1",
    "for i = 1, 2 do\n  print(i)\nend",
    "s = '\\n\\\\'\t-- \\040 \\",
    "\xec\x95\x88\xeb\x85\x95 = '\xc2\xb5'",
};

static void entries_outlive_the_session_whatever_is_in_them(void **state)
{
    (void)state;
    struct recall *recall = open_it();
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(recall_add(recall, texts[i]), OK);
    assert_int_equal(recall_add(recall, texts[3]), OK); /* as the one before: not again */
    recall_close(recall);
    assert_entries(texts, COUNT_OF(texts));
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void the_file_is_one_of_libedits(void **state)
{
    (void)state;
    HistEvent event;
    struct recall *recall = open_it();
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(recall_add(recall, texts[i]), OK);
    recall_close(recall);
    History *theirs = history_init();
    assert_non_null(theirs);
    history(theirs, &event, H_SETSIZE, 100);
    assert_int_equal(history(theirs, &event, H_LOAD, path), COUNT_OF(texts));
    assert_int_equal(history(theirs, &event, H_LAST), 0); /* the oldest */
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_string_equal(event.str, texts[i]);
        history(theirs, &event, H_PREV);
    }
    assert_true(history(theirs, &event, H_SAVE, path) > 0);
    history_end(theirs);
    assert_entries(texts, COUNT_OF(texts));
}

/* Four sessions write at once, past the point where the file is written anew. */
static void sessions_at_once_lose_nothing(void **state)
{
    (void)state;
    enum { SESSIONS = 4, EACH = RECALL_ENTRIES / SESSIONS };
    struct recall *recall = open_it();
    char text[64];
    for (int i = 0; i < 2 * RECALL_ENTRIES - EACH; i++) {
        snprintf(text, sizeof text, "before %d", i);
        assert_int_equal(recall_add(recall, text), OK);
    }
    recall_close(recall);
    pid_t pids[SESSIONS];
    for (int s = 0; s < SESSIONS; s++) {
        pids[s] = fork();
        if (pids[s] == 0) {
            struct recall *own = NULL;
            int code = recall_open(path, &own);
            for (int i = 0; i < EACH && code == OK; i++) {
                snprintf(text, sizeof text, "session %d\nline %d", s, i);
                code = recall_add(own, text);
            }
            recall_close(own);
            _exit(code == OK ? 0 : 1);
        }
    }
    for (int s = 0; s < SESSIONS; s++) {
        int status = -1;
        assert_int_equal(waitpid(pids[s], &status, 0), pids[s]);
        assert_int_equal(status, 0);
    }
    int next[SESSIONS] = {0};
    recall = open_it();
    assert_int_equal(recall_count(recall), RECALL_ENTRIES);
    for (size_t i = 0; i < recall_count(recall); i++) {
        int s = -1, n = -1;
        assert_int_equal(sscanf(recall_at(recall, i), "session %d\nline %d", &s, &n), 2);
        assert_int_equal(n, next[s]++);
    }
    recall_close(recall);
}

static void what_a_crash_cut_short_harms_no_other_entry(void **state)
{
    (void)state;
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs("_HiStOrY_V2_\nfirst\nsec\\0", stream);
    assert_int_equal(fclose(stream), 0);
    struct recall *recall = open_it();
    assert_int_equal(recall_add(recall, "third"), OK);
    recall_close(recall);
    static const char *const wanted[] = {"first", "sec\\0", "third"};
    assert_entries(wanted, 3);
}

static void without_a_file_it_lasts_for_the_session(void **state)
{
    (void)state;
    struct recall *recall = NULL;
    assert_int_equal(recall_open("/nonexistent/history", &recall), OK);
    assert_true(recall_add(recall, "kept") < 0);
    assert_string_equal(recall_at(recall, 0), "kept");
    recall_close(recall);
    assert_int_equal(recall_open(NULL, &recall), OK);
    assert_int_equal(recall_add(recall, "kept"), OK);
    assert_int_equal(recall_count(recall), 1);
    recall_close(recall);
}

static void the_newest_are_kept(void **state)
{
    (void)state;
    struct recall *recall = open_it();
    char text[64];
    for (int i = 0; i < RECALL_ENTRIES + 10; i++) {
        snprintf(text, sizeof text, "entry %d", i);
        assert_int_equal(recall_add(recall, text), OK);
    }
    assert_int_equal(recall_count(recall), RECALL_ENTRIES);
    assert_string_equal(recall_at(recall, 0), "entry 10");
    recall_close(recall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_outlive_the_session_whatever_is_in_them, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_file_is_one_of_libedits, begin, end),
        cmocka_unit_test_setup_teardown(sessions_at_once_lose_nothing, begin, end),
        cmocka_unit_test_setup_teardown(what_a_crash_cut_short_harms_no_other_entry, begin, end),
        cmocka_unit_test_setup_teardown(the_newest_are_kept, begin, end),
        cmocka_unit_test(without_a_file_it_lasts_for_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
