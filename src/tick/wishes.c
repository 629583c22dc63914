/* tick/wishes.c - wishes by resource, and the comparison of two of them.
 *
 * A resource that one policy decides (nearly all) costs a look into a table. JSON is read only when
 * there is somebody else. */
#include "moontide/tick/wishes.h"

#include "moontide/base/pair_table.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_TIMES = 3, LEAST_MS = 300000, SHOWN_MAX = 48 };
/* What does not hold any more stays for so long: a clock put forward by mistake may be put back. */
enum { KEPT_MS = 2 * 3600000 };

struct entry {
    struct entry *next;
    uint64_t id;
    int64_t stated_ms; /* by the clock of then: tells evaluations apart */
    int64_t at_ms, valid_ms;
    const char *policy, *target, *wanted, *bounds; /* behind the struct; bounds: "min\0max\0\0" */
    struct capacity capacities[CAPACITIES_MAX];
    size_t capacity_count;
};

struct place {
    struct keyed key; /* policy: "kind region account", target: the resource */
    struct entry *first;
};

struct wishes {
    struct table places;
    size_t count;
    uint64_t last_id;
};

int wishes_new(struct wishes **out)
{
    struct wishes *wishes = calloc(1, sizeof *wishes);
    if (!wishes) return ERR_NOMEM;
    *out = wishes;
    return OK;
}

/* ---- what is kept ---- */

static char *put_text(char *at, const char *text)
{
    size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    return at + size;
}

static struct entry *make_entry(const struct wish *wish, int64_t now_ms)
{
    size_t size = strlen(wish->policy) + strlen(wish->target) + strlen(wish->wanted) + 4;
    for (size_t i = 0; wish->bounds && wish->bounds[i]; i++)
        size += strlen(wish->bounds[i]) + 1;
    struct entry *entry = malloc(sizeof *entry + size);
    if (!entry) return NULL;
    *entry = (struct entry){
        .stated_ms = now_ms, .at_ms = now_ms, .valid_ms = EVERY_TIMES * wish->every_ms};
    if (entry->valid_ms < LEAST_MS) entry->valid_ms = LEAST_MS;
    char *at = (char *)(entry + 1);
    entry->policy = at;
    at = put_text(at, wish->policy);
    entry->target = at;
    at = put_text(at, wish->target);
    entry->wanted = at;
    at = put_text(at, wish->wanted);
    entry->bounds = at;
    for (size_t i = 0; wish->bounds && wish->bounds[i]; i++)
        at = put_text(at, wish->bounds[i]);
    *at = '\0';
    for (size_t i = 0; i < wish->capacity_count && i < CAPACITIES_MAX; i++)
        entry->capacities[entry->capacity_count++] = wish->capacities[i];
    return entry;
}

/* The two texts of a resource's key, malloc'ed as one; the second begins at *resource. */
static char *make_key(const struct wish *wish, size_t before, const char **resource)
{
    const char *region = wish->region ? wish->region : "";
    const char *account = wish->account ? wish->account : "";
    size_t first = strlen(wish->kind) + strlen(region) + strlen(account) + 3;
    size_t second = strlen(wish->resource) + 1;
    char *made = malloc(before + first + second);
    if (!made) return NULL;
    char *at = stpcpy(made + before, wish->kind);
    *at++ = '\n';
    at = stpcpy(at, region);
    *at++ = '\n';
    stpcpy(at, account);
    memcpy(made + before + first, wish->resource, second);
    *resource = made + before + first;
    return made;
}

/* The place of the key, or NULL. Negative: no memory. */
static int find_place(const struct wishes *wishes, const struct wish *key, struct place **out)
{
    const char *resource;
    char *text = make_key(key, 0, &resource);
    if (!text) return ERR_NOMEM;
    *out = (struct place *)table_find(&wishes->places, text, resource);
    free(text);
    return OK;
}

static int make_place(struct wishes *wishes, const struct wish *key, struct place **out)
{
    int code = find_place(wishes, key, out);
    if (code < 0 || *out) return code;
    if ((code = table_reserve(&wishes->places)) < 0) return code;
    const char *resource;
    struct place *place = (struct place *)make_key(key, sizeof *place, &resource);
    if (!place) return ERR_NOMEM;
    const char *text = (const char *)(place + 1);
    *place = (struct place){.key = {keyed_hash(text, resource), text, resource}};
    table_insert(&wishes->places, &place->key);
    *out = place;
    return OK;
}

/* ---- what goes ---- */

/* A time of the future is that of a clock that was put back since: it counts as now. */
static bool is_over(struct entry *entry, int64_t now_ms)
{
    if (entry->at_ms > now_ms) entry->at_ms = now_ms;
    return now_ms - entry->at_ms >= entry->valid_ms;
}

typedef bool goes_fn(struct entry *entry, const void *data);

static void prune(struct wishes *wishes, struct place *place, goes_fn *goes, const void *data)
{
    for (struct entry **at = &place->first; *at;) {
        struct entry *entry = *at;
        if (!goes(entry, data)) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free(entry);
        wishes->count--;
    }
}

/* A place that is taken out may bring a later one to its slot, which is looked at then. */
static void prune_all(struct wishes *wishes, goes_fn *goes, const void *data)
{
    for (size_t i = 0; i < wishes->places.cap;) {
        struct place *place = (struct place *)wishes->places.slots[i];
        if (place) prune(wishes, place, goes, data);
        if (!place || place->first) {
            i++;
            continue;
        }
        table_remove(&wishes->places, &place->key);
        free(place);
    }
}

static bool goes_always(struct entry *entry, const void *data)
{
    (void)entry;
    (void)data;
    return true;
}

static bool goes_over(struct entry *entry, const void *data)
{
    return is_over(entry, *(const int64_t *)data);
}

/* Long enough over to be forgotten. */
static bool goes_in_time(struct entry *entry, const void *data)
{
    const int64_t *now_ms = data;
    return is_over(entry, *now_ms) && *now_ms - entry->at_ms >= entry->valid_ms + KEPT_MS;
}

struct owner {
    const char *policy, *target; /* target NULL: all of them */
    int64_t except_ms;
    bool older; /* only those of other times than except_ms */
};

static bool goes_with_owner(struct entry *entry, const void *data)
{
    const struct owner *owner = data;
    return strcmp(entry->policy, owner->policy) == 0 &&
           (!owner->target || strcmp(entry->target, owner->target) == 0) &&
           (!owner->older || entry->stated_ms != owner->except_ms);
}

void wishes_free(struct wishes *wishes)
{
    if (!wishes) return;
    prune_all(wishes, goes_always, NULL);
    table_done(&wishes->places);
    free(wishes);
}

void wishes_forget(struct wishes *wishes, const char *policy, const char *target)
{
    prune_all(wishes, goes_with_owner, &(struct owner){.policy = policy, .target = target});
}

size_t wishes_count(const struct wishes *wishes)
{
    return wishes->count;
}

static void drop_place_if_empty(struct wishes *wishes, struct place *place)
{
    if (place->first) return;
    table_remove(&wishes->places, &place->key);
    free(place);
}

int wishes_put(struct wishes *wishes, const struct wish *wish, int64_t now_ms, uint64_t *id)
{
    struct place *place;
    if (wishes->count >= WISHES_MAX) prune_all(wishes, goes_over, &now_ms);
    if (wishes->count >= WISHES_MAX) return ERR_LIMIT;
    int code = make_place(wishes, wish, &place);
    if (code < 0) return code;
    struct entry *entry = make_entry(wish, now_ms);
    if (entry) {
        struct owner own = {wish->policy, wish->target, now_ms, true};
        prune(wishes, place, goes_with_owner, &own);
        prune(wishes, place, goes_in_time, &now_ms);
        entry->id = *id = ++wishes->last_id;
        entry->next = place->first;
        place->first = entry;
        wishes->count++;
    }
    drop_place_if_empty(wishes, place);
    return entry ? OK : ERR_NOMEM;
}

/* ---- two of them ---- */

struct contest {
    const struct entry *own, *other;
    char *text; /* of WISH_TEXT_MAX */
    bool lost;
    bool covered, covers; /* the other names all that this one does, with these values; and back */
};

static void lose(struct contest *c, const char *field, const char *theirs, const char *relation,
                 const char *own)
{
    if (!c->lost)
        snprintf(c->text, WISH_TEXT_MAX, "policy '%s' for %s wishes %s = %s, %s %s",
                 c->other->policy, c->other->target, field, theirs, relation, own);
    c->lost = true;
}

static const struct capacity *capacity_of(const struct entry *entry, const char *field)
{
    for (size_t i = 0; i < entry->capacity_count; i++)
        if (strcmp(entry->capacities[i].field, field) == 0) return &entry->capacities[i];
    return NULL;
}

static void contest_capacities(struct contest *c)
{
    for (size_t i = 0; i < c->own->capacity_count; i++) {
        char theirs[32], own[32];
        const struct capacity *a = &c->own->capacities[i], *b = capacity_of(c->other, a->field);
        if (!b) {
            c->covered = false;
            continue;
        }
        if (a->to != b->to) c->covered = c->covers = false;
        snprintf(theirs, sizeof theirs, "%g", b->to);
        snprintf(own, sizeof own, "%g", a->to);
        if (b->to > a->to) lose(c, a->field, theirs, "more than", own);
    }
    for (size_t i = 0; i < c->other->capacity_count; i++)
        if (!capacity_of(c->own, c->other->capacities[i].field)) c->covers = false;
}

static bool is_bound(const struct entry *entry, const char *field)
{
    for (const char *at = entry->bounds; *at; at += strlen(at) + 1)
        if (strcmp(at, field) == 0) return true;
    return false;
}

/* Whether a top-level field is compared here at all. */
static bool is_field(const struct contest *c, const char *field)
{
    return !is_bound(c->own, field) && !is_bound(c->other, field) && !capacity_of(c->own, field) &&
           !capacity_of(c->other, field);
}

static void show(const cJSON *value, char out[SHOWN_MAX])
{
    char *text = cJSON_PrintUnformatted(value);
    snprintf(out, SHOWN_MAX, "%s", text ? text : "?");
    free(text);
}

static void contest_fields(struct contest *c, const cJSON *own, const cJSON *other, bool top)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, own)
    {
        if (top && !is_field(c, item->string)) continue;
        const cJSON *theirs = cJSON_GetObjectItemCaseSensitive(other, item->string);
        if (!theirs) {
            c->covered = false;
        } else if (cJSON_IsObject(item) && cJSON_IsObject(theirs)) {
            contest_fields(c, item, theirs, false);
        } else if (!cJSON_Compare(item, theirs, true)) {
            char shown[SHOWN_MAX], shown_own[SHOWN_MAX];
            show(theirs, shown);
            show(item, shown_own);
            lose(c, item->string, shown, "not", shown_own);
        }
    }
    cJSON_ArrayForEach(item, other)
    {
        if (top && !is_field(c, item->string)) continue;
        if (!cJSON_GetObjectItemCaseSensitive(own, item->string)) c->covers = false;
    }
}

static bool stated_first(const struct entry *a, const struct entry *b)
{
    int order = strcmp(a->policy, b->policy);
    if (order == 0) order = strcmp(a->target, b->target);
    return order != 0 ? order < 0 : a->id < b->id;
}

static int contest(struct contest *c, const cJSON *own)
{
    cJSON *other = cJSON_Parse(c->other->wanted);
    if (!other) return ERR_NOMEM;
    c->covered = c->covers = true;
    contest_capacities(c);
    contest_fields(c, own, other, true);
    cJSON_Delete(other);
    if (!c->lost && c->covered && (!c->covers || stated_first(c->other, c->own))) {
        snprintf(c->text, WISH_TEXT_MAX, "the same is decided by policy '%s' for %s",
                 c->other->policy, c->other->target);
        c->lost = true;
    }
    return c->lost;
}

static const struct entry *entry_of(const struct place *place, uint64_t id)
{
    const struct entry *entry = place->first;
    while (entry && entry->id != id)
        entry = entry->next;
    return entry;
}

int wishes_conflict(struct wishes *wishes, const struct wish *key, uint64_t id, int64_t now_ms,
                    char text[WISH_TEXT_MAX])
{
    struct place *place;
    int code = find_place(wishes, key, &place);
    if (code < 0 || !place) return code;
    const struct entry *own = entry_of(place, id);
    cJSON *json = NULL;
    for (struct entry *other = place->first; own && other && code == OK; other = other->next) {
        struct contest c = {.own = own, .other = other, .text = text};
        if (other == own || is_over(other, now_ms)) continue;
        if (!json) json = cJSON_Parse(own->wanted);
        code = json ? contest(&c, json) : ERR_NOMEM;
    }
    cJSON_Delete(json);
    return code;
}
