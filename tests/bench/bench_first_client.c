/* bench/bench_first_client.c - the first client of a service in a process, as a script makes it:
 * the model is loaded, and one operation is serialized, so that nothing is left for the first call.
 * Each time in a process of its own; medians of CPU time.
 *
 *   bench_first_client [ROUNDS] */
#include "moontide/base/clock.h"
#include "moontide/bind/host.h"
#include "moontide/vm/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 51, ROUNDS_MAX = 1000 };

static const struct {
    const char *service, *source;
} cases[] = {
    {"ecs", "aws.client('ecs', {region = 'eu-west-1'}):serialize('list_clusters', {})"},
    {"dynamodb", "aws.client('dynamodb', {region = 'eu-west-1'}):serialize('list_tables', {})"},
    {"rds", "aws.client('rds', {region = 'eu-west-1'}):serialize('describe_db_instances', {})"},
};

static void die(const char *what)
{
    fprintf(stderr, "bench_first_client: %s\n", what);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t measure(const char *source)
{
    static const struct host host = {.world_name = "bench"};
    struct binding binding = {.host = &host};
    struct vm *vm = NULL;
    struct fault fault;
    if (vm_new(&(struct vm_options){.owner = &binding}, &vm) != OK) die("no Lua state");
    lua_State *L = vm_lua(vm);
    vm_module(L, "async", open_async);
    vm_module(L, "aws", open_aws);
    if (vm_load(vm, source, strlen(source), "=bench", &fault) != OK) die(fault.text);
    int64_t before_ns = clock_cpu_ns();
    if (vm_call(vm, L, 0, 0, &fault, NULL) != OK) die(fault.text);
    int64_t taken_ns = clock_cpu_ns() - before_ns;
    vm_free(vm);
    return taken_ns;
}

static int64_t measure_alone(const char *source)
{
    int fds[2], status;
    int64_t taken_ns = 0;
    if (pipe(fds) < 0) die("no pipe");
    pid_t pid = fork();
    if (pid < 0) die("no process");
    if (pid == 0) {
        taken_ns = measure(source);
        _exit(write(fds[1], &taken_ns, sizeof taken_ns) == sizeof taken_ns ? 0 : 1);
    }
    if (read(fds[0], &taken_ns, sizeof taken_ns) != sizeof taken_ns) die("a process failed");
    (void)waitpid(pid, &status, 0);
    close(fds[0]);
    close(fds[1]);
    return taken_ns;
}

int main(int argc, char **argv)
{
    static int64_t times_ns[ROUNDS_MAX];
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    if (rounds < 1 || rounds > ROUNDS_MAX) die("bench_first_client [ROUNDS]");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int round = 0; round < rounds; round++)
            times_ns[round] = measure_alone(cases[i].source);
        qsort(times_ns, (size_t)rounds, sizeof *times_ns, by_value);
        printf("%-10s median %6.3f ms  best %6.3f ms\n", cases[i].service,
               (double)times_ns[rounds / 2] / 1e6, (double)times_ns[0] / 1e6);
    }
    return 0;
}
