/* stats/keys_avx2.h - 16 keys at a time, for kernels_keys.h and kernels_bins.h; in fours 0 2 1 3 of
 * the values, as packing leaves them. */
#include "kernels.h"

#include <stdint.h>

#define KEYS
enum { KEY_LANES = 16 };
typedef __m256i keys;

static inline keys keys_all(int key)
{
    return _mm256_set1_epi16((short)key);
}

static inline keys keys_none(void)
{
    return _mm256_setzero_si256();
}

/* Their upper halves, each half of a 128-bit lane from one of two vectors, in order, to 16 bits. */
static inline __m256i steps_of(const double *from, struct key_scale scale)
{
    __m256 a = _mm256_castpd_ps(_mm256_loadu_pd(from));
    __m256 b = _mm256_castpd_ps(_mm256_loadu_pd(from + 4));
    __m256i upper = _mm256_castps_si256(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    __m256i above = _mm256_sub_epi32(_mm256_srli_epi32(upper, 1), _mm256_set1_epi32(scale.middle));
    __m256i steps = _mm256_sra_epi32(above, _mm_cvtsi32_si128(scale.shift));
    return _mm256_permute4x64_epi64(steps, _MM_SHUFFLE(3, 1, 2, 0));
}

static inline keys keys_of(const double *from, struct key_scale scale)
{
    return _mm256_packs_epi32(steps_of(from, scale), steps_of(from + 8, scale));
}

static inline keys keys_above(keys a, keys b)
{
    return _mm256_cmpgt_epi16(a, b);
}

static inline keys keys_minus(keys a, keys b)
{
    return _mm256_sub_epi16(a, b);
}

static inline keys keys_xor(keys a, keys b)
{
    return _mm256_xor_si256(a, b);
}

static inline size_t keys_total(keys a)
{
    uint16_t lanes[KEY_LANES];
    size_t total = 0;
    _mm256_storeu_si256((__m256i *)lanes, a);
    for (int i = 0; i < KEY_LANES; i++)
        total += lanes[i];
    return total;
}

/* Of bytes from two vectors that were packed twice, which leaves fours of values in the order
 * 0 2 4 6 1 3 5 7. */
static inline __m256i in_order(__m256i bytes)
{
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline uint32_t keys_bits(keys a, keys b)
{
    return (uint32_t)_mm256_movemask_epi8(in_order(_mm256_packs_epi16(a, b)));
}

static inline __m256i evens_of(const double *from, __m256d low, __m256d factor)
{
    __m256d a = _mm256_mul_pd(_mm256_sub_pd(_mm256_loadu_pd(from), low), factor);
    __m256d b = _mm256_mul_pd(_mm256_sub_pd(_mm256_loadu_pd(from + 4), low), factor);
    __m256i first = _mm256_castsi128_si256(_mm256_cvttpd_epi32(a));
    return _mm256_inserti128_si256(first, _mm256_cvttpd_epi32(b), 1);
}

static inline keys keys_even(const double *from, double low, double factor)
{
    __m256d lows = _mm256_set1_pd(low), factors = _mm256_set1_pd(factor);
    return _mm256_packs_epi32(evens_of(from, lows, factors), evens_of(from + 8, lows, factors));
}

static inline void keys_store(keys a, keys b, unsigned char *to)
{
    _mm256_storeu_si256((__m256i *)to, in_order(_mm256_packus_epi16(a, b)));
}

static inline uint64_t bytes_found(const unsigned char *from, const unsigned char *of, size_t count)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)from), in_a = _mm256_setzero_si256();
    __m256i b = _mm256_loadu_si256((const __m256i *)(from + 32)), in_b = in_a;
    for (size_t k = 0; k < count; k++) {
        __m256i byte = _mm256_set1_epi8((char)of[k]);
        in_a = _mm256_or_si256(in_a, _mm256_cmpeq_epi8(a, byte));
        in_b = _mm256_or_si256(in_b, _mm256_cmpeq_epi8(b, byte));
    }
    return (uint32_t)_mm256_movemask_epi8(in_a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(in_b)
                                                      << 32;
}

static inline int bit_count(uint64_t bits)
{
    return __builtin_popcountll(bits);
}
