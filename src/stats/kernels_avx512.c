/* stats/kernels_avx512.c - eight doubles at a time. Compiled with -mavx512f -mavx512dq -mavx512vl
 * -mpopcnt.
 *
 * Not run on real hardware so far: the tests compile this file once more over SIMDe, which emulates
 * the instructions (KERNELS_EMULATED). Values are compressed in a register and stored whole: to
 * compress into memory is microcode on Zen 4. */
#ifdef KERNELS_EMULATED
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#define kernels_avx512 kernels_emulated
#else
#include <immintrin.h>
#endif
#include <stddef.h>

enum { LANES = 8 };
typedef __m512d vec;
typedef unsigned char mask; /* __mmask8 */
typedef __m512i tally;

static inline vec vec_load(const double *from)
{
    return _mm512_loadu_pd(from);
}

static inline void vec_store(double *to, vec x)
{
    _mm512_storeu_pd(to, x);
}

static inline vec vec_min(vec a, vec b)
{
    return _mm512_min_pd(a, b);
}

static inline vec vec_max(vec a, vec b)
{
    return _mm512_max_pd(a, b);
}

static inline vec vec_lanes_xor(vec x, int bits)
{
    __m512i lanes = _mm512_set_epi64(7 ^ bits, 6 ^ bits, 5 ^ bits, 4 ^ bits, 3 ^ bits, 2 ^ bits,
                                     1 ^ bits, bits);
    return _mm512_permutexvar_pd(lanes, x);
}

static inline vec vec_blend(vec a, vec b, int upper)
{
    return _mm512_mask_mov_pd(a, upper == 1 ? 0xAA : upper == 2 ? 0xCC : 0xF0, b);
}

static inline vec vec_all(double x)
{
    return _mm512_set1_pd(x);
}

static inline mask mask_none(void)
{
    return 0;
}

static inline mask mask_xor(mask a, mask b)
{
    return (mask)(a ^ b);
}

static inline mask mask_or(mask a, mask b)
{
    return (mask)(a | b);
}

static inline int mask_any(mask m)
{
    return m != 0;
}

static inline mask vec_reached(vec x, vec edge)
{
    return _mm512_cmp_pd_mask(x, edge, _CMP_GE_OQ);
}

static inline mask vec_unordered(vec a, vec b)
{
    return _mm512_cmp_pd_mask(a, b, _CMP_UNORD_Q);
}

static inline tally tally_none(void)
{
    return _mm512_setzero_si512();
}

static inline tally tally_add(tally t, mask m)
{
    return _mm512_mask_add_epi64(t, m, t, _mm512_set1_epi64(1));
}

static inline size_t tally_total(tally t)
{
    long long lanes[LANES];
    _mm512_storeu_si512(lanes, t);
    size_t total = 0;
    for (int i = 0; i < LANES; i++)
        total += (size_t)lanes[i];
    return total;
}

static inline size_t vec_compress(double *to, vec x, mask m)
{
    _mm512_storeu_pd(to, _mm512_maskz_compress_pd(m, x));
    return (size_t)__builtin_popcount(m);
}

static inline size_t vec_split(double *rest, double *to, vec x, mask m)
{
    vec_compress(rest, x, (mask)~m);
    return vec_compress(to, x, m);
}

#include "keys_avx2.h"

#include "kernels_body.h"

#include "kernels_bins.h"
#include "kernels_sort.h"
#include "kernels_sum.h"

const struct kernels kernels_avx512 = {squeeze, split, few, range, bin, pick, add, add_small};
