/* io/backoff.h - how long to wait before the next attempt, and whether there may be one.
 *
 * AWS "standard" mode: 3 attempts, full-jitter exponential backoff rand(0,1) x 1, 2, 4, ...
 * seconds, at most 20 s; retry quota of 500 tokens: 5 for a retry, 10 after a timeout, given back
 * on success, and 1 for a call that needed no retry. Source: AWS SDK reference guide, "Retry
 * behavior". */
#ifndef MOONTIDE_IO_BACKOFF_H
#define MOONTIDE_IO_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff_policy {
    int max_attempts; /* 0: 3; for the caller to count */
    int64_t base_ms;  /* 0: 1,000 */
    int64_t cap_ms;   /* 0: 20,000 */
};

struct retry_quota {
    int tokens, capacity;
};

void retry_quota_init(struct retry_quota *quota); /* 500 of 500 */
/* Takes 5 (10 after a timeout); false when there are not enough: then do not retry. *cost is what
 * was taken, and is left alone on false. */
bool retry_quota_take(struct retry_quota *quota, bool timeout, int *cost);
/* A call ended well: gives back what its last retry cost, or 1 when it needed none (cost 0). */
void retry_quota_give(struct retry_quota *quota, int cost);

/* The wait before attempt number `attempt` + 1 (attempt counts from 1), `random` in [0,1):
 * random x min(cap, base x 2^(attempt-1)), so that waits stay spread out at the cap too. */
int64_t backoff_ms(const struct backoff_policy *policy, int attempt, double random);

/* A number in [0,1) from a splitmix64 state; seed it once with anything. */
double backoff_random(uint64_t *state);

#endif
