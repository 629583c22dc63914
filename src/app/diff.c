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

/* A thread beside this one. It evaluates the new version while this one evaluates the old, and
 * compares what both said while this one reads the next tick. */
struct mate {
    struct diff *diff;
    void (*job)(struct diff *diff); /* NULL: it ends */
    uv_thread_t thread;
    uv_sem_t begin, ended;
    bool busy;
};

static void mate_thread(void *data)
{
    struct mate *mate = data;
    for (;;) {
        uv_sem_wait(&mate->begin);
        if (!mate->job) return;
        mate->job(mate->diff);
        uv_sem_post(&mate->ended);
    }
}

static int mate_start(struct diff *diff)
{
    struct mate *mate = calloc(1, sizeof *mate);
    if (!mate) return ERR_NOMEM;
    mate->diff = diff;
    if (uv_sem_init(&mate->begin, 0) < 0 || uv_sem_init(&mate->ended, 0) < 0 ||
        uv_thread_create(&mate->thread, mate_thread, mate) < 0) {
        free(mate); /* a process without room for a thread ends in a moment */
        return ERR_NOMEM;
    }
    diff->mate = mate;
    return OK;
}

static void mate_begin(struct diff *diff, void (*job)(struct diff *diff))
{
    diff->mate->job = job;
    diff->mate->busy = job != NULL;
    uv_sem_post(&diff->mate->begin);
}

static void mate_wait(struct diff *diff)
{
    if (!diff->mate->busy) return;
    uv_sem_wait(&diff->mate->ended);
    diff->mate->busy = false;
}

static void mate_stop(struct diff *diff)
{
    struct mate *mate = diff->mate;
    mate_wait(diff);
    mate_begin(diff, NULL);
    uv_thread_join(&mate->thread);
    uv_sem_destroy(&mate->begin);
    uv_sem_destroy(&mate->ended);
    free(mate);
    diff->mate = NULL;
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

static void judge_side(struct diff *diff, enum side side)
{
    for (size_t i = 0; i < diff->target_count; i++)
        rerun_judge(diff->reruns[side], i);
}

static void judge_new(struct diff *diff)
{
    judge_side(diff, SIDE_NEW);
}

/* What both said of the last tick; diff->code says how that went. */
static void compare(struct diff *diff)
{
    for (size_t i = 0; i < diff->target_count && diff->code >= 0; i++) {
        struct judgement old = rerun_judgement(diff->reruns[SIDE_OLD], i);
        struct judgement new = rerun_judgement(diff->reruns[SIDE_NEW], i);
        if (old.fault && new.fault && diff->both_failed++ == 0) diff->failure = *new.fault;
        diff->code = differences_find(&diff->differences, &old, &new);
        if (diff->code >= 0)
            diff->code = spans_add(diff->spans, diff->last_tick, diff->last_ms,
                                   rerun_target_id(diff->reruns[SIDE_NEW], i), &diff->differences);
    }
}

/* The comparison of the tick before has ended. */
static int compared(struct diff *diff, struct faults *faults)
{
    mate_wait(diff);
    if (diff->code >= 0) return OK;
    struct fault fault;
    fault_set(&fault, diff->code, "tick %llu: %s", (unsigned long long)diff->last_tick,
              err_text(diff->code));
    return faults_add(faults, &fault);
}

/* Evaluates both, and begins to compare. 1: done. */
static int judge_tick(struct diff *diff, const struct replay_tick *tick, struct faults *faults)
{
    for (int side = SIDE_OLD; side < SIDES; side++) {
        int code = rerun_tick(diff->reruns[side], tick, faults);
        if (code < 0) return code;
    }
    diff->target_count = tick->target_count;
    diff->last_tick = tick->number;
    diff->last_ms = tick->at_ms;
    if (diff->ticks++ == 0) {
        diff->first_tick = tick->number;
        diff->first_ms = tick->at_ms;
    }
    mate_begin(diff, judge_new);
    judge_side(diff, SIDE_OLD);
    mate_wait(diff);
    mate_begin(diff, compare);
    return 1;
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
    code = mate_start(diff);
    if (code < 0) {
        fault_set(&fault, code, "no thread to evaluate in");
        return faults_add(faults, &fault);
    }
    do {
        code = next_tick(diff, &tick, faults);
        int before = compared(diff, faults);
        if (before < 0) code = before;
        if (code > 0) code = judge_tick(diff, &tick, faults);
        if (shows) show_progress(diff, begun_ms, &said_ms);
    } while (code > 0);
    mate_stop(diff);
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
