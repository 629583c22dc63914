/* app/why_words.c - the chains of a name, in words and as JSON.
 *
 * Entries come newest first; a chain is shown from its beginning, the chain that began last first.
 * The few hundred entries of one name are searched by walking them. */
#include "moontide/app/why.h"

#include "moontide/app/pauses.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

struct paint {
    const char *bold, *warn, *off;
};

void why_done(struct why *why)
{
    for (size_t i = 0; i < why->count; i++)
        entry_done(&why->entries[i]);
    free(why->entries);
    pauses_done(&why->pauses);
    why->entries = NULL;
    why->count = 0;
}

int why_add(struct why *why, const struct journal_row *row)
{
    size_t at = why->count; /* rows come newest first, so it is mostly the end */
    while (at > 0 && why->entries[at - 1].seq < row->seq)
        at--;
    if (at > 0 && why->entries[at - 1].seq == row->seq) return OK;
    struct entry entry, *entries = realloc(why->entries, (why->count + 1) * sizeof *entries);
    if (!entries) return ERR_NOMEM;
    why->entries = entries;
    int code = entry_init(&entry, row);
    if (code < 0) return code;
    memmove(&entries[at + 1], &entries[at], (why->count - at) * sizeof *entries);
    entries[at] = entry;
    why->count++;
    return OK;
}

/* ---- finding ---- */

static bool is(const struct entry *entry, const char *what)
{
    return strcmp(entry->what, what) == 0;
}

static bool same_chain(const struct entry *a, const struct entry *b)
{
    return a == b || (a->id && b->id && strcmp(a->id, b->id) == 0);
}

/* The entry that begins the chain: the decision, or the intent where the decision was pruned. */
static bool begins(const struct why *why, const struct entry *entry)
{
    if (!is(entry, "decision") && !is(entry, "intent")) return false;
    for (size_t i = 0; i < why->count; i++) {
        const struct entry *other = &why->entries[i];
        if (other->seq < entry->seq && same_chain(entry, other) &&
            (is(other, "decision") || is(other, "intent")))
            return false;
    }
    return true;
}

static const struct entry *issue_of(const struct why *why, const char *id)
{
    const struct entry *found = NULL;
    for (size_t i = 0; i < why->count; i++) {
        const struct entry *entry = &why->entries[i];
        bool raised = is(entry, "issue") && strcmp(entry_text(entry, "state"), "raised") == 0;
        if (raised && entry->id && strcmp(entry->id, id) == 0) found = entry;
    }
    return found;
}

static const struct why_file *file_of(const struct why *why, const char *sha256)
{
    for (size_t i = 0; i < why->file_count; i++)
        if (strcmp(why->files[i].sha256, sha256) == 0) return &why->files[i];
    return NULL;
}

/* Whether no later decision of the same kind on the same resource was refused. */
static bool is_last_of_kind(const struct why *why, size_t at)
{
    const struct entry *entry = &why->entries[at];
    for (size_t i = 0; i < at; i++) {
        const struct entry *later = &why->entries[i];
        bool same = is(later, "decision") &&
                    strcmp(entry_text(later, "kind"), entry_text(entry, "kind")) == 0 &&
                    strcmp(later->resource ? later->resource : "",
                           entry->resource ? entry->resource : "") == 0;
        if (same && strcmp(entry_text(later, "outcome"), "refused") == 0) return false;
    }
    return true;
}

static bool decided_since(const struct why *why, size_t at)
{
    const struct entry *entry = &why->entries[at];
    for (size_t i = 0; i < at; i++)
        if (is(&why->entries[i], "decision") &&
            strcmp(entry_text(&why->entries[i], "kind"), entry_text(entry, "kind")) == 0)
            return true;
    return false;
}

static bool is_refusal(const struct why *why, size_t at)
{
    const struct entry *entry = &why->entries[at];
    if (!is(entry, "decision") || !entry_text(entry, "reason")[0]) return false;
    const char *outcome = entry_text(entry, "outcome");
    bool held = strcmp(outcome, "refused") == 0 ||
                (strcmp(outcome, "proposed") == 0 && !decided_since(why, at));
    return held && is_last_of_kind(why, at);
}

/* ---- one chain in words ---- */

static void put_time(struct strbuf *out, int64_t at_ms)
{
    char text[TIME_TEXT_MAX];
    time_format(at_ms / 1000 * 1000, text);
    strbuf_adds(out, text);
}

static void put_label(struct strbuf *out, const char *label)
{
    strbuf_addf(out, "    %-10s ", label);
}

/* "COOLDOWN (the last change ...): 5 -> 9 wanted ..." */
static void put_rule(struct strbuf *out, const char *code, const char *text)
{
    const char *rule = why_rule(code);
    entry_put_clean(out, code);
    if (rule[0]) strbuf_addf(out, " (%s)", rule);
    if (text[0]) {
        strbuf_adds(out, ": ");
        entry_put_clean(out, text);
    }
    strbuf_addc(out, '\n');
}

static void put_list(struct strbuf *out, const char *label, const cJSON *list, bool rules)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) continue;
        put_label(out, label);
        if (rules) {
            put_rule(out, item->valuestring, "");
        } else {
            entry_put_clean(out, item->valuestring);
            strbuf_addc(out, '\n');
        }
    }
}

static void put_datapoints(struct strbuf *out, const cJSON *datapoints)
{
    const cJSON *point;
    cJSON_ArrayForEach(point, datapoints)
    {
        const cJSON *at = cJSON_GetObjectItemCaseSensitive(point, "at");
        put_label(out, "data");
        entry_put_clean(out, point->string);
        strbuf_adds(out, " = ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(point, "value"));
        if (cJSON_IsNumber(at) && at->valuedouble > 0 && at->valuedouble < 253402300800) {
            strbuf_adds(out, " at ");
            put_time(out, (int64_t)at->valuedouble * 1000);
        }
        strbuf_addc(out, '\n');
    }
}

static void put_issues(const struct why *why, struct strbuf *out, const cJSON *ids)
{
    const cJSON *id;
    cJSON_ArrayForEach(id, ids)
    {
        if (!cJSON_IsString(id)) continue;
        const struct entry *issue = issue_of(why, id->valuestring);
        put_label(out, "issue");
        if (issue) {
            entry_put_clean(out, entry_text(issue, "type"));
            strbuf_adds(out, " (");
            entry_put_clean(out, entry_text(issue, "severity"));
            strbuf_adds(out, "), raised ");
            put_time(out, issue->at_ms);
            strbuf_adds(out, ": ");
            entry_put_clean(out, entry_text(issue, "description"));
        } else {
            strbuf_adds(out, "id ");
            entry_put_clean(out, id->valuestring);
        }
        strbuf_addc(out, '\n');
    }
}

static void put_policy(const struct why *why, struct strbuf *out, const struct entry *entry)
{
    if (!entry->policy) return;
    const char *sha = entry->policy_sha256 ? entry->policy_sha256 : "";
    const struct why_file *file = sha[0] ? file_of(why, sha) : NULL;
    put_label(out, "policy");
    entry_put_clean(out, entry->policy);
    if (sha[0]) strbuf_addf(out, ", sha256 %.12s", sha);
    if (file) strbuf_addf(out, ", %s as it is now", file->path);
    if (!file && sha[0] && why->file_count) strbuf_adds(out, ", a version that is not on disk now");
    strbuf_addc(out, '\n');
}

static void put_decision(const struct why *why, struct strbuf *out, const struct entry *entry,
                         const struct paint *paint)
{
    const cJSON *json = entry->json, *changes = cJSON_GetObjectItemCaseSensitive(json, "changes");
    const char *outcome = entry_text(entry, "outcome"), *reason = entry_text(entry, "reason");
    put_label(out, "decided");
    if (cJSON_GetArraySize(changes) > 0) {
        entry_put_changes(out, changes);
    } else {
        strbuf_adds(out, "wanted ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(json, "wanted"));
    }
    strbuf_addc(out, '\n');
    put_list(out, "clipped", cJSON_GetObjectItemCaseSensitive(json, "clipped"), true);
    if (outcome[0] && reason[0]) {
        strbuf_adds(out, paint->warn);
        put_label(out, outcome);
        strbuf_adds(out, paint->off);
        put_rule(out, reason, entry_text(entry, "text"));
    } else if (outcome[0] || entry_text(entry, "text")[0]) {
        put_label(out, outcome[0] ? outcome : "rails");
        entry_put_clean(out, entry_text(entry, "text")[0] ? entry_text(entry, "text") : "as it is");
        strbuf_addc(out, '\n');
    }
    put_list(out, "note", cJSON_GetObjectItemCaseSensitive(json, "notes"), false);
    put_datapoints(out, cJSON_GetObjectItemCaseSensitive(json, "datapoints"));
    put_issues(why, out, cJSON_GetObjectItemCaseSensitive(json, "issues"));
    put_policy(why, out, entry);
}

static void put_calls(struct strbuf *out, const cJSON *calls)
{
    const cJSON *call;
    cJSON_ArrayForEach(call, calls)
    {
        put_label(out, "call");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(call, "operation"));
        strbuf_adds(out, ", request id ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(call, "request_id"));
        strbuf_addc(out, '\n');
    }
}

static void put_outcome(struct strbuf *out, const struct entry *entry)
{
    const char *error = entry_text(entry, "error"), *text = entry_text(entry, "text");
    put_calls(out, cJSON_GetObjectItemCaseSensitive(entry->json, "calls"));
    put_label(out, "outcome");
    entry_put_clean(out, entry_text(entry, "outcome"));
    strbuf_addc(out, ' ');
    put_time(out, entry->at_ms);
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry->json, "recovered")))
        strbuf_adds(out, ", found out after a restart");
    for (int i = 0; i < 2; i++) {
        const char *more = i ? text : error;
        if (!more[0]) continue;
        strbuf_adds(out, ": ");
        entry_put_clean(out, more);
    }
    strbuf_addc(out, '\n');
}

static void put_verification(struct strbuf *out, const struct entry *entry)
{
    put_label(out, "verified");
    entry_put_clean(out, entry_text(entry, "result"));
    strbuf_addc(out, ' ');
    put_time(out, entry->at_ms);
    strbuf_adds(out, ", check ");
    entry_put_clean(out, entry_text(entry, "check"));
    if (strcmp(entry_text(entry, "result"), "failed") == 0) {
        strbuf_adds(out, ", then ");
        entry_put_clean(out, entry_text(entry, "on_failure"));
    }
    if (entry_text(entry, "text")[0]) {
        strbuf_adds(out, ": ");
        entry_put_clean(out, entry_text(entry, "text"));
    }
    strbuf_addc(out, '\n');
}

static void put_later(const struct why *why, struct strbuf *out, const struct entry *first)
{
    bool decided = is(first, "decision");
    for (size_t i = why->count; i-- > 0;) {
        const struct entry *entry = &why->entries[i];
        if (!same_chain(first, entry)) continue;
        if (is(entry, "intent") && decided) {
            put_label(out, "intent");
            strbuf_adds(out, "written ");
            put_time(out, entry->at_ms);
            strbuf_addc(out, '\n');
        } else if (is(entry, "outcome")) {
            put_outcome(out, entry);
        } else if (is(entry, "verification")) {
            put_verification(out, entry);
        }
    }
}

static void put_chain(const struct why *why, struct strbuf *out, const struct entry *first,
                      const struct paint *paint)
{
    strbuf_adds(out, paint->bold);
    put_time(out, first->at_ms);
    strbuf_addc(out, ' ');
    entry_put_clean(out, entry_text(first, "kind"));
    strbuf_addf(out, "%s on ", paint->off);
    entry_put_clean(out, first->resource);
    if (first->target) {
        strbuf_adds(out, " for ");
        entry_put_clean(out, first->target);
    }
    if (strcmp(first->world, "aws") != 0) strbuf_addf(out, " (world %s)", first->world);
    strbuf_addc(out, '\n');
    put_decision(why, out, first, paint);
    put_later(why, out, first);
    if (first->id) {
        put_label(out, "id");
        entry_put_clean(out, first->id);
        strbuf_addc(out, '\n');
    }
}

/* ---- the sections ---- */

static void put_chains(const struct why *why, struct strbuf *out, const struct paint *paint)
{
    size_t shown = 0, more = 0;
    for (size_t i = 0; i < why->count; i++) {
        if (!begins(why, &why->entries[i])) continue;
        if (shown == WHY_CHAINS_SHOWN) {
            more++;
            continue;
        }
        put_chain(why, out, &why->entries[i], paint);
        shown++;
    }
    if (more)
        strbuf_addf(out, "and %zu more: moontide journal --%s '%s'\n", more, why->what, why->name);
}

static void put_refusals(const struct why *why, struct strbuf *out, const struct paint *paint)
{
    bool any = false;
    for (size_t i = 0; i < why->count; i++) {
        const struct entry *entry = &why->entries[i];
        if (!is_refusal(why, i)) continue;
        const char *code = entry_text(entry, "reason"), *remedy = why_remedy(code);
        if (!any) strbuf_addf(out, "%sWhy not:%s\n", paint->bold, paint->off);
        any = true;
        strbuf_adds(out, "  ");
        entry_put_clean(out, entry_text(entry, "kind"));
        if (entry->resource && strcmp(entry->resource, why->name) != 0) {
            strbuf_adds(out, " on ");
            entry_put_clean(out, entry->resource);
        }
        strbuf_addc(out, ' ');
        put_time(out, entry->at_ms);
        strbuf_adds(out, decided_since(why, i) ? ", decided anew since: " : ": ");
        put_rule(out, code, entry_text(entry, "text"));
        if (remedy[0]) strbuf_addf(out, "    what to do: %s\n", remedy);
    }
}

static void put_one_drift(struct strbuf *out, const struct entry *entry)
{
    const cJSON *field, *until = cJSON_GetObjectItemCaseSensitive(entry->json, "until");
    strbuf_adds(out, "  ");
    put_time(out, entry->at_ms);
    strbuf_addc(out, ' ');
    entry_put_clean(out, entry->resource ? entry->resource : "");
    cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(entry->json, "fields"))
    {
        strbuf_adds(out, ", ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(field, "field"));
        strbuf_adds(out, " was written as ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(field, "written"));
        strbuf_adds(out, " and found as ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(field, "found"));
    }
    strbuf_addc(out, '\n');
    if (cJSON_IsNumber(until) && until->valuedouble > 0 && until->valuedouble < 253402300800000) {
        strbuf_adds(out, "    held until ");
        put_time(out, (int64_t)until->valuedouble);
        strbuf_addc(out, '\n');
    }
}

/* The newest of each resource. */
static void put_drifts(const struct why *why, struct strbuf *out, const struct paint *paint)
{
    bool any = false;
    for (size_t i = 0; i < why->count; i++) {
        const struct entry *entry = &why->entries[i];
        bool newest = is(entry, "drift");
        for (size_t n = 0; n < i && newest; n++)
            newest = !(is(&why->entries[n], "drift") &&
                       strcmp(why->entries[n].resource ? why->entries[n].resource : "",
                              entry->resource ? entry->resource : "") == 0);
        if (!newest) continue;
        if (!any) strbuf_addf(out, "%sDrift:%s\n", paint->bold, paint->off);
        any = true;
        put_one_drift(out, entry);
    }
    if (any)
        strbuf_adds(out, "    who knows: CloudTrail (lookup-events by the resource's name) has "
                         "the call, with user and time\n"
                         "    what to do: if it was right, put it into the policy; if not, wait "
                         "for the end of the hold, or let moontide write it again at once with "
                         "`drift_hold = 0` in `rails`\n");
}

static void put_issue_list(const struct why *why, struct strbuf *out, const struct paint *paint)
{
    size_t shown = 0;
    if (strcmp(why->what, "target") != 0) return;
    for (size_t i = 0; i < why->count && shown < WHY_CHAINS_SHOWN; i++) {
        if (!is(&why->entries[i], "issue")) continue;
        if (shown++ == 0) strbuf_addf(out, "%sIssues:%s\n", paint->bold, paint->off);
        strbuf_adds(out, "  ");
        entry_line(&why->entries[i], paint->off[0] != '\0', out);
        strbuf_addc(out, '\n');
    }
}

static void put_pauses(const struct why *why, struct strbuf *out, const struct paint *paint)
{
    for (size_t i = 0; i < why->pauses.count; i++) {
        const struct pause *pause = &why->pauses.items[i];
        char text[PAUSE_TEXT_MAX];
        pause_text(pause, text);
        strbuf_addf(out, "%sNow%s: %s", paint->warn, paint->off,
                    pause->scope[0] ? pause->scope : "everything");
        if (pause->direction != DIRECTION_NONE)
            strbuf_addf(out, ", scaling %s", direction_names[pause->direction]);
        strbuf_addf(out, ", is %s\n", text);
    }
}

int why_write_text(const struct why *why, bool color, struct strbuf *out)
{
    struct paint paint = {color ? "\033[1m" : "", color ? "\033[33m" : "", color ? "\033[0m" : ""};
    strbuf_addf(out, "%s%s%s, a %s, since ", paint.bold, why->name, paint.off, why->what);
    put_time(out, why->since_ms);
    strbuf_adds(out, "\n");
    put_pauses(why, out, &paint);
    put_chains(why, out, &paint);
    put_refusals(why, out, &paint);
    put_drifts(why, out, &paint);
    put_issue_list(why, out, &paint);
    return strbuf_status(out);
}

/* ---- JSON ---- */

static void write_chain(const struct why *why, struct json_writer *w, const struct entry *first)
{
    const struct why_file *file = first->policy_sha256 ? file_of(why, first->policy_sha256) : NULL;
    json_object(w);
    json_put_string(w, "id", first->id);
    json_put_string(w, "policy_file", file ? file->path : NULL);
    json_key(w, "entries");
    json_array(w);
    for (size_t i = why->count; i-- > 0;)
        if (same_chain(first, &why->entries[i])) entry_json(&why->entries[i], w);
    json_array_end(w);
    json_object_end(w);
}

static void write_refusal(const struct entry *entry, struct json_writer *w)
{
    char at[TIME_TEXT_MAX];
    const char *code = entry_text(entry, "reason");
    time_format(entry->at_ms, at);
    json_object(w);
    json_put_string(w, "kind", entry_text(entry, "kind"));
    json_put_string(w, "resource", entry->resource);
    json_put_string(w, "at", at);
    json_put_string(w, "reason", code);
    json_put_string(w, "rule", why_rule(code));
    json_put_string(w, "text", entry_text(entry, "text"));
    json_put_string(w, "what_to_do", why_remedy(code));
    json_object_end(w);
}

/* An array of what stands alone: drift, and issues that a decision names or that are the target's.
 */
static void write_all(const struct why *why, struct json_writer *w, const char *key,
                      const char *what)
{
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < why->count; i++)
        if (is(&why->entries[i], what)) entry_json(&why->entries[i], w);
    json_array_end(w);
}

int why_write_json(const struct why *why, struct json_writer *w)
{
    char since[TIME_TEXT_MAX];
    time_format(why->since_ms, since);
    json_object(w);
    json_put_string(w, "name", why->name);
    json_put_string(w, "as", why->what);
    json_put_string(w, "since", since);
    json_key(w, "chains");
    json_array(w);
    for (size_t i = 0; i < why->count; i++)
        if (begins(why, &why->entries[i])) write_chain(why, w, &why->entries[i]);
    json_array_end(w);
    json_key(w, "not");
    json_array(w);
    for (size_t i = 0; i < why->count; i++)
        if (is_refusal(why, i)) write_refusal(&why->entries[i], w);
    json_array_end(w);
    write_all(why, w, "drift", "drift");
    write_all(why, w, "issues", "issue");
    json_key(w, "pauses");
    pauses_json(&why->pauses, w);
    json_object_end(w);
    return strbuf_status(w->out);
}
