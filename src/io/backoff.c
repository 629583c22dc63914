/* io/backoff.c - how long to wait before the next attempt, and whether there may be one. */
#include "moontide/io/backoff.h"

enum {
    QUOTA_TOKENS = 500,
    COST_RETRY = 5,
    COST_TIMEOUT = 10,
    GAIN_NO_RETRY = 1,
    BASE_MS_DEFAULT = 1000,
    CAP_MS_DEFAULT = 20000,
};

void retry_quota_init(struct retry_quota *quota)
{
    *quota = (struct retry_quota){.tokens = QUOTA_TOKENS, .capacity = QUOTA_TOKENS};
}

bool retry_quota_take(struct retry_quota *quota, bool timeout, int *cost)
{
    int price = timeout ? COST_TIMEOUT : COST_RETRY;
    if (quota->tokens < price) return false;
    quota->tokens -= price;
    *cost = price;
    return true;
}

void retry_quota_give(struct retry_quota *quota, int cost)
{
    quota->tokens += cost > 0 ? cost : GAIN_NO_RETRY;
    if (quota->tokens > quota->capacity) quota->tokens = quota->capacity;
}

int64_t backoff_ms(const struct backoff_policy *policy, int attempt, double random)
{
    int64_t cap_ms = policy->cap_ms > 0 ? policy->cap_ms : CAP_MS_DEFAULT;
    int64_t most_ms = policy->base_ms > 0 ? policy->base_ms : BASE_MS_DEFAULT;
    for (int i = 1; i < attempt && most_ms < cap_ms; i++)
        most_ms = most_ms > cap_ms / 2 ? cap_ms : most_ms * 2;
    if (most_ms > cap_ms) most_ms = cap_ms;
    return (int64_t)(random * (double)most_ms);
}

/* Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014). */
double backoff_random(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1.0p-53;
}
