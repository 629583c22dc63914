/* support/percentile_tool.c - percentiles for comparison with numpy's: reads doubles as the machine
 * has them from a file and prints each percentile as a hexadecimal float.
 *
 *   percentile_tool LEVEL METHOD FILE P...            LEVEL: portable, avx2, avx512, best
 *   percentile_tool LEVEL METHOD FILE:COUNTS P...     values with their counts
 *
 * Exit 77: the CPU has no such level. */
#include "moontide/stats/cpu.h"
#include "moontide/stats/percentile.h"
#include "moontide/stats/weighted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PS_MAX = 1000, NOT_HERE = 77 };

static void die(const char *what)
{
    fprintf(stderr, "percentile_tool: %s\n", what);
    exit(1);
}

static double *read_doubles(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) die(path);
    long bytes = ftell(file);
    if (bytes < 0) die(path);
    rewind(file);
    *count = (size_t)bytes / sizeof(double);
    double *values = malloc((size_t)bytes + 1);
    if (!values || fread(values, sizeof *values, *count, file) != *count) die("read");
    fclose(file);
    return values;
}

static void choose_level(const char *name)
{
    if (strcmp(name, "best") == 0) return;
    for (int level = 0; level < CPU_LEVELS; level++)
        if (strcmp(name, cpu_level_name((enum cpu_level)level)) == 0) {
            if (!cpu_has((enum cpu_level)level)) exit(NOT_HERE);
            cpu_level_set((enum cpu_level)level);
            return;
        }
    die("no such level");
}

static enum percentile_method method_of(const char *name)
{
    int method = 0;
    while (percentile_method_names[method] && strcmp(percentile_method_names[method], name) != 0)
        method++;
    if (method == PERCENTILE_METHODS) die("no such method");
    return (enum percentile_method)method;
}

int main(int argc, char **argv)
{
    static double ps[PS_MAX], out[PS_MAX];
    if (argc < 5 || argc - 4 > PS_MAX) die("LEVEL METHOD FILE[:COUNTS] P...");
    choose_level(argv[1]);
    enum percentile_method method = method_of(argv[2]);
    size_t count, counted, p_count = (size_t)argc - 4;
    char *counts_path = strchr(argv[3], ':');
    if (counts_path) *counts_path++ = '\0';
    double *values = read_doubles(argv[3], &count);
    for (size_t i = 0; i < p_count; i++)
        ps[i] = strtod(argv[i + 4], NULL);
    if (counts_path) {
        double *counts = read_doubles(counts_path, &counted);
        if (counted != count ||
            weighted_percentiles(values, counts, count, method, ps, p_count, out) < 0)
            die("weighted_percentiles");
        free(counts);
    } else if (percentile_many(values, count, method, ps, p_count, out) < 0) {
        die("percentile_many");
    }
    for (size_t i = 0; i < p_count; i++)
        printf("%a\n", out[i]);
    free(values);
    return 0;
}
