/* fuzz/gmd_target.h - what the three targets of GetMetricData's answers share: the decoder writes
 * into real series, and what it says has to hold. */
#ifndef MOONTIDE_FUZZ_GMD_TARGET_H
#define MOONTIDE_FUZZ_GMD_TARGET_H

#include "moontide/aws/cloudwatch.h"
#include "target.h"

enum { FUZZ_QUESTIONS = 4, FUZZ_PERIOD = 60, FUZZ_SLOTS = 16, FUZZ_END = 1767225600 };

static inline void fuzz_gmd(enum cloudwatch_protocol protocol, const uint8_t *bytes, size_t len)
{
    static struct metric_question questions[FUZZ_QUESTIONS];
    static struct gmd_answer answer;
    struct fault fault = {0};
    for (int i = 0; i < FUZZ_QUESTIONS; i++) {
        free(questions[i].series);
        questions[i].series = NULL;
        fuzz_require(series_new(FUZZ_PERIOD, FUZZ_SLOTS, &questions[i].series) == OK);
        series_move(questions[i].series, FUZZ_END);
        questions[i].state = SERIES_NEW;
    }
    char *body = fuzz_copy(bytes, len);
    int code = gmd_decode(protocol, body, len, questions, FUZZ_QUESTIONS, &answer, &fault);
    fuzz_require(code == OK || fault.text[0]);
    fuzz_require(memchr(answer.messages, '\0', sizeof answer.messages) != NULL);
    fuzz_require(memchr(answer.next_token, '\0', sizeof answer.next_token) != NULL);
    uint64_t present = 0;
    for (int i = 0; i < FUZZ_QUESTIONS; i++) {
        const struct series *s = questions[i].series;
        fuzz_require(questions[i].state <= SERIES_FAILED);
        for (uint32_t k = 0; k < s->slots; k++)
            fuzz_require(!__builtin_isinf(s->values[k]));
        present += view_count(series_view(s, s->slots));
    }
    fuzz_require(code < 0 || present <= answer.datapoints);
    gmd_decode_error(protocol, body, len, &answer);
    fuzz_require(memchr(answer.error_code, '\0', sizeof answer.error_code) != NULL);
    fuzz_require(memchr(answer.error_message, '\0', sizeof answer.error_message) != NULL);
    free(body);
}

#endif
