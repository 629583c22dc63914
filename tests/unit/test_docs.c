/* Facts about the documentation of bindings: every name that Lua code can reach in a state of any
 * kind is in the list, what is in the list is there, signatures can be read, and types are known.
 */
#include "policy_fixture.h"

#include "courier_state.h"
#include "kinds_state.h"
#include "moontide/base/fs.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/courier.h"
#include "moontide/bind/docs.h"
#include "moontide/bind/ptest.h"
#include "moontide/bind/script.h"
#include "policy_state.h"

#include <unistd.h>

enum { SEEN_MAX = 1000, NAME_MAX_BYTES = 96, PROBLEMS_MAX = 64 * 1024 };

/* What was met in one kind of state. */
struct walk {
    lua_State *L;
    unsigned where;
    char seen[SEEN_MAX][NAME_MAX_BYTES];
    size_t seen_count;
    struct strbuf problems;
};

static void see(struct walk *w, const char *module, const char *name)
{
    assert_true(w->seen_count < SEEN_MAX);
    snprintf(w->seen[w->seen_count++], NAME_MAX_BYTES, "%s.%s", module, name);
}

static bool was_seen(const struct walk *w, const char *module, const char *name)
{
    char wanted[NAME_MAX_BYTES];
    snprintf(wanted, sizeof wanted, "%s.%s", module, name);
    for (size_t i = 0; i < w->seen_count; i++)
        if (strcmp(w->seen[i], wanted) == 0) return true;
    return false;
}

static void problem(struct walk *w, const char *module, const char *name, const char *what)
{
    strbuf_addf(&w->problems, "%s%s%s: %s\n", module, *module ? "." : "", name, what);
}

static const char *name_of(const struct vm_docs *docs)
{
    return docs->name ? docs->name : "";
}

static bool is_of(const struct vm_docs *docs, enum vm_docs_kind kind, const char *name,
                  unsigned where)
{
    enum vm_docs_kind other = kind == DOCS_MODULE ? DOCS_GLOBALS : kind;
    return (docs->kind == kind || docs->kind == other) && (docs->where & where) &&
           strcmp(name_of(docs), name) == 0;
}

static const struct vm_function *function_of(enum vm_docs_kind kind, const char *owner,
                                             const char *name, unsigned where, bool *standard)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        if (!is_of(*at, kind, owner, where)) continue;
        *standard = ((*at)->where & DOCS_STANDARD) != 0;
        for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
            if (strcmp(f->name, name) == 0) return f;
    }
    return NULL;
}

static bool has_field(enum vm_docs_kind kind, const char *owner, const char *name, unsigned where)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if (is_of(*at, kind, owner, where))
            for (const struct vm_field *f = (*at)->fields; f && f->name; f++)
                if (strcmp(f->name, name) == 0) return true;
    return false;
}

static bool is_module(const char *name, unsigned where)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if ((*at)->kind == DOCS_MODULE && is_of(*at, DOCS_MODULE, name, where)) return true;
    return false;
}

/* What Lua 5.4 has only where it was built with LUA_COMPAT_MATHLIB. */
static bool is_compatible(const char *name)
{
    static const char *const names[] = {"atan2", "cosh", "frexp", "ldexp",
                                        "log10", "pow",  "sinh",  "tanh"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

/* The function on top. */
static void meet_function(struct walk *w, enum vm_docs_kind kind, const char *owner,
                          const char *name)
{
    bool standard = false;
    const struct vm_function *f = function_of(kind, owner, name, w->where, &standard);
    see(w, owner, name);
    if (!f && kind == DOCS_MODULE && strcmp(owner, "math") == 0 && is_compatible(name)) return;
    if (!f)
        problem(w, owner, name, "a function that is not documented");
    else if (f->call && !standard && lua_iscfunction(w->L, -1) &&
             lua_tocfunction(w->L, -1) != f->call) /* Lua may stand in front of it */
        problem(w, owner, name, "another function than the one that is documented");
}

static void walk_table(struct walk *w, const char *module);

/* The value on top, at a key of a module's table. */
static void meet(struct walk *w, const char *module, const char *name)
{
    char whole[NAME_MAX_BYTES];
    snprintf(whole, sizeof whole, "%s%s%s", module, *module ? "." : "", name);
    if (lua_isfunction(w->L, -1)) {
        meet_function(w, DOCS_MODULE, module, name);
    } else if (lua_istable(w->L, -1) && is_module(whole, w->where)) {
        walk_table(w, whole);
    } else {
        see(w, module, name);
        if (!has_field(DOCS_MODULE, module, name, w->where))
            problem(w, module, name, "a value that is not documented");
    }
}

/* What is behind a table: the functions in __index, and what it does when it is called. */
static void walk_metatable(struct walk *w, const char *module)
{
    if (!*module || !lua_getmetatable(w->L, -1)) return;
    lua_pushliteral(w->L, "__index");
    if (lua_rawget(w->L, -2) == LUA_TTABLE) walk_table(w, module);
    lua_pop(w->L, 1);
    lua_pushliteral(w->L, "__call");
    if (lua_rawget(w->L, -2) != LUA_TNIL) meet_function(w, DOCS_MODULE, module, "__call");
    lua_pop(w->L, 2);
}

static void walk_table(struct walk *w, const char *module)
{
    luaL_checkstack(w->L, 8, "walk");
    int table = lua_gettop(w->L);
    for (lua_pushnil(w->L); lua_next(w->L, table); lua_pop(w->L, 1))
        if (lua_type(w->L, -2) == LUA_TSTRING) meet(w, module, lua_tostring(w->L, -2));
    walk_metatable(w, module);
    lua_settop(w->L, table);
}

static bool may_be_absent(const struct vm_field *field)
{
    return field->name[0] == '[' || field->type[strlen(field->type) - 1] == '?';
}

/* What is documented for this state and was not met. */
static void look_for_missing(struct walk *w)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (!(docs->where & w->where) || docs->kind == DOCS_CLASS || docs->kind == DOCS_ALIAS)
            continue;
        for (const struct vm_function *f = docs->functions; f && f->name; f++)
            if (!was_seen(w, name_of(docs), f->name))
                problem(w, name_of(docs), f->name, "documented, but not there");
        for (const struct vm_field *f = docs->fields; f && f->name; f++)
            if (!may_be_absent(f) && !was_seen(w, name_of(docs), f->name))
                problem(w, name_of(docs), f->name, "documented, but not there");
    }
}

static void walk_begin(struct walk *w, lua_State *L, unsigned where)
{
    w->L = L;
    w->where = where;
    w->seen_count = 0;
    strbuf_init(&w->problems, PROBLEMS_MAX);
}

static void walk_end(struct walk *w)
{
    if (w->problems.len) print_error("%s", strbuf_cstr(&w->problems));
    size_t len = w->problems.len;
    strbuf_done(&w->problems);
    assert_int_equal(len, 0);
}

static void check_state(lua_State *L, unsigned where)
{
    static struct walk walk;
    walk_begin(&walk, L, where);
    lua_pushglobaltable(L);
    walk_table(&walk, "");
    lua_pop(L, 1);
    look_for_missing(&walk);
    walk_end(&walk);
}

/* ---- classes: the methods of a value on top ---- */

static void walk_methods(struct walk *w, const char *class_name)
{
    int table = lua_gettop(w->L);
    for (lua_pushnil(w->L); lua_next(w->L, table); lua_pop(w->L, 1))
        if (lua_isfunction(w->L, -1))
            meet_function(w, DOCS_CLASS, class_name, lua_tostring(w->L, -2));
}

/* Methods are in __index, or in a table that __index has as an upvalue. */
static void walk_index(struct walk *w, const char *class_name)
{
    lua_pushliteral(w->L, "__index");
    int type = lua_rawget(w->L, -2);
    if (type == LUA_TTABLE) walk_methods(w, class_name);
    for (int i = 1; type == LUA_TFUNCTION && lua_getupvalue(w->L, -1, i); i++) {
        if (lua_istable(w->L, -1)) walk_methods(w, class_name);
        lua_pop(w->L, 1);
    }
    lua_pop(w->L, 1);
}

/* The metatable is on top; popped. */
static void check_class(lua_State *L, const char *class_name, unsigned where)
{
    static struct walk walk;
    walk_begin(&walk, L, where);
    assert_true(lua_istable(L, -1));
    walk_index(&walk, class_name);
    lua_pop(L, 1);
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if (is_of(*at, DOCS_CLASS, class_name, where))
            for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
                if (!was_seen(&walk, class_name, f->name))
                    problem(&walk, class_name, f->name, "documented, but not there");
    walk_end(&walk);
}

static void run_lua(lua_State *L, const char *code)
{
    if (luaL_loadstring(L, code) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK)
        fail_msg("%s: %s", code, luaL_tolstring(L, -1, NULL));
}

/* ---- the kinds of states ---- */

static void policies_reach_what_is_documented(void **state)
{
    struct bench *b = *state;
    assert_int_equal(load(b, "return policy { name = 'x', evaluate = function() end }"), OK);
    const struct policy *policy = (const struct policy *)b->evaluator;
    check_state(vm_lua(policy->vm), DOCS_POLICY);
}

/* Pushes the metatable of this __name in the registry. */
static bool push_type_named(lua_State *L, const char *name)
{
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (!lua_istable(L, -1)) continue;
        lua_pushliteral(L, "__name");
        lua_rawget(L, -2);
        bool same = lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), name) == 0;
        lua_pop(L, 1);
        if (same) return true;
    }
    return false;
}

static void the_methods_of_a_series_are_documented(void **state)
{
    struct bench *b = *state;
    assert_int_equal(load(b, "return policy { name = 'x', evaluate = function() end }"), OK);
    lua_State *L = vm_lua(((const struct policy *)b->evaluator)->vm);
    assert_true(push_type_named(L, "metric"));
    check_class(L, "series", DOCS_POLICY);
    lua_settop(L, 0);
}

static void scripts_reach_what_is_documented(void **state)
{
    struct bench *b = *state;
    struct script *script;
    assert_int_equal(script_new(&(struct script_options){.host = &b->host}, &script), OK);
    check_state(vm_lua(script_vm(script)), DOCS_SCRIPT);
    script_free(script);
}

static void the_methods_of_values_are_documented(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name, *code;
    } classes[] = {
        {"stats.vector", "return stats.vector(1)"},
        {"stats.sketch", "return stats.sketch()"},
        {"stats.detector", "return stats.anomaly()"},
        {"stats.access_log.scan",
         "local path = os.tmpname() "
         "local gone <close> = setmetatable({}, { __close = function() os.remove(path) end }) "
         "return stats.access_log { files = { path } }"},
        {"aws.client", "return aws.client('sts')"},
        {"file", "return io.stdout"},
    };
    struct script *script;
    assert_int_equal(script_new(&(struct script_options){.host = &b->host}, &script), OK);
    lua_State *L = vm_lua(script_vm(script));
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        run_lua(L, classes[i].code);
        assert_true(lua_getmetatable(L, -1));
        check_class(L, classes[i].name, DOCS_SCRIPT);
        lua_settop(L, 0);
    }
    script_free(script);
}

static void kinds_reach_what_is_documented(void **state)
{
    struct bench *b = *state;
    struct actor *actor = kinds_actor(b->host.kinds);
    assert_non_null(actor->vtable->kind(actor, "call"));
    lua_State *L = vm_lua(b->host.kinds->vm);
    check_state(L, DOCS_KIND);
    kinds_push_host(b->host.kinds, HOST_APPLY);
    const char *name = "";
    for (int i = 1; name && strcmp(name, "place") != 0; i++) {
        name = lua_getupvalue(L, 1, i);
        if (name && strcmp(name, "place") != 0) lua_pop(L, 1);
    }
    assert_non_null(name);
    lua_call(L, 0, 1);
    assert_true(lua_getmetatable(L, -1));
    check_class(L, "kind.place", DOCS_KIND);
    lua_settop(L, 0);
}

static void receivers_reach_what_is_documented(void **state)
{
    struct bench *b = *state;
    struct courier *courier;
    struct fault fault;
    assert_int_equal(courier_new(&b->host, &courier), OK);
    assert_int_equal(post_open(post_of(courier), &fault), OK);
    check_state(vm_lua(post_of(courier)->vm), DOCS_RECEIVER);
    courier->vtable->free(courier);
}

/* A file of tests says itself what it sees, as its state is gone when it was run: a line for each
 * name of a table that is a module, "stats.mean function". */
static const char LISTING[] = "local function list(path, t, depth)\n"
                              "  for name, value in next, t do\n"
                              "    if type(name) == 'string' then\n"
                              "      print(path .. name .. ' ' .. type(value))\n"
                              "      if type(value) == 'table' and depth > 0 and value ~= _G then\n"
                              "        local meta = debug.getmetatable(value)\n"
                              "        if meta and rawget(meta, '__call') then print(path .. name "
                              ".. '.__call function') end\n"
                              "        list(path .. name .. '.', value, depth - 1)\n"
                              "      end\n"
                              "    end\n"
                              "  end\n"
                              "end\n"
                              "it('lists', function() list('', _G, 2) end)\n";

static void keep_output(void *data, const struct ptest_result *result)
{
    assert_int_equal(result->status, PTEST_PASSED);
    snprintf(data, PTEST_OUTPUT_MAX + 1, "%s", result->output);
}

/* One line of the listing. */
static void meet_line(struct walk *w, char *line)
{
    char *kind = strchr(line, ' '), *dot = strrchr(line, '.');
    const char *owner = dot ? line : "", *name = dot ? dot + 1 : line;
    bool standard = false;
    *kind++ = '\0';
    if (is_module(line, DOCS_TEST)) return;
    if (dot) *dot = '\0';
    if (*owner && !is_module(owner, DOCS_TEST)) return; /* of a value */
    see(w, owner, name);
    const struct vm_function *f = function_of(DOCS_MODULE, owner, name, DOCS_TEST, &standard);
    if (f || has_field(DOCS_MODULE, owner, name, DOCS_TEST) || is_compatible(name)) return;
    problem(w, owner, name, kind);
}

static void tests_reach_what_is_documented(void **state)
{
    struct bench *b = *state;
    static char output[PTEST_OUTPUT_MAX + 1];
    static struct walk walk;
    char dir[] = "/tmp/moontide-docs-XXXXXX", file[64];
    struct ptest *ptest;
    struct ptest_file ran;
    struct fault fault;
    struct ptest_options options = {.config = b->config, .result = keep_output, .data = output};
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/a_test.lua", dir);
    assert_int_equal(fs_write_file(file, LISTING, strlen(LISTING), 0600, NULL), OK);
    assert_int_equal(ptest_new(&options, &ptest, &fault), OK);
    assert_int_equal(ptest_run(ptest, file, "a_test.lua", &ran, &fault), OK);
    assert_int_equal(ran.tests, 1);
    ptest_free(ptest);
    walk_begin(&walk, NULL, DOCS_TEST);
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n"))
        meet_line(&walk, line);
    look_for_missing(&walk);
    unlink(file);
    rmdir(dir);
    walk_end(&walk);
}

/* Its state is gone when it was read: so the file itself lists its globals, and they come back in
 * vars. Lua's own are those of a policy. */
static void the_configuration_reaches_what_is_documented(void **state)
{
    (void)state;
    static const char code[] = "local names = {} for name in next, _G do names[#names + 1] = name "
                               "end return { vars = { names = names } }";
    char dir[] = "/tmp/moontide-docs-XXXXXX", file[64];
    struct config *config;
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/moontide.lua", dir);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(code, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(config_load(dir, &config, NULL), OK);
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = (*at)->functions;
             f && f->name && (*at)->kind == DOCS_GLOBALS && ((*at)->where & DOCS_CONFIG); f++) {
            char quoted[NAME_MAX_BYTES];
            snprintf(quoted, sizeof quoted, "\"%s\"", f->name);
            if (!strstr(config->json, quoted)) fail_msg("%s is not there", f->name);
        }
    unlink(file);
    rmdir(dir);
    config_free(config);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BENCH(policies_reach_what_is_documented),
        WITH_BENCH(the_methods_of_a_series_are_documented),
        WITH_BENCH(scripts_reach_what_is_documented),
        WITH_BENCH(the_methods_of_values_are_documented),
        WITH_BENCH(kinds_reach_what_is_documented),
        WITH_BENCH(receivers_reach_what_is_documented),
        WITH_BENCH(tests_reach_what_is_documented),
        cmocka_unit_test(the_configuration_reaches_what_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
