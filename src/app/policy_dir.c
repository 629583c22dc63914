/* app/policy_dir.c - compares what is on disk with what runs, and loads the difference. */
#include "moontide/app/policy_dir.h"

#include "moontide/app/policy_scan.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/log.h"
#include "moontide/base/strbuf.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "moontide/io/watch.h"

#include <stdlib.h>
#include <string.h>

/* What is known of one policy file. */
struct known_file {
    char *path;
    char *policy;               /* the name it gave when it last loaded; NULL: it never did */
    char tried[SHA256_HEX_MAX]; /* the text that was last tried */
    char *libs;         /* the lib modules it used then: "\npath\npath\n"; NULL: take all of them */
    uint64_t libs_hash; /* of their paths and content */
    bool faulty;
    bool duplicate;  /* faulty because another file has the policy's name */
    bool seen;       /* in this scan */
    int64_t gone_ns; /* when it was first missed; 0: it is there */
};

struct scan_job {
    struct policy_dir *dir; /* NULL: nobody waits for it any more */
    struct policy_scan scan;
    char *directory;
    size_t limit_bytes;
};

struct policy_dir {
    struct policy_dir_options options;
    char *directory;
    struct known_file *known; /* shape: known[count] */
    size_t count;
    struct watch *watch;
    struct loop_timer *grace;
    struct scan_job *job; /* under way */
    bool again, force;
    bool anything_changed; /* in this scan: what did not load is tried again */
    scan_done_fn *done;
    void *data;
    struct scan_result result;
    size_t swapping; /* given to the engine, not live yet */
    bool directory_faulty;
};

static void start_scan(struct policy_dir *dir);

int policy_dir_new(const struct policy_dir_options *options, struct policy_dir **out)
{
    struct policy_dir *dir = calloc(1, sizeof *dir);
    if (!dir || !(dir->directory = strdup(options->directory))) {
        free(dir);
        return ERR_NOMEM;
    }
    dir->options = *options;
    dir->options.directory = dir->directory;
    faults_init(&dir->result.faults);
    *out = dir;
    return OK;
}

void policy_dir_free(struct policy_dir *dir)
{
    if (!dir) return;
    watch_free(dir->watch);
    loop_timer_cancel(dir->grace);
    if (dir->job) dir->job->dir = NULL;
    for (size_t i = 0; i < dir->count; i++) {
        free(dir->known[i].path);
        free(dir->known[i].policy);
        free(dir->known[i].libs);
    }
    free(dir->known);
    faults_done(&dir->result.faults);
    free(dir->directory);
    free(dir);
}

/* ---- comparing ---- */

static bool lists_path(const char *list, const char *path)
{
    size_t n = strlen(path);
    for (const char *at = list; (at = strstr(at, path)); at += n)
        if (at[-1] == '\n' && at[n] == '\n')
            return true; /* a list begins and ends with a newline */
    return false;
}

static struct known_file *find_known(struct policy_dir *dir, const char *path)
{
    for (size_t i = 0; i < dir->count; i++)
        if (strcmp(dir->known[i].path, path) == 0) return &dir->known[i];
    return NULL;
}

static struct known_file *find_or_add(struct policy_dir *dir, const char *path)
{
    struct known_file *known = find_known(dir, path);
    if (known) return known;
    struct known_file *grown = realloc(dir->known, (dir->count + 1) * sizeof *grown);
    if (!grown) return NULL;
    dir->known = grown;
    known = &grown[dir->count];
    memset(known, 0, sizeof *known);
    if (!(known->path = strdup(path))) return NULL;
    dir->count++;
    return known;
}

/* Paths and content of the lib modules that a file uses, as one hash; the scan is sorted by path.
 */
static uint64_t hash_libs(const struct policy_scan *scan, const struct known_file *known)
{
    uint64_t hash = 0;
    for (size_t i = scan->policy_count; i < scan->count; i++) {
        const struct scanned_file *lib = &scan->files[i];
        if (known->libs && !lists_path(known->libs, lib->path)) continue;
        hash = hash64(lib->path, strlen(lib->path), hash + 1);
        hash = hash64(lib->sha256, strlen(lib->sha256), hash);
    }
    return hash;
}

/* Notes which modules the evaluator was built from; evaluator NULL (it did not load): any may mend
 * it. */
static void note_libs(struct known_file *known, const struct policy_scan *scan,
                      const struct evaluator *evaluator)
{
    struct strbuf list;
    free(known->libs);
    strbuf_init(&list, POLICY_FILES_MAX * 4096);
    strbuf_addc(&list, '\n');
    for (size_t i = scan->policy_count; evaluator && i < scan->count; i++)
        if (evaluator->vtable->uses_file(evaluator, scan->files[i].path))
            strbuf_addf(&list, "%s\n", scan->files[i].path);
    known->libs = evaluator ? strbuf_take(&list, NULL) : NULL;
    strbuf_done(&list);
    known->libs_hash = hash_libs(scan, known);
}

static void log_rejected(const struct fault *fault, const char *last_good)
{
    log_event(LOG_ERROR, "policy.rejected", LOG_S("file", fault->file), LOG_I("line", fault->line),
              LOG_S("error", fault->text),
              LOG_S("running", last_good ? "the last good version" : "nothing"));
}

/* A file that does not load: said now, and in every tick until it is mended. */
static void reject(struct policy_dir *dir, struct known_file *known, const struct faults *faults)
{
    const char *shown = path_shown(known->path);
    known->faulty = true;
    for (size_t i = 0; i < faults->count; i++) {
        struct fault fault = faults->items[i];
        if (!fault.file[0]) fault_at(&fault, shown, fault.line, fault.column);
        log_rejected(&fault, known->policy);
        faults_add(&dir->result.faults, &fault);
        if (i > 0) continue;
        if (engine_file_fault(dir->options.engine, shown, known->policy ? known->policy : "",
                              &fault) < 0)
            log_event(LOG_ERROR, "policy.rejected", LOG_S("file", shown),
                      LOG_S("error", "out of memory"));
    }
}

static void reject_one(struct policy_dir *dir, struct known_file *known, const struct fault *fault)
{
    struct faults one;
    faults_init(&one);
    faults_add(&one, fault);
    reject(dir, known, &one);
    faults_done(&one);
}

static void scan_over(struct policy_dir *dir)
{
    if (dir->swapping > 0 || dir->job) return;
    scan_done_fn *done = dir->done;
    void *data = dir->data;
    struct scan_result result = dir->result;
    dir->done = NULL;
    memset(&dir->result, 0, sizeof dir->result);
    if (done) done(data, &result);
    faults_done(&result.faults);
}

static void on_swapped(void *data, const char *policy, int code)
{
    struct policy_dir *dir = data;
    (void)policy;
    dir->swapping--;
    if (code == PUT_SHADOWED)
        dir->result.shadowed++;
    else if (code >= 0)
        dir->result.loaded++;
    scan_over(dir);
}

/* A policy of the same name whose file is gone was renamed; its memo and alerts stay with the name.
 */
static void release_renamed(struct policy_dir *dir, const struct known_file *known,
                            const char *name)
{
    for (size_t i = 0; i < dir->count; i++) {
        struct known_file *other = &dir->known[i];
        if (other == known || !other->policy || other->seen || strcmp(other->policy, name) != 0)
            continue;
        engine_remove(dir->options.engine, name);
        free(other->policy);
        other->policy = NULL;
    }
}

static int adopt(struct policy_dir *dir, struct known_file *known, struct evaluator *evaluator,
                 struct fault *fault)
{
    char *name = strdup(evaluator->vtable->info(evaluator)->name);
    if (!name) {
        evaluator->vtable->free(evaluator);
        return fault_set(fault, ERR_NOMEM, "out of memory");
    }
    release_renamed(dir, known, name);
    dir->swapping++;
    int code = engine_put(dir->options.engine, evaluator, on_swapped, dir, fault);
    known->duplicate = code == ERR_EXISTS;
    if (code < 0) {
        dir->swapping--;
        free(name);
        return code;
    }
    if (known->policy && strcmp(known->policy, name) != 0)
        engine_remove(dir->options.engine, known->policy);
    free(known->policy);
    known->policy = name;
    return OK;
}

static void load_file(struct policy_dir *dir, struct known_file *known,
                      const struct scanned_file *file, const struct policy_scan *scan)
{
    struct evaluator *evaluator = NULL;
    struct faults faults;
    struct fault fault;
    faults_init(&faults);
    int code = policy_load_text(dir->options.host, file->path, path_shown(file->path), file->text,
                                file->len, &evaluator, &faults);
    note_libs(known, scan, code < 0 ? NULL : evaluator);
    if (code < 0) {
        reject(dir, known, &faults);
    } else if (adopt(dir, known, evaluator, &fault) < 0) {
        note_libs(known, scan, NULL);
        reject_one(dir, known, &fault);
    } else {
        known->faulty = false;
        if (engine_file_fault(dir->options.engine, path_shown(file->path), known->policy, NULL) < 0)
            log_event(LOG_ERROR, "policy.rejected", LOG_S("file", file->path),
                      LOG_S("error", "out of memory"));
    }
    faults_done(&faults);
}

static void compare_file(struct policy_dir *dir, const struct scanned_file *file,
                         const struct policy_scan *scan)
{
    struct known_file *known = find_or_add(dir, file->path);
    if (!known) return; /* out of memory: the next scan finds it */
    bool same =
        strcmp(known->tried, file->sha256) == 0 && known->libs_hash == hash_libs(scan, known);
    if (same && !dir->force && !(known->faulty && dir->anything_changed)) return;
    if (!same) dir->anything_changed = true;
    memcpy(known->tried, file->sha256, sizeof known->tried);
    if (file->fault) {
        note_libs(known, scan, NULL);
        reject_one(dir, known, file->fault);
    } else {
        load_file(dir, known, file, scan);
    }
}

static void forget_file(struct policy_dir *dir, size_t at)
{
    struct known_file *known = &dir->known[at];
    const char *shown = path_shown(known->path);
    if (known->policy) {
        engine_remove(dir->options.engine, known->policy);
        log_event(LOG_INFO, "policy.removed", LOG_S("policy", known->policy), LOG_S("file", shown));
    }
    if (engine_file_fault(dir->options.engine, shown, "", NULL) < 0)
        log_event(LOG_ERROR, "policy.rejected", LOG_S("file", shown),
                  LOG_S("error", "out of memory"));
    free(known->path);
    free(known->policy);
    free(known->libs);
    dir->known[at] = dir->known[--dir->count];
    dir->result.removed++;
    dir->anything_changed = true;
}

static void on_grace_over(void *data)
{
    struct policy_dir *dir = data;
    dir->grace = NULL;
    start_scan(dir);
}

/* Files that were not in this scan: dropped when they have been gone for long enough. */
static void compare_missing(struct policy_dir *dir)
{
    struct clock real = {.kind = CLOCK_REAL};
    int64_t now_ns = clock_mono_ns(&real);
    bool wait = false;
    for (size_t i = dir->count; i-- > 0;) {
        struct known_file *known = &dir->known[i];
        if (known->seen) continue;
        if (!known->gone_ns) known->gone_ns = now_ns;
        if (now_ns - known->gone_ns >= (int64_t)POLICY_GRACE_MS * 1000000 || !known->policy)
            forget_file(dir, i);
        else
            wait = true;
    }
    if (wait && !dir->grace &&
        loop_timer_start(dir->options.host->loop, POLICY_GRACE_MS, on_grace_over, dir,
                         &dir->grace) < 0)
        log_event(LOG_WARN, "policy.scan_failed",
                  LOG_S("error", "no timer; the next scan will see to it"));
}

static void directory_fault(struct policy_dir *dir, const struct policy_scan *scan)
{
    const char *shown = path_shown(dir->directory);
    bool faulty = scan->code < 0;
    dir->result.code = scan->code;
    if (faulty) faults_add(&dir->result.faults, &scan->fault);
    if (!faulty && !dir->directory_faulty) return;
    if (faulty && !dir->directory_faulty)
        log_event(LOG_ERROR, "policy.scan_failed", LOG_S("directory", shown),
                  LOG_S("error", scan->fault.text), LOG_S("running", "the last good policies"));
    dir->directory_faulty = faulty;
    if (engine_file_fault(dir->options.engine, shown, "", faulty ? &scan->fault : NULL) < 0)
        log_event(LOG_ERROR, "policy.scan_failed", LOG_S("error", "out of memory"));
}

static void compare(struct policy_dir *dir, const struct policy_scan *scan)
{
    directory_fault(dir, scan);
    if (scan->code < 0) return;
    dir->anything_changed = false;
    for (size_t i = 0; i < dir->count; i++)
        dir->known[i].seen = false;
    for (size_t i = 0; i < scan->policy_count; i++) {
        struct known_file *known = find_or_add(dir, scan->files[i].path);
        if (!known) continue;
        known->seen = true;
        known->gone_ns = 0;
    }
    for (size_t i = 0; i < scan->policy_count; i++)
        compare_file(dir, &scan->files[i], scan);
    compare_missing(dir);
    /* Two files of one name: what one scan refused, a removal or a rename may have made free. */
    for (size_t i = 0; dir->anything_changed && i < scan->policy_count; i++) {
        struct known_file *known = find_known(dir, scan->files[i].path);
        if (known && known->faulty && known->duplicate) compare_file(dir, &scan->files[i], scan);
    }
    dir->result.policies = dir->count;
}

/* ---- scanning ---- */

static void scan_work(void *data)
{
    struct scan_job *job = data;
    policy_scan_read(&job->scan, job->directory, job->limit_bytes, POLICY_FILES_MAX);
}

static void scan_done(void *data, int status)
{
    struct scan_job *job = data;
    struct policy_dir *dir = job->dir;
    if (dir) {
        dir->job = NULL;
        dir->swapping++; /* the scan itself: what it loads may be live before it has seen all */
        if (status >= 0) compare(dir, &job->scan);
        dir->swapping--;
        dir->force = false;
    }
    policy_scan_done(&job->scan);
    free(job->directory);
    free(job);
    if (!dir) return;
    if (dir->again)
        start_scan(dir);
    else
        scan_over(dir);
}

static void start_scan(struct policy_dir *dir)
{
    if (dir->job) {
        dir->again = true;
        return;
    }
    dir->again = false;
    struct scan_job *job = calloc(1, sizeof *job);
    if (job) job->directory = strdup(dir->directory);
    if (!job || !job->directory) goto failed;
    job->dir = dir;
    job->limit_bytes = dir->options.source_bytes;
    if (loop_work(dir->options.host->loop, scan_work, scan_done, job) < 0) goto failed;
    dir->job = job;
    return;
failed:
    log_event(LOG_ERROR, "policy.scan_failed",
              LOG_S("error", "out of memory; trying again at the next scan"));
    if (job) free(job->directory);
    free(job);
}

int policy_dir_scan(struct policy_dir *dir, bool force, scan_done_fn *done, void *data)
{
    if (done && dir->done) return ERR_BUSY;
    if (done) {
        dir->done = done;
        dir->data = data;
    }
    dir->force = dir->force || force;
    start_scan(dir);
    return dir->job ? OK : ERR_NOMEM;
}

static void on_change(void *data)
{
    start_scan(data);
}

int policy_dir_watch(struct policy_dir *dir)
{
    char *lib = fs_join(dir->directory, "lib");
    if (!lib) return ERR_NOMEM;
    const char *directories[] = {dir->directory, lib, NULL};
    int code =
        watch_new(dir->options.host->loop, &(struct watch_options){.directories = directories},
                  on_change, dir, &dir->watch);
    free(lib);
    return code;
}
