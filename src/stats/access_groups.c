/* stats/access_groups.c - a hash table of groups that only grows, up to its bound.
 *
 * The fields of a key stand one behind the other, each after its length, so that a key is compared
 * and hashed in one go. Times wait in a small buffer of their group and go into its sketch in bulk:
 * most groups of a long tail never need a sketch of their own.
 *
 * With some thousand groups each line meets memory that no cache holds, four times in a row: slot,
 * group, key, buffer. So lines are settled some at a time, and what one needs is fetched while the
 * others are looked at. */
#include "moontide/stats/access_groups.h"

#include "moontide/base/bytes.h"
#include "moontide/base/err.h"
#include "moontide/stats/sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAITING_MAX = 128,
    PENDING_MAX = 32,
    SLOTS_MIN = 256,
    KEY_BYTES = KEYS * (ACCESS_KEY_BYTES_MAX + 2) + 8, /* with room for hashing words */
};

const char *const access_key_names[KEYS + 1] = {"target", "path",         "elb", "status",
                                                "method", "target_group", NULL};
const char *const access_value_names[VALUES + 1] = {
    "target_processing_time", "total", "request_processing_time", "response_processing_time", NULL};

/* What each line needs, in one line of the cache: ten thousand of them fit into the second level.
 */
struct group {
    char *key;
    uint32_t key_len, waiting_count;
    uint64_t hash;
    uint64_t requests, errors, no_answer, sent_bytes;
};

/* What is needed once in WAITING_MAX lines; its place is that of its group. */
struct times {
    double waiting[WAITING_MAX]; /* shape: [group->waiting_count] */
    struct sketch *sketch;       /* NULL: all times are waiting */
    double min_s, max_s, sum_s;  /* of what is in the sketch */
};

/* A slot is free when its index is 0; else that is of a group, plus one. */
struct slot {
    uint32_t tag; /* the upper half of the group's hash */
    uint32_t index;
};

/* A line that was read and not counted so far. */
struct pending {
    uint64_t hash, sent_bytes;
    size_t key_len;
    double value; /* or ACCESS_NO_TIME */
    bool error;
    char *key; /* in the table's `keys` */
};

struct access_groups {
    struct access_options options;
    struct group *at;    /* shape: [count] */
    struct times *times; /* shape: [count] */
    size_t count, cap;
    struct slot *slots; /* shape: [slot_mask + 1] */
    size_t slot_mask;
    bool full; /* the last group is (other) */
    size_t pending_count;
    struct pending pending[PENDING_MAX];
    size_t keys_len;
    char keys[PENDING_MAX * KEY_BYTES]; /* of the pending lines, one behind the other */
};

int access_groups_new(const struct access_options *options, struct access_groups **out)
{
    struct access_groups *groups = calloc(1, sizeof *groups);
    if (!groups) return ERR_NOMEM;
    groups->options = *options;
    if (groups->options.groups_max == 0) groups->options.groups_max = ACCESS_GROUPS_DEFAULT;
    groups->slots = calloc(SLOTS_MIN, sizeof *groups->slots);
    groups->slot_mask = SLOTS_MIN - 1;
    if (!groups->slots) {
        access_groups_free(groups);
        return ERR_NOMEM;
    }
    *out = groups;
    return OK;
}

void access_groups_free(struct access_groups *groups)
{
    if (!groups) return;
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->at[i].key);
        sketch_free(groups->times[i].sketch);
    }
    free(groups->at);
    free(groups->times);
    free(groups->slots);
    free(groups);
}

/* ---- keys ---- */

static struct slice key_field(const struct access_line *line, enum access_key key)
{
    switch (key) {
    case KEY_TARGET: return access_field(line, ACCESS_TARGET);
    case KEY_ELB: return access_field(line, ACCESS_ELB);
    case KEY_STATUS: return access_field(line, ACCESS_STATUS);
    case KEY_METHOD: return line->method;
    case KEY_TARGET_GROUP: return access_target_group(line);
    default: return line->path;
    }
}

/* Eight bytes at a time, the last ones overlapping with those before. */
static void copy_short(char *to, const char *from, size_t len)
{
    if (len < sizeof(uint64_t)) {
        for (size_t i = 0; i < len; i++)
            to[i] = from[i];
        return;
    }
    for (size_t i = 0; i + sizeof(uint64_t) < len; i += sizeof(uint64_t))
        memcpy(to + i, from + i, sizeof(uint64_t));
    memcpy(to + len - sizeof(uint64_t), from + len - sizeof(uint64_t), sizeof(uint64_t));
}

/* Writes a field after its length; returns the bytes of both. */
static size_t put_field(char *at, struct slice text)
{
    uint16_t len = (uint16_t)(text.len < ACCESS_KEY_BYTES_MAX ? text.len : ACCESS_KEY_BYTES_MAX);
    memcpy(at, &len, sizeof len);
    if (text.at != at + sizeof len) copy_short(at + sizeof len, text.at, len);
    return sizeof len + len;
}

static size_t make_key(const struct access_groups *groups, const struct access_line *line,
                       char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < groups->options.by_count; i++) {
        enum access_key by = groups->options.by[i];
        struct slice text = key_field(line, by);
        if (by == KEY_PATH && groups->options.collapse_ids) {
            char *out = key + n + sizeof(uint16_t); /* where put_field() leaves it */
            text = (struct slice){out, access_collapse_ids(text, out, ACCESS_KEY_BYTES_MAX)};
        }
        n += put_field(key + n, text);
    }
    memset(key + n, 0, sizeof(uint64_t)); /* hash_key() reads whole words */
    return n;
}

/* key: with eight zeros behind it. Words are folded by a 128-bit product, as in wyhash (Wang Yi):
 * FNV's byte by byte is slower than all else that is done with a line. */
static uint64_t hash_key(const char *key, size_t len)
{
    __extension__ typedef unsigned __int128 wide_int;
    uint64_t hash = 0x9e3779b97f4a7c15ull ^ len;
    for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, key + i, sizeof word);
        wide_int product = (wide_int)(hash ^ word) * 0xa0761d6478bd642full;
        hash = (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    return hash;
}

/* ---- the table ---- */

/* The slot of the key, or the free one where it belongs. key NULL: the free one. */
static size_t find_slot(const struct access_groups *groups, uint64_t hash, const char *key,
                        size_t len)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = hash & groups->slot_mask;
    for (; groups->slots[at].index; at = (at + 1) & groups->slot_mask) {
        if (!key || groups->slots[at].tag != tag) continue;
        const struct group *group = &groups->at[groups->slots[at].index - 1];
        if (group->key_len == len && bytes_equal(group->key, key, len)) break;
    }
    return at;
}

static void take_slot(struct access_groups *groups, size_t at, size_t index)
{
    groups->slots[at] =
        (struct slot){(uint32_t)(groups->at[index].hash >> 32), (uint32_t)index + 1};
}

static int grow_slots(struct access_groups *groups)
{
    size_t count = (groups->slot_mask + 1) * 2;
    struct slot *slots = calloc(count, sizeof *slots);
    if (!slots) return ERR_NOMEM;
    free(groups->slots);
    groups->slots = slots;
    groups->slot_mask = count - 1;
    for (size_t i = 0; i < groups->count; i++)
        take_slot(groups, find_slot(groups, groups->at[i].hash, NULL, 0), i);
    return OK;
}

static int grow_groups(struct access_groups *groups)
{
    size_t cap = groups->cap ? groups->cap * 2 : 64;
    struct group *at = realloc(groups->at, cap * sizeof *at);
    if (at) groups->at = at;
    struct times *times = realloc(groups->times, cap * sizeof *times);
    if (times) groups->times = times;
    if (!at || !times) return ERR_NOMEM;
    groups->cap = cap;
    return OK;
}

/* A new group with a copy of the key; it is not in a slot yet. */
static int append_group(struct access_groups *groups, uint64_t hash, const char *key, size_t len)
{
    if (groups->count == groups->cap && grow_groups(groups) < 0) return ERR_NOMEM;
    char *copy = malloc(len ? len : 1);
    if (!copy) return ERR_NOMEM;
    memcpy(copy, key, len);
    struct times *times = &groups->times[groups->count];
    times->sketch = NULL;
    times->min_s = INFINITY;
    times->max_s = -INFINITY;
    times->sum_s = 0;
    groups->at[groups->count++] =
        (struct group){.key = copy, .key_len = (uint32_t)len, .hash = hash};
    return OK;
}

/* The last group takes what has no room. */
static int append_other(struct access_groups *groups)
{
    static const char name[] = "(other)";
    char key[KEYS * (sizeof name + 2)];
    size_t n = 0;
    for (size_t i = 0; i < groups->options.by_count; i++)
        n += put_field(key + n, (struct slice){name, sizeof name - 1});
    int code = append_group(groups, 0, key, n);
    if (code == OK) groups->full = true;
    return code;
}

/* The index of the line's group, which may be new; or an error. */
static int find_group(struct access_groups *groups, const struct pending *line, size_t *out)
{
    size_t slot = find_slot(groups, line->hash, line->key, line->key_len);
    int code = OK;
    if (groups->slots[slot].index) {
        *out = groups->slots[slot].index - 1;
        return OK;
    }
    if (groups->count >= groups->options.groups_max) {
        if (!groups->full) code = append_other(groups);
        *out = groups->count - 1;
        return code;
    }
    code = append_group(groups, line->hash, line->key, line->key_len);
    if (code < 0) return code;
    *out = groups->count - 1;
    take_slot(groups, slot, *out);
    return groups->count * 2 > groups->slot_mask ? grow_slots(groups) : OK; /* at most half full */
}

/* ---- settling ---- */

static void widen(struct times *times, size_t waiting_count)
{
    for (size_t i = 0; i < waiting_count; i++) {
        double value = times->waiting[i];
        times->min_s = value < times->min_s ? value : times->min_s;
        times->max_s = value > times->max_s ? value : times->max_s;
        times->sum_s += value;
    }
}

static int flush(struct times *times)
{
    int code = times->sketch ? OK : sketch_new(SKETCH_SCALE_DEFAULT, 0, &times->sketch);
    if (code < 0) return code;
    code = sketch_add_all(times->sketch, times->waiting, WAITING_MAX, NULL);
    if (code == OK) widen(times, WAITING_MAX);
    return code;
}

static int settle_line(struct access_groups *groups, const struct pending *line)
{
    size_t index;
    int code = find_group(groups, line, &index);
    if (code < 0) return code;
    struct group *group = &groups->at[index];
    struct times *times = &groups->times[index];
    if (group->waiting_count == WAITING_MAX) {
        code = flush(times);
        if (code < 0) return code;
        group->waiting_count = 0;
    }
    if (line->value == ACCESS_NO_TIME)
        group->no_answer++;
    else
        times->waiting[group->waiting_count++] = line->value;
    group->requests++;
    group->errors += line->error;
    group->sent_bytes += line->sent_bytes;
    return OK;
}

/* What the groups with the tags of these lines hold is fetched first: most likely they are theirs.
 * (Not a function of its own: gcc sees no effect in it and drops the call.) */
int access_groups_settle(struct access_groups *groups)
{
    uint32_t likely[PENDING_MAX]; /* index + 1, as in a slot */
    size_t count = groups->pending_count;
    groups->pending_count = groups->keys_len = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = groups->pending[i].hash;
        const struct slot *slot = &groups->slots[hash & groups->slot_mask];
        likely[i] = slot->tag == (uint32_t)(hash >> 32) ? slot->index : 0;
        if (likely[i]) __builtin_prefetch(&groups->at[likely[i] - 1], 1);
    }
    for (size_t i = 0; i < count; i++) {
        if (!likely[i]) continue;
        const struct group *group = &groups->at[likely[i] - 1];
        __builtin_prefetch(group->key);
        __builtin_prefetch(group->key + group->key_len - 1);
        __builtin_prefetch(&groups->times[likely[i] - 1].waiting[group->waiting_count], 1);
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

/* Digits only, or "-", which is none. */
static bool read_count(struct slice text, uint64_t *out)
{
    *out = 0;
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
    pending->key_len = make_key(groups, line, pending->key);
    groups->keys_len += pending->key_len;
    pending->hash = hash_key(pending->key, pending->key_len);
    pending->value = value;
    pending->error = status >= 500 && status <= 599;
    pending->sent_bytes = sent;
    __builtin_prefetch(&groups->slots[pending->hash & groups->slot_mask]);
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

struct access_summary access_group_summary(const struct access_groups *groups, size_t index)
{
    const struct group *group = &groups->at[index];
    struct times times = groups->times[index];
    widen(&times, group->waiting_count);
    bool answered = group->requests > group->no_answer;
    return (struct access_summary){.requests = group->requests,
                                   .errors = group->errors,
                                   .no_answer = group->no_answer,
                                   .sent_bytes = group->sent_bytes,
                                   .min_s = answered ? times.min_s : NAN,
                                   .max_s = answered ? times.max_s : NAN,
                                   .sum_s = answered ? times.sum_s : NAN};
}

struct slice access_group_key(const struct access_groups *groups, size_t index, size_t by)
{
    const char *at = groups->at[index].key;
    uint16_t len;
    for (;; by--) {
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (by == 0) return (struct slice){at, len};
        at += len;
    }
}

/* Adds all times of the index-th group to a sketch. */
static int collect(const struct access_groups *groups, size_t index, struct sketch *into)
{
    const struct times *times = &groups->times[index];
    int code = times->sketch ? sketch_merge(into, times->sketch) : OK;
    if (code < 0) return code;
    return sketch_add_all(into, times->waiting, groups->at[index].waiting_count, NULL);
}

/* Of the groups [from, to). */
static int quantiles(const struct access_groups *groups, size_t from, size_t to, const double *qs,
                     size_t count, double *out)
{
    struct sketch *all = NULL;
    int code = sketch_new(SKETCH_SCALE_DEFAULT, 0, &all);
    for (size_t i = from; i < to && code >= 0; i++)
        code = collect(groups, i, all);
    for (size_t i = 0; i < count && code >= 0; i++)
        out[i] = sketch_quantile(all, qs[i]);
    sketch_free(all);
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
