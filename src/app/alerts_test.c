/* app/alerts_test.c - `moontide alerts test RECEIVER`: a marked message, by the running daemon's
 * outbox, or sent from here where none runs. */
#include "moontide/app/alerting.h"
#include "moontide/app/alerts.h"
#include "moontide/app/project.h"
#include "moontide/base/clock.h"
#include "moontide/base/json_tree.h"
#include "moontide/base/terminal.h"
#include "moontide/bind/courier.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 65 * 1000,
    LOOK_MS = 50,
    BUSY_LOOKS = 100,
    SEND_MS = 60 * 1000,
    NOTIFICATION_BYTES_MAX = 4096
};

static int say(const char *receiver, bool sent, const char *answer)
{
    bool color = terminal_color(STDOUT_FILENO);
    printf("%s: %s%s%s: %s\n", receiver, color ? (sent ? "\033[32m" : "\033[1;31m") : "",
           sent ? "sent" : "not sent", color ? "\033[0m" : "", answer);
    return sent ? 0 : 1;
}

/* ---- by the daemon ---- */

/* The row of the outbox that this test has become. */
struct row_seen {
    const char *receiver;
    int64_t after; /* seq */
    int64_t attempts;
    char state[16], answer[512];
};

static bool take_newest(void *data, const struct outbox_row *row)
{
    *(int64_t *)data = row->seq;
    return false;
}

static bool take_row(void *data, const struct outbox_row *row)
{
    struct row_seen *seen = data;
    if (row->seq <= seen->after) return false; /* the newest come first */
    if (strcmp(row->receiver, seen->receiver) != 0 || strcmp(row->group_key, "test") != 0)
        return true;
    snprintf(seen->state, sizeof seen->state, "%s", row->state);
    snprintf(seen->answer, sizeof seen->answer, "%s", row->answer);
    seen->attempts = row->attempts;
    return false;
}

/* What became of it, as the outbox writes it down. */
static int wait_for_answer(struct store *store, const char *world, struct row_seen *seen)
{
    static const struct clock real = {.kind = CLOCK_REAL};
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t end_ms = clock_now_ms(&real) + WAIT_MS;
    struct fault fault = {0};
    while (clock_now_ms(&real) < end_ms) {
        if (store_each_outbox(store, world, NULL, true, take_row, seen, &fault) < 0) {
            print_fault(&fault);
            return 1;
        }
        if (strcmp(seen->state, "sent") == 0) return say(seen->receiver, true, seen->answer);
        if (strcmp(seen->state, "dead") == 0) return say(seen->receiver, false, seen->answer);
        if (seen->attempts > 0) {
            say(seen->receiver, false, seen->answer);
            puts("it is tried again; see: moontide alerts history");
            return 1;
        }
        nanosleep(&pause, NULL);
    }
    return say(seen->receiver, false, "it waits in the queue; see: moontide status");
}

/* Asked again while the daemon is writing, which is for a moment. */
static int ask_for_it(const struct config *config, const char *receiver, struct fault *fault)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    char json[512];
    snprintf(json, sizeof json, "{\"receiver\":\"%s\"}", receiver);
    for (int i = 0; i < BUSY_LOOKS; i++) {
        cJSON *answer = NULL;
        int code = alerts_ask(config, "alerts_test", json, &answer, fault);
        bool gone = code == OK && !answer,
             busy = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "busy"));
        cJSON_Delete(answer);
        if (gone) return fault_set(fault, ERR_CLOSED, "the daemon has ended");
        if (!busy) return code;
        nanosleep(&pause, NULL);
    }
    return fault_set(fault, ERR_BUSY, "the daemon writes notifications all the time: try again");
}

static int by_daemon(const struct config *config, const char *world, const char *receiver)
{
    struct row_seen seen = {.receiver = receiver};
    struct store *store = NULL;
    struct fault fault = {0};
    int status = 1;
    if (project_store(config, &store) < 0) return 1;
    int code = store_each_outbox(store, world, NULL, true, take_newest, &seen.after, &fault);
    if (code == OK) code = ask_for_it(config, receiver, &fault);
    if (code < 0)
        print_fault(&fault);
    else
        status = wait_for_answer(store, world, &seen);
    store_close(store);
    return status;
}

/* ---- without one ---- */

struct sending {
    struct loop *loop;
    const char *receiver;
    struct loop_timer *limit;
    int status;
};

static void sent(void *data, const struct delivery *delivery)
{
    struct sending *sending = data;
    sending->status = say(sending->receiver, delivery->code == OK,
                          delivery->answer ? delivery->answer : err_text(delivery->code));
    if (delivery->warning) printf("%s\n", delivery->warning);
    loop_stop(sending->loop);
}

static void limit_passed(void *data)
{
    struct sending *sending = data;
    sending->limit = NULL;
    say(sending->receiver, false, "no answer within 60 s");
    loop_stop(sending->loop);
}

static int notification(const char *receiver, int64_t now_ms, struct strbuf *out)
{
    strbuf_addf(out,
                "{\"id\":\"test-%lld\",\"receiver\":\"%s\",\"status\":\"test\",\"at\":%lld,"
                "\"group_key\":\"{}\",\"group\":{},\"repeat\":false,\"firing\":0,\"resolved\":0,"
                "\"alerts\":[],\"more\":0}",
                (long long)now_ms, receiver, (long long)now_ms);
    return strbuf_status(out);
}

static int send_with(struct instance *instance, struct courier *courier,
                     const struct receiver_settings *receiver)
{
    struct fault fault = {0};
    struct strbuf json;
    struct courier_call *call = NULL;
    struct sending sending = {.loop = instance->loop, .receiver = receiver->name, .status = 1};
    int code = courier_check(courier, receiver, &fault);
    if (code < 0) {
        print_fault(&fault);
        return 1;
    }
    strbuf_init(&json, NOTIFICATION_BYTES_MAX);
    code = notification(receiver->name, clock_now_ms(&instance->world->clock), &json);
    if (code == OK)
        code = loop_timer_start(instance->loop, SEND_MS, limit_passed, &sending, &sending.limit);
    if (code == OK)
        code = courier->vtable->send(courier, receiver, strbuf_cstr(&json), NULL, sent, &sending,
                                     &call);
    if (code == OK)
        loop_run(instance->loop);
    else
        say(receiver->name, false, err_text(code));
    loop_timer_cancel(sending.limit);
    strbuf_done(&json);
    return sending.status;
}

static int from_here(const struct arguments *arguments, const char *name)
{
    const char *dir = arguments_value(arguments, "dir");
    struct instance instance;
    struct courier *courier = NULL;
    struct instance_options options = {.dir = dir ? dir : ".", .world = "aws", .speed = 1};
    int status = 1;
    if (instance_open(&options, &instance) < 0) return 1;
    int code = courier_new(&instance.host, &courier);
    if (code < 0)
        fprintf(stderr, "moontide: no courier: %s\n", err_text(code));
    else
        status = send_with(&instance, courier, notify_receiver(&instance.config->alerts, name));
    if (courier) courier->vtable->free(courier);
    instance_close(&instance);
    return status;
}

/* ---- the command ---- */

static int unknown(const struct config *config, const char *name)
{
    const struct notify_settings *alerts = &config->alerts;
    fprintf(stderr, "moontide: there is no receiver %s; moontide.lua has", name);
    for (size_t i = 0; i < alerts->receiver_count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", alerts->receivers[i].name);
    fprintf(stderr, "%s\n", alerts->receiver_count ? "" : " none");
    return 1;
}

int command_alerts_test(const struct arguments *arguments)
{
    const char *name = arguments->operands[0];
    struct config *config = NULL;
    struct fault fault = {0};
    cJSON *answer = NULL;
    int status = 1;
    if (project_config(arguments, &config) < 0) return 1;
    if (!notify_receiver(&config->alerts, name) || strpbrk(name, "\"\\")) {
        status = unknown(config, name);
    } else if (alerts_ask(config, "alerts", NULL, &answer, &fault) < 0) {
        print_fault(&fault);
    } else if (answer) {
        status = by_daemon(config, json_tree_text(answer, "world"), name);
    } else {
        status = from_here(arguments, name);
    }
    cJSON_Delete(answer);
    config_free(config);
    return status;
}
