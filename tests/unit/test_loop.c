/* What the loop promises: timers that are never early and never starve input, work off the loop,
 * and an end that notices what was forgotten. */
#include "moontide/base/err.h"
#include "moontide/io/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { TURNS_MAX = 100000 };

static int setup(void **state)
{
    struct loop *loop = NULL;
    if (loop_new(&loop) < 0) return -1;
    *state = loop;
    return 0;
}

static int teardown(void **state)
{
    return loop_free(*state);
}

struct note {
    int *order, *count;
    int id;
};

static void write_down(void *data)
{
    struct note *note = data;
    note->order[(*note->count)++] = note->id;
}

static void timers_fire_once_in_the_order_of_their_delays(void **state)
{
    struct loop *loop = *state;
    int order[8] = {0}, count = 0;
    struct note notes[3];
    for (int i = 0; i < 3; i++)
        notes[i] = (struct note){order, &count, i};
    assert_int_equal(loop_timer_start(loop, 100, write_down, &notes[2], NULL), OK);
    assert_int_equal(loop_timer_start(loop, 30, write_down, &notes[1], NULL), OK);
    assert_int_equal(loop_timer_start(loop, 0, write_down, &notes[0], NULL), OK);
    assert_int_equal(count, 0);
    assert_int_equal(loop_run(loop), 0);
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(order[i], i);
}

static void note_time(void *data)
{
    *(uint64_t *)data = uv_hrtime();
}

static void a_timer_is_never_early(void **state)
{
    struct loop *loop = *state;
    loop_turn(loop, false);
    uint64_t busy_until = uv_hrtime() + 30 * 1000000u; /* as a long callback would */
    while (uv_hrtime() < busy_until)
        ;
    for (int delay_ms = 1; delay_ms < 12; delay_ms++) {
        uint64_t from = uv_hrtime(), fired = 0;
        assert_int_equal(loop_timer_start(loop, delay_ms, note_time, &fired, NULL), OK);
        loop_run(loop);
        assert_true(fired >= from + (uint64_t)delay_ms * 1000000u);
    }
}

static void a_negative_delay_is_refused(void **state)
{
    assert_int_equal(loop_timer_start(*state, -1, note_time, NULL, NULL), ERR_INVALID);
}

static void must_not_fire(void *data)
{
    (void)data;
    fail_msg("a canceled timer fired");
}

static void a_canceled_timer_never_fires(void **state)
{
    struct loop *loop = *state;
    for (int delay_ms = 0; delay_ms < 2; delay_ms++) {
        struct loop_timer *timer = NULL;
        assert_int_equal(loop_timer_start(loop, delay_ms, must_not_fire, NULL, &timer), OK);
        loop_timer_cancel(timer);
    }
    loop_timer_cancel(NULL);
    assert_int_equal(loop_run(loop), 0);
}

static void cancel_other(void *data)
{
    struct loop_timer **other = data;
    loop_timer_cancel(*other);
}

static void a_timer_may_cancel_one_that_is_due_in_the_same_turn(void **state)
{
    struct loop *loop = *state;
    struct loop_timer *other = NULL;
    int order[2] = {0}, count = 0;
    struct note last = {order, &count, 7};
    assert_int_equal(loop_timer_start(loop, 0, cancel_other, &other, NULL), OK);
    assert_int_equal(loop_timer_start(loop, 0, must_not_fire, NULL, &other), OK);
    assert_int_equal(loop_timer_start(loop, 0, write_down, &last, NULL), OK);
    loop_run(loop);
    assert_int_equal(count, 1);
}

struct chain {
    struct loop *loop;
    int steps, steps_at_input;
    int pipe_write;
    uv_poll_t poll;
    bool closed;
};

static void chain_step(void *data)
{
    struct chain *chain = data;
    if (++chain->steps == 3) assert_int_equal(write(chain->pipe_write, "x", 1), 1);
    if (chain->steps_at_input == 0 && chain->steps < TURNS_MAX)
        assert_int_equal(loop_timer_start(chain->loop, 0, chain_step, chain, NULL), OK);
}

static void chain_closed(uv_handle_t *handle)
{
    ((struct chain *)handle->data)->closed = true;
}

static void chain_input(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct chain *chain = poll->data;
    chain->steps_at_input = chain->steps;
    uv_close((uv_handle_t *)poll, chain_closed);
}

static void a_chain_of_zero_timers_does_not_starve_input(void **state)
{
    struct chain chain = {.loop = *state};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    chain.pipe_write = fds[1];
    assert_int_equal(uv_poll_init(loop_uv(chain.loop), &chain.poll, fds[0]), 0);
    chain.poll.data = &chain;
    assert_int_equal(uv_poll_start(&chain.poll, UV_READABLE, chain_input), 0);
    /* Also when the chain begins inside a timer callback. */
    assert_int_equal(loop_timer_start(chain.loop, 1, chain_step, &chain, NULL), OK);
    loop_run(chain.loop);
    assert_true(chain.closed);
    assert_in_range(chain.steps_at_input, 3, 5);
    close(fds[0]);
    close(fds[1]);
}

static void a_turn_runs_only_what_was_ready_when_it_began(void **state)
{
    struct chain chain = {.loop = *state};
    assert_int_equal(loop_timer_start(chain.loop, 0, chain_step, &chain, NULL), OK);
    assert_true(loop_turn(chain.loop, false));
    assert_int_equal(chain.steps, 1);
    assert_true(loop_turn(chain.loop, true));
    assert_int_equal(chain.steps, 2);
    chain.steps_at_input = 1;
    chain.steps = 10;
    assert_false(loop_turn(chain.loop, true));
    assert_int_equal(chain.steps, 11);
}

static void note_uv_time(uv_timer_t *timer)
{
    note_time(timer->data);
}

static void a_waiting_turn_returns_when_a_timer_has_fired(void **state)
{
    enum { HANG_MS = 5000 };
    struct loop *loop = *state;
    struct loop_timer *far = NULL;
    uv_timer_t timer; /* not of the loop's kind: those close, and so end the turn, in any case */
    assert_int_equal(loop_timer_start(loop, 2 * HANG_MS, must_not_fire, NULL, &far), OK);
    assert_int_equal(uv_timer_init(loop_uv(loop), &timer), 0);
    for (int round = 0; round < 300; round++) {
        uint64_t from = uv_hrtime(), fired = 0;
        timer.data = &fired;
        assert_int_equal(uv_timer_start(&timer, note_uv_time, 1, 0), 0);
        while (uv_hrtime() < from + (uint64_t)round * 10000) /* up to 3 ms: due before the turn */
            ;
        while (!fired)
            loop_turn(loop, true);
        assert_in_range((uv_hrtime() - from) / 1000000, 0, HANG_MS);
    }
    loop_timer_cancel(far);
    uv_close((uv_handle_t *)&timer, NULL);
    loop_turn(loop, false); /* closes it while it exists */
}

static void stop_loop(void *data)
{
    loop_stop(data);
}

static void run_returns_when_stopped_with_things_alive(void **state)
{
    struct loop *loop = *state;
    struct loop_timer *later = NULL;
    assert_int_equal(loop_timer_start(loop, 3600 * 1000, must_not_fire, NULL, &later), OK);
    assert_int_equal(loop_timer_start(loop, 1, stop_loop, loop, NULL), OK);
    assert_int_equal(loop_run(loop), 1);
    loop_timer_cancel(later);
}

struct job {
    pthread_t ran_on;
    int status, done;
};

static void job_work(void *data)
{
    struct job *job = data;
    job->ran_on = pthread_self();
}

static void job_done(void *data, int status)
{
    struct job *job = data;
    job->status = status;
    job->done++;
}

static void work_runs_on_another_thread_and_ends_on_the_loop(void **state)
{
    struct loop *loop = *state;
    struct job job = {.status = 99};
    assert_int_equal(loop_work(loop, job_work, job_done, &job), OK);
    assert_int_equal(job.done, 0);
    loop_run(loop);
    assert_int_equal(job.done, 1);
    assert_int_equal(job.status, OK);
    assert_false(pthread_equal(job.ran_on, pthread_self()));
}

static void the_end_waits_for_work_and_calls_every_done(void **state)
{
    (void)state;
    enum { JOBS = 64 };
    struct loop *loop = NULL;
    assert_int_equal(loop_new(&loop), OK);
    struct job jobs[JOBS] = {0};
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(loop_work(loop, job_work, job_done, &jobs[i]), OK);
    assert_int_equal(loop_free(loop), 0);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(jobs[i].done, 1);
        assert_true(jobs[i].status == OK || jobs[i].status == ERR_CANCELED);
    }
}

static void the_end_counts_forgotten_handles_and_fires_none(void **state)
{
    (void)state;
    static uv_timer_t forgotten; /* static: it keeps what is leaked on purpose reachable */
    static struct loop *loop;
    assert_int_equal(loop_new(&loop), OK);
    assert_int_equal(uv_timer_init(loop_uv(loop), &forgotten), 0);
    assert_int_equal(loop_timer_start(loop, 3600 * 1000, must_not_fire, NULL, NULL), OK);
    assert_int_equal(loop_timer_start(loop, 0, must_not_fire, NULL, NULL), OK);
    assert_int_equal(loop_timer_start(loop, 1, must_not_fire, NULL, NULL), OK);
    struct loop_timer *canceled = NULL; /* gives the end a close callback to run */
    assert_int_equal(loop_timer_start(loop, 1, must_not_fire, NULL, &canceled), OK);
    loop_timer_cancel(canceled);
    usleep(2000); /* both of 1 ms are due */
    assert_int_equal(loop_free(loop), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_once_in_the_order_of_their_delays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_timer_is_never_early, setup, teardown),
        cmocka_unit_test_setup_teardown(a_negative_delay_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_canceled_timer_never_fires, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_may_cancel_one_that_is_due_in_the_same_turn, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_chain_of_zero_timers_does_not_starve_input, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_turn_runs_only_what_was_ready_when_it_began, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_waiting_turn_returns_when_a_timer_has_fired, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(run_returns_when_stopped_with_things_alive, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(work_runs_on_another_thread_and_ends_on_the_loop, setup,
                                        teardown),
        cmocka_unit_test(the_end_waits_for_work_and_calls_every_done),
        cmocka_unit_test(the_end_counts_forgotten_handles_and_fires_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
