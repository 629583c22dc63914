/* aws/serialize_rest.c - what rest-json and rest-xml share: members go into the path, the query
 * string, headers, or the body, which may be one member as it is. Source: Smithy 2.0, "HTTP binding
 * traits". */
#include "serialize.h"

#include <stdlib.h>
#include <strings.h>

enum { HEADER_VALUE_MAX = 64 * 1024 };

static struct step step_of(const struct member *m)
{
    return (struct step){NULL, m->name, m->name_len, 0};
}

/* Path */

static int put_label(struct serializer *s, const char *name, size_t len, bool greedy)
{
    const struct member *m = shape_wire_member(s->op->input, name, len);
    struct step step = step_of(m);
    enum presence found = enter_member(s, m, true);
    struct span text = found == PRESENT ? value_text(s, m, TIMESTAMP_ISO8601) : token_text(s);
    put_percent(&s->out->uri, text.at, text.len, greedy);
    bool empty = text.len == 0;
    if (found == PRESENT) s->in->vtable->leave(s->in);
    return empty ? serialize_refuse(s, &step, "it is a part of the path and must not be empty")
                 : OK;
}

/* "/v1/{id}/{key+}?fixed=1"; model_link() has checked the labels. */
static int put_path(struct serializer *s)
{
    const char *at = s->op->uri;
    int code = OK;
    while (code >= 0 && *at) {
        size_t plain = strcspn(at, "{");
        strbuf_add(&s->out->uri, at, plain);
        at += plain;
        if (!*at) break;
        const char *end = strchr(at++, '}');
        size_t len = (size_t)(end - at);
        bool greedy = len > 0 && end[-1] == '+';
        code = put_label(s, at, len - greedy, greedy);
        at = end + 1;
    }
    return code;
}

/* Query string */

static void put_pair(struct serializer *s, const char *name, size_t name_len, struct span value)
{
    struct strbuf *uri = &s->out->uri;
    strbuf_addc(uri, strchr(strbuf_cstr(uri), '?') ? '&' : '?');
    put_percent(uri, name, name_len, false);
    strbuf_addc(uri, '=');
    put_percent(uri, value.at, value.len, false);
}

static void put_query_list(struct serializer *s, const char *name, size_t len,
                           const struct shape *list)
{
    struct value_reader *in = s->in;
    size_t length = in->vtable->length(in);
    for (size_t i = 0; i < length; i++) {
        in->vtable->enter_index(in, i);
        put_pair(s, name, len, value_text(s, list->item, TIMESTAMP_ISO8601));
        in->vtable->leave(in);
    }
}

/* Whether a parameter of this name has been given by a member of its own, which goes before what a
 * map says (Smithy, httpQueryParams). The map is entered: it has to be left to ask. */
static bool is_taken(const struct shape *input, const bool *given, const char *name, size_t len)
{
    const struct member *m = shape_wire_member(input, name, len);
    return m && m->location == LOCATION_QUERYSTRING && given[m - input->members];
}

static void put_query_map(struct serializer *s, const struct shape *map, const bool *given)
{
    struct value_reader *in = s->in;
    const char *key;
    size_t len;
    in->vtable->begin_keys(in);
    while (in->vtable->next_key(in, &key, &len)) {
        if (!is_taken(s->op->input, given, key, len)) {
            if (map->item->shape->type == SHAPE_LIST)
                put_query_list(s, key, len, map->item->shape);
            else
                put_pair(s, key, len, value_text(s, map->item, TIMESTAMP_ISO8601));
        }
        in->vtable->leave(in);
    }
}

static void put_query(struct serializer *s, const struct member *m, bool *given, bool maps)
{
    bool is_map = m->shape->type == SHAPE_MAP;
    if (is_map != maps) return;
    enum presence found = enter_member(s, m, true);
    if (found == ABSENT) return;
    given[m - s->op->input->members] = !is_map;
    if (found == TOKEN) {
        put_pair(s, m->location_name, m->location_name_len, token_text(s));
        return;
    }
    if (is_map)
        put_query_map(s, m->shape, given);
    else if (m->shape->type == SHAPE_LIST)
        put_query_list(s, m->location_name, m->location_name_len, m->shape);
    else
        put_pair(s, m->location_name, m->location_name_len, value_text(s, m, TIMESTAMP_ISO8601));
    s->in->vtable->leave(s->in);
}

static int put_query_string(struct serializer *s)
{
    const struct shape *input = s->op->input;
    bool *given = calloc(input->member_count + 1, sizeof *given);
    if (!given) return ERR_NOMEM;
    for (int maps = 0; maps <= 1; maps++)
        for (uint32_t i = 0; i < input->member_count; i++)
            if (input->members[i].location == LOCATION_QUERYSTRING)
                put_query(s, &input->members[i], given, maps == 1);
    free(given);
    return OK;
}

/* Headers */

static int set_header(struct serializer *s, const struct member *m, const char *name,
                      struct span value)
{
    struct step step = step_of(m);
    int code = wire_set_header(s->out, name, value.at, value.len);
    return code == ERR_INVALID ? serialize_refuse(s, &step, "it cannot be a header") : code;
}

/* Texts with a comma or a quote are quoted, so that the list can be taken apart again. */
static void put_listed(struct strbuf *out, struct span text, bool string)
{
    if (!string || (!memchr(text.at, ',', text.len) && !memchr(text.at, '"', text.len))) {
        strbuf_add(out, text.at, text.len);
        return;
    }
    strbuf_addc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"') strbuf_addc(out, '\\');
        strbuf_addc(out, text.at[i]);
    }
    strbuf_addc(out, '"');
}

static int set_list_header(struct serializer *s, const struct member *m)
{
    struct value_reader *in = s->in;
    const struct member *item = m->shape->item;
    size_t length = in->vtable->length(in);
    struct strbuf line;
    if (length == 0) return OK; /* an empty list is not sent */
    strbuf_init(&line, HEADER_VALUE_MAX);
    for (size_t i = 0; i < length; i++) {
        if (i > 0) strbuf_addc(&line, ',');
        in->vtable->enter_index(in, i);
        put_listed(&line, value_text(s, item, TIMESTAMP_RFC822), item->shape->type == SHAPE_STRING);
        in->vtable->leave(in);
    }
    int code = strbuf_status(&line);
    if (code >= 0)
        code = set_header(s, m, m->location_name, (struct span){strbuf_cstr(&line), line.len});
    strbuf_done(&line);
    return code;
}

static int set_json_header(struct serializer *s, const struct member *m)
{
    struct json_writer w;
    struct strbuf json;
    strbuf_init(&json, HEADER_VALUE_MAX);
    json_writer_init(&w, &json);
    write_json_document(s, &w);
    fresh_text(s);
    put_base64(&s->text, strbuf_cstr(&json), json.len);
    int code = strbuf_status(&json);
    if (code >= 0)
        code =
            set_header(s, m, m->location_name, (struct span){strbuf_cstr(&s->text), s->text.len});
    strbuf_done(&json);
    return code;
}

static int set_header_map(struct serializer *s, const struct member *m)
{
    struct value_reader *in = s->in;
    struct strbuf name;
    const char *key;
    size_t len;
    int code = OK;
    strbuf_init(&name, HEADER_VALUE_MAX);
    in->vtable->begin_keys(in);
    while (in->vtable->next_key(in, &key, &len)) {
        strbuf_reset(&name);
        if (m->has_location_name) strbuf_adds(&name, m->location_name);
        strbuf_add(&name, key, len);
        if (code >= 0) code = strbuf_status(&name);
        if (code >= 0)
            code = set_header(s, m, strbuf_cstr(&name),
                              value_text(s, m->shape->item, TIMESTAMP_RFC822));
        in->vtable->leave(in);
    }
    strbuf_done(&name);
    return code;
}

static int set_headers_of(struct serializer *s, const struct member *m)
{
    enum presence found = enter_member(s, m, true);
    if (found == ABSENT) return OK;
    if (found == TOKEN) return set_header(s, m, m->location_name, token_text(s));
    int code;
    if (m->location == LOCATION_HEADERS)
        code = set_header_map(s, m);
    else if (m->json_value)
        code = set_json_header(s, m);
    else if (m->shape->type == SHAPE_LIST)
        code = set_list_header(s, m);
    else
        code = set_header(s, m, m->location_name, value_text(s, m, TIMESTAMP_RFC822));
    s->in->vtable->leave(s->in);
    return code;
}

/* Body */

/* Unless a member is a Content-Type and has said so. */
static int set_content_type(struct serializer *s, const char *type)
{
    for (size_t i = 0; i < s->out->header_count; i++)
        if (strcasecmp(wire_header_name(s->out, i), "Content-Type") == 0) return OK;
    return wire_set_header(s->out, "Content-Type", type, strlen(type));
}

static int put_payload(struct serializer *s, const struct member *m)
{
    bool json = s->model->protocol == PROTOCOL_REST_JSON;
    enum shape_type type = m->shape->type;
    bool raw = type == SHAPE_BLOB || type == SHAPE_STRING;
    if (enter_member(s, m, false) != PRESENT) {
        if (raw || !json) return OK;
        strbuf_adds(&s->out->body, "{}");
        return set_content_type(s, "application/json");
    }
    if (raw) {
        size_t len;
        const char *bytes = s->in->vtable->string(s->in, &len);
        strbuf_add(&s->out->body, bytes, len);
    } else if (json) {
        write_json_body(s, m, true);
    } else {
        write_xml_body(s, m, true);
    }
    s->in->vtable->leave(s->in);
    return set_content_type(s, type == SHAPE_BLOB     ? "application/octet-stream"
                               : type == SHAPE_STRING ? "text/plain"
                               : json                 ? "application/json"
                                                      : "application/xml");
}

/* What the input has for the body: nothing, members of which none is given, or some. */
enum body { BODY_NONE, BODY_EMPTY, BODY_SOME };

static enum body body_of(struct serializer *s)
{
    const struct shape *input = s->op->input;
    enum body body = BODY_NONE;
    for (uint32_t i = 0; i < input->member_count; i++) {
        const struct member *m = &input->members[i];
        if (m->location != LOCATION_BODY) continue;
        body = BODY_EMPTY;
        enum presence found = enter_member(s, m, true);
        if (found == ABSENT) continue;
        if (found == PRESENT) s->in->vtable->leave(s->in);
        return BODY_SOME;
    }
    return body;
}

static int put_body(struct serializer *s)
{
    bool json = s->model->protocol == PROTOCOL_REST_JSON;
    if (s->op->input->payload) return put_payload(s, s->op->input->payload);
    enum body body = body_of(s);
    if (body == BODY_NONE || (body == BODY_EMPTY && !json)) return OK;
    if (json)
        write_json_body(s, s->op->input_root, false);
    else
        write_xml_body(s, s->op->input_root, false);
    return set_content_type(s, json ? "application/json" : "application/xml");
}

int serialize_rest(struct serializer *s)
{
    const struct shape *input = s->op->input;
    int code = put_path(s);
    if (code < 0 || !input) return code;
    code = put_query_string(s);
    for (uint32_t i = 0; code >= 0 && i < input->member_count; i++) {
        const struct member *m = &input->members[i];
        if (m->location == LOCATION_HEADER || m->location == LOCATION_HEADERS)
            code = set_headers_of(s, m);
    }
    return code < 0 ? code : put_body(s);
}
