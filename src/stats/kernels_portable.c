/* stats/kernels_portable.c - two doubles at a time by the compilers' vector types, which every CPU
 * has or is given by them. Nothing branches on a value. */
#include <stddef.h>
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

static inline vec vec_blend_by(vec a, vec b, mask m)
{
    return (vec)(((mask)a & ~m) | ((mask)b & m));
}

static inline vec vec_min(vec a, vec b)
{
    return vec_blend_by(b, a, a < b);
}

static inline vec vec_max(vec a, vec b)
{
    return vec_blend_by(b, a, a > b);
}

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
#define WORDS
typedef int words __attribute__((vector_size(16)));

static inline words words_all(int x)
{
    return (words){x, x, x, x};
}

static inline words words_none(void)
{
    return words_all(0);
}

static inline words words_of(vec a, vec b)
{
    return (words)_mm_shuffle_ps((__m128)a, (__m128)b, _MM_SHUFFLE(3, 1, 3, 1));
}

static inline words words_above(words w, words x)
{
    return w > x;
}

static inline words words_minus(words w, words x)
{
    return w - x;
}

static inline words words_xor(words w, words x)
{
    return w ^ x;
}

static inline size_t words_total(words w)
{
    return (size_t)w[0] + (size_t)w[1] + (size_t)w[2] + (size_t)w[3];
}

/* All loads come before the first store, as the compiler cannot know that they are apart. */
static inline size_t words_compress(double *to, const double *from, words m)
{
    const double a = from[0], b = from[1], c = from[2], d = from[3];
    unsigned lanes = (unsigned)_mm_movemask_ps((__m128)m);
    size_t second = lanes & 1, third = second + (lanes >> 1 & 1), fourth = third + (lanes >> 2 & 1);
    to[0] = a;
    to[second] = b;
    to[third] = c;
    to[fourth] = d;
    return fourth + (lanes >> 3);
}
#endif

#include "kernels_body.h"
#include "kernels_sort.h"
#include "kernels_sum.h"

const struct kernels kernels_portable = {squeeze, split, few, add};
