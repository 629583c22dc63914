/* io/http.c - drives curl's multi interface on the uv loop.
 *
 * curl says which sockets it waits for (on_socket) and when it wants to be called at the latest
 * (on_timer); the loop tells it what happened (poll_ready, time_is_up), and after each such call
 * finished transfers are collected (deliver_finished). Callbacks of users run only there, with no
 * curl function below them on the stack, so that they may call anything here, http_free included.
 *
 * A connection's socket has one uv_poll_t from its opening to its closing (http_open_socket,
 * http_close_socket). Between requests it goes on polling, without keeping the loop alive, as to
 * stop and start it would be two system calls a request; should something come that nobody asked
 * for (mostly the server's end of the connection), it is stopped then, and curl finds out when it
 * takes the connection the next time. Sockets that curl opens for itself (the pair that its
 * resolver thread signals), and those on which it gives up before they are connected (7.88), are
 * closed without a word, so their handle goes as soon as curl stops waiting for them.
 *
 * When curl runs out of memory in its bookkeeping, a multi handle is not to be trusted any more
 * (7.88 leaves a socket's entry half destroyed and divides by its zero slots at the next use). Then
 * start_over() takes a new one, and every call under way fails with ERR_NOMEM. */
#include "http_internal.h"

#include "moontide/base/err.h"
#include "moontide/io/loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HOST_CONNECTIONS = 16,
    TOTAL_CONNECTIONS = 64,
    CONNECT_TIMEOUT_MS = 3000,
    TIMEOUT_MS = 30000,
    SPARE_CALLS_MAX = 8,
};

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

struct http_socket {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
    int events;       /* that curl waits for */
    int polled;       /* that uv does */
    bool connection;  /* opened by http_open_socket, ends in http_close_socket */
    bool established; /* an answer was waited for, so it is connected */
    struct http_socket *prev, *next;
};

struct http {
    uv_loop_t *uv;
    uv_timer_t timer;
    CURLM *multi;
    char *ca_file, *user_agent;
    struct http_limits limits;
    long host_connections, total_connections;
    struct http_ride *active; /* in the multi handle */
    struct http_ride *lost;   /* taken out of a broken one, to be told */
    struct http_ride *spare;  /* calls */
    int spare_count;
    struct http_socket *sockets;
    int handles_open; /* the memory goes with the last of them */
    bool ending;
};

/* Handles. */

static void handle_closed(struct http *http)
{
    if (--http->handles_open > 0) return;
    free(http->ca_file);
    free(http->user_agent);
    free(http);
    curl_global_cleanup();
}

static void timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void poll_closed(uv_handle_t *handle)
{
    struct http_socket *sock = handle->data;
    struct http *http = sock->http;
    free(sock);
    handle_closed(http);
}

static struct http_socket *socket_add(struct http *http, curl_socket_t fd, bool connection)
{
    struct http_socket *sock = calloc(1, sizeof *sock);
    if (!sock) return NULL;
    if (uv_poll_init_socket(http->uv, &sock->poll, fd) < 0) {
        free(sock);
        return NULL;
    }
    sock->poll.data = sock;
    sock->http = http;
    sock->fd = fd;
    sock->connection = connection;
    sock->next = http->sockets;
    if (sock->next) sock->next->prev = sock;
    http->sockets = sock;
    http->handles_open++;
    return sock;
}

static void socket_remove(struct http_socket *sock)
{
    if (sock->prev)
        sock->prev->next = sock->next;
    else
        sock->http->sockets = sock->next;
    if (sock->next) sock->next->prev = sock->prev;
    uv_close((uv_handle_t *)&sock->poll, poll_closed);
}

static struct http_socket *socket_find(const struct http *http, curl_socket_t fd)
{
    struct http_socket *sock = http->sockets;
    while (sock && sock->fd != fd)
        sock = sock->next;
    return sock;
}

curl_socket_t http_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    if (!socket_add(data, fd, true)) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

int http_close_socket(void *data, curl_socket_t fd)
{
    struct http_socket *sock = socket_find(data, fd);
    if (sock) socket_remove(sock); /* before the number can belong to somebody else */
    return close(fd);
}

/* Calls. */

static void list_add(struct http_ride **list, struct http_ride *ride)
{
    ride->list = list;
    ride->prev = NULL;
    ride->next = *list;
    if (ride->next) ride->next->prev = ride;
    *list = ride;
}

static void list_remove(struct http_ride *ride)
{
    if (ride->prev)
        ride->prev->next = ride->next;
    else
        *ride->list = ride->next;
    if (ride->next) ride->next->prev = ride->prev;
    ride->list = NULL;
}

void http_leave(struct http_ride *ride)
{
    if (!ride->list) return;
    bool in_multi = ride->list == &ride->http->active;
    list_remove(ride);
    if (in_multi) curl_multi_remove_handle(ride->http->multi, ride->easy);
}

static struct http_call *call_of(struct http_ride *ride)
{
    return (struct http_call *)ride;
}

static void release(struct http *http, struct http_call *call)
{
    if (http->ending || http->spare_count == SPARE_CALLS_MAX) {
        http_call_free(call);
        return;
    }
    http_call_clear(call);
    call->ride.next = http->spare;
    http->spare = &call->ride;
    http->spare_count++;
}

static void call_ended(struct http_ride *ride, CURLcode result)
{
    struct http *http = ride->http;
    http_leave(ride);
    http_call_deliver(call_of(ride), result);
    release(http, call_of(ride));
}

static void call_dropped(struct http_ride *ride)
{
    http_call_free(call_of(ride));
}

static struct http_call *acquire(struct http *http)
{
    static const struct http_ride_kind kind = {.ended = call_ended, .dropped = call_dropped};
    if (http->spare) {
        struct http_call *call = call_of(http->spare);
        http->spare = call->ride.next;
        http->spare_count--;
        return call;
    }
    struct http_call *call = http_call_new(http, &http->limits, http->ca_file, http->user_agent);
    if (call) call->ride.kind = &kind;
    return call;
}

static void deliver_finished(struct http *http)
{
    int left;
    CURLMsg *message;
    while (!http->ending && (message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode result = message->data.result; /* the message is gone once its handle is removed */
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_ride *ride = (struct http_ride *)(void *)private;
        ride->kind->ended(ride, result);
    }
}

/* Between curl and the loop. */

static void time_is_up(uv_timer_t *timer);
static void poll_ready(uv_poll_t *poll, int status, int events);

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
    (void)multi;
    struct http *http = data;
    if (http->ending) return 0;
    if (timeout_ms < 0)
        uv_timer_stop(&http->timer);
    else /* cannot fail: it has a callback and is not closing */
        uv_timer_start(&http->timer, time_is_up, (uint64_t)timeout_ms, 0);
    return 0;
}

static int socket_poll(struct http_socket *sock)
{
    if (sock->polled == sock->events) return OK;
    int rc = uv_poll_start(&sock->poll, sock->events, poll_ready);
    sock->polled = rc < 0 ? 0 : sock->events;
    return rc;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *assigned)
{
    (void)easy;
    struct http *http = data;
    struct http_socket *sock = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (!sock) return 0;
        sock->events = 0;
        if (sock->connection && sock->established)
            uv_unref((uv_handle_t *)&sock->poll);
        else
            socket_remove(sock);
        return 0;
    }
    if (!sock) {
        sock = socket_find(http, fd);
        if (!sock) sock = socket_add(http, fd, false);
        if (!sock || curl_multi_assign(http->multi, fd, sock) != CURLM_OK) return -1;
    }
    if (what & CURL_POLL_IN) sock->established = true;
    sock->events =
        (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_ref((uv_handle_t *)&sock->poll);
    return socket_poll(sock) < 0 ? -1 : 0;
}

static bool bound_connections(const struct http *http, CURLM *multi)
{
    long host = http->host_connections, total = http->total_connections;
    return curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, host) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, total) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, total) == CURLM_OK;
}

void http_reserve(struct http *http, int connections)
{
    if (!http) return;
    http->host_connections += connections;
    http->total_connections += connections;
    /* Can only fail inside a callback of curl's, where nobody calls this. */
    if (http->multi) (void)bound_connections(http, http->multi);
}

/* Makes http->multi unless it is there. */
static int set_up_multi(struct http *http)
{
    if (http->multi) return OK;
    CURLM *multi = curl_multi_init();
    if (!multi) return ERR_NOMEM;
    if (curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http) != CURLM_OK ||
        !bound_connections(http, multi)) {
        curl_multi_cleanup(multi);
        return ERR_NOMEM;
    }
    http->multi = multi;
    return OK;
}

/* Closes all connections; no call may be active. */
static void tear_down_multi(struct http *http)
{
    curl_multi_cleanup(http->multi);
    http->multi = NULL;
    while (http->sockets)
        socket_remove(http->sockets);
}

static void start_over(struct http *http)
{
    struct http_ride *ride;
    while ((ride = http->active)) {
        http_leave(ride);
        list_add(&http->lost, ride);
    }
    tear_down_multi(http);
    uv_timer_stop(&http->timer); /* the next multi handle is made by the next http_send() */
    while (!http->ending && (ride = http->lost))
        ride->kind->ended(ride, CURLE_OUT_OF_MEMORY);
}

static void act(struct http *http, curl_socket_t fd, int events)
{
    int running;
    CURLMcode code = curl_multi_socket_action(http->multi, fd, events, &running);
    deliver_finished(http); /* may end it */
    if (code != CURLM_OK && !http->ending) start_over(http);
}

static void time_is_up(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *sock = poll->data;
    int flags = 0;
    if (status < 0) sock->polled = 0; /* libuv stopped it */
    if (sock->events == 0) {
        uv_poll_stop(poll);
        sock->polled = 0;
        return;
    }
    /* A failed socket is for curl to read: only then does it learn what happened. */
    if (status < 0) flags |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    act(sock->http, sock->fd, flags);
    /* curl may want to hear of a failed socket once more. */
    if (status < 0 && sock->events && !uv_is_closing((uv_handle_t *)poll))
        (void)socket_poll(sock); /* if not, the call ends by its timeout */
}

/* The bundle is a file: see the header. */
static const char *choose_ca_file(const char *given)
{
    static const char *const variables[] = {"SSL_CERT_FILE", "AWS_CA_BUNDLE"};
    if (given) return given;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        const char *path = getenv(variables[i]);
        if (path && *path) return path;
    }
    return system_bundle;
}

static int or_default(int given, int fallback)
{
    return given > 0 ? given : fallback;
}

static void set_limits(struct http *http, const struct http_options *options)
{
    http->limits = (struct http_limits){CONNECT_TIMEOUT_MS, TIMEOUT_MS, HTTP_BODY_MAX_DEFAULT};
    if (options->connect_timeout_ms > 0)
        http->limits.connect_timeout_ms = options->connect_timeout_ms;
    if (options->timeout_ms > 0) http->limits.timeout_ms = options->timeout_ms;
    if (options->max_body_bytes > 0) http->limits.max_body_bytes = options->max_body_bytes;
}

int http_new(struct loop *loop, const struct http_options *options, struct http **out)
{
    static const struct http_options defaults;
    if (!options) options = &defaults;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return ERR_NOMEM;
    int rc = ERR_NOMEM;
    struct http *http = calloc(1, sizeof *http);
    if (!http) goto fail;
    http->uv = loop_uv(loop);
    http->host_connections = or_default(options->max_host_connections, HOST_CONNECTIONS);
    http->total_connections = or_default(options->max_total_connections, TOTAL_CONNECTIONS);
    set_limits(http, options);
    http->ca_file = strdup(choose_ca_file(options->ca_file));
    http->user_agent =
        strdup(options->user_agent ? options->user_agent : "moontide/" MOONTIDE_VERSION);
    if (!http->ca_file || !http->user_agent) goto fail;
    rc = set_up_multi(http);
    if (rc < 0) goto fail;
    rc = err_from_uv(uv_timer_init(http->uv, &http->timer));
    if (rc < 0) goto fail;
    http->timer.data = http;
    http->handles_open = 1;
    *out = http;
    return OK;

fail:
    if (http) {
        curl_multi_cleanup(http->multi);
        free(http->ca_file);
        free(http->user_agent);
        free(http);
    }
    curl_global_cleanup();
    return rc;
}

void http_free(struct http *http)
{
    if (!http) return;
    http->ending = true;
    struct http_ride *ride;
    while ((ride = http->active) || (ride = http->lost)) {
        http_leave(ride);
        ride->kind->dropped(ride);
    }
    while ((ride = http->spare)) {
        http->spare = ride->next;
        http_call_free(call_of(ride));
    }
    tear_down_multi(http);
    uv_close((uv_handle_t *)&http->timer, timer_closed);
}

int http_board(struct http *http, struct http_ride *ride)
{
    ride->http = http;
    int rc = set_up_multi(http);
    if (rc < 0) return rc;
    if (curl_multi_add_handle(http->multi, ride->easy) != CURLM_OK) return ERR_NOMEM;
    list_add(&http->active, ride);
    return OK;
}

uv_loop_t *http_uv(const struct http *http)
{
    return http->uv;
}

const char *http_ca_file(const struct http *http)
{
    return http->ca_file;
}

int http_send(struct http *http, const struct http_request *request, http_done_fn *done, void *data,
              struct http_call **out)
{
    struct http_call *call = acquire(http);
    if (!call) {
        free(request->take_body);
        return ERR_NOMEM;
    }
    int rc = http_call_prepare(call, request);
    if (rc == OK) {
        call->done = done;
        call->data = data;
        rc = http_board(http, &call->ride);
    }
    if (rc < 0) {
        release(http, call);
        return rc;
    }
    if (out) *out = call;
    return OK;
}

void http_cancel(struct http_call *call)
{
    if (!call) return;
    http_leave(&call->ride);
    release(call->ride.http, call);
}
