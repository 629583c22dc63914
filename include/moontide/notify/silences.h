/* notify/silences.h - silences: who asked that what not be told until when, and why.
 *
 * <state>/SILENCES holds one silence a line, as JSON:
 *
 *   {"id":"3f9a1c2e","matchers":["policy=\"performance\""],"from":1764300000000,
 *    "until":1764307200000,"by":"A","reason":"R"}
 *
 * As with the kill switch (tick/pause.h) the file is the one truth: it is written by a command,
 * also while no daemon runs, holds over a restart, and is read again when it changes. Unlike there,
 * what cannot be read silences nothing and is said: here silence is the danger. An expired silence
 * stays listed for SILENCE_KEEP_MS. */
#ifndef MOONTIDE_NOTIFY_SILENCES_H
#define MOONTIDE_NOTIFY_SILENCES_H

#include "moontide/notify/matcher.h"

#include <stdint.h>

#define SILENCE_FILE "SILENCES" /* in the state directory */

enum {
    SILENCES_MAX = 1000,
    SILENCE_BYTES_MAX = 1024 * 1024,
    SILENCE_KEEP_MS = 5 * 24 * 3600 * 1000
};

struct silence {
    char id[17];
    struct matchers matchers; /* at least one that does not match the empty text */
    int64_t from_ms, until_ms;
    char *by, *reason;
};
struct silences {
    struct silence *items; /* shape: [count] */
    size_t count;
};
void silences_done(struct silences *silences);
/* Blocking. A missing file is no silence. Lines that cannot be read are left out, and the fault
 * (code ERR_PARSE) names the first; the return is then still OK. ERR_IO, ERR_NOMEM: *out is empty.
 */
MUST_CHECK int silences_read(const char *path, struct silences *out, struct fault *fault);
/* Replaces the file; blocking. Drops those that ended SILENCE_KEEP_MS before now. */
MUST_CHECK int silences_write(const char *path, const struct silences *silences, int64_t now_ms,
                              struct fault *fault);
/* The one that holds an alert back at now_ms, or NULL. */
const struct silence *silences_find(const struct silences *silences, const struct labels *labels,
                                    int64_t now_ms);

#endif
