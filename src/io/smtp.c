/* io/smtp.c - one mail: curl connects, greets, encrypts and authenticates; then the commands.
 *
 *   connecting --curl is done--> FROM --250--> TO, once a recipient --> DATA --354--> BODY --250-->
 *   QUIT --any answer, or a second--> told        (a refusal in between goes to QUIT at once)
 *
 * The connection stays curl's (CURLOPT_CONNECT_ONLY), which encrypts what passes through it; that
 * something may pass is told by a second descriptor of the socket, as the first one belongs to
 * http.c. When the ride leaves, curl closes the connection without a word. */
#include "smtp_internal.h"

#include "moontide/base/clock.h"
#include "moontide/io/loop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    TIMEOUT_MS = 40000,
    STALL_TIMEOUT_MS = 20000,
    QUIT_MS = 1000,
    CHUNK_BYTES = 4096,
};

/* Sets an option of `easy` unless one before failed; `ok` tells. */
#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

enum phase { CONNECTING, FROM, TO, DATA, BODY, QUIT };

struct watch {
    uv_poll_t poll;
    struct smtp_mail *mail;
    int fd;
};

struct smtp_mail {
    struct http_ride ride;
    struct loop *loop;
    struct loop_timer *timer;
    struct watch *watch; /* NULL: curl still has the connection to itself */
    smtp_done_fn *done;
    void *data;

    struct http_place place;
    enum phase phase;
    char *from, **to;
    size_t to_count, nth, taken;  /* nth: the recipient that is asked for */
    struct smtp_refusal *refused; /* their texts are owned */
    size_t refused_count;
    struct strbuf out, body;
    size_t sent; /* of out */
    struct smtp_reply reply;
    bool wants_auth, offers_auth;
    int64_t stall_ms, end_ns, moved_ns;
    char reason[CURL_ERROR_SIZE];
    struct smtp_answer answer;
    char line[SMTP_LINE_MAX]; /* of the answer */
};

static const struct clock real_clock;

static int64_t or_default(int64_t given, int64_t fallback)
{
    return given > 0 ? given : fallback;
}

/* ---- the end ---- */

static void watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    close(watch->fd);
    free(watch);
}

static void mail_free(struct smtp_mail *mail)
{
    if (!mail) return;
    loop_timer_cancel(mail->timer);
    if (mail->watch) {
        uv_poll_stop(&mail->watch->poll);
        uv_close((uv_handle_t *)&mail->watch->poll, watch_closed);
    }
    if (mail->ride.easy) curl_easy_cleanup(mail->ride.easy);
    for (size_t i = 0; mail->to && i < mail->to_count; i++)
        free(mail->to[i]);
    for (size_t i = 0; i < mail->refused_count; i++)
        free((char *)(uintptr_t)mail->refused[i].line);
    free(mail->refused);
    free(mail->to);
    free(mail->from);
    strbuf_done(&mail->out);
    strbuf_done(&mail->body);
    smtp_reply_done(&mail->reply);
    free(mail);
}

static void tell(struct smtp_mail *mail)
{
    http_leave(&mail->ride);
    mail->answer.line = mail->line;
    mail->answer.refused = mail->refused;
    mail->answer.refused_count = mail->refused_count;
    mail->done(mail->data, &mail->answer);
    mail_free(mail);
}

/* What the server said last is the answer's, whatever it says to QUIT. */
static void keep_reply(struct smtp_mail *mail)
{
    mail->answer.status = mail->reply.status;
    memcpy(mail->line, mail->reply.line, sizeof mail->line);
}

static void fail(struct smtp_mail *mail, int code, const char *why)
{
    keep_reply(mail);
    mail->answer.code =
        fault_set(&mail->answer.fault, code, "%s:%d: %s", mail->place.host, mail->place.port, why);
}

static int code_of_status(int status)
{
    return status >= 500 ? ERR_DENIED : status >= 400 ? ERR_SERVER : ERR_IO;
}

static void fail_with_reply(struct smtp_mail *mail)
{
    fail(mail, code_of_status(mail->reply.status), mail->reply.line);
}

/* ---- time ---- */

static void time_is_up(void *data);

static bool start_timer(struct smtp_mail *mail, int64_t ms)
{
    loop_timer_cancel(mail->timer);
    mail->timer = NULL;
    return loop_timer_start(mail->loop, ms > 0 ? ms : 0, time_is_up, mail, &mail->timer) == OK;
}

static int64_t ms_left(const struct smtp_mail *mail)
{
    int64_t now = clock_mono_ns(&real_clock);
    int64_t stall = mail->moved_ns + mail->stall_ms * 1000000 - now, all = mail->end_ns - now;
    return ((stall < all ? stall : all) + 999999) / 1000000;
}

static void time_is_up(void *data)
{
    struct smtp_mail *mail = data;
    mail->timer = NULL;
    if (mail->phase == QUIT) {
        tell(mail);
        return;
    }
    int64_t left = ms_left(mail);
    if (left > 0 && start_timer(mail, left)) return;
    fail(mail, left > 0 ? ERR_NOMEM : ERR_TIMEOUT,
         left > 0 ? err_text(ERR_NOMEM) : "timed out waiting for the mail server");
    tell(mail);
}

/* ---- commands ---- */

static void say(struct smtp_mail *mail, const char *verb, const char *word, const char *end)
{
    strbuf_reset(&mail->out);
    mail->sent = 0;
    strbuf_adds(&mail->out, verb);
    strbuf_adds(&mail->out, word);
    strbuf_adds(&mail->out, end);
}

static void quit(struct smtp_mail *mail)
{
    mail->phase = QUIT;
    say(mail, "QUIT", "", "\r\n");
    /* Who cannot be waited for is left. */
    if (!start_timer(mail, QUIT_MS)) mail->end_ns = 0;
}

static void ask_for_next(struct smtp_mail *mail)
{
    mail->phase = TO;
    say(mail, "RCPT TO:<", mail->to[mail->nth], ">\r\n");
}

static void refuse_recipient(struct smtp_mail *mail)
{
    char *line = strdup(mail->reply.line);
    if (!line) {
        fail(mail, ERR_NOMEM, err_text(ERR_NOMEM));
        quit(mail);
        return;
    }
    mail->refused[mail->refused_count++] =
        (struct smtp_refusal){mail->to[mail->nth], mail->reply.status, line};
}

/* Nobody is left: it may pass where one of the refusals may. */
static void fail_for_all(struct smtp_mail *mail)
{
    for (size_t i = 0; i < mail->refused_count; i++) {
        if (code_of_status(mail->refused[i].status) != ERR_SERVER) continue;
        mail->reply.status = mail->refused[i].status;
        smtp_reply_line(&mail->reply, mail->refused[i].line, strlen(mail->refused[i].line));
        break;
    }
    fail_with_reply(mail);
    quit(mail);
}

static void recipient_answered(struct smtp_mail *mail)
{
    int status = mail->reply.status;
    if (status == 250 || status == 251 || status == 252)
        mail->taken++;
    else if (status >= 400 && status != 421)
        refuse_recipient(mail);
    else
        fail_with_reply(mail);
    if (mail->answer.code < 0) {
        if (mail->phase != QUIT) quit(mail);
    } else if (++mail->nth < mail->to_count) {
        ask_for_next(mail);
    } else if (mail->taken == 0) {
        fail_for_all(mail);
    } else {
        mail->phase = DATA;
        say(mail, "DATA", "", "\r\n");
    }
}

/* A reply is complete. False: that was the last one. */
static bool answered(struct smtp_mail *mail)
{
    int status = mail->reply.status;
    bool early = mail->sent < mail->out.len; /* it did not wait for the message's end */
    switch (mail->phase) {
    case CONNECTING: return true;
    case TO: recipient_answered(mail); return true;
    case QUIT: return false;
    case FROM:
        if (status != 250) break;
        ask_for_next(mail);
        return true;
    case DATA:
        if (status != 354) break;
        mail->phase = BODY;
        strbuf_done(&mail->out);
        mail->out = mail->body;
        strbuf_init(&mail->body, SMTP_DATA_MAX);
        mail->sent = 0;
        return true;
    case BODY:
        if (status != 250 || early) break;
        keep_reply(mail);
        quit(mail);
        return true;
    }
    fail_with_reply(mail);
    if (mail->phase == BODY && early) return false;
    quit(mail);
    return true;
}

/* ---- bytes ---- */

/* curl's word for a transfer that did not work; CURLE_OK while it does. */
static CURLcode send_some(struct smtp_mail *mail)
{
    while (mail->sent < mail->out.len) {
        size_t n = 0;
        CURLcode code = curl_easy_send(mail->ride.easy, mail->out.data + mail->sent,
                                       mail->out.len - mail->sent, &n);
        if (code == CURLE_AGAIN) return CURLE_OK;
        if (code != CURLE_OK) return code;
        mail->sent += n;
        mail->moved_ns = clock_mono_ns(&real_clock);
    }
    return strbuf_status(&mail->out) < 0 ? CURLE_OUT_OF_MEMORY : CURLE_OK;
}

/* Sets *over when the conversation is. */
static CURLcode receive_some(struct smtp_mail *mail, bool *over)
{
    char bytes[CHUNK_BYTES];
    while (!*over) {
        size_t n = 0;
        CURLcode code = curl_easy_recv(mail->ride.easy, bytes, sizeof bytes, &n);
        if (code == CURLE_AGAIN) return CURLE_OK;
        if (code != CURLE_OK || n == 0) return code == CURLE_OK ? CURLE_RECV_ERROR : code;
        mail->moved_ns = clock_mono_ns(&real_clock);
        for (size_t i = 0; i < n && !*over; i++)
            if (smtp_reply_byte(&mail->reply, bytes[i])) *over = !answered(mail);
        if (!*over) code = send_some(mail);
        if (code != CURLE_OK) return code;
    }
    return CURLE_OK;
}

static void on_ready(uv_poll_t *poll, int status, int events);

/* Goes on as far as it gets, and waits for more; may end it. */
static void go_on(struct smtp_mail *mail)
{
    bool over = false;
    CURLcode code = send_some(mail), heard = receive_some(mail, &over);
    /* What it had said before it went says more than that it went. */
    if (code == CURLE_OK) code = heard;
    if (code != CURLE_OK && !over) {
        if (mail->phase != QUIT)
            fail(mail, code == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_IO,
                 "the mail server ended the connection");
        over = true;
    }
    int events = UV_READABLE | (mail->sent < mail->out.len ? UV_WRITABLE : 0);
    if (!over && uv_poll_start(&mail->watch->poll, events, on_ready) < 0) {
        if (mail->phase != QUIT) fail(mail, ERR_NOMEM, err_text(ERR_NOMEM));
        over = true;
    }
    if (over || (mail->phase == QUIT && !mail->timer)) tell(mail);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* curl's next receive learns what happened */
    (void)events;
    go_on(((const struct watch *)poll->data)->mail);
}

/* ---- the connection ---- */

/* Lines of the server while curl has the word. */
static size_t on_line(char *line, size_t size, size_t count, void *data)
{
    struct smtp_mail *mail = data;
    size_t len = size * count;
    smtp_reply_line(&mail->reply, line, len);
    if (mail->reply.status == 220) mail->offers_auth = false; /* a greeting, also before TLS */
    if (mail->reply.status == 250 && len > 8 && strncasecmp(line + 4, "AUTH", 4) == 0)
        mail->offers_auth = true;
    return len;
}

static size_t on_nothing(char *bytes, size_t size, size_t count, void *data)
{
    (void)bytes;
    (void)data;
    return size * count;
}

static void fail_to_connect(struct smtp_mail *mail, CURLcode result)
{
    int status = mail->reply.status;
    int code = http_code_of(result);
    if (result == CURLE_USE_SSL_FAILED)
        fail(mail, ERR_TLS, "STARTTLS is required, and the mail server does not offer it");
    else if (status >= 400)
        fail_with_reply(mail);
    else if (result == CURLE_LOGIN_DENIED)
        fail(mail, ERR_DENIED, "the mail server does not take this login");
    else
        fail(mail, code, mail->reason[0] ? mail->reason : curl_easy_strerror(result));
}

static int watch_connection(struct smtp_mail *mail)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch) return ERR_NOMEM;
    watch->fd = -1;
    if (curl_easy_getinfo(mail->ride.easy, CURLINFO_ACTIVESOCKET, &fd) == CURLE_OK &&
        fd != CURL_SOCKET_BAD)
        watch->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    int rc = watch->fd < 0 ? ERR_IO : OK;
    if (rc == OK)
        rc = err_from_uv(uv_poll_init_socket(http_uv(mail->ride.http), &watch->poll, watch->fd));
    if (rc < 0) {
        if (watch->fd >= 0) close(watch->fd);
        free(watch);
        return rc;
    }
    watch->poll.data = watch;
    watch->mail = mail;
    mail->watch = watch;
    return OK;
}

static void connected(struct http_ride *ride, CURLcode result)
{
    struct smtp_mail *mail = (struct smtp_mail *)ride;
    int rc = OK;
    if (mail->phase != CONNECTING) /* the client's multi handle is lost, and all in it */
        fail(mail, ERR_NOMEM, err_text(ERR_NOMEM));
    else if (result != CURLE_OK)
        fail_to_connect(mail, result);
    else if (mail->wants_auth && !mail->offers_auth)
        fail(mail, ERR_DENIED, "there is a password, and the mail server offers no AUTH");
    else if ((rc = watch_connection(mail)) < 0)
        fail(mail, rc, err_text(rc));
    if (mail->answer.code < 0) {
        tell(mail);
        return;
    }
    mail->phase = FROM;
    mail->moved_ns = clock_mono_ns(&real_clock);
    say(mail, "MAIL FROM:<", mail->from, ">\r\n");
    if (!start_timer(mail, ms_left(mail))) {
        fail(mail, ERR_NOMEM, err_text(ERR_NOMEM));
        tell(mail);
        return;
    }
    go_on(mail);
}

static void dropped(struct http_ride *ride)
{
    mail_free((struct smtp_mail *)ride);
}

/* ---- the begin ---- */

static int set_up_curl(struct smtp_mail *mail, const struct smtp_options *options,
                       struct http *http)
{
    static const long levels[] = {CURLUSESSL_ALL, CURLUSESSL_TRY, CURLUSESSL_NONE};
    CURL *easy = mail->ride.easy = curl_easy_init();
    if (!easy || http_set_common(http, easy, http_ca_file(http)) < 0) return ERR_NOMEM;
    bool ok = true;
    SET(CURLOPT_PRIVATE, &mail->ride);
    SET(CURLOPT_ERRORBUFFER, mail->reason);
    SET(CURLOPT_HEADERFUNCTION, on_line);
    SET(CURLOPT_HEADERDATA, mail);
    SET(CURLOPT_WRITEFUNCTION, on_nothing);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_URL, options->url);
    SET(CURLOPT_USE_SSL, levels[options->tls]);
    SET(CURLOPT_CONNECTTIMEOUT_MS,
        (long)or_default(options->connect_timeout_ms, CONNECT_TIMEOUT_MS));
    SET(CURLOPT_TIMEOUT_MS, (long)or_default(options->timeout_ms, TIMEOUT_MS));
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)((mail->stall_ms + 999) / 1000));
    if (options->username) SET(CURLOPT_USERNAME, options->username);
    if (options->password) SET(CURLOPT_PASSWORD, options->password);
    return ok ? OK : ERR_NOMEM;
}

static int check(const struct smtp_options *options, struct http_place *place, struct fault *fault)
{
    if (http_place_parse_mail(options->url, place) < 0)
        return fault_set(fault, ERR_INVALID, "'%s' is no smtp://host:port", options->url);
    if (options->password && options->tls == SMTP_OPTIONAL &&
        strncasecmp(options->url, "smtps", 5) != 0)
        return fault_set(fault, ERR_INVALID, "a password is not sent where TLS is optional");
    if (options->to_count == 0 || options->to_count > SMTP_RECIPIENTS_MAX)
        return fault_set(fault, ERR_INVALID, "a mail has 1 to %d recipients", SMTP_RECIPIENTS_MAX);
    for (size_t i = 0; i <= options->to_count; i++) {
        const char *address = i < options->to_count ? options->to[i] : options->from;
        const char *problem = smtp_address_problem(address);
        if (problem) return fault_set(fault, ERR_INVALID, "the address '%s' %s", address, problem);
    }
    if (options->len > SMTP_DATA_MAX / 2)
        return fault_set(fault, ERR_LIMIT, "a mail has at most %d bytes", SMTP_DATA_MAX / 2);
    return OK;
}

static int fill(struct smtp_mail *mail, const struct smtp_options *options, struct http *http)
{
    mail->to = calloc(options->to_count, sizeof *mail->to);
    mail->refused = calloc(options->to_count, sizeof *mail->refused);
    mail->from = strdup(options->from);
    if (!mail->to || !mail->refused || !mail->from) return ERR_NOMEM;
    for (mail->to_count = 0; mail->to_count < options->to_count; mail->to_count++)
        if (!(mail->to[mail->to_count] = strdup(options->to[mail->to_count]))) return ERR_NOMEM;
    smtp_add_data(&mail->body, options->data, options->len);
    if (strbuf_status(&mail->body) < 0) return strbuf_status(&mail->body);
    mail->stall_ms = or_default(options->stall_timeout_ms, STALL_TIMEOUT_MS);
    mail->end_ns =
        clock_mono_ns(&real_clock) + or_default(options->timeout_ms, TIMEOUT_MS) * 1000000;
    mail->wants_auth = options->username != NULL;
    int rc = smtp_hide(&mail->reply, options->username, options->password);
    return rc < 0 ? rc : set_up_curl(mail, options, http);
}

int smtp_send(struct loop *loop, struct http *http, const struct smtp_options *options,
              smtp_done_fn *done, void *data, struct smtp_mail **out, struct fault *fault)
{
    static const struct http_ride_kind kind = {.ended = connected, .dropped = dropped};
    struct http_place place;
    int rc = check(options, &place, fault);
    if (rc < 0) return rc;
    struct smtp_mail *mail = calloc(1, sizeof *mail);
    if (!mail) return fault_set(fault, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    mail->ride.kind = &kind;
    mail->loop = loop;
    mail->place = place;
    mail->done = done;
    mail->data = data;
    strbuf_init(&mail->out, SMTP_DATA_MAX);
    strbuf_init(&mail->body, SMTP_DATA_MAX);
    rc = fill(mail, options, http);
    if (rc == OK) rc = http_board(http, &mail->ride);
    if (rc < 0) {
        mail_free(mail);
        return fault_set(fault, rc, "%s", err_text(rc));
    }
    if (out) *out = mail;
    return OK;
}

void smtp_cancel(struct smtp_mail *mail)
{
    if (!mail) return;
    http_leave(&mail->ride);
    mail_free(mail);
}
