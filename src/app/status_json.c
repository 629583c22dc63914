/* app/status_json.c - what a running daemon says of itself, as one JSON document. */
#include "moontide/app/alerting.h"
#include "moontide/app/daemon.h"
#include "moontide/base/clock.h"
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"
#include "moontide/store/recording.h"
#include "moontide/tick/recorder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct writing {
    const struct engine *engine;
    struct json_writer w;
};

static void put_string(struct json_writer *w, const char *key, const char *value)
{
    json_key(w, key);
    json_string(w, value);
}

static void put_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    json_key(w, key);
    if (ms) time_format(ms, text);
    json_string(w, ms ? text : NULL);
}

static void write_target(void *data, const char *target, enum status status,
                         const struct alert *alerts, size_t count)
{
    struct json_writer *w = &((struct writing *)data)->w;
    json_object(w);
    put_string(w, "target", target);
    put_string(w, "status", status_names[status]);
    json_key(w, "issues");
    json_array(w);
    for (size_t i = 0; i < count; i++) {
        if (!alert_is_on(&alerts[i])) continue;
        json_object(w);
        put_string(w, "type", alerts[i].type);
        put_string(w, "key", alerts[i].key);
        put_string(w, "severity", severity_names[alerts[i].severity]);
        put_time(w, "since", alerts[i].raised_ms);
        put_string(w, "description", alerts[i].description);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void write_policy(void *data, const struct policy_status *p)
{
    struct writing *writing = data;
    struct json_writer *w = &writing->w;
    char every[DURATION_TEXT_MAX];
    duration_format(p->info->every_ms, every);
    json_object(w);
    put_string(w, "policy", p->info->name);
    put_string(w, "file", p->info->file);
    put_string(w, "sha256", p->info->sha256);
    put_string(w, "every", every);
    put_string(w, "mode", mode_names[p->mode]);
    put_int(w, "ticks", (int64_t)p->ticks);
    put_int(w, "skipped", (int64_t)p->skipped);
    put_int(w, "failed", (int64_t)p->failed);
    put_time(w, "last", p->last_ms);
    put_time(w, "next", p->next_ms);
    put_int(w, "evaluation_us", p->last_elapsed_us);
    put_int(w, "memory_bytes", (int64_t)p->memory_bytes);
    put_int(w, "metrics_charged", (int64_t)p->metrics_charged);
    char fault[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32] = "";
    if (p->fault) fault_print(p->fault, fault, sizeof fault);
    put_string(w, "fault", fault);
    json_key(w, "targets");
    json_array(w);
    engine_each_target(writing->engine, p->info->name, write_target, writing);
    json_array_end(w);
    json_object_end(w);
}

/* VmRSS is in /proc/self/statm, in pages. */
static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file) return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* null: nothing is recorded. */
static void write_recording(const struct instance *instance, struct json_writer *w)
{
    struct recording_status status;
    json_key(w, "recording");
    if (!instance->recorder) {
        json_null(w);
        return;
    }
    recorder_status(instance->recorder, &status);
    json_object(w);
    put_int(w, "written", (int64_t)status.written);
    put_int(w, "written_bytes", (int64_t)status.written_bytes);
    put_int(w, "lost", (int64_t)status.lost);
    put_int(w, "waiting", (int64_t)status.waiting);
    put_int(w, "file_bytes", status.file_bytes);
    put_string(w, "fault", status.failed ? status.fault.text : "");
    put_string(w, "moved_to", status.moved_to);
    json_object_end(w);
}

void daemon_status_json(const struct instance *instance, int64_t started_ms, struct strbuf *out)
{
    struct writing writing = {.engine = instance->engine};
    struct json_writer *w = &writing.w;
    struct collector_stats stats;
    int64_t now_ms = clock_now_ms(&instance->world->clock);
    collector_stats(instance->collector, &stats);
    json_writer_init(w, out);
    json_object(w);
    put_string(w, "version", MOONTIDE_VERSION);
    put_int(w, "pid", (int64_t)getpid());
    put_string(w, "world", instance->world->name);
    put_time(w, "now", now_ms);
    put_time(w, "started", started_ms);
    put_int(w, "resident_bytes", resident_bytes());
    put_int(w, "cpu_ms", clock_cpu_ns() / 1000000);
    json_key(w, "collect");
    json_object(w);
    put_int(w, "calls", (int64_t)stats.calls);
    put_int(w, "queries", (int64_t)stats.queries);
    put_int(w, "metrics_charged", (int64_t)stats.metrics_charged);
    put_int(w, "datapoints", (int64_t)stats.datapoints);
    put_int(w, "failures", (int64_t)stats.failures);
    put_int(w, "series", (int64_t)stats.entries);
    put_int(w, "series_bytes", (int64_t)stats.series_bytes);
    json_object_end(w);
    write_recording(instance, w);
    json_key(w, "alerts");
    alerting_status_json(instance, w);
    json_key(w, "policies");
    json_array(w);
    engine_each_policy(instance->engine, write_policy, &writing);
    json_array_end(w);
    json_object_end(w);
}
