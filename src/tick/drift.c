/* tick/drift.c - whether somebody else changed a resource since moontide's last write.
 *
 * What was written is a `wanted`; comparing it with what is there now tells the fields that are no
 * longer as moontide left them, whatever the kind. As long as a write has never been seen, a
 * difference may be that write on its way: it is waited for, CONFIRM_MS at the most.
 *
 *   written --read: no difference--> confirmed --read: a difference--> drifted, held for drift_hold
 *      |                                                                  |        ^
 *      +-- still different after CONFIRM_MS ------------------------------+        | changed again
 *                                                                         +--------+ */
#include "act.h"

#include "moontide/base/hash.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/base/timetext.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct drift_note {
    const char *kind, *changes;
    int64_t at_ms, until_ms;
};

/* In a drift's comparison `from` is what was found, and `to` what moontide had written. */
static void drift_members(struct json_writer *w, const void *data)
{
    const struct drift_note *drift = data;
    cJSON *changes = cJSON_Parse(drift->changes);
    cJSON *change;
    cJSON_ArrayForEach(change, changes)
    {
        cJSON *found = cJSON_DetachItemFromObjectCaseSensitive(change, "from");
        cJSON *written = cJSON_DetachItemFromObjectCaseSensitive(change, "to");
        if (found) cJSON_AddItemToObject(change, "found", found);
        if (written) cJSON_AddItemToObject(change, "written", written);
    }
    char *fields = cJSON_PrintUnformatted(changes);
    json_key(w, "at");
    json_int(w, drift->at_ms);
    note_key(w, "kind", drift->kind);
    note_key_json(w, "fields", fields);
    json_key(w, "until");
    json_int(w, drift->until_ms);
    free(fields);
    cJSON_Delete(changes);
}

static void value_text(const cJSON *value, char *out, size_t size)
{
    char *json = value ? cJSON_PrintUnformatted(value) : NULL;
    snprintf(out, size, "%.80s", json ? json : "nothing");
    free(json);
}

/* "max is 9, and moontide had written 20" */
static void drift_words(const char *changes_json, char *out, size_t size)
{
    cJSON *changes = cJSON_Parse(changes_json);
    const cJSON *change;
    size_t len = 0;
    out[0] = '\0';
    cJSON_ArrayForEach(change, changes)
    {
        char found[96], written[96];
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        value_text(cJSON_GetObjectItemCaseSensitive(change, "from"), found, sizeof found);
        value_text(cJSON_GetObjectItemCaseSensitive(change, "to"), written, sizeof written);
        int n = snprintf(out + len, size - len, "%s%s is %s (moontide had written %s)",
                         len > 0 ? ", " : "", field ? field : "?", found, written);
        if (n < 0 || (size_t)n >= size - len) break;
        len += (size_t)n;
    }
    cJSON_Delete(changes);
}

/* The decision's own, or the policy's. */
static int64_t hold_ms(const struct action *action)
{
    const char *json = action->decision->rails;
    struct rail_limits limits;
    struct fault fault;
    rail_limits_copy(&limits, &action->judged->run->generation->limits);
    int rc = json ? rail_limits_read(&limits, json, strlen(json), &fault) : OK;
    int64_t hold = limits.drift_hold_ms; /* as it was when they cannot be read */
    (void)rc;
    rail_limits_done(&limits);
    return hold;
}

static void drifted(struct action *action, const struct comparison *found, uint64_t hash)
{
    struct resource *resource = action->resource;
    struct tick *tick = action_tick(action);
    char words[RAIL_TEXT_MAX / 2], text[RAIL_TEXT_MAX], until[TIME_TEXT_MAX];
    resource->drift_hash = hash;
    resource->drift_ms = tick->at_ms;
    resource->drift_until_ms = tick->at_ms + hold_ms(action);
    drift_words(found->changes, words, sizeof words);
    time_format(resource->drift_until_ms, until);
    snprintf(text, sizeof text, "somebody else changed it: %s; held until %s", words, until);
    text_set(&resource->drift, text);
    resources_keep(&tick->engine->resources, resource, tick->changes);
    struct note note = {.what = "drift",
                        .policy = action_policy(action)->name,
                        .target = action_target(action),
                        .resource = resource->resource};
    struct drift_note said = {resource->kind, found->changes, tick->at_ms,
                              resource->drift_until_ms};
    note_entry(tick->changes, &note, drift_members, &said);
    log_event(LOG_WARN, "resource.drifted", LOG_S("policy", note.policy),
              LOG_S("target", note.target), LOG_S("resource", resource->resource),
              LOG_S("text", text));
}

static void confirm(struct action *action)
{
    struct resource *resource = action->resource;
    struct tick *tick = action_tick(action);
    if (resource->confirmed && resource->drift_until_ms == 0) return;
    resource->confirmed = true;
    resource->drift_until_ms = 0;
    resource->drift_hash = 0;
    text_set(&resource->drift, NULL);
    resources_keep(&tick->engine->resources, resource, tick->changes);
}

/* By a clock that went backwards it was written just now. */
static bool may_be_on_its_way(struct resource *resource, int64_t now_ms)
{
    if (resource->written_ms > now_ms) resource->written_ms = now_ms;
    return !resource->confirmed && now_ms - resource->written_ms < CONFIRM_MS;
}

const char *drift_holds(const struct action *action)
{
    struct resource *resource = action->resource;
    int64_t now_ms = action_tick(action)->at_ms;
    if (resource->drift_until_ms == 0) return NULL;
    if (resource->drift_ms > now_ms) resource->drift_ms = now_ms; /* the clock went back */
    if (now_ms - resource->drift_ms >= hold_ms(action)) return NULL;
    return resource->drift ? resource->drift : "somebody else changed it";
}

int drift_look(struct action *action, char **busy)
{
    struct resource *resource = action->resource;
    struct tick *tick = action_tick(action);
    struct actor *actor = tick->engine->options.actor;
    const char *current = action->subject->current;
    uint64_t hash = hash64(current, strlen(current), 1) | 1;
    if (!resource->written) return OK;
    if (resource->confirmed && resource->compared == hash) return OK;
    struct subject as_written = *action->subject;
    struct comparison found = {0};
    struct fault fault;
    as_written.wanted = resource->written;
    int rc = actor->vtable->compare(actor, &as_written, NULL, 0, &found, &fault);
    if (rc < 0)
        return rc == ERR_NOMEM ? rc : OK; /* a kind that cannot read its own words any more */
    resource->compared = hash;
    if (found.change_count == 0) {
        confirm(action);
    } else if (may_be_on_its_way(resource, tick->at_ms)) {
        *busy = strdup("moontide's last change is not to be seen yet");
        rc = *busy ? OK : ERR_NOMEM;
    } else {
        /* By what differs: `current` tells more, some of which never rests. */
        uint64_t drift = hash64(found.changes, strlen(found.changes), 1) | 1;
        resource->confirmed = true;
        if (resource->drift_hash != drift) drifted(action, &found, drift);
    }
    comparison_done(&found);
    return rc;
}

void drift_settled(struct action *action)
{
    struct resource *resource = action->resource;
    if (!resource->written) return;
    const char *wanted =
        action->comparison.wanted ? action->comparison.wanted : action->decision->wanted;
    bool same = strcmp(resource->written, wanted) == 0;
    if (same && resource->confirmed && resource->drift_until_ms == 0) return;
    if (!same && text_set(&resource->written, wanted) < 0) return;
    if (!same) resource->compared = 0; /* that was with what was written before */
    resource->confirmed = false;
    confirm(action);
}
