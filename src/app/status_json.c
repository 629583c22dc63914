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
    json_put_string(w, "target", target);
    json_put_string(w, "status", status_names[status]);
    json_key(w, "issues");
    json_array(w);
    for (size_t i = 0; i < count; i++) {
        if (!alert_is_on(&alerts[i])) continue;
        json_object(w);
        json_put_string(w, "type", alerts[i].type);
        json_put_string(w, "key", alerts[i].key);
        json_put_string(w, "severity", severity_names[alerts[i].severity]);
        put_time(w, "since", alerts[i].raised_ms);
        json_put_string(w, "description", alerts[i].description);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void write_shadow(struct json_writer *w, const struct shadow_status *shadow)
{
    json_key(w, "shadow");
    if (!shadow) {
        json_null(w);
        return;
    }
    json_object(w);
    json_put_string(w, "sha256", shadow->sha256);
    json_put_int(w, "ticks", shadow->ticks);
    json_put_int(w, "done", shadow->done);
    json_put_int(w, "differences", (int64_t)shadow->differences);
    json_put_int(w, "distinct", (int64_t)shadow->distinct);
    json_key(w, "lines");
    json_array(w);
    for (size_t i = 0; i < shadow->line_count; i++)
        json_string(w, shadow->lines[i]);
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
    json_put_string(w, "policy", p->info->name);
    json_put_string(w, "file", p->info->file);
    json_put_string(w, "sha256", p->info->sha256);
    json_put_string(w, "every", every);
    json_put_string(w, "mode", mode_names[p->mode]);
    json_put_int(w, "ticks", (int64_t)p->ticks);
    json_put_int(w, "skipped", (int64_t)p->skipped);
    json_put_int(w, "failed", (int64_t)p->failed);
    put_time(w, "last", p->last_ms);
    put_time(w, "next", p->next_ms);
    json_put_int(w, "evaluation_us", p->last_elapsed_us);
    json_put_int(w, "memory_bytes", (int64_t)p->memory_bytes);
    json_put_int(w, "metrics_charged", (int64_t)p->metrics_charged);
    char fault[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32] = "";
    if (p->fault) fault_print(p->fault, fault, sizeof fault);
    json_put_string(w, "fault", fault);
    write_shadow(w, p->shadow);
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
    json_put_int(w, "written", (int64_t)status.written);
    json_put_int(w, "written_bytes", (int64_t)status.written_bytes);
    json_put_int(w, "lost", (int64_t)status.lost);
    json_put_int(w, "waiting", (int64_t)status.waiting);
    json_put_int(w, "file_bytes", status.file_bytes);
    json_put_string(w, "fault", status.failed ? status.fault.text : "");
    json_put_string(w, "moved_to", status.moved_to);
    json_object_end(w);
}

static void write_head(const struct instance *instance, int64_t started_ms, struct json_writer *w)
{
    struct collector_stats stats;
    int64_t now_ms = clock_now_ms(&instance->world->clock);
    collector_stats(instance->collector, &stats);
    json_put_string(w, "version", MOONTIDE_VERSION);
    json_put_int(w, "pid", (int64_t)getpid());
    json_put_string(w, "world", instance->world->name);
    put_time(w, "now", now_ms);
    put_time(w, "started", started_ms);
    json_put_int(w, "resident_bytes", resident_bytes());
    json_put_int(w, "cpu_ms", clock_cpu_ns() / 1000000);
    json_key(w, "collect");
    json_object(w);
    json_put_int(w, "calls", (int64_t)stats.calls);
    json_put_int(w, "queries", (int64_t)stats.queries);
    json_put_int(w, "metrics_charged", (int64_t)stats.metrics_charged);
    json_put_int(w, "datapoints", (int64_t)stats.datapoints);
    json_put_int(w, "failures", (int64_t)stats.failures);
    json_put_int(w, "series", (int64_t)stats.entries);
    json_put_int(w, "series_bytes", (int64_t)stats.series_bytes);
    json_object_end(w);
    write_recording(instance, w);
    json_key(w, "alerts");
    alerting_status_json(instance, w);
}

void daemon_summary_json(const struct instance *instance, int64_t started_ms, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    write_head(instance, started_ms, &w);
    json_object_end(&w);
}

void daemon_status_json(const struct instance *instance, int64_t started_ms, struct strbuf *out)
{
    struct writing writing = {.engine = instance->engine};
    struct json_writer *w = &writing.w;
    json_writer_init(w, out);
    json_object(w);
    write_head(instance, started_ms, w);
    json_key(w, "policies");
    json_array(w);
    engine_each_policy(instance->engine, write_policy, &writing);
    json_array_end(w);
    json_object_end(w);
}
