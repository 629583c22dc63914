/* app/alerts_dead.c - `moontide alerts history` and `moontide alerts dead`: the rows of the outbox,
 * and letters that are queued again. */
#include "moontide/app/alerts.h"
#include "moontide/app/instance.h"
#include "moontide/app/project.h"
#include "moontide/app/sheet.h"
#include "moontide/base/clock.h"
#include "moontide/base/fs.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 2 * 1024 * 1024, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000000 };

/* ---- listing ---- */

struct listing {
    const char *receiver; /* NULL: any */
    int64_t since_ms;
    size_t limit, count;
    bool json;
    struct sheet sheet;
};

/* "firing: 2 (high api_latency environment=prod, ...)" in a few words. */
static void add_words(struct sheet *sheet, const char *notification)
{
    cJSON *document = cJSON_Parse(notification);
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "alerts"), 0);
    double firing = json_tree_number(document, "firing"),
           resolved = json_tree_number(document, "resolved");
    double more = firing + resolved - 1;
    const char *status = json_tree_text(document, "status");
    if (first && more > 0)
        sheet_addf(sheet, state_paint(status), "%s %s %s and %.0f more", status,
                   json_tree_text(first, "type"), json_tree_text(first, "target"), more);
    else
        sheet_addf(sheet, state_paint(status), "%s %s %s", status, json_tree_text(first, "type"),
                   json_tree_text(first, "target"));
    cJSON_Delete(document);
}

static void print_json(const struct outbox_row *row)
{
    struct strbuf text;
    struct json_writer w;
    const char *const names[] = {"receiver", "id", "state", "answer"};
    const char *const values[] = {row->receiver, row->id, row->state, row->answer};
    strbuf_init(&text, LINE_BYTES_MAX);
    json_writer_init(&w, &text);
    json_object(&w);
    json_key(&w, "seq");
    json_int(&w, row->seq);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_key(&w, names[i]);
        json_string(&w, values[i]);
    }
    json_key(&w, "attempts");
    json_int(&w, row->attempts);
    json_key(&w, "put");
    json_int(&w, row->put_ms);
    json_key(&w, "ended");
    json_int(&w, row->ended_ms);
    json_key(&w, "notification");
    json_raw(&w, row->json, strlen(row->json));
    json_object_end(&w);
    if (strbuf_status(&text) == OK) puts(strbuf_cstr(&text));
    strbuf_done(&text);
}

static bool take_row(void *data, const struct outbox_row *row)
{
    struct listing *listing = data;
    if (row->put_ms < listing->since_ms) return false; /* the newest come first */
    if (listing->receiver && strcmp(row->receiver, listing->receiver) != 0) return true;
    if (listing->json) {
        print_json(row);
    } else {
        sheet_addf(&listing->sheet, NULL, "%lld", (long long)row->seq);
        sheet_add_time(&listing->sheet, row->put_ms);
        sheet_add(&listing->sheet, state_paint(row->state), row->state);
        sheet_add_time(&listing->sheet, row->ended_ms);
        sheet_add(&listing->sheet, NULL, row->receiver);
        add_words(&listing->sheet, row->json);
        sheet_addf(&listing->sheet, NULL, "%lld", (long long)row->attempts);
        sheet_add(&listing->sheet, NULL, row->answer);
    }
    return ++listing->count < listing->limit;
}

/* 0, or 1 after saying what is wrong. */
static int list(const struct config *config, const char *world, const char *state,
                struct listing *listing)
{
    static const char *const heads[] = {"SEQ",   "PUT",      "STATE",  "ENDED", "RECEIVER",
                                        "ABOUT", "ATTEMPTS", "ANSWER", NULL};
    struct store *store = NULL;
    struct fault fault = {0};
    if (project_store(config, &store) < 0) return 1;
    sheet_init(&listing->sheet, heads);
    int code = store_each_outbox(store, world, state, true, take_row, listing, &fault);
    if (code < 0)
        print_fault(&fault);
    else if (!listing->json && listing->count > 0)
        sheet_print(&listing->sheet, stdout, terminal_color(STDOUT_FILENO));
    else if (!listing->json)
        puts(state ? "no dead letters" : "nothing was sent");
    sheet_done(&listing->sheet);
    store_close(store);
    return code < 0;
}

static int read_limit(const struct arguments *arguments, size_t *out)
{
    const char *text = arguments_value(arguments, "limit");
    char *end = NULL;
    long limit = text ? strtol(text, &end, 10) : LIMIT_DEFAULT;
    *out = (size_t)limit;
    if (text && (end == text || *end || limit < 1 || limit > LIMIT_MAX))
        return alerts_refuse(arguments, "--limit is a number from 1 to 1000000");
    return 0;
}

/* In world time: a simulated world's day is another one. */
static int world_and_now(const struct arguments *arguments, const struct config *config,
                         char world[WORLD_NAME_MAX], int64_t *behind_ms)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct fault fault = {0};
    cJSON *answer = NULL;
    int code = alerts_world(arguments, config, world, &fault);
    *behind_ms = 0;
    if (code == OK) code = alerts_ask(config, "alerts", NULL, &answer, &fault);
    if (answer && strcmp(json_tree_text(answer, "world"), world) == 0)
        *behind_ms = clock_now_ms(&real) - (int64_t)json_tree_number(answer, "now");
    cJSON_Delete(answer);
    if (code < 0) print_fault(&fault);
    return code < 0;
}

int command_alerts_history(const struct arguments *arguments)
{
    struct listing listing = {.receiver = arguments_value(arguments, "receiver")};
    struct config *config = NULL;
    char world[WORLD_NAME_MAX];
    int64_t behind_ms;
    if (project_format(arguments, &listing.json) || read_limit(arguments, &listing.limit) ||
        project_since(arguments, "24h", &listing.since_ms) ||
        project_config(arguments, &config) < 0)
        return 1;
    int status = world_and_now(arguments, config, world, &behind_ms);
    listing.since_ms -= behind_ms;
    if (status == 0) status = list(config, world, NULL, &listing);
    config_free(config);
    return status;
}

/* ---- resending, where no daemon runs ---- */

struct reviving {
    struct store_batch *batch;
    int64_t seq, now_ms; /* seq 0: all */
    size_t count;
    int code;
    struct fault *fault;
};

static bool revive(void *data, const struct outbox_row *row)
{
    struct reviving *reviving = data;
    if (reviving->seq && row->seq != reviving->seq) return true;
    struct outbox_row again = *row;
    again.state = "queued";
    again.answer = "";
    again.attempts = again.ended_ms = 0;
    again.put_ms = reviving->now_ms;
    store_batch_outbox(reviving->batch, &again);
    reviving->count++;
    return true;
}

static void written(void *data, int code, const struct fault *fault)
{
    struct reviving *reviving = data;
    reviving->code = code;
    if (fault) *reviving->fault = *fault;
}

static int revive_all(struct loop *loop, struct store *store, const char *world,
                      struct reviving *reviving)
{
    int code = store_batch_new(world, reviving->now_ms, &reviving->batch);
    if (code < 0) return fault_set(reviving->fault, code, "%s", err_text(code));
    code = store_each_outbox(store, world, "dead", false, revive, reviving, reviving->fault);
    if (code < 0 || reviving->count == 0) {
        store_batch_free(reviving->batch);
        return code;
    }
    code = store_commit(store, reviving->batch, written, reviving);
    if (code < 0) return fault_set(reviving->fault, code, "%s", err_text(code));
    reviving->code = fault_set(reviving->fault, ERR_IO, "the write was not reported");
    loop_run(loop);
    return reviving->code;
}

static int resend_in_store(const struct config *config, const char *world, int64_t seq,
                           size_t *count, struct fault *fault)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    struct reviving reviving = {.seq = seq, .now_ms = clock_now_ms(&real), .fault = fault};
    struct loop *loop = NULL;
    struct store *store = NULL;
    char *path = fs_join(config->state_dir, "moontide.db");
    int code = path ? loop_new(&loop) : ERR_NOMEM;
    if (code < 0)
        fault_set(fault, code, "%s", err_text(code));
    else
        code = store_open(loop, path, &store, fault);
    if (code == OK) code = revive_all(loop, store, world, &reviving);
    *count = reviving.count;
    store_close(store);
    loop_free(loop);
    free(path);
    return code;
}

/* ---- `alerts dead` ---- */

/* By the daemon, when it is of that world; else in the database. */
static int resend(const struct config *config, const char *world, const char *which, size_t *count,
                  struct fault *fault)
{
    struct strbuf json;
    struct json_writer w;
    cJSON *answer = NULL;
    int64_t seq = strcmp(which, "all") == 0 ? 0 : strtoll(which, NULL, 10);
    strbuf_init(&json, LINE_BYTES_MAX);
    json_writer_init(&w, &json);
    json_object(&w);
    json_key(&w, "which");
    json_string(&w, which);
    json_key(&w, "world");
    json_string(&w, world);
    json_object_end(&w);
    int code = alerts_ask(config, "alerts_resend", strbuf_cstr(&json), &answer, fault);
    strbuf_done(&json);
    if (answer) *count = (size_t)json_tree_number(answer, "queued");
    if (code == OK && !answer) code = resend_in_store(config, world, seq, count, fault);
    cJSON_Delete(answer);
    if (code == OK && *count == 0 && seq)
        code = fault_set(fault, ERR_NOT_FOUND, "there is no dead letter %s", which);
    return code;
}

static int resend_and_say(const struct arguments *arguments, const struct config *config,
                          const char *world, const char *which)
{
    struct fault fault = {0};
    size_t count = 0;
    char *end = NULL;
    if (strcmp(which, "all") != 0 && (strtoll(which, &end, 10) < 1 || *end || strlen(which) > 18))
        return alerts_refuse(arguments, "--resend is the number of a dead letter (SEQ)");
    int code = resend(config, world, which, &count, &fault);
    if (code < 0)
        print_fault(&fault);
    else
        printf("%zu notification%s queued again\n", count, count == 1 ? " is" : "s are");
    return code < 0;
}

int command_alerts_dead(const struct arguments *arguments)
{
    struct listing listing = {.limit = LIMIT_MAX};
    struct config *config = NULL;
    char world[WORLD_NAME_MAX];
    int64_t behind_ms;
    const char *which = arguments_value(arguments, "resend");
    if (arguments_flag(arguments, "resend-all")) which = "all";
    if (project_format(arguments, &listing.json) || project_config(arguments, &config) < 0)
        return 1;
    int status = world_and_now(arguments, config, world, &behind_ms);
    if (status == 0 && which)
        status = resend_and_say(arguments, config, world, which);
    else if (status == 0)
        status = list(config, world, "dead", &listing);
    config_free(config);
    return status;
}
