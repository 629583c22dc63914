/* bench/bench_sign.c - signing against its floor: the SHA-256 compressions that no signer can avoid
 * (body, canonical request, string to sign, outer pad), by OpenSSL's low-level calls with the pads
 * precomputed. Floor and signer take turns in one run; CPU time, medians of many batches.
 *
 * An argument names another count of batches, for a quick look. */
#include "moontide/aws/credentials.h"
#include "moontide/aws/sigv4.h"
#include "moontide/base/clock.h"
#include "moontide/base/err.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { BATCHES = 301, BATCHES_MAX = 10000, BATCH_NS = 400000, TIME_S = 1767225600 };

static double floor_ns[BATCHES_MAX], sign_ns[BATCHES_MAX];
static size_t batches = BATCHES;

struct bench {
    const struct sign_request *request;
    struct strbuf canonical, to_sign, authorization;
    struct signing_keys *keys;
    struct credentials *credentials;
    SHA256_CTX inner, outer;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_sign: %s\n", what);
    exit(1);
}

static void hash_floor(const struct bench *b)
{
    unsigned char digest[32];
    SHA256_CTX state;
    if (b->request->body_len > 0) {
        SHA256_Init(&state);
        SHA256_Update(&state, b->request->body, b->request->body_len);
        SHA256_Final(digest, &state);
    }
    SHA256_Init(&state);
    SHA256_Update(&state, b->canonical.data, b->canonical.len);
    SHA256_Final(digest, &state);
    state = b->inner;
    SHA256_Update(&state, b->to_sign.data, b->to_sign.len);
    SHA256_Final(digest, &state);
    state = b->outer;
    SHA256_Update(&state, digest, sizeof digest);
    SHA256_Final(digest, &state);
    __asm__ volatile("" : : "r"(digest) : "memory");
}

static void sign(struct bench *b)
{
    struct sigv4_result result;
    if (sigv4_sign(b->keys, b->credentials, b->request, &b->authorization, &result) < 0)
        die("sigv4_sign");
    __asm__ volatile("" : : "r"(&result) : "memory");
}

static double batch_floor(const struct bench *b, int rounds)
{
    int64_t before = clock_cpu_ns();
    for (int i = 0; i < rounds; i++)
        hash_floor(b);
    return (double)(clock_cpu_ns() - before) / rounds;
}

static double batch_sign(struct bench *b, int rounds)
{
    int64_t before = clock_cpu_ns();
    for (int i = 0; i < rounds; i++)
        sign(b);
    return (double)(clock_cpu_ns() - before) / rounds;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
    qsort(values, batches, sizeof values[0], by_value);
    return values[batches / 2];
}

static void run(const char *what, const struct sign_request *request, double reach)
{
    struct bench b = {.request = request};
    unsigned char pad[64] = {0x36};
    strbuf_init(&b.canonical, 1 << 20);
    strbuf_init(&b.to_sign, 1 << 20);
    strbuf_init(&b.authorization, 1 << 20);
    if (credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, 0,
                        "configuration", &b.credentials) < 0 ||
        signing_keys_new(&b.keys) < 0 ||
        sigv4_explain(b.credentials, request, &b.canonical, &b.to_sign) < 0)
        die("could not begin");
    SHA256_Init(&b.inner);
    SHA256_Update(&b.inner, pad, sizeof pad);
    b.outer = b.inner;
    int rounds = (int)(BATCH_NS / (batch_floor(&b, 100) + 1)) + 1;
    for (size_t i = 0; i < batches; i++) {
        floor_ns[i] = batch_floor(&b, rounds);
        sign_ns[i] = batch_sign(&b, rounds);
    }
    double own = median(sign_ns), least = median(floor_ns);
    printf("%-42s median %9.1f ns  floor %9.1f ns  ratio %.3f (to reach: %.2f)\n", what, own, least,
           own / least, reach);
    strbuf_done(&b.canonical);
    strbuf_done(&b.to_sign);
    strbuf_done(&b.authorization);
    signing_keys_free(b.keys);
    credentials_release(b.credentials);
}

int main(int argc, char **argv)
{
    static char body[64 * 1024];
    const struct sign_header headers[] = {
        {"host", "monitoring.eu-west-1.amazonaws.com"},
        {"content-type", "application/x-amz-json-1.0"},
        {"x-amz-target", "GraniteServiceVersion20100801.GetMetricData"}, /* and x-amz-date */
    };
    struct sign_request request = {.method = "POST",
                                   .path = "/",
                                   .headers = headers,
                                   .header_count = COUNT_OF(headers),
                                   .body = body,
                                   .region = "eu-west-1",
                                   .service = "monitoring",
                                   .time_s = TIME_S,
                                   .normalize_path = true,
                                   .double_encode = true};
    if (argc > 1) batches = (size_t)atoi(argv[1]);
    if (batches < 1 || batches > BATCHES_MAX) die("batches: 1 to 10000");
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i % 26);
    request.body_len = 1024;
    run("sign POST, 1 KiB body, 4 signed headers", &request, 1.3);
    request.body_len = sizeof body;
    run("sign POST, 64 KiB body", &request, 1.03);
    request.body_len = 0;
    request.method = "GET";
    request.path = "/2015-03-31/functions/my-function";
    request.query = "Qualifier=LATEST&MaxItems=50&Marker=abcdef0123456789&FunctionVersion=ALL&"
                    "zone=eu-west-1a&name=caf%C3%A9%20bar&tag=a%2Fb&Empty=&key=value&Key=Value";
    request.header_count = 1;
    run("sign GET, 10 query parameters", &request, 2.5);
    return 0;
}
