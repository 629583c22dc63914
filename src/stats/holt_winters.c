/* stats/holt_winters.c - what a model expects, and the search for the model that fits. */
#include "moontide/stats/holt_winters.h"

#include "filter.h"
#include "minimize.h"
#include "moontide/base/err.h"
#include "moontide/stats/distribution.h"

#include <stdlib.h>
#include <string.h>

enum {
    COUNT_MIN = 10,
    SPARE_MIN = 3, /* datapoints more than parameters */
    SEARCH_EVALUATIONS = 100,
    POLISH_ROUNDS = 12,
    PROJECT_ROUNDS = 8,
    PROJECT_SLOTS_MAX = 1000,
    REFINE_ROUNDS = 40,
};
static const double EDGE = 1e-4, PHI_MIN = 0.8, PHI_MAX = 0.995, WITHIN = 1e-6, ENOUGH = 1e-4;

/* ---- the search ---- */

/* The parameters that are searched are logits, so that no step leaves their bounds. */
struct search {
    const double *values;
    size_t count, season;
    bool damped;
    struct smoothing given;
    const struct holt_winters_state *first;
    double *scratch; /* shape: [season] */
};

static double squash(double x, double low, double high)
{
    return low + (high - low) / (1 + exp(-x));
}

static double unsquash(double value, double low, double high)
{
    double share = fmin(fmax((value - low) / (high - low), 1e-3), 1 - 1e-3);
    return log(share / (1 - share));
}

static bool has_season(const struct search *search)
{
    return search->season > 1;
}

static struct smoothing smoothing_at(const struct search *search, const double *at)
{
    struct smoothing s = search->given;
    if (isnan(s.alpha)) s.alpha = squash(*at++, EDGE, 1 - EDGE);
    if (isnan(s.beta)) s.beta = squash(*at++, EDGE, 1 - EDGE);
    if (!has_season(search))
        s.gamma = 0;
    else if (isnan(s.gamma))
        s.gamma = squash(*at++, 0, 1) * (1 - s.alpha);
    if (isnan(s.phi)) s.phi = search->damped ? squash(*at, PHI_MIN, PHI_MAX) : 1;
    return s;
}

/* The other way round; answers how many are searched. */
static int logits_of(const struct search *search, const struct smoothing *s, double *at)
{
    int size = 0;
    if (isnan(search->given.alpha)) at[size++] = unsquash(s->alpha, EDGE, 1 - EDGE);
    if (isnan(search->given.beta)) at[size++] = unsquash(s->beta, EDGE, 1 - EDGE);
    if (isnan(search->given.gamma) && has_season(search))
        at[size++] = unsquash(s->gamma / (1 - s->alpha), 0, 1);
    if (isnan(search->given.phi) && search->damped) at[size++] = unsquash(s->phi, PHI_MIN, PHI_MAX);
    return size;
}

static double sse_at(void *data, const double *at)
{
    const struct search *search = data;
    struct smoothing smoothing = smoothing_at(search, at);
    struct holt_winters_state state = *search->first;
    state.season = search->scratch;
    memcpy(state.season, search->first->season, search->season * sizeof *state.season);
    return filter_run(search->values, search->count, &smoothing, search->season, &state, NULL);
}

/* The best of some beginnings, which differ in how fast they learn: each moves a state of its own,
 * which begins as `first` is. On success first is the best one. */
static int search_starts(struct search *search, struct holt_winters_state *first,
                         struct smoothing *best, double *least)
{
    static const struct smoothing starts[] = {{0.4, 0.1, 0.1, 0.95},
                                              {0.1, 0.05, 0.05, 0.95},
                                              {0.8, 0.2, 0.1, 0.9},
                                              {0.001, 0.001, 0.001, 0.99}};
    size_t size = search->season * sizeof(double);
    double *seasons = malloc(2 * size);
    if (!seasons) return ERR_NOMEM;
    memcpy(seasons, first->season, size);
    const struct holt_winters_state begin = {first->level, first->trend, seasons};
    struct holt_winters_state state = {.season = seasons + search->season};
    int code = OK;
    *least = INFINITY;
    for (size_t i = 0; i < sizeof starts / sizeof *starts && code == OK; i++) {
        state.level = begin.level;
        state.trend = begin.trend;
        memcpy(state.season, begin.season, size);
        double at[MINIMIZE_SIZE_MAX] = {0};
        int logits = logits_of(search, &starts[i], at);
        struct smoothing smoothing = smoothing_at(search, at);
        code = filter_refine(search->values, search->count, &smoothing, search->season,
                             REFINE_ROUNDS, &state);
        search->first = &state;
        double sse = minimize(sse_at, search, at, logits, 1, WITHIN, SEARCH_EVALUATIONS);
        if (sse >= *least && i > 0) continue;
        *least = sse;
        *best = smoothing_at(search, at);
        first->level = state.level;
        first->trend = state.trend;
        memcpy(first->season, state.season, size);
    }
    search->first = first;
    free(seasons);
    return code;
}

/* The same with the first state that fits the parameters (nearly) best: the valley that leads down
 * between both has no walls then. Dearer, and of little use where the first state is long
 * forgotten. */
static double sse_refined_at(void *data, const double *at)
{
    struct search *search = data;
    struct smoothing smoothing = smoothing_at(search, at);
    struct holt_winters_state state = *search->first;
    state.season = search->scratch;
    memcpy(state.season, search->first->season, search->season * sizeof *state.season);
    if (filter_refine(search->values, search->count, &smoothing, search->season, PROJECT_ROUNDS,
                      &state) < 0)
        return INFINITY;
    return filter_run(search->values, search->count, &smoothing, search->season, &state, NULL);
}

/* In turn the first state and the parameters, until neither gains more. */
static int polish(struct search *search, struct holt_winters_state *first, double sse,
                  struct smoothing *smoothing)
{
    bool project = search->count <= PROJECT_SLOTS_MAX;
    int code = OK;
    for (int round = 0; round < POLISH_ROUNDS; round++) {
        code = filter_refine(search->values, search->count, smoothing, search->season,
                             REFINE_ROUNDS, first);
        if (code < 0) return code;
        double at[MINIMIZE_SIZE_MAX] = {0}, before = sse;
        int size = logits_of(search, smoothing, at);
        sse = minimize(project ? sse_refined_at : sse_at, search, at, size, 1, WITHIN,
                       SEARCH_EVALUATIONS);
        *smoothing = smoothing_at(search, at);
        if (!(before - sse > ENOUGH * before)) break;
    }
    return filter_refine(search->values, search->count, smoothing, search->season, REFINE_ROUNDS,
                         first);
}

/* ---- the model ---- */

static size_t parameters(const struct holt_winters_options *options, size_t season)
{
    const struct smoothing *given = &options->given;
    size_t states = season > 1 ? 1 + season : 2; /* the season sums up to 0 */
    return states + (isnan(given->alpha) != 0) + (isnan(given->beta) != 0) +
           (isnan(given->gamma) && season > 1) + (isnan(given->phi) && options->damped);
}

static int model_new(size_t season, struct holt_winters *out)
{
    double *both = calloc(2 * season, sizeof *both);
    if (!both) return ERR_NOMEM;
    *out = (struct holt_winters){
        .season = season, .first = {.season = both}, .newest = {.season = both + season}};
    return OK;
}

void holt_winters_done(struct holt_winters *model)
{
    free(model->first.season);
}

static int fit(const double *values, const struct holt_winters_options *options,
               struct holt_winters *model)
{
    struct search search = {.values = values,
                            .count = model->slots,
                            .season = model->season,
                            .damped = options->damped,
                            .given = options->given,
                            .scratch = model->newest.season};
    int code = filter_begin(values, model->slots, model->season, &model->first);
    if (code < 0) return code;
    double sse;
    code = search_starts(&search, &model->first, &model->smoothing, &sse);
    if (code < 0) return code;
    return polish(&search, &model->first, sse, &model->smoothing);
}

static void run_to_end(const double *values, size_t parameter_count, struct holt_winters *model)
{
    model->newest.level = model->first.level;
    model->newest.trend = model->first.trend;
    memcpy(model->newest.season, model->first.season, model->season * sizeof(double));
    model->sse =
        filter_run(values, model->slots, &model->smoothing, model->season, &model->newest, NULL);
    model->sigma = sqrt(model->sse / (double)(model->count - parameter_count));
}

int holt_winters_fit(const double *values, size_t count, const struct holt_winters_options *options,
                     struct holt_winters *out)
{
    size_t season = options->season > 1 ? options->season : 1, n = 0, slots = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i])) n++, slots = i + 1;
    size_t parameter_count = parameters(options, season);
    if (n < COUNT_MIN || n < parameter_count + SPARE_MIN || (season > 1 && slots < 2 * season))
        return ERR_NOT_FOUND;
    int code = model_new(season, out);
    if (code < 0) return code;
    out->slots = slots;
    out->count = n;
    code = fit(values, options, out);
    if (code == OK)
        run_to_end(values, parameter_count, out);
    else
        holt_winters_done(out);
    return code;
}

/* ---- forecasts ---- */

/* The slots ahead one after the other. */
struct walk {
    size_t ahead, phase;
    double level, trend; /* as they will be without errors */
    double damping;      /* phi + ... + phi^(ahead - 1) */
    double variance;     /* in sigma^2 */
    double width;
};

static struct walk walk_begin(const struct holt_winters *model, double level)
{
    return (struct walk){.phase = model->slots % model->season,
                         .level = model->newest.level,
                         .trend = model->newest.trend,
                         .variance = 1,
                         .width = normal_width(level) * model->sigma};
}

static struct interval walk_on(const struct holt_winters *model, struct walk *walk)
{
    const struct smoothing *s = &model->smoothing;
    if (walk->ahead > 0) {
        walk->damping = s->phi * (1 + walk->damping);
        double weight = s->alpha + s->alpha * s->beta * walk->damping;
        if (model->season > 1 && walk->ahead % model->season == 0) weight += s->gamma;
        walk->variance += weight * weight;
    }
    walk->ahead++;
    walk->trend *= s->phi;
    walk->level += walk->trend;
    double expected = walk->level + model->newest.season[walk->phase],
           width = walk->width * sqrt(walk->variance);
    if (++walk->phase == model->season) walk->phase = 0;
    return (struct interval){expected, expected - width, expected + width};
}

void holt_winters_path(const struct holt_winters *model, size_t count, double level,
                       struct interval *out)
{
    struct walk walk = walk_begin(model, level);
    for (size_t i = 0; i < count; i++)
        out[i] = walk_on(model, &walk);
}

struct interval holt_winters_ahead(const struct holt_winters *model, size_t ahead, double level)
{
    struct walk walk = walk_begin(model, level);
    struct interval answer = {NAN, NAN, NAN};
    for (size_t i = 0; i < ahead; i++)
        answer = walk_on(model, &walk);
    return answer;
}
