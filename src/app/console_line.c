/* app/console_line.c - reads the lines of a console's client. */
#include "moontide/app/console_line.h"

#include "moontide/base/json.h"

#include <stdio.h>
#include <string.h>

static bool is_key(const struct json_reader *r, const char *name)
{
    return r->len == strlen(name) && memcmp(r->text, name, r->len) == 0;
}

static int read_integer(struct json_reader *r, int64_t low, int64_t high, int64_t *out)
{
    if (json_next(r) != JSON_INT || r->integer < low || r->integer > high) return ERR_PARSE;
    *out = r->integer;
    return OK;
}

static int read_text(struct json_reader *r, struct strbuf *text)
{
    if (json_next(r) != JSON_STRING) return ERR_PARSE;
    strbuf_reset(text);
    strbuf_add(text, r->text, r->len);
    return strbuf_status(text);
}

static int read_boolean(struct json_reader *r, bool *out)
{
    int token = json_next(r);
    if (token != JSON_TRUE && token != JSON_FALSE) return ERR_PARSE;
    *out = token == JSON_TRUE;
    return OK;
}

/* Calls member(data, reader) for each of the object's; the reader is at the member's name. */
static int each_member(const char *line, size_t len,
                       int (*member)(void *data, struct json_reader *r), void *data)
{
    struct json_reader r;
    json_reader_init(&r, line, len, CONSOLE_LINE_MAX);
    int token, code = json_next(&r) == JSON_OBJECT ? OK : ERR_PARSE;
    while (code == OK && (token = json_next(&r)) != JSON_OBJECT_END)
        code = token == JSON_KEY ? member(data, &r) : ERR_PARSE;
    if (code == OK && json_next(&r) != JSON_END) code = ERR_PARSE;
    json_reader_done(&r);
    return code;
}

/* ---- what is asked ---- */

struct reading {
    struct console_line *out;
    struct strbuf *text;
    unsigned asked; /* bits 1 << enum console_ask */
    bool has_id, has_cursor;
    int64_t cursor;
};

static int line_member(void *data, struct json_reader *r)
{
    struct reading *reading = data;
    bool yes = false;
    int code = OK;
    if (is_key(r, "id")) {
        reading->has_id = true;
        return read_integer(r, INT64_MIN, INT64_MAX, &reading->out->id);
    }
    if (is_key(r, "cursor")) {
        reading->has_cursor = true;
        return read_integer(r, 0, CONSOLE_LINE_MAX, &reading->cursor);
    }
    if (is_key(r, "run")) {
        reading->asked |= 1U << CONSOLE_RUN;
        return read_text(r, reading->text);
    }
    if (is_key(r, "complete")) {
        reading->asked |= 1U << CONSOLE_COMPLETE;
        return read_text(r, reading->text);
    }
    if (is_key(r, "interrupt")) {
        reading->asked |= 1U << CONSOLE_INTERRUPT;
        code = read_boolean(r, &yes);
        return code == OK && !yes ? ERR_PARSE : code;
    }
    return json_skip(r) < 0 ? ERR_PARSE : OK;
}

int console_line_read(const char *line, size_t len, struct strbuf *text, struct console_line *out)
{
    struct reading reading = {.out = out, .text = text};
    memset(out, 0, sizeof *out);
    strbuf_reset(text);
    int code = each_member(line, len, line_member, &reading);
    if (code < 0) return code == ERR_NOMEM ? code : ERR_PARSE;
    if (!reading.has_id) return ERR_PARSE;
    switch (reading.asked) {
    case 1U << CONSOLE_RUN: out->ask = CONSOLE_RUN; break;
    case 1U << CONSOLE_COMPLETE: out->ask = CONSOLE_COMPLETE; break;
    case 1U << CONSOLE_INTERRUPT: out->ask = CONSOLE_INTERRUPT; break;
    default: return ERR_PARSE;
    }
    out->text = strbuf_cstr(text);
    out->len = text->len;
    out->cursor = reading.has_cursor ? (size_t)reading.cursor : out->len;
    return out->cursor > out->len ? ERR_PARSE : OK;
}

/* ---- how a console begins ---- */

static int hello_member(void *data, struct json_reader *r)
{
    struct console_hello *out = data;
    int64_t width;
    if (is_key(r, "write")) return read_boolean(r, &out->write);
    if (is_key(r, "color")) return read_boolean(r, &out->color);
    if (is_key(r, "utf8")) return read_boolean(r, &out->utf8);
    if (is_key(r, "width")) {
        int code = read_integer(r, 1, CONSOLE_WIDTH_MAX, &width);
        if (code == OK) out->width = (int)width;
        return code;
    }
    if (is_key(r, "by")) {
        if (json_next(r) != JSON_STRING) return ERR_PARSE;
        snprintf(out->by, sizeof out->by, "%.*s", (int)r->len, r->text);
        return OK;
    }
    return json_skip(r) < 0 ? ERR_PARSE : OK;
}

int console_hello_read(const char *line, size_t len, struct console_hello *out)
{
    memset(out, 0, sizeof *out);
    return each_member(line, len, hello_member, out);
}
