/* aws/hmac.c - SHA-256 and HMAC on OpenSSL's low-level functions; see hmac.h for why those. */
#include "hmac.h"

#include <openssl/crypto.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { BLOCK_BYTES = 64 };

void quick_sha256(const void *bytes, size_t len, unsigned char out[SHA256_BYTES])
{
    SHA256_CTX state;
    SHA256_Init(&state);
    if (len > 0) SHA256_Update(&state, bytes, len);
    SHA256_Final(out, &state);
}

void hmac_key_init(struct hmac_key *key, const void *secret, size_t len)
{
    unsigned char block[BLOCK_BYTES] = {0};
    if (len > sizeof block)
        quick_sha256(secret, len, block);
    else if (len > 0)
        memcpy(block, secret, len);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    SHA256_Init(&key->inner);
    SHA256_Update(&key->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&key->outer);
    SHA256_Update(&key->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

void hmac_sha256(const struct hmac_key *key, const void *bytes, size_t len,
                 unsigned char out[SHA256_BYTES])
{
    unsigned char digest[SHA256_BYTES];
    SHA256_CTX state = key->inner;
    if (len > 0) SHA256_Update(&state, bytes, len);
    SHA256_Final(digest, &state);
    state = key->outer;
    SHA256_Update(&state, digest, sizeof digest);
    SHA256_Final(out, &state);
    OPENSSL_cleanse(&state, sizeof state);
}

#pragma GCC diagnostic pop
