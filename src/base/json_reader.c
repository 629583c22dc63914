/* base/json_reader.c - the streaming JSON reader (RFC 8259).
 *
 *   VALUE  --json_next: scalar-->  AFTER   --json_next: ','--> VALUE or KEY
 *     |  open container                |  close bracket
 *     +--> FIRST (or KEY for '{') -----+--> AFTER of the parent, or DONE at depth 0 */
#include "moontide/base/json.h"

#include "moontide/base/bytes.h"
#include "moontide/base/err.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { S_VALUE, S_FIRST_VALUE, S_FIRST_KEY, S_KEY, S_AFTER, S_DONE };

void json_reader_borrow(struct json_reader *r, const char *input, size_t len,
                        struct strbuf *decoded)
{
    r->begin = r->at = input;
    r->end = input + len;
    r->text = NULL;
    r->len = 0;
    r->integer = 0;
    r->number = 0;
    r->decoded = decoded;
    r->depth = 0;
    r->state = S_VALUE;
    strbuf_init(&r->scratch, 0);
}

void json_reader_init(struct json_reader *r, const char *input, size_t len, size_t max_string_bytes)
{
    json_reader_borrow(r, input, len, &r->scratch);
    strbuf_init(&r->scratch, max_string_bytes);
}

void json_reader_done(struct json_reader *r)
{
    strbuf_done(&r->scratch);
}

size_t json_offset(const struct json_reader *r)
{
    return (size_t)(r->at - r->begin);
}

static int fail(struct json_reader *r, int code)
{
    r->state = code;
    return code;
}

static inline const char *skip_space(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at <= ' ' &&
           (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* The first byte of a string's text that is not simply part of it: a quote, a backslash, or a
 * control character; or the end. */
static inline const char *plain_run(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1F);
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash));
        found = _mm_or_si128(found, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
        int mask = _mm_movemask_epi8(found);
        if (mask) return at + __builtin_ctz((unsigned)mask);
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

static int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0) return -1;
        value = value * 16 + d;
    }
    return value;
}

static void add_utf8(struct strbuf *out, int c)
{
    if (c < 0x80) {
        strbuf_addc(out, (char)c);
    } else if (c < 0x800) {
        strbuf_addc(out, (char)(0xC0 | c >> 6));
        strbuf_addc(out, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        strbuf_addc(out, (char)(0xE0 | c >> 12));
        strbuf_addc(out, (char)(0x80 | (c >> 6 & 63)));
        strbuf_addc(out, (char)(0x80 | (c & 63)));
    } else {
        strbuf_addc(out, (char)(0xF0 | c >> 18));
        strbuf_addc(out, (char)(0x80 | (c >> 12 & 63)));
        strbuf_addc(out, (char)(0x80 | (c >> 6 & 63)));
        strbuf_addc(out, (char)(0x80 | (c & 63)));
    }
}

/* r->at is after \u. A lone surrogate becomes U+FFFD. */
static int read_unicode_escape(struct json_reader *r)
{
    if (r->end - r->at < 4) return ERR_PARSE;
    int c = hex4(r->at);
    if (c < 0) return ERR_PARSE;
    r->at += 4;
    if (c >= 0xD800 && c < 0xDC00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        int low = hex4(r->at + 2);
        if (low >= 0xDC00 && low < 0xE000) {
            r->at += 6;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    add_utf8(r->decoded, c);
    return OK;
}

/* r->at is at a backslash: decodes the rest of the string into the scratch. */
static int read_escaped(struct json_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    struct strbuf *decoded = r->decoded;
    while (r->at < r->end) {
        const char *run = r->at;
        r->at = plain_run(run, r->end);
        strbuf_add(decoded, run, (size_t)(r->at - run));
        if (r->at == r->end || (unsigned char)*r->at < 0x20) return ERR_PARSE;
        if (*r->at++ == '"') {
            r->text = strbuf_cstr(decoded);
            r->len = decoded->len;
            return strbuf_status(decoded);
        }
        if (r->at == r->end) return ERR_PARSE;
        char c = *r->at++;
        const char *found = c ? strchr(from, c) : NULL;
        if (found) {
            strbuf_addc(decoded, to[found - from]);
        } else if (c != 'u' || read_unicode_escape(r) < 0) {
            return ERR_PARSE;
        }
    }
    return ERR_PARSE;
}

/* r->at is after the opening quote. */
static inline int read_string(struct json_reader *r)
{
    const char *start = r->at, *at = plain_run(start, r->end);
    r->at = at;
    if (at == r->end) return ERR_PARSE;
    if (*at == '"') {
        r->text = start;
        r->len = (size_t)(at - start);
        r->at = at + 1;
        return OK;
    }
    if ((unsigned char)*at < 0x20) return ERR_PARSE;
    strbuf_reset(r->decoded);
    strbuf_add(r->decoded, start, (size_t)(at - start));
    return read_escaped(r);
}

static inline bool digit(const char *p, const char *end)
{
    return p < end && (unsigned)(*p - '0') < 10;
}

static int read_double_slowly(struct json_reader *r, const char *start)
{
    char copy[64], *text = copy;
    size_t n = (size_t)(r->at - start);
    if (n >= sizeof copy && !(text = malloc(n + 1))) return ERR_NOMEM;
    memcpy(text, start, n);
    text[n] = '\0';
    r->number = strtod(text, NULL);
    if (text != copy) free(text);
    return JSON_NUMBER;
}

/* What a number's text says: (-1)^negative x digits x 10^exponent, exact as long as `fits`. */
struct decimal {
    uint64_t digits;
    int exponent;
    bool negative, fits, whole;
};

/* Both digits and 10^|exponent| are exact as doubles, so that one operation rounds once. Source:
 * Clinger, "How to read floating point numbers accurately" (1990), the fast path. */
static int read_double(struct json_reader *r, const char *start, const struct decimal *d)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!d->fits || d->digits > 1ULL << 53 || d->exponent < -22 || d->exponent > 22)
        return read_double_slowly(r, start);
    double value = (double)d->digits;
    value = d->exponent < 0 ? value / powers[-d->exponent] : value * powers[d->exponent];
    r->number = d->negative ? -value : value;
    return JSON_NUMBER;
}

static inline const char *read_digits(const char *p, const char *end, struct decimal *d)
{
    uint64_t digits = d->digits;
    if (digits < 10000000000U) { /* then nine more fit, whatever they are */
        const char *safe = end - p > 9 ? p + 9 : end;
        for (; digit(p, safe); p++)
            digits = digits * 10 + (uint64_t)(*p - '0');
    }
    for (; digit(p, end); p++) {
        if (digits > (UINT64_MAX - 9) / 10) d->fits = false;
        digits = digits * 10 + (uint64_t)(*p - '0');
    }
    d->digits = digits;
    return p;
}

/* p is after the e. NULL: no exponent. */
static const char *read_exponent(const char *p, const char *end, struct decimal *d)
{
    enum { FAR = 100000 }; /* beyond every double, within an int */
    bool negative = p < end && *p == '-';
    int exponent = 0;
    if (p < end && (*p == '+' || *p == '-')) p++;
    if (!digit(p, end)) return NULL;
    for (; digit(p, end); p++)
        if (exponent < FAR) exponent = exponent * 10 + (*p - '0');
    d->exponent += negative ? -exponent : exponent;
    if (exponent >= FAR) d->fits = false;
    d->whole = false;
    return p;
}

static int read_number(struct json_reader *r)
{
    const char *start = r->at, *p = start, *end = r->end;
    struct decimal d = {.fits = true, .whole = true};
    if (*p == '-') {
        d.negative = true;
        p++;
    }
    if (!digit(p, end) || (*p == '0' && digit(p + 1, end))) return ERR_PARSE;
    p = read_digits(p, end, &d);
    if (p < end && *p == '.') {
        const char *point = ++p;
        if (!digit(p, end)) return ERR_PARSE;
        p = read_digits(p, end, &d);
        if (p - point > 64) d.fits = false;
        d.exponent = d.fits ? -(int)(p - point) : 0;
        d.whole = false;
    }
    if (p < end && (*p == 'e' || *p == 'E') && !(p = read_exponent(p + 1, end, &d)))
        return ERR_PARSE;
    r->at = p;
    if (!d.whole || !d.fits || d.digits > (uint64_t)INT64_MAX + d.negative)
        return read_double(r, start, &d);
    r->integer = d.negative ? (int64_t)(0 - d.digits) : (int64_t)d.digits;
    r->number = (double)r->integer;
    return JSON_INT;
}

static int read_word(struct json_reader *r, const char *word, int token)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0) return ERR_PARSE;
    r->at += n;
    return token;
}

static inline int open_container(struct json_reader *r, int token)
{
    if (r->depth == JSON_DEPTH_MAX) return ERR_LIMIT;
    r->at++;
    r->stack[r->depth++] = token == JSON_OBJECT;
    r->state = token == JSON_OBJECT ? S_FIRST_KEY : S_FIRST_VALUE;
    return token;
}

static inline int close_container(struct json_reader *r)
{
    bool object = r->stack[r->depth - 1];
    if (*r->at != (object ? '}' : ']')) return ERR_PARSE;
    r->at++;
    r->state = --r->depth == 0 ? S_DONE : S_AFTER;
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static inline int read_value(struct json_reader *r)
{
    int token;
    if (r->at == r->end) return ERR_PARSE;
    switch (*r->at) {
    case '{': return open_container(r, JSON_OBJECT);
    case '[': return open_container(r, JSON_ARRAY);
    case '"':
        r->at++;
        token = read_string(r);
        if (token == OK) token = JSON_STRING;
        break;
    case 't': token = read_word(r, "true", JSON_TRUE); break;
    case 'f': token = read_word(r, "false", JSON_FALSE); break;
    case 'n': token = read_word(r, "null", JSON_NULL); break;
    default: token = read_number(r); break;
    }
    r->state = r->depth == 0 ? S_DONE : S_AFTER;
    return token;
}

static inline int read_key(struct json_reader *r)
{
    if (r->at == r->end || *r->at != '"') return ERR_PARSE;
    r->at++;
    int code = read_string(r);
    if (code < 0) return code;
    if (r->at == r->end || *r->at != ':') {
        r->at = skip_space(r->at, r->end);
        if (r->at == r->end || *r->at != ':') return ERR_PARSE;
    }
    r->at++;
    r->state = S_VALUE;
    return JSON_KEY;
}

int json_next(struct json_reader *r)
{
    int token = ERR_PARSE;
    if (r->state < 0) return r->state;
    r->at = skip_space(r->at, r->end);
    switch (r->state) {
    case S_DONE: return r->at == r->end ? JSON_END : fail(r, ERR_PARSE);
    case S_FIRST_KEY:
    case S_FIRST_VALUE:
        if (r->at < r->end && (*r->at == '}' || *r->at == ']')) {
            token = close_container(r);
            break;
        }
        token = r->state == S_FIRST_KEY ? read_key(r) : read_value(r);
        break;
    case S_AFTER:
        if (r->at == r->end) break;
        if (*r->at != ',') {
            token = close_container(r);
            break;
        }
        r->at++;
        r->at = skip_space(r->at, r->end);
        token = r->stack[r->depth - 1] ? read_key(r) : read_value(r);
        break;
    case S_VALUE: token = read_value(r); break;
    default: break;
    }
    return token < 0 ? fail(r, token) : token;
}

bool json_plain(const char *text, size_t len)
{
    return plain_run(text, text + len) == text + len;
}

bool json_take_key(struct json_reader *r, const char *text, size_t len)
{
    const char *at = r->at;
    size_t left = (size_t)(r->end - at);
    if (r->state == S_AFTER) {
        if (left == 0 || *at != ',' || !r->stack[r->depth - 1]) return false;
        at++;
        left--;
    } else if (r->state != S_FIRST_KEY) {
        return false;
    }
    if (left < len + 3 || *at != '"' || at[len + 1] != '"' || at[len + 2] != ':') return false;
    if (!bytes_equal(at + 1, text, len)) return false;
    r->at = at + len + 3;
    r->state = S_VALUE;
    return true;
}

int json_skip(struct json_reader *r)
{
    int depth = r->depth;
    if (r->state == S_VALUE) {
        int token = json_next(r);
        if (token != JSON_OBJECT && token != JSON_ARRAY) return token < 0 ? token : OK;
    } else if (r->state == S_FIRST_KEY || r->state == S_FIRST_VALUE) {
        depth--; /* the container just opened */
    } else {
        return r->state < 0 ? r->state : OK;
    }
    while (r->depth > depth) {
        int token = json_next(r);
        if (token < 0) return token;
    }
    return OK;
}
