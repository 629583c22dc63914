/* bind/stats.c - the Lua module `stats`: numbers over a list of values, a vector, a series, or a
 * table that has one of these as `values`. No answer is nil, never zero. */
#include "stats.h"

#include "moontide/bind/host.h"
#include "moontide/vm/docs.h"

static const struct vm_field numbers_type[] = {
    {"stats.numbers",
     "number[]|stats.vector|series|cloudwatch.answer|{ values: number[]|stats.vector }", ""},
    {NULL, NULL, NULL}};

const struct vm_docs stats_docs = {
    DOCS_MODULE,
    "stats",
    DOCS_ALL,
    "Statistics. No answer is nil, never zero; what was given is never modified. NaN and holes are "
    "an error that names the position, unless { nan = \"omit\" } leaves them out; times are in "
    "seconds.",
    NULL,
    NULL};
const struct vm_docs stats_numbers_docs = {
    DOCS_ALIAS,
    "stats.numbers",
    DOCS_ALL,
    "A list of numbers, a vector or a slice of one, a series (its empty slots are left out), or a "
    "table with one of these as `values`, such as an answer of cloudwatch.fetch.",
    NULL,
    numbers_type};

int open_stats(lua_State *L)
{
    lua_newtable(L);
    stats_add_vector(L);
    stats_add_percentile(L);
    stats_add_summary(L);
    stats_add_histogram(L);
    stats_add_correlation(L);
    stats_add_trend(L);
    stats_add_season(L);
    stats_add_forecast(L);
    stats_add_anomaly(L);
    stats_add_sketch(L);
    if (!vm_sandboxed(vm_of(L))) {
        stats_add_read(L);
        stats_add_access_log(L);
    }
    return 1;
}
