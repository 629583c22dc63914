/* base/hash.c - SHA-256 by OpenSSL, and FNV-1a for tables. */
#include "moontide/base/hash.h"

#include <openssl/evp.h>
#include <string.h>

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_BYTES])
{
    unsigned int n = SHA256_BYTES;
    if (!EVP_Digest(bytes, len, out, &n, EVP_sha256(), NULL)) memset(out, 0, SHA256_BYTES);
}

void hex_encode(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

/* FNV-1a (Fowler, Noll, Vo), then the 64-bit finaliser of MurmurHash3, as FNV's high bits mix
 * badly. */
uint64_t hash64(const void *bytes, size_t len, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325ull ^ seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdull;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ull;
    h ^= h >> 33;
    return h;
}
