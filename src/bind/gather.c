/* bind/gather.c - collect(t): what a policy fetches for itself, as JSON for the snapshot. */
#include "policy_state.h"

#include <stdlib.h>

struct gathering {
    struct gathering *next;
    struct policy *policy;
    evaluator_collect_fn *done;
    void *data;
    struct task *task;
    bool starting, over;
};

static void unlink_gathering(struct gathering *g)
{
    struct gathering **at = &g->policy->gatherings;
    while (*at && *at != g)
        at = &(*at)->next;
    if (*at) *at = g->next;
}

/* The one result of collect as JSON. */
static int result_json(struct policy *policy, lua_State *L, int nresults, struct strbuf *json,
                       struct fault *fault)
{
    int idx = lua_gettop(L) - nresults + 1;
    int code = OK;
    if (nresults == 0 || lua_isnil(L, idx)) {
        strbuf_adds(json, "null");
    } else if (!lua_istable(L, idx)) {
        code = fault_set(fault, ERR_INVALID, "collect must return a table, not a %s",
                         luaL_typename(L, idx));
    } else {
        code = convert_to_json(L, idx, "collect", json, fault);
    }
    if (code < 0) fault_at(fault, policy->shown, 0, 0);
    return code;
}

static void collected(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                      const char *traceback)
{
    (void)traceback;
    struct gathering *g = data;
    struct fault why;
    struct strbuf json;
    g->task = NULL;
    if (!g->over) {
        g->over = true;
        unlink_gathering(g);
        strbuf_init(&json, POLICY_EXTRA_MAX);
        if (code == OK) {
            code = result_json(g->policy, L, nresults, &json, &why);
            fault = &why;
        }
        g->done(g->data, code < 0 ? code : OK, code < 0 ? NULL : strbuf_cstr(&json),
                code < 0 ? fault : NULL);
        strbuf_done(&json);
    }
    if (!g->starting) free(g);
}

void policy_collect(struct evaluator *evaluator, size_t target, int64_t now_ms,
                    evaluator_collect_fn *done, void *data)
{
    struct policy *policy = (struct policy *)evaluator;
    struct fault fault;
    if (policy->collect_ref == LUA_NOREF) {
        done(data, OK, "null", NULL);
        return;
    }
    struct gathering *g = calloc(1, sizeof *g);
    if (!g) {
        fault_set(&fault, ERR_NOMEM, "out of memory");
        done(data, ERR_NOMEM, NULL, &fault);
        return;
    }
    *g = (struct gathering){
        .next = policy->gatherings, .policy = policy, .done = done, .data = data};
    policy->gatherings = g;
    policy->binding.now_ms = now_ms;
    const struct config *config = policy->binding.host->config;
    struct task_options options = {.budget = policy_budget(policy, "collect"),
                                   .deadline_ms = config ? config->collect_ms : 30000};
    lua_State *L = vm_lua(policy->vm);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->collect_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, policy->targets.items[target].table_ref);
    struct task *task = NULL;
    g->starting = true;
    int code = task_start(policy->vm, 1, &options, collected, g, &task);
    g->starting = false;
    if (g->over) {
        free(g);
    } else if (code < 0) {
        unlink_gathering(g);
        free(g);
        fault_set(&fault, code, "collect could not be started: %s", err_text(code));
        fault_at(&fault, policy->shown, 0, 0);
        done(data, code, NULL, &fault);
    } else {
        g->task = task;
    }
}

void gatherings_stop(struct policy *policy)
{
    while (policy->gatherings) {
        struct gathering *g = policy->gatherings;
        policy->gatherings = g->next;
        g->over = true;
        if (g->task)
            task_cancel(g->task, ERR_CANCELED, "stopped"); /* frees g through collected */
        else if (!g->starting)
            free(g);
    }
}
