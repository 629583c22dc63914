/* bench/bench_store.c - the journal: appending 10,000 entries as one batch, to a new file and to
 * one of a million entries, pruning that file, and asking it why. Wall time: it is the disk that
 * counts. Everything is in a temporary directory ($TMPDIR) that is removed at the end.
 *
 *   bench_store [ENTRIES]      of the large file; default 1,000,000 */
#include "moontide/app/why.h"
#include "moontide/base/clock.h"
#include "moontide/base/compiler.h"
#include "moontide/base/hash.h"
#include "moontide/io/loop.h"
#include "moontide/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 10000, ROUNDS = 9, RESOURCES = 200, MINUTE_MS = 60000, SPANS_MAX = 64 };

static struct loop *loop;
static char dir[64], path[96];
static int64_t now_ms = 1764300000000;
static int64_t serial;

static void die(const char *what)
{
    fprintf(stderr, "bench_store: %s\n", what);
    exit(1);
}

static int64_t wall_ns(void)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    return clock_mono_ns(&real);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* When it began, and when it was durable: wall and CPU time. */
struct span {
    int64_t wall_ns, cpu_ns;
};

static void span_begin(struct span *span)
{
    span->wall_ns = -wall_ns();
    span->cpu_ns = -clock_cpu_ns();
}

static void span_end(struct span *span)
{
    span->wall_ns += wall_ns();
    span->cpu_ns += clock_cpu_ns();
}

static void report(const char *what, const struct span *spans, int count)
{
    int64_t wall[SPANS_MAX], cpu[SPANS_MAX];
    for (int i = 0; i < count; i++) {
        wall[i] = spans[i].wall_ns;
        cpu[i] = spans[i].cpu_ns;
    }
    qsort(wall, (size_t)count, sizeof *wall, by_value);
    qsort(cpu, (size_t)count, sizeof *cpu, by_value);
    printf("journal: %-40s median %8.2f ms  best %8.2f ms  worst %8.2f ms  CPU %8.2f ms\n", what,
           (double)wall[count / 2] / 1e6, (double)wall[0] / 1e6, (double)wall[count - 1] / 1e6,
           (double)cpu[count / 2] / 1e6);
}

/* A chain is two entries: a decision and, of every eighth, an outcome in place of the next one's
 * decision. Its id is made as the tick's are. */
static void add_entry(struct store_batch *batch)
{
    char id[33], resource[48], target[32], json[512];
    int64_t chain = serial % 8 == 1 ? serial - 1 : serial;
    snprintf(id, sizeof id, "%012llx%04llx%016llx", (unsigned long long)now_ms,
             (unsigned long long)hash64(&chain, sizeof chain, 1) & 0xffff,
             (unsigned long long)hash64(&chain, sizeof chain, 2));
    int which = (int)(serial / 2 % RESOURCES);
    snprintf(resource, sizeof resource, "service/gm-tool-%d/api", which);
    snprintf(target, sizeof target, "environment=env-%d", which);
    if (serial % 8 == 1)
        snprintf(json, sizeof json,
                 "{\"at\":%lld,\"calls\":[{\"operation\":\"ecs:UpdateService\",\"request_id\":"
                 "\"8f6f6d0e-0000-4000-8000-00000000\"}],\"kind\":\"ecs_desired_count\","
                 "\"outcome\":\"applied\"}",
                 (long long)now_ms);
    else
        snprintf(json, sizeof json,
                 "{\"at\":%lld,\"changes\":[{\"field\":\"count\",\"from\":5,\"to\":9}],\"current\":"
                 "{\"count\":5},\"datapoints\":{\"p99\":{\"at\":%lld,\"value\":1234.5}},\"kind\":"
                 "\"ecs_desired_count\",\"mode\":\"act\",\"outcome\":\"%s\",\"reason\":\"%s\","
                 "\"text\":\"5 -> 9 wanted, and the last change was 40 s ago\",\"wanted\":"
                 "{\"count\":9,\"max\":20,\"min\":2}}",
                 (long long)now_ms, (long long)now_ms / 1000, serial % 4 ? "refused" : "proposed",
                 serial % 4 ? "COOLDOWN" : "");
    store_batch_journal(
        batch,
        &(struct journal_entry){
            .id = id,
            .what = serial % 8 == 1 ? "outcome" : "decision",
            .policy = "ecs_scaling",
            .target = target,
            .resource = resource,
            .policy_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            .json = json});
    serial++;
}

/* When it is durable; the loop goes on with what needs nobody to wait for it. */
static void note_end(void *data, int code, const struct fault *fault)
{
    if (code < 0) die(fault->text);
    span_end(data);
}

static void append(struct store *store, struct span *span)
{
    struct store_batch *batch;
    now_ms += MINUTE_MS;
    span_begin(span);
    if (store_batch_new("aws", now_ms, &batch) < 0) die("out of memory");
    for (int i = 0; i < BATCH; i++)
        add_entry(batch);
    if (store_commit(store, batch, note_end, span) < 0) die("not committed");
    loop_run(loop);
}

static void remove_files(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static struct store *open_new(void)
{
    struct store *store;
    struct fault fault;
    remove_files();
    if (store_open(loop, path, &store, &fault) < 0) die(fault.text);
    return store;
}

static void bench_new_file(void)
{
    struct span times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct store *store = open_new();
        append(store, &times[i]);
        store_close(store);
    }
    report("append 10,000 entries", times, ROUNDS);
}

static void bench_large_append(struct store *store)
{
    struct span times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        append(store, &times[i]);
    report("append 10,000 entries to a large file", times, ROUNDS);
}

static void bench_prune(struct store *store)
{
    enum { STEPS = 40 };
    struct span times[STEPS];
    struct store_retention one_byte = {.max_bytes = 1};
    for (int i = 0; i < STEPS; i++) {
        span_begin(&times[i]);
        if (store_prune(store, &one_byte, now_ms, note_end, &times[i]) < 0) die("not pruned");
        loop_run(loop);
    }
    report("prune one step of 2,000 entries", times, STEPS);
}

/* The whole command but the process: opens the file, reads what there is of a name, words. */
static void bench_why(const char *what, const char *as, const char *name, int64_t ago_ms)
{
    struct span times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct why why = {.name = name, .what = as, .since_ms = ago_ms ? now_ms - ago_ms : 1};
        struct store *reader;
        struct strbuf text;
        struct fault fault;
        strbuf_init(&text, 64 << 20);
        span_begin(&times[i]);
        if (store_open_reader(path, &reader, &fault) < 0) die(fault.text);
        if (why_read(&why, reader, NULL, &fault) < 0) die(fault.text);
        if (why_write_text(&why, false, &text) < 0) die("no words");
        store_close(reader);
        span_end(&times[i]);
        if (ago_ms != 1 && !strstr(strbuf_cstr(&text), "Why not:")) die("no answer");
        strbuf_done(&text);
        why_done(&why);
    }
    report(what, times, ROUNDS);
}

static bool count_row(void *data, const struct journal_row *row)
{
    (void)row;
    ++*(int *)data;
    return true;
}

static void bench_filter(const char *what, struct journal_filter filter)
{
    struct span times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct store *reader;
        struct fault fault;
        int rows = 0;
        span_begin(&times[i]);
        if (store_open_reader(path, &reader, &fault) < 0) die(fault.text);
        if (store_each_journal(reader, &filter, count_row, &rows, &fault) < 0) die(fault.text);
        store_close(reader);
        span_end(&times[i]);
    }
    report(what, times, ROUNDS);
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    long entries = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    snprintf(dir, sizeof dir, "%.30s/moontide-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir) || loop_new(&loop) < 0) die("no directory");
    snprintf(path, sizeof path, "%s/moontide.db", dir);
    bench_new_file();
    struct store *store = open_new();
    struct span ignored;
    for (long made = 0; made < entries; made += BATCH)
        append(store, &ignored);
    bench_why("why RESOURCE, the last 24 h", "resource", "service/gm-tool-7/api", 86400000);
    bench_why("why RESOURCE, all of it", "resource", "service/gm-tool-7/api", 0);
    bench_why("why TARGET, all of it", "target", "environment=env-7", 0);
    bench_why("why of what is not there", "resource", "nobody", 1);
    bench_filter("journal --what decision",
                 (struct journal_filter){.what = "decision", .limit = 100});
    bench_filter("journal --what pause (there is none)", (struct journal_filter){.what = "pause"});
    bench_large_append(store);
    bench_prune(store);
    store_close(store);
    remove_files();
    rmdir(dir);
    return loop_free(loop);
}
