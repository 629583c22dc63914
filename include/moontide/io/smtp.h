/* io/smtp.h - one mail to an SMTP server (RFC 5321), on the uv loop.
 *
 * libcurl connects (the multi handle of struct http: names, TLS, STARTTLS, AUTH) and no more: its
 * own sending waits for the server's last word without turning the loop (7.88, smtp_done). The rest
 * of the conversation is held here, one command at a time, so that each refused recipient is known
 * by name.
 *
 * Rule 1: every mail has a connect timeout, a total timeout and a stall timeout. Rule 2: done runs
 * on the loop, exactly once, never before smtp_send() returns, not at all after smtp_cancel().
 * Rule 3: certificates are verified; a password goes through no plain connection unless SMTP_NONE
 * says so. No proxy is used. Rule 4: neither password nor data is in any text that comes out. */
#ifndef MOONTIDE_IO_SMTP_H
#define MOONTIDE_IO_SMTP_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct http;
struct loop;
struct smtp_mail;

enum { SMTP_RECIPIENTS_MAX = 100, SMTP_LINE_MAX = 512, SMTP_DATA_MAX = 16 * 1024 * 1024 };

enum smtp_tls {
    SMTP_STARTTLS, /* nothing is said to a server that does not offer it */
    SMTP_OPTIONAL, /* STARTTLS where it is offered; takes no password */
    SMTP_NONE,
};

struct smtp_options {
    const char *url; /* smtp://host[:port], or smtps://host[:port]: TLS from the first byte */
    const char *from;
    const char *const *to; /* shape: [to_count] */
    size_t to_count;
    const char *data; /* the message (RFC 5322); line ends and leading dots are put right here */
    size_t len;
    const char *username, *password; /* NULL: no AUTH */
    enum smtp_tls tls;               /* of smtp:// */
    int64_t connect_timeout_ms;      /* 0: 5,000; name, TCP, TLS, greeting */
    int64_t timeout_ms;              /* the whole of it; 0: 40,000 */
    int64_t stall_timeout_ms;        /* nothing comes and nothing leaves; 0: 20,000 */
};

struct smtp_refusal {
    const char *address;
    int status;
    const char *line;
};

/* Valid only during the callback. code OK: the server took the mail for all recipients but those
 * refused. Else fault says why: ERR_SERVER (4xx: may pass), ERR_DENIED (5xx: lasts), or
 * ERR_CONNECT, ERR_TIMEOUT, ERR_TLS, ERR_IO, ERR_NOMEM. */
struct smtp_answer {
    int code;
    int status;                         /* of the last reply; 0: none came */
    const char *line;                   /* that reply's last line */
    const struct smtp_refusal *refused; /* shape: [refused_count] */
    size_t refused_count;
    struct fault fault;
};

typedef void smtp_done_fn(void *data, const struct smtp_answer *answer);

/* The options are borrowed for the call. ERR_INVALID (fault says which: a URL, an address),
 * ERR_LIMIT, ERR_NOMEM: no callback follows. *out is valid until done is entered or smtp_cancel()
 * returns. http_free() ends a mail under way without calling back. */
MUST_CHECK int smtp_send(struct loop *loop, struct http *http, const struct smtp_options *options,
                         smtp_done_fn *done, void *data, struct smtp_mail **out,
                         struct fault *fault);
void smtp_cancel(struct smtp_mail *mail); /* NULL is allowed */

#endif
