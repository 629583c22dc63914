/* aws/serialize_xml.c - the XML bodies of rest-xml. */
#include "serialize.h"

/* XML 1.0, sections 2.4 and 3.3.3: what would be markup, or be lost when the reader normalizes. */
static void put_escaped(struct strbuf *out, const char *text, size_t len, bool attribute)
{
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        const char *escape = NULL;
        switch (text[i]) {
        case '&': escape = "&amp;"; break;
        case '<': escape = "&lt;"; break;
        case '>': escape = "&gt;"; break;
        case '\r': escape = "&#xD;"; break;
        case '"': escape = attribute ? "&quot;" : NULL; break;
        case '\n': escape = attribute ? "&#xA;" : NULL; break;
        case '\t': escape = attribute ? "&#x9;" : NULL; break;
        default: break;
        }
        if (!escape) continue;
        strbuf_add(out, text + run, i - run);
        strbuf_adds(out, escape);
        run = i + 1;
    }
    strbuf_add(out, text + run, len - run);
}

static void open_element(struct strbuf *out, const char *name, const struct member *m)
{
    strbuf_addc(out, '<');
    strbuf_adds(out, name);
    if (!m || !m->xml_namespace) return;
    strbuf_adds(out, " xmlns");
    if (m->xml_prefix && *m->xml_prefix) {
        strbuf_addc(out, ':');
        strbuf_adds(out, m->xml_prefix);
    }
    strbuf_adds(out, "=\"");
    put_escaped(out, m->xml_namespace, strlen(m->xml_namespace), true);
    strbuf_addc(out, '"');
}

static void close_element(struct strbuf *out, const char *name)
{
    strbuf_adds(out, "</");
    strbuf_adds(out, name);
    strbuf_addc(out, '>');
}

static void put_element(struct serializer *s, const struct member *m, const char *name);

static void put_attributes(struct serializer *s, const struct shape *shape)
{
    struct strbuf *out = &s->out->body;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        if (!m->xml_attribute || enter_member(s, m, false) != PRESENT) continue;
        struct span text = value_text(s, m, TIMESTAMP_ISO8601);
        strbuf_addc(out, ' ');
        strbuf_adds(out, m->location_name);
        strbuf_adds(out, "=\"");
        put_escaped(out, text.at, text.len, true);
        strbuf_addc(out, '"');
        s->in->vtable->leave(s->in);
    }
}

/* top: the input itself; members that go elsewhere stay out. */
static void put_structure(struct serializer *s, const struct member *m, const char *name, bool top)
{
    struct strbuf *out = &s->out->body;
    const struct shape *shape = m->shape;
    open_element(out, name, m);
    put_attributes(s, shape);
    strbuf_addc(out, '>');
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *child = &shape->members[i];
        if (child->xml_attribute || (top && child->location != LOCATION_BODY)) continue;
        enum presence found = enter_member(s, child, top);
        if (found == TOKEN) {
            open_element(out, child->location_name, child);
            strbuf_addc(out, '>');
            strbuf_adds(out, s->token);
            close_element(out, child->location_name);
        } else if (found == PRESENT) {
            put_element(s, child, child->location_name);
            s->in->vtable->leave(s->in);
        }
    }
    close_element(out, name);
}

static void put_list(struct serializer *s, const struct member *m, const char *name)
{
    struct strbuf *out = &s->out->body;
    const struct member *item = m->shape->item;
    size_t length = s->in->vtable->length(s->in);
    if (!m->flattened) {
        open_element(out, name, m);
        strbuf_addc(out, '>');
    }
    for (size_t i = 0; i < length; i++) {
        s->in->vtable->enter_index(s->in, i);
        put_element(s, item, m->flattened ? name : item->location_name);
        s->in->vtable->leave(s->in);
    }
    if (!m->flattened) close_element(out, name);
}

static void put_map(struct serializer *s, const struct member *m, const char *name)
{
    struct strbuf *out = &s->out->body;
    const struct shape *map = m->shape;
    const char *entry = m->flattened ? name : "entry", *key;
    size_t len;
    if (!m->flattened) {
        open_element(out, name, m);
        strbuf_addc(out, '>');
    }
    s->in->vtable->begin_keys(s->in);
    while (s->in->vtable->next_key(s->in, &key, &len)) {
        open_element(out, entry, NULL);
        strbuf_addc(out, '>');
        open_element(out, map->key->location_name, map->key);
        strbuf_addc(out, '>');
        put_escaped(out, key, len, false);
        close_element(out, map->key->location_name);
        put_element(s, map->item, map->item->location_name);
        close_element(out, entry);
        s->in->vtable->leave(s->in);
    }
    if (!m->flattened) close_element(out, name);
}

static void put_element(struct serializer *s, const struct member *m, const char *name)
{
    struct strbuf *out = &s->out->body;
    struct span text = {"", 0};
    bool null = s->in->vtable->type(s->in) == VALUE_NULL; /* of a sparse list or map */
    switch (null ? SHAPE_STRING : m->shape->type) {
    case SHAPE_STRUCTURE: put_structure(s, m, name, false); return;
    case SHAPE_LIST: put_list(s, m, name); return;
    case SHAPE_MAP: put_map(s, m, name); return;
    default: break;
    }
    if (!null) text = value_text(s, m, TIMESTAMP_ISO8601);
    open_element(out, name, m);
    strbuf_addc(out, '>');
    put_escaped(out, text.at, text.len, false);
    close_element(out, name);
}

/* A payload without a name of its own has its shape's. */
void write_xml_body(struct serializer *s, const struct member *root, bool payload)
{
    const char *name =
        payload && !root->has_location_name ? root->shape->name : root->location_name;
    if (payload)
        put_element(s, root, name);
    else
        put_structure(s, root, name, true);
}
