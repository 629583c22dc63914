/* bind/source.c - lists the calls of a Lua file that take a table constructor, with its fields. */
#include "moontide/bind/source.h"

#include "lexer.h"
#include "moontide/base/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct field {
    const char *name; /* into the text */
    size_t len;
    int line, column;
};

struct site {
    const char *name;
    size_t len;
    int line, column, brace_line;
    bool value;  /* of `NAME = {`, not of a call: found by line 0 alone */
    bool opaque; /* the argument is no constructor, or has computed keys */
    struct field *fields;
    size_t count, cap;
};

struct source {
    char *chunk, *text;
    struct site *sites;
    size_t count, cap;
    bool scanned; /* by the first question: most sources are never asked anything */
};

/* What is open at a token: a bracket, a block (function, do, if, repeat), and whose constructor. */
enum { OPEN_MAX = 400 };
struct open {
    int kind; /* '(' '[' '{' or 'B' */
    size_t site;
};
static const size_t NO_SITE = (size_t)-1;

struct scan {
    struct source *source;
    struct open stack[OPEN_MAX];
    size_t depth;
    struct token before[3]; /* the three tokens before, newest first */
    int code;
};

static bool grow(void **items, size_t *cap, size_t count, size_t size)
{
    if (count < *cap) return true;
    size_t more = *cap ? *cap * 2 : 8;
    void *bigger = realloc(*items, more * size);
    if (!bigger) return false;
    *items = bigger;
    *cap = more;
    return true;
}

static size_t add_site(struct scan *scan, const struct token *name, int brace_line, bool opaque)
{
    struct source *s = scan->source;
    if (!grow((void **)&s->sites, &s->cap, s->count, sizeof *s->sites)) {
        scan->code = ERR_NOMEM;
        return NO_SITE;
    }
    s->sites[s->count] = (struct site){.name = name->text,
                                       .len = name->len,
                                       .line = name->line,
                                       .column = name->column,
                                       .brace_line = brace_line,
                                       .opaque = opaque};
    return s->count++;
}

static void add_field(struct scan *scan, size_t at, const struct token *name)
{
    struct site *site = &scan->source->sites[at];
    if (!grow((void **)&site->fields, &site->cap, site->count, sizeof *site->fields)) {
        scan->code = ERR_NOMEM;
        return;
    }
    site->fields[site->count++] = (struct field){
        .name = name->text, .len = name->len, .line = name->line, .column = name->column};
}

static bool is_keyword(const struct token *token)
{
    static const char *const words[] = {
        "and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
        "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
        "repeat",   "return", "then", "true", "until",  "while",
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (token_is(token, words[i])) return true;
    return false;
}

static void push(struct scan *scan, int kind, size_t site)
{
    if (scan->depth == OPEN_MAX)
        scan->code = ERR_LIMIT;
    else
        scan->stack[scan->depth++] = (struct open){kind, site};
}

/* The constructor that opens here is an argument of NAME{ or NAME({, the value of `NAME =`, what
 * the file returns, or nobody's. */
static size_t site_of_brace(struct scan *scan, const struct token *brace)
{
    const struct token *name = &scan->before[0];
    if (name->kind == '(' || name->kind == '=') name = &scan->before[1];
    if (name->kind != TOKEN_NAME || (is_keyword(name) && !token_is(name, "return"))) return NO_SITE;
    size_t site = add_site(scan, name, brace->line, false);
    if (site != NO_SITE) scan->source->sites[site].value = scan->before[0].kind == '=';
    return site;
}

static void look_at(struct scan *scan, const struct token *token, const struct token *next)
{
    struct open *top = scan->depth ? &scan->stack[scan->depth - 1] : NULL;
    const struct token *before = &scan->before[0];
    bool field_start = top && top->kind == '{' && top->site != NO_SITE &&
                       (before->kind == '{' || before->kind == ',' || before->kind == ';');
    switch (token->kind) {
    case '{': push(scan, '{', site_of_brace(scan, token)); return;
    case '(':
        if (before->kind == TOKEN_NAME && !is_keyword(before) && next->kind != '{')
            (void)add_site(scan, before, token->line, true);
        push(scan, '(', NO_SITE);
        return;
    case '[':
        if (field_start && next->kind != TOKEN_STRING) scan->source->sites[top->site].opaque = true;
        push(scan, '[', NO_SITE);
        return;
    case ']':
        /* ["when"] = ... : the string stands between the bracket and here. */
        if (scan->depth > 1 && top->kind == '[' && next->kind == '=' &&
            before->kind == TOKEN_STRING && scan->stack[scan->depth - 2].kind == '{' &&
            scan->stack[scan->depth - 2].site != NO_SITE)
            add_field(scan, scan->stack[scan->depth - 2].site, before);
        if (scan->depth) scan->depth--;
        return;
    case ')':
    case '}':
        if (scan->depth) scan->depth--;
        return;
    case TOKEN_NAME:
        if (token_is(token, "function") || token_is(token, "do") || token_is(token, "if") ||
            token_is(token, "repeat"))
            push(scan, 'B', NO_SITE);
        else if (token_is(token, "end") || token_is(token, "until"))
            scan->depth -= scan->depth > 0;
        else if (field_start && next->kind == '=')
            add_field(scan, top->site, token);
        return;
    default: return;
    }
}

static void forget(struct source *source)
{
    for (size_t i = 0; i < source->count; i++)
        free(source->sites[i].fields);
    free(source->sites);
    source->sites = NULL;
    source->count = source->cap = 0;
}

/* Without memory nothing is known, and the next question scans again. */
static void scan_text(struct source *source)
{
    struct lexer lexer;
    struct scan scan = {.source = source, .code = OK};
    lexer_init(&lexer, source->text, strlen(source->text));
    struct token token = lexer_next(&lexer);
    while (token.kind != TOKEN_END && scan.code == OK) {
        struct token next = lexer_next(&lexer);
        look_at(&scan, &token, &next);
        scan.before[2] = scan.before[1];
        scan.before[1] = scan.before[0];
        scan.before[0] = token;
        token = next;
    }
    source->scanned = scan.code != ERR_NOMEM;
    if (!source->scanned) forget(source);
}

int source_new(const char *chunk, const char *text, size_t len, struct source **out)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source) return ERR_NOMEM;
    source->chunk = strdup(chunk);
    source->text = malloc(len + 1);
    int code = source->chunk && source->text ? OK : ERR_NOMEM;
    if (code == OK) {
        memcpy(source->text, text, len);
        source->text[len] = '\0';
    }
    if (code < 0) {
        source_free(source);
        return code;
    }
    *out = source;
    return OK;
}

void source_free(struct source *source)
{
    if (!source) return;
    forget(source);
    free(source->chunk);
    free(source->text);
    free(source);
}

const char *source_chunk(const struct source *source)
{
    return source->chunk;
}

const char *source_text(const struct source *source)
{
    return source->text;
}

static const struct field *find_field(const struct site *site, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < site->count; i++)
        if (site->fields[i].len == len && memcmp(site->fields[i].name, name, len) == 0)
            return &site->fields[i];
    return NULL;
}

enum source_field source_field(const struct source *source, const char *function, int line,
                               const char *field, int *at_line, int *at_column)
{
    enum source_field answer = SOURCE_OPAQUE;
    size_t len = strlen(function), seen = 0;
    if (!source->scanned) scan_text((struct source *)(uintptr_t)source);
    for (size_t i = 0; i < source->count; i++) {
        const struct site *site = &source->sites[i];
        if (site->len != len || memcmp(site->name, function, len) != 0) continue;
        if (line != 0 && (site->value || line < site->line || line > site->brace_line)) continue;
        if (site->opaque) return SOURCE_OPAQUE;
        const struct field *found = find_field(site, field);
        enum source_field one = found ? SOURCE_PRESENT : SOURCE_ABSENT;
        if (seen++ > 0 && one != answer) return SOURCE_OPAQUE;
        answer = one;
        if (found && at_line) *at_line = found->line;
        if (found && at_column) *at_column = found->column;
    }
    return answer;
}

int source_call(const struct source *source, const char *function, int line)
{
    size_t len = strlen(function);
    int column = 0;
    for (size_t i = 0; i < source->count; i++) {
        const struct site *site = &source->sites[i];
        if (site->len != len || memcmp(site->name, function, len) != 0 || site->value) continue;
        if (site->line != line) continue;
        if (column > 0) return 0;
        column = site->column;
    }
    return column;
}
