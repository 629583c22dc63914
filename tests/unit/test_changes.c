/* Facts about what a tick wants kept: it reaches the store whole and in order, also when an earlier
 * batch failed. Alerts' side of it is in test_alert.c. */
#include "moontide/tick/changes.h"

#include "moontide/store/store.h"
#include "support/alloc_fail.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct changes *new_changes(void)
{
    struct changes *changes = NULL;
    assert_int_equal(changes_new(&changes), OK);
    return changes;
}

static void write_all(struct store_files *f, struct store *s, struct changes *changes)
{
    struct store_batch *b = new_batch("aws", 5);
    assert_int_equal(changes_write(changes, b), OK);
    assert_int_equal(commit(f, s, b), OK);
}

static const struct resource_row row = {
    .kind = "ecs", .resource = "r", .region = NULL, .account = "shop", .json = "1"};

static void resources_and_intents_reach_the_store(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct changes *changes = new_changes();
    changes_resource(changes, &row);
    changes_intent(changes, "a", "{}");
    changes_intent(changes, "b", "{}");
    changes_intent_end(changes, "a");
    assert_int_equal(changes_count(changes), 4);
    write_all(f, s, changes);
    assert_string_equal(read_resources(s, "aws"), "ecs/r//shop=1;");
    assert_string_equal(read_intents(s, "aws"), "b@5={};");
    changes_free(changes);
    store_close(s);
}

static void a_newer_one_takes_the_place_of_an_older_one_of_its_key(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct changes *older = new_changes(), *newer = new_changes();
    struct resource_row other = row, gone = row, again = row;
    other.region = "eu-west-1";
    gone.json = NULL;
    again.json = "2";
    changes_resource(older, &row);
    changes_resource(older, &other);
    changes_intent(older, "a", "{}");
    changes_intent(older, "b", "{}");
    /* An alert whose four names are those of the resource is another thing. */
    changes_alert(older, &(struct alert_row){.policy = "ecs",
                                             .target = "r",
                                             .type = "",
                                             .key = "shop",
                                             .state = "firing",
                                             .description = "",
                                             .recommendation = ""});
    changes_resource(newer, &gone);
    changes_intent_end(newer, "a");
    changes_intent(newer, "c", "{}");
    changes_resource(newer, &again);
    changes_absorb(older, newer);
    assert_true(changes_empty(newer));
    assert_int_equal(changes_count(older), 7); /* row and a's intent are superseded */
    write_all(f, s, older);
    assert_string_equal(read_resources(s, "aws"), "ecs/r//shop=2;ecs/r/eu-west-1/shop=1;");
    assert_string_equal(read_intents(s, "aws"), "b@5={};c@5={};");
    assert_string_equal(read_alerts(s, "aws"), "ecs/r//shop/firing/0/0/0/0//;");
    changes_free(older);
    changes_free(newer);
    store_close(s);
}

static void without_a_place_to_keep_nothing_is_noted(void **state)
{
    (void)state;
    changes_resource(NULL, &row);
    changes_intent(NULL, "a", "{}");
    changes_intent_end(NULL, "a");
    assert_true(changes_empty(NULL));
}

static void want_of_memory_is_said_once(void **state)
{
    (void)state;
    unsigned failures = 0;
    for (unsigned n = 1;; n++) {
        struct changes *changes = new_changes();
        struct store_batch *b = new_batch("aws", 1);
        alloc_fail_at(n);
        changes_resource(changes, &row);
        changes_intent(changes, "a", "{}");
        changes_intent_end(changes, "a");
        bool failed = alloc_fail_done();
        assert_int_equal(changes_write(changes, b), failed ? ERR_NOMEM : OK);
        assert_int_equal(changes_write(changes, b), OK);
        store_batch_free(b);
        changes_free(changes);
        if (!failed) break;
        failures++;
    }
    assert_true(failures >= 4);
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(resources_and_intents_reach_the_store),
        STORE_TEST(a_newer_one_takes_the_place_of_an_older_one_of_its_key),
        cmocka_unit_test(without_a_place_to_keep_nothing_is_noted),
        cmocka_unit_test(want_of_memory_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
