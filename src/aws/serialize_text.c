/* aws/serialize_text.c - single values as texts: numbers, timestamps, base64, percent-encoding. */
#include "serialize.h"

#include "moontide/base/timetext.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

/* 0001-01-01T00:00:00Z and 10000-01-01T00:00:00Z */
#define SECONDS_MIN (-62135596800LL)
#define SECONDS_END 253402300800LL

int64_t value_integer(struct value_reader *in)
{
    if (in->vtable->type(in) == VALUE_INTEGER) return in->vtable->integer(in);
    return (int64_t)in->vtable->number(in); /* checked: whole, and of 64 bits */
}

double value_number(struct value_reader *in)
{
    if (in->vtable->type(in) == VALUE_INTEGER) return (double)in->vtable->integer(in);
    return in->vtable->number(in);
}

int value_micros(struct value_reader *in, int64_t *out)
{
    int64_t ms = 0;
    size_t len;
    switch (in->vtable->type(in)) {
    case VALUE_STRING: {
        const char *text = in->vtable->string(in, &len);
        if (time_parse(text, len, &ms) < 0) return ERR_INVALID;
        *out = ms * 1000;
        break;
    }
    case VALUE_INTEGER: {
        int64_t seconds = in->vtable->integer(in);
        if (seconds < SECONDS_MIN || seconds >= SECONDS_END) return ERR_INVALID;
        *out = seconds * 1000000;
        break;
    }
    default: {
        double seconds = in->vtable->number(in);
        if (!(seconds >= (double)SECONDS_MIN && seconds < (double)SECONDS_END)) return ERR_INVALID;
        *out = llrint(seconds * 1e6);
        break;
    }
    }
    return *out >= SECONDS_MIN * 1000000 && *out < SECONDS_END * 1000000 ? OK : ERR_INVALID;
}

/* Whole seconds and what is left of one, for times before 1970 too. */
static int64_t split(int64_t micros, int *rest)
{
    int64_t seconds = micros / 1000000;
    *rest = (int)(micros % 1000000);
    if (*rest < 0) {
        *rest += 1000000;
        seconds--;
    }
    return seconds;
}

static void put_iso8601(struct strbuf *out, int64_t micros)
{
    char text[TIME_TEXT_MAX];
    int rest;
    time_format(split(micros, &rest) * 1000, text);
    strbuf_add(out, text, strlen(text) - 1); /* without its Z */
    if (rest % 1000 != 0)
        strbuf_addf(out, ".%06dZ", rest);
    else if (rest != 0)
        strbuf_addf(out, ".%03dZ", rest / 1000);
    else
        strbuf_addc(out, 'Z');
}

/* RFC 7231, section 7.1.1.1: IMF-fixdate. */
static void put_rfc822(struct strbuf *out, int64_t micros)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int rest;
    struct tm tm;
    time_t seconds = (time_t)split(micros, &rest);
    if (!gmtime_r(&seconds, &tm)) return;
    strbuf_addf(out, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
                months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void put_timestamp(struct strbuf *out, int64_t micros, enum timestamp_format format)
{
    if (format == TIMESTAMP_RFC822)
        put_rfc822(out, micros);
    else if (format == TIMESTAMP_ISO8601)
        put_iso8601(out, micros);
    else if (micros % 1000000 == 0)
        strbuf_add_int(out, micros / 1000000);
    else
        strbuf_add_double(out, (double)micros / 1e6);
}

void put_double(struct strbuf *out, double value)
{
    if (isfinite(value))
        strbuf_add_double(out, value);
    else
        strbuf_adds(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

void put_base64(struct strbuf *out, const void *bytes, size_t len)
{
    size_t size = (len + 2) / 3 * 4;
    if (len > WIRE_BODY_MAX) {
        out->status = out->status < 0 ? out->status : ERR_LIMIT;
        return;
    }
    char *at = strbuf_reserve(out, size); /* and its NUL, which EVP_EncodeBlock() writes too */
    if (!at || len == 0) return;
    EVP_EncodeBlock((unsigned char *)at, bytes, (int)len);
    out->len += size;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void put_percent(struct strbuf *out, const char *text, size_t len, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    if (len > WIRE_BODY_MAX) {
        out->status = out->status < 0 ? out->status : ERR_LIMIT;
        return;
    }
    char *start = strbuf_reserve(out, len * 3), *at = start;
    if (!at) return;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_unreserved(c) || (c == '/' && keep_slash)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
        }
    }
    *at = '\0';
    out->len += (size_t)(at - start);
}

/* RFC 3629, section 4. */
static size_t sequence_len(const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    size_t n = c < 0x80                ? 1
               : c >= 0xC2 && c < 0xE0 ? 2
               : (c & 0xF0) == 0xE0    ? 3
               : c >= 0xF0 && c < 0xF5 ? 4
                                       : 0;
    if (n == 0 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    bool outside = (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ||
                   (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F);
    return outside ? 0 : n;
}

bool is_utf8(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        uint64_t eight;
        if (len - i >= 8) {
            memcpy(&eight, p + i, 8);
            if (!(eight & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        size_t n = sequence_len(p + i, len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

void fresh_text(struct serializer *s)
{
    int status = s->text.status; /* a failure outlives the value that met it */
    strbuf_reset(&s->text);
    s->text.status = status;
}

struct span value_text(struct serializer *s, const struct member *member,
                       enum timestamp_format format)
{
    struct value_reader *in = s->in;
    const struct shape *shape = member->shape;
    struct span span = {"", 0};
    int64_t micros;
    fresh_text(s);
    switch (shape->type) {
    case SHAPE_STRING: span.at = in->vtable->string(in, &span.len); return span;
    case SHAPE_BLOB:
        span.at = in->vtable->string(in, &span.len);
        put_base64(&s->text, span.at, span.len);
        break;
    case SHAPE_INTEGER: strbuf_add_int(&s->text, value_integer(in)); break;
    case SHAPE_FLOAT: put_double(&s->text, value_number(in)); break;
    case SHAPE_BOOLEAN: strbuf_adds(&s->text, in->vtable->boolean(in) ? "true" : "false"); break;
    case SHAPE_TIMESTAMP:
        if (member->timestamp_format != TIMESTAMP_DEFAULT) format = member->timestamp_format;
        if (value_micros(in, &micros) == OK) put_timestamp(&s->text, micros, format);
        break;
    default: break;
    }
    span.at = strbuf_cstr(&s->text);
    span.len = s->text.len;
    return span;
}
