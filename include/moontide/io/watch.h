/* io/watch.h - tells when the files under some directories have changed.
 *
 * inotify through libuv, one watcher a directory, debounced; an event means only "look again": what
 * changed is found by the caller's rescan and content hashes, so a lost, doubled or early event
 * does no harm. A directory that vanishes is watched for again (its parent, then itself), and a
 * rescan is called for every rescan_ms in any case. */
#ifndef MOONTIDE_IO_WATCH_H
#define MOONTIDE_IO_WATCH_H

#include "moontide/base/compiler.h"

#include <stdint.h>

struct loop;
struct watch;

struct watch_options {
    const char *const *directories; /* NULL-terminated; need not exist yet */
    int64_t debounce_ms; /* 0: 10: from the first event of a burst, at most 5 times that */
    int64_t rescan_ms;   /* 0: 30,000 */
};

/* changed(data) runs on the loop. */
MUST_CHECK int watch_new(struct loop *loop, const struct watch_options *options,
                         void (*changed)(void *data), void *data, struct watch **out);
void watch_free(struct watch *watch);

#endif
