/* aws/parse.c - protocol_parse(): which part of an answer holds what, and who reads it. */
#include "parse.h"

#include <string.h>
#include <strings.h>

static bool is_xml(enum protocol_kind protocol)
{
    return protocol == PROTOCOL_QUERY || protocol == PROTOCOL_EC2 || protocol == PROTOCOL_REST_XML;
}

/* In XML a list that is flattened goes by the name of its items, when they have one. */
static const struct member *item_of(const struct member *member)
{
    const struct shape *shape = member->shape;
    bool named = shape->type == SHAPE_LIST && shape->item->has_location_name;
    return named && member_flattened(member) ? shape->item : NULL;
}

static const struct member *flattened_member(const struct shape *shape, const char *name,
                                             size_t len)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *item = item_of(&shape->members[i]);
        if (item && item->location_name_len == len && memcmp(item->location_name, name, len) == 0)
            return &shape->members[i];
    }
    return NULL;
}

const struct member *parse_member(const struct parse *p, const struct shape *shape,
                                  const char *name, size_t len)
{
    const struct member *member;
    if (p->protocol == PROTOCOL_CBOR)
        member = shape_member(shape, name, len);
    else
        member = shape_wire_member(shape, name, len);
    if (is_xml(p->protocol) && (!member || item_of(member)))
        member = flattened_member(shape, name, len);
    return member && member->location == LOCATION_BODY ? member : NULL;
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
