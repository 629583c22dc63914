/* base/json.h - a streaming JSON reader over a buffer, and a writer over strbuf.
 *
 * The reader is a pull parser that builds nothing: one token a call. Strings come as spans of the
 * input when they have no escapes, else decoded into the reader's scratch. 64-bit integers stay
 * integers; numbers with fraction or exponent are doubles. Source: RFC 8259.
 *
 * Strings are taken as bytes: whether they are UTF-8 is not checked. A number beyond the range of a
 * double reads as an infinity. A lone surrogate reads as U+FFFD.
 *
 * Limits: depth JSON_DEPTH_MAX (128). */
#ifndef MOONTIDE_BASE_JSON_H
#define MOONTIDE_BASE_JSON_H

#include "moontide/base/compiler.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_MAX = 128 };

enum json_token {
    JSON_END,    /* the document is complete and nothing but white space follows */
    JSON_OBJECT, /* { */
    JSON_OBJECT_END,
    JSON_ARRAY, /* [ */
    JSON_ARRAY_END,
    JSON_KEY, /* text, len (until the next token): the member's name; its value is the next token */
    JSON_STRING,
    JSON_INT,    /* integer, and number too */
    JSON_NUMBER, /* number */
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

struct json_reader {
    const char *at, *end, *begin;
    /* the current token's value */
    const char *text;
    size_t len;
    int64_t integer;
    double number;
    /* private */
    struct strbuf *decoded; /* where strings with escapes go: the scratch, or the borrowed one */
    struct strbuf scratch;
    unsigned char stack[JSON_DEPTH_MAX];
    int depth;
    int state;
};

/* input is borrowed for the life of the reader, which stays where it is; max_string_bytes bounds
 * the scratch. */
void json_reader_init(struct json_reader *r, const char *input, size_t len,
                      size_t max_string_bytes);
void json_reader_done(struct json_reader *r);
/* The same, but strings with escapes are decoded into a buffer of the caller's (reset for each), so
 * that the reader owns nothing and needs no json_reader_done(). */
void json_reader_borrow(struct json_reader *r, const char *input, size_t len,
                        struct strbuf *decoded);

/* The next token (>= 0), or ERR_PARSE, ERR_LIMIT (depth, string), ERR_NOMEM. An error sticks. */
MUST_CHECK int json_next(struct json_reader *r);
/* After a KEY, or for any value just announced: skips the whole of the value that follows (when the
 * current token is a KEY) or the rest of the container just opened. */
MUST_CHECK int json_skip(struct json_reader *r);
/* When the next token is a KEY of exactly this text, without white space about it, takes it (`text`
 * and `len` are not set) and answers true; else nothing has happened, and json_next() says what is
 * there. For who expects the key that came after the one before in an object like this one: it need
 * not be looked for again. text must not contain what JSON escapes: json_plain(). */
MUST_CHECK bool json_take_key(struct json_reader *r, const char *text, size_t len);
bool json_plain(const char *text, size_t len);
size_t json_offset(const struct json_reader *r); /* bytes consumed, for messages */

/* The writer: values into a strbuf, commas and colons by itself. NaN and infinities become null. */
struct json_writer {
    struct strbuf *out; /* borrowed */
    int depth;
    bool need_comma;
};

void json_writer_init(struct json_writer *w, struct strbuf *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *text); /* NULL writes null */
void json_stringn(struct json_writer *w, const char *text, size_t len);
void json_int(struct json_writer *w, int64_t value);
void json_double(struct json_writer *w, double value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, const char *json, size_t len); /* already JSON */

/* A member: its key and its value. */
void json_put_string(struct json_writer *w, const char *key, const char *text); /* NULL: null */
void json_put_int(struct json_writer *w, const char *key, int64_t value);
/* NULL: the member is left out. */
void json_put_given(struct json_writer *w, const char *key, const char *text);
void json_put_raw(struct json_writer *w, const char *key, const char *json);

/* Only the quoted string, for those who write JSON lines by hand. Invalid UTF-8 becomes U+FFFD. */
void json_quote(struct strbuf *out, const char *text, size_t len);

#endif
