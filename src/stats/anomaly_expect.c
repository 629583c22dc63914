/* stats/anomaly_expect.c - levels, profiles of the day and the week, and the band. */
#include "anomaly_expect.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double DAY_S = 86400, WEEK_S = 604800;
/* Weights of a new datapoint in its bin once the bin is old, and of a new error: about a week of
 * days, five weeks, and a day of 5 minutes. */
static const double DAY_RATE = 0.1, WEEK_RATE = 0.2, ERROR_RATE = 0.003;
/* Errors and residuals count as at most so many of the mean: an outlier does not choose. */
static const double CLIP = 5;
enum { CLIP_AFTER = 50 };
enum { PREDICT_DAY = 2, PREDICT_WEEK = 3 };
/* Robbins and Monro's step in mean residuals, and the share outside on each side. */
static const double BAND_STEP = 0.1, BAND_SHARE = 0.025;
/* Mean residuals from the expectation to a normal 97.5 percentile: 1.96 / sqrt(2/pi). */
static const double BAND_START = 2.456;

double expect_newest(const struct expect *expect, uint64_t i)
{
    return expect->ring[(expect->count - 1 - i) % EXPECT_RING];
}

/* Sorts the few values by insertion; returns their median. */
static double small_median(double *values, int n)
{
    for (int i = 1; i < n; i++) {
        double value = values[i];
        int j = i;
        for (; j > 0 && values[j - 1] > value; j--)
            values[j] = values[j - 1];
        values[j] = value;
    }
    return n % 2 ? values[n / 2] : values[n / 2 - 1] / 2 + values[n / 2] / 2;
}

/* ---- profiles ---- */

static int bin_of(double time_s, double season_s, int bins)
{
    double phase = fmod(time_s, season_s) / season_s;
    int bin = (int)floor((phase < 0 ? phase + 1 : phase) * bins);
    return bin < bins ? bin : bins - 1;
}

static void profile_take(struct profile *profile, int bin, double value, double rate)
{
    if (profile->seen[bin] < UINT8_MAX) profile->seen[bin]++;
    double weight = fmax(rate, 1.0 / profile->seen[bin]);
    profile->means[bin] += weight * value - weight * profile->means[bin];
}

/* ---- looking ahead ---- */

static int recent_count(const struct expect *expect)
{
    return expect->fresh < EXPECT_SHORT ? (int)expect->fresh : EXPECT_SHORT;
}

static double recent_mean(const struct expect *expect, const double *ring, unsigned size)
{
    int n = recent_count(expect);
    double mean = 0, share = 1.0 / n;
    for (int i = 0; i < n; i++)
        mean += share * ring[(expect->count - 1 - (uint64_t)i) % size];
    return mean;
}

void expect_look(const struct expect *expect, double time_s, struct outlook *out)
{
    double recent[EXPECT_SHORT];
    int n = recent_count(expect);
    for (int i = 0; i < n; i++)
        recent[i] = expect_newest(expect, i);
    out->recent = small_median(recent, n);
    out->level = expect->blocks ? expect->sorted[expect->blocks / 2] : out->recent;
    out->day_bin = bin_of(time_s, DAY_S, DAY_BINS);
    out->week_bin = bin_of(time_s, WEEK_S, WEEK_BINS);
    out->day = expect->day.seen[out->day_bin] ? expect->day.means[out->day_bin] : out->level;
    out->week = expect->week.seen[out->week_bin] ? expect->week.means[out->week_bin] : out->day;

    double now = recent_mean(expect, expect->ring, EXPECT_RING);
    const double predictions[EXPECT_PREDICTORS] = {
        out->recent,
        out->level,
        [PREDICT_DAY] = out->day,
        [PREDICT_WEEK] = out->week,
        bounded(now + (out->day - recent_mean(expect, expect->day_ring, EXPECT_SEASONS))),
        bounded(now + (out->week - recent_mean(expect, expect->week_ring, EXPECT_SEASONS))),
    };
    out->season = expect->errors[PREDICT_WEEK] < expect->errors[PREDICT_DAY] ? out->week : out->day;
    memcpy(out->predictions, predictions, sizeof predictions);
    out->best = 0;
    for (int i = 1; i < EXPECT_PREDICTORS; i++)
        if (expect->errors[i] < expect->errors[out->best]) out->best = i;
    out->expected = predictions[out->best];
    out->lower = bounded(out->expected - expect->below);
    out->upper = bounded(out->expected + expect->above);
}

/* ---- learning ---- */

/* The newest EXPECT_SHORT datapoints are a block: its median takes the oldest one's place. */
static void take_block(struct expect *expect)
{
    double block[EXPECT_SHORT];
    for (int i = 0; i < EXPECT_SHORT; i++)
        block[i] = expect_newest(expect, i);
    double median = small_median(block, EXPECT_SHORT), *sorted = expect->sorted;
    if (expect->blocks == EXPECT_BLOCKS) {
        double old = expect->block_medians[expect->next_block];
        int i = 0;
        while (sorted[i] != old)
            i++;
        memmove(sorted + i, sorted + i + 1, (size_t)(--expect->blocks - i) * sizeof *sorted);
    }
    int i = expect->blocks++;
    for (; i > 0 && sorted[i - 1] > median; i--)
        sorted[i] = sorted[i - 1];
    sorted[i] = median;
    expect->block_medians[expect->next_block] = median;
    expect->next_block = (expect->next_block + 1) % EXPECT_BLOCKS;
}

static double follow(const struct expect *expect, double mean, double error)
{
    if (expect->count > CLIP_AFTER && mean > 0) error = fmin(error, CLIP * mean);
    double rate = fmax(ERROR_RATE, 1.0 / (double)expect->count);
    return bounded(mean + rate * error - rate * mean);
}

static void move_band(struct expect *expect, double residual)
{
    expect->spread = follow(expect, expect->spread, bounded(fabs(residual)));
    if (expect->count <= CLIP_AFTER) {
        expect->above = expect->below = bounded(BAND_START * expect->spread);
        return;
    }
    double step = BAND_STEP * expect->spread;
    expect->above += residual > expect->above ? step * (1 - BAND_SHARE) : -step * BAND_SHARE;
    expect->below += -residual > expect->below ? step * (1 - BAND_SHARE) : -step * BAND_SHARE;
    expect->above = bounded(fmax(expect->above, 0));
    expect->below = bounded(fmax(expect->below, 0));
}

void expect_take(struct expect *expect, const struct outlook *outlook, double value)
{
    uint64_t season = expect->count % EXPECT_SEASONS;
    expect->ring[expect->count % EXPECT_RING] = value;
    expect->day_ring[season] = outlook->day;
    expect->week_ring[season] = outlook->week;
    expect->count++;
    expect->fresh++;
    for (int i = 0; i < EXPECT_PREDICTORS; i++)
        expect->errors[i] =
            follow(expect, expect->errors[i], bounded(fabs(value - outlook->predictions[i])));
    move_band(expect, value - outlook->expected);
    profile_take(&expect->day, outlook->day_bin, value, DAY_RATE);
    profile_take(&expect->week, outlook->week_bin, value, WEEK_RATE);
    if (expect->count % EXPECT_SHORT == 0) take_block(expect);
}

void expect_first(struct expect *expect, double time_s, double value)
{
    struct outlook outlook = {.recent = value,
                              .level = value,
                              .expected = value,
                              .day = value,
                              .week = value,
                              .season = value,
                              .day_bin = bin_of(time_s, DAY_S, DAY_BINS),
                              .week_bin = bin_of(time_s, WEEK_S, WEEK_BINS)};
    for (int i = 0; i < EXPECT_PREDICTORS; i++)
        outlook.predictions[i] = value;
    expect_take(expect, &outlook, value);
}
