/* app/rerun.c - a version of a policy over recorded ticks.
 *
 * A version's targets are all that any tick so far had: a list that only grows, so that an index
 * stays what it is. Mostly a tick has the targets of the one before in the same order, and then
 * nothing is looked for. */
#include "moontide/app/rerun.h"

#include "moontide/base/hash.h"
#include "moontide/base/pair_table.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/policy.h"
#include "moontide/bind/replay.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 256 * 1024 * 1024 };

/* One target that was met. */
struct met {
    struct keyed by; /* its id, "" */
    char *json;
    size_t index; /* in the evaluator */
    size_t first; /* of `found` */
    bool begun;   /* it was evaluated: its memo is the evaluator's */
};

struct rerun {
    struct evaluator *evaluator;
    struct replay *replay;
    struct answers *answers;
    struct evaluation *evaluations; /* shape: [present_cap]: of the tick */
    struct fault **faults;          /* shape: [present_cap]: NULL: it ended well */
    uint64_t hash;                  /* of the policy's name: part of the seed */
    struct table table;
    struct met **met;     /* shape: [count], in the order of the evaluator's targets */
    struct met **present; /* shape: [present_cap]: the tick's */
    size_t count, cap, present_count, present_cap;
    struct series *const **found; /* shape: [found_count]: each target's uses in a row */
    struct series **empty;        /* shape: [found_count]: in place of what is not recorded */
    struct series **series;       /* shape: [found_count]: the one or the other */
    bool *recorded;               /* shape: [found_count]: it was there once */
    size_t found_count;
    uint64_t moves; /* the replay's number that `series` is of; 0: of none */
    const struct replay_tick *tick;
    bool lost; /* there was no memory for what went wrong */
};

void version_done(struct version *version)
{
    free(version->shown);
    free(version->path);
    free(version->source);
    *version = (struct version){0};
}

/* ---- life ---- */

int rerun_new(const struct host *host, const struct version *version, struct rerun **out,
              struct faults *faults)
{
    struct fault fault;
    struct rerun *rerun = calloc(1, sizeof *rerun);
    if (!rerun || answers_new(&rerun->answers) < 0) {
        free(rerun);
        fault_set(&fault, ERR_NOMEM, "out of memory");
        return faults_add(faults, &fault);
    }
    int code = policy_load_text(host, version->path, version->shown, version->source, version->len,
                                &rerun->evaluator, faults);
    if (code < 0) {
        rerun_free(rerun);
        return code;
    }
    *out = rerun;
    return OK;
}

void rerun_on(struct rerun *rerun, struct replay *replay)
{
    rerun->replay = replay;
}

static void found_done(struct rerun *rerun)
{
    for (size_t i = 0; i < rerun->found_count; i++)
        free(rerun->empty[i]);
    free(rerun->found);
    free(rerun->empty);
    free(rerun->series);
    free(rerun->recorded);
    rerun->found = NULL;
    rerun->empty = NULL;
    rerun->series = NULL;
    rerun->recorded = NULL;
    rerun->found_count = 0;
    rerun->moves = 0;
}

static void met_free(struct met *met)
{
    free((char *)(uintptr_t)met->by.first);
    free(met->json);
    free(met);
}

void rerun_free(struct rerun *rerun)
{
    if (!rerun) return;
    if (rerun->evaluator) rerun->evaluator->vtable->free(rerun->evaluator);
    answers_free(rerun->answers);
    for (size_t i = 0; i < rerun->present_cap; i++) {
        evaluation_done(&rerun->evaluations[i]);
        free(rerun->faults[i]);
    }
    free(rerun->evaluations);
    free(rerun->faults);
    found_done(rerun);
    for (size_t i = 0; i < rerun->count; i++)
        met_free(rerun->met[i]);
    table_done(&rerun->table);
    free(rerun->met);
    free(rerun->present);
    free(rerun);
}

const struct policy_info *rerun_info(const struct rerun *rerun)
{
    return rerun->evaluator->vtable->info(rerun->evaluator);
}

struct evaluator *rerun_evaluator(const struct rerun *rerun)
{
    return rerun->evaluator;
}

/* ---- targets ---- */

static int meet(struct rerun *rerun, const struct replay_target *target, struct met **out)
{
    struct met *met = calloc(1, sizeof *met);
    if (!met) return ERR_NOMEM;
    if (rerun->count == rerun->cap) {
        size_t cap = rerun->cap ? rerun->cap * 2 : 64;
        struct met **grown = realloc(rerun->met, cap * sizeof(struct met *));
        if (!grown) {
            free(met);
            return ERR_NOMEM;
        }
        rerun->met = grown;
        rerun->cap = cap;
    }
    char *id = strdup(target->id);
    met->json = strdup(target->json);
    met->by = (struct keyed){keyed_hash(target->id, ""), id, ""};
    met->index = rerun->count;
    if (!id || !met->json || table_reserve(&rerun->table) < 0) {
        met_free(met);
        return ERR_NOMEM;
    }
    table_insert(&rerun->table, &met->by);
    rerun->met[rerun->count++] = *out = met;
    return OK;
}

/* Its fields changed where the id does not show them. */
static int change(struct met *met, const char *json)
{
    char *copy = strdup(json);
    if (!copy) return ERR_NOMEM;
    free(met->json);
    met->json = copy;
    return OK;
}

static int reserve_present(struct rerun *rerun, size_t count)
{
    if (count <= rerun->present_cap) return OK;
    struct met **present = realloc(rerun->present, count * sizeof(struct met *));
    if (present) rerun->present = present;
    struct evaluation *evaluations = realloc(rerun->evaluations, count * sizeof *evaluations);
    if (evaluations) rerun->evaluations = evaluations;
    struct fault **faults = realloc(rerun->faults, count * sizeof(struct fault *));
    if (faults) rerun->faults = faults;
    if (!present || !evaluations || !faults) return ERR_NOMEM;
    for (size_t i = rerun->present_cap; i < count; i++) {
        evaluation_init(&evaluations[i]);
        faults[i] = NULL;
    }
    rerun->present_cap = count;
    return OK;
}

/* The tick's targets into `present`. 1: some of them are new, or other than they were. */
static int find_present(struct rerun *rerun, const struct replay_tick *tick)
{
    int rc = reserve_present(rerun, tick->target_count);
    if (rc < 0) return rc;
    int news = 0;
    for (size_t i = 0; i < tick->target_count; i++) {
        const struct replay_target *target = &tick->targets[i];
        struct met *met = i < rerun->present_count ? rerun->present[i] : NULL;
        if (!met || strcmp(met->by.first, target->id) != 0)
            met = (struct met *)table_find(&rerun->table, target->id, "");
        rc = OK;
        bool known = met && strcmp(met->json, target->json) == 0;
        if (!met)
            rc = meet(rerun, target, &met);
        else if (!known)
            rc = change(met, target->json);
        if (rc < 0) return rc;
        if (!known) news = 1;
        rerun->present[i] = met;
        if (i >= rerun->present_count) rerun->present_count = i + 1;
    }
    rerun->present_count = tick->target_count;
    return news;
}

/* ---- series ---- */

static int find_use(struct rerun *rerun, const struct metric_use *use, size_t at)
{
    int rc = replay_find(rerun->replay, NULL, use->metric, use->slots, &rerun->found[at]);
    if (rc == OK) rc = series_new(use->metric->period_s, use->slots, &rerun->empty[at]);
    return rc;
}

static int find_series(struct rerun *rerun)
{
    const struct evaluator_vtable *vtable = rerun->evaluator->vtable;
    size_t count = 0, at = 0;
    found_done(rerun);
    for (size_t i = 0; i < rerun->count; i++) {
        rerun->met[i]->first = count;
        count += vtable->target(rerun->evaluator, i)->use_count;
    }
    rerun->series = calloc(count + 1, sizeof(struct series *));
    rerun->found = calloc(count + 1, sizeof(struct series *const *));
    rerun->empty = calloc(count + 1, sizeof(struct series *));
    rerun->recorded = calloc(count + 1, sizeof(bool));
    if (!rerun->series || !rerun->found || !rerun->empty || !rerun->recorded) return ERR_NOMEM;
    rerun->found_count = count;
    for (size_t i = 0; i < rerun->count; i++) {
        const struct target *target = vtable->target(rerun->evaluator, i);
        for (uint32_t k = 0; k < target->use_count; k++, at++) {
            int rc = find_use(rerun, &target->uses[k], at);
            if (rc < 0) return rc;
        }
    }
    return OK;
}

static int give_targets(struct rerun *rerun, struct faults *faults)
{
    struct strbuf list;
    struct json_writer w;
    strbuf_init(&list, LIST_BYTES_MAX);
    json_writer_init(&w, &list);
    json_array(&w);
    for (size_t i = 0; i < rerun->count; i++)
        json_raw(&w, rerun->met[i]->json, strlen(rerun->met[i]->json));
    json_array_end(&w);
    int rc = strbuf_status(&list);
    if (rc == OK) {
        rc = policy_give_targets(rerun->evaluator, strbuf_cstr(&list), faults);
        strbuf_done(&list);
        return rc < 0 ? rc : find_series(rerun);
    }
    strbuf_done(&list);
    return rc;
}

static void place_series(struct rerun *rerun, uint64_t moves)
{
    if (rerun->moves == moves) return;
    for (size_t i = 0; i < rerun->found_count; i++) {
        struct series *series = *rerun->found[i];
        if (series) rerun->recorded[i] = true;
        rerun->series[i] = series ? series : rerun->empty[i];
    }
    rerun->moves = moves;
}

/* ---- a tick ---- */

int rerun_tick(struct rerun *rerun, const struct replay_tick *tick, struct faults *faults)
{
    size_t before = faults ? faults->count : 0;
    int rc = find_present(rerun, tick);
    if (rc > 0) rc = give_targets(rerun, faults);
    if (rc < 0 && faults && faults->count == before) {
        struct fault fault;
        fault_set(&fault, rc, "the targets of tick %llu: %s", (unsigned long long)tick->number,
                  err_text(rc));
        faults_add(faults, &fault);
    }
    rerun->tick = tick;
    rerun->lost = false;
    rerun->hash = hash64(tick->policy, strlen(tick->policy), 0);
    return rc < 0 ? rc : OK;
}

struct evaluation_input rerun_input(struct rerun *rerun, size_t index)
{
    const struct replay_tick *tick = rerun->tick;
    const struct replay_target *recorded = &tick->targets[index];
    struct met *met = rerun->present[index];
    place_series(rerun, *tick->moves);
    return (struct evaluation_input){
        .target = met->index,
        .now_ms = tick->at_ms,
        .series = rerun->series + met->first,
        .extra_json = recorded->extra_json,
        .memo_json = met->begun ? NULL : recorded->memo_json,
        .answers = rerun->answers,
        .compared = true,
        .seed = hash64(recorded->id, strlen(recorded->id), rerun->hash ^ (uint64_t)tick->at_ms)};
}

static const struct fault no_memory = {.code = ERR_NOMEM, .text = "out of memory"};

void rerun_judge(struct rerun *rerun, size_t index)
{
    struct evaluation_input input = rerun_input(rerun, index);
    struct evaluator *evaluator = rerun->evaluator;
    struct fault fault; /* large, and mostly not looked at */
    fault.code = OK;
    evaluation_reset(&rerun->evaluations[index]);
    free(rerun->faults[index]);
    rerun->faults[index] = NULL;
    int rc = evaluator->vtable->evaluate(evaluator, &input, &rerun->evaluations[index], &fault);
    rerun->present[index]->begun = true;
    if (rc >= 0) return;
    fault.code = rc;
    rerun->faults[index] = malloc(sizeof fault);
    if (rerun->faults[index])
        *rerun->faults[index] = fault;
    else
        rerun->lost = true;
}

struct judgement rerun_judgement(const struct rerun *rerun, size_t index)
{
    const struct fault *fault = rerun->lost ? &no_memory : rerun->faults[index];
    return (struct judgement){&rerun->evaluations[index], fault};
}

const char *rerun_target_id(const struct rerun *rerun, size_t index)
{
    return rerun->present[index]->by.first;
}

/* ---- what was not there ---- */

void rerun_each_unrecorded(const struct rerun *rerun,
                           void (*each)(void *data, const char *key, const struct metric *metric),
                           void *data)
{
    const struct evaluator_vtable *vtable = rerun->evaluator->vtable;
    struct table told = {0}; /* of the keys that were told: by their text, "" */
    for (size_t i = 0; i < rerun->count; i++) {
        const struct target *target = vtable->target(rerun->evaluator, i);
        for (uint32_t k = 0; k < target->use_count; k++) {
            const struct metric_use *use = &target->uses[k];
            if (!use->key || rerun->recorded[rerun->met[i]->first + k]) continue;
            if (table_find(&told, use->key, "")) continue;
            struct keyed *key = malloc(sizeof *key);
            if (!key || table_reserve(&told) < 0) {
                free(key);
                break;
            }
            *key = (struct keyed){keyed_hash(use->key, ""), use->key, ""};
            table_insert(&told, key);
            each(data, use->key, use->metric);
        }
    }
    for (size_t i = 0; i < told.cap; i++)
        free(told.slots[i]);
    table_done(&told);
}
