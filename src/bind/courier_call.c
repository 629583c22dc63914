/* bind/courier_call.c - one message on its way: a task, which waits.
 *
 *   started --task ends--> told --done--> freed       (a task that never waited is told in the next
 *      | ^        |                                    turn of the loop)
 *      | |        +-- its budget ended while it rendered: once more, without templates
 *      | +--------+
 *      +--post_cancel--> freed, without done
 *
 * receivers.lua answers failures as values; what still ends the task (budget, memory, deadline) is
 * a failure that may pass. */
#include "courier_state.h"

#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"
#include "moontide/notify/settings.h"
#include "moontide/vm/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 512, STATE_MAX = 64 * 1024, BEAT_MS = 30 * 1000 };

struct courier_call {
    struct post *post;
    struct courier_call *prev, *next;
    courier_done_fn *done; /* NULL: a heartbeat */
    void *data;
    char *type, *name, *settings, *notification, *given; /* given: the state; may be NULL */
    int64_t end_ns;                                      /* when its task is ended */
    struct task *task;
    struct loop_timer *timer;
    bool starting, over, renders, permanent;
    int code;
    int64_t retry_after_ms;
    char answer[ANSWER_MAX], warning[ANSWER_MAX], template_fault[ANSWER_MAX];
    char *state;
};

static const struct clock real; /* how long things take is real time in every world */

static int start(struct courier_call *call);

/* ---- the end ---- */

static void call_free(struct courier_call *call)
{
    struct post *post = call->post;
    if (call->prev)
        call->prev->next = call->next;
    else
        post->calls = call->next;
    if (call->next) call->next->prev = call->prev;
    if (post->beat == call) post->beat = NULL;
    loop_timer_cancel(call->timer);
    free(call->type);
    free(call->name);
    free(call->settings);
    free(call->notification);
    free(call->given);
    free(call->state);
    free(call);
}

static void tell(void *data)
{
    struct courier_call *call = data;
    call->timer = NULL;
    if (!call->done) {
        if (call->code < 0)
            log_event(LOG_WARN, "alert.heartbeat_failed", LOG_S("error", call->answer));
        call_free(call);
        return;
    }
    char answer[ANSWER_MAX], warning[ANSWER_MAX];
    char *state = call->state;
    memcpy(answer, call->answer, sizeof answer);
    memcpy(warning, call->warning, sizeof warning);
    struct delivery delivery = {.code = call->code,
                                .permanent = call->permanent,
                                .retry_after_ms = call->retry_after_ms,
                                .answer = answer,
                                .state = state,
                                .warning = *warning ? warning : NULL};
    courier_done_fn *done = call->done;
    void *to = call->data;
    call->state = NULL;
    call_free(call);
    done(to, &delivery);
    free(state);
}

static int settle(struct courier_call *call)
{
    call->over = true;
    return loop_timer_start(call->post->host->loop, 0, tell, call, &call->timer);
}

/* One line of at most ANSWER_MAX bytes. */
static void keep_line(char out[ANSWER_MAX], const char *text)
{
    struct fault line; /* cuts at a character */
    fault_set(&line, OK, "%.*s", ANSWER_MAX - 1, text);
    size_t len = strnlen(line.text, ANSWER_MAX - 1);
    while (line.text[len] && len > 0 && ((unsigned char)line.text[len] & 0xc0) == 0x80)
        len--;
    for (size_t i = 0; i < len; i++)
        out[i] = line.text[i];
    out[len] = '\0';
    for (char *at = out; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127) *at = ' ';
}

static const char *result_text(lua_State *L, int idx, int nresults, int n)
{
    if (n > nresults || lua_type(L, idx + n) != LUA_TSTRING) return NULL;
    return lua_tostring(L, idx + n);
}

/* (taken, answer, permanent, retry_after_ms, state, warning); nothing here may throw. */
static void take_results(struct courier_call *call, lua_State *L, int nresults)
{
    int base = lua_gettop(L) - nresults;
    const char *answer = result_text(L, base, nresults, 2);
    const char *state = result_text(L, base, nresults, 5);
    const char *warning = result_text(L, base, nresults, 6);
    call->permanent = nresults >= 3 && lua_toboolean(L, base + 3);
    if (nresults < 1 || !lua_toboolean(L, base + 1))
        call->code = call->permanent ? ERR_INVALID : ERR_SERVER;
    if (nresults >= 4 && lua_isinteger(L, base + 4))
        call->retry_after_ms = (int64_t)lua_tointeger(L, base + 4);
    keep_line(call->answer, answer ? answer : "");
    if (warning) keep_line(call->warning, warning);
    /* Without it the next message of the group begins anew. */
    if (state && strlen(state) <= STATE_MAX) call->state = strdup(state);
}

static void task_ended(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                       const char *traceback)
{
    (void)traceback;
    struct courier_call *call = data;
    char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32] = "";
    call->task = NULL;
    if (call->over) return; /* canceled: post_cancel() frees it */
    if (code < 0 && fault) fault_print(fault, text, sizeof text);
    if (code == ERR_BUDGET && call->renders && !*call->template_fault) {
        keep_line(call->template_fault, text);
        call->timer = NULL;
        code = start(call);
        if (code == OK) return;
    }
    call->code = code;
    if (code == OK)
        take_results(call, L, nresults);
    else
        keep_line(call->answer, *text ? text : err_text(code));
    if (settle(call) < 0 && !call->starting) tell(call);
}

/* ---- the begin ---- */

/* The notification as a table: reading a long one is no work of the receiver's, and so is not
 * charged to it. As text where it is none, which the prelude then says. */
static void push_notification(lua_State *L, const char *json)
{
    struct fault fault;
    if (!json || convert_from_json(L, json, strlen(json), &fault) < 0) lua_pushstring(L, json);
}

static int push_send(lua_State *L)
{
    const struct courier_call *call = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->post->post_refs[POST_SEND]);
    lua_pushstring(L, call->type);
    lua_pushstring(L, call->name);
    lua_pushstring(L, call->settings);
    push_notification(L, call->notification);
    lua_pushstring(L, call->given);
    lua_pushstring(L, *call->template_fault ? call->template_fault : NULL);
    return 7;
}

static int start(struct courier_call *call)
{
    struct vm *vm = call->post->vm;
    lua_State *L = vm_lua(vm);
    struct fault fault;
    int64_t ms = call->done ? COURIER_SEND_MS : BEAT_MS;
    struct task_options options = {.budget = post_budget("send"), .deadline_ms = ms, .tag = call};
    if (!lua_checkstack(L, 12)) return ERR_NOMEM;
    vm_budget(vm, NULL);
    call->end_ns = clock_mono_ns(&real) + ms * 1000000;
    call->renders = false;
    lua_pushcfunction(L, push_send);
    lua_pushlightuserdata(L, call);
    int code = vm_call(vm, L, 1, 7, &fault, NULL);
    if (code < 0) return code;
    struct task *task = NULL;
    bool nested = call->starting;
    call->starting = true;
    code = task_start(vm, 6, &options, task_ended, call, &task);
    call->starting = nested;
    if (code == OK && !call->over && !call->task) call->task = task;
    return code;
}

static bool keep(const char *text, char **out)
{
    *out = text ? strdup(text) : NULL;
    return !text || *out;
}

static int call_new(struct post *post, const struct receiver_settings *receiver,
                    const char *notification, const char *state, struct courier_call **out)
{
    struct courier_call *call = calloc(1, sizeof *call);
    if (!call) return ERR_NOMEM;
    call->post = post;
    call->next = post->calls;
    if (call->next) call->next->prev = call;
    post->calls = call;
    bool kept = keep(receiver->type, &call->type) && keep(receiver->name, &call->name) &&
                keep(receiver->json ? receiver->json : "{}", &call->settings) &&
                keep(notification, &call->notification) && keep(state, &call->given);
    if (!kept) {
        call_free(call);
        return ERR_NOMEM;
    }
    *out = call;
    return OK;
}

static int begin(struct courier_call *call)
{
    int code = start(call);
    if (code == OK && call->over && !call->timer) code = ERR_NOMEM; /* it could not be told */
    if (code < 0) call_free(call);
    return code;
}

int post_send(struct courier *courier, const struct receiver_settings *receiver,
              const char *notification, const char *state, courier_done_fn *done, void *data,
              struct courier_call **out)
{
    struct post *post = post_of(courier);
    struct courier_call *call = NULL;
    struct fault fault = {0};
    int code = post_open(post, &fault);
    if (code < 0) {
        log_event(LOG_ERROR, "alert.failed", LOG_S("error", fault.text));
        return code;
    }
    code = call_new(post, receiver, notification, state, &call);
    if (code < 0) return code;
    call->done = done;
    call->data = data;
    code = begin(call);
    if (code == OK && out) *out = call;
    return code;
}

void post_cancel(struct courier *courier, struct courier_call *call)
{
    (void)courier;
    call->over = true;
    if (call->task) task_cancel(call->task, ERR_CANCELED, "stopped");
    call_free(call);
}

void post_heartbeat(struct courier *courier, const char *settings_json)
{
    struct post *post = post_of(courier);
    char name[] = "heartbeat", *json = (char *)(uintptr_t)settings_json;
    const struct receiver_settings settings = {.name = name, .type = name, .json = json};
    struct fault fault = {0};
    if (post->beat) return; /* the one before it is still waited for */
    int code = post_open(post, &fault);
    if (code == OK) code = call_new(post, &settings, NULL, NULL, &post->beat);
    if (code == OK) code = begin(post->beat);
    if (code < 0)
        log_event(LOG_WARN, "alert.heartbeat_failed",
                  LOG_S("error", *fault.text ? fault.text : err_text(code)));
}

/* ---- what the task asks ---- */

void call_renders(void *tag, bool renders)
{
    struct courier_call *call = tag;
    if (call) call->renders = renders;
}

double call_seconds_left(const void *tag)
{
    const struct courier_call *call = tag;
    return call ? (double)(call->end_ns - clock_mono_ns(&real)) / 1e9 : 0;
}
