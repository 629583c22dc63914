/* bind/kinds_call.c - read, check and apply: a task each, which waits.
 *
 *   started --task ends--> told --done--> freed        (a task that never waited is told in the
 *      |                                                next turn of the loop)
 *      +--kinds_cancel--> freed, without done
 *
 * Every call of AWS that the task makes is noted as it begins and as it ends (kinds_on_call), so
 * that whatever becomes of the task, what was sent is known. */
#include "kinds_state.h"

#include "moontide/base/json.h"
#include "moontide/bind/config.h"
#include "moontide/io/loop.h"
#include "moontide/vm/convert.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_MS = 30000,
    CHECK_MS = 30000,
    APPLY_MS = 60000, /* where there is no configuration */
    CALL_TEXT_MAX = 192,
    CALLS_MAX = 1000,
    KIND_TEXT_MAX = 16 * 1024,
};

enum verb { VERB_READ, VERB_CHECK, VERB_APPLY };

struct noted_call {
    char action[CALL_TEXT_MAX], request_id[128];
    bool read_only, ended, effect;
};

struct actor_call {
    struct kinds *kinds;
    struct actor_call *prev, *next;
    enum verb verb;
    union {
        actor_read_fn *read;
        actor_check_fn *check;
        actor_apply_fn *apply;
    } done; /* by the verb */
    void *data;
    struct kind *kind;        /* of check and apply; retained */
    struct subject *subjects; /* of read */
    size_t count;
    struct task *task;
    struct loop_timer *timer;
    bool starting, over;
    struct noted_call *notes;
    size_t note_count;
    bool lost; /* a call could not be noted */
    int code;
    struct fault fault;
    struct feasibility feasibility;
};

/* ---- what was sent ---- */

size_t kinds_on_call(void *tag, size_t begun, const struct call_record *record)
{
    struct actor_call *call = tag;
    if (record->ended) {
        if (begun == 0 || begun > call->note_count) return 0;
        struct noted_call *note = &call->notes[begun - 1];
        note->ended = true;
        note->effect = record->effect;
        snprintf(note->request_id, sizeof note->request_id, "%s", record->request_id);
        return begun;
    }
    if (call->verb != VERB_APPLY) return 0;
    struct noted_call *notes = call->note_count < CALLS_MAX
                                   ? realloc(call->notes, (call->note_count + 1) * sizeof *notes)
                                   : NULL;
    if (!notes) {
        call->lost = true;
        return 0;
    }
    call->notes = notes;
    struct noted_call *note = &notes[call->note_count++];
    *note = (struct noted_call){.read_only = record->read_only};
    snprintf(note->action, sizeof note->action, "%s", record->action);
    return call->note_count;
}

/* Whether no request can have had an effect. */
static bool unsent(const struct actor_call *call)
{
    for (size_t i = 0; i < call->note_count; i++)
        if (!call->notes[i].read_only && (!call->notes[i].ended || call->notes[i].effect))
            return false;
    return !call->lost;
}

static void write_calls(const struct actor_call *call, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_array(&w);
    for (size_t i = 0; i < call->note_count; i++) {
        json_object(&w);
        json_key(&w, "operation");
        json_string(&w, call->notes[i].action);
        json_key(&w, "request_id");
        json_string(&w, call->notes[i].request_id);
        json_object_end(&w);
    }
    json_array_end(&w);
}

/* A failure after calls that were made says which. */
static void tell_what_was_done(struct actor_call *call)
{
    char made[FAULT_TEXT_MAX / 2] = "", text[FAULT_TEXT_MAX];
    for (size_t i = 0; i < call->note_count; i++) {
        const struct noted_call *note = &call->notes[i];
        size_t used = strlen(made);
        if (note->read_only || !note->effect) continue;
        snprintf(made + used, sizeof made - used, "%s%s (request %s)", used ? ", " : "",
                 note->action, *note->request_id ? note->request_id : "unknown");
    }
    if (!*made) return;
    snprintf(text, sizeof text, "%.400s; sent before that: %s", call->fault.text, made);
    snprintf(call->fault.text, sizeof call->fault.text, "%s", text);
}

/* ---- the end of a call ---- */

static void call_free(struct actor_call *call)
{
    struct kinds *kinds = call->kinds;
    if (call->prev)
        call->prev->next = call->next;
    else
        kinds->calls = call->next;
    if (call->next) call->next->prev = call->prev;
    loop_timer_cancel(call->timer);
    feasibility_done(&call->feasibility);
    kind_release(call->kind);
    free(call->notes);
    free(call);
}

static void tell_applied(struct actor_call *call)
{
    struct strbuf calls;
    struct fault fault = call->fault;
    strbuf_init(&calls, (size_t)CALLS_MAX * 1024);
    write_calls(call, &calls);
    struct applied applied = {.code = call->code,
                              .unsent = call->code < 0 && unsent(call),
                              .fault = call->code < 0 ? &fault : NULL,
                              .calls = strbuf_status(&calls) == OK ? strbuf_cstr(&calls) : "[]"};
    actor_apply_fn *done = call->done.apply;
    void *data = call->data;
    call_free(call);
    done(data, &applied);
    strbuf_done(&calls);
}

static void tell_checked(struct actor_call *call)
{
    actor_check_fn *done = call->done.check;
    void *data = call->data;
    struct feasibility feasibility = call->feasibility;
    struct fault fault = call->fault;
    int code = call->code;
    call->feasibility = (struct feasibility){0};
    call_free(call);
    done(data, code, &feasibility, code < 0 ? &fault : NULL);
}

static void tell(void *data)
{
    struct actor_call *call = data;
    call->timer = NULL;
    if (call->verb == VERB_APPLY) {
        if (call->code < 0) tell_what_was_done(call);
        tell_applied(call);
    } else if (call->verb == VERB_CHECK) {
        tell_checked(call);
    } else {
        actor_read_fn *done = call->done.read;
        void *to = call->data;
        call_free(call);
        done(to);
    }
}

/* ---- results ---- */

/* "Denied" -> ERR_DENIED; ERR_HTTP for what is no name of a code. */
static int code_named(const char *name)
{
    for (int code = ERR_NOMEM; strcmp(err_name(code), "ERR_UNKNOWN") != 0; code--) {
        const char *want = err_name(code) + strlen("ERR_"), *at = name;
        for (; *want && *at; want++) {
            if (*want == '_') continue;
            if (toupper((unsigned char)*at) != *want) break;
            at++;
        }
        if (!*want && !*at) return code;
    }
    return ERR_HTTP;
}

/* Texts of the results on L, which are strings or nil; nothing here may throw. */
static const char *result_text(lua_State *L, int idx, int nresults, int n)
{
    if (n > nresults || lua_type(L, idx + n) != LUA_TSTRING) return NULL;
    return lua_tostring(L, idx + n);
}

static int take_failure(struct actor_call *call, lua_State *L, int base, int nresults, int n)
{
    const char *kind = result_text(L, base, nresults, n);
    const char *text = result_text(L, base, nresults, n + 1);
    if (!kind) return OK;
    return fault_set(&call->fault, code_named(kind), "%s", text ? text : kind);
}

static bool keep(const char *text, char **out)
{
    *out = text ? strndup(text, KIND_TEXT_MAX) : NULL;
    return !text || *out;
}

static int take_feasibility_of(struct actor_call *call, lua_State *L, int base, int nresults)
{
    struct feasibility *out = &call->feasibility;
    bool kept = keep(result_text(L, base, nresults, 1), &out->infeasible) &&
                keep(result_text(L, base, nresults, 2), &out->busy) &&
                keep(result_text(L, base, nresults, 3), &out->notes);
    return kept ? OK : fault_set(&call->fault, ERR_NOMEM, "out of memory");
}

/* Subjects that have no answer share that of the task. */
static void fail_unanswered(struct actor_call *call, int code, const struct fault *fault)
{
    for (size_t i = 0; i < call->count; i++) {
        struct subject *subject = &call->subjects[i];
        if (subject->code != ERR_CANCELED) continue;
        char text[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
        if (code < 0)
            fault_print(fault, text, sizeof text);
        else
            snprintf(text, sizeof text, "%s was not answered by its kind", subject->resource);
        subject->code = code < 0 ? code : ERR_LUA;
        subject->problem = strdup(text);
    }
}

/* Told in the next turn also where it could be now: the task is still on the stack. */
static int settle(struct actor_call *call)
{
    call->over = true;
    return loop_timer_start(call->kinds->host.loop, 0, tell, call, &call->timer);
}

/* The call's way out of the function that began it. */
static int begun(struct actor_call *call, bool under_way, struct actor_call **out)
{
    bool lost = call->over ? !call->timer : !under_way && settle(call) < 0;
    if (lost)
        call_free(call);
    else if (out)
        *out = call;
    return lost ? ERR_NOMEM : OK;
}

static void task_ended(void *data, int code, lua_State *L, int nresults, const struct fault *fault,
                       const char *traceback)
{
    (void)traceback;
    struct actor_call *call = data;
    int base = lua_gettop(L) - nresults;
    call->task = NULL;
    if (call->over) return; /* canceled: kinds_cancel() frees it */
    if (code < 0 && fault) call->fault = *fault;
    call->code = code;
    if (call->verb == VERB_READ) {
        fail_unanswered(call, code, fault);
    } else if (code == OK) {
        call->code = take_failure(call, L, base, nresults, call->verb == VERB_CHECK ? 4 : 1);
        if (call->code == OK && call->verb == VERB_CHECK)
            call->code = take_feasibility_of(call, L, base, nresults);
    }
    if (settle(call) < 0 && !call->starting) tell(call);
}

/* (i, kind of failure or nil, current or nil, problem or nil), for the i-th subject. */
int kinds_answer(lua_State *L)
{
    struct actor_call *call = task_tag(L);
    lua_Integer i = luaL_checkinteger(L, 1);
    if (!call || i < 1 || (size_t)i > call->count) return luaL_error(L, "nobody asked");
    struct subject *subject = &call->subjects[i - 1];
    struct fault fault;
    if (lua_istable(L, 3)) {
        struct strbuf json;
        strbuf_init(&json, KIND_JSON_MAX);
        int code = convert_to_json(L, 3, "current", &json, &fault);
        subject->code = code;
        if (code == OK) {
            subject->current = strbuf_take(&json, NULL);
            if (!subject->current) subject->code = ERR_NOMEM;
        } else {
            subject->problem = strdup(fault.text);
        }
        strbuf_done(&json);
        return 0;
    }
    subject->code = lua_isstring(L, 2) ? code_named(lua_tostring(L, 2)) : OK;
    if (lua_isstring(L, 4)) subject->problem = strndup(lua_tostring(L, 4), KIND_TEXT_MAX);
    return 0;
}

/* ---- the begin of a call ---- */

static struct actor_call *call_new(struct kinds *kinds, enum verb verb, void *data)
{
    struct actor_call *call = calloc(1, sizeof *call);
    if (!call) return NULL;
    call->kinds = kinds;
    call->verb = verb;
    call->data = data;
    call->next = kinds->calls;
    if (call->next) call->next->prev = call;
    kinds->calls = call;
    return call;
}

struct push {
    struct actor_call *call;
    const struct subject *subject;
    const struct comparison *comparison;
};

static void push_json(lua_State *L, const char *json)
{
    struct fault fault;
    if (!json)
        lua_pushnil(L);
    else if (convert_from_json(L, json, strlen(json), &fault) < 0)
        luaL_error(L, "%s", fault.text);
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text) return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

/* The function of the prelude and its arguments, for a check or an apply. */
static int push_one(lua_State *L)
{
    const struct push *push = lua_touserdata(L, 1);
    const struct subject *subject = push->subject;
    const struct comparison *comparison = push->comparison;
    lua_settop(L, 0);
    kinds_push_host(push->call->kinds, push->call->verb == VERB_CHECK ? HOST_CHECK : HOST_APPLY);
    kind_push(push->call->kind);
    push_json(L, comparison->wanted ? comparison->wanted : subject->wanted);
    push_json(L, subject->current);
    push_json(L, comparison->changes ? comparison->changes : "[]");
    lua_pushstring(L, subject->region);
    lua_pushstring(L, subject->account);
    lua_pushstring(L, subject->resource);
    return 8;
}

/* The same for a read; what has no read is answered here. */
static int push_read(lua_State *L)
{
    const struct push *push = lua_touserdata(L, 1);
    struct actor_call *call = push->call;
    lua_Integer n = 0;
    lua_settop(L, 0);
    kinds_push_host(call->kinds, HOST_READ);
    lua_newtable(L);
    for (size_t i = 0; i < call->count; i++) {
        const struct subject *subject = &call->subjects[i];
        if (subject->code != ERR_CANCELED) continue;
        lua_createtable(L, 0, 6);
        kind_push(kinds_find(call->kinds, subject->kind, NULL));
        lua_setfield(L, -2, "kind");
        set_text(L, "resource", subject->resource);
        set_text(L, "region", subject->region);
        set_text(L, "account", subject->account);
        set_text(L, "wanted", subject->wanted);
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_setfield(L, -2, "index");
        lua_rawseti(L, -2, ++n);
    }
    return 2;
}

/* Starts the task of what `pusher` pushes. On failure the call is as it was. */
static int start(struct actor_call *call, lua_CFunction pusher, int nargs, struct push *push,
                 int64_t deadline_ms, const char *what)
{
    struct vm *vm = call->kinds->vm;
    lua_State *L = vm_lua(vm);
    struct task_options options = {
        .budget = kinds_budget(what), .deadline_ms = deadline_ms, .tag = call};
    if (!lua_checkstack(L, nargs + 4)) return fault_set(&call->fault, ERR_NOMEM, "out of memory");
    vm_budget(vm, NULL);
    lua_pushcfunction(L, pusher);
    lua_pushlightuserdata(L, push);
    int code = vm_call(vm, L, 1, nargs + 1, &call->fault, NULL);
    if (code < 0) return code;
    struct task *task = NULL;
    call->starting = true;
    code = task_start(vm, nargs, &options, task_ended, call, &task);
    call->starting = false;
    if (code < 0) return fault_set(&call->fault, code, "%s: %s", what, err_text(code));
    if (!call->over) call->task = task;
    return OK;
}

static int64_t apply_ms(const struct kinds *kinds)
{
    const struct config *config = kinds->host.config;
    return config && config->apply_ms > 0 ? config->apply_ms : APPLY_MS;
}

static void prepare_subject(struct kinds *kinds, struct subject *subject)
{
    struct fault fault = {0};
    const struct kind *kind = kinds_find(kinds, subject->kind, &fault);
    subject->current = subject->problem = NULL;
    subject->code = kind ? ERR_CANCELED : fault.code; /* CANCELED: no answer yet */
    if (!kind) {
        subject->problem = strdup(fault.text);
    } else if (!kind->info.reads) {
        subject->current = strdup("{}");
        subject->code = subject->current ? OK : ERR_NOMEM;
    }
}

int kinds_read(struct actor *actor, struct subject *subjects, size_t count, actor_read_fn *done,
               void *data, struct actor_call **out)
{
    struct kinds *kinds = kinds_of(actor);
    struct actor_call *call = call_new(kinds, VERB_READ, data);
    if (!call) return ERR_NOMEM;
    bool any = false;
    call->done.read = done;
    call->subjects = subjects;
    call->count = count;
    for (size_t i = 0; i < count; i++) {
        prepare_subject(kinds, &subjects[i]);
        any = any || subjects[i].code == ERR_CANCELED;
    }
    struct push push = {.call = call};
    int code = any ? start(call, push_read, 1, &push, READ_MS, "read") : OK;
    if (code < 0) fail_unanswered(call, code, &call->fault);
    return begun(call, any && code == OK, out);
}

static int begin(struct actor_call *call, const struct subject *subject,
                 const struct comparison *comparison, struct actor_call **out)
{
    struct push push = {call, subject, comparison};
    bool checks = call->verb == VERB_CHECK;
    struct kind *kind = kinds_find(call->kinds, subject->kind, &call->fault);
    if (!kind) {
        call->code = call->fault.code;
    } else {
        kind->refs++;
        call->kind = kind;
    }
    if (kind && !subject->current) { /* what is not there cannot be changed */
        const char *why = subject->problem ? subject->problem : "there is no such resource";
        if (!checks)
            call->code = fault_set(&call->fault, ERR_NOT_FOUND, "%s", why);
        else if (!keep(why, &call->feasibility.infeasible))
            call->code = fault_set(&call->fault, ERR_NOMEM, "out of memory");
    } else if (kind) {
        int code = start(call, push_one, 7, &push, checks ? CHECK_MS : apply_ms(call->kinds),
                         checks ? "check" : "apply");
        if (code == OK) return begun(call, true, out);
        call->code = code;
    }
    return begun(call, false, out);
}

int kinds_check(struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_check_fn *done, void *data,
                struct actor_call **out)
{
    struct actor_call *call = call_new(kinds_of(actor), VERB_CHECK, data);
    if (!call) return ERR_NOMEM;
    call->done.check = done;
    return begin(call, subject, comparison, out);
}

int kinds_apply(struct actor *actor, const struct subject *subject,
                const struct comparison *comparison, actor_apply_fn *done, void *data,
                struct actor_call **out)
{
    struct actor_call *call = call_new(kinds_of(actor), VERB_APPLY, data);
    if (!call) return ERR_NOMEM;
    call->done.apply = done;
    return begin(call, subject, comparison, out);
}

void kinds_cancel(struct actor *actor, struct actor_call *call)
{
    (void)actor;
    call->over = true;
    if (call->task) task_cancel(call->task, ERR_CANCELED, "stopped");
    call_free(call);
}
