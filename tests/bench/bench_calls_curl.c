/* bench/bench_calls_curl.c - the same small POST by libcurl alone: easy handles that are set up
 * once and added to the multi handle again, unsigned, with no header of their own but the type.
 * What is left of a call then is what no client on top of libcurl can do without. */
#include "bench_calls.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <uv.h>

struct curl_calls {
    CURLM *multi;
    struct curl_slist *headers;
    CURL **easy; /* shape: [at_once] */
    int at_once;
    int left, under_way;
    int by_uv;
    uv_loop_t loop;
    uv_timer_t timer;
};

struct watch {
    uv_poll_t poll;
    struct curl_calls *c;
    curl_socket_t fd;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *data)
{
    (void)bytes;
    (void)data;
    return size * count;
}

static void collect(struct curl_calls *c)
{
    CURLMsg *message;
    int queued;
    while ((message = curl_multi_info_read(c->multi, &queued))) {
        CURL *easy = message->easy_handle;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (message->data.result != CURLE_OK || status != 200) calls_die("curl: a call failed");
        curl_multi_remove_handle(c->multi, easy);
        c->under_way--;
        if (c->left == 0) continue;
        c->left--;
        c->under_way++;
        curl_multi_add_handle(c->multi, easy);
    }
    if (c->by_uv && c->under_way == 0) uv_stop(&c->loop);
}

static void act(struct curl_calls *c, curl_socket_t fd, int flags)
{
    int running;
    curl_multi_socket_action(c->multi, fd, flags, &running);
    collect(c);
}

static void time_is_up(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *data)
{
    struct curl_calls *c = data;
    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, time_is_up, (uint64_t)timeout_ms, 0);
    return 0;
}

static void poll_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    act(watch->c, watch->fd, flags);
}

/* A watch stays with its socket between the calls; the process ends soon after the last. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *assigned)
{
    static struct watch *watches[1024]; /* by descriptor */
    struct curl_calls *c = data;
    (void)easy;
    (void)assigned;
    if (fd >= 1024) calls_die("curl: too many sockets");
    struct watch *watch = watches[fd];
    if (what == CURL_POLL_REMOVE) {
        if (watch) uv_poll_stop(&watch->poll);
        return 0;
    }
    if (!watch) {
        if (!(watch = calloc(1, sizeof *watch))) return -1;
        if (uv_poll_init_socket(&c->loop, &watch->poll, fd) < 0) calls_die("uv_poll_init_socket");
        watch->poll.data = watch;
        watch->c = c;
        watch->fd = fd;
        watches[fd] = watch;
    }
    uv_poll_start(&watch->poll,
                  (what & CURL_POLL_IN ? UV_READABLE : 0) |
                      (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  poll_ready);
    return 0;
}

static CURL *easy_new(const struct calls *calls, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();
    if (!easy) calls_die("curl: out of memory");
    curl_easy_setopt(easy, CURLOPT_URL, calls->url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, calls->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, calls->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)calls->body_len);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    return easy;
}

struct curl_calls *curl_calls_new(const struct calls *calls, int by_uv)
{
    struct curl_calls *c = calloc(1, sizeof *c);
    if (!c || !(c->easy = calloc((size_t)calls->at_once, sizeof(CURL *))))
        calls_die("out of memory");
    c->at_once = calls->at_once;
    c->by_uv = by_uv;
    c->multi = curl_multi_init();
    c->headers = curl_slist_append(NULL, "content-type: application/x-amz-json-1.1");
    for (int i = 0; i < c->at_once; i++)
        c->easy[i] = easy_new(calls, c->headers);
    if (!by_uv) return c;
    uv_loop_init(&c->loop);
    uv_timer_init(&c->loop, &c->timer);
    c->timer.data = c;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    return c;
}

void curl_calls_run(struct curl_calls *c, int count)
{
    c->left = count;
    for (int i = 0; i < c->at_once && c->left > 0; i++) {
        c->left--;
        c->under_way++;
        curl_multi_add_handle(c->multi, c->easy[i]);
    }
    if (c->by_uv) {
        uv_run(&c->loop, UV_RUN_DEFAULT);
        return;
    }
    for (int running; c->under_way > 0;) {
        curl_multi_perform(c->multi, &running);
        collect(c);
        if (c->under_way > 0) curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
    }
}

void curl_calls_free(struct curl_calls *c)
{
    for (int i = 0; i < c->at_once; i++)
        curl_easy_cleanup(c->easy[i]);
    curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->headers);
    free(c->easy);
    free(c);
}
