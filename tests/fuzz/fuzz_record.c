/* fuzz/fuzz_record.c - any bytes as records of ticks, one after the other into the same reader:
 * [length, 2 bytes, big-endian][record]... What is accepted holds together: every series is there,
 * on its grid, without infinities, and a snapshot that was read can be written as a whole record
 * that reads the same. */
#include "moontide/tick/record_code.h"

#include "moontide/model/metric.h"
#include "moontide/model/series.h"
#include "moontide/tick/evaluator.h"
#include "moontide/tick/replay.h"
#include "target.h"

#include <math.h>

enum { SLOTS_MAX = 400000, RECORDS_MAX = 64 };

static void require_text(const char *a, const char *b)
{
    fuzz_require((!a && !b) || (a && b && strcmp(a, b) == 0));
}

static void look_at(const struct replay_use *use)
{
    const struct series *series = use->series;
    fuzz_require(use->key && use->metric && series);
    fuzz_require(series->slots >= 1 && series->slots <= SERIES_SLOTS_MAX && series->period_s >= 1);
    fuzz_require(series->state <= SERIES_FAILED);
    for (uint32_t i = 0; i < series->slots; i++)
        fuzz_require(!isinf(series->values[i]));
}

static void require_equal(const struct replay_target *a, const struct replay_target *b)
{
    require_text(a->id, b->id);
    require_text(a->json, b->json);
    require_text(a->extra_json, b->extra_json);
    require_text(a->memo_json, b->memo_json);
    fuzz_require(a->use_count == b->use_count);
    for (size_t i = 0; i < a->use_count; i++) {
        const struct series *x = a->uses[i].series, *y = b->uses[i].series;
        require_text(a->uses[i].key, b->uses[i].key);
        fuzz_require(metric_equal(a->uses[i].metric, b->uses[i].metric));
        fuzz_require(x->slots == y->slots && x->start_s == y->start_s && x->state == y->state);
        for (uint32_t j = 0; j < x->slots; j++)
            fuzz_require((isnan(x->values[j]) && isnan(y->values[j])) ||
                         x->values[j] == y->values[j]);
    }
}

/* Gives what was read to a writer, as an engine would. false: no memory for so much of it. */
static bool give(struct record_code *writer, const struct replay_target *t)
{
    struct metric_use *uses = calloc(t->use_count + 1, sizeof *uses);
    struct series **series = calloc(t->use_count + 1, sizeof(struct series *));
    bool there = uses && series;
    for (size_t i = 0; there && i < t->use_count; i++) {
        uses[i] = (struct metric_use){t->uses[i].key, t->uses[i].metric, t->uses[i].slots};
        series[i] = (struct series *)t->uses[i].series;
    }
    struct target target = {
        .id = t->id, .json = t->json, .uses = uses, .use_count = (uint32_t)t->use_count};
    if (there) record_write_target(writer, &target, series, t->extra_json, t->memo_json);
    free(uses);
    free(series);
    return there;
}

static void write_again(const struct replay_target *targets, size_t count)
{
    struct record_code *writer = NULL, *reader = NULL;
    char *body = NULL;
    size_t len = 0, again = 0;
    fuzz_require(record_code_new(SLOTS_MAX, &writer) == OK);
    fuzz_require(record_code_new(SLOTS_MAX, &reader) == OK);
    fuzz_require(record_write_begin(writer, true) == OK);
    for (size_t i = 0; i < count; i++)
        fuzz_require(give(writer, &targets[i]));
    int code = record_write_end(writer, &body, &len);
    fuzz_require(code == OK || code == ERR_LIMIT);
    if (code == OK) {
        fuzz_require(record_read(reader, body, len) == OK);
        const struct replay_target *read = record_targets(reader, &again);
        for (size_t i = 0; i < again && again == count; i++)
            require_equal(&targets[i], &read[i]);
        fuzz_require(again <= count); /* of two with the same id the first is recorded */
    }
    free(body);
    record_code_free(writer);
    record_code_free(reader);
}

static int read_one(struct record_code *reader, const uint8_t *bytes, size_t len)
{
    size_t count = 0;
    char *copy = fuzz_copy(bytes, len);
    int code = record_read(reader, copy, len);
    fuzz_require(code == OK || code == ERR_CORRUPT || code == ERR_VERSION || code == ERR_LIMIT);
    const struct replay_target *targets = record_targets(reader, &count);
    fuzz_require(code == OK || count == 0);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < targets[i].use_count; j++)
            look_at(&targets[i].uses[j]);
    if (code == OK) write_again(targets, count);
    free(copy);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct record_code *reader = NULL, *wide = NULL;
    struct series *const *found;
    struct metric *metric = NULL;
    struct metric_dimension dimension = {"E", "p"};
    struct metric draft = {.namespace_name = "N",
                           .name = "M0",
                           .stat = "Average",
                           .period_s = 60,
                           .dimension_count = 1,
                           .dimensions = &dimension};
    fuzz_require(record_code_new(SLOTS_MAX, &reader) == OK);
    fuzz_require(record_code_new(SLOTS_MAX, &wide) == OK);
    fuzz_require(metric_new(&draft, &metric) == OK);
    fuzz_require(record_find(wide, metric, 40, &found) == OK);
    for (int i = 0; len >= 2 && i < RECORDS_MAX; i++) {
        size_t want = (size_t)bytes[0] << 8 | bytes[1];
        bytes += 2;
        len -= 2;
        if (want > len) want = len;
        int code = read_one(reader, bytes, want), other = record_read(wide, bytes, want);
        fuzz_require(code == other || code == ERR_LIMIT || other == ERR_LIMIT);
        fuzz_require(!*found || (*found)->slots >= 40 || (*found)->slots >= 1);
        bytes += want;
        len -= want;
    }
    metric_release(metric);
    record_code_free(reader);
    record_code_free(wide);
    return 0;
}
