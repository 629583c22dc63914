/* stats/filter.c - the filter of Holt-Winters, and the state it begins with.
 *
 * The errors are linear in the first state x: errors(x + d) = errors(x) + D d, where D d is a run
 * over zeros that begins with d. So the best first state is a problem of least squares, solved by
 * conjugate gradients: each step takes one run for D d and one run backwards for D' r, where the
 * matrix itself would have one column for each slot of the season. Source: M. Hestenes, E. Stiefel,
 * "Methods of Conjugate Gradients for Solving Linear Systems" (1952), in the form CGLS of A.
 * Bjorck, "Numerical Methods for Least Squares Problems", 7.4. */
#include "filter.h"

#include "moontide/base/err.h"
#include "moontide/stats/line.h"
#include "moontide/stats/season.h"

#include <stdlib.h>
#include <string.h>

double filter_run(const double *values, size_t count, const struct smoothing *smoothing,
                  size_t season, struct holt_winters_state *state, double *errors)
{
    const double alpha = smoothing->alpha, beta = alpha * smoothing->beta, gamma = smoothing->gamma,
                 phi = smoothing->phi;
    double level = state->level, trend = state->trend, sse = 0;
    for (size_t i = 0, phase = 0; i < count; i++) {
        double ahead = level + phi * trend, error = values[i] - ahead - state->season[phase];
        if (isnan(error)) error = 0;
        level = ahead + alpha * error;
        trend = phi * trend + beta * error;
        state->season[phase] += gamma * error;
        sse += error * error;
        if (errors) errors[i] = error;
        if (++phase == season) phase = 0;
    }
    state->level = level;
    state->trend = trend;
    return sse;
}

/* ---- the best first state ---- */

/* A state as a vector: level, trend, and the season if there is one. */
struct problem {
    const double *zeros; /* shape: [count]; NaN where values has no datapoint */
    size_t count, season, size;
    const struct smoothing *smoothing;
    double *residuals, *run;              /* shape: [count] */
    double *direction, *gradient, *moved; /* shape: [2 + season] */
};

/* run = D direction */
static double apply(struct problem *problem)
{
    memcpy(problem->moved, problem->direction, (2 + problem->season) * sizeof *problem->moved);
    struct holt_winters_state state = {problem->moved[0], problem->moved[1], problem->moved + 2};
    return filter_run(problem->zeros, problem->count, problem->smoothing, problem->season, &state,
                      problem->run);
}

/* gradient = -D' residuals, and its square: filter_run() step by step, backwards. */
static double apply_back(struct problem *problem)
{
    const struct smoothing *s = problem->smoothing;
    double level = 0, trend = 0, *season = problem->gradient + 2, square = 0;
    memset(problem->gradient, 0, (2 + problem->season) * sizeof *problem->gradient);
    size_t phase = problem->count % problem->season;
    for (size_t i = problem->count; i > 0; i--) {
        phase = (phase ? phase : problem->season) - 1;
        double error = 0;
        if (!isnan(problem->zeros[i - 1]))
            error = -problem->residuals[i - 1] + s->alpha * level + s->alpha * s->beta * trend +
                    s->gamma * season[phase];
        trend = s->phi * (level + trend - error);
        level -= error;
        season[phase] -= error;
    }
    problem->gradient[0] = level;
    problem->gradient[1] = trend;
    for (size_t i = 0; i < problem->size; i++)
        square += problem->gradient[i] * problem->gradient[i];
    return square;
}

static void descend(struct problem *problem, int rounds, struct holt_winters_state *state)
{
    double square = apply_back(problem), first = square;
    memcpy(problem->direction, problem->gradient, problem->size * sizeof *problem->direction);
    for (int round = 0; round < rounds && square > 1e-18 * first; round++) {
        double length = apply(problem);
        if (!(length > 0)) return;
        double step = square / length;
        state->level += step * problem->direction[0];
        state->trend += step * problem->direction[1];
        for (size_t i = 2; i < problem->size; i++)
            state->season[i - 2] += step * problem->direction[i];
        for (size_t i = 0; i < problem->count; i++)
            problem->residuals[i] += step * problem->run[i];
        double before = square;
        square = apply_back(problem);
        for (size_t i = 0; i < problem->size; i++)
            problem->direction[i] = problem->gradient[i] + square / before * problem->direction[i];
    }
}

/* The season sums up to 0: what it has more is the level's. */
static void centre(size_t season, struct holt_winters_state *state)
{
    double mean = 0;
    for (size_t i = 0; i < season; i++)
        mean += state->season[i] / (double)season;
    for (size_t i = 0; i < season; i++)
        state->season[i] -= mean;
    state->level += mean;
}

int filter_refine(const double *values, size_t count, const struct smoothing *smoothing,
                  size_t season, int rounds, struct holt_winters_state *state)
{
    double *zeros = calloc(3 * count + 3 * (2 + season), sizeof *zeros);
    if (!zeros) return ERR_NOMEM;
    struct problem problem = {.zeros = zeros,
                              .count = count,
                              .season = season,
                              .size = season > 1 ? 2 + season : 2,
                              .smoothing = smoothing,
                              .residuals = zeros + count,
                              .run = zeros + 2 * count};
    problem.direction = zeros + 3 * count;
    problem.gradient = problem.direction + 2 + season;
    problem.moved = problem.gradient + 2 + season;
    memcpy(problem.moved, state->season, season * sizeof *problem.moved);
    struct holt_winters_state begin = {state->level, state->trend, problem.moved};
    (void)filter_run(values, count, smoothing, season, &begin, problem.residuals);
    for (size_t i = 0; i < count; i++)
        if (isnan(values[i])) zeros[i] = NAN;
    descend(&problem, rounds, state);
    centre(season, state);
    free(zeros);
    return OK;
}

/* ---- a first guess ---- */

enum { GUESS_SEASONS = 5, GUESS_SLOTS = 10 };

/* The season of the first few ones; zeros when they do not show any. scratch: 4 times count. */
static int guess_season(const double *values, size_t count, size_t season, double *scratch,
                        double *out)
{
    memset(out, 0, season * sizeof *out);
    struct season_parts parts = {.trend = scratch,
                                 .seasonal = scratch + count,
                                 .remainder = scratch + 2 * count,
                                 .strength = NAN};
    int code = season_split(values, count, season, SEASON_ADDITIVE, &parts);
    if (code == OK && !isnan(parts.strength)) memcpy(out, parts.seasonal, season * sizeof *out);
    return code;
}

int filter_begin(const double *values, size_t count, size_t season,
                 struct holt_winters_state *state)
{
    size_t most = GUESS_SEASONS * season, some = 2 * season;
    if (most > count || season == 1) most = count;
    if (some < GUESS_SLOTS) some = GUESS_SLOTS;
    if (some > most) some = most;
    double *scratch = malloc(4 * most * sizeof *scratch), *left = scratch + 3 * most;
    if (!scratch) return ERR_NOMEM;
    int code = guess_season(values, most, season, scratch, state->season);
    for (size_t i = 0; i < some; i++)
        left[i] = values[i] - state->season[i % season];
    struct line line =
        line_least_squares((struct trend){.values = left, .count = some, .step_s = 1}, 0.95);
    bool usable = !isnan(line.slope);
    state->level = usable ? line_at(&line, -1) : values[0] - state->season[0];
    state->trend = usable ? line.slope : 0;
    free(scratch);
    return code;
}
