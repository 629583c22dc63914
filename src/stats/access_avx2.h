/* stats/access_avx2.h - the fields of a line of an access log by vector instructions, for
 * access_log.c alone: only where cpu_level() is CPU_AVX2 or more. */
#ifndef MOONTIDE_STATS_ACCESS_AVX2_H
#define MOONTIDE_STATS_ACCESS_AVX2_H

#include "moontide/stats/access_log.h"

#include <stdbool.h>

/* Where the first ACCESS_PLAIN_FIELDS spaces are, or those before the last 63 bytes when there are
 * not so many; returns how many were found. Shape at[ACCESS_ENDS_ROOM]. */
size_t access_avx2_spaces(const char *line, size_t len, uint32_t *at);

/* Fills method, path and rest when the request, which begins at `at` behind its quote, is one of
 * the usual form that ends soon. False: who knows; nothing is filled. */
bool access_avx2_request(const char *at, const char *end, struct access_line *out);

#endif
