/* Facts about reading a file in blocks: plain and gzip give the same bytes, and damage is told with
 * what was good before it. */
#include "moontide/base/gz_reader.h"
#include "support/alloc_fail.h"
#include "unit/contains.h"
#include "unit/file_fixture.h"

enum { TEXT_BYTES = 3 * GZ_BLOCK_BYTES + 12345 };

/* Text that compresses, but not to nothing. */
static char *make_text(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    uint32_t seed = 7;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        text[i] = (char)(i % 61 == 60 ? '\n' : 'a' + (seed >> 28));
    }
    return text;
}

/* Reads to the end or the error; *read counts the bytes, which must be those of text. */
static int read_all(const struct place *place, const char *text, size_t *read, struct fault *fault)
{
    struct gz_reader *reader;
    const char *bytes;
    size_t len;
    *read = 0;
    int code = gz_open(place->file, &reader, fault);
    if (code < 0) return code;
    while ((code = gz_next(reader, &bytes, &len, fault)) > 0) {
        assert_true(len > 0 && len <= GZ_BLOCK_BYTES);
        assert_memory_equal(bytes, text + *read, len);
        *read += len;
        assert_true(gz_done_bytes(reader) <= gz_total_bytes(reader));
    }
    assert_int_equal(gz_next(reader, &bytes, &len, fault), code); /* it stays so */
    if (code == 0) assert_int_equal(gz_done_bytes(reader), gz_total_bytes(reader));
    gz_close(reader);
    return code;
}

static void expect_good(const struct place *place, const char *text, size_t len)
{
    struct fault fault = {0};
    size_t read;
    if (read_all(place, text, &read, &fault) != 0) fail_msg("%s", fault.text);
    assert_int_equal(read, len);
}

static void plain_and_gzip_give_the_same(void **state)
{
    char *text = make_text(TEXT_BYTES);
    static const size_t sizes[] = {0,         1, 2, 61, 70000, GZ_BLOCK_BYTES, GZ_BLOCK_BYTES + 1,
                                   TEXT_BYTES};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        place_put(*state, text, sizes[i]);
        expect_good(*state, text, sizes[i]);
        place_put(*state, "", 0);
        place_add_gz(*state, text, sizes[i]);
        expect_good(*state, text, sizes[i]);
    }
    free(text);
}

static void members_are_read_as_one(void **state)
{
    char *text = make_text(TEXT_BYTES);
    size_t at = 0;
    for (size_t i = 0; i < 200; i++, at += i * 37 % 5000) { /* some are empty */
        size_t next = at + (i + 1) * 37 % 5000;
        place_add_gz(*state, text + at, next - at);
    }
    expect_good(*state, text, at);
    free(text);
}

static void zeros_at_the_end_are_padding(void **state)
{
    place_add_gz(*state, "one\n", 4);
    size_t len;
    unsigned char *bytes = place_get(*state, &len);
    unsigned char padded[1024] = {0};
    memcpy(padded, bytes, len);
    place_put(*state, padded, sizeof padded);
    expect_good(*state, "one\n", 4);
    memcpy(padded + len, "tail", 4);
    place_put(*state, padded, len + 4);
    struct fault fault;
    size_t read;
    assert_int_equal(read_all(*state, "one\n", &read, &fault), ERR_CORRUPT);
    assert_int_equal(read, 4);
    assert_contains(fault.text, "what follows the last member is no gzip");
    free(bytes);
}

static void an_early_end_is_told_after_what_was_good(void **state)
{
    char *text = make_text(TEXT_BYTES);
    place_add_gz(*state, text, TEXT_BYTES);
    size_t len, read, before = 0;
    unsigned char *bytes = place_get(*state, &len);
    for (size_t i = 0; i < 40 + 6 + 20; i++) { /* in the header, here and there, in the trailer */
        size_t cut = i < 40 ? i + 2 : i < 46 ? (i - 39) * (len / 8) : len - 66 + i;
        struct fault fault = {0};
        place_put(*state, bytes, cut);
        if (read_all(*state, text, &read, &fault) != ERR_CORRUPT) fail_msg("%zu", cut);
        assert_contains(fault.text, "ends early");
        assert_true(read >= before);
        before = read;
    }
    assert_int_equal(before, TEXT_BYTES); /* only the trailer was missing */
    free(bytes);
    free(text);
}

static void a_wrong_checksum_is_told(void **state)
{
    char *text = make_text(TEXT_BYTES);
    place_add_gz(*state, text, TEXT_BYTES);
    size_t len, read;
    unsigned char *bytes = place_get(*state, &len);
    for (size_t i = len - 8; i < len; i++) { /* RFC 1952: CRC-32, then the size */
        struct fault fault = {0};
        bytes[i] ^= 0x10;
        place_put(*state, bytes, len);
        assert_int_equal(read_all(*state, text, &read, &fault), ERR_CORRUPT);
        assert_int_equal(read, TEXT_BYTES);
        assert_contains(fault.text, "checksum");
        assert_contains(fault.text, "bytes");
        bytes[i] ^= 0x10;
    }
    free(bytes);
    free(text);
}

static void what_is_no_file_is_refused(void **state)
{
    struct place *place = *state;
    struct gz_reader *reader;
    struct fault fault;
    assert_int_equal(gz_open(place->file, &reader, &fault), ERR_NOT_FOUND);
    assert_contains(fault.text, place->file);
    assert_int_equal(gz_open(place->dir, &reader, &fault), ERR_INVALID);
    assert_int_equal(gz_open("/dev/null", &reader, NULL), ERR_INVALID);
    gz_close(NULL);
}

static void no_memory_is_an_error(void **state)
{
    struct place *place = *state;
    place_put(place, "x", 1);
    for (unsigned n = 1;; n++) {
        struct gz_reader *reader = NULL;
        alloc_fail_at(n);
        int code = gz_open(place->file, &reader, NULL);
        bool failed = alloc_fail_done();
        assert_int_equal(code, failed ? ERR_NOMEM : OK);
        gz_close(reader);
        if (!failed) break;
        assert_true(n < 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        place_test(plain_and_gzip_give_the_same),
        place_test(members_are_read_as_one),
        place_test(zeros_at_the_end_are_padding),
        place_test(an_early_end_is_told_after_what_was_good),
        place_test(a_wrong_checksum_is_told),
        place_test(what_is_no_file_is_refused),
        place_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
