/* notify/rows.h - the letters of one queue: a row for each group, found by its key, and ordered by
 * when the first letter of each may be tried.
 *
 * A hash table finds the row of a group, a binary heap has the row whose turn is next on top, so
 * that thousands of groups that wait cost the loop nothing at each put and each delivery. */
#ifndef MOONTIDE_NOTIFY_ROWS_H
#define MOONTIDE_NOTIFY_ROWS_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct letter {
    struct letter *next; /* of its group, or of the puts that wait for their batch */
    char *receiver;
    int64_t seq, put_ms, not_before_ms;
    int64_t attempts;
    char *id, *group_key, *json, *state;

    /* of the first of a group, which stands for its row */
    struct letter *last, *chain; /* the last of the group; the next row in the bucket */
    uint64_t hash;               /* of the group's key */
    size_t place;                /* in the heap */
};

struct rows {
    struct letter **heap; /* shape: [count], room for cap */
    size_t count, cap;
    struct letter **buckets; /* shape: [bucket_count], a power of two, or 0 */
    size_t bucket_count;
};

/* Room for so many more letters, each of a group of its own: what is on disk already must not be
 * lost for want of memory. ERR_NOMEM. */
MUST_CHECK int rows_reserve(struct rows *rows, size_t more);
/* Adds the letter as the last of its group; there is room. */
void rows_add(struct rows *rows, struct letter *letter);
/* Takes the first letter of its group out. */
void rows_remove(struct rows *rows, struct letter *letter);
/* The letter whose turn is next: that may be tried soonest, then the oldest; NULL: none is left. */
struct letter *rows_next(const struct rows *rows);
/* The first letter of a group waits until then. */
void rows_postpone(struct rows *rows, struct letter *letter, int64_t not_before_ms);
/* Whatever waits may be tried at once. */
void rows_wake(struct rows *rows);
/* Frees the tables; no letter is left by then. */
void rows_done(struct rows *rows);

#endif
