/* Facts about what is read from the text of a policy. */
#include "moontide/base/err.h"
#include "moontide/bind/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct source *of(const char *text)
{
    struct source *source = NULL;
    assert_int_equal(source_new("@a.lua", text, strlen(text), &source), OK);
    return source;
}

static enum source_field field(const char *text, int line, const char *name)
{
    struct source *source = of(text);
    enum source_field answer = source_field(source, "issue", line, name, NULL, NULL);
    source_free(source);
    return answer;
}

static void a_field_of_a_constructor_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum source_field when;
    } cases[] = {
        {"issue { type = 'a', when = nil }", SOURCE_PRESENT},
        {"issue { type = 'a' }", SOURCE_ABSENT},
        {"issue({ type = 'a', when = m.x:above(1) })", SOURCE_PRESENT},
        {"issue { ['when'] = x }", SOURCE_PRESENT},
        {"issue { [name] = x }", SOURCE_OPAQUE},
        {"issue(t)", SOURCE_OPAQUE},
        {"issue { type = 'when = 1' --[[ when = 2 ]] }", SOURCE_ABSENT},
        {"issue { type = f { when = 1 } }", SOURCE_ABSENT},
        {"issue { type = function() local a, when = 1 end }", SOURCE_ABSENT},
        {"issue { type = a == b, when == c }", SOURCE_ABSENT},
        {"issue { type = 'a'; when = 1 }", SOURCE_PRESENT},
        {"issue { type = 'a' } issue { when = 1 }", SOURCE_OPAQUE},
        {"issue { when = 2 } issue { when = 1 }", SOURCE_PRESENT},
        {"if issue then f { when = 1 } end", SOURCE_OPAQUE},
        {"x = [==[ issue { when = 1 } ]==]", SOURCE_OPAQUE},
        {"local issue = { when = 1", SOURCE_OPAQUE},
        {"issue { when", SOURCE_ABSENT},
        {"", SOURCE_OPAQUE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (field(cases[i].text, 1, "when") != cases[i].when) fail_msg("%s", cases[i].text);
}

static void the_place_of_a_field_is_told(void **state)
{
    (void)state;
    struct source *source =
        of("#!/usr/bin/moontide\n-- x\nreturn policy {\n  name = 'a',\n"
           "  evry = '1m',\n  evaluate = function() return { name = 1 } end,\n}");
    int line = 0, column = 0;
    assert_int_equal(source_field(source, "policy", 3, "evry", &line, &column), SOURCE_PRESENT);
    assert_int_equal(line, 5);
    assert_int_equal(column, 3);
    assert_int_equal(source_field(source, "policy", 4, "evry", NULL, NULL), SOURCE_OPAQUE);
    source_free(source);
    source = of("return {\n limits = {\n  evalution = 1 },\n}");
    assert_int_equal(source_field(source, "limits", 0, "evalution", &line, NULL), SOURCE_PRESENT);
    assert_int_equal(line, 3);
    assert_int_equal(source_field(source, "return", 0, "limits", &line, NULL), SOURCE_PRESENT);
    assert_int_equal(line, 2);
    source_free(source);
}

static void broken_text_ends_without_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {"{{{{",      "]]]}}})))", "end end end", "'",
                                        "[==[",      "--[[",      "\"\\",        "issue{[",
                                        "function(", "local",     "for",         "\x80\xff"};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        source_free(of(texts[i]));
    char *deep = malloc(100000);
    assert_non_null(deep);
    memset(deep, '{', 99999);
    deep[99999] = '\0';
    source_free(of(deep));
    free(deep);
}

static void note(void *data, const char *name, int line, int column)
{
    (void)column;
    char *out = data;
    size_t len = strlen(out);
    snprintf(out + len, 200 - len, "%s:%d ", name, line);
}

static void assigned_file_locals_are_found_and_shadowed_ones_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found;
    } cases[] = {
        {"local n = 0\nreturn policy { evaluate = function(t)\n n = n + 1 end }", "n:3 "},
        {"local n\nlocal function evaluate() n = 1 end", "n:2 "},
        {"local n\nlocal function evaluate(n) n = 1 end", ""},
        {"local n\nlocal function evaluate() local n = 1 n = 2 end", ""},
        {"local n\nlocal function evaluate() for n = 1, 2 do n = 1 end end", ""},
        {"local n\nlocal function evaluate() for n in pairs(t) do end n = 1 end", "n:2 "},
        {"local n\nlocal function evaluate() if x then local n n = 1 else n = 2 end end", "n:2 "},
        {"local n\nlocal function other() n = 1 end", ""},
        {"local n\nn = 2", ""},
        {"local a, b\nfunction evaluate() a, b = b, a end", "a:2 b:2 "},
        {"local n\nfunction evaluate() f { n = 1 } t.n = 2 if n == 1 then end end", ""},
        {"local n\nfunction evaluate() local f = function() n = 1 end end", "n:2 "},
        {"local n\nfunction evaluate() while true do repeat n = 1 until x end end", "n:2 "},
        {"local n <const> = 1\nfunction evaluate() local m <close> = n end", ""},
        {"local function n() end\nfunction evaluate() n = 1 end", "n:2 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char found[200] = "";
        assert_int_equal(source_assigned_locals(cases[i].text, strlen(cases[i].text), note, found),
                         OK);
        if (strcmp(found, cases[i].found) != 0)
            fail_msg("%s: found '%s', not '%s'", cases[i].text, found, cases[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_a_constructor_is_seen),
        cmocka_unit_test(the_place_of_a_field_is_told),
        cmocka_unit_test(broken_text_ends_without_harm),
        cmocka_unit_test(assigned_file_locals_are_found_and_shadowed_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
