/* File watching on a real directory tree: every kind of change is noticed, bursts are one call, and
 * a directory may come, go and come back. */
#include "moontide/base/err.h"
#include "moontide/io/loop.h"
#include "moontide/io/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { WAIT_MAX_MS = 20000, NEVER_MS = 3600 * 1000 };

struct world {
    struct loop *loop;
    struct watch *watch;
    char root[64];
    int changes;
    bool too_late;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || loop_new(&w->loop) < 0) return -1;
    strcpy(w->root, "/tmp/moontide-watch-XXXXXX");
    if (!mkdtemp(w->root)) return -1;
    *state = w;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct world *w = *state;
    watch_free(w->watch);
    int left = loop_free(w->loop);
    nftw(w->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return left;
}

static const char *in_root(const struct world *w, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", w->root, name);
    return path;
}

static void make_dir(const struct world *w, const char *name)
{
    assert_int_equal(mkdir(in_root(w, name), 0700), 0);
}

static void write_file(const struct world *w, const char *name, const char *text)
{
    int fd = open(in_root(w, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void move(const struct world *w, const char *from, const char *to)
{
    assert_int_equal(rename(in_root(w, from), in_root(w, to)), 0);
}

static void count_change(void *data)
{
    ((struct world *)data)->changes++;
}

static void watch_dirs(struct world *w, const char *one, const char *two, int64_t rescan_ms)
{
    const char *const directories[] = {one, two, NULL};
    struct watch_options options = {.directories = directories, .rescan_ms = rescan_ms};
    assert_int_equal(watch_new(w->loop, &options, count_change, w, &w->watch), OK);
}

static void give_up(void *data)
{
    ((struct world *)data)->too_late = true;
}

static void wait_for_changes(struct world *w, int goal)
{
    struct loop_timer *limit = NULL;
    assert_int_equal(loop_timer_start(w->loop, WAIT_MAX_MS, give_up, w, &limit), OK);
    while (w->changes < goal && !w->too_late)
        loop_turn(w->loop, true);
    assert_false(w->too_late);
    loop_timer_cancel(limit);
}

static void set_flag(void *data)
{
    *(bool *)data = true;
}

/* Lets everything that is under way arrive: longer than a debounce at its longest. */
static void let_settle(struct world *w)
{
    bool over = false;
    assert_int_equal(loop_timer_start(w->loop, 100, set_flag, &over, NULL), OK);
    while (!over)
        loop_turn(w->loop, true);
    w->changes = 0;
}

static void every_kind_of_change_is_noticed(void **state)
{
    struct world *w = *state;
    make_dir(w, "policies");
    watch_dirs(w, in_root(w, "policies"), NULL, NEVER_MS);
    static const char a[] = "policies/a.lua", b[] = "policies/b.lua", swap[] = "policies/.a.swp";

    write_file(w, a, "one"); /* created */
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, a, "two"); /* written in place */
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, swap, "three");
    move(w, swap, a); /* renamed over, as editors save */
    wait_for_changes(w, 1);
    let_settle(w);
    move(w, a, b); /* renamed */
    wait_for_changes(w, 1);
    let_settle(w);
    assert_int_equal(unlink(in_root(w, b)), 0);
    wait_for_changes(w, 1);
}

static void a_change_is_told_within_the_debounce(void **state)
{
    struct world *w = *state;
    watch_dirs(w, w->root, NULL, NEVER_MS);
    loop_turn(w->loop, false);
    uint64_t from = uv_hrtime();
    write_file(w, "a.lua", "x");
    wait_for_changes(w, 1);
    assert_in_range((uv_hrtime() - from) / 1000000u, 8, 1000);
}

static void a_burst_is_one_call(void **state)
{
    struct world *w = *state;
    watch_dirs(w, w->root, NULL, NEVER_MS);
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.lua", i);
        write_file(w, name, "x");
    }
    wait_for_changes(w, 1);
    bool over = false;
    assert_int_equal(loop_timer_start(w->loop, 100, set_flag, &over, NULL), OK);
    while (!over)
        loop_turn(w->loop, true);
    assert_int_equal(w->changes, 1);
}

struct writer {
    struct world *world;
    struct loop_timer *timer;
    int writes, writes_at_change;
};

static void note_writes(void *data)
{
    struct writer *writer = data;
    if (!writer->world->changes++) writer->writes_at_change = writer->writes;
}

static void write_again(void *data)
{
    struct writer *writer = data;
    write_file(writer->world, "busy.lua", "x");
    writer->writes++;
    assert_int_equal(loop_timer_start(writer->world->loop, 2, write_again, writer, &writer->timer),
                     OK);
}

static void changes_that_never_pause_are_told_all_the_same(void **state)
{
    struct world *w = *state;
    struct writer writer = {.world = w};
    const char *const directories[] = {w->root, NULL};
    struct watch_options options = {.directories = directories, .rescan_ms = NEVER_MS};
    assert_int_equal(watch_new(w->loop, &options, note_writes, &writer, &w->watch), OK);
    write_again(&writer);
    wait_for_changes(w, 1);
    loop_timer_cancel(writer.timer);
    assert_in_range(writer.writes_at_change, 1, 60); /* 5 x 10 ms at 2 ms or more */
}

static void several_directories_are_watched_and_others_are_not(void **state)
{
    struct world *w = *state;
    make_dir(w, "policies");
    make_dir(w, "policies/lib");
    make_dir(w, "other");
    watch_dirs(w, in_root(w, "policies"), in_root(w, "policies/lib/"), NEVER_MS);
    write_file(w, "policies/lib/a.lua", "x");
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "policies/a.lua", "x");
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "other/a.lua", "x");
    bool over = false;
    assert_int_equal(loop_timer_start(w->loop, 60, set_flag, &over, NULL), OK);
    while (!over)
        loop_turn(w->loop, true);
    assert_int_equal(w->changes, 0);
}

static void a_directory_that_appears_later_is_noticed_and_then_watched(void **state)
{
    struct world *w = *state;
    watch_dirs(w, in_root(w, "a/b/c"), NULL, NEVER_MS);
    make_dir(w, "unrelated");
    write_file(w, "unrelated.lua", "x");
    let_settle(w);
    make_dir(w, "a");
    let_settle(w);
    make_dir(w, "a/b");
    make_dir(w, "a/b/c"); /* before the event of its parent is seen */
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "a/b/c/p.lua", "x");
    wait_for_changes(w, 1);
}

static void a_directory_that_is_removed_and_made_again_is_watched_again(void **state)
{
    struct world *w = *state;
    make_dir(w, "policies");
    watch_dirs(w, in_root(w, "policies"), NULL, NEVER_MS);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(rmdir(in_root(w, "policies")), 0);
        wait_for_changes(w, 1);
        let_settle(w);
        make_dir(w, "policies");
        wait_for_changes(w, 1);
        let_settle(w);
        write_file(w, "policies/p.lua", "x");
        wait_for_changes(w, 1);
        let_settle(w);
        assert_int_equal(unlink(in_root(w, "policies/p.lua")), 0);
        wait_for_changes(w, 1);
        let_settle(w);
    }
}

static void a_directory_replaced_between_two_turns_is_watched_again(void **state)
{
    struct world *w = *state;
    make_dir(w, "policies");
    watch_dirs(w, in_root(w, "policies"), NULL, NEVER_MS);
    assert_int_equal(rmdir(in_root(w, "policies")), 0);
    make_dir(w, "policies"); /* perhaps under the same inode number */
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "policies/p.lua", "x");
    wait_for_changes(w, 1);
    let_settle(w);

    make_dir(w, "new");
    write_file(w, "new/p.lua", "new");
    move(w, "policies", "old");
    move(w, "new", "policies");
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "policies/q.lua", "x");
    wait_for_changes(w, 1);
}

static void a_lost_event_is_made_up_for_by_the_rescan(void **state)
{
    struct world *w = *state;
    make_dir(w, "up");
    make_dir(w, "up/policies");
    watch_dirs(w, in_root(w, "up/policies"), NULL, 150);
    move(w, "up", "away"); /* above what is watched: no event comes */
    make_dir(w, "up");
    make_dir(w, "up/policies");
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "up/policies/p.lua", "x");
    wait_for_changes(w, 1);
}

static void the_rescan_calls_though_nothing_happened(void **state)
{
    struct world *w = *state;
    watch_dirs(w, w->root, NULL, 20);
    wait_for_changes(w, 3);
}

static void relative_paths_and_files_in_the_way_do_no_harm(void **state)
{
    struct world *w = *state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(w->root), 0);
    watch_dirs(w, "policies", "file/lib", NEVER_MS);
    write_file(w, "file", "not a directory");
    let_settle(w);
    make_dir(w, "policies");
    wait_for_changes(w, 1);
    let_settle(w);
    assert_int_equal(unlink("file"), 0);
    make_dir(w, "file");
    make_dir(w, "file/lib");
    wait_for_changes(w, 1);
    let_settle(w);
    write_file(w, "file/lib/p.lua", "x");
    wait_for_changes(w, 1);
    assert_int_equal(chdir(before), 0);
}

static void free_in_callback(void *data)
{
    struct world *w = data;
    watch_free(w->watch);
    w->watch = NULL;
    w->changes++;
}

static void the_callback_may_end_the_watch(void **state)
{
    struct world *w = *state;
    const char *const directories[] = {w->root, NULL};
    struct watch_options options = {.directories = directories};
    assert_int_equal(watch_new(w->loop, &options, free_in_callback, w, &w->watch), OK);
    write_file(w, "a.lua", "x");
    wait_for_changes(w, 1);
    write_file(w, "a.lua", "y");
    assert_int_equal(loop_run(w->loop), 0);
    assert_int_equal(w->changes, 1);
}

#define FACT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(every_kind_of_change_is_noticed),
        FACT(a_change_is_told_within_the_debounce),
        FACT(a_burst_is_one_call),
        FACT(changes_that_never_pause_are_told_all_the_same),
        FACT(several_directories_are_watched_and_others_are_not),
        FACT(a_directory_that_appears_later_is_noticed_and_then_watched),
        FACT(a_directory_that_is_removed_and_made_again_is_watched_again),
        FACT(a_directory_replaced_between_two_turns_is_watched_again),
        FACT(a_lost_event_is_made_up_for_by_the_rescan),
        FACT(the_rescan_calls_though_nothing_happened),
        FACT(relative_paths_and_files_in_the_way_do_no_harm),
        FACT(the_callback_may_end_the_watch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
