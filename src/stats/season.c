/* stats/season.c - classical decomposition into trend, season and remainder. */
#include "moontide/stats/season.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* Each brings what fills a gap at least twice as near to what trend and season say. */
enum { GAP_ROUNDS = 8 };

const char *const season_model_names[SEASON_MODELS + 1] = {"additive", "multiplicative", NULL};

/* What is left of a value without a part of it, and the other way round. */
static double without(enum season_model model, double value, double part)
{
    return model == SEASON_ADDITIVE ? value - part : value / part;
}

static double together(enum season_model model, double a, double b)
{
    return model == SEASON_ADDITIVE ? a + b : a * b;
}

/* Sums of the datapoints before each slot, so that those of any window are a difference: in long
 * double, because a large value must not cost the others their digits. */
struct prefix {
    long double *sums; /* shape: [count + 1] */
    size_t *counts;    /* shape: [count + 1] */
};

static int prefix_new(const double *values, size_t count, struct prefix *out)
{
    out->sums = malloc((count + 1) * sizeof *out->sums);
    out->counts = malloc((count + 1) * sizeof *out->counts);
    if (!out->sums || !out->counts) return ERR_NOMEM;
    out->sums[0] = 0;
    out->counts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        bool has = !isnan(values[i]);
        out->sums[i + 1] = out->sums[i] + (has ? (long double)values[i] : 0);
        out->counts[i + 1] = out->counts[i] + has;
    }
    return OK;
}

static void prefix_done(struct prefix *prefix)
{
    free(prefix->sums);
    free(prefix->counts);
}

/* The centred moving average over the datapoints of each whole window; the ends of an even one
 * count half. NaN when fewer than half of it are there. */
static int smooth(const double *values, size_t count, size_t period, double *out)
{
    struct prefix before = {0};
    int code = prefix_new(values, count, &before);
    size_t half = period / 2;
    for (size_t i = 0; i < count && code == OK; i++) {
        out[i] = NAN;
        if (i < half || i + half >= count) continue;
        size_t from = i - half, to = i + half + 1;
        long double sum = before.sums[to] - before.sums[from];
        double weights = (double)(before.counts[to] - before.counts[from]);
        for (int end = 0; end < 2 && period % 2 == 0; end++) {
            double value = values[end ? to - 1 : from];
            if (isnan(value)) continue;
            sum -= (long double)value / 2;
            weights -= 0.5;
        }
        if (2 * weights >= (double)period) out[i] = (double)(sum / (long double)weights);
    }
    prefix_done(&before);
    return code;
}

/* pattern[period]: the mean by phase of what the trend leaves, brought to sum 0 or mean 1. false
 * when a phase has none. */
static bool find_pattern(const double *values, const double *trend, size_t count, size_t period,
                         enum season_model model, double *pattern)
{
    double mean = 0;
    for (size_t phase = 0; phase < period; phase++) {
        double sum = 0;
        size_t n = 0;
        for (size_t i = phase; i < count; i += period) {
            double left = without(model, values[i], trend[i]);
            if (isfinite(left)) sum += left, n++;
        }
        if (n == 0) return false;
        pattern[phase] = sum / (double)n;
        mean += pattern[phase] / (double)period;
    }
    for (size_t phase = 0; phase < period; phase++)
        pattern[phase] = without(model, pattern[phase], mean);
    return true;
}

static double variance(const double *values, size_t count)
{
    double mean = 0, squares = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) continue;
        double away = values[i] - mean;
        mean += away / (double)++n;
        squares += away * (values[i] - mean);
    }
    return n ? squares / (double)n : NAN;
}

/* scratch: count doubles. */
static double strength_of(const struct season_parts *parts, size_t count, enum season_model model,
                          double *scratch)
{
    bool logs = model == SEASON_MULTIPLICATIVE;
    for (size_t i = 0; i < count; i++)
        scratch[i] = logs ? log(parts->remainder[i]) : parts->remainder[i];
    double rest = variance(scratch, count);
    for (size_t i = 0; i < count; i++) {
        double both = together(model, parts->remainder[i], parts->seasonal[i]);
        scratch[i] = logs ? log(both) : both;
    }
    double all = variance(scratch, count);
    if (isnan(rest) || isnan(all)) return NAN;
    return all > 0 ? fmax(0, 1 - rest / all) : 0;
}

/* filled: values with gaps closed by trend and pattern, where both are known. */
static void fill_gaps(const double *values, const double *trend, const double *pattern,
                      size_t count, size_t period, enum season_model model, double *filled)
{
    for (size_t i = 0; i < count; i++)
        filled[i] = isnan(values[i]) ? together(model, trend[i], pattern[i % period]) : values[i];
}

static void give_up(struct season_parts *parts, size_t count)
{
    parts->strength = NAN;
    for (size_t i = 0; i < count; i++)
        parts->trend[i] = parts->seasonal[i] = parts->remainder[i] = NAN;
}

static bool suits(const double *values, size_t count, size_t period, enum season_model model)
{
    if (period < 2 || count < 2 * period) return false;
    for (size_t i = 0; i < count && model == SEASON_MULTIPLICATIVE; i++)
        if (values[i] <= 0) return false;
    return true;
}

/* The trend and the pattern around it, each from the other while there are gaps. *found: each phase
 * has one. */
static int find_parts(const double *values, size_t count, size_t period, enum season_model model,
                      struct season_parts *parts, double *pattern, double *filled, bool *found)
{
    bool gaps = false;
    for (size_t i = 0; i < count; i++)
        gaps = gaps || isnan(values[i]);
    int code = smooth(values, count, period, parts->trend);
    if (code < 0) return code;
    *found = find_pattern(values, parts->trend, count, period, model, pattern);
    for (int round = 0; round < GAP_ROUNDS && gaps && *found; round++) {
        fill_gaps(values, parts->trend, pattern, count, period, model, filled);
        code = smooth(filled, count, period, parts->trend);
        if (code < 0) return code;
        *found = find_pattern(values, parts->trend, count, period, model, pattern);
    }
    return OK;
}

int season_split(const double *values, size_t count, size_t period, enum season_model model,
                 struct season_parts *parts)
{
    give_up(parts, count);
    if (!suits(values, count, period, model)) return OK;
    double *filled = malloc((count + period) * sizeof *filled), *pattern = filled + count;
    if (!filled) return ERR_NOMEM;
    bool found = false;
    int code = find_parts(values, count, period, model, parts, pattern, filled, &found);
    if (!found) give_up(parts, count);
    for (size_t i = 0; i < count && found; i++) {
        double left = without(model, values[i], parts->trend[i]);
        parts->seasonal[i] = pattern[i % period];
        parts->remainder[i] = without(model, left, parts->seasonal[i]);
    }
    if (found) parts->strength = strength_of(parts, count, model, filled);
    free(filled);
    return code;
}
