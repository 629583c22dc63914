/* Facts about the tree of routes. */
#include "moontide/base/compiler.h"
#include "moontide/notify/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void match(struct route *route, const char *text)
{
    struct fault fault;
    assert_int_equal(matchers_add(&route->matchers, text, &fault), OK);
}

static struct route *add_child(struct route *parent, const char *receiver, const char *matcher)
{
    parent->children =
        realloc(parent->children, (parent->child_count + 1) * sizeof *parent->children);
    assert_non_null(parent->children);
    struct route *child = &parent->children[parent->child_count++];
    *child = (struct route){.receiver = receiver ? strdup(receiver) : NULL,
                            .group_wait_ms = -1,
                            .group_interval_ms = -1,
                            .repeat_interval_ms = -1};
    match(child, matcher);
    return child;
}

struct way {
    char receivers[256];
    struct route_end last;
};

static void note(void *data, const struct route_end *end)
{
    struct way *way = data;
    strcat(strcat(way->receivers, end->receiver), ";");
    way->last = *end;
}

static struct way way_of(const struct notify_settings *settings, const char *target,
                         const char *severity)
{
    struct way way = {0};
    struct labels labels;
    assert_int_equal(labels_new("p", target, "t", severity, "", &labels), OK);
    route_find(settings, &labels, note, &way);
    labels_done(&labels);
    return way;
}

static void the_first_child_that_matches_takes_it_unless_it_continues(void **state)
{
    (void)state;
    struct notify_settings settings;
    notify_settings_init(&settings);
    settings.root.receiver = strdup("chat");
    add_child(&settings.root, "oncall", "severity=high")->goes_on = true;
    struct route *prod = add_child(&settings.root, "prod", "environment=prod");
    add_child(prod, "db", "service=db");
    add_child(&settings.root, "all", "environment=~.+");
    assert_string_equal(way_of(&settings, "a=b", "low").receivers, "chat;");
    assert_string_equal(way_of(&settings, "environment=prod", "high").receivers, "oncall;prod;");
    assert_string_equal(way_of(&settings, "environment=prod,service=db", "low").receivers, "db;");
    assert_string_equal(way_of(&settings, "environment=dev", "low").receivers, "all;");
    notify_settings_done(&settings);
}

static void what_a_route_does_not_say_it_has_from_its_parent(void **state)
{
    (void)state;
    struct notify_settings settings;
    notify_settings_init(&settings);
    settings.root.receiver = strdup("chat");
    struct route *child = add_child(&settings.root, NULL, "severity=high");
    child->group_wait_ms = 0;
    child->group_by = calloc(1, sizeof *child->group_by);
    assert_non_null(child->group_by);
    child->group_by[0] = strdup("type");
    child->group_by_count = 1;
    struct way high = way_of(&settings, "a=b", "high"), low = way_of(&settings, "a=b", "low");
    assert_string_equal(high.receivers, "chat;");
    assert_int_equal(high.last.group_wait_ms, 0);
    assert_int_equal(high.last.repeat_interval_ms, 4 * 3600 * 1000);
    assert_int_equal(high.last.group_by_count, 1);
    assert_int_equal(low.last.group_wait_ms, 30000);
    assert_int_equal(low.last.group_by_count, 2);
    assert_string_equal(low.last.group_by[0], "environment");
    notify_settings_done(&settings);
}

static void without_a_receiver_nobody_is_told(void **state)
{
    (void)state;
    struct notify_settings settings;
    notify_settings_init(&settings);
    assert_string_equal(way_of(&settings, "a=b", "high").receivers, "");
    notify_settings_done(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_child_that_matches_takes_it_unless_it_continues),
        cmocka_unit_test(what_a_route_does_not_say_it_has_from_its_parent),
        cmocka_unit_test(without_a_receiver_nobody_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
