/* bind/complete_type.c - the keys and texts of a type: a shape of AWS's models, or a LuaCATS type
 * of the documentation ("string?", "issue.fields", "a"|"b", metric[], table<string, metric>). */
#include "complete_text.h"

#include "moontide/bind/docs.h"

#include <ctype.h>
#include <string.h>

enum { ALIAS_DEPTH = 4, SHAPE_DEPTH = 8 };

/* ---- pieces of a LuaCATS type ---- */

/* The end of a piece that goes on to `stop` outside of brackets and quotes. */
static const char *piece_end(const char *at, const char *end, char stop)
{
    int depth = 0;
    for (; at < end; at++) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                continue;
            if (at == end) break;
        } else if (*at == stop && depth == 0) {
            return at;
        } else if (strchr("(<{[", *at)) {
            depth++;
        } else if (strchr(")>}]", *at)) {
            depth--;
        }
    }
    return at < end ? at : end;
}

static struct type trimmed(const char *at, const char *end)
{
    while (at < end && isspace((unsigned char)*at))
        at++;
    while (end > at && (isspace((unsigned char)end[-1]) || end[-1] == '?'))
        end--;
    return (struct type){.text = at, .len = (size_t)(end - at)};
}

/* The next alternative of a union at *at; false at its end. */
static bool next_alternative(const char **at, const char *end, struct type *out)
{
    if (*at >= end) return false;
    const char *stop = piece_end(*at, end, '|');
    *out = trimmed(*at, stop);
    *at = stop + 1;
    return true;
}

static bool is_named(const struct vm_docs *docs, const struct type *type)
{
    return docs->name && strlen(docs->name) == type->len &&
           memcmp(docs->name, type->text, type->len) == 0;
}

/* What an alias stands for; false: it is none. */
static bool unalias(struct type *type)
{
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++)
        if ((*docs)->kind == DOCS_ALIAS && is_named(*docs, type)) {
            const char *text = (*docs)->fields[0].type;
            *type = trimmed(text, text + strlen(text));
            return true;
        }
    return false;
}

/* Calls visit for each alternative, aliases resolved, until it answers true. */
static bool each(const struct type *type, int depth,
                 bool (*visit)(const struct type *one, void *data), void *data)
{
    struct type one;
    const char *at = type->text, *end = at + type->len;
    while (next_alternative(&at, end, &one)) {
        bool aliased = depth < ALIAS_DEPTH && unalias(&one);
        if (aliased ? each(&one, depth + 1, visit, data) : visit(&one, data)) return true;
    }
    return false;
}

/* ---- from one to another ---- */

struct step {
    const char *key; /* NULL: an item of a list */
    size_t len;
    struct type *out;
};

/* "table<K, V>": V */
static bool value_of_map(const struct type *one, struct type *out)
{
    static const char begin[] = "table<";
    size_t skip = sizeof begin - 1;
    if (one->len <= skip || memcmp(one->text, begin, skip) != 0) return false;
    const char *end = one->text + one->len - 1;
    const char *comma = piece_end(one->text + skip, end, ',');
    if (comma >= end) return false;
    *out = trimmed(comma + 1, end);
    return true;
}

static bool step_to(const struct type *one, void *data)
{
    const struct step *step = data;
    if (value_of_map(one, step->out)) return true;
    if (!step->key) {
        bool list = one->len > 2 && memcmp(one->text + one->len - 2, "[]", 2) == 0;
        if (list) *step->out = trimmed(one->text, one->text + one->len - 2);
        return list;
    }
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        if ((*docs)->kind != DOCS_CLASS || !is_named(*docs, one)) continue;
        for (const struct vm_field *f = (*docs)->fields; f && f->name; f++)
            if (strlen(f->name) == step->len && memcmp(f->name, step->key, step->len) == 0) {
                *step->out = trimmed(f->type, f->type + strlen(f->type));
                return true;
            }
    }
    return false;
}

bool type_of_key(const struct type *type, const char *key, size_t len, struct type *out)
{
    const struct shape *shape = type->shape;
    struct step step = {.key = key, .len = len, .out = out};
    if (!shape) return each(type, 0, step_to, &step);
    const struct member *member = shape->type == SHAPE_STRUCTURE ? shape_member(shape, key, len)
                                  : shape->type == SHAPE_MAP     ? shape->item
                                                                 : NULL;
    *out = (struct type){.shape = member ? member->shape : NULL};
    return member != NULL;
}

bool type_of_item(const struct type *type, struct type *out)
{
    const struct shape *shape = type->shape;
    struct step step = {.out = out};
    if (!shape) return each(type, 0, step_to, &step);
    bool list = shape->type == SHAPE_LIST;
    *out = (struct type){.shape = list ? shape->item->shape : NULL};
    return list;
}

/* ---- candidates ---- */

static bool add_fields(const struct type *one, void *data)
{
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        if ((*docs)->kind != DOCS_CLASS || !is_named(*docs, one)) continue;
        for (const struct vm_field *f = (*docs)->fields; f && f->name; f++)
            if (f->name[0] != '[') add_candidate(data, f->name, strlen(f->name));
    }
    return false;
}

void type_keys(const struct type *type, const struct candidates *to)
{
    const struct shape *shape = type->shape;
    if (!shape) each(type, 0, add_fields, (void *)to);
    for (uint32_t i = 0; shape && shape->type == SHAPE_STRUCTURE && i < shape->member_count; i++)
        add_candidate(to, shape->members[i].name, shape->members[i].name_len);
}

static bool add_literal(const struct type *one, void *data)
{
    if (one->len > 2 && one->text[0] == '"' && one->text[one->len - 1] == '"')
        add_candidate(data, one->text + 1, one->len - 2);
    return false;
}

void type_texts(const struct type *type, const struct candidates *to)
{
    const struct shape *shape = type->shape;
    if (!shape) each(type, 0, add_literal, (void *)to);
    const char *const *values = shape ? shape->enum_values : NULL;
    for (; values && *values; values++)
        add_candidate(to, *values, strlen(*values));
}

/* ---- signatures ---- */

/* The type of the i-th parameter in text: "(a: T, b?: T, ...: T): R". */
static bool parameter(const char *at, const char *end, int i, struct type *out)
{
    if (at == end || *at != '(') return false;
    end = piece_end(++at, end, ')');
    for (; at < end; i--) {
        const char *stop = piece_end(at, end, ',');
        const char *colon = piece_end(at, stop, ':');
        bool rest = stop - at > 3 && memcmp(at, "...", 3) == 0;
        if ((i == 1 || rest) && colon < stop) {
            *out = trimmed(colon + 1, stop);
            return true;
        }
        at = stop + 1;
        while (at < end && *at == ' ')
            at++;
    }
    return false;
}

static bool tells(const struct type *one, void *data)
{
    (void)data;
    if (one->len && one->text[0] == '"') return true;
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++)
        if ((*docs)->kind == DOCS_CLASS && (*docs)->fields && is_named(*docs, one)) return true;
    return false;
}

bool type_of_parameter(const char *signature, int i, struct type *out)
{
    bool found = false;
    for (const char *at = signature, *end; at && *at; at = *end ? end + 1 : end) {
        struct type type;
        end = at + strcspn(at, "\n");
        if (!parameter(at, end, i, &type)) continue;
        bool known = each(&type, 0, tells, NULL);
        if (!found || known) *out = type;
        found = true;
        if (known) break;
    }
    return found;
}
