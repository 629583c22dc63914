/* bind/stats_correlation.c - how two rows of numbers go together, for Lua.
 *
 *   stats.correlation(a, b [, { method = "spearman", nan = "omit" }]) */
#include "moontide/stats/correlation.h"

#include "moontide/base/err.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

static int stats_correlation(lua_State *L)
{
    static const char *const known[] = {"method", "nan", NULL};
    static const char *const methods[] = {"pearson", "spearman", NULL};
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        convert_check_fields(L, 3, "stats.correlation", known);
    }
    bool ranks = numbers_choice(L, 3, "method", methods, 0) == 1;
    struct number_pairs pairs = numbers_pairs(L, 1, 2, "value", numbers_nan_policy(L, 3));
    vm_charge(L, pairs.count);
    if (!ranks) return push_answer(L, correlation_pearson(pairs.a, pairs.b, pairs.count));
    double rho;
    if (correlation_spearman(pairs.a, pairs.b, pairs.count, &rho) < 0)
        return luaL_error(L, "out of memory");
    return push_answer(L, rho);
}

void stats_add_correlation(lua_State *L)
{
    lua_pushcfunction(L, stats_correlation);
    lua_setfield(L, -2, "correlation");
}
