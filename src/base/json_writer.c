/* base/json_writer.c - JSON into a strbuf. */
#include "moontide/base/json.h"

#include <math.h>
#include <string.h>

void json_writer_init(struct json_writer *w, struct strbuf *out)
{
    *w = (struct json_writer){.out = out};
}

static void before_value(struct json_writer *w)
{
    if (w->need_comma) strbuf_addc(w->out, ',');
    w->need_comma = true;
}

static void open_with(struct json_writer *w, char c)
{
    before_value(w);
    strbuf_addc(w->out, c);
    w->need_comma = false;
    w->depth++;
}

static void close_with(struct json_writer *w, char c)
{
    strbuf_addc(w->out, c);
    w->need_comma = true;
    w->depth--;
}

void json_object(struct json_writer *w)
{
    open_with(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_with(w, '}');
}

void json_array(struct json_writer *w)
{
    open_with(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_with(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    before_value(w);
    json_quote(w->out, key, strlen(key));
    strbuf_addc(w->out, ':');
    w->need_comma = false;
}

void json_string(struct json_writer *w, const char *text)
{
    if (text)
        json_stringn(w, text, strlen(text));
    else
        json_null(w);
}

void json_stringn(struct json_writer *w, const char *text, size_t len)
{
    before_value(w);
    json_quote(w->out, text, len);
}

void json_int(struct json_writer *w, int64_t value)
{
    before_value(w);
    strbuf_add_int(w->out, value);
}

void json_double(struct json_writer *w, double value)
{
    before_value(w);
    if (isfinite(value))
        strbuf_add_double(w->out, value);
    else
        strbuf_adds(w->out, "null");
}

void json_bool(struct json_writer *w, bool value)
{
    before_value(w);
    strbuf_adds(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
    before_value(w);
    strbuf_adds(w->out, "null");
}

void json_raw(struct json_writer *w, const char *json, size_t len)
{
    before_value(w);
    strbuf_add(w->out, json, len);
}

/* Length of the valid UTF-8 sequence at p, 0 if there is none. Source: RFC 3629, section 4. */
static size_t utf8_len(const unsigned char *p, size_t left)
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
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) || (c == 0xF0 && p[1] < 0x90) ||
        (c == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

void json_quote(struct strbuf *out, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len, *run = p;
    strbuf_addc(out, '"');
    while (p < end) {
        if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
            p++;
            continue;
        }
        size_t n = utf8_len(p, (size_t)(end - p));
        if (n > 1) {
            p += n;
            continue;
        }
        strbuf_add(out, run, (size_t)(p - run));
        if (n == 0)
            strbuf_adds(out, "\xEF\xBF\xBD");
        else if (*p == '"' || *p == '\\')
            strbuf_addf(out, "\\%c", *p);
        else if (*p == '\n')
            strbuf_adds(out, "\\n");
        else if (*p == '\t')
            strbuf_adds(out, "\\t");
        else
            strbuf_addf(out, "\\u%04x", *p);
        run = ++p;
    }
    strbuf_add(out, run, (size_t)(p - run));
    strbuf_addc(out, '"');
}

/* ---- members ---- */

void json_put_string(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_string(w, text);
}

void json_put_int(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_int(w, value);
}

void json_put_given(struct json_writer *w, const char *key, const char *text)
{
    if (text) json_put_string(w, key, text);
}

void json_put_raw(struct json_writer *w, const char *key, const char *json)
{
    if (!json) return;
    json_key(w, key);
    json_raw(w, json, strlen(json));
}
