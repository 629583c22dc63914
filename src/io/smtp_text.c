/* io/smtp_text.c - lines of SMTP: replies, addresses, the dots of a message. */
#include "smtp_internal.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESS_MAX = 254, LOCAL_MAX = 64, SECRET_LEAST = 4 }; /* RFC 5321 section 4.5.3.1 */

/* ---- replies ---- */

static char *base64_of(const char *bytes, size_t len)
{
    char *text = malloc(4 * ((len + 2) / 3) + 1);
    if (text) EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes, (int)len);
    return text;
}

int smtp_hide(struct smtp_reply *reply, const char *username, const char *password)
{
    if (!password || strlen(password) < SECRET_LEAST) return OK;
    size_t user_len = username ? strlen(username) : 0, len = strlen(password);
    char *plain = calloc(1, user_len + len + 3); /* RFC 4616: NUL user NUL password */
    if (!plain) return ERR_NOMEM;
    if (user_len) memcpy(plain + 1, username, user_len);
    memcpy(plain + user_len + 2, password, len);
    reply->secrets[0] = strdup(password);
    reply->secrets[1] = base64_of(password, len);
    reply->secrets[2] = base64_of(plain, user_len + len + 2);
    free(plain);
    return reply->secrets[0] && reply->secrets[1] && reply->secrets[2] ? OK : ERR_NOMEM;
}

void smtp_reply_done(struct smtp_reply *reply)
{
    for (size_t i = 0; i < COUNT_OF(reply->secrets); i++) {
        free(reply->secrets[i]);
        reply->secrets[i] = NULL;
    }
}

static int status_of(const char *text, size_t len)
{
    if (len < 3) return 0;
    for (size_t i = 0; i < 3; i++)
        if (text[i] < '0' || text[i] > '9') return 0;
    return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

void smtp_reply_line(struct smtp_reply *reply, const char *text, size_t len)
{
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (len >= sizeof reply->line) len = sizeof reply->line - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        reply->line[i] = c < ' ' || c == 0x7f ? ' ' : text[i];
    }
    reply->line[len] = '\0';
    reply->status = status_of(text, len);
    reply->last = len < 4 || text[3] != '-';
    for (size_t i = 0; i < COUNT_OF(reply->secrets); i++)
        if (reply->secrets[i] && strstr(reply->line, reply->secrets[i]))
            memcpy(reply->line + (reply->status ? 3 : 0), " [secret]", sizeof " [secret]");
}

bool smtp_reply_byte(struct smtp_reply *reply, char c)
{
    if (c != '\n') {
        if (reply->part_len < sizeof reply->part) reply->part[reply->part_len++] = c;
        return false;
    }
    smtp_reply_line(reply, reply->part, reply->part_len);
    reply->part_len = 0;
    return reply->last;
}

/* ---- what is sent ---- */

const char *smtp_address_problem(const char *address)
{
    const char *at = strrchr(address, '@');
    for (const char *c = address; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "contains a line break or control character";
        if ((unsigned char)*c > 0x7f) return "is not ASCII (a domain is written as xn--...)";
        if (strchr(" <>,;()[]\\\"", *c)) return "contains a character that an address has not";
    }
    if (!at || at == address || !at[1]) return "is no address (name@domain)";
    if (strlen(address) > ADDRESS_MAX || at - address > LOCAL_MAX) return "is too long";
    return NULL;
}

void smtp_add_data(struct strbuf *out, const char *data, size_t len)
{
    const char *end = data + len;
    while (data < end) {
        const char *stop = data;
        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        if (*data == '.') strbuf_addc(out, '.');
        strbuf_add(out, data, (size_t)(stop - data));
        strbuf_adds(out, "\r\n");
        /* CR LF, LF and a lone CR are one line's end each: a server that takes a lone one for an
         * end could else be given commands. */
        if (stop < end && *stop == '\r') stop++;
        if (stop < end && *stop == '\n') stop++;
        data = stop;
    }
    strbuf_adds(out, ".\r\n");
}
