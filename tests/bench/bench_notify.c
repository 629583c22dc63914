/* bench/bench_notify.c - what 10,000 targets cost that change their state in one tick: the state
 * machine, finding their groups, and telling one receiver, with a durable store. CPU time, medians.
 *
 * Each round fires all and then resolves all. What the tick does beside (evaluating, the journal's
 * entries) is measured by a tick in which nothing changes, and taken off. An argument names another
 * count of rounds. */
#include "moontide/base/log.h"
#include "moontide/notify/notifier.h"
#include "moontide/notify/outbox.h"
#include "moontide/tick/alert.h"
#include "support/engine_house.h"
#include "support/fake_courier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TARGETS = 10000, ROUNDS = 11, ROUNDS_MAX = 101 };

static struct house house;
static struct notifier *notifier;
static struct fake_courier courier;
static const char *targets[TARGETS];
static int64_t finding_ns;
static double quiet_ns[ROUNDS_MAX], tick_ns[ROUNDS_MAX], group_ns[ROUNDS_MAX], tell_ns[ROUNDS_MAX],
    batch_ms[ROUNDS_MAX], apply_ns[ROUNDS_MAX];

static int judge(struct rule *rule, const struct evaluation_input *input, const char *target,
                 struct evaluation *out, struct fault *fault)
{
    (void)input, (void)target, (void)fault;
    if (!*(bool *)rule->data) return OK;
    struct issue *issue = evaluation_issue(out);
    if (!issue) return ERR_NOMEM;
    *issue = (struct issue){.type = "slow",
                            .key = "",
                            .description = "API p99 is 1500 ms",
                            .recommendation = "Optimise the endpoint; review its caching",
                            .severity = SEVERITY_HIGH,
                            .when = VERDICT_TRUE};
    return OK;
}

static void hear_target(void *data, const struct target_report *report)
{
    (void)data;
    int64_t before = clock_cpu_ns();
    notifier_target(notifier, report);
    finding_ns += clock_cpu_ns() - before;
}

static void hear_tick(void *data, const struct tick_report *report)
{
    (void)data, (void)report;
}

/* The state machine by itself: each of the targets begins to fire, nothing is kept. */
static double apply_all(void)
{
    struct alerts *alerts = NULL;
    struct evaluation evaluation;
    struct alert_changes count = {0};
    struct rule rule = {.data = &(bool){true}};
    struct fault fault;
    evaluation_init(&evaluation);
    assert_int_equal(judge(&rule, NULL, NULL, &evaluation, &fault), OK);
    assert_int_equal(alerts_new(&alerts), OK);
    int64_t before = clock_cpu_ns();
    for (int i = 0; i < TARGETS; i++)
        assert_int_equal(
            alerts_apply(alerts, "web", targets[i], &evaluation, 1, NULL, &count, NULL, NULL), OK);
    double ns = (double)(clock_cpu_ns() - before);
    assert_int_equal(count.fired, TARGETS);
    alerts_free(alerts);
    evaluation_done(&evaluation);
    return ns;
}

static double tick(void)
{
    clock_advance(&house.world.world.clock, 10 * MINUTE_MS);
    finding_ns = 0;
    int64_t before = clock_cpu_ns();
    assert_false(house_tick(&house));
    return (double)(clock_cpu_ns() - before - finding_ns);
}

/* The pass that tells: what fired, or what is over. */
static void tell(size_t round)
{
    clock_advance(&house.world.world.clock, 10 * MINUTE_MS);
    int64_t before = clock_cpu_ns(), wall = clock_mono_ns(&(struct clock){0});
    notifier_tick(notifier, NULL);
    while (notifier_busy(notifier) || courier.under_way > 0)
        loop_turn(house.loop, true);
    tell_ns[round] = (double)(clock_cpu_ns() - before);
    batch_ms[round] = (double)(clock_mono_ns(&(struct clock){0}) - wall) / 1e6;
    courier.sent[0] = courier.ids[0] = '\0';
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

static void open_all(struct notify_settings *settings, struct store *store)
{
    struct fault fault;
    house_init(&house, house.loop);
    house.options.listener = (struct engine_listener){NULL, hear_target, hear_tick};
    house.store = store;
    house_open(&house);
    fake_courier_init(&courier, house.loop);
    struct notifier_options options = {.loop = house.loop,
                                       .store = store,
                                       .clock = &house.world.world.clock,
                                       .world = "test",
                                       .courier = &courier.courier};
    notify_settings_init(settings);
    settings->root.receiver = strdup("chat");
    settings->receivers = calloc(1, sizeof *settings->receivers);
    assert_non_null(settings->receivers);
    settings->receiver_count = 1;
    settings->receivers[0] = (struct receiver_settings){.name = strdup("chat"),
                                                        .type = strdup("fake"),
                                                        .json = strdup("{}"),
                                                        .send_resolved = true,
                                                        .rate_per_s = 1000};
    assert_int_equal(notifier_new(&options, &notifier, &fault), OK);
    notifier_settings(notifier, settings);
    assert_int_equal(notifier_start(notifier, house.engine), OK);
}

static void set_true(void *data)
{
    *(bool *)data = true;
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : ROUNDS;
    char path[] = "/tmp/bench_notify_XXXXXX/moontide.db", *slash = strrchr(path, '/');
    struct notify_settings settings;
    struct store *store = NULL;
    struct fault fault;
    bool slow = false, stopped = false;
    if (rounds < 1 || rounds > ROUNDS_MAX) return 1;
    *slash = '\0';
    if (!mkdtemp(path)) return 1;
    *slash = '/';
    assert_int_equal(loop_new(&house.loop), OK);
    assert_int_equal(store_open(house.loop, path, &store, &fault), OK);
    open_all(&settings, store);
    for (int i = 0; i < TARGETS; i++) {
        char id[64];
        snprintf(id, sizeof id, "environment=prod,service=s%05d", i);
        targets[i] = strdup(id);
    }
    struct rule *rule = house_rule(&house, "web", judge);
    rule->targets = targets;
    rule->target_count = TARGETS;
    rule->data = &slow;
    assert_int_equal(house_put(&house, rule), OK);
    tick();
    for (size_t i = 0; i < rounds; i++) {
        apply_ns[i] = apply_all();
        quiet_ns[i] = tick();
        slow = true;
        tick_ns[i] = tick();
        group_ns[i] = (double)finding_ns;
        tell(i);
        slow = false;
        tick();
        tell(i);
    }
    double quiet = median(quiet_ns, rounds) / 1e6, all = median(tick_ns, rounds) / 1e6;
    printf("{\"quiet_tick_ms\": %.3f, \"states_ms\": %.3f, \"states_and_journal_ms\": %.3f, "
           "\"grouping_ms\": %.3f, "
           "\"telling_ms\": %.3f, \"telling_wall_ms\": %.3f}\n",
           quiet, median(apply_ns, rounds) / 1e6, all - quiet, median(group_ns, rounds) / 1e6,
           median(tell_ns, rounds) / 1e6, median(batch_ms, rounds));
    house_close(&house);
    notifier_stop(notifier, set_true, &stopped);
    while (!stopped)
        loop_turn(house.loop, true);
    notifier_free(notifier);
    store_close(store);
    house_done(&house);
    notify_settings_done(&settings);
    unlink(path);
    *slash = '\0';
    (void)rmdir(path);
    return 0;
}
