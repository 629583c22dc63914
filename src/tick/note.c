/* tick/note.c - what the journal and the log say of decisions, their outcomes, and issues.
 *
 * A chain in the journal has one id: the decision (with the datapoints it saw and the issues that
 * stood), the intent, the outcome with the calls made, the verification. After a restart each
 * decision is journaled once more, but for those that change nothing. */
#include "act.h"
#include "verdicts.h"

#include "moontide/base/hash.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const outcome_names[] = {"proposed", "applied", "unchanged", "refused",
                                     "failed",   "unknown", NULL};

/* Hashes strings one after the other, each with its end. */
static uint64_t hash_of(uint64_t seed, const char *const *strings, size_t count)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < count; i++)
        hash = hash64(strings[i], strlen(strings[i]) + 1, hash);
    return hash;
}

/* The time comes first, so that the journal's index of ids grows at its end. */
void chain_id(const char *const strings[5], int64_t at_ms, char out[33])
{
    snprintf(out, 33, "%012llx%04llx%016llx", (unsigned long long)at_ms & 0xffffffffffff,
             (unsigned long long)hash_of(1, strings, 5) & 0xffff,
             (unsigned long long)hash_of(2, strings, 5));
}

static const char *world_name(const struct policy *policy)
{
    return policy->engine->options.world->name;
}

/* ---- entries ---- */

void note_key(struct json_writer *w, const char *key, const char *text)
{
    if (!text) return;
    json_key(w, key);
    json_string(w, text);
}

void note_key_json(struct json_writer *w, const char *key, const char *json)
{
    if (!json) return;
    json_key(w, key);
    json_raw(w, json, strlen(json));
}

void note_entry(struct changes *changes, const struct note *note, note_members_fn *members,
                const void *data)
{
    struct strbuf text;
    struct json_writer json;
    if (!changes) return;
    strbuf_init(&text, ENTRY_BYTES_MAX);
    json_writer_init(&json, &text);
    json_object(&json);
    members(&json, data);
    json_object_end(&json);
    if (strbuf_status(&text) == OK)
        changes_journal(changes, &(struct journal_entry){.id = note->id,
                                                         .what = note->what,
                                                         .policy = note->policy,
                                                         .target = note->target,
                                                         .resource = note->resource,
                                                         .policy_sha256 = note->sha256,
                                                         .json = strbuf_cstr(&text)});
    else
        changes_fail(changes, strbuf_status(&text));
    strbuf_done(&text);
}

static struct note note_of(const struct action *action, const char *what)
{
    return (struct note){.id = action->id,
                         .what = what,
                         .policy = action_policy(action)->name,
                         .target = action_target(action),
                         .resource = action->decision->resource,
                         .sha256 = action->judged->run->generation->info->sha256};
}

/* ---- decisions ---- */

static void issue_id(const struct policy *policy, const char *target, const struct alert *alert,
                     char id[33])
{
    char about[512];
    snprintf(about, sizeof about, "%s/%s", alert->type, alert->key);
    chain_id((const char *const[5]){world_name(policy), policy->name, target, "issue", about},
             alert->raised_ms, id);
}

static void write_issues(struct json_writer *w, const struct action *action)
{
    const struct policy *policy = action_policy(action);
    const char *target = action_target(action);
    size_t count = 0;
    const struct alert *alerts = alerts_of(policy->engine->alerts, policy->name, target, &count);
    json_key(w, "issues");
    json_array(w);
    for (size_t i = 0; i < count; i++) {
        char id[33];
        if (!alert_is_on(&alerts[i])) continue;
        issue_id(policy, target, &alerts[i], id);
        json_string(w, id);
    }
    json_array_end(w);
}

static void write_clipped(struct json_writer *w, uint32_t clipped)
{
    if (!clipped) return;
    json_key(w, "clipped");
    json_array(w);
    for (int rail = 0; rail < RAIL_COUNT; rail++)
        if (clipped & 1u << rail) json_string(w, rail_codes[rail]);
    json_array_end(w);
}

/* What a decision and its intent have in common. */
static void decision_members(struct json_writer *w, const void *data)
{
    const struct action *action = data;
    const struct decision *decision = action->decision;
    const struct comparison *comparison = &action->comparison;
    json_key(w, "at");
    json_int(w, action_tick(action)->at_ms);
    note_key(w, "kind", decision->kind);
    note_key(w, "region", decision->region);
    note_key(w, "account", decision->account);
    note_key(w, "mode", mode_names[action->judged->run->mode]);
    note_key_json(w, "wanted", comparison->wanted ? comparison->wanted : decision->wanted);
    note_key_json(w, "current", action->subject ? action->subject->current : NULL);
    note_key_json(w, "changes", comparison->changes);
    if (comparison->direction != DIRECTION_NONE)
        note_key(w, "direction", direction_names[comparison->direction]);
    write_clipped(w, action->rail.clipped);
    note_key(w, "text", action->text);
    note_key_json(w, "notes", action->feasibility.notes);
    note_key_json(w, "datapoints", action->judged->evaluation.datapoints_json);
    note_key_json(w, "verify", decision->verify);
    if (action->back) {
        json_key(w, "back");
        json_bool(w, true);
    }
    write_issues(w, action);
    if (!action->ended) return;
    note_key(w, "outcome", outcome_names[action->outcome]);
    note_key(w, "reason", action->reason);
}

static void log_decision(const struct action *action)
{
    const struct decision *decision = action->decision;
    const char *event = action->outcome == OUTCOME_PROPOSED    ? "decision.proposed"
                        : action->outcome == OUTCOME_REFUSED   ? "decision.refused"
                        : action->outcome == OUTCOME_UNCHANGED ? "decision.unchanged"
                                                               : "decision.failed";
    enum log_level level = action->outcome == OUTCOME_UNCHANGED                ? LOG_DEBUG
                           : action->outcome == OUTCOME_FAILED && !action->cut ? LOG_ERROR
                                                                               : LOG_INFO;
    log_event(level, event, LOG_S("policy", action_policy(action)->name),
              LOG_S("target", action_target(action)), LOG_S("kind", decision->kind),
              LOG_S("resource", decision->resource), LOG_S("changes", action->comparison.changes),
              LOG_S("wanted", action->comparison.changes ? NULL : decision->wanted),
              LOG_S("reason", action->reason[0] ? action->reason : NULL),
              LOG_S("text", action->text), LOG_S("id", action->id));
}

void action_name(struct action *action, size_t index)
{
    const struct decision *decision = action->decision;
    const struct policy *policy = action_policy(action);
    const char *const about[5] = {world_name(policy), policy->name, action_target(action),
                                  decision->kind, decision->resource};
    unsigned char bytes[16];
    action->about = hash_of(0, about, 5);
    uint64_t at_ms = (uint64_t)action_tick(action)->at_ms;
    uint64_t own = hash64(&index, sizeof index, action->about);
    for (int i = 0; i < 6; i++) /* the time first, as in chain_id() */
        bytes[i] = (unsigned char)(at_ms >> (40 - 8 * i));
    memcpy(bytes + 6, &action->about, 2);
    memcpy(bytes + 8, &own, 8);
    hex_encode(bytes, sizeof bytes, action->id);
}

void note_decision(struct action *action, struct changes *changes)
{
    const struct policy *policy = action_policy(action);
    const struct decision *decision = action->decision;
    /* An intent is its own entry, and that nothing differs after it is no news. */
    bool goes_on = !action->ended;
    const char *said =
        action->comparison.changes && !goes_on ? action->comparison.changes : decision->wanted;
    const char *reason = goes_on ? rail_codes[RAIL_NO_CHANGE] : action->reason;
    bool first;
    uint64_t verdict = goes_on ? OUTCOME_UNCHANGED : (uint64_t)action->outcome;
    verdict = hash64(said, strlen(said), verdict + 1);
    verdict = hash64(reason, strlen(reason), verdict);
    bool news = verdicts_news(policy->engine->verdicts, action->about, verdict, &first);
    if (goes_on || !news || (first && action->outcome == OUTCOME_UNCHANGED)) return;
    struct note note = note_of(action, "decision");
    note_entry(changes, &note, decision_members, action);
    log_decision(action);
}

/* ---- intents and outcomes ---- */

void note_intent(const struct action *action, struct changes *changes)
{
    struct note note = note_of(action, "intent");
    note_entry(changes, &note, decision_members, action);
}

static void outcome_members(struct json_writer *w, const void *data)
{
    const struct action *action = data;
    json_key(w, "at");
    json_int(w, engine_now_ms(action_tick(action)->engine));
    note_key(w, "kind", action->decision->kind);
    note_key(w, "outcome", outcome_names[action->outcome]);
    note_key(w, "reason", action->reason[0] ? action->reason : NULL);
    note_key(w, "text", action->text);
    note_key_json(w, "calls", action->calls);
}

void note_outcome(const struct action *action, struct changes *changes)
{
    const struct decision *decision = action->decision;
    struct engine *engine = action_tick(action)->engine;
    struct note note = note_of(action, "outcome");
    note_entry(changes, &note, outcome_members, action);
    const struct kind_info *kind =
        engine->options.actor->vtable->kind(engine->options.actor, decision->kind);
    bool applied = action->outcome == OUTCOME_APPLIED;
    char event[96];
    snprintf(event, sizeof event, "%s.%s", kind ? kind->event : "decision",
             applied ? "configured" : "failed");
    log_event(applied || action->cut ? LOG_INFO : LOG_ERROR, event,
              LOG_S("policy", action_policy(action)->name), LOG_S("target", action_target(action)),
              LOG_S("resource", decision->resource), LOG_S("changes", action->comparison.changes),
              LOG_S("outcome", applied ? NULL : outcome_names[action->outcome]),
              LOG_S("reason", action->reason[0] ? action->reason : NULL),
              LOG_S("error", applied ? NULL : action->text), LOG_S("id", action->id));
}

struct verification_note {
    const struct verification *verification;
    const char *result, *text;
    int64_t at_ms;
};

static void verification_members(struct json_writer *w, const void *data)
{
    const struct verification_note *note = data;
    json_key(w, "at");
    json_int(w, note->at_ms);
    note_key(w, "result", note->result);
    note_key(w, "check", note->verification->check);
    note_key(w, "on_failure", on_failure_names[note->verification->on_failure]);
    note_key(w, "text", note->text);
}

void note_verification(struct engine *engine, const struct resource *resource,
                       const struct verification *verification, const char *result,
                       const char *text, struct changes *changes)
{
    struct note note = {.id = verification->id,
                        .what = "verification",
                        .policy = verification->policy,
                        .target = verification->target,
                        .resource = resource->resource};
    struct verification_note said = {verification, result, text, engine_now_ms(engine)};
    note_entry(changes, &note, verification_members, &said);
    bool failed = strcmp(result, "failed") == 0;
    log_event(failed ? LOG_ERROR : LOG_INFO, failed ? "verification.failed" : "verification.ended",
              LOG_S("policy", verification->policy), LOG_S("target", verification->target),
              LOG_S("resource", resource->resource), LOG_S("check", verification->check),
              LOG_S("result", result), LOG_S("text", text), LOG_S("id", verification->id));
}

/* ---- the kill switch ---- */

static void pause_members(struct json_writer *w, const void *data)
{
    const struct pause *pause = data;
    json_key(w, "at");
    json_int(w, pause->at_ms);
    note_key(w, "scope", pause->scope);
    note_key(w, "direction",
             pause->direction == DIRECTION_NONE ? NULL : direction_names[pause->direction]);
    note_key(w, "by", pause->by);
    note_key(w, "reason", pause->reason);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool known_in(const struct pauses *pauses, const struct pause *pause)
{
    for (size_t i = 0; i < pauses->count; i++) {
        const struct pause *other = &pauses->items[i];
        if (other->direction == pause->direction && other->at_ms == pause->at_ms &&
            same_text(other->scope, pause->scope) && same_text(other->reason, pause->reason))
            return true;
    }
    return false;
}

/* The pauses of `from` that are not in `in`. What a start finds is told, and no news. */
static void note_missing(struct engine *engine, const struct pauses *in, const struct pauses *from,
                         const char *what)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct pause *pause = &from->items[i];
        if (known_in(in, pause)) continue;
        struct note note = {.what = what};
        if (engine->pauses_read) note_entry(engine->unsaved, &note, pause_members, pause);
        bool paused = strcmp(what, "pause") == 0;
        log_event(LOG_WARN, paused ? "decisions.paused" : "decisions.resumed",
                  LOG_S("scope", pause->scope[0] ? pause->scope : "everything"),
                  LOG_S("direction", pause->direction == DIRECTION_NONE
                                         ? NULL
                                         : direction_names[pause->direction]),
                  LOG_S("by", pause->by), LOG_S("reason", pause->reason));
    }
}

void note_pauses(struct engine *engine, const struct pauses *found)
{
    note_missing(engine, &engine->pauses, found, "pause");
    note_missing(engine, found, &engine->pauses, "resume");
}

/* ---- issues ---- */

struct issue_note {
    const struct alert *alert;
    int64_t at_ms;
    enum alert_event event;
    const char *reason;
};

static const struct {
    const char *state, *event;
    enum log_level level;
} issue_events[] = {
    [ALERT_EVENT_FIRED] = {"raised", "issue.raised", LOG_WARN},
    [ALERT_EVENT_RESOLVED] = {"resolved", "issue.resolved", LOG_INFO},
    [ALERT_EVENT_SEVERITY] = {"severity", "issue.severity", LOG_WARN},
    [ALERT_EVENT_FLAPS] = {"flapping", "issue.flapping", LOG_WARN},
    [ALERT_EVENT_CALM] = {"calm", "issue.calm", LOG_INFO},
};

static void issue_members(struct json_writer *w, const void *data)
{
    const struct issue_note *issue = data;
    const struct alert *alert = issue->alert;
    json_key(w, "at");
    json_int(w, issue->at_ms);
    note_key(w, "state", issue_events[issue->event].state);
    note_key(w, "type", alert->type);
    note_key(w, "key", alert->key);
    note_key(w, "severity", severity_names[alert->severity]);
    note_key(w, "description", alert->description);
    note_key(w, "recommendation", alert->recommendation);
    note_key(w, "reason", issue->reason);
}

void note_issue(const struct policy *policy, const struct generation *generation,
                const char *target, const struct alert *alert, enum alert_event event,
                const char *reason, struct changes *changes)
{
    char id[33];
    issue_id(policy, target, alert, id);
    struct note note = {.id = id,
                        .what = "issue",
                        .policy = policy->name,
                        .target = target,
                        .sha256 = generation ? generation->info->sha256 : NULL};
    struct issue_note issue = {alert, engine_now_ms(policy->engine), event, reason};
    note_entry(changes, &note, issue_members, &issue);
    log_event(issue_events[event].level, issue_events[event].event, LOG_S("policy", policy->name),
              LOG_S("target", target), LOG_S("type", alert->type),
              LOG_S("key", alert->key[0] ? alert->key : NULL),
              LOG_S("severity", severity_names[alert->severity]),
              LOG_S("description", alert->description), LOG_S("reason", reason));
}
