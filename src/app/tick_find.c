/* app/tick_find.c - which recorded tick is meant by a number, a time, or so many ticks from here.
 */
#include "moontide/app/past.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

struct taking {
    struct tick_place place;
    bool found;
};

static bool take(void *data, const struct recorded *row)
{
    struct taking *taking = data;
    taking->place = (struct tick_place){row->tick, row->at_ms};
    taking->found = true;
    return true;
}

static int look(struct recording_reader *reader, const struct past_policy *policy,
                struct recording_filter filter, struct taking *taking, struct fault *fault)
{
    filter.world = policy->world;
    filter.policy = policy->policy;
    *taking = (struct taking){.found = false};
    return recording_each(reader, &filter, take, taking, fault);
}

/* What there is around a number that is not there. */
static int not_there(struct recording_reader *reader, const struct past_policy *policy,
                     uint64_t number, struct fault *fault)
{
    struct taking before = {.found = false}, after = before;
    char texts[2][TIME_TEXT_MAX] = {"", ""};
    const struct recording_filter earlier = {.to_tick = number, .newest = true, .limit = 1};
    const struct recording_filter later = {.from_tick = number, .limit = 1};
    int code = look(reader, policy, earlier, &before, fault);
    if (code == OK) code = look(reader, policy, later, &after, fault);
    if (code < 0) return code;
    bool earlier_is_nearest = before.found && (!after.found || number - before.place.number <=
                                                                   after.place.number - number);
    const struct tick_place *nearest = earlier_is_nearest ? &before.place : &after.place;
    if (before.found) time_format(before.place.at_ms, texts[0]);
    if (after.found) time_format(after.place.at_ms, texts[1]);
    return fault_set(fault, ERR_NOT_FOUND,
                     "tick %llu of %s is not recorded; the nearest is %llu (%s)",
                     (unsigned long long)number, policy->policy,
                     (unsigned long long)nearest->number, texts[earlier_is_nearest ? 0 : 1]);
}

static int find_number(struct recording_reader *reader, const struct past_policy *policy,
                       uint64_t number, struct tick_place *out, struct fault *fault)
{
    struct taking taking = {.found = false};
    const struct recording_filter one = {.from_tick = number, .to_tick = number};
    int code = number > 0 ? look(reader, policy, one, &taking, fault) : OK;
    if (code < 0) return code;
    if (!taking.found) return not_there(reader, policy, number ? number : 1, fault);
    *out = taking.place;
    return OK;
}

/* The last one that began by then. */
static int find_time(struct recording_reader *reader, const struct past_policy *policy,
                     int64_t at_ms, struct tick_place *out, struct fault *fault)
{
    struct taking taking = {.found = false};
    const struct recording_filter until = {.to_ms = at_ms, .newest = true, .limit = 1};
    int code = at_ms > 0 ? look(reader, policy, until, &taking, fault) : OK;
    if (code < 0) return code;
    if (!taking.found) {
        char first[TIME_TEXT_MAX];
        time_format(policy->first_ms, first);
        return fault_set(fault, ERR_NOT_FOUND,
                         "nothing of %s is recorded of that time; the nearest tick is %llu (%s)",
                         policy->policy, (unsigned long long)policy->first_tick, first);
    }
    *out = taking.place;
    return OK;
}

int tick_find(struct recording_reader *reader, const struct past_policy *policy, const char *where,
              struct tick_place *out, struct fault *fault)
{
    char *end;
    int64_t ms;
    unsigned long long number = strtoull(where, &end, 10);
    if (where[0] >= '0' && where[0] <= '9' && !*end)
        return find_number(reader, policy, number, out, fault);
    if (time_parse(where, strlen(where), &ms) == OK)
        return find_time(reader, policy, ms, out, fault);
    if (duration_parse(where, &ms) == OK)
        return find_time(reader, policy, policy->last_ms - ms, out, fault);
    return fault_set(fault, ERR_INVALID,
                     "'%s' is no tick: a number, a time (2026-01-31T12:00:00Z), or how long before "
                     "the newest one (1h)",
                     where);
}

int tick_step(struct recording_reader *reader, const struct past_policy *policy, uint64_t from,
              int64_t ticks, struct tick_place *out, struct fault *fault)
{
    struct taking taking = {.found = false};
    if (ticks == 0) return find_number(reader, policy, from, out, fault);
    bool on = ticks > 0;
    uint64_t count = on ? (uint64_t)ticks : -(uint64_t)ticks;
    struct recording_filter filter = {.newest = !on,
                                      .limit = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count};
    if (on)
        filter.from_tick = from + 1;
    else
        filter.to_tick = from - 1;
    int code = on || from > 1 ? look(reader, policy, filter, &taking, fault) : OK;
    if (code < 0) return code;
    if (!taking.found)
        return fault_set(fault, ERR_NOT_FOUND, "tick %llu is the %s one that is recorded",
                         (unsigned long long)from, on ? "last" : "first");
    *out = taking.place;
    return OK;
}
