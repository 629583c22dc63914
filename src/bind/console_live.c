/* bind/console_live.c - what commands see of the engine: copies, made by way of JSON, so that no
 * callback of the engine throws. Long lists come a page a call: between two the loop has its
 * turn. */
#include "console_state.h"

#include "check.h"
#include "moontide/base/json.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"
#include "moontide/tick/engine.h"
#include "moontide/vm/convert.h"

#include <string.h>

enum { NAMES_MAX = 1000 };

/* Pushes the value of what is in the buffer; throws when it did not fit. */
static int push_json(lua_State *L, const struct strbuf *json)
{
    struct fault fault;
    if (strbuf_status(json) < 0) return console_raise(L, "%s", err_text(strbuf_status(json)));
    vm_charge(L, json->len / 8);
    if (convert_from_json(L, strbuf_cstr(json), json->len, &fault) < 0)
        return console_raise(L, "%s", fault.text);
    return 1;
}

/* Left out when it never was, so that Lua reads nil. */
static void put_time(struct json_writer *w, const char *key, int64_t ms)
{
    char text[TIME_TEXT_MAX];
    if (!ms) return;
    time_format(ms, text);
    json_put_string(w, key, text);
}

/* ---- policies ---- */

static void write_policy(void *data, const struct policy_status *p)
{
    struct json_writer *w = data;
    char every[DURATION_TEXT_MAX], fault[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    duration_format(p->info->every_ms, every);
    json_key(w, p->info->name);
    json_object(w);
    json_put_string(w, "name", p->info->name);
    json_put_string(w, "file", p->info->file);
    json_put_string(w, "sha256", p->info->sha256);
    json_put_string(w, "mode", mode_names[p->mode]);
    json_put_string(w, "every", every);
    json_put_int(w, "targets", (int64_t)p->targets);
    json_put_int(w, "ticks", (int64_t)p->ticks);
    json_put_int(w, "skipped", (int64_t)p->skipped);
    json_put_int(w, "failed", (int64_t)p->failed);
    put_time(w, "last", p->last_ms);
    put_time(w, "next", p->next_ms);
    json_put_int(w, "evaluation_us", p->last_elapsed_us);
    json_put_int(w, "memory_bytes", (int64_t)p->memory_bytes);
    if (p->fault) {
        fault_print(p->fault, fault, sizeof fault);
        json_put_string(w, "fault", fault);
    }
    json_object_end(w);
}

/* core.policies(): by name */
static int live_policies(lua_State *L)
{
    struct json_writer w;
    struct strbuf *json = push_buffer(L, CONSOLE_JSON_MAX);
    json_writer_init(&w, json);
    json_object(&w);
    engine_each_policy(console_of(L)->options.engine, write_policy, &w);
    json_object_end(&w);
    return push_json(L, json);
}

struct names {
    const char *items[NAMES_MAX + 1];
    size_t count;
};

static void add_name(void *data, const struct policy_status *policy)
{
    struct names *names = data;
    if (names->count < NAMES_MAX) names->items[names->count++] = policy->info->name;
}

int console_no_policy(lua_State *L, const struct console *console, const char *name)
{
    struct names *names = lua_newuserdatauv(L, sizeof *names, 0);
    memset(names, 0, sizeof *names);
    engine_each_policy(console->options.engine, add_name, names);
    const char *nearest = nearest_name(name, names->items);
    if (nearest)
        return console_raise(L, "there is no policy '%s' (did you mean '%s'?)", name, nearest);
    return console_raise(L, "there is no policy '%s'", name);
}

/* ---- targets ---- */

static void write_alert(struct json_writer *w, const struct alert *alert)
{
    json_object(w);
    json_put_string(w, "type", alert->type);
    if (alert->key[0]) json_put_string(w, "key", alert->key);
    json_put_string(w, "state", alert_state_names[alert->state]);
    json_put_string(w, "severity", severity_names[alert->severity]);
    put_time(w, "since", alert->since_ms);
    put_time(w, "raised", alert->raised_ms);
    json_put_string(w, "description", alert->description);
    if (alert->recommendation[0]) json_put_string(w, "recommendation", alert->recommendation);
    if (alert->flapping) {
        json_key(w, "flapping");
        json_bool(w, true);
    }
    if (alert->unknown) {
        json_key(w, "unknown");
        json_bool(w, true);
    }
    json_object_end(w);
}

static void write_target(void *data, const struct target *target, enum status status,
                         const struct alert *alerts, size_t count)
{
    struct json_writer *w = data;
    json_object(w);
    json_put_string(w, "target", target->id);
    json_put_string(w, "status", status_names[status]);
    json_key(w, "fields");
    json_raw(w, target->json, strlen(target->json));
    json_key(w, "alerts");
    json_array(w);
    for (size_t i = 0; i < count; i++)
        write_alert(w, &alerts[i]);
    json_array_end(w);
    json_object_end(w);
}

/* core.targets(policy, from): a list of at most CONSOLE_PAGE, from the from-th (from 1); empty at
 * the end. Throws when there is no such policy. */
static int live_targets(lua_State *L)
{
    const struct console *console = console_of(L);
    const char *policy = check_text(L, 1, "a policy");
    lua_Integer from = luaL_checkinteger(L, 2);
    luaL_argcheck(L, from >= 1, 2, "from 1");
    if (!engine_evaluator(console->options.engine, policy))
        return console_no_policy(L, console, policy);
    struct json_writer w;
    struct strbuf *json = push_buffer(L, CONSOLE_JSON_MAX);
    json_writer_init(&w, json);
    json_array(&w);
    engine_targets_page(console->options.engine, policy, (size_t)from - 1, CONSOLE_PAGE,
                        write_target, &w);
    json_array_end(&w);
    return push_json(L, json);
}

/* core.memo(policy, target): a table, empty when nothing is kept; nil: there is no such target */
static int live_memo(lua_State *L)
{
    const struct console *console = console_of(L);
    const char *policy = check_text(L, 1, "a policy"), *target = check_text(L, 2, "a target");
    size_t index;
    struct fault fault;
    if (!engine_evaluator(console->options.engine, policy))
        return console_no_policy(L, console, policy);
    if (!engine_target(console->options.engine, policy, target, &index)) return 0;
    const char *json = engine_memo(console->options.engine, policy, target);
    if (!json) json = "{}";
    if (convert_from_json(L, json, strlen(json), &fault) < 0)
        return console_raise(L, "%s", fault.text);
    return 1;
}

/* ---- of the daemon ---- */

static int live_status(lua_State *L)
{
    const struct console *console = console_of(L);
    struct strbuf *json = push_buffer(L, CONSOLE_JSON_MAX);
    console->options.calls->status(console->options.data, json);
    return push_json(L, json);
}

/* core.decisions(): a list, the oldest first */
static int live_decisions(lua_State *L)
{
    const struct console *console = console_of(L);
    struct strbuf *json = push_buffer(L, CONSOLE_JSON_MAX);
    console->options.calls->decisions(console->options.data, json);
    return push_json(L, json);
}

void console_add_live(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"policies", live_policies}, {"targets", live_targets},     {"memo", live_memo},
        {"status", live_status},     {"decisions", live_decisions}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
