/* tick/record_state.h - the snapshot after the last record, as its writer and its reader hold it.
 *
 *   record_state.c   names, targets and series by their numbers; windows
 *   record_write.c   compares, and writes the difference
 *   record_read.c    applies it */
#ifndef MOONTIDE_TICK_RECORD_STATE_H
#define MOONTIDE_TICK_RECORD_STATE_H

#include "moontide/base/pair_table.h"
#include "moontide/base/strbuf.h"
#include "moontide/model/metric.h"
#include "moontide/model/series.h"
#include "moontide/tick/record_code.h"
#include "moontide/tick/replay.h"

enum {
    RECORD_NUMBERS_MAX = 16 * 1024 * 1024, /* of names, targets or series */
    TARGET_USES_MAX = 4096, /* a policy may declare 1,000 metrics, and a companion of each */
    BODY_MAX = 512 * 1024 * 1024,
};

enum { TARGET_JSON = 1, TARGET_EXTRA = 2, TARGET_MEMO = 4, TARGET_USES = 8, TARGET_FLAGS = 15 };
enum { CHANGE_STATE = 1, CHANGE_WINDOW = 2, CHANGE_MOVE = 4, CHANGE_VALUES = 8, CHANGE_FLAGS = 15 };

struct record_series {
    struct metric *metric; /* one reference */
    struct series *series; /* its newest `slots` slots are the recorded ones; NULL: none yet */
    struct series *shown;  /* the same, while it is recorded; else NULL */
    uint32_t slots;
    uint32_t want;   /* a reader's: slots to keep at least */
    uint32_t number; /* when `listed` */
    bool listed;     /* in the present segment */
    uint64_t record; /* the last record that held it (writer) */
};

struct record_text {
    char *bytes; /* NUL-terminated; NULL: none */
    size_t len, cap;
};

struct target_use {
    uint32_t name, slots;
    struct record_series *series;
};

struct target_entry {
    struct keyed by; /* id, "" */
    char *id;
    struct record_text texts[3]; /* json, extra, memo: in the order of their flags */
    struct target_use *uses;
    size_t use_count;
    uint32_t number;
    uint64_t record;          /* the last one that it was in */
    struct replay_use *shown; /* a reader's: the uses as they are shown */
    uint64_t shown_at;        /* of code->moves; 0: not made yet */
};

struct name_entry {
    struct keyed by; /* text, "" */
    uint32_t number;
    char text[];
};

struct record_code {
    uint64_t slots, max_slots; /* of all series together */
    struct name_entry **names;
    size_t name_count, name_cap;
    struct table name_table; /* a writer's */
    struct target_entry **targets;
    size_t target_count, target_cap;
    struct table target_table;     /* a writer's */
    struct record_series **listed; /* by number */
    size_t listed_count, listed_cap;
    struct record_series **series; /* by metric: open addressing, shape: [series_cap] */
    size_t series_count, series_cap;

    struct target_entry **order; /* the targets of the last record; a reader's */
    size_t order_count, order_cap;
    struct replay_target *shown; /* shape: [order_count]: the same as they are shown */
    size_t shown_cap;
    uint64_t moves; /* 1 + times that what is shown of a series was another place in memory */

    uint64_t record; /* number of records begun */
    uint32_t expected;
    int status;  /* of the record being written */
    bool broken; /* only a whole one may follow */
    struct strbuf shape, values, texts;
};

/* The list with room for one more, which doubles; NULL: no memory, and it is as it was. */
MUST_CHECK void *record_room(void *list, size_t count, size_t *cap, size_t item_bytes);

/* Forgets names and targets, and which series are listed; their datapoints stay until another
 * window says otherwise. */
void record_state_clear(struct record_code *code);

/* ERR_NOMEM, ERR_LIMIT. With `find`, it can be found by its text too. */
MUST_CHECK int record_name_add(struct record_code *code, const char *text, size_t len, bool find);
/* id is copied. */
MUST_CHECK int record_target_add(struct record_code *code, const char *id, size_t len, bool find,
                                 struct target_entry **out);
/* The entry of a metric, made when there is none. */
MUST_CHECK int record_series_of(struct record_code *code, struct metric *metric,
                                struct record_series **out);
MUST_CHECK int record_series_list(struct record_code *code, struct record_series *entry);
/* The recorded window becomes this one: what both know of a time stays. ERR_LIMIT, ERR_INVALID. */
MUST_CHECK int record_series_window(struct record_code *code, struct record_series *entry,
                                    int32_t period_s, uint32_t slots, int64_t start_s);

/* Replaces all but `prefix` bytes at the beginning and `suffix` at the end. */
MUST_CHECK int record_text_set(struct record_text *text, size_t prefix, size_t suffix,
                               const char *middle, size_t len);
void record_text_done(struct record_text *text);

static inline int64_t record_start_s(const struct record_series *entry)
{
    return series_end_s(entry->series) - (int64_t)entry->slots * entry->series->period_s;
}
/* The recorded slots. */
static inline double *record_values(const struct record_series *entry)
{
    return entry->series->values + (entry->series->slots - entry->slots);
}

#endif
