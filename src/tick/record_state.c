/* tick/record_state.c - names, targets and series of a policy's records, by their numbers. */
#include "record_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void *record_room(void *list, size_t count, size_t *cap, size_t item_bytes)
{
    if (count < *cap) return list;
    size_t more = *cap ? *cap * 2 : 16;
    void *items = realloc(list, more * item_bytes);
    if (items) *cap = more;
    return items;
}

/* ---- the whole ---- */

int record_code_new(uint64_t max_slots, struct record_code **out)
{
    struct record_code *code = calloc(1, sizeof *code);
    if (!code) return ERR_NOMEM;
    code->max_slots = max_slots ? max_slots : RECORD_SLOTS_MAX;
    code->broken = true;
    code->moves = 1;
    strbuf_init(&code->shape, BODY_MAX);
    strbuf_init(&code->values, BODY_MAX);
    strbuf_init(&code->texts, BODY_MAX);
    *out = code;
    return OK;
}

static void target_free(struct target_entry *target)
{
    for (size_t i = 0; i < COUNT_OF(target->texts); i++)
        record_text_done(&target->texts[i]);
    free(target->uses);
    free(target->shown);
    free(target->id);
    free(target);
}

void record_state_clear(struct record_code *code)
{
    for (size_t i = 0; i < code->name_count; i++)
        free(code->names[i]);
    for (size_t i = 0; i < code->target_count; i++)
        target_free(code->targets[i]);
    for (size_t i = 0; i < code->listed_count; i++) {
        code->listed[i]->listed = false;
        code->listed[i]->shown = NULL;
    }
    code->moves++;
    code->name_count = code->target_count = code->listed_count = code->order_count = 0;
    table_done(&code->name_table);
    table_done(&code->target_table);
    code->name_table = code->target_table = (struct table){0};
}

void record_code_free(struct record_code *code)
{
    if (!code) return;
    record_state_clear(code);
    for (size_t i = 0; i < code->series_cap; i++) {
        struct record_series *entry = code->series[i];
        if (!entry) continue;
        metric_release(entry->metric);
        free(entry->series);
        free(entry);
    }
    free(code->names);
    free(code->targets);
    free(code->listed);
    free(code->series);
    free(code->order);
    free(code->shown);
    strbuf_done(&code->shape);
    strbuf_done(&code->values);
    strbuf_done(&code->texts);
    free(code);
}

/* ---- names and targets ---- */

int record_name_add(struct record_code *code, const char *text, size_t len, bool find)
{
    if (code->name_count >= RECORD_NUMBERS_MAX) return ERR_LIMIT;
    struct name_entry **names =
        record_room(code->names, code->name_count, &code->name_cap, sizeof *names);
    if (!names) return ERR_NOMEM;
    code->names = names;
    if (find && table_reserve(&code->name_table) < 0) return ERR_NOMEM;
    struct name_entry *name = malloc(sizeof *name + len + 1);
    if (!name) return ERR_NOMEM;
    memcpy(name->text, text, len);
    name->text[len] = '\0';
    name->number = (uint32_t)code->name_count;
    name->by = (struct keyed){find ? keyed_hash(name->text, "") : 0, name->text, ""};
    if (find) table_insert(&code->name_table, &name->by);
    code->names[code->name_count++] = name;
    return OK;
}

int record_target_add(struct record_code *code, const char *id, size_t len, bool find,
                      struct target_entry **out)
{
    if (code->target_count >= RECORD_NUMBERS_MAX) return ERR_LIMIT;
    struct target_entry **targets =
        record_room(code->targets, code->target_count, &code->target_cap, sizeof *targets);
    if (!targets) return ERR_NOMEM;
    code->targets = targets;
    if (find && table_reserve(&code->target_table) < 0) return ERR_NOMEM;
    struct target_entry *target = calloc(1, sizeof *target);
    if (!target || !(target->id = strndup(id, len))) {
        free(target);
        return ERR_NOMEM;
    }
    target->number = (uint32_t)code->target_count;
    target->by = (struct keyed){find ? keyed_hash(target->id, "") : 0, target->id, ""};
    if (find) table_insert(&code->target_table, &target->by);
    code->targets[code->target_count++] = target;
    *out = target;
    return OK;
}

/* ---- texts ---- */

void record_text_done(struct record_text *text)
{
    free(text->bytes);
    *text = (struct record_text){0};
}

int record_text_set(struct record_text *text, size_t prefix, size_t suffix, const char *middle,
                    size_t len)
{
    size_t whole = prefix + len + suffix;
    if (whole > RECORD_TEXT_MAX) return ERR_LIMIT;
    if (whole + 1 > text->cap) {
        size_t cap = whole + whole / 4 + 32;
        char *bytes = realloc(text->bytes, cap);
        if (!bytes) return ERR_NOMEM;
        text->bytes = bytes;
        text->cap = cap;
    }
    memmove(text->bytes + prefix + len, text->bytes + (text->len - suffix), suffix);
    memcpy(text->bytes + prefix, middle, len);
    text->bytes[whole] = '\0';
    text->len = whole;
    return OK;
}

/* ---- series ---- */

static size_t place_of(const struct record_code *code, const struct metric *metric)
{
    size_t at = metric->hash & (code->series_cap - 1);
    while (code->series[at] && !metric_equal(code->series[at]->metric, metric))
        at = (at + 1) & (code->series_cap - 1);
    return at;
}

static int grow(struct record_code *code)
{
    if (code->series_count < code->series_cap / 2) return OK;
    size_t old_cap = code->series_cap, cap = old_cap ? old_cap * 2 : 64;
    struct record_series **old = code->series, **fresh = calloc(cap, sizeof *fresh);
    if (!fresh) return ERR_NOMEM;
    code->series = fresh;
    code->series_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i]) fresh[place_of(code, old[i]->metric)] = old[i];
    free(old);
    return OK;
}

int record_series_of(struct record_code *code, struct metric *metric, struct record_series **out)
{
    int rc = grow(code);
    if (rc < 0) return rc;
    size_t at = place_of(code, metric);
    if (!code->series[at]) {
        if (code->series_count >= RECORD_NUMBERS_MAX) return ERR_LIMIT;
        struct record_series *entry = calloc(1, sizeof *entry);
        if (!entry) return ERR_NOMEM;
        entry->metric = metric_retain(metric);
        code->series[at] = entry;
        code->series_count++;
    }
    *out = code->series[at];
    return OK;
}

int record_series_list(struct record_code *code, struct record_series *entry)
{
    struct record_series **listed =
        record_room(code->listed, code->listed_count, &code->listed_cap, sizeof *listed);
    if (!listed) return ERR_NOMEM;
    code->listed = listed;
    entry->number = (uint32_t)code->listed_count;
    entry->listed = true;
    code->listed[code->listed_count++] = entry;
    return OK;
}

/* What `from` knows of the times of `to`. */
static void keep_values(struct series *to, const struct series *from)
{
    to->state = from->state;
    to->hint = from->hint;
    if (from->period_s != to->period_s) return;
    for (uint32_t i = 0; i < from->slots; i++) {
        int64_t time_s = from->start_s + (int64_t)i * from->period_s;
        if (!isnan(from->values[i])) (void)series_put(to, time_s, from->values[i]);
    }
    to->refused = 0; /* what lies outside of the new window is no fault */
}

/* A reader that keeps more than was recorded may know of slots that the writer does not. */
static void hide(struct record_series *entry, int64_t begin_s, int64_t end_s)
{
    double *values = record_values(entry);
    int64_t time_s = record_start_s(entry);
    for (uint32_t i = 0; i < entry->slots; i++, time_s += entry->series->period_s)
        if (time_s < begin_s || time_s >= end_s) values[i] = NAN;
}

int record_series_window(struct record_code *code, struct record_series *entry, int32_t period_s,
                         uint32_t slots, int64_t start_s)
{
    uint32_t all = slots > entry->want ? slots : entry->want;
    uint64_t old = entry->series ? entry->series->slots : 0;
    if (slots < 1 || slots > SERIES_SLOTS_MAX || period_s < 1) return ERR_INVALID;
    if (start_s < -(INT64_C(1) << 40) || start_s > INT64_C(1) << 40) return ERR_INVALID;
    int64_t end_s = start_s + (int64_t)slots * period_s;
    int64_t known_start_s = entry->series ? record_start_s(entry) : 0;
    int64_t known_end_s = entry->series ? series_end_s(entry->series) : 0;
    if (entry->series && old == all && entry->series->period_s == period_s) {
        series_move(entry->series, end_s);
    } else {
        struct series *series;
        if (code->slots - old + all > code->max_slots) return ERR_LIMIT;
        int rc = series_new(period_s, all, &series);
        if (rc < 0) return rc;
        series_move(series, end_s);
        if (entry->series) keep_values(series, entry->series);
        free(entry->series);
        entry->series = series;
        code->slots += all - old;
    }
    if (entry->shown != entry->series) code->moves++;
    entry->slots = slots;
    entry->shown = entry->series;
    if (entry->want > 0) hide(entry, known_start_s, known_end_s);
    return OK;
}
