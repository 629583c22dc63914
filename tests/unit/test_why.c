/* Facts about why: journal entries that the store gave, in words. What the command makes of a whole
 * database is in tests/integration/test_journal.py. */
#include "moontide/app/why.h"
#include "moontide/tick/rails.h"
#include "support/alloc_fail.h"
#include "support/store_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void each_rail_has_a_sentence_and_a_remedy(void **state)
{
    (void)state;
    static const char *const codes[] = {
#define X(name) #name,
        RAIL_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        assert_true(strlen(why_rule(codes[i])) > 10);
        assert_true(strlen(why_remedy(codes[i])) > 6);
    }
    assert_string_equal(why_rule("NOBODY_KNOWS"), "");
    assert_string_equal(why_remedy(""), "");
}

static void write_chain(struct store_files *f, struct store *s, const char *id, int64_t at_ms,
                        const char *decision)
{
    struct store_batch *b = new_batch("aws", at_ms);
    struct journal_entry entry = {
        .id = id, .what = "decision", .policy = "p", .target = "t", .resource = "r"};
    entry.json = decision;
    store_batch_journal(b, &entry);
    entry.what = "outcome";
    entry.json = "{\"outcome\":\"applied\",\"calls\":[{\"operation\":\"ecs:UpdateService\","
                 "\"request_id\":\"q\"}]}";
    store_batch_journal(b, &entry);
    assert_int_equal(commit(f, s, b), OK);
}

static const char refused[] = "{\"kind\":\"k\",\"outcome\":\"refused\",\"reason\":\"RATE\","
                              "\"text\":\"4 more in 60 s\"}";
static const char made[] = "{\"kind\":\"k\",\"changes\":[{\"field\":\"n\",\"from\":null,\"to\":2}],"
                           "\"issues\":[\"i\"],\"outcome\":\"proposed\",\"reason\":\"\"}";

static void read_why(struct why *why, struct store *s)
{
    struct fault fault;
    *why = (struct why){.name = "r", .what = "resource", .since_ms = 1};
    assert_int_equal(why_read(why, s, NULL, &fault), OK);
}

static void chains_are_told_newest_first_and_each_from_its_beginning(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf text;
    struct why why;
    write_chain(f, s, "a", 1000, made);
    write_chain(f, s, "b", 2000, refused);
    read_why(&why, s);
    strbuf_init(&text, 1 << 20);
    assert_int_equal(why.count, 4);
    assert_int_equal(why_write_text(&why, false, &text), OK);
    assert_string_equal(
        strbuf_cstr(&text),
        "r, a resource, since 1970-01-01T00:00:00Z\n"
        "1970-01-01T00:00:02Z k on r for t\n"
        "    decided    wanted none\n"
        "    refused    RATE (it was changed as fast as it may be): 4 more in 60 s\n"
        "    policy     p\n"
        "    call       ecs:UpdateService, request id q\n"
        "    outcome    applied 1970-01-01T00:00:02Z\n"
        "    id         b\n"
        "1970-01-01T00:00:01Z k on r for t\n"
        "    decided    n none -> 2\n"
        "    proposed   as it is\n"
        "    issue      id i\n"
        "    policy     p\n"
        "    call       ecs:UpdateService, request id q\n"
        "    outcome    applied 1970-01-01T00:00:01Z\n"
        "    id         a\n"
        "Why not:\n"
        "  k 1970-01-01T00:00:02Z: RATE (it was changed as fast as it may be): 4 more in 60 s\n"
        "    what to do: wait; `rate_in` and `rate_out` in `rails` are the rates\n");
    strbuf_done(&text);
    why_done(&why);
    store_close(s);
}

static void an_issue_of_another_target_that_a_decision_names_is_read(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf text;
    struct why why;
    struct store_batch *b = new_batch("aws", 500);
    store_batch_journal(b, &(struct journal_entry){
                               .id = "i",
                               .what = "issue",
                               .target = "other",
                               .json = "{\"state\":\"raised\",\"type\":\"slow\","
                                       "\"severity\":\"high\",\"description\":\"p99 is 9 s\"}"});
    assert_int_equal(commit(f, s, b), OK);
    write_chain(f, s, "a", 1000, made);
    read_why(&why, s);
    strbuf_init(&text, 1 << 20);
    assert_int_equal(why.count, 3);
    assert_int_equal(why_write_text(&why, false, &text), OK);
    assert_non_null(strstr(strbuf_cstr(&text),
                           "issue      slow (high), raised 1970-01-01T00:00:00Z: p99 is 9 s\n"));
    strbuf_done(&text);
    why_done(&why);
    store_close(s);
}

static void only_the_newest_chains_are_shown_and_the_rest_is_counted(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    struct strbuf text;
    struct why why;
    for (int i = 0; i < WHY_CHAINS_SHOWN + 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", i);
        write_chain(f, s, id, 1000 + i, refused);
    }
    read_why(&why, s);
    strbuf_init(&text, 1 << 20);
    assert_int_equal(why_write_text(&why, false, &text), OK);
    assert_non_null(strstr(strbuf_cstr(&text), "and 3 more: moontide journal --resource 'r'\n"));
    const char *refusals = strstr(strbuf_cstr(&text), "Why not:");
    assert_non_null(refusals);
    assert_null(strstr(refusals + 1, "RATE (it was changed as fast as it may be)\n")); /* one */
    strbuf_done(&text);
    why_done(&why);
    store_close(s);
}

static void want_of_memory_is_told(void **state)
{
    struct store_files *f = *state;
    struct store *s = open_store(f);
    write_chain(f, s, "a", 1000, made);
    unsigned failures = 0;
    for (bool failed = true; failed;) {
        struct why why = {.name = "r", .what = "resource", .since_ms = 1};
        struct fault fault;
        alloc_fail_at(++failures);
        int code = why_read(&why, s, NULL, &fault);
        failed = alloc_fail_done();
        assert_true(failed ? code == ERR_NOMEM || code == OK : code == OK);
        why_done(&why);
    }
    assert_true(failures > 10);
    store_close(s);
}

#define STORE_TEST(name)                                                                           \
    cmocka_unit_test_setup_teardown(name, store_files_setup, store_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rail_has_a_sentence_and_a_remedy),
        STORE_TEST(chains_are_told_newest_first_and_each_from_its_beginning),
        STORE_TEST(an_issue_of_another_target_that_a_decision_names_is_read),
        STORE_TEST(only_the_newest_chains_are_shown_and_the_rest_is_counted),
        STORE_TEST(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
