/* stats/sketch_bulk.c - many values at once.
 *
 * Values are first counted in a tally: a ring of counters by sketch_key(), the least and the
 * greatest value. Of each block of values these two are found first: they tell whether all are
 * positive normal numbers for which the ring is wide enough, so that counting needs no branch.
 * Until the tally is poured into the sketch nothing of the sketch has changed, so what is found
 * wrong late costs nothing. Mixed signs are parted into two tallies, block by block. What fits in
 * no tally (denormals, more than 62 octaves, fine scales) or is too little to be worth one goes
 * value by value into a sketch of its own, which is merged.
 */
#include "moontide/stats/sketch.h"

#include "kernels.h"
#include "sketch_state.h"

#include <math.h>

enum {
    RING_OCTAVES = EXACT_SUM_OCTAVES,
    RING_KEYS = RING_OCTAVES * SKETCH_OCTAVE_KEYS,
    OCTAVES_MAX = RING_OCTAVES - 2,
    BLOCK = EXACT_SUM_BLOCK,
    LINE = 8, /* doubles of a cache line */
    WORTH_A_TALLY = 1024,
};

struct tally {
    uint32_t counts[RING_KEYS];
    double low, high;
};

/* Of both signs, with room to part a block of values. */
struct parted {
    struct tally sides[SIDES];
    double values[SIDES][BLOCK];
    uint64_t zeros;
};

static void tally_init(struct tally *tally)
{
    memset(tally, 0, sizeof *tally);
    tally->low = INFINITY;
    tally->high = -INFINITY;
}

static bool is_empty(const struct tally *tally)
{
    return tally->high < tally->low;
}

static unsigned exponent_of(double value)
{
    return (unsigned)(sketch_bits(value) >> 52);
}

static bool fits(const struct tally *tally)
{
    return tally->low >= DBL_MIN && tally->high <= DBL_MAX &&
           exponent_of(tally->high) - exponent_of(tally->low) <= OCTAVES_MAX;
}

static inline void count_key(struct tally *tally, double value)
{
    tally->counts[sketch_key(sketch_bits(value)) % RING_KEYS]++;
}

/* The next block is fetched meanwhile: the other two ways through a block are quicker than memory
 * and would wait for it. */
static void count_keys(struct tally *tally, const double *values, size_t count)
{
    size_t i = 0;
    for (; i + LINE <= count; i += LINE) {
        __builtin_prefetch((const void *)((uintptr_t)(values + i) + BLOCK * sizeof *values));
        for (size_t k = 0; k < LINE; k++)
            count_key(tally, values[i + k]);
    }
    for (; i < count; i++)
        count_key(tally, values[i]);
}

/* Counts a block of values, and adds them to the sum or subtracts them. False: one of them is no
 * positive normal number, or they do not fit in. */
static bool tally_block(struct tally *tally, const double *values, size_t count,
                        struct exact_sum *sum, bool negative)
{
    double low, high;
    if (!kernels_now()->range(values, count, &low, &high)) return false;
    if (low < tally->low) tally->low = low;
    if (high > tally->high) tally->high = high;
    if (!fits(tally)) return false;
    count_keys(tally, values, count);
    exact_sum_add_block(sum, values, count, low, high, negative);
    return true;
}

/* ---- from a tally into the sketch ---- */

struct tally_keys {
    uint64_t from, to;
};

static struct tally_keys keys_of(const struct tally *tally)
{
    if (is_empty(tally)) return (struct tally_keys){1, 0};
    return (struct tally_keys){(uint64_t)exponent_of(tally->low) * SKETCH_OCTAVE_KEYS,
                               ((uint64_t)exponent_of(tally->high) + 1) * SKETCH_OCTAVE_KEYS};
}

static int reserve_for(struct sketch *sketch, struct pages *side, const struct tally *tally)
{
    struct tally_keys keys = keys_of(tally);
    uint32_t more = 0;
    uint64_t total = 0;
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (uint64_t key = keys.from; key <= keys.to; key++) {
        uint32_t count = tally->counts[key % RING_KEYS];
        if (count == 0) continue;
        int32_t number = page_number(sketch_key_index(key, sketch->scale));
        if (number != high && !pages_find(side, number)) more++;
        if (number < low) low = number;
        high = number;
        total += count;
    }
    int code = pages_widen(side, &sketch->memory, total);
    if (code < 0 || more == 0) return code;
    return pages_reserve(side, &sketch->memory, more, low, high, 0);
}

static void pour(struct sketch *sketch, struct pages *side, const struct tally *tally)
{
    struct tally_keys keys = keys_of(tally);
    for (uint64_t key = keys.from; key <= keys.to; key++) {
        uint32_t count = tally->counts[key % RING_KEYS];
        if (count == 0) continue;
        int32_t index = sketch_key_index(key, sketch->scale);
        pages_count(side, pages_make(side, page_number(index)), index, count);
    }
}

static void note_extremes(struct sketch *sketch, double low, double high)
{
    if (low < sketch->min) sketch->min = low;
    if (high > sketch->max) sketch->max = high;
}

/* ---- one sign ---- */

enum { FITS_NOT = 1 };

static int add_positive(struct sketch *sketch, const double *values, size_t count)
{
    struct tally tally;
    struct exact_sum sum = sketch->sum;
    tally_init(&tally);
    for (size_t i = 0; i < count; i += BLOCK) {
        size_t some = count - i < BLOCK ? count - i : BLOCK;
        if (!tally_block(&tally, values + i, some, &sum, false)) return FITS_NOT;
    }
    struct pages *side = &sketch->sides[SIDE_POSITIVE];
    int code = reserve_for(sketch, side, &tally);
    if (code < 0) return code;
    pour(sketch, side, &tally);
    sketch->sum = sum;
    sketch->count += count;
    note_extremes(sketch, tally.low, tally.high);
    sketch_keep_cap(sketch);
    return OK;
}

/* ---- both signs ---- */

/* False: a NaN, or it fits in no tally. */
static bool part_block(struct parted *parted, const double *values, size_t count,
                       struct exact_sum *sum)
{
    size_t counts[SIDES] = {0}, zeros = 0;
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        parted->values[SIDE_POSITIVE][counts[SIDE_POSITIVE]] = value;
        parted->values[SIDE_NEGATIVE][counts[SIDE_NEGATIVE]] = -value;
        counts[SIDE_POSITIVE] += value > 0;
        counts[SIDE_NEGATIVE] += value < 0;
        zeros += value == 0;
    }
    if (counts[SIDE_POSITIVE] + counts[SIDE_NEGATIVE] + zeros != count) return false;
    parted->zeros += zeros;
    for (int side = 0; side < SIDES; side++)
        if (counts[side] > 0 && !tally_block(&parted->sides[side], parted->values[side],
                                             counts[side], sum, side == SIDE_NEGATIVE))
            return false;
    return true;
}

static int add_parted(struct sketch *sketch, const double *values, size_t count)
{
    struct parted parted;
    struct exact_sum sum = sketch->sum;
    int code = OK;
    parted.zeros = 0;
    for (int side = 0; side < SIDES; side++)
        tally_init(&parted.sides[side]);
    for (size_t i = 0; i < count; i += BLOCK)
        if (!part_block(&parted, values + i, count - i < BLOCK ? count - i : BLOCK, &sum))
            return FITS_NOT;
    for (int side = 0; side < SIDES && code == OK; side++)
        code = reserve_for(sketch, &sketch->sides[side], &parted.sides[side]);
    if (code < 0) return code;

    for (int side = 0; side < SIDES; side++) {
        struct tally *tally = &parted.sides[side];
        pour(sketch, &sketch->sides[side], tally);
        if (is_empty(tally)) continue;
        if (side == SIDE_POSITIVE)
            note_extremes(sketch, tally->low, tally->high);
        else
            note_extremes(sketch, -tally->high, -tally->low);
    }
    if (parted.zeros) note_extremes(sketch, 0, 0);
    sketch->zeros += parted.zeros;
    sketch->sum = sum;
    sketch->count += count;
    sketch_keep_cap(sketch);
    return OK;
}

/* ---- anything ---- */

static int add_one_by_one(struct sketch *sketch, const double *values, size_t count)
{
    struct sketch *apart = NULL;
    int code = sketch_new_in(&sketch->memory, sketch->scale, sketch->buckets_max, &apart);
    for (size_t i = 0; i < count && code == OK; i++)
        code = sketch_add(apart, values[i], 1);
    if (code == OK) code = sketch_merge(sketch, apart);
    sketch_free(apart);
    return code;
}

static int find_not_finite(const double *values, size_t count, size_t *at)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) {
            if (at) *at = i;
            return ERR_INVALID;
        }
    return OK;
}

int sketch_add_all(struct sketch *sketch, const double *values, size_t count, size_t *at)
{
    if (count > UINT64_MAX - sketch->count)
        return find_not_finite(values, count, at) < 0 ? ERR_INVALID : ERR_LIMIT;
    if (count == 0) return OK;
    if (count >= WORTH_A_TALLY && count <= UINT32_MAX && sketch->scale <= SKETCH_TABLE_SCALE) {
        int code = add_positive(sketch, values, count);
        if (code == FITS_NOT) code = add_parted(sketch, values, count);
        if (code != FITS_NOT) return code;
    }
    int code = find_not_finite(values, count, at);
    return code < 0 ? code : add_one_by_one(sketch, values, count);
}
