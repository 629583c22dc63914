/* app/alerts_route.c - `moontide alerts route`: where an alert would go, and why; offline.
 *
 *   environment=prod  severity high
 *   moontide.lua:12  receiver chat
 *     moontide.lua:14  severity="high", continue
 *     -> oncall (pagerduty)
 *        group     environment=prod, policy=
 *        ... */
#include "moontide/app/alerts.h"
#include "moontide/app/alerts_hold.h"
#include "moontide/app/instance.h"
#include "moontide/app/policy_scan.h"
#include "moontide/app/project.h"
#include "moontide/base/terminal.h"
#include "moontide/base/timetext.h"
#include "moontide/notify/route.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct asking {
    const struct config *config;
    const struct labels *labels;
    struct silences silences;
    int64_t now_ms;
    size_t ends;
    bool color;
};

static const char *paint(const struct asking *asking, const char *sequence)
{
    return asking->color ? sequence : "";
}

/* ---- the way ---- */

/* The nodes from the root to the one that is sought; answers how many, 0: it is not below. */
static size_t way_to(const struct route *from, const struct route *to,
                     const struct route *way[ROUTE_DEPTH_MAX + 1], size_t depth)
{
    if (depth > ROUTE_DEPTH_MAX) return 0;
    way[depth] = from;
    if (from == to) return depth + 1;
    for (size_t i = 0; i < from->child_count; i++) {
        size_t count = way_to(&from->children[i], to, way, depth + 1);
        if (count > 0) return count;
    }
    return 0;
}

static void print_node(const struct asking *asking, const struct route *route, size_t depth)
{
    const char *file = asking->config->file ? path_shown(asking->config->file) : "moontide.lua";
    printf("%*s%s%s", (int)(2 * depth + 2), "", paint(asking, "\033[2m"), file);
    if (route->line > 0) printf(":%d", route->line);
    printf("%s  ", paint(asking, "\033[0m"));
    if (route->matchers.count == 0) printf("everything");
    for (size_t i = 0; i < route->matchers.count; i++)
        printf("%s%s", i ? ", " : "", matcher_text(route->matchers.items[i]));
    if (route->receiver) printf("  receiver %s", route->receiver);
    if (route->goes_on) printf("  continue");
    putchar('\n');
}

/* ---- the end ---- */

static void print_group(const struct asking *asking, const struct route_end *end)
{
    printf("       group            ");
    if (end->group_by_count == 1 && strcmp(end->group_by[0], "...") == 0) {
        puts("each alert by itself");
        return;
    }
    if (end->group_by_count == 0) puts("all of this route");
    for (size_t i = 0; i < end->group_by_count; i++)
        printf("%s=%s%s", end->group_by[i], labels_get(asking->labels, end->group_by[i]),
               i + 1 < end->group_by_count ? ", " : "\n");
}

static void print_times(const struct route_end *end)
{
    char wait[DURATION_TEXT_MAX], interval[DURATION_TEXT_MAX], repeat[DURATION_TEXT_MAX];
    duration_format(end->group_wait_ms, wait);
    duration_format(end->group_interval_ms, interval);
    duration_format(end->repeat_interval_ms, repeat);
    printf("       group_wait       %s\n       group_interval   %s\n       repeat_interval  %s\n",
           wait, interval, repeat);
}

static void print_holds(const struct asking *asking, const struct route_end *end)
{
    char until[TIME_TEXT_MAX];
    int64_t until_ms = 0;
    const struct silence *silence =
        silences_find(&asking->silences, asking->labels, asking->now_ms);
    const char *mute = hold_mute(&asking->config->alerts, end->route, asking->now_ms, &until_ms);
    const char *on = paint(asking, "\033[33m"), *off = paint(asking, "\033[0m");
    if (silence) {
        time_format(silence->until_ms / 1000 * 1000, until);
        printf("       %ssilenced%s         by %s until %s (%s: %s)\n", on, off, silence->id, until,
               silence->by, silence->reason);
    }
    if (mute) {
        time_format(until_ms, until);
        printf("       %smuted%s            by %s until %s\n", on, off, mute, until);
    }
    for (size_t i = 0; !mute && i < end->route->mute_count; i++)
        printf("       mute             %s (not now)\n", end->route->mute[i]);
}

static void print_end(void *data, const struct route_end *end)
{
    struct asking *asking = data;
    const struct route *way[ROUTE_DEPTH_MAX + 1];
    const struct notify_settings *settings = &asking->config->alerts;
    const struct receiver_settings *receiver = notify_receiver(settings, end->receiver);
    size_t count = way_to(&settings->root, end->route, way, 0);
    if (asking->ends++ > 0) putchar('\n');
    for (size_t i = 0; i < count; i++)
        print_node(asking, way[i], i);
    printf("    -> %s%s%s (%s)\n", paint(asking, "\033[1m"), end->receiver,
           paint(asking, "\033[0m"), receiver ? receiver->type : "?");
    print_group(asking, end);
    print_times(end);
    print_holds(asking, end);
    if (receiver && !receiver->send_resolved) puts("       send_resolved    false");
}

/* ---- what is suppressed by other alerts ---- */

static void print_inhibits(const struct asking *asking)
{
    const struct notify_settings *settings = &asking->config->alerts;
    for (size_t i = 0; i < settings->inhibit_count; i++) {
        const struct inhibit_settings *rule = &settings->inhibits[i];
        if (!matchers_match(&rule->target, asking->labels)) continue;
        printf("\n  held back while an alert fires that matches ");
        for (size_t k = 0; k < rule->source.count; k++)
            printf("%s%s", k ? ", " : "", matcher_text(rule->source.items[k]));
        for (size_t k = 0; k < rule->equal_count; k++)
            printf("%s%s=%s", k ? ", " : ", with ", rule->equal[k],
                   labels_get(asking->labels, rule->equal[k]));
        putchar('\n');
    }
}

static int print_route(struct asking *asking)
{
    const struct labels *labels = asking->labels;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->items[i].value[0])
            printf("  %s%s%s=%s\n", paint(asking, "\033[36m"), labels->items[i].name,
                   paint(asking, "\033[0m"), labels->items[i].value);
    putchar('\n');
    route_find(&asking->config->alerts, labels, print_end, asking);
    if (asking->ends == 0) puts("  nobody is told: moontide.lua has no alerts.route");
    print_inhibits(asking);
    return 0;
}

static const char *value_of(const struct arguments *arguments, const char *name)
{
    const char *value = arguments_value(arguments, name);
    return value ? value : "";
}

int command_alerts_route(const struct arguments *arguments)
{
    const char *severity = value_of(arguments, "severity");
    struct asking asking = {.color = terminal_color(STDOUT_FILENO)};
    struct config *config = NULL;
    struct fault fault = {0};
    struct labels labels;
    int status = 1;
    if (!arguments_value(arguments, "target") && !arguments_value(arguments, "policy") &&
        !arguments_value(arguments, "type"))
        return alerts_refuse(arguments, "of which alert? --target environment=prod");
    if (severity[0] && strcmp(severity, "low") != 0 && strcmp(severity, "medium") != 0 &&
        strcmp(severity, "high") != 0)
        return alerts_refuse(arguments, "--severity is low, medium or high");
    if (project_config(arguments, &config) < 0) return 1;
    asking.config = config;
    asking.now_ms = alerts_now(config);
    int code =
        labels_new(value_of(arguments, "policy"), value_of(arguments, "target"),
                   value_of(arguments, "type"), severity, value_of(arguments, "key"), &labels);
    if (code < 0)
        fault_set(&fault, code, "%s", err_text(code));
    else
        code = hold_silences(config, &asking.silences, &fault);
    if (code < 0) {
        print_fault(&fault);
    } else {
        asking.labels = &labels;
        status = print_route(&asking);
        labels_done(&labels);
    }
    silences_done(&asking.silences);
    config_free(config);
    return status;
}
