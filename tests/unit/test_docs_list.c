/* Facts about the list of documentation: its texts are whole, its signatures can be read, its types
 * are known, and entries are found by name and by value. */
#include "policy_fixture.h"

#include "moontide/base/strbuf.h"
#include "moontide/bind/declaration.h"
#include "moontide/bind/docs.h"
#include "moontide/bind/script.h"
#include "moontide/stats/percentile.h"
#include "moontide/tick/rails.h"

static const char *name_of(const struct vm_docs *docs)
{
    return docs->name ? docs->name : "";
}

/* ---- the list ---- */

static void check_type(const struct vm_docs *docs, const char *member, const char *type, size_t len)
{
    size_t name_len;
    const char *unknown = docs_unknown_type(type, len, &name_len);
    if (unknown)
        fail_msg("%s.%s: type %.*s is not known", name_of(docs), member, (int)name_len, unknown);
}

static void check_signatures(const struct vm_docs *docs, const struct vm_function *f)
{
    const char *at = f->signature;
    struct signature signature;
    do {
        if (!signature_read(&at, &signature))
            fail_msg("%s.%s: this is no signature: %s", name_of(docs), f->name, at);
        for (size_t i = 0; i < signature.param_count; i++)
            check_type(docs, f->name, signature.params[i].type, signature.params[i].type_len);
        for (size_t i = 0; i < signature.result_count; i++)
            check_type(docs, f->name, signature.results[i].type, signature.results[i].type_len);
    } while (*at);
}

/* A whole sentence: people read it in the editor, the REPL and docs/api.md. */
static void check_text(const struct vm_docs *docs, const char *member, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    if (len < 4 || (text[len - 1] != '.' && text[len - 1] != ')'))
        fail_msg("%s.%s: '%s' is no sentence", name_of(docs), member, text ? text : "");
}

static void signatures_types_and_texts_are_whole(void **state)
{
    (void)state;
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs->kind == DOCS_CLASS || docs->kind == DOCS_MODULE || docs->kind == DOCS_ALIAS)
            assert_non_null(docs->name);
        for (const struct vm_function *f = docs->functions; f && f->name; f++) {
            check_signatures(docs, f);
            check_text(docs, f->name, f->doc);
        }
        for (const struct vm_field *f = docs->fields; f && f->name; f++) {
            check_type(docs, f->name, f->type, strlen(f->type));
            if (docs->kind != DOCS_ALIAS) check_text(docs, f->name, f->doc);
        }
    }
}

static size_t count_of(const struct vm_docs *const *from, const char *member)
{
    size_t count = 0;
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        if (strcmp(name_of(*at), name_of(*from)) != 0) continue;
        if (((*at)->kind == DOCS_CLASS) != ((*from)->kind == DOCS_CLASS)) continue;
        if (((*at)->where & (*from)->where & ~(unsigned)DOCS_STANDARD) == 0) continue;
        for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
            count += strcmp(f->name, member) == 0;
        for (const struct vm_field *f = (*at)->kind == DOCS_ALIAS ? NULL : (*at)->fields;
             f && f->name; f++)
            count += strcmp(f->name, member) == 0;
    }
    return count;
}

static void nothing_is_documented_twice(void **state)
{
    (void)state;
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
            if (count_of(at, f->name) != 1) fail_msg("%s.%s twice", name_of(*at), f->name);
        if ((*at)->kind == DOCS_ALIAS) continue;
        for (const struct vm_field *f = (*at)->fields; f && f->name; f++)
            if (count_of(at, f->name) != 1) fail_msg("%s.%s twice", name_of(*at), f->name);
    }
}

static void the_first_part_of_each_has_a_text(void **state)
{
    (void)state;
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *const *first = docs_modules;
        while (strcmp(name_of(*first), name_of(*at)) != 0 || (*first)->kind != (*at)->kind)
            first++;
        if ((*at)->kind != DOCS_GLOBALS) check_text(*first, "", (*first)->doc);
    }
}

/* Types that list texts agree with the lists that check them. */
static void choices_are_those_that_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *alias;
        const char *const *names;
    } cases[] = {
        {"cloudwatch.unit", cloudwatch_unit_names},
        {"stats.method", percentile_method_names},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct docs_entry found;
        struct strbuf type;
        assert_true(docs_find(cases[i].alias, 0, &found));
        strbuf_init(&type, 4096);
        for (size_t n = 0; cases[i].names[n]; n++)
            strbuf_addf(&type, "%s\"%s\"", n ? "|" : "", cases[i].names[n]);
        assert_string_equal(found.module->fields[0].type, strbuf_cstr(&type));
        strbuf_done(&type);
    }
}

static void the_rails_are_those_that_are_read(void **state)
{
    (void)state;
    struct docs_entry found;
    size_t i = 0;
    assert_true(docs_find("rails", 0, &found));
    for (; rail_limit_names[i]; i++)
        assert_string_equal(found.module->fields[i].name, rail_limit_names[i]);
    assert_null(found.module->fields[i].name);
}

/* ---- finding ---- */

static void run_lua(lua_State *L, const char *code)
{
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail_msg("%s: %s", code, luaL_tolstring(L, -1, NULL));
}

static void entries_are_found_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *owner, *member;
        bool function;
    } cases[] = {
        {"stats.percentile", "stats", "percentile", true},
        {"series:above", "series", "above", true},
        {"series.above", "series", "above", true},
        {"issue", "", "issue", true},
        {"issue.fields.severity", "issue.fields", "severity", false},
        {"json.null", "json.null", "", false},
        {"aws.sigv4.sign", "aws.sigv4", "sign", true},
        {"stats", "stats", "", false},
        {"_G.issue", "", "issue", true},
    };
    struct docs_entry e;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(docs_find(cases[i].name, 0, &e));
        assert_string_equal(name_of(e.module), cases[i].owner);
        assert_int_equal(e.function != NULL, cases[i].function);
        const char *member = e.function ? e.function->name : e.field ? e.field->name : "";
        assert_string_equal(member, cases[i].member);
    }
    assert_false(docs_find("stats.nonsense", 0, &e));
    assert_false(docs_find("issue", DOCS_SCRIPT, &e));
    assert_false(docs_find("", 0, &e));
}

static void entries_are_found_by_value(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *code, *owner, *member;
    } cases[] = {
        {"return stats.percentile", "stats", "percentile"},
        {"return stats", "stats", ""},
        {"return aws.client", "aws", "client"},
        {"return aws.presign", "aws", "presign"}, /* written in Lua */
        {"return plot.hist", "plot", "hist"},
        {"return stats.sketch().quantile", "stats.sketch", "quantile"},
        {"return string.format", "string", "format"},
        {"return require", "", "require"},
        {"return pcall", "", "pcall"},
    };
    struct script *script;
    struct docs_entry e;
    assert_int_equal(script_new(&(struct script_options){.host = &b->host}, &script), OK);
    lua_State *L = vm_lua(script_vm(script));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        run_lua(L, cases[i].code);
        if (!docs_of_value(L, -1, &e)) fail_msg("%s: not found", cases[i].code);
        assert_string_equal(name_of(e.module), cases[i].owner);
        assert_string_equal(e.function ? e.function->name : "", cases[i].member);
        lua_settop(L, 0);
    }
    run_lua(L, "return function() end");
    assert_false(docs_of_value(L, -1, &e));
    lua_settop(L, 0);
    script_free(script);
}

static void signatures_come_apart(void **state)
{
    (void)state;
    static const char text[] = "(a: string|\"(,\", b?: fun(x: number, y: integer): boolean, ...: "
                               "any): table<string, number>?, ...: any\n()";
    const char *at = text;
    struct signature s;
    assert_true(signature_read(&at, &s));
    assert_int_equal(s.param_count, 3);
    assert_memory_equal(s.params[1].type, "fun(x: number, y: integer): boolean",
                        s.params[1].type_len);
    assert_true(s.params[1].optional);
    assert_int_equal(s.result_count, 2);
    assert_memory_equal(s.results[0].type, "table<string, number>?", s.results[0].type_len);
    assert_int_equal(s.results[1].name_len, 3);
    assert_true(signature_read(&at, &s));
    assert_int_equal(s.param_count + s.result_count, 0);
    assert_string_equal(at, "");
    static const char *const faulty[] = {"",        "a: b", "(a)",     "(a: )",    "(a: b",
                                         "(a: b,)", "(): ", "(a: (b)", "(a: \"b)", "() x"};
    for (size_t i = 0; i < COUNT_OF(faulty); i++) {
        at = faulty[i];
        if (signature_read(&at, &s)) fail_msg("'%s' was taken", faulty[i]);
    }
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_types_and_texts_are_whole),
        cmocka_unit_test(nothing_is_documented_twice),
        cmocka_unit_test(the_first_part_of_each_has_a_text),
        cmocka_unit_test(choices_are_those_that_are_checked),
        cmocka_unit_test(the_rails_are_those_that_are_read),
        cmocka_unit_test(entries_are_found_by_name),
        WITH_BENCH(entries_are_found_by_value),
        cmocka_unit_test(signatures_come_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
