/* bind/ptest_core.c - what the Lua of policy tests asks of C: worlds, policies on them, ticks.
 *
 * A world is a userdata that names its house by a number that is never used again, so that one kept
 * past its test is told, whatever became of the memory. */
#include "check.h"
#include "moontide/base/fs.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/bind/policy.h"
#include "moontide/model/notation.h"
#include "moontide/model/series.h"
#include "moontide/vm/convert.h"
#include "ptest_state.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char HOUSE_TYPE[] = "moontide.ptest.world";

enum { NAMES_MAX = 1000, SENT_MAX = 64 * 1024 * 1024 };

struct house_ref {
    struct house *house;
};

static struct ptest_run *run_of(lua_State *L)
{
    return vm_owner(vm_of(L));
}

static struct house *check_house(lua_State *L)
{
    struct ptest_run *run = run_of(L);
    const struct house_ref *ref = luaL_checkudata(L, 1, HOUSE_TYPE);
    for (size_t i = run->house_count; i > 0; i--)
        if (run->houses[i - 1] == ref->house) return ref->house;
    luaL_error(L, "this run() belongs to a test that is over");
    return NULL;
}

static int throw_fault(lua_State *L, const struct fault *fault)
{
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    fault_print(fault, text, sizeof text);
    lua_pushstring(L, text);
    return lua_error(L);
}

static const char *optional(lua_State *L, int idx, const char *field)
{
    return lua_getfield(L, idx, field) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
}

/* house{ at_ms, settle_ms, mode, config, project_alerts } */
static int core_house(lua_State *L)
{
    struct ptest_run *run = run_of(L);
    struct house_options options = {0};
    struct fault fault = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "at_ms");
    options.at_ms = (int64_t)lua_tonumber(L, -1);
    lua_getfield(L, 1, "settle_ms");
    options.settle_ms = (int64_t)lua_tonumber(L, -1);
    options.mode = optional(L, 1, "mode");
    options.config_json = optional(L, 1, "config");
    lua_getfield(L, 1, "project_alerts");
    options.project_alerts = lua_toboolean(L, -1);
    if (run->house_count == run->house_cap) {
        size_t cap = run->house_cap ? run->house_cap * 2 : 8;
        struct house **houses = realloc(run->houses, cap * sizeof(struct house *));
        if (!houses) return luaL_error(L, "out of memory");
        run->houses = houses;
        run->house_cap = cap;
    }
    struct house_ref *ref = lua_newuserdatauv(L, sizeof *ref, 0);
    ref->house = NULL;
    luaL_setmetatable(L, HOUSE_TYPE);
    if (house_new(&run->ptest->base, &options, &ref->house, &fault) < 0)
        return throw_fault(L, &fault);
    run->houses[run->house_count++] = ref->house;
    return 1;
}

void ptest_end_houses(struct ptest_run *run, size_t keep)
{
    while (run->house_count > keep)
        house_free(run->houses[--run->house_count]);
}

/* ---- policies ---- */

static void push_target(lua_State *L, const struct target *target)
{
    lua_createtable(L, 0, 2);
    lua_pushstring(L, target->id);
    lua_setfield(L, -2, "id");
    lua_createtable(L, 0, (int)target->use_count);
    for (uint32_t i = 0; i < target->use_count; i++) {
        lua_pushinteger(L, target->uses[i].metric->period_s);
        lua_setfield(L, -2, target->uses[i].key);
    }
    lua_setfield(L, -2, "metrics");
}

static void push_policy(lua_State *L, const struct house *house)
{
    const struct evaluator *evaluator =
        ptest_policy_evaluator(house->policies[house->policy_count - 1]);
    const struct policy_info *info = evaluator->vtable->info(evaluator);
    size_t count = evaluator->vtable->target_count(evaluator);
    lua_createtable(L, 0, 4);
    lua_pushstring(L, info->name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, info->every_ms);
    lua_setfield(L, -2, "every_ms");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_target(L, evaluator->vtable->target(evaluator, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "targets");
}

static int throw_faults(lua_State *L, struct faults *faults, const char *path)
{
    struct strbuf *text = push_buffer(L, 64 * 1024);
    strbuf_addf(text, "%s cannot be run:", path);
    for (size_t i = 0; i < faults->count; i++) {
        char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        fault_print(&faults->items[i], line, sizeof line);
        strbuf_addf(text, "\n  %s", line);
    }
    faults_done(faults);
    lua_pushstring(L, strbuf_cstr(text));
    return lua_error(L);
}

/* policy(house, path, shown, targets, extras, memos) */
static int core_policy(lua_State *L)
{
    struct house *house = check_house(L);
    struct policy_spec spec = {.path = luaL_checkstring(L, 2),
                               .shown = luaL_checkstring(L, 3),
                               .targets_json = luaL_optstring(L, 4, NULL),
                               .extras_json = luaL_optstring(L, 5, NULL),
                               .memos_json = luaL_optstring(L, 6, NULL)};
    struct faults faults;
    faults_init(&faults);
    if (house_policy(house, &spec, &faults) < 0) return throw_faults(L, &faults, spec.shown);
    faults_done(&faults);
    push_policy(L, house);
    return 1;
}

/* resource(house, kind, resource, region, account, current, problem) */
static int core_resource(lua_State *L)
{
    struct house *house = check_house(L);
    struct subject about = {.kind = luaL_checkstring(L, 2),
                            .resource = luaL_checkstring(L, 3),
                            .region = luaL_optstring(L, 4, NULL),
                            .account = luaL_optstring(L, 5, NULL)};
    int code = world_fixed_resource(house->world, &about, luaL_optstring(L, 6, NULL),
                                    luaL_optstring(L, 7, NULL));
    return code < 0 ? luaL_error(L, "%s", err_text(code)) : 0;
}

/* ---- datapoints ---- */

/* notation(text): values (false: no datapoint), how many, whether it ended. */
static int core_notation(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct notation notation = {0};
    struct fault fault;
    luaL_checkstack(L, 6, "notation");
    if (notation_parse(text, len, &notation, &fault) < 0) {
        lua_pushstring(L, fault.text);
        return lua_error(L);
    }
    /* What comes throws for want of memory alone, and then the process has other troubles. */
    lua_createtable(L, (int)notation.count, 0);
    for (size_t i = 0; i < notation.count; i++) {
        if (isnan(notation.values[i]))
            lua_pushboolean(L, false);
        else
            lua_pushnumber(L, notation.values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_pushinteger(L, (lua_Integer)notation.count);
    lua_pushboolean(L, notation.ended);
    free(notation.values);
    return 3;
}

/* series(house, policy, target, key, start, values, count, hold); indexes from 1 */
static int core_series(lua_State *L)
{
    struct house *house = check_house(L);
    size_t policy = (size_t)luaL_checkinteger(L, 2) - 1;
    size_t target = (size_t)luaL_checkinteger(L, 3) - 1;
    const char *key = luaL_checkstring(L, 4);
    int64_t start_s = (int64_t)luaL_checknumber(L, 5);
    lua_Integer count = luaL_checkinteger(L, 7);
    luaL_checktype(L, 6, LUA_TTABLE);
    if (count < 0 || count > SERIES_SLOTS_MAX)
        return luaL_error(L, "series.%s: more than %d values", key, SERIES_SLOTS_MAX);
    double *values = lua_newuserdatauv(L, (size_t)(count + 1) * sizeof *values, 0);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, 6, i + 1);
        values[i] = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : NAN;
        lua_pop(L, 1);
    }
    int code = house_series(house, policy, target, key, start_s, values, (size_t)count,
                            lua_toboolean(L, 8));
    return code < 0 ? luaL_error(L, "series.%s: %s", key, err_text(code)) : 0;
}

/* ---- time ---- */

static void push_json(lua_State *L, const char *json, size_t len)
{
    struct fault fault;
    if (convert_from_json(L, json, len, &fault) < 0) luaL_error(L, "run: %s", fault.text);
}

/* { name = [items] } of a buffer of items. */
static void set_items(lua_State *L, const char *name, const struct strbuf *items)
{
    struct strbuf *text = push_buffer(L, HOUSE_JSON_MAX + 2);
    strbuf_addc(text, '[');
    strbuf_add(text, strbuf_cstr(items), items->len);
    strbuf_addc(text, ']');
    if (strbuf_status(text) < 0 || strbuf_status(items) < 0)
        luaL_error(L, "run: its %s are too large", name);
    push_json(L, strbuf_cstr(text), text->len);
    lua_remove(L, -2);
    lua_setfield(L, -2, name);
}

static int core_tick(lua_State *L)
{
    struct house *house = check_house(L);
    luaL_checkstack(L, 10, "tick");
    int code = house_tick(house);
    if (code < 0) return luaL_error(L, "run: the tick did not end: %s", err_text(code));
    lua_createtable(L, 0, 2);
    set_items(L, "targets", &house->targets);
    set_items(L, "errors", &house->errors);
    return 1;
}

static int core_advance(lua_State *L)
{
    struct house *house = check_house(L);
    lua_Number ms = luaL_checknumber(L, 2);
    if (!(ms >= 0 && ms < 1e14))
        return luaL_error(L, "advance: a duration that is not negative is expected");
    int code = house_advance(house, (int64_t)ms);
    return code < 0 ? luaL_error(L, "advance: %s", err_text(code)) : 0;
}

/* now(house): epoch seconds */
static int core_now(lua_State *L)
{
    int64_t ms = clock_now_ms(&check_house(L)->world->clock);
    if (ms % 1000 == 0)
        lua_pushinteger(L, ms / 1000);
    else
        lua_pushnumber(L, (double)ms / 1000);
    return 1;
}

/* sent(house): all notifications so far */
static int core_sent(lua_State *L)
{
    const struct house *house = check_house(L);
    lua_createtable(L, 0, 1);
    set_items(L, "sent", &house->sent);
    lua_getfield(L, -1, "sent");
    return 1;
}

/* seconds("5m") */
static int core_seconds(lua_State *L)
{
    lua_pushnumber(L, (double)convert_duration_ms(L, 1, "duration") / 1000);
    return 1;
}

/* time("2026-01-05T12:00:00Z") */
static int core_time(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int64_t ms = 0;
    if (time_parse(text, len, &ms) < 0) return luaL_error(L, "'%s' is no time", text);
    lua_pushnumber(L, (double)ms / 1000);
    return 1;
}

/* ---- files and names ---- */

/* nearest(name, list) */
static int core_nearest(lua_State *L)
{
    const char *names[NAMES_MAX + 1];
    const char *name = luaL_checkstring(L, 1);
    size_t count = 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    for (lua_Integer i = 1; count < NAMES_MAX; i++) {
        if (lua_rawgeti(L, 2, i) != LUA_TSTRING) break;
        names[count++] = lua_tostring(L, -1); /* stays in the list */
        lua_pop(L, 1);
    }
    names[count] = NULL;
    lua_pushstring(L, nearest_name(name, names));
    return 1;
}

static int make_dir(lua_State *L)
{
    struct fault fault;
    if (fs_make_dir(luaL_checkstring(L, 1), &fault) < 0) return throw_fault(L, &fault);
    return 0;
}

static int core_template(lua_State *L)
{
    const struct config *config = run_of(L)->ptest->options.config;
    char *path =
        config->alerts.templates_dir ? fs_join(config->alerts.templates_dir, "message.lua") : NULL;
    char *text = NULL;
    size_t len = 0;
    if (!path || fs_read_file(path, VM_SOURCE_MAX, &text, &len, NULL) < 0) {
        free(path);
        return 0;
    }
    lua_pushlstring(L, text, len);
    lua_pushfstring(L, "@%s", path);
    free(text);
    free(path);
    return 2;
}

/* Whether the policy of this file has the name. */
static bool is_named(const struct ptest_run *run, const char *path, const char *name)
{
    struct evaluator *evaluator = NULL;
    struct faults faults;
    struct host host = {.clock = &run->ptest->clock,
                        .config = run->ptest->options.config,
                        .kinds = run->ptest->base.kinds,
                        .world_name = "test"};
    faults_init(&faults);
    int code = policy_load(&host, path, path, &evaluator, &faults);
    faults_done(&faults);
    if (code < 0) return false;
    bool named = strcmp(evaluator->vtable->info(evaluator)->name, name) == 0;
    evaluator->vtable->free(evaluator);
    return named;
}

/* find_policy(name): the path of the file whose policy is called so, or nil. */
static int core_find_policy(lua_State *L)
{
    const struct ptest_run *run = run_of(L);
    const char *name = luaL_checkstring(L, 1), *dir = run->ptest->options.config->policies_dir;
    struct dirent **entries = NULL;
    char *found = NULL;
    int count = scandir(dir, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(entries[i]->d_name);
        bool lua = len > 4 && strcmp(entries[i]->d_name + len - 4, ".lua") == 0;
        char *path = lua && !found ? fs_join(dir, entries[i]->d_name) : NULL;
        if (path && is_named(run, path, name))
            found = path;
        else
            free(path);
        free(entries[i]);
    }
    free(entries);
    lua_pushstring(L, found);
    free(found);
    return 1;
}

void ptest_push_core(lua_State *L, struct ptest_run *run)
{
    static const luaL_Reg functions[] = {{"house", core_house},
                                         {"policy", core_policy},
                                         {"resource", core_resource},
                                         {"notation", core_notation},
                                         {"series", core_series},
                                         {"tick", core_tick},
                                         {"advance", core_advance},
                                         {"now", core_now},
                                         {"sent", core_sent},
                                         {"seconds", core_seconds},
                                         {"time", core_time},
                                         {"nearest", core_nearest},
                                         {"make_dir", make_dir},
                                         {"template", core_template},
                                         {"find_policy", core_find_policy},
                                         {NULL, NULL}};
    const struct ptest_options *options = &run->ptest->options;
    luaL_newmetatable(L, HOUSE_TYPE);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_pushfstring(L, "@%s", run->shown);
    lua_setfield(L, -2, "chunk");
    lua_pushstring(L, run->dir);
    lua_setfield(L, -2, "dir");
    lua_pushstring(L, options->config->policies_dir);
    lua_setfield(L, -2, "policies_dir");
    lua_pushstring(L, options->config->dir);
    lua_setfield(L, -2, "project_dir");
    lua_pushboolean(L, options->color);
    lua_setfield(L, -2, "color");
    lua_pushboolean(L, options->update);
    lua_setfield(L, -2, "update");
    lua_pushboolean(L, options->keep_snapshots);
    lua_setfield(L, -2, "ci");
    convert_push_null(L);
    lua_setfield(L, -2, "null");
    lua_newtable(L);
    lua_setfield(L, -2, "failure");
}
