/* tick/rails_limits.c - what the table `rails` may say, field by field, and its defaults. */
#include "moontide/base/json.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/base/zone.h"
#include "rails_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 256, PATH_MAX_LEN = 64 };

static const double COUNT_MAX = 1e6, MONTH_S = 30 * 86400.0, WINDOW_S = WINDOW_HOURS_MAX * 3600.0;

void rail_limits_default(struct rail_limits *limits)
{
    *limits = (struct rail_limits){
        .max_actions_per_tick = 10,
        .max_share = 0.25,
        .tolerance = 0.1, /* Kubernetes HPA: --horizontal-pod-autoscaler-tolerance */
        .stabilization_in_ms = 300000,
        .cooldown_in_ms = 300000, /* Application Auto Scaling: ECS services, both ways */
        .cooldown_out_ms = 300000,
        .rate_in = {.percent = 100, .period_ms = 60000},
        .rate_out = {.add = 4, .percent = 100, .period_ms = 60000}, /* HPA: in 15 s */
        .min = NAN,
        .max = NAN,
        .drift_hold_ms = 3600000,
        .gate = true,
    };
}

/* ---- windows ---- */

static void windows_release(struct rail_windows *windows)
{
    if (!windows || --windows->shares > 0) return;
    for (size_t i = 0; i < windows->count; i++)
        zone_free((struct zone *)windows->items[i].zone);
    free(windows);
}

static struct rail_windows *windows_share(struct rail_windows *windows)
{
    if (windows) windows->shares++;
    return windows;
}

void rail_limits_copy(struct rail_limits *to, const struct rail_limits *from)
{
    *to = *from;
    windows_share(to->change_windows);
    windows_share(to->freezes);
}

void rail_limits_done(struct rail_limits *limits)
{
    windows_release(limits->change_windows);
    windows_release(limits->freezes);
    limits->change_windows = limits->freezes = NULL;
}

/* ---- values ---- */

struct reading {
    struct json_reader json;
    struct fault *fault;
};

/* A token that is not there or not JSON, as a fault. */
static int bad_json(struct reading *r, int token)
{
    if (token == ERR_NOMEM) return fault_set(r->fault, ERR_NOMEM, "out of memory");
    return fault_set(r->fault, ERR_INVALID, "rails are no JSON object that can be read");
}

static bool is_number(int token)
{
    return token == JSON_INT || token == JSON_NUMBER;
}

static int read_double(struct reading *r, const char *path, double low, double high, double *out)
{
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (!is_number(token)) return fault_set(r->fault, ERR_INVALID, "%s must be a number", path);
    double value = r->json.number;
    if (!(value >= low && value <= high))
        return fault_set(r->fault, ERR_INVALID, "%s is %g; it must be from %g to %g", path, value,
                         low, high);
    *out = value;
    return OK;
}

static int read_count(struct reading *r, const char *path, double high, uint32_t *out)
{
    double value;
    int code = read_double(r, path, 0, high, &value);
    if (code < 0) return code;
    if (value != floor(value))
        return fault_set(r->fault, ERR_INVALID, "%s is %g; it must be a whole number", path, value);
    *out = (uint32_t)value;
    return OK;
}

static int read_text(struct reading *r, const char *path, char out[TEXT_MAX])
{
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (token != JSON_STRING) return fault_set(r->fault, ERR_INVALID, "%s must be a text", path);
    if (r->json.len >= TEXT_MAX || memchr(r->json.text, '\0', r->json.len))
        return fault_set(r->fault, ERR_INVALID, "%s is too long, or holds a zero byte", path);
    memcpy(out, r->json.text, r->json.len);
    out[r->json.len] = '\0';
    return OK;
}

/* A text ("5m"), or seconds. */
static int read_duration(struct reading *r, const char *path, double low_s, double high_s,
                         int64_t *out_ms)
{
    char text[TEXT_MAX], low[DURATION_TEXT_MAX], high[DURATION_TEXT_MAX];
    int64_t ms = -1;
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (is_number(token)) {
        snprintf(text, sizeof text, "%g", r->json.number);
        if (r->json.number >= 0 && r->json.number <= high_s) ms = llround(r->json.number * 1000);
    } else if (token == JSON_STRING) {
        size_t len = r->json.len < TEXT_MAX ? r->json.len : TEXT_MAX - 1;
        memcpy(text, r->json.text, len);
        text[len] = '\0';
        if (len == strlen(text) && len == r->json.len && duration_parse(text, &ms) < 0) ms = -1;
    } else {
        return fault_set(r->fault, ERR_INVALID, "%s must be a duration (\"5m\", or seconds)", path);
    }
    if (ms >= (int64_t)(low_s * 1000) && ms <= (int64_t)(high_s * 1000)) {
        *out_ms = ms;
        return OK;
    }
    duration_format((int64_t)(low_s * 1000), low);
    duration_format((int64_t)(high_s * 1000), high);
    return fault_set(r->fault, ERR_INVALID,
                     "%s: '%.60s' is no duration from %s to %s (\"5m\", or seconds)", path, text,
                     low, high);
}

static int read_bool(struct reading *r, const char *path, bool *out)
{
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (token != JSON_TRUE && token != JSON_FALSE)
        return fault_set(r->fault, ERR_INVALID, "%s must be true or false", path);
    *out = token == JSON_TRUE;
    return OK;
}

/* ---- objects ---- */

typedef int member_fn(struct reading *r, const char *path, int member, void *into);

/* The members of an object whose bracket was read, each by its index in `names`. path "" is the
 * whole. */
static int read_object(struct reading *r, const char *path, const char *const *names,
                       member_fn *member, void *into)
{
    int token;
    while ((token = json_next(&r->json)) == JSON_KEY) {
        char name[PATH_MAX_LEN], inner[2 * PATH_MAX_LEN];
        int index = 0;
        snprintf(name, sizeof name, "%.*s", (int)(r->json.len < 60 ? r->json.len : 60),
                 r->json.text);
        while (names[index] && strcmp(names[index], name) != 0)
            index++;
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", name);
        if (!names[index]) {
            const char *near = nearest_name(name, names);
            return fault_set(r->fault, ERR_INVALID, "%s: unknown field%s%s%s", inner,
                             near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
        }
        int code = member(r, inner, index, into);
        if (code < 0) return code;
    }
    return token == JSON_OBJECT_END ? OK : bad_json(r, token);
}

static int open_object(struct reading *r, const char *path, const char *shape)
{
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (token != JSON_OBJECT)
        return fault_set(r->fault, ERR_INVALID, "%s must be a table: %s", path, shape);
    return OK;
}

static const char *const rate_names[] = {"add", "percent", "period", NULL};

static int rate_member(struct reading *r, const char *path, int member, void *into)
{
    struct rail_rate *rate = into;
    switch (member) {
    case 0: return read_double(r, path, 0, COUNT_MAX, &rate->add);
    case 1: return read_double(r, path, 0, COUNT_MAX, &rate->percent);
    default: return read_duration(r, path, 1, MONTH_S, &rate->period_ms);
    }
}

static int read_rate(struct reading *r, const char *path, struct rail_rate *rate)
{
    int code = open_object(r, path, "{ add = 4, percent = 100, period = \"60s\" }");
    return code < 0 ? code : read_object(r, path, rate_names, rate_member, rate);
}

/* ---- lists of windows ---- */

static const char *const window_names[] = {"cron", "duration", "timezone", NULL};

/* What went wrong with a part is told with the path before it. */
static int with_path(struct reading *r, const char *path, int code, const struct fault *inner)
{
    if (code >= 0) return code;
    return fault_set(r->fault, code == ERR_NOMEM ? ERR_NOMEM : ERR_INVALID, "%s: %s", path,
                     inner->text);
}

struct window_reading {
    struct window window;
    struct zone *zone;
    bool has_cron;
};

static int window_member(struct reading *r, const char *path, int member, void *into)
{
    struct window_reading *w = into;
    char text[TEXT_MAX];
    struct fault inner;
    if (member == 1) return read_duration(r, path, 60, WINDOW_S, &w->window.duration_ms);
    int code = read_text(r, path, text);
    if (code < 0) return code;
    if (member == 0) {
        w->has_cron = true;
        return with_path(r, path, cron_parse(text, &w->window.cron, &inner), &inner);
    }
    zone_free(w->zone);
    w->zone = NULL;
    return with_path(r, path, zone_open(text, &w->zone, &inner), &inner);
}

static int read_window(struct reading *r, const char *path, struct rail_windows *windows)
{
    struct window_reading w = {.has_cron = false};
    if (windows->count == RAIL_WINDOWS_MAX)
        return fault_set(r->fault, ERR_INVALID, "%s: there are at most %d", path, RAIL_WINDOWS_MAX);
    int code = read_object(r, path, window_names, window_member, &w);
    if (code == OK && (!w.has_cron || w.window.duration_ms == 0))
        code = fault_set(r->fault, ERR_INVALID, "%s: %s is missing", path,
                         w.has_cron ? "duration" : "cron");
    if (code < 0) {
        zone_free(w.zone);
        return code;
    }
    w.window.zone = w.zone;
    windows->items[windows->count++] = w.window;
    return OK;
}

static int read_list(struct reading *r, const char *path, struct rail_windows *windows)
{
    static const char shape[] = "a list of { cron = \"0 9 * * 1-5\", duration = \"8h\", "
                                "timezone = \"UTC\" }";
    int token = json_next(&r->json);
    if (token == JSON_OBJECT) { /* an empty table of Lua's may be written so */
        token = json_next(&r->json);
        if (token == JSON_OBJECT_END) return OK;
        return token < 0 ? bad_json(r, token)
                         : fault_set(r->fault, ERR_INVALID, "%s must be %s", path, shape);
    }
    if (token < 0) return bad_json(r, token);
    if (token != JSON_ARRAY) return fault_set(r->fault, ERR_INVALID, "%s must be %s", path, shape);
    while ((token = json_next(&r->json)) == JSON_OBJECT) {
        char item[2 * PATH_MAX_LEN];
        snprintf(item, sizeof item, "%s[%zu]", path, windows->count + 1);
        int code = read_window(r, item, windows);
        if (code < 0) return code;
    }
    if (token == JSON_ARRAY_END) return OK;
    return token < 0 ? bad_json(r, token)
                     : fault_set(r->fault, ERR_INVALID, "%s must be %s", path, shape);
}

/* An empty list lifts what a wider level said. */
static int read_windows(struct reading *r, const char *path, struct rail_windows **into)
{
    struct rail_windows *windows = calloc(1, sizeof *windows);
    if (!windows) return fault_set(r->fault, ERR_NOMEM, "out of memory");
    windows->shares = 1;
    int code = read_list(r, path, windows);
    if (code < 0 || windows->count == 0) {
        windows_release(windows);
        windows = NULL;
    }
    if (code < 0) return code;
    windows_release(*into);
    *into = windows;
    return OK;
}

/* ---- the whole ---- */

/* X(name, how it is read) */
#define LIMIT_TABLE(X)                                                                             \
    X(max_actions_per_tick, read_count(r, path, COUNT_MAX, &limits->max_actions_per_tick))         \
    X(max_share, read_double(r, path, 0, 1, &limits->max_share))                                   \
    X(tolerance, read_double(r, path, 0, 1, &limits->tolerance))                                   \
    X(stabilization_in, read_duration(r, path, 0, MONTH_S, &limits->stabilization_in_ms))          \
    X(stabilization_out, read_duration(r, path, 0, MONTH_S, &limits->stabilization_out_ms))        \
    X(cooldown_in, read_duration(r, path, 0, MONTH_S, &limits->cooldown_in_ms))                    \
    X(cooldown_out, read_duration(r, path, 0, MONTH_S, &limits->cooldown_out_ms))                  \
    X(rate_in, read_rate(r, path, &limits->rate_in))                                               \
    X(rate_out, read_rate(r, path, &limits->rate_out))                                             \
    X(min, read_double(r, path, 0, COUNT_MAX, &limits->min))                                       \
    X(max, read_double(r, path, 0, COUNT_MAX, &limits->max))                                       \
    X(drift_hold, read_duration(r, path, 0, MONTH_S, &limits->drift_hold_ms))                      \
    X(gate, read_bool(r, path, &limits->gate))                                                     \
    X(change_windows, read_windows(r, path, &limits->change_windows))                              \
    X(freezes, read_windows(r, path, &limits->freezes))

enum limit_field {
#define X(name, read) LIMIT_##name,
    LIMIT_TABLE(X)
#undef X
};

const char *const rail_limit_names[] = {
#define X(name, read) #name,
    LIMIT_TABLE(X)
#undef X
        NULL};

static int limit_member(struct reading *r, const char *path, int member, void *into)
{
    struct rail_limits *limits = into;
    switch ((enum limit_field)member) {
#define X(name, read)                                                                              \
    case LIMIT_##name: return read;
        LIMIT_TABLE(X)
#undef X
    }
    return OK;
}

static int read_limits(struct reading *r, struct rail_limits *limits)
{
    int token = json_next(&r->json);
    if (token < 0) return bad_json(r, token);
    if (token != JSON_OBJECT)
        return fault_set(r->fault, ERR_INVALID, "rails must be a table of named limits");
    int code = read_object(r, "", rail_limit_names, limit_member, limits);
    if (code < 0) return code;
    if ((token = json_next(&r->json)) != JSON_END) return bad_json(r, token);
    if (limits->min > limits->max)
        return fault_set(r->fault, ERR_INVALID, "min is %g, more than max, which is %g",
                         limits->min, limits->max);
    return OK;
}

int rail_limits_read(struct rail_limits *limits, const char *json, size_t len, struct fault *fault)
{
    struct reading r = {.fault = fault};
    struct rail_limits made;
    rail_limits_copy(&made, limits);
    json_reader_init(&r.json, json, len, 4 * TEXT_MAX);
    int code = read_limits(&r, &made);
    json_reader_done(&r.json);
    if (code < 0) {
        rail_limits_done(&made);
        return code;
    }
    rail_limits_done(limits);
    *limits = made;
    return OK;
}
