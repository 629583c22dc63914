/* stats/cpu.h - which vector instructions the statistics use.
 *
 * The best level that the CPU has is chosen at the first use. Rule 1: every level gives the same
 * bits. Rule 2: setting a level is for tests and benchmarks; no other thread may be in a function
 * of stats meanwhile.
 *
 * Portable and AVX2 were run on real hardware. AVX-512 was not: its source runs in the tests over
 * SIMDe, an emulation of the instructions (CPU_AVX512_EMULATED), where that is installed. */
#ifndef MOONTIDE_STATS_CPU_H
#define MOONTIDE_STATS_CPU_H

#include <stdbool.h>

enum cpu_level { CPU_PORTABLE, CPU_AVX2, CPU_AVX512, CPU_LEVELS };

const char *cpu_level_name(enum cpu_level level);
bool cpu_has(enum cpu_level level);

enum cpu_level cpu_level(void);
/* The CPU must have the level. */
void cpu_level_set(enum cpu_level level);

#endif
