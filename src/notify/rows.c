/* notify/rows.c - the rows of a queue: a hash table by group, a heap by turn. */
#include "rows.h"

#include "moontide/base/err.h"
#include "moontide/base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_FIRST = 16 };

/* ---- the heap ---- */

static bool before(const struct letter *a, const struct letter *b)
{
    if (a->not_before_ms != b->not_before_ms) return a->not_before_ms < b->not_before_ms;
    return a->seq < b->seq;
}

static void place(struct rows *rows, size_t at, struct letter *row)
{
    rows->heap[at] = row;
    row->place = at;
}

static void move_up(struct rows *rows, struct letter *row)
{
    size_t at = row->place;
    while (at > 0 && before(row, rows->heap[(at - 1) / 2])) {
        place(rows, at, rows->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place(rows, at, row);
}

static void move_down(struct rows *rows, struct letter *row)
{
    size_t at = row->place;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= rows->count) break;
        if (child + 1 < rows->count && before(rows->heap[child + 1], rows->heap[child])) child++;
        if (!before(rows->heap[child], row)) break;
        place(rows, at, rows->heap[child]);
        at = child;
    }
    place(rows, at, row);
}

static void reorder(struct rows *rows, struct letter *row)
{
    move_up(rows, row);
    move_down(rows, row);
}

/* ---- the table ---- */

static struct letter **bucket(const struct rows *rows, uint64_t hash)
{
    return &rows->buckets[hash & (rows->bucket_count - 1)];
}

static void link_row(struct rows *rows, struct letter *row)
{
    struct letter **at = bucket(rows, row->hash);
    row->chain = *at;
    *at = row;
}

/* Without memory for a larger table the old one serves, with longer chains. */
static int table_reserve(struct rows *rows, size_t wanted)
{
    if (wanted <= rows->bucket_count) return OK;
    size_t count = rows->bucket_count ? rows->bucket_count : ROWS_FIRST;
    while (count < wanted)
        count *= 2;
    struct letter **buckets = calloc(count, sizeof(struct letter *));
    if (!buckets) return rows->bucket_count ? OK : ERR_NOMEM;
    free(rows->buckets);
    rows->buckets = buckets;
    rows->bucket_count = count;
    for (size_t i = 0; i < rows->count; i++)
        link_row(rows, rows->heap[i]);
    return OK;
}

int rows_reserve(struct rows *rows, size_t more)
{
    size_t wanted = rows->count + more;
    if (wanted > rows->cap) {
        size_t cap = rows->cap ? rows->cap : ROWS_FIRST;
        while (cap < wanted)
            cap *= 2;
        struct letter **heap = realloc(rows->heap, cap * sizeof(struct letter *));
        if (!heap) return ERR_NOMEM;
        rows->heap = heap;
        rows->cap = cap;
    }
    return table_reserve(rows, wanted);
}

static struct letter *find(const struct rows *rows, uint64_t hash, const char *group_key)
{
    struct letter *row = *bucket(rows, hash);
    while (row && (row->hash != hash || strcmp(row->group_key, group_key) != 0))
        row = row->chain;
    return row;
}

static void unlink_row(struct rows *rows, const struct letter *row)
{
    struct letter **at = bucket(rows, row->hash);
    while (*at != row)
        at = &(*at)->chain;
    *at = row->chain;
}

/* ---- letters ---- */

void rows_add(struct rows *rows, struct letter *letter)
{
    assert(rows->count < rows->cap);
    letter->hash = hash64(letter->group_key, strlen(letter->group_key), 0);
    letter->next = NULL;
    struct letter *row = find(rows, letter->hash, letter->group_key);
    if (row) {
        row->last->next = letter;
        row->last = letter;
        return;
    }
    letter->last = letter;
    link_row(rows, letter);
    place(rows, rows->count++, letter);
    move_up(rows, letter);
}

void rows_remove(struct rows *rows, struct letter *letter)
{
    assert(rows->heap[letter->place] == letter);
    unlink_row(rows, letter);
    struct letter *heir = letter->next;
    if (heir) {
        heir->last = letter->last;
        link_row(rows, heir);
    } else {
        heir = rows->heap[--rows->count];
    }
    if (heir == letter) return;
    place(rows, letter->place, heir);
    reorder(rows, heir);
}

struct letter *rows_next(const struct rows *rows)
{
    return rows->count ? rows->heap[0] : NULL;
}

void rows_postpone(struct rows *rows, struct letter *letter, int64_t not_before_ms)
{
    assert(rows->heap[letter->place] == letter);
    letter->not_before_ms = not_before_ms;
    reorder(rows, letter);
}

void rows_wake(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->heap[i]->not_before_ms = 0;
    for (size_t i = rows->count / 2; i-- > 0;)
        move_down(rows, rows->heap[i]);
}

void rows_done(struct rows *rows)
{
    free(rows->heap);
    free(rows->buckets);
    *rows = (struct rows){0};
}
