/* base/zone.h - local time of a named zone, from the system's TZif files.
 *
 * libc knows one zone a process, by a global; a policy engine needs several at once. Source of the
 * format: RFC 8536. Looked for under $TZDIR, /usr/share/zoneinfo. "UTC" needs no file. */
#ifndef MOONTIDE_BASE_ZONE_H
#define MOONTIDE_BASE_ZONE_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct zone;

struct local_time {
    int year, month, day, hour, minute, second; /* month and day from 1 */
    int weekday;                                /* 0: Sunday */
};

/* ERR_NOT_FOUND names the places looked at and whether tzdata is missing; ERR_CORRUPT;
 * ERR_UNSUPPORTED: a file that counts leap seconds, or of a later version than 4; ERR_INVALID: a
 * name that leaves the directory. Blocking: for load time. */
MUST_CHECK int zone_open(const char *name, struct zone **out, struct fault *fault);
/* The same from the bytes of a TZif file, which are borrowed for the call. */
MUST_CHECK int zone_read(const char *name, const void *bytes, size_t len, struct zone **out,
                         struct fault *fault);
void zone_free(struct zone *zone); /* NULL is allowed */
const char *zone_name(const struct zone *zone);
/* zone NULL: UTC. Times beyond 30 million years count as the last of these. */
int32_t zone_offset_s(const struct zone *zone, int64_t epoch_s); /* east is positive */
void zone_local(const struct zone *zone, int64_t epoch_s, struct local_time *out);

#endif
