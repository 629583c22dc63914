/* fuzz/fuzz_policy.c - any bytes as a policy file: loaded, checked, its targets discovered, and the
 * first two of them evaluated twice on empty series, all in the sandbox with small limits. Whatever
 * the file does, each step ends, and a failure says what it was. */
#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "target.h"

#include <stdio.h>

enum { SERIES_MAX = 16, INSTRUCTIONS = 100000, MEMORY = 8 << 20, TURNS_MAX = 1000 };
static const int64_t NOW_S = 1800000000;

struct bed {
    struct loop *loop;
    struct config *config;
    struct clock clock;
    struct host host;
    struct answers *answers;
    struct evaluation out;
};

static struct bed *make_bed(void)
{
    static struct bed bed;
    if (bed.loop) return &bed;
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
    fuzz_require(loop_new(&bed.loop) == OK);
    fuzz_require(config_load("/nonexistent", &bed.config, NULL) == OK);
    fuzz_require(answers_new(&bed.answers) == OK);
    bed.config->instructions = INSTRUCTIONS;
    bed.config->policy_memory_bytes = MEMORY;
    clock_init_manual(&bed.clock, NOW_S * 1000);
    bed.host = (struct host){
        .loop = bed.loop, .clock = &bed.clock, .config = bed.config, .world_name = "fuzz"};
    fuzz_require(kinds_new(&bed.host, &bed.host.kinds) == OK);
    evaluation_init(&bed.out);
    return &bed;
}

static void note(void *data, int code, const struct fault *fault)
{
    fuzz_require(code >= 0 || fault->text[0]);
    *(int *)data = code;
}

static void evaluate(struct bed *bed, struct evaluator *evaluator, size_t index)
{
    const struct target *target = evaluator->vtable->target(evaluator, index);
    struct series *series[SERIES_MAX] = {0};
    struct fault fault = {0};
    if (target->use_count > SERIES_MAX) return;
    for (uint32_t i = 0; i < target->use_count; i++) {
        const struct metric_use *use = &target->uses[i];
        if (series_new(use->metric->period_s, use->slots, &series[i]) < 0) goto leave;
        series[i]->state = SERIES_READY;
        series_move(series[i], NOW_S / use->metric->period_s * use->metric->period_s);
    }
    struct evaluation_input input = {.target = index,
                                     .now_ms = NOW_S * 1000,
                                     .series = series,
                                     .memo_json = "{}",
                                     .answers = bed->answers,
                                     .slice_ms = 5};
    for (int round = 0; round < 2; round++) {
        evaluation_reset(&bed->out);
        int code = EVALUATE_AGAIN;
        for (int i = 0; i < TURNS_MAX && code == EVALUATE_AGAIN; i++)
            code = evaluator->vtable->evaluate(evaluator, &input, &bed->out, &fault);
        if (code == EVALUATE_AGAIN) evaluator->vtable->stop(evaluator);
        fuzz_require(code >= 0 || fault.text[0]);
        if (code >= 0) input.memo_json = NULL;
    }
leave:
    for (size_t i = 0; i < SERIES_MAX; i++)
        free(series[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bed *bed = make_bed();
    struct evaluator *evaluator = NULL;
    struct faults faults;
    char *text = fuzz_copy(bytes, len);
    faults_init(&faults);
    int code = policy_load_text(&bed->host, "/nonexistent/policies/fuzz.lua", "policies/fuzz.lua",
                                text, len, &evaluator, &faults);
    free(text); /* nothing of it may be used any more */
    fuzz_require((code == OK) == (evaluator != NULL));
    fuzz_require(code == OK || faults.count > 0);
    if (evaluator) {
        int discovered = EVALUATE_AGAIN;
        evaluator->vtable->discover(evaluator, note, &discovered);
        for (int i = 0; i < TURNS_MAX && discovered == EVALUATE_AGAIN; i++)
            (void)loop_turn(bed->loop, false);
        if (discovered == EVALUATE_AGAIN) evaluator->vtable->stop(evaluator); /* it waits */
        size_t count = evaluator->vtable->target_count(evaluator);
        for (size_t i = 0; discovered == OK && i < count && i < 2; i++)
            evaluate(bed, evaluator, i);
        evaluator->vtable->free(evaluator);
        (void)loop_turn(bed->loop, false); /* close callbacks */
    }
    faults_done(&faults);
    return 0;
}
