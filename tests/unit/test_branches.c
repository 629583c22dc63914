/* Facts about where the ifs of a source stand. */
#include "branches.h"
#include "moontide/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct branches scan(const char *text)
{
    struct branches branches;
    assert_int_equal(branches_scan(text, strlen(text), &branches), OK);
    return branches;
}

static void each_arm_has_its_lines(void **state)
{
    (void)state;
    struct branches found = scan("local x = 1\n"             /* 1 */
                                 "  if a and\n"              /* 2 */
                                 "    b then\n"              /* 3 */
                                 "    f(function()\n"        /* 4 */
                                 "      if c then g() end\n" /* 5 */
                                 "    end)\n"                /* 6 */
                                 "  elseif d then\n"         /* 7 */
                                 "    while e do h() end\n"  /* 8 */
                                 "  else\n"                  /* 9 */
                                 "    repeat i() until j\n"  /* 10 */
                                 "  end\n");                 /* 11 */
    static const struct {
        int line, then_line, end_line;
        const char *text;
    } arms[] = {{2, 3, 7, "if a and"}, {5, 5, 5, "if c then g() end"}, {7, 7, 9, "elseif d then"}};
    assert_int_equal(found.count, COUNT_OF(arms));
    for (size_t i = 0; i < found.count; i++) {
        assert_int_equal(found.items[i].line, arms[i].line);
        assert_int_equal(found.items[i].then_line, arms[i].then_line);
        assert_int_equal(found.items[i].end_line, arms[i].end_line);
        assert_string_equal(found.items[i].text, arms[i].text);
        assert_false(found.items[i].leaves || found.items[i].crowded);
    }
    assert_null(branches_at(&found, 3));
    assert_ptr_equal(branches_at(&found, 5), &found.items[1]);
    branches_done(&found);
}

static void a_block_on_its_line_that_leaves_is_told(void **state)
{
    (void)state;
    struct branches found = scan("if a then return end\n"
                                 "for i = 1, 2 do if b then break end end\n"
                                 "if c then d() end\n"
                                 "if e then\n  return\nend\n"
                                 "if f then error('x') end\n");
    static const bool leaves[] = {true, true, false, false, true};
    assert_int_equal(found.count, COUNT_OF(leaves));
    for (size_t i = 0; i < found.count; i++)
        assert_int_equal(found.items[i].leaves, leaves[i]);
    branches_done(&found);
}

static void two_on_one_line_are_crowded_and_words_in_strings_are_none(void **state)
{
    (void)state;
    struct branches found = scan("if a then b() end if c then d() end\n"
                                 "x = 'if y then z() end' -- if y then z() end\n"
                                 "s = [[\nif y then\nend]]\n");
    assert_int_equal(found.count, 2);
    assert_true(found.items[0].crowded && found.items[1].crowded);
    branches_done(&found);
}

static void what_is_no_lua_gives_no_half_arms(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "if",
                                        "if a",
                                        "if a then",
                                        "then end",
                                        "else",
                                        "end end",
                                        "elseif a then end",
                                        "if a then elseif",
                                        "if a if b then"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct branches found = scan(texts[i]);
        for (size_t k = 0; k < found.count; k++)
            assert_true(found.items[k].then_line && found.items[k].end_line);
        branches_done(&found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_arm_has_its_lines),
        cmocka_unit_test(a_block_on_its_line_that_leaves_is_told),
        cmocka_unit_test(two_on_one_line_are_crowded_and_words_in_strings_are_none),
        cmocka_unit_test(what_is_no_lua_gives_no_half_arms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
