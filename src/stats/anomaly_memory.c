/* stats/anomaly_memory.c - the shapes side by side, so that one number of all of them is compared
 * at a time: compilers make vector instructions of it. */
#include "anomaly_memory.h"

#include <float.h>
#include <math.h>

enum { MINIMA = 8 };

/* Of squares: their order is the distances' order. Beyond 1e154 they are infinite, below 1e-162
 * nothing: then shapes are all far, or all near, and the other views have to see it. */
static double distance(double squares, int width)
{
    return fmin(sqrt(squares / width), DBL_MAX);
}

static double square(double x)
{
    return x * x;
}

/* The least of squares[], some side by side, so that none waits for the one before it. */
static double least_of(const double squares[MEMORY_SHAPES])
{
    double least[MINIMA];
    for (int lane = 0; lane < MINIMA; lane++)
        least[lane] = squares[lane];
    for (int j = MINIMA; j < MEMORY_SHAPES; j += MINIMA)
        for (int lane = 0; lane < MINIMA; lane++)
            least[lane] = squares[j + lane] < least[lane] ? squares[j + lane] : least[lane];
    for (int lane = 1; lane < MINIMA; lane++)
        least[0] = least[lane] < least[0] ? least[lane] : least[0];
    return least[0];
}

static double nearest(const struct memory *memory, const double *shape, int width)
{
    double squares[MEMORY_SHAPES];
    for (int j = 0; j < MEMORY_SHAPES; j++)
        squares[j] = square(memory->numbers[0][j] - shape[0]);
    for (int i = 1; i < width; i++)
        for (int j = 0; j < MEMORY_SHAPES; j++)
            squares[j] += square(memory->numbers[i][j] - shape[i]);
    for (int j = memory->count; j < MEMORY_SHAPES; j++)
        squares[j] = INFINITY;
    return distance(least_of(squares), width);
}

/* The distance of the two nearest to each other, and the later one of them. All places are taken.
 */
static double nearest_two(const struct memory *memory, int width, int *later)
{
    double least = INFINITY;
    *later = 1;
    for (int j = 1; j < MEMORY_SHAPES; j++)
        for (int other = 0; other < j; other++) {
            double squares = 0;
            for (int i = 0; i < width; i++) {
                double apart = memory->numbers[i][j] - memory->numbers[i][other];
                squares += apart * apart;
            }
            if (squares >= least) continue;
            least = squares;
            *later = j;
        }
    return distance(least, width);
}

static void put(struct memory *memory, int place, const double *shape, int width)
{
    for (int i = 0; i < width; i++)
        memory->numbers[i][place] = shape[i];
}

double memory_see(struct memory *memory, const double *shape, int width)
{
    if (memory->count == 0) {
        put(memory, memory->count++, shape, width);
        return 0;
    }
    double far = nearest(memory, shape, width), beyond = far - memory->radius;
    if (beyond <= 0) return 0;
    if (memory->count < MEMORY_SHAPES) {
        put(memory, memory->count++, shape, width);
        return beyond;
    }
    int later;
    memory->radius = fmax(memory->radius, nearest_two(memory, width, &later));
    if (far > memory->radius) put(memory, later, shape, width);
    return beyond;
}
