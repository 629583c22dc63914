/* stats/access_key.c - keys are made, hashed and compared in whole blocks: a loop that ends after
 * so many bytes as a field has ends elsewhere each time, and the processor guesses wrong. */
#include "access_key.h"

#include <string.h>

static struct slice field_of(const struct access_line *line, enum access_key key)
{
    switch (key) {
    case KEY_TARGET: return access_field(line, ACCESS_TARGET);
    case KEY_ELB: return access_field(line, ACCESS_ELB);
    case KEY_STATUS: return access_field(line, ACCESS_STATUS);
    case KEY_METHOD: return line->method;
    case KEY_TARGET_GROUP: return access_target_group(line);
    default: return line->path;
    }
}

/* Whole blocks where the line has as many bytes; what was too much is overwritten. */
static void copy_field(char *to, struct slice text, const char *line_end)
{
    if (text.len == 1) /* perhaps a "-" that stands in no line */
        *to = *text.at;
    else if ((size_t)(line_end - text.at) < key_whole(text.len))
        memcpy(to, text.at, text.len);
    else
        for (size_t i = 0; i < text.len; i += KEY_BLOCK)
            memcpy(to + i, text.at + i, KEY_BLOCK);
}

/* Writes a field after its length; returns the bytes of both. */
static size_t put_field(char *at, struct slice text, const char *line_end)
{
    uint16_t len = (uint16_t)(text.len < ACCESS_KEY_BYTES_MAX ? text.len : ACCESS_KEY_BYTES_MAX);
    memcpy(at, &len, sizeof len);
    text.len = len;
    if (text.at != at + sizeof len) copy_field(at + sizeof len, text, line_end);
    return sizeof len + len;
}

size_t key_of_line(const struct access_options *options, const struct access_line *line, char *key)
{
    const char *line_end = line->rest.at + line->rest.len;
    size_t n = 0;
    for (size_t i = 0; i < options->by_count; i++) {
        enum access_key by = options->by[i];
        struct slice text = field_of(line, by);
        if (by == KEY_PATH && options->collapse_ids) {
            char *out = key + n + sizeof(uint16_t); /* where put_field() leaves it */
            text = (struct slice){out, access_collapse_ids(text, out, ACCESS_KEY_BYTES_MAX)};
        }
        n += put_field(key + n, text, line_end);
    }
    memset(key + n, 0, KEY_BLOCK);
    return n;
}

size_t key_of_name(const struct access_options *options, const char *name, char *key)
{
    struct slice text = {name, strlen(name)};
    size_t n = 0;
    for (size_t i = 0; i < options->by_count; i++)
        n += put_field(key + n, text, name + text.len);
    memset(key + n, 0, KEY_BLOCK);
    return n;
}

/* Two words are folded by a 128-bit product, as in wyhash (Wang Yi): FNV's byte by byte is slower
 * than all else that is done with a line. */
uint64_t key_hash(const char *key, size_t len)
{
    __extension__ typedef unsigned __int128 wide_int;
    uint64_t hash = 0x9e3779b97f4a7c15ull ^ len;
    for (size_t i = 0; i < len; i += KEY_BLOCK)
        for (size_t half = i; half < i + KEY_BLOCK; half += KEY_BLOCK / 2) {
            uint64_t words[2];
            memcpy(words, key + half, sizeof words);
            wide_int product = (wide_int)(hash ^ words[0]) * (words[1] ^ 0xa0761d6478bd642full);
            hash = (uint64_t)product ^ (uint64_t)(product >> 64);
        }
    return hash;
}

bool keys_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i += KEY_BLOCK) {
        uint64_t x[KEY_BLOCK / sizeof(uint64_t)], y[KEY_BLOCK / sizeof(uint64_t)], differ = 0;
        memcpy(x, a + i, sizeof x);
        memcpy(y, b + i, sizeof y);
        for (size_t k = 0; k < sizeof x / sizeof x[0]; k++)
            differ |= x[k] ^ y[k];
        if (differ) return false;
    }
    return true;
}

struct slice key_field(const char *key, size_t by)
{
    uint16_t len;
    for (;; by--) {
        memcpy(&len, key, sizeof len);
        key += sizeof len;
        if (by == 0) return (struct slice){key, len};
        key += len;
    }
}
