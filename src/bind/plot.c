/* bind/plot.c - the Lua module `plot`, which is written in Lua (src/prelude/plot*.lua), and what it
 * asks C for: what the terminal is, and the nearest name to a mistyped one. */
#include "moontide/bind/host.h"

#include "moontide/base/nearest.h"
#include "moontide/base/terminal.h"
#include "moontide/vm/docs.h"

#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 64 };

/* Columns, whether it shows colour, and whether more than ASCII. */
static int terminal(lua_State *L)
{
    lua_pushinteger(L, terminal_width(STDOUT_FILENO));
    lua_pushboolean(L, terminal_color(STDOUT_FILENO));
    lua_pushboolean(L, terminal_utf8());
    return 3;
}

/* nearest(name, list of names): one of them, or nil. */
static int nearest(lua_State *L)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, NAMES_MAX + 1, "names");
    while (count < NAMES_MAX &&
           lua_rawgeti(L, 2, (lua_Integer)count + 1) == LUA_TSTRING) /* stays on the stack */
        names[count++] = lua_tostring(L, -1);
    names[count] = NULL;
    lua_pushstring(L, nearest_name(name, names));
    return 1;
}

/* part(name, ...): what another of the prelude's files returns. */
static int part(lua_State *L)
{
    vm_prelude(L, luaL_checkstring(L, 1), lua_gettop(L) - 1, 1);
    return 1;
}

static const struct vm_field plot_options[] = {
    {"title", "string?", "Above the picture."},
    {"width", "number?", "Columns, the terminal's or 80; of an SVG its units, 720."},
    {"height", "number?", "Rows, 12; of an SVG its units, 300."},
    {"min", "number?", "Of the values shown."},
    {"max", "number?", "Of the values shown."},
    {"unit", "string?",
     "\"s\", \"ms\", \"us\", \"ns\", \"bytes\", \"percent\", \"count\", each with \"/s\"; "
     "CloudWatch's own names; or any word."},
    {"log", "boolean?", "A logarithmic scale; it also spaces the bins of a histogram."},
    {"ascii", "boolean?", "Else as the terminal can."},
    {"color", "boolean?", "Else as the terminal can; NO_COLOR is followed."},
    {"legend", "boolean?", "false: no names of the lines."},
    {"hist", "boolean?", "Bars of how often values occur, in place of lines."},
    {"bins", "number?", "About so many bars."},
    {"times", "number[]?", "Of a list: seconds since the epoch."},
    {"labels", "string[]?", "Names of the lines, in their order."},
    {"label", "string?", "The name of the line."},
    {"band", "table?",
     "{ expected, lower, upper }: lists beside the values, shaded behind the first line."},
    {"marks", "table?", "Numbers of datapoints, or { time, value }."},
    {NULL, NULL, NULL}};

/* Pushes what the options must be, by Lua's types: what is no text, number or flag is a table. */
static void push_options(lua_State *L)
{
    static const char *const types[] = {"string", "number", "boolean"};
    lua_newtable(L);
    for (const struct vm_field *option = plot_options; option->name; option++) {
        const char *type = "table";
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (strncmp(option->type, types[i], strlen(types[i])) == 0 &&
                option->type[strlen(types[i])] == '?')
                type = types[i];
        lua_pushstring(L, type);
        lua_setfield(L, -2, option->name);
    }
}

static const struct vm_function functions[] = {
    {"__call", NULL, "(...: plot.data|plot.options)",
     "Prints the data as lines in braille dots, or the bars of a sketch; the last argument may be "
     "options."},
    {"lines", NULL, "(...: plot.data|plot.options)",
     "The same; also of one table { a, b, title = ... }."},
    {"hist", NULL, "(...: plot.data|plot.options)",
     "Prints how often values occur as bars, with the count, percentiles by nearest rank and the "
     "maximum."},
    {"text", NULL, "(...: plot.data|plot.options): string", "The picture as a string."},
    {"svg", NULL, "(path: string, ...: plot.data|plot.options)",
     "Writes one standalone SVG for light and dark; equal input gives equal bytes."},
    {"svg_text", NULL, "(...: plot.data|plot.options): string", "The same as a string."},
    {"spark", NULL, "(...: plot.data|plot.options): string", "One line of blocks."},
    {"label", NULL, "(value: number, unit?: string): string",
     "A number as people write it: \"1.5 GiB\", \"250 ms\"."},
    {"terminal", NULL, "(): plot.terminal", "What standard output is."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field terminal_fields[] = {
    {"width", "integer", "Columns."},
    {"color", "boolean", "Whether it shows colour."},
    {"utf8", "boolean", "Whether it shows more than ASCII."},
    {NULL, NULL, NULL}};
static const struct vm_field data_type[] = {
    {"plot.data", "stats.numbers|stats.sketch|table<any, cloudwatch.answer>", ""},
    {NULL, NULL, NULL}};
const struct vm_docs plot_docs = {
    DOCS_MODULE,
    "plot",
    DOCS_SCRIPT | DOCS_TEST | DOCS_RECEIVER,
    "Pictures of numbers, for a terminal and as SVG. An unknown option is an error that names the "
    "nearest one; long series are reduced to what can be seen, and peaks stay.",
    functions,
    NULL};
const struct vm_docs plot_options_docs = {
    DOCS_CLASS, "plot.options", DOCS_SCRIPT | DOCS_TEST | DOCS_RECEIVER, "How a picture looks.",
    NULL,       plot_options};
const struct vm_docs plot_terminal_docs = {DOCS_CLASS,
                                           "plot.terminal",
                                           DOCS_SCRIPT | DOCS_TEST | DOCS_RECEIVER,
                                           "What standard output is.",
                                           NULL,
                                           terminal_fields};
const struct vm_docs plot_data_docs = {
    DOCS_ALIAS,
    "plot.data",
    DOCS_ALL,
    "What can be drawn: a list of numbers (holes are gaps), a series, a vector, a sketch, { "
    "values, times, label, band, marks }, or an answer of cloudwatch.fetch, of which each key is a "
    "line.",
    NULL,
    data_type};

int open_plot(lua_State *L)
{
    static const luaL_Reg core[] = {
        {"terminal", terminal}, {"nearest", nearest}, {"part", part}, {NULL, NULL}};
    luaL_newlib(L, core);
    push_options(L);
    lua_setfield(L, -2, "options");
    vm_prelude(L, "plot", 1, 1);
    return 1;
}
