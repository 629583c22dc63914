/* bind/signature.c - takes the signatures of bindings apart: "(p: type, q?: type): type, type". */
#include "moontide/bind/docs.h"

#include <ctype.h>
#include <string.h>

static const char *skip_blanks(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

/* Where the type ends: at a comma, a bracket that it did not open, or the end of the line. */
static const char *type_end(const char *at)
{
    int depth = 0;
    for (; *at && *at != '\n'; at++) {
        if (*at == '"') {
            at = strchr(at + 1, '"');
            if (!at) return NULL;
        } else if (strchr("([{<", *at)) {
            depth++;
        } else if (strchr(")]}>", *at)) {
            if (depth-- == 0) return at;
        } else if (*at == ',' && depth == 0) {
            return at;
        }
    }
    return depth == 0 ? at : NULL;
}

static bool read_type(const char **at, struct signature_part *part)
{
    part->type = skip_blanks(*at);
    const char *end = type_end(part->type);
    if (!end || end == part->type) return false;
    *at = end;
    part->type_len = (size_t)(end - part->type);
    return true;
}

static bool read_parameter(const char **at, struct signature_part *part)
{
    *part = (struct signature_part){.name = skip_blanks(*at)};
    const char *end = part->name;
    if (strncmp(end, "...", 3) == 0)
        end += 3;
    else
        while (isalnum((unsigned char)*end) || *end == '_')
            end++;
    part->name_len = (size_t)(end - part->name);
    part->optional = *end == '?';
    if (part->optional) end++;
    if (part->name_len == 0 || *end != ':') return false;
    *at = end + 1;
    return read_type(at, part);
}

static bool read_parameters(const char **at, struct signature *out)
{
    if (**at == ')') return true;
    do {
        if (out->param_count == SIGNATURE_PARTS_MAX) return false;
        if (!read_parameter(at, &out->params[out->param_count++])) return false;
    } while (*(*at)++ == ',');
    (*at)--;
    return **at == ')';
}

/* "...: type" stands for any number of them. */
static bool read_results(const char **at, struct signature *out)
{
    do {
        if (out->result_count == SIGNATURE_PARTS_MAX) return false;
        struct signature_part *part = &out->results[out->result_count++];
        const char *start = skip_blanks(*at);
        *part = (struct signature_part){0};
        if (strncmp(start, "...:", 4) == 0) {
            part->name = start;
            part->name_len = 3;
            start += 4;
        }
        *at = start;
        if (!read_type(at, part)) return false;
    } while (*(*at)++ == ',');
    (*at)--;
    return true;
}

bool signature_read(const char **text, struct signature *out)
{
    const char *at = *text;
    *out = (struct signature){0};
    if (*at++ != '(' || !read_parameters(&at, out)) return false;
    at++;
    if (*at == ':') {
        at++;
        if (!read_results(&at, out)) return false;
    }
    if (*at && *at != '\n') return false;
    *text = *at ? at + 1 : at;
    return true;
}

/* ---- types ---- */

static bool is_builtin(const char *name, size_t len)
{
    static const char *const known[] = {
        "any",   "nil",   "boolean",       "number", "integer",  "string",
        "table", "fun",   "function",      "thread", "userdata", "unknown",
        "true",  "false", "lightuserdata", "self",   NULL};
    for (const char *const *at = known; *at; at++)
        if (strlen(*at) == len && strncmp(*at, name, len) == 0) return true;
    return false;
}

/* The class of a module: "itlib" (bind/stubs.c). */
static bool is_module_class(const struct vm_docs *docs, const char *name, size_t len)
{
    static const char suffix[] = "lib";
    size_t tail = sizeof suffix - 1;
    return docs->kind == DOCS_MODULE && len > tail && strlen(docs->name) == len - tail &&
           strncmp(docs->name, name, len - tail) == 0 &&
           strncmp(name + len - tail, suffix, tail) == 0;
}

static bool is_type(const char *name, size_t len)
{
    for (const struct vm_docs *const *at = docs_modules; *at; at++) {
        const char *type =
            (*at)->kind == DOCS_CLASS || (*at)->kind == DOCS_ALIAS ? (*at)->name : NULL;
        if (is_module_class(*at, name, len)) return true;
        if (type && strlen(type) == len && strncmp(type, name, len) == 0) return true;
    }
    return is_builtin(name, len);
}

/* A name that a colon follows is that of a parameter or of a field. */
const char *docs_unknown_type(const char *type, size_t len, size_t *name_len)
{
    const char *end = type + len;
    for (const char *at = type; at < end;) {
        if (*at == '"') {
            const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
            at = close ? close + 1 : end;
            continue;
        }
        if (!isalpha((unsigned char)*at)) {
            at++;
            continue;
        }
        const char *name = at;
        while (at < end && (isalnum((unsigned char)*at) || *at == '_' || *at == '.'))
            at++;
        bool names = at < end && (*at == ':' || (*at == '?' && at + 1 < end && at[1] == ':'));
        if (names && !(at - name == 3 && strncmp(name, "fun", 3) == 0)) continue;
        *name_len = (size_t)(at - name);
        if (!is_type(name, *name_len)) return name;
    }
    return NULL;
}
