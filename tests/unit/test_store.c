/* Facts about the store: what was committed is there, whole, whatever happens to the process or the
 * file. The journal and its retention are in test_store_journal.c, who may open which file is in
 * test_store_open.c, what a full disk and a killed process do in test_store_crash.c. */
#include "moontide/io/loop.h"
#include "moontide/store/store.h"
#include "support/alloc_fail.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

/* ---- round trips ---- */

static void each_of_memo_alerts_and_journal_comes_back(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1000);
    store_batch_memo(b, "performance", "prod", "{\"n\":1}");
    store_batch_alert(b, &(struct alert_row){.policy = "performance",
                                             .target = "prod",
                                             .type = "api_latency",
                                             .key = "",
                                             .state = "firing",
                                             .severity = 2,
                                             .since_ms = 10,
                                             .raised_ms = 11,
                                             .gone_ms = 12,
                                             .description = "API p99 is 1200 ms",
                                             .recommendation = "캐시"});
    store_batch_journal(b, &(struct journal_entry){.id = "a1",
                                                   .what = "decision",
                                                   .policy = "performance",
                                                   .target = "prod",
                                                   .resource = "service/x/api",
                                                   .policy_sha256 = "00ff",
                                                   .json = "{\"min\":2}"});
    store_batch_journal(b, &(struct journal_entry){.what = "policy"});
    assert_int_equal(commit(f, s, b), OK);

    assert_string_equal(read_memo(s, "aws"), "performance/prod={\"n\":1};");
    assert_string_equal(read_alerts(s, "aws"),
                        "performance/prod/api_latency//firing/2/10/11/12/API p99 is 1200 ms/캐시;");
    assert_string_equal(read_journal(s, &(struct journal_filter){0}),
                        "2@1000 aws - policy - - - - {};"
                        "1@1000 aws a1 decision performance prod service/x/api 00ff {\"min\":2};");
    store_close(s);
}

static void reopening_keeps_everything(void **state)
{
    struct store_files *f = *state;
    for (int round = 0; round < 3; round++) {
        struct store *s = open_store(f);
        if (round > 0) assert_string_equal(read_memo(s, "aws"), "p/t={};");
        struct store_batch *b = new_batch("aws", round);
        store_batch_memo(b, "p", "t", "{}");
        store_batch_journal(b, &(struct journal_entry){.what = "outcome"});
        assert_int_equal(commit(f, s, b), OK);
        store_close(s);
    }
    struct store *s = open_store(f);
    assert_int_equal(count_journal(s), 3);
    store_close(s);
}

static void a_memo_is_replaced_and_ended(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", "a", "1");
    store_batch_memo(b, "p", "b", "1");
    store_batch_memo(b, "p", "a", "2");
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_memo(s, "aws"), "p/a=2;p/b=1;");
    b = new_batch("aws", 2);
    store_batch_memo(b, "p", "a", NULL);
    store_batch_memo(b, "p", "never there", NULL);
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_memo(s, "aws"), "p/b=1;");
    store_close(s);
}

static void an_alert_is_replaced_and_ended_by_type_and_key(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct alert_row row = {
        .policy = "p", .target = "t", .type = "x", .key = "1", .state = "pending"};
    struct store_batch *b = new_batch("aws", 1);
    store_batch_alert(b, &row);
    row.key = NULL; /* reads as "" */
    store_batch_alert(b, &row);
    row.state = "firing";
    store_batch_alert(b, &row);
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_alerts(s, "aws"),
                        "p/t/x//firing/0/0/0/0//;p/t/x/1/pending/0/0/0/0//;");
    b = new_batch("aws", 2);
    store_batch_alert_end(b, "p", "t", "x", "1");
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_alerts(s, "aws"), "p/t/x//firing/0/0/0/0//;");
    store_close(s);
}

static void worlds_do_not_mix(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    const char *worlds[] = {"aws", "sim", "sim:a.lua"};
    for (size_t i = 0; i < 3; i++) {
        struct store_batch *b = new_batch(worlds[i], 1);
        store_batch_memo(b, "p", "t", worlds[i]);
        store_batch_alert(b,
                          &(struct alert_row){
                              .policy = "p", .target = "t", .type = worlds[i], .state = "firing"});
        store_batch_journal(b, &(struct journal_entry){.what = worlds[i]});
        assert_int_equal(commit(f, s, b), OK);
    }
    assert_string_equal(read_memo(s, "sim"), "p/t=sim;");
    assert_string_equal(read_alerts(s, "sim:a.lua"), "p/t/sim:a.lua//firing/0/0/0/0//;");
    assert_string_equal(read_journal(s, &(struct journal_filter){.world = "aws"}),
                        "1@1 aws - aws - - - - {};");
    store_close(s);
}

static void the_journal_answers_each_filter_newest_first(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    static const char *const targets[] = {"prod", "staging"}, *const policies[] = {"p", "q", "r"};
    for (int i = 0; i < 60; i++) {
        char id[8], resource[16];
        snprintf(id, sizeof id, "i%d", i);
        snprintf(resource, sizeof resource, "r%d", i % 5);
        struct store_batch *b = new_batch("aws", 100 + i);
        store_batch_journal(b, &(struct journal_entry){.id = id,
                                                       .what = "w",
                                                       .policy = policies[i % 3],
                                                       .target = targets[i % 2],
                                                       .resource = resource});
        assert_int_equal(commit(f, s, b), OK);
    }
    struct journal_filter by_id = {.id = "i7"};
    assert_string_equal(read_journal(s, &by_id), "8@107 aws i7 w q staging r2 - {};");
    struct journal_filter both = {.world = "aws", .policy = "p", .target = "prod", .limit = 2};
    assert_string_equal(read_journal(s, &both),
                        "55@154 aws i54 w p prod r4 - {};49@148 aws i48 w p prod r3 - {};");
    struct journal_filter resource = {.world = "aws", .resource = "r4", .since_ms = 150};
    assert_string_equal(read_journal(s, &resource),
                        "60@159 aws i59 w r staging r4 - {};55@154 aws i54 w p prod r4 - {};");
    struct journal_filter none = {.world = "sim"};
    assert_string_equal(read_journal(s, &none), "");
    assert_int_equal(count_journal(s), 60);
    store_close(s);
}

static bool stop_at_three(void *data, const struct journal_row *row)
{
    (void)row;
    return ++*(int *)data < 3;
}

static void reading_the_journal_stops_when_told(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    for (int i = 0; i < 10; i++)
        store_batch_journal(b, &(struct journal_entry){.what = "w"});
    assert_int_equal(commit(f, s, b), OK);
    int seen = 0;
    struct fault fault;
    assert_int_equal(
        store_each_journal(s, &(struct journal_filter){0}, stop_at_three, &seen, &fault), OK);
    assert_int_equal(seen, 3);
    store_close(s);
}

static void nobody_changes_a_journal_entry(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    store_batch_journal(b, &(struct journal_entry){.what = "w", .policy = "p"});
    assert_int_equal(commit(f, s, b), OK);
    store_close(s);
    sqlite3 *raw;
    static const char *const changes[] = {"UPDATE journal_entry SET what = 'x'",
                                          "UPDATE journal_subject SET world = 'x'",
                                          "UPDATE journal_policy SET policy = 'x'"};
    assert_int_equal(sqlite3_open(f->path, &raw), SQLITE_OK);
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        assert_int_equal(sqlite3_exec(raw, changes[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
    assert_int_not_equal(sqlite3_exec(raw, "UPDATE journal SET what = 'x'", NULL, NULL, NULL),
                         SQLITE_OK); /* the view of all three */
    sqlite3_close(raw);
}

static void what_is_known_of_a_resource_is_replaced_and_ended(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct resource_row row = {.kind = "ecs_desired_count", .resource = "service/c/s", .json = "1"};
    struct store_batch *b = new_batch("aws", 1);
    store_batch_resource(b, &row); /* region and account read as "" */
    row.region = "eu-west-1";
    row.account = "shop";
    store_batch_resource(b, &row);
    row.json = "2";
    store_batch_resource(b, &row);
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_resources(s, "aws"),
                        "ecs_desired_count/service/c/s//=1;"
                        "ecs_desired_count/service/c/s/eu-west-1/shop=2;");
    assert_string_equal(read_resources(s, "sim"), "");
    b = new_batch("aws", 2);
    row.json = NULL;
    store_batch_resource(b, &row);
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_resources(s, "aws"), "ecs_desired_count/service/c/s//=1;");
    store_close(s);
}

static void an_intent_is_open_until_its_end(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    static const char *const ids[] = {"c", "a", "b"};
    for (int i = 0; i < 3; i++) {
        struct store_batch *b = new_batch("aws", 10 + i);
        store_batch_intent(b, ids[i], "{}");
        assert_int_equal(commit(f, s, b), OK);
    }
    struct store_batch *b = new_batch("sim", 20);
    store_batch_intent(b, "c", "{\"sim\":1}");
    store_batch_intent_end(b, "b"); /* of this world, where there is none */
    assert_int_equal(commit(f, s, b), OK);
    assert_string_equal(read_intents(s, "aws"), "c@10={};a@11={};b@12={};");
    b = new_batch("aws", 30);
    store_batch_intent_end(b, "c");
    store_batch_intent_end(b, "b");
    store_batch_intent(b, "d", "{}");
    assert_int_equal(commit(f, s, b), OK);
    store_close(s);
    s = open_store(f);
    assert_string_equal(read_intents(s, "aws"), "a@11={};d@30={};");
    assert_string_equal(read_intents(s, "sim"), "c@20={\"sim\":1};");
    store_close(s);
}

/* ---- order ---- */

struct order {
    int seen[64];
    int count;
};
struct ticket {
    struct order *order;
    int number;
};

static void note_order(void *data, int code, const struct fault *fault)
{
    struct ticket *ticket = data;
    assert_int_equal(code, OK);
    assert_null(fault);
    ticket->order->seen[ticket->order->count++] = ticket->number;
}

static void batches_are_written_and_reported_in_the_order_of_their_commits(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct order order = {.count = 0};
    struct ticket tickets[20];
    for (int i = 0; i < 20; i++) {
        tickets[i] = (struct ticket){&order, i};
        struct store_batch *b = new_batch("aws", i);
        store_batch_journal(b, &(struct journal_entry){.what = "w"});
        assert_int_equal(store_commit(s, b, note_order, &tickets[i]), OK);
        assert_int_equal(order.count, 0); /* never before return */
    }
    loop_run(f->loop);
    assert_int_equal(order.count, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(order.seen[i], i);
    struct journal_filter newest = {.limit = 1};
    assert_string_equal(read_journal(s, &newest), "20@19 aws - w - - - - {};");
    store_close(s);
}

struct chain {
    struct store *store;
    int left;
};

static void commit_again(void *data, int code, const struct fault *fault)
{
    (void)fault;
    struct chain *chain = data;
    assert_int_equal(code, OK);
    if (chain->left-- == 0) return;
    struct store_batch *b = new_batch("aws", 1);
    store_batch_journal(b, &(struct journal_entry){.what = "again"});
    assert_int_equal(store_commit(chain->store, b, commit_again, chain), OK);
}

static void a_done_callback_may_commit(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct chain chain = {s, 5};
    commit_again(&chain, OK, NULL);
    loop_run(f->loop);
    assert_int_equal(chain.left, -1);
    assert_int_equal(count_journal(s), 5);
    store_close(s);
}

static void an_empty_batch_is_reported_too(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    assert_true(store_batch_empty(b));
    assert_int_equal(commit(f, s, b), OK);
    b = new_batch("aws", 1);
    store_batch_memo(b, "p", "t", "1");
    assert_false(store_batch_empty(b));
    store_batch_free(b);
    store_close(s);
}

/* ---- closing ---- */

static void commit_one(struct store *s, const char *memo, store_done *done, void *data)
{
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", memo, memo);
    assert_int_equal(store_commit(s, b, done, data), OK);
}

static void count_call(void *data, int code, const struct fault *fault)
{
    (void)code;
    (void)fault;
    ++*(int *)data;
}

static void closing_writes_what_is_queued(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    int calls = 0;
    for (int i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        commit_one(s, name, count_call, &calls);
    }
    store_close(s);
    loop_run(f->loop);
    assert_int_equal(calls, 0); /* none was reported before, so none is now */
    s = open_store(f);
    assert_string_equal(read_memo(s, "aws"), "p/a=a;p/b=b;p/c=c;p/d=d;p/e=e;");
    store_close(s);
}

static void close_it(void *data, int code, const struct fault *fault)
{
    (void)fault;
    assert_int_equal(code, OK);
    store_close(*(struct store **)data);
    *(struct store **)data = NULL;
}

static void a_done_callback_may_close(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    int calls = 0;
    commit_one(s, "a", close_it, &s);
    commit_one(s, "b", count_call, &calls);
    commit_one(s, "c", count_call, &calls);
    loop_run(f->loop);
    assert_null(s);
    assert_int_equal(calls, 0);
    s = open_store(f);
    assert_string_equal(read_memo(s, "aws"), "p/a=a;p/b=b;p/c=c;");
    store_close(s);
}

/* ---- batches that cannot be ---- */

static void a_missing_text_sticks_to_its_batch(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct store_batch *b = new_batch("aws", 1);
    store_batch_memo(b, "p", "good", "1");
    store_batch_memo(b, NULL, "t", "1");
    store_batch_memo(b, "p", "good too", "1");
    assert_false(store_batch_empty(b));
    assert_int_equal(store_commit(s, b, count_call, NULL), ERR_INVALID);
    b = new_batch("aws", 1);
    store_batch_journal(b, &(struct journal_entry){.json = "{}"});
    assert_int_equal(store_commit(s, b, count_call, NULL), ERR_INVALID);
    loop_run(f->loop);
    assert_string_equal(read_memo(s, "aws"), "");
    store_close(s);
}

/* One of everything, many times over, so that each buffer grows. */
static int gather_and_commit(struct store *s, store_done *done, void *data)
{
    struct store_batch *b;
    int code = store_batch_new("aws", 1, &b);
    if (code < 0) return code;
    for (int i = 0; i < 40; i++) {
        store_batch_memo(b, "p", "t", "{\"n\":1}");
        store_batch_alert(
            b, &(struct alert_row){.policy = "p", .target = "t", .type = "x", .state = "firing"});
        store_batch_journal(b, &(struct journal_entry){.what = "w", .json = "{}"});
        store_batch_alert_end(b, "p", "t", "x", NULL);
        store_batch_resource(b, &(struct resource_row){.kind = "k", .resource = "r", .json = "1"});
        store_batch_intent(b, "i", "{}");
        store_batch_intent_end(b, "i");
    }
    return store_commit(s, b, done, data);
}

static void note_code(void *data, int code, const struct fault *fault)
{
    (void)fault;
    *(int *)data = code;
}

static void each_failing_allocation_loses_its_batch_and_nothing_else(void **state)
{
    struct store_files *f = *state;
    unsigned n = 1, failures = 0;
    struct store *s = open_store(f);
    for (bool failed = true; failed; n++) {
        assert_true(n < 100);
        int told = 1;
        alloc_fail_at(n);
        int code = gather_and_commit(s, note_code, &told);
        failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : OK);
        loop_run(f->loop);
        assert_int_equal(told, failed ? 1 : OK);
        assert_int_equal(count_journal(s), failed ? 0 : 40);
        failures += failed;
    }
    assert_true(failures > 4);
    store_close(s);
}

static void each_failing_allocation_of_an_open_is_told(void **state)
{
    struct store_files *f = *state;
    unsigned n = 1;
    for (bool failed = true; failed; n++) {
        struct store *s = NULL;
        struct fault fault;
        assert_true(n < 100);
        alloc_fail_at(n);
        int code = store_open(f->loop, f->path, &s, &fault);
        failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : OK);
        if (failed) assert_non_null(strstr(fault.text, f->path));
        store_close(s);
    }
    assert_true(n > 4);
}

static void each_allocation_that_fails_inside_sqlite_leaves_all_or_nothing(void **state)
{
    struct store_files *f = *state;
    unsigned failures = 0;
    int expected = 0;
    for (unsigned n = 1; n < 20000; n++) {
        struct store *s = open_store(f); /* a new one: its statements are not prepared yet */
        int told = 1;
        sqlite_alloc_fail_at(n);
        assert_int_equal(gather_and_commit(s, note_code, &told), OK);
        loop_run(f->loop);
        bool failed = sqlite_alloc_fail_done();
        assert_true(told == OK || told == ERR_NOMEM);
        if (told == OK) expected += 40;
        if (told < 0) failures++;
        assert_int_equal(count_journal(s), expected);
        store_close(s);
        if (!failed) {
            assert_true(failures > 10);
            return;
        }
    }
    fail_msg("it never came through");
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(each_of_memo_alerts_and_journal_comes_back),
        STORE_TEST(reopening_keeps_everything),
        STORE_TEST(a_memo_is_replaced_and_ended),
        STORE_TEST(an_alert_is_replaced_and_ended_by_type_and_key),
        STORE_TEST(worlds_do_not_mix),
        STORE_TEST(the_journal_answers_each_filter_newest_first),
        STORE_TEST(reading_the_journal_stops_when_told),
        STORE_TEST(nobody_changes_a_journal_entry),
        STORE_TEST(what_is_known_of_a_resource_is_replaced_and_ended),
        STORE_TEST(an_intent_is_open_until_its_end),
        STORE_TEST(batches_are_written_and_reported_in_the_order_of_their_commits),
        STORE_TEST(a_done_callback_may_commit),
        STORE_TEST(an_empty_batch_is_reported_too),
        STORE_TEST(closing_writes_what_is_queued),
        STORE_TEST(a_done_callback_may_close),
        STORE_TEST(a_missing_text_sticks_to_its_batch),
        STORE_TEST(each_failing_allocation_loses_its_batch_and_nothing_else),
        STORE_TEST(each_failing_allocation_of_an_open_is_told),
        STORE_TEST(each_allocation_that_fails_inside_sqlite_leaves_all_or_nothing),
    };
    sqlite_alloc_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
