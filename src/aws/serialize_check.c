/* aws/serialize_check.c - checks parameters against the model before anything is written: unknown
 * names (with the nearest known one), types, required members, unions. Enumerations and ranges are
 * the service's to judge: they grow without us. */
#include "serialize.h"

#include "moontide/base/nearest.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_TEXT_MAX = 256, SHOWN_MAX = 64 };

/* Messages */

static void put_path(struct strbuf *out, const struct step *at)
{
    if (!at) return;
    put_path(out, at->up);
    if (!at->name)
        strbuf_addf(out, "[%zu]", at->index + 1); /* as Lua counts */
    else
        strbuf_addf(out, "%s%.*s", out->len ? "." : "",
                    (int)(at->len < SHOWN_MAX ? at->len : SHOWN_MAX), at->name);
}

int serialize_refuse(struct serializer *s, const struct step *at, const char *format, ...)
{
    char what[512];
    struct strbuf path;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    strbuf_init(&path, FAULT_TEXT_MAX);
    put_path(&path, at);
    int code = fault_set(s->fault, ERR_INVALID, "%s: parameter%s%.*s: %s", s->op->snake,
                         at ? " " : "s", PATH_TEXT_MAX, strbuf_cstr(&path), what);
    strbuf_done(&path);
    return code;
}

static const char *type_text(enum value_type type)
{
    switch (type) {
    case VALUE_NONE: return "nothing";
    case VALUE_NULL: return "null";
    case VALUE_BOOLEAN: return "a boolean";
    case VALUE_INTEGER:
    case VALUE_NUMBER: return "a number";
    case VALUE_STRING: return "a string";
    case VALUE_TABLE: return "a table";
    case VALUE_OTHER: break;
    }
    return "something else";
}

static int wrong_type(struct serializer *s, const struct step *at, const char *expected)
{
    enum value_type type = s->in->vtable->type(s->in);
    return serialize_refuse(s, at, "%s was expected, not %s", expected, type_text(type));
}

static int unknown_name(struct serializer *s, const struct shape *shape, const struct step *at)
{
    char name[SHOWN_MAX + 1];
    const char *near = NULL;
    const char **known = calloc(shape->member_count + 1, sizeof *known);
    for (uint32_t i = 0; known && i < shape->member_count; i++)
        known[i] = shape->members[i].name;
    snprintf(name, sizeof name, "%.*s", (int)(at->len < SHOWN_MAX ? at->len : SHOWN_MAX), at->name);
    if (known) near = nearest_name(name, known);
    int code =
        near ? serialize_refuse(s, at, "there is no such parameter (did you mean '%s'?)", near)
             : serialize_refuse(s, at, "there is no such parameter");
    free(known);
    return code;
}

/* Values */

static int check_value(struct serializer *s, const struct member *member, const struct step *at,
                       int depth);

static int check_text(struct serializer *s, const struct step *at)
{
    size_t len;
    if (s->in->vtable->type(s->in) != VALUE_STRING) return wrong_type(s, at, "a string");
    const char *text = s->in->vtable->string(s->in, &len);
    return is_utf8(text, len) ? OK : serialize_refuse(s, at, "its text is not valid UTF-8");
}

static int check_integer(struct serializer *s, const struct step *at)
{
    enum value_type type = s->in->vtable->type(s->in);
    if (type == VALUE_INTEGER) return OK;
    if (type != VALUE_NUMBER) return wrong_type(s, at, "an integer");
    double value = s->in->vtable->number(s->in);
    bool whole = isfinite(value) && value == floor(value) && fabs(value) < 9223372036854775808.0;
    return whole ? OK
                 : serialize_refuse(s, at, "an integer was expected, not the number %.14g", value);
}

static int check_timestamp(struct serializer *s, const struct step *at)
{
    enum value_type type = s->in->vtable->type(s->in);
    int64_t micros;
    if (type != VALUE_INTEGER && type != VALUE_NUMBER && type != VALUE_STRING)
        return wrong_type(s, at, "a time (epoch seconds, or ISO 8601 text)");
    return value_micros(s->in, &micros) == OK
               ? OK
               : serialize_refuse(s, at, "a time was expected (epoch seconds, or ISO 8601 text)");
}

/* Anything that JSON can say. */
static int check_document(struct serializer *s, const struct step *at, int depth)
{
    struct value_reader *in = s->in;
    const struct value_reader_vtable *v = in->vtable;
    int code = OK;
    if (depth == WIRE_DEPTH_MAX) return serialize_refuse(s, at, "it is nested too deep");
    switch (v->type(in)) {
    case VALUE_NULL:
    case VALUE_BOOLEAN:
    case VALUE_INTEGER: return OK;
    case VALUE_NUMBER:
        return isfinite(v->number(in)) ? OK : serialize_refuse(s, at, "JSON has no such number");
    case VALUE_STRING: return check_text(s, at);
    case VALUE_TABLE: break;
    case VALUE_NONE:
    case VALUE_OTHER: return wrong_type(s, at, "what JSON can say");
    }
    struct step below = {at, NULL, 0, 0};
    size_t length = v->length(in);
    if (length > 0) {
        if (!v->only_list(in)) return serialize_refuse(s, at, "it is half a list and half a map");
        for (; code >= 0 && below.index < length; below.index++) {
            v->enter_index(in, below.index);
            code = check_document(s, &below, depth + 1);
            v->leave(in);
        }
        return code;
    }
    v->begin_keys(in);
    while (v->next_key(in, &below.name, &below.len)) {
        if (code < 0)
            ; /* the rest is only walked over, so that the reader ends where it began */
        else if (!below.name || !is_utf8(below.name, below.len))
            code = serialize_refuse(s, at, "its keys must be strings of valid UTF-8");
        else
            code = check_document(s, &below, depth + 1);
        v->leave(in);
    }
    return code;
}

static int check_list(struct serializer *s, const struct shape *shape, const struct step *at,
                      int depth)
{
    struct value_reader *in = s->in;
    const struct value_reader_vtable *v = in->vtable;
    struct step below = {at, NULL, 0, 0};
    int code = OK;
    if (v->type(in) != VALUE_TABLE) return wrong_type(s, at, "a list");
    if (!v->only_list(in))
        return serialize_refuse(s, at, "a list was expected, not a table with keys");
    size_t length = v->length(in);
    for (; code >= 0 && below.index < length; below.index++) {
        v->enter_index(in, below.index);
        if (!shape->sparse || v->type(in) != VALUE_NULL)
            code = check_value(s, shape->item, &below, depth + 1);
        v->leave(in);
    }
    return code;
}

static int check_map(struct serializer *s, const struct shape *shape, const struct step *at,
                     int depth)
{
    struct value_reader *in = s->in;
    const struct value_reader_vtable *v = in->vtable;
    struct step below = {at, NULL, 0, 0};
    int code = OK;
    if (v->type(in) != VALUE_TABLE) return wrong_type(s, at, "a map");
    v->begin_keys(in);
    while (v->next_key(in, &below.name, &below.len)) {
        bool sparse = shape->sparse && v->type(in) == VALUE_NULL;
        if (code >= 0 && (!below.name || !is_utf8(below.name, below.len)))
            code = serialize_refuse(s, at, "its keys must be strings of valid UTF-8");
        else if (code >= 0 && !sparse)
            code = check_value(s, shape->item, &below, depth + 1);
        v->leave(in);
    }
    return code;
}

static int check_required(struct serializer *s, const struct shape *shape, const struct step *at)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        if (!m->required) continue;
        enum presence found = enter_member(s, m, !at);
        if (found == PRESENT) s->in->vtable->leave(s->in);
        if (found != ABSENT) continue;
        struct step missing = {at, m->name, m->name_len, 0};
        return serialize_refuse(s, &missing, "it is required");
    }
    return OK;
}

static int check_structure(struct serializer *s, const struct shape *shape, const struct step *at,
                           int depth)
{
    struct value_reader *in = s->in;
    const struct value_reader_vtable *v = in->vtable;
    struct step below = {at, NULL, 0, 0};
    size_t count = 0;
    int code = OK;
    if (v->type(in) != VALUE_TABLE) return wrong_type(s, at, at ? "a structure" : "a table");
    v->begin_keys(in);
    while (v->next_key(in, &below.name, &below.len)) {
        const struct member *m =
            below.name && code >= 0 ? shape_member(shape, below.name, below.len) : NULL;
        bool null = v->type(in) == VALUE_NULL;
        count += !null;
        if (code >= 0 && !below.name)
            code = serialize_refuse(s, at, "its keys must be strings, not numbers");
        else if (code >= 0 && !m)
            code = unknown_name(s, shape, &below);
        else if (code >= 0 && !null)
            code = check_value(s, m, &below, depth + 1);
        v->leave(in);
    }
    if (code >= 0 && shape->is_union && count != 1)
        code = serialize_refuse(s, at, "exactly one member must be set, not %zu", count);
    return code < 0 ? code : check_required(s, shape, at);
}

static int check_value(struct serializer *s, const struct member *member, const struct step *at,
                       int depth)
{
    const struct shape *shape = member->shape;
    enum value_type type = s->in->vtable->type(s->in);
    if (depth == WIRE_DEPTH_MAX) return serialize_refuse(s, at, "it is nested too deep");
    if (member->json_value && member->location == LOCATION_HEADER)
        return check_document(s, at, depth);
    switch (shape->type) {
    case SHAPE_STRUCTURE: return check_structure(s, shape, at, depth);
    case SHAPE_LIST: return check_list(s, shape, at, depth);
    case SHAPE_MAP: return check_map(s, shape, at, depth);
    case SHAPE_STRING: return check_text(s, at);
    case SHAPE_INTEGER: return check_integer(s, at);
    case SHAPE_FLOAT:
        return type == VALUE_INTEGER || type == VALUE_NUMBER ? OK : wrong_type(s, at, "a number");
    case SHAPE_BOOLEAN: return type == VALUE_BOOLEAN ? OK : wrong_type(s, at, "a boolean");
    case SHAPE_BLOB: return type == VALUE_STRING ? OK : wrong_type(s, at, "a string of bytes");
    case SHAPE_TIMESTAMP: return check_timestamp(s, at);
    case SHAPE_DOCUMENT: break;
    }
    if (s->model->protocol != PROTOCOL_JSON && s->model->protocol != PROTOCOL_REST_JSON)
        return serialize_refuse(s, at, "this protocol knows no documents");
    return check_document(s, at, depth);
}

int serialize_check(struct serializer *s)
{
    static const struct shape nothing = {.name = "", .type = SHAPE_STRUCTURE};
    const struct value_reader_vtable *v = s->in->vtable;
    if (s->op->input) return check_structure(s, s->op->input, NULL, 0);
    if (v->type(s->in) == VALUE_NONE) return OK;
    if (v->type(s->in) != VALUE_TABLE) return wrong_type(s, NULL, "a table");
    const char *name;
    size_t len;
    int code = OK;
    v->begin_keys(s->in);
    while (v->next_key(s->in, &name, &len)) {
        struct step step = {NULL, name, len, 0};
        if (code >= 0)
            code = name ? unknown_name(s, &nothing, &step)
                        : serialize_refuse(s, NULL, "its keys must be strings, not numbers");
        v->leave(s->in);
    }
    return code;
}
