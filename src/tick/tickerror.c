/* tick/tickerror.c - what went wrong in a tick, and what stands against every tick until mended.
 *
 * Bounded twice: a policy whose 10,000 targets all fail lists RUN_ERRORS_MAX of them and a count,
 * and a tick lists TICK_ERRORS_MAX. An item and its strings are one block, begun by its policy. */
#include "engine_private.h"
#include "moontide/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tick_errors_done(struct tick_errors *errors)
{
    for (size_t i = 0; i < errors->count; i++)
        free((char *)errors->items[i].policy);
    free(errors->items);
    *errors = (struct tick_errors){0};
}

static bool make_room(struct tick_errors *errors)
{
    if (errors->count >= TICK_ERRORS_MAX) return false;
    if (errors->count < errors->cap) return true;
    size_t cap = errors->cap ? errors->cap * 2 : 8;
    struct tick_error *items = realloc(errors->items, cap * sizeof *items);
    if (!items) return false;
    errors->items = items;
    errors->cap = cap;
    return true;
}

void tick_error_add(struct tick *tick, const char *policy, const char *prefix,
                    const struct fault *fault)
{
    struct tick_errors *errors = &tick->errors;
    tick->failed = true;
    const char *text = fault->text[0] ? fault->text : err_text(fault->code);
    size_t policy_len = strlen(policy) + 1, file_len = strlen(fault->file) + 1;
    size_t prefix_len = prefix[0] ? strlen(prefix) + 2 : 0, text_len = strlen(text) + 1;
    char *block = make_room(errors) ? malloc(policy_len + file_len + prefix_len + text_len) : NULL;
    if (!block) {
        errors->lost++;
        return;
    }
    char *file = block + policy_len, *message = file + file_len;
    memcpy(block, policy, policy_len);
    memcpy(file, fault->file, file_len);
    if (prefix_len) {
        memcpy(message, prefix, prefix_len - 2);
        memcpy(message + prefix_len - 2, ": ", 2);
    }
    memcpy(message + prefix_len, text, text_len);
    errors->items[errors->count++] =
        (struct tick_error){.policy = block, .file = file, .line = fault->line, .message = message};
}

void run_error_add(struct run *run, const char *prefix, const struct fault *fault)
{
    run->tick->failed = true;
    run->error_count++;
    if (run->error_count > RUN_ERRORS_MAX) {
        run->errors_hidden++;
        return;
    }
    struct fault with_file = *fault;
    if (!with_file.file[0])
        snprintf(with_file.file, sizeof with_file.file, "%s", run->policy->file);
    tick_error_add(run->tick, run->policy->name, prefix, &with_file);
    bool cut = fault->code == ERR_CANCELED && (run->tick->canceled || run->policy->removed);
    log_event(cut ? LOG_INFO : LOG_ERROR, cut ? "tick.cut_short" : "analysis.failed",
              LOG_S("policy", run->policy->name), LOG_S("target", prefix[0] ? prefix : NULL),
              LOG_S("file", with_file.file), LOG_I("line", with_file.line),
              LOG_S("error", with_file.text[0] ? with_file.text : err_text(with_file.code)));
}

/* A discovery that failed is the policy's, unless the application says something of that file that
 * is newer. */
static bool has_file_fault(const struct engine *engine, const char *file)
{
    for (const struct file_fault *f = engine->file_faults; f; f = f->next)
        if (strcmp(f->file, file) == 0) return true;
    return false;
}

void tick_errors_standing(struct tick *tick)
{
    struct engine *engine = tick->engine;
    for (const struct file_fault *f = engine->file_faults; f; f = f->next)
        tick_error_add(tick, f->policy, "", &f->fault);
    for (const struct policy *policy = engine->policies; policy; policy = policy->next)
        if (policy->fault.code < 0 && !has_file_fault(engine, policy->file))
            tick_error_add(tick, policy->name, "", &policy->fault);
    if (engine->store_fault.code < 0)
        tick_error_add(tick, "", "what this and earlier ticks found is not on disk",
                       &engine->store_fault);
}
