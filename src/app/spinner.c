/* app/spinner.c - a sign that something is waited for. */
#include "moontide/app/spinner.h"

#include "moontide/base/err.h"
#include "moontide/base/terminal.h"
#include "moontide/io/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { FRAME_MS = 100 };

struct spinner {
    struct loop *loop;
    const char *(*what)(void *data, unsigned *count);
    void *data;
    bool usable, color, utf8;
    bool due;   /* it has lasted long enough */
    bool drawn; /* it is on the screen */
    uint64_t began_ns;
    unsigned frame;
    struct loop_timer *timer;
};

/* The cursor is kept (DECSC, DECRC), and nothing wraps (DECAWM): vt100. */
static void draw(struct spinner *s)
{
    static const char *const dots[] = {"\u280b", "\u2819", "\u2839", "\u2838", "\u283c",
                                       "\u2834", "\u2826", "\u2827", "\u2807", "\u280f"};
    static const char *const bars[] = {"|", "/", "-", "\\"};
    unsigned count = 0;
    const char *what = s->what(s->data, &count);
    if (!what || !*what) return;
    const char *sign = s->utf8 ? dots[s->frame % COUNT_OF(dots)] : bars[s->frame % COUNT_OF(bars)];
    char times[32] = "";
    if (count > 1) snprintf(times, sizeof times, ", call %u", count);
    fflush(stdout);
    fprintf(stderr, "\0337\033[?7l%s%s %s%s, %.1f s%s\033[K\033[?7h\0338",
            s->color ? "\033[2m" : "", sign, what, times, (double)(uv_hrtime() - s->began_ns) / 1e9,
            s->color ? "\033[0m" : "");
    fflush(stderr);
    s->drawn = true;
}

static void arm(struct spinner *s, int64_t delay_ms);

static void on_timer(void *data)
{
    struct spinner *s = data;
    s->timer = NULL;
    s->due = true;
    s->frame++;
    draw(s);
    arm(s, FRAME_MS);
}

static void arm(struct spinner *s, int64_t delay_ms)
{
    if (loop_timer_start(s->loop, delay_ms, on_timer, s, &s->timer) < 0) s->timer = NULL;
}

void spinner_start(struct spinner *s)
{
    spinner_stop(s);
    if (!s->usable) return;
    s->began_ns = uv_hrtime();
    s->due = false;
    arm(s, SPINNER_AFTER_MS);
}

void spinner_hide(struct spinner *s)
{
    if (s->drawn) {
        fputs("\033[K", stderr);
        fflush(stderr);
    }
    s->drawn = false;
}

void spinner_show(struct spinner *s)
{
    if (s->due && s->timer) draw(s);
}

void spinner_stop(struct spinner *s)
{
    spinner_hide(s);
    loop_timer_cancel(s->timer);
    s->timer = NULL;
    s->due = false;
}

int spinner_new(struct loop *loop, const char *(*what)(void *data, unsigned *count), void *data,
                struct spinner **out)
{
    const char *term = getenv("TERM");
    struct spinner *s = calloc(1, sizeof *s);
    if (!s) return ERR_NOMEM;
    s->loop = loop;
    s->what = what;
    s->data = data;
    s->usable = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    s->color = terminal_color(STDERR_FILENO);
    s->utf8 = terminal_utf8();
    *out = s;
    return OK;
}

void spinner_free(struct spinner *s)
{
    if (!s) return;
    spinner_stop(s);
    free(s);
}
