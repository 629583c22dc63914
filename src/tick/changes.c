/* tick/changes.c - what a tick wants kept, until it is on disk.
 *
 * A change is one block of memory: numbers, then its strings one after the other. Only absorbing
 * looks for superseded ones, so the ordinary tick pays for an append and nothing else. */
#include "moontide/tick/changes.h"

#include "moontide/base/hash.h"
#include "moontide/store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum change_kind {
    CHANGE_MEMO,
    CHANGE_ALERT,
    CHANGE_ALERT_END,
    CHANGE_RESOURCE,
    CHANGE_INTENT,
    CHANGE_INTENT_END,
    CHANGE_JOURNAL
};

enum { STRINGS_MAX = 8 };

struct change {
    enum change_kind kind;
    int severity;
    int64_t since_ms, raised_ms, gone_ms, keep_firing_ms, flaps;
    const char *strings[STRINGS_MAX]; /* into bytes; NULL stays NULL */
    char bytes[];
};

struct changes {
    struct change **items; /* shape: [count] */
    size_t count, cap, journal_count;
    uint64_t dropped;
    int status;
};

int changes_new(struct changes **out)
{
    struct changes *changes = calloc(1, sizeof *changes);
    if (!changes) return ERR_NOMEM;
    *out = changes;
    return OK;
}

void changes_free(struct changes *changes)
{
    if (!changes) return;
    for (size_t i = 0; i < changes->count; i++)
        free(changes->items[i]);
    free(changes->items);
    free(changes);
}

static bool reserve(struct changes *changes, size_t more)
{
    if (changes->count + more <= changes->cap) return true;
    size_t cap = changes->cap ? changes->cap : 16;
    while (cap < changes->count + more)
        cap *= 2;
    struct change **items = realloc(changes->items, cap * sizeof *items);
    if (!items) return false;
    changes->items = items;
    changes->cap = cap;
    return true;
}

/* The new change with its strings, appended; NULL when memory ends. */
static struct change *append(struct changes *changes, enum change_kind kind,
                             const char *const strings[STRINGS_MAX])
{
    size_t lengths[STRINGS_MAX] = {0}, total = 0;
    for (int i = 0; i < STRINGS_MAX; i++) {
        if (strings[i]) lengths[i] = strlen(strings[i]) + 1;
        total += lengths[i];
    }
    struct change *change = reserve(changes, 1) ? malloc(sizeof *change + total) : NULL;
    if (!change) {
        changes->status = ERR_NOMEM;
        return NULL;
    }
    *change = (struct change){.kind = kind};
    char *at = change->bytes;
    for (int i = 0; i < STRINGS_MAX; i++) {
        if (!strings[i]) continue;
        memcpy(at, strings[i], lengths[i]);
        change->strings[i] = at;
        at += lengths[i];
    }
    changes->items[changes->count++] = change;
    return change;
}

void changes_memo(struct changes *changes, const char *policy, const char *target, const char *json)
{
    if (!changes) return;
    append(changes, CHANGE_MEMO, (const char *const[STRINGS_MAX]){policy, target, json});
}

void changes_alert(struct changes *changes, const struct alert_row *row)
{
    if (!changes) return;
    struct change *change =
        append(changes, CHANGE_ALERT,
               (const char *const[STRINGS_MAX]){row->policy, row->target, row->type, row->key,
                                                row->state, row->description, row->recommendation});
    if (!change) return;
    change->severity = row->severity;
    change->since_ms = row->since_ms;
    change->raised_ms = row->raised_ms;
    change->gone_ms = row->gone_ms;
    change->keep_firing_ms = row->keep_firing_ms;
    change->flaps = row->flaps;
}

void changes_alert_end(struct changes *changes, const char *policy, const char *target,
                       const char *type, const char *key)
{
    if (!changes) return;
    append(changes, CHANGE_ALERT_END, (const char *const[STRINGS_MAX]){policy, target, type, key});
}

void changes_resource(struct changes *changes, const struct resource_row *row)
{
    if (!changes) return;
    append(changes, CHANGE_RESOURCE,
           (const char *const[STRINGS_MAX]){row->kind, row->resource,
                                            row->region ? row->region : "",
                                            row->account ? row->account : "", row->json});
}

void changes_intent(struct changes *changes, const char *id, const char *json)
{
    if (!changes) return;
    append(changes, CHANGE_INTENT, (const char *const[STRINGS_MAX]){id, json});
}

void changes_intent_end(struct changes *changes, const char *id)
{
    if (!changes) return;
    append(changes, CHANGE_INTENT_END, (const char *const[STRINGS_MAX]){id});
}

void changes_journal(struct changes *changes, const struct journal_entry *entry)
{
    if (!changes) return;
    if (changes->journal_count >= CHANGES_JOURNAL_MAX) {
        changes->dropped++;
        return;
    }
    struct change *change = append(
        changes, CHANGE_JOURNAL,
        (const char *const[STRINGS_MAX]){entry->policy, entry->target, entry->id, entry->what,
                                         entry->resource, entry->policy_sha256, entry->json});
    if (change) changes->journal_count++;
}

void changes_fail(struct changes *changes, int code)
{
    if (changes && changes->status == OK) changes->status = code;
}

bool changes_whole(const struct changes *changes)
{
    return !changes || changes->status == OK;
}

bool changes_empty(const struct changes *changes)
{
    return !changes || (changes->count == 0 && changes->status == OK);
}

size_t changes_count(const struct changes *changes)
{
    return changes ? changes->count : 0;
}

uint64_t changes_dropped(const struct changes *changes)
{
    return changes ? changes->dropped : 0;
}

static void write_one(const struct change *change, struct store_batch *batch)
{
    const char *const *s = change->strings;
    switch (change->kind) {
    case CHANGE_MEMO: store_batch_memo(batch, s[0], s[1], s[2]); return;
    case CHANGE_ALERT:
        store_batch_alert(batch, &(struct alert_row){.policy = s[0],
                                                     .target = s[1],
                                                     .type = s[2],
                                                     .key = s[3],
                                                     .state = s[4],
                                                     .description = s[5],
                                                     .recommendation = s[6],
                                                     .severity = change->severity,
                                                     .since_ms = change->since_ms,
                                                     .raised_ms = change->raised_ms,
                                                     .gone_ms = change->gone_ms,
                                                     .keep_firing_ms = change->keep_firing_ms,
                                                     .flaps = change->flaps});
        return;
    case CHANGE_ALERT_END: store_batch_alert_end(batch, s[0], s[1], s[2], s[3]); return;
    case CHANGE_RESOURCE:
        store_batch_resource(
            batch,
            &(struct resource_row){
                .kind = s[0], .resource = s[1], .region = s[2], .account = s[3], .json = s[4]});
        return;
    case CHANGE_INTENT: store_batch_intent(batch, s[0], s[1]); return;
    case CHANGE_INTENT_END: store_batch_intent_end(batch, s[0]); return;
    case CHANGE_JOURNAL:
        store_batch_journal(batch, &(struct journal_entry){.policy = s[0],
                                                           .target = s[1],
                                                           .id = s[2],
                                                           .what = s[3],
                                                           .resource = s[4],
                                                           .policy_sha256 = s[5],
                                                           .json = s[6]});
        return;
    }
}

int changes_write(struct changes *changes, struct store_batch *batch)
{
    if (!changes) return OK;
    for (size_t i = 0; i < changes->count; i++)
        write_one(changes->items[i], batch);
    int status = changes->status;
    changes->status = OK;
    return status;
}

/* Absorbing. */

/* What a change is about: the strings that name it; 0 strings for a journal entry, which nothing
 * supersedes. */
static int key_strings(const struct change *change)
{
    switch (change->kind) {
    case CHANGE_MEMO: return 2;
    case CHANGE_ALERT:
    case CHANGE_ALERT_END:
    case CHANGE_RESOURCE: return 4;
    case CHANGE_INTENT:
    case CHANGE_INTENT_END: return 1;
    case CHANGE_JOURNAL: break;
    }
    return 0;
}

/* An alert's key has as many strings as a resource's. */
static bool is_resource(const struct change *change)
{
    return change->kind == CHANGE_RESOURCE;
}

static uint64_t key_hash(const struct change *change)
{
    int n = key_strings(change);
    uint64_t hash = (uint64_t)n;
    for (int i = 0; i < n; i++)
        hash = hash64(change->strings[i], strlen(change->strings[i]), hash);
    return hash;
}

static bool same_key(const struct change *a, const struct change *b)
{
    int n = key_strings(a);
    if (n == 0 || n != key_strings(b) || is_resource(a) != is_resource(b)) return false;
    for (int i = 0; i < n; i++)
        if (strcmp(a->strings[i], b->strings[i]) != 0) return false;
    return true;
}

/* An open-addressed set of the changes that have a key; mask + 1 slots. */
static void set_add(struct change **slots, size_t mask, struct change *change)
{
    size_t at = key_hash(change) & mask;
    while (slots[at])
        at = (at + 1) & mask;
    slots[at] = change;
}

static bool set_has(struct change *const *slots, size_t mask, const struct change *change)
{
    for (size_t at = key_hash(change) & mask; slots[at]; at = (at + 1) & mask)
        if (same_key(slots[at], change)) return true;
    return false;
}

static void drop_superseded(struct changes *older, const struct changes *newer)
{
    size_t mask = 15;
    while (mask < newer->count * 2)
        mask = mask * 2 + 1;
    struct change **slots = calloc(mask + 1, sizeof(struct change *));
    if (!slots) return; /* then both are written, the newer one last: only longer, not wrong */
    for (size_t i = 0; i < newer->count; i++)
        if (key_strings(newer->items[i]) > 0) set_add(slots, mask, newer->items[i]);
    size_t kept = 0;
    for (size_t i = 0; i < older->count; i++) {
        struct change *change = older->items[i];
        if (key_strings(change) > 0 && set_has(slots, mask, change))
            free(change);
        else
            older->items[kept++] = change;
    }
    older->count = kept;
    free(slots);
}

void changes_absorb(struct changes *older, struct changes *newer)
{
    assert(older && newer && older != newer);
    if (older->count > 0 && newer->count > 0) drop_superseded(older, newer);
    older->dropped += newer->dropped;
    if (older->status == OK) older->status = newer->status;
    bool room = reserve(older, newer->count);
    if (!room) older->status = ERR_NOMEM;
    for (size_t i = 0; i < newer->count; i++) {
        struct change *change = newer->items[i];
        bool journal = change->kind == CHANGE_JOURNAL;
        if (!room || (journal && older->journal_count >= CHANGES_JOURNAL_MAX)) {
            if (journal) older->dropped++;
            free(change);
            continue;
        }
        if (journal) older->journal_count++;
        older->items[older->count++] = change;
    }
    newer->count = newer->journal_count = 0;
    newer->dropped = 0;
    newer->status = OK;
}
