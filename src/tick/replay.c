/* tick/replay.c - reads a recording: one stream of deltas for each (world, policy), applied as
 * they come.
 *
 * Rows of other policies and rows before the range come along; they only bring their stream up to
 * date. A row that cannot be read, or that does not follow the one before it in its segment, stops
 * its stream until the next whole row. */
#include "moontide/tick/replay.h"

#include "moontide/store/recording.h"
#include "moontide/tick/record_code.h"

#include <stdlib.h>
#include <string.h>

struct stream {
    struct stream *next;
    char *world, *policy;
    struct record_code *code;
    uint32_t next_place; /* 0: only a whole row may follow */
};

struct replay {
    struct recording_reader *reader;
    struct recording_walk *walk;
    struct recording_filter filter;
    char *world, *policy; /* of the filter */
    struct stream *streams;
};

static char *copy(const char *text, bool *failed)
{
    char *out = text ? strdup(text) : NULL;
    *failed = *failed || (text && !out);
    return out;
}

int replay_open(const struct replay_options *options, struct replay **out, struct fault *fault)
{
    bool failed = false;
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay) return fault_set(fault, ERR_NOMEM, "out of memory");
    replay->world = copy(options->world, &failed);
    replay->policy = copy(options->policy, &failed);
    replay->filter = (struct recording_filter){.world = replay->world,
                                               .policy = replay->policy,
                                               .from_ms = options->from_ms,
                                               .to_ms = options->to_ms,
                                               .from_tick = options->from_tick,
                                               .to_tick = options->to_tick};
    int code = failed ? fault_set(fault, ERR_NOMEM, "out of memory") : OK;
    if (code == OK) code = recording_reader_open(options->path, &replay->reader, fault);
    if (code == OK)
        code = recording_walk_open(replay->reader, &replay->filter, &replay->walk, fault);
    if (code < 0)
        replay_close(replay);
    else
        *out = replay;
    return code;
}

void replay_close(struct replay *replay)
{
    if (!replay) return;
    while (replay->streams) {
        struct stream *stream = replay->streams;
        replay->streams = stream->next;
        record_code_free(stream->code);
        free(stream->world);
        free(stream->policy);
        free(stream);
    }
    recording_walk_close(replay->walk);
    recording_reader_close(replay->reader);
    free(replay->world);
    free(replay->policy);
    free(replay);
}

struct recording_reader *replay_reader(struct replay *replay)
{
    return replay->reader;
}

int replay_source(struct replay *replay, const char *hash, char *sha256_out, char **out,
                  size_t *len, struct fault *fault)
{
    return recording_source(replay->reader, hash, sha256_out, out, len, fault);
}

/* ---- streams ---- */

static struct stream *stream_new(struct replay *replay, const char *world, const char *policy)
{
    bool failed = false;
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->world = copy(world, &failed);
    stream->policy = copy(policy, &failed);
    if (failed || record_code_new(0, &stream->code) < 0) {
        free(stream->world);
        free(stream->policy);
        free(stream);
        return NULL;
    }
    stream->next = replay->streams;
    replay->streams = stream;
    return stream;
}

static struct stream *stream_of(struct replay *replay, const char *world, const char *policy)
{
    for (struct stream *stream = replay->streams; stream; stream = stream->next)
        if (strcmp(stream->policy, policy) == 0 && strcmp(stream->world, world) == 0) return stream;
    return stream_new(replay, world, policy);
}

/* Brings the stream up to the row; OK also when there was nothing to do it with. */
static int apply(struct stream *stream, const struct recorded *row, struct fault *fault)
{
    if (row->place != 0 && row->place != stream->next_place) {
        stream->next_place = 0;
        return OK;
    }
    stream->next_place = 0;
    int code = record_read(stream->code, row->body, row->len);
    if (code < 0)
        return fault_set(fault, code, "the record of tick %llu of %s: %s",
                         (unsigned long long)row->tick, row->policy, err_text(code));
    stream->next_place = row->place + 1;
    return OK;
}

static bool in_range(const struct recording_filter *filter, const struct recorded *row)
{
    return row->at_ms >= filter->from_ms && (filter->to_ms == 0 || row->at_ms <= filter->to_ms) &&
           row->tick >= filter->from_tick && (filter->to_tick == 0 || row->tick <= filter->to_tick);
}

/* A damaged body is known by its row alone, which recording_walk_next() has filled. */
static void break_stream(struct replay *replay, const struct recorded *row)
{
    struct stream *stream =
        row->world && row->policy ? stream_of(replay, row->world, row->policy) : NULL;
    if (stream) stream->next_place = 0;
}

int replay_next(struct replay *replay, struct replay_tick *out, struct fault *fault)
{
    for (;;) {
        struct recorded row = {.seq = 0};
        int code = recording_walk_next(replay->walk, &row, fault);
        if (code < 0) break_stream(replay, &row);
        if (code <= 0) return code;
        struct stream *stream = stream_of(replay, row.world, row.policy);
        if (!stream) return fault_set(fault, ERR_NOMEM, "out of memory");
        code = apply(stream, &row, fault);
        if (code < 0) return code;
        if (stream->next_place == 0 || !in_range(&replay->filter, &row)) continue;
        *out = (struct replay_tick){.number = row.tick,
                                    .at_ms = row.at_ms,
                                    .world = stream->world,
                                    .policy = stream->policy};
        memcpy(out->sha256, row.sha256, sizeof out->sha256);
        out->targets = record_targets(stream->code, &out->target_count);
        out->moves = record_moves(stream->code);
        return 1;
    }
}

/* A stream of a world that is known is made before its first row comes. */
int replay_find(struct replay *replay, const char *policy, struct metric *metric, uint32_t slots,
                struct series *const **found)
{
    const char *name = policy ? policy : replay->policy, *world = replay->world;
    struct stream *stream = replay->streams;
    if (!name) return ERR_INVALID;
    while (stream &&
           (strcmp(stream->policy, name) != 0 || (world && strcmp(stream->world, world) != 0)))
        stream = stream->next;
    if (!stream && !world) return ERR_INVALID;
    if (!stream) stream = stream_new(replay, world, name);
    if (!stream) return ERR_NOMEM;
    return record_find(stream->code, metric, slots, found);
}
