/* app/policy_scan.h - what is on disk in a policy directory: every *.lua of it and of lib/, read
 * and hashed.
 *
 * Blocking, so it runs on a worker thread (the loop only compares). A file that cannot be read, or
 * is larger than the limit (said by fstat, before anything is read), carries its fault in place of
 * its text. */
#ifndef MOONTIDE_APP_POLICY_SCAN_H
#define MOONTIDE_APP_POLICY_SCAN_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <stdbool.h>
#include <stddef.h>

struct scanned_file {
    char *path;
    char sha256[SHA256_HEX_MAX];
    char *text; /* NULL when faulty */
    size_t len;
    bool lib;
    struct fault *fault; /* NULL when it was read */
};

struct policy_scan {
    struct scanned_file *files; /* shape: files[count]; policies first, each part sorted by path */
    size_t count, policy_count;
    int code; /* the directory itself */
    struct fault fault;
};

/* Cannot fail as such: what went wrong is in it. */
void policy_scan_read(struct policy_scan *scan, const char *directory, size_t limit_bytes,
                      size_t files_max);
void policy_scan_done(struct policy_scan *scan);

/* A path as people see it: without a leading "./". */
const char *path_shown(const char *path);

#endif
