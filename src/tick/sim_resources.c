/* tick/sim_resources.c - the state of resources in the simulated world. What nobody has changed is
 * computed from its name, so that a fleet of a hundred thousand environments costs nothing. */
#include "sim_resources.h"

#include "moontide/base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ITEMS = 64 };

/* "%" is the environment. */
struct standard {
    const char *kind, *resource, *current;
};

static const struct standard standards[] = {
    {"ecs_desired_count", "service/gm-tool-%/api",
     "{\"count\":2,\"deployments\":1,\"scheduling\":\"REPLICA\",\"status\":\"ACTIVE\"}"},
    {"ecs_autoscaling", "service/gm-tool-%/api", "{\"status\":\"ACTIVE\"}"},
    {"rds_instance", "db/gm-tool-%",
     "{\"allocated_storage\":100,\"autoscale_storage\":false,\"class\":\"db.t3.medium\","
     "\"engine\":\"mysql\",\"engine_version\":\"8.0.35\",\"max_allocated_storage\":100,"
     "\"status\":\"available\",\"window\":\"sun:05:00-sun:06:00\"}"},
    {"cache_parameters", "parameter-group/gm-tool-%-params",
     "{\"family\":\"redis7\",\"parameters\":{\"maxmemory-policy\":\"volatile-lru\","
     "\"reserved-memory-percent\":\"25\"}}"},
};

static uint64_t key_of(const char *kind, const char *resource, const char *region,
                       const char *account)
{
    const char *parts[] = {kind, resource, region ? region : "", account ? account : ""};
    uint64_t key = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        key = hash64(parts[i], strlen(parts[i]) + 1, key);
    return key ? key : 1;
}

static struct sim_resource *slot_of(struct sim_resource *items, size_t cap, uint64_t key)
{
    size_t at = key & (cap - 1);
    while (items[at].key && items[at].key != key)
        at = (at + 1) & (cap - 1);
    return &items[at];
}

static int make_room(struct sim_resources *resources)
{
    if ((resources->count + 1) * 4 <= resources->cap * 3) return OK;
    size_t cap = resources->cap ? resources->cap * 2 : FIRST_ITEMS;
    struct sim_resource *items = calloc(cap, sizeof *items);
    if (!items) return ERR_NOMEM;
    for (size_t i = 0; i < resources->cap; i++)
        if (resources->items[i].key)
            *slot_of(items, cap, resources->items[i].key) = resources->items[i];
    free(resources->items);
    resources->items = items;
    resources->cap = cap;
    return OK;
}

static int put(struct sim_resources *resources, uint64_t key, const char *current)
{
    char *copy = strdup(current);
    if (!copy || make_room(resources) < 0) {
        free(copy);
        return ERR_NOMEM;
    }
    struct sim_resource *slot = slot_of(resources->items, resources->cap, key);
    if (!slot->key) resources->count++;
    slot->key = key;
    free(slot->current);
    slot->current = copy;
    return OK;
}

int sim_resources_put(struct sim_resources *resources, const struct subject *subject,
                      const char *current)
{
    return put(resources,
               key_of(subject->kind, subject->resource, subject->region, subject->account),
               current);
}

/* Whether the name is the pattern's, with an environment of the fleet. */
static bool is_standard(const struct sim_fleet *fleet, const char *pattern, const char *name)
{
    const char *percent = strchr(pattern, '%');
    size_t before = (size_t)(percent - pattern), after = strlen(percent + 1), len = strlen(name);
    if (len <= before + after || strncmp(name, pattern, before) != 0 ||
        strcmp(name + len - after, percent + 1) != 0)
        return false;
    return sim_fleet_has(fleet, name + before, len - before - after);
}

static const char *find(const struct sim_resources *resources, const struct subject *subject)
{
    uint64_t key = key_of(subject->kind, subject->resource, subject->region, subject->account);
    if (resources->cap) {
        const struct sim_resource *slot = slot_of(resources->items, resources->cap, key);
        if (slot->key) return slot->current;
    }
    for (size_t i = 0; i < COUNT_OF(standards); i++)
        if (strcmp(standards[i].kind, subject->kind) == 0 &&
            is_standard(resources->fleet, standards[i].resource, subject->resource))
            return standards[i].current;
    return NULL;
}

void sim_resources_read(const struct sim_resources *resources, struct subject *subject)
{
    const char *current = find(resources, subject);
    subject->current = subject->problem = NULL;
    subject->code = OK;
    if (current) {
        subject->current = strdup(current);
        if (!subject->current) subject->code = ERR_NOMEM;
        return;
    }
    static const char text[] = " does not exist in the simulated world";
    size_t size = strlen(subject->resource) + sizeof text;
    subject->problem = malloc(size);
    if (subject->problem) snprintf(subject->problem, size, "%s%s", subject->resource, text);
}

int sim_resources_init(struct sim_resources *resources, const struct sim_fleet *fleet)
{
    int code = OK;
    *resources = (struct sim_resources){.fleet = fleet};
    for (size_t i = 0; code == OK && i < fleet->resource_count; i++) {
        const struct sim_listed *listed = &fleet->resources[i];
        code = put(resources, key_of(listed->kind, listed->resource, listed->region, NULL),
                   listed->current);
    }
    return code;
}

void sim_resources_done(struct sim_resources *resources)
{
    for (size_t i = 0; i < resources->cap; i++)
        free(resources->items[i].current);
    free(resources->items);
    *resources = (struct sim_resources){0};
}
