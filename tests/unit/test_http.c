/* The HTTP client against a real server on loopback that answers, stalls, lies and hangs up.
 *
 * Size: each way in which a server misbehaves is a fact of its own. */
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/http.h"
#include "moontide/io/loop.h"
#include "support/fault_server.h"

#include "http_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 30000, MIB = 1024 * 1024 };

struct world {
    struct loop *loop;
    struct http *http;
    struct fault_server *server;
    char ca_path[64];
    bool too_late;
};

/* What a callback saw, copied. */
struct seen {
    int times;
    int code, status;
    bool sent;
    char body[256];
    size_t body_len;
    char mixed[64], retry_after[16], location[16];
    size_t header_count;
    int64_t elapsed_us;
    char fault[FAULT_TEXT_MAX];
};

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "(none)");
}

static void see(void *data, const struct http_response *r)
{
    struct seen *seen = data;
    seen->times++;
    seen->code = r->code;
    seen->status = r->status;
    seen->sent = r->sent;
    seen->body_len = r->body_len;
    snprintf(seen->body, sizeof seen->body, "%.*s", (int)(r->body_len < 255 ? r->body_len : 255),
             r->body);
    copy(seen->mixed, sizeof seen->mixed, http_header(r, "x-mixed-case"));
    copy(seen->retry_after, sizeof seen->retry_after, http_header(r, "retry-after"));
    copy(seen->location, sizeof seen->location, http_header(r, "location"));
    seen->header_count = r->header_count;
    seen->elapsed_us = r->elapsed_us;
    copy(seen->fault, sizeof seen->fault, r->fault.text);
}

static int open_world(void **state, const char *tls_name)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || loop_new(&w->loop) < 0) return -1;
    w->server = fault_server_new(w->loop, tls_name, w->ca_path);
    struct http_options options = {.ca_file = tls_name ? w->ca_path : NULL};
    if (!w->server || http_new(w->loop, &options, &w->http) < 0) return -1;
    *state = w;
    return 0;
}

static int setup(void **state)
{
    return open_world(state, NULL);
}

static int setup_tls(void **state)
{
    return open_world(state, "localhost");
}

static int setup_tls_of_another(void **state)
{
    return open_world(state, "elsewhere.example");
}

static int teardown(void **state)
{
    struct world *w = *state;
    http_free(w->http);
    fault_server_free(w->server);
    int left = loop_free(w->loop);
    if (w->ca_path[0]) unlink(w->ca_path);
    free(w);
    return left;
}

static void give_up(void *data)
{
    ((struct world *)data)->too_late = true;
}

/* Turns the loop until *value reaches goal. */
static void wait_for(struct world *w, const int *value, int goal)
{
    struct loop_timer *limit = NULL;
    assert_int_equal(loop_timer_start(w->loop, WAIT_MAX_MS, give_up, w, &limit), OK);
    while (*value < goal && !w->too_late)
        loop_turn(w->loop, true);
    assert_false(w->too_late);
    loop_timer_cancel(limit);
}

static const char *url_of(const struct world *w, const char *path)
{
    static char url[512];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", fault_server_port(w->server), path);
    return url;
}

static struct seen fetch(struct world *w, const struct http_request *request)
{
    struct seen seen = {0};
    assert_int_equal(http_send(w->http, request, see, &seen, NULL), OK);
    assert_int_equal(seen.times, 0);
    wait_for(w, &seen.times, 1);
    assert_int_equal(seen.times, 1);
    return seen;
}

static struct seen get(struct world *w, const char *path)
{
    return fetch(w, &(struct http_request){.method = "GET", .url = url_of(w, path)});
}

static void assert_ok(const struct seen *seen)
{
    if (seen->code < 0) fail_msg("%s", seen->fault);
    assert_int_equal(seen->status, 200);
    assert_string_equal(seen->body, "hello");
}

/* The fault names host and port, says the word, and no query. */
static void assert_fault(const struct world *w, const struct seen *seen, int code, const char *word)
{
    char place[32];
    snprintf(place, sizeof place, "127.0.0.1:%d: ", fault_server_port(w->server));
    if (seen->code != code) fail_msg("%s: %s", err_name(seen->code), seen->fault);
    if (!strstr(seen->fault, place) || !strstr(seen->fault, word)) fail_msg("%s", seen->fault);
}

/* Answers. */

static void an_answer_comes_with_status_headers_and_body(void **state)
{
    struct seen seen = get(*state, "/ok");
    assert_ok(&seen);
    assert_int_equal(seen.body_len, 5);
    assert_string_equal(seen.mixed, "padded value");
    assert_int_equal(seen.header_count, 4);
    assert_true(seen.sent);
    assert_true(seen.elapsed_us > 0);
}

static void an_error_status_is_an_answer(void **state)
{
    struct seen seen = get(*state, "/status/503");
    assert_int_equal(seen.code, OK);
    assert_int_equal(seen.status, 503);
    assert_string_equal(seen.body, "sorry");
    assert_string_equal(seen.retry_after, "7");
}

static void redirects_are_not_followed(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/redirect");
    assert_int_equal(seen.status, 302);
    assert_string_equal(seen.location, "/ok");
    assert_int_equal(fault_server_counts(w->server)->requests, 1);
}

static void headers_of_an_interim_answer_are_forgotten(void **state)
{
    struct seen seen = get(*state, "/continue");
    assert_ok(&seen);
    assert_int_equal(seen.header_count, 2);
}

static void compressed_answers_are_unpacked(void **state)
{
    struct seen seen = get(*state, "/gzip");
    assert_ok(&seen);
}

static void a_post_carries_its_headers_and_bytes_as_they_are(void **state)
{
    struct world *w = *state;
    static const char body[] = {'a', 0, '\r', '\n', (char)0xff};
    const struct http_header headers[] = {
        {"X-One", "1"}, {"X-Empty", ""}, {"Host", "given.example"}};
    struct seen seen = fetch(w, &(struct http_request){.method = "POST",
                                                       .url = url_of(w, "/a/../ok?b=%2F&c=d"),
                                                       .headers = headers,
                                                       .header_count = 3,
                                                       .body = body,
                                                       .body_len = sizeof body});
    assert_ok(&seen);
    const char *head = fault_server_last_head(w->server);
    assert_memory_equal(head, "POST /a/../ok?b=%2F&c=d HTTP/1.1\r\n", 34);
    assert_non_null(strstr(head, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(head, "\r\nHost: given.example\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 5\r\n"));
    assert_non_null(strstr(head, "\r\nUser-Agent: moontide/"));
    assert_null(strstr(head, "Content-Type"));
    assert_null(strstr(head, "Expect"));
    size_t len;
    const char *got = fault_server_last_body(w->server, &len);
    assert_int_equal(len, sizeof body);
    assert_memory_equal(got, body, sizeof body);
}

static void a_large_body_is_taken_over_and_sent_whole(void **state)
{
    struct world *w = *state;
    enum { BYTES = 900 * 1000 };
    char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31);
    struct seen seen = fetch(
        w, &(struct http_request){
               .method = "PUT", .url = url_of(w, "/ok"), .take_body = bytes, .body_len = BYTES});
    assert_ok(&seen);
    size_t len;
    const char *got = fault_server_last_body(w->server, &len);
    assert_int_equal(len, BYTES);
    for (int i = 0; i < BYTES; i++)
        if (got[i] != (char)(i * 31)) fail_msg("byte %d differs", i);
}

static void a_connection_that_the_server_closed_meanwhile_is_not_used(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 3; i++) {
        struct seen seen = get(w, "/last");
        assert_ok(&seen);
        while (fault_server_counts(w->server)->open > 0)
            loop_turn(w->loop, true);
        for (int turn = 0; turn < 3; turn++) /* what the closing wakes */
            loop_turn(w->loop, false);
        assert_int_equal(fault_server_counts(w->server)->connections, i);
    }
}

static void every_method_reads_right_on_one_reused_handle(void **state)
{
    struct world *w = *state;
    static const char *const methods[] = {"GET", "HEAD",   "POST",    "GET",   "PUT", "HEAD",
                                          "GET", "DELETE", "OPTIONS", "PATCH", "GET"};
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        const char *method = methods[i];
        struct seen seen =
            fetch(w, &(struct http_request){.method = method, .url = url_of(w, "/ok")});
        assert_int_equal(seen.code, OK);
        assert_int_equal(seen.status, 200);
        const char *head = fault_server_last_head(w->server);
        assert_memory_equal(head, method, strlen(method));
        assert_int_equal(head[strlen(method)], ' ');
        bool body = method[0] == 'P';
        assert_int_equal(strstr(head, "Content-Length: 0") != NULL, body);
        if (strcmp(method, "HEAD") ==
            0) { /* the server sends a body all the same: a new connection */
            assert_int_equal(seen.body_len, 0);
        } else {
            assert_string_equal(seen.body, "hello");
        }
    }
}

static void nothing_of_one_request_leaks_into_the_next(void **state)
{
    struct world *w = *state;
    const struct http_header secret = {"Authorization", "secret"};
    struct seen first = fetch(w, &(struct http_request){.method = "POST",
                                                        .url = url_of(w, "/ok"),
                                                        .headers = &secret,
                                                        .header_count = 1,
                                                        .body = "body",
                                                        .body_len = 4});
    assert_ok(&first);
    struct seen second = get(w, "/status/204");
    assert_int_equal(second.status, 204);
    assert_null(strstr(fault_server_last_head(w->server), "secret"));
    size_t len;
    fault_server_last_body(w->server, &len);
    assert_int_equal(len, 0);
}

static void a_connection_is_used_again(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 20; i++) {
        struct seen seen = get(w, "/ok");
        assert_ok(&seen);
    }
    assert_int_equal(fault_server_counts(w->server)->connections, 1);
    assert_int_equal(fault_server_counts(w->server)->requests, 20);
}

static void two_hundred_at_once_share_sixteen_connections(void **state)
{
    enum { CALLS = 200 };
    struct world *w = *state;
    static struct seen seen[CALLS];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < CALLS; i++) {
        struct http_request request = {.method = "GET", .url = url_of(w, "/slow")};
        assert_int_equal(http_send(w->http, &request, see, &seen[i], NULL), OK);
    }
    for (int i = 0; i < CALLS; i++) {
        wait_for(w, &seen[i].times, 1);
        assert_ok(&seen[i]);
    }
    assert_in_range(fault_server_counts(w->server)->connections, 2, 16);
    assert_int_equal(fault_server_counts(w->server)->requests, CALLS);
}

static void the_loop_ends_when_the_last_answer_is_in(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/ok");
    assert_ok(&seen);
    fault_server_free(w->server);
    w->server = NULL;
    assert_int_equal(loop_run(w->loop), 0);
}

/* Faults of the network. */

static void a_refused_connection_says_where_and_why(void **state)
{
    struct world *w = *state;
    char url[64], place[32];
    int port = fault_refused_port();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x?token=hush", port);
    snprintf(place, sizeof place, "127.0.0.1:%d: ", port);
    struct seen seen = fetch(w, &(struct http_request){.method = "GET", .url = url});
    assert_int_equal(seen.code, ERR_CONNECT);
    assert_int_equal(seen.status, 0);
    assert_false(seen.sent);
    assert_non_null(strstr(seen.fault, place));
    assert_non_null(strstr(seen.fault, "Connection refused"));
    assert_null(strstr(seen.fault, "hush"));
}

static void a_name_that_does_not_resolve_is_a_failed_connection(void **state)
{
    /* A label of more than 63 bytes: the resolver refuses it without asking anybody. */
    static const char name[] = "a-label-of-more-than-sixty-three-bytes-which-no-resolver-looks-up";
    char url[128];
    snprintf(url, sizeof url, "http://%s.invalid:81/", name);
    struct seen seen = fetch(*state, &(struct http_request){.method = "GET", .url = url});
    assert_int_equal(seen.code, ERR_CONNECT);
    assert_false(seen.sent);
    assert_non_null(strstr(seen.fault, ".invalid:81: Could not resolve host"));
}

static void silence_ends_at_the_total_timeout(void **state)
{
    struct world *w = *state;
    struct seen seen =
        fetch(w, &(struct http_request){
                     .method = "GET", .url = url_of(w, "/stall?token=hush"), .timeout_ms = 100});
    assert_fault(w, &seen, ERR_TIMEOUT, "timed out after 1");
    assert_null(strstr(seen.fault, "hush"));
    assert_in_range(seen.elapsed_us, 100 * 1000, 20 * 1000 * 1000);
    assert_true(seen.sent);
}

static void silence_ends_at_the_stall_timeout(void **state)
{
    struct world *w = *state;
    struct seen seen =
        fetch(w, &(struct http_request){
                     .method = "GET", .url = url_of(w, "/stall"), .stall_timeout_ms = 1000});
    assert_fault(w, &seen, ERR_TIMEOUT, "too slow");
    assert_in_range(seen.elapsed_us, 900 * 1000, 9000 * 1000);
}

static void an_answer_may_begin_later_than_a_stall_may_last(void **state)
{
    struct world *w = *state;
    struct http_request request = {.method = "GET",
                                   .url = url_of(w, "/late"),
                                   .stall_timeout_ms = 1000,
                                   .first_byte_timeout_ms = 20000};
    struct seen seen = fetch(w, &request);
    assert_int_equal(seen.code, OK);
    assert_string_equal(seen.body, "hello");
    request.url = url_of(w, "/stall-body");
    seen = fetch(w, &request);
    assert_fault(w, &seen, ERR_TIMEOUT, "too slow");
    assert_in_range(seen.elapsed_us, 900 * 1000, 15000 * 1000);
}

static void silence_in_the_body_keeps_what_had_come(void **state)
{
    struct world *w = *state;
    struct seen seen =
        fetch(w, &(struct http_request){
                     .method = "GET", .url = url_of(w, "/stall-body"), .timeout_ms = 400});
    assert_fault(w, &seen, ERR_TIMEOUT, "5 out of 10 bytes");
    assert_int_equal(seen.status, 200);
    assert_string_equal(seen.body, "half.");
}

static void a_trickle_ends_at_the_total_timeout(void **state)
{
    struct world *w = *state;
    struct seen seen = fetch(
        w,
        &(struct http_request){.method = "GET", .url = url_of(w, "/trickle"), .timeout_ms = 300});
    assert_fault(w, &seen, ERR_TIMEOUT, "timed out");
    assert_in_range(seen.body_len, 1, 100);
}

static void a_body_cut_short_is_no_answer(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/truncated");
    assert_fault(w, &seen, ERR_IO, "990 bytes remaining");
    assert_int_equal(seen.status, 200);
}

static void hanging_up_without_an_answer_is_an_io_error(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/close");
    assert_fault(w, &seen, ERR_IO, "Empty reply");
    assert_int_equal(seen.status, 0);
    assert_true(seen.sent);
}

static void a_reset_is_an_io_error(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/reset");
    assert_fault(w, &seen, ERR_IO, "reset by peer");
    assert_int_equal(seen.status, 0);
}

static void what_is_not_http_is_refused(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/garbage");
    assert_fault(w, &seen, ERR_IO, "HTTP/0.9");
}

/* Bounds. */

static struct seen get_at_most(struct world *w, const char *path, size_t bytes)
{
    return fetch(w, &(struct http_request){
                        .method = "GET", .url = url_of(w, path), .max_body_bytes = bytes});
}

static void a_body_of_exactly_the_bound_passes_and_one_byte_more_does_not(void **state)
{
    struct world *w = *state;
    struct seen seen = get_at_most(w, "/bytes/70000", 70000);
    assert_int_equal(seen.code, OK);
    assert_int_equal(seen.body_len, 70000);
    seen = get_at_most(w, "/bytes/70001", 70000);
    assert_fault(w, &seen, ERR_LIMIT, "70001 bytes, more than the limit of 70000");
    assert_int_equal(seen.status, 200);
    assert_int_equal(seen.body_len, 0);
    seen = get_at_most(w, "/ok", 5);
    assert_ok(&seen);
}

/* What the sockets' buffers may hold beyond what the client read. */
enum { IN_FLIGHT_MAX = 16 * MIB };

static void a_gibibyte_that_says_so_is_refused_unread(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/huge");
    assert_fault(w, &seen, ERR_LIMIT, "1073741824 bytes");
    assert_int_equal(seen.body_len, 0);
    while (fault_server_counts(w->server)->open)
        loop_turn(w->loop, true);
    assert_in_range(fault_server_counts(w->server)->bytes_written, 0, IN_FLIGHT_MAX);
}

static void a_gibibyte_of_unknown_length_is_refused_at_the_bound(void **state)
{
    struct world *w = *state;
    struct seen seen = get_at_most(w, "/huge-chunked", MIB);
    assert_fault(w, &seen, ERR_LIMIT, "limit of 1048576");
    assert_in_range(seen.body_len, MIB / 2, MIB);
    while (fault_server_counts(w->server)->open)
        loop_turn(w->loop, true);
    assert_in_range(fault_server_counts(w->server)->bytes_written, MIB, MIB + IN_FLIGHT_MAX);
}

static void a_compressed_bomb_counts_unpacked(void **state)
{
    struct world *w = *state;
    struct seen seen = get_at_most(w, "/bomb", MIB);
    assert_fault(w, &seen, ERR_LIMIT, "limit of 1048576");
    assert_in_range(seen.body_len, MIB / 2, MIB);
}

static void too_many_or_too_long_headers_are_refused(void **state)
{
    struct world *w = *state;
    struct seen seen = get(w, "/headers/255");
    assert_int_equal(seen.code, OK);
    assert_int_equal(seen.header_count, 256);
    seen = get(w, "/headers/256");
    assert_fault(w, &seen, ERR_LIMIT, "headers are more than 256");
    seen = get(w, "/big-header/60000");
    assert_int_equal(seen.code, OK);
    seen = get(w, "/big-header/70000");
    assert_fault(w, &seen, ERR_LIMIT, "65536");
}

/* TLS. */

static const char *https_url(const struct world *w)
{
    static char url[64];
    snprintf(url, sizeof url, "https://localhost:%d/ok", fault_server_port(w->server));
    return url;
}

static void tls_verifies_against_the_bundle_and_keeps_its_connection(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++) {
        struct seen seen = fetch(w, &(struct http_request){.method = "GET", .url = https_url(w)});
        assert_ok(&seen);
    }
    assert_int_equal(fault_server_counts(w->server)->connections, 1);
}

static int count_of(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

/* Over TLS the lines before the body are not made by curl. */
static void a_post_over_tls_carries_each_header_once(void **state)
{
    struct world *w = *state;
    char url[96], host[64];
    const struct http_header headers[] = {{"x-one", "1"},
                                          {"x-empty", ""},
                                          {"user-agent", "tests/1"},
                                          {"content-type", "text/plain"},
                                          {"x-tab", "a\tb \xc3\xa9 ............"}};
    int port = fault_server_port(w->server);
    snprintf(url, sizeof url, "https://localhost:%d/a/../ok?b=%%2F&c=d#part", port);
    snprintf(host, sizeof host, "\r\nHost: localhost:%d\r\n", port);
    for (int i = 0; i < 2; i++) { /* of a new connection, and of one that is there */
        struct seen seen = fetch(w, &(struct http_request){.method = "POST",
                                                           .url = url,
                                                           .headers = headers,
                                                           .header_count = COUNT_OF(headers),
                                                           .body = "a\0b",
                                                           .body_len = 3});
        assert_ok(&seen);
        const char *head = fault_server_last_head(w->server);
        assert_memory_equal(head, "POST /a/../ok?b=%2F&c=d HTTP/1.1\r\n", 34);
        assert_int_equal(count_of(head, host), 1);
        assert_int_equal(count_of(head, "\r\nx-one: 1\r\n"), 1);
        assert_int_equal(count_of(head, "\r\nx-empty:"), 1);
        assert_int_equal(count_of(head, "\r\nx-tab: a\tb \xc3\xa9 ............\r\n"), 1);
        assert_int_equal(count_of(head, "\r\ncontent-type: text/plain\r\n"), 1);
        assert_int_equal(count_of(head, "\r\nContent-Length: 3\r\n"), 1);
        assert_int_equal(count_of(head, "\r\nAccept: */*\r\n"), 1);
        assert_int_equal(count_of(head, "\r\nAccept-Encoding: gzip\r\n"), 1);
        assert_int_equal(count_of(head, "ser-") + count_of(head, "SER-"), 1);
        assert_int_equal(count_of(head, "\r\nUser-Agent: tests/1"), 1);
        assert_int_equal(count_of(head, "\r\n\r\n"), 1);
        assert_null(strstr(head, "Expect"));
        size_t len;
        assert_memory_equal(fault_server_last_body(w->server, &len), "a\0b", 3);
        assert_int_equal(len, 3);
    }
}

/* What the request says itself is not said again; and headers that curl has to know reach it. */
static void a_header_that_is_given_over_tls_replaces_the_usual_one(void **state)
{
    struct world *w = *state;
    static const struct http_header headers[] = {{"Host", "given.example"},
                                                 {"ACCEPT", "text/*"},
                                                 {"accept-encoding", "identity"},
                                                 {"Connection", "keep-alive, x"}};
    static const char *const lines[] = {"\r\nHost: given.example\r\n", "\r\nACCEPT: text/*\r\n",
                                        "\r\naccept-encoding: identity\r\n"};
    for (size_t count = 3; count <= 4; count++) { /* without and with one for curl */
        struct seen seen = fetch(w, &(struct http_request){.method = "GET",
                                                           .url = https_url(w),
                                                           .headers = headers,
                                                           .header_count = count});
        assert_ok(&seen);
        const char *head = fault_server_last_head(w->server);
        assert_memory_equal(head, "GET /ok HTTP/1.1\r\n", 18);
        for (size_t i = 0; i < COUNT_OF(lines); i++)
            assert_int_equal(count_of(head, lines[i]), 1);
        assert_null(strstr(head, "localhost"));
        assert_null(strstr(head, "*/*"));
        assert_null(strstr(head, "gzip"));
        assert_int_equal(count_of(head, "\r\nConnection: keep-alive, x\r\n"), count == 4);
        assert_int_equal(count_of(head, "\r\nUser-Agent: moontide/"), 1);
    }
}

static void no_header_ends_a_line_over_tls(void **state)
{
    struct world *w = *state;
    static const struct http_header headers[] = {{"x-a", "1\r\nx-b: 2"},
                                                 {"x-a", "\n"},
                                                 {"x-a", "long enough to be looked at\x7f"},
                                                 {"x-a", "\x01 and long enough"},
                                                 {"x a", "1"},
                                                 {"x-a:", "1"},
                                                 {"", "1"},
                                                 {"x\r\n", "1"},
                                                 {"user-agent", "a\rb"}};
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct http_request request = {
            .method = "GET", .url = https_url(w), .headers = &headers[i], .header_count = 1};
        struct seen seen = {0};
        assert_int_equal(http_send(w->http, &request, see, &seen, NULL), ERR_INVALID);
    }
}

static void the_bundle_is_parsed_once_not_once_per_connection(void **state)
{
    struct world *w = *state;
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%d/truncated", fault_server_port(w->server));
    struct seen seen = fetch(w, &(struct http_request){.method = "GET", .url = url});
    assert_int_equal(seen.code, ERR_IO); /* and its connection is closed */
    assert_int_equal(unlink(w->ca_path), 0);
    seen = fetch(w, &(struct http_request){.method = "GET", .url = https_url(w)});
    assert_ok(&seen);
    assert_int_equal(fault_server_counts(w->server)->connections, 2);
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    struct world *w = *state;
    struct seen seen = fetch(w, &(struct http_request){.method = "GET", .url = https_url(w)});
    assert_int_equal(seen.code, ERR_TLS);
    assert_false(seen.sent);
    assert_int_equal(fault_server_counts(w->server)->requests, 0);
    assert_non_null(strstr(seen.fault, "localhost:"));
    assert_non_null(strstr(seen.fault, "does not match") ? strstr(seen.fault, "does not match")
                                                         : strstr(seen.fault, "no alternative"));
}

static void verification_can_be_switched_off_for_one_request_only(void **state)
{
    struct world *w = *state;
    struct http_request request = {.method = "GET", .url = https_url(w), .verify_tls_off = true};
    struct seen seen = fetch(w, &request);
    assert_ok(&seen);
    request.verify_tls_off = false;
    seen = fetch(w, &request);
    assert_int_equal(seen.code, ERR_TLS);
}

static void a_certificate_outside_the_bundle_is_refused(void **state)
{
    struct world *w = *state;
    struct http *other = NULL;
    struct http_options options = {.ca_file = "/etc/ssl/certs/ca-certificates.crt"};
    if (access(options.ca_file, R_OK) != 0) skip();
    assert_int_equal(http_new(w->loop, &options, &other), OK);
    struct seen seen = {0};
    struct http_request request = {.method = "GET", .url = https_url(w)};
    assert_int_equal(http_send(other, &request, see, &seen, NULL), OK);
    wait_for(w, &seen.times, 1);
    assert_int_equal(seen.code, ERR_TLS);
    assert_non_null(strstr(seen.fault, "self-signed"));
    http_free(other);
}

static void a_missing_bundle_is_named(void **state)
{
    struct world *w = *state;
    struct http *other = NULL;
    struct http_options options = {.ca_file = "/nonexistent/bundle.pem"};
    assert_int_equal(http_new(w->loop, &options, &other), OK);
    struct seen seen = {0};
    struct http_request request = {.method = "GET", .url = https_url(w)};
    assert_int_equal(http_send(other, &request, see, &seen, NULL), OK);
    wait_for(w, &seen.times, 1);
    assert_int_equal(seen.code, ERR_TLS);
    assert_non_null(strstr(seen.fault, "/nonexistent/bundle.pem"));
    http_free(other);
}

/* Cancelling, and calls from callbacks. */

static void must_not_be_called(void *data, const struct http_response *response)
{
    (void)data;
    (void)response;
    fail_msg("called back after the end");
}

static void a_canceled_call_never_calls_back(void **state)
{
    struct world *w = *state;
    struct http_call *call = NULL;
    struct http_request request = {.method = "GET", .url = url_of(w, "/stall")};
    assert_int_equal(http_send(w->http, &request, must_not_be_called, NULL, &call), OK);
    http_cancel(call); /* before anything was sent */
    assert_int_equal(http_send(w->http, &request, must_not_be_called, NULL, &call), OK);
    wait_for(w, &fault_server_counts(w->server)->requests, 1);
    http_cancel(call); /* in flight */
    http_cancel(NULL);
    struct seen seen = get(w, "/ok");
    assert_ok(&seen);
    while (fault_server_counts(w->server)->open > 1) /* the canceled one's connection is closed */
        loop_turn(w->loop, true);
}

static void the_end_of_the_client_calls_nobody_back(void **state)
{
    struct world *w = *state;
    struct http_request request = {.method = "GET", .url = url_of(w, "/stall")};
    for (int i = 0; i < 40; i++)
        assert_int_equal(http_send(w->http, &request, must_not_be_called, NULL, NULL), OK);
    wait_for(w, &fault_server_counts(w->server)->requests, 16);
    http_free(w->http);
    w->http = NULL;
    while (fault_server_counts(w->server)->open)
        loop_turn(w->loop, true);
}

struct relay {
    struct world *world;
    struct http_call *other;
    struct seen seen;
    int done;
};

static void send_again(void *data, const struct http_response *response)
{
    struct relay *relay = data;
    assert_int_equal(response->code, OK);
    struct http_request request = {.method = "GET", .url = url_of(relay->world, "/ok")};
    assert_int_equal(http_send(relay->world->http, &request, see, &relay->seen, NULL), OK);
    assert_string_equal(response->body, "hello"); /* still ours */
    http_cancel(relay->other);
}

static void a_callback_may_send_and_cancel(void **state)
{
    struct relay relay = {.world = *state};
    struct http_request stall = {.method = "GET", .url = url_of(*state, "/stall")};
    assert_int_equal(http_send(relay.world->http, &stall, must_not_be_called, NULL, &relay.other),
                     OK);
    struct http_request request = {.method = "GET", .url = url_of(*state, "/ok")};
    assert_int_equal(http_send(relay.world->http, &request, send_again, &relay, NULL), OK);
    wait_for(relay.world, &relay.seen.times, 1);
    assert_ok(&relay.seen);
}

static void end_client(void *data, const struct http_response *response)
{
    struct relay *relay = data;
    http_free(relay->world->http);
    relay->world->http = NULL;
    assert_string_equal(response->body, "hello");
    relay->done = 1;
}

static void a_callback_may_end_the_client(void **state)
{
    struct relay relay = {.world = *state};
    struct http_request stall = {.method = "GET", .url = url_of(*state, "/stall")};
    assert_int_equal(http_send(relay.world->http, &stall, must_not_be_called, NULL, NULL), OK);
    struct http_request request = {.method = "GET", .url = url_of(*state, "/ok")};
    assert_int_equal(http_send(relay.world->http, &request, end_client, &relay, NULL), OK);
    wait_for(relay.world, &relay.done, 1);
}

/* Input that is refused at once. */

static void what_is_no_request_is_refused_at_once(void **state)
{
    struct world *w = *state;
    static const char *const urls[] = {"",
                                       "localhost",
                                       "/path",
                                       "ftp://localhost/",
                                       "file:///etc/passwd",
                                       "http://",
                                       "http:///path",
                                       "http://user@/",
                                       "http://[::1/",
                                       "http://[::1]x/",
                                       "http://host:99999/",
                                       "http://host:8o/",
                                       "http://ho st/",
                                       "http://host/a b",
                                       "http://host/\r\nX: y"};
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        char *body = strdup("freed all the same");
        struct http_request request = {
            .method = "GET", .url = urls[i], .take_body = body, .body_len = 4};
        if (http_send(w->http, &request, must_not_be_called, NULL, NULL) != ERR_INVALID)
            fail_msg("accepted: %s", urls[i]);
    }
    static const struct http_header headers[] = {
        {"", "x"}, {"a b", "x"}, {"a:b", "x"}, {"a", "x\r\nb: y"}, {"a\n", "x"}};
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        struct http_request request = {
            .method = "GET", .url = url_of(w, "/ok"), .headers = &headers[i], .header_count = 1};
        assert_int_equal(http_send(w->http, &request, must_not_be_called, NULL, NULL), ERR_INVALID);
    }
    struct http_request method = {.method = "GET /x HTTP/1.1\r\n", .url = url_of(w, "/ok")};
    assert_int_equal(http_send(w->http, &method, must_not_be_called, NULL, NULL), ERR_INVALID);
    loop_turn(w->loop, false);
    assert_int_equal(fault_server_counts(w->server)->connections, 0);
}

/* Proxies and URLs. */

static void proxies_come_from_the_environment_but_never_for_loopback(void **state)
{
    struct world *w = *state;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", fault_server_port(w->server));
    setenv("http_proxy", proxy, 1);
    struct seen seen = fetch(
        w, &(struct http_request){.method = "GET", .url = "http://monitoring.invalid/through"});
    assert_ok(&seen);
    assert_memory_equal(fault_server_last_head(w->server), "GET http://monitoring.invalid/", 30);
    seen = get(w, "/ok");
    assert_ok(&seen);
    assert_memory_equal(fault_server_last_head(w->server), "GET /ok HTTP", 12);

    setenv("http_proxy", "http://user:hunter2@[broken", 1);
    seen = fetch(w, &(struct http_request){.method = "GET", .url = "http://monitoring.invalid/"});
    unsetenv("http_proxy");
    assert_int_equal(seen.code, ERR_CONNECT);
    assert_null(strstr(seen.fault, "hunter2"));
}

static void hosts_that_give_credentials_are_reached_directly(void **state)
{
    (void)state;
    static const char *const direct[] = {"http://169.254.169.254/latest",
                                         "http://169.254.170.2/v2",
                                         "http://169.254.170.23/v1",
                                         "http://[fd00:ec2::254]/latest",
                                         "http://127.0.0.1:80/",
                                         "http://127.9.9.9/",
                                         "http://[::1]:8080/",
                                         "http://localhost/",
                                         "http://LOCALHOST:1/",
                                         "http://a.localhost/",
                                         "http://x@localhost:3/?@y",
                                         "http://localhost./",
                                         "http://[FD00:EC2:0::254]/"};
    static const char *const other[] = {
        "http://169.254.169.253/",
        "http://128.0.0.1/",
        "http://[::2]/",
        "http://notlocalhost/",
        "http://localhost.example/",
        "http://monitoring.ap-northeast-2.amazonaws.com/?h=localhost"};
    struct http_place place;
    for (size_t i = 0; i < COUNT_OF(direct); i++) {
        assert_int_equal(http_place_parse(direct[i], &place), OK);
        if (!http_place_is_direct(&place)) fail_msg("%s would ask a proxy", direct[i]);
    }
    for (size_t i = 0; i < COUNT_OF(other); i++) {
        assert_int_equal(http_place_parse(other[i], &place), OK);
        if (http_place_is_direct(&place)) fail_msg("%s would pass the proxy by", other[i]);
    }
}

static void ports_are_the_given_or_the_schemes(void **state)
{
    (void)state;
    struct http_place place;
    assert_int_equal(http_place_parse("HTTPS://host?q", &place), OK);
    assert_int_equal(place.port, 443);
    assert_string_equal(place.host, "host");
    assert_int_equal(http_place_parse("http://u:p@[::1]:8080#f", &place), OK);
    assert_int_equal(place.port, 8080);
    assert_string_equal(place.host, "::1");
    assert_int_equal(http_place_parse("http://host:/", &place), OK);
    assert_int_equal(place.port, 80);
}

static void encoding_escapes_all_but_unreserved(void **state)
{
    (void)state;
    struct strbuf out;
    strbuf_init(&out, 1024);
    http_encode(&out, "aZ09-._~/ +%\xc3\xa9", 14, false);
    assert_string_equal(strbuf_cstr(&out), "aZ09-._~%2F%20%2B%25%C3%A9");
    strbuf_reset(&out);
    http_encode(&out, "a/b c", 5, true);
    assert_string_equal(strbuf_cstr(&out), "a/b%20c");
    strbuf_done(&out);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    const struct CMUnitTest tests[] = {
        PLAIN(an_answer_comes_with_status_headers_and_body),
        PLAIN(an_error_status_is_an_answer),
        PLAIN(redirects_are_not_followed),
        PLAIN(headers_of_an_interim_answer_are_forgotten),
        PLAIN(compressed_answers_are_unpacked),
        PLAIN(a_post_carries_its_headers_and_bytes_as_they_are),
        PLAIN(a_large_body_is_taken_over_and_sent_whole),
        PLAIN(a_connection_that_the_server_closed_meanwhile_is_not_used),
        PLAIN(every_method_reads_right_on_one_reused_handle),
        PLAIN(nothing_of_one_request_leaks_into_the_next),
        PLAIN(a_connection_is_used_again),
        PLAIN(two_hundred_at_once_share_sixteen_connections),
        PLAIN(the_loop_ends_when_the_last_answer_is_in),
        PLAIN(a_refused_connection_says_where_and_why),
        PLAIN(a_name_that_does_not_resolve_is_a_failed_connection),
        PLAIN(silence_ends_at_the_total_timeout),
        PLAIN(silence_ends_at_the_stall_timeout),
        PLAIN(an_answer_may_begin_later_than_a_stall_may_last),
        PLAIN(silence_in_the_body_keeps_what_had_come),
        PLAIN(a_trickle_ends_at_the_total_timeout),
        PLAIN(a_body_cut_short_is_no_answer),
        PLAIN(hanging_up_without_an_answer_is_an_io_error),
        PLAIN(a_reset_is_an_io_error),
        PLAIN(what_is_not_http_is_refused),
        PLAIN(a_body_of_exactly_the_bound_passes_and_one_byte_more_does_not),
        PLAIN(a_gibibyte_that_says_so_is_refused_unread),
        PLAIN(a_gibibyte_of_unknown_length_is_refused_at_the_bound),
        PLAIN(a_compressed_bomb_counts_unpacked),
        PLAIN(too_many_or_too_long_headers_are_refused),
        cmocka_unit_test_setup_teardown(a_post_over_tls_carries_each_header_once, setup_tls,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_header_that_is_given_over_tls_replaces_the_usual_one,
                                        setup_tls, teardown),
        cmocka_unit_test_setup_teardown(no_header_ends_a_line_over_tls, setup_tls, teardown),
        cmocka_unit_test_setup_teardown(tls_verifies_against_the_bundle_and_keeps_its_connection,
                                        setup_tls, teardown),
        cmocka_unit_test_setup_teardown(the_bundle_is_parsed_once_not_once_per_connection,
                                        setup_tls, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_for_another_name_is_refused,
                                        setup_tls_of_another, teardown),
        cmocka_unit_test_setup_teardown(verification_can_be_switched_off_for_one_request_only,
                                        setup_tls_of_another, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_outside_the_bundle_is_refused, setup_tls,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_missing_bundle_is_named, setup_tls, teardown),
        PLAIN(a_canceled_call_never_calls_back),
        PLAIN(the_end_of_the_client_calls_nobody_back),
        PLAIN(a_callback_may_send_and_cancel),
        PLAIN(a_callback_may_end_the_client),
        PLAIN(what_is_no_request_is_refused_at_once),
        PLAIN(proxies_come_from_the_environment_but_never_for_loopback),
        cmocka_unit_test(hosts_that_give_credentials_are_reached_directly),
        cmocka_unit_test(ports_are_the_given_or_the_schemes),
        cmocka_unit_test(encoding_escapes_all_but_unreserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
