/* stats/access_log.c - the fields of one line.
 *
 * Where the processor can (access_avx2.c), a line is looked at 64 bytes at a time, without a branch
 * for each field; what that leaves open is looked at byte by byte and by memchr. */
#include "moontide/stats/access_log.h"

#include "access_avx2.h"
#include "moontide/base/number.h"
#include "moontide/stats/cpu.h"

#include <math.h>
#include <string.h>

#ifdef __x86_64__
static bool has_avx2(void)
{
    return cpu_level() >= CPU_AVX2;
}
#else
static bool has_avx2(void)
{
    return false;
}
#define access_avx2_spaces(line, len, at)     ((size_t)0)
#define access_avx2_request(at, end, request) false
#endif

/* Where the first ACCESS_PLAIN_FIELDS spaces are, of which some were found; false: there are not
 * so many. */
static bool find_spaces(const char *line, size_t len, uint32_t *at, size_t found)
{
    size_t from = found ? at[found - 1] + 1 : 0;
    for (; found < ACCESS_PLAIN_FIELDS; found++) {
        const char *space = from < len ? memchr(line + from, ' ', len - from) : NULL;
        if (!space) return false;
        from = (size_t)(space - line);
        at[found] = (uint32_t)from++;
    }
    return true;
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
    bool fast = has_avx2();
    if (len >= UINT32_MAX) return "too long";
    out->at = line;
    size_t found = fast ? access_avx2_spaces(line, len, out->ends) : 0;
    if (!find_spaces(line, len, out->ends, found)) return "too few fields";
    const char *at = line + out->ends[ACCESS_PLAIN_FIELDS - 1] + 1, *end = line + len;
    if (at == end || *at != '"') return "no quoted request after the 12th field";
    at++;
    if (fast && access_avx2_request(at, end, out)) return NULL;
    const char *quote = closing_quote(at, end);
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

/* "0.012", as balancers write times. Negative: it is something else. */
static double thousandths(struct slice text)
{
    if (text.len != 5 || text.at[1] != '.') return -1;
    unsigned a = (unsigned char)text.at[0] - '0', b = (unsigned char)text.at[2] - '0';
    unsigned c = (unsigned char)text.at[3] - '0', d = (unsigned char)text.at[4] - '0';
    if (a > 9 || b > 9 || c > 9 || d > 9) return -1;
    return (a * 1000 + b * 100 + c * 10 + d) / 1000.0;
}

double access_seconds(struct slice text)
{
    double value = thousandths(text);
    if (value < 0) value = plain_seconds(text);
    if (value >= 0) return value;
    if (text.len == 1 && text.at[0] == '-') return ACCESS_NO_TIME;
    if (!number_parse(text.at, text.len, &value)) return ACCESS_BAD_TIME;
    if (value == -1) return ACCESS_NO_TIME;
    return value >= 0 && isfinite(value) ? value : ACCESS_BAD_TIME;
}
