/* bind/stats_correlation.c - how two rows of numbers go together, for Lua.
 *
 *   stats.correlation(a, b [, { method = "spearman", nan = "omit" }]) */
#include "moontide/stats/correlation.h"

#include "moontide/base/err.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/vm.h"
#include "stats.h"
#include "stats_numbers.h"

static const struct vm_field options[] = {
    {"method", "\"pearson\"|\"spearman\"?", "\"pearson\" (the default), or that of ranks."},
    {"nan", "\"error\"|\"omit\"?", "What NaN and holes are: an error (the default), or left out."},
    {NULL, NULL, NULL}};

static int stats_correlation(lua_State *L)
{
    static const char *const methods[] = {"pearson", "spearman", NULL};
    if (!lua_isnoneornil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        vm_check_fields(L, 3, "stats.correlation", options);
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

static const struct vm_function functions[] = {
    {"correlation", stats_correlation,
     "(a: stats.numbers, b: stats.numbers, options?: stats.correlation.options): number?",
     "How two rows of numbers go together, -1 to 1. Two series pair by time, others value by "
     "value, as many of each. nil where one side does not vary."},
    {NULL, NULL, NULL, NULL}};
const struct vm_docs stats_correlation_docs = {DOCS_MODULE, "stats",   DOCS_ALL,
                                               NULL,        functions, NULL};
const struct vm_docs stats_correlation_options_docs = {
    DOCS_CLASS, "stats.correlation.options", DOCS_ALL, "Of stats.correlation.", NULL, options};

void stats_add_correlation(lua_State *L)
{
    vm_set_functions(L, functions);
}
