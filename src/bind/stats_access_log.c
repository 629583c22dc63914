/* bind/stats_access_log.c - stats.access_log { ... }: access logs of a load balancer, in slices.
 *
 *   scan = stats.access_log { files = { ... }, by = { "target", "path" },
 *                             value = "target_processing_time", collapse_ids = false,
 *                             groups_max = 10000 }
 *   done, total = scan:step([bytes])    bytes of the files; nil when all was read
 *   scan:groups([percentiles])          { { target =, path =, count =, errors =, p50 =, ... }, ...
 * } scan:overall([percentiles])         one such table for all of them scan:info() { lines, broken,
 * first_broken, full, files_cut } */
#include "check.h"
#include "moontide/stats/access_scan.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "stats.h"
#include "stats_files.h"
#include "stats_numbers.h"

#include <stdio.h>
#include <string.h>

#define SCAN_TYPE "moontide.access_scan"
#define NAME      "stats.access_log"

enum { STEP_BYTES = 8 << 20, STEP_BYTES_MAX = 256 << 20, PERCENTILES_MAX = 128 };

struct box {
    struct access_scan *scan;
    struct access_options options;
};

static int scan_gc(lua_State *L)
{
    struct box *box = lua_touserdata(L, 1);
    access_scan_free(box->scan);
    box->scan = NULL;
    return 0;
}

static struct box *self(lua_State *L)
{
    struct box *box = luaL_checkudata(L, 1, SCAN_TYPE);
    if (!box->scan) luaL_error(L, "this scan is closed");
    return box;
}

/* ---- options ---- */

/* The index in names of the string on top, popped. */
static int check_name(lua_State *L, const char *const *names, const char *what)
{
    const char *text = check_text(L, -1, what);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) != 0) continue;
        lua_pop(L, 1);
        return i;
    }
    luaL_Buffer list;
    luaL_buffinit(L, &list);
    for (int i = 0; names[i]; i++) {
        if (i > 0) luaL_addstring(&list, ", ");
        luaL_addstring(&list, names[i]);
    }
    luaL_pushresult(&list);
    return luaL_error(L, "%s: '%s' is none of %s", what, text, lua_tostring(L, -1));
}

static void check_by(lua_State *L, int idx, struct access_options *options)
{
    options->by[0] = KEY_TARGET;
    options->by[1] = KEY_PATH;
    options->by_count = 2;
    if (lua_getfield(L, idx, "by") == LUA_TNIL) return;
    if (!lua_istable(L, -1)) luaL_error(L, NAME ": by must be a list of names");
    size_t count = lua_rawlen(L, -1);
    if (count < 1 || count > KEYS) luaL_error(L, NAME ": by has 1 to %d names", KEYS);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        options->by[i] = (enum access_key)check_name(L, access_key_names, NAME ": by");
        for (size_t j = 0; j < i; j++)
            if (options->by[j] == options->by[i])
                luaL_error(L, NAME ": by names '%s' twice", access_key_names[options->by[i]]);
    }
    options->by_count = count;
}

static const struct vm_field option_fields[] = {
    {"files", "string[]", "Paths of logs, plain or gzip."},
    {"by", "(\"target\"|\"path\"|\"elb\"|\"status\"|\"method\"|\"target_group\")[]?",
     "What makes a group; target and path."},
    {"value",
     "\"target_processing_time\"|\"total\"|\"request_processing_time\"|\"response_processing_"
     "time\"?",
     "What is measured, in seconds; target_processing_time."},
    {"collapse_ids", "boolean?",
     "Segments of a path that are numbers, UUIDs or hexadecimal ids become :id."},
    {"groups_max", "integer?",
     "10,000; requests of further groups are counted in one whose fields are (other)."},
    {NULL, NULL, NULL}};

static struct access_options check_options(lua_State *L, int idx)
{
    struct access_options options = {0};
    luaL_checktype(L, idx, LUA_TTABLE);
    vm_check_fields(L, idx, NAME, option_fields);
    check_by(L, idx, &options);
    if (lua_getfield(L, idx, "value") != LUA_TNIL)
        options.value = (enum access_value)check_name(L, access_value_names, NAME ": value");
    lua_getfield(L, idx, "collapse_ids");
    options.collapse_ids = lua_toboolean(L, -1);
    if (lua_getfield(L, idx, "groups_max") != LUA_TNIL) {
        lua_Integer max = luaL_checkinteger(L, -1);
        if (max < 1 || max > ACCESS_GROUPS_MAX)
            luaL_error(L, NAME ": groups_max is between 1 and %d", ACCESS_GROUPS_MAX);
        options.groups_max = (size_t)max;
    }
    lua_settop(L, idx);
    return options;
}

/* Pushes the list of files, then a userdata with their paths, which that list keeps. */
static const char *const *push_paths(lua_State *L, int idx, size_t *count)
{
    if (lua_getfield(L, idx, "files") != LUA_TTABLE)
        luaL_error(L, NAME ": files must be a list of paths");
    int list = lua_gettop(L);
    *count = lua_rawlen(L, list);
    if (*count < 1 || *count > ACCESS_FILES_MAX)
        luaL_error(L, NAME ": 1 to %d files expected", ACCESS_FILES_MAX);
    const char **paths = lua_newuserdatauv(L, *count * sizeof *paths, 0);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        paths[i] = check_text(L, -1, NAME ": a path");
        lua_pop(L, 1);
    }
    return paths;
}

/* ---- methods ---- */

static int scan_step(lua_State *L)
{
    struct box *box = self(L);
    lua_Integer bytes = luaL_optinteger(L, 2, STEP_BYTES);
    luaL_argcheck(L, bytes > 0 && bytes <= STEP_BYTES_MAX, 2, "1 byte to 256 MiB");
    vm_charge(L, (uint64_t)bytes / 100);
    struct fault fault;
    int code = access_scan_step(box->scan, (size_t)bytes, &fault);
    if (code < 0) return raise_fault(L, NAME, &fault);
    if (code == 0) return 0;
    lua_pushinteger(L, (lua_Integer)access_scan_done_bytes(box->scan));
    lua_pushinteger(L, (lua_Integer)access_scan_total_bytes(box->scan));
    return 2;
}

struct wanted {
    size_t count;
    double qs[PERCENTILES_MAX], found[PERCENTILES_MAX];
    char names[PERCENTILES_MAX][32]; /* "p99.9" */
};

static void check_percentiles(lua_State *L, int idx, struct wanted *wanted)
{
    static const double defaults[] = {50, 90, 99};
    bool given = !lua_isnoneornil(L, idx);
    if (given) luaL_checktype(L, idx, LUA_TTABLE);
    wanted->count = given ? lua_rawlen(L, idx) : COUNT_OF(defaults);
    luaL_argcheck(L, wanted->count <= PERCENTILES_MAX, idx, "at most 128 percentiles");
    for (size_t i = 0; i < wanted->count; i++) {
        double p = i < COUNT_OF(defaults) ? defaults[i] : 0;
        if (given) {
            lua_rawgeti(L, idx, (lua_Integer)i + 1);
            p = luaL_checknumber(L, -1);
            lua_pop(L, 1);
        }
        luaL_argcheck(L, p >= 0 && p <= 100, idx, "a percentile is between 0 and 100");
        wanted->qs[i] = p / 100;
        snprintf(wanted->names[i], sizeof wanted->names[i], "p%.10g", p);
    }
}

/* Fills the table on top. */
static void set_summary(lua_State *L, struct access_summary summary, const struct wanted *wanted)
{
    uint64_t answered = summary.requests - summary.no_answer;
    set_count(L, "count", summary.requests);
    set_count(L, "errors", summary.errors);
    set_count(L, "no_answer", summary.no_answer);
    set_count(L, "bytes", summary.sent_bytes);
    set_answer(L, "min", summary.min_s);
    set_answer(L, "max", summary.max_s);
    set_answer(L, "mean", summary.sum_s / (double)answered);
    for (size_t i = 0; i < wanted->count; i++)
        set_answer(L, wanted->names[i], wanted->found[i]);
}

static void push_group(lua_State *L, const struct box *box, size_t index, struct wanted *wanted)
{
    const struct access_groups *groups = access_scan_groups(box->scan);
    if (access_group_quantiles(groups, index, wanted->qs, wanted->count, wanted->found) < 0)
        luaL_error(L, NAME ": out of memory");
    lua_createtable(L, 0, (int)(box->options.by_count + 7 + wanted->count));
    for (size_t i = 0; i < box->options.by_count; i++) {
        struct slice key = access_group_key(groups, index, i);
        lua_pushlstring(L, key.at, key.len);
        lua_setfield(L, -2, access_key_names[box->options.by[i]]);
    }
    set_summary(L, access_group_summary(groups, index), wanted);
}

static int scan_groups(lua_State *L)
{
    struct box *box = self(L);
    struct wanted wanted;
    check_percentiles(L, 2, &wanted);
    size_t count = access_groups_count(access_scan_groups(box->scan));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        vm_charge(L, 100);
        push_group(L, box, i, &wanted);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int scan_overall(lua_State *L)
{
    struct box *box = self(L);
    const struct access_groups *groups = access_scan_groups(box->scan);
    struct wanted wanted;
    check_percentiles(L, 2, &wanted);
    if (access_groups_quantiles(groups, wanted.qs, wanted.count, wanted.found) < 0)
        return luaL_error(L, NAME ": out of memory");
    lua_newtable(L);
    set_summary(L, access_groups_summary(groups), &wanted);
    return 1;
}

/* { { file =, why = }, ... }: what could not be read to its end. */
static void set_files_cut(lua_State *L, const struct access_file *files, size_t count)
{
    lua_Integer cut = 0;
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        if (!files[i].why) continue;
        lua_createtable(L, 0, 2);
        lua_pushstring(L, files[i].path);
        lua_setfield(L, -2, "file");
        lua_pushstring(L, files[i].why);
        lua_setfield(L, -2, "why");
        lua_rawseti(L, -2, ++cut);
    }
    lua_setfield(L, -2, "files_cut");
}

static int scan_info(lua_State *L)
{
    struct box *box = self(L);
    size_t count;
    const struct access_file *files = access_scan_files(box->scan, &count);
    const char **paths = lua_newuserdatauv(L, count * sizeof *paths, 0);
    for (size_t i = 0; i < count; i++)
        paths[i] = files[i].path;
    lua_createtable(L, 0, 6);
    set_count(L, "lines", access_scan_lines(box->scan));
    set_count(L, "files", count);
    lua_pushboolean(L, access_groups_full(access_scan_groups(box->scan)));
    lua_setfield(L, -2, "full");
    set_broken_lines(L, access_scan_broken(box->scan), paths);
    set_files_cut(L, files, count);
    return 1;
}

static const struct vm_function methods[] = {
    {"step", scan_step, "(bytes?: integer): integer?, integer?",
     "Reads so much text (8 MiB): how many bytes of the files were read, and how many they have; "
     "nil when all was."},
    {"groups", scan_groups, "(percentiles?: number[]): stats.access_log.group[]",
     "One table for each group."},
    {"overall", scan_overall, "(percentiles?: number[]): stats.access_log.group",
     "One such table over all groups."},
    {"info", scan_info, "(): stats.access_log.info", "What was read, and what could not be."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field group_fields[] = {
    {"count", "integer", "Requests."},
    {"errors", "integer", "Answers with a status of 500 to 599."},
    {"no_answer", "integer", "Requests that nobody answered."},
    {"bytes", "integer", "Sent to clients."},
    {"min", "number?", "Seconds, exact; nil without an answer."},
    {"max", "number?", "The same."},
    {"mean", "number?", "The same."},
    {"target", "string?",
     "The group's, where `by` names it; likewise path, elb, status, method, target_group."},
    {"path", "string?", "The same."},
    {"[string]", "any",
     "Other fields of the group, and percentiles as p50, p99, p99.9: of a sketch, within its "
     "bound."},
    {NULL, NULL, NULL}};
static const struct vm_field info_fields[] = {
    {"lines", "integer", "Lines that were read."},
    {"files", "integer", "How many there are."},
    {"full", "boolean", "Whether groups_max was reached."},
    {"broken", "integer", "Lines of which nothing was taken."},
    {"first_broken", "stats.broken_line[]", "The first ten of them."},
    {"files_cut", "table[]", "Files that could not be read to their end: file, why."},
    {NULL, NULL, NULL}};
const struct vm_docs stats_scan_docs = {DOCS_CLASS,
                                        "stats.access_log.scan",
                                        DOCS_SCRIPT | DOCS_TEST,
                                        "A scan of access logs under way.",
                                        methods,
                                        NULL};
const struct vm_docs stats_group_docs = {
    DOCS_CLASS,  "stats.access_log.group", DOCS_SCRIPT | DOCS_TEST, "Requests of one group.", NULL,
    group_fields};
const struct vm_docs stats_scan_info_docs = {
    DOCS_CLASS, "stats.access_log.info", DOCS_SCRIPT | DOCS_TEST, "What a scan has read.", NULL,
    info_fields};

static void push_type(lua_State *L)
{
    if (!luaL_newmetatable(L, SCAN_TYPE)) return;
    vm_new_library(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, scan_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, scan_gc);
    lua_setfield(L, -2, "__close");
}

static int stats_access_log(lua_State *L)
{
    size_t count;
    struct fault fault;
    struct access_options options = check_options(L, 1);
    const char *const *paths = push_paths(L, 1, &count);
    struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct box){.options = options};
    push_type(L);
    lua_setmetatable(L, -2);
    if (access_scan_new(&options, paths, count, &box->scan, &fault) < 0)
        return raise_fault(L, NAME, &fault);
    return 1;
}

static const struct vm_function functions[] = {
    {"access_log", stats_access_log, "(options: stats.access_log.options): stats.access_log.scan",
     "A scan of a load balancer's access logs, which goes on in steps; memory stays the same "
     "however large they are. An error object when a file cannot be opened."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_access_log_docs = {DOCS_MODULE, "stats",   DOCS_SCRIPT | DOCS_TEST,
                                              NULL,        functions, NULL};
const struct vm_docs stats_access_options_docs = {
    DOCS_CLASS,   "stats.access_log.options", DOCS_SCRIPT | DOCS_TEST, "Of stats.access_log.", NULL,
    option_fields};

void stats_add_access_log(lua_State *L)
{
    vm_set_functions(L, functions);
}
