/* base/strbuf.c - a growing byte buffer with a maximum. */
#include "moontide/base/strbuf.h"

#include "moontide/base/err.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256, SPARE_BYTES = 32 };

void strbuf_init(struct strbuf *buf, size_t max_bytes)
{
    /* Half the address space is no limit in practice, and len + n + 1 cannot wrap below it. */
    *buf = (struct strbuf){.max_bytes = max_bytes < PTRDIFF_MAX / 2 ? max_bytes : PTRDIFF_MAX / 2};
}

void strbuf_done(struct strbuf *buf)
{
    free(buf->data);
    *buf = (struct strbuf){.max_bytes = buf->max_bytes};
}

void strbuf_reset(struct strbuf *buf)
{
    buf->len = 0;
    buf->status = OK;
    if (buf->data) buf->data[0] = '\0';
}

char *strbuf_reserve(struct strbuf *buf, size_t n)
{
    if (buf->status < 0) return NULL;
    if (n > buf->max_bytes || buf->len > buf->max_bytes - n) {
        buf->status = ERR_LIMIT;
        return NULL;
    }
    size_t need = buf->len + n + 1;
    if (!buf->data || need > buf->cap) {
        size_t cap = buf->cap ? buf->cap : FIRST_BYTES;
        while (cap < need)
            cap *= 2;
        if (cap > buf->max_bytes + 1) cap = buf->max_bytes + 1;
        char *data = realloc(buf->data, cap);
        if (!data) {
            buf->status = ERR_NOMEM;
            return NULL;
        }
        buf->data = data;
        buf->cap = cap;
    }
    buf->data[buf->len] = '\0';
    buf->data[buf->len + n] = '\0';
    return buf->data + buf->len;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t n)
{
    char *at = strbuf_reserve(buf, n);
    if (!at) return;
    if (n) memcpy(at, bytes, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
}

void strbuf_adds(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_addc(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        if (buf->status >= 0) buf->status = ERR_INVALID;
    } else {
        char *at = strbuf_reserve(buf, (size_t)n);
        if (at) {
            vsnprintf(at, (size_t)n + 1, format, again);
            buf->len += (size_t)n;
        }
    }
    va_end(again);
}

void strbuf_add_int(struct strbuf *buf, int64_t value)
{
    char digits[24];
    char *end = digits + sizeof digits, *at = end;
    uint64_t u = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (value < 0) *--at = '-';
    strbuf_add(buf, at, (size_t)(end - at));
}

void strbuf_add_double(struct strbuf *buf, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (isnan(value) || strtod(text, NULL) == value) break;
    }
    strbuf_adds(buf, text);
}

const char *strbuf_cstr(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

int strbuf_status(const struct strbuf *buf)
{
    return buf->status;
}

char *strbuf_take(struct strbuf *buf, size_t *len)
{
    if (buf->status < 0) return NULL;
    if (!buf->data && !strbuf_reserve(buf, 0)) return NULL;
    buf->data[buf->len] = '\0';
    char *data = buf->data;
    if (buf->cap - buf->len > SPARE_BYTES) { /* what is kept for long has no room to grow */
        char *less = realloc(data, buf->len + 1);
        if (less) data = less;
    }
    if (len) *len = buf->len;
    *buf = (struct strbuf){.max_bytes = buf->max_bytes};
    return data;
}
