/* bind/stubs_aws.c - the models of AWS services as LuaCATS stubs: a class for each client with a
 * method for each operation, and one for each structure that goes in or comes out.
 *
 * A structure that only comes out has all its fields: whoever reads an answer would otherwise be
 * told to look for nil at every step. One that goes in says which of them are required. */
#include "stubs_text.h"

#include "moontide/aws/model.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { GOES_IN = 1, COMES_OUT = 2, IS_ANSWER = 4, ENUM_MAX = 40 };

/* The structures that were met. */
struct met {
    const struct shape *shape;
    unsigned ways;
};

struct service {
    struct strbuf *out;
    const struct model *model;
    char prefix[64]; /* "aws.application_autoscaling" */
    struct met *met; /* shape: [count] */
    size_t count, cap;
    bool failed;
};

/* ---- what is reached ---- */

static struct met *meet(struct service *s, const struct shape *shape)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->met[i].shape == shape) return &s->met[i];
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        struct met *met = realloc(s->met, cap * sizeof *met);
        if (!met) return NULL;
        s->met = met;
        s->cap = cap;
    }
    s->met[s->count] = (struct met){shape, 0};
    return &s->met[s->count++];
}

static const struct shape *innermost(const struct shape *shape)
{
    while (shape->type == SHAPE_LIST || shape->type == SHAPE_MAP)
        shape = shape->item->shape;
    return shape;
}

/* Structures may hold each other: each is entered once for each way. */
static void reach(struct service *s, const struct shape *shape, unsigned way)
{
    shape = innermost(shape);
    if (shape->type != SHAPE_STRUCTURE) return;
    struct met *met = meet(s, shape);
    if (!met) s->failed = true;
    if (!met || (met->ways & way)) return;
    met->ways |= way;
    for (uint32_t i = 0; i < shape->member_count; i++)
        reach(s, shape->members[i].shape, way);
}

/* ---- types ---- */

static void put_text_type(struct strbuf *out, const char *const *values)
{
    size_t count = 0;
    while (values && values[count])
        count++;
    strbuf_adds(out, "string"); /* first: lua-language-server takes a leading "async" for its own */
    for (size_t i = 0; i < count && count <= ENUM_MAX; i++)
        strbuf_addf(out, "|\"%s\"", values[i]);
}

static void put_type(struct service *s, const struct shape *shape, unsigned ways);

/* A union in a list needs brackets. */
static void put_list_type(struct service *s, const struct shape *item, unsigned ways)
{
    bool is_union = (item->type == SHAPE_STRING && item->enum_values) ||
                    (item->type == SHAPE_TIMESTAMP && !(ways & COMES_OUT));
    strbuf_adds(s->out, is_union ? "(" : "");
    put_type(s, item, ways);
    strbuf_adds(s->out, is_union ? ")[]" : "[]");
}

static void put_type(struct service *s, const struct shape *shape, unsigned ways)
{
    switch (shape->type) {
    case SHAPE_STRUCTURE: strbuf_addf(s->out, "%s.%s", s->prefix, shape->name); break;
    case SHAPE_LIST: put_list_type(s, shape->item->shape, ways); break;
    case SHAPE_MAP:
        strbuf_adds(s->out, "table<string, ");
        put_type(s, shape->item->shape, ways);
        strbuf_addc(s->out, '>');
        break;
    case SHAPE_STRING: put_text_type(s->out, shape->enum_values); break;
    case SHAPE_INTEGER: strbuf_adds(s->out, "integer"); break;
    case SHAPE_FLOAT: strbuf_adds(s->out, "number"); break;
    case SHAPE_BOOLEAN: strbuf_adds(s->out, "boolean"); break;
    case SHAPE_BLOB: strbuf_adds(s->out, "string"); break;
    case SHAPE_TIMESTAMP: strbuf_adds(s->out, ways & COMES_OUT ? "number" : "number|string"); break;
    case SHAPE_DOCUMENT: strbuf_adds(s->out, "any"); break;
    }
}

static bool is_name(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_') return false;
    return true;
}

static void put_structure(struct service *s, const struct met *met)
{
    strbuf_addf(s->out, "---@class %s.%s%s\n", s->prefix, met->shape->name,
                met->ways & IS_ANSWER ? ": aws.answer" : "");
    for (uint32_t i = 0; i < met->shape->member_count; i++) {
        const struct member *member = &met->shape->members[i];
        bool given = !(met->ways & GOES_IN) || (met->ways == GOES_IN && member->required);
        bool plain = is_name(member->name);
        strbuf_addf(s->out, "---@field %s%s%s%s ", plain ? "" : "[\"", member->name,
                    plain ? "" : "\"]", given ? "" : "?");
        put_type(s, member->shape, met->ways);
        strbuf_addc(s->out, '\n');
    }
    strbuf_addc(s->out, '\n');
}

/* ---- operations ---- */

static bool needs_input(const struct operation *operation)
{
    for (uint32_t i = 0; operation->input && i < operation->input->member_count; i++)
        if (operation->input->members[i].required) return true;
    return false;
}

static void put_operation(struct service *s, const struct operation *operation)
{
    strbuf_addf(s->out, "---%s%s It waits.\n",
                operation->read_only ? "Reads." : "May change something.",
                operation->pagination ? " Comes in pages: client:pages, client:items." : "");
    strbuf_addf(s->out, "---@param params%s ", needs_input(operation) ? "" : "?");
    if (operation->input)
        put_type(s, operation->input, GOES_IN);
    else
        strbuf_adds(s->out, "table");
    strbuf_adds(s->out, "\n---@return ");
    if (operation->output)
        put_type(s, operation->output, COMES_OUT);
    else
        strbuf_adds(s->out, "table");
    strbuf_addf(s->out, "\nfunction client:%s(params) end\n\n", operation->snake);
}

static void put_all(struct service *s)
{
    const struct model *model = s->model;
    for (uint32_t i = 0; i < model->operation_count; i++) {
        const struct operation *operation = &model->operations[i];
        if (operation->input) reach(s, operation->input, GOES_IN);
        if (!operation->output) continue;
        reach(s, operation->output, COMES_OUT);
        struct met *met = meet(s, operation->output);
        if (met) met->ways |= IS_ANSWER;
    }
    strbuf_addf(s->out, "---A client of %s: aws.client(\"%s\").\n---@class %s: aws.client\n",
                model->service_id, model->service, s->prefix);
    strbuf_adds(s->out, "local client = {}\n\n");
    for (uint32_t i = 0; i < model->operation_count; i++)
        if (!model->operations[i].event_stream) put_operation(s, &model->operations[i]);
    for (size_t i = 0; i < s->count; i++)
        put_structure(s, &s->met[i]);
}

void stubs_service_class(const char *service, char out[64])
{
    snprintf(out, 64, "aws.%s", service);
    for (char *at = out + 4; *at; at++)
        if (*at == '-') *at = '_';
}

int stubs_service(const char *service, struct strbuf *out, struct fault *fault)
{
    struct model *model = NULL;
    int code = model_load(service, NULL, &model, fault);
    if (code < 0) return code;
    struct service s = {.out = out, .model = model};
    stubs_service_class(service, s.prefix);
    strbuf_adds(out, "---@meta _\n\n-- Generated by moontide " MOONTIDE_VERSION
                     "; `moontide init --stubs` writes it anew.\n\n");
    put_all(&s);
    free(s.met);
    model_release(model);
    return s.failed ? fault_set(fault, ERR_NOMEM, "out of memory") : OK;
}
