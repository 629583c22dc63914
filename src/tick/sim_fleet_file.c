/* tick/sim_fleet_file.c - the description of a simulated fleet: the default one, and FILE of
 * sim:FILE. */
#include "sim_fleet.h"

#include "moontide/base/fs.h"
#include "moontide/base/json.h"
#include "moontide/base/nearest.h"
#include "moontide/base/timetext.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 4 * 1024 * 1024, STRING_MAX_BYTES = 1024 };

static const int64_t BURST_EVERY_S = 40 * 60, BURST_FOR_S = 12 * 60, BURST_EVERY_MAX_S = 30 * 86400;
static const uint64_t SEED = 1;

void sim_fleet_done(struct sim_fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        free(fleet->environments[i].name);
    free(fleet->environments);
    for (size_t i = 0; i < fleet->resource_count; i++) {
        free(fleet->resources[i].kind);
        free(fleet->resources[i].resource);
        free(fleet->resources[i].region);
        free(fleet->resources[i].current);
    }
    free(fleet->resources);
    *fleet = (struct sim_fleet){0};
}

static int by_name(const void *a, const void *b)
{
    const struct sim_environment *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Names in the order in which they were read. */
struct names {
    char **items;
    size_t count, cap;
};

static void names_done(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

struct reading {
    struct json_reader json;
    const char *file;
    struct fault *fault;
    struct names environments, gaps;
    struct sim_fleet fleet;
};

static int refuse(struct reading *r, const char *format, ...) PRINTF_LIKE(2, 3);
static int refuse(struct reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = fault_vset(r->fault, ERR_INVALID, format, args);
    va_end(args);
    int line = 1;
    const char *end = r->json.begin + json_offset(&r->json);
    for (const char *at = r->json.begin; at < end; at++)
        line += *at == '\n';
    fault_at(r->fault, r->file, line, 0);
    return code;
}

/* The next token; a malformed document is a fault with its place. */
static int next(struct reading *r)
{
    int token = json_next(&r->json);
    if (token >= 0) return token;
    if (token == ERR_NOMEM) return fault_set(r->fault, token, "out of memory");
    refuse(r, "not JSON: malformed at byte %zu", json_offset(&r->json));
    if (r->fault) r->fault->code = ERR_PARSE;
    return ERR_PARSE;
}

static bool text_is(const struct reading *r, const char *text)
{
    return r->json.len == strlen(text) && memcmp(r->json.text, text, r->json.len) == 0;
}

static int unknown_field(struct reading *r, const char *where, const char *const *known)
{
    char name[64];
    size_t len = r->json.len < sizeof name - 1 ? r->json.len : sizeof name - 1;
    memcpy(name, r->json.text, len);
    name[len] = '\0';
    const char *nearest = nearest_name(name, known);
    return refuse(r, "unknown field \"%s\"%s%s%s%s", name, where,
                  nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static int add_name(struct reading *r, struct names *names, const char *field)
{
    const struct json_reader *json = &r->json;
    if (json->len == 0 || json->len > SIM_NAME_MAX || memchr(json->text, '\0', json->len))
        return refuse(r, "%s: a name has 1 to %d characters", field, SIM_NAME_MAX);
    if (names->count == SIM_ENVIRONMENTS_MAX)
        return refuse(r, "%s: more than %d names", field, SIM_ENVIRONMENTS_MAX);
    if (names->count == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 16;
        char **items = realloc(names->items, cap * sizeof(char *));
        if (!items) return fault_set(r->fault, ERR_NOMEM, "out of memory");
        names->items = items;
        names->cap = cap;
    }
    char *name = strndup(json->text, json->len);
    if (!name) return fault_set(r->fault, ERR_NOMEM, "out of memory");
    names->items[names->count++] = name;
    return OK;
}

static int read_names(struct reading *r, struct names *names, const char *field)
{
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_ARRAY || names->count > 0)
        return refuse(r, "%s: one list of names is expected", field);
    while ((token = next(r)) != JSON_ARRAY_END) {
        if (token < 0) return token;
        if (token != JSON_STRING) return refuse(r, "%s: a name is a string", field);
        int code = add_name(r, names, field);
        if (code < 0) return code;
    }
    return OK;
}

static int read_duration(struct reading *r, const char *field, int64_t *out_s)
{
    int token = next(r);
    if (token < 0) return token;
    char text[64];
    int64_t ms = 0;
    if (token != JSON_STRING || r->json.len >= sizeof text)
        return refuse(r, "burst.%s: a duration such as \"40m\" is expected", field);
    memcpy(text, r->json.text, r->json.len);
    text[r->json.len] = '\0';
    if (duration_parse(text, &ms) < 0)
        return refuse(r, "burst.%s: \"%s\" is no duration", field, text);
    *out_s = ms / 1000;
    return OK;
}

static int read_burst(struct reading *r)
{
    static const char *const known[] = {"every", "for", NULL};
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_OBJECT) return refuse(r, "burst: an object is expected");
    while ((token = next(r)) != JSON_OBJECT_END) {
        if (token < 0) return token;
        int code = text_is(r, "every") ? read_duration(r, "every", &r->fleet.burst_every_s)
                   : text_is(r, "for") ? read_duration(r, "for", &r->fleet.burst_for_s)
                                       : unknown_field(r, " in burst", known);
        if (code < 0) return code;
    }
    return OK;
}

static int read_seed(struct reading *r)
{
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_INT) return refuse(r, "seed: a whole number is expected");
    r->fleet.seed = (uint64_t)r->json.integer;
    return OK;
}

/* The value that follows, a JSON object, as it stands. */
static int read_raw(struct reading *r, char **out)
{
    const char *from = r->json.begin + json_offset(&r->json);
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_OBJECT) return refuse(r, "resources: current is an object");
    if (json_skip(&r->json) < 0) return refuse(r, "resources: current is malformed");
    while (*from != '{')
        from++;
    free(*out);
    *out = strndup(from, (size_t)(r->json.begin + json_offset(&r->json) - from));
    return *out ? OK : fault_set(r->fault, ERR_NOMEM, "out of memory");
}

static int read_text(struct reading *r, const char *field, char **out)
{
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_STRING || r->json.len == 0 || memchr(r->json.text, '\0', r->json.len))
        return refuse(r, "resources: %s is a string that is not empty", field);
    free(*out);
    *out = strndup(r->json.text, r->json.len);
    return *out ? OK : fault_set(r->fault, ERR_NOMEM, "out of memory");
}

static int read_resource(struct reading *r, struct sim_listed *listed)
{
    static const char *const known[] = {"kind", "resource", "region", "current", NULL};
    int token;
    while ((token = next(r)) != JSON_OBJECT_END) {
        if (token < 0) return token;
        int code = text_is(r, "kind")       ? read_text(r, "kind", &listed->kind)
                   : text_is(r, "resource") ? read_text(r, "resource", &listed->resource)
                   : text_is(r, "region")   ? read_text(r, "region", &listed->region)
                   : text_is(r, "current")  ? read_raw(r, &listed->current)
                                            : unknown_field(r, " in resources", known);
        if (code < 0) return code;
    }
    if (!listed->kind || !listed->resource || !listed->current)
        return refuse(r, "resources: each has kind, resource and current");
    return OK;
}

static int read_resources(struct reading *r)
{
    struct sim_fleet *fleet = &r->fleet;
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_ARRAY || fleet->resource_count > 0)
        return refuse(r, "resources: one list is expected");
    while ((token = next(r)) != JSON_ARRAY_END) {
        if (token < 0) return token;
        if (token != JSON_OBJECT) return refuse(r, "resources: a resource is an object");
        if (fleet->resource_count == SIM_RESOURCES_MAX)
            return refuse(r, "resources: more than %d", SIM_RESOURCES_MAX);
        struct sim_listed *list =
            realloc(fleet->resources, (fleet->resource_count + 1) * sizeof *list);
        if (!list) return fault_set(r->fault, ERR_NOMEM, "out of memory");
        fleet->resources = list;
        list[fleet->resource_count] = (struct sim_listed){0};
        int code = read_resource(r, &list[fleet->resource_count++]);
        if (code < 0) return code;
    }
    return OK;
}

static int read_fields(struct reading *r)
{
    static const char *const known[] = {"environments", "seed", "burst", "gaps", "resources", NULL};
    int token = next(r);
    if (token < 0) return token;
    if (token != JSON_OBJECT) return refuse(r, "an object is expected");
    while ((token = next(r)) != JSON_OBJECT_END) {
        if (token < 0) return token;
        int code = OK;
        if (text_is(r, "environments"))
            code = read_names(r, &r->environments, "environments");
        else if (text_is(r, "gaps"))
            code = read_names(r, &r->gaps, "gaps");
        else if (text_is(r, "seed"))
            code = read_seed(r);
        else if (text_is(r, "burst"))
            code = read_burst(r);
        else if (text_is(r, "resources"))
            code = read_resources(r);
        else
            code = unknown_field(r, "", known);
        if (code < 0) return code;
    }
    token = next(r);
    return token < 0 ? token : OK; /* only the end can follow */
}

/* Takes the names over into a sorted list of environments. */
static int make_environments(struct reading *r)
{
    struct sim_fleet *fleet = &r->fleet;
    size_t count = r->environments.count;
    if (count == 0) return refuse(r, "environments: at least one name is expected");
    fleet->environments = calloc(count, sizeof *fleet->environments);
    if (!fleet->environments) return fault_set(r->fault, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        fleet->environments[i] =
            (struct sim_environment){.name = r->environments.items[i], .place = (uint32_t)i};
    fleet->count = count;
    r->environments.count = 0;
    qsort(fleet->environments, count, sizeof *fleet->environments, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(fleet->environments[i - 1].name, fleet->environments[i].name) == 0)
            return refuse(r, "environments: \"%s\" stands there twice",
                          fleet->environments[i].name);
    for (size_t i = 0; i < r->gaps.count; i++) {
        struct sim_environment key = {.name = r->gaps.items[i]};
        struct sim_environment *found =
            bsearch(&key, fleet->environments, count, sizeof key, by_name);
        if (!found) return refuse(r, "gaps: \"%s\" is not among the environments", key.name);
        found->gaps = true;
    }
    return OK;
}

static int check_burst(struct reading *r)
{
    int64_t every_s = r->fleet.burst_every_s, for_s = r->fleet.burst_for_s;
    if (every_s < 60 || every_s > BURST_EVERY_MAX_S)
        return refuse(r, "burst.every: from 1m to 30d");
    if (for_s > every_s) return refuse(r, "burst.for: longer than burst.every");
    return OK;
}

int sim_fleet_parse(const char *json, size_t len, const char *file, struct sim_fleet *out,
                    struct fault *fault)
{
    struct reading r = {
        .file = file,
        .fault = fault,
        .fleet = {.seed = SEED, .burst_every_s = BURST_EVERY_S, .burst_for_s = BURST_FOR_S},
    };
    json_reader_init(&r.json, json, len, STRING_MAX_BYTES);
    int code = read_fields(&r);
    if (code == OK) code = make_environments(&r);
    if (code == OK) code = check_burst(&r);
    json_reader_done(&r.json);
    names_done(&r.environments);
    names_done(&r.gaps);
    if (code == OK)
        *out = r.fleet;
    else
        sim_fleet_done(&r.fleet);
    return code;
}

int sim_fleet_read(const char *path, struct sim_fleet *out, struct fault *fault)
{
    char *json = NULL;
    size_t len = 0;
    int code = fs_read_file(path, FILE_MAX_BYTES, &json, &len, fault);
    if (code == OK) code = sim_fleet_parse(json, len, path, out, fault);
    free(json);
    return code;
}

int sim_fleet_default(struct sim_fleet *out)
{
    static const char text[] = "{\"environments\":[\"prod\",\"staging\"],\"gaps\":[\"staging\"]}";
    return sim_fleet_parse(text, sizeof text - 1, "", out, NULL);
}
