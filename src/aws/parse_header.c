/* aws/parse_header.c - members of a rest answer that come in its headers, and its status.
 *
 * Names of headers are compared without regard to case. A list is one header with commas between
 * its items; an item in double quotes may hold commas itself, and an HTTP date holds one. Source:
 * Smithy 2.0, "HTTP binding traits", httpHeader and httpPrefixHeaders. */
#include "parse.h"

#include <string.h>
#include <strings.h>

/* A header that holds a JSON document in base64. It lies at the front of the scratch; what it has
 * escaped is decoded behind it, in a window of the same memory that cannot grow: decoding makes no
 * text longer. */
static int put_json_value(struct parse *p, const char *text, size_t len)
{
    struct strbuf *scratch = p->scratch;
    size_t decoded;
    strbuf_reset(scratch);
    char *front = strbuf_reserve(scratch, 2 * len + 2);
    if (!front) return fault_set(p->fault, strbuf_status(scratch), "a header is too long");
    if (!base64_decode(text, len, front, &decoded)) {
        out_string(p, text, len);
        return OK;
    }
    struct strbuf window = {
        .data = front + decoded, .cap = decoded + 1, .max_bytes = decoded, .status = OK};
    p->scratch = &window;
    int code = parse_json_document(p, front, decoded);
    p->scratch = scratch;
    return code;
}

static int put_value(struct parse *p, const struct member *member, const char *text, size_t len)
{
    if (member->json_value) return put_json_value(p, text, len);
    put_text(p, member, text, len);
    return OK;
}

static const char *pass_space(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* "a \"quoted\", text": without its quotes and backslashes, in the scratch. */
static const char *put_quoted(struct parse *p, const struct member *item, const char *at)
{
    strbuf_reset(p->scratch);
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) at++;
        strbuf_addc(p->scratch, *at);
    }
    if (*at == '"') at++;
    put_text(p, item, strbuf_cstr(p->scratch), p->scratch->len);
    return at + strcspn(at, ",");
}

static bool is_http_date(const struct member *item, const char *at)
{
    return item->shape->type == SHAPE_TIMESTAMP && at[0] >= 'A' && at[0] <= 'Z';
}

static void put_list(struct parse *p, const struct member *item, const char *text)
{
    const char *at = pass_space(text);
    out_begin(p, true);
    while (*at) {
        const char *end;
        if (*at == '"') {
            end = put_quoted(p, item, at);
        } else {
            end = at + strcspn(at, ",");
            if (*end && is_http_date(item, at)) end += 1 + strcspn(end + 1, ",");
            size_t len = (size_t)(end - at);
            while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
                len--;
            put_text(p, item, at, len);
        }
        at = *end ? pass_space(end + 1) : end;
    }
    out_end(p);
}

static int put_header(struct parse *p, const struct member *member)
{
    const char *text = parse_header(p, member->location_name);
    if (!text) return OK;
    if (member->shape->type != SHAPE_LIST) {
        if (!*text && member->shape->type != SHAPE_STRING) return OK;
        out_key(p, member);
        return put_value(p, member, text, strlen(text));
    }
    out_key(p, member);
    put_list(p, member->shape->item, text);
    return OK;
}

/* Every header that begins with the prefix, without it. */
static void put_header_map(struct parse *p, const struct member *member)
{
    const char *prefix = member->has_location_name ? member->location_name : "";
    size_t len = strlen(prefix);
    out_key(p, member);
    out_begin(p, false);
    for (size_t i = 0; i < p->response->header_count; i++) {
        const struct http_header *header = &p->response->headers[i];
        if (strncasecmp(header->name, prefix, len) != 0 || !header->name[len]) continue;
        out_name(p, header->name + len, strlen(header->name + len));
        out_string(p, header->value, strlen(header->value));
    }
    out_end(p);
}

int parse_header_members(struct parse *p, const struct shape *shape)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        int code = OK;
        if (member->location == LOCATION_HEADER) code = put_header(p, member);
        if (member->location == LOCATION_HEADERS) put_header_map(p, member);
        if (member->location == LOCATION_STATUS_CODE) {
            out_key(p, member);
            p->out->vtable->integer(p->out, p->response->status);
        }
        if (code < 0) return code;
    }
    return OK;
}
