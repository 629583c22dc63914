/* bind/cloudwatch.c - cloudwatch{}: a declared series, every field of it checked before anything is
 * asked of AWS. */
#include "fields.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/config.h"
#include "moontide/bind/declaration.h"
#include "moontide/model/series.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metatable's key in the registry: its address is what counts. */
static const char declaration_key;

enum { PERIOD_DEFAULT_S = 300, PERIOD_MAX_S = 86400 };

static const char *const missing_names[] = {"missing", "ignore", "breaching", "not_breaching",
                                            NULL};
static const char *const low_samples_names[] = {"evaluate", "ignore", NULL};

/* Source: Amazon CloudWatch API Reference, MetricDatum, Unit. */
static const char *const unit_names[] = {"Seconds",
                                         "Microseconds",
                                         "Milliseconds",
                                         "Bytes",
                                         "Kilobytes",
                                         "Megabytes",
                                         "Gigabytes",
                                         "Terabytes",
                                         "Bits",
                                         "Kilobits",
                                         "Megabits",
                                         "Gigabits",
                                         "Terabits",
                                         "Percent",
                                         "Count",
                                         "Bytes/Second",
                                         "Kilobytes/Second",
                                         "Megabytes/Second",
                                         "Gigabytes/Second",
                                         "Terabytes/Second",
                                         "Bits/Second",
                                         "Kilobits/Second",
                                         "Megabits/Second",
                                         "Gigabits/Second",
                                         "Terabits/Second",
                                         "Count/Second",
                                         "None",
                                         NULL};

struct declaration *declaration_test(lua_State *L, int idx)
{
    struct declaration *declaration = lua_touserdata(L, idx);
    if (!declaration || !lua_getmetatable(L, idx)) return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &declaration_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? declaration : NULL;
}

struct declaration *declaration_check(lua_State *L, int idx)
{
    struct declaration *declaration = declaration_test(L, idx);
    if (!declaration) luaL_typeerror(L, idx, "declaration of cloudwatch{}");
    return declaration;
}

static int declaration_gc(lua_State *L)
{
    struct declaration *declaration = lua_touserdata(L, 1);
    metric_release(declaration->metric);
    declaration->metric = NULL;
    return 0;
}

static int declaration_tostring(lua_State *L)
{
    struct declaration *declaration = declaration_check(L, 1);
    char text[512] = "(faulty)";
    if (declaration->metric) metric_describe(declaration->metric, text, sizeof text);
    lua_pushfstring(L, "cloudwatch: %s", text);
    return 1;
}

/* ---- one field each ---- */

static int32_t read_period(struct fields *f)
{
    int64_t ms = fields_duration(f, "period", OPTIONAL, PERIOD_DEFAULT_S * 1000);
    int64_t s = ms / 1000;
    /* Source: CloudWatch API Reference, MetricStat, Period; 20 since the 20-second ECS metrics. */
    bool short_one = s == 1 || s == 5 || s == 10 || s == 20 || s == 30;
    if (ms % 1000 == 0 && (short_one || (s > 0 && s % 60 == 0 && s <= PERIOD_MAX_S)))
        return (int32_t)s;
    char shown[DURATION_TEXT_MAX];
    duration_format(ms, shown);
    fields_finding(f, "E-period", "period",
                   "period is %s; it must be 1, 5, 10, 20 or 30 s, or a multiple of 60 s up to 1d",
                   shown);
    return PERIOD_DEFAULT_S;
}

/* How long CloudWatch keeps datapoints of a period: below 60 s three hours, 60 s for 15 days, 300 s
 * for 63 days, an hour for 455 days. Source: CloudWatch API Reference, GetMetricData. */
static int64_t retention_ms(int32_t period_s)
{
    enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
    if (period_s % 3600 == 0) return 455LL * DAY_MS;
    if (period_s % 300 == 0) return 63LL * DAY_MS;
    return period_s % 60 == 0 ? 15LL * DAY_MS : 3LL * HOUR_MS;
}

static void check_retention(struct fields *f, int32_t period_s, int64_t window_ms)
{
    char window[DURATION_TEXT_MAX], period[DURATION_TEXT_MAX], kept[DURATION_TEXT_MAX];
    char hint[FAULT_HINT_MAX];
    int64_t kept_ms = retention_ms(period_s);
    if (window_ms <= kept_ms) return;
    duration_format(window_ms, window);
    duration_format((int64_t)period_s * 1000, period);
    duration_format(kept_ms, kept);
    snprintf(hint, sizeof hint, "a window of at most %s, or a longer period", kept);
    fields_warn(f, "W-retention", "window", hint,
                "window is %s, and CloudWatch keeps datapoints of %s for %s: the rest stays empty",
                window, period, kept);
}

static uint32_t read_slots(struct fields *f, int32_t period_s)
{
    int64_t period_ms = (int64_t)period_s * 1000;
    int64_t window_ms = fields_duration(f, "window", OPTIONAL, period_ms * DECLARATION_POINTS);
    char window[DURATION_TEXT_MAX], period[DURATION_TEXT_MAX];
    duration_format(window_ms, window);
    duration_format(period_ms, period);
    check_retention(f, period_s, window_ms);
    int64_t slots = window_ms / period_ms + (window_ms % period_ms != 0);
    if (window_ms < period_ms)
        fields_fault(f, "window", "window is %s, shorter than the period of %s", window, period);
    else if (slots > SERIES_SLOTS_MAX)
        fields_fault(f, "window", "window of %s is %lld datapoints of %s; the limit is %d", window,
                     (long long)slots, period, SERIES_SLOTS_MAX);
    else
        return (uint32_t)slots;
    return 1;
}

static void read_stat(struct fields *f, struct metric *draft)
{
    draft->stat = fields_string(f, "stat", OPTIONAL);
    if (!draft->stat) {
        draft->stat = "Average";
        return;
    }
    char nearest[STATISTIC_SIZE];
    if (statistic_valid(draft->stat)) return;
    bool found = statistic_nearest(draft->stat, nearest);
    fields_finding(f, "E-stat", "stat",
                   "stat '%s' is none of CloudWatch's (Average, Sum, Minimum, Maximum, "
                   "SampleCount, p99, tm90, PR(:300), ...)%s%s%s",
                   draft->stat, found ? " (did you mean '" : "", found ? nearest : "",
                   found ? "'?)" : "");
}

static void read_region_and_account(struct fields *f, struct metric *draft)
{
    draft->region = fields_string(f, "region", OPTIONAL);
    draft->account = fields_string(f, "account", OPTIONAL);
    const struct binding *binding = vm_owner(vm_of(f->L));
    const struct config *config = binding->host ? binding->host->config : NULL;
    if (!draft->account || !config) return;
    for (size_t i = 0; i < config->account_count; i++)
        if (strcmp(config->accounts[i].name, draft->account) == 0) return;
    fields_fault(f, "account", "account '%s' is not named in the configuration's accounts",
                 draft->account);
}

/* Leaves the table on the stack, so that the strings in it stay. */
static void read_dimensions(struct fields *f, struct metric *draft,
                            struct metric_dimension dimensions[METRIC_DIMENSIONS_MAX])
{
    lua_State *L = f->L;
    draft->dimensions = dimensions;
    if (fields_push(f, "dimensions", 1 << LUA_TTABLE, "a table of name = value") == LUA_TNIL)
        return;
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        bool named = lua_type(L, -2) == LUA_TSTRING;
        const char *name = named ? lua_tostring(L, -2) : NULL;
        if (!named)
            fields_fault(f, "dimensions", "dimensions takes name = value pairs, no list");
        else if (lua_type(L, -1) != LUA_TSTRING)
            fields_fault(f, "dimensions", "dimension %s must be a string, not a %s", name,
                         luaL_typename(L, -1));
        else if (lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) > 1024 || *name == '\0')
            fields_fault(f, "dimensions", "dimension %s must have 1 to 1024 characters", name);
        else if (draft->dimension_count == METRIC_DIMENSIONS_MAX) {
            fields_fault(f, "dimensions", "more than %d dimensions", METRIC_DIMENSIONS_MAX);
            lua_pop(L, 2);
            return;
        } else {
            /* The value lives in the table, which stays on the stack. */
            dimensions[draft->dimension_count++] =
                (struct metric_dimension){name, lua_tostring(L, -1)};
        }
        lua_pop(L, 1);
    }
}

/* ---- expressions ---- */

static bool id_valid(const char *id)
{
    if (!islower((unsigned char)*id)) return false;
    for (; *id; id++)
        if (!isalnum((unsigned char)*id) && *id != '_') return false;
    return true;
}

static bool id_known(const struct metric *draft, const char *name)
{
    for (uint32_t i = 0; i < draft->input_count; i++)
        if (strcmp(draft->inputs[i].id, name) == 0) return true;
    return false;
}

/* Every lower-case name in an expression is an input (functions and keywords of metric math are in
 * capitals); quoted text, and Metrics Insights queries, which have their own grammar, are passed
 * over. Source: Amazon CloudWatch User Guide, "Using metric math". */
static void check_expression(struct fields *f, const struct metric *draft)
{
    const char *at = draft->expression;
    const char *known[METRIC_INPUTS_MAX + 1] = {NULL};
    for (uint32_t i = 0; i < draft->input_count; i++)
        known[i] = draft->inputs[i].id;
    if (strncmp(at, "SELECT ", 7) == 0) return;
    while (*at) {
        if (*at == '\'' || *at == '"') {
            const char *close = strchr(at + 1, *at);
            if (!close) {
                fields_fault(f, "expression", "expression has a quote that does not end");
                return;
            }
            at = close + 1;
        } else if (isalnum((unsigned char)*at) || *at == '_') {
            char name[256];
            size_t len = 0;
            while (isalnum((unsigned char)at[len]) || at[len] == '_')
                len++;
            snprintf(name, sizeof name, "%.*s", (int)len, at);
            if (islower((unsigned char)*at) && !id_known(draft, name))
                fields_fault(f, "expression", "expression names '%s', which is not in `using`%s",
                             name, fields_hint(name, known).text);
            at += len;
        } else {
            at++;
        }
    }
}

/* Leaves the table on the stack. */
static void read_using(struct fields *f, struct metric *draft,
                       struct metric_input inputs[METRIC_INPUTS_MAX])
{
    lua_State *L = f->L;
    draft->inputs = inputs;
    if (fields_push(f, "using", 1 << LUA_TTABLE, "a table of id = cloudwatch{...}") == LUA_TNIL)
        return;
    int table = lua_gettop(L);
    lua_pushnil(L);
    for (; lua_next(L, table); lua_pop(L, 1)) {
        const char *id = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        struct declaration *input = declaration_test(L, -1);
        if (!id || !id_valid(id)) {
            fields_fault(f, "using",
                         "using: '%s' is no id (a lower-case letter, then letters, digits and _)",
                         id ? id : luaL_typename(L, -2));
        } else if (!input) {
            fields_fault(f, "using", "using.%s must be a cloudwatch{...}, not a %s", id,
                         luaL_typename(L, -1));
        } else if (!input->metric) {
            f->failed = true; /* told where it was declared */
        } else if (draft->input_count == METRIC_INPUTS_MAX) {
            fields_fault(f, "using", "more than %d inputs", METRIC_INPUTS_MAX);
            lua_pop(L, 2);
            return;
        } else {
            inputs[draft->input_count++] = (struct metric_input){id, input->metric};
        }
    }
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct metric_input *)a)->id, ((const struct metric_input *)b)->id);
}

static void read_expression(struct fields *f, struct metric *draft, struct metric_input *inputs)
{
    static const char *const foreign[] = {"namespace", "name", "stat", "unit", "dimensions", NULL};
    lua_State *L = f->L;
    draft->expression = fields_string(f, "expression", REQUIRED);
    for (int i = 0; foreign[i]; i++) {
        lua_getfield(L, f->at, foreign[i]);
        if (!lua_isnil(L, -1))
            fields_fault(f, foreign[i], "%s and expression exclude each other", foreign[i]);
        lua_pop(L, 1);
    }
    read_using(f, draft, inputs);
    qsort(inputs, draft->input_count, sizeof *inputs, by_id); /* equal questions are equal */
    lua_getfield(L, f->at, "period");
    bool has_period = !lua_isnil(L, -1);
    lua_pop(L, 1);
    if (!has_period && draft->input_count) draft->period_s = inputs[0].metric->period_s;
    for (uint32_t i = 0; i < draft->input_count; i++)
        if (inputs[i].metric->period_s != draft->period_s)
            fields_fault(f, "using", "using.%s has a period of %d s, the expression one of %d s",
                         inputs[i].id, inputs[i].metric->period_s, draft->period_s);
    if (draft->expression && !f->failed) check_expression(f, draft);
}

/* ---- the call ---- */

static void read_metric(struct fields *f, struct declaration *declaration)
{
    struct metric draft = {.period_s = read_period(f)};
    struct metric_dimension dimensions[METRIC_DIMENSIONS_MAX];
    struct metric_input inputs[METRIC_INPUTS_MAX];
    lua_State *L = f->L;
    lua_getfield(L, f->at, "expression");
    bool plain = lua_isnil(L, -1);
    lua_pop(L, 1);
    if (plain) {
        draft.namespace_name = fields_string(f, "namespace", REQUIRED);
        draft.name = fields_string(f, "name", REQUIRED);
        read_stat(f, &draft);
        int unit = fields_choice(f, "unit", unit_names, -1);
        draft.unit = unit >= 0 ? unit_names[unit] : NULL;
        read_dimensions(f, &draft, dimensions);
        lua_getfield(L, f->at, "using");
        if (!lua_isnil(L, -1)) fields_fault(f, "using", "using belongs to an expression");
        lua_pop(L, 1);
    } else {
        read_expression(f, &draft, inputs);
    }
    read_region_and_account(f, &draft);
    declaration->slots = read_slots(f, draft.period_s);
    declaration->missing =
        (enum missing_mode)fields_choice(f, "missing", missing_names, MISSING_MISSING);
    declaration->ignore_low_samples = fields_choice(f, "low_samples", low_samples_names, 0) == 1;
    if (declaration->ignore_low_samples && (!plain || statistic_percentile(draft.stat) == 0))
        fields_fault(f, "low_samples", "low_samples = \"ignore\" is for percentiles (stat p99)");
    if (f->failed) return;
    int code = metric_new(&draft, &declaration->metric);
    if (code == ERR_NOMEM) luaL_error(L, "out of memory");
    if (code < 0)
        fields_fault(f, NULL, "a name is longer than 255 characters, or the expression than %d",
                     METRIC_TEXT_MAX);
}

static int declare(lua_State *L)
{
    static const char *const known[] = {"namespace",  "name",   "dimensions",  "stat",   "unit",
                                        "period",     "window", "missing",     "region", "account",
                                        "expression", "using",  "low_samples", NULL};
    /* cloudwatch is a callable table: what was called stands first. */
    struct fields fields;
    fields_of_call(&fields, L, 2, "cloudwatch", "cloudwatch");
    lua_settop(L, 2);
    struct declaration *declaration = lua_newuserdatauv(L, sizeof *declaration, 0);
    *declaration = (struct declaration){.slots = 1};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &declaration_key);
    lua_setmetatable(L, -2);
    fields_known(&fields, known);
    read_metric(&fields, declaration);
    lua_settop(L, 3);
    return 1;
}

int open_cloudwatch(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__gc", declaration_gc}, {"__tostring", declaration_tostring}, {NULL, NULL}};
    luaL_newlib(L, meta);
    lua_pushliteral(L, "declaration");
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "declaration of cloudwatch{}");
    lua_setfield(L, -2, "__name");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &declaration_key);

    static const luaL_Reg functions[] = {{"fetch", cloudwatch_fetch}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, declare);
    lua_setfield(L, -2, "__call");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    return 1;
}
