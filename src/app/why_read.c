/* app/why_read.c - what the journal has of one name. */
#include "moontide/app/why.h"

#include <string.h>

/* Chains that are made whole: those shown, and what raised them. */
enum { CHAINS_MAX = WHY_CHAINS_SHOWN, ISSUES_MAX = 32, CHAIN_ENTRIES_MAX = 32 };

struct reading {
    struct why *why;
    struct store *store;
    const char *world;
    int code;
};

static bool take_row(void *data, const struct journal_row *row)
{
    struct reading *reading = data;
    reading->code = why_add(reading->why, row);
    return reading->code == OK;
}

static int read_some(struct reading *reading, struct journal_filter filter, struct fault *fault)
{
    filter.world = reading->world;
    int code = store_each_journal(reading->store, &filter, take_row, reading, fault);
    if (code == OK && reading->code < 0)
        code = fault_set(fault, reading->code, "%s", err_text(reading->code));
    return code;
}

static bool starts_chain(const struct entry *entry)
{
    return entry->id &&
           (strcmp(entry->what, "decision") == 0 || strcmp(entry->what, "intent") == 0);
}

/* Entries move when others are taken in, so ids are copied first. */
static int read_ids(struct reading *reading, char ids[][64], size_t count, struct fault *fault)
{
    int code = OK;
    for (size_t i = 0; i < count && code == OK; i++)
        code = read_some(reading, (struct journal_filter){.id = ids[i], .limit = CHAIN_ENTRIES_MAX},
                         fault);
    return code;
}

static size_t add_id(char ids[][64], size_t count, size_t max, const char *id)
{
    if (count == max || strlen(id) >= sizeof ids[0]) return count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0) return count;
    strcpy(ids[count], id);
    return count + 1;
}

static int read_chains(struct reading *reading, struct fault *fault)
{
    char ids[CHAINS_MAX][64];
    size_t count = 0;
    for (size_t i = 0; i < reading->why->count; i++)
        if (starts_chain(&reading->why->entries[i]))
            count = add_id(ids, count, CHAINS_MAX, reading->why->entries[i].id);
    return read_ids(reading, ids, count, fault);
}

static int read_issues(struct reading *reading, struct fault *fault)
{
    char ids[ISSUES_MAX][64];
    size_t count = 0;
    for (size_t i = 0; i < reading->why->count; i++) {
        const cJSON *id,
            *list = cJSON_GetObjectItemCaseSensitive(reading->why->entries[i].json, "issues");
        cJSON_ArrayForEach(id, list) if (cJSON_IsString(id)) count =
            add_id(ids, count, ISSUES_MAX, id->valuestring);
    }
    return read_ids(reading, ids, count, fault);
}

int why_read(struct why *why, struct store *store, const char *world, struct fault *fault)
{
    struct reading reading = {.why = why, .store = store, .world = world};
    struct journal_filter filter = {.since_ms = why->since_ms, .limit = WHY_ENTRIES_MAX};
    if (strcmp(why->what, "target") == 0)
        filter.target = why->name;
    else
        filter.resource = why->name;
    int code = read_some(&reading, filter, fault);
    if (code == OK) code = read_chains(&reading, fault);
    if (code == OK) code = read_issues(&reading, fault);
    return code;
}
