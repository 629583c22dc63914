/* support/json_value.c - a tree of JSON, and a cursor over it that keeps the rules of value_reader:
 * what breaks them (a table's question to a number, a leave too many) aborts the test. */
#include "support/json_value.h"

#include "moontide/base/err.h"
#include "moontide/base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct node {
    enum value_type type;
    bool array, boolean;
    int64_t integer;
    double number;
    char *text; /* of a string */
    size_t len;
    char *key; /* of a field of an object */
    size_t key_len;
    struct node *children; /* shape: children[count]; of an object sorted by key */
    size_t count, cap;
};

struct place {
    const struct node *node;
    size_t next_key;
};

struct json_value {
    struct value_reader reader;
    struct node root;
    struct place places[JSON_DEPTH_MAX + 2];
    size_t depth;
};

/* Building */

static void done_node(struct node *node)
{
    for (size_t i = 0; i < node->count; i++)
        done_node(&node->children[i]);
    free(node->children);
    free(node->text);
    free(node->key);
}

static char *copy(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    if (!out) return NULL;
    if (len > 0) memcpy(out, text, len);
    out[len] = '\0';
    return out;
}

static struct node *add_child(struct node *node)
{
    if (node->count == node->cap) {
        size_t cap = node->cap ? node->cap * 2 : 4;
        struct node *grown = realloc(node->children, cap * sizeof *grown);
        if (!grown) return NULL;
        node->children = grown;
        node->cap = cap;
    }
    struct node *child = &node->children[node->count++];
    memset(child, 0, sizeof *child);
    return child;
}

static int compare_keys(const void *a, const void *b)
{
    const struct node *x = a, *y = b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->key, y->key, n);
    if (order) return order;
    return x->key_len < y->key_len ? -1 : x->key_len > y->key_len;
}

static int build(struct json_reader *r, int token, struct node *node);

static int build_object(struct json_reader *r, struct node *node)
{
    int token;
    while ((token = json_next(r)) == JSON_KEY) {
        struct node *child = add_child(node);
        if (!child) return ERR_NOMEM;
        child->key = copy(r->text, r->len);
        child->key_len = r->len;
        if (!child->key) return ERR_NOMEM;
        int code = build(r, json_next(r), child);
        if (code < 0) return code;
    }
    if (token < 0) return token;
    if (node->count) qsort(node->children, node->count, sizeof *node->children, compare_keys);
    return OK;
}

static int build_array(struct json_reader *r, struct node *node)
{
    int token;
    node->array = true;
    while ((token = json_next(r)) >= 0 && token != JSON_ARRAY_END) {
        struct node *child = add_child(node);
        if (!child) return ERR_NOMEM;
        int code = build(r, token, child);
        if (code < 0) return code;
    }
    return token < 0 ? token : OK;
}

static int build(struct json_reader *r, int token, struct node *node)
{
    switch (token) {
    case JSON_OBJECT: node->type = VALUE_TABLE; return build_object(r, node);
    case JSON_ARRAY: node->type = VALUE_TABLE; return build_array(r, node);
    case JSON_STRING:
        node->type = VALUE_STRING;
        node->text = copy(r->text, r->len);
        node->len = r->len;
        return node->text ? OK : ERR_NOMEM;
    case JSON_INT:
        node->type = VALUE_INTEGER;
        node->integer = r->integer;
        return OK;
    case JSON_NUMBER:
        node->type = VALUE_NUMBER;
        node->number = r->number;
        return OK;
    case JSON_TRUE:
    case JSON_FALSE:
        node->type = VALUE_BOOLEAN;
        node->boolean = token == JSON_TRUE;
        return OK;
    case JSON_NULL: node->type = VALUE_NULL; return OK;
    default: return token < 0 ? token : ERR_PARSE;
    }
}

/* Reading */

static struct json_value *owner(struct value_reader *r)
{
    return (struct json_value *)r;
}

static struct place *here(struct value_reader *r)
{
    return &owner(r)->places[owner(r)->depth];
}

static const struct node *node_of(struct value_reader *r, enum value_type type)
{
    const struct node *node = here(r)->node;
    (void)type; /* without asserts */
    assert(node->type == type);
    return node;
}

static void enter(struct value_reader *r, const struct node *node)
{
    owner(r)->depth++;
    *here(r) = (struct place){node, 0};
}

static enum value_type read_type(struct value_reader *r)
{
    return here(r)->node->type;
}

static bool read_boolean(struct value_reader *r)
{
    return node_of(r, VALUE_BOOLEAN)->boolean;
}

static int64_t read_integer(struct value_reader *r)
{
    return node_of(r, VALUE_INTEGER)->integer;
}

static double read_number(struct value_reader *r)
{
    return node_of(r, VALUE_NUMBER)->number;
}

static const char *read_string(struct value_reader *r, size_t *len)
{
    const struct node *node = node_of(r, VALUE_STRING);
    *len = node->len;
    return node->text;
}

static size_t read_length(struct value_reader *r)
{
    const struct node *node = node_of(r, VALUE_TABLE);
    return node->array ? node->count : 0;
}

static bool read_only_list(struct value_reader *r)
{
    const struct node *node = node_of(r, VALUE_TABLE);
    return node->array || node->count == 0;
}

static bool read_is_array(struct value_reader *r)
{
    return node_of(r, VALUE_TABLE)->array;
}

static void read_enter_index(struct value_reader *r, size_t index)
{
    const struct node *node = node_of(r, VALUE_TABLE);
    assert(node->array && index < node->count);
    enter(r, &node->children[index]);
}

static bool read_enter_member(struct value_reader *r, const char *name, size_t len)
{
    const struct node *node = node_of(r, VALUE_TABLE);
    for (size_t i = 0; !node->array && i < node->count; i++) {
        const struct node *child = &node->children[i];
        if (child->key_len != len || memcmp(child->key, name, len) != 0) continue;
        enter(r, child);
        return true;
    }
    return false;
}

static void read_begin_keys(struct value_reader *r)
{
    (void)node_of(r, VALUE_TABLE);
    here(r)->next_key = 0;
}

static bool read_next_key(struct value_reader *r, const char **key, size_t *len)
{
    const struct node *node = node_of(r, VALUE_TABLE);
    if (here(r)->next_key == node->count) return false;
    const struct node *child = &node->children[here(r)->next_key++];
    *key = child->key; /* NULL in an array */
    *len = child->key_len;
    enter(r, child);
    return true;
}

static void read_leave(struct value_reader *r)
{
    assert(owner(r)->depth > 0);
    owner(r)->depth--;
}

static const struct value_reader_vtable vtable = {
    .type = read_type,
    .boolean = read_boolean,
    .integer = read_integer,
    .number = read_number,
    .string = read_string,
    .length = read_length,
    .only_list = read_only_list,
    .is_array = read_is_array,
    .enter_index = read_enter_index,
    .enter_member = read_enter_member,
    .begin_keys = read_begin_keys,
    .next_key = read_next_key,
    .leave = read_leave,
};

int json_value_new(const char *text, size_t len, struct json_value **out)
{
    struct json_reader r;
    struct json_value *value = calloc(1, sizeof *value);
    if (!value) return ERR_NOMEM;
    json_reader_init(&r, text, len, TEXT_MAX);
    int code = build(&r, json_next(&r), &value->root);
    if (code >= 0) code = json_next(&r) == JSON_END ? OK : ERR_PARSE;
    json_reader_done(&r);
    if (code < 0) {
        json_value_free(value);
        return code;
    }
    value->reader.vtable = &vtable;
    value->places[0].node = &value->root;
    *out = value;
    return OK;
}

void json_value_free(struct json_value *value)
{
    if (!value) return;
    done_node(&value->root);
    free(value);
}

struct value_reader *json_value_reader(struct json_value *value)
{
    return &value->reader;
}

bool json_value_is_home(const struct json_value *value)
{
    return value->depth == 0;
}
