/* base/clock.c - real, manual and scaled clocks. */
#include "moontide/base/clock.h"

#include <assert.h>
#include <math.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts); /* cannot fail for the ids used here */
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void clock_init_real(struct clock *clock)
{
    *clock = (struct clock){.kind = CLOCK_REAL};
}

void clock_init_manual(struct clock *clock, int64_t wall_ms)
{
    *clock = (struct clock){.kind = CLOCK_MANUAL, .wall_ms = wall_ms, .mono_ns = 1};
}

void clock_init_scaled(struct clock *clock, int64_t wall_ms, double speed)
{
    assert(speed > 0);
    *clock = (struct clock){.kind = CLOCK_SCALED,
                            .wall_ms = wall_ms,
                            .origin_ns = read_ns(CLOCK_MONOTONIC),
                            .speed = speed};
}

void clock_advance(struct clock *clock, int64_t ms)
{
    assert(clock->kind == CLOCK_MANUAL);
    clock->wall_ms += ms;
    clock->mono_ns += ms * 1000000;
}

int64_t clock_now_ms(const struct clock *clock)
{
    switch (clock->kind) {
    case CLOCK_MANUAL: return clock->wall_ms;
    case CLOCK_SCALED: {
        double real_ms = (double)(read_ns(CLOCK_MONOTONIC) - clock->origin_ns) / 1e6;
        return clock->wall_ms + (int64_t)(real_ms * clock->speed);
    }
    case CLOCK_REAL: break;
    }
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ns(const struct clock *clock)
{
    return clock->kind == CLOCK_MANUAL ? clock->mono_ns : read_ns(CLOCK_MONOTONIC);
}

int64_t clock_real_ms_until(const struct clock *clock, int64_t wall_ms)
{
    int64_t left = wall_ms - clock_now_ms(clock);
    if (left <= 0) return 0;
    if (clock->kind == CLOCK_MANUAL) return 1;
    if (clock->kind == CLOCK_SCALED) return (int64_t)ceil((double)left / clock->speed);
    return left;
}

int64_t clock_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
