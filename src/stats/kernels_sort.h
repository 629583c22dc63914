/* stats/kernels_sort.h - ranks among a few values by a sorting network, over the operations of a
 * level (see kernels_body.h).
 *
 * K. E. Batcher's bitonic sorter (1968) on columns: the values fill rows of LANES, the columns are
 * sorted side by side, then merged in pairs, which leaves the k-th smallest in column k / rows, row
 * k % rows. Few steps move values between columns. With a constant number of rows all of it is
 * unrolled and stays in registers. */
#include "kernels.h"

#include <math.h>

enum { ROWS_MAX = SORT_MAX / LANES };

/* Rows a and b of each `run` are exchanged so that the smaller values come first: row i with the
 * one a half run below or, mirrored, with the one as far from the end. */
ALWAYS_INLINE void exchange_rows(vec *rows, size_t count, size_t run, bool mirrored)
{
    UNROLL
    for (size_t i = 0; i < count / 2; i++) {
        size_t begin = i / (run / 2) * run, at = i % (run / 2);
        size_t a = begin + at, b = mirrored ? begin + run - 1 - at : a + run / 2;
        vec x = rows[a], y = rows[b];
        rows[a] = vec_min(x, y);
        rows[b] = vec_max(x, y);
    }
}

/* Each run of rows is bitonic; afterwards ascending. */
ALWAYS_INLINE void clean(vec *rows, size_t count, size_t run)
{
    if (run >= 32) exchange_rows(rows, count, 32, false);
    if (run >= 16) exchange_rows(rows, count, 16, false);
    if (run >= 8) exchange_rows(rows, count, 8, false);
    if (run >= 4) exchange_rows(rows, count, 4, false);
    if (run >= 2) exchange_rows(rows, count, 2, false);
}

ALWAYS_INLINE void merge_rows(vec *rows, size_t count, size_t run)
{
    if (count < run) return;
    exchange_rows(rows, count, run, true);
    clean(rows, count, run / 2);
}

/* Compares each lane with lane ^ across of the other row: the smaller stays in the lanes without
 * `upper`, the larger in those with it. */
ALWAYS_INLINE void exchange_columns(vec *a, vec *b, int across, int upper)
{
    vec x = *a, y = *b, to_x = vec_lanes_xor(y, across), to_y = vec_lanes_xor(x, across);
    *a = vec_blend(vec_min(x, to_x), vec_max(x, to_x), upper);
    *b = vec_blend(vec_min(y, to_y), vec_max(y, to_y), upper);
}

/* Two ascending runs lie in the columns of each group of `width`; afterwards one does. */
ALWAYS_INLINE void merge_columns(vec *rows, size_t count, int width)
{
    if (width > LANES) return;
    UNROLL
    for (size_t i = 0; i < count / 2; i++)
        exchange_columns(&rows[i], &rows[count - 1 - i], width - 1, width / 2);
    for (int upper = width / 4; upper > 0; upper /= 2) {
        UNROLL
        for (size_t i = 0; i < count / 2; i++) {
            exchange_columns(&rows[2 * i], &rows[2 * i], upper, upper);
            exchange_columns(&rows[2 * i + 1], &rows[2 * i + 1], upper, upper);
        }
    }
    clean(rows, count, count);
}

ALWAYS_INLINE void sort_rows(double *grid, size_t count)
{
    vec rows[ROWS_MAX];
    UNROLL
    for (size_t i = 0; i < count; i++)
        rows[i] = vec_load(grid + i * LANES);
    merge_rows(rows, count, 2);
    merge_rows(rows, count, 4);
    merge_rows(rows, count, 8);
    merge_rows(rows, count, 16);
    merge_rows(rows, count, 32);
    merge_columns(rows, count, 2);
    merge_columns(rows, count, 4);
    merge_columns(rows, count, 8);
    UNROLL
    for (size_t i = 0; i < count; i++)
        vec_store(grid + i * LANES, rows[i]);
}

static void few(const double *values, size_t count, const size_t *at, size_t at_count, double *out)
{
    double grid[SORT_MAX];
    size_t rows = count <= 4 * LANES ? 4 : count <= 8 * LANES ? 8 : count <= 16 * LANES ? 16 : 32;
    for (size_t i = 0; i < rows * LANES; i++)
        grid[i] = i < count ? values[i] : INFINITY;
    switch (rows) {
    case 4: sort_rows(grid, 4); break;
    case 8: sort_rows(grid, 8); break;
    case 16: sort_rows(grid, ROWS_MAX < 16 ? ROWS_MAX : 16); break;
    default: sort_rows(grid, ROWS_MAX); break;
    }
    for (size_t i = 0; i < at_count; i++)
        out[i] = grid[at[i] % rows * LANES + at[i] / rows];
}
