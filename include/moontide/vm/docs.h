/* vm/docs.h - what Lua code can reach, registered and documented by one table.
 *
 * A binding lists its functions in a static table of struct vm_function, which vm_set_functions()
 * puts into a Lua table (in place of luaL_setfuncs), and says in a struct vm_docs beside it what
 * the module or class is. docs_modules (bind/docs.h) lists those; help(x), completion, the editor
 * stubs, .luacheckrc and docs/api.md all read that list. Nothing of it enters a Lua state.
 *
 *     static const struct vm_function functions[] = {
 *         {"sleep", async_sleep, "(time: duration)", "Waits."},
 *         {NULL, NULL, NULL, NULL}};
 *     const struct vm_docs async_docs = {DOCS_MODULE, "async", DOCS_ALL, "Waiting.", functions,
 * NULL};
 *
 * Rule 1: whatever a policy's, a script's or a test's state can reach by name is listed, and what
 * is listed is there. A unit test walks the states and compares (tests/unit/test_docs.c). Rule 2: a
 * function written in Lua (src/prelude) stands in the table of the C file that opens its module,
 * with call NULL: its Lua sets it. Metamethods (__index, __gc) are no entries and stay with
 * luaL_setfuncs(); but one named "__call" documents what a module does when it is called. Rule 3: a
 * table of named fields is checked against the struct vm_field list that documents it
 *   (vm_check_fields(), fields_known() of bind), so that there is no second list.
 *
 * A signature is "(name: type, name?: type, ...: type): type, type?", the types as in LuaCATS
 * (string, number?, string[], table<string, number>, fun(x: number): boolean, "a"|"b", and the
 * classes and aliases of the list). More than one signature, one a line, are overloads.
 * A doc is one or more plain sentences: what it answers, units and shapes, when nil, which errors.
 */
#ifndef MOONTIDE_VM_DOCS_H
#define MOONTIDE_VM_DOCS_H

#include <lua.h>

struct vm_function {
    const char *name;   /* NULL ends a table */
    lua_CFunction call; /* NULL: written in Lua */
    const char *signature;
    const char *doc;
};

/* A field of a class, a constant of a module, or a key of a table argument. */
struct vm_field {
    const char *name; /* NULL ends a list; "[string]": any other key */
    const char *type; /* LuaCATS; with "?" at its end the field may be left out */
    const char *doc;
};

enum vm_docs_kind {
    DOCS_GLOBALS, /* functions and fields are globals; name is NULL */
    DOCS_MODULE,  /* a global table, which script states can require too */
    DOCS_CLASS,   /* methods and fields of a value, or the fields of a table argument */
    DOCS_ALIAS,   /* a name for a type, which is in fields[0].type */
};

/* The states that it is in. */
enum {
    DOCS_POLICY = 1,
    DOCS_SCRIPT = 2,    /* scripts, eval, the REPL */
    DOCS_TEST = 4,      /* files of `moontide test` */
    DOCS_KIND = 8,      /* lib/kind_NAME.lua */
    DOCS_RECEIVER = 16, /* lib/receiver_NAME.lua */
    DOCS_CONFIG = 32,   /* moontide.lua */
    DOCS_WAITING = DOCS_POLICY | DOCS_SCRIPT | DOCS_KIND | DOCS_RECEIVER, /* calls may wait there */
    DOCS_ALL = DOCS_WAITING | DOCS_TEST,
    DOCS_STANDARD = 256, /* Lua's own, which editors know: no stub */
};

/* One module or class may be told in several, each from the file that registers that part; the
 * first one's doc counts. */
struct vm_docs {
    enum vm_docs_kind kind;
    const char *name; /* "stats", "metric" */
    unsigned where;
    const char *doc;                     /* NULL: the first one of this name has it */
    const struct vm_function *functions; /* may be NULL */
    const struct vm_field *fields;       /* may be NULL */
};

/* Sets the functions whose call is not NULL in the table on top of L. */
void vm_set_functions(lua_State *L, const struct vm_function *functions);
/* The same, as closures that share the `upvalues` values on top (popped), above the table. */
void vm_set_closures(lua_State *L, const struct vm_function *functions, int upvalues);
/* Pushes a new table with them, as luaL_newlib does. */
void vm_new_library(lua_State *L, const struct vm_function *functions);

/* Throws when the table at idx has a string key that is not among `known`:
 * "issue: unknown field 'serverity' (did you mean 'severity'?)". */
void vm_check_fields(lua_State *L, int idx, const char *what, const struct vm_field *known);
/* The names of a list, for nearest_name(): shape names[max], with a NULL at its end; names past max
 * - 1 are left out. Answers how many. */
int vm_field_names(const struct vm_field *fields, const char **names, int max);

#endif
