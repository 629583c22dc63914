/* bench/bench_access.c - an access log counted by target and path, without Lua.
 *
 *   bench_access FILE...      prints CPU seconds, lines and groups */
#include "moontide/stats/access_scan.h"

#include <stdio.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct access_options options = {.by = {KEY_TARGET, KEY_PATH}, .by_count = 2};
    struct access_scan *scan = NULL;
    struct fault fault = {0};
    struct timespec at;
    int code =
        access_scan_new(&options, (const char *const *)argv + 1, (size_t)argc - 1, &scan, &fault);
    while (code >= 0 && (code = access_scan_step(scan, 8 << 20, &fault)) > 0)
        ;
    if (code < 0) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    printf("access %.3f s CPU, %llu lines, %llu broken, %zu groups\n",
           (double)at.tv_sec + (double)at.tv_nsec / 1e9,
           (unsigned long long)access_scan_lines(scan),
           (unsigned long long)access_scan_broken(scan)->count,
           access_groups_count(access_scan_groups(scan)));
    access_scan_free(scan);
    return 0;
}
