/* app/check_alerts.c - see check_alerts.h.
 *
 * A label is known when an alert can have it: those that every alert has, and the fields of the
 * targets of the policies. A policy whose targets are a function is not asked: then every label may
 * be one. */
#include "moontide/app/check_alerts.h"

#include "moontide/app/policy_scan.h"
#include "moontide/bind/config.h"
#include "moontide/bind/courier.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checking {
    const struct config *config;
    const struct notify_settings *alerts;
    struct faults *faults;
    struct evaluator *const *policies;
    size_t count;
    bool any_label; /* targets that are not known here */
};

static void add(const struct checking *c, int code, const char *text)
{
    struct fault fault;
    fault_set(&fault, code, "%s", text);
    fault_at(&fault, path_shown(c->config->file), 0, 0);
    faults_add(c->faults, &fault);
}

static void warn(const struct checking *c, const char *id, int line, const char *format, ...)
    PRINTF_LIKE(4, 5);
static void warn(const struct checking *c, const char *id, int line, const char *format, ...)
{
    struct fault fault;
    va_list args;
    va_start(args, format);
    fault_vset(&fault, OK, format, args);
    va_end(args);
    fault_at(&fault, path_shown(c->config->file), line, 0);
    fault_explain(&fault, id, NULL);
    faults_add(c->faults, &fault);
}

/* ---- receivers ---- */

static bool routes_to(const struct route *route, const char *receiver)
{
    if (route->receiver && strcmp(route->receiver, receiver) == 0) return true;
    for (size_t i = 0; i < route->child_count; i++)
        if (routes_to(&route->children[i], receiver)) return true;
    return false;
}

static void check_receivers(const struct checking *c, struct courier *courier)
{
    for (size_t i = 0; i < c->alerts->receiver_count; i++) {
        const struct receiver_settings *receiver = &c->alerts->receivers[i];
        struct fault fault = {0};
        if (courier_check(courier, receiver, &fault) < 0) {
            if (!fault.file[0]) fault_at(&fault, path_shown(c->config->file), fault.line, 0);
            faults_add(c->faults, &fault);
        }
        if (!routes_to(&c->alerts->root, receiver->name))
            warn(c, "W-no-route", 0, "alerts: no route leads to the receiver '%s'", receiver->name);
    }
}

/* ---- labels ---- */

static void discovered(void *data, int code, const struct fault *fault)
{
    (void)fault;
    *(int *)data = code;
}

/* A list of targets is known at once; a function might ask AWS. */
static bool targets_known(struct evaluator *policy)
{
    int code = ERR_BUSY;
    if (policy->vtable->info(policy)->discover_ms != 0) return false;
    if (policy->vtable->target_count(policy) > 0) return true;
    policy->vtable->discover(policy, discovered, &code);
    if (code == ERR_BUSY) policy->vtable->stop(policy);
    return code == OK;
}

static bool policy_has(const struct evaluator *policy, const char *name)
{
    size_t count = policy->vtable->target_count(policy);
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        struct labels labels;
        if (labels_new("", policy->vtable->target(policy, i)->id, "", "", "", &labels) < 0)
            return true;
        for (size_t k = 0; k < labels.count; k++)
            found = found || strcmp(labels.items[k].name, name) == 0;
        labels_done(&labels);
    }
    return found;
}

static bool label_known(const struct checking *c, const char *name)
{
    struct labels labels;
    bool found = c->any_label;
    if (!found && labels_new("", "", "", "", "", &labels) == OK) {
        for (size_t i = 0; i < labels.count; i++)
            found = found || strcmp(labels.items[i].name, name) == 0;
        labels_done(&labels);
    }
    /* The notifier's own: a receiver that fails. */
    found = found || strcmp(name, "receiver") == 0;
    for (size_t i = 0; i < c->count && !found; i++)
        found = policy_has(c->policies[i], name);
    return found;
}

static void check_labels(const struct checking *c, const struct matchers *matchers, int line,
                         const char *where)
{
    for (size_t i = 0; i < matchers->count; i++) {
        const char *name = matcher_name(matchers->items[i]);
        if (!label_known(c, name))
            warn(c, "W-alert-label", line, "%s: %s: no target of a policy has the label '%s'",
                 where, matcher_text(matchers->items[i]), name);
    }
}

/* ---- routes ---- */

static bool mutes(const struct route *route, const char *name)
{
    for (size_t i = 0; i < route->mute_count; i++)
        if (strcmp(route->mute[i], name) == 0) return true;
    for (size_t i = 0; i < route->child_count; i++)
        if (mutes(&route->children[i], name)) return true;
    return false;
}

/* Whether everything that the second matches is matched by the first: its matchers are among the
 * other's. */
static bool covers(const struct route *first, const struct route *second)
{
    for (size_t i = 0; i < first->matchers.count; i++) {
        const char *text = matcher_text(first->matchers.items[i]);
        bool found = false;
        for (size_t k = 0; k < second->matchers.count; k++)
            found = found || strcmp(matcher_text(second->matchers.items[k]), text) == 0;
        if (!found) return false;
    }
    return true;
}

static void check_route(const struct checking *c, const struct route *route)
{
    check_labels(c, &route->matchers, route->line, "alerts.route");
    for (size_t i = 0; i < route->child_count; i++) {
        const struct route *child = &route->children[i];
        for (size_t k = 0; k < i; k++) {
            const struct route *before = &route->children[k];
            if (before->goes_on || !covers(before, child)) continue;
            warn(c, "W-unreachable-route", child->line,
                 "alerts.route: this route is never reached: number %zu before it matches all of "
                 "it, and has no `continue`",
                 k + 1);
            break;
        }
        check_route(c, child);
    }
}

void check_alerts(const struct host *host, struct evaluator *const *policies, size_t count,
                  bool all, struct faults *faults)
{
    struct checking c = {.config = host->config,
                         .alerts = &host->config->alerts,
                         .faults = faults,
                         .policies = policies,
                         .count = count,
                         .any_label = count == 0 || !all};
    struct courier *courier = NULL;
    if (c.alerts->receiver_count == 0) return;
    if (courier_new(host, &courier) < 0) {
        add(&c, ERR_NOMEM, "out of memory");
        return;
    }
    check_receivers(&c, courier);
    courier->vtable->free(courier);
    for (size_t i = 0; i < count; i++)
        c.any_label = !targets_known(policies[i]) || c.any_label;
    check_route(&c, &c.alerts->root);
    for (size_t i = 0; i < c.alerts->mute_count; i++)
        if (!mutes(&c.alerts->root, c.alerts->mutes[i].name))
            warn(&c, "W-unused-mute", 0, "alerts: no route has the mute windows '%s'",
                 c.alerts->mutes[i].name);
    for (size_t i = 0; i < c.alerts->inhibit_count; i++) {
        check_labels(&c, &c.alerts->inhibits[i].source, 0, "alerts.inhibit: source");
        check_labels(&c, &c.alerts->inhibits[i].target, 0, "alerts.inhibit: target");
    }
}
