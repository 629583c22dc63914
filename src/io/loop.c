/* io/loop.c - the one uv loop of the program: timers, work off the loop, and an orderly end.
 *
 * A timer with a delay is a uv_timer_t. One without is not: libuv before 1.45 runs a zero timer
 * that a timer starts within the same pass, so a chain of them would starve input. Those wait in
 * `ready` instead, which is drained once a turn, after input was polled; `idle` keeps that poll
 * from blocking. A turn only drains what was there when it began, told apart by `turn`.
 *
 * A turn that may wait must not do so after a timer has fired in it, as uv_run(UV_RUN_ONCE) would:
 * whoever turns the loop until something is done would sleep past it. `prepare` runs between the
 * two and, when the time of the next timer has come, starts `hurry`, which is idle but counts for
 * nothing. */
#include "moontide/io/loop.h"

#include "moontide/base/err.h"
#include "moontide/base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

enum { NS_PER_MS = 1000000 };

struct loop_timer {
    uv_timer_t uv; /* unused in the ready list */
    struct loop *loop;
    void (*fire)(void *data);
    void *data;
    struct loop_timer *prev, *next; /* in the ready list */
    uint64_t turn;
    bool ready;
};

struct work {
    uv_work_t uv;
    struct loop *loop;
    void (*work)(void *data);
    void (*done)(void *data, int status);
    void *data;
    struct work *prev, *next;
};

struct loop {
    uv_loop_t uv;
    uv_idle_t idle, hurry;
    uv_check_t check;
    uv_prepare_t prepare;
    uint64_t next_timer_ms; /* when a turn that may wait began */
    struct loop_timer *ready_first, *ready_last;
    uint64_t turn;
    struct work *works;
    bool ending;
};

static void on_turn(uv_check_t *check);

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* being active is its whole work: the poll does not block */
}

int loop_new(struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) return ERR_NOMEM;
    int rc = uv_loop_init(&loop->uv);
    if (rc < 0) {
        free(loop);
        return err_from_uv(rc);
    }
    loop->uv.data = loop;
    /* These cannot fail: they only link a handle into the loop. */
    rc = uv_idle_init(&loop->uv, &loop->idle) | uv_idle_init(&loop->uv, &loop->hurry) |
         uv_check_init(&loop->uv, &loop->check) | uv_prepare_init(&loop->uv, &loop->prepare);
    assert(rc == 0);
    uv_unref((uv_handle_t *)&loop->hurry);
    uv_unref((uv_handle_t *)&loop->prepare);
    loop->check.data = loop->prepare.data = loop;
    *out = loop;
    return OK;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

int loop_run(struct loop *loop)
{
    return uv_run(&loop->uv, UV_RUN_DEFAULT) ? 1 : 0;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct loop *loop = prepare->data;
    if (uv_now(&loop->uv) >= loop->next_timer_ms) uv_idle_start(&loop->hurry, on_idle);
}

bool loop_turn(struct loop *loop, bool wait)
{
    int timeout_ms = uv_backend_timeout(&loop->uv); /* 0: something is due; -1: there is no timer */
    if (!wait || timeout_ms == 0) return uv_run(&loop->uv, UV_RUN_NOWAIT) != 0;
    if (timeout_ms > 0) {
        loop->next_timer_ms = uv_now(&loop->uv) + (uint64_t)timeout_ms;
        uv_prepare_start(&loop->prepare, on_prepare); /* fails only without a callback */
    }
    uv_run(&loop->uv, UV_RUN_ONCE);
    uv_prepare_stop(&loop->prepare);
    uv_idle_stop(&loop->hurry);
    return uv_loop_alive(&loop->uv) != 0;
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

int64_t loop_time_ms(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

/* The ready list. */

static void ready_append(struct loop *loop, struct loop_timer *timer)
{
    timer->ready = true;
    timer->turn = loop->turn;
    timer->prev = loop->ready_last;
    if (loop->ready_last)
        loop->ready_last->next = timer;
    else
        loop->ready_first = timer;
    loop->ready_last = timer;
    if (loop->ending) return;
    uv_idle_start(&loop->idle, on_idle); /* fails only without a callback; twice is no harm */
    uv_check_start(&loop->check, on_turn);
}

static void ready_remove(struct loop *loop, struct loop_timer *timer)
{
    if (timer->prev)
        timer->prev->next = timer->next;
    else
        loop->ready_first = timer->next;
    if (timer->next)
        timer->next->prev = timer->prev;
    else
        loop->ready_last = timer->prev;
    if (!loop->ready_first) {
        uv_idle_stop(&loop->idle);
        uv_check_stop(&loop->check);
    }
}

static void on_turn(uv_check_t *check)
{
    struct loop *loop = check->data;
    loop->turn++;
    struct loop_timer *timer;
    while ((timer = loop->ready_first) && timer->turn != loop->turn) {
        ready_remove(loop, timer);
        void (*fire)(void *) = timer->fire;
        void *data = timer->data;
        free(timer);
        fire(data);
    }
}

/* Timers with a delay. */

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void timer_fired(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    void (*fire)(void *) = timer->fire;
    void *data = timer->data;
    uv_close((uv_handle_t *)uv, timer_closed);
    fire(data);
}

/* Milliseconds to hand to uv_timer_start(), which counts from the start of this turn and in whole
 * milliseconds: rounded up, so that no timer is early. */
static uint64_t timer_delay(const uv_loop_t *uv, int64_t delay_ms)
{
    uint64_t due_ns = uv_hrtime() + (uint64_t)delay_ms * NS_PER_MS;
    uint64_t due_ms = (due_ns + NS_PER_MS - 1) / NS_PER_MS;
    uint64_t now_ms = uv_now(uv);
    return due_ms > now_ms ? due_ms - now_ms : 0;
}

int loop_timer_start(struct loop *loop, int64_t delay_ms, void (*fire)(void *data), void *data,
                     struct loop_timer **out)
{
    if (delay_ms < 0 || delay_ms > INT64_MAX / NS_PER_MS / 2) return ERR_INVALID;
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer) return ERR_NOMEM;
    timer->loop = loop;
    timer->fire = fire;
    timer->data = data;
    timer->uv.data = timer;
    if (delay_ms == 0) {
        ready_append(loop, timer);
    } else {
        int rc = uv_timer_init(&loop->uv, &timer->uv);
        if (rc < 0) {
            free(timer);
            return err_from_uv(rc);
        }
        rc = uv_timer_start(&timer->uv, timer_fired, timer_delay(&loop->uv, delay_ms), 0);
        if (rc < 0) {
            uv_close((uv_handle_t *)&timer->uv, timer_closed);
            return err_from_uv(rc);
        }
    }
    if (out) *out = timer;
    return OK;
}

void loop_timer_cancel(struct loop_timer *timer)
{
    if (!timer) return;
    if (timer->ready) {
        ready_remove(timer->loop, timer);
        free(timer);
    } else {
        uv_close((uv_handle_t *)&timer->uv, timer_closed);
    }
}

/* Work off the loop. */

static void work_unlink(struct work *work)
{
    if (work->prev)
        work->prev->next = work->next;
    else
        work->loop->works = work->next;
    if (work->next) work->next->prev = work->prev;
}

static void work_run(uv_work_t *uv)
{
    struct work *work = uv->data;
    work->work(work->data);
}

static void work_ended(uv_work_t *uv, int status)
{
    struct work *work = uv->data;
    work_unlink(work);
    void (*done)(void *, int) = work->done;
    void *data = work->data;
    free(work);
    done(data, err_from_uv(status));
}

int loop_work(struct loop *loop, void (*work)(void *data), void (*done)(void *data, int status),
              void *data)
{
    struct work *item = calloc(1, sizeof *item);
    if (!item) return ERR_NOMEM;
    item->uv.data = item;
    item->loop = loop;
    item->work = work;
    item->done = done;
    item->data = data;
    int rc = uv_queue_work(&loop->uv, &item->uv, work_run, work_ended);
    if (rc < 0) {
        free(item);
        return err_from_uv(rc);
    }
    item->next = loop->works;
    if (loop->works) loop->works->prev = item;
    loop->works = item;
    return OK;
}

/* The end. */

struct census {
    const struct loop *loop;
    int open, closing;
    bool log;
};

static bool is_own(const struct loop *loop, const uv_handle_t *handle)
{
    return handle == (const uv_handle_t *)&loop->idle ||
           handle == (const uv_handle_t *)&loop->hurry ||
           handle == (const uv_handle_t *)&loop->check ||
           handle == (const uv_handle_t *)&loop->prepare;
}

static void count_handle(uv_handle_t *handle, void *data)
{
    struct census *census = data;
    if (is_own(census->loop, handle)) return;
    if (uv_is_closing(handle)) {
        census->closing++;
        return;
    }
    census->open++;
    if (census->log) {
        const char *type = uv_handle_type_name(uv_handle_get_type(handle));
        log_event(LOG_ERROR, "loop.handle_left", LOG_S("type", type ? type : "unknown"),
                  LOG_B("active", uv_is_active(handle)));
    }
}

static struct census count_handles(struct loop *loop, bool log)
{
    struct census census = {.loop = loop, .log = log};
    uv_walk(&loop->uv, count_handle, &census);
    return census;
}

static int count_ready(const struct loop *loop)
{
    int n = 0;
    for (const struct loop_timer *t = loop->ready_first; t; t = t->next, n++)
        log_event(LOG_ERROR, "loop.handle_left", LOG_S("type", "timer"), LOG_B("active", true));
    return n;
}

/* A forgotten timer must be counted, not fire into what its owner has freed. */
static void silence_timer(uv_handle_t *handle, void *data)
{
    (void)data;
    if (uv_handle_get_type(handle) == UV_TIMER) uv_timer_stop((uv_timer_t *)handle);
}

static void end_turn(struct loop *loop, uv_run_mode mode)
{
    uv_walk(&loop->uv, silence_timer, NULL);
    uv_run(&loop->uv, mode);
}

int loop_free(struct loop *loop)
{
    if (!loop) return 0;
    loop->ending = true;
    uv_idle_stop(&loop->idle);
    uv_check_stop(&loop->check);
    for (struct work *work = loop->works; work; work = work->next)
        uv_cancel((uv_req_t *)&work->uv); /* fails when it runs already: then it is waited for */
    while (loop->works)
        end_turn(loop, UV_RUN_ONCE);
    /* A turn runs every close callback that is due, and those may close further handles. */
    while (count_handles(loop, false).closing)
        end_turn(loop, UV_RUN_NOWAIT);

    int left = count_handles(loop, true).open + count_ready(loop);
    if (left) return left;
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->hurry, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0);
    (void)rc;
    free(loop);
    return 0;
}
