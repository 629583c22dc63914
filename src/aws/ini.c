/* aws/ini.c - reads AWS' shared config and credentials files.
 *
 * One copy of the text is cut into pieces in place; properties are a flat array of pointers into
 * it. Only continued values and nested keys get memory of their own, from the same list. */
#include "moontide/aws/ini.h"

#include "moontide/base/fs.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { CONTINUED_BYTES_MAX = 4096 }; /* joining is quadratic, so it ends early */

struct property {
    const char *section;
    char *key, *value; /* both NULL: only says that the section is there */
    char *own;         /* memory of key and value when they are not in the text */
    size_t own_bytes;
};

struct ini {
    char *text;
    size_t bytes;
    struct property *properties;
    size_t count, cap;
};

struct parser {
    struct ini *ini;
    const char *path;
    const char *section;   /* NULL before the first one */
    struct property *last; /* that a continuation would continue; stale once parent is set */
    size_t indent;         /* of that property: what is deeper continues it */
    const char *parent;    /* the key of an empty property: nested ones follow */
    int line;
    struct fault *fault;
};

static bool space(char c)
{
    return c == ' ' || c == '\t';
}

static int bad(struct parser *p, const char *what)
{
    int code = fault_set(p->fault, ERR_PARSE, "%s", what);
    fault_at(p->fault, p->path, p->line, 0);
    return code;
}

static char *trim(char *text)
{
    while (space(*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && space(text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

/* Cuts " # ..." and " ; ..." off. */
static void cut_comment(char *text)
{
    for (char *at = text; *at; at++)
        if ((*at == '#' || *at == ';') && at > text && space(at[-1])) {
            *at = '\0';
            return;
        }
}

static struct property *add(struct parser *p)
{
    struct ini *ini = p->ini;
    if (ini->count == INI_PROPERTIES_MAX) {
        fault_set(p->fault, ERR_LIMIT, "more than %d properties", INI_PROPERTIES_MAX);
        fault_at(p->fault, p->path, p->line, 0);
        return NULL;
    }
    if (ini->count == ini->cap) {
        size_t cap = ini->cap ? ini->cap * 2 : 32;
        struct property *grown = realloc(ini->properties, cap * sizeof *grown);
        if (!grown) {
            fault_set(p->fault, ERR_NOMEM, "out of memory");
            return NULL;
        }
        ini->properties = grown;
        ini->cap = cap;
    }
    struct property *made = &ini->properties[ini->count++];
    *made = (struct property){.section = p->section};
    return made;
}

static int added(const struct parser *p, const struct property *property)
{
    if (property) return OK;
    return p->ini->count == INI_PROPERTIES_MAX ? ERR_LIMIT : ERR_NOMEM;
}

/* [profile "my web"] -> profile my web */
static int read_section(struct parser *p, char *line)
{
    char *end = strchr(line, ']');
    if (!end) return bad(p, "a section without its closing bracket");
    char *rest = end + 1;
    while (space(*rest))
        rest++;
    if (*rest && *rest != '#' && *rest != ';') return bad(p, "text after a section's name");
    *end = '\0';
    char *from = trim(line + 1), *to = from;
    p->section = from;
    bool quoted = false;
    for (; *from; from++) {
        if (*from == '"' || *from == '\'')
            quoted = !quoted;
        else if (quoted || !space(*from))
            *to++ = *from;
        else if (to > p->section && to[-1] != ' ')
            *to++ = ' ';
    }
    *to = '\0';
    p->last = NULL;
    p->parent = NULL;
    if (!p->section[0]) return bad(p, "a section without a name");
    return added(p, add(p));
}

static int split(struct parser *p, char *line, char **key, char **value)
{
    char *equals = strchr(line, '=');
    if (!equals) return bad(p, "neither a section nor \"key = value\"");
    *equals = '\0';
    *key = trim(line);
    cut_comment(equals + 1);
    *value = trim(equals + 1);
    if (!**key) return bad(p, "a property without a name");
    for (char *c = *key; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c | 0x20);
    return OK;
}

static int read_property(struct parser *p, char *line)
{
    char *key, *value;
    if (!p->section) return bad(p, "a property before the first section");
    int code = split(p, line, &key, &value);
    if (code < 0) return code;
    struct property *made = add(p);
    if (!made) return added(p, made);
    made->key = key;
    made->value = value;
    p->last = made;
    p->parent = *value ? NULL : key;
    return OK;
}

/* "s3 =" and then "  addressing_style = path" is kept as s3.addressing_style */
static int read_nested(struct parser *p, char *line)
{
    char *key, *value;
    int code = split(p, line, &key, &value);
    if (code < 0) return code;
    struct property *made = add(p);
    if (!made) return added(p, made);
    size_t bytes = strlen(p->parent) + 1 + strlen(key) + 1;
    made->own = malloc(bytes);
    if (!made->own) return ERR_NOMEM;
    made->own_bytes = bytes;
    stpcpy(stpcpy(stpcpy(made->own, p->parent), "."), key);
    made->key = made->own;
    made->value = value;
    return OK;
}

/* The value of the property above goes on, after a newline. */
static int read_continuation(struct parser *p, char *line)
{
    struct property *last = p->last;
    line = trim(line);
    size_t bytes = strlen(last->value) + 1 + strlen(line) + 1;
    if (bytes > CONTINUED_BYTES_MAX) return bad(p, "a continued value of more than 4 KiB");
    char *joined = malloc(bytes);
    if (!joined) return ERR_NOMEM;
    stpcpy(stpcpy(stpcpy(joined, last->value), "\n"), line);
    if (last->own) OPENSSL_cleanse(last->own, last->own_bytes);
    free(last->own);
    last->own = last->value = joined;
    last->own_bytes = bytes;
    return OK;
}

static int read_line(struct parser *p, char *line)
{
    char *first = line;
    while (space(*first))
        first++;
    if (!*first || *first == '#' || *first == ';') return OK;
    size_t indent = (size_t)(first - line);
    if (p->last && indent > p->indent)
        return p->parent ? read_nested(p, first) : read_continuation(p, first);
    p->indent = indent;
    return *first == '[' && indent == 0 ? read_section(p, first) : read_property(p, first);
}

int ini_parse(const char *text, size_t len, const char *path, struct ini **out, struct fault *fault)
{
    if (len > INI_BYTES_MAX) return fault_set(fault, ERR_LIMIT, "%s is larger than 1 MiB", path);
    struct ini *ini = calloc(1, sizeof *ini);
    if (!ini) return fault_set(fault, ERR_NOMEM, "out of memory");
    struct parser p = {.ini = ini, .path = path, .fault = fault};
    int code = OK;
    ini->bytes = len + 1;
    ini->text = malloc(len + 1);
    if (!ini->text) {
        code = fault_set(fault, ERR_NOMEM, "out of memory");
        goto failed;
    }
    if (len > 0) memcpy(ini->text, text, len);
    ini->text[len] = '\0';
    char *at = ini->text, *end = at + len;
    if (len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
    if (strlen(at) != (size_t)(end - at)) {
        p.line = 1;
        code = bad(&p, "a NUL byte: this is not a text file");
        goto failed;
    }
    while (at < end) {
        char *newline = strchr(at, '\n');
        char *stop = newline ? newline : end;
        *stop = '\0';
        if (stop > at && stop[-1] == '\r') stop[-1] = '\0';
        p.line++;
        code = read_line(&p, at);
        if (code == ERR_NOMEM) fault_set(fault, code, "out of memory");
        if (code < 0) goto failed;
        at = stop + 1;
    }
    *out = ini;
    return OK;

failed:
    ini_free(ini);
    return code;
}

int ini_read(const char *path, struct ini **out, struct fault *fault)
{
    char *text = NULL;
    size_t len = 0;
    int code = fs_read_file(path, INI_BYTES_MAX, &text, &len, fault);
    if (code < 0) return code;
    code = ini_parse(text, len, path, out, fault);
    OPENSSL_cleanse(text, len);
    free(text);
    return code;
}

void ini_free(struct ini *ini)
{
    if (!ini) return;
    for (size_t i = 0; i < ini->count; i++) {
        if (ini->properties[i].own)
            OPENSSL_cleanse(ini->properties[i].own, ini->properties[i].own_bytes);
        free(ini->properties[i].own);
    }
    if (ini->text) OPENSSL_cleanse(ini->text, ini->bytes);
    free(ini->text);
    free(ini->properties);
    free(ini);
}

bool ini_has(const struct ini *ini, const char *section)
{
    for (size_t i = 0; ini && i < ini->count; i++)
        if (strcmp(ini->properties[i].section, section) == 0) return true;
    return false;
}

const char *ini_get(const struct ini *ini, const char *section, const char *key)
{
    for (size_t i = ini ? ini->count : 0; i > 0; i--) {
        const struct property *p = &ini->properties[i - 1];
        if (p->key && strcmp(p->key, key) == 0 && strcmp(p->section, section) == 0) return p->value;
    }
    return NULL;
}
