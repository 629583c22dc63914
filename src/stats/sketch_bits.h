/* stats/sketch_bits.h - the codes of an encoded sketch: bytes, then a stream of bits.
 *
 * A varint is 7 bits a byte, the least first, the top bit set on all but the last. A Golomb code of
 * order k of v (exponential Golomb) is w = (v >> k) + 1 in binary after as many zero bits as w has
 * bits but one, then the k low bits of v. Bits fill bytes from the top. */
#ifndef MOONTIDE_STATS_SKETCH_BITS_H
#define MOONTIDE_STATS_SKETCH_BITS_H

#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void bits_put_varint(struct strbuf *out, uint64_t value);

struct bit_writer {
    struct strbuf *out;
    unsigned byte, filled;
};
void bits_put_golomb(struct bit_writer *writer, uint64_t value, unsigned k);
void bits_finish(struct bit_writer *writer); /* fills the last byte with zeros */

/* Reads sticky: after a failure everything is 0, and failed says so. */
struct bit_reader {
    const unsigned char *at, *end;
    unsigned filled; /* bits of *at that were read */
    bool failed;
};
unsigned bits_take_byte(struct bit_reader *reader);
uint64_t bits_take_varint(struct bit_reader *reader);
uint64_t bits_take_golomb(struct bit_reader *reader, unsigned k);

/* Signed numbers as unsigned ones, small for small: 0, -1, 1, -2, ... */
static inline uint64_t bits_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t bits_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

/* How the counts of neighbouring buckets are told: each by its difference from the mean of the two
 * before it, in an order that follows the mean size of these differences. */
struct count_model {
    uint64_t last, before;
    uint64_t spread; /* 16 times the mean, up to 2^60 */
};
uint64_t model_guess(const struct count_model *model);
unsigned model_order(const struct count_model *model);
void model_learn(struct count_model *model, uint64_t count, uint64_t code);

#endif
