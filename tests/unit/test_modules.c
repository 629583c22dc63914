/* Facts about the Lua modules, called as a script calls them. */
#include "moontide/base/log.h"
#include "moontide/store/store.h"
#include "unit/script_fixture.h"

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

static void assert_echo(struct fixture *f, const char *text, const char *wanted)
{
    const char *got = fixture_echo(f, text);
    if (strcmp(got, wanted) != 0) fail_msg("%s gave %s", text, got);
}

/* ---- stats ---- */

static void statistics_of_a_list(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "stats.percentile({15, 20, 35, 40, 50}, 40)", "29.0\n");
    assert_echo(f, "stats.percentiles({1, 2, 3}, {0, 100, 50})", "{ 1.0, 3.0, 2.0 }\n");
    assert_echo(f, "stats.mean({1, 2, 6}), stats.min({3, 1}), stats.max({3, 1}), stats.sum({3, 1})",
                "3.0\t1.0\t3.0\t4.0\n");
    assert_echo(f, "stats.stddev({2, 4, 4, 4, 5, 5, 7, 9})", "2.0\n");
    assert_echo(f, "stats.summary({4, 2}).count, stats.summary({4, 2}).p50", "2\t3.0\n");
    assert_echo(f, "stats.slope({10, 13, 16}, {0, 60, 120}) * 60", "3.0\n");
    assert_echo(f, "stats.rate({100, 160, 30}, {0, 60, 120})", "0.75\n");
    assert_echo(f, "stats.ewma({1, 5}, '1m', {0, 60}) * 1.5", "5.5\n");
    assert_echo(f, "(stats.forecast({1, 2, 3}, 9))", "10.0\n");
    assert_echo(f, "stats.slope({1, 2, 90, 4, 5}, { method = 'theil-sen' })", "1.0\n");
    assert_echo(f, "stats.line({1, 2, 90, 4, 5}, { method = 'theil-sen' }).intercept", "1.0\n");
    assert_echo(f, "stats.line({1, 3, 2}, {10, 20, 30}).start", "10.0\n");
    assert_echo(f, "select('#', stats.forecast({1, 2, 4}, 9, { level = 0.8 }))", "3\n");
    assert_echo(f, "(stats.time_to({1, 2, 3, 4}, 10, {0, 60, 120, 180}))", "360.0\n");
    assert_echo(f, "stats.time_to({4, 3, 2, 1}, 10, { direction = 'down' })", "0.0\t0.0\t0.0\n");
    assert_echo(f, "stats.change({1, 1, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4}).index", "8\n");
    assert_echo(f, "stats.seasons({1, 5, 3, 1, 5, 3, 1, 5, 3}, { period = 3 }).period", "3\n");
}

static void a_detector_is_fed_and_answers_five_numbers(void **state)
{
    struct fixture *f = *state;
    static const char fed[] = "(function(n) local d = stats.anomaly { period = '5m' }\n"
                              "for i = 1, n do d:update(i * 300, i % 7) end return d end)";
    char text[512];
    snprintf(text, sizeof text,
             "(function(d) local s, l, e, lo, up = d:update(601 * 300, 90)\n"
             "return s > 0.5 and l > 0.9 and lo < e and e < up and up < 90 end)(%s(600))",
             fed);
    assert_echo(f, text, "true\n");
    snprintf(text, sizeof text, "%s(1):update(600)", fed); /* a missing datapoint */
    assert_echo(f, text, "nil\tnil\t1.0\tnil\tnil\n");
    snprintf(text, sizeof text, "%s(9):update(300, 1)", fed);
    assert_contains(fixture_error(f, text), "goes back");
    snprintf(text, sizeof text, "%s(9):update(3000, 1/0)", fed);
    assert_contains(fixture_error(f, text), "infinite");
    assert_contains(fixture_error(f, "stats.anomaly { perod = 300 }"), "period");
    assert_contains(fixture_error(f, "stats.anomaly({ period = 300 }).update({}, 1, 2)"),
                    "anomaly detector expected");
}

static void lists_of_anomalies_are_as_long_as_the_values(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "(function(a) return #a.score, #a.likelihood, #a.expected, #a.lower, #a.upper,\n"
                "a.score[6], a.score[1] ~= a.score[1] end)(stats.anomalies({5, 5, 5, 5, 5, 6}))",
                "6\t6\t6\t6\t6\t1.0\ttrue\n");
}

static void nothing_has_no_statistic(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "stats.mean({}), stats.sum({}), stats.percentile({}, 50)", "nil\tnil\tnil\n");
    assert_echo(f, "stats.mean({0/0, 4}, { nan = 'omit' }), stats.slope({1})", "4.0\tnil\n");
}

static void what_is_no_list_of_numbers_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_contains(fixture_error(f, "stats.mean(io.stdout)"), "list of numbers");
    assert_contains(fixture_error(f, "stats.mean({1, 'x'})"), "value 2 is a string");
    assert_contains(fixture_error(f, "stats.percentile({1}, 101)"), "between 0 and 100");
    assert_contains(fixture_error(f, "stats.slope({1, 2}, {2, 1})"), "goes back");
    assert_contains(fixture_error(f, "stats.line({1}, { methd = 1 })"), "did you mean 'method'");
    assert_contains(fixture_error(f, "stats.forecast({1}, { season = 7 })"), "ahead is missing");
    assert_contains(fixture_error(f, "stats.time_to({1}, 0/0)"), "finite number");
}

/* ---- time ---- */

static void time_is_the_worlds(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "time.now() == 1767225600, time.iso()", "true\t\"2026-01-01T00:00:00Z\"\n");
    clock_advance(&f->clock, 1500);
    assert_echo(f, "time.now()", "1767225601.5\n");
}

static void times_and_durations_are_read_and_written(void **state)
{
    struct fixture *f = *state;
    assert_echo(f, "time.iso(0), time.parse('1970-01-01T00:01:00Z'), (time.parse('soon'))",
                "\"1970-01-01T00:00:00Z\"\t60.0\tnil\n");
    assert_echo(f, "time.duration('5m'), time.duration(3)", "300.0\t3.0\n");
    assert_echo(f, "time.format(60, '%Y %H:%M %%'), time.format(-1)",
                "\"1970 00:01 %\"\t\"1969-12-31 23:59:59\"\n");
    assert_contains(fixture_error(f, "time.format(0, '%q')"), "unknown conversion '%q'");
    assert_contains(fixture_error(f, "time.format(0, '100%')"), "unknown conversion '%'");
    assert_contains(fixture_error(f, "time.iso('never')"), "'never' is no time");
}

/* ---- log ---- */

static void logged(struct fixture *f, const char *text, char *out, size_t size)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&bytes, &len);
    assert_non_null(stream);
    log_open(stream, LOG_INFO, LOG_JSON, false, &f->clock);
    fixture_echo(f, text);
    log_open(NULL, LOG_OFF, LOG_TEXT, false, NULL);
    fclose(stream);
    snprintf(out, size, "%s", bytes);
    free(bytes);
}

static void an_event_has_its_fields(void **state)
{
    char line[2048];
    logged(*state,
           "log.warn('cache.warmed', { keys = 12, share = 0.5, ok = true, deep = { a = {1} } })",
           line, sizeof line);
    assert_contains(line, "\"level\":\"warn\",\"event\":\"cache.warmed\"");
    assert_contains(line, "\"keys\":12");
    assert_contains(line, "\"share\":0.5");
    assert_contains(line, "\"ok\":true");
    assert_contains(line, "\"deep\":\"{\\\"a\\\":[1]}\"");
}

static void a_text_is_an_event_of_the_script(void **state)
{
    char line[2048];
    logged(*state, "log.info('all is well, it seems')", line, sizeof line);
    assert_contains(line, "\"event\":\"script.log\",\"text\":\"all is well, it seems\"");
    logged(*state, "log.debug('below.the.level', { x = 1 })", line, sizeof line);
    assert_string_equal(line, "");
}

/* ---- http, against a server on the same loop ---- */

enum { REQUEST_MAX = 8192 };

struct server {
    uv_tcp_t listener;
    int port;
    const char *answer; /* NULL: never answers */
    char request[REQUEST_MAX];
    size_t len;
    int connections, closed;
};

struct connection {
    uv_tcp_t tcp;
    struct server *server;
    uv_write_t write;
    char buffer[REQUEST_MAX];
};

static void connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    c->server->closed++;
    free(c);
}

static void connection_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)size;
    struct connection *c = handle->data;
    *buf = uv_buf_init(c->buffer, sizeof c->buffer);
}

static bool request_is_whole(const struct server *server)
{
    const char *end = strstr(server->request, "\r\n\r\n");
    const char *length = strstr(server->request, "Content-Length: ");
    if (!end) return false;
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    return server->len >= (size_t)(end + 4 - server->request) + body;
}

static void connection_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    struct server *server = c->server;
    if (n < 0) {
        uv_close((uv_handle_t *)stream, connection_closed);
        return;
    }
    if (server->len + (size_t)n >= REQUEST_MAX) return;
    memcpy(server->request + server->len, buf->base, (size_t)n);
    server->len += (size_t)n;
    server->request[server->len] = '\0';
    if (!request_is_whole(server) || !server->answer) return;
    uv_buf_t out = uv_buf_init((char *)server->answer, (unsigned)strlen(server->answer));
    assert_int_equal(uv_write(&c->write, stream, &out, 1, NULL), 0);
    server->len = 0;
}

static void server_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    assert_int_equal(status, 0);
    struct connection *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->server = server;
    c->tcp.data = c;
    assert_int_equal(uv_tcp_init(listener->loop, &c->tcp), 0);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, connection_alloc, connection_read), 0);
    server->connections++;
}

static void server_open(struct server *server, struct fixture *f, const char *answer)
{
    *server = (struct server){.answer = answer};
    struct sockaddr_in address;
    int size = sizeof address;
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
    assert_int_equal(uv_tcp_init(loop_uv(f->loop), &server->listener), 0);
    server->listener.data = server;
    assert_int_equal(uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 16, server_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
}

static void listener_closed(uv_handle_t *handle)
{
    handle->data = NULL;
}

/* The client's connections end first, so that the server's do. */
static void server_close(struct server *server, struct fixture *f)
{
    http_free(f->http);
    f->http = NULL;
    uv_close((uv_handle_t *)&server->listener, listener_closed);
    for (int turns = 0; turns < 10000; turns++) {
        if (!server->listener.data && server->closed == server->connections) return;
        loop_turn(f->loop, true);
    }
    fail_msg("a connection stayed open");
}

static const char *served(struct fixture *f, const struct server *server, const char *format)
{
    char text[1024];
    const char *hole = strstr(format, "URL");
    snprintf(text, sizeof text, "%.*s'http://127.0.0.1:%d/x?y=1'%s", (int)(hole - format), format,
             server->port, hole + 3);
    fixture_run(f, text);
    return f->code == OK ? strbuf_cstr(&f->out) : f->error;
}

static void a_get_answers_status_headers_and_body(void **state)
{
    struct fixture *f = *state;
    static struct server server;
    server_open(&server, f,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-Two: a\r\nX-Two: b\r\n\r\nhello");
    assert_string_equal(
        served(f, &server, "local a = http.get(URL) return a.status, a.body, a.headers['x-two']"),
        "404\t\"hello\"\t\"a, b\"\n");
    assert_contains(server.request, "GET /x?y=1 HTTP/1.1\r\n");
    server_close(&server, f);
}

static void a_request_sends_method_headers_and_body(void **state)
{
    struct fixture *f = *state;
    static struct server server;
    server_open(&server, f, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(served(f, &server,
                               "http.request { url = URL, method = 'PUT', body = 'a body', "
                               "headers = { ['X-Test'] = '1' }, timeout = '5s' }.status"),
                        "200\n");
    assert_contains(server.request, "PUT /x?y=1 HTTP/1.1\r\n");
    assert_contains(server.request, "X-Test: 1\r\n");
    assert_contains(server.request, "\r\n\r\na body");
    assert_string_equal(served(f, &server, "http.post(URL, 'posted').status"), "200\n");
    assert_contains(server.request, "POST /x?y=1 HTTP/1.1\r\n");
    assert_contains(server.request, "\r\n\r\nposted");
    server_close(&server, f);
}

static void several_requests_wait_at_once(void **state)
{
    struct fixture *f = *state;
    static struct server server;
    server_open(&server, f, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_string_equal(served(f, &server,
                               "local function get() return http.get(URL).body end\n"
                               "return table.concat(async.all { get, get, get }, ' ')"),
                        "\"ok ok ok\"\n");
    server_close(&server, f);
}

static void a_failure_is_an_error_object(void **state)
{
    struct fixture *f = *state;
    assert_echo(f,
                "local ok, e = pcall(http.get, 'http://127.0.0.1:1/') "
                "return ok, e.code, e.retryable, (tostring(e):find('127.0.0.1', 1, true)) ~= nil",
                "false\t\"Connect\"\ttrue\ttrue\n");
    assert_echo(f, "local ok, e = pcall(http.get, 'gopher://x/') return ok, e.code",
                "false\t\"Invalid\"\n");
}

static void wrong_arguments_are_named(void **state)
{
    struct fixture *f = *state;
    assert_contains(fixture_error(f, "http.request { ulr = 'x' }"), "did you mean 'url'");
    assert_contains(fixture_error(f, "http.request { }"), "url must be a string, not a nil");
    assert_contains(fixture_error(f, "http.get('http://x/', { headers = { a = 'b\\r\\nc: d' } })"),
                    "character that is not allowed");
}

static void an_interrupted_request_is_canceled(void **state)
{
    struct fixture *f = *state;
    static struct server server;
    bool incomplete;
    char text[256];
    server_open(&server, f, NULL);
    snprintf(text, sizeof text, "http.get('http://127.0.0.1:%d/')", server.port);
    fixture_begin(f);
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    while (server.len == 0 && !f->late)
        loop_turn(f->loop, true);
    script_interrupt(f->script);
    fixture_wait(f);
    assert_int_equal(f->code, ERR_CANCELED);
    server_close(&server, f);
}

static void a_request_that_takes_too_long_says_so(void **state)
{
    struct fixture *f = *state;
    static struct server server;
    server_open(&server, f, NULL);
    assert_contains(served(f, &server, "http.get(URL, { timeout = 0.05 })"), "http.get: ");
    assert_string_equal(
        served(f, &server, "select(2, pcall(http.get, URL, { timeout = 0.05 })).code"),
        "\"Timeout\"\n");
    server_close(&server, f);
}

/* ---- journal ---- */

static void written(void *data, int code, const struct fault *fault)
{
    (void)fault;
    *(int *)data = code;
}

static void write_journal(struct fixture *f, const char *path)
{
    struct store *store = NULL;
    struct fault fault;
    int code = 1;
    if (store_open(f->loop, path, &store, &fault) != OK) fail_msg("%s", fault.text);
    for (int i = 1; i <= 3; i++) {
        struct store_batch *batch = NULL;
        char json[64];
        snprintf(json, sizeof json, "{\"number\":%d}", i);
        struct journal_entry entry = {
            .id = "d1", .what = "decision", .target = i == 2 ? "b" : "a", .json = json};
        code = 1;
        assert_int_equal(store_batch_new("test", (int64_t)(FIXTURE_NOW_S + i) * 1000, &batch), OK);
        store_batch_journal(batch, &entry);
        assert_int_equal(store_commit(store, batch, written, &code), OK);
        while (code == 1)
            loop_turn(f->loop, true);
        assert_int_equal(code, OK);
    }
    store_close(store);
}

static void the_journal_is_read_newest_first(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/tmp/moontide-journal-XXXXXX", path[64], command[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/moontide.db", dir);
    write_journal(f, path);
    f->host.database = path;
    assert_echo(f, "local e = journal.entries() return #e, e[1].detail.number, e[3].detail.number",
                "3\t3\t1\n");
    assert_echo(f, "local e = journal.entries { target = 'b' } return #e, e[1].what, e[1].id",
                "1\t\"decision\"\t\"d1\"\n");
    assert_echo(f, "#journal.entries { since = time.now() + 2 }, #journal.entries { limit = 1 }",
                "2\t1\n");
    assert_echo(f, "journal.entries { world = 'other' }", "{}\n");
    assert_echo(
        f, "#journal.entries { what = 'decision', id = 'd1' }, #journal.entries { what = 'x' }",
        "3\t0\n");
    assert_contains(fixture_error(f, "journal.entries { sicne = 1 }"), "did you mean 'since'");
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void a_journal_that_does_not_exist_yet_is_empty(void **state)
{
    struct fixture *f = *state;
    f->host.database = "/tmp/moontide-no-such-dir/moontide.db";
    assert_echo(f, "journal.entries()", "{}\n");
}

static void an_interrupted_reading_frees_itself(void **state)
{
    struct fixture *f = *state;
    bool incomplete;
    f->host.database = "/tmp/moontide-no-such-dir/moontide.db";
    const char *text = "journal.entries()";
    fixture_begin(f);
    assert_int_equal(script_run_text(f->script, text, strlen(text), "=stdin", true, &incomplete,
                                     fixture_done, f),
                     OK);
    script_interrupt(f->script);
    fixture_wait(f);
    assert_int_equal(f->code, ERR_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        script_test(statistics_of_a_list),
        script_test(a_detector_is_fed_and_answers_five_numbers),
        script_test(lists_of_anomalies_are_as_long_as_the_values),
        script_test(nothing_has_no_statistic),
        script_test(what_is_no_list_of_numbers_is_refused),
        script_test(time_is_the_worlds),
        script_test(times_and_durations_are_read_and_written),
        script_test(an_event_has_its_fields),
        script_test(a_text_is_an_event_of_the_script),
        script_test(a_get_answers_status_headers_and_body),
        script_test(a_request_sends_method_headers_and_body),
        script_test(several_requests_wait_at_once),
        script_test(a_failure_is_an_error_object),
        script_test(wrong_arguments_are_named),
        script_test(an_interrupted_request_is_canceled),
        script_test(a_request_that_takes_too_long_says_so),
        script_test(the_journal_is_read_newest_first),
        script_test(a_journal_that_does_not_exist_yet_is_empty),
        script_test(an_interrupted_reading_frees_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
