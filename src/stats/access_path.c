/* stats/access_path.c - paths of requests without what tells one object from another. */
#include "moontide/stats/access_log.h"

#include <stdbool.h>
#include <string.h>

enum { UUID_BYTES = 36, HEX_MIN = 8 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex_letter(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 4122: 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const char *at, size_t len)
{
    if (len != UUID_BYTES) return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? at[i] != '-' : !is_digit(at[i]) && !is_hex_letter(at[i])) return false;
    }
    return true;
}

static bool is_id(const char *at, size_t len)
{
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_digit(at[i]))
            digits++;
        else if (is_hex_letter(at[i]))
            letters++;
        else
            return is_uuid(at, len);
    }
    return digits > 0 && (letters == 0 || len >= HEX_MIN);
}

size_t access_collapse_ids(struct slice path, char *out, size_t max)
{
    static const char mark[] = ":id";
    const char *at = path.at, *end = path.at + path.len;
    size_t n = 0;
    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t len = (size_t)((slash ? slash : end) - at);
        bool id = is_id(at, len);
        const char *from = id ? mark : at;
        size_t wanted = id ? sizeof mark - 1 : len;
        size_t room = max - n;
        memcpy(out + n, from, wanted < room ? wanted : room);
        n += wanted < room ? wanted : room;
        if (slash && n < max) out[n++] = '/';
        at += len + (slash != NULL);
    }
    return n;
}
