/* aws/parse.c - protocol_parse(): which part of an answer holds what, and who reads it. */
#include "parse.h"

#include <string.h>
#include <strings.h>

/* How a member is called in a body. A list that is flattened goes by its items' name. */
static const char *wire_name(enum protocol_kind protocol, const struct member *member)
{
    if (protocol == PROTOCOL_CBOR) return member->name;
    bool xml = protocol != PROTOCOL_JSON && protocol != PROTOCOL_REST_JSON;
    if (xml && member->shape->type == SHAPE_LIST && member_flattened(member) &&
        member->shape->item->has_location_name)
        return member->shape->item->location_name;
    return member->location_name;
}

static const struct member *search(const struct parse *p, const struct shape *shape,
                                   const char *name, size_t len)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *member = &shape->members[i];
        const char *known = wire_name(p->protocol, member);
        if (member->location == LOCATION_BODY && strncmp(known, name, len) == 0 && !known[len])
            return member;
    }
    return NULL;
}

static uint32_t slot_of(const struct shape *shape, const char *name, size_t len)
{
    uint64_t bits = 0;
    if (len >= 8)
        memcpy(&bits, name + len - 8, 8);
    else
        memcpy(&bits, name, len);
    bits ^=
        (uint64_t)(uintptr_t)shape ^ (uint64_t)len << 56 ^ (uint64_t)(unsigned char)name[0] << 48;
    return (uint32_t)(bits * 0x9E3779B97F4A7C15U >> (64 - LOOKUP_LOG2));
}

const struct member *parse_member(struct parse *p, const struct shape *shape, const char *name,
                                  size_t len)
{
    if (len == 0) return NULL;
    struct lookup_slot *slot = &p->lookup[slot_of(shape, name, len)];
    if (slot->shape == shape && slot->len == len && memcmp(slot->name, name, len) == 0)
        return slot->member;
    if (memchr(name, '\0', len)) return NULL;
    const struct member *member = search(p, shape, name, len);
    if (member) *slot = (struct lookup_slot){shape, member, wire_name(p->protocol, member), len};
    return member;
}

const char *parse_header(const struct parse *p, const char *name)
{
    for (size_t i = 0; i < p->response->header_count; i++)
        if (strcasecmp(p->response->headers[i].name, name) == 0)
            return p->response->headers[i].value;
    return NULL;
}

static bool is_rest(enum protocol_kind protocol)
{
    return protocol == PROTOCOL_REST_JSON || protocol == PROTOCOL_REST_XML;
}

static int parse_members(struct parse *p, const struct shape *shape)
{
    switch (p->protocol) {
    case PROTOCOL_JSON:
    case PROTOCOL_REST_JSON: return parse_json_members(p, shape);
    case PROTOCOL_CBOR: return parse_cbor_members(p, shape);
    default: return parse_xml_members(p, shape);
    }
}

/* A body that is one member: its bytes, or its value. */
static int parse_payload(struct parse *p, const struct member *member)
{
    const struct wire_response *response = p->response;
    enum shape_type type = member->shape->type;
    if (type == SHAPE_BLOB || type == SHAPE_STRING) {
        out_key(p, member);
        out_string(p, response->body_len ? response->body : "", response->body_len);
        return OK;
    }
    if (response->body_len == 0) {
        if (type == SHAPE_DOCUMENT) return OK;
        out_key(p, member);
        out_begin(p, type == SHAPE_LIST);
        out_end(p);
        return OK;
    }
    out_key(p, member);
    return p->protocol == PROTOCOL_REST_XML ? parse_xml_payload(p, member)
                                            : parse_json_payload(p, member);
}

/* The members of an output or an error, wherever they are, as one table. */
static int parse_structure(struct parse *p, const struct shape *shape)
{
    int code = OK;
    out_begin(p, false);
    if (shape && is_rest(p->protocol)) code = parse_header_members(p, shape);
    if (code == OK && shape)
        code = is_rest(p->protocol) && shape->payload ? parse_payload(p, shape->payload)
                                                      : parse_members(p, shape);
    if (code == OK) out_end(p);
    return code;
}

int protocol_parse(const struct model *model, const struct operation *operation,
                   const struct wire_response *response, struct value_writer *result,
                   struct strbuf *scratch, struct service_error *error, struct fault *fault)
{
    struct parse p = {.model = model,
                      .operation = operation,
                      .response = response,
                      .out = result,
                      .scratch = scratch,
                      .error = error,
                      .fault = fault,
                      .protocol = model->protocol};
    if (response->status >= 200 && response->status < 300)
        return parse_structure(&p, operation->output);
    const struct shape *shape = parse_error(&p);
    int code = parse_structure(&p, shape);
    return code < 0 ? code : ERR_HTTP;
}
