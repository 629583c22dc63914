/* Facts about hashes. */
#include "moontide/base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void sha_256_answers_the_published_examples(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        /* FIPS 180-2, appendix B, and the empty message */
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char digest[SHA256_BYTES];
        char hex[SHA256_HEX_MAX];
        sha256(rows[i][0], strlen(rows[i][0]), digest);
        hex_encode(digest, sizeof digest, hex);
        assert_string_equal(hex, rows[i][1]);
    }
}

static void hash64_depends_on_every_byte_and_on_the_seed(void **state)
{
    (void)state;
    char text[] = "GMTool/API ResponseTime p99";
    uint64_t first = hash64(text, sizeof text - 1, 0);
    assert_true(hash64(text, sizeof text - 1, 0) == first);
    assert_true(hash64(text, sizeof text - 1, 1) != first);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] ^= 1;
        assert_true(hash64(text, sizeof text - 1, 0) != first);
        text[i] ^= 1;
    }
}

static void hash64_spreads_near_keys_over_its_low_bits(void **state)
{
    (void)state;
    enum { KEYS = 4096, SLOTS = 64 };
    int slots[SLOTS] = {0};
    for (uint32_t i = 0; i < KEYS; i++)
        slots[hash64(&i, sizeof i, 0) % SLOTS]++;
    for (int i = 0; i < SLOTS; i++)
        assert_true(slots[i] > KEYS / SLOTS / 2 && slots[i] < KEYS / SLOTS * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_256_answers_the_published_examples),
        cmocka_unit_test(hash64_depends_on_every_byte_and_on_the_seed),
        cmocka_unit_test(hash64_spreads_near_keys_over_its_low_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
