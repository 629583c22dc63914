/* fuzz/fuzz_zone.c - any bytes as a TZif file: refused, or a zone with an answer for any time, in
 * which windows can be asked for. */
#include "moontide/base/cron.h"
#include "moontide/base/zone.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const int64_t times[] = {INT64_MIN,  -4000000000, 0,        1000,
                                    1769860800, 4102444800,  INT64_MAX};
    struct zone *zone = NULL;
    struct fault fault;
    char *exact = fuzz_copy(bytes, len);
    int code = zone_read("X", exact, len, &zone, &fault);
    free(exact);
    fuzz_require(code == OK ? zone != NULL : zone == NULL && fault.text[0]);
    for (size_t i = 0; code == OK && i < COUNT_OF(times); i++) {
        struct local_time local;
        int32_t offset = zone_offset_s(zone, times[i]);
        fuzz_require(offset > -180000 && offset < 180000);
        zone_local(zone, times[i], &local);
        fuzz_require(local.month >= 1 && local.month <= 12 && local.day >= 1 && local.day <= 31 &&
                     local.hour < 24 && local.weekday < 7);
    }
    struct window window = {.duration_ms = 3600000, .zone = zone};
    fuzz_require(cron_parse("30 */2 * * 1-5", &window.cron, NULL) == OK);
    for (int64_t at = 0; code == OK && at < 2000; at += 397) {
        int64_t until = 0;
        bool inside = window_contains(&window, at * 1000000000, &until);
        fuzz_require(until == 0 || until > at * 1000000000 || !inside);
    }
    zone_free(zone);
    return 0;
}
