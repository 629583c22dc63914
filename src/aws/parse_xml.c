/* aws/parse_xml.c - bodies of the query, ec2 and rest-xml protocols.
 *
 * expat writes what it meets as a tape into the caller's scratch and has ended before the first
 * value is written, as writers may leave by longjmp and expat's memory would be lost. The tape is
 * flat: nodes in the order of the document, each with the offsets of its first child and its next
 * sibling, followed by its name, its attributes, and its text. Text beside children (white space
 * between elements) is dropped. Prefixes of names are cut off, namespaces are not looked at. */
#include "parse.h"
#include "xml.h"

#include <string.h>

struct xml_node {
    uint32_t next, child; /* offsets; 0: none, as the root is never either */
    uint32_t name;        /* offset of a text that ends with NUL */
    uint32_t attributes;  /* offset of `attribute_count` pairs of such texts */
    uint32_t attribute_count;
    uint32_t text, text_len;
    uint32_t used; /* an item of a flattened list that was written with the first one */
};

struct xml {
    struct xml_reading reading;
    struct strbuf *tape;
    uint32_t open[WIRE_DEPTH_MAX], last[WIRE_DEPTH_MAX]; /* by depth: the node, its last child */
    int depth;
};

static struct xml_node *node_at(const struct strbuf *tape, uint32_t at)
{
    return (struct xml_node *)(void *)(tape->data + at);
}

/* A new node at the end of the tape; 0 when there is no room (a node is never there but the root).
 */
static bool add_node(struct xml *xml, uint32_t *at)
{
    struct strbuf *tape = xml->tape;
    size_t pad = -tape->len & (_Alignof(struct xml_node) - 1);
    char *room = strbuf_reserve(tape, pad + sizeof(struct xml_node));
    if (!room || tape->len + pad > UINT32_MAX / 2) {
        xml_stop(&xml->reading, tape->status < 0 ? tape->status : ERR_LIMIT, "it is too large");
        return false;
    }
    memset(room, 0, pad + sizeof(struct xml_node));
    *at = (uint32_t)(tape->len + pad);
    tape->len += pad + sizeof(struct xml_node);
    return true;
}

static uint32_t add_name(struct strbuf *tape, const char *name)
{
    uint32_t at = (uint32_t)tape->len;
    strbuf_add(tape, name, strlen(name) + 1);
    return at;
}

static void link_node(struct xml *xml, uint32_t at)
{
    if (xml->depth == 0) return;
    uint32_t last = xml->last[xml->depth - 1];
    if (last)
        node_at(xml->tape, last)->next = at;
    else
        node_at(xml->tape, xml->open[xml->depth - 1])->child = at;
    xml->last[xml->depth - 1] = at;
}

static void begins(void *data, const char *name, const char **attributes)
{
    struct xml *xml = data;
    struct strbuf *tape = xml->tape;
    uint32_t at, count = 0;
    if (xml->reading.code < 0) return;
    if (xml->depth == WIRE_DEPTH_MAX) {
        xml_stop(&xml->reading, ERR_LIMIT, "nested too deep");
        return;
    }
    if (xml->depth > 0 && !xml->last[xml->depth - 1]) { /* its first child: no text, then */
        struct xml_node *parent = node_at(tape, xml->open[xml->depth - 1]);
        tape->len = parent->text;
        parent->text_len = 0;
    }
    if (!add_node(xml, &at)) return;
    link_node(xml, at);
    const char *colon = strrchr(name, ':');
    uint32_t name_at = add_name(tape, colon ? colon + 1 : name);
    uint32_t attributes_at = (uint32_t)tape->len;
    for (; attributes[2 * count]; count++) {
        add_name(tape, attributes[2 * count]);
        add_name(tape, attributes[2 * count + 1]);
    }
    if (strbuf_status(tape) < 0) {
        xml_stop(&xml->reading, strbuf_status(tape), "it is too large");
        return;
    }
    struct xml_node *node = node_at(tape, at);
    node->name = name_at;
    node->attributes = attributes_at;
    node->attribute_count = count;
    node->text = (uint32_t)tape->len;
    xml->open[xml->depth] = at;
    xml->last[xml->depth++] = 0;
}

static void ends(void *data, const char *name)
{
    struct xml *xml = data;
    (void)name;
    if (xml->reading.code == OK) xml->depth--;
}

static void text_comes(void *data, const char *text, int len)
{
    struct xml *xml = data;
    if (xml->reading.code < 0 || xml->last[xml->depth - 1]) return;
    strbuf_add(xml->tape, text, (size_t)len);
    if (strbuf_status(xml->tape) < 0) {
        xml_stop(&xml->reading, strbuf_status(xml->tape), "it is too large");
        return;
    }
    node_at(xml->tape, xml->open[xml->depth - 1])->text_len += (uint32_t)len;
}

/* The body as a tape; *root is its first node. */
static int read_tape(struct parse *p, struct xml_node **root)
{
    struct xml xml = {.reading = {.begins = begins, .ends = ends, .text_comes = text_comes},
                      .tape = p->scratch};
    const struct wire_response *response = p->response;
    strbuf_reset(p->scratch);
    int code = xml_read(&xml.reading, response->body, response->body_len);
    if (code == ERR_NOMEM)
        fault_set(p->fault, ERR_NOMEM, "out of memory");
    else if (code < 0)
        fault_set(p->fault, code, "the XML answer is wrong at byte %lld of %zu: %s", xml.reading.at,
                  response->body_len, xml.reading.error);
    else
        *root = node_at(p->scratch, 0);
    return code;
}

static const char *name_of(const struct parse *p, const struct xml_node *node)
{
    return p->scratch->data + node->name;
}

static const char *text_of(const struct parse *p, const struct xml_node *node)
{
    return p->scratch->data + node->text;
}

static struct xml_node *child_of(const struct parse *p, const struct xml_node *node)
{
    return node->child ? node_at(p->scratch, node->child) : NULL;
}

static struct xml_node *next_of(const struct parse *p, const struct xml_node *node)
{
    return node->next ? node_at(p->scratch, node->next) : NULL;
}

static struct xml_node *find_child(const struct parse *p, const struct xml_node *node,
                                   const char *name)
{
    struct xml_node *child = node ? child_of(p, node) : NULL;
    while (child && strcmp(name_of(p, child), name) != 0)
        child = next_of(p, child);
    return child;
}

/* ---- the values ---- */

static void put_node(struct parse *p, struct xml_node *node, const struct member *member);

static void put_attributes(struct parse *p, const struct xml_node *node, const struct shape *shape)
{
    const char *at = p->scratch->data + node->attributes;
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        const char *value = at + strlen(at) + 1;
        const struct member *member = parse_member(p, shape, at, strlen(at));
        if (member && member->xml_attribute) {
            out_key(p, member);
            put_text(p, member, value, strlen(value));
        }
        at = value + strlen(value) + 1;
    }
}

static const char *map_name(const struct member *member, const char *usual)
{
    return member->has_location_name ? member->location_name : usual;
}

static void put_entry(struct parse *p, struct xml_node *entry, const struct shape *shape)
{
    struct xml_node *key = find_child(p, entry, map_name(shape->key, "key"));
    struct xml_node *value = find_child(p, entry, map_name(shape->item, "value"));
    if (!key) return;
    out_name(p, text_of(p, key), key->text_len);
    if (value)
        put_node(p, value, shape->item);
    else
        p->out->vtable->null(p->out);
}

/* The items of a flattened list or map are siblings of the first, with other elements in between
 * perhaps. */
static void put_flattened(struct parse *p, struct xml_node *first, const struct shape *shape)
{
    const char *name = name_of(p, first);
    out_begin(p, shape->type == SHAPE_LIST);
    for (struct xml_node *node = first; node; node = next_of(p, node)) {
        if (node != first && strcmp(name_of(p, node), name) != 0) continue;
        node->used = 1;
        if (shape->type == SHAPE_LIST)
            put_node(p, node, shape->item);
        else
            put_entry(p, node, shape);
    }
    out_end(p);
}

static bool is_container(enum shape_type type)
{
    return type == SHAPE_STRUCTURE || type == SHAPE_LIST || type == SHAPE_MAP;
}

static void put_members(struct parse *p, struct xml_node *node, const struct shape *shape)
{
    if (node->attribute_count) put_attributes(p, node, shape);
    for (struct xml_node *child = child_of(p, node); child; child = next_of(p, child)) {
        const char *name = name_of(p, child);
        const struct member *member =
            child->used ? NULL : parse_member(p, shape, name, strlen(name));
        if (!member || member->xml_attribute) continue;
        enum shape_type type = member->shape->type;
        bool empty = child->text_len == 0 && !is_container(type);
        if (empty && type != SHAPE_STRING && type != SHAPE_BLOB) continue; /* says nothing */
        out_key(p, member);
        if ((type == SHAPE_LIST || type == SHAPE_MAP) && member_flattened(member))
            put_flattened(p, child, member->shape);
        else
            put_node(p, child, member);
    }
}

static void put_node(struct parse *p, struct xml_node *node, const struct member *member)
{
    const struct shape *shape = member->shape;
    if (!is_container(shape->type)) {
        put_text(p, member, text_of(p, node), node->text_len);
        return;
    }
    out_begin(p, shape->type == SHAPE_LIST);
    if (shape->type == SHAPE_STRUCTURE) {
        put_members(p, node, shape);
    } else {
        for (struct xml_node *child = child_of(p, node); child; child = next_of(p, child)) {
            if (shape->type == SHAPE_LIST)
                put_node(p, child, shape->item);
            else
                put_entry(p, child, shape);
        }
    }
    out_end(p);
}

/* <Error>; <ErrorResponse><Error>; <Response><Errors><Error> */
static struct xml_node *error_node(const struct parse *p, struct xml_node *root)
{
    if (strcmp(name_of(p, root), "Error") == 0) return root;
    struct xml_node *error = find_child(p, root, "Error");
    return error ? error : find_child(p, find_child(p, root, "Errors"), "Error");
}

int parse_xml_members(struct parse *p, const struct shape *shape)
{
    struct xml_node *root, *node;
    if (p->response->body_len == 0 && (p->protocol == PROTOCOL_REST_XML || !shape->member_count))
        return OK;
    int code = read_tape(p, &root);
    if (code < 0) return code;
    node = root;
    if (p->in_error)
        node = error_node(p, root);
    else if (p->operation->result_wrapper)
        node = find_child(p, root, p->operation->result_wrapper);
    if (!node) node = root;
    /* S3's GetBucketLocation: the root is the member. */
    const struct member *member = NULL;
    if (p->protocol == PROTOCOL_REST_XML && !p->in_error && !node->child && node->text_len > 0)
        member = parse_member(p, shape, name_of(p, node), strlen(name_of(p, node)));
    if (member && !is_container(member->shape->type)) {
        out_key(p, member);
        put_node(p, node, member);
        return OK;
    }
    put_members(p, node, shape);
    return OK;
}

int parse_xml_payload(struct parse *p, const struct member *member)
{
    struct xml_node *root;
    int code = read_tape(p, &root);
    if (code == OK) put_node(p, root, member);
    return code;
}

/* ---- errors ---- */

static void copy_text(const struct parse *p, const struct xml_node *node, char *out, size_t size)
{
    if (node) text_copy(out, size, text_of(p, node), node->text_len);
}

static const struct xml_node *either(const struct parse *p, const struct xml_node *node,
                                     const char *name, const char *other)
{
    const struct xml_node *found = find_child(p, node, name);
    return found ? found : find_child(p, node, other);
}

int error_words_xml(struct parse *p, struct error_words *words)
{
    struct xml_node *root;
    struct fault *fault = p->fault, ignored;
    p->fault = &ignored;
    int code = read_tape(p, &root);
    p->fault = fault;
    if (code < 0) return code;
    const struct xml_node *error = error_node(p, root);
    if (!error) return ERR_PARSE;
    const struct xml_node *found = either(p, error, "Code", "code");
    if (found) error_code_copy(words->code, text_of(p, found), found->text_len);
    copy_text(p, either(p, error, "Message", "message"), words->message, sizeof words->message);
    const struct xml_node *id = either(p, error, "RequestId", "RequestID");
    if (!id) id = either(p, root, "RequestId", "RequestID");
    if (!id) id = find_child(p, find_child(p, root, "ResponseMetadata"), "RequestId");
    copy_text(p, id, words->request_id, sizeof words->request_id);
    return OK;
}
