/* bench_vm - what one entry into a policy state costs, count hook on: the floor of an evaluation.
 */
#include "moontide/base/clock.h"
#include "moontide/vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 1000000, REPEATS = 5 };

static const char TYPE[] = "bench.series";

static int series_last(lua_State *L)
{
    const double *value = lua_touserdata(L, 1);
    lua_pushnumber(L, *value);
    return 1;
}

static struct vm *open_state(void)
{
    struct vm *vm = NULL;
    if (vm_new(&(struct vm_options){.sandboxed = true}, &vm) != OK) exit(1);
    lua_State *L = vm_lua(vm);
    luaL_newmetatable(L, TYPE);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, series_last);
    lua_setfield(L, -2, "last");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    return vm;
}

/* Leaves the function that `source` returns, and a series, on the main stack. */
static void prepare(struct vm *vm, const char *source)
{
    lua_State *L = vm_lua(vm);
    struct fault fault;
    if (vm_load(vm, source, strlen(source), "@bench.lua", &fault) != OK ||
        vm_call(vm, L, 0, 1, &fault, NULL) != OK) {
        fprintf(stderr, "%s:%d: %s\n", fault.file, fault.line, fault.text);
        exit(1);
    }
    double *value = lua_newuserdatauv(L, sizeof(*value), 0);
    *value = 12.5;
    luaL_setmetatable(L, TYPE);
}

static double once(struct vm *vm)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    static const struct vm_budget budget = {
        .instructions = 5000000, .wall_ms = 1000, .slice_ms = 5, .what = "evaluate"};
    lua_State *L = vm_lua(vm);
    lua_State *R = vm_runner(vm);
    int64_t begin = clock_mono_ns(&real);
    for (int i = 0; i < ROUNDS; i++) {
        struct fault fault;
        int nresults;
        vm_budget(vm, &budget);
        vm_seed(vm, (uint64_t)i);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_xmove(L, R, 2);
        if (vm_resume(vm, 1, &nresults, &fault) != OK) {
            fprintf(stderr, "%s:%d: %s\n", fault.file, fault.line, fault.text);
            exit(1);
        }
        lua_settop(R, 0);
    }
    return (double)(clock_mono_ns(&real) - begin) / ROUNDS;
}

static void bench(const char *name, const char *source)
{
    struct vm *vm = open_state();
    prepare(vm, source);
    double best = 1e300;
    for (int i = 0; i < REPEATS; i++) {
        double ns = once(vm);
        if (ns < best) best = ns;
    }
    printf("%-44s %8.1f ns\n", name, best);
    vm_free(vm);
}

int main(void)
{
    bench("vm_resume: an empty function", "return function(m) end");
    bench("vm_resume: three method calls on a series",
          "return function(m) local a, b, c = m:last(), m:last(), m:last() "
          "if a > 100 and b > 100 and c > 100 then return 1 end end");
    return 0;
}
