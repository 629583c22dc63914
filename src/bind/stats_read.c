/* bind/stats_read.c - stats.read(path [, options]) -> vector, info: numbers of a file.
 *
 *   column = "latency" | 3     a column of CSV, by the header's name or by number
 *   separator = ";"            of CSV; a comma without it
 *   partial = true             a gzip that ends early gives what it has, and info.ended_early says
 * why
 *
 * info = { lines, values, broken, first_broken = { { line, text, why }, ... } } */
#include "moontide/stats/value_reader.h"

#include "check.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "stats.h"
#include "stats_files.h"
#include "stats_vector.h"

#include <string.h>

#define READER_TYPE "moontide.value_reader"

/* The userdata owns the reader, whatever is thrown. */
static int reader_gc(lua_State *L)
{
    struct value_reader **box = lua_touserdata(L, 1);
    value_reader_close(*box);
    *box = NULL;
    return 0;
}

static struct value_reader **push_box(lua_State *L)
{
    struct value_reader **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    if (luaL_newmetatable(L, READER_TYPE)) {
        lua_pushcfunction(L, reader_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return box;
}

static char check_separator(lua_State *L, int idx)
{
    if (lua_getfield(L, idx, "separator") == LUA_TNIL) return ',';
    const char *text = check_text(L, -1, "stats.read: separator");
    if (strlen(text) != 1 || *text == '"' || *text == '\n' || *text == '\r')
        luaL_error(L, "stats.read: separator must be one character");
    return *text;
}

static const struct vm_field option_fields[] = {
    {"column", "string|integer?", "A column of CSV, by the header's name or by number from 1."},
    {"separator", "string?", "Of CSV, one character; a comma."},
    {"partial", "boolean?",
     "A gzip that ends early gives what it has, and info.ended_early says why."},
    {NULL, NULL, NULL}};

/* Leaves the strings that the options borrow on the stack. */
static struct value_options check_options(lua_State *L, int idx, bool *partial)
{
    struct value_options options = {.separator = ','};
    *partial = false;
    if (lua_isnoneornil(L, idx)) return options;
    luaL_checktype(L, idx, LUA_TTABLE);
    vm_check_fields(L, idx, "stats.read", option_fields);
    lua_getfield(L, idx, "partial");
    *partial = lua_toboolean(L, -1);
    options.separator = check_separator(L, idx);
    switch (lua_getfield(L, idx, "column")) {
    case LUA_TNIL: break;
    case LUA_TNUMBER:
        if (luaL_checkinteger(L, -1) < 1) luaL_error(L, "stats.read: columns count from 1");
        options.column = (size_t)lua_tointeger(L, -1) - 1;
        options.csv = true;
        break;
    default: options.column_name = check_text(L, -1, "stats.read: column"); options.csv = true;
    }
    return options;
}

static void push_info(lua_State *L, const struct value_reader *reader, size_t count)
{
    lua_createtable(L, 0, 5);
    set_count(L, "lines", value_reader_lines(reader));
    set_count(L, "values", count);
    set_broken_lines(L, value_reader_broken(reader), NULL);
}

/* How many lines and values were read before it stands in the message. */
static int raise_cut(lua_State *L, const struct value_reader *reader, size_t count,
                     struct fault *fault)
{
    fault_set(fault, fault->code, "%s (%llu lines, %zu values; partial = true gives them)",
              fault->text, (unsigned long long)value_reader_lines(reader), count);
    return raise_fault(L, "stats.read", fault);
}

static int stats_read(lua_State *L)
{
    bool partial;
    struct fault fault;
    const char *path = check_text(L, 1, "stats.read: the path");
    lua_settop(L, 2);
    struct value_options options = check_options(L, 2, &partial);
    struct value_reader **box = push_box(L);
    if (value_reader_open(path, &options, box, &fault) < 0)
        return raise_fault(L, "stats.read", &fault);
    struct vector *vector = vector_push_new(L);
    const double *values;
    size_t count;
    int code;
    while ((code = value_reader_next(*box, &values, &count, &fault)) > 0) {
        vm_charge(L, count);
        vector_grow(L, vector, count);
        memcpy(vector->at + vector->count, values, count * sizeof *values);
        vector->count += count;
    }
    if (code < 0 && !(partial && code == ERR_CORRUPT))
        return raise_cut(L, *box, vector->count, &fault);
    push_info(L, *box, vector->count);
    if (code < 0) {
        lua_pushstring(L, fault.text);
        lua_setfield(L, -2, "ended_early");
    }
    value_reader_close(*box);
    *box = NULL;
    return 2;
}

static const struct vm_function functions[] = {
    {"read", stats_read,
     "(path: string, options?: stats.read.options): stats.vector, stats.read.info",
     "The numbers of a file, plain or gzip: one a line or separated by white space, or a column of "
     "CSV. A line with anything else is counted as broken. An error object when the file cannot be "
     "read to its end."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field info_fields[] = {
    {"lines", "integer", "Lines that were read."},
    {"values", "integer", "Values that were taken."},
    {"broken", "integer", "Lines of which nothing was taken."},
    {"first_broken", "stats.broken_line[]", "The first ten of them."},
    {"ended_early", "string?", "Why a gzip ended before its end (partial)."},
    {NULL, NULL, NULL}};
static const struct vm_field broken_fields[] = {
    {"line", "integer", "Its number."},
    {"text", "string", "Its beginning."},
    {"why", "string", "What is wrong with it."},
    {"file", "string?", "Of stats.access_log: which file."},
    {NULL, NULL, NULL}};
const struct vm_docs stats_read_docs = {DOCS_MODULE, "stats",   DOCS_SCRIPT | DOCS_TEST,
                                        NULL,        functions, NULL};
const struct vm_docs stats_read_options_docs = {
    DOCS_CLASS, "stats.read.options", DOCS_SCRIPT | DOCS_TEST, "Of stats.read.",
    NULL,       option_fields};
const struct vm_docs stats_read_info_docs = {
    DOCS_CLASS, "stats.read.info", DOCS_SCRIPT | DOCS_TEST, "What was read.", NULL, info_fields};
const struct vm_docs stats_broken_docs = {
    DOCS_CLASS, "stats.broken_line", DOCS_SCRIPT | DOCS_TEST, "A line of which nothing was taken.",
    NULL,       broken_fields};

void stats_add_read(lua_State *L)
{
    vm_set_functions(L, functions);
}
