/* bind/console_series.c - the series of a target as a console sees them: handles with the methods
 * of those in a policy, over copies.
 *
 * A handle works inside an evaluation of a policy (series.c). A panel is what stands for one here:
 * a policy, layout and run made up for one target, in one userdata with the copies, so that they
 * count against the console's memory. It never ends; it lives while one of its handles does, by a
 * table with weak keys. */
#include "console_state.h"

#include "check.h"
#include "moontide/base/clock.h"
#include "moontide/base/hash.h"
#include "moontide/tick/engine.h"
#include "series.h"

#include <stdlib.h>
#include <string.h>

static const char PANEL_TYPE[] = "moontide.panel";
static const char panels_key; /* registry: the panel of each handle */

struct panel {
    struct policy policy; /* of it only what handles look at is set */
    struct layout layout;
    struct policy_target target;
    struct evaluation_input input;
    struct evaluation out;
    struct layout_key *keys; /* shape: [layout.use_count] */
    struct metric_use *uses; /* the same */
    struct series **series;  /* the same */
    char bytes[];            /* what those point to, and the copies */
};

static int panel_done(lua_State *L)
{
    struct panel *panel = lua_touserdata(L, 1);
    for (uint32_t i = 0; i < panel->layout.use_count; i++) {
        free(panel->keys[i].masked);
        metric_release(panel->uses[i].metric);
    }
    panel->layout.use_count = 0;
    evaluation_done(&panel->out);
    return 0;
}

static size_t padded(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static size_t series_bytes(uint32_t slots)
{
    return padded(sizeof(struct series) + slots * sizeof(double));
}

/* The newest `slots` slots of a series. */
static void copy_series(struct series *to, const struct series *from, uint32_t slots)
{
    struct series_view view = series_view(from, slots);
    *to = (struct series){.start_s = view.start_s,
                          .period_s = view.period_s,
                          .slots = view.slots,
                          .refused = from->refused,
                          .state = from->state,
                          .hint = from->hint};
    memcpy(to->values, view.values, view.slots * sizeof(double));
}

/* What one panel is made of; borrowed from the engine. */
struct original {
    const struct engine *engine;
    const struct policy *policy;
    const struct policy_target *target;
    const char *name;
    size_t index;
};

static const struct series *series_of(const struct original *original, uint32_t use)
{
    return engine_use_series(original->engine, original->name, original->index, use);
}

static size_t bytes_of(const struct original *original)
{
    const struct layout *layout = original->target->layout;
    size_t bytes = padded(layout->use_count * sizeof(struct layout_key)) +
                   padded(layout->use_count * sizeof(struct metric_use)) +
                   padded(layout->use_count * sizeof(struct series *));
    for (uint32_t i = 0; i < layout->use_count; i++)
        bytes += series_bytes(original->target->shown.uses[i].slots);
    for (uint32_t i = 0; i < layout->count; i++)
        bytes += padded(strlen(layout->keys[i].name) + 1);
    return bytes;
}

static void *take(char **at, size_t bytes)
{
    void *out = *at;
    *at += padded(bytes);
    return out;
}

/* Nothing here throws. */
static void fill(struct panel *panel, const struct original *original)
{
    const struct layout *layout = original->target->layout;
    char *at = (char *)padded((uintptr_t)panel->bytes);
    panel->keys = take(&at, layout->use_count * sizeof *panel->keys);
    panel->uses = take(&at, layout->use_count * sizeof *panel->uses);
    panel->series = take(&at, layout->use_count * sizeof(struct series *));
    for (uint32_t i = 0; i < layout->use_count; i++) {
        const struct metric_use *use = &original->target->shown.uses[i];
        panel->series[i] = take(&at, series_bytes(use->slots));
        copy_series(panel->series[i], series_of(original, i), use->slots);
        panel->uses[i] = (struct metric_use){
            .key = "", .metric = metric_retain(use->metric), .slots = use->slots};
    }
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct layout_key *key = &layout->keys[i];
        char *name = take(&at, strlen(key->name) + 1);
        strcpy(name, key->name);
        panel->uses[i].key = name;
        panel->keys[i] = (struct layout_key){.name = name,
                                             .hash = key->hash,
                                             .missing = key->missing,
                                             .plain = key->plain,
                                             .low_samples_below = key->low_samples_below,
                                             .samples = key->samples};
    }
    panel->layout.keys = panel->keys;
    panel->layout.count = layout->count;
    panel->layout.use_count = layout->use_count;
}

static void point(struct panel *panel, const struct console *console,
                  const struct policy_target *target)
{
    panel->layout.id = 1;
    panel->target.shown.uses = panel->uses;
    panel->target.shown.use_count = panel->layout.use_count;
    panel->target.layout = &panel->layout;
    panel->target.id_hash = target->id_hash;
    panel->input.series = panel->series;
    panel->input.now_ms = clock_now_ms(console->binding.host->clock);
    panel->policy.binding = console->binding;
    panel->policy.run = (struct run){.input = &panel->input,
                                     .out = &panel->out,
                                     .target = &panel->target,
                                     .layout = &panel->layout,
                                     .layout_id = 1,
                                     .number = 1};
}

static bool has_series(const struct original *original)
{
    for (uint32_t i = 0; i < original->target->layout->use_count; i++)
        if (!series_of(original, i)) return false;
    return true;
}

/* Pushes the panel. */
static struct panel *panel_push(lua_State *L, const struct original *original)
{
    size_t bytes = sizeof(struct panel) + bytes_of(original) + 16;
    struct panel *panel = lua_newuserdatauv(L, bytes, 0);
    memset(panel, 0, sizeof *panel);
    evaluation_init(&panel->out);
    if (luaL_newmetatable(L, PANEL_TYPE)) {
        lua_pushcfunction(L, panel_done);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    fill(panel, original);
    point(panel, console_of(L), original->target);
    vm_charge(L, bytes / 64);
    return panel;
}

/* core.series(policy, target): its handles by name; nil: there is no such target */
static int live_series(lua_State *L)
{
    const struct console *console = console_of(L);
    struct original original = {.engine = console->options.engine,
                                .name = check_text(L, 1, "a policy")};
    const char *id = check_text(L, 2, "a target");
    lua_settop(L, 2);
    const struct evaluator *evaluator = engine_evaluator(original.engine, original.name);
    if (!evaluator) return console_no_policy(L, console, original.name);
    if (!engine_target(original.engine, original.name, id, &original.index)) return 0;
    original.policy = policy_of(evaluator);
    if (!original.policy) return console_raise(L, "'%s' has no series to show", original.name);
    original.target = &original.policy->targets.items[original.index];
    if (!has_series(&original)) return console_raise(L, "the series of '%s' are not there yet", id);
    struct panel *panel = panel_push(L, &original);  /* 3 */
    lua_createtable(L, 0, (int)panel->layout.count); /* 4 */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &panels_key);  /* 5 */
    for (uint32_t i = 0; i < panel->layout.count; i++) {
        handle_push(L, &panel->policy, 1, i);
        lua_pushvalue(L, -1);
        lua_pushvalue(L, 3);
        lua_rawset(L, 5);
        lua_setfield(L, 4, panel->keys[i].name);
    }
    lua_settop(L, 4);
    return 1;
}

/* core.unit(handle): what it is measured in, or nil */
static int live_describe(lua_State *L)
{
    struct seen seen = series_self(L);
    char text[512];
    const struct metric *metric = seen.run->target->shown.uses[seen.index].metric;
    metric_describe(metric, text, sizeof text);
    lua_pushstring(L, text);
    lua_pushstring(L, metric->unit);
    return 2;
}

void console_open_series(lua_State *L)
{
    policy_open_series(L);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &panels_key);
    handle_push(L, NULL, 0, 0); /* for its metatable; a handle of no evaluation is never called */
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_getglobal(L, "plot");
    lua_setfield(L, -2, "plot");
    lua_pop(L, 3);
}

void console_add_series(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"series", live_series}, {"describe", live_describe}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
