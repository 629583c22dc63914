/* tick/recorder.c - the records of all policies: which are whole, and what becomes of those that
 * are lost.
 *
 * Each policy has a stream: its last snapshot (record_code.h) and what its present segment weighs.
 * The recording's epoch tells whether a row was lost since the stream's last record; then the
 * snapshot is ahead of what a reader can know, and the next record is a whole one. */
#include "moontide/tick/recorder.h"

#include "moontide/base/log.h"
#include "moontide/store/recording.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/record_code.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct record { /* one policy's stream; the record under way, when there is one */
    struct recorder *recorder;
    struct record *next;
    char *policy;
    struct record_code *code;
    char sha256[SHA256_HEX_MAX]; /* of the present segment */
    uint64_t epoch;              /* of the last record */
    int64_t whole_ms;            /* when the segment began */
    uint32_t ticks;              /* its records */
    size_t whole_bytes, delta_bytes;

    bool under_way, whole;
    const struct policy_info *info;
    uint64_t tick;
    int64_t at_ms;
    uint32_t targets;
};

struct recorder {
    struct recording *recording;
    char *world;
    int64_t keep_ms, max_bytes;
    struct record *streams;
    size_t stream_count;
    uint64_t damages; /* that were said */
    bool said;        /* that it fails */
};

int recorder_new(const struct recording_options *options, const char *world, struct recorder **out,
                 struct fault *fault)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder || !(recorder->world = strdup(world))) {
        free(recorder);
        return fault_set(fault, ERR_NOMEM, "no memory to record");
    }
    recorder->keep_ms = options->keep_ms;
    recorder->max_bytes = options->max_bytes;
    int code = recording_open(options, &recorder->recording, fault);
    if (code < 0) {
        free(recorder->world);
        free(recorder);
        return code;
    }
    *out = recorder;
    return OK;
}

/* ---- what the operator is told ---- */

/* Each once, as the status is looked at now and then. */
static void say(struct recorder *recorder, const struct recording_status *status)
{
    if (status->damages > recorder->damages)
        log_event(LOG_WARN, "record.damaged", LOG_S("error", status->fault.text),
                  LOG_S("moved_to", status->moved_to));
    recorder->damages = status->damages;
    if (status->failed && !recorder->said)
        log_event(LOG_WARN, "record.failed", LOG_S("error", status->fault.text),
                  LOG_S("code", err_name(status->fault.code)), LOG_I("lost", status->lost));
    if (!status->failed && recorder->said)
        log_event(LOG_INFO, "record.recovered", LOG_I("lost", status->lost));
    recorder->said = status->failed;
}

void recorder_status(struct recorder *recorder, struct recording_status *out)
{
    *out = (struct recording_status){.failed = false};
    if (recorder) recording_status(recorder->recording, out);
}

static void stream_free(struct record *stream)
{
    record_code_free(stream->code);
    free(stream->policy);
    free(stream);
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder) return;
    struct recording_status last;
    recording_close(recorder->recording, &last);
    say(recorder, &last);
    while (recorder->streams) {
        struct record *stream = recorder->streams;
        recorder->streams = stream->next;
        stream_free(stream);
    }
    free(recorder->world);
    free(recorder);
}

uint64_t recorder_next_tick(struct recorder *recorder)
{
    return recording_next_tick(recorder->recording);
}

void recorder_forget(struct recorder *recorder, const char *policy)
{
    struct record **at = recorder ? &recorder->streams : NULL;
    while (at && *at && strcmp((*at)->policy, policy) != 0)
        at = &(*at)->next;
    if (!at || !*at || (*at)->under_way) return;
    struct record *stream = *at;
    *at = stream->next;
    recorder->stream_count--;
    stream_free(stream);
}

/* ---- one record ---- */

static struct record *stream_of(struct recorder *recorder, const char *policy)
{
    for (struct record *stream = recorder->streams; stream; stream = stream->next)
        if (strcmp(stream->policy, policy) == 0) return stream;
    struct record *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->policy = strdup(policy);
    if (!stream->policy || record_code_new(0, &stream->code) < 0) {
        free(stream->policy);
        free(stream);
        return NULL;
    }
    stream->recorder = recorder;
    stream->next = recorder->streams;
    recorder->streams = stream;
    recorder->stream_count++;
    return stream;
}

/* Whether the segment has become long enough: a reader would have to read far, and retention could
 * only take much at once. */
static bool is_long(const struct record *stream, int64_t at_ms)
{
    const struct recorder *recorder = stream->recorder;
    size_t bytes = stream->whole_bytes + stream->delta_bytes;
    int64_t age_ms = at_ms - stream->whole_ms;
    int64_t share = recorder->max_bytes / RECORDER_SEGMENTS / (int64_t)recorder->stream_count;
    return stream->ticks >= RECORDER_WHOLE_TICKS ||
           stream->delta_bytes > stream->whole_bytes * RECORDER_DELTAS_PER_WHOLE + 4096 ||
           (recorder->max_bytes > 0 && (int64_t)bytes > share) ||
           (recorder->keep_ms > 0 && age_ms > recorder->keep_ms / RECORDER_SEGMENTS) || age_ms < 0;
}

struct record *recorder_begin(struct recorder *recorder, const struct policy_info *info,
                              uint64_t tick, int64_t at_ms)
{
    uint64_t epoch;
    if (!recorder) return NULL;
    struct recording_status status;
    recording_status(recorder->recording, &status);
    say(recorder, &status);
    struct record *stream = stream_of(recorder, info->name);
    /* Under way: of a policy that was removed, and its name is back already. */
    if (!stream || stream->under_way || !recording_ready(recorder->recording, &epoch)) {
        recording_lose(recorder->recording);
        return NULL;
    }
    stream->whole = stream->epoch != epoch || strcmp(stream->sha256, info->sha256) != 0 ||
                    is_long(stream, at_ms);
    if (record_write_begin(stream->code, stream->whole) < 0) {
        stream->whole = true;
        int code = record_write_begin(stream->code, true);
        assert(code == OK);
        (void)code;
    }
    stream->epoch = epoch;
    stream->info = info;
    stream->tick = tick;
    stream->at_ms = at_ms;
    stream->targets = 0;
    stream->under_way = true;
    return stream;
}

void record_target(struct record *record, const struct target *target, struct series *const *series,
                   const char *extra_json, const char *memo_json)
{
    if (!record) return;
    record_write_target(record->code, target, series, extra_json, memo_json);
    record->targets++;
}

static void note_weight(struct record *record, size_t len)
{
    if (!record->whole) {
        record->delta_bytes += len;
        record->ticks++;
        return;
    }
    record->whole_bytes = len;
    record->delta_bytes = 0;
    record->ticks = 1;
    record->whole_ms = record->at_ms;
    memcpy(record->sha256, record->info->sha256, sizeof record->sha256);
}

void record_abandon(struct record *record)
{
    if (!record) return;
    record->under_way = false;
    record->epoch = 0; /* the copy is ahead of what was written: a whole one is next */
}

void record_end(struct record *record)
{
    if (!record) return;
    struct recording *recording = record->recorder->recording;
    char *body = NULL;
    size_t len = 0;
    record->under_way = false;
    int code = record_write_end(record->code, &body, &len);
    if (code < 0) {
        recording_lose(recording);
        log_event(LOG_WARN, "record.lost", LOG_S("policy", record->policy),
                  LOG_S("error", err_text(code)));
        return;
    }
    note_weight(record, len);
    struct recording_row row = {.tick = record->tick,
                                .at_ms = record->at_ms,
                                .world = record->recorder->world,
                                .policy = record->policy,
                                .sha256 = record->info->sha256,
                                .epoch = record->epoch,
                                .whole = record->whole,
                                .targets = record->targets};
    if (record->whole) { /* the source is kept once, and a segment is of one */
        row.source = record->info->source;
        row.source_len = record->info->source_len;
    }
    code = recording_put(recording, &row, body, len);
    if (code < 0 && code != ERR_CLOSED) /* which is said as record.failed */
        log_event(LOG_WARN, "record.lost", LOG_S("policy", record->policy),
                  LOG_S("error", code == ERR_FULL ? "the disk does not keep up" : err_text(code)));
}
