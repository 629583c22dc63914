/* base/timetext.h - durations ("90s", "5m", "1h30m", "7d") and UTC times as text. */
#ifndef MOONTIDE_BASE_TIMETEXT_H
#define MOONTIDE_BASE_TIMETEXT_H

#include "moontide/base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* Reads a sequence of <number><unit>, units ms s m h d w, largest first not required; a bare number
 * means seconds. Fractions are allowed ("1.5h"). ERR_INVALID: not that, negative, or past 100
 * years. */
MUST_CHECK int duration_parse(const char *text, int64_t *out_ms);

enum { DURATION_TEXT_MAX = 48, TIME_TEXT_MAX = 40 };

/* The canonical text: "0s", "250ms", "1m30s", "7d". */
void duration_format(int64_t ms, char out[DURATION_TEXT_MAX]);

/* 2026-01-31T12:00:00Z, with ".123" when the milliseconds are not zero. */
void time_format(int64_t epoch_ms, char out[TIME_TEXT_MAX]);
/* 20260131T120000Z, as SigV4 wants it. */
void time_format_compact(int64_t epoch_s, char out[TIME_TEXT_MAX]);

/* ISO 8601: date, or date and time with Z or an offset, fractions allowed. ERR_PARSE otherwise. */
MUST_CHECK int time_parse(const char *text, size_t len, int64_t *out_ms);
/* An HTTP Date header: "Sun, 06 Nov 1994 08:49:37 GMT". */
MUST_CHECK int time_parse_http(const char *text, int64_t *out_s);

#endif
