/* bind/replay.c - policies at a recorded tick.
 *
 * The handles in the script's `m` are those of series.c, made in the script's own state: a handle
 * reaches what it shows through a policy's run, which is C. Theirs is an empty policy that belongs
 * to the script (the window), and whose run is pointed at the target as if an evaluation of it were
 * under way, for as long as somebody looks. It outlives every handle; what it shows does not. */
#include "moontide/bind/replay.h"

#include "check.h"
#include "policy_state.h"
#include "script_state.h"
#include "series.h"

#include <stdlib.h>
#include <string.h>

static const char window_key;

enum { SHOWN_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- targets that are given ---- */

int policy_give_targets(struct evaluator *evaluator, const char *json, struct faults *faults)
{
    struct policy *policy = (struct policy *)evaluator;
    struct fault fault;
    bool waits;
    if (policy_set_targets(policy, json, &fault) < 0) return faults_add(faults, &fault);
    return policy_discover_now(policy, faults, &waits);
}

/* ---- rerun, ticks, go, next, prev ---- */

static struct traveller *traveller_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static const char *text_or_null(lua_State *L, int idx)
{
    return lua_isnoneornil(L, idx) ? NULL : luaL_checkstring(L, idx);
}

static int fault_thrown(lua_State *L, const struct fault *fault)
{
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    fault_print(fault, text, sizeof text);
    return luaL_error(L, "%s", text);
}

/* __tostring of what rerun() and ticks() answer: it was said already. The upvalue is the word. */
static int as_text(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

/* Says `out`, and pushes the value of `json`, which the REPL echoes as no more than `shown`. */
static int answer(lua_State *L, const struct strbuf *out, const struct strbuf *json,
                  const char *shown)
{
    struct fault fault;
    if (strbuf_status(out) < 0 || strbuf_status(json) < 0) return luaL_error(L, "out of memory");
    script_write(vm_owner(vm_of(L)), strbuf_cstr(out), out->len);
    if (convert_from_json(L, strbuf_cstr(json), json->len, &fault) < 0)
        return fault_thrown(L, &fault);
    lua_createtable(L, 0, 1);
    lua_pushstring(L, shown);
    lua_pushcclosure(L, as_text, 1);
    lua_setfield(L, -2, "__tostring");
    lua_setmetatable(L, -2);
    return 1;
}

static int travel_rerun(lua_State *L)
{
    const struct traveller *traveller = traveller_of(L);
    const char *path = text_or_null(L, 1);
    struct strbuf *out = push_buffer(L, SHOWN_BYTES_MAX), *json = push_buffer(L, SHOWN_BYTES_MAX);
    struct fault fault;
    if (traveller->rerun(traveller->data, path, out, json, &fault) < 0)
        return fault_thrown(L, &fault);
    return answer(L, out, json, "(a table: issues, decisions, differences, ...)");
}

static int travel_ticks(lua_State *L)
{
    const struct traveller *traveller = traveller_of(L);
    const char *from = text_or_null(L, 1);
    struct strbuf *out = push_buffer(L, SHOWN_BYTES_MAX), *json = push_buffer(L, SHOWN_BYTES_MAX);
    struct fault fault;
    if (traveller->ticks(traveller->data, from, out, json, &fault) < 0)
        return fault_thrown(L, &fault);
    return answer(L, out, json, "(a list: number, at, sha256, targets of each)");
}

static int tell_place(lua_State *L, const struct strbuf *out)
{
    struct script *script = vm_owner(vm_of(L));
    if (strbuf_status(out) < 0) return luaL_error(L, "out of memory");
    script_write(script, strbuf_cstr(out), out->len);
    return 0;
}

static int travel_go(lua_State *L)
{
    const struct traveller *traveller = traveller_of(L);
    const char *where = text_or_null(L, 1), *target = text_or_null(L, 2);
    struct strbuf *out = push_buffer(L, SHOWN_BYTES_MAX);
    struct fault fault;
    if (traveller->go(traveller->data, where, target, out, &fault) < 0)
        return fault_thrown(L, &fault);
    return tell_place(L, out);
}

static int step(lua_State *L, int64_t ticks)
{
    const struct traveller *traveller = traveller_of(L);
    struct strbuf *out = push_buffer(L, SHOWN_BYTES_MAX);
    struct fault fault;
    if (traveller->step(traveller->data, ticks, out, &fault) < 0) return fault_thrown(L, &fault);
    return tell_place(L, out);
}

static int travel_prev(lua_State *L)
{
    return step(L, -luaL_optinteger(L, 1, 1));
}

/* Without a table it goes to the next tick; with one it is Lua's own, the second upvalue. */
static int travel_next(lua_State *L)
{
    if (lua_isnoneornil(L, 1) || lua_isnumber(L, 1)) return step(L, luaL_optinteger(L, 1, 1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static const struct vm_function functions[] = {
    {"rerun", travel_rerun, "(file?: string): rerun",
     "The policy as recorded, or that of a file, on this tick and target: prints what it says, and "
     "what differs from what was said then."},
    {"ticks", travel_ticks, "(from?: integer|string): tick[]",
     "The recorded ticks of the policy, from that number or time (or so long before the newest: "
     "1h) "
     "on; prints the first of them."},
    {"go", travel_go, "(where?: integer|string, target?: string)",
     "To the tick of that number, the last one by that time, or so long before the newest; target "
     "is the id of one of its targets. What there is not is an error that names the nearest."},
    {"prev", travel_prev, "(ticks?: integer)", "So many ticks back; 1."},
    {NULL, NULL, NULL, NULL}};
static const struct vm_field present_fields[] = {
    {"m", "policy.metrics", "The series as they were; m.extra is what collect returned."},
    {"t", "target", "The target."},
    {"memo", "table", "The memo as it was before the evaluation."},
    {"tick", "tick", "Which tick this is."},
    {NULL, NULL, NULL}};
static const struct vm_field rerun_fields[] = {
    {"issues", "table[]?", "type, key, severity, when, description, recommendation of each."},
    {"recommendations", "table[]?", "type, action, impact, effort of each."},
    {"decisions", "table[]?", "kind, resource, wanted of each."},
    {"unknown", "table[]?", "metric and reason of the series that could not answer."},
    {"memo", "table?", "As it is afterwards; nil when it did not change."},
    {"error", "string?", "Why the evaluation failed; the other fields are nil then."},
    {"differences", "table[]", "What differs from what was said then; empty: nothing."},
    {NULL, NULL, NULL}};
static const struct vm_field tick_fields[] = {
    {"number", "integer", "Unique in the recording."},
    {"at", "string", "Its time."},
    {"sha256", "string", "Of the policy's source."},
    {"targets", "integer?", "How many were judged; of ticks()."},
    {"target", "string?", "Whose m, t and memo these are; of `tick`, as the rest."},
    {"policy", "string?", "Its name."},
    {"world", "string?", "The world's."},
    {NULL, NULL, NULL}};
const struct vm_docs replay_docs = {DOCS_GLOBALS, NULL, DOCS_PAST, NULL, functions, present_fields};
const struct vm_docs replay_rerun_docs = {
    DOCS_CLASS, "rerun", DOCS_PAST, "What a policy says of a recorded tick.", NULL, rerun_fields};
const struct vm_docs replay_tick_docs = {DOCS_CLASS,         "tick", DOCS_PAST,
                                         "A recorded tick.", NULL,   tick_fields};

/* Argument: the traveller. */
static int open_travel(lua_State *L)
{
    struct traveller *own = lua_newuserdatauv(L, sizeof *own, 0);
    *own = *(const struct traveller *)lua_touserdata(L, 1);
    policy_open_series(L);
    struct policy *window = lua_newuserdatauv(L, sizeof *window, 0);
    *window = (struct policy){.path = NULL};
    lua_rawsetp(L, LUA_REGISTRYINDEX, &window_key);
    lua_pushglobaltable(L);
    lua_pushvalue(L, -2);
    vm_set_closures(L, functions, 1);
    lua_pushvalue(L, -2);
    lua_getglobal(L, "next");
    lua_pushcclosure(L, travel_next, 2);
    lua_setglobal(L, "next");
    return 0;
}

int script_travel(struct script *script, const struct traveller *traveller, struct fault *fault)
{
    struct vm *vm = script_vm(script);
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, open_travel);
    lua_pushlightuserdata(L, (void *)(uintptr_t)traveller);
    return vm_call(vm, L, 1, 0, fault, NULL);
}

/* ---- what a target saw ---- */

/* A typo in m.p99 says so, as in a policy. */
static int no_such_metric(lua_State *L)
{
    return luaL_error(L, "this tick has no metric '%s'", luaL_tolstring(L, 2, NULL));
}

static void push_json(lua_State *L, const char *json)
{
    struct fault fault;
    if (convert_from_json(L, json, strlen(json), &fault) < 0) luaL_error(L, "%s", fault.text);
}

static void push_m(lua_State *L, struct policy *window, const char *extra_json)
{
    const struct layout *layout = window->run.layout;
    lua_createtable(L, 0, (int)layout->count + 1);
    for (uint32_t i = 0; i < layout->count; i++) {
        handle_push(L, window, window->run.layout_id, i);
        lua_setfield(L, -2, layout->keys[i].name);
    }
    if (extra_json) {
        push_json(L, extra_json);
        lua_setfield(L, -2, "extra");
    }
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, no_such_metric);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

static struct policy *window_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &window_key);
    struct policy *window = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return window;
}

static void look_away(struct policy *window)
{
    window->run.layout = NULL;
    window->run.layout_id = 0;
    window->run.input = NULL;
    window->run.target = NULL;
    window->run.out = NULL;
}

static void look_at(struct policy *window, const struct script_view *view)
{
    struct policy *policy = (struct policy *)view->evaluator;
    struct run *run = &window->run;
    run->input = view->input;
    run->target = &policy->targets.items[view->input->target];
    run->out = view->unseen;
    run->number++;
    run->layout = run->target->layout;
    run->layout_id = ++window->layouts_made; /* of each view its own */
}

/* Argument: the view. */
static int show(lua_State *L)
{
    const struct script_view *view = lua_touserdata(L, 1);
    const struct evaluation_input *input = view->input;
    struct policy *window = window_of(L);
    luaL_checkstack(L, 10, "a tick");
    look_at(window, view);
    push_m(L, window, input->extra_json);
    lua_setglobal(L, "m");
    push_json(L, window->run.target->shown.json);
    lua_setglobal(L, "t");
    push_json(L, input->memo_json ? input->memo_json : "{}");
    lua_setglobal(L, "memo");
    push_json(L, view->tick_json);
    lua_setglobal(L, "tick");
    return 0;
}

int script_look_at(struct script *script, const struct script_view *view, struct fault *fault)
{
    struct vm *vm = script_vm(script);
    lua_State *L = vm_lua(vm);
    lua_pushcfunction(L, show);
    lua_pushlightuserdata(L, (void *)(uintptr_t)view);
    int code = vm_call(vm, L, 1, 0, fault, NULL);
    if (code < 0) script_look_away(script);
    return code;
}

void script_look_away(struct script *script)
{
    lua_State *L = vm_lua(script_vm(script));
    if (lua_checkstack(L, 1)) look_away(window_of(L));
}
