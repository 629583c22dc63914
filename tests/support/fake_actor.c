/* support/fake_actor.c - decision kinds in C whose resources are JSON texts of the test's own. */
#include "support/fake_actor.h"

#include "moontide/base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fake_verb { FAKE_READ, FAKE_CHECK, FAKE_APPLY };

struct fake_resource {
    struct fake_resource *next;
    char *name, *json, *hidden; /* hidden: what an invisible apply made of it */
    int made;
};

struct fake_call {
    struct fake_call *prev, *next;
    struct fake_actor *fake;
    enum fake_verb verb;
    union {
        actor_read_fn *read;
        actor_check_fn *check;
        actor_apply_fn *apply;
    } done; /* by the verb */
    void *data;
    struct subject *subjects; /* of read */
    size_t count;
    char *resource, *wanted; /* of apply: copies */
    struct loop_timer *timer;
};

static struct fake_actor *of(struct actor *actor)
{
    return (struct fake_actor *)actor;
}

static void note(struct fake_actor *fake, const char *format, ...)
{
    size_t len = strlen(fake->log);
    va_list args;
    va_start(args, format);
    vsnprintf(fake->log + len, sizeof fake->log - len, format, args);
    va_end(args);
}

/* ---- resources ---- */

static struct fake_resource *find(const struct fake_actor *fake, const char *name)
{
    struct fake_resource *resource = fake->resources;
    while (resource && strcmp(resource->name, name) != 0)
        resource = resource->next;
    return resource;
}

static struct fake_resource *make(struct fake_actor *fake, const char *name)
{
    struct fake_resource *resource = find(fake, name);
    if (resource) return resource;
    resource = calloc(1, sizeof *resource);
    if (!resource) return NULL;
    resource->name = strdup(name);
    if (!resource->name) {
        free(resource);
        return NULL;
    }
    resource->next = fake->resources;
    fake->resources = resource;
    return resource;
}

static bool set_text(char **owned, const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) return false;
    free(*owned);
    *owned = copy;
    return true;
}

void fake_set(struct fake_actor *fake, const char *name, const char *json)
{
    struct fake_resource *resource = make(fake, name);
    assert_non_null(resource);
    assert_true(set_text(&resource->json, json));
    assert_true(set_text(&resource->hidden, NULL));
}

const char *fake_get(const struct fake_actor *fake, const char *name)
{
    const struct fake_resource *resource = find(fake, name);
    return resource ? resource->json : NULL;
}

int fake_made(const struct fake_actor *fake, const char *name)
{
    const struct fake_resource *resource = find(fake, name);
    return resource ? resource->made : 0;
}

void fake_show(struct fake_actor *fake)
{
    for (struct fake_resource *r = fake->resources; r; r = r->next) {
        if (!r->hidden) continue;
        free(r->json);
        r->json = r->hidden;
        r->hidden = NULL;
    }
}

static bool is_bound(const char *field)
{
    return strcmp(field, "min") == 0 || strcmp(field, "max") == 0;
}

static char *merged(const char *current, const char *wanted)
{
    cJSON *state = cJSON_Parse(current ? current : "{}"), *wish = cJSON_Parse(wanted);
    const cJSON *item;
    cJSON_ArrayForEach(item, wish)
    {
        if (is_bound(item->string)) continue;
        cJSON_DeleteItemFromObjectCaseSensitive(state, item->string);
        cJSON_AddItemToObject(state, item->string, cJSON_Duplicate(item, true));
    }
    char *json = cJSON_PrintUnformatted(state);
    cJSON_Delete(state);
    cJSON_Delete(wish);
    return json;
}

/* ---- answers ---- */

static void call_free(struct fake_call *call)
{
    struct fake_actor *fake = call->fake;
    if (call->prev)
        call->prev->next = call->next;
    else
        fake->first = call->next;
    if (call->next)
        call->next->prev = call->prev;
    else
        fake->last = call->prev;
    loop_timer_cancel(call->timer);
    free(call->resource);
    free(call->wanted);
    free(call);
}

static void answer_one_read(const struct fake_actor *fake, struct subject *subject)
{
    const struct fake_resource *resource = find(fake, subject->resource);
    const char *json = resource ? resource->json : fake->others;
    if (strcmp(subject->kind, "call") == 0) json = "{}";
    subject->code = fake->read_code;
    if (subject->code < 0) {
        subject->problem = fake->read_problem ? strdup(fake->read_problem) : NULL;
        return;
    }
    if (json)
        subject->current = strdup(json);
    else
        subject->problem = strdup("the resource does not exist");
    if (!subject->current && !subject->problem) subject->code = ERR_NOMEM;
}

static void answer_read(struct fake_call *call)
{
    actor_read_fn *done = call->done.read;
    void *data = call->data;
    for (size_t i = 0; i < call->count; i++)
        answer_one_read(call->fake, &call->subjects[i]);
    call_free(call);
    done(data);
}

static void answer_check(struct fake_call *call)
{
    struct fake_actor *fake = call->fake;
    struct feasibility found = {0};
    struct fault fault;
    actor_check_fn *done = call->done.check;
    void *data = call->data;
    int code = fake->check_code;
    call_free(call);
    if (code < 0) {
        fault_set(&fault, code, "the check fell over");
        done(data, code, NULL, &fault);
        return;
    }
    if (fake->infeasible) found.infeasible = strdup(fake->infeasible);
    if (fake->busy) found.busy = strdup(fake->busy);
    if (fake->notes) found.notes = strdup(fake->notes);
    done(data, OK, &found, NULL);
}

static void take_effect(struct fake_actor *fake, const struct fake_call *call)
{
    struct fake_resource *resource = make(fake, call->resource);
    if (!resource) return;
    char *json = merged(resource->hidden ? resource->hidden : resource->json, call->wanted);
    char **to = fake->invisible ? &resource->hidden : &resource->json;
    free(*to);
    *to = json;
    resource->made++;
}

static void answer_apply(struct fake_call *call)
{
    struct fake_actor *fake = call->fake;
    struct fault fault;
    actor_apply_fn *done = call->done.apply;
    void *data = call->data;
    struct applied applied = {.code = fake->apply_code,
                              .unsent = fake->unsent,
                              .calls = "[{\"operation\":\"test:Put\",\"request_id\":\"r-1\"}]"};
    if (applied.code == OK || fake->effect) take_effect(fake, call);
    if (applied.code < 0) {
        fault_set(&fault, applied.code, "apply fell over: %s", err_text(applied.code));
        applied.fault = &fault;
    }
    call_free(call);
    done(data, &applied);
}

static void answer(struct fake_call *call)
{
    switch (call->verb) {
    case FAKE_READ: answer_read(call); return;
    case FAKE_CHECK: answer_check(call); return;
    case FAKE_APPLY: answer_apply(call); return;
    }
}

static void on_turn(void *data)
{
    struct fake_call *call = data;
    call->timer = NULL;
    answer(call);
}

size_t fake_answer(struct fake_actor *fake, size_t count)
{
    size_t answered = 0;
    struct fake_call *last = fake->last;
    for (bool more = true; more && fake->first && (count == 0 || answered < count); answered++) {
        more = fake->first != last; /* not those that answers begin */
        answer(fake->first);
    }
    return answered;
}

size_t fake_held(const struct fake_actor *fake)
{
    size_t count = 0;
    for (const struct fake_call *call = fake->first; call; call = call->next)
        count += call->timer == NULL;
    return count;
}

/* ---- the vtable ---- */

static struct fake_call *call_new(struct fake_actor *fake, enum fake_verb verb, bool hold,
                                  void *data)
{
    struct fake_call *call = calloc(1, sizeof *call);
    if (!call) return NULL;
    *call = (struct fake_call){.prev = fake->last, .fake = fake, .verb = verb, .data = data};
    if (fake->last)
        fake->last->next = call;
    else
        fake->first = call;
    fake->last = call;
    if (hold || loop_timer_start(fake->loop, 0, on_turn, call, &call->timer) == OK) return call;
    call_free(call);
    return NULL;
}

static const struct kind_info *f_kind(struct actor *actor, const char *name)
{
    static const struct kind_info kinds[] = {{"count", "scaling.count", true},
                                             {"call", "call", false}};
    if (of(actor)->no_kinds) return NULL;
    for (size_t i = 0; i < 2; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return NULL;
}

static int f_read(struct actor *actor, struct subject *subjects, size_t count, actor_read_fn *done,
                  void *data, struct actor_call **out)
{
    struct fake_actor *fake = of(actor);
    struct fake_call *call = call_new(fake, FAKE_READ, fake->hold_read, data);
    if (!call) return ERR_NOMEM;
    call->done.read = done;
    call->subjects = subjects;
    call->count = count;
    note(fake, "read");
    for (size_t i = 0; i < count; i++)
        note(fake, " %s", subjects[i].resource);
    note(fake, ";");
    fake->reads++;
    *out = (struct actor_call *)call;
    return OK;
}

static double number_in(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static cJSON *changes_of(const cJSON *current, const cJSON *wanted, size_t *count)
{
    cJSON *changes = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, wanted)
    {
        const cJSON *from = cJSON_GetObjectItemCaseSensitive(current, item->string);
        if (is_bound(item->string) || cJSON_Compare(item, from, true)) continue;
        cJSON *change = cJSON_CreateObject();
        cJSON_AddStringToObject(change, "field", item->string);
        if (from) cJSON_AddItemToObject(change, "from", cJSON_Duplicate(from, true));
        cJSON_AddItemToObject(change, "to", cJSON_Duplicate(item, true));
        cJSON_AddItemToArray(changes, change);
        ++*count;
    }
    return changes;
}

static void take_capacity(const cJSON *current, const cJSON *wanted, struct comparison *out)
{
    double to = number_in(wanted, "count"), from = number_in(current, "count");
    if (isnan(to)) return;
    out->capacities[0] = (struct capacity){.field = "count", .from = from, .to = to};
    out->capacity_count = 1;
    out->direction = to > from ? DIRECTION_OUT : to < from ? DIRECTION_IN : DIRECTION_NONE;
}

static int f_compare(struct actor *actor, const struct subject *subject,
                     const struct capacity *clipped, size_t clipped_count, struct comparison *out,
                     struct fault *fault)
{
    struct fake_actor *fake = of(actor);
    cJSON *current = cJSON_Parse(subject->current ? subject->current : "{}");
    cJSON *wanted = cJSON_Parse(subject->wanted);
    bool reads = strcmp(subject->kind, "call") != 0;
    *out = (struct comparison){0};
    fake->compares++;
    if (fake->log_compares) note(fake, "compare %s;", subject->resource);
    for (size_t i = 0; i < clipped_count && reads; i++)
        cJSON_ReplaceItemInObjectCaseSensitive(wanted, clipped[i].field,
                                               cJSON_CreateNumber(clipped[i].to));
    cJSON *changes = changes_of(current, wanted, &out->change_count);
    if (reads) take_capacity(current, wanted, out);
    if (out->change_count > 0) out->changes = cJSON_PrintUnformatted(changes);
    out->wanted = cJSON_PrintUnformatted(wanted);
    cJSON_Delete(changes);
    cJSON_Delete(current);
    cJSON_Delete(wanted);
    if (out->wanted && (out->changes || out->change_count == 0)) return OK;
    comparison_done(out);
    return fault_set(fault, ERR_NOMEM, "no memory");
}

static int f_check(struct actor *actor, const struct subject *subject,
                   const struct comparison *comparison, actor_check_fn *done, void *data,
                   struct actor_call **out)
{
    struct fake_actor *fake = of(actor);
    assert_non_null(comparison->wanted);
    struct fake_call *call = call_new(fake, FAKE_CHECK, fake->hold_check, data);
    if (!call) return ERR_NOMEM;
    call->done.check = done;
    note(fake, "check %s;", subject->resource);
    fake->checks++;
    *out = (struct actor_call *)call;
    return OK;
}

static int f_apply(struct actor *actor, const struct subject *subject,
                   const struct comparison *comparison, actor_apply_fn *done, void *data,
                   struct actor_call **out)
{
    struct fake_actor *fake = of(actor);
    assert_non_null(comparison->wanted);
    if (fake->on_apply) fake->on_apply(fake->data);
    if (fake->start_code < 0) return fake->start_code;
    struct fake_call *call = call_new(fake, FAKE_APPLY, fake->hold_apply, data);
    if (!call) return ERR_NOMEM;
    call->done.apply = done;
    call->resource = strdup(subject->resource);
    call->wanted = strdup(comparison->wanted);
    if (!call->resource || !call->wanted) {
        call_free(call);
        return ERR_NOMEM;
    }
    note(fake, "apply %s %s;", subject->resource, comparison->wanted);
    fake->applies++;
    *out = (struct actor_call *)call;
    return OK;
}

static void f_cancel(struct actor *actor, struct actor_call *call)
{
    of(actor)->canceled++;
    call_free((struct fake_call *)call);
}

static const struct actor_vtable vtable = {.kind = f_kind,
                                           .read = f_read,
                                           .compare = f_compare,
                                           .check = f_check,
                                           .apply = f_apply,
                                           .cancel = f_cancel};

void fake_init(struct fake_actor *fake, struct loop *loop)
{
    *fake = (struct fake_actor){.actor = {&vtable}, .loop = loop};
}

void fake_done(struct fake_actor *fake)
{
    bool idle = fake->first == NULL;
    while (fake->first)
        call_free(fake->first);
    while (fake->resources) {
        struct fake_resource *resource = fake->resources;
        fake->resources = resource->next;
        free(resource->name);
        free(resource->json);
        free(resource->hidden);
        free(resource);
    }
    assert_true(idle);
}

void fake_clear(struct fake_actor *fake)
{
    fake->log[0] = '\0';
}
