/* app/tick_metrics.c - a tick as one line of the embedded metric format. */
#include "moontide/app/tick_metrics.h"

#include "moontide/base/json.h"
#include "moontide/base/log.h"

enum { LINE_BYTES_MAX = 4096 };

struct figure {
    const char *name, *unit;
    double value;
};

static void write_head(struct json_writer *w, const char *namespace_name, int64_t at_ms,
                       const struct figure *figures, size_t count)
{
    json_key(w, "_aws");
    json_object(w);
    json_key(w, "Timestamp");
    json_int(w, at_ms);
    json_key(w, "CloudWatchMetrics");
    json_array(w);
    json_object(w);
    json_key(w, "Namespace");
    json_string(w, namespace_name);
    json_key(w, "Dimensions");
    json_raw(w, "[[\"World\"]]", sizeof "[[\"World\"]]" - 1);
    json_key(w, "Metrics");
    json_array(w);
    for (size_t i = 0; i < count; i++) {
        json_object(w);
        json_key(w, "Name");
        json_string(w, figures[i].name);
        json_key(w, "Unit");
        json_string(w, figures[i].unit);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    json_array_end(w);
    json_object_end(w);
}

void tick_metrics_write(void *data, const struct tick_report *report)
{
    const struct tick_metrics *metrics = data;
    if (!metrics->namespace_name) return;
    const struct figure figures[] = {
        {"Targets", "Count", (double)report->targets},
        {"TargetsCritical", "Count", (double)report->by_status[STATUS_CRITICAL]},
        {"TargetsWarning", "Count", (double)report->by_status[STATUS_WARNING]},
        {"TargetsUnknown", "Count", (double)report->by_status[STATUS_UNKNOWN]},
        {"Errors", "Count", (double)report->error_count},
        {"TickDuration", "Milliseconds", (double)report->elapsed_ms},
        {"MetricsRequested", "Count", (double)report->metrics_charged},
    };
    struct strbuf line;
    struct json_writer w;
    strbuf_init(&line, LINE_BYTES_MAX);
    json_writer_init(&w, &line);
    json_object(&w);
    write_head(&w, metrics->namespace_name, report->at_ms, figures, COUNT_OF(figures));
    json_key(&w, "event");
    json_string(&w, "tick.metrics");
    json_key(&w, "World");
    json_string(&w, report->world);
    for (size_t i = 0; i < COUNT_OF(figures); i++) {
        json_key(&w, figures[i].name);
        json_double(&w, figures[i].value);
    }
    json_object_end(&w);
    size_t len = line.len;
    strbuf_addc(&line, '\n');
    if (strbuf_status(&line) == OK)
        metrics->writer->vtable->write(metrics->writer, LOG_INFO, strbuf_cstr(&line), len,
                                       report->at_ms);
    else
        log_writer_failed(metrics->writer, "a tick's metrics did not fit into a line");
    strbuf_done(&line);
}
