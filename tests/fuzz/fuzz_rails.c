/* fuzz/fuzz_rails.c - any bytes as the table `rails` and as a history: refused with a reason, or
 * such that a decision can be judged by them, and a history is written as a text that reads as the
 * same. */
#include "moontide/tick/rails.h"
#include "target.h"

#include <math.h>

enum { TEXT_MAX = 1 << 16 };

static void judge(const struct rail_limits *limits, struct rail_history *history, double to)
{
    struct rail_case c = {.now_ms = 1769860800000,
                          .limits = limits,
                          .mode = MODE_ACT,
                          .change_count = 1,
                          .capacities = {{"count", 10, to}},
                          .histories = {history},
                          .capacity_count = 1,
                          .min = NAN,
                          .max = NAN,
                          .policy_targets = 1};
    c.direction = capacities_direction(c.capacities, 1);
    rail_history_wish(history, c.now_ms, 10, to);
    rails_judge(&c, RAIL_NO_CHANGE, RAIL_MODE);
    double reached = c.capacities[0].to;
    fuzz_require(to > 10 ? reached >= 10 && reached <= to : reached <= 10 && reached >= to);
    fuzz_require(c.effect == RAIL_PASSES || (c.rail != RAIL_NONE && c.text[0]));
}

static void check_history(const char *json, size_t len, const struct rail_limits *limits)
{
    struct rail_history *history = NULL, *again = NULL;
    struct strbuf text, twice;
    strbuf_init(&text, TEXT_MAX);
    strbuf_init(&twice, TEXT_MAX);
    fuzz_require(rail_history_new(&history) == OK && rail_history_new(&again) == OK);
    if (rail_history_read(history, json, len) == OK) {
        fuzz_require(rail_history_write(history, &text) == OK);
        fuzz_require(rail_history_read(again, text.data, text.len) == OK);
        fuzz_require(rail_history_write(again, &twice) == OK);
        fuzz_require(strcmp(strbuf_cstr(&text), strbuf_cstr(&twice)) == 0);
    }
    judge(limits, history, 25);
    judge(limits, history, 3);
    rail_history_applied(history, 1769860800000, 10, 25);
    judge(limits, history, 40);
    strbuf_done(&text);
    strbuf_done(&twice);
    rail_history_free(history);
    rail_history_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct rail_limits limits;
    struct fault fault;
    char *exact = fuzz_copy(bytes, len);
    rail_limits_default(&limits);
    int code = rail_limits_read(&limits, exact, len, &fault);
    fuzz_require(code == OK || (code == ERR_INVALID && fault.text[0]));
    check_history(exact, len, &limits);
    rail_limits_done(&limits);
    free(exact);
    return 0;
}
