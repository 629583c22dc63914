/* bind/evaluate.c - one evaluation of one target, from its input to what it says.
 *
 *   idle --policy_evaluate--> prepared --vm_resume--> OK --> memo stored --> idle
 *                                |  ^      |
 *                                |  |      +-- error --> memo reverted --> idle
 *                                |  +-- policy_evaluate --+
 *                                +----- AGAIN: the slice is used up
 *
 * run.layout is set only while Lua runs, so that what a policy kept of another evaluation throws.
 * The path of a healthy target allocates nothing. */
#include "policy_state.h"
#include "trace.h"

#include "moontide/base/json.h"

#include <string.h>

static void end_run(struct policy *policy)
{
    policy->run.under_way = false;
    policy->run.input = NULL;
    policy->run.out = NULL;
    policy->run.target = NULL;
    policy->binding.now_ms = 0;
}

static int take_extra(lua_State *L)
{
    const struct layout *layout = lua_touserdata(L, 1);
    const char *json = lua_touserdata(L, 2);
    struct fault fault;
    if (convert_from_json(L, json, strlen(json), &fault) < 0)
        return luaL_error(L, "extra: %s", fault.text);
    layout_set_extra(L, layout);
    return 0;
}

static int set_extra(struct policy *policy, const struct layout *layout, const char *json,
                     struct fault *fault)
{
    lua_State *L = vm_lua(policy->vm);
    lua_pushcfunction(L, take_extra);
    lua_pushlightuserdata(L, (void *)layout);
    lua_pushlightuserdata(L, (void *)json);
    return vm_call(policy->vm, L, 2, 0, fault, NULL);
}

static void clear_extra(struct policy *policy, const struct layout *layout)
{
    lua_State *L = vm_lua(policy->vm);
    lua_pushnil(L);
    layout_set_extra(L, layout);
}

struct vm_budget policy_budget(const struct policy *policy, const char *what)
{
    const struct config *config = policy->binding.host->config;
    return (struct vm_budget){.instructions = config ? config->instructions : 5000000,
                              .wall_ms = config ? config->evaluation_ms : 1000,
                              .what = what};
}

/* Loads memo and extra, and puts the call on the runner, above the memo. */
static int prepare(struct policy *policy, const struct evaluation_input *input,
                   struct policy_target *target, struct fault *fault)
{
    struct vm_budget budget = policy_budget(policy, "evaluate");
    budget.slice_ms = input->slice_ms;
    vm_budget(policy->vm, &budget);
    int code = memo_ready(policy, target, input->memo_json, fault);
    if (code == OK && input->extra_json)
        code = set_extra(policy, target->layout, input->extra_json, fault);
    if (code < 0) return code;

    vm_seed(policy->vm, input->seed);
    lua_State *L = vm_runner(policy->vm);
    memo_push(L, policy, target);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->evaluate_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, target->table_ref);
    layout_push_m(L, target->layout);
    lua_pushvalue(L, 1);
    return OK;
}

/* Whether the memo below the call is the one that is lent, as it was: most often. */
static bool memo_untouched(lua_State *L, const struct policy_target *target)
{
    if (target->memo_ref != LUA_NOREF) return false;
    lua_settop(L, 1);
    lua_pushnil(L);
    return !lua_next(L, 1) && !lua_getmetatable(L, 1);
}

/* The newest datapoint of each series that this evaluation read; keys are sorted by name. */
static int tell_datapoints(struct run *run)
{
    struct strbuf text;
    struct json_writer json;
    strbuf_init(&text, EVALUATION_BYTES_MAX);
    json_writer_init(&json, &text);
    json_object(&json);
    for (uint32_t i = 0; i < run->target->layout->count; i++) {
        const struct layout_key *key = &run->target->layout->keys[i];
        struct series_view view =
            series_view(run->input->series[i], run->target->shown.uses[i].slots);
        double value;
        int64_t time_s;
        if (key->read_at != run->number || !view_at(view, -1, &value, &time_s)) continue;
        json_key(&json, key->name);
        json_object(&json);
        json_key(&json, "at");
        json_int(&json, time_s);
        json_key(&json, "value");
        json_double(&json, value);
        json_object_end(&json);
    }
    json_object_end(&json);
    int code = strbuf_status(&text);
    if (code == OK)
        run->out->datapoints_json = evaluation_text(run->out, strbuf_cstr(&text), text.len);
    strbuf_done(&text);
    return code == OK && !run->out->datapoints_json ? ERR_LIMIT : code;
}

static int finish(struct policy *policy, int code, struct fault *fault)
{
    struct run *run = &policy->run;
    struct policy_target *target = run->target;
    const char *memo = NULL;
    if (run->has_extra) clear_extra(policy, target->layout);
    if (code == OK) {
        lua_State *L = vm_runner(policy->vm);
        bool untouched = memo_untouched(L, target);
        lua_settop(L, 0);
        if (!untouched) code = memo_store(policy, target, &memo, fault);
        if (code < 0) fault_at(fault, policy->shown, 0, 0);
    }
    if (code == OK && memo) {
        run->out->memo_json = evaluation_text(run->out, memo, strlen(memo));
        if (!run->out->memo_json)
            code = fault_set(fault, ERR_LIMIT, "the texts of one evaluation are too long");
    }
    bool tells = run->out->decision_count > 0 && !run->input->compared;
    if (code == OK && tells && (code = tell_datapoints(run)) < 0)
        fault_set(fault, code, "the texts of one evaluation are too long");
    if (code < 0) memo_revert(policy, target);
    if (policy->trace) trace_end(policy, code, fault);
    end_run(policy);
    return code;
}

int policy_evaluate(struct evaluator *evaluator, const struct evaluation_input *input,
                    struct evaluation *out, struct fault *fault)
{
    struct policy *policy = (struct policy *)evaluator;
    struct run *run = &policy->run;
    int nresults = 0;
    if (!run->under_way) {
        struct policy_target *target = &policy->targets.items[input->target];
        int code = prepare(policy, input, target, fault);
        if (code < 0) {
            if (input->extra_json) clear_extra(policy, target->layout);
            return code;
        }
        run->under_way = true;
        run->has_extra = input->extra_json != NULL;
        run->target = target;
        run->number++;
        run->nil_verdicts = 0;
        run->judged_count = 0;
        nresults = 3;
    }
    policy->binding.now_ms = input->now_ms;
    run->input = input;
    run->out = out;
    run->layout = run->target->layout;
    run->layout_id = run->layout->id;
    if (policy->trace && nresults) trace_begin(policy);
    if (policy->trace) trace_slice_begins(policy);
    int code = vm_resume(policy->vm, nresults, &nresults, fault);
    if (policy->trace) trace_slice_ends(policy);
    run->layout = NULL;
    run->layout_id = 0;
    if (code == VM_AGAIN) return EVALUATE_AGAIN;
    return finish(policy, code, fault);
}

/* ---- verification ---- */

/* Arguments: the policy, the name. Pushes what the function answers: true, false or nil. */
static int call_check(lua_State *L)
{
    struct policy *policy = lua_touserdata(L, 1);
    const struct policy_target *target = policy->run.target;
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->checks_ref);
    lua_pushstring(L, lua_touserdata(L, 2));
    lua_rawget(L, -2);
    lua_rawgeti(L, LUA_REGISTRYINDEX, target->table_ref);
    layout_push_m(L, target->layout);
    memo_push(L, policy, target);
    lua_call(L, 3, 1);
    if (!lua_isboolean(L, -1) && !lua_isnil(L, -1))
        return luaL_error(L, "the check '%s' must return true, false or nil, not a %s",
                          (const char *)lua_touserdata(L, 2), luaL_typename(L, -1));
    return 1;
}

static bool has_check(struct policy *policy, const char *name)
{
    lua_State *L = vm_lua(policy->vm);
    if (policy->checks_ref == LUA_NOREF || !lua_checkstack(L, 4)) return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->checks_ref);
    bool found = false;
    for (lua_pushnil(L); !found && lua_next(L, -2); lua_pop(L, 1))
        found = strcmp(lua_tostring(L, -2), name) == 0; /* keys are strings: policy_fields.c */
    lua_settop(L, 0);
    return found;
}

/* As an evaluation that states nothing, and whose memo is only to be read. */
static int run_check(struct policy *policy, const struct evaluation_input *input, const char *name,
                     enum verdict *out, struct fault *fault)
{
    struct run *run = &policy->run;
    struct evaluation scratch; /* where the series that cannot answer are told, for nobody */
    lua_State *L = vm_lua(policy->vm);
    evaluation_init(&scratch);
    policy->binding.now_ms = input->now_ms;
    run->input = input;
    run->out = &scratch;
    run->number++;
    run->checking = true;
    run->layout = run->target->layout;
    run->layout_id = run->layout->id;
    lua_pushcfunction(L, call_check);
    lua_pushlightuserdata(L, policy);
    lua_pushlightuserdata(L, (void *)(uintptr_t)name);
    int code = vm_call(policy->vm, L, 2, 1, fault, NULL);
    run->layout = NULL;
    run->layout_id = 0;
    run->checking = false;
    if (code == OK) {
        *out = lua_isnil(L, -1)       ? VERDICT_UNKNOWN
               : lua_toboolean(L, -1) ? VERDICT_TRUE
                                      : VERDICT_FALSE;
        lua_settop(L, 0);
    }
    evaluation_done(&scratch);
    return code;
}

int policy_verify(struct evaluator *evaluator, const struct evaluation_input *input,
                  const char *name, enum verdict *out, struct fault *fault)
{
    struct policy *policy = (struct policy *)evaluator;
    struct run *run = &policy->run;
    if (run->under_way) return fault_set(fault, ERR_BUSY, "an evaluation is under way");
    if (!has_check(policy, name))
        return fault_set(fault, ERR_NOT_FOUND, "the policy's checks have no function '%s'", name);
    struct policy_target *target = &policy->targets.items[input->target];
    struct vm_budget budget = policy_budget(policy, "check");
    vm_budget(policy->vm, &budget);
    int code = memo_ready(policy, target, input->memo_json, fault);
    if (code == OK && input->extra_json)
        code = set_extra(policy, target->layout, input->extra_json, fault);
    if (code == OK) {
        vm_seed(policy->vm, input->seed);
        run->target = target;
        code = run_check(policy, input, name, out, fault);
    }
    if (input->extra_json) clear_extra(policy, target->layout);
    memo_revert(policy, target);
    end_run(policy);
    return code;
}

void evaluate_stop(struct policy *policy)
{
    if (!policy->run.under_way) return;
    struct policy_target *target = policy->run.target;
    if (policy->trace) trace_drop(policy);
    vm_abandon(policy->vm);
    if (policy->run.has_extra) clear_extra(policy, target->layout);
    memo_revert(policy, target);
    end_run(policy);
}
