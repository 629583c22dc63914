/* Facts about the outbox by itself: a store, a manual clock, and a courier that answers as told. */
#include "support/fake_courier.h"
#include "support/store_files.h"

#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/notify/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, TURNS = 200000, GROUPS = 3000, LETTERS = 8000 };

struct box {
    struct store_files *files;
    struct store *store;
    struct clock clock;
    struct fake_courier courier;
    struct notify_settings settings;
    struct outbox *outbox;
    char sick[256];          /* "chat+;chat-;" */
    int last[GROUPS], taken; /* the last letter of each group g<n> that was taken; all of them */
    bool stopped;
};

static void note_sick(void *data, const char *receiver, bool sick, const char *why)
{
    (void)why;
    char *text = ((struct box *)data)->sick;
    size_t len = strlen(text);
    snprintf(text + len, 256 - len, "%s%c;", receiver, sick ? '+' : '-');
}

/* Of the fact about many groups: their letters are numbered. */
static void note_taken(void *data, const char *receiver, const char *group_key, const char *id,
                       const char *state)
{
    (void)receiver;
    (void)state;
    struct box *box = data;
    if (group_key[0] != 'g') return;
    int group = atoi(group_key + 1), letter = atoi(id);
    assert_true(letter > box->last[group]);
    box->last[group] = letter;
    box->taken++;
    box->courier.sent[0] = '\0';
}

static void open_box(struct box *box)
{
    struct fault fault;
    box->store = open_store(box->files);
    struct outbox_options options = {.loop = box->files->loop,
                                     .store = box->store,
                                     .clock = &box->clock,
                                     .world = "test",
                                     .courier = &box->courier.courier,
                                     .seed = 7,
                                     .sick = note_sick,
                                     .sent = note_taken,
                                     .data = box};
    assert_int_equal(outbox_new(&options, &box->outbox, &fault), OK);
    outbox_settings(box->outbox, &box->settings);
}

static void set_true(void *data)
{
    *(bool *)data = true;
}

static void shut_box(struct box *box)
{
    box->stopped = false;
    outbox_stop(box->outbox, set_true, &box->stopped);
    for (int i = 0; i < TURNS && !box->stopped; i++)
        loop_turn(box->files->loop, true);
    assert_true(box->stopped);
    outbox_free(box->outbox);
    store_close(box->store);
}

static int setup(void **state)
{
    static const char *const names[] = {"chat", "mail"};
    void *files = NULL;
    struct box *box = calloc(1, sizeof *box);
    if (!box || store_files_setup(&files) < 0) return -1;
    box->files = files;
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
    clock_init_manual(&box->clock, 1700000000000);
    fake_courier_init(&box->courier, box->files->loop);
    notify_settings_init(&box->settings);
    box->settings.receivers = calloc(2, sizeof *box->settings.receivers);
    if (!box->settings.receivers) return -1;
    box->settings.receiver_count = 2;
    for (int i = 0; i < 2; i++)
        box->settings.receivers[i] = (struct receiver_settings){.name = strdup(names[i]),
                                                                .type = strdup("fake"),
                                                                .json = strdup("{}"),
                                                                .send_resolved = true,
                                                                .rate_per_s = 1e6};
    open_box(box);
    *state = box;
    return 0;
}

static int teardown(void **state)
{
    struct box *box = *state;
    shut_box(box);
    notify_settings_done(&box->settings);
    void *files = box->files;
    int rc = store_files_teardown(&files);
    free(box);
    return rc;
}

/* ---- doing ---- */

static void settle(struct box *box)
{
    int quiet = 0;
    for (int turns = 0; quiet < 5; turns++) {
        assert_true(turns < TURNS);
        bool busy = outbox_busy(box->outbox) || (box->courier.under_way > 0 && !box->courier.hold);
        loop_turn(box->files->loop, busy);
        quiet = busy ? 0 : quiet + 1;
    }
}

static void on_disk(void *data, int code, const struct fault *fault)
{
    (void)fault;
    assert_int_equal(code, OK);
    *(bool *)data = true;
}

static void commit_puts(struct box *box, struct store_batch *batch)
{
    bool done = false;
    assert_int_equal(store_commit(box->store, batch, on_disk, &done), OK);
    for (int i = 0; i < TURNS && !done; i++)
        loop_turn(box->files->loop, true);
    assert_true(done);
    outbox_committed(box->outbox, OK);
}

static void put_only(struct box *box, struct store_batch *batch, const char *receiver,
                     const char *group, const char *id)
{
    char json[256];
    snprintf(json, sizeof json,
             "{\"id\":\"%s\",\"receiver\":\"%s\",\"status\":\"%s\",\"alerts\":[]}", id, receiver,
             id);
    assert_int_equal(outbox_put(box->outbox, batch, receiver, group, id, json, NULL), OK);
}

static void put(struct box *box, const char *receiver, const char *group, const char *id)
{
    struct store_batch *batch = new_batch("test", clock_now_ms(&box->clock));
    put_only(box, batch, receiver, group, id);
    commit_puts(box, batch);
}

static void pass_time(struct box *box, int64_t ms)
{
    clock_advance(&box->clock, ms);
    settle(box);
}

static const char *sent(struct box *box)
{
    static char text[sizeof box->courier.sent];
    strcpy(text, box->courier.sent);
    box->courier.sent[0] = '\0';
    return text;
}

static bool add_row(void *data, const struct outbox_row *row)
{
    char *text = data;
    size_t len = strlen(text);
    snprintf(text + len, 1024 - len, "%s:%s;", row->id, row->answer);
    return true;
}

/* "id:answer;" of each, in the order of the puts. */
static const char *rows(struct box *box, const char *state)
{
    static char text[1024];
    struct fault fault;
    text[0] = '\0';
    assert_int_equal(store_each_outbox(box->store, "test", state, false, add_row, text, &fault),
                     OK);
    return text;
}

static void fail_with(struct box *box, struct delivery how)
{
    box->courier.sick = "chat";
    box->courier.how = how;
}

/* ---- facts ---- */

static void a_group_keeps_its_order_through_failures(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "500"});
    put(box, "chat", "a", "1");
    put(box, "chat", "a", "2");
    put(box, "chat", "a", "3");
    settle(box);
    box->courier.sick = NULL;
    for (int i = 0; i < 10; i++)
        pass_time(box, MINUTE);
    assert_string_equal(sent(box), "chat 1;chat 2;chat 3;");
    assert_string_equal(rows(box, "sent"), "1:200 ok;2:200 ok;3:200 ok;");
}

static void waits_double_and_end_at_fifteen_minutes(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "500"});
    put(box, "chat", "a", "1");
    settle(box);
    int64_t wait_ms[14];
    for (int n = 0; n < 14; n++) {
        size_t before = box->courier.attempts;
        for (wait_ms[n] = 0; box->courier.attempts == before; wait_ms[n] += 500)
            pass_time(box, 500);
        assert_true(wait_ms[n] <= OUTBOX_BACKOFF_CAP_MS + 500);
    }
    assert_true(wait_ms[0] >= 1000 && wait_ms[0] <= 2500);
    assert_true(wait_ms[3] > wait_ms[0]);
    assert_true(wait_ms[13] >= OUTBOX_BACKOFF_CAP_MS / 2);
}

static void retry_after_is_honoured(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "429", .retry_after_ms = 90 * SECOND});
    put(box, "chat", "a", "1");
    put(box, "chat", "b", "2");
    settle(box);
    box->courier.sick = NULL;
    pass_time(box, 89 * SECOND);
    assert_int_equal(box->courier.attempts, 1);
    pass_time(box, 2 * SECOND);
    assert_int_equal(box->courier.attempts, 3);
}

static void a_permanent_failure_is_a_dead_letter_at_once_and_delays_nobody(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "404 no_service", .permanent = true});
    put(box, "chat", "a", "1");
    settle(box);
    assert_string_equal(rows(box, "dead"), "1:404 no_service;");
    box->courier.sick = NULL;
    put(box, "chat", "a", "2");
    settle(box);
    assert_string_equal(sent(box), "chat 2;");
}

static void a_receiver_that_refuses_everything_is_sick(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "404 no_service", .permanent = true});
    put(box, "chat", "a", "1");
    settle(box);
    pass_time(box, OUTBOX_SICK_MS);
    assert_string_equal(box->sick, "");
    put(box, "chat", "a", "2");
    settle(box);
    assert_string_equal(box->sick, "chat+;");
    box->courier.sick = NULL;
    put(box, "chat", "a", "3");
    settle(box);
    assert_string_equal(box->sick, "chat+;chat-;");
}

static void a_day_of_failures_is_a_dead_letter_and_resent_by_hand(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "500"});
    put(box, "chat", "a", "1");
    for (int i = 0; i < 24 * 4 + 2; i++)
        pass_time(box, 15 * MINUTE);
    assert_string_equal(rows(box, "dead"), "1:500;");
    assert_int_equal(outbox_resend(box->outbox, 99), ERR_NOT_FOUND);
    box->courier.hold = true;
    assert_int_equal(outbox_resend(box->outbox, 1), OK);
    int code = outbox_resend(box->outbox, 1); /* twice is once, on disk already or not */
    assert_true(code == OK || code == ERR_NOT_FOUND);
    settle(box);
    shut_box(box);
    box->courier.hold = false;
    open_box(box); /* and it is young after a restart, too */
    settle(box);
    assert_string_equal(rows(box, "dead"), "");
    box->courier.sick = NULL;
    pass_time(box, 15 * MINUTE);
    pass_time(box, 15 * MINUTE);
    assert_string_equal(sent(box), "chat 1;");
    assert_string_equal(rows(box, "sent"), "1:200 ok;");
}

static void a_full_queue_gives_up_the_oldest(void **state)
{
    struct box *box = *state;
    struct store_batch *batch = new_batch("test", clock_now_ms(&box->clock));
    char id[16];
    box->courier.hold = true;
    put(box, "chat", "a", "first"); /* on its way: it is not given up */
    for (int i = 0; i < OUTBOX_QUEUE_MAX + 1; i++) {
        snprintf(id, sizeof id, "%d", i);
        put_only(box, batch, "chat", i % 2 ? "b" : "c", id);
    }
    commit_puts(box, batch);
    settle(box);
    assert_string_equal(rows(box, "dead"), "0:the queue is full;1:the queue is full;");
}

static void thousands_of_groups_keep_their_order(void **state)
{
    struct box *box = *state;
    struct store_batch *batch = new_batch("test", clock_now_ms(&box->clock));
    uint64_t random = 11;
    fail_with(box, (struct delivery){.answer = "500"});
    for (int i = 1; i <= LETTERS; i++) {
        char group[16], id[16];
        random = random * 6364136223846793005u + 1442695040888963407u;
        snprintf(group, sizeof group, "g%d", (int)(random >> 33) % GROUPS);
        snprintf(id, sizeof id, "%d", i);
        put_only(box, batch, "chat", group, id);
    }
    commit_puts(box, batch);
    for (int i = 0; i < 20; i++)
        pass_time(box, MINUTE);
    assert_int_equal(box->taken, 0);
    box->courier.sick = NULL;
    for (int i = 0; i < LETTERS && box->taken < LETTERS; i++)
        pass_time(box, MINUTE);
    assert_int_equal(box->taken, LETTERS);
}

static void what_a_receiver_that_is_gone_had_is_dead(void **state)
{
    struct box *box = *state;
    struct notify_settings fewer = box->settings;
    fewer.receivers++;
    fewer.receiver_count = 1;
    fail_with(box, (struct delivery){.answer = "500"});
    put(box, "chat", "a", "1");
    put(box, "chat", "b", "2");
    settle(box);
    outbox_settings(box->outbox, &fewer);
    settle(box);
    assert_string_equal(rows(box, "dead"), "1:there is no such receiver any more;"
                                           "2:there is no such receiver any more;");
    outbox_settings(box->outbox, &box->settings);
}

static void one_that_fails_or_hangs_delays_no_other(void **state)
{
    struct box *box = *state;
    fail_with(box, (struct delivery){.answer = "500", .retry_after_ms = 3600 * SECOND});
    put(box, "chat", "a", "1");
    put(box, "mail", "a", "2");
    settle(box);
    assert_string_equal(sent(box), "mail 2;");
}

static void puts_of_a_batch_that_failed_are_not_sent(void **state)
{
    struct box *box = *state;
    struct store_batch *batch = new_batch("test", clock_now_ms(&box->clock));
    put_only(box, batch, "chat", "a", "1");
    store_batch_free(batch);
    outbox_committed(box->outbox, ERR_FULL);
    settle(box);
    assert_int_equal(box->courier.attempts, 0);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_group_keeps_its_order_through_failures),
        FACT(waits_double_and_end_at_fifteen_minutes),
        FACT(retry_after_is_honoured),
        FACT(a_permanent_failure_is_a_dead_letter_at_once_and_delays_nobody),
        FACT(a_receiver_that_refuses_everything_is_sick),
        FACT(a_day_of_failures_is_a_dead_letter_and_resent_by_hand),
        FACT(a_full_queue_gives_up_the_oldest),
        FACT(thousands_of_groups_keep_their_order),
        FACT(what_a_receiver_that_is_gone_had_is_dead),
        FACT(one_that_fails_or_hangs_delays_no_other),
        FACT(puts_of_a_batch_that_failed_are_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
