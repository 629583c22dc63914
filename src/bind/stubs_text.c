/* bind/stubs_text.c - names, types and text of the list of documentation. */
#include "stubs_text.h"

#include <string.h>

const char *docs_name(const struct vm_docs *docs)
{
    return docs->name ? docs->name : "";
}

bool docs_same(const struct vm_docs *a, const struct vm_docs *b)
{
    return a->kind == b->kind && strcmp(docs_name(a), docs_name(b)) == 0;
}

const struct vm_docs *docs_first(const struct vm_docs *docs)
{
    const struct vm_docs *const *at = docs_modules;
    while (!docs_same(*at, docs))
        at++;
    return *at;
}

bool docs_has_module(const char *name, size_t len)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++)
        if ((*at)->kind == DOCS_MODULE && strlen((*at)->name) == len &&
            strncmp((*at)->name, name, len) == 0)
            return true;
    return false;
}

void put_wrapped(struct strbuf *out, const char *prefix, const char *text, size_t width)
{
    while (*text) {
        size_t len = strlen(text);
        if (len > width) {
            len = width;
            while (len > 0 && text[len] != ' ')
                len--;
            if (len == 0) len = strcspn(text, " ");
        }
        strbuf_adds(out, prefix);
        strbuf_add(out, text, len);
        strbuf_addc(out, '\n');
        text += len;
        while (*text == ' ')
            text++;
    }
}

void put_where(struct strbuf *out, unsigned where)
{
    static const struct {
        unsigned bit;
        const char *text;
    } names[] = {
        {DOCS_POLICY, "policies"},  {DOCS_SCRIPT, "scripts"},     {DOCS_TEST, "tests"},
        {DOCS_KIND, "kinds"},       {DOCS_RECEIVER, "receivers"}, {DOCS_CONFIG, "moontide.lua"},
        {DOCS_CONSOLE, "consoles"},
    };
    unsigned left = where & ~(unsigned)DOCS_STANDARD;
    bool first = true;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!(left & names[i].bit)) continue;
        left &= ~names[i].bit;
        strbuf_adds(out, first ? "" : left ? ", " : " and ");
        strbuf_adds(out, names[i].text);
        first = false;
    }
}

const char *kind_type_name(enum kind_type type)
{
    switch (type) {
    case KIND_STRING: return "string";
    case KIND_NUMBER: return "number";
    case KIND_COUNT: return "integer";
    case KIND_DURATION: return "duration";
    case KIND_BOOLEAN: return "boolean";
    case KIND_TABLE: return "table";
    }
    return "any";
}

bool field_is_optional(const struct vm_field *field)
{
    return field->type[strlen(field->type) - 1] == '?';
}

size_t field_type_len(const struct vm_field *field)
{
    return strlen(field->type) - (field_is_optional(field) ? 1 : 0);
}
