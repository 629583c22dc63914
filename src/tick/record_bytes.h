/* tick/record_bytes.h - numbers and values as bytes: see record_code.h. */
#ifndef MOONTIDE_TICK_RECORD_BYTES_H
#define MOONTIDE_TICK_RECORD_BYTES_H

#include "moontide/base/strbuf.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { VARINT_MAX = 10, VALUE_NONE = 0xff };

/* ---- writing: into room that was reserved ---- */

static inline void put_byte(struct strbuf *out, unsigned byte)
{
    out->data[out->len++] = (char)byte;
}

static inline void put_number(struct strbuf *out, uint64_t value)
{
    while (value >= 0x80) {
        put_byte(out, (unsigned)(value & 0x7f) | 0x80);
        value >>= 7;
    }
    put_byte(out, (unsigned)value);
}

static inline void put_signed(struct strbuf *out, int64_t value)
{
    put_number(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* Where it may grow: a failure sticks in the buffer. */
static inline void add_number(struct strbuf *out, uint64_t value)
{
    if (strbuf_reserve(out, VARINT_MAX)) put_number(out, value);
}

static inline void add_signed(struct strbuf *out, int64_t value)
{
    if (strbuf_reserve(out, VARINT_MAX)) put_signed(out, value);
}

static inline uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* What a value is told apart from: the slot before it. */
static inline uint64_t bits_before(const double *values, uint32_t slot)
{
    return slot == 0 || isnan(values[slot - 1]) ? 0 : bits_of(values[slot - 1]);
}

/* One byte in shape and at most 8 in values, both reserved. */
static inline void put_value(struct strbuf *shape, struct strbuf *values, double value,
                             uint64_t before)
{
    if (isnan(value)) {
        put_byte(shape, VALUE_NONE);
        return;
    }
    uint64_t bits = bits_of(value) ^ before;
    unsigned leading = bits ? (unsigned)__builtin_clzll(bits) / 8 : 8;
    unsigned trailing = bits ? (unsigned)__builtin_ctzll(bits) / 8 : 0;
    unsigned count = 8 - leading - trailing;
    put_byte(shape, leading << 4 | count);
    bits <<= leading * 8 & 63; /* most significant first; nothing is kept when all are zero */
    for (unsigned i = 0; i < count; i++) {
        put_byte(values, (unsigned)(bits >> 56));
        bits <<= 8;
    }
}

/* ---- reading: past the end everything is 0, and `bad` */

struct bytes {
    const unsigned char *at, *end;
    bool bad;
};

static inline unsigned take_byte(struct bytes *in)
{
    if (in->at < in->end) return *in->at++;
    in->bad = true;
    return 0;
}

static inline uint64_t take_number(struct bytes *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = take_byte(in);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    in->bad = true;
    return 0;
}

static inline int64_t take_signed(struct bytes *in)
{
    uint64_t value = take_number(in);
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static inline const unsigned char *take_bytes(struct bytes *in, uint64_t count)
{
    const unsigned char *at = in->at;
    if (count > (uint64_t)(in->end - in->at)) {
        in->bad = true;
        return NULL;
    }
    in->at += count;
    return at;
}

static inline double take_value(struct bytes *shape, struct bytes *values, uint64_t before)
{
    unsigned head = take_byte(shape), leading = head >> 4, count = head & 15;
    if (head == VALUE_NONE) return NAN;
    const unsigned char *at = leading + count <= 8 ? take_bytes(values, count) : NULL;
    if (!at) {
        shape->bad = true;
        return NAN;
    }
    uint64_t bits = 0;
    for (unsigned i = 0; i < count; i++)
        bits = bits << 8 | at[i];
    if (count > 0) bits <<= (8 - leading - count) * 8;
    bits ^= before;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
