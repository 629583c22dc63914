/* bind/stubs.c - the list of documentation as LuaCATS stubs: one file a module with its classes,
 * one for globals, one for the types that belong to no module. */
#include "stubs_text.h"

#include "aws.h"

#include <string.h>

enum { WIDTH = 92 };

/* A name of a module that has a file of its own, or one of the two others. */
const char *const stubs_files[] = {"globals", "types", "cloudwatch", "decide", "stats", "aws",
                                   "http",    "async", "json",       "time",   "log",   "journal",
                                   "plot",    "mail",  "command",    NULL};

/* The file of a module or class: that of the module whose name its own begins with. */
static const char *file_of(const struct vm_docs *docs)
{
    if (docs->kind == DOCS_GLOBALS) return "globals";
    size_t len = strcspn(docs->name, ".");
    if (docs_has_module(docs->name, len))
        for (const char *const *file = stubs_files; *file; file++)
            if (strlen(*file) == len && strncmp(*file, docs->name, len) == 0) return *file;
    return "types";
}

/* ---- functions ---- */

static void put_part_type(struct strbuf *out, const struct signature_part *part)
{
    strbuf_add(out, part->type, part->type_len);
}

static void put_annotations(struct strbuf *out, const struct signature *s)
{
    for (size_t i = 0; i < s->param_count; i++) {
        const struct signature_part *part = &s->params[i];
        strbuf_addf(out, "---@param %.*s%s ", (int)part->name_len, part->name,
                    part->optional ? "?" : "");
        put_part_type(out, part);
        strbuf_addc(out, '\n');
    }
    for (size_t i = 0; i < s->result_count; i++) {
        strbuf_adds(out, "---@return ");
        put_part_type(out, &s->results[i]);
        strbuf_adds(out, s->results[i].name ? " ...\n" : "\n");
    }
}

/* An overload as a type; self: the class of a method, or NULL. */
static void put_overload(struct strbuf *out, const struct signature *s, const char *self)
{
    strbuf_adds(out, "---@overload fun(");
    if (self) strbuf_addf(out, "self: %s%s", self, s->param_count ? ", " : "");
    for (size_t i = 0; i < s->param_count; i++) {
        const struct signature_part *part = &s->params[i];
        strbuf_addf(out, "%s%.*s%s: ", i ? ", " : "", (int)part->name_len, part->name,
                    part->optional ? "?" : "");
        put_part_type(out, part);
    }
    strbuf_addc(out, ')');
    for (size_t i = 0; i < s->result_count; i++) {
        strbuf_adds(out, i ? ", " : ": ");
        if (s->results[i].name) strbuf_adds(out, "...");
        put_part_type(out, &s->results[i]);
    }
    strbuf_addc(out, '\n');
}

static void put_overloads(struct strbuf *out, const char *at, const char *self)
{
    struct signature s;
    while (*at && signature_read(&at, &s))
        put_overload(out, &s, self);
}

/* aws.client("ecs") is a client of that service. */
static void put_clients(struct strbuf *out)
{
    char name[64];
    for (const char *const *service = model_builtin_names; *service; service++) {
        stubs_service_class(*service, name);
        strbuf_addf(out, "---@overload fun(service: \"%s\", options?: aws.client.options): %s\n",
                    *service, name);
    }
}

/* owner: "stats." or "vector:"; self: the class of a method, or NULL. */
static void put_function(struct strbuf *out, const struct vm_function *f, const char *owner,
                         const char *self)
{
    const char *at = f->signature;
    struct signature s;
    if (!signature_read(&at, &s)) return;
    put_wrapped(out, "---", f->doc, WIDTH);
    put_annotations(out, &s);
    put_overloads(out, at, self);
    if (f->call == aws_client_new) put_clients(out);
    strbuf_addf(out, "function %s%s(", owner, f->name);
    for (size_t i = 0; i < s.param_count; i++)
        strbuf_addf(out, "%s%.*s", i ? ", " : "", (int)s.params[i].name_len, s.params[i].name);
    strbuf_adds(out, ") end\n\n");
}

/* ---- classes ---- */

static void put_field(struct strbuf *out, const struct vm_field *field)
{
    strbuf_addf(out, "---@field %s%s %.*s %s\n", field->name, field_is_optional(field) ? "?" : "",
                (int)field_type_len(field), field->type, field->doc);
}

static void put_all_fields(struct strbuf *out, const struct vm_docs *docs)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_field *f = docs_same(*at, docs) ? (*at)->fields : NULL; f && f->name;
             f++)
            put_field(out, f);
}

static bool has_functions(const struct vm_docs *docs)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if (docs_same(*at, docs) && (*at)->functions) return true;
    return false;
}

/* The class's name as that of a local variable. */
static void put_variable(struct strbuf *out, const char *name)
{
    for (; *name; name++)
        strbuf_addc(out, *name == '.' ? '_' : *name);
}

static void put_methods(struct strbuf *out, const struct vm_docs *docs)
{
    struct strbuf owner;
    strbuf_init(&owner, 256);
    put_variable(&owner, docs->name);
    strbuf_addf(out, "local %s = {}\n\n", strbuf_cstr(&owner));
    strbuf_addc(&owner, ':');
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = docs_same(*at, docs) ? (*at)->functions : NULL;
             f && f->name; f++)
            put_function(out, f, strbuf_cstr(&owner), docs->name);
    strbuf_done(&owner);
}

static void put_class(struct strbuf *out, const struct vm_docs *docs)
{
    put_wrapped(out, "---", docs->doc, WIDTH);
    strbuf_addf(out, "---@class %s\n", docs->name);
    put_all_fields(out, docs);
    if (has_functions(docs))
        put_methods(out, docs);
    else
        strbuf_addc(out, '\n');
}

static void put_alias(struct strbuf *out, const struct vm_docs *docs)
{
    put_wrapped(out, "---", docs->doc, WIDTH);
    strbuf_addf(out, "---@alias %s %s\n\n", docs->name, docs->fields[0].type);
}

/* ---- modules and globals ---- */

static void put_calls(struct strbuf *out, const struct vm_docs *docs)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = docs_same(*at, docs) ? (*at)->functions : NULL;
             f && f->name; f++)
            if (strcmp(f->name, "__call") == 0) {
                put_wrapped(out, "---", f->doc, WIDTH);
                put_overloads(out, f->signature, NULL);
            }
}

static void put_module(struct strbuf *out, const struct vm_docs *docs)
{
    struct strbuf owner;
    put_wrapped(out, "---", docs->doc, WIDTH);
    strbuf_adds(out, "---\n---In ");
    put_where(out, docs->where);
    strbuf_addf(out, ".\n---@class %slib\n", docs->name);
    put_all_fields(out, docs);
    put_calls(out, docs);
    strbuf_addf(out, "%s = {}\n\n", docs->name);
    strbuf_init(&owner, 256);
    strbuf_addf(&owner, "%s.", docs->name);
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = docs_same(*at, docs) ? (*at)->functions : NULL;
             f && f->name; f++)
            if (strcmp(f->name, "__call") != 0) put_function(out, f, strbuf_cstr(&owner), NULL);
    strbuf_done(&owner);
}

static void put_globals(struct strbuf *out, const struct vm_docs *docs)
{
    strbuf_adds(out, "-- In ");
    put_where(out, docs->where);
    strbuf_adds(out, ":\n\n");
    for (const struct vm_function *f = docs->functions; f && f->name; f++)
        put_function(out, f, "", NULL);
    for (const struct vm_field *f = docs->fields; f && f->name; f++) {
        put_wrapped(out, "---", f->doc, WIDTH);
        strbuf_addf(out, "---@type %s\n%s = ...\n\n", f->type, f->name);
    }
}

static void put_docs(struct strbuf *out, const struct vm_docs *docs)
{
    if (docs->kind == DOCS_GLOBALS) {
        put_globals(out, docs);
        return;
    }
    if (docs_first(docs) != docs) return; /* told with the first part */
    switch (docs->kind) {
    case DOCS_MODULE: put_module(out, docs); break;
    case DOCS_CLASS: put_class(out, docs); break;
    case DOCS_ALIAS: put_alias(out, docs); break;
    case DOCS_GLOBALS: break;
    }
}

/* ---- kinds of decisions ---- */

static void put_kind(struct strbuf *out, const struct kind *kind)
{
    const char *name = kind->info.name;
    strbuf_addf(out, "---What decide.%s takes.\n---@class decide.%s.fields: decide.common\n", name,
                name);
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct kind_field *f = &kind->fields[i];
        strbuf_addf(out, "---@field %s%s %s %s\n", f->name, f->required ? "" : "?",
                    kind_type_name(f->type), f->doc);
    }
    strbuf_addc(out, '\n');
    put_wrapped(out, "---", kind->doc, WIDTH);
    strbuf_addf(out, "---\n---Its resource is `%s`.\n---@param fields decide.%s.fields\n",
                kind->resource, name);
    strbuf_addf(out, "function decide.%s(fields) end\n\n", name);
}

/* ---- a file ---- */

void stubs_file(const struct stubs_options *options, const char *name, struct strbuf *out)
{
    bool module = docs_has_module(name, strlen(name));
    strbuf_addf(out, "---@meta %s\n\n", module ? name : "_");
    strbuf_adds(out, "-- Generated by moontide " MOONTIDE_VERSION
                     "; `moontide init --stubs` writes it anew.\n\n");
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if (!((*at)->where & (DOCS_STANDARD | DOCS_CONSOLE)) && strcmp(file_of(*at), name) == 0)
            put_docs(out, *at);
    for (size_t i = 0; strcmp(name, "decide") == 0 && i < options->kind_count; i++)
        put_kind(out, options->kinds[i]);
    if (module) strbuf_addf(out, "return %s\n", name);
}
