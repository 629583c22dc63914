/* aws/serialize_cbor.c - Smithy RPC v2 CBOR: one path an operation, the parameters as one map. */
#include "serialize.h"

#include "moontide/aws/cbor.h"

static void put_value(struct serializer *s, const struct member *member);

/* A map's head says how many pairs follow, which is known at its end: a byte is kept for it, and
 * more are made room for when the count needs them. */
static void finish_map(struct strbuf *out, size_t head_at, uint64_t count)
{
    size_t more = count < 24 ? 0 : count < 0x100 ? 1 : count < 0x10000 ? 2 : 4;
    if (more > 0 && !strbuf_reserve(out, more)) return;
    if (strbuf_status(out) < 0) return;
    char *head = out->data + head_at;
    size_t behind = out->len - head_at - 1;
    if (more > 0) {
        memmove(head + 1 + more, head + 1, behind + 1); /* the NUL too */
        out->len += more;
    }
    head[0] = (char)(CBOR_MAP << 5 | (more == 0 ? count : more == 1 ? 24 : more == 2 ? 25 : 26));
    for (size_t i = 0; i < more; i++)
        head[1 + i] = (char)(count >> (8 * (more - 1 - i)));
}

static void put_structure(struct serializer *s, const struct shape *shape, bool top)
{
    struct strbuf *out = &s->out->body;
    size_t head_at = out->len;
    uint64_t count = 0;
    strbuf_addc(out, (char)(CBOR_MAP << 5));
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        enum presence found = enter_member(s, m, top);
        if (found == ABSENT) continue;
        count++;
        cbor_put_text(out, m->location_name, m->location_name_len);
        if (found == TOKEN) {
            cbor_put_text(out, s->token, strlen(s->token));
            continue;
        }
        put_value(s, m);
        s->in->vtable->leave(s->in);
    }
    finish_map(out, head_at, count);
}

static void put_item(struct serializer *s, const struct shape *shape)
{
    if (s->in->vtable->type(s->in) == VALUE_NULL)
        strbuf_addc(&s->out->body, (char)0xF6); /* of a sparse list or map */
    else
        put_value(s, shape->item);
    s->in->vtable->leave(s->in);
}

static void put_list(struct serializer *s, const struct shape *shape)
{
    size_t length = s->in->vtable->length(s->in);
    cbor_put_head(&s->out->body, CBOR_ARRAY, length);
    for (size_t i = 0; i < length; i++) {
        s->in->vtable->enter_index(s->in, i);
        put_item(s, shape);
    }
}

static void put_map(struct serializer *s, const struct shape *shape)
{
    struct strbuf *out = &s->out->body;
    size_t head_at = out->len, len;
    uint64_t count = 0;
    const char *key;
    strbuf_addc(out, (char)(CBOR_MAP << 5));
    s->in->vtable->begin_keys(s->in);
    while (s->in->vtable->next_key(s->in, &key, &len)) {
        count++;
        cbor_put_text(out, key, len);
        put_item(s, shape);
    }
    finish_map(out, head_at, count);
}

static void put_integer(struct strbuf *out, int64_t value)
{
    if (value >= 0)
        cbor_put_head(out, CBOR_UINT, (uint64_t)value);
    else
        cbor_put_head(out, CBOR_NEGATIVE, ~(uint64_t)value);
}

static void put_single(struct strbuf *out, double value)
{
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    strbuf_addc(out, (char)0xFA);
    for (int shift = 24; shift >= 0; shift -= 8)
        strbuf_addc(out, (char)(bits >> shift));
}

static void put_time(struct serializer *s)
{
    struct strbuf *out = &s->out->body;
    int64_t micros;
    if (value_micros(s->in, &micros) < 0) return;
    cbor_put_head(out, CBOR_TAG, 1); /* RFC 8949, section 3.4.2: epoch-based time */
    if (micros % 1000000 == 0)
        put_integer(out, micros / 1000000);
    else
        cbor_put_double(out, (double)micros / 1e6);
}

static void put_value(struct serializer *s, const struct member *member)
{
    struct value_reader *in = s->in;
    struct strbuf *out = &s->out->body;
    const char *text;
    size_t len;
    switch (member->shape->type) {
    case SHAPE_STRUCTURE: put_structure(s, member->shape, false); break;
    case SHAPE_LIST: put_list(s, member->shape); break;
    case SHAPE_MAP: put_map(s, member->shape); break;
    case SHAPE_STRING:
        text = in->vtable->string(in, &len);
        cbor_put_text(out, text, len);
        break;
    case SHAPE_BLOB:
        text = in->vtable->string(in, &len);
        cbor_put_head(out, CBOR_BYTES, len);
        strbuf_add(out, text, len);
        break;
    case SHAPE_INTEGER: put_integer(out, value_integer(in)); break;
    case SHAPE_FLOAT:
        if (member->shape->single)
            put_single(out, value_number(in));
        else
            cbor_put_double(out, value_number(in));
        break;
    case SHAPE_BOOLEAN: cbor_put_bool(out, in->vtable->boolean(in)); break;
    case SHAPE_TIMESTAMP: put_time(s); break;
    case SHAPE_DOCUMENT: break; /* refused before: the protocol has none */
    }
}

int serialize_cbor(struct serializer *s)
{
    struct wire_request *out = s->out;
    static const char type[] = "application/cbor";
    strbuf_adds(&out->uri, "/service/");
    strbuf_adds(&out->uri, s->model->target_prefix);
    strbuf_adds(&out->uri, "/operation/");
    strbuf_adds(&out->uri, s->op->name);
    out->method = "POST";
    int code = wire_set_header(out, "smithy-protocol", "rpc-v2-cbor", 11);
    if (code >= 0) code = wire_set_header(out, "Accept", type, sizeof type - 1);
    if (code >= 0 && s->model->query_compatible)
        code = wire_set_header(out, "x-amzn-query-mode", "true", 4);
    if (code < 0 || !s->op->input) return code;
    put_structure(s, s->op->input, true);
    return wire_set_header(out, "Content-Type", type, sizeof type - 1);
}
