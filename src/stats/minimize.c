/* stats/minimize.c - the downhill simplex of Nelder and Mead. */
#include "minimize.h"

#include <math.h>
#include <string.h>

struct corner {
    double at[MINIMIZE_SIZE_MAX], value;
};

struct simplex {
    objective_fn *objective;
    void *data;
    int size, evaluations;
    struct corner corners[MINIMIZE_SIZE_MAX + 1]; /* the best first */
};

static void evaluate(struct simplex *simplex, struct corner *corner)
{
    simplex->evaluations++;
    corner->value = simplex->objective(simplex->data, corner->at);
    if (isnan(corner->value)) corner->value = INFINITY;
}

/* Puts the last corner where its value belongs. */
static void sink(struct simplex *simplex, int last)
{
    struct corner moved = simplex->corners[last];
    int i = last;
    for (; i > 0 && simplex->corners[i - 1].value > moved.value; i--)
        simplex->corners[i] = simplex->corners[i - 1];
    simplex->corners[i] = moved;
}

/* The point on the line from the worst corner through the middle of the others. */
static struct corner probe(struct simplex *simplex, double factor)
{
    int n = simplex->size;
    struct corner corner;
    for (int k = 0; k < n; k++) {
        double middle = 0;
        for (int i = 0; i < n; i++)
            middle += simplex->corners[i].at[k] / n;
        corner.at[k] = middle + factor * (simplex->corners[n].at[k] - middle);
    }
    evaluate(simplex, &corner);
    return corner;
}

static void shrink(struct simplex *simplex)
{
    for (int i = 1; i <= simplex->size; i++) {
        for (int k = 0; k < simplex->size; k++)
            simplex->corners[i].at[k] = (simplex->corners[i].at[k] + simplex->corners[0].at[k]) / 2;
        evaluate(simplex, &simplex->corners[i]);
    }
    for (int i = 1; i <= simplex->size; i++)
        sink(simplex, i);
}

static void move(struct simplex *simplex)
{
    struct corner *worst = &simplex->corners[simplex->size];
    struct corner reflected = probe(simplex, -1), other;
    if (reflected.value < simplex->corners[0].value) {
        other = probe(simplex, -2);
        *worst = other.value < reflected.value ? other : reflected;
    } else if (reflected.value < worst[-1].value) {
        *worst = reflected;
    } else {
        other = probe(simplex, reflected.value < worst->value ? -0.5 : 0.5);
        if (other.value >= fmin(reflected.value, worst->value)) {
            shrink(simplex);
            return;
        }
        *worst = other;
    }
    sink(simplex, simplex->size);
}

double minimize(objective_fn *objective, void *data, double *at, int size, double step,
                double within, int evaluations_max)
{
    struct simplex simplex = {.objective = objective, .data = data, .size = size};
    for (int i = 0; i <= size; i++) {
        memcpy(simplex.corners[i].at, at, (size_t)size * sizeof *at);
        if (i > 0) simplex.corners[i].at[i - 1] += step;
        evaluate(&simplex, &simplex.corners[i]);
        sink(&simplex, i);
    }
    while (size > 0 && simplex.evaluations < evaluations_max) {
        double best = simplex.corners[0].value, worst = simplex.corners[size].value;
        if (!(worst - best > within * fabs(best))) break;
        move(&simplex);
    }
    memcpy(at, simplex.corners[0].at, (size_t)size * sizeof *at);
    return simplex.corners[0].value;
}
