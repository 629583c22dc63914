/* tick/spans.c - differences put together over time.
 *
 * Most evaluations differ in nothing, so a target costs one look into a table; the differences of a
 * target are few, and looked for one by one. */
#include "moontide/tick/spans.h"

#include "moontide/base/pair_table.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 4 * EVALUATION_BYTES_MAX };

struct group {
    uint64_t id;
    struct span_group shown;
    char *line, *json;
    struct span *spans; /* shape: [shown.span_count] */
    size_t cap;
    uint64_t last; /* number of the target's evaluation that had it last */
};

struct place {
    struct keyed by; /* target, "" */
    uint64_t evaluations;
    struct group *groups; /* shape: [count] */
    size_t count, cap;
    char target[];
};

struct spans {
    struct table table;
    struct place **places; /* shape: [count], as they came */
    size_t count, cap;
    struct spans_totals totals;
    uint64_t last_differing; /* tick */
    struct span_group *list;
};

int spans_new(struct spans **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

void spans_free(struct spans *spans)
{
    if (!spans) return;
    for (size_t i = 0; i < spans->count; i++) {
        struct place *place = spans->places[i];
        for (size_t k = 0; k < place->count; k++) {
            free(place->groups[k].line);
            free(place->groups[k].json);
            free(place->groups[k].spans);
        }
        free(place->groups);
        free(place);
    }
    table_done(&spans->table);
    free(spans->places);
    free(spans->list);
    free(spans);
}

/* ---- adding ---- */

static struct place *place_new(struct spans *spans, const char *target)
{
    if (spans->count == spans->cap) {
        size_t cap = spans->cap ? spans->cap * 2 : 64;
        struct place **places = realloc(spans->places, cap * sizeof(struct place *));
        if (!places) return NULL;
        spans->places = places;
        spans->cap = cap;
    }
    if (table_reserve(&spans->table) < 0) return NULL;
    size_t len = strlen(target) + 1;
    struct place *place = calloc(1, sizeof *place + len);
    if (!place) return NULL;
    memcpy(place->target, target, len);
    place->by = (struct keyed){keyed_hash(target, ""), place->target, ""};
    table_insert(&spans->table, &place->by);
    spans->places[spans->count++] = place;
    spans->totals.targets++;
    return place;
}

static int write_texts(struct group *group, const struct difference *difference)
{
    struct strbuf line, json;
    struct json_writer w;
    strbuf_init(&line, TEXT_BYTES_MAX);
    strbuf_init(&json, TEXT_BYTES_MAX);
    json_writer_init(&w, &json);
    difference_print(difference, &line);
    difference_json(difference, &w);
    group->line = strbuf_take(&line, NULL);
    group->json = strbuf_take(&json, NULL);
    strbuf_done(&line);
    strbuf_done(&json);
    return group->line && group->json ? OK : ERR_NOMEM;
}

static struct group *group_new(struct spans *spans, struct place *place,
                               const struct difference *difference)
{
    if (place->count == place->cap) {
        size_t cap = place->cap ? place->cap * 2 : 4;
        struct group *groups = realloc(place->groups, cap * sizeof *groups);
        if (!groups) return NULL;
        place->groups = groups;
        place->cap = cap;
    }
    struct group *group = &place->groups[place->count];
    *group = (struct group){.id = difference->id};
    if (write_texts(group, difference) < 0) {
        free(group->line);
        free(group->json);
        return NULL;
    }
    group->shown = (struct span_group){.target = place->target,
                                       .what = difference->what,
                                       .side = difference->side,
                                       .line = group->line,
                                       .json = group->json};
    if (place->count++ == 0) spans->totals.targets_differing++;
    spans->totals.by_what[difference->what]++;
    return group;
}

static struct group *group_of(struct spans *spans, struct place *place,
                              const struct difference *difference)
{
    for (size_t i = 0; i < place->count; i++)
        if (place->groups[i].id == difference->id) return &place->groups[i];
    return group_new(spans, place, difference);
}

static int extend(struct group *group, const struct place *place, uint64_t tick, int64_t at_ms)
{
    struct span_group *shown = &group->shown;
    if (group->last == place->evaluations) return OK; /* twice in one evaluation */
    bool goes_on = shown->span_count > 0 && group->last + 1 == place->evaluations;
    if (!goes_on && shown->span_count == group->cap) {
        size_t cap = group->cap ? group->cap * 2 : 2;
        struct span *spans = realloc(group->spans, cap * sizeof *spans);
        if (!spans) return ERR_NOMEM;
        group->spans = spans;
        group->cap = cap;
    }
    if (!goes_on)
        group->spans[shown->span_count++] = (struct span){.first_tick = tick, .first_ms = at_ms};
    struct span *span = &group->spans[shown->span_count - 1];
    span->last_tick = tick;
    span->last_ms = at_ms;
    span->ticks++;
    shown->ticks++;
    group->last = place->evaluations;
    return OK;
}

int spans_add(struct spans *spans, uint64_t tick, int64_t at_ms, const char *target,
              const struct differences *differences)
{
    struct place *place = (struct place *)table_find(&spans->table, target, "");
    if (!place) place = place_new(spans, target);
    if (!place) return ERR_NOMEM;
    place->evaluations++;
    spans->totals.evaluations++;
    if (differences->count == 0) return OK;
    spans->totals.differing++;
    if (spans->totals.ticks_differing == 0 || spans->last_differing != tick)
        spans->totals.ticks_differing++;
    spans->last_differing = tick;
    for (size_t i = 0; i < differences->count; i++) {
        struct group *group = group_of(spans, place, &differences->items[i]);
        if (!group || extend(group, place, tick, at_ms) < 0) return ERR_NOMEM;
    }
    return OK;
}

/* ---- reading ---- */

int spans_list(struct spans *spans, const struct span_group **out, size_t *count)
{
    size_t groups = 0, at = 0;
    for (size_t i = 0; i < spans->count; i++)
        groups += spans->places[i]->count;
    struct span_group *list = realloc(spans->list, (groups + 1) * sizeof *list);
    if (!list) return ERR_NOMEM;
    spans->list = list;
    for (size_t i = 0; i < spans->count; i++)
        for (size_t k = 0; k < spans->places[i]->count; k++) {
            list[at] = spans->places[i]->groups[k].shown;
            list[at++].spans = spans->places[i]->groups[k].spans;
        }
    *out = list;
    *count = groups;
    return OK;
}

void spans_totals(const struct spans *spans, struct spans_totals *out)
{
    *out = spans->totals;
}
