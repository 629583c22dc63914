/* tick/collect_plan.c - from what a fetch wants to the fewest calls.
 *
 *   items --what is due, and which range?--> ranges of one group each --by 500 queries--> calls
 *
 * It runs over every entry of a fleet at every tick, so it is linear, compares no strings and
 * allocates nothing but the calls: due entries are linked into their range in the order in which
 * they come. Policies declare the statistics of a metric in the same order each time, so that list
 * is nearly always in order already; where it is not, it is merged into order. */
#include "collect_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { STATISTICS_PER_PRICE = 5 }; /* Amazon CloudWatch pricing, GetMetricData */

/* CloudWatch keeps datapoints of a period below 60 s for 3 hours, of 60 s for 15 days, of 300 s for
 * 63 days, of 3600 s for 455 days. Source: CloudWatch concepts, "Metrics retention". */
int64_t retention_s(int32_t period_s)
{
    const int64_t day_s = 86400;
    if (period_s < 60) return 3 * 3600;
    if (period_s < 300) return 15 * day_s;
    if (period_s < 3600) return 63 * day_s;
    return 455 * day_s;
}

static int64_t floor_to(int64_t value, int64_t step)
{
    int64_t rest = value % step;
    return value - rest - (rest < 0 ? step : 0);
}

/* The group's instants, once a plan. */
static void group_date(struct group *group, const struct collector *c, int64_t now_ms)
{
    if (group->plan == c->plans) return;
    group->plan = c->plans;
    group->end_s = floor_to(now_ms - c->settle_ms, (int64_t)group->period_s * 1000) / 1000;
    group->oldest_s =
        floor_to(now_ms / 1000 - retention_s(group->period_s), group->period_s) + group->period_s;
    group->range = SIZE_MAX;
}

/* What of the entry's window is to be asked for; start = end: nothing. */
struct wish {
    int64_t start_s, end_s;   /* to be asked */
    int64_t window_s, last_s; /* what has to be had in the end: from, to */
};

static struct wish entry_wish(struct collector_entry *e, int64_t now_ms)
{
    const struct group *group = e->group;
    int64_t period_s = group->period_s, reread_s = COLLECT_REREAD_PERIODS * period_s;
    int64_t end_s = group->end_s;
    bool have = e->have_end_s > e->have_start_s;
    if (have && e->have_end_s > end_s) {
        /* The clock went back. A little: wait until it has caught up, the periods that were asked
         * for too early are among those read again. Far: what we have is from a wrong time. */
        if (e->have_end_s - end_s <= reread_s)
            end_s = e->have_end_s;
        else
            have = false;
    }
    if (!have) e->have_start_s = e->have_end_s = 0;
    int64_t window_s = end_s - (int64_t)e->series->slots * period_s;
    e->clamped = window_s < group->oldest_s;
    if (e->clamped) window_s = group->oldest_s;

    struct wish wish = {.window_s = window_s, .last_s = end_s};
    int64_t since_ms = now_ms - e->forbidden_ms;
    if (e->forbidden && since_ms >= 0 && since_ms < COLLECT_FORBIDDEN_MS) return wish;
    bool tail = !have || end_s > e->have_end_s;
    bool head = !have || window_s < e->have_start_s;
    if (!tail && !head) return wish;
    int64_t start_s = head ? window_s : e->have_end_s - reread_s;
    if (start_s < window_s) start_s = window_s;
    wish.start_s = start_s;
    wish.end_s = tail ? end_s : e->have_start_s;
    if (wish.end_s < wish.start_s) wish.end_s = wish.start_s;
    return wish;
}

/* Whether the call that is under way for the entry will give all that is wished for. */
static bool call_suffices(const struct collector_entry *e, const struct wish *wish)
{
    const struct call *call = e->call;
    int64_t start_s = call->start_s, end_s = call->end_s;
    if (e->have_end_s >= start_s && e->have_start_s <= end_s && e->have_end_s > e->have_start_s) {
        if (e->have_start_s < start_s) start_s = e->have_start_s;
        if (e->have_end_s > end_s) end_s = e->have_end_s;
    }
    return start_s <= wish->window_s && end_s >= wish->last_s;
}

/* Ranges. */

static struct range *range_of(struct collector *c, struct group *group, const struct wish *wish)
{
    if (group->range != SIZE_MAX) {
        struct range *last = &c->ranges[group->range];
        if (last->start_s == wish->start_s && last->end_s == wish->end_s) return last;
    }
    for (size_t i = 0; i < c->range_count; i++) {
        struct range *range = &c->ranges[i];
        if (range->group != group || range->start_s != wish->start_s || range->end_s != wish->end_s)
            continue;
        group->range = i;
        return range;
    }
    if (c->range_count == c->range_cap) {
        size_t cap = c->range_cap ? c->range_cap * 2 : 8;
        struct range *ranges = realloc(c->ranges, cap * sizeof *ranges);
        if (!ranges) return NULL;
        c->ranges = ranges;
        c->range_cap = cap;
    }
    group->range = c->range_count;
    struct range *range = &c->ranges[c->range_count++];
    *range = (struct range){
        .group = group, .start_s = wish->start_s, .end_s = wish->end_s, .ordered = true};
    return range;
}

static void range_add(struct range *range, struct collector_entry *e)
{
    e->next_due = NULL;
    e->due = true;
    if (!range->first) {
        range->first = range->last = e;
        return;
    }
    if (e->order < range->last->order) range->ordered = false;
    range->last->next_due = e;
    range->last = e;
}

/* A stable merge sort of a list of `count` entries by order; *rest is what follows them. */
static struct collector_entry *sort_due(struct collector_entry *first, size_t count,
                                        struct collector_entry **rest)
{
    if (count == 1) {
        *rest = first->next_due;
        first->next_due = NULL;
        return first;
    }
    struct collector_entry *middle = NULL, *merged = NULL, **at = &merged;
    struct collector_entry *a = sort_due(first, count / 2, &middle);
    struct collector_entry *b = sort_due(middle, count - count / 2, rest);
    while (a && b) {
        struct collector_entry **least = b->order < a->order ? &b : &a;
        *at = *least;
        at = &(*least)->next_due;
        *least = (*least)->next_due;
    }
    *at = a ? a : b;
    return merged;
}

static void range_sort(struct range *range)
{
    if (range->ordered) return;
    size_t count = 0;
    for (struct collector_entry *e = range->first; e; e = e->next_due)
        count++;
    struct collector_entry *rest = NULL;
    range->first = sort_due(range->first, count, &rest);
}

/* Calls. */

/* How many of the entries from first on fill one call; a family is not torn apart where that can be
 * helped. *queries is what they take. */
static uint32_t call_fill(const struct collector_entry *first, uint32_t *queries)
{
    uint32_t count = 0, used = 0, whole = 0, whole_used = 0;
    const struct collector_entry *before = NULL;
    for (const struct collector_entry *e = first; e; before = e, e = e->next_due) {
        if (before && before->order != e->order) {
            whole = count;
            whole_used = used;
        }
        if (used + e->queries > CLOUDWATCH_QUERIES_MAX) {
            *queries = whole ? whole_used : used;
            return whole ? whole : count;
        }
        used += e->queries;
        count++;
    }
    *queries = used;
    return count;
}

static struct call *call_new(struct fetch *fetch, const struct range *range,
                             struct collector_entry *first)
{
    uint32_t queries = 0, count = call_fill(first, &queries);
    struct call *call =
        malloc(sizeof *call + count * (sizeof call->questions[0] + sizeof call->entries[0]));
    if (!call) return NULL;
    *call = (struct call){
        .collector = fetch->collector,
        .group = range->group,
        .asker = fetch,
        .start_s = range->start_s,
        .end_s = range->end_s,
        .now_ms = fetch->now_ms,
        .datapoints = count * ((range->end_s - range->start_s) / range->group->period_s),
        .count = count,
        .queries = queries,
    };
    call->entries = (struct collector_entry **)&call->questions[count];
    for (uint32_t i = 0; i < count; i++, first = first->next_due)
        call->entries[i] = first;
    if (call_wait(call, fetch) < 0) {
        call_free(call);
        return NULL;
    }
    return call;
}

static int calls_make(struct fetch *fetch, struct call_list *made)
{
    struct collector *c = fetch->collector;
    for (size_t i = 0; i < c->range_count; i++) {
        struct range *range = &c->ranges[i];
        range_sort(range);
        for (struct collector_entry *e = range->first; e;) {
            struct call *call = call_new(fetch, range, e);
            if (!call) return ERR_NOMEM;
            call_list_add(made, call);
            e = call->entries[call->count - 1]->next_due;
        }
    }
    return OK;
}

/* The window is moved only so far as to end at what was asked for last. */
static void ask_entry(struct call *call, uint32_t i)
{
    struct collector_entry *e = call->entries[i];
    bool missing_part = e->have_end_s > e->have_start_s && call->end_s <= e->have_start_s;
    e->due = false;
    e->call = call;
    e->question = i;
    series_move(e->series, missing_part ? e->have_end_s : call->end_s);
    e->series->refused = 0;
    call->questions[i] = (struct metric_question){e->metric, e->series, SERIES_NEW};
}

/* Hands the call over to the queue, and charges those who wanted it. */
static void call_commit(struct call *call, struct fetch *fetch)
{
    struct collector *c = call->collector;
    uint32_t statistic = 0;
    for (uint32_t i = 0; i < call->count; i++) {
        struct collector_entry *e = call->entries[i];
        uint32_t owner = e->owner;
        ask_entry(call, i);
        statistic = i > 0 && call->entries[i - 1]->order == e->order ? statistic + 1 : 0;
        if (statistic % STATISTICS_PER_PRICE != 0) continue;
        fetch->charged[owner] += e->price;
        call->charged += e->price;
    }
    fetch->result.calls++;
    fetch->result.queries += call->queries;
    call_list_add(&c->queue, call);
}

/* The plan. */

static int remember_again(struct fetch *fetch, const struct fetch_item *item)
{
    if (fetch->again_count == fetch->again_cap) {
        size_t cap = fetch->again_cap ? fetch->again_cap * 2 : 16;
        struct fetch_item *again = realloc(fetch->again, cap * sizeof *again);
        if (!again) return ERR_NOMEM;
        fetch->again = again;
        fetch->again_cap = cap;
    }
    item->entry->refs++;
    fetch->again[fetch->again_count++] = *item;
    return OK;
}

static int plan_item(struct fetch *fetch, const struct fetch_item *item)
{
    struct collector *c = fetch->collector;
    struct collector_entry *e = item->entry;
    assert(item->owner < fetch->result.owner_count);
    if (e->due) return OK;
    group_date(e->group, c, fetch->now_ms);
    struct wish wish = entry_wish(e, fetch->now_ms);
    if (e->call) {
        fetch->result.waited++;
        int code = call_wait(e->call, fetch);
        if (code == OK && !call_suffices(e, &wish)) code = remember_again(fetch, item);
        return code;
    }
    if (wish.start_s == wish.end_s) {
        /* What is old must not stay where the newest belongs. */
        if (e->forbidden && series_end_s(e->series) < wish.last_s)
            series_move(e->series, wish.last_s);
        return OK;
    }
    struct range *range = range_of(c, e->group, &wish);
    if (!range) return ERR_NOMEM;
    e->owner = item->owner;
    range_add(range, e);
    return OK;
}

int plan_fetch(struct fetch *fetch, const struct fetch_item *items, size_t count)
{
    struct collector *c = fetch->collector;
    struct call_list made = {0};
    int code = OK;
    c->plans++;
    c->range_count = 0;
    for (size_t i = 0; code == OK && i < count; i++)
        code = plan_item(fetch, &items[i]);
    if (code == OK) code = calls_make(fetch, &made);
    if (code < 0)
        for (size_t i = 0; i < c->range_count; i++)
            for (struct collector_entry *e = c->ranges[i].first; e; e = e->next_due)
                e->due = false;
    for (struct call *call; (call = made.first);) {
        call_list_remove(&made, call);
        if (code == OK) {
            call_commit(call, fetch);
        } else {
            fetch->calls_left--;
            call_free(call);
        }
    }
    return code;
}
