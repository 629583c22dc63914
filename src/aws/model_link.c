/* aws/model_link.c - once all documents are read: every reference must lead somewhere, members get
 * what their shapes say for them, and the look-up tables are made. What passes here is safe to use.
 */
#include "model_build.h"
#include "model_hash.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Members. */

static int link_member(struct builder *b, const struct shape *owner, struct member *m)
{
    const struct shape *shape = m->shape;
    m->has_location_name = m->location_name || shape->xml_name;
    if (!m->location_name) m->location_name = shape->xml_name ? shape->xml_name : m->name;
    if (!m->xml_namespace) {
        m->xml_namespace = shape->xml_namespace;
        m->xml_prefix = shape->xml_prefix;
    }
    if (m->timestamp_format == TIMESTAMP_DEFAULT) m->timestamp_format = shape->timestamp_format;
    m->flattened = m->flattened || shape->flattened;
    m->streaming = m->streaming || shape->streaming;
    m->json_value = m->json_value || shape->json_value;
    size_t name_len = strlen(m->name), location_len = strlen(m->location_name);
    if (name_len > UINT16_MAX || location_len > UINT16_MAX)
        return build_refuse(b, "%s: a name is too long", owner->name);
    m->name_len = (uint16_t)name_len;
    m->location_name_len = (uint16_t)location_len;
    return OK;
}

/* Open addressing, at most half full; a slot holds the member's number from 1. */
static uint16_t *make_slots(struct builder *b, struct shape *shape, bool wire)
{
    uint16_t *slots = arena_alloc(b->arena, (shape->slot_mask + 1) * sizeof *slots);
    for (uint32_t i = 0; slots && i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        uint32_t at = wire ? name_hash(m->location_name, m->location_name_len)
                           : name_hash(m->name, m->name_len);
        while (slots[at & shape->slot_mask])
            at++;
        slots[at & shape->slot_mask] = (uint16_t)(i + 1);
    }
    return slots;
}

static int link_structure(struct builder *b, struct draft *draft)
{
    struct shape *shape = draft->shape;
    bool renamed = false;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        int code = link_member(b, shape, &shape->members[i]);
        if (code < 0) return code;
        renamed = renamed || strcmp(shape->members[i].name, shape->members[i].location_name) != 0;
    }
    uint32_t slots = 2;
    while (slots < shape->member_count * 2)
        slots *= 2;
    shape->slot_mask = slots - 1;
    shape->by_name = make_slots(b, shape, false);
    shape->by_location_name = renamed ? make_slots(b, shape, true) : shape->by_name;
    if (!shape->by_name || !shape->by_location_name) return build_no_memory(b);
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        if (shape_member(shape, m->name, m->name_len) != m)
            return build_refuse(b, "%s has %s twice", shape->name, m->name);
    }
    for (const char *const *name = draft->required; name && *name; name++) {
        struct member *m = (struct member *)(uintptr_t)shape_member(shape, *name, strlen(*name));
        if (!m) return build_refuse(b, "%s requires %s, which it lacks", shape->name, *name);
        m->required = true;
    }
    if (!draft->payload) return OK;
    shape->payload = shape_member(shape, draft->payload, strlen(draft->payload));
    return shape->payload ? OK
                          : build_refuse(b, "%s has the payload %s, which it lacks", shape->name,
                                         draft->payload);
}

static int link_alone(struct builder *b, const struct shape *shape, const struct member *member)
{
    return link_member(b, shape, (struct member *)(uintptr_t)member);
}

static int link_shape(struct builder *b, struct draft *draft)
{
    struct shape *shape = draft->shape;
    if (!draft->defined) return build_refuse(b, "the shape %s is not there", shape->name);
    if (shape->exception && !shape->error_code) shape->error_code = shape->name;
    int code = OK;
    switch (shape->type) {
    case SHAPE_STRUCTURE: return link_structure(b, draft);
    case SHAPE_LIST:
        if (!shape->item) return build_refuse(b, "the list %s has no member", shape->name);
        return link_alone(b, shape, shape->item);
    case SHAPE_MAP:
        if (!shape->key || !shape->item)
            return build_refuse(b, "the map %s lacks key or value", shape->name);
        code = link_alone(b, shape, shape->key);
        return code < 0 ? code : link_alone(b, shape, shape->item);
    default: return OK;
    }
}

/* The keys of maps: their type is known only when every shape has been read. */
static int check_keys(struct builder *b)
{
    for (struct draft *d = b->drafts; d; d = d->next)
        if (d->shape->type == SHAPE_MAP && d->shape->key->shape->type != SHAPE_STRING)
            return build_refuse(b, "the map %s has keys that are no texts", d->shape->name);
    return OK;
}

/* Operations. */

static bool reads_by_verb(const char *name)
{
    static const char *const verbs[] = {"Get",   "List", "Describe", "Head",   "BatchGet",
                                        "Query", "Scan", "Search",   "Lookup", "TransactGet"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        size_t n = strlen(verbs[i]);
        if (strncmp(name, verbs[i], n) == 0 && !islower((unsigned char)name[n])) return true;
    }
    return false;
}

static const struct member *uri_member(const struct shape *input, const char *name, size_t len)
{
    const struct member *m = input ? shape_wire_member(input, name, len) : NULL;
    return m && m->location == LOCATION_URI && m->required ? m : NULL;
}

/* Every label of the URI is a required member of the input that goes into the URI. */
static int check_labels(struct builder *b, const struct operation *op)
{
    if (op->uri[0] != '/') return build_refuse(b, "%s: the URI '%s'", op->name, op->uri);
    for (const char *at = op->uri; (at = strchr(at, '{'));) {
        const char *end = strchr(++at, '}');
        if (!end) return build_refuse(b, "%s: an open label in '%s'", op->name, op->uri);
        size_t len = (size_t)(end - at);
        if (len > 0 && end[-1] == '+') len--;
        if (!uri_member(op->input, at, len))
            return build_refuse(b, "%s: no member for the label {%.*s}", op->name,
                                (int)(len < 100 ? len : 100), at);
        at = end;
    }
    return OK;
}

static int check_host_labels(struct builder *b, const struct operation *op)
{
    for (const char *at = op->host_prefix; at && (at = strchr(at, '{'));) {
        const char *end = strchr(++at, '}');
        const struct member *m =
            end && op->input ? shape_member(op->input, at, (size_t)(end - at)) : NULL;
        if (!m || !m->host_label || m->shape->type != SHAPE_STRING)
            return build_refuse(b, "%s: no member for a label of '%s'", op->name, op->host_prefix);
        at = end;
    }
    return OK;
}

/* A part of the request or the answer that is not its body must be of a type that fits there. */
static int check_locations(struct builder *b, const struct shape *shape)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        enum shape_type type = m->shape->type;
        bool scalar = type >= SHAPE_STRING && type != SHAPE_DOCUMENT;
        if (type == SHAPE_LIST) {
            enum shape_type item = m->shape->item->shape->type;
            bool listed = m->location == LOCATION_HEADER || m->location == LOCATION_QUERYSTRING;
            scalar = listed && item >= SHAPE_STRING && item != SHAPE_DOCUMENT;
        } else if (type == SHAPE_MAP) {
            const struct shape *value = m->shape->item->shape;
            bool list = value->type == SHAPE_LIST && m->location == LOCATION_QUERYSTRING &&
                        value->item->shape->type == SHAPE_STRING;
            scalar = (m->location == LOCATION_HEADERS || m->location == LOCATION_QUERYSTRING) &&
                     (value->type == SHAPE_STRING || list);
        } else if (m->location == LOCATION_HEADERS) {
            scalar = false;
        }
        if (m->location == LOCATION_HEADER && m->json_value) scalar = true;
        if (m->location != LOCATION_BODY && !scalar)
            return build_refuse(b, "%s.%s does not fit where it goes", shape->name, m->name);
    }
    return OK;
}

static bool has_stream(const struct shape *shape)
{
    for (uint32_t i = 0; shape && i < shape->member_count; i++)
        if (shape->members[i].shape->event_stream) return true;
    return false;
}

static int link_root(struct builder *b, const struct operation *op, const struct member *root)
{
    if (!root) return OK;
    struct member *m = (struct member *)(uintptr_t)root;
    if (m->shape->type != SHAPE_STRUCTURE)
        return build_refuse(b, "%s: %s is not a structure", op->name, m->shape->name);
    m->name = m->shape->name;
    int code = link_member(b, m->shape, m);
    return code < 0 ? code : check_locations(b, m->shape);
}

static int link_operation(struct builder *b, struct operation_draft *draft)
{
    struct operation *op = &draft->operation;
    char snake[SNAKE_MAX];
    snake_case(op->name, snake);
    op->snake = arena_text(b->arena, snake, strlen(snake));
    if (!op->snake) return build_no_memory(b);
    int code = link_root(b, op, op->input_root);
    if (code >= 0) code = link_root(b, op, op->output_root);
    if (code >= 0) code = check_labels(b, op);
    if (code >= 0) code = check_host_labels(b, op);
    if (code < 0) return code;
    for (const struct shape *const *error = op->errors; *error; error++)
        if ((*error)->type != SHAPE_STRUCTURE)
            return build_refuse(b, "%s: the error %s", op->name, (*error)->name);
    op->read_only = op->read_only || reads_by_verb(op->name);
    op->event_stream = has_stream(op->input) || has_stream(op->output);
    if (!draft->checksum_member) return OK;
    const char *name = draft->checksum_member;
    op->checksum_member = op->input ? shape_member(op->input, name, strlen(name)) : NULL;
    if (!op->checksum_member || op->checksum_member->shape->type != SHAPE_STRING)
        return build_refuse(b, "%s: no member %s for its checksum", op->name, name);
    return OK;
}

static int by_snake(const void *a, const void *b)
{
    return strcmp(((const struct operation *)a)->snake, ((const struct operation *)b)->snake);
}

static int link_operations(struct builder *b)
{
    struct model *model = &b->box->model;
    struct operation_draft *drafts = b->operations.items;
    size_t count = b->operations.count;
    struct operation *list = arena_alloc(b->arena, count * sizeof *list);
    if (!list) return build_no_memory(b);
    for (size_t i = 0; i < count; i++) {
        int code = link_operation(b, &drafts[i]);
        if (code < 0) return code;
        list[i] = drafts[i].operation;
    }
    if (count) qsort(list, count, sizeof *list, by_snake);
    model->operations = list;
    model->operation_count = (uint32_t)count;
    return OK;
}

static struct operation *find(struct builder *b, const char *name)
{
    return (struct operation *)(uintptr_t)model_operation(&b->box->model, name);
}

/* Pagination of an operation that is not there is passed over: two documents of two ages. */
static void link_pagination(struct builder *b)
{
    struct pagination_draft *drafts = b->paginations.items;
    for (size_t i = 0; i < b->paginations.count; i++) {
        struct operation *op = find(b, drafts[i].operation);
        if (op) op->pagination = drafts[i].pagination;
    }
}

static int link_waiters(struct builder *b)
{
    struct model *model = &b->box->model;
    struct waiter_draft *drafts = b->waiters.items;
    struct waiter *list = arena_alloc(b->arena, b->waiters.count * sizeof *list);
    if (!list) return build_no_memory(b);
    model->waiters = list;
    for (size_t i = 0; i < b->waiters.count; i++) {
        const struct operation *op = drafts[i].operation ? find(b, drafts[i].operation) : NULL;
        if (!op) continue;
        drafts[i].waiter.operation = op;
        list[model->waiter_count++] = drafts[i].waiter;
    }
    return OK;
}

/* What is spoken, and what that protocol cannot do without. */
static int link_protocol(struct builder *b)
{
    struct model *model = &b->box->model;
    if (!protocol_best(model->protocols, &model->protocol))
        return fault_set(b->fault, ERR_UNSUPPORTED, "the model of %s names no protocol we speak",
                         b->service);
    bool target = model->protocol == PROTOCOL_JSON || model->protocol == PROTOCOL_CBOR;
    if (target && !model->target_prefix) return build_refuse(b, "no targetPrefix");
    if (!model->json_version) model->json_version = "1.0";
    if (!model->api_version) return build_refuse(b, "no apiVersion");
    if (!model->endpoint_prefix) return build_refuse(b, "no endpointPrefix");
    if (!model->signing_name) model->signing_name = model->endpoint_prefix;
    if (!model->service_id) model->service_id = model->service;
    return OK;
}

int model_link(struct builder *b)
{
    int code = link_protocol(b);
    for (struct draft *d = b->drafts; code >= 0 && d; d = d->next)
        code = link_shape(b, d);
    if (code >= 0) code = check_keys(b);
    if (code >= 0) code = link_operations(b);
    if (code < 0) return code;
    link_pagination(b);
    b->box->model.member_count = b->members;
    return link_waiters(b);
}
