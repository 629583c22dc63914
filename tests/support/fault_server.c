/* support/fault_server.c - an HTTP server on loopback that misbehaves on request.
 *
 *   /ok           200 and "hello"               /status/N     status N, a small body
 *   /slow         /ok after 30 ms               /continue     100, then /ok
 *   /late         /ok after 3.5 s
 *   /stall        never answers                 /stall-body   half a body, then silence
 *   /close        closes without an answer      /reset        resets without an answer
 *   /truncated    Content-Length 1000, 10 bytes, close
 *   /trickle      a byte every 10 ms, for ever  /garbage      an answer that is no HTTP
 *   /huge         Content-Length 1 GiB, streamed until the client closes
 *   /huge-chunked the same without a length
 *   /bytes/N      N bytes of body               /gzip         "hello", compressed
 *   /bomb         64 MiB of zeros, compressed   /redirect     302 to /ok
 *   /headers/N    N extra headers               /big-header/N one header of N bytes
 *   /ecs/         a small answer of ECS DescribeServices
 *   /last         /ok, and closes the connection without having said so */
#include "support/fault_server.h"

#include "moontide/io/loop.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include <zlib.h>

enum { IN_MAX = 1 << 20, CHUNK = 64 * 1024, GIB = 1 << 30, BOMB_BYTES = 64 << 20 };

struct fault_server {
    uv_tcp_t listener;
    SSL_CTX *tls;
    struct conn *conns;
    struct fault_counts counts;
    char head[8192];
    char *body;
    size_t body_len;
    bool ending;
};

struct conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct fault_server *server;
    struct conn *prev, *next;
    SSL *ssl;
    char *in;
    size_t in_len;
    int64_t stream_left;
    bool chunked, close_after;
    int handles, writes;
};

struct write {
    uv_write_t uv;
    struct conn *conn;
    size_t len;
    char bytes[];
};

static void conn_serve(struct conn *conn);

/* The end of connections and of the server. */

static void server_maybe_gone(struct fault_server *server)
{
    if (!server->ending || server->conns || !uv_is_closing((uv_handle_t *)&server->listener))
        return;
    if (server->listener.data) return; /* its close callback is to come */
    SSL_CTX_free(server->tls);
    free(server->body);
    free(server);
}

static void conn_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;
    if (--conn->handles) return;
    struct fault_server *server = conn->server;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    server->counts.open--;
    SSL_free(conn->ssl);
    free(conn->in);
    free(conn);
    server_maybe_gone(server);
}

static void conn_close(struct conn *conn)
{
    if (uv_is_closing((uv_handle_t *)&conn->tcp)) return;
    uv_close((uv_handle_t *)&conn->tcp, conn_closed);
    uv_close((uv_handle_t *)&conn->timer, conn_closed);
}

static void conn_reset(struct conn *conn)
{
    uv_tcp_close_reset(&conn->tcp, conn_closed);
    uv_close((uv_handle_t *)&conn->timer, conn_closed);
}

/* Writing. */

static void stream_more(struct conn *conn);

static void write_done(uv_write_t *uv, int status)
{
    struct write *write = uv->data;
    struct conn *conn = write->conn;
    if (status == 0) conn->server->counts.bytes_written += (int64_t)write->len;
    free(write);
    conn->writes--;
    if (uv_is_closing((uv_handle_t *)&conn->tcp)) return;
    if (status < 0)
        conn_close(conn);
    else if (conn->stream_left > 0)
        stream_more(conn);
    else if (conn->close_after && conn->writes == 0)
        conn_close(conn);
}

static void write_raw(struct conn *conn, const void *bytes, size_t len)
{
    if (uv_is_closing((uv_handle_t *)&conn->tcp) || len == 0) return;
    struct write *write = malloc(sizeof *write + len);
    if (!write) abort();
    memcpy(write->bytes, bytes, len);
    write->uv.data = write;
    write->conn = conn;
    write->len = len;
    uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)len);
    conn->writes++;
    if (uv_write(&write->uv, (uv_stream_t *)&conn->tcp, &buf, 1, write_done) < 0) abort();
}

static void flush_tls(struct conn *conn)
{
    char out[CHUNK];
    int n;
    while ((n = BIO_read(SSL_get_wbio(conn->ssl), out, sizeof out)) > 0)
        write_raw(conn, out, (size_t)n);
}

static void put(struct conn *conn, const void *bytes, size_t len)
{
    if (!conn->ssl) {
        write_raw(conn, bytes, len);
    } else {
        if (len) SSL_write(conn->ssl, bytes, (int)len);
        flush_tls(conn);
    }
}

static void puts_(struct conn *conn, const char *text)
{
    put(conn, text, strlen(text));
}

static void stream_more(struct conn *conn)
{
    static char zeros[CHUNK];
    size_t n = conn->stream_left < CHUNK ? (size_t)conn->stream_left : (size_t)CHUNK;
    conn->stream_left -= (int64_t)n;
    if (!conn->chunked) {
        put(conn, zeros, n);
        return;
    }
    char *chunk = malloc(n + 32);
    if (!chunk) abort();
    int at = sprintf(chunk, "%zx\r\n", n);
    memset(chunk + at, 'z', n);
    memcpy(chunk + at + n, "\r\n", 2);
    put(conn, chunk, (size_t)at + n + 2);
    free(chunk);
}

static void answer(struct conn *conn, int status, const char *headers, const void *body, size_t len)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Text\r\nX-Served-By: fault\r\nContent-Length: %zu\r\n%s\r\n",
                     status, len, headers);
    char *all = malloc((size_t)n + len);
    if (!all) abort();
    memcpy(all, head, (size_t)n);
    if (len) memcpy(all + n, body, len);
    put(conn, all, (size_t)n + len);
    free(all);
}

static void answer_zipped(struct conn *conn, const void *body, size_t len)
{
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
    size_t cap = deflateBound(&z, len);
    unsigned char *out = malloc(cap);
    if (!out) abort();
    z.next_in = (unsigned char *)(uintptr_t)body;
    z.avail_in = (unsigned)len;
    z.next_out = out;
    z.avail_out = (unsigned)cap;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
    answer(conn, 200, "Content-Encoding: gzip\r\n", out, cap - z.avail_out);
    deflateEnd(&z);
    free(out);
}

static void answer_headers(struct conn *conn, int count, size_t bytes)
{
    char *filler = malloc(bytes + 1);
    if (!filler) abort();
    memset(filler, 'f', bytes);
    filler[bytes] = '\0';
    puts_(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "X-Filler-%d: ", i);
        puts_(conn, name);
        puts_(conn, filler);
        puts_(conn, "\r\n");
    }
    puts_(conn, "\r\n");
    free(filler);
}

static void slow_answer(uv_timer_t *timer)
{
    answer(timer->data, 200, "", "hello", 5);
}

static void trickle(uv_timer_t *timer)
{
    put(timer->data, "t", 1);
}

static bool is(const char *path, const char *route)
{
    return strcmp(path, route) == 0;
}

static int number_after(const char *path, const char *route)
{
    size_t n = strlen(route);
    return strncmp(path, route, n) == 0 ? atoi(path + n) : -1;
}

static const char services[] =
    "{\"services\":[{\"serviceName\":\"api\",\"status\":\"ACTIVE\",\"desiredCount\":2,"
    "\"runningCount\":2,\"pendingCount\":0}],\"failures\":[]}";

static void misbehave(struct conn *conn, const char *path)
{
    int n;
    if (is(path, "/stall")) return;
    if (is(path, "/slow")) {
        uv_timer_start(&conn->timer, slow_answer, 30, 0);
    } else if (is(path, "/late")) {
        uv_timer_start(&conn->timer, slow_answer, 3500, 0);
    } else if (is(path, "/continue")) {
        puts_(conn, "HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n");
        answer(conn, 200, "", "hello", 5);
    } else if (is(path, "/stall-body")) {
        puts_(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf.");
    } else if (is(path, "/close")) {
        conn_close(conn);
    } else if (is(path, "/reset")) {
        conn_reset(conn);
    } else if (is(path, "/truncated")) {
        conn->close_after = true;
        puts_(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nten bytes.");
    } else if (is(path, "/trickle")) {
        puts_(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        uv_timer_start(&conn->timer, trickle, 10, 10);
    } else if (is(path, "/garbage")) {
        conn->close_after = true;
        puts_(conn, "SSH-2.0-OpenSSH_9.2\r\n");
    } else if (is(path, "/huge") || is(path, "/huge-chunked")) {
        conn->chunked = is(path, "/huge-chunked");
        conn->stream_left = GIB;
        puts_(conn, conn->chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
    } else if (is(path, "/ecs/")) {
        answer(conn, 200, "Content-Type: application/x-amz-json-1.1\r\n", services,
               sizeof services - 1);
    } else if (is(path, "/last")) {
        conn->close_after = true;
        answer(conn, 200, "", "hello", 5);
    } else if (is(path, "/gzip")) {
        answer_zipped(conn, "hello", 5);
    } else if (is(path, "/bomb")) {
        char *zeros = calloc(1, BOMB_BYTES);
        if (!zeros) abort();
        answer_zipped(conn, zeros, BOMB_BYTES);
        free(zeros);
    } else if (is(path, "/redirect")) {
        answer(conn, 302, "Location: /ok\r\n", "", 0);
    } else if ((n = number_after(path, "/status/")) >= 0) {
        answer(conn, n, "Retry-After: 7\r\n", "sorry", 5);
    } else if ((n = number_after(path, "/bytes/")) >= 0) {
        char *bytes = malloc((size_t)n + 1);
        if (!bytes) abort();
        memset(bytes, 'b', (size_t)n);
        answer(conn, 200, "", bytes, (size_t)n);
        free(bytes);
    } else if ((n = number_after(path, "/headers/")) >= 0) {
        answer_headers(conn, n, 1);
    } else if ((n = number_after(path, "/big-header/")) >= 0) {
        answer_headers(conn, 1, (size_t)n);
    } else {
        answer(conn, 200, "X-Mixed-Case:  padded value \r\nX-Empty:\r\n", "hello", 5);
    }
}

/* Reading. */

static void remember(struct fault_server *server, const char *head, size_t head_len,
                     const char *body, size_t body_len)
{
    if (head_len >= sizeof server->head) head_len = sizeof server->head - 1;
    memcpy(server->head, head, head_len);
    server->head[head_len] = '\0';
    free(server->body);
    if (!(server->body = malloc(body_len + 1))) abort();
    memcpy(server->body, body, body_len);
    server->body[body_len] = '\0';
    server->body_len = body_len;
}

static void conn_serve(struct conn *conn)
{
    for (;;) {
        char *end = conn->in_len ? memmem(conn->in, conn->in_len, "\r\n\r\n", 4) : NULL;
        if (!end) return;
        size_t head_len = (size_t)(end - conn->in) + 4, body_len = 0;
        *end = '\0';
        const char *length = strcasestr(conn->in, "\r\ncontent-length:");
        if (length) body_len = strtoul(length + 17, NULL, 10);
        *end = '\r';
        if (conn->in_len < head_len + body_len) return;
        remember(conn->server, conn->in, head_len, conn->in + head_len, body_len);
        char path[256] = "";
        sscanf(conn->in, "%*s %255[^ ?]", path);
        conn->in_len -= head_len + body_len;
        memmove(conn->in, conn->in + head_len + body_len, conn->in_len);
        conn->server->counts.requests++;
        misbehave(conn, path);
        if (uv_is_closing((uv_handle_t *)&conn->tcp)) return;
    }
}

static void read_tls(struct conn *conn, const char *bytes, size_t len)
{
    BIO_write(SSL_get_rbio(conn->ssl), bytes, (int)len);
    if (!SSL_is_init_finished(conn->ssl)) SSL_do_handshake(conn->ssl);
    int n;
    while ((n = SSL_read(conn->ssl, conn->in + conn->in_len, (int)(IN_MAX - conn->in_len))) > 0)
        conn->in_len += (size_t)n;
    flush_tls(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char bytes[CHUNK]; /* one loop, used at once */
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = stream->data;
    if (n < 0 || (size_t)n > IN_MAX - conn->in_len) {
        conn_close(conn);
        return;
    }
    if (conn->ssl) {
        read_tls(conn, buf->base, (size_t)n);
    } else {
        memcpy(conn->in + conn->in_len, buf->base, (size_t)n);
        conn->in_len += (size_t)n;
    }
    conn_serve(conn);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fault_server *server = listener->data;
    struct conn *conn = calloc(1, sizeof *conn);
    if (status < 0 || !conn || !(conn->in = malloc(IN_MAX))) abort();
    conn->server = server;
    conn->handles = 2;
    uv_tcp_init(listener->loop, &conn->tcp);
    uv_timer_init(listener->loop, &conn->timer);
    conn->tcp.data = conn->timer.data = conn;
    conn->next = server->conns;
    if (conn->next) conn->next->prev = conn;
    server->conns = conn;
    server->counts.connections++;
    server->counts.open++;
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) < 0) abort();
    uv_tcp_nodelay(&conn->tcp, 1);
    if (server->tls) {
        conn->ssl = SSL_new(server->tls);
        if (!conn->ssl) abort();
        SSL_set_bio(conn->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(conn->ssl);
    }
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

/* The server. */

static SSL_CTX *make_tls(const char *name, char *ca_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!key || !cert || !tls) abort();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(cert, subject);
    char alt[300];
    snprintf(alt, sizeof alt, "DNS:%s", name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    if (!extension || !X509_add_ext(cert, extension, -1)) abort();
    X509_EXTENSION_free(extension);
    if (!X509_sign(cert, key, EVP_sha256())) abort();
    if (SSL_CTX_use_certificate(tls, cert) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1) abort();

    strcpy(ca_path, "/tmp/moontide-test-ca-XXXXXX");
    int fd = mkstemp(ca_path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file || PEM_write_X509(file, cert) != 1 || fclose(file) != 0) abort();
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

struct fault_server *fault_server_new(struct loop *loop, const char *tls_name, char *ca_path)
{
    struct fault_server *server = calloc(1, sizeof *server);
    if (!server) return NULL;
    if (tls_name) server->tls = make_tls(tls_name, ca_path);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uv_tcp_init(loop_uv(loop), &server->listener);
    server->listener.data = server;
    if (uv_tcp_bind(&server->listener, (struct sockaddr *)&any, 0) < 0) abort();
    if (uv_listen((uv_stream_t *)&server->listener, 512, on_connection) < 0) abort();
    return server;
}

static void listener_closed(uv_handle_t *handle)
{
    struct fault_server *server = handle->data;
    handle->data = NULL;
    server_maybe_gone(server);
}

void fault_server_free(struct fault_server *server)
{
    if (!server) return;
    server->ending = true;
    for (struct conn *conn = server->conns; conn; conn = conn->next)
        conn_close(conn);
    uv_close((uv_handle_t *)&server->listener, listener_closed);
}

int fault_server_port(const struct fault_server *server)
{
    struct sockaddr_in at;
    int len = sizeof at;
    if (uv_tcp_getsockname(&server->listener, (struct sockaddr *)&at, &len) < 0) abort();
    return ntohs(at.sin_port);
}

const struct fault_counts *fault_server_counts(const struct fault_server *server)
{
    return &server->counts;
}

const char *fault_server_last_head(const struct fault_server *server)
{
    return server->head;
}

const char *fault_server_last_body(const struct fault_server *server, size_t *len)
{
    *len = server->body_len;
    return server->body ? server->body : "";
}

int fault_refused_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        abort();
    close(fd);
    return ntohs(at.sin_port);
}
