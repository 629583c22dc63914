/* bench/bench_gz.c - what reading a file costs: the blocks alone, and all its lines.
 *
 *   bench_gz FILE [blocks|lines]      prints CPU seconds, and bytes of text a second */
#include "moontide/base/line_reader.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int read_blocks(const char *path, unsigned long long *total, struct fault *fault)
{
    struct gz_reader *reader = NULL;
    const char *bytes;
    size_t len;
    int code = gz_open(path, &reader, fault);
    while (code >= 0 && (code = gz_next(reader, &bytes, &len, fault)) > 0)
        *total += len;
    gz_close(reader);
    return code;
}

static int read_lines(const char *path, unsigned long long *total, struct fault *fault)
{
    struct line_reader *reader = NULL;
    const char *line;
    size_t len;
    int code = line_reader_open(path, &reader, fault);
    while (code >= 0 && (code = line_next(reader, &line, &len, fault)) > 0)
        *total += len + 1;
    line_reader_close(reader);
    return code;
}

int main(int argc, char **argv)
{
    unsigned long long total = 0;
    struct fault fault = {0};
    if (argc < 2) return 2;
    int lines = argc > 2 && strcmp(argv[2], "lines") == 0;
    double begin = cpu_s();
    int code = (lines ? read_lines : read_blocks)(argv[1], &total, &fault);
    double took = cpu_s() - begin;
    if (code < 0) fprintf(stderr, "%s\n", fault.text);
    printf("%s %.3f s CPU, %llu bytes, %.0f MB/s\n", lines ? "lines" : "blocks", took, total,
           (double)total / took / 1e6);
    return code < 0;
}
