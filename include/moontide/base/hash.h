/* base/hash.h - SHA-256 of a buffer, its hex text, and a fast 64-bit hash for tables.
 *
 * SHA-256 names policy sources in the journal. hash64 is FNV-1a with a final mix: for hash tables
 * and deterministic spreading, never for security. */
#ifndef MOONTIDE_BASE_HASH_H
#define MOONTIDE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_HEX_MAX = 65 };

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_BYTES]);
void hex_encode(const unsigned char *bytes, size_t len, char *out); /* lower case, terminated */
uint64_t hash64(const void *bytes, size_t len, uint64_t seed);

#endif
