/* app/alerts.c - `moontide alerts list`: of the running daemon, or of the database where none runs;
 * and what the commands about alerts share. */
#include "moontide/app/alerts.h"

#include "moontide/app/alerts_hold.h"
#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/app/sheet.h"
#include "moontide/base/clock.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/terminal.h"
#include "moontide/tick/alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIST_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- shared ---- */

const char *severity_paint(const char *severity)
{
    return strcmp(severity, "high") == 0     ? "\033[1;31m"
           : strcmp(severity, "medium") == 0 ? "\033[33m"
                                             : NULL;
}

const char *state_paint(const char *state)
{
    static const struct {
        const char *state, *paint;
    } paints[] = {{"firing", "\033[1;31m"}, {"resolving", "\033[33m"}, {"pending", "\033[36m"},
                  {"resolved", "\033[32m"}, {"sent", "\033[32m"},      {"dead", "\033[1;31m"},
                  {"queued", "\033[33m"},   {"active", "\033[33m"}};
    for (size_t i = 0; i < COUNT_OF(paints); i++)
        if (strcmp(paints[i].state, state) == 0) return paints[i].paint;
    return NULL;
}

void alert_json(struct json_writer *w, const struct alert_shown *alert)
{
    json_object(w);
    json_put_string(w, "policy", alert->policy);
    json_put_string(w, "target", alert->target);
    json_put_string(w, "type", alert->type);
    json_put_string(w, "key", alert->key);
    json_put_string(w, "severity", alert->severity);
    json_put_string(w, "state", alert->state);
    json_key(w, "unknown");
    json_bool(w, alert->unknown);
    json_key(w, "flapping");
    json_bool(w, alert->flapping);
    json_put_int(w, "since", alert->since_ms);
    json_put_int(w, "raised", alert->raised_ms);
    json_put_string(w, "description", alert->description);
    json_put_string(w, "held", alert->held);
    json_put_string(w, "by", alert->by);
    json_object_end(w);
}

int alerts_ask(const struct config *config, const char *command, const char *json, cJSON **out,
               struct fault *fault)
{
    char *answer = NULL;
    *out = NULL;
    int code = project_ask(config, command, json, ALERTS_ASK_MS, &answer, fault);
    if (code < 0) return code == ERR_NOT_FOUND ? OK : code;
    cJSON *document = cJSON_Parse(answer);
    free(answer);
    const char *error = json_tree_text(document, "error");
    if (!document)
        code = fault_set(fault, ERR_PARSE, "the daemon's answer is not JSON");
    else if (error[0])
        code = fault_set(fault, ERR_INVALID, "%s", error);
    if (code < 0)
        cJSON_Delete(document);
    else
        *out = document;
    return code;
}

int alerts_world(const struct arguments *arguments, const struct config *config,
                 char out[WORLD_NAME_MAX], struct fault *fault)
{
    const char *named = arguments_value(arguments, "world");
    cJSON *status = NULL;
    int code = named ? OK : alerts_ask(config, "alerts", NULL, &status, fault);
    const char *world = named ? named : status ? json_tree_text(status, "world") : "aws";
    if (code == OK) snprintf(out, WORLD_NAME_MAX, "%s", world);
    cJSON_Delete(status);
    return code;
}

int64_t alerts_now(const struct config *config)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct fault ignored;
    cJSON *answer = NULL;
    int code = alerts_ask(config, "alerts", NULL, &answer, &ignored);
    int64_t now_ms =
        code == OK && answer ? (int64_t)json_tree_number(answer, "now") : clock_now_ms(&real);
    cJSON_Delete(answer);
    return now_ms;
}

int alerts_refuse(const struct arguments *arguments, const char *what)
{
    fprintf(stderr, "moontide %s: %s\n\n", arguments->command->name, what);
    command_usage(arguments->command, stderr);
    return 1;
}

/* ---- where no daemon runs ---- */

struct stored {
    const struct config *config;
    struct silences silences;
    struct json_writer w;
    int64_t now_ms;
};

static void take_stored(void *data, const struct alert_row *row)
{
    struct stored *stored = data;
    bool known = row->severity >= 0 && row->severity <= SEVERITY_HIGH;
    struct alert_shown shown = {.policy = row->policy,
                                .target = row->target,
                                .type = row->type,
                                .key = row->key,
                                .state = row->state,
                                .severity = severity_names[known ? row->severity : 0],
                                .since_ms = row->since_ms,
                                .raised_ms = row->raised_ms,
                                .flapping = row->flaps >> ALERT_HISTORY & 1,
                                .description = row->description,
                                .held = "",
                                .by = ""};
    struct labels labels;
    bool on = strcmp(row->state, "firing") == 0 || strcmp(row->state, "clearing") == 0;
    if (strcmp(row->state, "clearing") == 0) shown.state = alert_state_names[ALERT_RESOLVING];
    if (!on || labels_new(row->policy, row->target, row->type, shown.severity, row->key, &labels)) {
        alert_json(&stored->w, &shown);
        return;
    }
    hold_find(&stored->config->alerts, &stored->silences, &labels, stored->now_ms, &shown.held,
              &shown.by);
    alert_json(&stored->w, &shown);
    labels_done(&labels);
}

static int read_stored(const struct arguments *arguments, const struct config *config, cJSON **out)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    const char *named = arguments_value(arguments, "world"), *world = named ? named : "aws";
    struct stored stored = {.config = config, .now_ms = clock_now_ms(&real)};
    struct store *store = NULL;
    struct fault fault = {0};
    struct strbuf text;
    int code = project_store(config, &store);
    if (code < 0) return code;
    code = hold_silences(config, &stored.silences, &fault);
    strbuf_init(&text, LIST_BYTES_MAX);
    json_writer_init(&stored.w, &text);
    json_object(&stored.w);
    json_put_string(&stored.w, "world", world);
    json_put_int(&stored.w, "now", stored.now_ms);
    json_key(&stored.w, "alerts");
    json_array(&stored.w);
    if (code == OK) code = store_each_alert(store, world, take_stored, &stored, &fault);
    json_array_end(&stored.w);
    json_object_end(&stored.w);
    if (code == OK && !(*out = cJSON_Parse(strbuf_cstr(&text))))
        code = fault_set(&fault, ERR_NOMEM, "out of memory");
    if (code < 0) print_fault(&fault);
    strbuf_done(&text);
    silences_done(&stored.silences);
    store_close(store);
    return code;
}

/* ---- the list ---- */

static int rank_of(const cJSON *alert)
{
    static const char *const order[] = {"firing", "resolving", "pending"};
    for (int i = 0; i < 3; i++)
        if (strcmp(json_tree_text(alert, "state"), order[i]) == 0) return i;
    return 3;
}

static int severity_rank(const cJSON *alert)
{
    const char *severity = json_tree_text(alert, "severity");
    return strcmp(severity, "high") == 0 ? 0 : strcmp(severity, "medium") == 0 ? 1 : 2;
}

static int in_order(const void *a, const void *b)
{
    const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
    int by = rank_of(x) - rank_of(y);
    if (by == 0) by = severity_rank(x) - severity_rank(y);
    if (by == 0) by = strcmp(json_tree_text(x, "policy"), json_tree_text(y, "policy"));
    if (by == 0) by = strcmp(json_tree_text(x, "target"), json_tree_text(y, "target"));
    return by ? by : strcmp(json_tree_text(x, "type"), json_tree_text(y, "type"));
}

static void add_alert(struct sheet *sheet, const cJSON *alert)
{
    const char *state = json_tree_text(alert, "state"),
               *severity = json_tree_text(alert, "severity"), *held = json_tree_text(alert, "held");
    bool unknown = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(alert, "unknown")),
         flapping = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(alert, "flapping"));
    double raised = json_tree_number(alert, "raised");
    sheet_addf(sheet, state_paint(state), "%s%s%s", state, flapping ? ", flapping" : "",
               unknown ? ", unknown" : "");
    sheet_add(sheet, severity_paint(severity), severity);
    sheet_add_time(sheet, (int64_t)(raised > 0 ? raised : json_tree_number(alert, "since")));
    sheet_add(sheet, NULL, json_tree_text(alert, "policy"));
    sheet_add(sheet, NULL, json_tree_text(alert, "target"));
    sheet_addf(sheet, NULL, "%s%s%s", json_tree_text(alert, "type"),
               json_tree_text(alert, "key")[0] ? " " : "", json_tree_text(alert, "key"));
    sheet_addf(sheet, "\033[2m", "%s%s%s", held, json_tree_text(alert, "by")[0] ? " " : "",
               json_tree_text(alert, "by"));
}

static int show_text(const cJSON *list)
{
    static const char *const heads[] = {"STATE",  "SEVERITY", "SINCE", "POLICY",
                                        "TARGET", "ISSUE",    "HELD",  NULL};
    int count = cJSON_GetArraySize(list), at = 0;
    struct sheet sheet;
    const cJSON *each;
    if (count == 0) {
        puts("no alerts");
        return 0;
    }
    const cJSON **alerts = calloc((size_t)count, sizeof(cJSON *));
    if (!alerts) return 1;
    cJSON_ArrayForEach(each, list) alerts[at++] = each;
    qsort(alerts, (size_t)count, sizeof *alerts, in_order);
    sheet_init(&sheet, heads);
    for (int i = 0; i < count; i++)
        add_alert(&sheet, alerts[i]);
    sheet_print(&sheet, stdout, terminal_color(STDOUT_FILENO));
    sheet_done(&sheet);
    free(alerts);
    return 0;
}

int command_alerts_list(const struct arguments *arguments)
{
    struct config *config = NULL;
    struct fault fault = {0};
    cJSON *answer = NULL;
    bool json;
    int status = 1;
    const char *named = arguments_value(arguments, "world");
    if (project_format(arguments, &json) || project_config(arguments, &config) < 0) return 1;
    int code = alerts_ask(config, "alerts", NULL, &answer, &fault);
    if (code < 0) print_fault(&fault);
    bool other = answer && named && strcmp(json_tree_text(answer, "world"), named) != 0;
    if (code == OK && (!answer || other)) {
        cJSON_Delete(answer);
        answer = NULL;
        code = read_stored(arguments, config, &answer);
    }
    if (code == OK && json) {
        char *text = cJSON_PrintUnformatted(answer);
        if (text) puts(text);
        status = text ? 0 : 1;
        cJSON_free(text);
    } else if (code == OK) {
        status = show_text(cJSON_GetObjectItemCaseSensitive(answer, "alerts"));
    }
    cJSON_Delete(answer);
    config_free(config);
    return status;
}
