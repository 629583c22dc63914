/* model/series.c - datapoints on the grid of their period. */
#include "moontide/model/series.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void clear(double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = NAN;
}

int series_new(int32_t period_s, uint32_t slots, struct series **out)
{
    if (period_s <= 0) return ERR_INVALID;
    if (slots < 1 || slots > SERIES_SLOTS_MAX) return ERR_LIMIT;
    struct series *s = malloc(sizeof *s + slots * sizeof s->values[0]);
    if (!s) return ERR_NOMEM;
    *s = (struct series){.period_s = period_s, .slots = slots, .state = SERIES_NEW};
    clear(s->values, slots);
    *out = s;
    return OK;
}

void series_move(struct series *series, int64_t end_s)
{
    int64_t start_s = end_s - (int64_t)series->slots * series->period_s;
    int64_t by = (start_s - series->start_s) / series->period_s;
    uint32_t slots = series->slots;
    double *v = series->values;
    series->start_s = start_s;
    if (by == 0) return;
    if (by >= (int64_t)slots || by <= -(int64_t)slots) {
        clear(v, slots);
    } else if (by > 0) {
        uint32_t shift = (uint32_t)by;
        memmove(v, v + shift, (slots - shift) * sizeof *v);
        clear(v + slots - shift, shift);
    } else {
        uint32_t shift = (uint32_t)-by;
        memmove(v + shift, v, (slots - shift) * sizeof *v);
        clear(v, shift);
    }
}

bool series_put(struct series *series, int64_t time_s, double value)
{
    /* Unsigned, so that no time can overflow; a time before the start becomes huge. */
    uint64_t age_s = (uint64_t)time_s - (uint64_t)series->start_s;
    uint64_t slot = age_s / (uint32_t)series->period_s;
    if (time_s < series->start_s || slot >= series->slots || !isfinite(value)) {
        series->refused++;
        return false;
    }
    series->values[slot] = value;
    return true;
}

struct series_view series_view(const struct series *series, uint32_t slots)
{
    if (slots > series->slots) slots = series->slots;
    uint32_t skipped = series->slots - slots;
    return (struct series_view){
        .values = series->values + skipped,
        .slots = slots,
        .period_s = series->period_s,
        .start_s = series->start_s + (int64_t)skipped * series->period_s,
    };
}

uint32_t view_count(struct series_view view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view.slots; i++)
        count += !isnan(view.values[i]);
    return count;
}

bool view_at(struct series_view view, int64_t i, double *value, int64_t *time_s)
{
    if (i == 0 || i > (int64_t)view.slots || i < -(int64_t)view.slots) return false;
    int64_t step = i > 0 ? 1 : -1, left = i > 0 ? i : -i;
    for (int64_t slot = i > 0 ? 0 : (int64_t)view.slots - 1; slot >= 0 && slot < view.slots;
         slot += step) {
        if (isnan(view.values[slot]) || --left > 0) continue;
        if (value) *value = view.values[slot];
        if (time_s) *time_s = view.start_s + slot * view.period_s;
        return true;
    }
    return false;
}
