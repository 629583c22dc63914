/* stats/sketch_codec.c - a sketch as bytes.
 *
 *   "mqs" and the version, 1         4 bytes
 *   scale                            varint of its zigzag
 *   cap on buckets                   varint
 *   zeros                            varint
 *   positive, negative buckets used  two varints
 *   and unless all three are 0:
 *   min, max                         IEEE doubles, the least byte first
 *   sum                              varint 2 first + (1 if negative), varint n, n bytes: its
 *                                    absolute value times 2^1074, without the `first` lowest
 *                                    bytes, which are 0; neither end of the n is 0
 *   the first bucket's index         varint of its zigzag, positive then negative, if any
 *   the buckets                      bits, positive then negative, by ascending magnitude: the
 *                                    Golomb code of order 0 of the unused buckets since the last
 *                                    one (not for the first), and the count by struct count_model
 *
 * Codes are defined in sketch_bits.h. Equal sketches have equal bytes, and nothing else is
 * accepted: what was read is written again and compared. The count is the sum of the counts. */
#include "moontide/stats/sketch.h"

#include "sketch_bits.h"
#include "sketch_state.h"

#include <limits.h>
#include <math.h>

enum { SUM_BYTES = EXACT_SUM_DIGITS * 4 };

static const char magic[3] = {'m', 'q', 's'};
static const char VERSION = 1;

/* ---- encode ---- */

static void put_double(struct strbuf *out, double value)
{
    uint64_t bits = sketch_bits(value);
    for (unsigned shift = 0; shift < 64; shift += 8)
        strbuf_addc(out, (char)(bits >> shift));
}

static void put_sum(struct strbuf *out, const struct exact_sum *sum)
{
    struct exact_sum_digits digits;
    char bytes[SUM_BYTES];
    exact_sum_write(sum, &digits);
    for (size_t i = 0; i < SUM_BYTES; i++)
        bytes[i] = (char)(digits.at[i / 4] >> (i % 4 * 8));
    size_t first = 0, end = SUM_BYTES;
    while (end > 0 && bytes[end - 1] == 0)
        end--;
    while (first < end && bytes[first] == 0)
        first++;
    bits_put_varint(out, 2 * first + digits.negative);
    bits_put_varint(out, end - first);
    strbuf_add(out, bytes + first, end - first);
}

static void put_first_index(struct strbuf *out, const struct pages *side)
{
    int32_t index;
    uint64_t count;
    if (pages_next_up(side, INT64_MIN, &index, &count)) bits_put_varint(out, bits_zigzag(index));
}

static void put_buckets(struct bit_writer *writer, const struct pages *side)
{
    struct count_model model = {0};
    int64_t next = INT64_MIN;
    int32_t index;
    for (uint64_t count; pages_next_up(side, next, &index, &count); next = (int64_t)index + 1) {
        if (next != INT64_MIN) bits_put_golomb(writer, (uint64_t)(index - next), 0);
        uint64_t code = bits_zigzag((int64_t)(count - model_guess(&model)));
        bits_put_golomb(writer, code, model_order(&model));
        model_learn(&model, count, code);
    }
}

void sketch_encode(const struct sketch *sketch, struct strbuf *out)
{
    const struct pages *positive = &sketch->sides[SIDE_POSITIVE];
    const struct pages *negative = &sketch->sides[SIDE_NEGATIVE];
    strbuf_add(out, magic, sizeof magic);
    strbuf_addc(out, VERSION);
    bits_put_varint(out, bits_zigzag(sketch->scale));
    bits_put_varint(out, sketch->buckets_max);
    bits_put_varint(out, sketch->zeros);
    bits_put_varint(out, positive->used);
    bits_put_varint(out, negative->used);
    if (sketch->count == 0) return;
    put_double(out, sketch->min);
    put_double(out, sketch->max);
    put_sum(out, &sketch->sum);
    put_first_index(out, positive);
    put_first_index(out, negative);
    struct bit_writer writer = {.out = out};
    put_buckets(&writer, positive);
    put_buckets(&writer, negative);
    bits_finish(&writer);
}

/* ---- decode ---- */

struct decoder {
    struct bit_reader in;
    const struct sketch_memory *memory;
    struct sketch *sketch;
    uint64_t used[SIDES];
    const char *reason;
};

static int refuse(struct decoder *d, const char *reason)
{
    d->reason = reason;
    return ERR_PARSE;
}

static int take_start(struct decoder *d)
{
    char start[4];
    for (size_t i = 0; i < sizeof start; i++)
        start[i] = (char)bits_take_byte(&d->in);
    if (memcmp(start, magic, sizeof magic) != 0) return refuse(d, "these are not a sketch's bytes");
    if (d->in.failed) return refuse(d, "the bytes end early");
    if (start[3] != VERSION) {
        d->reason = "a sketch of another version";
        return ERR_VERSION;
    }
    int64_t scale = bits_unzigzag(bits_take_varint(&d->in));
    uint64_t buckets_max = bits_take_varint(&d->in);
    if (scale < SKETCH_SCALE_MIN || scale > SKETCH_SCALE_MAX) return refuse(d, "no such scale");
    if (buckets_max < SKETCH_BUCKETS_MIN || buckets_max > SKETCH_BUCKETS_MAX)
        return refuse(d, "no such cap on buckets");
    return sketch_new_in(d->memory, (int)scale, (uint32_t)buckets_max, &d->sketch);
}

static double take_double(struct decoder *d)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64; shift += 8)
        bits |= (uint64_t)bits_take_byte(&d->in) << shift;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int take_sum(struct decoder *d)
{
    struct exact_sum_digits digits = {0};
    uint64_t first = bits_take_varint(&d->in), len = bits_take_varint(&d->in);
    digits.negative = first & 1;
    first /= 2;
    if (first > SUM_BYTES || len > SUM_BYTES - first) return refuse(d, "a sum out of range");
    for (uint64_t i = first; i < first + len; i++)
        digits.at[i / 4] |= (uint32_t)bits_take_byte(&d->in) << (i % 4 * 8);
    exact_sum_read(&digits, &d->sketch->sum);
    return OK;
}

static int take_bucket(struct decoder *d, struct pages *side, int32_t index, uint64_t count)
{
    struct sketch *sketch = d->sketch;
    if (count == 0) return refuse(d, "a bucket without a count");
    if (count > UINT64_MAX - sketch->count) return refuse(d, "more values than can be counted");
    int code = pages_widen(side, &sketch->memory, count);
    if (code < 0) return code;
    int32_t number = page_number(index);
    if (!pages_find(side, number)) {
        if (pages_span(side, number, number, 0) > PAGE_SPAN_MAX)
            return refuse(d, "buckets too far apart");
        code = pages_reserve(side, &sketch->memory, 1, number, number, 0);
        if (code < 0) return code;
    }
    pages_count(side, pages_make(side, number), index, count);
    sketch->count += count;
    return OK;
}

static int take_buckets(struct decoder *d, int which, int64_t index)
{
    static const double smallest = 0x1p-1074;
    struct pages *side = &d->sketch->sides[which];
    int64_t low = sketch_index(sketch_bits(smallest), d->sketch->scale);
    int64_t high = sketch_index(sketch_bits(DBL_MAX), d->sketch->scale);
    struct count_model model = {0};
    int code = OK;
    for (uint64_t i = 0; i < d->used[which] && code == OK; i++) {
        uint64_t gap = i > 0 ? bits_take_golomb(&d->in, 0) : 0;
        if (index < low || index > high || gap > (uint64_t)(high - index))
            return refuse(d, "a bucket beyond all doubles");
        index += (int64_t)gap;
        uint64_t diff = bits_take_golomb(&d->in, model_order(&model));
        uint64_t count = model_guess(&model) + (uint64_t)bits_unzigzag(diff);
        if (d->in.failed) return refuse(d, "the bytes end early");
        model_learn(&model, count, diff);
        code = take_bucket(d, side, (int32_t)index, count);
        index++;
    }
    return code;
}

static int take_contents(struct decoder *d)
{
    struct sketch *sketch = d->sketch;
    int64_t first[SIDES] = {0};
    sketch->zeros = sketch->count = bits_take_varint(&d->in);
    for (int side = 0; side < SIDES; side++) {
        d->used[side] = bits_take_varint(&d->in);
        if (d->used[side] > sketch->buckets_max) return refuse(d, "more buckets than its cap");
    }
    if (d->in.failed) return refuse(d, "the bytes end early");
    if (sketch->zeros == 0 && d->used[0] == 0 && d->used[1] == 0) return OK;
    sketch->min = take_double(d);
    sketch->max = take_double(d);
    int code = take_sum(d);
    if (code < 0) return code;
    for (int side = 0; side < SIDES; side++)
        if (d->used[side] > 0) first[side] = bits_unzigzag(bits_take_varint(&d->in));
    if (d->in.failed) return refuse(d, "the bytes end early");
    code = take_buckets(d, SIDE_POSITIVE, first[SIDE_POSITIVE]);
    if (code == OK) code = take_buckets(d, SIDE_NEGATIVE, first[SIDE_NEGATIVE]);
    return code;
}

/* ---- what the rest of the sketch relies on ---- */

/* Whether value is in the bucket at one end (upwards: the lowest) of a side. */
static bool at_end(const struct sketch *sketch, int which, bool lowest, double magnitude)
{
    const struct pages *side = &sketch->sides[which];
    int32_t index;
    uint64_t count;
    bool found = lowest ? pages_next_up(side, INT64_MIN, &index, &count)
                        : pages_next_down(side, INT64_MAX, &index, &count);
    return found && magnitude > 0 && magnitude <= DBL_MAX &&
           sketch_index(sketch_bits(magnitude), sketch->scale) == index;
}

static bool extremes_are_right(const struct sketch *sketch)
{
    bool positive = sketch->sides[SIDE_POSITIVE].used > 0;
    bool negative = sketch->sides[SIDE_NEGATIVE].used > 0;
    bool min = negative        ? at_end(sketch, SIDE_NEGATIVE, false, -sketch->min)
               : sketch->zeros ? sketch_bits(sketch->min) == 0
                               : at_end(sketch, SIDE_POSITIVE, true, sketch->min);
    bool max = positive        ? at_end(sketch, SIDE_POSITIVE, false, sketch->max)
               : sketch->zeros ? sketch_bits(sketch->max) == 0
                               : at_end(sketch, SIDE_NEGATIVE, true, -sketch->max);
    return min && max && sketch->min <= sketch->max;
}

/* Whether the sum is at most count times `bound`, or at least. */
static bool sum_is_within(const struct sketch *sketch, double bound, bool at_most)
{
    struct exact_sum rest = {0};
    struct exact_sum_digits sum;
    exact_sum_write(&sketch->sum, &sum);
    sum.negative = !sum.negative;
    exact_sum_read(&sum, &rest);
    exact_sum_add(&rest, bound, sketch->count);
    double left = exact_sum_value(&rest);
    return at_most ? left >= 0 : left <= 0;
}

static int check_whole(struct decoder *d, const void *bytes, size_t len)
{
    const struct sketch *sketch = d->sketch;
    if (sketch->count > 0) {
        if (!extremes_are_right(sketch)) return refuse(d, "min or max is not in the last bucket");
        if (!sum_is_within(sketch, sketch->max, true) || !sum_is_within(sketch, sketch->min, false))
            return refuse(d, "a sum that these values cannot have");
    }
    struct strbuf again;
    strbuf_init(&again, len + 1);
    sketch_encode(sketch, &again);
    int code = strbuf_status(&again);
    if (code == ERR_LIMIT ||
        (code == OK && (again.len != len || memcmp(again.data, bytes, len) != 0)))
        code = refuse(d, "bytes that this sketch would not be written as");
    strbuf_done(&again);
    return code;
}

int sketch_decode(const struct sketch_memory *memory, const void *bytes, size_t len,
                  struct sketch **out, const char **reason)
{
    const unsigned char *at = bytes;
    struct decoder d = {.in = {.at = at, .end = at + len}, .memory = memory};
    int code = len > SKETCH_ENCODED_MAX ? refuse(&d, "too long for a sketch") : take_start(&d);
    if (code == OK) code = take_contents(&d);
    if (code == OK) code = check_whole(&d, bytes, len);
    if (reason) *reason = d.reason ? d.reason : err_text(code);
    if (code == OK)
        *out = d.sketch;
    else
        sketch_free(d.sketch);
    return code;
}
