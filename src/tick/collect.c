/* tick/collect.c - the entries of the planner: one for each distinct metric, however many policies
 * declare it.
 *
 * The table is keyed by everything of a metric but its statistic, so that the statistics of one
 * metric (a family) meet in a bucket: an entry takes the order number of its family, and by that
 * number the planner keeps them side by side without comparing a string. */
#include "collect_internal.h"

#include "moontide/base/hash.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_SIZE_MIN = 64 };

/* Reasons. */

struct reason *reason_new(const char *text)
{
    size_t size = strlen(text) + 1;
    struct reason *reason = malloc(sizeof *reason + size);
    if (!reason) return NULL;
    reason->refs = 1;
    memcpy(reason->text, text, size);
    return reason;
}

struct reason *reason_retain(struct reason *reason)
{
    if (reason) reason->refs++;
    return reason;
}

void reason_release(struct reason *reason)
{
    if (reason && --reason->refs == 0) free(reason);
}

void entry_set_reason(struct collector_entry *entry, struct reason *reason)
{
    struct reason *old = entry->reason;
    entry->reason = reason_retain(reason);
    reason_release(old);
}

const char *collector_reason(const struct collector_entry *entry)
{
    if (entry->reason) return entry->reason->text;
    switch ((enum series_state)entry->series->state) {
    case SERIES_NEW: return "never asked yet";
    case SERIES_READY: return "";
    case SERIES_PARTIAL: return "the answer was not complete";
    case SERIES_FORBIDDEN: return "AccessDenied";
    case SERIES_FAILED: break;
    }
    return "the last call failed";
}

bool collector_unanswered(const struct collector_entry *entry)
{
    return entry->unanswered;
}

struct series *collector_series(const struct collector_entry *entry)
{
    return entry->series;
}

/* The collector. */

int collector_new(const struct collector_options *options, struct collector **out)
{
    struct collector *c = calloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    c->loop = options->loop;
    c->world = options->world;
    c->settle_ms = options->settle_ms;
    c->table_size = TABLE_SIZE_MIN;
    c->table = calloc(c->table_size, sizeof *c->table);
    if (!c->table) {
        free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return OK;
}

void collector_free(struct collector *c)
{
    if (!c) return;
    calls_abandon(c);
    assert(c->stats.entries == 0);
    assert(c->fetches == 0);
    assert(!c->groups);
    reason_release(c->empty.reason);
    free(c->ranges);
    free(c->table);
    free(c);
}

void collector_stats(const struct collector *c, struct collector_stats *out)
{
    *out = c->stats;
}

/* Groups. */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static char *copy_text(char **at, const char *text)
{
    if (!text) return NULL;
    char *to = *at;
    size_t size = strlen(text) + 1;
    memcpy(to, text, size);
    *at += size;
    return to;
}

static struct group *group_of(struct collector *c, const struct metric *metric)
{
    for (struct group *g = c->groups; g; g = g->next)
        if (g->period_s == metric->period_s && same(g->region, metric->region) &&
            same(g->account, metric->account))
            return g;
    size_t text_bytes = (metric->region ? strlen(metric->region) + 1 : 0) +
                        (metric->account ? strlen(metric->account) + 1 : 0);
    struct group *g = malloc(sizeof *g + text_bytes);
    if (!g) return NULL;
    char *at = (char *)(g + 1);
    *g = (struct group){.period_s = metric->period_s, .next = c->groups};
    g->region = copy_text(&at, metric->region);
    g->account = copy_text(&at, metric->account);
    c->groups = g;
    return g;
}

static void group_drop_if_empty(struct collector *c, struct group *group)
{
    if (group->entries > 0) return;
    struct group **at = &c->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    free(group);
}

/* The table. */

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return text ? hash64(text, strlen(text), seed) : hash64("\xff", 1, seed);
}

static uint32_t family_hash(const struct metric *m)
{
    if (m->expression) return (uint32_t)m->hash;
    uint64_t h = hash64(&m->period_s, sizeof m->period_s, 0);
    h = hash_text(m->region, h);
    h = hash_text(m->account, h);
    h = hash_text(m->namespace_name, h);
    h = hash_text(m->name, h);
    h = hash_text(m->unit, h);
    for (uint32_t i = 0; i < m->dimension_count; i++)
        h = hash_text(m->dimensions[i].value, hash_text(m->dimensions[i].name, h));
    return (uint32_t)h;
}

static bool same_family(const struct metric *a, const struct metric *b)
{
    if (a->expression || b->expression || a->period_s != b->period_s ||
        a->dimension_count != b->dimension_count || !same(a->name, b->name) ||
        !same(a->namespace_name, b->namespace_name) || !same(a->unit, b->unit) ||
        !same(a->region, b->region) || !same(a->account, b->account))
        return false;
    for (uint32_t i = 0; i < a->dimension_count; i++)
        if (strcmp(a->dimensions[i].name, b->dimensions[i].name) != 0 ||
            strcmp(a->dimensions[i].value, b->dimensions[i].value) != 0)
            return false;
    return true;
}

static struct collector_entry **bucket_of(struct collector *c, uint32_t hash)
{
    return &c->table[hash & (c->table_size - 1)];
}

/* Without memory for a larger table the old one goes on, only slower. */
static void table_grow(struct collector *c)
{
    struct collector_entry **old = c->table;
    size_t old_size = c->table_size;
    struct collector_entry **table = calloc(old_size * 2, sizeof *table);
    if (!table) return;
    c->table = table;
    c->table_size = old_size * 2;
    for (size_t i = 0; i < old_size; i++) {
        struct collector_entry *next = NULL;
        for (struct collector_entry *e = old[i]; e; e = next) {
            next = e->next;
            struct collector_entry **bucket = bucket_of(c, e->hash);
            e->next = *bucket;
            *bucket = e;
        }
    }
    free(old);
}

static void table_remove(struct collector *c, struct collector_entry *entry)
{
    struct collector_entry **at = bucket_of(c, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
}

/* Entries. */

/* Metrics that AWS bills for one question: those at the leaves of an expression. */
static uint32_t price_of(const struct metric *metric)
{
    if (!metric->expression) return 1;
    uint32_t price = 0;
    for (uint32_t i = 0; i < metric->input_count; i++)
        price += price_of(metric->inputs[i].metric);
    return price > 0 ? price : 1;
}

static size_t series_bytes(uint32_t slots)
{
    return sizeof(struct series) + slots * sizeof(double);
}

static int entry_new(struct collector *c, struct metric *metric, uint32_t slots, uint32_t hash,
                     struct collector_entry **out)
{
    uint32_t queries = metric_query_count(metric);
    if (queries > CLOUDWATCH_QUERIES_MAX) return ERR_LIMIT;
    struct series *series = NULL;
    int code = series_new(metric->period_s, slots, &series);
    if (code < 0) return code;
    struct collector_entry *entry = calloc(1, sizeof *entry);
    struct group *group = entry ? group_of(c, metric) : NULL;
    if (!group) {
        free(entry);
        free(series);
        return ERR_NOMEM;
    }
    group->entries++;
    *entry = (struct collector_entry){
        .metric = metric_retain(metric),
        .series = series,
        .group = group,
        .hash = hash,
        .queries = (uint16_t)queries,
        .price = (uint16_t)price_of(metric),
    };
    c->stats.entries++;
    c->stats.series_bytes += series_bytes(slots);
    *out = entry;
    return OK;
}

void entry_free(struct collector *c, struct collector_entry *entry)
{
    table_remove(c, entry);
    c->stats.entries--;
    c->stats.series_bytes -= series_bytes(entry->series->slots);
    entry->group->entries--;
    group_drop_if_empty(c, entry->group);
    reason_release(entry->reason);
    metric_release(entry->metric);
    free(entry->series);
    free(entry);
}

/* A call under way goes on to fill the series that it was given: question_settle() brings its
 * datapoints over. */
static int entry_grow(struct collector *c, struct collector_entry *entry, uint32_t slots)
{
    struct series *old = entry->series, *grown = NULL;
    int code = series_new(old->period_s, slots, &grown);
    if (code < 0) return code;
    series_move(grown, series_end_s(old));
    memcpy(grown->values + (slots - old->slots), old->values, old->slots * sizeof *old->values);
    grown->refused = old->refused;
    grown->state = old->state;
    grown->hint = old->hint;
    /* What has slid out of the smaller window is not had any more. */
    if (entry->have_start_s < old->start_s && entry->have_start_s < entry->have_end_s)
        entry->have_start_s = old->start_s;
    if (entry->have_start_s > entry->have_end_s) entry->have_start_s = entry->have_end_s = 0;
    c->stats.series_bytes += series_bytes(slots) - series_bytes(old->slots);
    entry->series = grown;
    if (!entry->call || entry->call->questions[entry->question].series != old) free(old);
    return OK;
}

int collector_subscribe(struct collector *c, struct metric *metric, uint32_t slots,
                        struct collector_entry **out)
{
    uint32_t hash = family_hash(metric);
    uint32_t order = 0;
    struct collector_entry *entry = *bucket_of(c, hash);
    for (; entry; entry = entry->next) {
        if (entry->hash != hash) continue;
        if (metric_equal(entry->metric, metric)) break;
        if (order == 0 && same_family(entry->metric, metric)) order = entry->order;
    }
    int code = OK;
    if (entry) {
        if (slots > entry->series->slots) code = entry_grow(c, entry, slots);
        if (code < 0) return code;
    } else {
        code = entry_new(c, metric, slots, hash, &entry);
        if (code < 0) return code;
        entry->order = order ? order : ++c->orders;
        if (c->stats.entries > c->table_size) table_grow(c);
        struct collector_entry **bucket = bucket_of(c, hash);
        entry->next = *bucket;
        *bucket = entry;
    }
    entry->refs++;
    *out = entry;
    return OK;
}

void collector_release(struct collector *c, struct collector_entry *entry)
{
    assert(entry->refs > 0);
    if (--entry->refs == 0 && !entry->call) entry_free(c, entry); /* else when its call ends */
}

void collector_forget(struct collector *c, const struct metric *metric)
{
    struct collector_entry *entry = *bucket_of(c, family_hash(metric));
    while (entry && !metric_equal(entry->metric, metric))
        entry = entry->next;
    if (!entry || entry->call) return;
    for (uint32_t i = 0; i < entry->series->slots; i++)
        entry->series->values[i] = NAN;
    entry->have_start_s = entry->have_end_s = 0;
}
