/* Facts about the kill switch: what the file says holds, and what it does not say clearly holds
 * everything. */
#include "moontide/tick/pause.h"

#include "moontide/base/fs.h"
#include "support/alloc_fail.h"

#include <setjmp.h>
#include <signal.h>
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
    char dir[64], file[80];
    struct pauses pauses;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!p) return -1;
    snprintf(p->dir, sizeof p->dir, "/tmp/moontide-XXXXXX");
    if (!mkdtemp(p->dir)) return -1;
    snprintf(p->file, sizeof p->file, "%s/PAUSED", p->dir);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    pauses_done(&p->pauses);
    remove(p->file);
    int rc = rmdir(p->dir); /* fails when a write left anything else */
    free(p);
    return rc;
}

static void put(struct place *p, const char *text)
{
    assert_int_equal(fs_write_file(p->file, text, strlen(text), 0600, NULL), OK);
}

static const struct pauses *get(struct place *p)
{
    pauses_done(&p->pauses);
    assert_int_equal(pauses_read(p->file, &p->pauses), OK);
    return &p->pauses;
}

static bool holds(struct place *p, const char *policy, const char *target, const char *resource,
                  enum direction direction)
{
    return pauses_find(&p->pauses, policy, target, resource, direction) != NULL;
}

static void expect_everything_is_paused(struct place *p, const char *why)
{
    get(p);
    assert_true(holds(p, "p", "t", "r", DIRECTION_IN));
    assert_true(holds(p, "other", "u", NULL, DIRECTION_OUT));
    const struct pause *pause = pauses_find(&p->pauses, "p", "t", NULL, DIRECTION_NONE);
    assert_non_null(pause);
    assert_non_null(strstr(pause->reason, why));
}

/* ---- what holds what ---- */

static void no_file_is_no_pause(void **state)
{
    struct place *p = *state;
    assert_int_equal(get(p)->count, 0);
    assert_false(holds(p, "p", "t", "r", DIRECTION_IN));
}

static void a_pause_holds_its_policy_its_target_or_its_resource_alone(void **state)
{
    struct place *p = *state;
    static const char *const scopes[] = {"performance", "environment=prod", "service/c/s"};
    for (int i = 0; i < 3; i++) {
        char line[128];
        snprintf(line, sizeof line, "{\"scope\":\"%s\",\"by\":\"ops\"}\n", scopes[i]);
        put(p, line);
        get(p);
        assert_int_equal(p->pauses.count, 1);
        assert_int_equal(holds(p, "performance", "x", NULL, DIRECTION_NONE), i == 0);
        assert_int_equal(holds(p, "x", "environment=prod", NULL, DIRECTION_NONE), i == 1);
        assert_int_equal(holds(p, "x", "y", "service/c/s", DIRECTION_NONE), i == 2);
        assert_false(holds(p, "x", "y", "z", DIRECTION_OUT));
        assert_false(holds(p, "perf", "environment", "service", DIRECTION_OUT));
    }
}

static void a_direction_holds_that_direction_alone(void **state)
{
    struct place *p = *state;
    put(p, "{\"scope\":\"\",\"direction\":\"in\"}");
    get(p);
    assert_true(holds(p, "p", "t", "r", DIRECTION_IN));
    assert_false(holds(p, "p", "t", "r", DIRECTION_OUT));
    assert_false(holds(p, "p", "t", "r", DIRECTION_NONE));
    put(p, "{\"scope\":\"\",\"direction\":\"out\"}\n");
    get(p);
    assert_false(holds(p, "p", "t", "r", DIRECTION_IN));
    assert_true(holds(p, "p", "t", "r", DIRECTION_OUT));
    put(p, "{\"scope\":\"\",\"direction\":\"\"}\r\n\n");
    get(p);
    assert_int_equal(p->pauses.count, 1);
    assert_true(holds(p, "p", "t", "r", DIRECTION_IN));
    assert_true(holds(p, "p", "t", "r", DIRECTION_NONE));
}

/* ---- a file that is not what it should be ---- */

static void what_cannot_be_read_pauses_everything_and_says_where(void **state)
{
    struct place *p = *state;
    static const char *const lines[] = {
        "garbage",
        "{",
        "[]",
        "7",
        "{\"scope\":7}",
        "{\"scope\":null}",
        "{\"scope\":\"p\"} {}",
        "{\"scope\":\"p\",\"scope\":\"q\"}",
        "{\"scope\":\"p\\u0000q\"}",
        "{\"scope\":\"x\",\"direction\":\"up\"}",
        "{\"scope\":\"x\",\"direction\":true}",
        "{\"scope\":\"x\",\"at\":\"now\"}",
        "{\"scope\":\"x\",\"by\":[]}",
        "{\"scope\":\"x\",\"reason\":{}}",
        "\xff\xfe{\"scope\":\"x\"}",
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"scope\":\"mine\"}\n%s\n{\"scope\":\"yours\"}\n", lines[i]);
        put(p, text);
        expect_everything_is_paused(p, "line 2");
        assert_int_equal(p->pauses.count, 3); /* the lines beside it are read as they are */
    }
}

static void fields_that_are_not_known_or_not_said_never_narrow_a_pause(void **state)
{
    struct place *p = *state;
    static const char *const lines[] = {"{}", "{\"scpoe\":\"p\"}", "{\"until\":[1,{}]}",
                                        "{\"scope\":\"\",\"at\":1e300}",
                                        "{\"scope\":\"\",\"at\":-5}"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        put(p, lines[i]);
        expect_everything_is_paused(p, "");
        assert_int_equal(p->pauses.items[0].at_ms, 0);
    }
}

static void a_touched_file_pauses_everything(void **state)
{
    struct place *p = *state;
    put(p, "");
    expect_everything_is_paused(p, "empty");
    put(p, " \n\r\n\t");
    expect_everything_is_paused(p, "empty");
}

static void what_is_not_a_file_pauses_everything(void **state)
{
    struct place *p = *state;
    assert_int_equal(mkdir(p->file, 0700), 0);
    expect_everything_is_paused(p, "PAUSED");
    assert_int_equal(rmdir(p->file), 0);
    assert_int_equal(mkfifo(p->file, 0600), 0);
    expect_everything_is_paused(p, "PAUSED");
    assert_int_equal(unlink(p->file), 0);
    assert_int_equal(symlink("/nonexistent/anywhere", p->file), 0);
    expect_everything_is_paused(p, "PAUSED");
}

/* Root reads everything, so a child that is nobody looks. */
static void a_file_that_may_not_be_read_pauses_everything(void **state)
{
    struct place *p = *state;
    put(p, "{\"scope\":\"p\"}");
    assert_int_equal(chmod(p->dir, 0755), 0);
    assert_int_equal(chmod(p->file, 0), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pauses pauses;
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) _exit(1);
        if (pauses_read(p->file, &pauses) != OK) _exit(2);
        const struct pause *pause = pauses_find(&pauses, "x", "y", "z", DIRECTION_OUT);
        bool good = pause && strstr(pause->reason, "Permission denied");
        pauses_done(&pauses);
        _exit(good ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void a_file_that_is_too_large_pauses_everything(void **state)
{
    struct place *p = *state;
    static char text[PAUSE_BYTES_MAX + 100];
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "{\"scope\":\"m\"}", 13);
    put(p, text);
    expect_everything_is_paused(p, "limit");
    size_t len = 0;
    for (int i = 0; i <= PAUSES_MAX; i++) {
        memcpy(text + len, "{\"scope\":\"m\"}\n", 14);
        len += 14;
    }
    text[len] = '\0';
    put(p, text);
    expect_everything_is_paused(p, "1000");
    assert_int_equal(p->pauses.count, PAUSES_MAX + 1);
}

/* ---- changing it ---- */

static void add(struct place *p, const char *scope, enum direction direction, const char *reason)
{
    assert_int_equal(pauses_add(&p->pauses, &(struct pause){.at_ms = 1764300000000,
                                                            .scope = (char *)scope,
                                                            .by = (char *)"ops",
                                                            .reason = (char *)reason,
                                                            .direction = direction}),
                     OK);
}

static void what_is_written_is_read(void **state)
{
    struct place *p = *state;
    struct stat st;
    add(p, "", DIRECTION_OUT, "a \"quoted\"\nreason, 이유");
    add(p, "service/c/s", DIRECTION_NONE, "");
    assert_int_equal(pauses_write(p->file, &p->pauses, NULL), OK);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    get(p);
    assert_int_equal(p->pauses.count, 2);
    const struct pause *first = &p->pauses.items[0];
    assert_int_equal(first->at_ms, 1764300000000);
    assert_string_equal(first->scope, "");
    assert_string_equal(first->by, "ops");
    assert_string_equal(first->reason, "a \"quoted\"\nreason, 이유");
    assert_int_equal(first->direction, DIRECTION_OUT);
    assert_int_equal(p->pauses.items[1].direction, DIRECTION_NONE);
}

static void one_of_the_same_scope_and_direction_is_replaced(void **state)
{
    struct place *p = *state;
    add(p, "p", DIRECTION_IN, "first");
    add(p, "p", DIRECTION_NONE, "both");
    add(p, "p", DIRECTION_IN, "second");
    assert_int_equal(p->pauses.count, 2);
    assert_string_equal(p->pauses.items[0].reason, "second");
}

static void resuming_removes_by_scope_and_direction(void **state)
{
    struct place *p = *state;
    add(p, "p", DIRECTION_IN, "");
    add(p, "p", DIRECTION_OUT, "");
    add(p, "q", DIRECTION_NONE, "");
    add(p, "", DIRECTION_NONE, "");
    assert_int_equal(pauses_remove(&p->pauses, "q", DIRECTION_IN), 0);
    assert_int_equal(pauses_remove(&p->pauses, "p", DIRECTION_IN), 1);
    assert_int_equal(pauses_remove(&p->pauses, "nobody", DIRECTION_NONE), 0);
    assert_int_equal(pauses_remove(&p->pauses, "", DIRECTION_NONE), 1);
    assert_int_equal(p->pauses.count, 2);
    assert_int_equal(pauses_remove(&p->pauses, NULL, DIRECTION_NONE), 2);
    assert_int_equal(p->pauses.count, 0);
}

static void with_no_pause_left_the_file_goes(void **state)
{
    struct place *p = *state;
    put(p, "garbage");
    get(p);
    pauses_remove(&p->pauses, "", DIRECTION_NONE); /* what could not be read was everything */
    assert_int_equal(pauses_write(p->file, &p->pauses, NULL), OK);
    assert_int_equal(access(p->file, F_OK), -1);
    assert_int_equal(pauses_write(p->file, &p->pauses, NULL), OK); /* and may be gone already */
}

static void a_write_that_fails_names_the_file_and_leaves_the_old_one(void **state)
{
    struct place *p = *state;
    struct fault fault;
    add(p, "p", DIRECTION_NONE, "x");
    assert_int_equal(pauses_write("/nonexistent/PAUSED", &p->pauses, &fault), ERR_NOT_FOUND);
    assert_non_null(strstr(fault.text, "/nonexistent/PAUSED"));
    put(p, "{\"scope\":\"old\"}");
    static char long_reason[PAUSE_BYTES_MAX];
    memset(long_reason, 'x', sizeof long_reason - 1);
    add(p, "q", DIRECTION_NONE, long_reason);
    assert_int_equal(pauses_write(p->file, &p->pauses, &fault), ERR_LIMIT);
    get(p);
    assert_string_equal(p->pauses.items[0].scope, "old");
}

/* Two writers at once, and a reader: each read is one of the two files, whole. */
static void a_file_that_is_replaced_is_read_old_or_new(void **state)
{
    struct place *p = *state;
    enum { WRITERS = 2, READS = 300, PAUSES = 200 };
    pid_t children[WRITERS];
    char name[2] = "a";
    for (int w = 0; w < WRITERS; w++) {
        pauses_remove(&p->pauses, NULL, DIRECTION_NONE);
        name[0] = (char)('a' + w);
        for (int i = 0; i < PAUSES; i++) {
            char scope[32];
            snprintf(scope, sizeof scope, "policy-%s-%d", name, i);
            add(p, scope, DIRECTION_NONE, name);
        }
        if (w == 0) assert_int_equal(pauses_write(p->file, &p->pauses, NULL), OK);
        children[w] = fork();
        assert_true(children[w] >= 0);
        while (children[w] == 0) /* until it is told to end, between two writes */
            if (getppid() == 1 || pauses_write(p->file, &p->pauses, NULL) != OK) _exit(1);
    }
    for (int i = 0; i < READS; i++) {
        get(p);
        assert_int_equal(p->pauses.count, PAUSES);
        for (int n = 1; n < PAUSES; n++)
            assert_string_equal(p->pauses.items[n].reason, p->pauses.items[0].reason);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_int_equal(kill(children[w], SIGKILL), 0);
        assert_int_equal(waitpid(children[w], &status, 0), children[w]);
        assert_true(WIFSIGNALED(status)); /* and had not failed before */
    }
    char command[128]; /* a killed writer leaves its temporary file, which nobody reads */
    snprintf(command, sizeof command, "rm -f %s.*", p->file);
    assert_int_equal(system(command), 0);
}

/* ---- in words ---- */

static void a_pause_in_words(void **state)
{
    (void)state;
    char text[PAUSE_TEXT_MAX], reason[600] = "";
    struct pause pause = {
        .at_ms = 1769860800000, .by = (char *)"ops", .reason = (char *)"migration"};
    pause_text(&pause, text);
    assert_string_equal(text, "paused since 2026-01-31T12:00:00Z by ops: migration");
    pause = (struct pause){.by = (char *)"", .reason = (char *)""};
    pause_text(&pause, text);
    assert_string_equal(text, "paused");
    while (strlen(reason) < 500)
        strcat(reason, "이유");
    for (size_t shift = 0; shift < 4; shift++) {
        pause.reason = reason;
        pause.by = (char *)&"aaaa"[shift];
        pause_text(&pause, text);
        size_t len = strlen(text);
        assert_in_range(len, PAUSE_TEXT_MAX - 5, PAUSE_TEXT_MAX - 1);
        assert_string_equal(text + len - 3, "...");
        const char *last = text + len - 6; /* a whole character of three bytes */
        assert_true(memcmp(last, "이", 3) == 0 || memcmp(last, "유", 3) == 0);
    }
}

/* ---- memory ---- */

static void want_of_memory_never_lets_a_decision_through(void **state)
{
    struct place *p = *state;
    unsigned failures = 0;
    put(p, "{\"scope\":\"a\\u0041\",\"by\":\"x\"}\n{\"scope\":\"b\"}\n");
    for (unsigned n = 1;; n++) {
        assert_true(n < 100);
        struct pauses pauses;
        alloc_fail_at(n);
        int code = pauses_read(p->file, &pauses);
        bool failed = alloc_fail_done();
        if (!failed) {
            assert_int_equal(code, OK);
            assert_int_equal(pauses.count, 2);
            pauses_done(&pauses);
            break;
        }
        failures++;
        if (code == OK) { /* a line that could not be read for it */
            assert_non_null(pauses_find(&pauses, "any", "thing", NULL, DIRECTION_NONE));
            pauses_done(&pauses);
        } else {
            assert_int_equal(code, ERR_NOMEM);
        }
    }
    assert_true(failures > 5);
}

static void want_of_memory_leaves_pauses_and_file_as_they_were(void **state)
{
    struct place *p = *state;
    put(p, "{\"scope\":\"old\"}");
    get(p);
    for (unsigned n = 1;; n++) {
        assert_true(n < 100);
        alloc_fail_at(n);
        int code = pauses_add(&p->pauses, &(struct pause){.scope = (char *)"old"});
        if (code == OK) code = pauses_write(p->file, &p->pauses, NULL);
        if (!alloc_fail_done()) {
            assert_int_equal(code, OK);
            return;
        }
        assert_int_equal(code, ERR_NOMEM);
        assert_int_equal(get(p)->count, 1);
    }
}

#define PAUSE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAUSE_TEST(no_file_is_no_pause),
        PAUSE_TEST(a_pause_holds_its_policy_its_target_or_its_resource_alone),
        PAUSE_TEST(a_direction_holds_that_direction_alone),
        PAUSE_TEST(what_cannot_be_read_pauses_everything_and_says_where),
        PAUSE_TEST(fields_that_are_not_known_or_not_said_never_narrow_a_pause),
        PAUSE_TEST(a_touched_file_pauses_everything),
        PAUSE_TEST(what_is_not_a_file_pauses_everything),
        PAUSE_TEST(a_file_that_may_not_be_read_pauses_everything),
        PAUSE_TEST(a_file_that_is_too_large_pauses_everything),
        PAUSE_TEST(what_is_written_is_read),
        PAUSE_TEST(one_of_the_same_scope_and_direction_is_replaced),
        PAUSE_TEST(resuming_removes_by_scope_and_direction),
        PAUSE_TEST(with_no_pause_left_the_file_goes),
        PAUSE_TEST(a_write_that_fails_names_the_file_and_leaves_the_old_one),
        PAUSE_TEST(a_file_that_is_replaced_is_read_old_or_new),
        PAUSE_TEST(a_pause_in_words),
        PAUSE_TEST(want_of_memory_never_lets_a_decision_through),
        PAUSE_TEST(want_of_memory_leaves_pauses_and_file_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
