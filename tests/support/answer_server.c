/* support/answer_server.c - HTTP/1.1 with keep-alive, just enough for one client, and the modes. */
#include "support/answer_server.h"

#include "moontide/base/clock.h"
#include "moontide/base/timetext.h"

#include "support/answers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    HEAD_MAX = 64 * 1024,
    BODY_MAX = 64 * 1024 * 1024,
    MODE_MAX = 64,
    SLICE = 64 * 1024,
    NO_LENGTH = -2
};

struct connection {
    uv_tcp_t tcp;
    struct answer_server *server;
    struct connection *next, **link;
    struct strbuf in, out;
    uv_write_t write;
    bool writing, close_after;
    uint64_t flood; /* bytes still to send, in `huge` */
};

struct answer_server {
    uv_tcp_t tcp;
    struct connection *connections;
    int port, handles;
    char mode[MODE_MAX];
    int times;
    struct answer_counts counts;
    char head[HEAD_MAX];
    struct strbuf body;
    struct answers_request request;
};

/* What was asked, as far as HTTP goes. */
struct asked {
    const char *head, *body;
    size_t head_len, body_len;
    enum cloudwatch_protocol protocol;
    char mode[MODE_MAX];
};

static void release(struct answer_server *server)
{
    if (--server->handles > 0) return;
    strbuf_done(&server->body);
    free(server);
}

static void connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    strbuf_done(&c->in);
    strbuf_done(&c->out);
    release(c->server);
    free(c);
}

static void hang_up(struct connection *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp)) return;
    *c->link = c->next;
    if (c->next) c->next->link = c->link;
    uv_close((uv_handle_t *)&c->tcp, connection_closed);
}

static void serve(struct connection *c);

static void written(uv_write_t *write, int status)
{
    struct connection *c = write->data;
    c->writing = false;
    strbuf_reset(&c->out);
    if (status < 0) {
        hang_up(c);
    } else if (c->flood > 0) {
        char *room = strbuf_reserve(&c->out, SLICE);
        if (!room) abort();
        memset(room, 0, SLICE);
        c->out.len = SLICE;
        c->flood -= c->flood < SLICE ? c->flood : SLICE;
        uv_buf_t buf = uv_buf_init(c->out.data, SLICE);
        c->writing = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, written) == 0;
    } else if (c->close_after) {
        hang_up(c);
    } else {
        serve(c);
    }
}

static void send_out(struct connection *c)
{
    uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);
    c->write.data = c;
    /* Mostly the kernel takes it all at once: that saves a turn of the loop. */
    int sent = c->flood || c->close_after ? 0 : uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (sent == (int)c->out.len) {
        strbuf_reset(&c->out);
        return;
    }
    if (sent > 0) buf = uv_buf_init(buf.base + sent, (unsigned)(buf.len - (size_t)sent));
    c->writing = true;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, written) < 0) hang_up(c);
}

static void put_date(struct strbuf *out, int64_t ahead_s)
{
    const struct clock real = {0};
    time_t at = (time_t)(clock_now_ms(&real) / 1000 + ahead_s);
    struct tm tm;
    char text[64];
    gmtime_r(&at, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    strbuf_addf(out, "date: %s\r\n", text);
}

static const char *type_of(enum cloudwatch_protocol protocol)
{
    static const char *const types[] = {"application/cbor", "application/x-amz-json-1.0",
                                        "text/xml"};
    return types[protocol];
}

/* length -1: that of the body that follows in server->body; NO_LENGTH: the body ends with the
 * connection */
static void put_head(struct connection *c, int status, const struct asked *asked, const char *type,
                     const char *more, int64_t length)
{
    struct strbuf *out = &c->out;
    strbuf_addf(out, "HTTP/1.1 %d X\r\ncontent-type: %s\r\n", status,
                type ? type : type_of(asked->protocol));
    if (!type && asked->protocol == CLOUDWATCH_CBOR)
        strbuf_adds(out, "smithy-protocol: rpc-v2-cbor\r\n");
    put_date(out, strncmp(asked->mode, "skew", 4) == 0 ? 3600 : 0);
    strbuf_addf(out, "x-amzn-requestid: 1-2-3\r\n%s", more);
    if (length != NO_LENGTH)
        strbuf_addf(out, "content-length: %lld\r\n",
                    (long long)(length < 0 ? (int64_t)c->server->body.len : length));
    strbuf_adds(out, "\r\n");
}

static void put_body(struct connection *c)
{
    strbuf_add(&c->out, strbuf_cstr(&c->server->body), c->server->body.len);
}

static void page(struct connection *c, int status, const struct asked *asked, const char *more)
{
    static const char html[] = "<html><body>Proxy says no</body></html>";
    strbuf_adds(&c->server->body, html);
    put_head(c, status, asked, "text/html; charset=utf-8", more, -1);
    put_body(c);
}

static void error(struct connection *c, int status, const struct asked *asked, const char *code)
{
    struct strbuf *body = &c->server->body;
    if (asked->protocol == CLOUDWATCH_JSON)
        strbuf_addf(body, "{\"__type\":\"com.amazonaws.cloudwatch#%s\",\"message\":\"no\"}", code);
    else if (asked->protocol == CLOUDWATCH_QUERY)
        strbuf_addf(body,
                    "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>no</Message>"
                    "</Error><RequestId>1-2-3</RequestId></ErrorResponse>",
                    code);
    else /* {"__type": code, "message": "no"} */
        strbuf_addf(body, "\xa2\x66__type\x78%c%s\x67message\x62no", (char)strlen(code), code);
    put_head(c, status, asked, NULL, "", -1);
    put_body(c);
}

static const struct {
    const char *mode;
    enum answer_fault fault;
} faults[] = {
    {"partial", ANSWER_PARTIAL},       {"internal", ANSWER_INTERNAL},
    {"forbidden", ANSWER_FORBIDDEN},   {"nan", ANSWER_NAN},
    {"unordered", ANSWER_UNORDERED},   {"future", ANSWER_FUTURE},
    {"wrong-type", ANSWER_WRONG_TYPE}, {"uneven", ANSWER_UNEVEN},
    {"empty", ANSWER_EMPTY},           {"missing", ANSWER_MISSING},
};

static bool mode_is(const struct asked *asked, const char *mode)
{
    return strcmp(asked->mode, mode) == 0;
}

static void answer_data(struct connection *c, const struct asked *asked)
{
    struct answer_server *server = c->server;
    enum answer_fault fault = ANSWER_FINE;
    char token[32] = "";
    int pages = 1, number = 0;
    if (!answers_read(asked->protocol, asked->body, asked->body_len, &server->request)) {
        error(c, 400, asked, "SerializationException");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(faults); i++)
        if (mode_is(asked, faults[i].mode)) fault = faults[i].fault;
    if (strncmp(asked->mode, "pages:", 6) == 0) {
        pages = atoi(asked->mode + 6);
        number = atoi(server->request.token);
        if (number + 1 < pages) snprintf(token, sizeof token, "%d", number + 1);
    }
    if (mode_is(asked, "same-token")) strcpy(token, "again");
    answers_write(asked->protocol, &server->request, fault, number, pages, token[0] ? token : NULL,
                  &server->body);
    bool truncate = mode_is(asked, "truncate");
    put_head(c, 200, asked, NULL, "", -1);
    if (truncate) server->body.len /= 2;
    put_body(c);
    c->close_after = truncate;
}

static const char *header(const struct asked *asked, const char *name)
{
    static char value[512];
    size_t n = strlen(name);
    for (const char *at = asked->head; (at = strstr(at, "\r\n")) != NULL;) {
        at += 2;
        if (strncasecmp(at, name, n) != 0 || at[n] != ':') continue;
        at += n + 1;
        at += strspn(at, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
        return value;
    }
    return "";
}

static bool dated_ahead(const struct asked *asked)
{
    const struct clock real = {0};
    char wanted[TIME_TEXT_MAX];
    time_format_compact(clock_now_ms(&real) / 1000 + 3600, wanted);
    return strncmp(header(asked, "x-amz-date"), wanted, 11) >= 0; /* to the hour */
}

static void answer(struct connection *c, const struct asked *asked)
{
    enum cloudwatch_protocol protocol = asked->protocol;
    if (mode_is(asked, "stall")) return;
    if (mode_is(asked, "throttle")) {
        error(c, 400, asked, "ThrottlingException");
    } else if (mode_is(asked, "invalid")) {
        error(c, 400, asked, "ValidationError");
    } else if (mode_is(asked, "busy")) {
        page(c, 429, asked, "retry-after: 1\r\n");
    } else if (mode_is(asked, "expired")) {
        error(c, 403, asked, "ExpiredToken");
    } else if (mode_is(asked, "denied")) {
        error(c, 403, asked, "AccessDeniedException");
    } else if (mode_is(asked, "skew") && !dated_ahead(asked)) {
        error(c, 403, asked, "RequestTimeTooSkewed");
    } else if (mode_is(asked, "error500")) {
        page(c, 500, asked, "");
    } else if (mode_is(asked, "retry-after") || mode_is(asked, "retry-long")) {
        page(c, 503, asked,
             mode_is(asked, "retry-long") ? "retry-after: 3600\r\n" : "retry-after: 1\r\n");
    } else if (mode_is(asked, "html-403") || mode_is(asked, "html-200")) {
        page(c, mode_is(asked, "html-200") ? 200 : 403, asked, "");
    } else if ((mode_is(asked, "no-cbor") && protocol == CLOUDWATCH_CBOR) ||
               (mode_is(asked, "query-only") && protocol != CLOUDWATCH_QUERY)) {
        page(c, 404, asked, "");
    } else if (mode_is(asked, "endless")) {
        c->flood = 1ull << 30;
        c->close_after = true;
        put_head(c, 200, asked, NULL, "connection: close\r\n", NO_LENGTH);
    } else if (mode_is(asked, "huge")) {
        c->flood = 1ull << 30;
        put_head(c, 200, asked, NULL, "", 1ll << 30);
    } else if (mode_is(asked, "garbage")) {
        strbuf_adds(&c->server->body, "\xbf\x61q\x9f\xff\xff\xff garbage");
        put_head(c, 200, asked, NULL, "", -1);
        put_body(c);
    } else {
        answer_data(c, asked);
    }
}

/* The path's mode goes before the server's own; either may be "throttle:2". */
static void choose_mode(struct answer_server *server, struct asked *asked)
{
    const char *at = strstr(asked->head, " /mode/");
    const char *line = strstr(asked->head, "\r\n");
    int times = server->times;
    if (at && at < line) {
        at += 7;
        snprintf(asked->mode, sizeof asked->mode, "%.*s", (int)strcspn(at, "/ \r"), at);
        char *colon = strchr(asked->mode, ':');
        times = -1;
        if (colon && strncmp(asked->mode, "pages", 5) != 0) {
            times = atoi(colon + 1);
            *colon = '\0';
        }
    } else {
        snprintf(asked->mode, sizeof asked->mode, "%s", server->mode);
    }
    if (times >= 0 && server->counts.requests > times) strcpy(asked->mode, "ok");
}

static enum cloudwatch_protocol protocol_of(const struct asked *asked)
{
    if (header(asked, "smithy-protocol")[0]) return CLOUDWATCH_CBOR;
    return header(asked, "x-amz-target")[0] ? CLOUDWATCH_JSON : CLOUDWATCH_QUERY;
}

/* Serves what has come whole. */
static void serve(struct connection *c)
{
    struct answer_server *server = c->server;
    while (!c->writing && !c->close_after && c->in.len > 0) {
        struct asked asked = {.head = strbuf_cstr(&c->in)};
        const char *end = memmem(c->in.data, c->in.len, "\r\n\r\n", 4);
        if (!end) {
            if (c->in.len > HEAD_MAX) hang_up(c);
            return;
        }
        asked.head_len = (size_t)(end - asked.head) + 2;
        asked.body = end + 4;
        char *head = c->in.data;
        char kept = head[asked.head_len];
        head[asked.head_len] = '\0'; /* the headers end here for strstr() */
        asked.body_len = (size_t)strtoull(header(&asked, "content-length"), NULL, 10);
        size_t whole = asked.head_len + 2 + asked.body_len;
        if (whole > c->in.len) {
            head[asked.head_len] = kept;
            return;
        }
        asked.protocol = protocol_of(&asked);
        server->counts.requests++;
        server->counts.by_protocol[asked.protocol]++;
        snprintf(server->head, sizeof server->head, "%s", asked.head);
        choose_mode(server, &asked);
        strbuf_reset(&server->body);
        answer(c, &asked);
        c->in.len -= whole;
        memmove(c->in.data, c->in.data + whole, c->in.len);
        c->in.data[c->in.len] = '\0';
        if (c->out.len > 0) send_out(c);
    }
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = handle->data;
    (void)suggested;
    char *room = strbuf_reserve(&c->in, SLICE);
    *buf = uv_buf_init(room, room ? SLICE : 0);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    (void)buf;
    if (n < 0) {
        hang_up(c);
        return;
    }
    c->in.len += (size_t)n;
    if (c->in.data) c->in.data[c->in.len] = '\0';
    serve(c);
}

static void connected(uv_stream_t *listener, int status)
{
    struct answer_server *server = listener->data;
    struct connection *c = status < 0 ? NULL : calloc(1, sizeof *c);
    if (!c) return;
    if (uv_tcp_init(listener->loop, &c->tcp) < 0) {
        free(c);
        return;
    }
    strbuf_init(&c->in, BODY_MAX);
    strbuf_init(&c->out, BODY_MAX);
    c->tcp.data = c;
    c->server = server;
    server->handles++;
    server->counts.connections++;
    c->next = server->connections;
    c->link = &server->connections;
    if (c->next) c->next->link = &c->next;
    server->connections = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 || uv_tcp_nodelay(&c->tcp, 1) < 0 ||
        uv_read_start((uv_stream_t *)&c->tcp, give_room, received) < 0)
        hang_up(c);
}

static void listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

struct answer_server *answer_server_open(uv_loop_t *loop, int port, const char *mode, int times)
{
    struct sockaddr_in address;
    int len = sizeof address;
    struct answer_server *server = calloc(1, sizeof *server);
    if (!server || uv_tcp_init(loop, &server->tcp) < 0) {
        free(server);
        return NULL;
    }
    server->tcp.data = server;
    server->handles = 1;
    strbuf_init(&server->body, BODY_MAX);
    answer_server_mode(server, mode, times);
    if (uv_ip4_addr("127.0.0.1", port, &address) < 0 ||
        uv_tcp_bind(&server->tcp, (const struct sockaddr *)&address, 0) < 0 ||
        uv_listen((uv_stream_t *)&server->tcp, 128, connected) < 0 ||
        uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&address, &len) < 0) {
        uv_close((uv_handle_t *)&server->tcp, listener_closed);
        return NULL;
    }
    server->port = ntohs(address.sin_port);
    return server;
}

struct answer_server *answer_server_new(uv_loop_t *loop, const char *mode, int times)
{
    return answer_server_open(loop, 0, mode, times);
}

void answer_server_free(struct answer_server *server)
{
    if (!server) return;
    while (server->connections)
        hang_up(server->connections);
    uv_close((uv_handle_t *)&server->tcp, listener_closed);
}

int answer_server_port(const struct answer_server *server)
{
    return server->port;
}

const struct answer_counts *answer_server_counts(const struct answer_server *server)
{
    return &server->counts;
}

void answer_server_mode(struct answer_server *server, const char *mode, int times)
{
    snprintf(server->mode, sizeof server->mode, "%s", mode ? mode : "ok");
    server->times = times < 0 ? -1 : server->counts.requests + times;
}

const char *answer_server_last_head(const struct answer_server *server)
{
    return server->head;
}
