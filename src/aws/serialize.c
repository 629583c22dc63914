/* aws/serialize.c - parameters to a request: checks, then the writer of the model's protocol, then
 * what all protocols have in common. */
#include "serialize.h"

#include "model_gzip.h"

#include <stdlib.h>

enum { VALUE_TEXT_MAX = 16 * 1024 * 1024 };

enum presence enter_member(struct serializer *s, const struct member *member, bool top)
{
    struct value_reader *in = s->in;
    if (in->vtable->enter_member(in, member->name, member->name_len)) {
        if (in->vtable->type(in) > VALUE_NULL) return PRESENT;
        in->vtable->leave(in);
    }
    return top && member->idempotency_token && s->token[0] ? TOKEN : ABSENT;
}

static void make_token(struct serializer *s, const struct serialize_options *options)
{
    const struct shape *input = s->op->input;
    if (!options || !options->token) return;
    for (uint32_t i = 0; input && i < input->member_count; i++) {
        if (!input->members[i].idempotency_token) continue;
        options->token(options->data, s->token);
        return;
    }
}

/* "data-" as it is; "{AccountId}." with the members' values. */
static int expand_host_prefix(struct serializer *s)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
    struct strbuf *out = &s->out->host_prefix;
    const char *at = s->op->host_prefix;
    while (at && *at) {
        size_t plain = strcspn(at, "{");
        strbuf_add(out, at, plain);
        at += plain;
        if (!*at) break;
        const char *name = at + 1, *end = strchr(at, '}');
        const struct member *m = shape_member(s->op->input, name, (size_t)(end - name));
        struct step step = {NULL, m->name, m->name_len, 0};
        size_t len = 0, good = 0;
        if (enter_member(s, m, true) == PRESENT) {
            const char *value = s->in->vtable->string(s->in, &len);
            while (good < len && value[good] && strchr(allowed, value[good]))
                good++;
            strbuf_add(out, value, len);
            s->in->vtable->leave(s->in);
        }
        if (len == 0 || good < len)
            return serialize_refuse(s, &step,
                                    "it becomes a part of the host's name: letters, digits, '-' "
                                    "and '.' only");
        at = end + 1;
    }
    return OK;
}

static int compress(struct serializer *s)
{
    struct strbuf *body = &s->out->body;
    char *packed = NULL;
    size_t len = 0;
    if (!s->op->compress || body->len < COMPRESS_FROM_BYTES) return OK;
    int code = gzip_deflate(strbuf_cstr(body), body->len, &packed, &len);
    if (code < 0) return code;
    strbuf_reset(body);
    strbuf_add(body, packed, len);
    free(packed);
    return wire_set_header(s->out, "Content-Encoding", "gzip", 4);
}

static int write_request(struct serializer *s)
{
    switch (s->model->protocol) {
    case PROTOCOL_QUERY:
    case PROTOCOL_EC2: return serialize_query(s);
    case PROTOCOL_JSON: return serialize_json(s);
    case PROTOCOL_CBOR: return serialize_cbor(s);
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML: return serialize_rest(s);
    }
    return ERR_UNSUPPORTED;
}

static int first_failure(const struct wire_request *out)
{
    const struct strbuf *all[] = {&out->uri, &out->host_prefix, &out->body, &out->header_text};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (strbuf_status(all[i]) < 0) return strbuf_status(all[i]);
    return OK;
}

/* A code that nobody has told yet. */
static int tell(struct serializer *s, int code)
{
    if (code >= 0 || (s->fault && s->fault->code == code)) return code;
    return fault_set(s->fault, code, "%s: %s", s->op->snake,
                     code == ERR_LIMIT ? "the request is too large" : err_text(code));
}

int protocol_serialize(const struct model *model, const struct operation *operation,
                       struct value_reader *params, const struct serialize_options *options,
                       struct wire_request *out, struct fault *fault)
{
    struct serializer s = {model, operation, params, out, fault, {0}, ""};
    wire_request_reset(out);
    if (fault) fault->code = OK;
    if (operation->event_stream)
        return fault_set(fault, ERR_UNSUPPORTED, "%s: a stream of events, which is not supported",
                         operation->snake);
    strbuf_init(&s.text, VALUE_TEXT_MAX);
    out->method = operation->method;
    out->unsigned_payload = operation->unsigned_payload;
    make_token(&s, options);
    int code = serialize_check(&s);
    if (code >= 0) code = expand_host_prefix(&s);
    if (code >= 0) code = write_request(&s);
    if (code >= 0) code = strbuf_status(&s.text);
    if (code >= 0) code = first_failure(out);
    if (code >= 0) code = compress(&s);
    if (code >= 0) code = serialize_checksum(&s);
    if (code >= 0) code = first_failure(out);
    strbuf_done(&s.text);
    return tell(&s, code);
}
