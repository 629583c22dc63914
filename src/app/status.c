/* app/status.c - `moontide status` and `moontide reload`: ask the running daemon and show its
 * answer. */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/pauses.h"
#include "moontide/app/project.h"
#include "moontide/app/sheet.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/terminal.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ASK_TIMEOUT_MS = 10000, RELOAD_TIMEOUT_MS = 60000 };

/* config may be NULL when only the answer is wanted. */
static int ask(const struct arguments *arguments, const char *command, const char *json,
               int64_t timeout_ms, char **out, struct config **config_out)
{
    struct config *config = NULL;
    struct fault fault;
    int code = project_config(arguments, &config);
    if (code < 0) return code;
    code = project_ask(config, command, json, timeout_ms, out, &fault);
    if (code < 0) print_fault(&fault);
    if (code == ERR_NOT_FOUND) fputs("start one with: moontide run\n", stderr);
    if (config_out && code == OK)
        *config_out = config;
    else
        config_free(config);
    return code;
}

/* With more members (or NULL) before its end. */
static void print_answer(const char *answer, const char *members)
{
    size_t len = strlen(answer);
    if (members && len > 2 && answer[len - 1] == '}')
        printf("%.*s,%s}\n", (int)len - 1, answer, members);
    else
        puts(answer);
}

/* Prints the answer as it is when that was asked for, or when it is an error. */
static int answered(const struct arguments *arguments, const char *answer, const char *members,
                    cJSON **out)
{
    const char *format = arguments_value(arguments, "format");
    *out = cJSON_Parse(answer);
    if (!*out) {
        fputs("moontide: the daemon's answer is not JSON\n", stderr);
        return 1;
    }
    if (format && strcmp(format, "json") == 0) print_answer(answer, members);
    const char *error = json_tree_text(*out, "error");
    if (error[0]) fprintf(stderr, "moontide: %s\n", error);
    return error[0] ? 1 : 0;
}

static bool wants_text(const struct arguments *arguments)
{
    const char *format = arguments_value(arguments, "format");
    return !format || strcmp(format, "json") != 0;
}

static const char *status_paint(const char *status, bool color)
{
    if (!color) return "";
    return strcmp(status, "critical") == 0  ? "\033[1;31m"
           : strcmp(status, "warning") == 0 ? "\033[33m"
           : strcmp(status, "unknown") == 0 ? "\033[35m"
                                            : "\033[32m";
}

static void show_target(const cJSON *target, bool color)
{
    const char *status = json_tree_text(target, "status"), *off = color ? "\033[0m" : "";
    const cJSON *issue;
    printf("    %s%-9s%s %s\n", status_paint(status, color), status, off,
           json_tree_text(target, "target"));
    cJSON_ArrayForEach(issue, cJSON_GetObjectItemCaseSensitive(target, "issues"))
        printf("              %-7s %s: %s (since %s)\n", json_tree_text(issue, "severity"),
               json_tree_text(issue, "type"), json_tree_text(issue, "description"),
               json_tree_text(issue, "since"));
}

enum { TARGETS_SHOWN_MAX = 50 };

static int rank_of(const cJSON *target)
{
    static const char *const order[] = {"critical", "warning", "unknown"};
    for (int i = 0; i < 3; i++)
        if (strcmp(json_tree_text(target, "status"), order[i]) == 0) return i;
    return 3;
}

/* The worst first, as many as a person reads. */
static void show_targets(const cJSON *targets, bool color)
{
    int shown = 0, total = cJSON_GetArraySize(targets);
    for (int rank = 0; rank < 4; rank++) {
        const cJSON *target;
        cJSON_ArrayForEach(target, targets)
        {
            if (rank_of(target) != rank || shown == TARGETS_SHOWN_MAX) continue;
            show_target(target, color);
            shown++;
        }
    }
    if (total > shown) printf("    and %d more (--format json lists all)\n", total - shown);
}

/* The candidate beside a policy, if there is one. */
static void show_shadow(const cJSON *shadow, bool color)
{
    const cJSON *line;
    if (!cJSON_IsObject(shadow)) return;
    printf("    %scandidate%s %.8s  tick %.0f of %.0f beside it, %.0f difference%s\n",
           color ? "\033[36m" : "", color ? "\033[0m" : "", json_tree_text(shadow, "sha256"),
           json_tree_number(shadow, "done"), json_tree_number(shadow, "ticks"),
           json_tree_number(shadow, "differences"),
           json_tree_number(shadow, "differences") == 1 ? "" : "s");
    const cJSON *lines = cJSON_GetObjectItemCaseSensitive(shadow, "lines");
    cJSON_ArrayForEach(line, lines) printf("              %s\n", line->valuestring);
    if (json_tree_number(shadow, "distinct") > cJSON_GetArraySize(lines))
        printf("              and %.0f more (moontide journal --what policy)\n",
               json_tree_number(shadow, "distinct") - cJSON_GetArraySize(lines));
}

static void show_policy(const cJSON *policy, bool color)
{
    printf("  %s  every %s, mode %s, %.0f ticks, %.0f skipped, %.0f failed; next %s\n",
           json_tree_text(policy, "policy"), json_tree_text(policy, "every"),
           json_tree_text(policy, "mode"), json_tree_number(policy, "ticks"),
           json_tree_number(policy, "skipped"), json_tree_number(policy, "failed"),
           json_tree_text(policy, "next"));
    printf("    %s  %.8s  %.1f MiB Lua, %.0f us CPU to evaluate\n", json_tree_text(policy, "file"),
           json_tree_text(policy, "sha256"), json_tree_number(policy, "memory_bytes") / 1048576,
           json_tree_number(policy, "evaluation_us"));
    if (json_tree_text(policy, "fault")[0])
        printf("    %sthe file on disk is not what runs:%s %s\n", color ? "\033[31m" : "",
               color ? "\033[0m" : "", json_tree_text(policy, "fault"));
    show_shadow(cJSON_GetObjectItemCaseSensitive(policy, "shadow"), color);
    show_targets(cJSON_GetObjectItemCaseSensitive(policy, "targets"), color);
}

static void show_receivers(const cJSON *alerts, bool color)
{
    const cJSON *receiver;
    struct sheet sheet;
    static const char *const heads[] = {"  RECEIVER", "TYPE",        "STATE",
                                        "QUEUED",     "LAST ANSWER", NULL};
    if (json_tree_number(alerts, "firing") > 0)
        printf("%.0f alert%s (moontide alerts list)\n", json_tree_number(alerts, "firing"),
               json_tree_number(alerts, "firing") == 1 ? " fires" : "s fire");
    sheet_init(&sheet, heads);
    cJSON_ArrayForEach(receiver, cJSON_GetObjectItemCaseSensitive(alerts, "receivers"))
    {
        bool sick = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(receiver, "sick")),
             failing = json_tree_number(receiver, "failing_since_ms") > 0;
        sheet_addf(&sheet, NULL, "  %s", json_tree_text(receiver, "receiver"));
        sheet_add(&sheet, NULL, json_tree_text(receiver, "type"));
        sheet_add(&sheet,
                  sick      ? "\033[1;31m"
                  : failing ? "\033[33m"
                            : "\033[32m",
                  sick      ? "sick"
                  : failing ? "failing"
                            : "well");
        sheet_addf(&sheet, NULL, "%.0f", json_tree_number(receiver, "queued"));
        sheet_add(&sheet, NULL, json_tree_text(receiver, "answer"));
    }
    if (sheet_rows(&sheet) > 0) sheet_print(&sheet, stdout, color);
    sheet_done(&sheet);
}

/* Silent where nothing is recorded. */
static void show_recording(const cJSON *recording, bool color)
{
    if (!cJSON_IsObject(recording)) return;
    const char *fault = json_tree_text(recording, "fault"),
               *moved = json_tree_text(recording, "moved_to");
    if (fault[0])
        printf("%srecording fails:%s %s\n", color ? "\033[31m" : "", color ? "\033[0m" : "", fault);
    else
        printf("recording: %.0f ticks of policies written, %.1f MiB in the file",
               json_tree_number(recording, "written"),
               json_tree_number(recording, "file_bytes") / 1048576);
    if (!fault[0] && json_tree_number(recording, "lost") > 0)
        printf(", %.0f lost", json_tree_number(recording, "lost"));
    if (!fault[0]) putchar('\n');
    if (moved[0]) printf("a damaged recording was moved to %s\n", moved);
}

/* "pauses":[...], from the file, which is the truth of it. */
static int read_pauses(const struct config *config, struct pauses *out, struct strbuf *members)
{
    struct json_writer w;
    int code = project_pauses(config, out);
    strbuf_init(members, 4 * PAUSE_BYTES_MAX);
    if (code < 0) return code;
    strbuf_adds(members, "\"pauses\":");
    json_writer_init(&w, members);
    pauses_json(out, &w);
    return strbuf_status(members);
}

int command_status(const struct arguments *arguments)
{
    char *answer = NULL;
    cJSON *status = NULL;
    struct config *config = NULL;
    struct pauses pauses = {0};
    struct strbuf members;
    if (ask(arguments, "status", NULL, ASK_TIMEOUT_MS, &answer, &config) < 0) return 1;
    if (read_pauses(config, &pauses, &members) < 0) fputs("moontide: out of memory\n", stderr);
    int result = answered(arguments, answer, strbuf_cstr(&members), &status);
    if (result == 0 && wants_text(arguments)) {
        bool color = terminal_color(STDOUT_FILENO);
        const cJSON *collect = cJSON_GetObjectItemCaseSensitive(status, "collect"), *policy;
        printf("moontide %s, pid %.0f, world %s; now %s, started %s\n",
               json_tree_text(status, "version"), json_tree_number(status, "pid"),
               json_tree_text(status, "world"), json_tree_text(status, "now"),
               json_tree_text(status, "started"));
        printf("%.1f MiB resident, %.2f s CPU; %.0f series, %.0f calls, %.0f metrics paid for, "
               "%.0f failures\n",
               json_tree_number(status, "resident_bytes") / 1048576,
               json_tree_number(status, "cpu_ms") / 1000, json_tree_number(collect, "series"),
               json_tree_number(collect, "calls"), json_tree_number(collect, "metrics_charged"),
               json_tree_number(collect, "failures"));
        show_recording(cJSON_GetObjectItemCaseSensitive(status, "recording"), color);
        pauses_print(&pauses, stdout, color);
        show_receivers(cJSON_GetObjectItemCaseSensitive(status, "alerts"), color);
        cJSON_ArrayForEach(policy, cJSON_GetObjectItemCaseSensitive(status, "policies"))
            show_policy(policy, color);
    }
    pauses_done(&pauses);
    strbuf_done(&members);
    config_free(config);
    cJSON_Delete(status);
    free(answer);
    return result;
}

int command_reload(const struct arguments *arguments)
{
    char *answer = NULL;
    cJSON *result = NULL;
    const char *now = arguments_flag(arguments, "now") ? "{\"now\":\"yes\"}" : NULL;
    if (ask(arguments, "reload", now, RELOAD_TIMEOUT_MS, &answer, NULL) < 0) return 1;
    int status = answered(arguments, answer, NULL, &result);
    const cJSON *faults = cJSON_GetObjectItemCaseSensitive(result, "faults"), *fault;
    if (status == 0 && wants_text(arguments)) {
        printf("%.0f policies, %.0f loaded, %.0f removed", json_tree_number(result, "policies"),
               json_tree_number(result, "loaded"), json_tree_number(result, "removed"));
        if (json_tree_number(result, "shadowed") > 0 && !now)
            printf(", %.0f beside the live one first", json_tree_number(result, "shadowed"));
        if (now) printf(", %.0f promoted", json_tree_number(result, "promoted"));
        putchar('\n');
    }
    cJSON_ArrayForEach(fault, faults) fprintf(stderr, "moontide: %s\n", fault->valuestring);
    if (cJSON_GetArraySize(faults) > 0) status = 1;
    cJSON_Delete(result);
    free(answer);
    return status;
}
