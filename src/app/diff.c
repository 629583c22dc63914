/* app/diff.c - `moontide diff OLD NEW`: what two versions of a policy say differently of the ticks
 * that were recorded. */
#include "diff.h"

#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/base/log.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { PROGRESS_MS = 100 };

/* ---- which versions, of which policy ---- */

static int load(struct diff *diff, int side, const struct version *version, struct rerun **out)
{
    struct faults faults;
    faults_init(&faults);
    int code = rerun_new(&diff->hosts[side], version, out, &faults);
    if (code < 0) print_faults(&faults);
    faults_done(&faults);
    return code < 0 ? 1 : 0;
}

/* What the sources call themselves: the new one's name, else the old one's; *out NULL: both are
 * "live". Malloc'ed. */
static int name_of(struct diff *diff, char *const *words, char **out)
{
    *out = NULL;
    for (int side = SIDE_NEW; side >= SIDE_OLD && !*out; side--) {
        struct version version;
        struct rerun *rerun = NULL;
        if (version_find(&diff->project, words[side], NULL, &version)) return 1;
        int failed = version.source ? load(diff, side, &version, &rerun) : 0;
        if (rerun) *out = strdup(rerun_info(rerun)->name);
        if (rerun && !*out) failed = 1;
        rerun_free(rerun);
        version_done(&version);
        if (failed) return 1;
    }
    return 0;
}

static int find_all(struct diff *diff, const struct arguments *arguments)
{
    const char *policy = arguments_value(arguments, "policy"),
               *since = arguments_value(arguments, "since");
    char *name = NULL;
    int64_t since_ms = 0;
    if (since && duration_parse(since, &since_ms) < 0) {
        fprintf(stderr, "moontide diff: --since is a duration such as 90s, 1h or 7d, not: %s\n",
                since);
        return 1;
    }
    if (!policy && name_of(diff, arguments->operands, &name)) return 1;
    int failed =
        past_find(diff->project.reader, policy ? policy : name, arguments_value(arguments, "world"),
                  since_ms, &diff->found, &diff->from_ms);
    free(name);
    for (int side = SIDE_OLD; side < SIDES && !failed; side++) {
        failed = version_find(&diff->project, arguments->operands[side], &diff->found,
                              &diff->versions[side]);
        if (!failed) failed = load(diff, side, &diff->versions[side], &diff->reruns[side]);
    }
    return failed;
}

/* ---- two at once ---- */

/* The new version is evaluated in a thread of its own while this one does the old. */
struct other_side {
    struct rerun *rerun;
    size_t targets; /* of the tick */
    uv_thread_t thread;
    uv_sem_t begin, ended;
    bool quit;
};

static void judge_all(struct rerun *rerun, size_t targets)
{
    for (size_t i = 0; i < targets; i++)
        rerun_judge(rerun, i);
}

static void other_thread(void *data)
{
    struct other_side *other = data;
    for (;;) {
        uv_sem_wait(&other->begin);
        if (other->quit) return;
        judge_all(other->rerun, other->targets);
        uv_sem_post(&other->ended);
    }
}

static int other_start(struct diff *diff)
{
    struct other_side *other = calloc(1, sizeof *other);
    if (!other) return ERR_NOMEM;
    other->rerun = diff->reruns[SIDE_NEW];
    if (uv_sem_init(&other->begin, 0) < 0 || uv_sem_init(&other->ended, 0) < 0 ||
        uv_thread_create(&other->thread, other_thread, other) < 0) {
        free(other); /* a process without room for a thread ends in a moment */
        return ERR_NOMEM;
    }
    diff->other = other;
    return OK;
}

static void other_stop(struct diff *diff)
{
    struct other_side *other = diff->other;
    if (!other) return;
    other->quit = true;
    uv_sem_post(&other->begin);
    uv_thread_join(&other->thread);
    uv_sem_destroy(&other->begin);
    uv_sem_destroy(&other->ended);
    free(other);
    diff->other = NULL;
}

static void judge_both(struct diff *diff, size_t targets)
{
    diff->other->targets = targets;
    uv_sem_post(&diff->other->begin);
    judge_all(diff->reruns[SIDE_OLD], targets);
    uv_sem_wait(&diff->other->ended);
}

/* ---- the ticks ---- */

static int64_t now_ms(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real) / 1000000;
}

/* On a terminal, while it takes long; standard output is the result's. */
static void show_progress(const struct diff *diff, int64_t begun_ms, int64_t *said_ms)
{
    int64_t at_ms = now_ms();
    if (at_ms - (*said_ms ? *said_ms : begun_ms) < PROGRESS_MS) return;
    *said_ms = at_ms;
    fprintf(stderr, "\r%llu of %llu ticks (%.0f %%)\033[K", (unsigned long long)diff->ticks,
            (unsigned long long)diff->found.ticks,
            diff->found.ticks ? 100.0 * (double)diff->ticks / (double)diff->found.ticks : 100.0);
}

static int compare_tick(struct diff *diff, const struct replay_tick *tick, struct faults *faults)
{
    for (int side = SIDE_OLD; side < SIDES; side++) {
        int code = rerun_tick(diff->reruns[side], tick, faults);
        if (code < 0) return code;
    }
    judge_both(diff, tick->target_count);
    for (size_t i = 0; i < tick->target_count; i++) {
        struct judgement old = rerun_judgement(diff->reruns[SIDE_OLD], i);
        struct judgement new = rerun_judgement(diff->reruns[SIDE_NEW], i);
        if (old.fault && new.fault && diff->both_failed++ == 0) diff->failure = *new.fault;
        int code = differences_find(&diff->differences, &old, &new);
        if (code >= 0)
            code = spans_add(diff->spans, tick->number, tick->at_ms, tick->targets[i].id,
                             &diff->differences);
        if (code >= 0) continue;
        struct fault fault;
        fault_set(&fault, code, "tick %llu: %s", (unsigned long long)tick->number, err_text(code));
        return faults_add(faults, &fault);
    }
    if (diff->ticks++ == 0) {
        diff->first_tick = tick->number;
        diff->first_ms = tick->at_ms;
    }
    diff->last_tick = tick->number;
    diff->last_ms = tick->at_ms;
    return OK;
}

/* 1: another tick; a damaged record is said and passed over. */
static int next_tick(struct diff *diff, struct replay_tick *tick, struct faults *faults)
{
    struct fault fault;
    for (;;) {
        int code = replay_next(diff->replay, tick, &fault);
        if (code >= 0) return code;
        if (code != ERR_CORRUPT) return faults_add(faults, &fault);
        if (diff->damaged++ == 0) print_fault(&fault);
    }
}

static int run(struct diff *diff, struct faults *faults)
{
    const struct replay_options options = {.path = diff->project.path,
                                           .world = diff->found.world,
                                           .policy = diff->found.policy,
                                           .from_ms = diff->from_ms};
    struct fault fault;
    struct replay_tick tick;
    bool shows = isatty(STDERR_FILENO);
    int64_t begun_ms = now_ms(), said_ms = 0;
    int code = replay_open(&options, &diff->replay, &fault);
    if (code < 0) return faults_add(faults, &fault);
    for (int side = SIDE_OLD; side < SIDES; side++)
        rerun_on(diff->reruns[side], diff->replay);
    code = other_start(diff);
    if (code < 0) {
        fault_set(&fault, code, "no thread to evaluate in");
        return faults_add(faults, &fault);
    }
    while ((code = next_tick(diff, &tick, faults)) > 0) {
        code = compare_tick(diff, &tick, faults);
        if (code < 0) break;
        if (shows) show_progress(diff, begun_ms, &said_ms);
    }
    other_stop(diff);
    if (said_ms) fputs("\r\033[K", stderr);
    diff->elapsed_ms = now_ms() - begun_ms;
    return code;
}

/* ---- the command ---- */

static void done(struct diff *diff)
{
    for (int side = SIDE_OLD; side < SIDES; side++) {
        rerun_free(diff->reruns[side]);
        version_done(&diff->versions[side]);
    }
    replay_close(diff->replay);
    spans_free(diff->spans);
    differences_done(&diff->differences);
    kinds_free(diff->hosts[SIDE_NEW].kinds);
    past_policy_done(&diff->found);
    past_close(&diff->project);
}

static int diff_all(struct diff *diff, const struct arguments *arguments)
{
    struct faults faults;
    if (find_all(diff, arguments)) return 1;
    faults_init(&faults);
    int code = run(diff, &faults);
    print_faults(&faults);
    faults_done(&faults);
    if (code < 0) return 1;
    int count = diff_report(diff);
    if (count < 0) fputs("moontide: out of memory\n", stderr);
    if (count < 0) return 1;
    return count > 0 && arguments_flag(arguments, "exit-code") ? 2 : 0;
}

int command_diff(const struct arguments *arguments)
{
    struct diff diff = {.from_ms = 0};
    if (project_format(arguments, &diff.json)) return 1;
    if (past_open(arguments, &diff.project)) return 1;
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL); /* what policies log, they logged then */
    differences_init(&diff.differences);
    int status = 1;
    diff.hosts[SIDE_OLD] = diff.hosts[SIDE_NEW] = diff.project.host;
    diff.hosts[SIDE_NEW].kinds = NULL;
    if (kinds_new(&diff.hosts[SIDE_NEW], &diff.hosts[SIDE_NEW].kinds) < 0 ||
        spans_new(&diff.spans) < 0)
        fputs("moontide: out of memory\n", stderr);
    else
        status = diff_all(&diff, arguments);
    done(&diff);
    return status;
}
