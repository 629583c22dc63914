/* stats/access_avx2.c - the fields of a line, 64 bytes at a time. Compiled with -mavx2 and the bit
 * instructions that came with it.
 *
 * A character is looked for in 64 bytes at once: where it is becomes the bits of a word, and what
 * comes first or last of some is found by counting zeros. There is no branch that depends on how
 * long a field is: lengths change from line to line, and a wrong guess costs as much as twenty
 * fields. */
#include "access_avx2.h"

#include <immintrin.h>

enum { HALF = 64, WINDOW = 2 * HALF, AT_ONCE = 4 };

/* Bit i: at[i] is c. */
static inline uint64_t bits_of(const char *at, char c)
{
    const __m256i wanted = _mm256_set1_epi8(c);
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)at);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(at + HALF / 2));
    uint32_t low_bits = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
    uint32_t high_bits = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
    return (uint64_t)high_bits << 32 | low_bits;
}

/* WINDOW: there is none. */
static inline unsigned first_of(uint64_t low, uint64_t high)
{
    unsigned in_low = (unsigned)_tzcnt_u64(low), in_high = (unsigned)_tzcnt_u64(high) + HALF;
    return low ? in_low : in_high;
}

/* The last one before `end`, which is not behind the window; there is one. */
static inline unsigned last_before(uint64_t low, uint64_t high, unsigned end)
{
    low = _bzhi_u64(low, end);
    high = _bzhi_u64(high, end > HALF ? end - HALF : 0);
    unsigned in_half = HALF - 1 - (unsigned)__builtin_clzll((high ? high : low) | 1);
    return high ? in_half + HALF : in_half;
}

static inline uint64_t from_bit(uint64_t bits, unsigned from)
{
    return bits & ~0ull << from;
}

/* AT_ONCE of them, whether there are or not; returns those behind them. */
static inline uint64_t put_places(uint64_t bits, uint32_t base, uint32_t *at)
{
    for (size_t k = 0; k < AT_ONCE; k++, bits &= bits - 1)
        at[k] = base + (uint32_t)_tzcnt_u64(bits);
    return bits;
}

size_t access_avx2_spaces(const char *line, size_t len, uint32_t *at)
{
    size_t found = 0;
    for (size_t i = 0; i + HALF <= len && found < ACCESS_PLAIN_FIELDS; i += HALF) {
        uint64_t bits = bits_of(line + i, ' ');
        size_t count = (size_t)__builtin_popcountll(bits);
        for (size_t k = 0; k < count && k < ACCESS_PLAIN_FIELDS; k += AT_ONCE)
            bits = put_places(bits, (uint32_t)i, at + found + k);
        found += count;
    }
    return found < ACCESS_PLAIN_FIELDS ? found : ACCESS_PLAIN_FIELDS;
}

/* Where the path of the URL begins, of which the slashes are given; HALF: who knows. */
static inline unsigned path_from(const char *at, unsigned url, unsigned url_end, uint64_t slashes)
{
    uint64_t later = from_bit(slashes, url);
    unsigned slash = (unsigned)_tzcnt_u64(later);
    if (slash > HALF - 3) return HALF;
    if (slash > url && at[slash - 1] == ':' && at[slash + 1] == '/')
        slash = (unsigned)_tzcnt_u64(from_bit(later, slash + 2));
    return slash < url_end ? slash : HALF;
}

bool access_avx2_request(const char *at, const char *end, struct access_line *out)
{
    if (end - at < WINDOW) return false;
    uint64_t spaces_low = bits_of(at, ' '), spaces_high = bits_of(at + HALF, ' ');
    unsigned quote = first_of(bits_of(at, '"'), bits_of(at + HALF, '"'));
    unsigned method_end = (unsigned)_tzcnt_u64(spaces_low);
    unsigned url = method_end + 1;
    if (quote == WINDOW || at[(int)quote - 1] == '\\') return false;
    if (method_end == 0 || url >= HALF || url >= quote) return false;
    unsigned url_end = last_before(spaces_low, spaces_high, quote);
    if (url_end < url) return false;
    unsigned path = path_from(at, url, url_end, bits_of(at, '/'));
    if (path == HALF) return false;
    unsigned query = first_of(from_bit(bits_of(at, '?'), path), bits_of(at + HALF, '?'));
    unsigned path_end = query < url_end ? query : url_end;
    out->method = (struct slice){at, method_end};
    out->path = (struct slice){at + path, path_end - path};
    out->rest = (struct slice){at + quote + 1, (size_t)(end - at) - quote - 1};
    return true;
}
