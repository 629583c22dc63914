/* bind/series_trend.c - where a series is going: the methods of a handle that look at time. */
#include "moontide/stats/trend.h"

#include "series.h"

static struct trend trend_of(lua_State *L, const struct seen *seen)
{
    vm_charge(L, seen->view.slots);
    return (struct trend){.values = seen->view.values,
                          .count = seen->view.slots,
                          .start_s = (double)seen->view.start_s,
                          .step_s = seen->view.period_s};
}

static int handle_slope(lua_State *L)
{
    struct seen seen = series_self(L);
    return series_answer(L, &seen, trend_slope(trend_of(L, &seen)));
}

static int handle_rate(lua_State *L)
{
    struct seen seen = series_self(L);
    return series_answer(L, &seen, trend_rate(trend_of(L, &seen)));
}

static int handle_ewma(lua_State *L)
{
    struct seen seen = series_self(L);
    int64_t half_life_ms = convert_duration_ms(L, 2, "half_life");
    luaL_argcheck(L, half_life_ms > 0, 2, "half_life must be more than 0");
    return series_answer(L, &seen, trend_ewma(trend_of(L, &seen), (double)half_life_ms / 1000));
}

/* The value that the line through the window has `ahead` from the tick's time. */
static int handle_forecast(lua_State *L)
{
    struct seen seen = series_self(L);
    int64_t ahead_ms = convert_duration_ms(L, 2, "ahead");
    double at_s = (double)(seen.run->input->now_ms + ahead_ms) / 1000;
    return series_answer(L, &seen, trend_forecast(trend_of(L, &seen), at_s));
}

void series_add_trend(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"slope", handle_slope},       {"rate", handle_rate}, {"ewma", handle_ewma},
        {"forecast", handle_forecast}, {NULL, NULL},
    };
    luaL_setfuncs(L, methods, 0);
}
