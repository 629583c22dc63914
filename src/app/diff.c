/* app/diff.c - `moontide diff OLD NEW`: what two versions of a policy say differently of the ticks
 * that were recorded. */
#include "diff.h"

#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/base/log.h"
#include "moontide/base/timetext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_MS = 100 };

/* ---- which versions, of which policy ---- */

static int load(struct diff *diff, const struct version *version, struct rerun **out)
{
    struct faults faults;
    faults_init(&faults);
    int code = rerun_new(&diff->project.host, version, out, &faults);
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
        int failed = version.source ? load(diff, &version, &rerun) : 0;
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
        if (!failed) failed = load(diff, &diff->versions[side], &diff->reruns[side]);
    }
    return failed;
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
    for (size_t i = 0; i < tick->target_count; i++) {
        struct judgement old = rerun_judge(diff->reruns[SIDE_OLD], i);
        struct judgement new = rerun_judge(diff->reruns[SIDE_NEW], i);
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
    while ((code = next_tick(diff, &tick, faults)) > 0) {
        code = compare_tick(diff, &tick, faults);
        if (code < 0) break;
        if (shows) show_progress(diff, begun_ms, &said_ms);
    }
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
    if (spans_new(&diff.spans) < 0)
        fputs("moontide: out of memory\n", stderr);
    else
        status = diff_all(&diff, arguments);
    done(&diff);
    return status;
}
