/* aws/parse_text.c - scalars from their text, as XML and headers carry them. */
#include "moontide/base/timetext.h"

#include "parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SCALAR_MAX = 64 /* no number and no time is longer */ };

bool base64_decode(const char *text, size_t len, char *out, size_t *out_len)
{
    uint32_t bits = 0;
    unsigned count = 0, padding = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        int value = c >= 'A' && c <= 'Z'   ? c - 'A'
                    : c >= 'a' && c <= 'z' ? c - 'a' + 26
                    : c >= '0' && c <= '9' ? c - '0' + 52
                    : c == '+'             ? 62
                    : c == '/'             ? 63
                                           : -1;
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        padding += c == '=';
        if (c == '=') continue;
        if (value < 0 || padding > 0) return false;
        bits = bits << 6 | (uint32_t)value;
        if (++count % 4 == 0) {
            out[n++] = (char)(bits >> 16);
            out[n++] = (char)(bits >> 8);
            out[n++] = (char)bits;
        }
    }
    if (count % 4 == 1 || padding > 2) return false;
    if (count % 4 == 2) out[n++] = (char)(bits >> 4);
    if (count % 4 == 3) {
        out[n++] = (char)(bits >> 10);
        out[n++] = (char)(bits >> 2);
    }
    *out_len = n;
    return true;
}

void put_blob(struct parse *p, const char *text, size_t len)
{
    struct strbuf *scratch = p->scratch;
    size_t decoded;
    char *to = scratch->data;
    bool inside = to && text >= to && text <= to + scratch->len;
    to = inside ? to + (text - to) : NULL;
    if (!inside) {
        strbuf_reset(scratch);
        to = strbuf_reserve(scratch, len + 1);
    }
    if (to && base64_decode(text, len, to, &decoded))
        out_string(p, to, decoded);
    else
        out_string(p, text, len);
}

bool float_word(const char *text, size_t len, double *out)
{
    if (len == 3 && memcmp(text, "NaN", 3) == 0)
        *out = NAN;
    else if (len == 8 && memcmp(text, "Infinity", 8) == 0)
        *out = INFINITY;
    else if (len == 9 && memcmp(text, "-Infinity", 9) == 0)
        *out = -INFINITY;
    else
        return false;
    return true;
}

/* NUL-terminated and without white space around; false when it is too long for a scalar. */
static bool trim(char out[SCALAR_MAX], const char *text, size_t len)
{
    while (len > 0 && (unsigned char)text[0] <= ' ') {
        text++;
        len--;
    }
    while (len > 0 && (unsigned char)text[len - 1] <= ' ')
        len--;
    if (len == 0 || len >= SCALAR_MAX || memchr(text, '\0', len)) return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

static bool read_double(const char *text, double *out)
{
    char *end;
    if (float_word(text, strlen(text), out)) return true;
    if (strspn(text, "0123456789+-.eE") != strlen(text)) return false; /* strtod takes more */
    *out = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool read_integer(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') return false;
    *out = value;
    return true;
}

void put_time(struct parse *p, double seconds)
{
    if (seconds > -0x1p53 && seconds < 0x1p53 && seconds == floor(seconds))
        p->out->vtable->integer(p->out, (int64_t)seconds);
    else
        p->out->vtable->number(p->out, seconds);
}

/* ISO 8601 with as many digits of a second as there are: time_parse() knows milliseconds. */
static bool read_iso(char *text, double *out)
{
    int64_t ms;
    double fraction = 0;
    char *point = strchr(text, '.');
    if (point) {
        size_t digits = strspn(point + 1, "0123456789");
        char rest = point[1 + digits];
        if (digits == 0) return false;
        point[1 + digits] = '\0';
        fraction = strtod(point, NULL);
        point[1 + digits] = rest;
        memmove(point, point + 1 + digits, strlen(point + 1 + digits) + 1);
    }
    if (time_parse(text, strlen(text), &ms) < 0) {
        /* without a zone it means UTC */
        size_t len = strlen(text);
        if (len + 2 > SCALAR_MAX) return false;
        memcpy(text + len, "Z", 2);
        if (time_parse(text, len + 1, &ms) < 0) return false;
    }
    *out = (double)(ms / 1000) + fraction;
    return true;
}

void put_time_text(struct parse *p, const char *text, size_t len)
{
    char trimmed[SCALAR_MAX];
    double seconds;
    int64_t epoch_s;
    if (!trim(trimmed, text, len)) {
        out_string(p, text, len);
        return;
    }
    if (read_double(trimmed, &seconds) && isfinite(seconds)) {
        put_time(p, seconds);
    } else if (time_parse_http(trimmed, &epoch_s) == OK) {
        p->out->vtable->integer(p->out, epoch_s);
    } else if (read_iso(trimmed, &seconds)) {
        put_time(p, seconds);
    } else {
        out_string(p, text, len);
    }
}

void put_text(struct parse *p, const struct member *member, const char *text, size_t len)
{
    char trimmed[SCALAR_MAX];
    bool scalar = trim(trimmed, text, len);
    int64_t integer;
    double number;
    switch (member->shape->type) {
    case SHAPE_INTEGER:
        if (scalar && read_integer(trimmed, &integer)) {
            p->out->vtable->integer(p->out, integer);
            return;
        }
        break;
    case SHAPE_FLOAT:
        if (scalar && read_double(trimmed, &number)) {
            p->out->vtable->number(p->out, number);
            return;
        }
        break;
    case SHAPE_BOOLEAN:
        if (scalar && (strcmp(trimmed, "true") == 0 || strcmp(trimmed, "false") == 0)) {
            p->out->vtable->boolean(p->out, trimmed[0] == 't');
            return;
        }
        break;
    case SHAPE_TIMESTAMP: put_time_text(p, text, len); return;
    case SHAPE_BLOB: put_blob(p, text, len); return;
    default: break;
    }
    out_string(p, text, len);
}
