/* bench/bench_decode.c - one answer of 500 results with 12 datapoints each, decoded into series;
 * and the encoding and signing of the request. CPU time, the median of many rounds. */
#include "moontide/aws/cloudwatch.h"
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/clock.h"
#include "moontide/base/strbuf.h"
#include "support/answers.h"

#include <stdio.h>
#include <stdlib.h>

enum { QUESTIONS = 500, PERIOD = 300, SLOTS = 12, END = 1767225600, ROUNDS = 2000 };

static struct metric_question questions[QUESTIONS];
static int64_t times_ns[ROUNDS];

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void report(const char *what, size_t bytes)
{
    qsort(times_ns, ROUNDS, sizeof times_ns[0], by_value);
    printf("%-28s %8zu bytes  median %7lld ns  p99 %7lld ns\n", what, bytes,
           (long long)times_ns[ROUNDS / 2], (long long)times_ns[ROUNDS * 99 / 100]);
}

static void die(const char *what)
{
    fprintf(stderr, "bench_decode: %s\n", what);
    exit(1);
}

static void make_questions(void)
{
    const struct metric_dimension dimension = {"Environment", "production-1"};
    for (int i = 0; i < QUESTIONS; i++) {
        char name[32];
        struct metric *metric = NULL;
        struct series *series = NULL;
        snprintf(name, sizeof name, "ResponseTime%d", i);
        struct metric draft = {.namespace_name = "GMTool/API",
                               .name = name,
                               .stat = "p99",
                               .period_s = PERIOD,
                               .dimensions = &dimension,
                               .dimension_count = 1};
        if (metric_new(&draft, &metric) < 0 || series_new(PERIOD, SLOTS, &series) < 0)
            die("out of memory");
        series_move(series, END);
        questions[i] = (struct metric_question){metric, series, 0};
    }
}

static void bench_protocol(enum cloudwatch_protocol protocol, const char *name)
{
    static struct answers_request request;
    static struct gmd_answer answer;
    struct strbuf asked, answered;
    struct fault fault = {0};
    char what[64];
    strbuf_init(&asked, 32 << 20);
    strbuf_init(&answered, 32 << 20);
    for (int i = 0; i < ROUNDS; i++) {
        strbuf_reset(&asked);
        int64_t before = clock_cpu_ns();
        if (gmd_encode(protocol, questions, QUESTIONS, END - SLOTS * PERIOD, END, NULL, &asked) < 0)
            die("encode");
        times_ns[i] = clock_cpu_ns() - before;
    }
    snprintf(what, sizeof what, "%s: encode 500 queries", name);
    report(what, asked.len);
    if (!answers_read(protocol, strbuf_cstr(&asked), asked.len, &request)) die("request");
    answers_write(protocol, &request, ANSWER_FINE, 0, 1, NULL, &answered);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t before = clock_cpu_ns();
        int code = gmd_decode(protocol, strbuf_cstr(&answered), answered.len, questions, QUESTIONS,
                              &answer, &fault);
        times_ns[i] = clock_cpu_ns() - before;
        if (code < 0 || answer.datapoints != QUESTIONS * SLOTS) die(fault.text);
    }
    snprintf(what, sizeof what, "%s: decode 500 x 12", name);
    report(what, answered.len);
    strbuf_done(&asked);
    strbuf_done(&answered);
}

static void bench_signing(void)
{
    static char body[100000];
    const struct sign_header headers[] = {{"host", "monitoring.eu-west-1.amazonaws.com"},
                                          {"content-type", "application/cbor"}};
    struct sign_request request = {.method = "POST",
                                   .path = "/service/x",
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = body,
                                   .region = "eu-west-1",
                                   .service = "monitoring",
                                   .time_s = END,
                                   .normalize_path = true,
                                   .double_encode = true};
    struct credentials *credentials = NULL;
    struct signing_keys *keys = NULL;
    struct sigv4_result result;
    struct strbuf authorization;
    strbuf_init(&authorization, 8192);
    if (credentials_new("AKID", "secret", NULL, 0, "configuration", &credentials) < 0 ||
        signing_keys_new(&keys) < 0)
        die("out of memory");
    for (size_t len = 0; len <= sizeof body; len += sizeof body) {
        request.body_len = len;
        for (int i = 0; i < ROUNDS; i++) {
            int64_t before = clock_cpu_ns();
            if (sigv4_sign(keys, credentials, &request, &authorization, &result) < 0) die("sign");
            times_ns[i] = clock_cpu_ns() - before;
        }
        report("sign a request", len);
    }
    strbuf_done(&authorization);
    signing_keys_free(keys);
    credentials_release(credentials);
}

int main(void)
{
    make_questions();
    bench_protocol(CLOUDWATCH_CBOR, "CBOR");
    bench_protocol(CLOUDWATCH_JSON, "JSON");
    bench_protocol(CLOUDWATCH_QUERY, "Query");
    bench_signing();
    for (int i = 0; i < QUESTIONS; i++) {
        metric_release((struct metric *)questions[i].metric);
        free(questions[i].series);
    }
    return 0;
}
