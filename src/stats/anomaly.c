/* stats/anomaly.c - the views of a datapoint, what is remembered, their votes, and what is told.
 *
 * Nothing here is fitted to one kind of series: the sizes below were chosen so that the score moves
 * little around them, on synthetic series and on those of tests/bench/nab.py. */
#include "moontide/stats/anomaly.h"

#include "anomaly_expect.h"
#include "anomaly_memory.h"
#include "anomaly_tail.h"
#include "moontide/base/err.h"
#include "moontide/stats/percentile.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum view {
    RESIDUAL_HIGH, /* from what was expected */
    RESIDUAL_LOW,
    SEASON_HIGH, /* mean distance of about the last SLOW from the time of day or week */
    SEASON_LOW,
    MEAN_HIGH, /* the mean of the last SLOW, from the long median */
    MEAN_LOW,
    MOVING, /* mean absolute step of the last SLOW, and its inverse */
    STILL,
    STEP_UP, /* from the median of the last few */
    STEP_DOWN,
    VIEWS
};

/* What of the newest datapoints is a shape. */
enum shape {
    PAIR,  /* the last two */
    PAST,  /* the last one, and the means of the 1, 2, 4 and 8 before it */
    MOVES, /* mean absolute step of the last BRISK and of the last SLOW, and the last one */
    SHAPES
};

/* All views together have a vote, and each kind of shape. */
enum { VOTERS = SHAPES + 1, THE_VIEWS = SHAPES };

enum { BRISK = 6, SLOW = 24 };

static const struct tail_kind QUICK = {.block = 12, .top_k = 5}, SLUGGISH = {SLOW, 5},
                              STRETCH = {.block = 48, .top_k = 4};

/* The sum of views at which one should look, as a score of 1/2. */
static const double LOOK = 16;
/* Iglewicz and Hoaglin: 0.6745 is the 0.75 quantile of the normal distribution, which makes MAD an
 * estimate of sigma; 1.253314 = sqrt(pi/2) does it for the mean absolute deviation; beyond 3.5 is
 * an outlier. */
static const double MAD_SCALE = 0.6745, MEAN_AD_SCALE = 1.253314, OUTLIER_Z = 3.5;
/* What was told is held against what follows, and fades by this many datapoints. */
static const double HELD_FADE = 100;
/* What of the views' vote stays for the next datapoint: what persists counts twice what passes. */
static const double VIEWS_STAY = 0.5;
/* In -log P: the views are ten chances to be a little unusual, and what they tell alone is half as
 * often an anomaly as what shapes tell. */
static const double VIEWS_DISCOUNT = M_LN2;
/* Added to the stretches that were seen: early on, little is known of what is ordinary. */
static const double STRETCHES_PRIOR = 8;
/* A gap of more periods than SLOW looks at makes the newest datapoints old ones. */
static const double GAP_PERIODS = SLOW;
/* How fast the learnt period follows the median of the steps in time. */
static const double PERIOD_STEP = 1.1;

struct anomaly_detector {
    double period_s, step_s; /* as given; as learnt */
    double last_time_s;
    struct expect expect;
    double season_error; /* the mean of SEASON_HIGH */
    struct tail views[VIEWS], strange[SHAPES], stretches[VOTERS];
    struct memory seen[SHAPES];
    double views_lately; /* their votes, fading */
    double held;
};

/* ---- life ---- */

size_t anomaly_size(void)
{
    return sizeof(struct anomaly_detector);
}

void anomaly_reset(struct anomaly_detector *detector)
{
    double period_s = detector->period_s;
    memset(detector, 0, sizeof *detector);
    detector->period_s = period_s;
    for (int i = 0; i < VIEWS; i++)
        tail_init(&detector->views[i]);
    for (int i = 0; i < SHAPES; i++)
        tail_init(&detector->strange[i]);
    for (int i = 0; i < VOTERS; i++)
        tail_init(&detector->stretches[i]);
}

int anomaly_init(struct anomaly_detector *detector, const struct anomaly_options *options)
{
    if (!(options->period_s >= 0) || isinf(options->period_s)) return ERR_INVALID;
    detector->period_s = options->period_s;
    anomaly_reset(detector);
    return OK;
}

int anomaly_new(const struct anomaly_options *options, struct anomaly_detector **out)
{
    struct anomaly_detector *detector = malloc(sizeof *detector);
    if (!detector) return ERR_NOMEM;
    int code = anomaly_init(detector, options);
    if (code < 0) {
        free(detector);
        return code;
    }
    *out = detector;
    return OK;
}

void anomaly_free(struct anomaly_detector *detector)
{
    free(detector);
}

/* ---- the views ---- */

static double saturating(double x, double threshold)
{
    double ratio = fmin(x / threshold, 1e9); /* whose square cannot overflow, and is 1 below */
    return ratio * ratio / (ratio * ratio + 1);
}

static int slow_count(const struct expect *expect)
{
    return expect->fresh < SLOW ? (int)expect->fresh : SLOW;
}

static double slow_mean(const struct expect *expect)
{
    int n = slow_count(expect);
    double mean = 0, share = 1.0 / n;
    for (int i = 0; i < n; i++)
        mean += share * expect_newest(expect, (uint64_t)i);
    return mean;
}

static double movement(const struct expect *expect, int steps)
{
    int n = expect->fresh <= (uint64_t)steps ? (int)expect->fresh - 1 : steps;
    double sum = 0, share = 1.0 / n, newer = expect_newest(expect, 0);
    for (int i = 1; i <= n; i++) {
        double older = expect_newest(expect, (uint64_t)i);
        sum += share * bounded(fabs(newer - older));
        newer = older;
    }
    return bounded(sum);
}

/* The sum of -log P of all views. The datapoint was taken; the outlook was before it. */
static double view_all(struct anomaly_detector *detector, const struct outlook *outlook,
                       double value, double moving)
{
    const struct expect *expect = &detector->expect;
    double residual = value - outlook->expected, of_mean = slow_mean(expect) - outlook->level,
           step = value - outlook->recent, of_season = detector->season_error,
           still = 1 / (moving + 1e-9 * fabs(outlook->level) + DBL_MIN);
    const double magnitudes[VIEWS] = {residual, -residual, of_season, -of_season, of_mean,
                                      -of_mean, moving,    still,     step,       -step};
    double sum = 0;
    for (int i = 0; i < VIEWS; i++) {
        bool slow = i >= SEASON_HIGH && i <= STILL;
        sum += tail_see(&detector->views[i], slow ? &SLUGGISH : &QUICK, bounded(magnitudes[i]));
    }
    return sum;
}

/* ---- what is remembered ---- */

/* The mean of `count` datapoints, of which `newer` are followed; after a gap the newest stands in
 * for those before it. */
static double mean_before(const struct expect *expect, int newer, int count)
{
    double mean = 0, share = 1.0 / count;
    for (int i = newer; i < newer + count; i++)
        mean += share * expect_newest(expect, (uint64_t)i < expect->fresh ? (uint64_t)i : 0);
    return mean;
}

/* -log P of how strange each shape is. */
static void remember_all(struct anomaly_detector *detector, double value, double moving,
                         double *votes)
{
    const struct expect *expect = &detector->expect;
    double before = mean_before(expect, 1, 1);
    const double pair[] = {value, before},
                 past[] = {value, before, mean_before(expect, 2, 2), mean_before(expect, 4, 4),
                           mean_before(expect, 8, 8)},
                 moves[] = {movement(expect, BRISK), moving, value};
    const struct {
        const double *numbers;
        int width;
    } shapes[SHAPES] = {{pair, 2}, {past, 5}, {moves, 3}};
    for (int i = 0; i < SHAPES; i++) {
        double beyond = memory_see(&detector->seen[i], shapes[i].numbers, shapes[i].width);
        votes[i] = tail_see(&detector->strange[i], &QUICK, beyond);
    }
}

/* The votes. Returns that of the views, which is how unusual the datapoint itself is. */
static double vote(struct anomaly_detector *detector, const struct outlook *outlook, double value,
                   double *votes)
{
    for (int i = 0; i < VOTERS; i++)
        votes[i] = 0;
    if (detector->expect.count <= SLOW) return 0;
    double moving = movement(&detector->expect, SLOW),
           of_season = bounded(value - outlook->season) - detector->season_error;
    detector->season_error = bounded(detector->season_error + of_season / SLOW);
    votes[THE_VIEWS] = view_all(detector, outlook, value, moving);
    remember_all(detector, value, moving, votes);
    return votes[THE_VIEWS];
}

/* -log P of the rarest vote among the stretches of this series. */
static double rarest(struct anomaly_detector *detector, const double *votes)
{
    detector->views_lately = votes[THE_VIEWS] + VIEWS_STAY * detector->views_lately;
    double rarity = tail_see(&detector->stretches[THE_VIEWS], &STRETCH, detector->views_lately) -
                    VIEWS_DISCOUNT;
    for (int i = 0; i < SHAPES; i++)
        rarity = fmax(rarity, tail_see(&detector->stretches[i], &STRETCH, votes[i]));
    return fmax(rarity, 0);
}

/* The likelihood: the rarity, less what was told lately, against how many ordinary stretches as
 * rare are to be expected of a series as long as was seen. One unusual stretch is expected of it,
 * too. */
static double tell(struct anomaly_detector *detector, const double *votes)
{
    double rarity = rarest(detector, votes);
    double stretches = detector->stretches[0].blocks + STRETCHES_PRIOR,
           as_rare = stretches * exp(detector->held - rarity);
    if (rarity > detector->held)
        detector->held = rarity;
    else
        detector->held -= detector->held / HELD_FADE;
    return rarity > 0 ? 1 / (1 + as_rare) : 0;
}

/* ---- before the views have seen enough ---- */

/* The distance of the newest datapoint from the others in estimated standard deviations. */
static double robust_z(const struct expect *expect)
{
    double others[EXPECT_RING];
    size_t n = expect->count < EXPECT_RING ? (size_t)expect->count - 1 : EXPECT_RING - 1;
    for (size_t i = 0; i < n; i++)
        others[i] = expect_newest(expect, i + 1);
    double median = percentile_in_place(others, n, 50),
           distance = bounded(fabs(expect_newest(expect, 0) - median)), mean_ad = 0;
    for (size_t i = 0; i < n; i++) {
        others[i] = bounded(fabs(others[i] - median));
        mean_ad += others[i] / (double)n;
    }
    double mad = percentile_in_place(others, n, 50);
    if (mad > 0) return MAD_SCALE * distance / mad;
    if (mean_ad > 0) return distance / (MEAN_AD_SCALE * mean_ad);
    return distance > 0 ? INFINITY : 0;
}

/* ---- a datapoint ---- */

static void follow_period(struct anomaly_detector *detector, double time_s)
{
    double passed = time_s - detector->last_time_s,
           period_s = detector->period_s > 0 ? detector->period_s : detector->step_s;
    if (period_s > 0 && passed > GAP_PERIODS * period_s) detector->expect.fresh = 1;
    if (detector->step_s <= 0)
        detector->step_s = passed;
    else if (passed > detector->step_s)
        detector->step_s = fmin(passed, detector->step_s * PERIOD_STEP);
    else if (passed > 0)
        detector->step_s = fmax(passed, detector->step_s / PERIOD_STEP);
    detector->last_time_s = time_s;
}

/* The outlook, and what of it may be answered. */
static void look_ahead(const struct anomaly_detector *detector, double time_s,
                       struct outlook *outlook, struct anomaly *out)
{
    expect_look(&detector->expect, time_s, outlook);
    out->expected = outlook->expected;
    if (detector->expect.count < ANOMALY_POINTS_MIN) return;
    out->lower = outlook->lower;
    out->upper = outlook->upper;
}

int anomaly_update(struct anomaly_detector *detector, double time_s, double value,
                   struct anomaly *out)
{
    struct expect *expect = &detector->expect;
    bool first = expect->count == 0;
    if (!isfinite(time_s) || isinf(value) || (!first && time_s < detector->last_time_s))
        return ERR_INVALID;
    *out = (struct anomaly){NAN, NAN, NAN, NAN, NAN};
    struct outlook outlook;
    if (first) {
        if (isnan(value)) return OK;
        expect_first(expect, time_s, value);
        detector->last_time_s = time_s;
        return OK;
    }
    if (!isnan(value)) follow_period(detector, time_s);
    look_ahead(detector, time_s, &outlook, out);
    if (isnan(value)) return OK;

    expect_take(expect, &outlook, value);
    double votes[VOTERS], sum = vote(detector, &outlook, value, votes),
                          likelihood = tell(detector, votes);
    if (expect->count > ANOMALY_WARM) {
        out->score = saturating(sum, LOOK);
        out->likelihood = likelihood;
    } else if (expect->count > ANOMALY_POINTS_MIN - 1) {
        out->score = saturating(robust_z(expect), OUTLIER_Z);
    }
    return OK;
}
