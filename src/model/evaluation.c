/* model/evaluation.c - the findings of one target, and the arena their strings live in.
 *
 * The arena is a list of chunks, each at least twice as large as the one before, so that a handful
 * of them reaches EVALUATION_BYTES_MAX. A reset rewinds to the first chunk and frees nothing: the
 * next target of the same policy says much the same. */
#include "moontide/model/evaluation.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 4096, FIRST_ITEMS = 4 };

const char *const severity_names[] = {"low", "medium", "high", NULL};
const char *const status_names[] = {"healthy", "unknown", "warning", "critical", NULL};
const char *const mode_names[] = {"observe", "recommend", "act", NULL};

struct chunk {
    struct chunk *next;
    size_t size, used;
    char bytes[];
};

struct evaluation_arena {
    struct chunk *first, *current;
    size_t total; /* bytes handed out since the reset */
};

void evaluation_init(struct evaluation *evaluation)
{
    *evaluation = (struct evaluation){0};
}

void evaluation_reset(struct evaluation *evaluation)
{
    struct evaluation_arena *arena = evaluation->arena;
    evaluation->issue_count = 0;
    evaluation->recommendation_count = 0;
    evaluation->decision_count = 0;
    evaluation->unknown_count = 0;
    evaluation->memo_json = NULL;
    if (!arena || arena->total == 0) return;
    arena->total = 0;
    arena->current = arena->first;
    for (struct chunk *c = arena->first; c; c = c->next)
        c->used = 0;
}

void evaluation_done(struct evaluation *evaluation)
{
    if (evaluation->arena) {
        for (struct chunk *c = evaluation->arena->first, *next; c; c = next) {
            next = c->next;
            free(c);
        }
    }
    free(evaluation->arena);
    free(evaluation->issues);
    free(evaluation->recommendations);
    free(evaluation->decisions);
    free(evaluation->unknowns);
    evaluation_init(evaluation);
}

/* A chunk with room for size bytes: one that is there already, or a new one behind the last. */
static struct chunk *chunk_with(struct evaluation_arena *arena, size_t size)
{
    struct chunk *last = NULL;
    for (struct chunk *c = arena->current; c; c = c->next) {
        if (c->size - c->used >= size) return arena->current = c;
        last = c;
    }
    size_t room = last ? last->size * 2 : CHUNK_BYTES;
    if (room < size) room = size;
    struct chunk *c = malloc(sizeof *c + room);
    if (!c) return NULL;
    *c = (struct chunk){.size = room};
    if (last)
        last->next = c;
    else
        arena->first = c;
    return arena->current = c;
}

const char *evaluation_text(struct evaluation *evaluation, const char *text, size_t len)
{
    if (!evaluation->arena && !(evaluation->arena = calloc(1, sizeof *evaluation->arena)))
        return NULL;
    struct evaluation_arena *arena = evaluation->arena;
    if (len >= EVALUATION_BYTES_MAX || arena->total > EVALUATION_BYTES_MAX - (len + 1)) return NULL;
    struct chunk *c = arena->current;
    if (!c || c->size - c->used < len + 1) c = chunk_with(arena, len + 1);
    if (!c) return NULL;
    char *at = c->bytes + c->used;
    if (len) memcpy(at, text, len);
    at[len] = '\0';
    c->used += len + 1;
    arena->total += len + 1;
    return at;
}

/* Makes room for one more of `count` items and returns it zeroed. */
static void *append(void *array_of_items, uint32_t *count, uint32_t *cap, size_t item_bytes)
{
    void *items;
    memcpy(&items, array_of_items, sizeof items); /* the address of a struct pointer of any type */
    if (*count == EVALUATION_ITEMS_MAX) return NULL;
    if (*count == *cap) {
        uint32_t more = *cap ? *cap * 2 : FIRST_ITEMS;
        if (more > EVALUATION_ITEMS_MAX) more = EVALUATION_ITEMS_MAX;
        items = realloc(items, more * item_bytes);
        if (!items) return NULL;
        memcpy(array_of_items, &items, sizeof items);
        *cap = more;
    }
    char *item = (char *)items + *count * item_bytes;
    memset(item, 0, item_bytes);
    ++*count;
    return item;
}

struct issue *evaluation_issue(struct evaluation *e)
{
    return append(&e->issues, &e->issue_count, &e->caps[0], sizeof *e->issues);
}

struct recommendation *evaluation_recommendation(struct evaluation *e)
{
    return append(&e->recommendations, &e->recommendation_count, &e->caps[1],
                  sizeof *e->recommendations);
}

struct decision *evaluation_decision(struct evaluation *e)
{
    return append(&e->decisions, &e->decision_count, &e->caps[2], sizeof *e->decisions);
}

struct unknown *evaluation_unknown(struct evaluation *e)
{
    return append(&e->unknowns, &e->unknown_count, &e->caps[3], sizeof *e->unknowns);
}
