/* stats/sketch_index.c - which bucket a value is in, exactly at every edge.
 *
 * An edge 2^(j / 2^scale) is irrational but for whole powers of two, so a double is above an edge
 * when it is above the largest double that is not. To scale 6 a table of these decides: the top 7
 * bits of the mantissa choose a slot with at most one edge in it, and adding the distance from that
 * edge to the end of the slot carries exactly the values above it into the next one. Coarser scales
 * are shifts of that. Finer ones trust log2() but near an edge, which is then multiplied out. */
#include "sketch_index.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* The distances, in units of 2^-52; 0: no edge in the slot. */
const uint64_t sketch_slots[SKETCH_SLOTS] = {
    0x1fffffffffff, 0x1365c1887f9f, 0x064f2cea7a8b, 0x000000000000, 0x18bae78a6437, 0x0aa7930676f0,
    0x000000000000, 0x1c13cd2c2e5d, 0x0cfe2feda4af, 0x000000000000, 0x1d655156d220, 0x0d47c382ae85,
    0x000000000000, 0x1ca41490348a, 0x0b78ce974655, 0x000000000000, 0x19c4779d7329, 0x0785918a9dc7,
    0x000000000000, 0x14ba9a1d8322, 0x01620ae0211e, 0x000000000000, 0x0d7a591bfcf4, 0x000000000000,
    0x1901f5ce48ea, 0x03f74d9be900, 0x000000000000, 0x0e58c8c55635, 0x000000000000, 0x1824cb1a6009,
    0x0159b3edcbdd, 0x000000000000, 0x09f5de08d1d6, 0x000000000000, 0x11f79f9e76d2, 0x000000000000,
    0x195d4a3ec32f, 0x00252ac9d5d8, 0x000000000000, 0x064d8962d359, 0x000000000000, 0x0bd4a962b07e,
    0x000000000000, 0x10b8c94ad825, 0x000000000000, 0x14f822b7abd6, 0x000000000000, 0x1890ea52deb7,
    0x000000000000, 0x1b814fc5aa7b, 0x000000000000, 0x1dc77daadddb, 0x000000000000, 0x1f619980c433,
    0x004dc39ae5d1, 0x000000000000, 0x008a1713a08c, 0x000000000000, 0x0014a9bd9837, 0x000000000000,
    0x000000000000, 0x1eeb8c14fe79, 0x000000000000, 0x1d0cc930b19d, 0x000000000000, 0x1a7666b331ed,
    0x000000000000, 0x172664bb6d13, 0x000000000000, 0x131abdd55f24, 0x000000000000, 0x0e5166ea88c9,
    0x000000000000, 0x08c84f323a1b, 0x000000000000, 0x027d6021b1b0, 0x000000000000, 0x000000000000,
    0x1b6e7d5c0f6f, 0x000000000000, 0x139984a21a9b, 0x000000000000, 0x0afc4dc1daa3, 0x000000000000,
    0x0194aa860240, 0x000000000000, 0x000000000000, 0x176066a52c52, 0x000000000000, 0x0c5d47b0ea05,
    0x000000000000, 0x00890d04a1b9, 0x000000000000, 0x000000000000, 0x13e16fb43e2d, 0x000000000000,
    0x0664227aad63, 0x000000000000, 0x000000000000, 0x180ed1a82eb4, 0x000000000000, 0x08df23106f96,
    0x000000000000, 0x000000000000, 0x18d2b5f87684, 0x000000000000, 0x07e723045b78, 0x000000000000,
    0x000000000000, 0x1619fc24cd7a, 0x000000000000, 0x0368cc8464a1, 0x000000000000, 0x000000000000,
    0x0fd11874c009, 0x000000000000, 0x000000000000, 0x1b505d5b6f26, 0x000000000000, 0x05e4119ea5d8,
    0x000000000000, 0x000000000000, 0x0f89a491babf, 0x000000000000, 0x000000000000, 0x183e7e616f27,
    0x000000000000, 0x000000000000,
};

/* The edges of the octave that lie before each slot. */
static const uint8_t slot_bases[SKETCH_SLOTS] = {
    0,  1,  2,  3,  3,  4,  5,  5,  6,  7,  7,  8,  9,  9,  10, 11, 11, 12, 13, 13, 14, 15,
    15, 16, 16, 17, 18, 18, 19, 19, 20, 21, 21, 22, 22, 23, 23, 24, 25, 25, 26, 26, 27, 27,
    28, 28, 29, 29, 30, 30, 31, 31, 32, 32, 33, 34, 34, 35, 35, 36, 36, 36, 37, 37, 38, 38,
    39, 39, 40, 40, 41, 41, 42, 42, 43, 43, 44, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48, 48,
    49, 49, 50, 50, 51, 51, 51, 52, 52, 53, 53, 53, 54, 54, 55, 55, 55, 56, 56, 57, 57, 57,
    58, 58, 59, 59, 59, 60, 60, 60, 61, 61, 62, 62, 62, 63, 63, 63, 64, 64,
};

/* 2^(2^-i), i from 1 on, in units of 2^-127 and rounded down: high and low halves. */
static const uint64_t roots[SKETCH_SCALE_MAX][2] = {
    {0xb504f333f9de6484, 0x597d89b3754abe9f}, {0x9837f0518db8a96f, 0x46ad23182e42f6f6},
    {0x8b95c1e3ea8bd6e6, 0xfbe4628758a53c90}, {0x85aac367cc487b14, 0xc5c95b8c2154c1b2},
    {0x82cd8698ac2ba1d7, 0x3e2a475b46520bff}, {0x8164d1f3bc030773, 0x7be56527bd14def4},
    {0x80b1ed4fd999ab6c, 0x25335719b6e6fd20}, {0x8058d7d2d5e5f6b0, 0x94d589f608ee4aa2},
    {0x802c6436d0e04f50, 0xff8ce94a6797b3ce}, {0x8016302f17467628, 0x3690dfe44d11d008},
    {0x800b179c82028fd0, 0x945e54e2ae18f2f0}, {0x80058baf7fee3b5d, 0x1c718b38e549cb93},
    {0x8002c5d00fdcfcb6, 0xb6566a58c048be1f}, {0x800162e61bed4a48, 0xe84c2e1a463473d9},
    {0x8000b17292f702a3, 0xaa22beacca949013}, {0x800058b92abbae02, 0x030c5fa5256f41fe},
    {0x80002c5c8dade4d7, 0x1776c0f4dbea67d6}, {0x8000162e44eaf636, 0x526be456600bdbe4},
    {0x80000b1721fa7c18, 0x8307016c1cd4e8b6}, {0x8000058b90de7e4c, 0xecfc487503488bb1},
};

/* The product of two numbers of 1 bit before the point and 127 behind it. */
static wide multiply(wide a, wide b)
{
    uint64_t a_high = (uint64_t)(a >> 64), a_low = (uint64_t)a;
    uint64_t b_high = (uint64_t)(b >> 64), b_low = (uint64_t)b;
    wide cross = (((wide)a_high * b_low) >> 64) + (((wide)a_low * b_high) >> 64);
    return ((wide)a_high * b_high + cross) << 1;
}

/* The mantissa of the largest double not above 2^(j / 2^scale), 0 <= j < 2^scale. A root is off by
 * less than 2^-127 and each product by 2^-124, which never reaches over a double's end: tests
 * compare with exact arithmetic. */
static uint64_t edge_mantissa(uint32_t j, int scale)
{
    wide product = (wide)1 << 127;
    for (int i = 0; i < scale; i++)
        if (j >> (scale - 1 - i) & 1)
            product = multiply(product, (wide)roots[i][0] << 64 | roots[i][1]);
    return (uint64_t)(product >> 75) & SKETCH_MANTISSA;
}

int32_t sketch_key_index(uint64_t key, int scale)
{
    int32_t octave = (int32_t)(key / SKETCH_SLOTS) - 1023;
    int32_t index = octave * (1 << SKETCH_TABLE_SCALE) + slot_bases[key % SKETCH_SLOTS] - 1;
    return index >> (SKETCH_TABLE_SCALE - scale);
}

/* How many edges of its octave lie below the mantissa, at a scale beyond the table. */
static int32_t edges_below(uint64_t mantissa, int scale)
{
    /* log2() is good to 2^-51 or so, which the finest scale makes 2^-31. */
    static const double DOUBT = 0x1p-24;
    if (mantissa == 0) return 0;
    double at = log2(1 + (double)mantissa * 0x1p-52) * (double)(1 << scale);
    double edge = nearbyint(at);
    if (fabs(at - edge) > DOUBT) return (int32_t)at + 1;
    if (edge < 1) return 1;
    if (edge >= (double)(1 << scale)) return 1 << scale;
    return (int32_t)edge + (mantissa > edge_mantissa((uint32_t)edge, scale));
}

int32_t sketch_index(uint64_t bits, int scale)
{
    int32_t exponent = (int32_t)(bits >> 52);
    if (exponent == 0) { /* a denormal, as if it were none */
        int shift = __builtin_clzll(bits) - 11;
        bits = (bits << shift) & SKETCH_MANTISSA;
        exponent = 1 - shift;
    }
    bits &= SKETCH_MANTISSA;
    if (scale > SKETCH_TABLE_SCALE)
        return (exponent - 1023) * (1 << scale) + edges_below(bits, scale) - 1;
    uint64_t slot = sketch_key(bits); /* never carries beyond the octave */
    int32_t index = (exponent - 1023) * (1 << SKETCH_TABLE_SCALE) + slot_bases[slot] - 1;
    return index >> (SKETCH_TABLE_SCALE - scale);
}

double sketch_edge(int32_t index, int scale)
{
    int32_t exponent = scale >= 0 ? index >> scale : index * (1 << -scale);
    uint64_t mantissa = scale > 0 ? edge_mantissa((uint32_t)index & ((1u << scale) - 1), scale) : 0;
    mantissa |= SKETCH_MANTISSA + 1;
    if (exponent > 1023) return DBL_MAX;
    if (exponent < -1074) return 0;
    if (exponent >= -1022) return ldexp((double)mantissa, exponent - 52);
    return ldexp((double)(mantissa >> (-1022 - exponent)), -1074);
}

double sketch_middle(int32_t index, int scale)
{
    /* 2 low high / (low + high) with high = base * low */
    double share = scale >= 0 ? (double)(index & ((1 << scale) - 1)) / (1 << scale) : 0;
    int32_t exponent = scale >= 0 ? index >> scale : index * (1 << -scale);
    return ldexp(exp2(share) * (2 / (1 + exp2(-ldexp(1, -scale)))), exponent);
}
