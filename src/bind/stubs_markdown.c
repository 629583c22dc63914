/* bind/stubs_markdown.c - the list of documentation as docs/api.md. */
#include "stubs_text.h"

#include <string.h>

enum { WIDTH = 140 };

/* ---- functions and fields ---- */

/* Each overload on a line of its own; owner: "stats." or "vector:". */
static void put_function(struct strbuf *out, const struct vm_function *f, const char *owner)
{
    const char *at = f->signature;
    bool call = strcmp(f->name, "__call") == 0;
    while (*at) {
        size_t len = strcspn(at, "\n");
        strbuf_addf(out, "%s`%s%s%.*s`", at == f->signature ? "- " : "  \n  ", owner,
                    call ? "" : f->name, (int)len, at);
        at += len + (at[len] == '\n');
    }
    strbuf_adds(out, "  \n");
    put_wrapped(out, "  ", f->doc, WIDTH);
}

/* A list of functions ends where something was put since `start`. */
static void end_list(struct strbuf *out, size_t start)
{
    if (out->len > start) strbuf_addc(out, '\n');
}

/* Text of a cell: "|" ends one. */
static void put_cell(struct strbuf *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '|') strbuf_addc(out, '\\');
        strbuf_addc(out, text[i]);
    }
}

static void put_row(struct strbuf *out, const char *name, bool optional, const char *type,
                    size_t type_len, const char *doc)
{
    strbuf_addf(out, "| `%s`%s | `", name, optional ? "" : " *");
    put_cell(out, type, type_len);
    strbuf_adds(out, "` | ");
    put_cell(out, doc, strlen(doc));
    strbuf_adds(out, " |\n");
}

/* What must be given is marked; of what a function answers the mark says that it is always there.
 */
static void put_fields(struct strbuf *out, const struct vm_docs *docs)
{
    bool begun = false;
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_field *f = docs_same(*at, docs) ? (*at)->fields : NULL; f && f->name;
             f++) {
            if (!begun) strbuf_adds(out, "| field | type | |\n|---|---|---|\n");
            begun = true;
            put_row(out, f->name, field_is_optional(f) || f->name[0] == '[', f->type,
                    field_type_len(f), f->doc);
        }
    if (begun) strbuf_addc(out, '\n');
}

static void put_functions(struct strbuf *out, const struct vm_docs *docs, const char *mark)
{
    struct strbuf owner;
    size_t start = out->len;
    strbuf_init(&owner, 256);
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        for (const struct vm_function *f = docs_same(*at, docs) ? (*at)->functions : NULL;
             f && f->name; f++) {
            strbuf_reset(&owner);
            bool call = strcmp(f->name, "__call") == 0;
            strbuf_addf(&owner, "%s%s", docs->name, call ? "" : mark);
            put_function(out, f, strbuf_cstr(&owner));
        }
    end_list(out, start);
    strbuf_done(&owner);
}

/* ---- sections ---- */

static void put_class(struct strbuf *out, const struct vm_docs *docs)
{
    strbuf_addf(out, "### %s\n\n%s\n\n", docs->name, docs->doc);
    if (docs->kind == DOCS_ALIAS) {
        strbuf_addf(out, "`%s`\n\n", docs->fields[0].type);
        return;
    }
    put_fields(out, docs);
    put_functions(out, docs, ":");
}

/* A kind as a class of the module decide. */
static void put_kind(struct strbuf *out, const struct kind *kind)
{
    const char *name = kind->info.name;
    strbuf_addf(out, "### decide.%s\n\n%s Its resource is `%s`; inside evaluate.\n\n", name,
                kind->doc, kind->resource);
    strbuf_addf(out, "- `decide.%s(fields: decide.%s.fields)`\n\n", name, name);
    strbuf_adds(out, "| field | type | |\n|---|---|---|\n");
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct kind_field *f = &kind->fields[i];
        const char *type = kind_type_name(f->type);
        put_row(out, f->name, !f->required, type, strlen(type), f->doc);
    }
    strbuf_addc(out, '\n');
}

static void put_module(struct strbuf *out, const struct vm_docs *docs)
{
    strbuf_addf(out, "%s %s\n\n%s In ", docs->where == DOCS_TEST ? "###" : "##", docs->name,
                docs->doc);
    put_where(out, docs->where);
    strbuf_adds(out, ".\n\n");
    put_fields(out, docs);
    put_functions(out, docs, ".");
}

/* The heading that classes of no module stand under. */
struct chapter {
    const char *title, *text;
    unsigned where;
};

static void put_globals(struct strbuf *out, const struct chapter *chapter)
{
    strbuf_addf(out, "## %s\n\n%s\n\n", chapter->title, chapter->text);
    size_t start = out->len;
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs->kind != DOCS_GLOBALS || (docs->where & DOCS_STANDARD)) continue;
        unsigned first = docs->where & (~docs->where + 1); /* told once, where it is met first */
        if (first != chapter->where) continue;
        for (const struct vm_function *f = docs->functions; f && f->name; f++)
            put_function(out, f, "");
        for (const struct vm_field *f = docs->fields; f && f->name; f++)
            strbuf_addf(out, "- `%s: %s`  \n  %s\n", f->name, f->type, f->doc);
    }
    end_list(out, start);
}

static bool is_of_module(const struct vm_docs *docs)
{
    return docs_has_module(docs->name, strcspn(docs->name, "."));
}

/* Classes and aliases of no module that are met first in this chapter's state. */
static void put_types(struct strbuf *out, unsigned where)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs->kind != DOCS_CLASS && docs->kind != DOCS_ALIAS) continue;
        if ((docs->where & DOCS_STANDARD) || docs_first(docs) != docs || is_of_module(docs))
            continue;
        if ((docs->where & (~docs->where + 1)) == where) put_class(out, docs);
    }
}

static void put_module_types(struct strbuf *out, const struct vm_docs *module)
{
    size_t len = strlen(module->name);
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs == module || docs->kind == DOCS_GLOBALS || docs_first(docs) != docs) continue;
        if (strncmp(docs->name, module->name, len) != 0 || docs->name[len] != '.') continue;
        if (docs->kind != DOCS_MODULE) {
            put_class(out, docs);
            continue;
        }
        strbuf_addf(out, "### %s\n\n%s\n\n", docs->name, docs->doc);
        put_functions(out, docs, ".");
    }
}

/* Those of tests alone stand in the chapter of tests. */
static void put_modules(const struct stubs_options *options, struct strbuf *out, bool of_tests)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const struct vm_docs *docs = *at;
        if (docs->kind != DOCS_MODULE || (docs->where & DOCS_STANDARD)) continue;
        if ((docs->where == DOCS_TEST) != of_tests) continue;
        if (docs_first(docs) != docs || strchr(docs->name, '.')) continue;
        put_module(out, docs);
        for (size_t i = 0; strcmp(docs->name, "decide") == 0 && i < options->kind_count; i++)
            put_kind(out, options->kinds[i]);
        put_module_types(out, docs);
    }
}

/* Of Lua's own library, what moontide puts in its place. */
static void put_lua(struct strbuf *out)
{
    strbuf_adds(out, "## Lua's own library\n\nScripts have all of Lua 5.4. Policies, kinds and "
                     "receivers have its harmless part: no io, os, debug, package, dofile, "
                     "loadfile and string.dump. What differs from Lua's manual:\n\n");
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        if (!((*at)->where & DOCS_STANDARD)) continue;
        struct strbuf owner;
        strbuf_init(&owner, 256);
        if ((*at)->name) strbuf_addf(&owner, "%s.", (*at)->name);
        for (const struct vm_function *f = (*at)->functions; f && f->name; f++)
            if (f->call || strstr(f->doc, "olic")) put_function(out, f, strbuf_cstr(&owner));
        strbuf_done(&owner);
    }
}

void stubs_markdown(const struct stubs_options *options, struct strbuf *out)
{
    static const struct chapter chapters[] = {
        {"Policies", "Globals of a policy file besides the modules below, and what they take.",
         DOCS_POLICY},
        {"Tests", "Globals of the files that `moontide test` runs.", DOCS_TEST},
        {"Kinds of decisions", "Globals of `policies/lib/kind_NAME.lua` (kinds.md).", DOCS_KIND},
        {"Receivers", "Globals of `policies/lib/receiver_NAME.lua` (alerts.md).", DOCS_RECEIVER},
        {"moontide.lua", "Globals of the configuration, and its fields.", DOCS_CONFIG},
        {"Consoles", "Globals of `moontide repl --attach` (console.md).", DOCS_CONSOLE},
        {"A recorded tick", "Globals of `moontide repl --tick` (time-travel.md).", DOCS_PAST},
    };
    strbuf_adds(out,
                "# Lua API\n\n<!-- Generated from the tables that register the bindings: cmake "
                "--build build/asan --target api -->\n\n"
                "What Lua code can call, by module. Types are LuaCATS's: `number?` may be nil, "
                "`string[]` is a list, `p?` may be left out. In tables, * marks a field that "
                "must be given, or is always there. The same text is in the editor "
                "(editor.md) and in `help(x)` of the REPL.\n\n");
    put_globals(out, &chapters[0]);
    put_types(out, DOCS_POLICY);
    put_modules(options, out, false);
    for (size_t i = 1; i < COUNT_OF(chapters); i++) {
        struct strbuf text;
        strbuf_init(&text, out->max_bytes);
        put_globals(&text, &chapters[i]);
        size_t bare = text.len;
        if (chapters[i].where == DOCS_TEST) put_modules(options, &text, true);
        put_types(&text, chapters[i].where);
        bool says = text.len > bare || strstr(strbuf_cstr(&text), "- `");
        if (says) strbuf_add(out, strbuf_cstr(&text), text.len);
        strbuf_done(&text);
    }
    put_lua(out);
}
