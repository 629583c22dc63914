/* fuzz/fuzz_answer.c - any bytes as an answer: its error code is read, and it is shown in a trace.
 * A code is bounded and bare; a trace is bounded, and shows no password that stands in the answer
 * as JSON. */
#include "moontide/aws/retry.h"
#include "target.h"

#include "../../src/aws/trace.h"

static struct trace *trace_of_nothing(void)
{
    static const struct model empty;
    static struct trace *trace;
    fuzz_require(trace || trace_new(&empty, &trace) == OK);
    return trace;
}

static void show(const char *body, size_t len, const char *never)
{
    struct strbuf out;
    strbuf_init(&out, TRACE_BYTES_MAX);
    trace_body(trace_of_nothing(), &out, body, len);
    fuzz_require(out.len <= TRACE_BODY_MAX + 3);
    fuzz_require(!never || !strstr(strbuf_cstr(&out), never));
    strbuf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char secret[] = "{\"password\":\"%h1dd3n\",\"rest\":", never[] = "%h1dd3n";
    char code[RETRY_CODE_MAX];
    struct retry_judgement judgement;
    char *body = fuzz_copy(bytes, len);
    struct http_response response = {.status = 400, .body = body, .body_len = len};
    bool found = retry_error_code(&response, code);
    fuzz_require(found == (code[0] != '\0') && !strpbrk(code, ":;#"));
    retry_judge(&response, code, &judgement);
    fuzz_require(judgement.code < 0);
    show(body, len, NULL);
    if (!memmem(body, len, never, sizeof never - 1)) {
        char *wrapped = malloc(sizeof secret + len);
        fuzz_require(wrapped != NULL);
        memcpy(wrapped, secret, sizeof secret - 1);
        memcpy(wrapped + sizeof secret - 1, body, len);
        show(wrapped, sizeof secret - 1 + len, never);
        free(wrapped);
    }
    free(body);
    return 0;
}
