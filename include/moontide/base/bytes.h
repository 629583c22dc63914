/* base/bytes.h - comparing short texts where a call of memcmp() would cost more than its work. */
#ifndef MOONTIDE_BASE_BYTES_H
#define MOONTIDE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Eight or four at a time, the last ones overlapping with those before. */
static inline bool bytes_equal(const char *a, const char *b, size_t len)
{
    uint64_t x, y;
    uint32_t v, w;
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            memcpy(&x, a + i, 8);
            memcpy(&y, b + i, 8);
            if (x != y) return false;
        }
        memcpy(&x, a + len - 8, 8);
        memcpy(&y, b + len - 8, 8);
        return x == y;
    }
    if (len >= 4) {
        memcpy(&v, a, 4);
        memcpy(&w, b, 4);
        if (v != w) return false;
        memcpy(&v, a + len - 4, 4);
        memcpy(&w, b + len - 4, 4);
        return v == w;
    }
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i]) return false;
    return true;
}

#endif
