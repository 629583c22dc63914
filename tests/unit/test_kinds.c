/* Facts about the decision kinds: what they declare, what differs, what becomes of a change; an
 * operator's own kind; and the simulated world, in which all of it happens without a network. */
#include "policy_fixture.h"

#include "moontide/base/fs.h"
#include "moontide/tick/world.h"
#include "unit/contains.h"

#include <unistd.h>

struct lab {
    struct bench *bench; /* host, loop, policies */
    struct actor *actor;
    struct world *world;
    char dir[64], lib[96], file[128];
};

static int open_lab(void **state)
{
    struct lab *lab = calloc(1, sizeof *lab);
    void *bench = NULL;
    assert_non_null(lab);
    bench_open(&bench);
    lab->bench = bench;
    lab->actor = kinds_actor(lab->bench->host.kinds);
    struct world_sim_options options = {.loop = lab->bench->loop, .clock = &lab->bench->clock};
    assert_int_equal(world_sim_new(&options, &lab->world, NULL), OK);
    snprintf(lab->dir, sizeof lab->dir, "/tmp/moontide-kinds-XXXXXX");
    assert_non_null(mkdtemp(lab->dir));
    snprintf(lab->lib, sizeof lab->lib, "%s/lib", lab->dir);
    snprintf(lab->file, sizeof lab->file, "%s/kind_own.lua", lab->lib);
    assert_int_equal(fs_make_dir(lab->lib, NULL), OK);
    *state = lab;
    return 0;
}

static int close_lab(void **state)
{
    struct lab *lab = *state;
    void *bench = lab->bench;
    world_free(lab->world);
    unlink(lab->file);
    rmdir(lab->lib);
    rmdir(lab->dir);
    free(lab);
    return bench_close(&bench);
}

static void save(const struct lab *lab, const char *text)
{
    assert_int_equal(fs_write_file(lab->file, text, strlen(text), 0600, NULL), OK);
}

/* ---- declarations ---- */

static void kinds_have_events_and_may_read(void **state)
{
    struct lab *lab = *state;
    static const struct {
        const char *name, *event;
        bool reads;
    } cases[] = {
        {"ecs_autoscaling", "scaling.ecs", true},
        {"ecs_desired_count", "scaling.ecs", true},
        {"rds_instance", "scaling.rds", true},
        {"cache_parameters", "cache", true},
        {"call", "call", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct kind_info *info = lab->actor->vtable->kind(lab->actor, cases[i].name);
        assert_non_null(info);
        assert_string_equal(info->name, cases[i].name);
        assert_string_equal(info->event, cases[i].event);
        assert_int_equal(info->reads, cases[i].reads);
    }
    assert_null(lab->actor->vtable->kind(lab->actor, "nonsense"));
    assert_null(lab->actor->vtable->kind(lab->actor, "../kind_call"));
}

/* ---- compare and simulate ---- */

struct difference {
    const char *kind, *wanted, *current, *changes;
    enum direction direction;
};

static const struct difference differences[] = {
    {"ecs_desired_count", "{\"cluster\":\"c\",\"service\":\"s\",\"count\":3,\"min\":1,\"max\":9}",
     "{\"count\":3}", NULL, DIRECTION_NONE},
    {"ecs_desired_count", "{\"cluster\":\"c\",\"service\":\"s\",\"count\":3}", "{\"count\":2}",
     "[{\"field\":\"count\",\"from\":2,\"to\":3}]", DIRECTION_OUT},
    {"ecs_desired_count", "{\"cluster\":\"c\",\"service\":\"s\",\"count\":0}", "{\"count\":2}",
     "[{\"field\":\"count\",\"from\":2,\"to\":0}]", DIRECTION_IN},
    {"ecs_autoscaling",
     "{\"cluster\":\"c\",\"service\":\"s\",\"metric\":\"m\",\"target\":50,\"min\":2,\"max\":5}",
     "{\"status\":\"ACTIVE\"}",
     "[{\"field\":\"metric\",\"from\":null,\"to\":\"m\"},{\"field\":\"target\",\"from\":null,"
     "\"to\":50},{\"field\":\"min\",\"from\":null,\"to\":2},{\"field\":\"max\",\"from\":null,"
     "\"to\":5}]",
     DIRECTION_NONE},
    {"ecs_autoscaling",
     "{\"cluster\":\"c\",\"service\":\"s\",\"metric\":\"m\",\"target\":50,\"min\":2,\"max\":5}",
     "{\"metric\":\"m\",\"target\":50.0,\"min\":2,\"max\":9}",
     "[{\"field\":\"max\",\"from\":9,\"to\":5}]", DIRECTION_IN},
    {"ecs_autoscaling",
     "{\"cluster\":\"c\",\"service\":\"s\",\"customized\":{\"A\":[1,{\"B\":2}]},\"target\":1,"
     "\"min\":1,\"max\":1}",
     "{\"customized\":{\"A\":[1,{\"B\":2}]},\"target\":1,\"min\":1,\"max\":1}", NULL,
     DIRECTION_NONE},
    {"rds_instance", "{\"instance\":\"i\",\"class\":\"b\",\"apply_immediately\":true}",
     "{\"class\":\"a\",\"allocated_storage\":20}",
     "[{\"field\":\"class\",\"from\":\"a\",\"to\":\"b\"}]", DIRECTION_NONE},
    {"rds_instance", "{\"instance\":\"i\",\"autoscale_storage\":false}",
     "{\"autoscale_storage\":true,\"max_allocated_storage\":40}",
     "[{\"field\":\"autoscale_storage\",\"from\":true,\"to\":false}]", DIRECTION_NONE},
    {"cache_parameters",
     "{\"group\":\"g\",\"parameters\":{\"timeout\":30.0,\"slowlog\":5,\"lazy\":true}}",
     "{\"parameters\":{\"timeout\":\"30\",\"lazy\":\"no\",\"slowlog\":\"5\"}}",
     "[{\"field\":\"parameters.lazy\",\"from\":\"no\",\"to\":\"yes\"}]", DIRECTION_NONE},
    {"call", "{\"service\":\"s\",\"operation\":\"O\",\"params\":{\"A\":1}}", "{}",
     "[{\"field\":\"call\",\"from\":null,\"to\":{\"A\":1}}]", DIRECTION_NONE},
};

static void compare(struct lab *lab, const struct subject *subject, const struct capacity *clipped,
                    size_t count, struct comparison *out)
{
    struct fault fault;
    if (lab->actor->vtable->compare(lab->actor, subject, clipped, count, out, &fault) < 0)
        fail_msg("%s: %s", subject->kind, fault.text);
}

static void what_differs_is_told_field_by_field(void **state)
{
    struct lab *lab = *state;
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        const struct difference *d = &differences[i];
        struct subject subject = {.kind = d->kind,
                                  .resource = "r",
                                  .wanted = d->wanted,
                                  .current = (char *)(uintptr_t)d->current};
        for (int again = 0; again < 2; again++) { /* the second time it may be remembered */
            struct comparison c;
            compare(lab, &subject, NULL, 0, &c);
            if (d->changes)
                assert_string_equal(c.changes, d->changes);
            else
                assert_null(c.changes);
            assert_int_equal(c.direction, d->direction);
            assert_string_equal(c.wanted, d->wanted);
            comparison_done(&c);
        }
    }
}

static void capacities_are_told_whether_they_differ_or_not(void **state)
{
    struct lab *lab = *state;
    struct subject subject = {
        .kind = "ecs_autoscaling",
        .resource = "service/c/s",
        .wanted = "{\"cluster\":\"c\",\"service\":\"s\",\"target\":50,\"min\":2,\"max\":5}",
        .current = (char *)(uintptr_t) "{\"max\":5,\"min\":2,\"target\":50}"};
    for (int again = 0; again < 3; again++) {
        struct comparison c;
        compare(lab, &subject, NULL, 0, &c);
        assert_null(c.changes);
        assert_int_equal(c.capacity_count, 2);
        assert_string_equal(c.capacities[1].field, "max");
        assert_true(c.capacities[1].from == 5 && c.capacities[1].to == 5);
        comparison_done(&c);
    }
    subject.current = NULL;
    struct comparison c;
    compare(lab, &subject, NULL, 0, &c);
    assert_int_equal(c.change_count, 3);
    assert_true(isnan(c.capacities[0].from));
    comparison_done(&c);
}

static void a_clipped_capacity_is_what_is_wanted(void **state)
{
    struct lab *lab = *state;
    struct subject subject = {.kind = "ecs_desired_count",
                              .resource = "service/c/s",
                              .wanted = "{\"cluster\":\"c\",\"count\":20,\"service\":\"s\"}",
                              .current = (char *)(uintptr_t) "{\"count\":2}"};
    struct capacity clipped = {.field = "count", .from = 2, .to = 6};
    struct comparison c;
    compare(lab, &subject, &clipped, 1, &c);
    assert_string_equal(c.wanted, "{\"cluster\":\"c\",\"count\":6,\"service\":\"s\"}");
    assert_string_equal(c.changes, "[{\"field\":\"count\",\"from\":2,\"to\":6}]");
    comparison_done(&c);
    clipped.to = 2; /* nothing is left */
    compare(lab, &subject, &clipped, 1, &c);
    assert_null(c.changes);
    comparison_done(&c);
}

static void many_that_are_equal_are_remembered_apart(void **state)
{
    struct lab *lab = *state;
    enum { MANY = 3000 };
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            char wanted[96], current[32];
            struct comparison c;
            snprintf(wanted, sizeof wanted, "{\"cluster\":\"c\",\"service\":\"s\",\"count\":%d}",
                     i);
            snprintf(current, sizeof current, "{\"count\":%d}", i + (i % 7 == 0));
            struct subject subject = {
                .kind = "ecs_desired_count", .resource = "r", .wanted = wanted, .current = current};
            compare(lab, &subject, NULL, 0, &c);
            assert_int_equal(c.changes != NULL, i % 7 == 0);
            assert_true(c.capacities[0].to == i);
            comparison_done(&c);
        }
}

static void a_kind_says_what_becomes_of_a_change(void **state)
{
    struct lab *lab = *state;
    static const struct {
        const char *kind, *wanted, *current, *after;
    } cases[] = {
        {"ecs_desired_count", "{\"cluster\":\"c\",\"service\":\"s\",\"count\":5}",
         "{\"count\":2,\"status\":\"ACTIVE\"}", "{\"count\":5,\"status\":\"ACTIVE\"}"},
        {"rds_instance", "{\"instance\":\"i\",\"allocated_storage\":30}",
         "{\"allocated_storage\":20,\"autoscale_storage\":false,\"max_allocated_storage\":20}",
         "{\"allocated_storage\":30,\"autoscale_storage\":false,\"max_allocated_storage\":30}"},
        {"rds_instance", "{\"instance\":\"i\",\"max_allocated_storage\":50}",
         "{\"allocated_storage\":20,\"autoscale_storage\":false,\"max_allocated_storage\":20}",
         "{\"allocated_storage\":20,\"autoscale_storage\":true,\"max_allocated_storage\":50}"},
        {"cache_parameters", "{\"group\":\"g\",\"parameters\":{\"b\":2}}",
         "{\"parameters\":{\"a\":\"1\"}}", "{\"parameters\":{\"a\":\"1\",\"b\":\"2\"}}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct subject subject = {.kind = cases[i].kind,
                                  .resource = "r",
                                  .wanted = cases[i].wanted,
                                  .current = (char *)(uintptr_t)cases[i].current};
        struct comparison c;
        char *after = NULL;
        struct fault fault;
        compare(lab, &subject, NULL, 0, &c);
        if (lab->actor->vtable->simulate(lab->actor, &subject, &c, &after, &fault) < 0)
            fail_msg("%s", fault.text);
        assert_string_equal(after, cases[i].after);
        free(after);
        comparison_done(&c);
    }
}

/* ---- the simulated world ---- */

static void note_read(void *data)
{
    *(int *)data += 1;
}

static void note_checked(void *data, int code, struct feasibility *take, const struct fault *fault)
{
    (void)fault;
    assert_int_equal(code, OK);
    *(struct feasibility *)data = *take;
}

static void note_applied(void *data, const struct applied *applied)
{
    assert_int_equal(applied->code, OK);
    *(int *)data += 1;
}

static void turn(struct lab *lab)
{
    for (int i = 0; i < 20; i++)
        (void)loop_turn(lab->bench->loop, false);
}

static void a_simulated_resource_becomes_what_was_decided(void **state)
{
    struct lab *lab = *state;
    struct subject subjects[] = {
        {.kind = "ecs_desired_count",
         .resource = "service/gm-tool-prod/api",
         .wanted = "{\"cluster\":\"gm-tool-prod\",\"count\":7,\"service\":\"api\"}"},
        {.kind = "rds_instance",
         .resource = "db/gm-tool-nowhere",
         .wanted = "{\"instance\":\"gm-tool-nowhere\"}"},
        {.kind = "call", .resource = "s:O/1", .wanted = "{\"operation\":\"O\",\"service\":\"s\"}"},
    };
    int reads = 0, applies = 0;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(world_read(lab->world, lab->actor, subjects, 3, note_read, &reads, NULL),
                         OK);
        assert_int_equal(reads, round); /* never before it returned */
        turn(lab);
        assert_int_equal(reads, round + 1);
        assert_contains(subjects[0].current, round ? "\"count\":7" : "\"count\":2");
        assert_null(subjects[1].current);
        assert_contains(subjects[1].problem, "db/gm-tool-nowhere does not exist");
        assert_string_equal(subjects[2].current, "{}");
        struct comparison c;
        compare(lab, &subjects[0], NULL, 0, &c);
        assert_int_equal(c.changes == NULL, round == 1);
        if (c.changes) {
            struct feasibility found = {0};
            assert_int_equal(
                world_check(lab->world, lab->actor, &subjects[0], &c, note_checked, &found, NULL),
                OK);
            assert_int_equal(
                world_apply(lab->world, lab->actor, &subjects[0], &c, note_applied, &applies, NULL),
                OK);
            turn(lab);
            assert_null(found.infeasible);
            feasibility_done(&found);
        }
        comparison_done(&c);
        for (size_t i = 0; i < COUNT_OF(subjects); i++)
            subject_done(&subjects[i]);
    }
    assert_int_equal(applies, 1);
}

static void a_canceled_change_of_the_simulated_world_is_none(void **state)
{
    struct lab *lab = *state;
    struct subject subject = {.kind = "ecs_desired_count",
                              .resource = "service/gm-tool-staging/api",
                              .wanted = "{\"cluster\":\"x\",\"count\":7,\"service\":\"api\"}",
                              .current = (char *)(uintptr_t) "{\"count\":2}"};
    struct comparison c;
    struct actor_call *call = NULL;
    int applies = 0, reads = 0;
    compare(lab, &subject, NULL, 0, &c);
    assert_int_equal(
        world_apply(lab->world, lab->actor, &subject, &c, note_applied, &applies, &call), OK);
    world_cancel_act(lab->world, lab->actor, call);
    turn(lab);
    comparison_done(&c);
    subject.current = NULL;
    assert_int_equal(world_read(lab->world, lab->actor, &subject, 1, note_read, &reads, NULL), OK);
    turn(lab);
    assert_contains(subject.current, "\"count\":2");
    assert_int_equal(applies, 0);
    subject_done(&subject);
}

/* ---- an operator's own ---- */

static const char own[] =
    "return kind { name = 'own', resource = 'own/{id}',\n"
    "  fields = { { name = 'id', type = 'string', required = true },\n"
    "             { name = 'size', type = 'count' } },\n"
    "  capacities = { 'size' },\n"
    "  read = function(list) for _, item in ipairs(list) do item.current = { size = 1 } end end,\n"
    "  check = function(wanted) return { infeasible = wanted.size > 5 and 'too large' or nil } "
    "end,\n"
    "  apply = function() end }\n";

static struct kind *get(struct lab *lab, struct fault *fault)
{
    struct kind *kind = NULL;
    int code = kinds_get(lab->bench->host.kinds, "own", lab->dir, &kind, fault);
    assert_true((code == OK) == (kind != NULL));
    return kind;
}

static void a_kind_of_ones_own_is_read_compared_and_checked(void **state)
{
    struct lab *lab = *state;
    struct fault fault;
    save(lab, own);
    struct kind *kind = get(lab, &fault);
    if (!kind) fail_msg("%s", fault.text);
    struct subject subject = {
        .kind = "own", .resource = "own/a", .wanted = "{\"id\":\"a\",\"size\":9}"};
    int reads = 0;
    const struct actor_vtable *actor = lab->actor->vtable;
    assert_int_equal(actor->read(lab->actor, &subject, 1, note_read, &reads, NULL), OK);
    assert_int_equal(reads, 0);
    turn(lab);
    assert_int_equal(reads, 1);
    assert_string_equal(subject.current, "{\"size\":1}");
    struct comparison c;
    struct feasibility found = {0};
    int applies = 0;
    compare(lab, &subject, NULL, 0, &c);
    assert_int_equal(c.direction, DIRECTION_OUT);
    assert_int_equal(actor->check(lab->actor, &subject, &c, note_checked, &found, NULL), OK);
    assert_int_equal(actor->apply(lab->actor, &subject, &c, note_applied, &applies, NULL), OK);
    turn(lab);
    assert_string_equal(found.infeasible, "too large");
    assert_int_equal(applies, 1);
    feasibility_done(&found);
    comparison_done(&c);
    subject_done(&subject);
    kind_release(kind);
}

static void a_save_makes_another_kind_and_the_last_good_one_goes_on(void **state)
{
    struct lab *lab = *state;
    struct fault fault;
    save(lab, own);
    struct kind *first = get(lab, &fault), *same = get(lab, &fault);
    assert_ptr_equal(first, same);
    save(lab, "return kind { name = 'own' }");
    assert_null(get(lab, &fault));
    assert_contains(fault.text, "resource is missing");
    assert_non_null(lab->actor->vtable->kind(lab->actor, "own"));
    char changed[1024];
    snprintf(changed, sizeof changed, "-- changed\n%s", own);
    save(lab, changed);
    struct kind *second = get(lab, &fault);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    assert_string_equal(first->fields[0].name, "id"); /* who has it may use it */
    kind_release(first);
    kind_release(same);
    kind_release(second);
}

static void faulty_kinds_are_told_with_their_file(void **state)
{
    struct lab *lab = *state;
    static const struct {
        const char *text, *part;
        int line;
    } cases[] = {
        {"return 5", "does not return a kind", 0},
        {"local x = = 5", "unexpected symbol", 1},
        {"\nerror 'boo'", "boo", 2},
        {"return kind { nam = 'own' }", "unknown field 'nam' (did you mean 'name'?)", 1},
        {"return { name = 'other', resource = 'o/{a}', fields = { { name = 'a', type = 'string', "
         "required = true } }, diff = print, apply = print }",
         "the kind is named 'other'", 0},
        {"return { name = 'own', resource = 'o/{b}', fields = { { name = 'a', type = 'string', "
         "required = true } }, diff = print, apply = print }",
         "resource names 'b', which is no field", 0},
        {"return { name = 'own', resource = 'o/{a}', fields = { { name = 'a', type = 'text' } } }",
         "there is no type 'text'", 0},
        {"return { name = 'own', resource = 'o/{a}', fields = { { name = 'a', type = 'string' } } "
         "}",
         "'a' must be a required string", 0},
        {"return { name = 'own', resource = 'o/{a}', fields = { { name = 'a', type = 'string', "
         "required = true } }, capacities = { 'a' } }",
         "'a' is no field of type count or number", 0},
        {"return { name = 'own', resource = 'o/{a}', fields = { { name = 'a', type = 'string', "
         "required = true } }, read = print }",
         "apply is missing", 0},
        {"return { name = 'own', resource = 'o/{a}', fields = { { name = 'region', type = "
         "'string' } } }",
         "every kind has a field 'region'", 0},
        {"while true do end", "instruction", 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fault fault = {0};
        save(lab, cases[i].text);
        if (get(lab, &fault)) fail_msg("%s", cases[i].text);
        assert_contains(fault.text, cases[i].part);
        assert_string_equal(fault.file, lab->file);
        assert_int_equal(fault.line, cases[i].line);
    }
}

static void a_fault_in_a_diff_has_file_and_line(void **state)
{
    struct lab *lab = *state;
    struct fault fault;
    save(lab, "return kind { name = 'own', resource = 'own/{id}',\n"
              "  fields = { { name = 'id', type = 'string', required = true } },\n"
              "  diff = function(wanted)\n return nothing.at.all end,\n"
              "  apply = function() end }\n");
    struct kind *kind = get(lab, &fault);
    assert_non_null(kind);
    struct subject subject = {.kind = "own", .resource = "own/a", .wanted = "{\"id\":\"a\"}"};
    struct comparison c;
    assert_int_equal(lab->actor->vtable->compare(lab->actor, &subject, NULL, 0, &c, &fault),
                     ERR_LUA);
    assert_string_equal(fault.file, lab->file);
    assert_int_equal(fault.line, 4);
    kind_release(kind);
}

static void a_policy_counts_the_kind_among_its_files(void **state)
{
    struct lab *lab = *state;
    struct bench *b = lab->bench;
    char path[160];
    snprintf(path, sizeof path, "%s/p.lua", lab->dir);
    static const char text[] = "return policy { name = 'p', evaluate = function(t, m, memo)\n"
                               "  decide.own { id = 'a', size = 3, rails = { min = 1 } } end }";
    save(lab, own);
    bench_drop(b);
    assert_int_equal(policy_load_text(&b->host, path, "policies/p.lua", text, sizeof text - 1,
                                      &b->evaluator, &b->faults),
                     OK);
    assert_true(b->evaluator->vtable->uses_file(b->evaluator, lab->file));
    assert_int_equal(discover(b), OK);
    make_series(b, 0);
    evaluate_ok(b);
    assert_string_equal(b->out.decisions[0].resource, "own/a");
    assert_string_equal(b->out.decisions[0].wanted, "{\"id\":\"a\",\"size\":3}");
    assert_string_equal(b->out.decisions[0].rails, "{\"min\":1}");
    bench_drop(b);
    save(lab, "return kind {\n nothing");
    assert_true(policy_load_text(&b->host, path, "policies/p.lua", text, sizeof text - 1,
                                 &b->evaluator, &b->faults) < 0);
    assert_string_equal(b->faults.items[0].file, lab->file);
    b->evaluator = NULL;
}

static void what_is_under_way_ends_with_the_kinds(void **state)
{
    struct lab *lab = *state;
    struct fault fault;
    save(lab, "return kind { name = 'own', resource = 'own/{id}',\n"
              "  fields = { { name = 'id', type = 'string', required = true } },\n"
              "  read = function(list) async.sleep(3600) end, apply = function() end }\n");
    struct kind *kind = get(lab, &fault);
    assert_non_null(kind);
    kind_release(kind);
    struct subject subjects[2] = {{.kind = "own", .resource = "own/a", .wanted = "{\"id\":\"a\"}"},
                                  {.kind = "own", .resource = "own/b", .wanted = "{\"id\":\"b\"}"}};
    struct actor_call *call = NULL;
    int reads = 0;
    const struct actor_vtable *actor = lab->actor->vtable;
    assert_int_equal(actor->read(lab->actor, subjects, 1, note_read, &reads, &call), OK);
    assert_int_equal(actor->read(lab->actor, subjects + 1, 1, note_read, &reads, NULL), OK);
    turn(lab);
    actor->cancel(lab->actor, call);
    turn(lab);
    assert_int_equal(reads, 0); /* and the other one ends with the teardown */
}

#define IN_LAB(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_LAB(kinds_have_events_and_may_read),
        IN_LAB(what_differs_is_told_field_by_field),
        IN_LAB(capacities_are_told_whether_they_differ_or_not),
        IN_LAB(a_clipped_capacity_is_what_is_wanted),
        IN_LAB(many_that_are_equal_are_remembered_apart),
        IN_LAB(a_kind_says_what_becomes_of_a_change),
        IN_LAB(a_simulated_resource_becomes_what_was_decided),
        IN_LAB(a_canceled_change_of_the_simulated_world_is_none),
        IN_LAB(a_kind_of_ones_own_is_read_compared_and_checked),
        IN_LAB(a_save_makes_another_kind_and_the_last_good_one_goes_on),
        IN_LAB(faulty_kinds_are_told_with_their_file),
        IN_LAB(a_fault_in_a_diff_has_file_and_line),
        IN_LAB(a_policy_counts_the_kind_among_its_files),
        IN_LAB(what_is_under_way_ends_with_the_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
