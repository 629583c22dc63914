/* tick/compare.c - two evaluations side by side.
 *
 * Most pairs are equal, and of a long run all but a few: what is stated at the same place on both
 * sides is looked at first, texts that are equal as they stand are not taken apart, and nothing is
 * allocated before there is a difference. */
#include "moontide/tick/compare.h"

#include "moontide/base/hash.h"
#include "moontide/base/timetext.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECT_MAX = 8 * 1024 };

void differences_init(struct differences *differences)
{
    *differences = (struct differences){0};
    evaluation_init(&differences->texts);
}

void differences_done(struct differences *differences)
{
    free(differences->items);
    free(differences->fields);
    free(differences->taken);
    evaluation_done(&differences->texts);
}

/* ---- the list ---- */

static const char *keep(struct differences *out, const char *text)
{
    return text ? evaluation_text(&out->texts, text, strlen(text)) : NULL;
}

static uint64_t mix(uint64_t hash, const char *text)
{
    return hash64(text, strlen(text) + 1, hash);
}

static int add(struct differences *out, enum difference_what what, enum difference_side side,
               const char *subject, const char *text)
{
    if (out->count == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 8;
        struct difference *items = realloc(out->items, cap * sizeof *items);
        if (!items) return ERR_NOMEM;
        out->items = items;
        out->cap = cap;
    }
    struct difference *difference = &out->items[out->count];
    *difference = (struct difference){.what = what,
                                      .side = side,
                                      .subject = keep(out, subject),
                                      .text = keep(out, text),
                                      .first_field = out->field_count};
    if (!difference->subject || !difference->text) return ERR_LIMIT;
    difference->id = mix((uint64_t)what * 4 + (uint64_t)side + 1, subject);
    out->count++;
    return OK;
}

/* A field of the last difference. named: its values belong to what the difference is, as they do
 * not come from measured data. */
static int add_field(struct differences *out, const char *name, const char *before,
                     const char *after, bool named)
{
    if (out->field_count == out->field_cap) {
        size_t cap = out->field_cap ? out->field_cap * 2 : 16;
        struct difference_field *fields = realloc(out->fields, cap * sizeof *fields);
        if (!fields) return ERR_NOMEM;
        out->fields = fields;
        out->field_cap = cap;
    }
    struct difference_field *field = &out->fields[out->field_count];
    *field = (struct difference_field){keep(out, name), keep(out, before), keep(out, after)};
    if (!field->name || (before && !field->before) || (after && !field->after)) return ERR_LIMIT;
    struct difference *difference = &out->items[out->count - 1];
    difference->id = mix(difference->id, name);
    if (named) difference->id = mix(mix(difference->id, before ? before : ""), after ? after : "");
    out->field_count++;
    difference->field_count++;
    return OK;
}

/* What differs between two matched items, or of the one that has no match. */
typedef void subject_fn(struct strbuf *out, const void *item);
struct change {
    struct differences *out;
    enum difference_what what;
    subject_fn *subject;
    const void *item; /* of either side */
    bool open;        /* it is in the list */
    int code;
};

static void change_open(struct change *change, enum difference_side side, const char *text)
{
    struct strbuf subject;
    if (change->code < 0 || change->open) return;
    strbuf_init(&subject, SUBJECT_MAX);
    change->subject(&subject, change->item);
    change->code = strbuf_status(&subject);
    if (change->code == OK)
        change->code = add(change->out, change->what, side, strbuf_cstr(&subject), text);
    strbuf_done(&subject);
    change->open = true;
}

static void differs(struct change *change, const char *name, const char *before, const char *after,
                    bool named)
{
    change_open(change, DIFFERENCE_CHANGED, "");
    if (change->code == OK) change->code = add_field(change->out, name, before, after, named);
}

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a ? a : "", b ? b : "") == 0;
}

static void compare_text(struct change *change, const char *name, const char *before,
                         const char *after, bool named)
{
    if (!same(before, after)) differs(change, name, before, after, named);
}

static void compare_duration(struct change *change, const char *name, int64_t before, int64_t after)
{
    char texts[2][DURATION_TEXT_MAX];
    if (before == after) return;
    duration_format(before, texts[0]);
    duration_format(after, texts[1]);
    differs(change, name, texts[0], texts[1], true);
}

/* ---- matching ---- */

static int untake(struct differences *out, size_t count)
{
    if (count > out->taken_cap) {
        unsigned char *taken = realloc(out->taken, count);
        if (!taken) return ERR_NOMEM;
        out->taken = taken;
        out->taken_cap = count;
    }
    if (count) memset(out->taken, 0, count);
    return OK;
}

typedef bool same_item_fn(const void *a, const void *b);
struct items {
    const void *items;
    size_t size, count;
    same_item_fn *same;
};

static const void *item_at(const struct items *items, size_t i)
{
    return (const char *)items->items + i * items->size;
}

/* The item of the new side that is the old side's i-th; NULL when there is none left. */
static const void *take_match(struct differences *out, const struct items *after, const void *item,
                              size_t i)
{
    for (size_t k = 0; k < after->count; k++) {
        size_t at = (i + k) % after->count;
        if (out->taken[at] || !after->same(item, item_at(after, at))) continue;
        out->taken[at] = 1;
        return item_at(after, at);
    }
    return NULL;
}

typedef int compare_fn(struct differences *out, const void *before, const void *after);

/* compare gets NULL for the side that has none. */
static int compare_items(struct differences *out, const struct items *before,
                         const struct items *after, compare_fn *compare)
{
    if (before->count == 0 && after->count == 0) return OK;
    int rc = untake(out, after->count);
    for (size_t i = 0; i < before->count && rc == OK; i++)
        rc = compare(out, item_at(before, i), take_match(out, after, item_at(before, i), i));
    for (size_t i = 0; i < after->count && rc == OK; i++)
        if (!out->taken[i]) rc = compare(out, NULL, item_at(after, i));
    return rc;
}

/* ---- issues ---- */

static bool same_issue(const void *a, const void *b)
{
    const struct issue *x = a, *y = b;
    return strcmp(x->type, y->type) == 0 && strcmp(x->key, y->key) == 0;
}

static const char *verdict_text(enum verdict verdict)
{
    return verdict == VERDICT_TRUE ? "true" : verdict == VERDICT_FALSE ? "false" : "unknown";
}

static enum verdict when_of(const struct issue *issue)
{
    return issue ? issue->when : VERDICT_FALSE;
}

/* Whether the alert would go back, if it is not raised. */
static enum verdict clear_of(const struct issue *issue)
{
    return issue && issue->has_clear ? issue->clear : VERDICT_TRUE;
}

static void issue_subject(struct strbuf *out, const void *item)
{
    const struct issue *issue = item;
    strbuf_addf(out, "%s%s%s", issue->type, issue->key[0] ? "/" : "", issue->key);
}

static void one_sided_issue(struct change *change, enum difference_side side)
{
    const struct issue *issue = change->item;
    struct strbuf text;
    strbuf_init(&text, EVALUATION_BYTES_MAX);
    strbuf_addf(&text, "%s%s%s", severity_names[issue->severity], issue->description[0] ? ": " : "",
                issue->description);
    if (strbuf_status(&text) == OK)
        change_open(change, side, strbuf_cstr(&text));
    else
        change->code = strbuf_status(&text);
    strbuf_done(&text);
}

/* Both raise it. */
static void compare_raised(struct change *change, const struct issue *before,
                           const struct issue *after)
{
    compare_text(change, "severity", severity_names[before->severity],
                 severity_names[after->severity], true);
    compare_duration(change, "pending", before->pending_ms, after->pending_ms);
    compare_duration(change, "keep_firing", before->keep_firing_ms, after->keep_firing_ms);
    compare_text(change, "description", before->description, after->description, false);
    compare_text(change, "recommendation", before->recommendation, after->recommendation, false);
}

static int compare_issue(struct differences *out, const void *a, const void *b)
{
    const struct issue *before = a, *after = b;
    enum verdict was = when_of(before), is = when_of(after);
    struct change change = {.out = out, .what = DIFFERENCE_ISSUE, .subject = issue_subject};
    change.item = before && (was == VERDICT_TRUE || !after) ? before : after;
    if (was == VERDICT_TRUE && is == VERDICT_TRUE)
        compare_raised(&change, before, after);
    else if (was == VERDICT_TRUE && is == VERDICT_FALSE)
        one_sided_issue(&change, DIFFERENCE_REMOVED);
    else if (was == VERDICT_FALSE && is == VERDICT_TRUE)
        one_sided_issue(&change, DIFFERENCE_ADDED);
    else if (was != is)
        differs(&change, "when", verdict_text(was), verdict_text(is), true);
    else if (was == VERDICT_FALSE && clear_of(before) != clear_of(after))
        differs(&change, "clear", verdict_text(clear_of(before)), verdict_text(clear_of(after)),
                true);
    return change.code;
}

/* ---- recommendations ---- */

static bool same_recommendation(const void *a, const void *b)
{
    const struct recommendation *x = a, *y = b;
    return strcmp(x->type, y->type) == 0 && strcmp(x->action, y->action) == 0;
}

static void recommendation_subject(struct strbuf *out, const void *item)
{
    strbuf_adds(out, ((const struct recommendation *)item)->type);
}

static int compare_recommendation(struct differences *out, const void *a, const void *b)
{
    const struct recommendation *before = a, *after = b, *one = before ? before : after;
    if (!before || !after)
        return add(out, DIFFERENCE_RECOMMENDATION, before ? DIFFERENCE_REMOVED : DIFFERENCE_ADDED,
                   one->type, one->action);
    struct change change = {.out = out,
                            .what = DIFFERENCE_RECOMMENDATION,
                            .subject = recommendation_subject,
                            .item = one};
    compare_text(&change, "impact", severity_names[before->impact], severity_names[after->impact],
                 true);
    compare_text(&change, "effort", severity_names[before->effort], severity_names[after->effort],
                 true);
    return change.code;
}

/* ---- decisions ---- */

static bool same_decision(const void *a, const void *b)
{
    const struct decision *x = a, *y = b;
    return strcmp(x->resource, y->resource) == 0 && strcmp(x->kind, y->kind) == 0 &&
           same(x->region, y->region) && same(x->account, y->account);
}

static void compare_member(struct change *change, const char *name, const cJSON *before,
                           const cJSON *after)
{
    if (change->code < 0 || (before && after && cJSON_Compare(before, after, true))) return;
    char *texts[2] = {before ? cJSON_PrintUnformatted(before) : NULL,
                      after ? cJSON_PrintUnformatted(after) : NULL};
    if ((before && !texts[0]) || (after && !texts[1]))
        change->code = ERR_NOMEM;
    else
        differs(change, name, texts[0], texts[1], false);
    cJSON_free(texts[0]);
    cJSON_free(texts[1]);
}

static void compare_wanted(struct change *change, const char *before, const char *after)
{
    if (change->code < 0 || strcmp(before, after) == 0) return;
    cJSON *was = cJSON_Parse(before), *is = cJSON_Parse(after);
    const cJSON *member;
    if (!was || !is) change->code = ERR_NOMEM; /* they are JSON: the host wrote them */
    cJSON_ArrayForEach(member, was) compare_member(
        change, member->string, member, cJSON_GetObjectItemCaseSensitive(is, member->string));
    cJSON_ArrayForEach(member, is)
    {
        if (!cJSON_GetObjectItemCaseSensitive(was, member->string))
            compare_member(change, member->string, NULL, member);
    }
    cJSON_Delete(was);
    cJSON_Delete(is);
}

static void decision_subject(struct strbuf *out, const void *item)
{
    const struct decision *decision = item;
    strbuf_addf(out, "%s %s", decision->kind, decision->resource);
    if (decision->region) strbuf_addf(out, " in %s", decision->region);
    if (decision->account) strbuf_addf(out, " of %s", decision->account);
}

static int compare_decision(struct differences *out, const void *a, const void *b)
{
    const struct decision *before = a, *after = b, *one = before ? before : after;
    struct change change = {
        .out = out, .what = DIFFERENCE_DECISION, .subject = decision_subject, .item = one};
    if (!before || !after) {
        change_open(&change, before ? DIFFERENCE_REMOVED : DIFFERENCE_ADDED, one->wanted);
    } else {
        compare_wanted(&change, before->wanted, after->wanted);
        compare_text(&change, "rails", before->rails, after->rails, true);
        compare_text(&change, "verify", before->verify, after->verify, true);
    }
    return change.code;
}

/* ---- series that could not answer, errors ---- */

static bool same_unknown(const void *a, const void *b)
{
    return strcmp(((const struct unknown *)a)->metric, ((const struct unknown *)b)->metric) == 0;
}

static int compare_unknown(struct differences *out, const void *a, const void *b)
{
    const struct unknown *one = a ? a : b;
    if (a && b) return OK;
    return add(out, DIFFERENCE_UNKNOWN, a ? DIFFERENCE_REMOVED : DIFFERENCE_ADDED, one->metric,
               one->reason);
}

static int compare_faults(struct differences *out, const struct fault *before,
                          const struct fault *after)
{
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    if (before && after) return OK;
    fault_print(before ? before : after, text, sizeof text);
    return add(out, DIFFERENCE_ERROR, before ? DIFFERENCE_REMOVED : DIFFERENCE_ADDED, "", text);
}

/* ---- all of it ---- */

#define ITEMS(evaluation, list, n, same)                                                           \
    &(const struct items)                                                                          \
    {                                                                                              \
        (evaluation)->list, sizeof *(evaluation)->list, (evaluation)->n, same                      \
    }

static int compare_evaluations(struct differences *out, const struct evaluation *a,
                               const struct evaluation *b)
{
    int rc = compare_items(out, ITEMS(a, issues, issue_count, same_issue),
                           ITEMS(b, issues, issue_count, same_issue), compare_issue);
    if (rc == OK)
        rc =
            compare_items(out, ITEMS(a, recommendations, recommendation_count, same_recommendation),
                          ITEMS(b, recommendations, recommendation_count, same_recommendation),
                          compare_recommendation);
    if (rc == OK)
        rc = compare_items(out, ITEMS(a, decisions, decision_count, same_decision),
                           ITEMS(b, decisions, decision_count, same_decision), compare_decision);
    if (rc == OK)
        rc = compare_items(out, ITEMS(a, unknowns, unknown_count, same_unknown),
                           ITEMS(b, unknowns, unknown_count, same_unknown), compare_unknown);
    return rc;
}

int differences_find(struct differences *out, const struct judgement *before,
                     const struct judgement *after)
{
    out->count = out->field_count = 0;
    evaluation_reset(&out->texts);
    int rc = before->fault || after->fault
                 ? compare_faults(out, before->fault, after->fault)
                 : compare_evaluations(out, before->evaluation, after->evaluation);
    if (rc < 0) {
        out->count = 0;
        return rc;
    }
    for (size_t i = 0; i < out->count; i++)
        out->items[i].fields = out->fields + out->items[i].first_field;
    return (int)out->count;
}
