/* Facts about who is told what when: groups, repeats, silences, inhibition, restarts. An engine
 * with a store, policies in C, a manual clock, and a courier that writes down what it is given. */
#include "support/engine_house.h"
#include "support/fake_courier.h"
#include "support/store_files.h"

#include "moontide/notify/notifier.h"
#include "moontide/notify/outbox.h"
#include "moontide/notify/silences.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND };

struct post {
    struct house house;
    struct store_files *files;
    struct notify_settings settings;
    struct fake_courier courier;
    struct notifier *notifier;
    char silences[300];
    bool stopped;
};

/* ---- the house ---- */

static struct post *post_of(struct house *house)
{
    return (struct post *)house; /* its first member */
}

static void on_target(struct house *house, const struct target_report *report)
{
    if (post_of(house)->notifier) notifier_target(post_of(house)->notifier, report);
}

static void open_notifier(struct post *post)
{
    struct fault fault;
    struct notifier_options options = {.loop = post->files->loop,
                                       .store = post->house.store,
                                       .clock = &post->house.world.world.clock,
                                       .world = "test",
                                       .silences_path = post->silences,
                                       .courier = &post->courier.courier};
    assert_int_equal(notifier_new(&options, &post->notifier, &fault), OK);
    notifier_settings(post->notifier, &post->settings);
    assert_int_equal(notifier_start(post->notifier, post->house.engine), OK);
}

static void note_stopped(void *data)
{
    *(bool *)data = true;
}

static void shut(struct post *post)
{
    house_close(&post->house);
    post->stopped = false;
    notifier_stop(post->notifier, note_stopped, &post->stopped);
    house_turn_until(&post->house, &post->stopped);
    notifier_free(post->notifier);
    post->notifier = NULL;
    store_close(post->house.store);
    post->house.store = NULL;
}

static void open_all(struct post *post)
{
    post->house.store = open_store(post->files);
    house_open(&post->house);
    open_notifier(post);
}

static struct route *add_route(struct post *post, const char *receiver, const char *matcher)
{
    struct route *root = &post->settings.root;
    struct fault fault;
    root->children = realloc(root->children, (root->child_count + 1) * sizeof *root->children);
    assert_non_null(root->children);
    struct route *route = &root->children[root->child_count++];
    *route = (struct route){.receiver = strdup(receiver),
                            .group_wait_ms = -1,
                            .group_interval_ms = -1,
                            .repeat_interval_ms = -1};
    assert_int_equal(matchers_add(&route->matchers, matcher, &fault), OK);
    return route;
}

static void add_receiver(struct post *post, const char *name)
{
    struct notify_settings *s = &post->settings;
    s->receivers = realloc(s->receivers, (s->receiver_count + 1) * sizeof *s->receivers);
    assert_non_null(s->receivers);
    s->receivers[s->receiver_count++] = (struct receiver_settings){.name = strdup(name),
                                                                   .type = strdup("fake"),
                                                                   .json = strdup("{}"),
                                                                   .send_resolved = true,
                                                                   .rate_per_s = 1000};
}

static int setup(void **state)
{
    void *files = NULL;
    struct post *post = calloc(1, sizeof *post);
    if (!post || store_files_setup(&files) < 0) return -1;
    post->files = files;
    snprintf(post->silences, sizeof post->silences, "%s.silences", post->files->path);
    house_init(&post->house, post->files->loop);
    post->house.on_target = on_target;
    fake_courier_init(&post->courier, post->files->loop);
    notify_settings_init(&post->settings);
    post->settings.root.receiver = strdup("chat");
    add_receiver(post, "chat");
    add_receiver(post, "oncall");
    open_all(post);
    *state = post;
    return 0;
}

static int teardown(void **state)
{
    struct post *post = *state;
    shut(post);
    house_done(&post->house);
    notify_settings_done(&post->settings);
    unlink(post->silences);
    void *files = post->files;
    int rc = store_files_teardown(&files);
    free(post);
    return rc;
}

/* ---- doing ---- */

/* Everything that is due happens: the pass, its batch, the deliveries, their records. */
static void settle(struct post *post)
{
    int quiet = 0;
    for (int turns = 0; quiet < 5; turns++) {
        assert_true(turns < TURNS_MAX);
        bool busy =
            notifier_busy(post->notifier) || (post->courier.under_way > 0 && !post->courier.hold);
        loop_turn(post->files->loop, busy);
        quiet = busy ? 0 : quiet + 1;
    }
}

static void tick(struct post *post)
{
    house_tick(&post->house);
    notifier_tick(post->notifier, &post->house.last);
    settle(post);
}

static void pass_time(struct post *post, int64_t ms)
{
    clock_advance(&post->house.world.world.clock, ms);
}

static void tick_after(struct post *post, int64_t ms)
{
    pass_time(post, ms);
    tick(post);
}

static const char *sent(struct post *post)
{
    static char text[sizeof post->courier.sent];
    strcpy(text, post->courier.sent);
    post->courier.sent[0] = '\0';
    return text;
}

static struct rule *put_slow(struct post *post, size_t targets)
{
    struct rule *rule = house_rule(&post->house, "web", judge_slow);
    rule->target_count = targets;
    assert_int_equal(house_put(&post->house, rule), OK);
    return rule;
}

static void be_slow(struct post *post, bool slow)
{
    post->house.world.value = slow ? 500 : 5;
}

/* ---- facts ---- */

static void a_group_is_told_after_group_wait_and_told_once(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    assert_string_equal(sent(post), "");
    tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
    for (int i = 0; i < 10; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "");
}

static void an_issue_that_ends_inside_group_wait_sends_nothing(void **state)
{
    struct post *post = *state;
    post->settings.root.group_wait_ms = 90 * SECOND;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    be_slow(post, false);
    tick_after(post, MINUTE_MS);
    for (int i = 0; i < 10; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "");
}

static void resolved_is_sent_once(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
    be_slow(post, false);
    for (int i = 0; i < 12; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat resolved slow/prod:high[resolved];");
    be_slow(post, true);
    for (int i = 0; i < 2; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
}

static void what_goes_on_is_told_again_after_repeat_interval(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    sent(post);
    for (int i = 0; i < 47; i++)
        tick_after(post, 5 * MINUTE_MS);
    assert_string_equal(sent(post), "");
    tick_after(post, 5 * MINUTE_MS);
    tick_after(post, 5 * MINUTE_MS);
    assert_string_equal(sent(post), "chat firing again slow/prod:high[firing];");
}

static void alerts_of_one_group_are_one_message(void **state)
{
    struct post *post = *state;
    add_route(post, "chat", "policy=web")->group_by = calloc(1, sizeof(char *));
    struct route *route = &post->settings.root.children[0];
    route->group_by[0] = strdup("policy");
    route->group_by_count = 1;
    notifier_settings(post->notifier, &post->settings);
    be_slow(post, true);
    put_slow(post, 2);
    tick(post);
    tick_after(post, MINUTE_MS);
    const char *text = sent(post);
    assert_non_null(strstr(text, "slow/prod:high[firing]"));
    assert_non_null(strstr(text, "slow/staging:high[firing]"));
    assert_ptr_equal(strchr(text, ';'), text + strlen(text) - 1);
}

static void a_restart_sends_nothing_again_and_forgets_nothing(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    struct rule *rule = put_slow(post, 1);
    tick(post); /* on disk; its group waits */
    shut(post);
    open_all(post);
    pass_time(post, MINUTE_MS);
    notifier_tick(post->notifier, NULL); /* nothing was judged yet */
    settle(post);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
    shut(post);
    open_all(post);
    assert_int_equal(house_put(&post->house, rule), OK);
    for (int i = 0; i < 8; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "");
}

static void what_ended_while_nobody_could_be_told_is_told_after_the_restart(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    struct rule *rule = put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    sent(post);
    be_slow(post, false);
    tick_after(post, MINUTE_MS); /* resolved, and its group is not due yet */
    assert_string_equal(sent(post), "");
    shut(post);
    open_all(post);
    assert_int_equal(house_put(&post->house, rule), OK);
    tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat resolved slow/prod:high[resolved];");
}

static void what_waits_in_the_outbox_is_sent_after_a_restart_under_its_id(void **state)
{
    struct post *post = *state;
    post->courier.hold = true;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_int_equal(post->courier.attempts, 1);
    shut(post);
    post->courier.hold = false;
    open_all(post);
    settle(post);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
    char *second = strchr(post->courier.ids, ';') + 1;
    assert_int_equal(strncmp(post->courier.ids, second, 33), 0);
}

static void a_silence_holds_back_and_its_end_lets_through(void **state)
{
    struct post *post = *state;
    struct silences silences = {0};
    struct fault fault;
    struct silence one = {.id = "abc",
                          .from_ms = 0,
                          .until_ms =
                              clock_now_ms(&post->house.world.world.clock) + 30 * MINUTE_MS};
    assert_int_equal(matchers_add(&one.matchers, "policy=web", &fault), OK);
    one.by = one.reason = (char *)"";
    silences = (struct silences){&one, 1};
    assert_int_equal(silences_write(post->silences, &silences, 0, &fault), OK);
    matchers_done(&one.matchers);
    notifier_silences_changed(post->notifier);
    settle(post);
    be_slow(post, true);
    put_slow(post, 1);
    for (int i = 0; i < 20; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "");
    for (int i = 0; i < 20; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
}

static void an_inhibited_alert_is_not_told(void **state)
{
    struct post *post = *state;
    struct fault fault;
    struct inhibit_settings *rule = calloc(1, sizeof *rule);
    assert_non_null(rule);
    post->settings.inhibits = rule;
    post->settings.inhibit_count = 1;
    assert_int_equal(matchers_add(&rule->source, "target=prod", &fault), OK);
    assert_int_equal(matchers_add(&rule->target, "target=staging", &fault), OK);
    notifier_settings(post->notifier, &post->settings);
    be_slow(post, true);
    put_slow(post, 2);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
}

static void a_policy_that_is_removed_resolves_its_alerts(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    sent(post);
    engine_remove(post->house.engine, "web");
    for (int i = 0; i < 6; i++) {
        pass_time(post, MINUTE_MS);
        notifier_tick(post->notifier, NULL);
        settle(post);
    }
    assert_string_equal(sent(post), "chat resolved slow/prod:high[resolved];");
}

static void note_own(void *data, const char *policy, const char *target, const struct alert *alerts,
                     size_t count)
{
    assert_int_equal(count, 1);
    snprintf(data, 128, "%s %s %s/%s %s", policy, target, alerts->type, alerts->key,
             alert_state_names[alerts->state]);
}

static const char *own_alert(struct post *post)
{
    static char text[128];
    text[0] = '\0';
    notifier_each_own(post->notifier, note_own, text);
    return text;
}

static void a_receiver_that_fails_is_an_alert_for_the_others(void **state)
{
    struct post *post = *state;
    post->courier.sick = "chat";
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    for (int i = 0; i < 20; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "oncall firing receiver_failing/receiver=chat:high[firing];");
    assert_string_equal(own_alert(post), "moontide receiver=chat receiver_failing/chat firing");
    post->courier.sick = NULL;
    for (int i = 0; i < 30; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];oncall resolved "
                                    "receiver_failing/receiver=chat:high[resolved];");
}

static void what_a_receiver_left_is_given_to_the_next_message_of_the_group(void **state)
{
    struct post *post = *state;
    post->courier.state = "{\"ts\":\"17.1\"}";
    be_slow(post, true);
    struct rule *rule = put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_string_equal(post->courier.given, "");
    shut(post);
    open_all(post);
    assert_int_equal(house_put(&post->house, rule), OK);
    be_slow(post, false);
    for (int i = 0; i < 7; i++)
        tick_after(post, MINUTE_MS);
    assert_string_equal(post->courier.given, "{\"ts\":\"17.1\"}");
}

static void what_a_failed_attempt_left_is_given_to_the_next(void **state)
{
    struct post *post = *state;
    post->courier.sick = "chat";
    post->courier.how.state = "{\"taken\":[\"a\"]}";
    be_slow(post, true);
    struct rule *rule = put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_string_equal(post->courier.given, "");
    shut(post);
    open_all(post);
    assert_int_equal(house_put(&post->house, rule), OK);
    tick_after(post, MINUTE_MS);
    assert_string_equal(post->courier.given, "{\"taken\":[\"a\"]}");
}

static void a_clock_that_jumps_gives_no_burst_and_no_silence(void **state)
{
    struct post *post = *state;
    be_slow(post, true);
    put_slow(post, 1);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_string_equal(sent(post), "chat firing slow/prod:high[firing];");
    tick_after(post, 3 * HOUR);
    assert_string_equal(sent(post), "");
    clock_advance(&post->house.world.world.clock, -2 * HOUR);
    tick(post);
    be_slow(post, false);
    for (int i = 0; i < 7; i++)
        tick_after(post, MINUTE_MS);
    assert_non_null(strstr(sent(post), "chat resolved slow/prod:high[resolved];"));
}

/* Control characters are six bytes each in JSON: 25 such alerts are more than a message carries. */
static int judge_long(struct rule *rule, const struct evaluation_input *input, const char *target,
                      struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)fault;
    static char text[4096], keys[NOTIFY_ALERTS_MAX][8];
    memset(text, 1, sizeof text - 1);
    for (int i = 0; i < NOTIFY_ALERTS_MAX; i++) {
        struct issue *issue = evaluation_issue(out);
        if (!issue) return ERR_NOMEM;
        snprintf(keys[i], sizeof keys[i], "%d", i);
        *issue = (struct issue){.type = "long",
                                .key = keys[i],
                                .description = text,
                                .recommendation = text,
                                .severity = SEVERITY_LOW,
                                .when = VERDICT_TRUE};
    }
    return OK;
}

static void a_message_that_is_too_long_lists_fewer_alerts(void **state)
{
    struct post *post = *state;
    struct rule *rule = house_rule(&post->house, "web", judge_long);
    rule->target_count = 1;
    assert_int_equal(house_put(&post->house, rule), OK);
    tick(post);
    tick_after(post, MINUTE_MS);
    const char *text = sent(post), *at = text;
    size_t listed = 0;
    for (; (at = strstr(at, "long/prod:low[firing]")); at++)
        listed++;
    assert_int_equal(listed, NOTIFY_ALERTS_MAX / 2);
    assert_int_equal(post->courier.attempts, 1);
    tick_after(post, 10 * MINUTE_MS);
    assert_string_equal(sent(post), "");
}

static int judge_wordy(struct rule *rule, const struct evaluation_input *input, const char *target,
                       struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)input, (void)target, (void)fault;
    static char text[5001];
    memset(text, 'w', sizeof text - 1);
    struct issue *issue = evaluation_issue(out);
    if (!issue) return ERR_NOMEM;
    *issue = (struct issue){.type = "wordy",
                            .key = "",
                            .description = text,
                            .recommendation = "short",
                            .severity = SEVERITY_LOW,
                            .when = VERDICT_TRUE};
    return OK;
}

static bool keep_json(void *data, const struct outbox_row *row)
{
    *(char **)data = strdup(row->json);
    return false;
}

static void what_is_cut_of_a_description_is_counted(void **state)
{
    struct post *post = *state;
    struct rule *rule = house_rule(&post->house, "web", judge_wordy);
    struct fault fault;
    char *json = NULL;
    rule->target_count = 1;
    assert_int_equal(house_put(&post->house, rule), OK);
    tick(post);
    tick_after(post, MINUTE_MS);
    assert_int_equal(
        store_each_outbox(post->house.store, "test", NULL, false, keep_json, &json, &fault), OK);
    assert_non_null(json);
    assert_non_null(strstr(json, "\"description_cut\":904"));
    assert_null(strstr(json, "recommendation_cut"));
    free(json);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(a_group_is_told_after_group_wait_and_told_once),
        FACT(an_issue_that_ends_inside_group_wait_sends_nothing),
        FACT(resolved_is_sent_once),
        FACT(what_goes_on_is_told_again_after_repeat_interval),
        FACT(alerts_of_one_group_are_one_message),
        FACT(a_restart_sends_nothing_again_and_forgets_nothing),
        FACT(what_ended_while_nobody_could_be_told_is_told_after_the_restart),
        FACT(what_waits_in_the_outbox_is_sent_after_a_restart_under_its_id),
        FACT(a_silence_holds_back_and_its_end_lets_through),
        FACT(an_inhibited_alert_is_not_told),
        FACT(a_policy_that_is_removed_resolves_its_alerts),
        FACT(a_receiver_that_fails_is_an_alert_for_the_others),
        FACT(what_a_receiver_left_is_given_to_the_next_message_of_the_group),
        FACT(what_a_failed_attempt_left_is_given_to_the_next),
        FACT(a_clock_that_jumps_gives_no_burst_and_no_silence),
        FACT(a_message_that_is_too_long_lists_fewer_alerts),
        FACT(what_is_cut_of_a_description_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
