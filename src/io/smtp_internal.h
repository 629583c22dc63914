/* io/smtp_internal.h - what the files of the mail client share: smtp.c holds the conversation,
 * smtp_text.c knows what its lines may look like. */
#ifndef MOONTIDE_IO_SMTP_INTERNAL_H
#define MOONTIDE_IO_SMTP_INTERNAL_H

#include "http_internal.h"
#include "moontide/io/smtp.h"

/* A server's reply, line by line; what would repeat a secret is not kept. */
struct smtp_reply {
    int status; /* of the last whole line; 0: none yet */
    bool last;  /* that line ended the reply */
    char line[SMTP_LINE_MAX];
    char part[SMTP_LINE_MAX]; /* the line that is coming; more of it is dropped */
    size_t part_len;
    char *secrets[3]; /* a password as it is, and as AUTH sends it */
};

MUST_CHECK int smtp_hide(struct smtp_reply *reply, const char *username, const char *password);
void smtp_reply_done(struct smtp_reply *reply);
/* One line, with or without its end. */
void smtp_reply_line(struct smtp_reply *reply, const char *text, size_t len);
/* Takes a byte; true when it ended a reply. */
bool smtp_reply_byte(struct smtp_reply *reply, char c);

/* NULL, or what is wrong with an address as a word of MAIL FROM and RCPT TO. */
const char *smtp_address_problem(const char *address);
/* Adds the message as DATA wants it (RFC 5321 section 4.5.2), its end included. */
void smtp_add_data(struct strbuf *out, const char *data, size_t len);

#endif
