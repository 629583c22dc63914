/* app/policy_dir.h - keeps the engine's policies the same as the files of a directory.
 *
 * A scan (policy_scan.h) runs on a worker thread; what changed by content hash is compiled on the
 * loop in a state of its own and given to the engine, which swaps it in between two evaluations. An
 * event of the file system means only "scan again".
 *
 *   event, 30 s, SIGHUP --> scan (worker) --> compare --> load --ok--> engine_put
 *                             ^                            +--fault--> engine_file_fault; the last
 * good one goes on
 *                             +-- again, when an event came during the scan
 *
 * Rule 1: a policy is loaded again when its own text or that of a lib module it uses has changed;
 * one that does not load is tried again at any change. Rule 2: a directory that cannot be read
 * removes nothing: the last good policies go on. Rule 3: a file that vanished is dropped only when
 * it is still gone after POLICY_GRACE_MS, as editors delete before they write. */
#ifndef MOONTIDE_APP_POLICY_DIR_H
#define MOONTIDE_APP_POLICY_DIR_H

#include "moontide/base/compiler.h"
#include "moontide/base/faults.h"
#include "moontide/bind/host.h"
#include "moontide/tick/engine.h"

#include <stdbool.h>
#include <stddef.h>

enum { POLICY_FILES_MAX = 1000, POLICY_GRACE_MS = 200 };

struct policy_dir;

struct policy_dir_options {
    const struct host *host;
    struct engine *engine;
    const char *directory;
    size_t source_bytes; /* limit of one file */
};

MUST_CHECK int policy_dir_new(const struct policy_dir_options *options, struct policy_dir **out);
/* Begins to follow changes. */
MUST_CHECK int policy_dir_watch(struct policy_dir *dir);
/* Ends watching and loading without calling back. A scan under way is waited for by the loop's last
 * turns. */
void policy_dir_free(struct policy_dir *dir);

struct scan_result {
    int code; /* the directory itself could not be read: its fault is the first of faults */
    size_t policies, loaded, removed;
    size_t shadowed;      /* candidates: not among the loaded ones */
    struct faults faults; /* of what was tried in this scan; borrowed for the call */
};
typedef void scan_done_fn(void *data, const struct scan_result *result);

/* Scans now, or once more when a scan is under way. done (may be NULL; one at a time, else
 * ERR_BUSY) runs when everything that it found is live, or runs as a candidate (tick/engine.h).
 * force: loads even what has not changed. */
MUST_CHECK int policy_dir_scan(struct policy_dir *dir, bool force, scan_done_fn *done, void *data);

#endif
