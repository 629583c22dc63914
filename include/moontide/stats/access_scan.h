/* stats/access_scan.h - access logs, file after file, in slices, so that who reads them can do
 * something between: show how far it is.
 *
 * Rule 1: a line that is broken is counted and shown, and the next one is read. A file that ends
 * early or is damaged is told with what was wrong, what it gave counts, and the next one is read.
 */
#ifndef MOONTIDE_STATS_ACCESS_SCAN_H
#define MOONTIDE_STATS_ACCESS_SCAN_H

#include "moontide/base/err.h"
#include "moontide/stats/access_groups.h"
#include "moontide/stats/broken_lines.h"

enum { ACCESS_FILES_MAX = 100000 };

struct access_scan;

struct access_file {
    char *path;
    uint64_t bytes; /* on the disk */
    char *why;      /* NULL: read to its end, or not read so far */
};

/* Opens each file once, so that one that is not there is told before an hour of work. On success
 * the caller owns *out; release with access_scan_free(). Errors of gz_open(). */
MUST_CHECK int access_scan_new(const struct access_options *options, const char *const *paths,
                               size_t count, struct access_scan **out, struct fault *fault);
void access_scan_free(struct access_scan *scan); /* NULL is allowed */

/* Reads about max_bytes of text. 1: there is more; 0: all was read. ERR_NOMEM. */
MUST_CHECK int access_scan_step(struct access_scan *scan, size_t max_bytes, struct fault *fault);

/* Bytes of files, as they lie on the disk. */
uint64_t access_scan_done_bytes(const struct access_scan *scan);
uint64_t access_scan_total_bytes(const struct access_scan *scan);

uint64_t access_scan_lines(const struct access_scan *scan);
const struct broken_lines *access_scan_broken(const struct access_scan *scan);
const struct access_file *access_scan_files(const struct access_scan *scan, size_t *count);
const struct access_groups *access_scan_groups(const struct access_scan *scan);

#endif
