/* stats/access_groups.c - a hash table of groups that only grows, up to its bound.
 *
 * With some thousand groups each line meets memory that no cache holds. So what a line needs of its
 * group stands in one place, a record: counters, a few times that wait, and the key. Times go from
 * there to a larger buffer, some at a time, and from that into the group's sketch: most groups of a
 * long tail never need either. And lines are settled some at a time, so that the records of some
 * are fetched while others are looked at. */
#include "moontide/stats/access_groups.h"

#include "access_key.h"
#include "moontide/base/err.h"
#include "moontide/stats/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 128, /* units */
    FRESH_MAX = 10,
    UNITS_EACH_MAX = sizeof(double) / sizeof(uint16_t),
    PENDING_MAX = 32,
    SLOTS_MIN = 256,
    CACHE_LINE = 64,
    RECORDS_MIN = 256 * CACHE_LINE,
};

const char *const access_key_names[KEYS + 1] = {"target", "path",         "elb", "status",
                                                "method", "target_group", NULL};
const char *const access_value_names[VALUES + 1] = {
    "target_processing_time", "total", "request_processing_time", "response_processing_time", NULL};

/* What each line needs. A time waits in one unit as thousandths of a second, as balancers write
 * them, or in four: the double's, from the top and with its highest bit (the sign, else 0) set. */
struct record {
    uint64_t requests, sent_bytes;
    uint32_t rare; /* its place in `rare`, plus one; 0: it has none */
    uint16_t key_len;
    uint8_t fresh_units, waiting_units;
    uint16_t fresh[FRESH_MAX]; /* shape: [fresh_units] */
    char key[];                /* shape: [key_whole(key_len)] */
};

/* What is needed once in some lines. Most times it is but written to, which waits for no memory. */
struct rare {
    uint64_t errors, no_answer;
    uint16_t waiting[WAITING_MAX]; /* shape: [record->waiting_units] */
    struct sketch *sketch;         /* NULL: all times are waiting */
    double min_s, max_s, sum_s;    /* of what is in the sketch */
};

/* Records have a number: their place in lines of the cache, from 1. A slot is free when that is 0.
 */
struct slot {
    uint32_t tag; /* the upper half of the key's hash */
    uint32_t record;
};

/* A line that was read and not counted so far. */
struct pending {
    uint64_t hash /* when it is settled */, sent_bytes;
    size_t key_len;
    double value; /* or ACCESS_NO_TIME */
    bool error;
    char *key; /* in the table's `keys` */
};

struct access_groups {
    struct access_options options;
    char *records_memory, *records;     /* the latter begins a line of the cache */
    size_t records_bytes, records_room; /* the first line is none */
    struct rare *rare;                  /* shape: [rare_count] */
    size_t rare_count, rare_cap;
    uint32_t *numbers; /* of the records; shape: [count] */
    size_t count, cap;
    struct slot *slots; /* shape: [slot_mask + 1] */
    size_t slot_mask;
    bool full;                /* the last group is (other) */
    struct sketch *answering; /* for one answer after the other: each would allocate its own */
    size_t pending_count;
    struct pending pending[PENDING_MAX];
    size_t keys_len;
    char keys[PENDING_MAX * KEY_BYTES]; /* of the pending lines, one behind the other */
};

/* realloc() would not keep the place within a line of the cache. */
static int grow_records(struct access_groups *groups)
{
    size_t room = groups->records ? groups->records_room * 2 : RECORDS_MIN;
    char *memory = malloc(room + CACHE_LINE);
    if (!memory) return ERR_NOMEM;
    char *records = memory + (-(uintptr_t)memory & (CACHE_LINE - 1));
    if (groups->records) memcpy(records, groups->records, groups->records_bytes);
    free(groups->records_memory);
    groups->records_memory = memory;
    groups->records = records;
    groups->records_room = room;
    return OK;
}

int access_groups_new(const struct access_options *options, struct access_groups **out)
{
    struct access_groups *groups = calloc(1, sizeof *groups);
    if (!groups) return ERR_NOMEM;
    groups->options = *options;
    if (groups->options.groups_max == 0) groups->options.groups_max = ACCESS_GROUPS_DEFAULT;
    groups->slots = calloc(SLOTS_MIN, sizeof *groups->slots);
    groups->slot_mask = SLOTS_MIN - 1;
    groups->records_bytes = CACHE_LINE;
    int code = sketch_new(SKETCH_SCALE_DEFAULT, 0, &groups->answering);
    if (code < 0 || !groups->slots || grow_records(groups) < 0) {
        access_groups_free(groups);
        return ERR_NOMEM;
    }
    *out = groups;
    return OK;
}

void access_groups_free(struct access_groups *groups)
{
    if (!groups) return;
    for (size_t i = 0; i < groups->rare_count; i++)
        sketch_free(groups->rare[i].sketch);
    sketch_free(groups->answering);
    free(groups->rare);
    free(groups->records_memory);
    free(groups->numbers);
    free(groups->slots);
    free(groups);
}

/* ---- the table ---- */

static struct record *record_at(const struct access_groups *groups, uint32_t number)
{
    return (struct record *)(void *)(groups->records + (size_t)number * CACHE_LINE);
}

/* The slot of the key, or the free one where it belongs. key NULL: the free one. */
static size_t find_slot(const struct access_groups *groups, uint64_t hash, const char *key,
                        size_t len)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = hash & groups->slot_mask;
    for (; groups->slots[at].record; at = (at + 1) & groups->slot_mask) {
        if (!key || groups->slots[at].tag != tag) continue;
        const struct record *record = record_at(groups, groups->slots[at].record);
        if (record->key_len == len && keys_equal(record->key, key, len)) break;
    }
    return at;
}

static int grow_slots(struct access_groups *groups)
{
    size_t count = (groups->slot_mask + 1) * 2;
    struct slot *slots = calloc(count, sizeof *slots);
    if (!slots) return ERR_NOMEM;
    free(groups->slots);
    groups->slots = slots;
    groups->slot_mask = count - 1;
    for (size_t i = 0; i < groups->count; i++) {
        const struct record *record = record_at(groups, groups->numbers[i]);
        uint64_t hash = key_hash(record->key, record->key_len);
        groups->slots[find_slot(groups, hash, NULL, 0)] =
            (struct slot){(uint32_t)(hash >> 32), groups->numbers[i]};
    }
    return OK;
}

static int grow_numbers(struct access_groups *groups)
{
    size_t cap = groups->cap ? groups->cap * 2 : 64;
    uint32_t *numbers = realloc(groups->numbers, cap * sizeof *numbers);
    if (!numbers) return ERR_NOMEM;
    groups->numbers = numbers;
    groups->cap = cap;
    return OK;
}

/* A new group with a copy of the key; it is not in a slot yet. */
static int append_group(struct access_groups *groups, const char *key, size_t len)
{
    size_t bytes = offsetof(struct record, key) + key_whole(len);
    bytes = (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    while (groups->records_bytes + bytes > groups->records_room)
        if (grow_records(groups) < 0) return ERR_NOMEM;
    if (groups->count == groups->cap && grow_numbers(groups) < 0) return ERR_NOMEM;
    uint32_t number = (uint32_t)(groups->records_bytes / CACHE_LINE);
    struct record *record = record_at(groups, number);
    memset(record, 0, offsetof(struct record, key));
    record->key_len = (uint16_t)len;
    memcpy(record->key, key, key_whole(len));
    groups->records_bytes += bytes;
    groups->numbers[groups->count++] = number;
    return OK;
}

/* The last group takes what has no room. */
static int append_other(struct access_groups *groups)
{
    char key[KEY_BYTES];
    int code = append_group(groups, key, key_of_name(&groups->options, "(other)", key));
    if (code == OK) groups->full = true;
    return code;
}

/* The line's record, which may be new; or an error. */
static int find_record(struct access_groups *groups, const struct pending *line,
                       struct record **out)
{
    size_t slot = find_slot(groups, line->hash, line->key, line->key_len);
    uint32_t number = groups->slots[slot].record;
    int code = OK;
    if (number) {
        *out = record_at(groups, number);
        return OK;
    }
    bool room = groups->count < groups->options.groups_max;
    if (room)
        code = append_group(groups, line->key, line->key_len);
    else if (!groups->full)
        code = append_other(groups);
    if (code < 0) return code;
    number = groups->numbers[groups->count - 1];
    *out = record_at(groups, number);
    if (!room) return OK;
    groups->slots[slot] = (struct slot){(uint32_t)(line->hash >> 32), number};
    return groups->count * 2 > groups->slot_mask ? grow_slots(groups) : OK; /* at most half full */
}

/* ---- times ---- */

static const uint16_t WHOLE_DOUBLE = 0x8000;

/* Returns the units that seconds, which are not negative, take. */
static unsigned put_time(uint16_t *at, double seconds)
{
    double nearest = seconds * 1000 + 0.5;
    uint16_t thousandths = (uint16_t)(nearest < WHOLE_DOUBLE ? nearest : 0);
    if (thousandths / 1000.0 == seconds) {
        *at = thousandths;
        return 1;
    }
    uint64_t bits;
    memcpy(&bits, &seconds, sizeof bits);
    for (int i = 0; i < UNITS_EACH_MAX; i++)
        at[i] = (uint16_t)(bits >> (48 - 16 * i));
    at[0] |= WHOLE_DOUBLE;
    return UNITS_EACH_MAX;
}

/* Shape out[units]; returns how many times there are. */
static size_t get_times(const uint16_t *at, size_t units, double *out)
{
    size_t count = 0;
    const uint16_t *end = at + units;
    while (at < end) {
        if (*at < WHOLE_DOUBLE) {
            out[count++] = *at++ / 1000.0;
            continue;
        }
        uint64_t bits = *at++ ^ WHOLE_DOUBLE;
        for (int i = 1; i < UNITS_EACH_MAX; i++)
            bits = bits << 16 | *at++;
        memcpy(&out[count++], &bits, sizeof bits);
    }
    return count;
}

static void widen(struct rare *rare, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        rare->min_s = value < rare->min_s ? value : rare->min_s;
        rare->max_s = value > rare->max_s ? value : rare->max_s;
        rare->sum_s += value;
    }
}

/* After ERR_NOMEM nothing more is counted: then it does not matter that some are in the sketch. */
static int flush(struct record *record, struct rare *rare)
{
    double values[WAITING_MAX];
    size_t count = get_times(rare->waiting, record->waiting_units, values);
    int code = rare->sketch ? OK : sketch_new(SKETCH_SCALE_DEFAULT, 0, &rare->sketch);
    for (size_t i = 0; i < count && code == OK; i++)
        code = sketch_add(rare->sketch, values[i], 1);
    if (code < 0) return code;
    widen(rare, values, count);
    record->waiting_units = 0;
    return OK;
}

static const struct rare no_rare = {.min_s = INFINITY, .max_s = -INFINITY};

/* NULL: no memory. */
static struct rare *rare_of(struct access_groups *groups, struct record *record)
{
    if (record->rare) return &groups->rare[record->rare - 1];
    if (groups->rare_count == groups->rare_cap) {
        size_t cap = groups->rare_cap ? groups->rare_cap * 2 : 64;
        struct rare *rare = realloc(groups->rare, cap * sizeof *rare);
        if (!rare) return NULL;
        groups->rare = rare;
        groups->rare_cap = cap;
    }
    groups->rare[groups->rare_count++] = no_rare;
    record->rare = (uint32_t)groups->rare_count;
    return &groups->rare[groups->rare_count - 1];
}

/* Makes the record's units free. */
static int move_fresh(struct access_groups *groups, struct record *record)
{
    struct rare *rare = rare_of(groups, record);
    if (!rare) return ERR_NOMEM;
    if (record->waiting_units + FRESH_MAX > WAITING_MAX) {
        int code = flush(record, rare);
        if (code < 0) return code;
    }
    memcpy(rare->waiting + record->waiting_units, record->fresh, sizeof record->fresh);
    record->waiting_units = (uint8_t)(record->waiting_units + record->fresh_units);
    record->fresh_units = 0;
    return OK;
}

/* ---- settling ---- */

static int settle_line(struct access_groups *groups, const struct pending *line)
{
    struct record *record;
    int code = find_record(groups, line, &record);
    if (code < 0) return code;
    bool answered = line->value != ACCESS_NO_TIME;
    if (answered) {
        uint16_t units[UNITS_EACH_MAX] = {0};
        unsigned count = put_time(units, line->value);
        if (record->fresh_units + count > FRESH_MAX) code = move_fresh(groups, record);
        if (code < 0) return code;
        for (unsigned i = 0; i < count; i++)
            record->fresh[record->fresh_units++] = units[i];
    }
    if (line->error || !answered) {
        struct rare *rare = rare_of(groups, record);
        if (!rare) return ERR_NOMEM;
        rare->errors += line->error;
        rare->no_answer += !answered;
    }
    record->requests++;
    record->sent_bytes += line->sent_bytes;
    return OK;
}

/* The records with the tags of these lines are fetched first: most likely they are theirs. (Not a
 * function of its own: gcc sees no effect in it and drops the call.) */
int access_groups_settle(struct access_groups *groups)
{
    size_t count = groups->pending_count;
    groups->pending_count = groups->keys_len = 0;
    for (size_t i = 0; i < count; i++) {
        struct pending *line = &groups->pending[i];
        line->hash = key_hash(line->key, line->key_len);
        __builtin_prefetch(&groups->slots[line->hash & groups->slot_mask]);
    }
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = &groups->slots[groups->pending[i].hash & groups->slot_mask];
        const char *record = groups->records + (size_t)slot->record * CACHE_LINE;
        __builtin_prefetch(record, 1);
        __builtin_prefetch(record + CACHE_LINE);
    }
    int code = OK;
    for (size_t i = 0; i < count && code == OK; i++)
        code = settle_line(groups, &groups->pending[i]);
    return code;
}

/* ---- adding ---- */

static double value_of(const struct access_groups *groups, const struct access_line *line)
{
    switch (groups->options.value) {
    case VALUE_REQUEST: return access_seconds(access_field(line, ACCESS_REQUEST_TIME));
    case VALUE_RESPONSE: return access_seconds(access_field(line, ACCESS_RESPONSE_TIME));
    case VALUE_TOTAL: break;
    default: return access_seconds(access_field(line, ACCESS_TARGET_TIME));
    }
    double total = 0;
    for (int i = ACCESS_REQUEST_TIME; i <= ACCESS_RESPONSE_TIME; i++) {
        double part = access_seconds(access_field(line, i));
        if (part < 0) return part;
        total += part;
    }
    return total;
}

/* One to eight digits, of which the first is in the lowest byte; the bytes below are zeros. Three
 * products, each of which joins neighbours (as Johnny Lee has it, "Fast numeric string to int"). */
static uint64_t eight_digits(uint64_t digits)
{
    digits = digits * 10 + (digits >> 8);
    return ((digits & 0x000000ff000000ff) * 0x000f424000000064 +
            (digits >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
           32;
}

/* Digits only, or "-", which is none. The fields before it have eight bytes or more. */
static bool read_count(struct slice text, uint64_t *out)
{
    static const uint64_t zeros = 0x3030303030303030, high = 0xf0f0f0f0f0f0f0f0;
    *out = 0;
    if (text.len - 1 < sizeof(uint64_t)) {
        uint64_t digits;
        memcpy(&digits, text.at + text.len - sizeof digits, sizeof digits);
        digits = (digits ^ zeros) >> (64 - 8 * text.len) << (64 - 8 * text.len);
        if (((digits | (digits + 0x0606060606060606)) & high) == 0) {
            *out = eight_digits(digits);
            return true;
        }
    }
    if (text.len == 1 && text.at[0] == '-') return true;
    if (text.len == 0 || text.len > 18) return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.at[i] - '0';
        if (digit > 9) return false;
        *out = *out * 10 + digit;
    }
    return true;
}

int access_groups_add(struct access_groups *groups, const struct access_line *line,
                      const char **why)
{
    uint64_t status, sent;
    double value = value_of(groups, line);
    *why = value == ACCESS_BAD_TIME                                  ? "a processing time is none"
           : !read_count(access_field(line, ACCESS_STATUS), &status) ? "the status is none"
           : !read_count(access_field(line, ACCESS_SENT_BYTES), &sent)
               ? "the number of bytes sent is none"
               : NULL;
    if (*why) return ERR_PARSE;
    struct pending *pending = &groups->pending[groups->pending_count++];
    pending->key = groups->keys + groups->keys_len;
    pending->key_len = key_of_line(&groups->options, line, pending->key);
    groups->keys_len += key_whole(pending->key_len);
    pending->value = value;
    pending->error = status >= 500 && status <= 599;
    pending->sent_bytes = sent;
    return groups->pending_count == PENDING_MAX ? access_groups_settle(groups) : OK;
}

/* ---- answers ---- */

size_t access_groups_count(const struct access_groups *groups)
{
    return groups->count;
}

bool access_groups_full(const struct access_groups *groups)
{
    return groups->full;
}

static const struct rare *look_at_rare(const struct access_groups *groups,
                                       const struct record *record)
{
    return record->rare ? &groups->rare[record->rare - 1] : &no_rare;
}

/* Shape out[WAITING_MAX + FRESH_MAX]; returns how many times of the group are in no sketch. */
static size_t get_waiting(const struct record *record, const struct rare *rare, double *out)
{
    size_t count = get_times(rare->waiting, record->waiting_units, out);
    return count + get_times(record->fresh, record->fresh_units, out + count);
}

struct access_summary access_group_summary(const struct access_groups *groups, size_t index)
{
    const struct record *record = record_at(groups, groups->numbers[index]);
    double waiting[WAITING_MAX + FRESH_MAX];
    struct rare rare = *look_at_rare(groups, record);
    widen(&rare, waiting, get_waiting(record, &rare, waiting));
    bool answered = record->requests > rare.no_answer;
    return (struct access_summary){.requests = record->requests,
                                   .errors = rare.errors,
                                   .no_answer = rare.no_answer,
                                   .sent_bytes = record->sent_bytes,
                                   .min_s = answered ? rare.min_s : NAN,
                                   .max_s = answered ? rare.max_s : NAN,
                                   .sum_s = answered ? rare.sum_s : NAN};
}

struct slice access_group_key(const struct access_groups *groups, size_t index, size_t by)
{
    return key_field(record_at(groups, groups->numbers[index])->key, by);
}

/* Adds all times of the index-th group to a sketch. */
static int collect(const struct access_groups *groups, size_t index, struct sketch *into)
{
    const struct record *record = record_at(groups, groups->numbers[index]);
    const struct rare *rare = look_at_rare(groups, record);
    double waiting[WAITING_MAX + FRESH_MAX];
    size_t count = get_waiting(record, rare, waiting);
    int code = rare->sketch ? sketch_merge(into, rare->sketch) : OK;
    for (size_t i = 0; i < count && code == OK; i++) /* too few to be worth sketch_add_all() */
        code = sketch_add(into, waiting[i], 1);
    return code;
}

/* Of the groups [from, to). */
static int quantiles(const struct access_groups *groups, size_t from, size_t to, const double *qs,
                     size_t count, double *out)
{
    int code = OK;
    sketch_reset(groups->answering);
    for (size_t i = from; i < to && code >= 0; i++)
        code = collect(groups, i, groups->answering);
    for (size_t i = 0; i < count && code >= 0; i++)
        out[i] = sketch_quantile(groups->answering, qs[i]);
    return code < 0 ? code : OK;
}

int access_group_quantiles(const struct access_groups *groups, size_t index, const double *qs,
                           size_t count, double *out)
{
    return quantiles(groups, index, index + 1, qs, count, out);
}

struct access_summary access_groups_summary(const struct access_groups *groups)
{
    struct access_summary all = {.min_s = NAN, .max_s = NAN};
    for (size_t i = 0; i < groups->count; i++) {
        struct access_summary one = access_group_summary(groups, i);
        all.requests += one.requests;
        all.errors += one.errors;
        all.no_answer += one.no_answer;
        all.sent_bytes += one.sent_bytes;
        all.min_s = fmin(all.min_s, one.min_s); /* the number when one is NaN */
        all.max_s = fmax(all.max_s, one.max_s);
        if (!isnan(one.sum_s)) all.sum_s += one.sum_s;
    }
    if (isnan(all.max_s)) all.sum_s = NAN;
    return all;
}

int access_groups_quantiles(const struct access_groups *groups, const double *qs, size_t count,
                            double *out)
{
    return quantiles(groups, 0, groups->count, qs, count, out);
}
