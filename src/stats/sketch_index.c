/* stats/sketch_index.c - which bucket a value is in, exactly at every edge.
 *
 * An edge 2^(j / 2^scale) is irrational but for whole powers of two, so a double is above an edge
 * when it is above the largest double that is not. To scale 6 a table of these decides: the top 7
 * bits of the mantissa choose a slot with at most one edge in it, and the step of the slot, added
 * to the bits, carries exactly the values above that edge into the next 64th of the octave. Coarser
 * scales are shifts of that. Finer ones trust log2() but near an edge, which is then multiplied
 * out. */
#include "sketch_index.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* In units of 2^-52 of an octave. The whole 64ths of a step are the edges before its slot beyond
 * the 64ths before it; the rest is the distance from the edge in the slot to the end of the 64th
 * that the slot is in, or, without an edge, from the end of the slot. */
const uint64_t sketch_steps[SKETCH_SLOTS] = {
    0x03fffffffffff, 0x05365c1887f9f, 0x0664f2cea7a8b, 0x0800000000000, 0x078bae78a6437,
    0x08aa7930676f0, 0x0a00000000000, 0x09c13cd2c2e5d, 0x0acfe2feda4af, 0x0c00000000000,
    0x0bd655156d220, 0x0cd47c382ae85, 0x0e00000000000, 0x0dca41490348a, 0x0eb78ce974655,
    0x1000000000000, 0x0f9c4779d7329, 0x10785918a9dc7, 0x1200000000000, 0x114ba9a1d8322,
    0x121620ae0211e, 0x1400000000000, 0x12d7a591bfcf4, 0x1400000000000, 0x13901f5ce48ea,
    0x143f74d9be900, 0x1600000000000, 0x14e58c8c55635, 0x1600000000000, 0x15824cb1a6009,
    0x16159b3edcbdd, 0x1800000000000, 0x169f5de08d1d6, 0x1800000000000, 0x171f79f9e76d2,
    0x1800000000000, 0x1795d4a3ec32f, 0x180252ac9d5d8, 0x1a00000000000, 0x1864d8962d359,
    0x1a00000000000, 0x18bd4a962b07e, 0x1a00000000000, 0x190b8c94ad825, 0x1a00000000000,
    0x194f822b7abd6, 0x1a00000000000, 0x19890ea52deb7, 0x1a00000000000, 0x19b814fc5aa7b,
    0x1a00000000000, 0x19dc77daadddb, 0x1a00000000000, 0x19f619980c433, 0x1a04dc39ae5d1,
    0x1c00000000000, 0x1a08a1713a08c, 0x1c00000000000, 0x1a014a9bd9837, 0x1c00000000000,
    0x1a00000000000, 0x19eeb8c14fe79, 0x1a00000000000, 0x19d0cc930b19d, 0x1a00000000000,
    0x19a7666b331ed, 0x1a00000000000, 0x1972664bb6d13, 0x1a00000000000, 0x1931abdd55f24,
    0x1a00000000000, 0x18e5166ea88c9, 0x1a00000000000, 0x188c84f323a1b, 0x1a00000000000,
    0x1827d6021b1b0, 0x1a00000000000, 0x1800000000000, 0x17b6e7d5c0f6f, 0x1800000000000,
    0x1739984a21a9b, 0x1800000000000, 0x16afc4dc1daa3, 0x1800000000000, 0x16194aa860240,
    0x1800000000000, 0x1600000000000, 0x1576066a52c52, 0x1600000000000, 0x14c5d47b0ea05,
    0x1600000000000, 0x140890d04a1b9, 0x1600000000000, 0x1400000000000, 0x133e16fb43e2d,
    0x1400000000000, 0x12664227aad63, 0x1400000000000, 0x1200000000000, 0x1180ed1a82eb4,
    0x1200000000000, 0x108df23106f96, 0x1200000000000, 0x1000000000000, 0x0f8d2b5f87684,
    0x1000000000000, 0x0e7e723045b78, 0x1000000000000, 0x0e00000000000, 0x0d619fc24cd7a,
    0x0e00000000000, 0x0c368cc8464a1, 0x0e00000000000, 0x0c00000000000, 0x0afd11874c009,
    0x0c00000000000, 0x0a00000000000, 0x09b505d5b6f26, 0x0a00000000000, 0x085e4119ea5d8,
    0x0a00000000000, 0x0800000000000, 0x06f89a491babf, 0x0800000000000, 0x0600000000000,
    0x0583e7e616f27, 0x0600000000000, 0x0400000000000,
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
    int32_t index = (exponent - 1023) * (1 << SKETCH_TABLE_SCALE) + (int32_t)sketch_key(bits) - 1;
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
