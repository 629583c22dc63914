/* aws/throttle.h - how fast a client may send: a fixed rate of its own, and one that it learns from
 * throttling answers.
 *
 * Both are token buckets on the caller's time (monotonic nanoseconds); nothing here waits. */
#ifndef MOONTIDE_AWS_THROTTLE_H
#define MOONTIDE_AWS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

/* A fixed rate. Tokens are promised ahead, so callers are served in the order in which they came.
 */
struct throttle {
    double rate_per_s, burst, tokens;
    int64_t filled_ns;
};
/* A burst of a tenth of a second's worth, at least one. */
void throttle_init(struct throttle *throttle, double rate_per_s, int64_t now_ns);
/* Takes a token and says how long to wait until it is there: 0, at once. */
int64_t throttle_take(struct throttle *throttle, int64_t now_ns);
/* Who waited for a token does not want it any more. */
void throttle_give_back(struct throttle *throttle);

/* The rate of retry mode "adaptive": free until the first throttling answer, then by CUBIC, grown
 * by success, cut to 0.7 by throttling. Source: AWS SDKs and Tools Reference Guide, "Retry
 * behavior"; the constants are those of the official SDKs. */
struct adaptive {
    bool enabled;
    double rate, capacity, tokens; /* the bucket */
    int64_t filled_ns;
    double measured_rate, window_s; /* what is really sent, in windows of half a second */
    uint64_t window_count;
    double max_rate, zero_point_s, throttled_s; /* CUBIC: W_max, K, time of the last cut */
};
void adaptive_init(struct adaptive *adaptive, int64_t now_ns);
/* 0: it may be sent, and a token was taken; else how long to wait before asking again. */
int64_t adaptive_acquire(struct adaptive *adaptive, int64_t now_ns);
void adaptive_answer(struct adaptive *adaptive, bool throttled, int64_t now_ns);

#endif
