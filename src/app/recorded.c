/* app/recorded.c - where the recording is, which tick is meant, and a tick as JSON. */
#include "moontide/app/recorded.h"

#include "moontide/app/instance.h"
#include "moontide/base/fs.h"
#include "moontide/base/timetext.h"
#include "moontide/model/metric.h"
#include "moontide/model/series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *recording_path(const struct config *config)
{
    return fs_join(config->state_dir, "recording.db");
}

int project_recording(const struct config *config, struct recording_reader **out)
{
    struct fault fault;
    char *path = recording_path(config);
    int code = path ? recording_reader_open(path, out, &fault)
                    : fault_set(&fault, ERR_NOMEM, "out of memory");
    if (code == ERR_NOT_FOUND)
        fprintf(stderr,
                "moontide: nothing is recorded yet: %s is written by `moontide run` of this "
                "project%s\n",
                path, config->record ? "" : ", and moontide.lua says record = false");
    else if (code < 0)
        print_fault(&fault);
    free(path);
    return code;
}

/* ---- which tick ---- */

struct finding {
    uint64_t tick; /* 0: none yet */
    char *policy;
    size_t others; /* more policies that took part in it */
    char names[256];
    uint64_t first, last; /* of all that match but for the number or time */
    int64_t first_ms, last_ms;
    int code;
};

static bool note_found(void *data, const struct recorded *row)
{
    struct finding *found = data;
    if (found->tick && row->tick != found->tick) return false;
    size_t used = strlen(found->names);
    snprintf(found->names + used, sizeof found->names - used, "%s%s", used ? ", " : "",
             row->policy);
    if (found->tick) {
        found->others++;
        return true;
    }
    found->tick = row->tick;
    found->policy = strdup(row->policy);
    if (!found->policy) found->code = ERR_NOMEM;
    return found->code == OK;
}

static bool note_end(void *data, const struct recorded *row)
{
    struct finding *found = data;
    found->last = row->tick;
    found->last_ms = row->at_ms;
    return false;
}

static bool note_begin(void *data, const struct recorded *row)
{
    struct finding *found = data;
    found->first = row->tick;
    found->first_ms = row->at_ms;
    return false;
}

/* What there is instead. */
static int not_there(struct recording_reader *reader, const char *which, const char *world,
                     const char *policy, struct fault *fault)
{
    char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
    struct finding all = {.tick = 0};
    struct recording_filter filter = {.world = world, .policy = policy, .limit = 1};
    int code = recording_each(reader, &filter, note_begin, &all, fault);
    filter.newest = true;
    if (code == OK) code = recording_each(reader, &filter, note_end, &all, fault);
    if (code < 0) return code;
    const char *of = policy ? " of policy " : "", *name = policy ? policy : "";
    if (all.last == 0)
        return fault_set(fault, ERR_NOT_FOUND,
                         "no tick%s%s%s%s is recorded (moontide journal "
                         "ticks lists what is)",
                         of, name, world ? " in world " : "", world ? world : "");
    time_format(all.first_ms, first);
    time_format(all.last_ms, last);
    return fault_set(
        fault, ERR_NOT_FOUND,
        "tick %s%s%s is not recorded: there are ticks %llu (%s) to %llu (%s); moontide "
        "journal ticks lists them",
        which, of, name, (unsigned long long)all.first, first, (unsigned long long)all.last, last);
}

/* A number, or a time. */
static int read_which(const char *which, struct recording_filter *filter, struct fault *fault)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(which, &end, 10);
    if (which[0] >= '0' && which[0] <= '9' && !*end && errno == 0 && number > 0 &&
        number <= INT64_MAX) {
        filter->from_tick = filter->to_tick = number;
        return OK;
    }
    if (time_parse(which, strlen(which), &filter->to_ms) == OK && filter->to_ms > 0) return OK;
    return fault_set(fault, ERR_INVALID,
                     "'%s' is neither the number of a tick nor a time such as "
                     "2026-01-31T12:00:00Z",
                     which);
}

int recorded_find(struct recording_reader *reader, const char *which, const char *world,
                  const char *policy, uint64_t *tick, char **policy_out, struct fault *fault)
{
    struct finding found = {.tick = 0};
    struct recording_filter filter = {.world = world, .policy = policy, .newest = true};
    int code = read_which(which, &filter, fault);
    if (code == OK) code = recording_each(reader, &filter, note_found, &found, fault);
    if (code == OK && found.code < 0) code = fault_set(fault, found.code, "out of memory");
    if (code == OK && found.tick == 0) code = not_there(reader, which, world, policy, fault);
    if (code == OK && found.others > 0)
        code = fault_set(fault, ERR_INVALID,
                         "tick %llu is of %zu policies: say which by --policy NAME (%s)",
                         (unsigned long long)found.tick, found.others + 1, found.names);
    if (code < 0) {
        free(found.policy);
        return code;
    }
    *tick = found.tick;
    *policy_out = found.policy;
    return OK;
}

/* ---- a tick as JSON ---- */

static void put_metric(struct json_writer *w, const struct metric *metric)
{
    json_object(w);
    json_put_given(w, "namespace", metric->namespace_name);
    json_put_given(w, "name", metric->name);
    json_put_given(w, "stat", metric->stat);
    json_put_given(w, "unit", metric->unit);
    json_put_given(w, "expression", metric->expression);
    json_put_given(w, "region", metric->region);
    json_put_given(w, "account", metric->account);
    json_key(w, "period");
    json_int(w, metric->period_s);
    if (metric->dimension_count > 0) {
        json_key(w, "dimensions");
        json_object(w);
        for (uint32_t i = 0; i < metric->dimension_count; i++)
            json_put_given(w, metric->dimensions[i].name, metric->dimensions[i].value);
        json_object_end(w);
    }
    if (metric->input_count > 0) {
        json_key(w, "using");
        json_object(w);
        for (uint32_t i = 0; i < metric->input_count; i++) {
            json_key(w, metric->inputs[i].id);
            put_metric(w, metric->inputs[i].metric);
        }
        json_object_end(w);
    }
    json_object_end(w);
}

static void put_series(struct json_writer *w, const struct replay_use *use)
{
    static const char *const states[] = {"new", "ready", "partial", "forbidden", "failed"};
    struct series_view view = series_view(use->series, use->slots);
    json_object(w);
    json_key(w, "metric");
    put_metric(w, use->metric);
    json_key(w, "period");
    json_int(w, view.period_s);
    json_key(w, "start");
    json_int(w, view.start_s);
    json_key(w, "values");
    json_array(w);
    for (uint32_t i = 0; i < view.slots; i++)
        json_double(w, view.values[i]); /* no datapoint: null */
    json_array_end(w);
    json_put_given(w, "state", states[use->series->state]);
    json_object_end(w);
}

static void put_json(struct json_writer *w, const char *key, const char *json)
{
    json_key(w, key);
    if (json)
        json_raw(w, json, strlen(json));
    else
        json_null(w);
}

/* The companion that counts the samples of a percentile stands under the same key, behind it. */
static bool is_companion(const struct replay_target *target, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(target->uses[i].key, target->uses[at].key) == 0) return true;
    return false;
}

static void put_target(struct json_writer *w, const struct replay_target *target)
{
    json_object(w);
    put_json(w, "target", target->json);
    json_put_given(w, "id", target->id);
    put_json(w, "extra", target->extra_json);
    put_json(w, "memo", target->memo_json);
    json_key(w, "series");
    json_object(w);
    for (size_t i = 0; i < target->use_count; i++) {
        if (is_companion(target, i)) continue;
        json_key(w, target->uses[i].key);
        put_series(w, &target->uses[i]);
    }
    json_object_end(w);
    json_object_end(w);
}

void recorded_json(const struct replay_tick *tick, struct json_writer *w)
{
    char at[TIME_TEXT_MAX];
    time_format(tick->at_ms, at);
    json_object(w);
    json_key(w, "tick");
    json_int(w, (int64_t)tick->number);
    json_put_given(w, "at", at);
    json_put_given(w, "world", tick->world);
    json_put_given(w, "policy", tick->policy);
    json_put_given(w, "sha256", tick->sha256);
    json_key(w, "targets");
    json_array(w);
    for (size_t i = 0; i < tick->target_count; i++)
        put_target(w, &tick->targets[i]);
    json_array_end(w);
    json_object_end(w);
}
