/* support/set_clock.c - a library to preload, that sets the day's clock of one program, so that a
 * session in the documentation prints the same on every day.
 *
 * SET_CLOCK=SECONDS: the clock stands at that second since 1970; SET_CLOCK=@SECONDS: it stands
 * there when the program starts, and runs on. The monotonic clock, by which timers go, is left
 * alone. (libfaketime does this and much more, but within AddressSanitizer's start it now and then
 * waits for itself for ever: its first look at a clock looks up a symbol, that allocates, and the
 * allocator looks at the clock.) */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool set, runs;
static int64_t seconds; /* where it stands; where it runs: what is to be added */

static int clock_of_kernel(clockid_t clock, struct timespec *at)
{
    return (int)syscall(SYS_clock_gettime, clock, at);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("SET_CLOCK");
    if (!text || !*text) return;
    runs = *text == '@';
    seconds = strtoll(text + runs, NULL, 10);
    struct timespec now = {0};
    if (runs && clock_of_kernel(CLOCK_REALTIME, &now) == 0) seconds -= now.tv_sec;
    set = true;
}

int clock_gettime(clockid_t clock, struct timespec *at)
{
    if (!set || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return clock_of_kernel(clock, at);
    *at = (struct timespec){.tv_sec = (time_t)seconds};
    if (!runs) return 0;
    if (clock_of_kernel(clock, at) != 0) return -1;
    at->tv_sec += (time_t)seconds;
    return 0;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    *at = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
