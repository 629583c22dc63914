/* aws/model_shapes.c - reads shapes and their members, in the order in which they come. */
#include "model_build.h"

#include "moontide/base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Shapes by name: open addressing, at most half full. */

static int grow_slots(struct builder *b)
{
    size_t count = b->slot_count ? b->slot_count * 2 : 1024;
    struct draft **slots = calloc(count, sizeof(struct draft *));
    if (!slots) return build_no_memory(b);
    for (struct draft *d = b->drafts; d; d = d->next) {
        size_t at = d->hash & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = d;
    }
    free(b->slots);
    b->slots = slots;
    b->slot_count = count;
    return OK;
}

struct draft *build_shape(struct builder *b, const char *name, size_t len)
{
    if (b->draft_count * 2 >= b->slot_count && grow_slots(b) < 0) return NULL;
    uint32_t hash = (uint32_t)hash64(name, len, 0);
    size_t at = hash & (b->slot_count - 1);
    for (; b->slots[at]; at = (at + 1) & (b->slot_count - 1)) {
        struct draft *d = b->slots[at];
        if (d->hash == hash && d->name_len == len && memcmp(d->shape->name, name, len) == 0)
            return d;
    }
    struct draft *draft = arena_alloc(&b->scratch, sizeof *draft);
    struct shape *shape = arena_alloc(b->arena, sizeof *shape);
    char *text = arena_text(b->arena, name, len);
    if (!draft || !shape || !text) {
        build_no_memory(b);
        return NULL;
    }
    shape->name = text;
    *draft = (struct draft){.shape = shape, .name_len = len, .hash = hash, .next = b->drafts};
    b->drafts = draft;
    b->draft_count++;
    b->slots[at] = draft;
    return draft;
}

/* Single facts. */

static int read_location(struct builder *b, enum member_location *out)
{
    static const struct {
        const char *name;
        enum member_location location;
    } known[] = {
        {"header", LOCATION_HEADER},
        {"headers", LOCATION_HEADERS},
        {"uri", LOCATION_URI},
        {"querystring", LOCATION_QUERYSTRING},
        {"statusCode", LOCATION_STATUS_CODE},
    };
    const char *name = NULL;
    int code = read_text(b, &name);
    if (code < 0) return code;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(name, known[i].name) != 0) continue;
        *out = known[i].location;
        return OK;
    }
    return build_refuse(b, "the location '%s' is not known", name);
}

static int read_timestamp_format(struct builder *b, enum timestamp_format *out)
{
    const char *name = NULL;
    int code = read_text(b, &name);
    if (code < 0) return code;
    if (strcmp(name, "iso8601") == 0)
        *out = TIMESTAMP_ISO8601;
    else if (strcmp(name, "unixTimestamp") == 0 || strcmp(name, "unixTimestampInSeconds") == 0)
        *out = TIMESTAMP_UNIX;
    else if (strcmp(name, "rfc822") == 0)
        *out = TIMESTAMP_RFC822;
    else
        return build_refuse(b, "the timestamp format '%s' is not known", name);
    return OK;
}

/* A text, or { "uri": TEXT, "prefix": TEXT }. */
static int read_namespace(struct builder *b, const char **uri, const char **prefix)
{
    int token = json_next(&b->json);
    if (token == JSON_STRING) {
        *uri = arena_text(b->arena, b->json.text, b->json.len);
        return *uri ? OK : build_no_memory(b);
    }
    if (token != JSON_OBJECT) return build_refuse(b, "an xmlNamespace is neither text nor object");
    int code;
    while ((code = read_key(b)) > 0) {
        code = KEY_IS(b, "uri")      ? read_text(b, uri)
               : KEY_IS(b, "prefix") ? read_text(b, prefix)
                                     : read_skip(b);
        if (code < 0) break;
    }
    return code;
}

static int read_member_shape(struct builder *b, struct member *out)
{
    if (json_next(&b->json) != JSON_STRING) return build_refuse(b, "a shape is named by a text");
    struct draft *draft = build_shape(b, b->json.text, b->json.len);
    if (!draft) return ERR_NOMEM;
    out->shape = draft->shape;
    return OK;
}

static int read_member_field(struct builder *b, struct member *out)
{
    if (KEY_IS(b, "shape")) return read_member_shape(b, out);
    if (KEY_IS(b, "locationName")) return read_text(b, &out->location_name);
    if (KEY_IS(b, "location")) return read_location(b, &out->location);
    if (KEY_IS(b, "queryName") || KEY_IS(b, "resultWrapper")) return read_text(b, &out->query_name);
    if (KEY_IS(b, "timestampFormat")) return read_timestamp_format(b, &out->timestamp_format);
    if (KEY_IS(b, "xmlNamespace")) return read_namespace(b, &out->xml_namespace, &out->xml_prefix);
    if (KEY_IS(b, "flattened")) return read_bool(b, &out->flattened);
    if (KEY_IS(b, "xmlAttribute")) return read_bool(b, &out->xml_attribute);
    if (KEY_IS(b, "idempotencyToken")) return read_bool(b, &out->idempotency_token);
    if (KEY_IS(b, "hostLabel")) return read_bool(b, &out->host_label);
    if (KEY_IS(b, "jsonvalue")) return read_bool(b, &out->json_value);
    if (KEY_IS(b, "streaming")) return read_bool(b, &out->streaming);
    return read_skip(b);
}

int read_member(struct builder *b, struct member *out)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0)
        code = read_member_field(b, out);
    if (code < 0) return code;
    if (!out->shape)
        return build_refuse(b, "at byte %zu: a member without a shape", json_offset(&b->json));
    out->index = b->members++;
    return OK;
}

/* Shapes. */

static int read_members(struct builder *b, struct draft *draft)
{
    int code = read_object(b);
    b->member_list.count = 0;
    while (code >= 0 && (code = read_key(b)) > 0) {
        struct member member = {0};
        member.name = arena_text(b->arena, b->json.text, b->json.len);
        if (!member.name) return build_no_memory(b);
        code = read_member(b, &member);
        if (code >= 0 && !gather_add(b, &b->member_list, &member, sizeof member)) code = ERR_NOMEM;
    }
    if (code < 0) return code;
    struct shape *shape = draft->shape;
    size_t size = b->member_list.count * sizeof *shape->members;
    if (b->member_list.count > MEMBERS_MAX)
        return build_refuse(b, "%s has too many members", shape->name);
    shape->members = arena_alloc(b->arena, size);
    if (!shape->members) return build_no_memory(b);
    if (size) memcpy(shape->members, b->member_list.items, size);
    shape->member_count = (uint32_t)b->member_list.count;
    return OK;
}

static int read_alone(struct builder *b, const struct member **out, const char *name)
{
    struct member *member = arena_alloc(b->arena, sizeof *member);
    if (!member) return build_no_memory(b);
    member->name = name;
    *out = member;
    return read_member(b, member);
}

static int read_type(struct builder *b, struct shape *shape)
{
    static const struct {
        const char *name;
        enum shape_type type;
    } known[] = {
        {"structure", SHAPE_STRUCTURE}, {"list", SHAPE_LIST},        {"map", SHAPE_MAP},
        {"string", SHAPE_STRING},       {"character", SHAPE_STRING}, {"integer", SHAPE_INTEGER},
        {"long", SHAPE_INTEGER},        {"short", SHAPE_INTEGER},    {"byte", SHAPE_INTEGER},
        {"bigInteger", SHAPE_INTEGER},  {"float", SHAPE_FLOAT},      {"double", SHAPE_FLOAT},
        {"bigDecimal", SHAPE_FLOAT},    {"boolean", SHAPE_BOOLEAN},  {"blob", SHAPE_BLOB},
        {"timestamp", SHAPE_TIMESTAMP},
    };
    struct json_reader *r = &b->json;
    if (json_next(r) != JSON_STRING) return build_refuse(b, "%s: no text for a type", shape->name);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strlen(known[i].name) != r->len || memcmp(known[i].name, r->text, r->len) != 0)
            continue;
        if (shape->type != SHAPE_DOCUMENT) shape->type = known[i].type;
        shape->single = strcmp(known[i].name, "float") == 0;
        return OK;
    }
    return build_refuse(b, "%s: the type '%.*s' is not known", shape->name,
                        (int)(r->len < 100 ? r->len : 100), r->text);
}

/* "error": { "code": "Throttling", "httpStatusCode": 400, "senderFault": true } */
static int read_error(struct builder *b, struct shape *shape)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "code"))
            code = read_text(b, &shape->error_code);
        else if (KEY_IS(b, "httpStatusCode"))
            code = read_int(b, &shape->error_status);
        else if (KEY_IS(b, "senderFault"))
            code = read_bool(b, &shape->fault_of_sender);
        else
            code = read_skip(b);
    }
    return code;
}

static int read_document_mark(struct builder *b, struct shape *shape)
{
    bool document = false;
    int code = read_bool(b, &document);
    if (document) shape->type = SHAPE_DOCUMENT;
    return code;
}

static int read_shape_field(struct builder *b, struct draft *draft)
{
    struct shape *s = draft->shape;
    if (KEY_IS(b, "type")) return read_type(b, s);
    if (KEY_IS(b, "members")) return read_members(b, draft);
    if (KEY_IS(b, "member")) return read_alone(b, &s->item, "member");
    if (KEY_IS(b, "key")) return read_alone(b, &s->key, "key");
    if (KEY_IS(b, "value")) return read_alone(b, &s->item, "value");
    if (KEY_IS(b, "required")) return read_names(b, &draft->required);
    if (KEY_IS(b, "enum")) return read_names(b, &s->enum_values);
    if (KEY_IS(b, "payload")) return read_text(b, &draft->payload);
    if (KEY_IS(b, "locationName")) return read_text(b, &s->xml_name);
    if (KEY_IS(b, "timestampFormat")) return read_timestamp_format(b, &s->timestamp_format);
    if (KEY_IS(b, "xmlNamespace")) return read_namespace(b, &s->xml_namespace, &s->xml_prefix);
    if (KEY_IS(b, "flattened")) return read_bool(b, &s->flattened);
    if (KEY_IS(b, "union")) return read_bool(b, &s->is_union);
    if (KEY_IS(b, "exception")) return read_bool(b, &s->exception);
    if (KEY_IS(b, "error")) return read_error(b, s);
    if (KEY_IS(b, "sensitive")) return read_bool(b, &s->sensitive);
    if (KEY_IS(b, "wrapper")) return read_bool(b, &s->wrapper);
    if (KEY_IS(b, "sparse")) return read_bool(b, &s->sparse);
    if (KEY_IS(b, "document")) return read_document_mark(b, s);
    if (KEY_IS(b, "eventstream")) return read_bool(b, &s->event_stream);
    if (KEY_IS(b, "streaming")) return read_bool(b, &s->streaming);
    if (KEY_IS(b, "jsonvalue")) return read_bool(b, &s->json_value);
    return read_skip(b);
}

int read_shapes(struct builder *b)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        struct draft *draft = build_shape(b, b->json.text, b->json.len);
        if (!draft) return ERR_NOMEM;
        if (draft->defined) return build_refuse(b, "the shape %s comes twice", draft->shape->name);
        draft->defined = true;
        code = read_object(b);
        while (code >= 0 && (code = read_key(b)) > 0)
            code = read_shape_field(b, draft);
    }
    return code;
}
