/* aws/cbor.c - reads and writes CBOR (RFC 8949). */
#include "moontide/aws/cbor.h"

#include <math.h>
#include <string.h>

enum {
    INDEFINITE = 31,
    SIMPLE_FALSE = 20,
    SIMPLE_TRUE = 21,
    SIMPLE_NULL = 22,
    SIMPLE_UNDEFINED = 23,
    FLOAT_16 = 25,
    FLOAT_32 = 26,
    FLOAT_64 = 27
};

struct head {
    uint8_t major, info;
    uint64_t argument;
};

void cbor_reader_borrow(struct cbor_reader *r, const void *input, size_t len, struct strbuf *pieces)
{
    r->begin = r->at = input;
    r->end = r->begin + len;
    r->status = OK;
    r->error = NULL;
    r->pieces = pieces;
    strbuf_init(&r->chunks, CBOR_TEXT_MAX);
}

void cbor_reader_init(struct cbor_reader *r, const void *input, size_t len)
{
    cbor_reader_borrow(r, input, len, &r->chunks);
}

void cbor_reader_done(struct cbor_reader *r)
{
    strbuf_done(&r->chunks);
}

size_t cbor_offset(const struct cbor_reader *r)
{
    return (size_t)(r->at - r->begin);
}

static int fail_as(struct cbor_reader *r, int code, const char *error)
{
    if (r->status < 0) return r->status;
    r->error = error;
    r->end = r->at; /* nothing can be read any more */
    return r->status = code;
}

int cbor_fail(struct cbor_reader *r, const char *error)
{
    return fail_as(r, ERR_PARSE, error);
}

static size_t left(const struct cbor_reader *r)
{
    return (size_t)(r->end - r->at);
}

static uint64_t big_endian(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* One initial byte and its argument; `info` tells INDEFINITE. */
static int read_head(struct cbor_reader *r, struct head *out)
{
    if (r->at == r->end) return cbor_fail(r, "it ends too early");
    uint8_t first = *r->at;
    uint8_t info = first & 31;
    out->major = first >> 5;
    out->info = info;
    if (info < 24) {
        out->argument = info;
        r->at++;
        return OK;
    }
    if (info > FLOAT_64) {
        out->argument = 0;
        bool may = out->major >= CBOR_BYTES && out->major != CBOR_TAG;
        if (info != INDEFINITE || !may) return cbor_fail(r, "a reserved length");
        r->at++;
        return OK;
    }
    unsigned bytes = 1u << (info - 24);
    if (left(r) < 1 + bytes) return cbor_fail(r, "it ends too early");
    out->argument = big_endian(r->at + 1, bytes);
    r->at += 1 + bytes;
    return OK;
}

static int pass_tags(struct cbor_reader *r)
{
    struct head head;
    while (r->at < r->end && *r->at >> 5 == CBOR_TAG) {
        int code = read_head(r, &head);
        if (code < 0) return code;
    }
    return r->status;
}

int cbor_peek(struct cbor_reader *r)
{
    int code = pass_tags(r);
    if (code < 0) return code;
    return r->at == r->end ? cbor_fail(r, "it ends too early") : *r->at >> 5;
}

int cbor_open(struct cbor_reader *r, enum cbor_major major, struct cbor_items *items)
{
    struct head head;
    int found = cbor_peek(r);
    if (found < 0) return found;
    if (found != (int)major)
        return cbor_fail(r, major == CBOR_MAP ? "a map was expected" : "an array was expected");
    int code = read_head(r, &head);
    if (code < 0) return code;
    items->indefinite = head.info == INDEFINITE;
    items->left = head.argument;
    if (items->left > left(r)) return cbor_fail(r, "a length beyond the end");
    return OK;
}

int cbor_more(struct cbor_reader *r, struct cbor_items *items)
{
    if (r->status < 0) return r->status;
    if (!items->indefinite) return items->left > 0 ? (items->left--, 1) : 0;
    if (r->at == r->end) return cbor_fail(r, "it ends too early");
    if (*r->at != 0xFF) return 1;
    r->at++;
    return 0;
}

static int read_chunks(struct cbor_reader *r, uint8_t major, struct cbor_text *out)
{
    struct head head;
    strbuf_reset(r->pieces);
    for (;;) {
        if (r->at < r->end && *r->at == 0xFF) break;
        int code = read_head(r, &head);
        if (code < 0) return code;
        if (head.major != major || head.info == INDEFINITE)
            return cbor_fail(r, "a piece of a text that is none");
        if (head.argument > left(r)) return cbor_fail(r, "a length beyond the end");
        strbuf_add(r->pieces, r->at, (size_t)head.argument);
        r->at += head.argument;
        code = strbuf_status(r->pieces);
        if (code < 0) return fail_as(r, code, "a text is too long");
    }
    r->at++;
    *out = (struct cbor_text){strbuf_cstr(r->pieces), r->pieces->len};
    return OK;
}

static int read_text(struct cbor_reader *r, enum cbor_major major, const char *error,
                     struct cbor_text *out)
{
    struct head head;
    int found = cbor_peek(r);
    if (found < 0) return found;
    if (found != (int)major) return cbor_fail(r, error);
    int code = read_head(r, &head);
    if (code < 0) return code;
    if (head.info == INDEFINITE) return read_chunks(r, (uint8_t)major, out);
    if (head.argument > left(r)) return cbor_fail(r, "a length beyond the end");
    *out = (struct cbor_text){(const char *)r->at, (size_t)head.argument};
    r->at += head.argument;
    return OK;
}

int cbor_text(struct cbor_reader *r, struct cbor_text *out)
{
    return read_text(r, CBOR_TEXT, "a text was expected", out);
}

int cbor_bytes(struct cbor_reader *r, struct cbor_text *out)
{
    return read_text(r, CBOR_BYTES, "bytes were expected", out);
}

/* RFC 8949, appendix D. */
static double half(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                   : mantissa == 0  ? INFINITY
                                    : NAN;
    return bits & 0x8000 ? -value : value;
}

static int simple_number(struct cbor_reader *r, const struct head *head, double *out)
{
    switch (head->info) {
    case FLOAT_64: memcpy(out, &head->argument, sizeof *out); return OK;
    case FLOAT_32: {
        uint32_t bits = (uint32_t)head->argument;
        float value;
        memcpy(&value, &bits, sizeof value);
        *out = (double)value;
        return OK;
    }
    case FLOAT_16: *out = half(head->argument); return OK;
    case SIMPLE_NULL:
    case SIMPLE_UNDEFINED: *out = NAN; return OK;
    default: return cbor_fail(r, "a number was expected");
    }
}

int cbor_number(struct cbor_reader *r, double *out)
{
    struct head head;
    int code = pass_tags(r);
    if (code == OK) code = read_head(r, &head);
    if (code < 0) return code;
    switch (head.major) {
    case CBOR_UINT: *out = (double)head.argument; return OK;
    case CBOR_NEGATIVE: *out = -1.0 - (double)head.argument; return OK;
    case CBOR_SIMPLE: return simple_number(r, &head, out);
    default: return cbor_fail(r, "a number was expected");
    }
}

static int simple_scalar(struct cbor_reader *r, const struct head *head, struct cbor_scalar *out)
{
    out->kind = CBOR_IS_NULL;
    if (head->info == SIMPLE_NULL || head->info == SIMPLE_UNDEFINED) return OK;
    out->kind = CBOR_IS_BOOL;
    out->boolean = head->info == SIMPLE_TRUE;
    if (head->info == SIMPLE_FALSE || head->info == SIMPLE_TRUE) return OK;
    out->kind = CBOR_IS_NUMBER;
    return simple_number(r, head, &out->number);
}

int cbor_scalar(struct cbor_reader *r, struct cbor_scalar *out)
{
    struct head head;
    int code = pass_tags(r);
    if (code == OK) code = read_head(r, &head);
    if (code < 0) return code;
    bool negative = head.major == CBOR_NEGATIVE;
    if (head.major == CBOR_SIMPLE) return simple_scalar(r, &head, out);
    if (head.major != CBOR_UINT && !negative) return cbor_fail(r, "a scalar was expected");
    if (head.argument <= INT64_MAX) {
        out->kind = CBOR_IS_INTEGER;
        out->integer = negative ? -1 - (int64_t)head.argument : (int64_t)head.argument;
    } else {
        out->kind = CBOR_IS_NUMBER;
        out->number = negative ? -1.0 - (double)head.argument : (double)head.argument;
    }
    return OK;
}

size_t cbor_doubles(struct cbor_reader *r, struct cbor_items *items, double *out, size_t room)
{
    const uint8_t *at = r->at, *end = r->end;
    size_t n = 0, most = items->left < room ? (size_t)items->left : room;
    if (items->indefinite) return 0;
    for (; n < most && end - at >= 10; n++) { /* 10: with a tag; the last may be read slowly */
        const uint8_t *head = at + (*at == (CBOR_TAG << 5 | 1));
        uint64_t bits;
        if (*head != (CBOR_SIMPLE << 5 | FLOAT_64)) break;
        memcpy(&bits, head + 1, sizeof bits);
        bits = __builtin_bswap64(bits);
        memcpy(&out[n], &bits, sizeof bits);
        at = head + 9;
    }
    r->at = at;
    items->left -= n;
    return n;
}

int cbor_bool(struct cbor_reader *r, bool *out)
{
    struct head head;
    int code = pass_tags(r);
    if (code == OK) code = read_head(r, &head);
    if (code < 0) return code;
    if (head.major != CBOR_SIMPLE || (head.info != SIMPLE_FALSE && head.info != SIMPLE_TRUE))
        return cbor_fail(r, "true or false was expected");
    *out = head.info == SIMPLE_TRUE;
    return OK;
}

/* Containers that are open while an item is passed over; without recursion, so that the depth of
 * the input is no depth of ours. */
int cbor_skip(struct cbor_reader *r)
{
    struct cbor_items open[CBOR_DEPTH_MAX];
    int depth = 0;
    do {
        struct head head;
        struct cbor_text ignored;
        int code = pass_tags(r);
        if (code == OK) code = read_head(r, &head);
        if (code < 0) return code;
        bool text = head.major == CBOR_TEXT || head.major == CBOR_BYTES;
        if (text && head.info == INDEFINITE) {
            code = read_chunks(r, head.major, &ignored);
            if (code < 0) return code;
        } else if (text) {
            if (head.argument > left(r)) return cbor_fail(r, "a length beyond the end");
            r->at += head.argument;
        } else if (head.major == CBOR_ARRAY || head.major == CBOR_MAP) {
            if (depth == CBOR_DEPTH_MAX) return fail_as(r, ERR_LIMIT, "nested too deep");
            if (head.argument > left(r)) return cbor_fail(r, "a length beyond the end");
            uint64_t items = head.major == CBOR_MAP ? head.argument * 2 : head.argument;
            open[depth++] = (struct cbor_items){items, head.info == INDEFINITE};
        } else if (head.major == CBOR_SIMPLE && head.info == INDEFINITE) {
            return cbor_fail(r, "a break where none belongs");
        }
        while (depth > 0) {
            int more = cbor_more(r, &open[depth - 1]);
            if (more < 0) return more;
            if (more) break;
            depth--;
        }
    } while (depth > 0);
    return OK;
}

int cbor_finish(struct cbor_reader *r)
{
    if (r->status == OK && r->at != r->end) return cbor_fail(r, "bytes after its end");
    return r->status;
}

static size_t write_head(char *to, enum cbor_major major, uint64_t argument)
{
    uint8_t *at = (uint8_t *)to;
    uint8_t first = (uint8_t)(major << 5);
    if (argument < 24) {
        at[0] = (uint8_t)(first | argument);
        return 1;
    }
    unsigned log = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x100000000 ? 2 : 3;
    unsigned bytes = 1u << log;
    at[0] = (uint8_t)(first | (24 + log));
    for (unsigned i = 0; i < bytes; i++)
        at[1 + i] = (uint8_t)(argument >> (8 * (bytes - 1 - i)));
    return 1 + bytes;
}

void cbor_put_head(struct strbuf *out, enum cbor_major major, uint64_t argument)
{
    char *at = strbuf_reserve(out, 9);
    if (at) out->len += write_head(at, major, argument);
}

void cbor_put_text(struct strbuf *out, const char *text, size_t len)
{
    char *at = strbuf_reserve(out, 9 + len);
    if (!at) return;
    size_t head = write_head(at, CBOR_TEXT, len);
    if (len > 0) memcpy(at + head, text, len);
    out->len += head + len;
}

void cbor_put_bool(struct strbuf *out, bool value)
{
    strbuf_addc(out, (char)(CBOR_SIMPLE << 5 | (value ? SIMPLE_TRUE : SIMPLE_FALSE)));
}

void cbor_put_double(struct strbuf *out, double value)
{
    char *at = strbuf_reserve(out, 9);
    uint64_t bits;
    if (!at) return;
    memcpy(&bits, &value, sizeof bits);
    bits = __builtin_bswap64(bits);
    at[0] = (char)(CBOR_SIMPLE << 5 | FLOAT_64);
    memcpy(at + 1, &bits, sizeof bits);
    out->len += 9;
}
