/* stats/kernels_portable.c - two doubles at a time by the compilers' vector types, which every CPU
 * has or is given by them. Nothing branches on a value. */
#include "kernels.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { LANES = 2 };
typedef double vec __attribute__((vector_size(16)));
typedef long long mask __attribute__((vector_size(16))); /* 0 or -1 a lane */
typedef long long tally __attribute__((vector_size(16)));

static inline vec vec_load(const double *from)
{
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline void vec_store(double *to, vec x)
{
    memcpy(to, &x, sizeof x);
}

#ifdef __SSE2__
static inline vec vec_min(vec a, vec b)
{
    return (vec)_mm_min_pd((__m128d)a, (__m128d)b);
}

static inline vec vec_max(vec a, vec b)
{
    return (vec)_mm_max_pd((__m128d)a, (__m128d)b);
}
#else
/* As SSE2 has it: b unless a is less (greater), so that zeros and NaNs come out the same. */
static inline vec vec_min(vec a, vec b)
{
    mask less = a < b;
    return (vec)(((mask)b & ~less) | ((mask)a & less));
}

static inline vec vec_max(vec a, vec b)
{
    mask greater = a > b;
    return (vec)(((mask)b & ~greater) | ((mask)a & greater));
}
#endif

static inline vec vec_lanes_xor(vec x, int bits)
{
    (void)bits;
    return (vec){x[1], x[0]};
}

static inline vec vec_blend(vec a, vec b, int upper)
{
    (void)upper;
    return (vec){a[0], b[1]};
}

static inline vec vec_all(double x)
{
    return (vec){x, x};
}

static inline mask mask_none(void)
{
    return (mask){0, 0};
}

static inline mask mask_xor(mask a, mask b)
{
    return a ^ b;
}

/* Added, not or-ed: GCC 12 makes branches of an or of compares without SSE4. */
static inline mask mask_or(mask a, mask b)
{
    return a + b;
}

static inline int mask_any(mask m)
{
    return (m[0] | m[1]) != 0;
}

static inline mask vec_reached(vec x, vec edge)
{
    return x >= edge;
}

static inline mask vec_unordered(vec a, vec b)
{
#ifdef __SSE2__
    return (mask)_mm_cmpunord_pd((__m128d)a, (__m128d)b);
#endif
    return (a != a) + (b != b);
}

static inline tally tally_none(void)
{
    return (tally){0, 0};
}

static inline tally tally_add(tally t, mask m)
{
    return t - m;
}

static inline size_t tally_total(tally t)
{
    return (size_t)(t[0] + t[1]);
}

static inline size_t vec_compress(double *to, vec x, mask m)
{
#ifdef __SSE2__
    size_t lanes = (size_t)_mm_movemask_pd((__m128d)m), first = lanes & 1, second = lanes >> 1;
#else
    size_t first = (size_t)-m[0], second = (size_t)-m[1];
#endif
    to[0] = x[0];
    to[first] = x[1];
    return first + second;
}

static inline size_t vec_split(double *rest, double *to, vec x, mask m)
{
    vec_compress(rest, x, ~m);
    return vec_compress(to, x, m);
}

#ifdef __SSE2__
#define KEYS
enum { KEY_LANES = 8 };
typedef short keys __attribute__((vector_size(16)));

static inline keys keys_all(int key)
{
    return (keys)_mm_set1_epi16((short)key);
}

static inline keys keys_none(void)
{
    return keys_all(0);
}

static inline __m128i steps_of(const double *from, struct key_scale scale)
{
    __m128 a = _mm_castpd_ps(_mm_loadu_pd(from)), b = _mm_castpd_ps(_mm_loadu_pd(from + 2));
    __m128i upper = _mm_castps_si128(_mm_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    __m128i above = _mm_sub_epi32(_mm_srli_epi32(upper, 1), _mm_set1_epi32(scale.middle));
    return _mm_sra_epi32(above, _mm_cvtsi32_si128(scale.shift));
}

static inline keys keys_of(const double *from, struct key_scale scale)
{
    return (keys)_mm_packs_epi32(steps_of(from, scale), steps_of(from + 4, scale));
}

static inline keys keys_above(keys a, keys b)
{
    return a > b;
}

static inline keys keys_minus(keys a, keys b)
{
    return a - b;
}

static inline keys keys_xor(keys a, keys b)
{
    return a ^ b;
}

static inline size_t keys_total(keys a)
{
    size_t total = 0;
    for (int i = 0; i < KEY_LANES; i++)
        total += (unsigned short)a[i];
    return total;
}

static inline unsigned keys_bits(keys a, keys b)
{
    return (unsigned)_mm_movemask_epi8(_mm_packs_epi16((__m128i)a, (__m128i)b));
}

static inline __m128i evens_of(const double *from, __m128d low, __m128d factor)
{
    __m128d a = _mm_mul_pd(_mm_sub_pd(_mm_loadu_pd(from), low), factor);
    __m128d b = _mm_mul_pd(_mm_sub_pd(_mm_loadu_pd(from + 2), low), factor);
    return _mm_unpacklo_epi64(_mm_cvttpd_epi32(a), _mm_cvttpd_epi32(b));
}

static inline keys keys_even(const double *from, double low, double factor)
{
    __m128d lows = _mm_set1_pd(low), factors = _mm_set1_pd(factor);
    return (keys)_mm_packs_epi32(evens_of(from, lows, factors), evens_of(from + 4, lows, factors));
}

static inline void keys_store(keys a, keys b, unsigned char *to)
{
    _mm_storeu_si128((__m128i *)to, _mm_packus_epi16((__m128i)a, (__m128i)b));
}

static inline uint64_t bytes_found(const unsigned char *from, const unsigned char *of, size_t count)
{
    uint64_t bits = 0;
    for (int i = 0; i < 64; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(from + i)), found = _mm_setzero_si128();
        for (size_t k = 0; k < count; k++)
            found = _mm_or_si128(found, _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)of[k])));
        bits |= (uint64_t)(unsigned)_mm_movemask_epi8(found) << i;
    }
    return bits;
}

/* There is no instruction for it without SSE4, and the library's function is a call. */
static inline int bit_count(uint64_t bits)
{
    const uint64_t twos = 0x3333333333333333, bytes = 0x0101010101010101;
    bits -= bits >> 1 & 0x5555555555555555;
    bits = (bits & twos) + (bits >> 2 & twos);
    return (int)(((bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0f) * bytes >> 56);
}
#endif

#include "kernels_body.h"

#include "kernels_bins.h"
#include "kernels_sort.h"
#include "kernels_sum.h"

const struct kernels kernels_portable = {squeeze, split, few, range, bin, pick, add, add_small};
