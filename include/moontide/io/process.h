/* io/process.h - runs a program: bytes in, bytes out, an end by a certain time.
 *
 * No shell stands between: argv is what the program gets. It is the leader of a process group of
 * its own, all of which is killed when time is up or it is canceled.
 *
 * Rule 1: done runs on the loop, exactly once, never before process_run() returns, and not at all
 * after process_cancel(). Rule 2: output past its bound is read and dropped. Rule 3: a program that
 * does not read its input is no failure. */
#ifndef MOONTIDE_IO_PROCESS_H
#define MOONTIDE_IO_PROCESS_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct process;

enum { PROCESS_OUTPUT_MAX = 64 * 1024, PROCESS_COMPLAINT_MAX = 4096 };

/* Borrowed for the call. */
struct process_options {
    char *const *argv;        /* ends with NULL; the program is looked for in PATH */
    char *const *environment; /* "NAME=value", ends with NULL: all that it gets */
    const void *input;        /* copied */
    size_t input_len;
    int64_t timeout_ms;
};

/* Valid only during the callback. */
struct process_result {
    bool timed_out;
    int status;         /* of its exit; -1: it ended by a signal */
    int signal;         /* that ended it; 0: none */
    const char *output; /* terminated, at most PROCESS_OUTPUT_MAX bytes */
    size_t output_len;
    const char *complaint; /* of its standard error, as much as PROCESS_COMPLAINT_MAX; terminated */
    size_t complaint_len;
};
typedef void process_done_fn(void *data, const struct process_result *result);

/* ERR_NOT_FOUND, ERR_DENIED: the program cannot be run; ERR_NOMEM. No callback follows then. */
MUST_CHECK int process_run(struct loop *loop, const struct process_options *options,
                           process_done_fn *done, void *data, struct process **out,
                           struct fault *fault);
void process_cancel(struct process *process); /* kills; NULL is allowed */

#endif
