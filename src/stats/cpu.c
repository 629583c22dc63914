/* stats/cpu.c - the choice of a vector level, made once. */
#include "moontide/stats/cpu.h"

#include "kernels.h"

#include <assert.h>
#include <stdatomic.h>

static const struct {
    const char *name;
    const struct kernels *kernels;
} levels[CPU_LEVELS] = {
    [CPU_PORTABLE] = {"portable", &kernels_portable},
#ifdef __x86_64__
    [CPU_AVX2] = {"avx2", &kernels_avx2},
    [CPU_AVX512] = {"avx512", &kernels_avx512},
#else
    [CPU_AVX2] = {"avx2", NULL},
    [CPU_AVX512] = {"avx512", NULL},
#endif
};

static _Atomic(int) chosen = -1;

const char *cpu_level_name(enum cpu_level level)
{
    return levels[level].name;
}

bool cpu_has(enum cpu_level level)
{
    switch (level) {
    case CPU_PORTABLE: return true;
#ifdef __x86_64__
    case CPU_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
               __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
    case CPU_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    default: return false;
    }
}

enum cpu_level cpu_level(void)
{
    int level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level < 0) {
        level = CPU_LEVELS - 1;
        while (!cpu_has((enum cpu_level)level))
            level--;
        atomic_store_explicit(&chosen, level, memory_order_relaxed);
    }
    return (enum cpu_level)level;
}

void cpu_level_set(enum cpu_level level)
{
    assert(cpu_has(level));
    atomic_store_explicit(&chosen, (int)level, memory_order_relaxed);
}

const struct kernels *kernels_now(void)
{
    return levels[cpu_level()].kernels;
}
