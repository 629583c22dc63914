/* aws/throttle.c - two token buckets: a fixed rate, and CUBIC. */
#include "throttle.h"

#include <math.h>

#define NS_A_SECOND 1e9

void throttle_init(struct throttle *throttle, double rate_per_s, int64_t now_ns)
{
    double burst = rate_per_s / 10 > 1 ? rate_per_s / 10 : 1;
    *throttle = (struct throttle){rate_per_s, burst, burst, now_ns};
}

int64_t throttle_take(struct throttle *throttle, int64_t now_ns)
{
    double passed_s = (double)(now_ns - throttle->filled_ns) / NS_A_SECOND;
    if (passed_s > 0) {
        throttle->tokens += passed_s * throttle->rate_per_s;
        if (throttle->tokens > throttle->burst) throttle->tokens = throttle->burst;
        throttle->filled_ns = now_ns;
    }
    throttle->tokens -= 1;
    if (throttle->tokens >= 0) return 0;
    return (int64_t)ceil(-throttle->tokens / throttle->rate_per_s * NS_A_SECOND);
}

void throttle_give_back(struct throttle *throttle)
{
    throttle->tokens += 1;
}

static const double RATE_MIN = 0.5;       /* a second: never stands still */
static const double BETA = 0.7;           /* what is left of the rate after a throttling answer */
static const double SCALE = 0.4;          /* how fast CUBIC grows */
static const double SMOOTHING = 0.8;      /* weight of the newest window */
static const double WINDOWS_A_SECOND = 2; /* of measuring */
static const double AHEAD = 2;            /* times what is really sent, at most */

static double seconds(int64_t ns)
{
    return (double)ns / NS_A_SECOND;
}

void adaptive_init(struct adaptive *adaptive, int64_t now_ns)
{
    *adaptive = (struct adaptive){
        .rate = RATE_MIN,
        .capacity = 1,
        .filled_ns = now_ns,
        .window_s = floor(seconds(now_ns)),
        .throttled_s = seconds(now_ns),
    };
}

static void fill(struct adaptive *adaptive, int64_t now_ns)
{
    adaptive->tokens += seconds(now_ns - adaptive->filled_ns) * adaptive->rate;
    if (adaptive->tokens > adaptive->capacity) adaptive->tokens = adaptive->capacity;
    adaptive->filled_ns = now_ns;
}

int64_t adaptive_acquire(struct adaptive *adaptive, int64_t now_ns)
{
    if (!adaptive->enabled) return 0;
    fill(adaptive, now_ns);
    if (adaptive->tokens >= 1) {
        adaptive->tokens -= 1;
        return 0;
    }
    return (int64_t)ceil((1 - adaptive->tokens) / adaptive->rate * NS_A_SECOND);
}

static void measure(struct adaptive *adaptive, int64_t now_ns)
{
    double window_s = floor(seconds(now_ns) * WINDOWS_A_SECOND) / WINDOWS_A_SECOND;
    adaptive->window_count++;
    if (window_s <= adaptive->window_s) return;
    double rate = (double)adaptive->window_count / (window_s - adaptive->window_s);
    adaptive->measured_rate = rate * SMOOTHING + adaptive->measured_rate * (1 - SMOOTHING);
    adaptive->window_count = 0;
    adaptive->window_s = window_s;
}

static double cut(struct adaptive *adaptive, double rate, double now_s)
{
    adaptive->max_rate = rate;
    adaptive->zero_point_s = cbrt(rate * (1 - BETA) / SCALE);
    adaptive->throttled_s = now_s;
    return rate * BETA;
}

static double grown(const struct adaptive *adaptive, double now_s)
{
    double t = now_s - adaptive->throttled_s - adaptive->zero_point_s;
    return SCALE * t * t * t + adaptive->max_rate;
}

void adaptive_answer(struct adaptive *adaptive, bool throttled, int64_t now_ns)
{
    double now_s = seconds(now_ns), rate;
    measure(adaptive, now_ns);
    if (throttled) {
        rate = adaptive->measured_rate;
        if (adaptive->enabled && adaptive->rate < rate) rate = adaptive->rate;
        rate = cut(adaptive, rate, now_s);
        adaptive->enabled = true;
    } else {
        rate = grown(adaptive, now_s);
    }
    if (rate > AHEAD * adaptive->measured_rate) rate = AHEAD * adaptive->measured_rate;
    fill(adaptive, now_ns);
    adaptive->rate = rate > RATE_MIN ? rate : RATE_MIN;
    adaptive->capacity = rate > 1 ? rate : 1;
    if (adaptive->tokens > adaptive->capacity) adaptive->tokens = adaptive->capacity;
}
