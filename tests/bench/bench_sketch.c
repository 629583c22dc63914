/* bench_sketch - what a sketch costs: inserts, a quantile after an insert, a merge, bytes. */
#include "moontide/bind/host.h"
#include "moontide/stats/sketch.h"
#include "moontide/vm/vm.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef HAVE_HDR
#include <hdr/hdr_histogram.h>
#include <hdr/hdr_histogram_log.h>
#endif

enum { VALUES = 1000000, ROUNDS = 25, MERGED = 1000, EACH = 10000, QUERIES = 100000 };

static double values[VALUES];
static volatile double sink;

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Lognormal, sigma 1, by Box and Muller; the median is 1. */
static void make_values(void)
{
    srand48(20240601);
    for (size_t i = 0; i < VALUES; i++)
        values[i] = exp(sqrt(-2 * log(1 - drand48())) * cos(6.283185307179586 * drand48()));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, double *costs, double per, const char *unit)
{
    qsort(costs, ROUNDS, sizeof *costs, by_value);
    printf("%-44s median %8.2f  best %8.2f %s\n", what, costs[ROUNDS / 2] / per, costs[0] / per,
           unit);
}

static void need(bool holds)
{
    if (holds) return;
    fprintf(stderr, "bench_sketch: a step failed\n");
    exit(1);
}

static struct sketch *new_sketch(void)
{
    struct sketch *sketch = NULL;
    need(sketch_new(SKETCH_SCALE_DEFAULT, 0, &sketch) == OK);
    return sketch;
}

/* ---- the sketch ---- */

static void bench_bulk(void)
{
    double costs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct sketch *sketch = new_sketch();
        double begin = cpu_ns();
        need(sketch_add_all(sketch, values, VALUES, NULL) == OK);
        costs[i] = cpu_ns() - begin;
        sketch_free(sketch);
    }
    report("sketch: bulk insert of 1e6", costs, VALUES, "ns a value");
}

static void bench_single(void)
{
    double costs[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct sketch *sketch = new_sketch();
        double begin = cpu_ns();
        for (size_t k = 0; k < VALUES; k++)
            need(sketch_add(sketch, values[k], 1) == OK);
        costs[i] = cpu_ns() - begin;
        sketch_free(sketch);
    }
    report("sketch: one by one from C", costs, VALUES, "ns a value");
}

static void bench_query(double q)
{
    double costs[ROUNDS];
    char what[64];
    struct sketch *sketch = new_sketch();
    need(sketch_add_all(sketch, values, VALUES, NULL) == OK);
    for (int i = 0; i < ROUNDS; i++) {
        double begin = cpu_ns();
        for (size_t k = 0; k < QUERIES; k++) {
            need(sketch_add(sketch, values[k], 1) == OK);
            sink = sketch_quantile(sketch, q);
        }
        costs[i] = cpu_ns() - begin;
    }
    snprintf(what, sizeof what, "sketch: p%g after an insert", q * 100);
    report(what, costs, QUERIES, "ns");
    sketch_free(sketch);
}

static void bench_merge(void)
{
    static struct sketch *parts[MERGED];
    double costs[ROUNDS];
    for (size_t i = 0; i < MERGED; i++) {
        parts[i] = new_sketch();
        need(sketch_add_all(parts[i], values + i * 997 % (VALUES - EACH), EACH, NULL) == OK);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct sketch *whole = new_sketch();
        double begin = cpu_ns();
        for (size_t k = 0; k < MERGED; k++)
            need(sketch_merge(whole, parts[k]) == OK);
        costs[i] = cpu_ns() - begin;
        sketch_free(whole);
    }
    report("sketch: merge of 1,000 of 10,000 values", costs, 1000, "us");
    for (size_t i = 0; i < MERGED; i++)
        sketch_free(parts[i]);
}

static void bench_bytes(void)
{
    double costs[ROUNDS];
    struct strbuf bytes;
    struct sketch *sketch = new_sketch(), *again = NULL;
    need(sketch_add_all(sketch, values, EACH, NULL) == OK);
    strbuf_init(&bytes, SKETCH_ENCODED_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        strbuf_reset(&bytes);
        double begin = cpu_ns();
        sketch_encode(sketch, &bytes);
        costs[i] = cpu_ns() - begin;
    }
    printf("%-44s %zu bytes, bound %.4f %%, %zu buckets, %zu bytes of memory\n",
           "sketch: 10,000 values encoded", bytes.len, sketch_error(sketch) * 100,
           sketch_buckets(sketch), sketch_bytes(sketch));
    report("sketch: encode", costs, 1000, "us");
    for (int i = 0; i < ROUNDS; i++) {
        double begin = cpu_ns();
        need(sketch_decode(NULL, bytes.data, bytes.len, &again, NULL) == OK);
        costs[i] = cpu_ns() - begin;
        sketch_free(again);
    }
    report("sketch: decode", costs, 1000, "us");
    strbuf_done(&bytes);
    sketch_free(sketch);
}

/* ---- from Lua ---- */

/* What any method costs: it is found as a sketch's are, and does nothing. */
static int do_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static int open_bare(lua_State *L)
{
    static const luaL_Reg methods[] = {{"add", do_nothing}, {NULL, NULL}};
    lua_newuserdatauv(L, sizeof(void *), 0);
    lua_createtable(L, 0, 1);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    return 1;
}

/* The three loops take turns, and so do the two in which a sketch is asked. */
static const char chunk[] =
    "local clock, best = os.clock, {}\n"
    "local function take(what, f) local t = clock(); f()\n"
    "  best[what] = math.min(best[what] or math.huge, clock() - t) end\n"
    "local v, n = {}, 1000000\n"
    "for i = 1, n do v[i] = math.exp(math.sqrt(-2 * math.log(1 - math.random()))\n"
    "  * math.cos(6.283185307179586 * math.random())) end\n"
    "local s, bare = stats.sketch(), bare\n"
    "for _ = 1, 15 do\n"
    "  take('loop', function() local x for i = 1, n do x = v[i] end end)\n"
    "  take('bare', function() for i = 1, n do bare:add(v[i]) end end)\n"
    "  take('add', function() for i = 1, n do s:add(v[i]) end end)\n"
    "  take('query', function() for i = 1, n do s:add(v[i]) s:quantile(0.99) end end)\n"
    "  take('all', function() s:add_all(v) end)\n"
    "end\n"
    "for what, least in pairs(best) do best[what] = least / n * 1e9 end\n"
    "print(string.format('%-44s best   %8.2f ns a value (a method that does nothing %.2f,'\n"
    "  .. ' the loop alone %.2f)', 'Lua: s:add one by one', best.add, best.bare, best.loop))\n"
    "print(string.format('%-44s best   %8.2f ns', 'Lua: s:add and s:quantile(0.99)', best.query))\n"
    "print(string.format('%-44s best   %8.2f ns a value', 'Lua: s:add_all(table of 1e6)',\n"
    "  best.all))\n";

static void bench_lua(void)
{
    struct vm *vm = NULL;
    struct fault fault;
    need(vm_new(&(struct vm_options){.sandboxed = false}, &vm) == OK);
    vm_module(vm_lua(vm), "stats", open_stats);
    vm_module(vm_lua(vm), "bare", open_bare);
    fflush(stdout);
    int code = vm_load(vm, chunk, strlen(chunk), "=bench", &fault);
    if (code == OK) code = vm_call(vm, vm_lua(vm), 0, 0, &fault, NULL);
    if (code != OK) fprintf(stderr, "%s\n", fault.text);
    need(code == OK);
    vm_free(vm);
}

/* ---- HdrHistogram ---- */

#ifdef HAVE_HDR
/* It counts whole numbers: values in units of 1e-6, to 1e9 units, 2 digits. */
static struct hdr_histogram *new_peer(void)
{
    struct hdr_histogram *peer = NULL;
    need(hdr_init(1, 1000000000, 2, &peer) == 0);
    return peer;
}

static int64_t in_units(double value)
{
    return (int64_t)(value * 1e6) + 1;
}

static void bench_peer(void)
{
    static int64_t whole[VALUES];
    static struct hdr_histogram *parts[MERGED];
    double costs[ROUNDS];
    struct hdr_histogram *peer = new_peer();
    for (size_t i = 0; i < VALUES; i++)
        whole[i] = in_units(values[i]);
    for (int i = 0; i < ROUNDS; i++) {
        double begin = cpu_ns();
        for (size_t k = 0; k < VALUES; k++)
            hdr_record_value(peer, whole[k]);
        costs[i] = cpu_ns() - begin;
    }
    report("HdrHistogram, 2 digits: insert of 1e6", costs, VALUES, "ns a value");
    for (int i = 0; i < ROUNDS; i++) {
        double begin = cpu_ns();
        for (size_t k = 0; k < QUERIES; k++) {
            hdr_record_value(peer, whole[k]);
            sink = (double)hdr_value_at_percentile(peer, 99);
        }
        costs[i] = cpu_ns() - begin;
    }
    report("HdrHistogram: p99 after an insert", costs, QUERIES, "ns");
    for (size_t i = 0; i < MERGED; i++) {
        parts[i] = new_peer();
        for (size_t k = 0; k < EACH; k++)
            hdr_record_value(parts[i], whole[i * 997 % (VALUES - EACH) + k]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct hdr_histogram *sum = new_peer();
        double begin = cpu_ns();
        for (size_t k = 0; k < MERGED; k++)
            hdr_add(sum, parts[k]);
        costs[i] = cpu_ns() - begin;
        hdr_close(sum);
    }
    report("HdrHistogram: merge of 1,000", costs, 1000, "us");
    char *text = NULL;
    need(hdr_log_encode(parts[0], &text) == 0);
    printf("%-44s %zu bytes (compressed, without base64)\n", "HdrHistogram: 10,000 values encoded",
           strlen(text) * 3 / 4);
    free(text);
    for (size_t i = 0; i < MERGED; i++)
        hdr_close(parts[i]);
    hdr_close(peer);
}
#endif

int main(void)
{
    make_values();
    bench_bulk();
    bench_single();
    bench_query(0.5);
    bench_query(0.99);
    bench_merge();
    bench_bytes();
    bench_lua();
#ifdef HAVE_HDR
    bench_peer();
#else
    printf("HdrHistogram_c is not at hand (hdr_histogram.pc)\n");
#endif
    return 0;
}
