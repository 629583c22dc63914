/* tick/intent.c - what is put on disk before a call, and what is known of a resource after it.
 *
 * An intent is open from the batch before its call to the batch of its outcome. One that a start
 * finds open belongs to a process that died: recover.c. */
#include "act.h"

#include "moontide/base/json.h"
#include "moontide/store/store.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_capacities(struct json_writer *w, const struct comparison *comparison)
{
    json_array(w);
    for (size_t i = 0; i < comparison->capacity_count; i++) {
        const struct capacity *capacity = &comparison->capacities[i];
        json_object(w);
        note_key(w, "field", capacity->field);
        json_key(w, "from");
        json_double(w, capacity->from); /* null when it had none */
        json_key(w, "to");
        json_double(w, capacity->to);
        json_object_end(w);
    }
    json_array_end(w);
}

char *capacities_json(const struct comparison *comparison)
{
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, ENTRY_BYTES_MAX);
    json_writer_init(&w, &text);
    write_capacities(&w, comparison);
    char *json = strbuf_status(&text) == OK ? strbuf_take(&text, NULL) : NULL;
    strbuf_done(&text);
    return json;
}

void intent_note(struct action *action, struct changes *changes)
{
    const struct decision *decision = action->decision;
    const struct comparison *comparison = &action->comparison;
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, ENTRY_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    note_key(&w, "kind", decision->kind);
    note_key(&w, "resource", decision->resource);
    note_key(&w, "region", decision->region);
    note_key(&w, "account", decision->account);
    note_key(&w, "policy", action_policy(action)->name);
    note_key(&w, "target", action_target(action));
    note_key(&w, "sha256", action->judged->run->generation->info->sha256);
    note_key_json(&w, "wanted", comparison->wanted);
    note_key_json(&w, "changes", comparison->changes);
    note_key_json(&w, "verify", decision->verify);
    json_key(&w, "capacities");
    write_capacities(&w, comparison);
    json_object_end(&w);
    if (strbuf_status(&text) == OK) {
        note_intent(action, changes);
        changes_intent(changes, action->id, strbuf_cstr(&text));
    } else {
        action->to_apply = false;
        action->resource->acting = NULL;
        action_end(action, OUTCOME_FAILED, "", "its intent cannot be journaled: %s",
                   err_text(strbuf_status(&text)));
    }
    strbuf_done(&text);
}

void intent_end(struct action *action, struct changes *changes)
{
    note_outcome(action, changes);
    intent_close(action->id, changes);
}

void intent_close(const char *id, struct changes *changes)
{
    if (changes_whole(changes)) changes_intent_end(changes, id);
}

/* ---- after a change ---- */

/* The member that a change names: "max", or "parameters.maxmemory-policy" inside of an object. */
static cJSON *holder_of(cJSON *wanted, const char *field, const char **name)
{
    const char *dot = strchr(field, '.');
    *name = field;
    if (!dot) return wanted;
    char *outer = strndup(field, (size_t)(dot - field));
    cJSON *inside = outer ? cJSON_GetObjectItemCaseSensitive(wanted, outer) : NULL;
    free(outer);
    if (!cJSON_IsObject(inside)) return wanted;
    *name = dot + 1;
    return inside;
}

/* The wanted that puts the former values back; NULL when one of them was none. */
static char *former_values(const struct comparison *comparison)
{
    cJSON *wanted = cJSON_Parse(comparison->wanted), *changes = cJSON_Parse(comparison->changes);
    const cJSON *change;
    bool whole = wanted && changes;
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        const cJSON *from = cJSON_GetObjectItemCaseSensitive(change, "from");
        const char *name = NULL;
        if (!whole || !field || !from || cJSON_IsNull(from)) {
            whole = false;
            break;
        }
        cJSON *holder = holder_of(wanted, field, &name), *copy = cJSON_Duplicate(from, true);
        if (!copy) whole = false;
        if (copy && cJSON_GetObjectItemCaseSensitive(holder, name))
            cJSON_ReplaceItemInObjectCaseSensitive(holder, name, copy);
        else if (copy)
            cJSON_AddItemToObject(holder, name, copy);
    }
    char *json = whole ? cJSON_PrintUnformatted(wanted) : NULL;
    cJSON_Delete(wanted);
    cJSON_Delete(changes);
    return json;
}

static void verify_later(struct resource *resource, const struct change_made *made,
                         const struct comparison *comparison, int64_t now_ms)
{
    cJSON *verify = cJSON_Parse(made->verify);
    const char *check = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(verify, "check"));
    const char *on_failure =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(verify, "on_failure"));
    const cJSON *within = cJSON_GetObjectItemCaseSensitive(verify, "within");
    struct verification *v = check ? calloc(1, sizeof *v) : NULL;
    if (v && text_set(&v->id, made->id) == OK && text_set(&v->policy, made->policy) == OK &&
        text_set(&v->target, made->target) == OK && text_set(&v->check, check) == OK) {
        for (int i = 0; on_failure && on_failure_names[i]; i++)
            if (strcmp(on_failure_names[i], on_failure) == 0) v->on_failure = (enum on_failure)i;
        v->due_ms = now_ms + (cJSON_IsNumber(within) ? (int64_t)(within->valuedouble * 1000) : 0);
        v->back = former_values(comparison);
        v->next = resource->verifications;
        resource->verifications = v;
    } else {
        verification_free(v);
    }
    cJSON_Delete(verify);
}

size_t capacities_of(const char *capacities_json, struct capacity out[CAPACITIES_MAX])
{
    cJSON *changes = cJSON_Parse(capacities_json);
    const cJSON *change;
    size_t count = 0;
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        const cJSON *from = cJSON_GetObjectItemCaseSensitive(change, "from");
        const cJSON *to = cJSON_GetObjectItemCaseSensitive(change, "to");
        bool fits = field && strlen(field) < CAPACITY_FIELD_MAX && cJSON_IsNumber(from) &&
                    cJSON_IsNumber(to) && count < CAPACITIES_MAX;
        if (!fits) continue;
        out[count] = (struct capacity){.from = from->valuedouble, .to = to->valuedouble};
        memcpy(out[count++].field, field, strlen(field) + 1);
    }
    cJSON_Delete(changes);
    return count;
}

static void histories_applied(struct resource *resource, const struct comparison *comparison,
                              int64_t now_ms)
{
    for (size_t i = 0; i < comparison->capacity_count; i++) {
        const struct capacity *capacity = &comparison->capacities[i];
        struct rail_history *history = resource_history(resource, capacity->field);
        if (history && !isnan(capacity->from) && capacity->from != capacity->to)
            rail_history_applied(history, now_ms, capacity->from, capacity->to);
    }
}

void resource_applied(struct engine *engine, struct resource *resource,
                      const struct change_made *made, const struct comparison *comparison,
                      struct changes *changes)
{
    int64_t now_ms = engine_now_ms(engine);
    /* Without memory a kind that cannot be read must not forget that it was called. */
    resource->call_unknown = text_set(&resource->written, comparison->wanted) < 0;
    resource->written_ms = now_ms;
    resource->confirmed = false;
    resource->compared = resource->drift_hash = 0;
    resource->drift_until_ms = 0;
    text_set(&resource->drift, NULL);
    if (!resource->frozen) text_set(&resource->failed, NULL); /* else this put something back */
    histories_applied(resource, comparison, now_ms);
    while (resource->verifications) { /* of changes that this one has overtaken */
        struct verification *v = resource->verifications;
        resource->verifications = v->next;
        note_verification(engine, resource, v, "unknown", "a later change overtook it", changes);
        verification_free(v);
    }
    if (made->verify) verify_later(resource, made, comparison, now_ms);
    resources_keep(&engine->resources, resource, changes);
}
