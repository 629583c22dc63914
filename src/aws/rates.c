/* aws/rates.c - the limits that are known, and the throttles that clients share. */
#include "moontide/aws/rates.h"

#include "moontide/base/err.h"

#include "throttle.h"

#include <stdlib.h>
#include <string.h>

/* Documented limits that a client reaches by itself. */
static const struct known_rate {
    const char *service_id, *operation;
    double rate_per_s;
} known_rates[] = {
    {"CloudWatch", "GetMetricData", 50}, /* CloudWatch service quotas, default */
};

struct shared_rate {
    struct shared_rate *next;
    const struct known_rate *known;
    char *region;
    struct throttle throttle;
};

struct rates {
    struct shared_rate *first;
};

int rates_new(struct rates **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

void rates_free(struct rates *rates)
{
    if (!rates) return;
    for (struct shared_rate *rate; (rate = rates->first);) {
        rates->first = rate->next;
        free(rate->region);
        free(rate);
    }
    free(rates);
}

static const struct known_rate *find(const char *service_id)
{
    for (size_t i = 0; service_id && i < COUNT_OF(known_rates); i++)
        if (strcmp(known_rates[i].service_id, service_id) == 0) return &known_rates[i];
    return NULL;
}

const char *rates_operation(const char *service_id)
{
    const struct known_rate *known = find(service_id);
    return known ? known->operation : NULL;
}

struct throttle *rates_get(struct rates *rates, const char *service_id, const char *region,
                           int64_t now_ns)
{
    const struct known_rate *known = find(service_id);
    if (!known) return NULL;
    if (!region) region = "";
    for (struct shared_rate *rate = rates->first; rate; rate = rate->next)
        if (rate->known == known && strcmp(rate->region, region) == 0) return &rate->throttle;
    struct shared_rate *rate = calloc(1, sizeof *rate);
    if (!rate || !(rate->region = strdup(region))) {
        free(rate);
        return NULL;
    }
    rate->known = known;
    throttle_init(&rate->throttle, known->rate_per_s, now_ns);
    rate->next = rates->first;
    rates->first = rate;
    return &rate->throttle;
}
