/* Facts about the parser of Lua: trees as text, names, guards, and what it refuses. */
#include "moontide/bind/syntax.h"

#include "moontide/base/fs.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>

/* ---- a tree as text ---- */

static const char *const operators[] = {
    [OP_OR] = "or",  [OP_AND] = "and", [OP_LT] = "<",   [OP_GT] = ">",      [OP_LE] = "<=",
    [OP_GE] = ">=",  [OP_NE] = "~=",   [OP_EQ] = "==",  [OP_BOR] = "|",     [OP_BXOR] = "~",
    [OP_BAND] = "&", [OP_SHL] = "<<",  [OP_SHR] = ">>", [OP_CONCAT] = "..", [OP_ADD] = "+",
    [OP_SUB] = "-",  [OP_MUL] = "*",   [OP_DIV] = "/",  [OP_IDIV] = "//",   [OP_MOD] = "%",
    [OP_POW] = "^",  [OP_NOT] = "not", [OP_LEN] = "#",  [OP_NEG] = "neg",   [OP_BNOT] = "bnot",
};

struct out {
    char text[1000];
    size_t len;
};

static void put(struct out *out, const char *text, size_t len)
{
    assert_true(out->len + len < sizeof out->text);
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void puts_to(struct out *out, const char *text)
{
    put(out, text, strlen(text));
}

static void show(struct out *out, const struct expr *expr);

static void show_list(struct out *out, const struct expr *first)
{
    for (const struct expr *at = first; at; at = at->next) {
        if (at != first) puts_to(out, ",");
        show(out, at);
    }
}

static void show_table(struct out *out, const struct expr *table)
{
    puts_to(out, "{");
    for (const struct item *item = table->items; item; item = item->next) {
        if (item->key) {
            show(out, item->key);
            puts_to(out, "=");
        }
        show(out, item->value);
        puts_to(out, ";");
    }
    puts_to(out, "}");
}

static void show(struct out *out, const struct expr *expr)
{
    switch (expr->kind) {
    case EXPR_INDEX:
        show(out, expr->left);
        puts_to(out, "[");
        show(out, expr->right);
        puts_to(out, "]");
        return;
    case EXPR_METHOD:
    case EXPR_CALL:
        show(out, expr->left);
        if (expr->kind == EXPR_METHOD) puts_to(out, ":");
        put(out, expr->text.text ? expr->text.text : "", expr->text.len);
        puts_to(out, "(");
        show_list(out, expr->list);
        puts_to(out, ")");
        return;
    case EXPR_PAREN: show(out, expr->left); return;
    case EXPR_UNARY:
    case EXPR_BINARY:
        puts_to(out, "(");
        puts_to(out, operators[expr->op]);
        puts_to(out, " ");
        show(out, expr->left);
        if (expr->right) puts_to(out, " ");
        if (expr->right) show(out, expr->right);
        puts_to(out, ")");
        return;
    case EXPR_TABLE: show_table(out, expr); return;
    case EXPR_FUNCTION: puts_to(out, "function"); return;
    case EXPR_STRING:
        puts_to(out, "'");
        put(out, expr->text.text, expr->text.len);
        puts_to(out, "'");
        return;
    default: put(out, expr->text.text, expr->text.len); return;
    }
}

static struct syntax *parsed(const char *text)
{
    struct syntax *syntax = NULL;
    int code = syntax_new(text, strlen(text), &syntax);
    if (code != OK) fail_msg("%s: %d", text, code);
    return syntax;
}

static void operators_bind_as_the_manual_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tree;
    } cases[] = {
        {"return 1 + 2 * 3", "(+ 1 (* 2 3))"},
        {"return (1 + 2) * 3", "(* (+ 1 2) 3)"},
        {"return 1 - 2 - 3", "(- (- 1 2) 3)"},
        {"return 2 ^ 3 ^ 4", "(^ 2 (^ 3 4))"},
        {"return -2 ^ 2", "(neg (^ 2 2))"},
        {"return 2 ^ -2", "(^ 2 (neg 2))"},
        {"return a .. b .. c", "(.. a (.. b c))"},
        {"return a or b and c", "(or a (and b c))"},
        {"return a and b or c", "(or (and a b) c)"},
        {"return not a == b", "(== (not a) b)"},
        {"return not not a", "(not (not a))"},
        {"return a < b == c", "(== (< a b) c)"},
        {"return 1 .. 2 + 3", "(.. 1 (+ 2 3))"},
        {"return 1 << 2 .. 3", "(<< 1 (.. 2 3))"},
        {"return a | b ~ c & d", "(| a (~ b (& c d)))"},
        {"return ~a ~ b", "(~ (bnot a) b)"},
        {"return #a // b % c", "(% (// (# a) b) c)"},
        {"return a.b.c", "a['b']['c']"},
        {"return a[b][1]", "a[b][1]"},
        {"return a.b:c(1, 'x')", "a['b']:c(1,'x')"},
        {"return f 'x' { 1 }", "f('x')({1;})"},
        {"return f[[x]]", "f('x')"},
        {"return { a = 1, ['b'] = 2; 3, [c] = d, f() }", "{'a'=1;'b'=2;3;c=d;f();}"},
        {"return {}, ...", "{}"},
        {"return a ~= b", "(~= a b)"},
        {"return a >= 1 and a <= 2", "(and (>= a 1) (<= a 2))"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct syntax *syntax = parsed(cases[i].text);
        struct out out = {.len = 0};
        show(&out, syntax_file(syntax)->first->values);
        if (strcmp(out.text, cases[i].tree) != 0)
            fail_msg("%s: %s, not %s", cases[i].text, out.text, cases[i].tree);
        syntax_free(syntax);
    }
}

/* ---- names ---- */

/* The n-th name expression of that text, from 1. */
static const struct expr *name_at(const struct syntax *syntax, const char *name, int n)
{
    for (const struct expr *at = syntax_expressions(syntax); at; at = at->all_next)
        if (at->kind == EXPR_NAME && piece_is(at->text, name) && --n == 0) return at;
    fail_msg("no %s", name);
    return NULL;
}

static void a_name_means_the_nearest_variable_that_is_declared(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int n, line; /* of the name `x`, and of what it means; 0: a global */
    } cases[] = {
        {"local x = 1\nreturn x", 1, 1},
        {"return x", 1, 0},
        {"local x\nlocal x\nreturn x", 1, 2},
        {"local x\nlocal x = x", 1, 1},
        {"local x\ndo local x end\nreturn x", 1, 1},
        {"local x\nlocal function f(x)\nreturn x end", 1, 2},
        {"for x = 1, 2 do\n f(x) end", 1, 1},
        {"for x = 1, 2 do end\nreturn x", 1, 0},
        {"for _, x in\npairs(x) do end", 1, 0},
        {"repeat local x\nuntil x", 1, 1},
        {"while true do local x end return x", 1, 0},
        {"if a then local x else return x end", 1, 0},
        {"local function x() return x end", 1, 1},
        {"local x = function() return x end", 1, 0},
        {"return { x = x }", 1, 0},
        {"local x <const> = 1\nreturn x", 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct syntax *syntax = parsed(cases[i].text);
        const struct expr *name = name_at(syntax, "x", cases[i].n);
        int line = name->variable ? name->variable->span.line : 0;
        if (line != cases[i].line) fail_msg("%s: line %d", cases[i].text, line);
        syntax_free(syntax);
    }
}

static void writes_are_counted_and_fields_that_change_are_told(void **state)
{
    (void)state;
    struct syntax *syntax = parsed("local a, b, c, d = 1, {}, {}, {}\n"
                                   "a = 2 b.x = 1 b.y.z, a = 1, 2 function d.f() end\n"
                                   "function a() end return c.x");
    const struct stat *local = syntax_file(syntax)->first;
    assert_int_equal(local->variables[0]->writes, 3);
    assert_int_equal(local->variables[1]->writes, 0);
    assert_true(local->variables[1]->mutated);
    assert_false(local->variables[2]->mutated);
    assert_int_equal(local->variables[2]->uses, local->variables[2]->index_uses);
    assert_true(local->variables[3]->mutated);
    syntax_free(syntax);
}

/* ---- guards ---- */

static void show_guards(struct out *out, const struct guard *guard)
{
    for (; guard; guard = guard->outer) {
        puts_to(out, guard->holds ? "+" : "-");
        show(out, guard->condition);
        puts_to(out, " ");
    }
}

/* Each text calls here() once. */
static void what_is_known_where_a_statement_stands_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *guards;
    } cases[] = {
        {"here()", ""},
        {"if a then here() end", "+a "},
        {"if a then else here() end", "-a "},
        {"if a then elseif b then here() end", "+b -a "},
        {"if a then elseif b then else here() end", "-b -a "},
        {"if a then return end here()", "-a "},
        {"if a then error('x') end here()", "-a "},
        {"if a then elseif b then return end here()", ""},
        {"if a then return elseif b then return end here()", "-b -a "},
        {"if a then return else b() end here()", "-a "},
        {"if a then do return end end here()", ""},
        {"while a do here() end", "+a "},
        {"while a do end here()", ""},
        {"return a and here()", "+a "},
        {"return a or here()", "-a "},
        {"return (a or b) and here()", "+(or a b) "},
        {"for i = 1, 2 do if a then break end here() end", "-a "},
        {"for i = 1, 2 do if a then goto next end here() ::next:: end", "-a "},
        {"if a then goto out end ::out:: here()", ""},
        {"if a then return end do here() end", "-a "},
        {"do if a then return end end here()", ""},
        {"repeat if a then return end until here()", ""},
        {"local f = a and function() here() end", "+a "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct syntax *syntax = parsed(cases[i].text);
        struct out out = {.len = 0};
        show_guards(&out, name_at(syntax, "here", 1)->guard);
        if (strcmp(out.text, cases[i].guards) != 0)
            fail_msg("%s: '%s', not '%s'", cases[i].text, out.text, cases[i].guards);
        syntax_free(syntax);
    }
}

static void places_are_those_of_the_text(void **state)
{
    (void)state;
    const char *text = "local a = {\n  key = m.x:last(),\n  [[long]], 'short' }\n";
    struct syntax *syntax = parsed(text);
    const struct expr *table = syntax_file(syntax)->first->values;
    const struct item *first = table->items;
    assert_int_equal(table->span.line, 1);
    assert_int_equal(table->span.column, 11);
    assert_int_equal(first->span.line, 2);
    assert_int_equal(first->span.column, 3);
    assert_int_equal(first->span.end - first->span.begin, 3);
    assert_memory_equal(first->value->span.begin, "m.x:last()", 10);
    assert_int_equal(first->value->span.end - first->value->span.begin, 10);
    assert_memory_equal(first->value->text_span.begin, "last", 4);
    assert_int_equal(first->value->text_span.column, 13);
    assert_memory_equal(first->next->value->span.begin, "[[long]]", 8);
    assert_memory_equal(first->next->next->value->span.begin, "'short'", 7);
    syntax_free(syntax);
}

/* ---- what it reads and refuses ---- */

static bool lua_takes(const char *text, size_t len)
{
    lua_State *L = luaL_newstate();
    bool taken = luaL_loadbufferx(L, text, len, "x", "t") == LUA_OK;
    lua_close(L);
    return taken;
}

static void what_is_no_lua_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "return",      "x",
        "x =",         "= 1",
        "f(",          "f)",
        "if a",        "if a then",
        "for",         "for x do end",
        "local",       "local 1",
        "return 1,",   "{",
        "a.b",         "a:b",
        "a.1()",       "function",
        "function f",  "f() = 1",
        "(a) = 1 2",   "1",
        "'x'",         "goto",
        "::a",         "x = }",
        "end",         "return 1 return 2",
        "local x <",   "repeat",
        "a, b",        "x = a b",
        "x = = 1",     "return ...)",
        "x = {a b}",   "x = {[1]}",
        "\x80",        "break break",
        "do do end",   "while a end",
        "x = 1 + + 2", "x.y:z = 1",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct syntax *syntax = NULL;
        size_t len = strlen(texts[i]);
        int code = syntax_new(texts[i], len, &syntax);
        bool taken = lua_takes(texts[i], len);
        if (taken && code != OK) fail_msg("refused: %s", texts[i]);
        if (!taken && code == OK && strcmp(texts[i], "break break") != 0)
            fail_msg("taken: %s", texts[i]);
        syntax_free(syntax);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "(",   "{",  "f(",         "- ",  "not ", "function() return ",
        "x..", "1^", "if a then ", "do ", "a[",   "a = function() "};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size_t len = strlen(parts[i]), count = 100000;
        char *text = malloc(len * count + 8);
        struct syntax *syntax = NULL;
        assert_non_null(text);
        strcpy(text, strncmp(parts[i], "if", 2) == 0 || *parts[i] == 'd' ? "" : "return ");
        size_t begin = strlen(text);
        for (size_t k = 0; k < count; k++)
            memcpy(text + begin + k * len, parts[i], len);
        text[begin + len * count] = '\0';
        int code = syntax_new(text, strlen(text), &syntax);
        free(text);
        if (code >= 0) fail_msg("%s", parts[i]);
    }
}

static void parse_file(const char *path)
{
    struct fault fault;
    char *text = NULL;
    size_t len = 0;
    struct syntax *syntax = NULL;
    assert_int_equal(fs_read_file(path, 1 << 20, &text, &len, &fault), OK);
    int code = syntax_new(text, len, &syntax);
    if (code != OK) fail_msg("%s: %d", path, code);
    syntax_free(syntax);
    free(text);
}

static void all_lua_that_ships_is_read(void **state)
{
    (void)state;
    static const char *const dirs[] = {"/policies", "/policies/lib", "/src/prelude",
                                       "/scripts",  "/scripts/lib",  "/tests/integration"};
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(dirs); i++) {
        char path[1000];
        snprintf(path, sizeof path, "%s%s", MOONTIDE_SOURCE, dirs[i]);
        DIR *dir = opendir(path);
        for (const struct dirent *entry; dir && (entry = readdir(dir));) {
            size_t len = strlen(entry->d_name);
            if (len < 5 || strcmp(entry->d_name + len - 4, ".lua") != 0) continue;
            snprintf(path, sizeof path, "%s%s/%s", MOONTIDE_SOURCE, dirs[i], entry->d_name);
            parse_file(path);
            count++;
        }
        if (dir) closedir(dir);
    }
    assert_true(count > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_the_manual_says),
        cmocka_unit_test(a_name_means_the_nearest_variable_that_is_declared),
        cmocka_unit_test(writes_are_counted_and_fields_that_change_are_told),
        cmocka_unit_test(what_is_known_where_a_statement_stands_is_told),
        cmocka_unit_test(places_are_those_of_the_text),
        cmocka_unit_test(what_is_no_lua_is_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(all_lua_that_ships_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
