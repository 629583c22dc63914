/* aws/serialize_query.c - the Query protocol and its EC2 dialect: parameters flattened into one
 * form, names joined by dots, lists and maps by numbers from 1.
 *
 *   Filters.member.1.Name=state&Filters.member.1.Values.member.1=on      query
 *   Filter.1.Name=state&Filter.1.Value.1=on                              ec2, and flattened lists
 */
#include "serialize.h"

#include <ctype.h>

enum { NAME_MAX_BYTES = 64 * 1024 };

struct query {
    struct serializer *s;
    struct strbuf name; /* of the current value, percent-encoded */
    bool ec2;
};

static void put_value(struct query *q, const struct member *member);

static void put_pair(struct query *q, const char *text, size_t len)
{
    struct strbuf *out = &q->s->out->body;
    strbuf_addc(out, '&');
    strbuf_add(out, strbuf_cstr(&q->name), q->name.len);
    strbuf_addc(out, '=');
    put_percent(out, text, len, false);
}

/* What comes back to `len` once the value is written. */
static size_t push(struct query *q, const char *name, size_t len)
{
    size_t before = q->name.len;
    if (before > 0) strbuf_addc(&q->name, '.');
    put_percent(&q->name, name, len, false);
    return before;
}

static void push_number(struct query *q, size_t number)
{
    strbuf_addc(&q->name, '.');
    strbuf_add_int(&q->name, (int64_t)number);
}

static void pop(struct query *q, size_t len)
{
    if (strbuf_status(&q->name) < 0) return;
    q->name.len = len;
    if (q->name.data) q->name.data[len] = '\0';
}

static size_t push_member(struct query *q, const struct member *m)
{
    if (!q->ec2) return push(q, m->location_name, m->location_name_len);
    if (m->query_name) return push(q, m->query_name, strlen(m->query_name));
    size_t before = push(q, m->location_name, m->location_name_len);
    size_t first = before > 0 ? before + 1 : 0; /* capitalized, when it was said */
    if (m->has_location_name && first < q->name.len)
        q->name.data[first] = (char)toupper((unsigned char)q->name.data[first]);
    return before;
}

static void put_structure(struct query *q, const struct shape *shape, bool top)
{
    struct serializer *s = q->s;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        enum presence found = enter_member(s, m, top);
        if (found == ABSENT) continue;
        size_t before = push_member(q, m);
        if (found == TOKEN) {
            put_pair(q, s->token, strlen(s->token));
        } else {
            put_value(q, m);
            s->in->vtable->leave(s->in);
        }
        pop(q, before);
    }
}

/* A flattened list whose members have a name of their own takes it in place of the list's. */
static void rename_last(struct query *q, const struct member *item)
{
    size_t at = q->name.len;
    while (at > 0 && q->name.data[at - 1] != '.')
        at--;
    pop(q, at > 0 ? at - 1 : 0);
    push(q, item->location_name, item->location_name_len);
}

static void put_list(struct query *q, const struct member *member)
{
    struct value_reader *in = q->s->in;
    const struct member *item = member->shape->item;
    size_t length = in->vtable->length(in);
    if (length == 0) {
        if (!q->ec2) put_pair(q, "", 0); /* query says that a list is empty */
        return;
    }
    if (!q->ec2 && !member->flattened)
        push(q, item->location_name, item->location_name_len);
    else if (!q->ec2 && item->has_location_name)
        rename_last(q, item);
    size_t before = q->name.len;
    for (size_t i = 0; i < length; i++) {
        in->vtable->enter_index(in, i);
        push_number(q, i + 1);
        if (in->vtable->type(in) != VALUE_NULL) put_value(q, item);
        pop(q, before);
        in->vtable->leave(in);
    }
}

static void put_map(struct query *q, const struct member *member)
{
    struct value_reader *in = q->s->in;
    const struct shape *map = member->shape;
    const char *key;
    size_t len;
    if (!member->flattened) push(q, "entry", 5);
    size_t before = q->name.len;
    in->vtable->begin_keys(in);
    for (size_t i = 1; in->vtable->next_key(in, &key, &len); i++) {
        push_number(q, i);
        size_t entry = push_member(q, map->key);
        put_pair(q, key, len);
        pop(q, entry);
        push_member(q, map->item);
        if (in->vtable->type(in) != VALUE_NULL) put_value(q, map->item);
        pop(q, before);
        in->vtable->leave(in);
    }
}

static void put_value(struct query *q, const struct member *member)
{
    struct span text;
    switch (member->shape->type) {
    case SHAPE_STRUCTURE: put_structure(q, member->shape, false); break;
    case SHAPE_LIST: put_list(q, member); break;
    case SHAPE_MAP: put_map(q, member); break;
    default:
        text = value_text(q->s, member, TIMESTAMP_ISO8601);
        put_pair(q, text.at, text.len);
        break;
    }
}

int serialize_query(struct serializer *s)
{
    static const char type[] = "application/x-www-form-urlencoded; charset=utf-8";
    struct query q = {.s = s, .ec2 = s->model->protocol == PROTOCOL_EC2};
    struct wire_request *out = s->out;
    strbuf_init(&q.name, NAME_MAX_BYTES);
    strbuf_addc(&out->uri, '/');
    strbuf_adds(&out->body, "Action=");
    strbuf_adds(&out->body, s->op->name);
    strbuf_adds(&out->body, "&Version=");
    strbuf_adds(&out->body, s->model->api_version);
    if (s->op->input) put_structure(&q, s->op->input, true);
    int code = strbuf_status(&q.name);
    strbuf_done(&q.name);
    return code < 0 ? code : wire_set_header(out, "Content-Type", type, sizeof type - 1);
}
