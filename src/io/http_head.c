/* io/http_head.c - the lines before the body.
 *
 * curl 7.88 formats each header by its printf, byte by byte through two callbacks: 70 instructions
 * a byte, more than all the rest of a signed call. What it copies at once is the target of the
 * request. So where the lines go to the server itself, they are made here and handed over as one
 * target, the end of the first line included; curl puts " HTTP/1.1" (or " HTTP/2") behind the last
 * one, which therefore is the user agent, a list of products (RFC 9110, section 10.1.5) that is
 * never signed:
 *
 *   POST / HTTP/1.1                               curl: "POST ", then the target
 *   Host: ecs.eu-west-1.amazonaws.com
 *   ...
 *   user-agent: moontide/0.1.0 api/ECS HTTP/1.1   curl: " HTTP/1.1", then its Content-Length
 *
 * Every name and value has been checked for what would end a line. HTTP/2 is made by curl from the
 * same text. Only the versions of curl that this was seen to work with are trusted with it; others,
 * plain HTTP (which may go through a proxy, whose target is the URL) and headers that curl has to
 * know get a list of lines with nodes of our own, in one buffer, in place of two allocations a
 * header. */
#include "http_internal.h"

#include "moontide/base/err.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    EXTRA_LINES = 4, /* Content-Type, Expect, Accept-Encoding, User-Agent */
    ROOM = 160,      /* of the lines that are added here, and of what is between */
    CURL_SEEN_FIRST = 0x075800,
    CURL_SEEN_LAST = 0x0758FF,
};

static const char accept_encoding[] = "Accept-Encoding: gzip";

/* What a name may be made of (RFC 9110, section 5.6.2). */
static const bool token_bytes[256] = {
    ['!'] = true,         ['#'] = true,         ['$'] = true,        ['%'] = true, ['&'] = true,
    ['\''] = true,        ['*'] = true,         ['+'] = true,        ['-'] = true, ['.'] = true,
    ['^'] = true,         ['_'] = true,         ['`'] = true,        ['|'] = true, ['~'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true};

bool http_is_token(const char *text)
{
    if (!*text) return false;
    while (token_bytes[(unsigned char)*text])
        text++;
    return !*text;
}

static bool is_header_value(const char *text, size_t len)
{
    static const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
    size_t i = 0;
    for (uint64_t eight; i + 8 <= len;
         i += 8) { /* bytes below ' ', or of 0x7f, set their high bit */
        memcpy(&eight, text + i, 8);
        uint64_t x = eight ^ ones * 0x7f;
        if ((((eight - ones * ' ') & ~eight) | ((x - ones) & ~x)) & highs) break;
    }
    for (; i < len; i++)
        if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f) return false;
    return true;
}

/* What there is among the headers of a request. */
struct head {
    const struct http_request *request;
    bool has_body;
    bool content_type, expect, accept, encoding, host;
    bool curls;             /* one that curl has to know */
    const char *user_agent; /* the last one */
    size_t bytes;
};

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0) return true;
    return false;
}

static int look(struct head *head, const struct http_header *h)
{
    static const char *const curls[] = {"connection",        "content-length", "expect", "te",
                                        "transfer-encoding", "upgrade",        NULL};
    const char *name = h->name;
    size_t len = strlen(h->value);
    if (!http_is_token(name) || !is_header_value(h->value, len)) return ERR_INVALID;
    head->bytes += strlen(name) + len + 4;
    switch (name[0] | 0x20) { /* most names need no comparison */
    case 'a':
        head->accept = head->accept || strcasecmp(name, "accept") == 0;
        head->encoding = head->encoding || strcasecmp(name, "accept-encoding") == 0;
        break;
    case 'h': head->host = head->host || strcasecmp(name, "host") == 0; break;
    case 'c':
        head->content_type = head->content_type || strcasecmp(name, "content-type") == 0;
        head->curls = head->curls || is_one_of(name, curls);
        break;
    case 'e': head->expect = head->expect || strcasecmp(name, "expect") == 0; /* fall through */
    case 't': head->curls = head->curls || is_one_of(name, curls); break;
    case 'u':
        head->curls = head->curls || is_one_of(name, curls);
        if (strcasecmp(name, "user-agent") == 0) head->user_agent = h->value;
        break;
    default: break;
    }
    return OK;
}

/* ---- as a list ---- */

static void add_line(struct http_call *call, size_t *count, const char *name, const char *mark,
                     const char *value)
{
    struct curl_slist *node = &call->request_headers[*count];
    node->data = call->request_lines.data + call->request_lines.len;
    node->next = NULL;
    if (*count) node[-1].next = node;
    strbuf_adds(&call->request_lines, name);
    strbuf_adds(&call->request_lines, mark);
    strbuf_adds(&call->request_lines, value);
    strbuf_addc(&call->request_lines, '\0');
    ++*count;
}

static int set_list(struct http_call *call, const struct head *head)
{
    const struct http_request *request = head->request;
    size_t nodes = request->header_count + EXTRA_LINES;
    if (nodes > call->request_headers_cap) {
        struct curl_slist *grown = realloc(call->request_headers, nodes * sizeof *grown);
        if (!grown) return ERR_NOMEM;
        call->request_headers = grown;
        call->request_headers_cap = nodes;
    }
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *h = &request->headers[i];
        /* curl drops "Name:" and sends "Name;" as an empty header */
        add_line(call, &count, h->name, *h->value ? ": " : ";", h->value);
    }
    if (!head->user_agent) add_line(call, &count, "User-Agent", ": ", call->user_agent);
    if (!head->encoding) add_line(call, &count, accept_encoding, "", "");
    if (head->has_body && !head->content_type) add_line(call, &count, "Content-Type", ":", "");
    if (head->has_body && !head->expect) add_line(call, &count, "Expect", ":", "");
    bool ok = !call->has_target ||
              curl_easy_setopt(call->ride.easy, CURLOPT_REQUEST_TARGET, NULL) == CURLE_OK;
    call->has_target = false;
    ok = ok &&
         curl_easy_setopt(call->ride.easy, CURLOPT_HTTPHEADER, call->request_headers) == CURLE_OK;
    return ok ? OK : ERR_NOMEM;
}

/* ---- as the target ---- */

/* Sends none of its own. */
static struct curl_slist *no_lines(void)
{
    static char text[][sizeof "Accept-Encoding:"] = {
        "Host:", "Accept:", "Accept-Encoding:", "Content-Type:", "Expect:"};
    static struct curl_slist nodes[COUNT_OF(text)];
    for (size_t i = 0; i < COUNT_OF(text) && !nodes[i].data; i++)
        nodes[i] = (struct curl_slist){text[i], i + 1 < COUNT_OF(text) ? &nodes[i + 1] : NULL};
    return nodes;
}

static void add_field(struct strbuf *text, const char *name, const char *value)
{
    strbuf_adds(text, name);
    strbuf_add(text, ": ", 2);
    strbuf_adds(text, value);
    strbuf_add(text, "\r\n", 2);
}

/* As curl sends it: without the port of the scheme. */
static void add_host(struct strbuf *text, const char *authority, size_t len)
{
    if (len > 4 && memcmp(authority + len - 4, ":443", 4) == 0) len -= 4;
    strbuf_add(text, "Host: ", 6);
    strbuf_add(text, authority, len);
    strbuf_add(text, "\r\n", 2);
}

static int set_target(struct http_call *call, const struct head *head)
{
    const struct http_request *request = head->request;
    struct strbuf *text = &call->request_lines;
    const char *authority = strstr(request->url, "://") + 3;
    size_t len = strcspn(authority, "/?#");
    const char *path = authority + len;
    if (*path != '/') strbuf_addc(text, '/');
    strbuf_add(text, path, strcspn(path, "#"));
    strbuf_adds(text, " HTTP/1.1\r\n");
    if (!head->host) add_host(text, authority, len);
    for (size_t i = 0; i < request->header_count; i++)
        if (request->headers[i].value != head->user_agent)
            add_field(text, request->headers[i].name, request->headers[i].value);
    if (!head->accept) strbuf_adds(text, "Accept: */*\r\n");
    if (!head->encoding) {
        strbuf_add(text, accept_encoding, sizeof accept_encoding - 1);
        strbuf_add(text, "\r\n", 2);
    }
    strbuf_adds(text, "User-Agent: ");
    strbuf_adds(text, head->user_agent ? head->user_agent : call->user_agent);
    bool ok =
        strbuf_status(text) == OK &&
        curl_easy_setopt(call->ride.easy, CURLOPT_REQUEST_TARGET, strbuf_cstr(text)) == CURLE_OK &&
        curl_easy_setopt(call->ride.easy, CURLOPT_HTTPHEADER, no_lines()) == CURLE_OK;
    call->has_target = true;
    return ok ? OK : ERR_NOMEM;
}

/* Whether the URL is one whose host and path curl sends as they are written: no international name,
 * user, zone, dot at the end or odd port, and https, which is spoken to the server itself or
 * through a tunnel. */
static bool is_plain_url(const char *url)
{
    if (strncasecmp(url, "https://", 8) != 0) return false;
    const char *authority = url + 8, *at = authority;
    for (; *at && !strchr("/?#", *at); at++) {
        if (!isalnum((unsigned char)*at) && !strchr("-._:[]", *at)) return false;
        if (*at == ':' && (at[1] == '0' || at[1] == '/' || !at[1]) && *authority != '[')
            return false;
        if (*at == '.' && (!at[1] || strchr(":/?#", at[1]))) return false;
    }
    for (; *at; at++)
        if ((unsigned char)*at >= 0x80) return false;
    return true;
}

static bool curl_takes_lines(void)
{
    static unsigned version;
    if (!version) version = curl_version_info(CURLVERSION_NOW)->version_num;
    return version >= CURL_SEEN_FIRST && version <= CURL_SEEN_LAST;
}

int http_head_set(struct http_call *call, const struct http_request *request, bool has_body)
{
    struct head head = {.request = request, .has_body = has_body, .bytes = ROOM};
    if (request->header_count > HTTP_HEADERS_MAX) return ERR_INVALID;
    for (size_t i = 0; i < request->header_count; i++)
        if (look(&head, &request->headers[i]) < 0) return ERR_INVALID;
    head.bytes += strlen(call->user_agent) + strlen(request->url);
    /* Room for all at once: the nodes point into it. */
    if (!strbuf_reserve(&call->request_lines, head.bytes)) return ERR_NOMEM;
    if (!head.curls && curl_takes_lines() && is_plain_url(request->url))
        return set_target(call, &head);
    return set_list(call, &head);
}
