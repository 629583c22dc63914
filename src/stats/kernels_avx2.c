/* stats/kernels_avx2.c - four doubles at a time. Compiled with -mavx2 -mpopcnt; without FMA, which
 * would round differently from the other levels. */
#include <immintrin.h>
#include <stddef.h>

enum { LANES = 4 };
typedef __m256d vec;
typedef __m256d mask;
typedef __m256i tally;

static inline vec vec_load(const double *from)
{
    return _mm256_loadu_pd(from);
}

static inline void vec_store(double *to, vec x)
{
    _mm256_storeu_pd(to, x);
}

static inline vec vec_min(vec a, vec b)
{
    return _mm256_min_pd(a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return _mm256_max_pd(a, b);
}

static inline vec vec_lanes_xor(vec x, int bits)
{
    return bits == 1 ? _mm256_permute_pd(x, 5) : _mm256_permute4x64_pd(x, 0x1B);
}

static inline vec vec_blend(vec a, vec b, int upper)
{
    return upper == 1 ? _mm256_blend_pd(a, b, 10) : _mm256_blend_pd(a, b, 12);
}

static inline vec vec_all(double x)
{
    return _mm256_set1_pd(x);
}

static inline mask mask_none(void)
{
    return _mm256_setzero_pd();
}

static inline mask mask_xor(mask a, mask b)
{
    return _mm256_xor_pd(a, b);
}

static inline mask mask_or(mask a, mask b)
{
    return _mm256_or_pd(a, b);
}

static inline int mask_any(mask m)
{
    return _mm256_movemask_pd(m) != 0;
}

static inline mask vec_reached(vec x, vec edge)
{
    return _mm256_cmp_pd(x, edge, _CMP_GE_OQ);
}

static inline mask vec_unordered(vec a, vec b)
{
    return _mm256_cmp_pd(a, b, _CMP_UNORD_Q);
}

static inline tally tally_none(void)
{
    return _mm256_setzero_si256();
}

static inline tally tally_add(tally t, mask m)
{
    return _mm256_sub_epi64(t, _mm256_castpd_si256(m));
}

static inline size_t tally_total(tally t)
{
    __m128i half = _mm_add_epi64(_mm256_castsi256_si128(t), _mm256_extracti128_si256(t, 1));
    return (size_t)_mm_cvtsi128_si64(half) + (size_t)_mm_extract_epi64(half, 1);
}

/* For each set of lanes the 32-bit halves that move them to the front. */
#define HALVES(lane) 2 * (lane), 2 * (lane) + 1
static const _Alignas(32) int to_front[16][8] = {
    {0},
    {HALVES(0)},
    {HALVES(1)},
    {HALVES(0), HALVES(1)},
    {HALVES(2)},
    {HALVES(0), HALVES(2)},
    {HALVES(1), HALVES(2)},
    {HALVES(0), HALVES(1), HALVES(2)},
    {HALVES(3)},
    {HALVES(0), HALVES(3)},
    {HALVES(1), HALVES(3)},
    {HALVES(0), HALVES(1), HALVES(3)},
    {HALVES(2), HALVES(3)},
    {HALVES(0), HALVES(2), HALVES(3)},
    {HALVES(1), HALVES(2), HALVES(3)},
    {HALVES(0), HALVES(1), HALVES(2), HALVES(3)},
};

static inline void vec_front(double *to, vec x, unsigned lanes)
{
    __m256i order = _mm256_load_si256((const __m256i *)to_front[lanes]);
    __m256i front = _mm256_permutevar8x32_epi32(_mm256_castpd_si256(x), order);
    _mm256_storeu_pd(to, _mm256_castsi256_pd(front));
}

static inline size_t vec_compress(double *to, vec x, mask m)
{
    unsigned lanes = (unsigned)_mm256_movemask_pd(m);
    vec_front(to, x, lanes);
    return (size_t)__builtin_popcount(lanes);
}

static inline size_t vec_split(double *rest, double *to, vec x, mask m)
{
    unsigned lanes = (unsigned)_mm256_movemask_pd(m);
    vec_front(rest, x, lanes ^ 15);
    vec_front(to, x, lanes);
    return (size_t)__builtin_popcount(lanes);
}

#include "keys_avx2.h"

#include "kernels_body.h"

#include "kernels_bins.h"
#include "kernels_sort.h"
#include "kernels_sum.h"

const struct kernels kernels_avx2 = {squeeze, split, few, range, bin, pick, add, add_small};
