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

/* By arithmetic and not by a table of digits, so that the compiler makes vector code of it. */
static void digest_hex(const unsigned char digest[SHA256_BYTES], char out[SHA256_HEX_MAX])
{
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        unsigned char high = digest[i] >> 4, low = digest[i] & 15;
        out[2 * i] = (char)(high + '0' + (high > 9 ? 'a' - '0' - 10 : 0));
        out[2 * i + 1] = (char)(low + '0' + (low > 9 ? 'a' - '0' - 10 : 0));
    }
    out[SHA256_HEX_MAX - 1] = '\0';
}

void quick_sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_MAX])
{
    static const char empty[SHA256_HEX_MAX] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    unsigned char digest[SHA256_BYTES];
    if (len == 0) {
        memcpy(out, empty, sizeof empty);
        return;
    }
    quick_sha256(bytes, len, digest);
    digest_hex(digest, out);
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

void hmac_begin(const struct hmac_key *key, const void *bytes, size_t len, SHA256_CTX *begun)
{
    *begun = key->inner;
    if (len > 0) SHA256_Update(begun, bytes, len);
}

/* SHA256_Final() leaves nothing of the key in the state: its chaining value has become the digest,
 * and it wipes its block itself. */
static void finish(const struct hmac_key *key, const SHA256_CTX *begun, const void *bytes,
                   size_t len, unsigned char out[SHA256_BYTES])
{
    SHA256_CTX state = *begun;
    if (len > 0) SHA256_Update(&state, bytes, len);
    SHA256_Final(out, &state);
    state = key->outer;
    SHA256_Update(&state, out, SHA256_BYTES);
    SHA256_Final(out, &state);
}

void hmac_finish_hex(const struct hmac_key *key, const SHA256_CTX *begun, const void *bytes,
                     size_t len, char out[SHA256_HEX_MAX])
{
    unsigned char digest[SHA256_BYTES];
    finish(key, begun, bytes, len, digest);
    digest_hex(digest, out);
}

void hmac_sha256(const struct hmac_key *key, const void *bytes, size_t len,
                 unsigned char out[SHA256_BYTES])
{
    finish(key, &key->inner, bytes, len, out);
}

#pragma GCC diagnostic pop
