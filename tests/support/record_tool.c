/* support/record_tool.c - a long recording without the days that it takes, and how fast it is read.
 *
 *   record_tool write DIR POLICY.lua TICKS [EVERY_S]
 *   record_tool read DIR [POLICY_NAME]
 *
 * `write` records TICKS ticks of a policy of the project DIR (its moontide.lua says how many
 * environments there are), the last of them now, by the recorder itself: targets, metrics, keys and
 * source are the policy's, datapoints are made here (averages with all digits, counts, texts of two
 * decimals; one in five revised once; a memo that counts). Nothing is evaluated. `read` replays all
 * of it and looks up each series of each target. Both print one JSON line: CPU of the thread that
 * calls, medians a tick, and bytes in the file. */
#include "moontide/base/clock.h"
#include "moontide/base/faults.h"
#include "moontide/base/fs.h"
#include "moontide/bind/config.h"
#include "moontide/bind/policy.h"
#include "moontide/store/recording.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/recorder.h"
#include "moontide/tick/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WAITING_MAX = 64 };

static void stop(const char *what)
{
    fprintf(stderr, "record_tool: %s\n", what);
    exit(1);
}

static double thread_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static char *recording_of(const char *dir)
{
    struct fault fault;
    char *state = fs_join(dir, ".moontide"), *path = state ? fs_join(state, "recording.db") : NULL;
    if (!path) stop("out of memory");
    if (fs_make_dir(state, &fault) < 0) stop(fault.text);
    free(state);
    return path;
}

/* ---- a world ---- */

static uint64_t seed = 42;

static double dice(void)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(seed >> 11) / 9007199254740992.0;
}

struct made {
    struct series *series;
    double level;
    int kind;
};

static double datapoint(struct made *made)
{
    made->level += (dice() - 0.5) * made->level * 0.1;
    if (made->level < 1) made->level = 1;
    switch (made->kind) {
    case 0: return floor(made->level * 10);
    case 1: return round(made->level * 100) / 100;
    default: return made->level;
    }
}

static void pass_time(struct made *made, int64_t now_s)
{
    struct series *series = made->series;
    int64_t end_s = (now_s - 60) / series->period_s * series->period_s;
    int64_t steps = (end_s - series_end_s(series)) / series->period_s;
    if (steps <= 0) return;
    if (steps > (int64_t)series->slots) steps = series->slots;
    series_move(series, end_s);
    for (int64_t i = steps; i > 0; i--)
        series->values[series->slots - (uint32_t)i] = datapoint(made);
    if (dice() < 0.2 && series->slots > steps)
        series->values[series->slots - 1 - (uint32_t)steps] = datapoint(made);
    series->state = SERIES_READY;
}

struct writer {
    struct evaluator *evaluator;
    struct recorder *recorder;
    struct made *made; /* of all targets in a row */
    struct series **series;
    size_t targets, uses;
};

static void make_series(struct writer *w)
{
    const struct evaluator_vtable *vtable = w->evaluator->vtable;
    w->targets = vtable->target_count(w->evaluator);
    for (size_t i = 0; i < w->targets; i++)
        w->uses += vtable->target(w->evaluator, i)->use_count;
    w->made = calloc(w->uses + 1, sizeof *w->made);
    w->series = calloc(w->uses + 1, sizeof(struct series *));
    if (!w->made || !w->series) stop("out of memory");
    size_t at = 0;
    for (size_t i = 0; i < w->targets; i++) {
        const struct target *target = vtable->target(w->evaluator, i);
        for (uint32_t j = 0; j < target->use_count; j++, at++) {
            w->made[at] = (struct made){.level = 10 + dice() * 500, .kind = (int)(at % 5)};
            if (series_new(target->uses[j].metric->period_s, target->uses[j].slots,
                           &w->series[at]) < 0)
                stop("out of memory");
            w->made[at].series = w->series[at];
        }
    }
}

static void write_tick(struct writer *w, uint64_t number, int64_t at_ms)
{
    const struct evaluator_vtable *vtable = w->evaluator->vtable;
    struct record *record = recorder_begin(w->recorder, vtable->info(w->evaluator), number, at_ms);
    size_t at = 0;
    for (size_t i = 0; i < w->targets; i++) {
        char memo[96];
        const struct target *target = vtable->target(w->evaluator, i);
        snprintf(memo, sizeof memo, "{\"last\":%lld,\"n\":%llu}", (long long)at_ms,
                 (unsigned long long)number);
        record_target(record, target, w->series + at, NULL, memo);
        at += target->use_count;
    }
    record_end(record);
}

static void wait_for_thread(struct recorder *recorder, size_t most)
{
    struct recording_status status;
    do {
        recorder_status(recorder, &status);
        if (status.failed) stop(status.fault.text);
        if (status.waiting > most) usleep(1000);
    } while (status.waiting > most);
}

static void discovered(void *data, int code, const struct fault *fault)
{
    (void)data;
    if (code < 0) stop(fault->text);
}

static void open_policy(struct writer *w, const struct host *host, const char *path)
{
    struct faults faults;
    struct fault fault;
    char *text;
    size_t len;
    faults_init(&faults);
    if (fs_read_file(path, 1 << 20, &text, &len, &fault) < 0) stop(fault.text);
    if (policy_load_text(host, path, path, text, len, &w->evaluator, &faults) < 0)
        stop(faults.items[0].text);
    free(text);
    faults_done(&faults);
    w->evaluator->vtable->discover(w->evaluator, discovered, NULL);
}

static int64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static int write_recording(const char *dir, const char *policy, size_t ticks, int64_t every_s)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct config *config = NULL;
    struct writer w = {.recorder = NULL};
    struct recording_status status;
    struct fault fault;
    char *path = recording_of(dir);
    double *cpu_us = calloc(ticks + 1, sizeof *cpu_us);
    if (config_load(dir, &config, NULL) < 0 || !cpu_us) stop("no configuration");
    struct host host = {.clock = &real, .config = config, .world_name = "aws"};
    open_policy(&w, &host, policy);
    make_series(&w);
    const struct recording_options options = {.path = path};
    if (recorder_new(&options, "aws", &w.recorder, &fault) < 0) stop(fault.text);
    int64_t at_s = clock_now_ms(&real) / 1000 - (int64_t)ticks * every_s;
    for (size_t i = 0; i < ticks; i++, at_s += every_s) {
        for (size_t j = 0; j < w.uses; j++)
            pass_time(&w.made[j], at_s);
        double begin_us = thread_us();
        write_tick(&w, recorder_next_tick(w.recorder), at_s * 1000);
        cpu_us[i] = thread_us() - begin_us;
        wait_for_thread(w.recorder, WAITING_MAX);
    }
    wait_for_thread(w.recorder, 0);
    recorder_status(w.recorder, &status);
    double first_us = ticks ? cpu_us[0] : 0, sum_us = 0;
    for (size_t i = 0; i < ticks; i++)
        sum_us += cpu_us[i];
    qsort(cpu_us, ticks, sizeof *cpu_us, by_value);
    recorder_free(w.recorder);
    printf("{\"ticks\":%zu,\"targets\":%zu,\"series\":%zu,\"first_us\":%.0f,\"median_us\":%.0f,"
           "\"mean_us\":%.0f,\"max_us\":%.0f,\"body_bytes_a_tick\":%.0f,\"file_bytes\":%lld,"
           "\"lost\":%llu}\n",
           ticks, w.targets, w.uses, first_us, cpu_us[ticks / 2], sum_us / (double)ticks,
           cpu_us[ticks - 1], (double)status.written_bytes / (double)ticks,
           (long long)file_bytes(path), (unsigned long long)status.lost);
    w.evaluator->vtable->free(w.evaluator);
    for (size_t i = 0; i < w.uses; i++)
        free(w.series[i]);
    free(w.series);
    free(w.made);
    config_free(config);
    free(cpu_us);
    free(path);
    return 0;
}

/* ---- reading ---- */

static int read_recording(const char *dir, const char *policy)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct replay *replay = NULL;
    struct replay_tick tick;
    struct fault fault;
    char *path = recording_of(dir);
    const struct replay_options options = {.path = path, .policy = policy};
    int64_t begin_ns = clock_mono_ns(&real), ticks = 0, targets = 0, series = 0;
    double begin_us = thread_us(), sum = 0;
    if (replay_open(&options, &replay, &fault) < 0) stop(fault.text);
    int code;
    while ((code = replay_next(replay, &tick, &fault)) == 1) {
        ticks++;
        targets += (int64_t)tick.target_count;
        for (size_t i = 0; i < tick.target_count; i++)
            for (size_t j = 0; j < tick.targets[i].use_count; j++) {
                const struct series *s = tick.targets[i].uses[j].series;
                double value = s->values[s->slots - 1];
                sum += isnan(value) ? 0 : value;
                series++;
            }
    }
    if (code < 0) stop(fault.text);
    replay_close(replay);
    printf("{\"ticks\":%lld,\"targets\":%lld,\"series\":%lld,\"sum\":%.17g,\"cpu_ms\":%.0f,"
           "\"ms\":%.0f}\n",
           (long long)ticks, (long long)targets, (long long)series, sum,
           (thread_us() - begin_us) / 1000, (double)(clock_mono_ns(&real) - begin_ns) / 1e6);
    free(path);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "write") == 0)
        return write_recording(argv[2], argv[3], strtoul(argv[4], NULL, 10),
                               argc > 5 ? strtol(argv[5], NULL, 10) : 60);
    if (argc >= 3 && strcmp(argv[1], "read") == 0)
        return read_recording(argv[2], argc > 3 ? argv[3] : NULL);
    fputs("usage: record_tool write DIR POLICY.lua TICKS [EVERY_S] | read DIR [POLICY_NAME]\n",
          stderr);
    return 1;
}
