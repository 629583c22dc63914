/* tick/resources.c - what is known of resources: found by name, kept as one JSON object each. */
#include "resources.h"

#include "moontide/base/json.h"
#include "moontide/store/store.h"
#include "moontide/tick/changes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_BYTES_MAX = 4 * 1024 * 1024, WHERE_MAX = 512 };

const char *const on_failure_names[] = {"alert", "freeze", "revert", NULL};

int text_set(char **owned, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    free(*owned);
    *owned = copy;
    return text && !copy ? ERR_NOMEM : OK;
}

/* ---- life ---- */

void verification_free(struct verification *verification)
{
    if (!verification) return;
    free(verification->id);
    free(verification->policy);
    free(verification->target);
    free(verification->check);
    free(verification->back);
    free(verification);
}

void back_done(struct back *back)
{
    free(back->id);
    free(back->policy);
    free(back->target);
    free(back->wanted);
    *back = (struct back){0};
}

static void resource_free(struct resource *resource)
{
    for (int i = 0; i < CAPACITIES_MAX; i++)
        rail_history_free(resource->capacities[i].history);
    while (resource->verifications) {
        struct verification *verification = resource->verifications;
        resource->verifications = verification->next;
        verification_free(verification);
    }
    back_done(&resource->back);
    free((char *)resource->key.first);
    free(resource->kind);
    free(resource->resource);
    free(resource->region);
    free(resource->account);
    free(resource->written);
    free(resource->drift);
    free(resource->frozen);
    free(resource->failed);
    free(resource->failed_policy);
    free(resource->failed_target);
    free(resource->denied);
    free(resource);
}

void resources_done(struct resources *resources)
{
    for (size_t i = 0; i < resources->table.cap; i++)
        if (resources->table.slots[i]) resource_free((struct resource *)resources->table.slots[i]);
    table_done(&resources->table);
    *resources = (struct resources){0};
}

static struct resource *resource_new(const char *where, const char *kind, const char *name,
                                     const char *region, const char *account)
{
    struct resource *resource = calloc(1, sizeof *resource);
    if (!resource) return NULL;
    int rc = text_set(&resource->kind, kind);
    if (rc == OK) rc = text_set(&resource->resource, name);
    if (rc == OK) rc = text_set(&resource->region, region);
    if (rc == OK) rc = text_set(&resource->account, account);
    resource->key.first = strdup(where);
    resource->key.second = resource->resource;
    if (rc == OK && resource->key.first) {
        resource->key.hash = keyed_hash(resource->key.first, resource->key.second);
        return resource;
    }
    resource_free(resource);
    return NULL;
}

/* "kind\nregion\naccount"; by hand, as it is asked for each decision of each tick. */
static bool where_text(const char *kind, const char *region, const char *account,
                       char out[WHERE_MAX])
{
    const char *const parts[] = {kind, region ? region : "", account ? account : ""};
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        size_t len = strlen(parts[i]);
        if (at + len + 2 > WHERE_MAX) return false;
        memcpy(out + at, parts[i], len);
        at += len;
        out[at++] = i < 2 ? '\n' : '\0';
    }
    return true;
}

struct resource *resources_get(struct resources *resources, const char *kind, const char *name,
                               const char *region, const char *account)
{
    char where[WHERE_MAX];
    if (!where_text(kind, region, account, where)) return NULL;
    struct keyed *found = table_find(&resources->table, where, name);
    if (found) return (struct resource *)found;
    if (table_reserve(&resources->table) < 0) return NULL;
    struct resource *resource = resource_new(where, kind, name, region, account);
    if (resource) table_insert(&resources->table, &resource->key);
    return resource;
}

struct rail_history *resource_history(struct resource *resource, const char *field)
{
    for (int i = 0; i < CAPACITIES_MAX; i++) {
        struct known_capacity *known = &resource->capacities[i];
        if (known->history && strcmp(known->field, field) == 0) return known->history;
        if (known->history) continue;
        if (rail_history_new(&known->history) < 0) return NULL;
        snprintf(known->field, sizeof known->field, "%s", field);
        return known->history;
    }
    return NULL;
}

/* ---- to and from the store ---- */

static void key_int(struct json_writer *w, const char *key, int64_t value)
{
    if (!value) return;
    json_key(w, key);
    json_int(w, value);
}

static void write_verification(struct json_writer *w, const struct verification *verification)
{
    json_object(w);
    json_put_given(w, "id", verification->id);
    json_put_given(w, "policy", verification->policy);
    json_put_given(w, "target", verification->target);
    json_put_given(w, "check", verification->check);
    json_put_given(w, "on_failure", on_failure_names[verification->on_failure]);
    key_int(w, "due", verification->due_ms);
    json_put_raw(w, "back", verification->back);
    json_object_end(w);
}

static int write_histories(struct json_writer *w, const struct resource *resource)
{
    int rc = OK;
    json_key(w, "capacities");
    json_object(w);
    for (int i = 0; i < CAPACITIES_MAX; i++) {
        if (!resource->capacities[i].history) continue;
        struct strbuf text;
        strbuf_init(&text, ROW_BYTES_MAX);
        int written = rail_history_write(resource->capacities[i].history, &text);
        if (written == OK) json_put_raw(w, resource->capacities[i].field, strbuf_cstr(&text));
        if (written < 0) rc = written;
        strbuf_done(&text);
    }
    json_object_end(w);
    return rc;
}

static int write_row(struct json_writer *w, const struct resource *resource)
{
    json_object(w);
    json_put_raw(w, "written", resource->written);
    key_int(w, "written_at", resource->written_ms);
    key_int(w, "confirmed", resource->confirmed);
    key_int(w, "call_unknown", resource->call_unknown);
    json_put_given(w, "drift", resource->drift);
    key_int(w, "drift_at", resource->drift_ms);
    key_int(w, "drift_until", resource->drift_until_ms);
    if (resource->drift_hash) {
        char hash[20]; /* a double would not hold it */
        snprintf(hash, sizeof hash, "%016llx", (unsigned long long)resource->drift_hash);
        json_put_given(w, "drift_hash", hash);
    }
    json_put_given(w, "frozen", resource->frozen);
    json_put_given(w, "failed", resource->failed);
    json_put_given(w, "failed_policy", resource->failed_policy);
    json_put_given(w, "failed_target", resource->failed_target);
    key_int(w, "failed_at", resource->failed_ms);
    if (resource->back.wanted) {
        json_key(w, "back");
        json_object(w);
        json_put_given(w, "id", resource->back.id);
        json_put_given(w, "policy", resource->back.policy);
        json_put_given(w, "target", resource->back.target);
        json_put_raw(w, "wanted", resource->back.wanted);
        json_object_end(w);
    }
    json_key(w, "verifications");
    json_array(w);
    for (const struct verification *v = resource->verifications; v; v = v->next)
        write_verification(w, v);
    json_array_end(w);
    int rc = write_histories(w, resource);
    json_object_end(w);
    return rc;
}

static void count(struct resources *resources, struct resource *resource)
{
    const bool holds[] = {resource->frozen != NULL, resource->failed != NULL,
                          resource->verifications != NULL, resource->back.wanted != NULL};
    size_t *const counts[] = {&resources->frozen, &resources->failed, &resources->verifying,
                              &resources->returning};
    uint8_t before = resource->counted;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        bool counted = resource->counted & 1u << i;
        if (holds[i] && !counted) ++*counts[i];
        if (!holds[i] && counted) --*counts[i];
        if (holds[i] != counted) resource->counted ^= (uint8_t)(1u << i);
    }
    if (!before == !resource->counted) return;
    struct resource **at = &resources->watched;
    if (resource->counted) {
        resource->watched_next = *at;
        *at = resource;
        return;
    }
    while (*at != resource)
        at = &(*at)->watched_next;
    *at = resource->watched_next;
}

void resources_keep(struct resources *resources, struct resource *resource, struct changes *changes)
{
    struct strbuf text;
    struct json_writer w;
    count(resources, resource);
    if (!changes) return;
    strbuf_init(&text, ROW_BYTES_MAX);
    json_writer_init(&w, &text);
    int rc = write_row(&w, resource);
    if (rc == OK) rc = strbuf_status(&text);
    if (rc < 0) { /* what is on disk is better than half of it */
        changes_fail(changes, rc);
        strbuf_done(&text);
        return;
    }
    changes_resource(changes,
                     &(struct resource_row){.kind = resource->kind,
                                            .resource = resource->resource,
                                            .region = resource->region ? resource->region : "",
                                            .account = resource->account ? resource->account : "",
                                            .json = strbuf_cstr(&text)});
    strbuf_done(&text);
}

static const char *text_in(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int64_t int_in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}

/* cJSON's own allocator is malloc. */
static char *json_in(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsObject(item) ? cJSON_PrintUnformatted(item) : NULL;
}

static int read_verification(struct resource *resource, const cJSON *item)
{
    struct verification *v = calloc(1, sizeof *v);
    if (!v) return ERR_NOMEM;
    int rc = text_set(&v->id, text_in(item, "id"));
    if (rc == OK) rc = text_set(&v->policy, text_in(item, "policy"));
    if (rc == OK) rc = text_set(&v->target, text_in(item, "target"));
    if (rc == OK) rc = text_set(&v->check, text_in(item, "check"));
    if (rc < 0 || !v->id || !v->policy || !v->target || !v->check) {
        verification_free(v);
        return rc; /* one that is not whole is none */
    }
    const char *on_failure = text_in(item, "on_failure");
    for (int i = 0; on_failure && on_failure_names[i]; i++)
        if (strcmp(on_failure_names[i], on_failure) == 0) v->on_failure = (enum on_failure)i;
    v->due_ms = int_in(item, "due");
    v->back = json_in(item, "back");
    v->next = resource->verifications;
    resource->verifications = v;
    return OK;
}

static int read_histories(struct resource *resource, const cJSON *capacities)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, capacities)
    {
        struct rail_history *history = resource_history(resource, item->string);
        char *json = cJSON_PrintUnformatted(item);
        int rc = history && json ? rail_history_read(history, json, strlen(json)) : ERR_NOMEM;
        free(json);
        if (rc == ERR_NOMEM) return rc;
    }
    return OK;
}

static int read_row(struct resource *r, const cJSON *row)
{
    r->written = json_in(row, "written");
    r->written_ms = int_in(row, "written_at");
    r->confirmed = int_in(row, "confirmed");
    r->call_unknown = int_in(row, "call_unknown");
    r->drift_ms = int_in(row, "drift_at");
    r->drift_until_ms = int_in(row, "drift_until");
    r->failed_ms = int_in(row, "failed_at");
    const char *hash = text_in(row, "drift_hash");
    if (hash) r->drift_hash = strtoull(hash, NULL, 16);
    int rc = text_set(&r->drift, text_in(row, "drift"));
    if (rc == OK) rc = text_set(&r->frozen, text_in(row, "frozen"));
    if (rc == OK) rc = text_set(&r->failed, text_in(row, "failed"));
    if (rc == OK) rc = text_set(&r->failed_policy, text_in(row, "failed_policy"));
    if (rc == OK) rc = text_set(&r->failed_target, text_in(row, "failed_target"));
    const cJSON *back = cJSON_GetObjectItemCaseSensitive(row, "back"), *item;
    if (rc == OK) rc = text_set(&r->back.id, text_in(back, "id"));
    if (rc == OK) rc = text_set(&r->back.policy, text_in(back, "policy"));
    if (rc == OK) rc = text_set(&r->back.target, text_in(back, "target"));
    if (back && r->back.id && r->back.policy && r->back.target)
        r->back.wanted = json_in(back, "wanted");
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(row, "verifications"))
    {
        if (rc == OK) rc = read_verification(r, item);
    }
    if (rc == OK) rc = read_histories(r, cJSON_GetObjectItemCaseSensitive(row, "capacities"));
    return rc;
}

struct loading {
    struct resources *resources;
    int code;
};

static void load_row(void *data, const struct resource_row *row)
{
    struct loading *loading = data;
    if (loading->code < 0) return;
    struct resource *resource =
        resources_get(loading->resources, row->kind, row->resource,
                      row->region[0] ? row->region : NULL, row->account[0] ? row->account : NULL);
    cJSON *json = cJSON_Parse(row->json);
    loading->code = resource && json ? read_row(resource, json) : ERR_NOMEM;
    if (resource) count(loading->resources, resource);
    cJSON_Delete(json);
}

int resources_load(struct resources *resources, struct store *store, const char *world,
                   struct fault *fault)
{
    struct loading loading = {.resources = resources, .code = OK};
    int rc = store_each_resource(store, world, load_row, &loading, fault);
    if (rc < 0 || loading.code == OK) return rc;
    return fault_set(fault, loading.code, "no memory for what is known of resources");
}
