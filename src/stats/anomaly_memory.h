/* stats/anomaly_memory.h - how far a shape is from all that are remembered.
 *
 * A shape is a few numbers in one unit: the last two values, say. At most MEMORY_SHAPES are kept,
 * farther than `radius` from each other; once they do not suffice, the radius grows to the distance
 * of the two nearest, of which one gives way to the new shape. So they cover what was seen as well
 * as so few can (M. Charikar, C. Chekuri, T. Feder, R. Motwani, "Incremental Clustering and Dynamic
 * Information Retrieval", 1997), and what was seen once is not forgotten. */
#ifndef MOONTIDE_STATS_ANOMALY_MEMORY_H
#define MOONTIDE_STATS_ANOMALY_MEMORY_H

enum { MEMORY_SHAPES = 32, MEMORY_WIDTH = 5 };

struct memory {
    double numbers[MEMORY_WIDTH][MEMORY_SHAPES]; /* the i-th of each shape */
    double radius;
    int count;
};

/* How much farther than the radius the shape is from the nearest one; 0 for the first. Then it is
 * remembered, if it is farther. The width, at most MEMORY_WIDTH, is the same each time. */
double memory_see(struct memory *memory, const double *shape, int width);

#endif
