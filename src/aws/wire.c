/* aws/wire.c - a request before signing, as plain bytes: what the serializers fill and the client
 * sends. Header texts lie in one buffer, named by offsets, so that it may grow. */
#include "moontide/aws/protocol.h"

#include <string.h>
#include <strings.h>

enum { URI_MAX = 256 * 1024, HOST_PREFIX_MAX = 256, HEADER_TEXT_MAX = 256 * 1024 };

void wire_request_init(struct wire_request *request)
{
    request->method = "POST";
    request->header_count = 0;
    request->unsigned_payload = false;
    strbuf_init(&request->uri, URI_MAX);
    strbuf_init(&request->host_prefix, HOST_PREFIX_MAX);
    strbuf_init(&request->body, WIRE_BODY_MAX);
    strbuf_init(&request->header_text, HEADER_TEXT_MAX);
}

void wire_request_reset(struct wire_request *request)
{
    request->method = "POST";
    request->header_count = 0;
    request->unsigned_payload = false;
    strbuf_reset(&request->uri);
    strbuf_reset(&request->host_prefix);
    strbuf_reset(&request->body);
    strbuf_reset(&request->header_text);
}

void wire_request_done(struct wire_request *request)
{
    strbuf_done(&request->uri);
    strbuf_done(&request->host_prefix);
    strbuf_done(&request->body);
    strbuf_done(&request->header_text);
    request->header_count = 0;
}

const char *wire_header_name(const struct wire_request *request, size_t i)
{
    return request->header_text.data + request->header_at[i][0];
}

const char *wire_header_value(const struct wire_request *request, size_t i)
{
    return request->header_text.data + request->header_at[i][1];
}

static uint32_t add_text(struct strbuf *text, const char *bytes, size_t len)
{
    uint32_t at = (uint32_t)text->len;
    strbuf_add(text, bytes, len);
    strbuf_addc(text, '\0');
    return at;
}

int wire_set_header(struct wire_request *request, const char *name, const char *value, size_t len)
{
    if (!name[0] || strpbrk(name, "\r\n: ")) return ERR_INVALID;
    for (size_t i = 0; i < len; i++)
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0') return ERR_INVALID;
    size_t at = 0;
    while (at < request->header_count && strcasecmp(wire_header_name(request, at), name) != 0)
        at++;
    if (at == WIRE_HEADERS_MAX) return ERR_LIMIT;
    struct strbuf *text = &request->header_text;
    uint32_t name_at =
        at < request->header_count ? request->header_at[at][0] : add_text(text, name, strlen(name));
    uint32_t value_at = add_text(text, value, len);
    int code = strbuf_status(text);
    if (code < 0) return code;
    request->header_at[at][0] = name_at;
    request->header_at[at][1] = value_at;
    if (at == request->header_count) request->header_count++;
    return OK;
}
