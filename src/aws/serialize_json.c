/* aws/serialize_json.c - AWS JSON 1.0 and 1.1, the JSON bodies of rest-json, and documents. */
#include "serialize.h"

#include <math.h>
#include <stdio.h>

static void put_key(struct json_writer *w, const char *key, size_t len)
{
    json_stringn(w, key, len);
    strbuf_addc(w->out, ':');
    w->need_comma = false;
}

static void put_value(struct serializer *s, struct json_writer *w, const struct member *member);

/* rest: members that go elsewhere (URI, headers, ...) stay out. */
static void put_structure(struct serializer *s, struct json_writer *w, const struct shape *shape,
                          bool top, bool rest)
{
    json_object(w);
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        if (rest && m->location != LOCATION_BODY) continue;
        enum presence found = enter_member(s, m, top);
        if (found == ABSENT) continue;
        put_key(w, m->location_name, m->location_name_len);
        if (found == TOKEN) {
            json_string(w, s->token);
            continue;
        }
        put_value(s, w, m);
        s->in->vtable->leave(s->in);
    }
    json_object_end(w);
}

static void put_item(struct serializer *s, struct json_writer *w, const struct shape *shape)
{
    if (s->in->vtable->type(s->in) == VALUE_NULL)
        json_null(w); /* of a sparse list or map */
    else
        put_value(s, w, shape->item);
    s->in->vtable->leave(s->in);
}

static void put_list(struct serializer *s, struct json_writer *w, const struct shape *shape)
{
    size_t length = s->in->vtable->length(s->in);
    json_array(w);
    for (size_t i = 0; i < length; i++) {
        s->in->vtable->enter_index(s->in, i);
        put_item(s, w, shape);
    }
    json_array_end(w);
}

static void put_map(struct serializer *s, struct json_writer *w, const struct shape *shape)
{
    const char *key;
    size_t len;
    json_object(w);
    s->in->vtable->begin_keys(s->in);
    while (s->in->vtable->next_key(s->in, &key, &len)) {
        put_key(w, key, len);
        put_item(s, w, shape);
    }
    json_object_end(w);
}

static void put_number(struct json_writer *w, double value)
{
    if (isfinite(value))
        json_double(w, value);
    else
        json_string(w, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

static void put_time(struct serializer *s, struct json_writer *w, const struct member *member)
{
    struct span text = value_text(s, member, TIMESTAMP_UNIX);
    bool number =
        member->timestamp_format == TIMESTAMP_DEFAULT || member->timestamp_format == TIMESTAMP_UNIX;
    if (number)
        json_raw(w, text.at, text.len);
    else
        json_stringn(w, text.at, text.len);
}

static void put_value(struct serializer *s, struct json_writer *w, const struct member *member)
{
    struct value_reader *in = s->in;
    struct span text;
    switch (member->shape->type) {
    case SHAPE_STRUCTURE: put_structure(s, w, member->shape, false, false); break;
    case SHAPE_LIST: put_list(s, w, member->shape); break;
    case SHAPE_MAP: put_map(s, w, member->shape); break;
    case SHAPE_STRING:
    case SHAPE_BLOB:
        text = value_text(s, member, TIMESTAMP_UNIX);
        json_stringn(w, text.at, text.len);
        break;
    case SHAPE_INTEGER: json_int(w, value_integer(in)); break;
    case SHAPE_FLOAT: put_number(w, value_number(in)); break;
    case SHAPE_BOOLEAN: json_bool(w, in->vtable->boolean(in)); break;
    case SHAPE_TIMESTAMP: put_time(s, w, member); break;
    case SHAPE_DOCUMENT: write_json_document(s, w); break;
    }
}

static void put_document_table(struct serializer *s, struct json_writer *w)
{
    const struct value_reader_vtable *v = s->in->vtable;
    size_t length = v->length(s->in);
    if (length > 0 || v->is_array(s->in)) {
        json_array(w);
        for (size_t i = 0; i < length; i++) {
            v->enter_index(s->in, i);
            write_json_document(s, w);
            v->leave(s->in);
        }
        json_array_end(w);
        return;
    }
    const char *key;
    size_t len;
    json_object(w);
    v->begin_keys(s->in);
    while (v->next_key(s->in, &key, &len)) {
        put_key(w, key, len);
        write_json_document(s, w);
        v->leave(s->in);
    }
    json_object_end(w);
}

void write_json_document(struct serializer *s, struct json_writer *w)
{
    const struct value_reader_vtable *v = s->in->vtable;
    const char *text;
    size_t len;
    switch (v->type(s->in)) {
    case VALUE_BOOLEAN: json_bool(w, v->boolean(s->in)); break;
    case VALUE_INTEGER: json_int(w, v->integer(s->in)); break;
    case VALUE_NUMBER: json_double(w, v->number(s->in)); break;
    case VALUE_STRING:
        text = v->string(s->in, &len);
        json_stringn(w, text, len);
        break;
    case VALUE_TABLE: put_document_table(s, w); break;
    case VALUE_NONE:
    case VALUE_NULL:
    case VALUE_OTHER: json_null(w); break;
    }
}

void write_json_body(struct serializer *s, const struct member *root, bool payload)
{
    struct json_writer w;
    json_writer_init(&w, &s->out->body);
    if (payload)
        put_value(s, &w, root);
    else
        put_structure(s, &w, root->shape, true, true);
}

int serialize_json(struct serializer *s)
{
    struct wire_request *out = s->out;
    char text[256];
    strbuf_addc(&out->uri, '/');
    int n = snprintf(text, sizeof text, "%s.%s", s->model->target_prefix, s->op->name);
    if (n < 0 || (size_t)n >= sizeof text) return ERR_LIMIT;
    int code = wire_set_header(out, "X-Amz-Target", text, (size_t)n);
    if (code < 0) return code;
    n = snprintf(text, sizeof text, "application/x-amz-json-%s", s->model->json_version);
    if (n < 0 || (size_t)n >= sizeof text) return ERR_LIMIT;
    code = wire_set_header(out, "Content-Type", text, (size_t)n);
    if (code >= 0 && s->model->query_compatible)
        code = wire_set_header(out, "x-amzn-query-mode", "true", 4);
    if (code < 0) return code;
    struct json_writer w;
    json_writer_init(&w, &out->body);
    if (s->op->input)
        put_structure(s, &w, s->op->input, true, false);
    else
        strbuf_adds(&out->body, "{}");
    return OK;
}
