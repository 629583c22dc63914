/* app/attach_answer.c - what the daemon says to a console's client, and how it is shown. */
#include "attach_state.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum { COMPLETE_ID = 1 << 30 }; /* ids from here on are completions */

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool has(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void say_error(const struct attach *a, const char *error)
{
    fflush(stdout);
    fprintf(stderr, "%s%s%s\n", a->color_err ? "\033[31m" : "", error,
            a->color_err ? "\033[0m" : "");
}

/* Of the daemon, not of a command: above the line that is edited when one is. */
static void say_event(struct attach *a, const char *text)
{
    char line[512];
    int len = snprintf(line, sizeof line, "-- %s\n", text);
    if (len >= (int)sizeof line) len = (int)sizeof line - 1;
    if (a->editing && editor_interactive(a->editor)) {
        editor_show(a->editor, line, (size_t)len);
        return;
    }
    fflush(stdout);
    fputs(line, stderr);
}

static void greet(struct attach *a, const cJSON *answer)
{
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(answer, "pid");
    const cJSON *policies = cJSON_GetObjectItemCaseSensitive(answer, "policies");
    const char *version = text_of(answer, "version"), *world = text_of(answer, "world");
    a->greeted = true;
    a->write = has(answer, "write");
    loop_timer_cancel(a->patience);
    a->patience = NULL;
    if (editor_interactive(a->editor))
        printf(
            "attached to moontide %s, pid %.0f, world %s, %.0f policies; %s. help() lists what is "
            "here; Ctrl-D leaves.\n",
            version ? version : "?", cJSON_IsNumber(pid) ? pid->valuedouble : 0,
            world ? world : "?", cJSON_IsNumber(policies) ? policies->valuedouble : 0,
            a->write ? "it may change the daemon" : "read-only");
    attach_ask(a);
}

static void command_done(struct attach *a, const cJSON *answer)
{
    const char *error = text_of(answer, "error");
    fflush(stdout);
    a->running = false;
    if (error) say_error(a, error);
    if (error && !editor_interactive(a->editor))
        a->exit_status = 1; /* a pipe's errors are its status */
    editor_remember(a->editor, strbuf_cstr(&a->chunk));
    strbuf_reset(&a->chunk);
    attach_ask(a);
}

static void show_candidates(struct attach *a, unsigned id, const cJSON *answer)
{
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(answer, "from"), *item;
    struct strbuf list;
    strbuf_init(&list, EDITOR_LINE_MAX);
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(answer, "candidates"))
    {
        if (!cJSON_IsString(item)) continue;
        if (list.len) strbuf_addc(&list, '\n');
        strbuf_adds(&list, item->valuestring);
    }
    size_t begin = cJSON_IsNumber(from) && from->valuedouble >= 0 ? (size_t)from->valuedouble : 0;
    editor_candidates(a->editor, id, begin, strbuf_status(&list) < 0 ? "" : strbuf_cstr(&list));
    strbuf_done(&list);
}

static void heard_event(struct attach *a, const char *event, const cJSON *answer)
{
    const char *text = text_of(answer, "text");
    if (strcmp(event, "hello") == 0)
        greet(a, answer);
    else
        say_event(a, text ? text : event);
}

static void heard_answer(struct attach *a, int64_t id, const cJSON *answer)
{
    const char *output = text_of(answer, "output");
    if (id >= COMPLETE_ID) {
        show_candidates(a, (unsigned)(id - COMPLETE_ID), answer);
    } else if (id != a->id || !a->running) {
        return; /* of a command that was given up */
    } else if (output) {
        fputs(output, stdout);
        fflush(stdout);
    } else if (has(answer, "incomplete")) {
        a->running = false;
        attach_ask(a);
    } else if (has(answer, "done")) {
        command_done(a, answer);
    }
}

void attach_heard(struct attach *a, const char *line, size_t len)
{
    cJSON *answer = cJSON_ParseWithLength(line, len);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(answer, "id");
    const char *event = text_of(answer, "event"), *error = text_of(answer, "error");
    if (event) {
        heard_event(a, event, answer);
    } else if (cJSON_IsNumber(id)) {
        heard_answer(a, (int64_t)id->valuedouble, answer);
    } else if (error && !a->greeted) {
        fprintf(stderr, "moontide: %s\n", error);
        attach_end(a, 1);
    } else if (!a->greeted) {
        fputs("moontide: what answers there is no daemon of this version\n", stderr);
        attach_end(a, 1);
    }
    cJSON_Delete(answer);
}
