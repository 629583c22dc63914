/* aws/path.c - walks an expression over a reader.
 *
 * A path is a row of steps; walk() takes one and goes on behind it for each value that it leads to,
 * so a projection is a loop and nothing is collected. A flatten step takes a list's elements, and
 * those of elements that are lists; behind a projection each value that comes in is such an
 * element. */
#include "moontide/aws/path.h"

#include <string.h>

struct eval {
    const struct path *path;
    struct value_reader *r;
    struct strbuf *text; /* of scalars */
};

static bool is_true(const struct eval *e, uint8_t at);
static int value_of(const struct eval *e, uint8_t at, struct path_scalar *out);

/* ---- the reader ---- */

static enum value_type type_here(struct value_reader *r)
{
    return r->vtable->type(r);
}

/* A table with nothing but elements: an empty one is a list too. */
static bool list_here(struct value_reader *r)
{
    return type_here(r) == VALUE_TABLE && r->vtable->only_list(r);
}

static bool empty_here(struct value_reader *r)
{
    return r->vtable->length(r) == 0 && r->vtable->only_list(r);
}

/* ---- paths ---- */

/* false: somebody ended the walk. */
static bool walk(const struct eval *e, const struct path_step *step, size_t left,
                 path_show_fn *show, void *data);

static bool each_element(const struct eval *e, const struct path_step *step, size_t left,
                         path_show_fn *show, void *data)
{
    struct value_reader *r = e->r;
    bool on = true;
    size_t n = r->vtable->length(r);
    for (size_t i = 0; i < n && on; i++) {
        r->vtable->enter_index(r, i);
        if (step->kind != STEP_FILTER || is_true(e, step->filter))
            on = walk(e, step + 1, left - 1, show, data);
        r->vtable->leave(r);
    }
    return on;
}

/* {} is an empty list or an empty structure. An element of a list is mostly a structure, so there
 * it counts as one unless it says otherwise; what is named and then flattened is a list. */
static bool flatten_element(const struct eval *e, const struct path_step *step, size_t left,
                            path_show_fn *show, void *data)
{
    struct value_reader *r = e->r;
    if (list_here(r) && (r->vtable->length(r) > 0 || r->vtable->is_array(r)))
        return each_element(e, step, left, show, data);
    return walk(e, step + 1, left - 1, show, data);
}

static bool flatten(const struct eval *e, const struct path_step *step, size_t left,
                    path_show_fn *show, void *data)
{
    struct value_reader *r = e->r;
    if (!list_here(r))
        return step->after_projection ? walk(e, step + 1, left - 1, show, data) : true;
    if (step->after_projection) return each_element(e, step, left, show, data);
    bool on = true;
    size_t n = r->vtable->length(r);
    for (size_t i = 0; i < n && on; i++) {
        r->vtable->enter_index(r, i);
        on = flatten_element(e, step, left, show, data);
        r->vtable->leave(r);
    }
    return on;
}

static bool each_value(const struct eval *e, const struct path_step *step, size_t left,
                       path_show_fn *show, void *data)
{
    struct value_reader *r = e->r;
    const char *key;
    size_t len;
    bool on = true;
    r->vtable->begin_keys(r);
    while (r->vtable->next_key(r, &key, &len)) {
        /* once it is ended, only to the end of the keys */
        if (on && key) on = walk(e, step + 1, left - 1, show, data);
        r->vtable->leave(r);
    }
    return on;
}

static bool walk(const struct eval *e, const struct path_step *step, size_t left,
                 path_show_fn *show, void *data)
{
    struct value_reader *r = e->r;
    enum value_type type = type_here(r);
    if (type == VALUE_NONE || type == VALUE_NULL) return true;
    if (left == 0) return show(data, r);
    if (type != VALUE_TABLE)
        return step->kind == STEP_FLATTEN && step->after_projection
                   ? walk(e, step + 1, left - 1, show, data)
                   : true;
    bool on = true;
    switch (step->kind) {
    case STEP_NAME:
        if (!r->vtable->enter_member(r, step->name, step->len)) return true;
        on = walk(e, step + 1, left - 1, show, data);
        r->vtable->leave(r);
        return on;
    case STEP_INDEX: {
        int64_t n = (int64_t)r->vtable->length(r);
        int64_t i = step->index < 0 ? n + step->index : step->index;
        if (i < 0 || i >= n) return true;
        r->vtable->enter_index(r, (size_t)i);
        on = walk(e, step + 1, left - 1, show, data);
        r->vtable->leave(r);
        return on;
    }
    case STEP_FLATTEN: return flatten(e, step, left, show, data);
    case STEP_ELEMENTS:
    case STEP_FILTER: return each_element(e, step, left, show, data);
    case STEP_VALUES: return each_value(e, step, left, show, data);
    }
    return on;
}

static bool walk_node(const struct eval *e, uint8_t at, path_show_fn *show, void *data)
{
    const struct path_node *node = &e->path->nodes[at];
    return walk(e, &e->path->steps[node->first_step], node->step_count, show, data);
}

static bool each(const struct eval *e, uint8_t at, path_show_fn *show, void *data)
{
    const struct path_node *node = &e->path->nodes[at];
    switch (node->kind) {
    case PATH_WALK: return walk_node(e, at, show, data);
    case PATH_OR: return each(e, is_true(e, node->left) ? node->left : node->right, show, data);
    case PATH_AND: return each(e, is_true(e, node->left) ? node->right : node->left, show, data);
    default: return true;
    }
}

/* ---- truth ---- */

struct truth {
    bool projection, found;
};

static bool show_truth(void *data, struct value_reader *at)
{
    struct truth *truth = data;
    size_t len = 1;
    truth->found = true;
    if (truth->projection) return false; /* a list with an element */
    switch (type_here(at)) {
    case VALUE_BOOLEAN: truth->found = at->vtable->boolean(at); break;
    case VALUE_STRING:
        (void)at->vtable->string(at, &len);
        truth->found = len > 0;
        break;
    case VALUE_TABLE: truth->found = !empty_here(at); break;
    default: break;
    }
    return false;
}

static bool scalar_true(const struct path_scalar *scalar)
{
    switch (scalar->type) {
    case VALUE_BOOLEAN: return scalar->boolean;
    case VALUE_NUMBER: return true;
    case VALUE_STRING: return scalar->text_len > 0;
    default: return false;
    }
}

static bool is_true(const struct eval *e, uint8_t at)
{
    const struct path_node *node = &e->path->nodes[at];
    struct truth truth = {node->projection, false};
    struct path_scalar scalar;
    switch (node->kind) {
    case PATH_WALK: (void)walk_node(e, at, show_truth, &truth); return truth.found;
    case PATH_OR: return is_true(e, node->left) || is_true(e, node->right);
    case PATH_AND: return is_true(e, node->left) && is_true(e, node->right);
    case PATH_NOT: return !is_true(e, node->left);
    default: return value_of(e, at, &scalar) == OK && scalar_true(&scalar);
    }
}

/* ---- values ---- */

int path_scalar_read(struct value_reader *r, struct strbuf *text, struct path_scalar *out)
{
    *out = (struct path_scalar){.type = type_here(r)};
    switch (out->type) {
    case VALUE_BOOLEAN: out->boolean = r->vtable->boolean(r); break;
    case VALUE_INTEGER: /* one type of number from here on */
        out->type = VALUE_NUMBER;
        out->number = (double)r->vtable->integer(r);
        break;
    case VALUE_NUMBER: out->number = r->vtable->number(r); break;
    case VALUE_STRING: {
        const char *bytes = r->vtable->string(r, &out->text_len);
        out->text_at = text->len;
        strbuf_add(text, bytes, out->text_len);
        break;
    }
    default: break;
    }
    return strbuf_status(text);
}

bool path_scalar_equal(const struct path_scalar *a, const struct path_scalar *b,
                       const struct strbuf *text)
{
    bool none = a->type == VALUE_NONE || a->type == VALUE_NULL;
    if (none) return b->type == VALUE_NONE || b->type == VALUE_NULL;
    if (a->type != b->type) return false;
    switch (a->type) {
    case VALUE_BOOLEAN: return a->boolean == b->boolean;
    case VALUE_NUMBER: return a->number >= b->number && a->number <= b->number;
    case VALUE_STRING:
        return a->text_len == b->text_len &&
               memcmp(strbuf_cstr(text) + a->text_at, strbuf_cstr(text) + b->text_at,
                      a->text_len) == 0;
    default: return false;
    }
}

struct reading {
    struct strbuf *text;
    struct path_scalar *out;
    int code;
};

static bool show_scalar(void *data, struct value_reader *at)
{
    struct reading *reading = data;
    reading->code = path_scalar_read(at, reading->text, reading->out);
    return false;
}

struct counting {
    bool projection, wrong; /* what has no length */
    double count;
};

static bool show_count(void *data, struct value_reader *at)
{
    struct counting *counting = data;
    const char *key;
    size_t len = 0;
    if (counting->projection) {
        counting->count += 1;
        return true;
    }
    enum value_type type = type_here(at);
    if (type == VALUE_STRING) { /* in characters, as JMESPath has it */
        const char *text = at->vtable->string(at, &len);
        for (size_t i = 0; i < len; i++)
            counting->count += ((unsigned char)text[i] & 0xc0) != 0x80;
    } else if (type == VALUE_TABLE && at->vtable->only_list(at)) {
        counting->count = (double)at->vtable->length(at);
    } else if (type == VALUE_TABLE) {
        at->vtable->begin_keys(at);
        for (; at->vtable->next_key(at, &key, &len); at->vtable->leave(at))
            counting->count += 1;
    } else {
        counting->wrong = true;
    }
    return false;
}

/* The node that "a || b" comes down to. */
static uint8_t chosen(const struct eval *e, uint8_t at)
{
    for (;;) {
        const struct path_node *node = &e->path->nodes[at];
        if (node->kind == PATH_OR)
            at = is_true(e, node->left) ? node->left : node->right;
        else if (node->kind == PATH_AND)
            at = is_true(e, node->left) ? node->right : node->left;
        else
            return at;
    }
}

static int length_of(const struct eval *e, uint8_t at, struct path_scalar *out)
{
    at = chosen(e, at);
    const struct path_node *node = &e->path->nodes[at];
    struct counting counting = {.projection = node->projection};
    *out = (struct path_scalar){.type = VALUE_NULL};
    if (node->kind == PATH_WALK) {
        (void)walk_node(e, at, show_count, &counting);
        /* An absent list has no elements: answers may leave out empty ones. */
        if (!counting.wrong) *out = (struct path_scalar){VALUE_NUMBER, .number = counting.count};
    } else if (node->kind == PATH_LITERAL && node->scalar.type == VALUE_STRING) {
        *out = (struct path_scalar){VALUE_NUMBER, .number = (double)node->literal_len};
    }
    return OK;
}

static bool compare(const struct eval *e, enum path_comparison how, const struct path_scalar *a,
                    const struct path_scalar *b)
{
    if (how == PATH_EQ) return path_scalar_equal(a, b, e->text);
    if (how == PATH_NE) return !path_scalar_equal(a, b, e->text);
    if (a->type != VALUE_NUMBER || b->type != VALUE_NUMBER) return false;
    switch (how) {
    case PATH_GT: return a->number > b->number;
    case PATH_GE: return a->number >= b->number;
    case PATH_LT: return a->number < b->number;
    default: return a->number <= b->number;
    }
}

struct search {
    const struct eval *e;
    const struct path_scalar *wanted;
    bool projection, found;
    int code;
};

static bool is_wanted(struct search *search, struct value_reader *at)
{
    struct path_scalar scalar;
    size_t mark = search->e->text->len;
    if (search->code == OK) search->code = path_scalar_read(at, search->e->text, &scalar);
    if (search->code < 0) return false;
    bool equal = path_scalar_equal(&scalar, search->wanted, search->e->text);
    search->e->text->len = mark;
    return equal;
}

/* Of a list an element, of a text a part. */
static bool show_search(void *data, struct value_reader *at)
{
    struct search *search = data;
    struct path_scalar whole;
    const struct strbuf *text = search->e->text;
    if (search->projection) {
        search->found = is_wanted(search, at);
    } else if (list_here(at)) {
        size_t n = at->vtable->length(at);
        for (size_t i = 0; i < n && !search->found; i++) {
            at->vtable->enter_index(at, i);
            search->found = is_wanted(search, at);
            at->vtable->leave(at);
        }
    } else if (type_here(at) == VALUE_STRING && search->wanted->type == VALUE_STRING) {
        search->code = path_scalar_read(at, search->e->text, &whole);
        search->found =
            search->code == OK &&
            memmem(strbuf_cstr(text) + whole.text_at, whole.text_len,
                   strbuf_cstr(text) + search->wanted->text_at, search->wanted->text_len) != NULL;
    }
    return !search->found && search->code == OK;
}

static int contains(const struct eval *e, const struct path_node *node, struct path_scalar *out)
{
    struct path_scalar wanted;
    int code = value_of(e, node->right, &wanted);
    if (code < 0) return code;
    uint8_t at = chosen(e, node->left);
    struct search search = {e, &wanted, e->path->nodes[at].projection, false, OK};
    if (e->path->nodes[at].kind == PATH_WALK) (void)walk_node(e, at, show_search, &search);
    *out = (struct path_scalar){VALUE_BOOLEAN, .boolean = search.found};
    return search.code;
}

static int literal_of(const struct eval *e, const struct path_node *node, struct path_scalar *out)
{
    *out = node->scalar;
    if (node->scalar.type != VALUE_STRING) return OK;
    out->text_at = e->text->len;
    out->text_len = node->literal_len;
    strbuf_add(e->text, node->literal, node->literal_len);
    return strbuf_status(e->text);
}

static int value_of(const struct eval *e, uint8_t at, struct path_scalar *out)
{
    at = chosen(e, at);
    const struct path_node *node = &e->path->nodes[at];
    struct path_scalar a, b;
    size_t mark = e->text->len;
    int code;
    *out = (struct path_scalar){.type = VALUE_NULL};
    switch (node->kind) {
    case PATH_WALK: {
        struct reading reading = {e->text, out, OK};
        if (node->projection)
            out->type = VALUE_TABLE;
        else
            (void)walk_node(e, at, show_scalar, &reading);
        return reading.code;
    }
    case PATH_LITERAL: return literal_of(e, node, out);
    case PATH_NOT:
        *out = (struct path_scalar){VALUE_BOOLEAN, .boolean = !is_true(e, node->left)};
        return OK;
    case PATH_COMPARE:
        code = value_of(e, node->left, &a);
        if (code == OK) code = value_of(e, node->right, &b);
        if (code < 0) return code;
        *out = (struct path_scalar){VALUE_BOOLEAN, .boolean = compare(e, node->comparison, &a, &b)};
        e->text->len = mark; /* a filter compares once for each element */
        return OK;
    case PATH_LENGTH: return length_of(e, node->left, out);
    case PATH_CONTAINS: return contains(e, node, out);
    case PATH_OR:
    case PATH_AND: break; /* chosen() left none */
    }
    return OK;
}

/* ---- the public face ---- */

bool path_is_projection(const struct path *path)
{
    return path->nodes[path->root].kind == PATH_WALK && path->nodes[path->root].projection;
}

void path_each(const struct path *path, struct value_reader *r, path_show_fn *show, void *data)
{
    struct strbuf text;
    strbuf_init(&text, PATH_TEXT_MAX);
    struct eval e = {path, r, &text};
    (void)each(&e, path->root, show, data);
    strbuf_done(&text);
}

bool path_true(const struct path *path, struct value_reader *r)
{
    struct strbuf text;
    strbuf_init(&text, PATH_TEXT_MAX);
    struct eval e = {path, r, &text};
    bool result = is_true(&e, path->root);
    strbuf_done(&text);
    return result;
}

int path_value(const struct path *path, struct value_reader *r, struct strbuf *text,
               struct path_scalar *out)
{
    struct eval e = {path, r, text};
    return value_of(&e, path->root, out);
}
