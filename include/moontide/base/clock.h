/* base/clock.h - time as a value that is passed in, so that tests and simulated worlds own it.
 *
 * Rule 1: nobody calls clock_gettime or time() but this module.
 * Rule 2: wall time (epoch milliseconds) dates things; mono time measures how long they took. */
#ifndef MOONTIDE_BASE_CLOCK_H
#define MOONTIDE_BASE_CLOCK_H

#include <stdint.h>

enum clock_kind { CLOCK_REAL, CLOCK_MANUAL, CLOCK_SCALED };

/* Plain data; zero-initialised it is the real clock. */
struct clock {
    enum clock_kind kind;
    int64_t wall_ms;   /* manual: now; scaled: wall time at origin_ns */
    int64_t mono_ns;   /* manual: now */
    int64_t origin_ns; /* scaled: real monotonic time at which it began */
    double speed;      /* scaled: simulated seconds a real second, > 0 */
};

void clock_init_real(struct clock *clock);
void clock_init_manual(struct clock *clock, int64_t wall_ms);
/* Begins at wall_ms now and runs `speed` times as fast. */
void clock_init_scaled(struct clock *clock, int64_t wall_ms, double speed);

/* Manual clocks only: moves wall and mono time forward by ms. */
void clock_advance(struct clock *clock, int64_t ms);

int64_t clock_now_ms(const struct clock *clock); /* epoch milliseconds of this clock's world */
int64_t
clock_mono_ns(const struct clock *clock); /* monotonic nanoseconds; real ones but for manual */

/* Real milliseconds until this clock shows wall_ms; 0 if it does already. Manual: 0 or 1. */
int64_t clock_real_ms_until(const struct clock *clock, int64_t wall_ms);

/* CPU time of this process in nanoseconds, for benchmarks and `status`. */
int64_t clock_cpu_ns(void);

#endif
