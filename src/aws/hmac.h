/* aws/hmac.h - SHA-256 and HMAC (RFC 2104) without allocation, for signing.
 *
 * OpenSSL 3's EVP functions look the algorithm up and allocate for each digest; the low-level ones
 * are deprecated but are plain functions on a struct. A key is kept as the two states after its
 * pads, so that a short HMAC costs two blocks; a state may also be kept after the beginning of a
 * text, for texts that begin alike. */
#ifndef MOONTIDE_AWS_HMAC_H
#define MOONTIDE_AWS_HMAC_H

#include "moontide/base/hash.h"

#include <openssl/sha.h>
#include <stddef.h>

struct hmac_key {
    SHA256_CTX inner, outer;
};

void quick_sha256(const void *bytes, size_t len, unsigned char out[SHA256_BYTES]);
/* Terminated. What is empty, as the body of every GET is, costs nothing. */
void quick_sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_MAX]);

void hmac_key_init(struct hmac_key *key, const void *secret, size_t len);
void hmac_sha256(const struct hmac_key *key, const void *bytes, size_t len,
                 unsigned char out[SHA256_BYTES]);

/* The same in two halves: `begun` can be finished many times. */
void hmac_begin(const struct hmac_key *key, const void *bytes, size_t len, SHA256_CTX *begun);
void hmac_finish_hex(const struct hmac_key *key, const SHA256_CTX *begun, const void *bytes,
                     size_t len, char out[SHA256_HEX_MAX]);

#endif
