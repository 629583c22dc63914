/* The states of an issue, edge by edge, and that they survive a restart. One evaluation a minute;
 * each is given as the issues that it states and how many series could not answer. */
#include "moontide/io/loop.h"
#include "moontide/tick/alert.h"
#include "moontide/tick/changes.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

struct world {
    struct alerts *alerts;
    struct changes *changes;
    struct evaluation evaluation;
    int64_t now_ms;
    uint32_t fired, resolved;
    char log[256];
};

static int setup(void **state)
{
    static struct world world;
    world = (struct world){.now_ms = 1000000000000};
    if (alerts_new(&world.alerts) < 0 || changes_new(&world.changes) < 0) return -1;
    evaluation_init(&world.evaluation);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    alerts_free(world->alerts);
    changes_free(world->changes);
    evaluation_done(&world->evaluation);
    return 0;
}

static void note(void *data, const struct alert *alert, enum alert_event event)
{
    struct world *world = data;
    size_t len = strlen(world->log);
    snprintf(world->log + len, sizeof world->log - len, "%c%s ", "+-!~="[event], alert -> type);
}

static struct issue *state_issue(struct world *world, const char *type, enum verdict when)
{
    struct issue *issue = evaluation_issue(&world->evaluation);
    assert_non_null(issue);
    *issue = (struct issue){.type = type,
                            .key = "",
                            .description = "it is slow",
                            .recommendation = "cache it",
                            .severity = SEVERITY_HIGH,
                            .when = when};
    return issue;
}

/* One evaluation of what was stated since the last, a minute after it. */
static void evaluate(struct world *world, uint32_t unknowns)
{
    struct alert_changes count = {0};
    for (uint32_t i = 0; i < unknowns; i++)
        assert_non_null(evaluation_unknown(&world->evaluation));
    world->now_ms += MINUTE_MS;
    assert_int_equal(alerts_apply(world->alerts, "web", "prod", &world->evaluation, world->now_ms,
                                  world->changes, &count, note, world),
                     OK);
    world->fired += count.fired;
    world->resolved += count.resolved;
    evaluation_reset(&world->evaluation);
}

static void evaluate_when(struct world *world, enum verdict when)
{
    state_issue(world, "slow", when);
    evaluate(world, when == VERDICT_UNKNOWN ? 1 : 0);
}

/* The only alert's state as text, or "inactive". */
static const char *state_of(struct world *world)
{
    static const char *const names[] = {"pending", "firing", "clearing"};
    size_t count = 0;
    const struct alert *alerts = alerts_of(world->alerts, "web", "prod", &count);
    if (count == 0) return "inactive";
    assert_int_equal(count, 1);
    return names[alerts[0].state];
}

static void an_issue_fires_at_once_and_is_resolved_when_it_is_gone(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "inactive");
    evaluate_when(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "firing");
    evaluate_when(world, VERDICT_TRUE);
    assert_string_equal(world->log, "+slow ");
    evaluate_when(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "inactive");
    assert_string_equal(world->log, "+slow -slow ");
    assert_int_equal(world->fired, 1);
    assert_int_equal(world->resolved, 1);
}

static void an_issue_that_is_no_longer_stated_is_resolved(void **state)
{
    struct world *world = *state;
    state_issue(world, "slow", VERDICT_TRUE)->has_clear = true;
    evaluate(world, 0);
    evaluate(world, 0);
    assert_string_equal(world->log, "+slow -slow ");
}

static void no_data_never_resolves(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_TRUE);
    evaluate_when(world, VERDICT_UNKNOWN);
    assert_string_equal(state_of(world), "firing");
    evaluate(world, 1); /* not stated, and a series did not answer */
    assert_string_equal(state_of(world), "firing");
    state_issue(world, "slow", VERDICT_FALSE); /* false, as `(m.x:last() or 0) > 1` is */
    evaluate(world, 1);
    assert_string_equal(state_of(world), "firing");
    evaluate(world, 0);
    assert_string_equal(state_of(world), "inactive");
}

static void no_data_never_raises(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_UNKNOWN);
    assert_string_equal(state_of(world), "inactive");
}

static void another_issue_is_raised_while_a_series_does_not_answer(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_TRUE);
    state_issue(world, "errors", VERDICT_TRUE);
    evaluate(world, 1);
    assert_string_equal(world->log, "+slow +errors ");
}

static void state_pending(struct world *world, enum verdict when)
{
    state_issue(world, "slow", when)->pending_ms = 2 * MINUTE_MS;
    evaluate(world, when == VERDICT_UNKNOWN ? 1 : 0);
}

static void a_pending_issue_fires_after_its_time(void **state)
{
    struct world *world = *state;
    state_pending(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "pending");
    state_pending(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "pending");
    assert_string_equal(world->log, "");
    state_pending(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "firing");
    assert_string_equal(world->log, "+slow ");
}

static void one_miss_starts_a_pending_issue_over(void **state)
{
    struct world *world = *state;
    state_pending(world, VERDICT_TRUE);
    state_pending(world, VERDICT_TRUE);
    state_pending(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "inactive");
    state_pending(world, VERDICT_TRUE);
    state_pending(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "pending");
    assert_string_equal(world->log, "");
    assert_int_equal(world->resolved, 0);
}

static void no_data_keeps_an_issue_pending(void **state)
{
    struct world *world = *state;
    state_pending(world, VERDICT_TRUE);
    for (int i = 0; i < 5; i++) {
        state_pending(world, VERDICT_UNKNOWN);
        assert_string_equal(state_of(world), "pending");
    }
    state_pending(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "firing");
}

static void state_kept(struct world *world, enum verdict when)
{
    state_issue(world, "slow", when)->keep_firing_ms = 2 * MINUTE_MS;
    evaluate(world, 0);
}

static void keep_firing_holds_an_issue_for_its_time(void **state)
{
    struct world *world = *state;
    state_kept(world, VERDICT_TRUE);
    state_kept(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "clearing");
    state_kept(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "clearing");
    assert_string_equal(world->log, "+slow ");
    state_kept(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "inactive");
    assert_string_equal(world->log, "+slow -slow ");
}

static void an_issue_that_comes_back_while_clearing_was_never_gone(void **state)
{
    struct world *world = *state;
    state_kept(world, VERDICT_TRUE);
    evaluate(world, 0); /* not stated at all: its keep_firing is remembered */
    assert_string_equal(state_of(world), "clearing");
    state_kept(world, VERDICT_TRUE);
    assert_string_equal(state_of(world), "firing");
    state_kept(world, VERDICT_FALSE);
    state_kept(world, VERDICT_FALSE);
    assert_string_equal(state_of(world), "clearing");
    assert_string_equal(world->log, "+slow ");
}

static void state_clear(struct world *world, enum verdict when, enum verdict clear)
{
    struct issue *issue = state_issue(world, "slow", when);
    issue->has_clear = true;
    issue->clear = clear;
    evaluate(world, 0);
}

static void an_issue_with_clear_goes_back_only_when_that_is_true(void **state)
{
    struct world *world = *state;
    state_clear(world, VERDICT_TRUE, VERDICT_FALSE);
    state_clear(world, VERDICT_FALSE, VERDICT_FALSE);
    assert_string_equal(state_of(world), "firing");
    state_clear(world, VERDICT_FALSE, VERDICT_UNKNOWN);
    assert_string_equal(state_of(world), "firing");
    state_clear(world, VERDICT_TRUE, VERDICT_TRUE);
    assert_string_equal(state_of(world), "firing");
    state_clear(world, VERDICT_FALSE, VERDICT_TRUE);
    assert_string_equal(state_of(world), "inactive");
}

static void two_keys_of_one_type_are_two_issues(void **state)
{
    struct world *world = *state;
    state_issue(world, "slow", VERDICT_TRUE)->key = "a";
    state_issue(world, "slow", VERDICT_TRUE)->key = "b";
    evaluate(world, 0);
    size_t count = 0;
    alerts_of(world->alerts, "web", "prod", &count);
    assert_int_equal(count, 2);
    state_issue(world, "slow", VERDICT_TRUE)->key = "b";
    evaluate(world, 0);
    const struct alert *alerts = alerts_of(world->alerts, "web", "prod", &count);
    assert_int_equal(count, 1);
    assert_string_equal(alerts[0].key, "b");
}

static void of_one_issue_stated_twice_the_true_and_graver_one_counts(void **state)
{
    struct world *world = *state;
    state_issue(world, "slow", VERDICT_TRUE)->severity = SEVERITY_LOW;
    state_issue(world, "slow", VERDICT_FALSE);
    state_issue(world, "slow", VERDICT_TRUE)->severity = SEVERITY_MEDIUM;
    evaluate(world, 0);
    size_t count = 0;
    const struct alert *alerts = alerts_of(world->alerts, "web", "prod", &count);
    assert_int_equal(count, 1);
    assert_int_equal(alerts[0].severity, SEVERITY_MEDIUM);
    assert_string_equal(world->log, "+slow ");
}

static void the_newest_description_is_kept_without_a_write(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_TRUE);
    size_t written = changes_count(world->changes), count = 0;
    state_issue(world, "slow", VERDICT_TRUE)->description = "it is slower still";
    evaluate(world, 0);
    assert_string_equal(alerts_of(world->alerts, "web", "prod", &count)->description,
                        "it is slower still");
    assert_int_equal(changes_count(world->changes), written);
}

static void the_status_is_that_of_the_gravest_firing_issue(void **state)
{
    (void)state;
    static const struct {
        struct alert alerts[2];
        size_t count;
        uint32_t unknowns;
        enum status status;
    } cases[] = {
        {.count = 0, .status = STATUS_HEALTHY},
        {.count = 0, .unknowns = 1, .status = STATUS_UNKNOWN},
        {{{.severity = SEVERITY_HIGH, .state = ALERT_PENDING}}, 1, 0, STATUS_HEALTHY},
        {{{.severity = SEVERITY_HIGH, .state = ALERT_RESOLVING}}, 1, 0, STATUS_CRITICAL},
        {{{.severity = SEVERITY_MEDIUM, .state = ALERT_FIRING},
          {.severity = SEVERITY_HIGH, .state = ALERT_FIRING}},
         2,
         1,
         STATUS_CRITICAL},
        {{{.severity = SEVERITY_MEDIUM, .state = ALERT_FIRING}}, 1, 3, STATUS_WARNING},
        {{{.severity = SEVERITY_LOW, .state = ALERT_FIRING}}, 1, 0, STATUS_HEALTHY},
        {{{.severity = SEVERITY_LOW, .state = ALERT_FIRING}}, 1, 1, STATUS_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(alerts_status(cases[i].alerts, cases[i].count, cases[i].unknowns),
                         cases[i].status);
}

static bool is_staging(void *data, const char *target)
{
    (void)data;
    return strcmp(target, "staging") == 0;
}

static void a_target_that_is_gone_takes_its_alerts_with_it(void **state)
{
    struct world *world = *state;
    static const char *const policies[] = {"web", "queue"};
    static const char *const targets[] = {"prod", "staging", "dev"};
    state_issue(world, "slow", VERDICT_TRUE);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(alerts_apply(world->alerts, policies[i / 3], targets[i % 3],
                                      &world->evaluation, 0, NULL, NULL, NULL, NULL),
                         OK);
    alerts_retain(world->alerts, "web", is_staging, NULL, NULL, NULL);
    for (size_t i = 0; i < 6; i++) {
        size_t count = 0;
        alerts_of(world->alerts, policies[i / 3], targets[i % 3], &count);
        assert_int_equal(count, i == 0 || i == 2 ? 0 : 1);
    }
}

static void many_targets_keep_their_own_alerts(void **state)
{
    struct world *world = *state;
    char target[32];
    size_t count = 0;
    state_issue(world, "slow", VERDICT_TRUE);
    for (int i = 0; i < 5000; i++) {
        snprintf(target, sizeof target, "t%d", i);
        assert_int_equal(alerts_apply(world->alerts, "web", target, &world->evaluation, i, NULL,
                                      NULL, NULL, NULL),
                         OK);
    }
    evaluation_reset(&world->evaluation);
    for (int i = 0; i < 5000; i += 2) { /* every second one is resolved: holes everywhere */
        snprintf(target, sizeof target, "t%d", i);
        assert_int_equal(alerts_apply(world->alerts, "web", target, &world->evaluation, i, NULL,
                                      NULL, NULL, NULL),
                         OK);
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(target, sizeof target, "t%d", i);
        const struct alert *alerts = alerts_of(world->alerts, "web", target, &count);
        assert_int_equal(count, i % 2);
        if (count) assert_int_equal(alerts[0].raised_ms, i);
    }
}

/* ---- history ---- */

static size_t remembered(struct world *world)
{
    size_t count = 0;
    alerts_all_of(world->alerts, "web", "prod", &count);
    return count;
}

static void a_resolved_alert_is_remembered_for_21_evaluations(void **state)
{
    struct world *world = *state;
    evaluate_when(world, VERDICT_TRUE);
    for (int i = 0; i < ALERT_HISTORY - 1; i++) {
        evaluate_when(world, VERDICT_FALSE);
        assert_int_equal(remembered(world), 1);
    }
    evaluate_when(world, VERDICT_FALSE);
    assert_int_equal(remembered(world), 0);
}

/* On and off at each evaluation: nine changes weigh 10.8 - 0.4/19 x 36 of 20, above a half. Off
 * from then on is a tenth; five of them are left in the window, and weigh less than a quarter,
 * after 16.
 */
static void an_alert_that_changes_too_often_flaps_until_it_is_calm(void **state)
{
    struct world *world = *state;
    int until_flapping = 0, until_calm = 0;
    while (!strchr(world->log, '~')) {
        evaluate_when(world, until_flapping % 2 ? VERDICT_FALSE : VERDICT_TRUE);
        until_flapping++;
        world->log[0] = strchr(world->log, '~') ? '~' : '\0';
        assert_true(until_flapping < 50);
    }
    assert_int_equal(until_flapping, 9);
    world->log[0] = '\0';
    while (!strchr(world->log, '=')) {
        evaluate_when(world, VERDICT_FALSE);
        until_calm++;
        assert_true(until_calm < 50);
    }
    assert_int_equal(until_calm, 16);
    assert_int_equal(world->fired, world->resolved);
}

static void no_data_changes_no_history(void **state)
{
    struct world *world = *state;
    size_t count = 0;
    evaluate_when(world, VERDICT_TRUE);
    for (int i = 0; i < 30; i++)
        evaluate(world, 1);
    const struct alert *alert = alerts_all_of(world->alerts, "web", "prod", &count);
    assert_int_equal(count, 1);
    assert_true(alert->unknown);
    assert_int_equal(alert->history, 1);
    evaluate_when(world, VERDICT_TRUE);
    assert_false(alerts_all_of(world->alerts, "web", "prod", &count)->unknown);
}

static void another_severity_is_said_and_kept(void **state)
{
    struct world *world = *state;
    state_issue(world, "slow", VERDICT_TRUE)->severity = SEVERITY_LOW;
    evaluate(world, 0);
    evaluate_when(world, VERDICT_TRUE);
    assert_string_equal(world->log, "+slow !slow ");
}

/* ---- on disk ---- */

static void states_come_back_after_a_restart(void **state)
{
    struct store_files *files = *state;
    struct store *store = open_store(files);
    void *inner = NULL;
    assert_int_equal(setup(&inner), 0);
    struct world *world = inner;
    state_issue(world, "slow", VERDICT_TRUE)->keep_firing_ms = 7 * MINUTE_MS;
    state_issue(world, "soon", VERDICT_TRUE)->pending_ms = 5 * MINUTE_MS;
    state_issue(world, "gone", VERDICT_TRUE);
    evaluate(world, 0);
    int64_t raised_ms = world->now_ms;
    state_issue(world, "slow", VERDICT_TRUE)->keep_firing_ms = 7 * MINUTE_MS;
    state_issue(world, "soon", VERDICT_TRUE)->pending_ms = 5 * MINUTE_MS;
    evaluate(world, 0);
    struct store_batch *batch = new_batch("aws", world->now_ms);
    assert_int_equal(changes_write(world->changes, batch), OK);
    assert_int_equal(commit(files, store, batch), OK);

    struct alerts *again = NULL;
    struct fault fault;
    size_t count = 0;
    assert_int_equal(alerts_new(&again), OK);
    assert_int_equal(alerts_load(again, store, "sim", &fault), OK);
    alerts_of(again, "web", "prod", &count);
    assert_int_equal(count, 0);
    assert_int_equal(alerts_load(again, store, "aws", &fault), OK);
    const struct alert *alerts = alerts_of(again, "web", "prod", &count);
    assert_int_equal(count, 2);
    assert_string_equal(alerts[0].type, "slow");
    assert_int_equal(alerts[0].state, ALERT_FIRING);
    assert_int_equal(alerts[0].severity, SEVERITY_HIGH);
    assert_true(alerts[0].raised_ms == raised_ms);
    assert_true(alerts[0].keep_firing_ms == 7 * MINUTE_MS);
    assert_string_equal(alerts[0].description, "it is slow");
    assert_string_equal(alerts[1].type, "soon");
    assert_int_equal(alerts[1].state, ALERT_PENDING);
    alerts_free(again);
    teardown(&inner);
    store_close(store);
}

static void the_newer_change_of_an_alert_supersedes_the_one_that_was_not_written(void **state)
{
    struct store_files *files = *state;
    struct store *store = open_store(files);
    struct changes *older = NULL, *newer = NULL;
    assert_int_equal(changes_new(&older), OK);
    assert_int_equal(changes_new(&newer), OK);
    struct alert_row row = {.policy = "p",
                            .target = "t",
                            .type = "a",
                            .key = "",
                            .state = "firing",
                            .description = "",
                            .recommendation = ""};
    changes_alert(older, &row);
    changes_memo(older, "p", "t", "{\"n\":1}");
    changes_memo(older, "p", "u", "{\"n\":1}");
    changes_journal(older, &(struct journal_entry){.what = "issue", .json = "{}"});
    changes_alert_end(newer, "p", "t", "a", "");
    changes_memo(newer, "p", "t", "{\"n\":2}");
    changes_journal(newer, &(struct journal_entry){.what = "issue", .json = "{}"});
    changes_absorb(older, newer);
    assert_int_equal(changes_count(older), 5);
    assert_true(changes_empty(newer));
    struct store_batch *batch = new_batch("aws", 1);
    assert_int_equal(changes_write(older, batch), OK);
    assert_int_equal(commit(files, store, batch), OK);
    assert_string_equal(read_memo(store, "aws"), "p/t={\"n\":2};p/u={\"n\":1};");
    assert_string_equal(read_alerts(store, "aws"), "");
    assert_int_equal(count_journal(store), 2);
    changes_free(older);
    changes_free(newer);
    store_close(store);
}

#define FACT(f)    cmocka_unit_test_setup_teardown(f, setup, teardown)
#define ON_DISK(f) cmocka_unit_test_setup_teardown(f, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(an_issue_fires_at_once_and_is_resolved_when_it_is_gone),
        FACT(an_issue_that_is_no_longer_stated_is_resolved),
        FACT(no_data_never_resolves),
        FACT(no_data_never_raises),
        FACT(another_issue_is_raised_while_a_series_does_not_answer),
        FACT(a_pending_issue_fires_after_its_time),
        FACT(one_miss_starts_a_pending_issue_over),
        FACT(no_data_keeps_an_issue_pending),
        FACT(keep_firing_holds_an_issue_for_its_time),
        FACT(an_issue_that_comes_back_while_clearing_was_never_gone),
        FACT(an_issue_with_clear_goes_back_only_when_that_is_true),
        FACT(two_keys_of_one_type_are_two_issues),
        FACT(of_one_issue_stated_twice_the_true_and_graver_one_counts),
        FACT(the_newest_description_is_kept_without_a_write),
        FACT(the_status_is_that_of_the_gravest_firing_issue),
        FACT(a_target_that_is_gone_takes_its_alerts_with_it),
        FACT(a_resolved_alert_is_remembered_for_21_evaluations),
        FACT(an_alert_that_changes_too_often_flaps_until_it_is_calm),
        FACT(no_data_changes_no_history),
        FACT(another_severity_is_said_and_kept),
        FACT(many_targets_keep_their_own_alerts),
        ON_DISK(states_come_back_after_a_restart),
        ON_DISK(the_newer_change_of_an_alert_supersedes_the_one_that_was_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
