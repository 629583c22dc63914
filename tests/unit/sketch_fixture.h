/* unit/sketch_fixture.h - making and comparing sketches. */
#ifndef MOONTIDE_TESTS_SKETCH_FIXTURE_H
#define MOONTIDE_TESTS_SKETCH_FIXTURE_H

#include "moontide/stats/sketch.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

__attribute__((unused)) static struct sketch *sketch_of(int scale, uint32_t buckets_max)
{
    struct sketch *sketch = NULL;
    assert_int_equal(sketch_new(scale, buckets_max, &sketch), OK);
    return sketch;
}

__attribute__((unused)) static struct strbuf bytes_of(const struct sketch *sketch)
{
    struct strbuf bytes;
    strbuf_init(&bytes, SKETCH_ENCODED_MAX);
    sketch_encode(sketch, &bytes);
    assert_int_equal(strbuf_status(&bytes), OK);
    return bytes;
}

__attribute__((unused)) static void assert_equal_sketches(const struct sketch *a,
                                                          const struct sketch *b)
{
    struct strbuf x = bytes_of(a), y = bytes_of(b);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    strbuf_done(&x);
    strbuf_done(&y);
}

/* Lognormal-like positive doubles: 2^(the sum of four uniform numbers between -spread and spread).
 */
__attribute__((unused)) static double around_one(uint64_t *seed, double spread)
{
    double exponent = 0;
    for (int i = 0; i < 4; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        exponent += ((double)(*seed >> 11) * 0x1p-52 - 1) * spread;
    }
    return exp2(exponent);
}

#endif
