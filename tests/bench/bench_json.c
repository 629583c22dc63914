/* bench/bench_json.c - an answer of DescribeServices (100 services, about 250 KB) to Lua tables: by
 * the model (client:parse), and without one (json.decode). CPU time with what the collector costs:
 * the tables of each round are garbage in the next. */
#include "moontide/base/clock.h"
#include "moontide/bind/host.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/task.h"
#include "services_json.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 400, SERVICES = 100 };

static void die(const char *what)
{
    fprintf(stderr, "bench_json: %s\n", what);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, size_t bytes, int64_t *times_ns)
{
    int64_t sum = 0;
    for (int i = 0; i < ROUNDS; i++)
        sum += times_ns[i];
    qsort(times_ns, ROUNDS, sizeof *times_ns, by_value);
    printf("%-34s %7zu bytes  mean %6.1f MB/s  median %6.1f MB/s  best %6.1f MB/s\n", what, bytes,
           (double)bytes * ROUNDS * 1e3 / (double)sum,
           (double)bytes * 1e3 / (double)times_ns[ROUNDS / 2],
           (double)bytes * 1e3 / (double)times_ns[0]);
}

static void bench_decode(lua_State *L, const struct strbuf *text)
{
    static int64_t times_ns[ROUNDS];
    struct fault fault;
    for (int i = -20; i < ROUNDS; i++) {
        int64_t before = clock_cpu_ns();
        if (convert_from_json(L, text->data, text->len, &fault) != OK) die(fault.text);
        lua_settop(L, 0);
        if (i >= 0) times_ns[i] = clock_cpu_ns() - before;
    }
    report("json.decode", text->len, times_ns);
}

/* Leaves on the stack: what parses the answer at index 1. */
static void load_client(struct vm *vm)
{
    static const char source[] =
        "local ecs, answer = aws.client('ecs'), {status = 200, body = ...}\n"
        "return function() return ecs:parse('describe_services', answer) end";
    struct fault fault;
    vm_module(vm_lua(vm), "async", open_async);
    vm_module(vm_lua(vm), "aws", open_aws);
    if (vm_load(vm, source, sizeof source - 1, "=bench", &fault) != OK) die(fault.text);
}

static void bench_client(struct vm *vm, const struct strbuf *text)
{
    static int64_t times_ns[ROUNDS];
    struct fault fault;
    lua_State *L = vm_lua(vm);
    load_client(vm);
    lua_pushlstring(L, text->data, text->len);
    if (vm_call(vm, L, 1, 1, &fault, NULL) != OK) die(fault.text);
    for (int i = -20; i < ROUNDS; i++) {
        int64_t before = clock_cpu_ns();
        lua_pushvalue(L, 1);
        if (vm_call(vm, L, 0, 1, &fault, NULL) != OK) die(fault.text);
        lua_settop(L, 1);
        if (i >= 0) times_ns[i] = clock_cpu_ns() - before;
    }
    report("client:parse, by the model", text->len, times_ns);
    lua_settop(L, 0);
}

int main(void)
{
    static const struct host host = {.world_name = "bench"};
    struct binding binding = {.host = &host};
    struct vm *vm = NULL;
    struct strbuf text;
    strbuf_init(&text, 16 << 20);
    services_json(&text, SERVICES);
    if (vm_new(&(struct vm_options){.owner = &binding}, &vm) != OK) die("no Lua state");
    bench_client(vm, &text);
    bench_decode(vm_lua(vm), &text);
    vm_free(vm);
    strbuf_done(&text);
    return 0;
}
