/* tick/sim_fleet.c - what the metrics of the simulated fleet show.
 *
 * Everything is computed by the minute: a daily load between 0.35 and 1 with its peak at 12:00 UTC,
 * the burst that the environment may be in, and a noise that is a hash of (seed, environment,
 * metric, minute). A slot is the minutes in it, at most SAMPLES_MAX of them.
 *
 * Latencies have a log-logistic distribution in each minute, so that a percentile is
 * median x (p / (1-p))^(1/shape), and that of a slot is the largest of: the q-quantile of its worst
 * w-th part, with 1-q = (1-p)/w. One minute of five in a burst shows in p99 and not in p50, as it
 * does in life. Rates (HitRate, MissRate, ErrorRate) are between 0 and 1. */
#include "sim_fleet.h"

#include "moontide/base/hash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_MAX = 15, GAP_S = 600, GAP_ONE_IN = 12, LONG_PERIOD_S = 3600, DAY_S = 86400 };

static const double PEAK_S = 12 * 3600.0, LOAD_MEAN = 0.675, LOAD_SWING = 0.325, TAU = 6.283185307;

enum kind {
    LATENCY, /* value: the median of a minute */
    GAUGE,   /* one sample a minute */
    COUNT,   /* one whole number a minute */
    RARE,    /* 0 but for a few minutes: value is how likely one is */
};

enum sim_statistic { AVERAGE, SUM, MINIMUM, MAXIMUM, SAMPLE_COUNT, PERCENTILE };

struct sim_row {
    const char *namespace_name, *name, *unit;
    enum kind kind;
    double idle, per_load; /* value = idle + per_load x load */
    double burst;          /* ... x this in a burst */
    double noise;          /* ... x 1 +- this */
    double high;           /* a cap; 0: none */
    double steps;          /* rounded to 1/steps */
    double shape;          /* of a latency */
    double samples;        /* of a latency: a minute at full load */
    bool traffic;          /* scaled by how much traffic the environment has */
    bool complement;       /* 1 - the row before */
};

static const struct sim_row rows[] = {
    {"GMTool/API", "ResponseTime", "Milliseconds", LATENCY, 90, 50, 5, 0.06, 0, 10, 3.2, 1200,
     false, false},
    {"GMTool/API", "ErrorRate", "None", GAUGE, 0.002, 0.002, 20, 0.3, 1, 1e5, 0, 0, false, false},
    {"GMTool/API", "RequestCount", "Count", COUNT, 0, 1200, 1.4, 0.08, 0, 1, 0, 0, true, false},
    {"GMTool/Database", "QueryTime", "Milliseconds", LATENCY, 25, 20, 12, 0.06, 0, 10, 2.6, 6000,
     false, false},
    {"GMTool/Database", "ConnectionCount", "Count", COUNT, 15, 40, 2, 0.05, 0, 1, 0, 0, true,
     false},
    {"GMTool/Database", "DeadlockCount", "Count", RARE, 0.002, 0, 100, 0, 0, 1, 0, 0, false, false},
    {"GMTool/Cache", "HitRate", "None", GAUGE, 0.93, 0, 0.58, 0.01, 1, 1e4, 0, 0, false, false},
    {"GMTool/Cache", "MissRate", "None", GAUGE, 0, 0, 0, 0, 1, 1e4, 0, 0, false, true},
    {"GMTool/Cache", "EvictionCount", "Count", COUNT, 1, 3, 80, 0.5, 0, 1, 0, 0, true, false},
    {"AWS/ECS", "CPUUtilization", "Percent", GAUGE, 12, 38, 1.7, 0.08, 100, 100, 0, 0, false,
     false},
    {"AWS/ECS", "MemoryUtilization", "Percent", GAUGE, 42, 12, 1.15, 0.02, 100, 100, 0, 0, false,
     false},
    {"AWS/RDS", "CPUUtilization", "Percent", GAUGE, 10, 30, 2.2, 0.08, 100, 100, 0, 0, false,
     false},
    {"AWS/RDS", "DatabaseConnections", "Count", COUNT, 15, 40, 2, 0.05, 0, 1, 0, 0, true, false},
    {"AWS/RDS", "FreeStorageSpace", "Bytes", GAUGE, 64e9, -2e9, 1, 0.001, 0, 1, 0, 0, false, false},
    {"AWS/ElastiCache", "CPUUtilization", "Percent", GAUGE, 6, 14, 1.8, 0.08, 100, 100, 0, 0, false,
     false},
    {"AWS/ElastiCache", "EngineCPUUtilization", "Percent", GAUGE, 8, 20, 1.8, 0.08, 100, 100, 0, 0,
     false, false},
    {"AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "Percent", GAUGE, 58, 12, 1.3, 0.02, 100,
     100, 0, 0, false, false},
    {"AWS/ElastiCache", "CurrConnections", "Count", COUNT, 20, 60, 1.5, 0.05, 0, 1, 0, 0, true,
     false},
    {"AWS/ElastiCache", "Evictions", "Count", COUNT, 1, 3, 80, 0.5, 0, 1, 0, 0, true, false},
};

/* Finding a source. */

static int by_name(const void *name, const void *environment)
{
    return strcmp(name, ((const struct sim_environment *)environment)->name);
}

static const struct sim_environment *environment_of(const struct sim_fleet *fleet, const char *name)
{
    return bsearch(name, fleet->environments, fleet->count, sizeof fleet->environments[0], by_name);
}

bool sim_fleet_has(const struct sim_fleet *fleet, const char *name, size_t len)
{
    char copy[SIM_NAME_MAX + 1];
    if (len > SIM_NAME_MAX) return false;
    memcpy(copy, name, len);
    copy[len] = '\0';
    return environment_of(fleet, copy) != NULL;
}

/* Which dimension names the environment, and how; the only other one there may be. */
static const struct {
    const char *namespace_start, *dimension, *prefix;
    struct metric_dimension other;
} places[] = {
    {"GMTool/", "Environment", "", {NULL, NULL}},
    {"AWS/ECS", "ClusterName", "gm-tool-", {"ServiceName", "api"}},
    {"AWS/RDS", "DBInstanceIdentifier", "gm-tool-", {NULL, NULL}},
    {"AWS/ElastiCache", "CacheClusterId", "gm-tool-", {"CacheNodeId", "0001"}},
};

static const struct sim_environment *environment_named(const struct sim_fleet *fleet,
                                                       const struct metric *metric)
{
    size_t at = 0;
    while (strncmp(metric->namespace_name, places[at].namespace_start,
                   strlen(places[at].namespace_start)) != 0)
        if (++at == COUNT_OF(places)) return NULL;
    const struct sim_environment *found = NULL;
    for (uint32_t i = 0; i < metric->dimension_count; i++) {
        const struct metric_dimension *d = &metric->dimensions[i];
        const struct metric_dimension *other = &places[at].other;
        size_t prefix = strlen(places[at].prefix);
        if (strcmp(d->name, places[at].dimension) == 0 &&
            strncmp(d->value, places[at].prefix, prefix) == 0)
            found = environment_of(fleet, d->value + prefix);
        else if (!other->name || strcmp(d->name, other->name) != 0 ||
                 strcmp(d->value, other->value) != 0)
            return NULL;
    }
    return found;
}

static int statistic_of(const char *text, struct sim_source *out)
{
    static const char *const names[] = {"Average", "Sum", "Minimum", "Maximum", "SampleCount"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            out->statistic = (int)i;
            return OK;
        }
    char *end = NULL;
    if (text[0] != 'p' || text[1] < '0' || text[1] > '9') return ERR_UNSUPPORTED;
    double percent = strtod(text + 1, &end);
    if (*end != '\0' || percent > 100) return ERR_UNSUPPORTED;
    out->statistic = PERCENTILE;
    out->percentile = percent / 100;
    return OK;
}

int sim_source_find(const struct sim_fleet *fleet, const struct metric *metric,
                    struct sim_source *out, struct fault *fault)
{
    *out = (struct sim_source){.fleet = fleet, .period_s = metric->period_s};
    if (statistic_of(metric->stat, out) < 0)
        return fault_set(fault, ERR_UNSUPPORTED,
                         "the simulated world does not compute the statistic %s (it knows Average, "
                         "Sum, Minimum, Maximum, SampleCount and percentiles)",
                         metric->stat);
    for (size_t i = 0; i < COUNT_OF(rows) && !out->row; i++)
        if (strcmp(rows[i].name, metric->name) == 0 &&
            strcmp(rows[i].namespace_name, metric->namespace_name) == 0)
            out->row = &rows[i];
    if (out->row) out->environment = environment_named(fleet, metric);
    bool unit = !metric->unit || (out->row && strcmp(metric->unit, out->row->unit) == 0);
    return out->environment && unit ? OK : ERR_NOT_FOUND;
}

/* One minute. */

static int64_t modulo(int64_t value, int64_t by)
{
    int64_t rest = value % by;
    return rest < 0 ? rest + by : rest;
}

static double fraction(uint64_t hash)
{
    return (double)(hash >> 11) / 9007199254740992.0; /* 2^53 */
}

static double chance(const struct sim_source *s, const struct sim_row *row, int64_t minute)
{
    struct {
        uint64_t seed, row;
        int64_t minute;
    } key = {s->fleet->seed, (uint64_t)(row - rows), minute};
    const char *name = s->environment->name;
    return fraction(hash64(name, strlen(name), hash64(&key, sizeof key, 1)));
}

static double load_at(int64_t time_s)
{
    double of_day = (double)modulo(time_s, DAY_S);
    return LOAD_MEAN + LOAD_SWING * cos(TAU * (of_day - PEAK_S) / DAY_S);
}

static double traffic_of(const struct sim_source *s)
{
    const char *name = s->environment->name;
    return s->environment->place == 0 ? 1 : 0.1 + 0.3 * fraction(hash64(name, strlen(name), 2));
}

static bool in_burst(const struct sim_fleet *fleet, const struct sim_environment *environment,
                     int64_t time_s)
{
    int64_t offset_s = fleet->burst_every_s * environment->place / (int64_t)fleet->count;
    offset_s -= offset_s % 60;
    return modulo(time_s - offset_s, fleet->burst_every_s) < fleet->burst_for_s;
}

static double minute_value(const struct sim_source *s, const struct sim_row *row, int64_t time_s)
{
    if (row->complement) return 1 - minute_value(s, row - 1, time_s);
    double value = row->idle + row->per_load * load_at(time_s);
    double drawn = chance(s, row, time_s / 60);
    if (in_burst(s->fleet, s->environment, time_s)) value *= row->burst;
    if (row->kind == RARE) return drawn < value ? 1 : 0;
    value *= 1 + row->noise * (2 * drawn - 1);
    if (row->traffic) value *= traffic_of(s);
    if (row->high > 0 && value > row->high) value = row->high;
    return row->kind == COUNT ? round(value) : value;
}

/* One slot. */

struct samples {
    double values[SAMPLES_MAX]; /* the smallest first */
    int count;
    double each_min; /* minutes that one of them stands for */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int sample_count(int32_t period_s)
{
    int count = period_s / 60;
    return count < 1 ? 1 : count > SAMPLES_MAX ? SAMPLES_MAX : count;
}

static struct samples samples_of(const struct sim_source *s, int64_t slot_s)
{
    struct samples samples = {.count = sample_count(s->period_s)};
    samples.each_min = s->period_s / 60.0 / samples.count;
    for (int i = 0; i < samples.count; i++)
        samples.values[i] =
            minute_value(s, s->row, slot_s + (int64_t)i * s->period_s / samples.count);
    qsort(samples.values, (size_t)samples.count, sizeof samples.values[0], by_value);
    return samples;
}

static double sum_of(const struct samples *samples)
{
    double sum = 0;
    for (int i = 0; i < samples->count; i++)
        sum += samples->values[i];
    return sum;
}

/* The file's top says why. p is kept off the ends, where the distribution has none. */
static double latency_percentile(const struct sim_row *row, const struct samples *samples, double p)
{
    double best = 0, least = 0.0005;
    if (p < least) p = least;
    if (p > 1 - least) p = 1 - least;
    for (int i = 0; i < samples->count; i++) {
        double share = (double)(samples->count - i) / samples->count;
        double q = 1 - (1 - p) / share;
        if (q <= 0) break;
        double value = samples->values[i] * pow(q / (1 - q), 1 / row->shape);
        if (value > best) best = value;
    }
    return best;
}

static double latency_value(const struct sim_source *s, const struct samples *samples,
                            int64_t slot_s)
{
    const struct sim_row *row = s->row;
    double angle = TAU / 2 / row->shape; /* mean of a log-logistic: median x angle / sin(angle) */
    double average = sum_of(samples) / samples->count * angle / sin(angle);
    double minutes = samples->each_min * samples->count;
    double count = ceil(row->samples * minutes * load_at(slot_s) * traffic_of(s));
    switch ((enum sim_statistic)s->statistic) {
    case AVERAGE: return average;
    case SUM: return average * count;
    case SAMPLE_COUNT: return count;
    case MINIMUM: return latency_percentile(row, samples, 0);
    case MAXIMUM: return latency_percentile(row, samples, 1);
    case PERCENTILE: break;
    }
    return latency_percentile(row, samples, s->percentile);
}

static double plain_value(const struct sim_source *s, const struct samples *samples)
{
    bool whole = s->row->kind == COUNT || s->row->kind == RARE;
    double minutes = samples->each_min * samples->count;
    double count = minutes < 1 ? 1 : minutes;
    double sum = sum_of(samples) / samples->count * count;
    if (whole) sum = round(sum);
    switch ((enum sim_statistic)s->statistic) {
    case AVERAGE: return sum / count;
    case SUM: return sum;
    case SAMPLE_COUNT: return count;
    case MINIMUM: return samples->values[0];
    case MAXIMUM: return samples->values[samples->count - 1];
    case PERCENTILE: break;
    }
    int rank = (int)ceil(s->percentile * samples->count);
    return samples->values[rank < 1 ? 0 : rank - 1];
}

/* What the application itself reports has gaps; what AWS measures has none. */
static bool in_gap(const struct sim_source *s, int64_t slot_s)
{
    if (!s->environment->gaps || s->period_s >= LONG_PERIOD_S) return false;
    if (strncmp(s->row->namespace_name, "AWS/", 4) == 0) return false;
    int64_t key[] = {(int64_t)s->fleet->seed, slot_s / GAP_S};
    const char *name = s->environment->name;
    return hash64(name, strlen(name), hash64(key, sizeof key, 3)) % GAP_ONE_IN == 0;
}

double sim_source_value(const struct sim_source *s, int64_t slot_s)
{
    if (in_gap(s, slot_s)) return NAN;
    struct samples samples = samples_of(s, slot_s);
    double value =
        s->row->kind == LATENCY ? latency_value(s, &samples, slot_s) : plain_value(s, &samples);
    double steps = s->row->kind == COUNT || s->row->kind == RARE ? 100 : s->row->steps;
    return round(value * steps) / steps;
}
