/* tick/propose.c - what becomes of an evaluation's decisions, and what the journal says of them
 * and of issues.
 *
 * A policy states the same decision each minute; the journal wants to know when it differs. So the
 * last wish journaled is kept, as hashes, by (policy, target, kind, resource). After a restart each
 * is journaled once more. */
#include "engine_private.h"
#include "moontide/base/hash.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const outcome_names[] = {"proposed", "applied", "unchanged", "refused",
                                     "failed",   "unknown", NULL};

enum { FIRST_WISHES = 64, WISHES_MAX = 1 << 18, ENTRY_BYTES_MAX = 4 * EVALUATION_BYTES_MAX };

struct wish {
    uint64_t about, wanted; /* about 0: empty */
};

struct proposals {
    struct wish *wishes;
    size_t count, cap;
};

int proposals_new(struct proposals **out)
{
    struct proposals *proposals = calloc(1, sizeof *proposals);
    if (!proposals) return ERR_NOMEM;
    *out = proposals;
    return OK;
}

void proposals_free(struct proposals *proposals)
{
    if (!proposals) return;
    free(proposals->wishes);
    free(proposals);
}

static struct wish *wish_of(struct wish *wishes, size_t cap, uint64_t about)
{
    size_t at = about & (cap - 1);
    while (wishes[at].about && wishes[at].about != about)
        at = (at + 1) & (cap - 1);
    return &wishes[at];
}

static bool make_room(struct proposals *proposals)
{
    if ((proposals->count + 1) * 4 <= proposals->cap * 3) return true;
    bool full = proposals->cap >= WISHES_MAX; /* then begin anew: journaled twice is no harm */
    size_t cap = full ? FIRST_WISHES : proposals->cap ? proposals->cap * 2 : FIRST_WISHES;
    struct wish *wishes = calloc(cap, sizeof *wishes);
    if (!wishes) return false;
    for (size_t i = 0; i < proposals->cap && !full; i++)
        if (proposals->wishes[i].about)
            *wish_of(wishes, cap, proposals->wishes[i].about) = proposals->wishes[i];
    if (full) proposals->count = 0;
    free(proposals->wishes);
    proposals->wishes = wishes;
    proposals->cap = cap;
    return true;
}

/* Whether this differs from the last wish; remembers it. */
static bool is_news(struct proposals *proposals, uint64_t about, uint64_t wanted)
{
    about |= 1; /* never 0 */
    if (!make_room(proposals)) return true;
    struct wish *wish = wish_of(proposals->wishes, proposals->cap, about);
    if (wish->about && wish->wanted == wanted) return false;
    if (!wish->about) proposals->count++;
    *wish = (struct wish){about, wanted};
    return true;
}

/* Hashes strings one after the other, each with its end. */
static uint64_t hash_of(uint64_t seed, const char *const *strings, size_t count)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < count; i++)
        hash = hash64(strings[i], strlen(strings[i]) + 1, hash);
    return hash;
}

/* 128 bits that name one chain of the journal: when it began, and what it is about. The time comes
 * first, so that the journal's index of ids grows at its end. */
static void chain_id(const char *const strings[5], int64_t at_ms, char out[33])
{
    snprintf(out, 33, "%012llx%04llx%016llx", (unsigned long long)at_ms & 0xffffffffffff,
             (unsigned long long)hash_of(1, strings, 5) & 0xffff,
             (unsigned long long)hash_of(2, strings, 5));
}

static const char *world_name(const struct policy *policy)
{
    return policy->engine->options.world->name;
}

static void journal_decision(struct run *run, const char *target,
                             const struct decision_report *report)
{
    const struct decision *decision = report->decision;
    struct strbuf text;
    struct json_writer json;
    strbuf_init(&text, ENTRY_BYTES_MAX);
    json_writer_init(&json, &text);
    json_object(&json);
    json_key(&json, "at");
    json_int(&json, run->tick->at_ms);
    json_key(&json, "kind");
    json_string(&json, decision->kind);
    if (decision->region) {
        json_key(&json, "region");
        json_string(&json, decision->region);
    }
    if (decision->account) {
        json_key(&json, "account");
        json_string(&json, decision->account);
    }
    json_key(&json, "wanted");
    json_raw(&json, decision->wanted, strlen(decision->wanted));
    json_key(&json, "outcome");
    json_string(&json, outcome_names[report->outcome]);
    json_key(&json, "reason");
    json_string(&json, report->reason);
    json_object_end(&json);
    if (strbuf_status(&text) == OK)
        changes_journal(run->tick->changes,
                        &(struct journal_entry){.id = report->id,
                                                .what = "decision",
                                                .policy = run->policy->name,
                                                .target = target,
                                                .resource = decision->resource,
                                                .policy_sha256 = run->generation->info->sha256,
                                                .json = strbuf_cstr(&text)});
    strbuf_done(&text);
}

static void propose_one(struct run *run, const char *target, const struct decision *decision,
                        struct decision_report *report)
{
    struct policy *policy = run->policy;
    bool observes = policy_mode_in_force(policy) == MODE_OBSERVE;
    *report = (struct decision_report){.decision = decision,
                                       .outcome = observes ? OUTCOME_REFUSED : OUTCOME_PROPOSED,
                                       .reason = "MODE"};
    const char *about[5] = {world_name(policy), policy->name, target, decision->kind,
                            decision->resource};
    chain_id(about, run->tick->at_ms, report->id);
    uint64_t wanted = hash64(decision->wanted, strlen(decision->wanted), report->outcome);
    if (!is_news(policy->engine->proposals, hash_of(0, about, 5), wanted)) return;
    journal_decision(run, target, report);
    log_event(LOG_INFO, observes ? "decision.refused" : "decision.proposed",
              LOG_S("policy", policy->name), LOG_S("target", target), LOG_S("kind", decision->kind),
              LOG_S("resource", decision->resource), LOG_S("wanted", decision->wanted),
              LOG_S("reason", report->reason), LOG_S("id", report->id));
}

int propose(struct run *run, const char *target, const struct evaluation *evaluation)
{
    struct engine *engine = run->tick->engine;
    size_t count = evaluation->decision_count;
    if (count > engine->decision_cap) {
        struct decision_report *reports = realloc(engine->decisions, count * sizeof *reports);
        if (!reports) return ERR_NOMEM;
        engine->decisions = reports;
        engine->decision_cap = count;
    }
    for (size_t i = 0; i < count; i++)
        propose_one(run, target, &evaluation->decisions[i], &engine->decisions[i]);
    return (int)count; /* at most EVALUATION_ITEMS_MAX */
}

/* Issues. */

static void journal_issue(const struct policy *policy, const struct generation *generation,
                          const char *target, const struct alert *alert, bool fired,
                          const char *reason, struct changes *changes)
{
    char id[33], about[512];
    snprintf(about, sizeof about, "%s/%s", alert->type, alert->key);
    chain_id((const char *const[5]){world_name(policy), policy->name, target, "issue", about},
             alert->raised_ms, id);
    struct strbuf text;
    struct json_writer json;
    strbuf_init(&text, ENTRY_BYTES_MAX);
    json_writer_init(&json, &text);
    json_object(&json);
    json_key(&json, "at");
    json_int(&json, engine_now_ms(policy->engine));
    json_key(&json, "state");
    json_string(&json, fired ? "raised" : "resolved");
    json_key(&json, "type");
    json_string(&json, alert->type);
    json_key(&json, "key");
    json_string(&json, alert->key);
    json_key(&json, "severity");
    json_string(&json, severity_names[alert->severity]);
    json_key(&json, "description");
    json_string(&json, alert->description);
    json_key(&json, "recommendation");
    json_string(&json, alert->recommendation);
    if (reason) {
        json_key(&json, "reason");
        json_string(&json, reason);
    }
    json_object_end(&json);
    if (strbuf_status(&text) == OK)
        changes_journal(changes, &(struct journal_entry){
                                     .id = id,
                                     .what = "issue",
                                     .policy = policy->name,
                                     .target = target,
                                     .policy_sha256 = generation ? generation->info->sha256 : NULL,
                                     .json = strbuf_cstr(&text)});
    strbuf_done(&text);
}

void note_issue(const struct policy *policy, const struct generation *generation,
                const char *target, const struct alert *alert, bool fired, const char *reason,
                struct changes *changes)
{
    if (changes) journal_issue(policy, generation, target, alert, fired, reason, changes);
    log_event(fired ? LOG_WARN : LOG_INFO, fired ? "issue.raised" : "issue.resolved",
              LOG_S("policy", policy->name), LOG_S("target", target), LOG_S("type", alert->type),
              LOG_S("key", alert->key[0] ? alert->key : NULL),
              LOG_S("severity", severity_names[alert->severity]),
              LOG_S("description", alert->description), LOG_S("reason", reason));
}
