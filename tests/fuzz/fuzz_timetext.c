/* fuzz/fuzz_timetext.c - any bytes as a duration, a time and an HTTP date: what is read is written
 * as a text that reads as the same. */
#include "moontide/base/err.h"
#include "moontide/base/timetext.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *exact = fuzz_copy(bytes, len), *text = fuzz_text(bytes, len);
    char duration[DURATION_TEXT_MAX], shown[TIME_TEXT_MAX];
    int64_t ms = 0, again = 0;
    if (duration_parse(text, &ms) == OK) {
        fuzz_require(ms >= 0);
        duration_format(ms, duration);
        fuzz_require(duration_parse(duration, &again) == OK && again == ms);
    }
    if (time_parse(exact, len, &ms) == OK) {
        time_format(ms, shown);
        fuzz_require(time_parse(shown, strlen(shown), &again) == OK && again == ms);
        time_format_compact(ms / 1000, shown);
    }
    if (time_parse_http(text, &ms) == OK) {
        time_format(ms * 1000, shown);
        fuzz_require(time_parse(shown, strlen(shown), &again) == OK && again == ms * 1000);
    }
    free(exact);
    free(text);
    return 0;
}
