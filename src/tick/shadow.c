/* tick/shadow.c - how a candidate comes, is promoted, rejected or dropped, and what is said of it.
 *
 * A difference that lasts is said once: a line is news when this target did not differ in this way
 * before (difference.id). Past SHADOW_LINES_MAX they are only counted. */
#include "shadow.h"

#include "act.h"
#include "moontide/base/hash.h"
#include "moontide/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 16 * 1024 };

/* ---- the journal ---- */

struct shadow_note {
    const struct shadow *shadow;
    const char *state, *text;
};

static void note_members(struct json_writer *w, const void *data)
{
    const struct shadow_note *note = data;
    const struct shadow_status *status = &note->shadow->status;
    json_key(w, "at");
    json_int(w, engine_now_ms(note->shadow->policy->engine));
    note_key(w, "state", note->state);
    note_key(w, "text", note->text);
    json_key(w, "ticks");
    json_int(w, status->done);
    json_key(w, "of");
    json_int(w, status->ticks);
    json_key(w, "differences");
    json_int(w, (int64_t)status->differences);
}

static void write_note(const struct shadow_note *said, const char *target)
{
    const struct policy *policy = said->shadow->policy;
    struct note note = {.what = "policy",
                        .policy = policy->name,
                        .target = target,
                        .sha256 = said->shadow->status.sha256};
    note_entry(policy_changes(policy), &note, note_members, said);
}

/* ---- life ---- */

uint32_t shadow_ticks(const struct policy *policy, const struct policy_info *info)
{
    if (!policy->live) return 0;
    return info->shadow_ticks >= 0 ? (uint32_t)info->shadow_ticks
                                   : policy->engine->options.shadow_ticks;
}

void shadow_release(struct shadow *shadow)
{
    if (!shadow || --shadow->refs > 0) return;
    generation_unpin(shadow->generation);
    answers_free(shadow->answers);
    evaluation_done(&shadow->evaluation);
    differences_done(&shadow->differences);
    for (size_t i = 0; i < shadow->status.line_count; i++)
        free(shadow->lines[i]);
    free(shadow->indexes);
    free(shadow->known);
    free(shadow);
}

int shadow_begin(struct policy *policy, struct generation *take_generation, uint32_t ticks)
{
    struct shadow *shadow = calloc(1, sizeof *shadow);
    if (!shadow || answers_copy(policy->answers, &shadow->answers) < 0) {
        free(shadow);
        generation_unpin(take_generation);
        return ERR_NOMEM;
    }
    shadow->policy = policy;
    shadow->generation = take_generation;
    shadow->refs = 1;
    evaluation_init(&shadow->evaluation);
    differences_init(&shadow->differences);
    shadow->status = (struct shadow_status){.sha256 = take_generation->info->sha256,
                                            .ticks = ticks,
                                            .lines = (const char *const *)shadow->lines};
    shadow_drop(policy);
    policy->shadow = shadow;
    policy->fault.code = OK;
    log_event(LOG_INFO, "policy.shadowing", LOG_S("policy", policy->name),
              LOG_S("file", policy->file), LOG_I("ticks", ticks),
              LOG_S("sha256", shadow->status.sha256));
    write_note(&(struct shadow_note){.shadow = shadow, .state = "shadowing"}, NULL);
    return OK;
}

/* Nothing of it runs from here on, and it is nobody's candidate. */
static void shadow_end(struct shadow *shadow)
{
    struct policy *policy = shadow->policy;
    shadow->over = true;
    shadow_halt(shadow);
    if (policy->shadow != shadow) return;
    policy->shadow = NULL;
    shadow_release(shadow);
}

void shadow_drop(struct policy *policy)
{
    if (policy->shadow) shadow_end(policy->shadow);
}

void shadow_promote(struct shadow *shadow, const char *why)
{
    struct policy *policy = shadow->policy;
    struct generation *generation = shadow->generation;
    const struct shadow_status *status = &shadow->status;
    log_event(LOG_INFO, "policy.promoted", LOG_S("policy", policy->name),
              LOG_S("file", policy->file), LOG_I("ticks", status->done),
              LOG_I("differences", status->differences), LOG_I("distinct", status->distinct),
              LOG_S("reason", why), LOG_S("sha256", status->sha256));
    char text[128];
    snprintf(text, sizeof text, "%u ticks beside the live one, %llu differences%s%s", status->done,
             (unsigned long long)status->differences, why ? ", " : "", why ? why : "");
    write_note(&(struct shadow_note){shadow, "promoted", text}, NULL);
    /* Its own memos went nowhere: it begins with those of the one that was live. */
    for (size_t i = 0; i < generation->targets.count; i++) {
        uint8_t flags = generation->targets.states[i].flags;
        generation->targets.states[i].flags =
            (uint8_t)((flags & ~TARGET_MEMO_GIVEN) | TARGET_MEMO_SPOILT);
    }
    generation->pins++;
    policy->fault.code = OK;
    shadow_end(shadow);
    generation_install(policy, generation);
    schedule_again(policy);
}

void shadow_reject(struct shadow *shadow, const char *target, const struct fault *fault)
{
    struct policy *policy = shadow->policy;
    policy->fault = *fault;
    if (!policy->fault.file[0]) fault_at(&policy->fault, policy->file, fault->line, 0);
    log_event(LOG_ERROR, "policy.rejected", LOG_S("policy", policy->name),
              LOG_S("file", policy->fault.file), LOG_I("line", policy->fault.line),
              LOG_S("error", fault->text), LOG_S("target", target),
              LOG_S("running", "the last good version"));
    write_note(&(struct shadow_note){shadow, "rejected", fault->text}, target);
    shadow_end(shadow);
}

/* ---- differences ---- */

static bool is_news(struct shadow *shadow, const char *target, uint64_t id)
{
    uint64_t hash = hash64(target, strlen(target), id);
    for (size_t i = 0; i < shadow->said_count; i++)
        if (shadow->said[i] == hash) return false;
    if (shadow->said_count == SHADOW_LINES_MAX) return false;
    shadow->said[shadow->said_count++] = hash;
    return true;
}

static void keep_line(struct shadow *shadow, const char *target, const char *line)
{
    struct shadow_status *status = &shadow->status;
    struct strbuf text;
    if (status->line_count == SHADOW_LINES_SHOWN) return;
    strbuf_init(&text, LINE_BYTES_MAX);
    strbuf_addf(&text, "%s: %s", target, line);
    char *kept = strbuf_take(&text, NULL);
    strbuf_done(&text);
    if (kept) shadow->lines[status->line_count++] = kept;
}

void shadow_tell(struct shadow *shadow, const char *target, const struct difference *difference)
{
    struct shadow_status *status = &shadow->status;
    struct strbuf line;
    status->differences++;
    if (!is_news(shadow, target, difference->id)) return;
    status->distinct++;
    strbuf_init(&line, LINE_BYTES_MAX);
    difference_print(difference, &line);
    const char *text = strbuf_cstr(&line);
    log_event(LOG_INFO, "policy.shadow", LOG_S("policy", shadow->policy->name),
              LOG_S("target", target), LOG_S("difference", text), LOG_S("sha256", status->sha256));
    if (shadow->said_count == SHADOW_LINES_MAX)
        log_event(LOG_WARN, "policy.shadow", LOG_S("policy", shadow->policy->name),
                  LOG_S("difference", "more of them are only counted"),
                  LOG_I("said", SHADOW_LINES_MAX));
    write_note(&(struct shadow_note){shadow, "difference", text}, target);
    keep_line(shadow, target, text);
    strbuf_done(&line);
}

/* ---- by hand ---- */

size_t engine_promote(struct engine *engine, const char *name)
{
    size_t count = 0;
    for (struct policy *policy = engine->policies; policy; policy = policy->next) {
        if (!policy->shadow || (name && strcmp(policy->name, name) != 0)) continue;
        shadow_promote(policy->shadow, "by hand");
        count++;
    }
    return count;
}
