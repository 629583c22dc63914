/* app/pause.c - `moontide pause` and `moontide resume`: write the file PAUSED, then tell the
 * daemon.
 *
 * The file is what counts. A daemon that runs hears of it at once by its socket; one that does not
 * answer reads it by itself. Two of these commands at once take turns by a lock on the state
 * directory, so neither undoes the other. */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/pauses.h"
#include "moontide/app/project.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ASK_TIMEOUT_MS = 2000, TEXT_BYTES_MAX = 8 * PAUSE_BYTES_MAX };

/* What one command was asked to do, and how it went. */
struct work {
    const struct arguments *arguments;
    struct config *config;
    char *path;
    struct pauses pauses; /* as they are afterwards */
    const char *scope;    /* "": everything */
    enum direction direction;
    bool json;
    bool unfrozen;
    char daemon[FAULT_TEXT_MAX]; /* "": it was told; else why not */
};

/* ---- showing ---- */

int project_pauses(const struct config *config, struct pauses *out)
{
    char *path = fs_join(config->state_dir, PAUSE_FILE);
    int code = path ? pauses_read(path, out) : ERR_NOMEM;
    free(path);
    return code;
}

static const char *scope_name(const struct pause *pause)
{
    return pause->scope[0] ? pause->scope : "everything";
}

void pauses_print(const struct pauses *pauses, FILE *out, bool color)
{
    for (size_t i = 0; i < pauses->count; i++) {
        const struct pause *pause = &pauses->items[i];
        char text[PAUSE_TEXT_MAX];
        pause_text(pause, text);
        fprintf(out, "  %s%s%s%s%s: %s\n", color ? "\033[1;33m" : "", scope_name(pause),
                pause->direction == DIRECTION_NONE ? "" : ", scaling ",
                pause->direction == DIRECTION_NONE ? "" : direction_names[pause->direction],
                color ? "\033[0m" : "", text);
    }
}

void pauses_json(const struct pauses *pauses, struct json_writer *w)
{
    json_array(w);
    for (size_t i = 0; i < pauses->count; i++) {
        const struct pause *pause = &pauses->items[i];
        char at[TIME_TEXT_MAX];
        if (pause->at_ms) time_format(pause->at_ms, at);
        json_object(w);
        json_key(w, "scope");
        json_string(w, pause->scope);
        json_key(w, "direction");
        json_string(w, pause->direction == DIRECTION_NONE ? "" : direction_names[pause->direction]);
        json_key(w, "by");
        json_string(w, pause->by);
        json_key(w, "reason");
        json_string(w, pause->reason);
        json_key(w, "at");
        json_string(w, pause->at_ms ? at : NULL);
        json_object_end(w);
    }
    json_array_end(w);
}

static int show(const struct work *work)
{
    struct json_writer w;
    struct strbuf text;
    if (!work->json) {
        bool color = terminal_color(STDOUT_FILENO);
        if (work->unfrozen) printf("no longer frozen: %s\n", work->scope);
        puts(work->pauses.count ? "paused now:" : "nothing is paused");
        pauses_print(&work->pauses, stdout, color);
        if (work->daemon[0]) printf("%s\n", work->daemon);
        return 0;
    }
    strbuf_init(&text, TEXT_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    json_key(&w, "pauses");
    pauses_json(&work->pauses, &w);
    json_key(&w, "unfrozen");
    json_bool(&w, work->unfrozen);
    json_key(&w, "daemon_told");
    json_bool(&w, !work->daemon[0]);
    json_object_end(&w);
    int code = strbuf_status(&text);
    if (code == OK) puts(strbuf_cstr(&text));
    strbuf_done(&text);
    return code == OK ? 0 : 1;
}

/* ---- the daemon ---- */

/* NULL when it gave none, which is no error: work->daemon says so. */
static cJSON *ask(struct work *work, const char *command, const char *json)
{
    struct fault fault;
    char *answer = NULL;
    int code = project_ask(work->config, command, json, ASK_TIMEOUT_MS, &answer, &fault);
    cJSON *document = code == OK ? cJSON_Parse(answer) : NULL;
    free(answer);
    if (code == ERR_NOT_FOUND)
        snprintf(work->daemon, sizeof work->daemon, "no daemon runs here; the next will see it");
    else if (!document)
        snprintf(work->daemon, sizeof work->daemon,
                 "the daemon does not answer (%s); it sees the file before it changes anything",
                 code < 0 ? err_text(code) : "not JSON");
    return document;
}

static void tell(struct work *work)
{
    cJSON_Delete(ask(work, "pauses", NULL));
}

static void unfreeze_by_daemon(struct work *work)
{
    struct strbuf json;
    struct json_writer w;
    strbuf_init(&json, PAUSE_BYTES_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    json_key(&w, "resource");
    json_string(&w, work->scope);
    json_object_end(&w);
    cJSON *answer = strbuf_status(&json) < 0 ? NULL : ask(work, "unfreeze", strbuf_cstr(&json));
    work->unfrozen = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "unfrozen"));
    cJSON_Delete(answer);
    strbuf_done(&json);
}

/* A verification that failed may have frozen a resource: what the daemon has in memory, and without
 * one the store. */
static int unfreeze(struct work *work, struct fault *fault)
{
    size_t count = 0;
    if (!work->scope[0]) return OK;
    if (!work->daemon[0]) unfreeze_by_daemon(work);
    if (!work->daemon[0]) return OK;
    int code = pauses_unfreeze(work->config->state_dir, work->scope,
                               project_user(arguments_value(work->arguments, "by")), &count, fault);
    work->unfrozen = count > 0;
    return code;
}

/* ---- changing the file ---- */

static int add(struct work *work, struct fault *fault)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct pause pause = {.at_ms = clock_now_ms(&real),
                          .scope = (char *)work->scope,
                          .by = (char *)project_user(arguments_value(work->arguments, "by")),
                          .reason = (char *)arguments_value(work->arguments, "reason"),
                          .direction = work->direction};
    int code = pauses_add(&work->pauses, &pause);
    return code < 0 ? fault_set(fault, code, "%s", err_text(code)) : OK;
}

static int take_away(struct work *work, struct fault *fault)
{
    (void)fault;
    size_t gone = pauses_remove(&work->pauses, work->scope, work->direction);
    if (gone > 0 || work->direction == DIRECTION_NONE) return OK;
    for (size_t i = 0; i < work->pauses.count; i++)
        if (work->pauses.items[i].direction == DIRECTION_NONE &&
            strcmp(work->pauses.items[i].scope, work->scope) == 0)
            fprintf(stderr,
                    "moontide: %s is paused in both directions: pause it with --direction %s and "
                    "resume it without a direction first, to let one through\n",
                    scope_name(&work->pauses.items[i]),
                    work->direction == DIRECTION_IN ? "out" : "in");
    return OK;
}

static int change(struct work *work, int (*how)(struct work *work, struct fault *fault),
                  struct fault *fault)
{
    int fd = -1, code = project_lock(work->config->state_dir, &fd, fault);
    if (code < 0) return code;
    code = pauses_read(work->path, &work->pauses);
    if (code < 0) fault_set(fault, code, "%s", err_text(code));
    if (code == OK) code = how(work, fault);
    if (code == OK) code = pauses_write(work->path, &work->pauses, fault);
    close(fd);
    return code;
}

/* ---- the commands ---- */

static int refuse(const struct arguments *arguments, const char *what)
{
    fprintf(stderr, "moontide %s: %s\n\n", arguments->command->name, what);
    command_usage(arguments->command, stderr);
    return 1;
}

/* 0, or 1 after saying what is wrong with the command line. */
static int understand(struct work *work)
{
    const struct arguments *arguments = work->arguments;
    const char *direction = arguments_value(arguments, "direction");
    work->scope = arguments->operand_count ? arguments->operands[0] : "";
    if (arguments->operand_count && !work->scope[0])
        return refuse(arguments, "an empty name; leave it out to mean everything");
    if (direction && strcmp(direction, "in") == 0)
        work->direction = DIRECTION_IN;
    else if (direction && strcmp(direction, "out") == 0)
        work->direction = DIRECTION_OUT;
    else if (direction)
        return refuse(arguments, "--direction is in or out");
    return project_format(arguments, &work->json);
}

static int run(struct work *work, int (*how)(struct work *work, struct fault *fault))
{
    struct fault fault;
    int status = 1;
    if (understand(work) || project_config(work->arguments, &work->config) < 0) return 1;
    work->path = fs_join(work->config->state_dir, PAUSE_FILE);
    int code =
        work->path ? change(work, how, &fault) : fault_set(&fault, ERR_NOMEM, "out of memory");
    if (code < 0) {
        print_fault(&fault);
    } else {
        tell(work);
        code = how == take_away ? unfreeze(work, &fault) : OK;
        status = show(work);
        if (code < 0) {
            print_fault(&fault);
            status = 1;
        }
    }
    pauses_done(&work->pauses);
    free(work->path);
    config_free(work->config);
    return status;
}

int command_pause(const struct arguments *arguments)
{
    struct work work = {.arguments = arguments};
    const char *reason = arguments_value(arguments, "reason");
    if (!reason || !reason[0]) return refuse(arguments, "say why: --reason TEXT");
    return run(&work, add);
}

int command_resume(const struct arguments *arguments)
{
    struct work work = {.arguments = arguments};
    return run(&work, take_away);
}
