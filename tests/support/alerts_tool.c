/* support/alerts_tool.c - a project whose alerts fire and end by a plan, told to one real receiver.
 *
 *   alerts_tool DIR PLAN TYPE URL MINUTES
 *
 * DIR is the project directory; its database is DIR/moontide.db. TYPE is webhook or slack.
 *
 * The engine, the store, the notifier, the outbox and the receivers in Lua are those of moontide;
 * the policy is C, and the clock is manual. PLAN has a line a target: its id, then pairs of minutes
 * from when and until when it has an issue. The clock goes on by STEP_MS when nothing is left to do
 * at that instant: what it shows is in DIR/clock before anything happens then, so that a tool that
 * was killed goes on where it ended. From MINUTES on it runs until nothing waits any more. Standard
 * output: {"at": ms, "queued": n, "dead": n}. Log lines are on standard error. */
#include "support/engine_house.h"

#include "moontide/base/json.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/bind/courier.h"
#include "moontide/io/http.h"
#include "moontide/notify/notifier.h"
#include "moontide/notify/outbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP_MS = 2000, DRAIN_MINUTES = 600, SPANS_MAX = 4, TARGETS_MAX = 20000, GROUP_MINUTES = 5 };
static const int64_t BEGIN_MS = 1700000000000;

/* What one target does: minutes, until is excluded. */
struct span {
    int from, until;
};
struct plan {
    char *ids[TARGETS_MAX];
    struct span spans[TARGETS_MAX][SPANS_MAX];
    size_t count;
    int64_t minute;
};

/* The receivers in Lua, and what is under way to them: one receiver is given one at a time. */
struct watched {
    struct courier courier; /* first */
    struct courier *inner;
    courier_done_fn *done; /* NULL: nothing is under way */
    void *data;
};

static struct house house;
static struct plan plan;
static struct watched watched;
static struct notifier *notifier;

static void fail(const char *what)
{
    fprintf(stderr, "alerts_tool: %s\n", what);
    exit(1);
}

/* ---- the plan ---- */

static void read_plan(const char *path)
{
    char line[512];
    FILE *file = fopen(path, "r");
    if (!file) fail(path);
    while (plan.count < TARGETS_MAX && fgets(line, sizeof line, file)) {
        char *rest = NULL, *id = strtok_r(line, " \n", &rest), *number;
        struct span *spans = plan.spans[plan.count];
        if (!id) continue;
        plan.ids[plan.count++] = strdup(id);
        for (int i = 0; i < 2 * SPANS_MAX && (number = strtok_r(NULL, " \n", &rest)); i++)
            *(i % 2 ? &spans[i / 2].until : &spans[i / 2].from) = (int)strtol(number, NULL, 10);
    }
    fclose(file);
}

static int judge(struct rule *rule, const struct evaluation_input *input, const char *target,
                 struct evaluation *out, struct fault *fault)
{
    (void)rule, (void)fault;
    bool on = false;
    for (int i = 0; i < SPANS_MAX; i++) {
        const struct span *span = &plan.spans[input->target][i];
        on = on || (plan.minute >= span->from && plan.minute < span->until);
    }
    if (!on) return OK;
    struct issue *issue = evaluation_issue(out);
    if (!issue) return ERR_NOMEM;
    *issue = (struct issue){.type = "slow",
                            .key = "",
                            .description = target,
                            .recommendation = "look at it",
                            .severity = SEVERITY_HIGH,
                            .when = VERDICT_TRUE};
    return OK;
}

/* ---- the receiver ---- */

static void on_delivered(void *data, const struct delivery *delivery)
{
    (void)data;
    courier_done_fn *done = watched.done;
    watched.done = NULL;
    done(watched.data, delivery);
}

static int watched_send(struct courier *courier, const struct receiver_settings *receiver,
                        const char *notification, const char *state, courier_done_fn *done,
                        void *data, struct courier_call **out)
{
    (void)courier;
    if (watched.done) fail("a second message is under way");
    watched.done = done;
    watched.data = data;
    int code = watched.inner->vtable->send(watched.inner, receiver, notification, state,
                                           on_delivered, NULL, out);
    if (code < 0) watched.done = NULL;
    return code;
}

static void watched_cancel(struct courier *courier, struct courier_call *call)
{
    (void)courier;
    watched.done = NULL;
    watched.inner->vtable->cancel(watched.inner, call);
}

static void make_settings(struct notify_settings *settings, const char *type, const char *url)
{
    static char field[] = "cluster";
    char json[512];
    bool slack = strcmp(type, "slack") == 0;
    snprintf(json, sizeof json, "{\"url\":\"%s\",%s}", url,
             slack ? "\"token\":\"t\",\"channel\":\"C1\"" : "\"timeout\":\"2s\"");
    notify_settings_init(settings);
    settings->root.receiver = strdup("chat");
    settings->root.group_by = calloc(1, sizeof(char *));
    settings->receivers = calloc(1, sizeof *settings->receivers);
    if (!settings->root.group_by || !settings->receivers) fail("out of memory");
    settings->root.group_by[0] = strdup(field);
    settings->root.group_by_count = 1;
    settings->root.group_interval_ms = GROUP_MINUTES * MINUTE_MS;
    settings->receiver_count = 1;
    settings->receivers[0] = (struct receiver_settings){.name = strdup("chat"),
                                                        .type = strdup(type),
                                                        .json = strdup(json),
                                                        .send_resolved = true,
                                                        .rate_per_s = 1e6};
}

/* ---- time ---- */

static int64_t read_clock(int file)
{
    char text[32] = "";
    ssize_t len = pread(file, text, sizeof text - 1, 0);
    return len > 0 ? strtoll(text, NULL, 10) : BEGIN_MS;
}

static void write_clock(int file, int64_t ms)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%013lld\n", (long long)ms);
    if (pwrite(file, text, (size_t)len, 0) != len || fdatasync(file) < 0) fail("the clock's file");
}

static void settle(void)
{
    while (notifier_busy(notifier) || watched.done)
        loop_turn(house.loop, true);
}

static void count_queued(void *data, const struct outbox_status *status)
{
    *(size_t *)data += status->queued;
}

static size_t queued(void)
{
    size_t count = 0;
    outbox_each(notifier_outbox(notifier), count_queued, &count);
    return count;
}

/* Ticks at each whole minute; between them what is due is told, and what failed is tried again. */
static void run(int file, int64_t minutes)
{
    struct clock *clock = &house.world.world.clock;
    bool ticked = false;
    for (;;) {
        int64_t past_ms = clock_now_ms(clock) - BEGIN_MS;
        plan.minute = past_ms / MINUTE_MS;
        if (!ticked || past_ms % MINUTE_MS == 0) {
            if (house_tick(&house)) fail("a tick failed");
            ticked = true;
        }
        notifier_tick(notifier, NULL);
        settle();
        if (plan.minute > minutes + 2 * GROUP_MINUTES && queued() == 0) return;
        if (plan.minute > minutes + DRAIN_MINUTES) fail("something waits for ever");
        write_clock(file, clock_now_ms(clock) + STEP_MS);
        clock_advance(clock, STEP_MS);
    }
}

static bool count_row(void *data, const struct outbox_row *row)
{
    (void)row;
    ++*(size_t *)data;
    return true;
}

static void say(void)
{
    size_t dead = 0;
    struct fault fault;
    if (store_each_outbox(house.store, "test", "dead", false, count_row, &dead, &fault) < 0)
        fail(fault.text);
    printf("{\"at\": %lld, \"queued\": %zu, \"dead\": %zu}\n",
           (long long)clock_now_ms(&house.world.world.clock), queued(), dead);
}

/* ---- begin and end ---- */

static void hear_target(void *data, const struct target_report *report)
{
    (void)data;
    if (notifier) notifier_target(notifier, report);
}

static void hear_tick(void *data, const struct tick_report *report)
{
    (void)data, (void)report;
}

static void set_true(void *data)
{
    *(bool *)data = true;
}

static void open_house(const char *dir, int64_t at_ms)
{
    char path[512];
    struct fault fault;
    house_init(&house, house.loop);
    log_open(stderr, LOG_INFO, LOG_JSON, false, NULL);
    clock_init_manual(&house.world.world.clock, at_ms);
    house.options.listener = (struct engine_listener){NULL, hear_target, hear_tick};
    snprintf(path, sizeof path, "%s/moontide.db", dir);
    if (store_open(house.loop, path, &house.store, &fault) < 0) fail(fault.text);
    house_open(&house);
}

static void open_notifier(const struct notify_settings *settings)
{
    struct fault fault;
    struct notifier_options options = {.loop = house.loop,
                                       .store = house.store,
                                       .clock = &house.world.world.clock,
                                       .world = "test",
                                       .courier = &watched.courier};
    if (notifier_new(&options, &notifier, &fault) < 0) fail(fault.text);
    notifier_settings(notifier, settings);
    if (notifier_start(notifier, house.engine) < 0) fail("the notifier does not start");
    struct rule *rule = house_rule(&house, "web", judge);
    rule->targets = (const char *const *)plan.ids;
    rule->target_count = plan.count;
    rule->metric = NULL;
    if (house_put(&house, rule) < 0) fail("the policy does not load");
}

static void close_all(void)
{
    bool stopped = false;
    house_close(&house);
    notifier_stop(notifier, set_true, &stopped);
    house_turn_until(&house, &stopped);
    notifier_free(notifier);
    store_close(house.store);
    house_done(&house);
    for (size_t i = 0; i < plan.count; i++)
        free(plan.ids[i]);
}

int main(int argc, char **argv)
{
    static const struct courier_vtable vtable = {.send = watched_send, .cancel = watched_cancel};
    struct notify_settings settings;
    struct config *config = NULL;
    struct http *http = NULL;
    struct faults faults;
    char path[512];
    faults_init(&faults);
    if (argc != 6) fail("DIR PLAN TYPE URL MINUTES");
    signal(SIGPIPE, SIG_IGN); /* as moontide does */
    snprintf(path, sizeof path, "%s/clock", argv[1]);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) fail(path);
    if (config_load(argv[1], &config, &faults) < 0 || loop_new(&house.loop) < 0) fail(argv[1]);
    if (http_new(house.loop, NULL, &http) < 0) fail("out of memory");
    read_plan(argv[2]);
    make_settings(&settings, argv[3], argv[4]);
    open_house(argv[1], read_clock(file));
    struct host host = {.loop = house.loop,
                        .http = http,
                        .clock = &house.world.world.clock,
                        .config = config,
                        .world_name = "test"};
    watched.courier.vtable = &vtable;
    if (courier_new(&host, &watched.inner) < 0) fail("out of memory");
    open_notifier(&settings);
    run(file, strtoll(argv[5], NULL, 10));
    say();
    struct loop *loop = house.loop;
    close_all();
    watched.inner->vtable->free(watched.inner);
    notify_settings_done(&settings);
    http_free(http);
    config_free(config);
    faults_done(&faults);
    close(file);
    return loop_free(loop);
}
