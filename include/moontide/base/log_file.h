/* base/log_file.h - a log writer to a file that is rotated by its size.
 *
 *   moontide.log -> moontide.log.1 -> ... -> moontide.log.KEEP -> gone
 *
 * Rule 1: a file holds whole lines only: what a full disk cut short is taken back.
 * Rule 2: the work of a line is one append, and a few renames when it is time; nothing is synced.
 * Rule 3: while the file cannot be written its lines are counted and lost; the program goes on. */
#ifndef MOONTIDE_BASE_LOG_FILE_H
#define MOONTIDE_BASE_LOG_FILE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/log.h"

struct log_file_options {
    const char *path;
    int64_t max_bytes; /* a line that would pass it goes to a new file; 0: never */
    int keep;          /* old files; 0: none */
    enum log_level level;
};

/* Made with mode 0640 when it is not there. On success the caller owns *out, mostly to give it to
 * log_add_writer(). reopen opens the path anew, for logrotate. */
MUST_CHECK int log_file_open(const struct log_file_options *options, struct log_writer **out,
                             struct fault *fault);

#endif
