/* Facts about the journal: which entries a question finds, and which of them go with time. */
#include "moontide/base/strbuf.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* ---- questions ---- */

/* Four kinds of entries, one of which is rare; every filter gives the same as reading it all. */
static void the_journal_answers_what_and_since_in_any_combination(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    static const char *const whats[] = {"decision", "outcome", "issue", "decision", "pause"};
    for (int i = 0; i < 50; i++) {
        /* The clock goes back by 15 once. */
        struct store_batch *b = new_batch(i % 2 ? "aws" : "sim", 100 + i - (i >= 30 ? 15 : 0));
        store_batch_journal(b, &(struct journal_entry){.what = whats[i % 5],
                                                       .target = i % 3 ? "t" : NULL,
                                                       .resource = i % 4 ? "r" : NULL});
        assert_int_equal(commit(f, s, b), OK);
    }
    struct journal_filter pause = {.what = "pause", .limit = 2};
    assert_string_equal(read_journal(s, &pause), "50@134 aws - pause - t r - {};"
                                                 "45@129 sim - pause - t - - {};");
    struct journal_filter decision = {.what = "decision", .world = "aws", .since_ms = 130};
    assert_string_equal(read_journal(s, &decision), "46@130 aws - decision - - r - {};");
    struct journal_filter both = {.what = "outcome", .resource = "r", .since_ms = 126};
    assert_string_equal(read_journal(s, &both), "47@131 sim - outcome - t r - {};"
                                                "42@126 aws - outcome - t r - {};"
                                                "27@126 sim - outcome - t r - {};");
    struct journal_filter quoted = {.what = "' OR 1 --"}, later = {.since_ms = 1000};
    assert_string_equal(read_journal(s, &quoted), "");
    assert_string_equal(read_journal(s, &later), "");
    store_close(s);
}

static bool add_name(void *data, const char *name)
{
    strbuf_addf(data, "%s;", name);
    return strcmp(name, "stop") != 0;
}

static void the_names_that_the_journal_knows_come_once_each(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf names;
    struct fault fault;
    strbuf_init(&names, 1000);
    static const char *const resources[] = {"r2", "r1", NULL, "r2"};
    struct store_batch *b = new_batch("aws", 1);
    for (int i = 0; i < 4; i++)
        store_batch_journal(b, &(struct journal_entry){.what = "w",
                                                       .target = i ? "t" : "stop",
                                                       .resource = resources[i]});
    assert_int_equal(commit(f, s, b), OK);
    assert_int_equal(store_each_name(s, add_name, &names, &fault), OK);
    assert_string_equal(strbuf_cstr(&names), "r1;r2;stop;"); /* and stops when it is told */
    strbuf_done(&names);
    store_close(s);
}

/* Entries of two targets by turns, each with resources of its own: all ways to one of them. */
static void entries_of_several_resources_come_in_one_order(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    for (int i = 0; i < 12; i += 4) {
        struct store_batch *b = new_batch("aws", 100 + i);
        for (int n = i; n < i + 4; n++) {
            char resource[8];
            snprintf(resource, sizeof resource, "r%d", n % 5);
            store_batch_journal(b, &(struct journal_entry){.what = n % 3 ? "decision" : "issue",
                                                           .policy = n % 2 ? "odd" : NULL,
                                                           .target = n % 2 ? "t" : "u",
                                                           .resource = n % 4 ? resource : NULL});
        }
        assert_int_equal(commit(f, s, b), OK);
    }
    struct journal_filter of_t = {.target = "t"};
    assert_string_equal(read_journal(s, &of_t), "12@108 aws - decision odd t r1 - {};"
                                                "10@108 aws - issue odd t r4 - {};"
                                                "8@104 aws - decision odd t r2 - {};"
                                                "6@104 aws - decision odd t r0 - {};"
                                                "4@100 aws - issue odd t r3 - {};"
                                                "2@100 aws - decision odd t r1 - {};");
    of_t = (struct journal_filter){.target = "t", .what = "issue", .limit = 1};
    assert_string_equal(read_journal(s, &of_t), "10@108 aws - issue odd t r4 - {};");
    of_t = (struct journal_filter){.target = "t", .policy = "odd", .since_ms = 104, .limit = 3};
    assert_string_equal(read_journal(s, &of_t), "12@108 aws - decision odd t r1 - {};"
                                                "10@108 aws - issue odd t r4 - {};"
                                                "8@104 aws - decision odd t r2 - {};");
    struct journal_filter of_u = {.target = "u", .resource = "r1"},
                          nobody = {.target = "u", .world = "sim"}, even = {.policy = "even"},
                          odd = {.policy = "odd", .limit = 1};
    assert_string_equal(read_journal(s, &of_u), "7@104 aws - issue - u r1 - {};");
    assert_string_equal(read_journal(s, &nobody), "");
    assert_string_equal(read_journal(s, &even), "");
    assert_string_equal(read_journal(s, &odd), "12@108 aws - decision odd t r1 - {};");
    store_close(s);
}

/* ---- retention ---- */

static void names_go_with_their_last_entry(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf names;
    struct fault fault;
    struct store_retention retention = {.keep_ms = 10};
    strbuf_init(&names, 1000);
    for (int i = 0; i < 3; i++) {
        struct store_batch *b = new_batch("aws", 100 + i * 10);
        store_batch_journal(b, &(struct journal_entry){.what = "w", .resource = i ? "r" : "old"});
        store_batch_journal(b, &(struct journal_entry){.what = "w", .resource = "r"});
        assert_int_equal(commit(f, s, b), OK);
    }
    assert_int_equal(prune_all(f, s, &retention, 115), 2);
    assert_int_equal(store_each_name(s, add_name, &names, &fault), OK);
    assert_string_equal(strbuf_cstr(&names), "r;");
    assert_int_equal(count_journal(s), 4);
    struct journal_filter all = {.since_ms = 1, .resource = "r", .limit = 1};
    assert_string_equal(read_journal(s, &all), "6@120 aws - w - - r - {};");
    assert_int_equal(prune_all(f, s, &retention, 1000), 2);
    assert_int_equal(count_journal(s), 0);
    struct store_batch *b = new_batch("aws", 1000); /* numbers begin anew, and so do batches */
    store_batch_journal(b, &(struct journal_entry){.what = "w", .resource = "old"});
    assert_int_equal(commit(f, s, b), OK);
    all.resource = "old";
    assert_string_equal(read_journal(s, &all), "1@1000 aws - w - - old - {};");
    strbuf_done(&names);
    store_close(s);
}

static void fill_minutes(struct store_files *f, struct store *s, int first, int count)
{
    char json[300];
    snprintf(json, sizeof json, "{\"pad\":\"%0250d\"}", 0);
    for (int i = first; i < first + count; i += 1000) {
        struct store_batch *b = new_batch("aws", i);
        for (int n = 0; n < 1000; n++) {
            char id[16];
            snprintf(id, sizeof id, "i%d", i + n);
            store_batch_journal(b, &(struct journal_entry){.id = id, .what = "w", .json = json});
        }
        assert_int_equal(commit(f, s, b), OK);
    }
}

static void entries_go_by_age_in_steps_and_those_of_open_intents_stay(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    fill_minutes(f, s, 10000, 7000);
    struct store_batch *b = new_batch("aws", 17000);
    store_batch_intent(b, "i10005", "{}");
    assert_int_equal(commit(f, s, b), OK);

    struct store_retention retention = {.keep_ms = 5000};
    assert_int_equal(prune_all(f, s, &retention, 20000), 4); /* 2000, 2000, 999, none */
    assert_int_equal(count_journal(s), 2001);
    assert_string_equal(read_intents(s, "aws"), "i10005@17000={};");
    assert_int_equal(prune_all(f, s, &retention, 20000), 1);

    b = new_batch("aws", 17001);
    store_batch_intent_end(b, "i10005");
    assert_int_equal(commit(f, s, b), OK);
    assert_int_equal(prune_all(f, s, &retention, 20000), 2);
    assert_int_equal(count_journal(s), 2000);
    store_close(s);
}

/* "7:sent;" of each row that is left. */
static bool add_outbox(void *data, const struct outbox_row *row)
{
    strbuf_addf(data, "%lld:%s;", (long long)row->seq, row->state);
    return true;
}

static void put_notification(struct store_batch *b, int64_t seq, const char *state, int64_t at_ms)
{
    store_batch_outbox(b, &(struct outbox_row){.seq = seq,
                                               .receiver = "chat",
                                               .group_key = "{}",
                                               .id = "i",
                                               .state = state,
                                               .json = "{}",
                                               .answer = "",
                                               .put_ms = at_ms,
                                               .ended_ms = strcmp(state, "queued") ? at_ms : 0});
}

static void notifications_go_when_they_ended_long_ago_and_those_that_wait_stay(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf left;
    struct fault fault;
    struct store_retention retention = {.keep_ms = 5000};
    strbuf_init(&left, 1000);
    struct store_batch *b = new_batch("aws", 10000);
    for (int i = 0; i < 2 * STORE_PRUNE_ROWS + 10; i++)
        put_notification(b, 100 + i, i % 2 ? "sent" : "dead", 10000 + i % 10);
    put_notification(b, 10000, "queued", 10000);
    put_notification(b, 10001, "sent", 15000);
    put_notification(b, 10002, "dead", 14999);
    assert_int_equal(commit(f, s, b), OK);
    assert_int_equal(prune_all(f, s, &retention, 20000), 4); /* 2000, 2000, 11, none */
    assert_int_equal(store_each_outbox(s, "aws", NULL, false, add_outbox, &left, &fault), OK);
    assert_string_equal(strbuf_cstr(&left), "10000:queued;10001:sent;");
    struct store_retention by_size = {.max_bytes = 1};
    (void)prune_all(f, s, &by_size, 1 << 30);
    strbuf_reset(&left);
    assert_int_equal(store_each_outbox(s, "aws", NULL, false, add_outbox, &left, &fault), OK);
    assert_string_equal(strbuf_cstr(&left), "10000:queued;10001:sent;");
    strbuf_done(&left);
    store_close(s);
}

static int64_t file_bytes(struct store_files *f)
{
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    return st.st_size;
}

static void the_oldest_go_by_size_and_the_file_shrinks(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    fill_minutes(f, s, 10000, 12000);
    struct store_retention retention = {.max_bytes = 2 << 20};
    prune_all(f, s, &retention, 0);
    int left = count_journal(s);
    assert_in_range(left, 2000, 8000);
    struct journal_filter newest = {.id = "i21999"}, oldest = {.id = "i10000"};
    assert_string_not_equal(read_journal(s, &newest), "");
    assert_string_equal(read_journal(s, &oldest), "");
    store_close(s);
    assert_true(file_bytes(f) <= retention.max_bytes);

    s = open_store(f); /* and it is no less of a database */
    assert_int_equal(count_journal(s), left);
    fill_minutes(f, s, 30000, 1000);
    assert_int_equal(count_journal(s), left + 1000);
    store_close(s);
}

static void nothing_is_pruned_where_nothing_is_bounded(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    fill_minutes(f, s, 10000, 1000);
    struct store_retention none = {0}, wide = {.keep_ms = 100000, .max_bytes = 1 << 30};
    assert_int_equal(prune_all(f, s, &none, INT64_MAX), 1);
    assert_int_equal(prune_all(f, s, &wide, 100000), 1);
    assert_int_equal(count_journal(s), 1000);
    store_close(s);
}

static void closing_does_not_wait_for_pruning(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    fill_minutes(f, s, 10000, 1000);
    struct store_retention all = {.keep_ms = 1};
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", "t", "1");
    assert_int_equal(store_commit(s, b, NULL, NULL), OK);
    assert_int_equal(store_prune(s, &all, 1 << 30, NULL, NULL), OK);
    store_close(s);
    loop_run(f->loop);
    s = open_store(f);
    assert_int_equal(count_journal(s), 1000);
    assert_string_equal(read_memo(s, "aws"), "p/t=1;");
    store_close(s);
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_journal_answers_what_and_since_in_any_combination),
        STORE_TEST(the_names_that_the_journal_knows_come_once_each),
        STORE_TEST(entries_of_several_resources_come_in_one_order),
        STORE_TEST(names_go_with_their_last_entry),
        STORE_TEST(entries_go_by_age_in_steps_and_those_of_open_intents_stay),
        STORE_TEST(notifications_go_when_they_ended_long_ago_and_those_that_wait_stay),
        STORE_TEST(the_oldest_go_by_size_and_the_file_shrinks),
        STORE_TEST(nothing_is_pruned_where_nothing_is_bounded),
        STORE_TEST(closing_does_not_wait_for_pruning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
