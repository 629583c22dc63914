/* fuzz/fuzz_lint.c - any bytes as a policy file for `check`: loaded, its targets and metrics run,
 * and its text looked at. Each finding has a code that is known, and a place inside the text. */
#include "moontide/base/clock.h"
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "moontide/bind/diagnostic.h"
#include "moontide/bind/kinds.h"
#include "moontide/bind/policy.h"
#include "moontide/io/loop.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

enum { INSTRUCTIONS = 100000, MEMORY = 8 << 20 };
static const int64_t NOW_S = 1800000000;

struct bed {
    struct loop *loop;
    struct config *config;
    struct clock clock;
    struct host host;
};

static struct bed *make_bed(void)
{
    static struct bed bed;
    if (bed.loop) return &bed;
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
    fuzz_require(loop_new(&bed.loop) == OK);
    fuzz_require(config_load("/nonexistent", &bed.config, NULL) == OK);
    bed.config->instructions = INSTRUCTIONS;
    bed.config->policy_memory_bytes = MEMORY;
    clock_init_manual(&bed.clock, NOW_S * 1000);
    bed.host = (struct host){
        .loop = bed.loop, .clock = &bed.clock, .config = bed.config, .world_name = "fuzz"};
    fuzz_require(kinds_new(&bed.host, &bed.host.kinds) == OK);
    return &bed;
}

/* As Lua counts: a line ends with \n, \r, or both in either order. */
static int lines_of(const char *text, size_t len)
{
    int lines = 1;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\n' && text[i] != '\r') continue;
        lines++;
        bool pair = i + 1 < len && (text[i + 1] == '\n' || text[i + 1] == '\r');
        if (pair && text[i + 1] != text[i]) i++;
    }
    return lines;
}

static void check_finding(const struct fault *fault, int lines, size_t len)
{
    const struct diagnostic *diagnostic = diagnostic_find(diagnostic_of(fault));
    fuzz_require(diagnostic != NULL);
    fuzz_require((diagnostic->id[0] == 'E') == (fault->code < 0));
    fuzz_require(fault->text[0] && memchr(fault->hint, '\0', sizeof fault->hint));
    if (strcmp(fault->file, "policies/fuzz.lua") != 0) return;
    fuzz_require(fault->line >= 0 && fault->line <= lines);
    fuzz_require(fault->column >= 0 && (size_t)fault->column <= len + 1);
    fuzz_require(fault->end_column == 0 || fault->end_column >= fault->column);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct bed *bed = make_bed();
    struct evaluator *evaluator = NULL;
    struct faults faults;
    char *text = fuzz_copy(bytes, len);
    bool errors = false;
    faults_init(&faults);
    int code = policy_check_text(&bed->host, "/nonexistent/policies/fuzz.lua", "policies/fuzz.lua",
                                 text, len, &evaluator, &faults);
    int lines = lines_of(text, len);
    for (size_t i = 0; i < faults.count; i++) {
        check_finding(&faults.items[i], lines, len);
        errors = errors || faults.items[i].code < 0;
    }
    fuzz_require(errors == (code < 0));
    if (code >= 0) evaluator->vtable->free(evaluator);
    faults_done(&faults);
    free(text);
    return 0;
}
