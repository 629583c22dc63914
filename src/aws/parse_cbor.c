/* aws/parse_cbor.c - bodies of Smithy's rpc-v2-cbor, read by the model in one pass. Names are those
 * of the members: this protocol has no others. */
#include "moontide/aws/cbor.h"

#include "parse.h"

#include <string.h>

static int put_value(struct parse *p, struct cbor_reader *r, const struct member *member);

static int fail(struct parse *p, const struct cbor_reader *r)
{
    if (r->status == ERR_NOMEM) return fault_set(p->fault, ERR_NOMEM, "out of memory");
    return fault_set(p->fault, r->status, "the CBOR answer is wrong at byte %zu of %zu: %s",
                     cbor_offset(r), p->response->body_len, r->error ? r->error : "");
}

/* null and undefined, which say the same as no member: passed over. */
static bool pass_null(struct cbor_reader *r)
{
    if (r->at == r->end || (*r->at != 0xF6 && *r->at != 0xF7)) return false;
    r->at++;
    return true;
}

static int put_scalar(struct parse *p, struct cbor_reader *r, const struct member *member)
{
    const struct value_writer_vtable *out = p->out->vtable;
    enum shape_type type = member ? member->shape->type : SHAPE_DOCUMENT;
    struct cbor_scalar value;
    int code = cbor_scalar(r, &value);
    if (code < 0) return code;
    switch (value.kind) {
    case CBOR_IS_NULL: out->null(p->out); break;
    case CBOR_IS_BOOL: out->boolean(p->out, value.boolean); break;
    case CBOR_IS_INTEGER:
        if (type == SHAPE_FLOAT)
            out->number(p->out, (double)value.integer);
        else
            out->integer(p->out, value.integer);
        break;
    case CBOR_IS_NUMBER:
        if (type == SHAPE_TIMESTAMP)
            put_time(p, value.number);
        else
            out->number(p->out, value.number);
        break;
    }
    return OK;
}

static int put_text_item(struct parse *p, struct cbor_reader *r, enum cbor_major major,
                         const struct member *member)
{
    struct cbor_text text;
    double number;
    int code = major == CBOR_BYTES ? cbor_bytes(r, &text) : cbor_text(r, &text);
    if (code < 0) return code;
    bool may_be_word = major == CBOR_TEXT && member && member->shape->type == SHAPE_FLOAT;
    if (may_be_word && float_word(text.at, text.len, &number))
        p->out->vtable->number(p->out, number);
    else
        out_string(p, text.at, text.len);
    return OK;
}

static int put_list(struct parse *p, struct cbor_reader *r, const struct member *item)
{
    struct cbor_items items;
    int more, code = cbor_open(r, CBOR_ARRAY, &items);
    if (code < 0) return code;
    out_begin(p, true);
    while ((more = cbor_more(r, &items)) > 0) {
        code = put_value(p, r, item);
        if (code < 0) return code;
    }
    if (more == 0) out_end(p);
    return more;
}

static int put_map(struct parse *p, struct cbor_reader *r, const struct member *value)
{
    struct cbor_items items;
    int more, code = cbor_open(r, CBOR_MAP, &items);
    if (code < 0) return code;
    out_begin(p, false);
    while ((more = cbor_more(r, &items)) > 0) {
        struct cbor_text key;
        code = cbor_text(r, &key);
        if (code < 0) return code;
        out_name(p, key.at, key.len);
        code = put_value(p, r, value);
        if (code < 0) return code;
    }
    if (more == 0) out_end(p);
    return more;
}

static int put_members(struct parse *p, struct cbor_reader *r, const struct shape *shape)
{
    struct cbor_items items;
    int more, code = cbor_open(r, CBOR_MAP, &items);
    if (code < 0) return code;
    while ((more = cbor_more(r, &items)) > 0) {
        struct cbor_text key;
        code = cbor_text(r, &key);
        if (code < 0) return code;
        const struct member *member = parse_member(p, shape, key.at, key.len);
        if (member && !pass_null(r)) {
            out_key(p, member);
            code = put_value(p, r, member);
        } else if (!member) {
            code = cbor_skip(r);
        }
        if (code < 0) return code;
    }
    return more;
}

static int put_structure(struct parse *p, struct cbor_reader *r, const struct shape *shape)
{
    out_begin(p, false);
    int code = put_members(p, r, shape);
    if (code == OK) out_end(p);
    return code;
}

/* member NULL: a value without a model. */
static int put_value(struct parse *p, struct cbor_reader *r, const struct member *member)
{
    const struct shape *shape = member ? member->shape : NULL;
    int code = OK, major = cbor_peek(r);
    if (major < 0) return major;
    if (p->depth == WIRE_DEPTH_MAX) {
        cbor_fail(r, "nested too deep");
        return r->status = ERR_LIMIT;
    }
    p->depth++;
    switch (major) {
    case CBOR_BYTES:
    case CBOR_TEXT: code = put_text_item(p, r, (enum cbor_major)major, member); break;
    case CBOR_ARRAY:
        code = put_list(p, r, shape && shape->type == SHAPE_LIST ? shape->item : NULL);
        break;
    case CBOR_MAP:
        if (shape && shape->type == SHAPE_STRUCTURE)
            code = put_structure(p, r, shape);
        else
            code = put_map(p, r, shape && shape->type == SHAPE_MAP ? shape->item : NULL);
        break;
    default: code = put_scalar(p, r, member); break;
    }
    p->depth--;
    return code;
}

static void open_body(struct parse *p, struct cbor_reader *r)
{
    strbuf_reset(p->scratch);
    cbor_reader_borrow(r, p->response->body, p->response->body_len, p->scratch);
}

int parse_cbor_members(struct parse *p, const struct shape *shape)
{
    struct cbor_reader r;
    if (p->response->body_len == 0) return OK;
    open_body(p, &r);
    int code = pass_null(&r) ? OK : put_members(p, &r, shape);
    if (code == OK) code = cbor_finish(&r);
    return code < 0 ? fail(p, &r) : OK;
}

/* ---- errors ---- */

static int read_words(struct cbor_reader *r, struct error_words *words)
{
    struct cbor_items items;
    int more, code = cbor_open(r, CBOR_MAP, &items);
    if (code < 0) return code;
    while ((more = cbor_more(r, &items)) > 0) {
        struct cbor_text key, text;
        code = cbor_text(r, &key);
        if (code < 0) return code;
        bool type = CBOR_IS(key, "__type");
        bool message = CBOR_IS(key, "message") || CBOR_IS(key, "Message");
        if ((!type && !message) || cbor_peek(r) != CBOR_TEXT) {
            code = cbor_skip(r);
            if (code < 0) return code;
            continue;
        }
        code = cbor_text(r, &text);
        if (code < 0) return code;
        if (type) error_code_copy(words->type, text.at, text.len);
        if (message) text_copy(words->message, sizeof words->message, text.at, text.len);
    }
    return more < 0 ? more : cbor_finish(r);
}

int error_words_cbor(struct parse *p, struct error_words *words)
{
    struct cbor_reader r;
    open_body(p, &r);
    return read_words(&r, words) < 0 ? ERR_PARSE : OK;
}
