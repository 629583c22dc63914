/* aws/cbor.h - CBOR (RFC 8949) as rpc-v2-cbor needs it: a pull reader over a complete body with
 * every bound checked, and a few writers.
 *
 * Definite and indefinite lengths, all integer and float sizes, tags. A failure sticks: after it
 * every read fails with the same code, and `error` says what was wrong at offset cbor_offset().
 *
 * Limits: depth CBOR_DEPTH_MAX. A text or array longer than what is left of the input is refused
 * before anything is done with it. */
#ifndef MOONTIDE_AWS_CBOR_H
#define MOONTIDE_AWS_CBOR_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CBOR_DEPTH_MAX = 128, CBOR_TEXT_MAX = 64 * 1024 /* of a text in chunks */ };

enum cbor_major {
    CBOR_UINT,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE, /* false, true, null, floats, break */
};

struct cbor_reader {
    const uint8_t *begin, *at, *end;
    int status;
    const char *error;
    /* private: a text that came in pieces; `chunks`, or the caller's */
    struct strbuf *pieces;
    struct strbuf chunks;
};

/* What a container still holds: walk it by `while ((n = cbor_more(r, &items)) > 0)`. */
struct cbor_items {
    uint64_t left;
    bool indefinite;
};

struct cbor_text {
    const char *at; /* valid until the next text is read */
    size_t len;
};

/* input is borrowed for the life of the reader, which stays where it is. */
void cbor_reader_init(struct cbor_reader *r, const void *input, size_t len);
void cbor_reader_done(struct cbor_reader *r);
/* The same, but texts in pieces are joined in a buffer of the caller's (reset for each), so that
 * the reader owns nothing and needs no cbor_reader_done(). */
void cbor_reader_borrow(struct cbor_reader *r, const void *input, size_t len,
                        struct strbuf *pieces);

/* The major type of the next item, tags passed over; negative at the end of the input. */
MUST_CHECK int cbor_peek(struct cbor_reader *r);
/* Opens an array or a map (whose items are its pairs). ERR_PARSE when the next item is neither of
 * that major type. */
MUST_CHECK int cbor_open(struct cbor_reader *r, enum cbor_major major, struct cbor_items *items);
/* 1: there is another item, or pair; 0: the container has ended (and is left); or the failure. */
MUST_CHECK int cbor_more(struct cbor_reader *r, struct cbor_items *items);
MUST_CHECK int cbor_text(struct cbor_reader *r, struct cbor_text *out);
MUST_CHECK int cbor_bytes(struct cbor_reader *r, struct cbor_text *out);

/* Any item that is no text, no bytes and no container. An integer beyond 64 bits comes as a number;
 * undefined is null. */
struct cbor_scalar {
    enum { CBOR_IS_NULL, CBOR_IS_BOOL, CBOR_IS_INTEGER, CBOR_IS_NUMBER } kind;
    bool boolean;
    int64_t integer;
    double number;
};
MUST_CHECK int cbor_scalar(struct cbor_reader *r, struct cbor_scalar *out);
/* An integer or a float, as a double; null is NaN. Tags before it (a timestamp's) are passed over.
 */
MUST_CHECK int cbor_number(struct cbor_reader *r, double *out);
/* The fast way through an array of numbers: takes the items that come next as long as they are
 * plain doubles, tagged or not, at most `room`. Returns how many; what stopped it is read item by
 * item. */
size_t cbor_doubles(struct cbor_reader *r, struct cbor_items *items, double *out, size_t room);
MUST_CHECK int cbor_bool(struct cbor_reader *r, bool *out);
/* Passes over the whole of the next item. */
MUST_CHECK int cbor_skip(struct cbor_reader *r);
/* Nothing may follow. */
MUST_CHECK int cbor_finish(struct cbor_reader *r);
/* Fails with ERR_PARSE and this text (a literal), unless it has failed before. */
int cbor_fail(struct cbor_reader *r, const char *error);
size_t cbor_offset(const struct cbor_reader *r);

static inline bool cbor_text_is(struct cbor_text text, const char *literal, size_t len)
{
    return text.len == len && __builtin_memcmp(text.at, literal, len) == 0;
}
#define CBOR_IS(text, literal) cbor_text_is(text, literal, sizeof(literal) - 1)

void cbor_put_head(struct strbuf *out, enum cbor_major major, uint64_t argument);
void cbor_put_text(struct strbuf *out, const char *text, size_t len);
void cbor_put_bool(struct strbuf *out, bool value);
void cbor_put_double(struct strbuf *out, double value);

#endif
