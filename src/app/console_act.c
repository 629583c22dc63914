/* app/console_act.c - what a console with --write lets the daemon do. Each is logged with who
 * asked.
 *
 *   act_begin -> reload: the daemon's own -> acts_reloaded
 *             -> tick:   engine_tick      -> on_ticked
 *             -> pause, resume: the file PAUSED, on a worker -> on_paused
 *
 * A console that is gone by the end is not told; what was begun is done all the same. */
#include "console_server.h"

#include "moontide/app/pauses.h"
#include "moontide/app/project.h"
#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/io/loop.h"
#include "moontide/tick/pause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 1024 * 1024, AGAIN_MS = 20, TRIES_MAX = 3000 };

struct act {
    struct consoles *consoles; /* NULL: the server is gone */
    struct session *session;   /* NULL: it hung up */
    struct act *next;
    enum console_act kind;
    uint64_t ticket;
    char *what, *reason;
    char by[CONSOLE_BY_MAX];
    struct loop_timer *again; /* of a tick that waits for the one under way */
    int tries;
    /* of a pause, on the worker */
    char *state_dir;
    int64_t at_ms;
    struct pauses pauses;
    size_t changed;
    int code;
    struct fault fault;
};

static const char *const names[] = {"reload", "tick", "pause", "resume"};

static void act_free(struct act *act)
{
    for (struct act **at = act->consoles ? &act->consoles->acts : NULL; at && *at;
         at = &(*at)->next) {
        if (*at != act) continue;
        *at = act->next;
        break;
    }
    loop_timer_cancel(act->again);
    pauses_done(&act->pauses);
    free(act->what);
    free(act->reason);
    free(act->state_dir);
    free(act);
}

/* json or error. */
static void act_end(struct act *act, const char *json, const char *error)
{
    if (act->session) console_answer(act->session->console, act->ticket, json, error);
    act_free(act);
}

void acts_forget(struct consoles *consoles, const struct session *session)
{
    for (struct act *act = consoles->acts, *next; act; act = next) {
        next = act->next;
        if (session && act->session != session) continue;
        act->session = NULL;
        if (session) continue;
        act->consoles = NULL;
        if (act->kind == CONSOLE_RELOAD || act->again)
            act_free(act); /* whose end nobody will tell */
    }
    if (!session) consoles->acts = NULL;
}

/* ---- reload ---- */

void acts_reloaded(struct consoles *consoles, const struct scan_result *result)
{
    struct strbuf out;
    struct json_writer w;
    char line[FAULT_TEXT_MAX + FAULT_FILE_MAX + 32];
    strbuf_init(&out, ANSWER_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_put_int(&w, "policies", result->policies);
    json_put_int(&w, "loaded", result->loaded);
    json_put_int(&w, "removed", result->removed);
    json_key(&w, "faults");
    json_array(&w);
    for (size_t i = 0; i < result->faults.count; i++) {
        fault_print(&result->faults.items[i], line, sizeof line);
        json_string(&w, line);
    }
    json_array_end(&w);
    json_object_end(&w);
    bool fits = strbuf_status(&out) == OK;
    for (struct act *act = consoles->acts, *next; act; act = next) {
        next = act->next;
        if (act->kind == CONSOLE_RELOAD)
            act_end(act, fits ? strbuf_cstr(&out) : NULL, fits ? NULL : "too many faults");
    }
    strbuf_done(&out);
}

/* ---- tick ---- */

struct counting {
    const char *policy;
    size_t by_status[4];
};

static void count_policy(void *data, const struct policy_status *policy)
{
    struct counting *counting = data;
    if (counting->policy && strcmp(policy->info->name, counting->policy) != 0) return;
    for (size_t i = 0; i < COUNT_OF(counting->by_status); i++)
        counting->by_status[i] += policy->by_status[i];
}

static void on_ticked(void *data, bool failed)
{
    struct act *act = data;
    char json[256];
    if (!act->consoles) {
        act_free(act);
        return;
    }
    struct counting counting = {.policy = act->what};
    engine_each_policy(act->consoles->options.instance->engine, count_policy, &counting);
    snprintf(json, sizeof json,
             "{\"failed\":%s,\"critical\":%zu,\"warning\":%zu,\"unknown\":%zu,\"healthy\":%zu}",
             failed ? "true" : "false", counting.by_status[STATUS_CRITICAL],
             counting.by_status[STATUS_WARNING], counting.by_status[STATUS_UNKNOWN],
             counting.by_status[STATUS_HEALTHY]);
    act_end(act, json, NULL);
}

static int try_tick(struct act *act);

static void on_again(void *data)
{
    struct act *act = data;
    act->again = NULL;
    int code = try_tick(act);
    if (code < 0)
        act_end(act, NULL, code == ERR_BUSY ? "its last tick does not end" : err_text(code));
}

/* When its tick is under way, again in a moment. */
static int try_tick(struct act *act)
{
    const struct instance *instance = act->consoles->options.instance;
    int code = engine_tick(instance->engine, act->what, on_ticked, act);
    if (code != ERR_BUSY || !act->session || ++act->tries == TRIES_MAX) return code;
    return loop_timer_start(instance->loop, AGAIN_MS, on_again, act, &act->again);
}

static int begin_tick(struct act *act, struct fault *fault)
{
    int code = try_tick(act);
    if (code == ERR_NOT_FOUND) return fault_set(fault, code, "there is no policy '%s'", act->what);
    return code < 0 ? fault_set(fault, code, "tick: %s", err_text(code)) : OK;
}

/* ---- pause and resume ---- */

/* On a worker: as `moontide pause` and `resume` do it. */
static void change_file(void *data)
{
    struct act *act = data;
    char path[4096];
    int fd = -1;
    snprintf(path, sizeof path, "%s/%s", act->state_dir, PAUSE_FILE);
    act->code = project_lock(act->state_dir, &fd, &act->fault);
    if (act->code < 0) return;
    act->code = pauses_read(path, &act->pauses);
    if (act->code == OK && act->kind == CONSOLE_PAUSE) {
        const struct pause pause = {.at_ms = act->at_ms,
                                    .scope = act->what ? act->what : (char *)"",
                                    .by = act->by,
                                    .reason = act->reason};
        act->code = pauses_add(&act->pauses, &pause);
    } else if (act->code == OK) {
        act->changed = pauses_remove(&act->pauses, act->what ? act->what : "", DIRECTION_NONE);
    }
    if (act->code < 0) fault_set(&act->fault, act->code, "%s", err_text(act->code));
    if (act->code == OK) act->code = pauses_write(path, &act->pauses, &act->fault);
    close(fd);
}

static void on_changed(void *data, int status)
{
    struct act *act = data;
    struct strbuf out;
    struct json_writer w;
    if (status < 0 || act->code < 0 || !act->consoles) {
        act_end(act, NULL, status < 0 ? "the daemon is stopping" : act->fault.text);
        return;
    }
    struct engine *engine = act->consoles->options.instance->engine;
    engine_pauses_changed(engine);
    if (act->kind == CONSOLE_RESUME && act->what)
        act->changed += engine_unfreeze(engine, act->what);
    strbuf_init(&out, ANSWER_MAX);
    json_writer_init(&w, &out);
    json_object(&w);
    json_key(&w, "paused");
    pauses_json(&act->pauses, &w);
    if (act->kind == CONSOLE_RESUME) json_put_int(&w, "resumed", act->changed);
    json_object_end(&w);
    bool fits = strbuf_status(&out) == OK;
    act_end(act, fits ? strbuf_cstr(&out) : NULL, fits ? NULL : "the list is too long");
    strbuf_done(&out);
}

static int begin_change(struct act *act, struct fault *fault)
{
    const struct instance *instance = act->consoles->options.instance;
    static const struct clock real = {.kind = CLOCK_REAL};
    if (act->kind == CONSOLE_PAUSE && (!act->reason || !act->reason[0]))
        return fault_set(fault, ERR_INVALID,
                         "say why: pause(\"what\", \"why\"), or pause(\"why\")");
    if (act->what && !act->what[0])
        return fault_set(fault, ERR_INVALID, "an empty name; leave it out to mean everything");
    act->at_ms = clock_now_ms(&real);
    act->state_dir = strdup(instance->config->state_dir);
    int code = act->state_dir ? loop_work(instance->loop, change_file, on_changed, act) : ERR_NOMEM;
    return code < 0 ? fault_set(fault, code, "%s: %s", names[act->kind], err_text(code)) : OK;
}

/* ---- all of them ---- */

static int begin(struct act *act, struct fault *fault)
{
    int code;
    switch (act->kind) {
    case CONSOLE_RELOAD:
        code = act->consoles->options.reload(act->consoles->options.data);
        return code < 0 ? fault_set(fault, code, "a reload is under way, or the daemon is stopping")
                        : OK;
    case CONSOLE_TICK: return begin_tick(act, fault);
    default: return begin_change(act, fault);
    }
}

int act_begin(void *data, enum console_act kind, const char *what, const char *reason,
              uint64_t ticket, struct fault *fault)
{
    struct session *session = data;
    struct act *act = calloc(1, sizeof *act);
    if (!act) return fault_set(fault, ERR_NOMEM, "out of memory");
    act->consoles = session->consoles;
    act->session = session;
    act->kind = kind;
    act->ticket = ticket;
    act->what = what ? strdup(what) : NULL;
    act->reason = reason ? strdup(reason) : NULL;
    snprintf(act->by, sizeof act->by, "%s", session->hello.by);
    int code = OK;
    if ((what && !act->what) || (reason && !act->reason))
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    if (code == OK) code = begin(act, fault);
    if (code < 0) {
        act->consoles = NULL; /* it is not in the list yet */
        act_free(act);
        return code;
    }
    act->next = session->consoles->acts;
    session->consoles->acts = act;
    log_event(LOG_INFO, "console.act", LOG_S("act", names[kind]), LOG_S("what", what),
              LOG_S("reason", reason), LOG_S("by", session->hello.by));
    return OK;
}
