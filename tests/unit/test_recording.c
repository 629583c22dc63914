/* Facts about the file of recorded ticks: rows come back as they were put, a gap is always followed
 * by a whole row, retention leaves what can be read, and no state of the disk is a reason not to
 * run. The rows here are any bytes; what is in them is test_record_code.c's. */
#include "moontide/store/recording.h"

#include "support/alloc_fail.h"
#include "unit/contains.h"
#include "unit/recording_fixture.h"

#include <sys/stat.h>

enum { HOUR_MS = 3600 * 1000 };

static struct recording *open_with(const struct shelf *shelf, int64_t keep_ms, int64_t max_bytes,
                                   int64_t retry_ms)
{
    struct recording *r = NULL;
    struct fault fault;
    const struct recording_options options = {
        .path = shelf->path, .keep_ms = keep_ms, .max_bytes = max_bytes, .retry_ms = retry_ms};
    assert_int_equal(recording_open(&options, &r, &fault), OK);
    return r;
}

static struct recording *open_plain(const struct shelf *shelf)
{
    return open_with(shelf, 0, 0, 0);
}

static struct recording_row row_of(struct recording *r, const char *policy, uint64_t tick,
                                   bool whole)
{
    struct recording_row row = {.tick = tick,
                                .at_ms = (int64_t)tick * HOUR_MS,
                                .world = "aws",
                                .policy = policy,
                                .sha256 = "aa01",
                                .whole = whole,
                                .targets = 3};
    recording_ready(r, &row.epoch);
    return row;
}

static int put_row(struct recording *r, const struct recording_row *row, const char *text)
{
    char *body = strdup(text);
    assert_non_null(body);
    return recording_put(r, row, body, strlen(body));
}

static void put(struct recording *r, const char *policy, uint64_t tick, bool whole)
{
    char text[64];
    struct recording_row row = row_of(r, policy, tick, whole);
    snprintf(text, sizeof text, "%s %llu", policy, (unsigned long long)tick);
    assert_int_equal(put_row(r, &row, text), OK);
}

/* Waits until the thread has nothing left, with a bound that only a fault reaches. */
static struct recording_status settle(struct recording *r, uint64_t rows)
{
    struct recording_status status;
    for (int i = 0; i < 20000; i++) {
        recording_status(r, &status);
        if (status.waiting == 0 && status.written + status.lost >= rows) return status;
        usleep(1000);
    }
    fail_msg("%llu rows were not written", (unsigned long long)rows);
    return status;
}

static const struct recording_filter everything = {.world = NULL};

static void rows_come_back_as_they_were_put(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    struct recording_walk *walk = NULL;
    struct recorded row;
    struct fault fault;
    char large[5000];
    memset(large, 'x', sizeof large);
    put(r, "api", 1, true);
    put(r, "db", 1, true);
    put(r, "api", 2, false);
    struct recording_row third = row_of(r, "api", 3, false);
    char *body = malloc(sizeof large);
    assert_non_null(body);
    memcpy(body, large, sizeof large);
    assert_int_equal(recording_put(r, &third, body, sizeof large), OK);
    struct recording_status last;
    recording_close(r, &last);
    assert_int_equal(last.written, 4);
    assert_int_equal(last.lost, 0);
    assert_string_equal(list_rows(shelf, &everything), "1:api! 1:db! 2:api 3:api ");

    struct recording_reader *reader = open_reader(shelf);
    const struct recording_filter api = {.world = "aws", .policy = "api", .from_tick = 3};
    assert_int_equal(recording_walk_open(reader, &api, &walk, &fault), OK);
    assert_int_equal(recording_walk_next(walk, &row, &fault),
                     1); /* what it builds on comes first */
    assert_int_equal(row.tick, 1);
    assert_int_equal(row.place, 0);
    assert_string_equal(row.world, "aws");
    assert_string_equal(row.policy, "api");
    assert_string_equal(row.sha256, "aa01");
    assert_int_equal(row.at_ms, HOUR_MS);
    assert_int_equal(row.targets, 3);
    assert_int_equal(row.len, 5);
    assert_memory_equal(row.body, "api 1", 5);
    assert_int_equal(recording_walk_next(walk, &row, &fault), 1);
    assert_int_equal(row.place, 1);
    assert_int_equal(recording_walk_next(walk, &row, &fault), 1);
    assert_int_equal(row.tick, 3);
    assert_true(row.stored_bytes < 100); /* compressed */
    assert_int_equal(row.len, sizeof large);
    assert_memory_equal(row.body, large, sizeof large);
    assert_int_equal(recording_walk_next(walk, &row, &fault), 0);
    assert_int_equal(recording_walk_next(walk, &row, &fault), 0);
    recording_walk_close(walk);
    recording_reader_close(reader);
}

static void the_file_is_for_its_owner_alone(void **state)
{
    struct shelf *shelf = *state;
    struct stat st;
    recording_close(open_plain(shelf), NULL);
    assert_int_equal(stat(shelf->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_filter_takes_policy_world_time_and_tick(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    for (uint64_t tick = 1; tick <= 5; tick++)
        put(r, "api", tick, tick == 1 || tick == 4);
    struct recording_row sim = row_of(r, "api", 6, true);
    sim.world = "sim";
    assert_int_equal(put_row(r, &sim, "x"), OK);
    recording_close(r, NULL);
    struct recording_filter filter = {.world = "aws", .from_ms = 2 * HOUR_MS, .to_ms = 3 * HOUR_MS};
    assert_string_equal(list_rows(shelf, &filter), "2:api 3:api ");
    filter = (struct recording_filter){.from_tick = 4, .to_tick = 5};
    assert_string_equal(list_rows(shelf, &filter), "4:api! 5:api ");
    filter = (struct recording_filter){.world = "sim"};
    assert_string_equal(list_rows(shelf, &filter), "6:api! ");
    filter = (struct recording_filter){.newest = true, .limit = 2};
    assert_string_equal(list_rows(shelf, &filter), "6:api! 5:api ");
    filter = (struct recording_filter){.policy = "none"};
    assert_string_equal(list_rows(shelf, &filter), "");
}

static void a_delta_that_builds_on_a_lost_row_is_dropped(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    put(r, "api", 1, true);
    struct recording_row stale = row_of(r, "api", 2, false);
    recording_lose(r);
    assert_int_equal(put_row(r, &stale, "stale"), OK);
    settle(r, 3);
    put(r, "api", 3, true);
    put(r, "api", 4, false);
    struct recording_status status = settle(r, 5);
    assert_int_equal(status.lost, 2);
    recording_close(r, NULL);
    assert_string_equal(list_rows(shelf, &everything), "1:api! 3:api! 4:api ");
}

static void a_delta_of_a_policy_without_a_segment_is_lost(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    put(r, "api", 1, false);
    struct recording_status status = settle(r, 1);
    assert_int_equal(status.lost, 1);
    assert_false(status.failed);
    recording_close(r, NULL);
    assert_string_equal(list_rows(shelf, &everything), "");
}

static void a_queue_that_is_full_loses_rows_and_says_so(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = NULL;
    struct fault fault;
    const struct recording_options options = {.path = shelf->path, .queue_bytes = 100};
    assert_int_equal(recording_open(&options, &r, &fault), OK);
    int code = OK;
    uint64_t tick = 0;
    while (code == OK && tick < 100000) {
        struct recording_row row = row_of(r, "api", ++tick, true);
        char *body = calloc(1, 60);
        assert_non_null(body);
        code = recording_put(r, &row, body, 60);
    }
    assert_int_equal(code, ERR_FULL);
    struct recording_status status = settle(r, tick);
    assert_int_equal(status.lost, 1);
    assert_int_equal(status.written, tick - 1);
    recording_close(r, NULL);
}

static void numbers_of_ticks_go_on(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    assert_int_equal(recording_next_tick(r), 1);
    assert_int_equal(recording_next_tick(r), 2);
    put(r, "api", 2, true);
    put(r, "db", 2, true);
    recording_close(r, NULL);
    r = open_plain(shelf);
    assert_int_equal(recording_next_tick(r), 3);
    recording_close(r, NULL);
    r = open_plain(shelf);
    assert_int_equal(recording_next_tick(r), 3); /* 3 was never recorded */
    put(r, "api", 3, true);
    recording_close(r, NULL);
    r = open_with(shelf, HOUR_MS, 0, 0); /* now all of it is too old */
    put(r, "api", 5, true);
    settle(r, 1);
    for (int i = 0; i < 5000 && ask_file(shelf, "SELECT count(*) FROM segment") > 1; i++)
        usleep(1000);
    recording_close(r, NULL);
    change_file(shelf, "DELETE FROM segment; DELETE FROM record");
    r = open_plain(shelf);
    assert_int_equal(recording_next_tick(r), 4); /* 1 to 3 were let go of, and are remembered */
    recording_close(r, NULL);
}

static void old_segments_go_as_a_whole(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_with(shelf, 5 * HOUR_MS, 0, 0);
    for (uint64_t tick = 1; tick <= 3; tick++)
        put(r, "api", tick, tick == 1);
    settle(r, 3);
    recording_close(r, NULL);
    r = open_with(shelf, 5 * HOUR_MS, 0, 0); /* ages are looked at once a minute */
    for (uint64_t tick = 4; tick <= 9; tick++)
        put(r, "api", tick, tick == 4 || tick == 6);
    settle(r, 6);
    recording_close(r, NULL);
    r = open_with(shelf, 5 * HOUR_MS, 0, 0);
    put(r, "api", 10, true);
    settle(r, 1);
    for (int i = 0; i < 5000 && ask_file(shelf, "SELECT min(tick) FROM record") < 4; i++)
        usleep(1000);
    recording_close(r, NULL);
    /* Of the segment 4, 5 the last is just five hours old; 1 to 3 are older. */
    assert_string_equal(list_rows(shelf, &everything),
                        "4:api! 5:api 6:api! 7:api 8:api 9:api 10:api! ");
    assert_int_equal(ask_file(shelf, "SELECT count(*) FROM gone"), 0);
}

/* Bytes that zlib cannot make smaller. */
static void put_large(struct recording *r, const char *policy, uint64_t tick, bool whole)
{
    enum { LARGE = 100 * 1024 };
    static uint32_t seed = 1;
    struct recording_row row = row_of(r, policy, tick, whole);
    row.source = "return 1";
    row.source_len = 8;
    char *body = malloc(LARGE);
    assert_non_null(body);
    for (size_t i = 0; i < LARGE; i++) {
        seed = seed * 1664525U + 1013904223U;
        body[i] = (char)(seed >> 24);
    }
    assert_int_equal(recording_put(r, &row, body, LARGE), OK);
}

static void a_file_that_is_too_large_loses_its_oldest_segments(void **state)
{
    struct shelf *shelf = *state;
    enum { MAX = 2 * 1024 * 1024 };
    struct recording *r = open_with(shelf, 0, MAX, 0);
    for (uint64_t tick = 1; tick <= 60; tick++) {
        put_large(r, "api", tick, tick % 4 == 1);
        settle(r, tick);
    }
    for (int i = 0; i < 5000; i++) {
        struct recording_status status;
        recording_status(r, &status);
        if (ask_file(shelf, "PRAGMA page_count") * 8192 <= MAX) break;
        usleep(1000);
    }
    recording_close(r, NULL);
    struct stat st;
    assert_int_equal(stat(shelf->path, &st), 0);
    assert_true(st.st_size <= MAX);
    const char *rows = list_rows(shelf, &everything);
    assert_contains(rows, "57:api! 58:api 59:api 60:api ");
    assert_non_null(strchr(rows, '!'));
    assert_true(strchr(rows, '!') < strchr(rows, ' ')); /* the first one is whole */
    assert_null(strstr(rows, " 1:api! "));
    assert_int_equal(ask_file(shelf, "SELECT count(*) FROM source"), 1);
}

static void a_limit_smaller_than_one_segment_leaves_the_last(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_with(shelf, 0, 50 * 1024, 0);
    uint64_t epoch, before = 0;
    put_large(r, "api", 1, true);
    settle(r, 1);
    assert_true(recording_ready(r, &before));
    for (int i = 0; i < 5000; i++) { /* whoever encodes is asked for a whole one */
        assert_true(recording_ready(r, &epoch));
        if (epoch > 1) break;
        usleep(1000);
    }
    assert_true(epoch > 1);
    put_large(r, "api", 2, true);
    settle(r, 2);
    for (int i = 0; i < 5000 && ask_file(shelf, "SELECT count(*) FROM segment") > 1; i++)
        usleep(1000);
    recording_close(r, NULL);
    assert_string_equal(list_rows(shelf, &everything), "2:api! ");
}

static void a_damaged_file_is_moved_aside(void **state)
{
    struct shelf *shelf = *state;
    struct recording_status status;
    put_garbage(shelf);
    struct recording *r = open_plain(shelf);
    recording_status(r, &status);
    assert_int_equal(status.damages, 1);
    assert_false(status.failed);
    assert_contains(status.moved_to, "recording.db.damaged-");
    assert_int_equal(access(status.moved_to, F_OK), 0);
    put(r, "api", 1, true);
    recording_close(r, &status);
    assert_int_equal(status.written, 1);
    assert_string_equal(list_rows(shelf, &everything), "1:api! ");
}

static void damage_that_shows_while_writing_moves_it_too(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    put(r, "api", 1, true);
    recording_close(r, NULL);
    change_file(shelf, "DROP TABLE record");
    r = open_plain(shelf); /* reads the highest tick: no such table */
    put(r, "api", 2, true);
    struct recording_status status = settle(r, 1);
    assert_int_equal(status.damages, 1);
    recording_close(r, &status);
    assert_int_equal(status.written, 1);
    assert_string_equal(list_rows(shelf, &everything), "2:api! ");
}

static void a_newer_version_is_left_alone(void **state)
{
    struct shelf *shelf = *state;
    struct recording_status status;
    struct recording_reader *reader = NULL;
    struct fault fault;
    recording_close(open_plain(shelf), NULL);
    change_file(shelf, "PRAGMA user_version = 99");
    struct recording *r = open_plain(shelf);
    recording_status(r, &status);
    assert_true(status.failed);
    assert_int_equal(status.fault.code, ERR_VERSION);
    recording_close(r, NULL);
    assert_int_equal(recording_reader_open(shelf->path, &reader, &fault), ERR_VERSION);
}

static void a_disk_that_fails_is_tried_again(void **state)
{
    struct shelf *shelf = *state;
    struct recording_status status;
    uint64_t epoch = 0;
    rmdir(shelf->dir);
    struct recording *r = open_with(shelf, 0, 0, 1);
    recording_status(r, &status);
    assert_true(status.failed);
    assert_int_equal(status.failures, 1);
    assert_int_equal(status.fault.code, ERR_NOT_FOUND);
    while (!recording_ready(r, &epoch))
        usleep(500);
    put(r, "api", recording_next_tick(r), true);
    status = settle(r, 1);
    assert_true(status.failed);
    assert_int_equal(status.failures, 1); /* it is the same failure still */
    assert_int_equal(mkdir(shelf->dir, 0700), 0);
    while (!recording_ready(r, &epoch))
        usleep(500);
    put(r, "api", recording_next_tick(r), true);
    status = settle(r, 2);
    assert_false(status.failed);
    assert_int_equal(status.written, 1);
    recording_close(r, NULL);
    assert_string_equal(list_rows(shelf, &everything), "2:api! ");
}

/* Numbers that were given out before the file could be opened are perhaps in it. */
static void a_number_that_the_file_may_have_is_not_written_again(void **state)
{
    struct shelf *shelf = *state;
    uint64_t epoch = 0;
    char away[128];
    struct recording *r = open_plain(shelf);
    put(r, "api", 7, true);
    recording_close(r, NULL);
    snprintf(away, sizeof away, "%s.away", shelf->path);
    assert_int_equal(rename(shelf->path, away), 0);
    assert_int_equal(mkdir(shelf->path, 0700), 0); /* no regular file */
    r = open_with(shelf, 0, 0, 1);
    uint64_t number = recording_next_tick(r);
    assert_int_equal(number, 1);
    assert_int_equal(rmdir(shelf->path), 0);
    assert_int_equal(rename(away, shelf->path), 0);
    while (!recording_ready(r, &epoch))
        usleep(500);
    put(r, "api", number, true);
    settle(r, 1);
    assert_int_equal(recording_next_tick(r), 8);
    recording_close(r, NULL);
    assert_string_equal(list_rows(shelf, &everything), "7:api! ");
}

static void without_a_file_there_is_nothing_to_read(void **state)
{
    struct shelf *shelf = *state;
    struct recording_reader *reader = NULL;
    struct fault fault;
    assert_int_equal(recording_reader_open(shelf->path, &reader, &fault), ERR_NOT_FOUND);
    put_garbage(shelf);
    assert_int_equal(recording_reader_open(shelf->path, &reader, &fault), ERR_CORRUPT);
    assert_contains(fault.text, "recording.db");
}

static void a_walk_goes_on_beside_a_writer(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    struct recording_walk *walk = NULL;
    struct recorded row;
    struct fault fault;
    enum { ROWS = 600 }; /* more than a walk takes at a time */
    for (uint64_t tick = 1; tick <= ROWS; tick++) {
        put(r, "api", tick, tick == 1);
        if (tick % 100 == 0) settle(r, tick);
    }
    struct recording_reader *reader = open_reader(shelf);
    assert_int_equal(recording_walk_open(reader, &everything, &walk, &fault), OK);
    for (uint64_t tick = 1; tick <= ROWS; tick++) {
        assert_int_equal(recording_walk_next(walk, &row, &fault), 1);
        assert_int_equal(row.tick, tick);
        assert_int_equal(row.place, tick - 1);
        if (tick % 100 == 0) put(r, "api", ROWS + tick / 100, false);
    }
    assert_int_equal(recording_walk_next(walk, &row, &fault), 0); /* those that were there */
    recording_walk_close(walk);
    recording_reader_close(reader);
    recording_close(r, NULL);
}

static void a_row_that_is_damaged_is_said_and_passed_over(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    struct recording_walk *walk = NULL;
    struct recorded row;
    struct fault fault;
    for (uint64_t tick = 1; tick <= 3; tick++) {
        struct recording_row given = row_of(r, "api", tick, true);
        char *body = calloc(1, 1000);
        assert_non_null(body);
        assert_int_equal(recording_put(r, &given, body, 1000), OK);
    }
    recording_close(r, NULL);
    change_file(shelf, "UPDATE record SET body = zeroblob(20) WHERE tick = 2");
    struct recording_reader *reader = open_reader(shelf);
    assert_int_equal(recording_walk_open(reader, &everything, &walk, &fault), OK);
    assert_int_equal(recording_walk_next(walk, &row, &fault), 1);
    assert_int_equal(recording_walk_next(walk, &row, &fault), ERR_CORRUPT);
    assert_contains(fault.text, "tick 2 of api");
    assert_int_equal(recording_walk_next(walk, &row, &fault), 1);
    assert_int_equal(row.tick, 3);
    recording_walk_close(walk);
    recording_reader_close(reader);
}

static void put_source(struct recording *r, uint64_t tick, const char *sha256, const char *source)
{
    struct recording_row row = row_of(r, "api", tick, true);
    row.sha256 = sha256;
    row.source = source;
    row.source_len = source ? strlen(source) : 0;
    assert_int_equal(put_row(r, &row, "x"), OK);
}

static void sources_are_found_by_the_beginning_of_their_hash(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    struct fault fault;
    char hash[SHA256_HEX_MAX], *text = NULL;
    size_t len = 0;
    put_source(r, 1, "abcd1111", "return 1");
    put_source(r, 2, "abcd2222", NULL); /* given later */
    put_source(r, 3, "abcd2222", "return 22");
    put_source(r, 4, "abcd1111", "return 1");
    put_source(r, 5, "ffff0000", NULL);
    recording_close(r, NULL);
    assert_int_equal(ask_file(shelf, "SELECT count(*) FROM source"), 3);
    struct recording_reader *reader = open_reader(shelf);
    assert_int_equal(recording_source(reader, "ABCD2", hash, &text, &len, &fault), OK);
    assert_string_equal(text, "return 22");
    assert_int_equal(len, 9);
    assert_string_equal(hash, "abcd2222");
    free(text);
    assert_int_equal(recording_source(reader, "abcd", hash, &text, &len, &fault), ERR_EXISTS);
    assert_int_equal(recording_source(reader, "abc", hash, &text, &len, &fault), ERR_NOT_FOUND);
    assert_int_equal(recording_source(reader, "1234", hash, &text, &len, &fault), ERR_NOT_FOUND);
    assert_int_equal(recording_source(reader, "ffff", hash, &text, &len, &fault), ERR_NOT_FOUND);
    assert_int_equal(recording_source(reader, "x'--", hash, &text, &len, &fault), ERR_NOT_FOUND);
    recording_reader_close(reader);
}

static void opening_and_reading_survive_want_of_memory(void **state)
{
    struct shelf *shelf = *state;
    struct recording *r = open_plain(shelf);
    for (uint64_t tick = 1; tick <= 3; tick++)
        put_large(r, "api", tick, true);
    recording_close(r, NULL);
    for (unsigned n = 1; n < 1000; n++) {
        struct recording_options options = {.path = shelf->path};
        struct fault fault;
        r = NULL;
        alloc_fail_at(n);
        int code = recording_open(&options, &r, &fault);
        bool failed = alloc_fail_done();
        if (code == OK)
            recording_close(r, NULL);
        else
            assert_int_equal(code, ERR_NOMEM);
        if (!failed) break;
    }
    for (unsigned n = 1; n < 1000; n++) {
        struct recording_reader *reader = NULL;
        struct recording_walk *walk = NULL;
        struct recorded row;
        struct fault fault;
        alloc_fail_at(n);
        int code = recording_reader_open(shelf->path, &reader, &fault);
        if (code == OK) code = recording_walk_open(reader, &everything, &walk, &fault);
        int rows = 0;
        while (code == OK || code == 1) {
            code = recording_walk_next(walk, &row, &fault);
            if (code != 1) break;
            rows++;
        }
        bool failed = alloc_fail_done();
        recording_walk_close(walk);
        recording_reader_close(reader);
        assert_int_equal(code, failed ? ERR_NOMEM : 0);
        if (!failed) {
            assert_int_equal(rows, 3);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        shelf_test(rows_come_back_as_they_were_put),
        shelf_test(the_file_is_for_its_owner_alone),
        shelf_test(a_filter_takes_policy_world_time_and_tick),
        shelf_test(a_delta_that_builds_on_a_lost_row_is_dropped),
        shelf_test(a_delta_of_a_policy_without_a_segment_is_lost),
        shelf_test(a_queue_that_is_full_loses_rows_and_says_so),
        shelf_test(numbers_of_ticks_go_on),
        shelf_test(old_segments_go_as_a_whole),
        shelf_test(a_file_that_is_too_large_loses_its_oldest_segments),
        shelf_test(a_limit_smaller_than_one_segment_leaves_the_last),
        shelf_test(a_damaged_file_is_moved_aside),
        shelf_test(damage_that_shows_while_writing_moves_it_too),
        shelf_test(a_newer_version_is_left_alone),
        shelf_test(a_disk_that_fails_is_tried_again),
        shelf_test(a_number_that_the_file_may_have_is_not_written_again),
        shelf_test(without_a_file_there_is_nothing_to_read),
        shelf_test(a_walk_goes_on_beside_a_writer),
        shelf_test(a_row_that_is_damaged_is_said_and_passed_over),
        shelf_test(sources_are_found_by_the_beginning_of_their_hash),
        shelf_test(opening_and_reading_survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
