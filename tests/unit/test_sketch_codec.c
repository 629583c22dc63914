/* Facts about a sketch's bytes. */
#include "unit/sketch_fixture.h"

static struct sketch *filled(int shape)
{
    struct sketch *sketch = sketch_of(6, 0);
    uint64_t seed = 1;
    for (int i = 0; i < 2000 && shape > 0; i++) {
        double value = around_one(&seed, shape) * (shape > 2 && i % 3 == 0 ? -1 : 1);
        assert_int_equal(sketch_add(sketch, i % 50 ? value : 0, 1), OK);
    }
    if (shape == 5) assert_int_equal(sketch_add(sketch, DBL_MAX, UINT64_MAX - 2000), OK);
    return sketch;
}

static int decode(const void *bytes, size_t len, struct sketch **out, const char **reason)
{
    /* of exactly its size, so that the sanitizer sees a byte read too far */
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    int code = sketch_decode(NULL, copy, len, out, reason);
    free(copy);
    return code;
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    for (int shape = 0; shape <= 5; shape++) {
        struct sketch *sketch = filled(shape), *again = NULL;
        struct strbuf bytes = bytes_of(sketch);
        assert_int_equal(decode(bytes.data, bytes.len, &again, NULL), OK);
        assert_equal_sketches(again, sketch);
        for (int i = 0; i <= 100 && shape > 0; i++)
            assert_true(sketch_quantile(again, i / 100.0) == sketch_quantile(sketch, i / 100.0));
        assert_true(sketch_sum(again) == sketch_sum(sketch));
        assert_true(sketch_count(again) == sketch_count(sketch));
        strbuf_done(&bytes);
        sketch_free(again);
        sketch_free(sketch);
    }
}

static void the_format_is_the_documented_one(void **state)
{
    (void)state;
    static const unsigned char wanted[] = {
        'm',  'q',  's', 1,                      /* magic, version */
        12,                                      /* scale 6 */
        0x80, 0x20,                              /* cap 4096 */
        1,    1,    0,                           /* one zero, one positive bucket, no negative */
        0,    0,    0,   0,    0, 0, 0,    0,    /* min 0 */
        0,    0,    0,   0,    0, 0, 0xf0, 0x3f, /* max 1 */
        0x8c, 0x02, 1,   0x04,                   /* 2^1074: byte 134, bit 2 */
        1,                                       /* index -1 */
        0x60, /* count 1: zigzag 2, order 0: 0 11, and five zeros */
    };
    struct sketch *sketch = sketch_of(6, 0);
    assert_int_equal(sketch_add(sketch, 0, 1), OK);
    assert_int_equal(sketch_add(sketch, 1, 1), OK);
    struct strbuf bytes = bytes_of(sketch);
    assert_int_equal(bytes.len, sizeof wanted);
    assert_memory_equal(bytes.data, wanted, sizeof wanted);
    strbuf_done(&bytes);
    sketch_free(sketch);
}

static void ten_thousand_lognormal_values_fit_in_600_bytes(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_of(6, 0);
    srand48(4);
    for (int i = 0; i < 10000; i++) {
        double value = exp(sqrt(-2 * log(1 - drand48())) * cos(6.283185307179586 * drand48()));
        assert_int_equal(sketch_add(sketch, value, 1), OK);
    }
    struct strbuf bytes = bytes_of(sketch);
    assert_true(bytes.len <= 600);
    strbuf_done(&bytes);
    sketch_free(sketch);
}

static void other_bytes_are_refused_with_a_reason(void **state)
{
    (void)state;
    struct sketch *sketch = filled(3), *out = NULL;
    struct strbuf bytes = bytes_of(sketch);
    const char *reason = NULL;
    for (size_t len = 0; len < bytes.len; len++) {
        assert_int_equal(decode(bytes.data, len, &out, &reason), ERR_PARSE);
        assert_non_null(reason);
    }
    strbuf_addc(&bytes, 0);
    assert_int_equal(decode(bytes.data, bytes.len, &out, &reason), ERR_PARSE);
    assert_string_equal(reason, "bytes that this sketch would not be written as");
    bytes.data[3] = 2;
    assert_int_equal(decode(bytes.data, bytes.len, &out, &reason), ERR_VERSION);
    bytes.data[0] = 'x';
    assert_int_equal(decode(bytes.data, bytes.len, &out, &reason), ERR_PARSE);
    assert_string_equal(reason, "these are not a sketch's bytes");
    assert_null(out);
    strbuf_done(&bytes);
    sketch_free(sketch);
}

/* Each is refused, or is the bytes of what it decodes to. */
static void a_changed_bit_is_seen_or_another_sketch(void **state)
{
    (void)state;
    struct sketch *sketch = filled(2);
    struct strbuf bytes = bytes_of(sketch);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        struct sketch *out = NULL;
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ 1 << bit % 8);
        if (decode(bytes.data, bytes.len, &out, NULL) == OK) {
            struct strbuf again = bytes_of(out);
            assert_int_equal(again.len, bytes.len);
            assert_memory_equal(again.data, bytes.data, bytes.len);
            strbuf_done(&again);
        }
        sketch_free(out);
        bytes.data[bit / 8] = (char)(bytes.data[bit / 8] ^ 1 << bit % 8);
    }
    strbuf_done(&bytes);
    sketch_free(sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_format_is_the_documented_one),
        cmocka_unit_test(ten_thousand_lognormal_values_fit_in_600_bytes),
        cmocka_unit_test(other_bytes_are_refused_with_a_reason),
        cmocka_unit_test(a_changed_bit_is_seen_or_another_sketch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
