/* bind/interactive.c - help, time(f), profile(f) and pager(on), for a person at a prompt. What
 * calls a function that may wait is written in Lua (src/prelude/interactive.lua). */
#include "interactive.h"

#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"

#include <time.h>

static const char DRAW_KEY; /* in the registry: what answers a picture, or nil */

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* (): seconds of wall time and of CPU time, of all threads */
static int clocks(lua_State *L)
{
    lua_pushnumber(L, seconds(CLOCK_MONOTONIC));
    lua_pushnumber(L, seconds(CLOCK_PROCESS_CPUTIME_ID));
    return 2;
}

/* (text): shows it; upvalue: the struct interactive */
static int show(lua_State *L)
{
    const struct interactive *interactive = lua_touserdata(L, lua_upvalueindex(1));
    size_t len;
    luaL_checkstring(L, 1);
    lua_pushliteral(L, "\n");
    lua_concat(L, 2);
    const char *text = lua_tolstring(L, 1, &len);
    interactive->show(interactive->data, text, len);
    return 0;
}

/* pager([on]): sets, and answers, whether long texts go through it; upvalue: as above */
static int pager(lua_State *L)
{
    struct interactive *interactive = lua_touserdata(L, lua_upvalueindex(1));
    if (lua_isnone(L, 1)) {
        lua_pushboolean(L, interactive->paged);
        return 1;
    }
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    interactive->paged = lua_toboolean(L, 1);
    return 0;
}

static const struct vm_function functions[] = {
    {"help", NULL, "(x?: any)",
     "Prints what x is: a function, a module, a method, a client of aws or one of its operations; "
     "of a text, what is documented by that name, as help(\"stats.percentile\"). Without x, what "
     "there is. In the REPL ?x is short for it."},
    {"profile", NULL, "(f: function|string, ...: any): ...: any",
     "Calls f and prints which lines took how much of the wall time, waits included, and how often "
     "each began; answers what f does. A text is compiled first."},
    {"pager", pager, "(on?: boolean): boolean?",
     "Whether the REPL shows texts that are higher than the screen through $PAGER (less -RFX "
     "without one); with a value, sets that."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_function time_functions[] = {
    {"__call", NULL, "(f: function|string, ...: any): ...: any",
     "Calls f, prints how long that took by the clock on the wall and of the CPU, and answers what "
     "f does. A text is compiled first."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs interactive_docs = {DOCS_GLOBALS, NULL, DOCS_SCRIPT, NULL, functions, NULL};
const struct vm_docs interactive_time_docs = {DOCS_MODULE, "time",         DOCS_SCRIPT,
                                              NULL,        time_functions, NULL};

void interactive_open(lua_State *L, struct interactive *interactive)
{
    static const luaL_Reg core[] = {
        {"clocks", clocks}, {"begin", profile_begin}, {"finish", profile_finish}, {NULL, NULL}};
    int top = lua_gettop(L);
    luaL_newlib(L, core);
    lua_pushlightuserdata(L, interactive);
    lua_pushcclosure(L, show, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, top + 1, "show");
    help_push(L, &interactive->screen);
    lua_setglobal(L, "help");
    lua_pushlightuserdata(L, interactive);
    lua_pushcclosure(L, profile_report, 1);
    lua_setfield(L, top + 1, "report");
    lua_pushglobaltable(L);
    lua_pushlightuserdata(L, interactive);
    vm_set_closures(L, functions, 1);
    lua_settop(L, top + 1);
    vm_prelude(L, "interactive", 1, 2);
    lua_setglobal(L, "profile");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &DRAW_KEY);
    lua_settop(L, top);
}

void interactive_draw(lua_State *L, int idx, struct strbuf *out)
{
    int top = lua_gettop(L);
    size_t len;
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &DRAW_KEY);
    lua_pushvalue(L, idx);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_isstring(L, -1)) {
        const char *text = lua_tolstring(L, -1, &len);
        strbuf_add(out, text, len);
        strbuf_addc(out, '\n');
    }
    lua_settop(L, top);
}
