/* tick/rails_history.c - what a capacity was wished to be, and how it was changed.
 *
 * Wishes stand in two queues. In the one for scale-in each is lower than those before it: an older,
 * lower wish can never again be the highest of a window, so it goes when a higher one comes. The
 * highest wish of any window is then the first that is young enough, and a wish that stays the same
 * takes one place. The queue for scale-out is the same of negated wishes.
 *
 * A full queue is thinned: what is older than the window asked for counts hour by hour, and goes
 * after two hours more, as a clock that was put forward by mistake may be put back; and where that
 * is not enough, what is in the window by sixteenths of it. Of the wishes of one such span the
 * oldest (the highest) stays, with the time of the newest: it counts longer than it should, never
 * shorter. Changes are thinned alike, by their sums.
 */
#include "rails_private.h"

#include "moontide/base/json.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Thinned, there are at most SPANS + 1 of the window, and 4 of the hours before it. */
enum { SPANS = 16, MOMENTS_MAX = 32, CHANGES_KEPT = 32, CROWDED = 24, HOUR_MS = 3600000 };

static const int64_t MONTH_MS = (int64_t)30 * 86400000; /* no limit is longer */

struct moment {
    int64_t at_ms;
    double value;
};

struct queue {
    size_t count;
    struct moment items[MOMENTS_MAX]; /* oldest and highest first */
};

struct change {
    int64_t at_ms;
    double added, removed;
};

struct last {
    bool known;
    struct moment moment; /* when, and what was reached */
};

struct rail_history {
    int64_t latest_ms;             /* no time in here is later */
    int64_t wishes_ms, changes_ms; /* how far back the limits look; 0: not known yet */
    struct last out, in;
    bool wished;
    size_t change_count;
    struct queue highest, lowest; /* the latter of negated wishes */
    struct change changes[CHANGES_KEPT];
};

int rail_history_new(struct rail_history **out)
{
    struct rail_history *history = calloc(1, sizeof *history);
    if (!history) return ERR_NOMEM;
    history->latest_ms = INT64_MIN;
    *out = history;
    return OK;
}

void rail_history_free(struct rail_history *history)
{
    free(history);
}

/* ---- time ---- */

static void not_after(int64_t *at_ms, int64_t now_ms)
{
    if (*at_ms > now_ms) *at_ms = now_ms;
}

/* A clock that was put back leaves times of the future: they count as now, and age from now on, so
 * that they neither let more pass nor hold for longer than their window. */
static void settle(struct rail_history *history, int64_t now_ms)
{
    bool future = history->latest_ms > now_ms;
    history->latest_ms = now_ms;
    if (!future) return;
    for (size_t i = 0; i < history->highest.count; i++)
        not_after(&history->highest.items[i].at_ms, now_ms);
    for (size_t i = 0; i < history->lowest.count; i++)
        not_after(&history->lowest.items[i].at_ms, now_ms);
    for (size_t i = 0; i < history->change_count; i++)
        not_after(&history->changes[i].at_ms, now_ms);
    not_after(&history->out.moment.at_ms, now_ms);
    not_after(&history->in.moment.at_ms, now_ms);
}

void history_looks_back(struct rail_history *history, int64_t wishes_ms, int64_t changes_ms)
{
    if (wishes_ms > history->wishes_ms) history->wishes_ms = wishes_ms;
    if (changes_ms > history->changes_ms) history->changes_ms = changes_ms;
}

struct thinning {
    int64_t now_ms, window_ms;
    bool within; /* of what is in the window too */
};

static struct thinning thinning_of(int64_t now_ms, int64_t window_ms)
{
    return (struct thinning){now_ms, window_ms > 0 ? window_ms : MONTH_MS, false};
}

static bool is_gone(const struct thinning *t, int64_t at_ms)
{
    return t->now_ms - at_ms >= t->window_ms + 2 * HOUR_MS;
}

static bool in_one_span(const struct thinning *t, int64_t a_ms, int64_t b_ms)
{
    bool old = t->now_ms - a_ms >= t->window_ms;
    if (old != (t->now_ms - b_ms >= t->window_ms)) return false;
    if (old) return a_ms / HOUR_MS == b_ms / HOUR_MS;
    int64_t width = t->window_ms / SPANS + 1;
    return t->within && a_ms / width == b_ms / width;
}

/* ---- wishes ---- */

static void thin_queue(struct queue *queue, const struct thinning *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < queue->count; i++) {
        struct moment *item = &queue->items[i];
        if (is_gone(t, item->at_ms)) continue;
        if (kept > 0 && in_one_span(t, queue->items[kept - 1].at_ms, item->at_ms))
            queue->items[kept - 1].at_ms = item->at_ms;
        else
            queue->items[kept++] = *item;
    }
    queue->count = kept;
}

static void make_room(struct queue *queue, int64_t now_ms, int64_t window_ms)
{
    struct thinning t = thinning_of(now_ms, window_ms);
    thin_queue(queue, &t);
    t.within = true;
    if (queue->count > CROWDED) thin_queue(queue, &t);
    assert(queue->count < MOMENTS_MAX);
}

static void push(struct queue *queue, int64_t now_ms, double value, int64_t window_ms)
{
    while (queue->count > 0 && queue->items[queue->count - 1].value <= value)
        queue->count--;
    if (queue->count == MOMENTS_MAX) make_room(queue, now_ms, window_ms);
    queue->items[queue->count++] = (struct moment){now_ms, value};
}

void rail_history_wish(struct rail_history *history, int64_t now_ms, double current, double wish)
{
    settle(history, now_ms);
    if (!history->wished && isfinite(current)) {
        push(&history->highest, now_ms, current, history->wishes_ms);
        push(&history->lowest, now_ms, -current, history->wishes_ms);
    }
    if (!isfinite(wish)) return;
    history->wished = true;
    push(&history->highest, now_ms, wish, history->wishes_ms);
    push(&history->lowest, now_ms, -wish, history->wishes_ms);
}

static double first_within(const struct queue *queue, int64_t now_ms, int64_t window_ms, double own)
{
    for (size_t i = 0; i < queue->count; i++)
        if (now_ms - queue->items[i].at_ms < window_ms)
            return queue->items[i].value > own ? queue->items[i].value : own;
    return own;
}

double history_highest(struct rail_history *history, int64_t now_ms, int64_t window_ms, double own)
{
    settle(history, now_ms);
    return first_within(&history->highest, now_ms, window_ms, own);
}

double history_lowest(struct rail_history *history, int64_t now_ms, int64_t window_ms, double own)
{
    settle(history, now_ms);
    return -first_within(&history->lowest, now_ms, window_ms, -own);
}

/* ---- changes ---- */

static void thin_changes(struct rail_history *history, const struct thinning *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->change_count; i++) {
        const struct change *item = &history->changes[i];
        struct change *before = kept ? &history->changes[kept - 1] : NULL;
        if (is_gone(t, item->at_ms)) continue;
        if (before && in_one_span(t, before->at_ms, item->at_ms)) {
            before->at_ms = item->at_ms;
            before->added += item->added;
            before->removed += item->removed;
        } else {
            history->changes[kept++] = *item;
        }
    }
    history->change_count = kept;
}

static void make_room_for_change(struct rail_history *history, int64_t now_ms)
{
    struct thinning t = thinning_of(now_ms, history->changes_ms);
    thin_changes(history, &t);
    t.within = true;
    if (history->change_count > CROWDED) thin_changes(history, &t);
    assert(history->change_count < CHANGES_KEPT);
}

void rail_history_applied(struct rail_history *history, int64_t now_ms, double from, double to)
{
    settle(history, now_ms);
    if (!isfinite(from) || !isfinite(to) || from == to) return;
    if (to > from) {
        history->out = (struct last){true, {now_ms, to}};
        history->in.known = false; /* any scale-out cancels the cooldown of a scale-in */
    } else {
        history->in = (struct last){true, {now_ms, to}};
    }
    if (history->change_count == CHANGES_KEPT) make_room_for_change(history, now_ms);
    history->changes[history->change_count++] =
        (struct change){now_ms, to > from ? to - from : 0, to > from ? 0 : from - to};
}

double history_added(struct rail_history *history, int64_t now_ms, int64_t period_ms)
{
    double sum = 0;
    settle(history, now_ms);
    for (size_t i = 0; i < history->change_count; i++)
        if (now_ms - history->changes[i].at_ms < period_ms) sum += history->changes[i].added;
    return sum;
}

double history_removed(struct rail_history *history, int64_t now_ms, int64_t period_ms)
{
    double sum = 0;
    settle(history, now_ms);
    for (size_t i = 0; i < history->change_count; i++)
        if (now_ms - history->changes[i].at_ms < period_ms) sum += history->changes[i].removed;
    return sum;
}

static int64_t left_of(const struct last *last, int64_t now_ms, int64_t cooldown_ms)
{
    int64_t age_ms = now_ms - last->moment.at_ms;
    return last->known && age_ms < cooldown_ms ? cooldown_ms - age_ms : 0;
}

int64_t history_cooldown_out(struct rail_history *history, int64_t now_ms, int64_t cooldown_ms,
                             double *to)
{
    settle(history, now_ms);
    *to = history->out.moment.value;
    return left_of(&history->out, now_ms, cooldown_ms);
}

int64_t history_cooldown_in(struct rail_history *history, int64_t now_ms, int64_t cooldown_ms)
{
    settle(history, now_ms);
    return left_of(&history->in, now_ms, cooldown_ms);
}

/* ---- over a restart ----
 *
 *   {"changes":[[at, added, removed], ...],"in":[at, reached],"out":[at, reached]}
 *
 * Times are epoch milliseconds. An ended cooldown is left out. */

static void write_moment(struct json_writer *w, const char *name, const struct last *last)
{
    if (!last->known) return;
    json_key(w, name);
    json_array(w);
    json_int(w, last->moment.at_ms);
    json_double(w, last->moment.value);
    json_array_end(w);
}

int rail_history_write(const struct rail_history *history, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "changes");
    json_array(&w);
    for (size_t i = 0; i < history->change_count; i++) {
        json_array(&w);
        json_int(&w, history->changes[i].at_ms);
        json_double(&w, history->changes[i].added);
        json_double(&w, history->changes[i].removed);
        json_array_end(&w);
    }
    json_array_end(&w);
    write_moment(&w, "in", &history->in);
    write_moment(&w, "out", &history->out);
    json_object_end(&w);
    return strbuf_status(out);
}

/* A list of one time and `count` numbers that are not negative; its bracket may be read already. */
static int read_row(struct json_reader *r, int token, int64_t *at_ms, double *numbers, int count)
{
    if (token < 0) return token;
    if (token != JSON_ARRAY) return ERR_PARSE;
    if ((token = json_next(r)) != JSON_INT) return token < 0 ? token : ERR_PARSE;
    *at_ms = r->integer;
    for (int i = 0; i < count; i++) {
        token = json_next(r);
        if (token < 0) return token;
        if ((token != JSON_INT && token != JSON_NUMBER) || !(r->number >= 0) ||
            !isfinite(r->number))
            return ERR_PARSE;
        numbers[i] = r->number;
    }
    token = json_next(r);
    return token == JSON_ARRAY_END ? OK : token < 0 ? token : ERR_PARSE;
}

static int read_changes(struct json_reader *r, struct rail_history *into)
{
    int token = json_next(r);
    if (token != JSON_ARRAY) return token < 0 ? token : ERR_PARSE;
    while ((token = json_next(r)) == JSON_ARRAY) {
        struct change change;
        double numbers[2];
        int code = read_row(r, token, &change.at_ms, numbers, 2);
        if (code < 0) return code;
        if (into->change_count == CHANGES_KEPT) return ERR_LIMIT;
        change.added = numbers[0];
        change.removed = numbers[1];
        into->changes[into->change_count++] = change;
        if (change.at_ms > into->latest_ms) into->latest_ms = change.at_ms;
    }
    return token == JSON_ARRAY_END ? OK : token < 0 ? token : ERR_PARSE;
}

static int read_moment(struct json_reader *r, struct rail_history *into, struct last *last)
{
    int code = read_row(r, json_next(r), &last->moment.at_ms, &last->moment.value, 1);
    last->known = code == OK;
    if (code == OK && last->moment.at_ms > into->latest_ms) into->latest_ms = last->moment.at_ms;
    return code;
}

static int read_members(struct json_reader *r, struct rail_history *into)
{
    int code = json_next(r);
    if (code != JSON_OBJECT) return code < 0 ? code : ERR_PARSE;
    while ((code = json_next(r)) == JSON_KEY) {
        if (r->len == 7 && memcmp(r->text, "changes", 7) == 0)
            code = read_changes(r, into);
        else if (r->len == 2 && memcmp(r->text, "in", 2) == 0)
            code = read_moment(r, into, &into->in);
        else if (r->len == 3 && memcmp(r->text, "out", 3) == 0)
            code = read_moment(r, into, &into->out);
        else
            code = json_skip(r); /* of a later version */
        if (code < 0) return code;
    }
    if (code != JSON_OBJECT_END) return code < 0 ? code : ERR_PARSE;
    code = json_next(r);
    return code == JSON_END ? OK : code < 0 ? code : ERR_PARSE;
}

int rail_history_read(struct rail_history *history, const char *json, size_t len)
{
    enum { KEY_MAX = 64 };
    struct json_reader r;
    struct rail_history made = {.latest_ms = INT64_MIN};
    json_reader_init(&r, json, len, KEY_MAX);
    int code = read_members(&r, &made);
    json_reader_done(&r);
    if (code == OK) *history = made;
    return code;
}
