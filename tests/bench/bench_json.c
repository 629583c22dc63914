/* bench/bench_json.c - an answer of DescribeServices (100 services, about 250 KB) to Lua tables: by
 * the model (client:parse), without one (json.decode), and by others in the same state.
 *
 *   bench_json [BLOCKS [FILE]]      FILE: the text is written there, for who reads it elsewhere
 *
 * CPU time with what the collector costs: the tables of each round are garbage in the next. The
 * readers take turns of a block of rounds, the first few of which do not count, so that what else
 * the machine does disturbs all alike, and each pays for its own garbage. */
#include "bench_json_peers.h"
#include "services_json.h"

#include "moontide/base/clock.h"
#include "moontide/bind/host.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 40, BLOCKS_MAX = 1000, ROUNDS = 12, WARM = 3, SERVICES = 100 };

struct bench {
    struct vm *vm;
    lua_State *L;
    struct strbuf text;
};

/* Stack of the state: 1 what parses by the model, 2 lua-cjson's decode or nil, 3 the text. */
struct reader {
    const char *name;
    void (*read)(struct bench *b); /* pushes the tables */
    int64_t *times_ns;             /* shape: [blocks * (ROUNDS - WARM)] */
};

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

/* ---- the readers ---- */

static void read_by_model(struct bench *b)
{
    struct fault fault;
    lua_pushvalue(b->L, 1);
    if (vm_call(b->vm, b->L, 0, 1, &fault, NULL) != OK) die(fault.text);
}

static void read_by_decode(struct bench *b)
{
    struct fault fault;
    if (convert_from_json(b->L, b->text.data, b->text.len, &fault) != OK) die(fault.text);
}

static void read_by_cjson(struct bench *b)
{
    peer_cjson(b->L, b->text.data, b->text.len);
}

static void read_by_yyjson(struct bench *b)
{
    peer_yyjson(b->L, b->text.data, b->text.len);
}

static void read_by_lua_cjson(struct bench *b)
{
    lua_pushvalue(b->L, 2);
    lua_pushvalue(b->L, 3);
    lua_call(b->L, 1, 1);
}

/* ---- the turns ---- */

static void run(struct bench *b, struct reader *readers, size_t count, int blocks)
{
    for (int block = 0; block < blocks; block++)
        for (size_t i = 0; i < count; i++)
            for (int round = 0; round < ROUNDS; round++) {
                int64_t before_ns = clock_cpu_ns();
                readers[i].read(b);
                lua_settop(b->L, 3);
                if (round < WARM) continue;
                readers[i].times_ns[block * (ROUNDS - WARM) + round - WARM] =
                    clock_cpu_ns() - before_ns;
            }
}

static void report(const struct reader *reader, size_t bytes, int blocks)
{
    size_t count = (size_t)blocks * (ROUNDS - WARM);
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += reader->times_ns[i];
    qsort(reader->times_ns, count, sizeof(int64_t), by_value);
    printf("%-26s %7zu bytes  median %6.1f MB/s  mean %6.1f MB/s  best %6.1f MB/s\n", reader->name,
           bytes, (double)bytes * 1e3 / (double)reader->times_ns[count / 2],
           (double)bytes * (double)count * 1e3 / (double)sum,
           (double)bytes * 1e3 / (double)reader->times_ns[0]);
}

/* ---- what is measured ---- */

static void open_bench(struct bench *b)
{
    static const struct host host = {.world_name = "bench"};
    static struct binding binding = {.host = &host};
    static const char source[] =
        "local ecs, answer = aws.client('ecs'), {status = 200, body = ...}\n"
        "return function() return ecs:parse('describe_services', answer) end";
    struct fault fault;
    strbuf_init(&b->text, 16 << 20);
    services_json(&b->text, SERVICES);
    if (vm_new(&(struct vm_options){.owner = &binding}, &b->vm) != OK) die("no Lua state");
    lua_State *L = b->L = vm_lua(b->vm);
    vm_module(L, "async", open_async);
    vm_module(L, "aws", open_aws);
    if (vm_load(b->vm, source, sizeof source - 1, "=bench", &fault) != OK) die(fault.text);
    lua_pushlstring(L, b->text.data, b->text.len);
    if (vm_call(b->vm, L, 1, 1, &fault, NULL) != OK) die(fault.text);
    if (!peer_push_lua_cjson(L)) lua_pushnil(L);
    lua_pushlstring(L, b->text.data, b->text.len);
}

static void write_text(const struct bench *b, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(b->text.data, 1, b->text.len, file) != b->text.len || fclose(file) != 0)
        die("cannot write the text");
}

int main(int argc, char **argv)
{
    struct reader readers[5] = {{"client:parse, by the model", read_by_model, NULL},
                                {"json.decode", read_by_decode, NULL},
                                {"cJSON", read_by_cjson, NULL}};
    int blocks = argc > 1 ? atoi(argv[1]) : BLOCKS;
    struct bench b;
    size_t count = 3;
    if (blocks < 1 || blocks > BLOCKS_MAX) die("bench_json [BLOCKS [FILE]]");
    open_bench(&b);
    if (argc > 2) write_text(&b, argv[2]);
    if (peer_has_yyjson()) readers[count++] = (struct reader){"yyjson", read_by_yyjson, NULL};
    if (!lua_isnil(b.L, 2))
        readers[count++] = (struct reader){"lua-cjson", read_by_lua_cjson, NULL};
    for (size_t i = 0; i < count; i++) {
        readers[i].times_ns = calloc((size_t)blocks * ROUNDS, sizeof(int64_t));
        if (!readers[i].times_ns) die("out of memory");
    }
    run(&b, readers, count, blocks);
    for (size_t i = 0; i < count; i++) {
        report(&readers[i], b.text.len, blocks);
        free(readers[i].times_ns);
    }
    vm_free(b.vm);
    strbuf_done(&b.text);
    return 0;
}
