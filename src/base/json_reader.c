/* base/json_reader.c - the streaming JSON reader (RFC 8259).
 *
 *   VALUE  --json_next: scalar-->  AFTER   --json_next: ','--> VALUE or KEY
 *     |  open container                |  close bracket
 *     +--> FIRST (or KEY for '{') -----+--> AFTER of the parent, or DONE at depth 0 */
#include "moontide/base/json.h"

#include "moontide/base/err.h"

#include <stdlib.h>
#include <string.h>

enum { S_VALUE, S_FIRST_VALUE, S_FIRST_KEY, S_KEY, S_AFTER, S_DONE };

void json_reader_init(struct json_reader *r, const char *input, size_t len, size_t max_string_bytes)
{
    memset(r, 0, sizeof *r);
    r->begin = r->at = input;
    r->end = input + len;
    r->state = S_VALUE;
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

static void skip_space(struct json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
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
    add_utf8(&r->scratch, c);
    return OK;
}

/* r->at is at a backslash: decodes the rest of the string into the scratch. */
static int read_escaped(struct json_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    while (r->at < r->end) {
        const char *run = r->at;
        while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20)
            r->at++;
        strbuf_add(&r->scratch, run, (size_t)(r->at - run));
        if (r->at == r->end || (unsigned char)*r->at < 0x20) return ERR_PARSE;
        if (*r->at++ == '"') {
            r->text = strbuf_cstr(&r->scratch);
            r->len = r->scratch.len;
            return strbuf_status(&r->scratch);
        }
        if (r->at == r->end) return ERR_PARSE;
        char c = *r->at++;
        const char *found = c ? strchr(from, c) : NULL;
        if (found) {
            strbuf_addc(&r->scratch, to[found - from]);
        } else if (c != 'u' || read_unicode_escape(r) < 0) {
            return ERR_PARSE;
        }
    }
    return ERR_PARSE;
}

/* r->at is after the opening quote. */
static int read_string(struct json_reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20)
        r->at++;
    if (r->at == r->end || (unsigned char)*r->at < 0x20) return ERR_PARSE;
    if (*r->at == '"') {
        r->text = start;
        r->len = (size_t)(r->at++ - start);
        return OK;
    }
    strbuf_reset(&r->scratch);
    strbuf_add(&r->scratch, start, (size_t)(r->at - start));
    return read_escaped(r);
}

static bool digit(const struct json_reader *r, const char *p)
{
    return p < r->end && *p >= '0' && *p <= '9';
}

static int read_double(struct json_reader *r, const char *start)
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

static int read_number(struct json_reader *r)
{
    const char *start = r->at, *p = r->at;
    bool negative = *p == '-', whole = true, fits = true;
    uint64_t value = 0;
    if (negative) p++;
    if (!digit(r, p)) return ERR_PARSE;
    if (*p == '0' && digit(r, p + 1)) return ERR_PARSE;
    for (; digit(r, p); p++) {
        if (value > (UINT64_MAX - 9) / 10) fits = false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    if (p < r->end && *p == '.') {
        whole = false;
        if (!digit(r, ++p)) return ERR_PARSE;
        while (digit(r, p))
            p++;
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        whole = false;
        p++;
        if (p < r->end && (*p == '+' || *p == '-')) p++;
        if (!digit(r, p)) return ERR_PARSE;
        while (digit(r, p))
            p++;
    }
    r->at = p;
    if (!whole || !fits || value > (uint64_t)INT64_MAX + negative) return read_double(r, start);
    r->integer = negative ? (int64_t)(0 - value) : (int64_t)value;
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

static int open_container(struct json_reader *r, int token)
{
    if (r->depth == JSON_DEPTH_MAX) return ERR_LIMIT;
    r->at++;
    r->stack[r->depth++] = token == JSON_OBJECT;
    r->state = token == JSON_OBJECT ? S_FIRST_KEY : S_FIRST_VALUE;
    return token;
}

static int close_container(struct json_reader *r)
{
    bool object = r->stack[r->depth - 1];
    if (*r->at != (object ? '}' : ']')) return ERR_PARSE;
    r->at++;
    r->state = --r->depth == 0 ? S_DONE : S_AFTER;
    return object ? JSON_OBJECT_END : JSON_ARRAY_END;
}

static int read_value(struct json_reader *r)
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

static int read_key(struct json_reader *r)
{
    if (r->at == r->end || *r->at != '"') return ERR_PARSE;
    r->at++;
    int code = read_string(r);
    if (code < 0) return code;
    skip_space(r);
    if (r->at == r->end || *r->at != ':') return ERR_PARSE;
    r->at++;
    r->state = S_VALUE;
    return JSON_KEY;
}

int json_next(struct json_reader *r)
{
    int token = ERR_PARSE;
    if (r->state < 0) return r->state;
    skip_space(r);
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
        skip_space(r);
        token = r->stack[r->depth - 1] ? read_key(r) : read_value(r);
        break;
    case S_VALUE: token = read_value(r); break;
    default: break;
    }
    return token < 0 ? fail(r, token) : token;
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
