/* fuzz/fuzz_sketch.c - any bytes as an encoded sketch. What is accepted is written as the same
 * bytes, answers in order and within its range, and merges with itself and with others. */
#include "moontide/stats/sketch.h"
#include "target.h"

#include <math.h>

static void require_equal(const struct sketch *sketch, const void *bytes, size_t len)
{
    struct strbuf again;
    strbuf_init(&again, SKETCH_ENCODED_MAX);
    sketch_encode(sketch, &again);
    fuzz_require(strbuf_status(&again) == OK);
    fuzz_require(again.len == len && memcmp(again.data, bytes, len) == 0);
    strbuf_done(&again);
}

static void ask(const struct sketch *sketch)
{
    double before = -INFINITY;
    fuzz_require(isnan(sketch_quantile(sketch, 0.5)) == (sketch_count(sketch) == 0));
    for (int i = 0; i <= 16 && sketch_count(sketch) > 0; i++) {
        double value = sketch_quantile(sketch, i / 16.0), share = sketch_rank(sketch, value);
        fuzz_require(value >= before && share >= 0 && share <= 1);
        fuzz_require(value >= sketch_min(sketch) && value <= sketch_max(sketch));
        before = value;
    }
    double mean = sketch_mean(sketch);
    fuzz_require(isnan(mean) || (mean >= sketch_min(sketch) && mean <= sketch_max(sketch)));

    struct sketch_cursor cursor = {0};
    struct sketch_bucket bucket;
    uint64_t count = 0;
    size_t buckets = 0;
    for (before = -INFINITY; sketch_next(sketch, &cursor, &bucket); buckets++) {
        fuzz_require(bucket.count > 0 && bucket.low <= bucket.high && bucket.low >= before);
        before = bucket.high;
        count += bucket.count;
    }
    fuzz_require(count == sketch_count(sketch) && buckets == sketch_buckets(sketch));
}

/* Both ways around it is the same, or the same refusal. */
static void merge(const struct sketch *sketch, int scale, uint32_t buckets_max)
{
    struct sketch *a = NULL, *b = NULL, *other = NULL;
    fuzz_require(sketch_new(scale, buckets_max, &other) == OK);
    fuzz_require(sketch_add(other, 1e-3, 1000) == OK && sketch_add(other, -7, 3) == OK);
    fuzz_require(sketch_copy(sketch, &a) == OK && sketch_copy(other, &b) == OK);
    int code = sketch_merge(a, other);
    fuzz_require(sketch_merge(b, sketch) == code && (code == OK || code == ERR_LIMIT));
    if (code == OK) {
        struct strbuf bytes;
        strbuf_init(&bytes, SKETCH_ENCODED_MAX);
        sketch_encode(a, &bytes);
        fuzz_require(strbuf_status(&bytes) == OK);
        require_equal(b, bytes.data, bytes.len);
        strbuf_done(&bytes);
        ask(a);
    }
    sketch_free(a);
    sketch_free(b);
    sketch_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct sketch *sketch = NULL;
    const char *reason = NULL;
    char *copy = fuzz_copy(bytes, len);
    int code = sketch_decode(NULL, copy, len, &sketch, &reason);
    fuzz_require(code == OK || reason != NULL);
    if (code == OK) {
        require_equal(sketch, copy, len);
        ask(sketch);
        merge(sketch, 6, 0);
        merge(sketch, -3, SKETCH_BUCKETS_MIN);
        require_equal(sketch, copy, len);
    }
    sketch_free(sketch);
    free(copy);
    return 0;
}
