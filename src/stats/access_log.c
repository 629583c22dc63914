/* stats/access_log.c - the fields of one line.
 *
 * Twelve fields end with a space each; 32 bytes at a time are compared with a space where the
 * processor can (AVX2), else memchr looks for one after the other. */
#include "moontide/stats/access_log.h"

#include "moontide/base/number.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_AVX2 1
#endif

/* Where the first ACCESS_PLAIN_FIELDS spaces are; returns how many were found, from `found` on. */
static size_t spaces_by_memchr(const char *line, size_t from, size_t len, uint32_t *at,
                               size_t found)
{
    while (found < ACCESS_PLAIN_FIELDS) {
        const char *space = from < len ? memchr(line + from, ' ', len - from) : NULL;
        if (!space) break;
        from = (size_t)(space - line);
        at[found++] = (uint32_t)from++;
    }
    return found;
}

#ifdef HAVE_AVX2
__attribute__((target("avx2,bmi"))) static size_t spaces_by_avx2(const char *line, size_t len,
                                                                 uint32_t *at)
{
    const __m256i space = _mm256_set1_epi8(' ');
    size_t found = 0, i = 0;
    for (; i + 32 <= len; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(line + i));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, space));
        for (; mask; mask &= mask - 1) {
            at[found++] = (uint32_t)i + (uint32_t)__builtin_ctz(mask);
            if (found == ACCESS_PLAIN_FIELDS) return found;
        }
    }
    return spaces_by_memchr(line, i, len, at, found);
}
#endif

static size_t find_spaces(const char *line, size_t len, uint32_t *at)
{
#ifdef HAVE_AVX2
    if (__builtin_cpu_supports("avx2")) return spaces_by_avx2(line, len, at);
#endif
    return spaces_by_memchr(line, 0, len, at, 0);
}

/* The quote that closes what begins at `from`; NULL when none does. */
static const char *closing_quote(const char *from, const char *end)
{
    for (const char *at = from; at < end; at++) {
        at = memchr(at, '"', (size_t)(end - at));
        if (!at) return NULL;
        if (at == from || at[-1] != '\\') return at;
    }
    return NULL;
}

/* Short runs are walked: a call of memchr would cost more. */
static const char *walk_to(const char *at, const char *end, char c)
{
    while (at < end && *at != c)
        at++;
    return at;
}

/* Behind "scheme://host:port" of url, where the path begins; NULL when nothing does. */
static const char *path_of(const char *url, const char *end)
{
    const char *slash = walk_to(url, end, '/');
    if (slash == end) return NULL;
    bool scheme = slash > url && slash[-1] == ':' && slash + 1 < end && slash[1] == '/';
    return scheme ? memchr(slash + 2, '/', (size_t)(end - slash - 2)) : slash;
}

/* "GET https://host:443/path?query HTTP/1.1", or "- http://host:80- -" of what was no request. */
static void read_request(const char *at, const char *end, struct access_line *out)
{
    static const char none[] = "-";
    out->path = (struct slice){none, 1};
    const char *space = walk_to(at, end, ' ');
    out->method = space > at ? (struct slice){at, (size_t)(space - at)} : out->path;
    const char *url = space < end ? space + 1 : end;
    const char *url_end = end;
    while (url_end > url && url_end[-1] != ' ')
        url_end--;
    url_end = url_end > url ? url_end - 1 : end;
    const char *path = path_of(url, url_end);
    if (!path) return;
    const char *query = memchr(path, '?', (size_t)(url_end - path));
    out->path = (struct slice){path, (size_t)((query ? query : url_end) - path)};
}

const char *access_line_parse(const char *line, size_t len, struct access_line *out)
{
    uint32_t spaces[ACCESS_PLAIN_FIELDS];
    if (len >= UINT32_MAX) return "too long";
    if (find_spaces(line, len, spaces) < ACCESS_PLAIN_FIELDS) return "too few fields";
    uint32_t from = 0;
    for (size_t i = 0; i < ACCESS_PLAIN_FIELDS; i++) {
        out->field[i] = (struct slice){line + from, spaces[i] - from};
        from = spaces[i] + 1;
    }
    const char *at = line + from, *end = line + len;
    if (at == end || *at != '"') return "no quoted request after the 12th field";
    const char *quote = closing_quote(++at, end);
    if (!quote) return "the request's quote is never closed";
    read_request(at, quote, out);
    out->rest = (struct slice){quote + 1, (size_t)(end - quote - 1)};
    return NULL;
}

/* Skips n fields that end with a space each; the end when there are not so many. */
static const char *skip_fields(const char *at, const char *end, int n)
{
    for (; n > 0 && at < end; n--) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        at = space ? space + 1 : end;
    }
    return at;
}

/* ... "user agent" cipher protocol arn:...:targetgroup/NAME/ID ... */
struct slice access_target_group(const struct access_line *line)
{
    static const char none[] = "-", mark[] = ":targetgroup/";
    const char *at = line->rest.at, *end = at + line->rest.len;
    if (line->rest.len < 2 || at[0] != ' ' || at[1] != '"') return (struct slice){none, 1};
    const char *quote = closing_quote(at + 2, end);
    if (!quote || quote + 2 > end) return (struct slice){none, 1};
    at = skip_fields(quote + 2, end, 2);
    const char *last = skip_fields(at, end, 1);
    if (at == last) return (struct slice){none, 1};
    if (last[-1] == ' ') last--;
    const char *name = memmem(at, (size_t)(last - at), mark, sizeof mark - 1);
    if (!name) return (struct slice){at, (size_t)(last - at)};
    name += sizeof mark - 1;
    const char *slash = memchr(name, '/', (size_t)(last - name));
    return (struct slice){name, (size_t)((slash ? slash : last) - name)};
}

/* "0.012" as nearly all are: up to 15 digits with a point among them, so that one division of two
 * exact numbers rounds correctly (as in base/number.c). Negative: it is something else. */
static double plain_seconds(struct slice text)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    if (text.len < 3 || text.len > 16 || text.at[0] == '.') return -1;
    uint64_t digits = 0;
    size_t point = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned char)text.at[i] - '0';
        if (digit <= 9)
            digits = digits * 10 + digit;
        else if (text.at[i] == '.' && point == 0)
            point = i;
        else
            return -1;
    }
    return point ? (double)digits / powers[text.len - 1 - point] : -1;
}

double access_seconds(struct slice text)
{
    double value = plain_seconds(text);
    if (value >= 0) return value;
    if (text.len == 1 && text.at[0] == '-') return ACCESS_NO_TIME;
    if (!number_parse(text.at, text.len, &value)) return ACCESS_BAD_TIME;
    if (value == -1) return ACCESS_NO_TIME;
    return value >= 0 && isfinite(value) ? value : ACCESS_BAD_TIME;
}
