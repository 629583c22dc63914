/* app/completion_names.c - the names of a project that completion offers. All of it works beside a
 * running daemon and without one; what cannot be read offers nothing. */
#include "moontide/app/completion.h"

#include "moontide/app/pauses.h"
#include "moontide/app/policy_dir.h"
#include "moontide/app/policy_scan.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "moontide/notify/silences.h"
#include "moontide/store/store.h"

#include <stdlib.h>

struct offering {
    struct candidates *candidates;
    const char *before;
};

static void offer_policy(const struct offering *o, const struct evaluator *evaluator, bool targets)
{
    const struct policy_info *info = evaluator->vtable->info(evaluator);
    if (!targets) {
        candidates_add(o->candidates, o->before, info->name, info->doc);
        return;
    }
    for (size_t i = 0; i < evaluator->vtable->target_count(evaluator); i++)
        candidates_add(o->candidates, o->before, evaluator->vtable->target(evaluator, i)->id,
                       "a target");
}

/* Loads the policies as `check` does: offline. */
static void offer_policies(const struct offering *o, const struct config *config, bool targets)
{
    struct clock clock;
    struct loop *loop = NULL;
    struct policy_scan scan;
    clock_init_real(&clock);
    if (loop_new(&loop) < 0) return;
    struct host host = {.loop = loop, .clock = &clock, .config = config, .world_name = "none"};
    policy_scan_read(&scan, config->policies_dir, config->source_bytes, POLICY_FILES_MAX);
    int code = kinds_new(&host, &host.kinds);
    for (size_t i = 0; code >= 0 && i < scan.policy_count; i++) {
        struct evaluator *evaluator = NULL;
        struct faults faults;
        const struct scanned_file *file = &scan.files[i];
        if (file->fault) continue;
        faults_init(&faults);
        if (policy_check_text(&host, file->path, path_shown(file->path), file->text, file->len,
                              &evaluator, &faults) >= 0) {
            offer_policy(o, evaluator, targets);
            evaluator->vtable->free(evaluator);
        }
        faults_done(&faults);
    }
    policy_scan_done(&scan);
    kinds_free(host.kinds);
    loop_free(loop);
}

static bool offer_journaled(void *data, const char *name)
{
    const struct offering *o = data;
    candidates_add(o->candidates, o->before, name, "in the journal");
    return o->candidates->count < CANDIDATES_MAX;
}

static void offer_journal(struct offering *o, const struct config *config)
{
    struct fault fault;
    struct store *store = NULL;
    char *path = fs_join(config->state_dir, "moontide.db");
    if (path && store_open_reader(path, &store, &fault) >= 0) {
        int code = store_each_name(store, offer_journaled, o, &fault);
        (void)code;
        store_close(store);
    }
    free(path);
}

static void offer_paused(const struct offering *o, const struct config *config)
{
    struct pauses pauses = {0};
    if (project_pauses(config, &pauses) < 0) return;
    for (size_t i = 0; i < pauses.count; i++)
        if (pauses.items[i].scope && pauses.items[i].scope[0])
            candidates_add(o->candidates, o->before, pauses.items[i].scope,
                           pauses.items[i].reason ? pauses.items[i].reason : "paused");
    pauses_done(&pauses);
}

static void offer_silences(const struct offering *o, const struct config *config)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct silences silences = {0};
    struct fault fault = {0};
    char *path = fs_join(config->state_dir, SILENCE_FILE);
    if (path && silences_read(path, &silences, &fault) >= 0) {
        for (size_t i = 0; i < silences.count; i++)
            if (silences.items[i].until_ms > clock_now_ms(&real))
                candidates_add(o->candidates, o->before, silences.items[i].id,
                               silences.items[i].reason);
        silences_done(&silences);
    }
    free(path);
}

void project_names_add(const char *dir, enum project_names what, struct candidates *candidates,
                       const char *before)
{
    struct offering o = {candidates, before};
    struct config *config = NULL;
    struct faults faults;
    faults_init(&faults);
    if (config_load(dir, &config, &faults) >= 0) {
        switch (what) {
        case NAMES_POLICIES: offer_policies(&o, config, false); break;
        case NAMES_TARGETS: offer_policies(&o, config, true); break;
        case NAMES_RECEIVERS:
            for (size_t i = 0; i < config->alerts.receiver_count; i++)
                candidates_add(candidates, before, config->alerts.receivers[i].name,
                               config->alerts.receivers[i].type);
            break;
        case NAMES_JOURNAL: offer_journal(&o, config); break;
        case NAMES_PAUSED: offer_paused(&o, config); break;
        case NAMES_SILENCES: offer_silences(&o, config); break;
        }
    }
    faults_done(&faults);
    config_free(config);
}
