/* app/entry.c - a journal entry, read and in one line. */
#include "moontide/app/entry.h"

#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

static bool copy(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

int entry_init(struct entry *entry, const struct journal_row *row)
{
    const struct journal_entry *e = &row->entry;
    *entry = (struct entry){.seq = row->seq, .at_ms = row->at_ms};
    bool whole = copy(&entry->world, row->world);
    whole = copy(&entry->what, e->what) && whole;
    whole = copy(&entry->id, e->id) && whole;
    whole = copy(&entry->policy, e->policy) && whole;
    whole = copy(&entry->target, e->target) && whole;
    whole = copy(&entry->resource, e->resource) && whole;
    whole = copy(&entry->policy_sha256, e->policy_sha256) && whole;
    whole = copy(&entry->text, e->json ? e->json : "{}") && whole;
    if (!whole) {
        entry_done(entry);
        return ERR_NOMEM;
    }
    entry->json = cJSON_Parse(entry->text);
    return OK;
}

void entry_done(struct entry *entry)
{
    free(entry->world);
    free(entry->what);
    free(entry->id);
    free(entry->policy);
    free(entry->target);
    free(entry->resource);
    free(entry->policy_sha256);
    free(entry->text);
    cJSON_Delete(entry->json);
    *entry = (struct entry){0};
}

const char *entry_text(const struct entry *entry, const char *field)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry->json, field));
    return text ? text : "";
}

/* ---- values ---- */

void entry_put_clean(struct strbuf *out, const char *text)
{
    for (const char *c = text ? text : "?"; *c; c++)
        strbuf_addc(out, (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c);
}

void entry_put_value(struct strbuf *out, const cJSON *value)
{
    if (!value || cJSON_IsNull(value)) {
        strbuf_adds(out, "none");
    } else if (cJSON_IsString(value)) {
        entry_put_clean(out, value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        strbuf_add_double(out, value->valuedouble);
    } else {
        char *text = cJSON_PrintUnformatted(value);
        entry_put_clean(out, text);
        cJSON_free(text);
    }
}

void entry_put_changes(struct strbuf *out, const cJSON *changes)
{
    const cJSON *change;
    cJSON_ArrayForEach(change, changes)
    {
        const char *field = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(change, "field"));
        if (change != changes->child) strbuf_adds(out, ", ");
        entry_put_clean(out, field);
        strbuf_addc(out, ' ');
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(change, "from"));
        strbuf_adds(out, " -> ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(change, "to"));
    }
}

/* ---- one line ---- */

/* The field that says how it went; each kind of entry has one of them. */
static const char *outcome_of(const struct entry *entry)
{
    static const char *const fields[] = {"outcome", "result", "state"};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const char *text = entry_text(entry, fields[i]);
        if (text[0]) return text;
    }
    return "";
}

static const char *paint(const char *outcome)
{
    static const struct {
        const char *outcome, *color;
    } paints[] = {{"applied", "\033[32m"},  {"passed", "\033[32m"},  {"resolved", "\033[32m"},
                  {"refused", "\033[33m"},  {"unknown", "\033[35m"}, {"failed", "\033[1;31m"},
                  {"raised", "\033[1;31m"}, {"proposed", "\033[36m"}};
    for (size_t i = 0; i < COUNT_OF(paints); i++)
        if (strcmp(paints[i].outcome, outcome) == 0) return paints[i].color;
    return "";
}

static void put_field(struct strbuf *out, const char *text)
{
    if (!text || !text[0]) return;
    strbuf_adds(out, "  ");
    entry_put_clean(out, text);
}

static void put_drift(const struct entry *entry, struct strbuf *out)
{
    const cJSON *field;
    strbuf_adds(out, "  changed by somebody else:");
    cJSON_ArrayForEach(field, cJSON_GetObjectItemCaseSensitive(entry->json, "fields"))
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(field, "field"));
        strbuf_addc(out, ' ');
        entry_put_clean(out, name);
        strbuf_addc(out, ' ');
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(field, "written"));
        strbuf_adds(out, " -> ");
        entry_put_value(out, cJSON_GetObjectItemCaseSensitive(field, "found"));
    }
}

/* What it is about, in the words that the entry itself has. */
static void put_words(const struct entry *entry, struct strbuf *out)
{
    static const char *const fields[] = {"text", "description", "error", "scope", "by"};
    const cJSON *changes = cJSON_GetObjectItemCaseSensitive(entry->json, "changes");
    if (strcmp(entry->what, "drift") == 0) put_drift(entry, out);
    if (strcmp(entry->what, "issue") == 0) put_field(out, entry_text(entry, "type"));
    if (cJSON_GetArraySize(changes) > 0) {
        strbuf_adds(out, "  ");
        entry_put_changes(out, changes);
    }
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        put_field(out, entry_text(entry, fields[i]));
    if (strcmp(entry->what, "pause") == 0 || strcmp(entry->what, "resume") == 0)
        put_field(out, entry_text(entry, "reason"));
}

void entry_line(const struct entry *entry, bool color, struct strbuf *out)
{
    char at[TIME_TEXT_MAX];
    const char *outcome = outcome_of(entry);
    bool rail = strcmp(entry->what, "decision") == 0;
    time_format(entry->at_ms / 1000 * 1000, at);
    strbuf_addf(out, "%s  %-12s", at, entry->what);
    if (outcome[0]) {
        const char *begin = color ? paint(outcome) : "";
        strbuf_addf(out, "  %s", begin);
        entry_put_clean(out, outcome);
        if (begin[0]) strbuf_adds(out, "\033[0m");
        if (rail && entry_text(entry, "reason")[0]) {
            strbuf_addc(out, ' ');
            entry_put_clean(out, entry_text(entry, "reason"));
        }
    }
    if (strcmp(entry->world, "aws") != 0) put_field(out, entry->world);
    put_field(out, entry->policy);
    put_field(out, entry->target);
    put_field(out, entry->resource);
    put_words(entry, out);
}

/* ---- JSON ---- */

void entry_json(const struct entry *entry, struct json_writer *w)
{
    char at[TIME_TEXT_MAX];
    time_format(entry->at_ms, at);
    json_object(w);
    json_key(w, "seq");
    json_int(w, entry->seq);
    json_put_given(w, "at", at);
    json_put_given(w, "world", entry->world);
    json_put_given(w, "id", entry->id);
    json_put_given(w, "what", entry->what);
    json_put_given(w, "policy", entry->policy);
    json_put_given(w, "target", entry->target);
    json_put_given(w, "resource", entry->resource);
    json_put_given(w, "policy_sha256", entry->policy_sha256);
    json_key(w, "detail");
    if (entry->json)
        json_raw(w, entry->text, strlen(entry->text));
    else
        json_null(w);
    json_object_end(w);
}
