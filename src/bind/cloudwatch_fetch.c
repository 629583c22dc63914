/* bind/cloudwatch_fetch.c - cloudwatch.fetch: the declared series, asked at once and waited for.
 *
 *   local got = cloudwatch.fetch({ p99 = cloudwatch { ... } }, { start_time = "3h", end_time = t })
 *   got.p99.values, got.p99.times   the datapoints, the oldest first
 *   got.p99.last                    the newest value, nil when there is none
 *   got.p99.reason                  why it could not (wholly) be answered, else nil
 *
 * Both go through the planner of tick/collect.h. Without times the window is the declaration's, and
 * the collector is the host's: what the policies know already is not asked again. With times it is
 * a collector of this call's own, whose newest window is the one that was asked for. */
#include "check.h"

#include "moontide/base/clock.h"
#include "moontide/bind/config.h"
#include "moontide/bind/declaration.h"
#include "moontide/tick/collect.h"
#include "moontide/tick/world.h"
#include "moontide/vm/convert.h"
#include "moontide/vm/docs.h"
#include "moontide/vm/task.h"

#include <math.h>
#include <stdlib.h>

enum { DECLARATIONS_MAX = 5000, POINTS_MAX = 5000000 /* of one call: 40 MB */ };

static const char BOX_TYPE[] = "moontide.fetch", NAME[] = "cloudwatch.fetch";

struct fetch_box {
    struct vm *vm;
    uint64_t wait_id;
    struct collector *collector;
    bool own; /* the collector is this call's */
    struct fetch *fetch;
    struct fetch_item *items; /* shape: [count], in the order of the keys */
    uint32_t *slots;          /* shape: [count] */
    size_t count;
    bool done, waiting;
    int code;
    struct fault fault;
};

/* What the options say; INT64_MIN: not said. */
struct range {
    int64_t start_ms, end_ms;
};

static int box_close(lua_State *L)
{
    struct fetch_box *box = luaL_checkudata(L, 1, BOX_TYPE);
    if (box->fetch) fetch_cancel(box->fetch);
    box->fetch = NULL;
    for (size_t i = 0; i < box->count; i++)
        collector_release(box->collector, box->items[i].entry);
    box->count = 0;
    free(box->items);
    free(box->slots);
    box->items = NULL;
    box->slots = NULL;
    if (box->own) collector_free(box->collector);
    box->own = false;
    return 0;
}

static struct fetch_box *box_new(lua_State *L, size_t count)
{
    struct fetch_box *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (struct fetch_box){.vm = vm_of(L)};
    task_box(L, BOX_TYPE, box_close);
    box->items = calloc(count + 1, sizeof *box->items);
    box->slots = calloc(count + 1, sizeof *box->slots);
    if (!box->items || !box->slots) luaL_error(L, "out of memory");
    return box;
}

static void on_done(void *data, const struct fetch_result *result)
{
    struct fetch_box *box = data;
    box->fetch = NULL;
    box->done = true;
    box->code = result->code;
    box->fault = result->fault;
    if (box->waiting) task_wake(box->vm, box->wait_id);
}

static void push_series(lua_State *L, const struct collector_entry *entry, uint32_t slots)
{
    struct series_view view = series_view(collector_series(entry), slots);
    uint32_t count = view_count(view), n = 0;
    vm_charge(L, view.slots);
    lua_createtable(L, 0, 4);
    lua_createtable(L, (int)count, 0);
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < view.slots; i++) {
        if (isnan(view.values[i])) continue;
        lua_pushnumber(L, view.values[i]);
        lua_rawseti(L, -3, ++n);
        lua_pushinteger(L, view.start_s + (int64_t)i * view.period_s);
        lua_rawseti(L, -2, n);
    }
    lua_setfield(L, -3, "times");
    lua_setfield(L, -2, "values");
    double last;
    if (view_at(view, -1, &last, NULL)) {
        lua_pushnumber(L, last);
        lua_setfield(L, -2, "last");
    }
    const char *reason = collector_reason(entry);
    if (*reason || count == 0) {
        lua_pushstring(L, *reason ? reason : "no datapoints");
        lua_setfield(L, -2, "reason");
    }
}

/* Stack: 3 the list of keys. */
static int finish(lua_State *L, int status, lua_KContext box_idx)
{
    (void)status;
    struct fetch_box *box = luaL_checkudata(L, (int)box_idx, BOX_TYPE);
    if (box->code != OK) return raise_fault(L, NAME, &box->fault);
    lua_createtable(L, 0, (int)box->count);
    for (size_t i = 0; i < box->count; i++) {
        lua_rawgeti(L, 3, (lua_Integer)i + 1);
        push_series(L, box->items[i].entry, box->slots[i]);
        lua_rawset(L, -3);
    }
    return 1;
}

/* How many periods of the declaration the range takes, when it ends at end_ms. */
static uint32_t range_slots(lua_State *L, const struct declaration *declaration,
                            const struct range *range, int64_t end_ms)
{
    if (range->start_ms == INT64_MIN) return declaration->slots;
    int64_t period_ms = (int64_t)declaration->metric->period_s * 1000;
    int64_t slots = end_ms / period_ms - range->start_ms / period_ms;
    if (slots < 1)
        luaL_error(L, "%s: from start_time to end_time is less than one period (%d s)", NAME,
                   (int)declaration->metric->period_s);
    if (slots > SERIES_SLOTS_MAX)
        luaL_error(L, "%s: from start_time to end_time is more than %d periods of %d s", NAME,
                   SERIES_SLOTS_MAX, (int)declaration->metric->period_s);
    return (uint32_t)slots;
}

/* Subscribes each declaration of the table at 1; its keys go into the list at 3. */
static void subscribe_all(lua_State *L, struct fetch_box *box, const struct range *range,
                          int64_t end_ms)
{
    uint64_t points = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const struct declaration *declaration = declaration_test(L, -1);
        if (!declaration || !declaration->metric) {
            const char *key = luaL_tolstring(L, -2, NULL);
            luaL_error(L, "%s: '%s' is no declaration (cloudwatch { ... })", NAME, key);
            return;
        }
        uint32_t slots = range_slots(L, declaration, range, end_ms);
        points += slots;
        if (points > POINTS_MAX)
            luaL_error(L, "%s: more than %d datapoints in one call", NAME, POINTS_MAX);
        int code = collector_subscribe(box->collector, declaration->metric, slots,
                                       &box->items[box->count].entry);
        if (code != OK) luaL_error(L, "%s: %s", NAME, err_text(code));
        box->slots[box->count++] = slots;
        lua_pushvalue(L, -2);
        lua_rawseti(L, 3, (lua_Integer)box->count);
    }
}

static const struct vm_field range_fields[] = {
    {"start_time", "moment?", "The begin of the window."},
    {"end_time", "moment?", "Its end; now, less the time that CloudWatch takes."},
    {NULL, NULL, NULL}};
static const struct vm_field answer_fields[] = {
    {"values", "number[]", "The datapoints, the oldest first."},
    {"times", "integer[]", "Their times, in seconds since the epoch."},
    {"last", "number?", "The newest value; nil when there is none."},
    {"reason", "string?", "Why it could not (wholly) be answered."},
    {NULL, NULL, NULL}};
const struct vm_docs cloudwatch_range_docs = {DOCS_CLASS,
                                              "cloudwatch.fetch.options",
                                              DOCS_POLICY | DOCS_SCRIPT,
                                              "Of cloudwatch.fetch.",
                                              NULL,
                                              range_fields};
const struct vm_docs cloudwatch_answer_docs = {DOCS_CLASS, "cloudwatch.answer",
                                               DOCS_ALL,   "A series as cloudwatch.fetch gives it.",
                                               NULL,       answer_fields};

static struct range check_range(lua_State *L, int idx)
{
    struct range range = {INT64_MIN, INT64_MIN};
    if (lua_isnoneornil(L, idx)) return range;
    luaL_checktype(L, idx, LUA_TTABLE);
    vm_check_fields(L, idx, NAME, range_fields);
    if (lua_getfield(L, idx, "start_time") != LUA_TNIL)
        range.start_ms = check_time_ms(L, -1, "cloudwatch.fetch: start_time");
    if (lua_getfield(L, idx, "end_time") != LUA_TNIL)
        range.end_ms = check_time_ms(L, -1, "cloudwatch.fetch: end_time");
    lua_pop(L, 2);
    return range;
}

/* Chooses the collector; returns the time at which it is asked. */
static int64_t choose_collector(lua_State *L, struct fetch_box *box, const struct range *range)
{
    const struct binding *binding = binding_of(L);
    const struct host *host = binding->host;
    int64_t now_ms = binding_now_ms(binding);
    bool windowed = range->start_ms == INT64_MIN && range->end_ms == INT64_MIN;
    if (windowed && host->collector) {
        box->collector = host->collector;
        return now_ms;
    }
    if (host->offline) luaL_error(L, "%s: there is no network here", NAME);
    if (!host->world) luaL_error(L, "%s: there is no world to ask here", NAME);
    int64_t end_ms = range->end_ms;
    if (end_ms == INT64_MIN)
        end_ms = now_ms - (host->config ? host->config->settle_ms : COLLECT_SETTLE_MS);
    struct collector_options options = {.loop = host->loop, .world = host->world, .settle_ms = 0};
    int code = collector_new(&options, &box->collector);
    if (code != OK) luaL_error(L, "%s: %s", NAME, err_text(code));
    box->own = true;
    return end_ms < now_ms ? end_ms : now_ms;
}

int cloudwatch_fetch(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    struct range range = check_range(L, 2);
    lua_settop(L, 2);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        count++;
    if (count > DECLARATIONS_MAX)
        return luaL_error(L, "%s: more than %d declarations", NAME, DECLARATIONS_MAX);
    uint64_t wait_id = task_wait_id(L, NAME);
    lua_createtable(L, (int)count, 0);
    struct fetch_box *box = box_new(L, count);
    int box_idx = lua_gettop(L);
    lua_toclose(L, box_idx);
    int64_t at_ms = choose_collector(L, box, &range);
    subscribe_all(L, box, &range, at_ms);

    struct fetch *fetch = NULL;
    int code =
        collector_fetch(box->collector, box->items, box->count, 1, at_ms, on_done, box, &fetch);
    if (code != OK) return luaL_error(L, "%s: %s", NAME, err_text(code));
    if (box->done) return finish(L, LUA_OK, box_idx);
    box->fetch = fetch;
    box->waiting = true;
    box->wait_id = wait_id;
    return task_wait(L, box_idx, finish);
}
