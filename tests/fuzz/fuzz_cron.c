/* fuzz/fuzz_cron.c - any text as cron text; what is read has a window, which agrees with itself:
 * the instant named as the next beginning is inside, and the end named is not inside that window.
 */
#include "moontide/base/cron.h"
#include "target.h"

static void check_window(const struct window *window, int64_t now_ms)
{
    int64_t until = 0, next = 0;
    bool inside = window_contains(window, now_ms, &until);
    fuzz_require(inside == window_contains(window, now_ms, NULL));
    fuzz_require(inside ? until > now_ms && until <= now_ms + window->duration_ms
                        : until == 0 || until > now_ms);
    if (inside || until == 0) return;
    fuzz_require(!window_contains(window, until - 1, &next) && next == until);
    fuzz_require(window_contains(window, until, &next) && next == until + window->duration_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    uint32_t seed = 0;
    if (len >= sizeof seed) {
        memcpy(&seed, bytes + len - sizeof seed, sizeof seed);
        len -= sizeof seed;
    }
    char *text = fuzz_text(bytes, len);
    struct window window = {.duration_ms = 60000 * (1 + (int64_t)(seed % (WINDOW_HOURS_MAX * 60)))};
    struct fault fault;
    int code = cron_parse(text, &window.cron, &fault);
    fuzz_require(code == OK || (code == ERR_INVALID && fault.text[0]));
    if (code == OK) {
        fuzz_require(window.cron.minutes && window.cron.hours && window.cron.months);
        check_window(&window, (int64_t)seed * 1000);
        check_window(&window, (int64_t)(seed ^ 0x55555555) * -997);
    }
    free(text);
    return 0;
}
