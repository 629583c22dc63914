/* notify/labels.c - an alert's labels, made of its policy, type and target.
 *
 * One block of memory: the items, then the texts. A target's id is "name=value" pairs with commas
 * between (tick/evaluator.h); where a part has no "=" the comma belonged to the value before. */
#include "moontide/notify/labels.h"

#include "moontide/base/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const own_names[] = {"key", "policy", "severity", "target", "type"};
enum { OWN_COUNT = sizeof own_names / sizeof own_names[0], PREFIX_BYTES = sizeof "target_" - 1 };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static bool is_own(const char *name)
{
    for (int i = 0; i < OWN_COUNT; i++)
        if (strcmp(own_names[i], name) == 0) return true;
    return false;
}

/* The next "name=value" of *at in `text`, cut out in place; false when there is none. */
static bool next_field(char **at, char **name, char **value)
{
    char *equals = strchr(*at, '=');
    if (!equals || equals == *at) return false;
    *equals = '\0';
    *name = *at;
    *value = equals + 1;
    char *comma = strchr(*value, ',');
    while (comma) {
        char *next_comma = strchr(comma + 1, ','), *next_equals = strchr(comma + 1, '=');
        if (next_equals && (!next_comma || next_equals < next_comma)) break;
        comma = next_comma;
    }
    if (comma) *comma = '\0';
    *at = comma ? comma + 1 : *value + strlen(*value);
    return true;
}

/* How many labels there can be at most: each field has its "=". */
static size_t count_max(const char *target)
{
    size_t count = OWN_COUNT;
    for (const char *at = target; count < LABELS_MAX && (at = strchr(at, '=')) != NULL; at++)
        count++;
    return count;
}

static char *put(char **to, const char *text)
{
    char *at = *to;
    size_t bytes = strlen(text) + 1;
    memcpy(at, text, bytes);
    *to += bytes;
    return at;
}

int labels_new(const char *policy, const char *target, const char *type, const char *severity,
               const char *key, struct labels *out)
{
    const char *const own[OWN_COUNT] = {key, policy, severity, target, type};
    size_t max = count_max(target), bytes = 2 * strlen(target) + 2 + max * PREFIX_BYTES;
    for (int i = 0; i < OWN_COUNT; i++)
        bytes += strlen(own[i]) + 1;
    struct label *items = malloc(max * sizeof *items + bytes);
    if (!items) return ERR_NOMEM;
    char *to = (char *)(items + max), *name, *value;
    size_t count = 0;
    for (; count < OWN_COUNT; count++)
        items[count] = (struct label){own_names[count], put(&to, own[count])};
    char *at = put(&to, target);
    while (count < max && next_field(&at, &name, &value)) {
        if (is_own(name)) {
            char *prefixed = to;
            to += sprintf(to, "target_%s", name) + 1;
            name = prefixed;
        }
        items[count++] = (struct label){name, value};
    }
    qsort(items, count, sizeof *items, by_name);
    *out = (struct labels){items, count};
    return OK;
}

void labels_done(struct labels *labels)
{
    free(labels->items);
    *labels = (struct labels){0};
}

const char *labels_get(const struct labels *labels, const char *name)
{
    struct label wanted = {name, NULL};
    const struct label *found =
        labels->count ? bsearch(&wanted, labels->items, labels->count, sizeof wanted, by_name)
                      : NULL;
    return found ? found->value : "";
}
