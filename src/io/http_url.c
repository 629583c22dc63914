/* io/http_url.c - the little that has to be known about URLs before curl takes them apart. */
#include "http_internal.h"

#include "moontide/base/err.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static int parse_port(const char *text, size_t len, int fallback)
{
    if (len == 0) return fallback;
    int port = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return ERR_INVALID;
        port = port * 10 + (text[i] - '0');
        if (port > 65535) return ERR_INVALID;
    }
    return port;
}

struct scheme {
    const char *text;
    int port;
};

static int place_parse(const char *url, const struct scheme schemes[2], struct http_place *out)
{
    const struct scheme *scheme = schemes;
    size_t scheme_len = strlen(scheme->text);
    if (strncasecmp(url, scheme->text, scheme_len) != 0) {
        scheme_len = strlen((++scheme)->text);
        if (strncasecmp(url, scheme->text, scheme_len) != 0) return ERR_INVALID;
    }
    int port = scheme->port;
    url += scheme_len;
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f) return ERR_INVALID;

    const char *end = url + strcspn(url, "/?#");
    for (const char *c = end; c > url; c--)
        if (c[-1] == '@') {
            url = c;
            break;
        }
    const char *host = url, *host_end;
    if (*host == '[') {
        host++;
        host_end = memchr(host, ']', (size_t)(end - host));
        if (!host_end) return ERR_INVALID;
        url = host_end + 1;
    } else {
        host_end = memchr(host, ':', (size_t)(end - host));
        if (!host_end) host_end = end;
        url = host_end;
    }
    size_t len = (size_t)(host_end - host);
    if (len == 0 || len >= sizeof out->host) return ERR_INVALID;
    if (url < end) {
        if (*url != ':') return ERR_INVALID;
        port = parse_port(url + 1, (size_t)(end - url - 1), port);
        if (port < 0) return port;
    }
    memcpy(out->host, host, len);
    out->host[len] = '\0';
    out->port = port;
    return OK;
}

int http_place_parse(const char *url, struct http_place *out)
{
    static const struct scheme schemes[] = {{"http://", 80}, {"https://", 443}};
    return place_parse(url, schemes, out);
}

int http_place_parse_mail(const char *url, struct http_place *out)
{
    static const struct scheme schemes[] = {{"smtp://", 25}, {"smtps://", 465}};
    int rc = place_parse(url, schemes, out);
    if (rc < 0) return rc;
    const char *rest = strstr(url, "//") + 2;
    return rest[strcspn(rest, "/?#@")] ? ERR_INVALID : OK;
}

bool http_place_is_direct(const struct http_place *place)
{
    const char *host = place->host;
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        uint32_t a = ntohl(v4.s_addr);
        return a >> 24 == 127      /* loopback */
               || a == 0xA9FEA9FE  /* 169.254.169.254: EC2 instance metadata */
               || a == 0xA9FEAA02  /* 169.254.170.2: ECS task credentials */
               || a == 0xA9FEAA17; /* 169.254.170.23: EKS pod identity */
    }
    struct in6_addr v6;
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        static const char *const direct[] = {"::1", "fd00:ec2::254", "fd00:ec2::23"};
        for (size_t i = 0; i < COUNT_OF(direct); i++) {
            struct in6_addr other;
            if (inet_pton(AF_INET6, direct[i], &other) == 1 && !memcmp(&v6, &other, sizeof v6))
                return true;
        }
        return false;
    }
    size_t len = strlen(host);
    static const char name[] = "localhost";
    size_t name_len = sizeof name - 1;
    if (len && host[len - 1] == '.') len--;
    if (len < name_len || strncasecmp(host + len - name_len, name, name_len) != 0) return false;
    return len == name_len || host[len - name_len - 1] == '.';
}

void http_encode(struct strbuf *out, const char *text, size_t len, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
        if (plain) {
            strbuf_addc(out, (char)c);
        } else {
            char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            strbuf_add(out, escaped, sizeof escaped);
        }
    }
}
