/* stats/sketch_bits.c - varints, Golomb codes, and the model of counts. */
#include "sketch_bits.h"

__extension__ typedef unsigned __int128 wide;

void bits_put_varint(struct strbuf *out, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        strbuf_addc(out, (char)(value | 0x80));
    strbuf_addc(out, (char)value);
}

static void put_bit(struct bit_writer *writer, unsigned bit)
{
    writer->byte = writer->byte << 1 | bit;
    if (++writer->filled < 8) return;
    strbuf_addc(writer->out, (char)writer->byte);
    writer->byte = writer->filled = 0;
}

void bits_put_golomb(struct bit_writer *writer, uint64_t value, unsigned k)
{
    wide whole = (wide)(value >> k) + 1;
    unsigned width = 1;
    while (whole >> width)
        width++;
    for (unsigned i = 1; i < width; i++)
        put_bit(writer, 0);
    for (unsigned i = width; i-- > 0;)
        put_bit(writer, (unsigned)(whole >> i) & 1);
    for (unsigned i = k; i-- > 0;)
        put_bit(writer, (unsigned)(value >> i) & 1);
}

void bits_finish(struct bit_writer *writer)
{
    while (writer->filled > 0)
        put_bit(writer, 0);
}

unsigned bits_take_byte(struct bit_reader *reader)
{
    if (reader->failed || reader->at == reader->end) {
        reader->failed = true;
        return 0;
    }
    return *reader->at++;
}

uint64_t bits_take_varint(struct bit_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = bits_take_byte(reader);
        if (shift == 63 && byte > 1) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return reader->failed ? 0 : value;
    }
    reader->failed = true;
    return 0;
}

static unsigned take_bit(struct bit_reader *reader)
{
    if (reader->failed || reader->at == reader->end) {
        reader->failed = true;
        return 0;
    }
    unsigned bit = *reader->at >> (7 - reader->filled) & 1;
    if (++reader->filled == 8) {
        reader->filled = 0;
        reader->at++;
    }
    return bit;
}

uint64_t bits_take_golomb(struct bit_reader *reader, unsigned k)
{
    unsigned width = 0;
    while (!reader->failed && take_bit(reader) == 0)
        if (++width > 64) reader->failed = true;
    wide whole = 1;
    for (unsigned i = 0; i < width; i++)
        whole = whole << 1 | take_bit(reader);
    if (whole - 1 > UINT64_MAX >> k) reader->failed = true;
    uint64_t value = (uint64_t)(whole - 1);
    for (unsigned i = 0; i < k; i++)
        value = value << 1 | take_bit(reader);
    return reader->failed ? 0 : value;
}

uint64_t model_guess(const struct count_model *model)
{
    return model->last / 2 + model->before / 2 + (model->last & model->before & 1);
}

unsigned model_order(const struct count_model *model)
{
    uint64_t mean = model->spread / 16;
    return mean ? 63 - (unsigned)__builtin_clzll(mean) : 0;
}

void model_learn(struct count_model *model, uint64_t count, uint64_t code)
{
    static const uint64_t CODE_MAX = (uint64_t)1 << 56;
    if (code > CODE_MAX) code = CODE_MAX;
    model->spread = model->spread - model->spread / 8 + code * 2;
    model->before = model->last;
    model->last = count;
}
