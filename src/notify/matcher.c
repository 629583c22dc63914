/* notify/matcher.c - matchers: their text, and what they match. */
#include "moontide/notify/matcher.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op { OP_EQUAL, OP_NOT_EQUAL, OP_LIKE, OP_NOT_LIKE };
static const char *const op_texts[] = {"=", "!=", "=~", "!~"};

struct matcher {
    enum op op;
    regex_t regex; /* of OP_LIKE and OP_NOT_LIKE */
    char *name, *value, *text;
};

void matchers_init(struct matchers *matchers)
{
    *matchers = (struct matchers){0};
}

static void matcher_free(struct matcher *matcher)
{
    if (!matcher) return;
    if (matcher->op >= OP_LIKE && matcher->text) regfree(&matcher->regex);
    free(matcher->name);
    free(matcher->value);
    free(matcher->text);
    free(matcher);
}

void matchers_done(struct matchers *matchers)
{
    for (size_t i = 0; i < matchers->count; i++)
        matcher_free(matchers->items[i]);
    free(matchers->items);
    matchers_init(matchers);
}

/* ---- reading ---- */

static bool name_char(char c, bool first)
{
    return isalpha((unsigned char)c) || c == '_' || (!first && isdigit((unsigned char)c));
}

static const char *skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* The operator at `at`; -1: none. */
static int read_op(const char **at)
{
    for (int op = OP_NOT_LIKE; op >= 0; op--) /* the longer ones first */
        if (strncmp(*at, op_texts[op], strlen(op_texts[op])) == 0) {
            *at += strlen(op_texts[op]);
            return op;
        }
    return -1;
}

/* A value in double quotes, with \" and \\; or all that is left. NULL: no memory, or (*wrong) a
 * quote that does not end. */
static char *read_value(const char *at, bool *wrong)
{
    size_t len = strlen(at);
    char *value = malloc(len + 1), *to = value;
    if (!value) return NULL;
    if (*at != '"') {
        while (len > 0 && isspace((unsigned char)at[len - 1]))
            len--;
        memcpy(value, at, len);
        value[len] = '\0';
        return value;
    }
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
        *to++ = *at;
    }
    *to = '\0';
    *wrong = *at != '"' || *skip_space(at + 1);
    if (!*wrong) return value;
    free(value);
    return NULL;
}

static int compile(struct matcher *matcher, const char *text, struct fault *fault)
{
    size_t bytes = strlen(matcher->value) + sizeof "^()$";
    char *anchored = malloc(bytes);
    if (!anchored) return fault_set(fault, ERR_NOMEM, "out of memory");
    snprintf(anchored, bytes, "^(%s)$", matcher->value);
    int rc = regcomp(&matcher->regex, anchored, REG_EXTENDED | REG_NOSUB);
    free(anchored);
    if (rc == 0) return OK;
    char why[128];
    regerror(rc, &matcher->regex, why, sizeof why);
    return fault_set(fault, rc == REG_ESPACE ? ERR_NOMEM : ERR_INVALID,
                     "matcher %s: not a regular expression: %s", text, why);
}

static char *normal_text(const struct matcher *matcher)
{
    size_t bytes = strlen(matcher->name) + 2 * strlen(matcher->value) + 6;
    char *text = malloc(bytes), *to = text;
    if (!text) return NULL;
    to += sprintf(to, "%s%s\"", matcher->name, op_texts[matcher->op]);
    for (const char *at = matcher->value; *at; at++) {
        if (*at == '"' || *at == '\\') *to++ = '\\';
        *to++ = *at;
    }
    *to++ = '"';
    *to = '\0';
    return text;
}

static int matcher_read(struct matcher *matcher, const char *text, struct fault *fault)
{
    const char *begin = skip_space(text), *at = begin;
    while (name_char(*at, at == begin))
        at++;
    size_t len = (size_t)(at - begin);
    at = skip_space(at);
    int op = len > 0 ? read_op(&at) : -1;
    if (op < 0)
        return fault_set(fault, ERR_INVALID,
                         "matcher '%s': write name=value, name!=value, name=~regex or name!~regex",
                         text);
    bool wrong = false;
    matcher->op = (enum op)op;
    matcher->name = strndup(begin, len);
    matcher->value = read_value(skip_space(at), &wrong);
    if (wrong) return fault_set(fault, ERR_INVALID, "matcher '%s': its quote does not end", text);
    if (!matcher->name || !matcher->value) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = op >= OP_LIKE ? compile(matcher, text, fault) : OK;
    if (code < 0) return code;
    matcher->text = normal_text(matcher);
    if (matcher->text) return OK;
    if (op >= OP_LIKE) regfree(&matcher->regex);
    return fault_set(fault, ERR_NOMEM, "out of memory");
}

int matchers_add(struct matchers *matchers, const char *text, struct fault *fault)
{
    if (strlen(text) > MATCHER_TEXT_MAX)
        return fault_set(fault, ERR_LIMIT, "a matcher has at most %d bytes", MATCHER_TEXT_MAX);
    if (matchers->count == MATCHERS_MAX)
        return fault_set(fault, ERR_LIMIT, "at most %d matchers", MATCHERS_MAX);
    struct matcher **items =
        realloc(matchers->items, (matchers->count + 1) * sizeof(struct matcher *));
    if (!items) return fault_set(fault, ERR_NOMEM, "out of memory");
    matchers->items = items;
    struct matcher *matcher = calloc(1, sizeof *matcher);
    if (!matcher) return fault_set(fault, ERR_NOMEM, "out of memory");
    int code = matcher_read(matcher, text, fault);
    if (code < 0)
        matcher_free(matcher);
    else
        items[matchers->count++] = matcher;
    return code;
}

/* ---- matching ---- */

static bool matches(const struct matcher *matcher, const char *value)
{
    switch (matcher->op) {
    case OP_EQUAL: return strcmp(value, matcher->value) == 0;
    case OP_NOT_EQUAL: return strcmp(value, matcher->value) != 0;
    case OP_LIKE: return regexec(&matcher->regex, value, 0, NULL, 0) == 0;
    case OP_NOT_LIKE: return regexec(&matcher->regex, value, 0, NULL, 0) != 0;
    }
    return false;
}

bool matchers_match(const struct matchers *matchers, const struct labels *labels)
{
    for (size_t i = 0; i < matchers->count; i++)
        if (!matches(matchers->items[i], labels_get(labels, matchers->items[i]->name)))
            return false;
    return true;
}

const char *matcher_text(const struct matcher *matcher)
{
    return matcher->text;
}

const char *matcher_name(const struct matcher *matcher)
{
    return matcher->name;
}
