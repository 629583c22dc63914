/* The notifier and the outbox while memory is short: in one stage after the other the nth
 * allocation of every call fails for some minutes. What was raised is told once there is memory
 * again, once, and so is its end. */
#include "support/engine_house.h"
#include "support/failing_alloc.h"
#include "support/fake_courier.h"
#include "support/store_files.h"

#include "moontide/base/log.h"
#include "moontide/notify/notifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ALLOCATIONS_MAX = 300, SHORT_NS = 50000000, MINUTES_SHORT = 4, MINUTES_AFTER = 20 };

enum stage { STAGE_NONE, STAGE_TARGET, STAGE_TURN };

struct post {
    struct house house; /* first */
    struct store_files *files;
    struct notify_settings settings;
    struct fake_courier courier;
    struct notifier *notifier;
    enum stage stage; /* where it fails; NONE: nowhere */
    int nth;
    bool failed, stopped;
};

static void begin_stage(struct post *post, enum stage stage)
{
    if (post->stage == stage) alloc_fail_at(post->nth);
}

static void end_stage(struct post *post)
{
    post->failed = alloc_has_failed() || post->failed;
    alloc_fail_at(0);
}

static void on_target(struct house *house, const struct target_report *report)
{
    struct post *post = (struct post *)house;
    begin_stage(post, STAGE_TARGET);
    notifier_target(post->notifier, report);
    end_stage(post);
}

static void open_post(struct post *post)
{
    struct fault fault;
    post->house.store = open_store(post->files);
    house_open(&post->house);
    struct notifier_options options = {.loop = post->files->loop,
                                       .store = post->house.store,
                                       .clock = &post->house.world.world.clock,
                                       .world = "test",
                                       .courier = &post->courier.courier};
    assert_int_equal(notifier_new(&options, &post->notifier, &fault), OK);
    notifier_settings(post->notifier, &post->settings);
    assert_int_equal(notifier_start(post->notifier, post->house.engine), OK);
}

static void init_post(struct post *post)
{
    void *files = NULL;
    assert_int_equal(store_files_setup(&files), 0);
    post->files = files;
    house_init(&post->house, post->files->loop);
    post->house.on_target = on_target;
    fake_courier_init(&post->courier, post->files->loop);
    notify_settings_init(&post->settings);
    post->settings.root.receiver = strdup("chat");
    post->settings.receivers = calloc(1, sizeof *post->settings.receivers);
    assert_non_null(post->settings.receivers);
    post->settings.receiver_count = 1;
    post->settings.receivers[0] = (struct receiver_settings){.name = strdup("chat"),
                                                             .type = strdup("fake"),
                                                             .json = strdup("{}"),
                                                             .send_resolved = true,
                                                             .rate_per_s = 1000};
    open_post(post);
}

static void note_stopped(void *data)
{
    *(bool *)data = true;
}

static void done_post(struct post *post)
{
    house_close(&post->house);
    notifier_stop(post->notifier, note_stopped, &post->stopped);
    house_turn_until(&post->house, &post->stopped);
    notifier_free(post->notifier);
    store_close(post->house.store);
    house_done(&post->house);
    notify_settings_done(&post->settings);
    void *files = post->files;
    assert_int_equal(store_files_teardown(&files), 0);
}

/* Without memory it may stay busy for good. */
static void settle(struct post *post)
{
    int quiet = 0;
    bool is_short = post->stage != STAGE_NONE;
    uint64_t end_ns = uv_hrtime() + SHORT_NS;
    while (quiet < 5 && (!is_short || uv_hrtime() < end_ns)) {
        bool busy = notifier_busy(post->notifier) || post->courier.under_way > 0;
        begin_stage(post, STAGE_TURN);
        loop_turn(post->files->loop, busy && !is_short);
        end_stage(post);
        quiet = busy ? 0 : quiet + 1;
    }
}

static void minutes(struct post *post, int count)
{
    for (int i = 0; i < count; i++) {
        clock_advance(&post->house.world.world.clock, MINUTE_MS);
        house_tick(&post->house);
        begin_stage(post, STAGE_TURN);
        notifier_tick(post->notifier, &post->house.last);
        end_stage(post);
        settle(post);
    }
}

/* Whether every target was told of in this state, and no message is there twice. */
static bool is_told(const char *sent, const char *state)
{
    char prod[64], staging[64];
    snprintf(prod, sizeof prod, "slow/prod:high[%s]", state);
    snprintf(staging, sizeof staging, "slow/staging:high[%s]", state);
    if (!strstr(sent, prod) || !strstr(sent, staging)) return false;
    for (const char *at = sent; *at; at = strchr(at, ';') + 1) {
        size_t len = (size_t)(strchr(at, ';') + 1 - at);
        for (const char *other = at + len; *other; other = strchr(other, ';') + 1)
            if (strncmp(at, other, len) == 0) return false;
    }
    return true;
}

static void short_then_well(struct post *post, enum stage stage)
{
    post->stage = stage;
    minutes(post, MINUTES_SHORT);
    post->stage = STAGE_NONE;
    minutes(post, MINUTES_AFTER);
}

/* Whether an allocation failed. */
static bool run(enum stage stage, int nth)
{
    struct post *post = calloc(1, sizeof *post);
    assert_non_null(post);
    init_post(post);
    post->nth = nth;
    struct rule *rule = house_rule(&post->house, "web", judge_slow);
    assert_int_equal(house_put(&post->house, rule), OK);
    post->house.world.value = 500;
    short_then_well(post, stage);
    const char *sent = post->courier.sent;
    if (!is_told(sent, "firing")) fail_msg("stage %d, allocation %d: told %s", stage, nth, sent);
    post->house.world.value = 5;
    short_then_well(post, stage);
    if (!is_told(sent, "resolved")) fail_msg("stage %d, allocation %d: told %s", stage, nth, sent);
    bool failed = post->failed;
    done_post(post);
    free(post);
    return failed;
}

static void run_all(enum stage stage)
{
    int nth = 1;
    while (nth <= ALLOCATIONS_MAX && run(stage, nth))
        nth++;
    assert_true(nth > 1); /* it allocates at all */
    assert_true(nth <= ALLOCATIONS_MAX);
}

static void a_target_that_cannot_be_noted_is_noted_later(void **state)
{
    (void)state;
    run_all(STAGE_TARGET);
}

static void a_pass_or_a_delivery_that_fails_is_made_up_for(void **state)
{
    (void)state;
    run_all(STAGE_TURN);
}

int main(void)
{
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_that_cannot_be_noted_is_noted_later),
        cmocka_unit_test(a_pass_or_a_delivery_that_fails_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
