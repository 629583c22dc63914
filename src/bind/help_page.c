/* bind/help_page.c - how help is laid out. */
#include "help_page.h"

#include "moontide/base/compiler.h"

#include <string.h>

enum { COLUMN_MAX = 24 };

/* ---- lines ---- */

static void strong(struct page *page, const char *text, size_t len)
{
    if (page->color) strbuf_adds(page->out, "\033[1m");
    strbuf_add(page->out, text, len);
    if (page->color) strbuf_adds(page->out, "\033[0m");
}

static void put_words(struct page *page, int indent, int column, const char *text, size_t len)
{
    for (const char *at = text, *end = text + len; at < end;) {
        size_t word = 0;
        while (at + word < end && at[word] != ' ')
            word++;
        if (column > indent && column + 1 + (int)word > page->width) {
            strbuf_addf(page->out, "\n%*s", indent, "");
            column = indent;
        } else if (at > text) {
            strbuf_addc(page->out, ' ');
            column++;
        }
        strbuf_add(page->out, at, word);
        column += (int)word;
        for (at += word; at < end && *at == ' '; at++)
            continue;
    }
}

void page_words(struct page *page, int indent, const char *text)
{
    put_words(page, indent, indent, text, strlen(text));
}

static void put_paragraph(struct page *page, int indent, const char *text)
{
    if (!text || !*text) return;
    strbuf_addf(page->out, "%*s", indent, "");
    page_words(page, indent, text);
    strbuf_addc(page->out, '\n');
}

/* Three dots end none. */
static size_t first_sentence(const char *text)
{
    const char *end = strstr(text, ". ");
    while (end && (end == text || end[-1] == '.' || end[-1] == ' '))
        end = strstr(end + 1, ". ");
    return end ? (size_t)(end - text) + 1 : strlen(text);
}

/* "  name      text", the text in a column of its own. */
static void put_row(struct page *page, int column, const char *name, const char *text, size_t len)
{
    int used = (int)strlen(name);
    strbuf_adds(page->out, "  ");
    strong(page, name, strlen(name));
    if (used > column) strbuf_addf(page->out, "\n%*s", column + 4, "");
    if (used <= column) strbuf_addf(page->out, "%*s", column - used + 2, "");
    put_words(page, column + 4, column + 4, text, len);
    strbuf_addc(page->out, '\n');
}

static int wider(int column, const char *name)
{
    int len = (int)strlen(name);
    return len > column && len <= COLUMN_MAX ? len : column;
}

/* ---- one function, one field ---- */

static void put_name(struct page *page, const struct vm_docs *docs, const char *name)
{
    struct strbuf whole;
    strbuf_init(&whole, 256);
    if (docs->name) strbuf_adds(&whole, docs->name);
    bool call = strcmp(name, "__call") == 0;
    if (docs->name && !call) strbuf_addc(&whole, docs->kind == DOCS_CLASS ? ':' : '.');
    if (!call) strbuf_adds(&whole, name);
    strong(page, strbuf_cstr(&whole), whole.len);
    strbuf_done(&whole);
}

static bool is_word(char c)
{
    return c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
}

static const struct vm_docs *class_with_fields(const char *name, size_t len)
{
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++)
        if ((*docs)->kind == DOCS_CLASS && (*docs)->fields && strlen((*docs)->name) == len &&
            memcmp((*docs)->name, name, len) == 0)
            return *docs;
    return NULL;
}

static void put_fields(struct page *page, const struct vm_field *fields)
{
    int column = 0;
    struct strbuf text;
    for (const struct vm_field *f = fields; f && f->name; f++)
        column = wider(column, f->name);
    for (const struct vm_field *f = fields; f && f->name; f++) {
        strbuf_init(&text, 64 * 1024);
        strbuf_addf(&text, "%s%s%s", f->type, *f->doc ? ": " : "", f->doc);
        put_row(page, column, f->name, strbuf_cstr(&text), text.len);
        strbuf_done(&text);
    }
}

/* The fields of the tables that the function takes. */
static void put_arguments(struct page *page, const char *signature)
{
    size_t end = 0;
    for (int depth = 0; signature[end]; end++) {
        depth += (signature[end] == '(') - (signature[end] == ')');
        if (depth == 0) break;
    }
    for (size_t at = 0; at < end;) {
        size_t len = 0;
        while (at + len < end && is_word(signature[at + len]))
            len++;
        const struct vm_docs *docs = len ? class_with_fields(signature + at, len) : NULL;
        if (docs) {
            strbuf_addf(page->out, "\n%s:\n", docs->name);
            put_fields(page, docs->fields);
        }
        at += len ? len : 1;
    }
}

static void put_function(struct page *page, const struct docs_entry *entry)
{
    const struct vm_function *function = entry->function;
    for (const char *at = function->signature; *at;) {
        size_t len = strcspn(at, "\n");
        put_name(page, entry->module, function->name);
        put_words(page, 4, (int)strlen(function->name) + 8, at, len);
        strbuf_addc(page->out, '\n');
        at += len + (at[len] == '\n');
    }
    put_paragraph(page, 2, function->doc);
    put_arguments(page, function->signature);
}

static void put_field(struct page *page, const struct docs_entry *entry)
{
    put_name(page, entry->module, entry->field->name);
    strbuf_addf(page->out, ": %s\n", entry->field->type);
    put_paragraph(page, 2, entry->field->doc);
}

/* ---- a module or class: all parts of that name ---- */

static bool same_name(const struct vm_docs *a, const struct vm_docs *b)
{
    return a->kind == b->kind &&
           (a->name && b->name ? strcmp(a->name, b->name) == 0 : a->name == b->name);
}

/* The modules inside of one: "aws.sigv4" of "aws". */
static void put_nested(struct page *page, const struct vm_docs *whole, int column)
{
    size_t len = strlen(whole->name);
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        const char *name = (*docs)->kind == DOCS_MODULE ? (*docs)->name : NULL;
        if (!name || !(*docs)->doc || strncmp(name, whole->name, len) != 0 || name[len] != '.')
            continue;
        put_row(page, column, name + len + 1, (*docs)->doc, first_sentence((*docs)->doc));
    }
}

static void put_whole(struct page *page, const struct vm_docs *whole)
{
    int column = 0;
    bool callable = false;
    strong(page, whole->name, strlen(whole->name));
    strbuf_addc(page->out, '\n');
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        if (!same_name(*docs, whole)) continue;
        put_paragraph(page, 2, (*docs)->doc);
        for (const struct vm_function *f = (*docs)->functions; f && f->name; f++)
            column = wider(column, f->name);
    }
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        if (!same_name(*docs, whole)) continue;
        for (const struct vm_function *f = (*docs)->functions; f && f->name; f++) {
            callable = callable || strcmp(f->name, "__call") == 0;
            if (strncmp(f->name, "__", 2) == 0) continue;
            put_row(page, column, f->name, f->doc, first_sentence(f->doc));
        }
        if ((*docs)->kind != DOCS_ALIAS) put_fields(page, (*docs)->fields);
        if ((*docs)->kind == DOCS_ALIAS) put_paragraph(page, 2, (*docs)->fields[0].type);
    }
    if (whole->kind == DOCS_MODULE) put_nested(page, whole, column);
    if (!callable) return;
    struct docs_entry call;
    struct strbuf name;
    strbuf_init(&name, 256);
    strbuf_addf(&name, "%s.__call", whole->name);
    if (docs_find(strbuf_cstr(&name), 0, &call) && call.function) {
        strbuf_addc(page->out, '\n');
        put_function(page, &call);
    }
    strbuf_done(&name);
}

void page_entry(struct page *page, const struct docs_entry *entry)
{
    if (entry->function)
        put_function(page, entry);
    else if (entry->field)
        put_field(page, entry);
    else if (entry->module->name)
        put_whole(page, entry->module);
}

/* ---- the overview ---- */

static bool is_first(const struct vm_docs *const *at)
{
    for (const struct vm_docs *const *docs = docs_modules; docs < at; docs++)
        if (same_name(*docs, *at)) return false;
    return true;
}

/* Modules of scripts, those of Lua apart; a nested one ("aws.sigv4") is seen in its module. */
static void put_modules(struct page *page, bool standard)
{
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        bool own = ((*docs)->where & DOCS_STANDARD) == 0;
        if ((*docs)->kind != DOCS_MODULE || !((*docs)->where & DOCS_SCRIPT) || own == standard)
            continue;
        if (!is_first(docs) || strchr((*docs)->name, '.')) continue;
        const char *doc = (*docs)->doc ? (*docs)->doc : "";
        put_row(page, 10, (*docs)->name, doc, first_sentence(doc));
    }
}

/* The names of global functions, of scripts or only of policies. */
static void put_globals(struct page *page, bool policy)
{
    struct strbuf names;
    strbuf_init(&names, 16 * 1024);
    for (const struct vm_docs *const *docs = docs_modules; *docs; docs++) {
        bool script = ((*docs)->where & DOCS_SCRIPT) != 0;
        if ((*docs)->kind != DOCS_GLOBALS || script == policy) continue;
        if (policy && !((*docs)->where & DOCS_POLICY)) continue;
        for (const struct vm_function *f = (*docs)->functions; f && f->name; f++)
            strbuf_addf(&names, "%s%s", names.len ? " " : "", f->name);
    }
    put_paragraph(page, 2, strbuf_cstr(&names));
    strbuf_done(&names);
}

static void put_title(struct page *page, const char *text)
{
    strbuf_addc(page->out, '\n');
    strong(page, text, strlen(text));
    strbuf_addc(page->out, '\n');
}

void page_overview(struct page *page)
{
    static const char *const keys[][2] = {
        {"Tab", "completes names, operations of AWS, their parameters"},
        {"Up, Down", "what was entered before and begins alike"},
        {"Ctrl-R", "searches what was entered before"},
        {"Alt-Enter", "another line in the statement that is edited"},
        {"Ctrl-C", "drops the line; interrupts what runs"},
        {"Ctrl-D", "ends"},
    };
    page_words(page, 0,
               "help(x) tells of a value, help(\"stats.percentile\") of a name; ?x and "
               "?stats.percentile are short for them.");
    strbuf_addc(page->out, '\n');
    put_title(page, "Modules");
    put_modules(page, false);
    put_title(page, "Lua's own");
    put_modules(page, true);
    put_title(page, "Functions");
    put_globals(page, false);
    put_title(page, "In policies");
    put_globals(page, true);
    put_title(page, "Keys");
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        put_row(page, 10, keys[i][0], keys[i][1], strlen(keys[i][1]));
}
