/* io/loop.h - the one uv loop of the program: timers, work off the loop, and an orderly end.
 *
 * Rule 1: nothing that blocks runs on the loop; loop_work() is for what does.
 * Rule 2: memory tied to a uv handle is freed in its close callback alone; the types here do that.
 * Rule 3: loop_free() fails loudly on handles that somebody forgot to close. */
#ifndef MOONTIDE_IO_LOOP_H
#define MOONTIDE_IO_LOOP_H

#include "moontide/base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct uv_loop_s uv_loop_t;

struct loop;
struct loop_timer;

MUST_CHECK int loop_new(struct loop **out);
/* Cancels or waits for work under way (every done is called), runs pending close callbacks, then
 * frees. Returns the number of uv handles and timers that were still open (0 when all is well); in
 * that case their memory is leaked on purpose and each is logged as `loop.handle_left` with its
 * type. NULL is allowed. */
int loop_free(struct loop *loop);

uv_loop_t *loop_uv(struct loop *loop);

/* Runs until loop_stop() (1: something is still alive) or until nothing is left to wait for (0). */
int loop_run(struct loop *loop);
/* One turn; with `wait` it sleeps until something happens, a timer's firing included, so that
 * `while (!done) loop_turn(loop, true)` is right. Returns whether anything is still alive. */
bool loop_turn(struct loop *loop, bool wait);
void loop_stop(struct loop *loop);
/* The loop's own time in ms, which stands still within one of its turns. */
int64_t loop_time_ms(const struct loop *loop);

/* One-shot timer: calls fire(data) once after delay_ms, never earlier, then is gone. 0 means in the
 * next turn, after input was looked at: a chain of such timers does not starve the loop. On
 * success *out (may be NULL when never canceled) is valid until fire is entered or
 * loop_timer_cancel() returns. fire never runs before loop_timer_start() returns. ERR_NOMEM;
 * ERR_INVALID for a negative delay. */
MUST_CHECK int loop_timer_start(struct loop *loop, int64_t delay_ms, void (*fire)(void *data),
                                void *data, struct loop_timer **out);
void loop_timer_cancel(struct loop_timer *timer); /* NULL is allowed */

/* Runs work(data) on a worker thread, then done(data, status) on the loop; status is OK or
 * ERR_CANCELED. data must live until done. */
MUST_CHECK int loop_work(struct loop *loop, void (*work)(void *data),
                         void (*done)(void *data, int status), void *data);

#endif
