/* support/sketch_tool.c - a sketch for tests that count millions of values: reads doubles as they
 * are in memory from files, answers by lines.
 *
 *   sketch_tool SCALE BUCKETS QS OUT FILE...
 *
 * Each FILE becomes a sketch, the files' sketches are merged in their order, and the result is
 * written encoded to OUT. QS is a file of quantiles to ask. FILE may begin with a scale and a colon
 * ("4:part"). Prints: scale, error, count, sum, min, max, then each quantile, in %a. */
#include "moontide/stats/sketch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "sketch_tool: %s\n", what);
    exit(1);
}

static double *read_doubles(const char *path, size_t *count)
{
    FILE *file = fopen(path, "rb");
    need(file && fseek(file, 0, SEEK_END) == 0, path);
    long size = ftell(file);
    need(size >= 0, path);
    rewind(file);
    double *values = malloc((size_t)size + 1);
    need(values && fread(values, 1, (size_t)size, file) == (size_t)size, path);
    fclose(file);
    *count = (size_t)size / sizeof *values;
    return values;
}

static struct sketch *sketch_of_file(const char *name, int scale, uint32_t buckets_max)
{
    struct sketch *sketch = NULL;
    size_t count;
    const char *colon = strchr(name, ':');
    if (colon) scale = atoi(name);
    double *values = read_doubles(colon ? colon + 1 : name, &count);
    need(sketch_new(scale, buckets_max, &sketch) == OK, "sketch_new");
    need(sketch_add_all(sketch, values, count, NULL) == OK, name);
    free(values);
    return sketch;
}

static void write_encoded(const struct sketch *sketch, const char *path)
{
    struct strbuf bytes;
    strbuf_init(&bytes, SKETCH_ENCODED_MAX);
    sketch_encode(sketch, &bytes);
    FILE *file = fopen(path, "wb");
    need(file && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0, path);
    strbuf_done(&bytes);
}

int main(int argc, char **argv)
{
    need(argc >= 6, "SCALE BUCKETS QS OUT FILE...");
    int scale = atoi(argv[1]);
    uint32_t buckets_max = (uint32_t)strtoul(argv[2], NULL, 10);
    struct sketch *whole = sketch_of_file(argv[5], scale, buckets_max);
    for (int i = 6; i < argc; i++) {
        struct sketch *part = sketch_of_file(argv[i], scale, buckets_max);
        need(sketch_merge(whole, part) == OK, "sketch_merge");
        sketch_free(part);
    }
    write_encoded(whole, argv[4]);
    printf("%d\n%a\n%llu\n%a\n%a\n%a\n", sketch_scale(whole), sketch_error(whole),
           (unsigned long long)sketch_count(whole), sketch_sum(whole), sketch_min(whole),
           sketch_max(whole));
    size_t count;
    double *qs = read_doubles(argv[3], &count);
    for (size_t i = 0; i < count; i++)
        printf("%a\n", sketch_quantile(whole, qs[i]));
    free(qs);
    sketch_free(whole);
    return 0;
}
