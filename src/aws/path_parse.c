/* aws/path_parse.c - reads an expression into nodes and steps: recursive descent, one function a
 * rule of the grammar in path.h. */
#include "moontide/aws/path.h"

#include "moontide/base/json.h"

#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 16 };

struct parser {
    const char *text, *at;
    struct path *path;
    struct fault *fault;
    int code, nesting;
};

static uint8_t parse_or(struct parser *p);

static uint8_t fail(struct parser *p, int code, const char *what)
{
    if (p->code == OK)
        p->code = fault_set(p->fault, code, "%s at offset %d of \"%.200s\"", what,
                            (int)(p->at - p->text), p->text);
    return 0;
}

static void skip_space(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t' || *p->at == '\n')
        p->at++;
}

static bool take(struct parser *p, const char *token)
{
    skip_space(p);
    size_t len = strlen(token);
    if (p->code < 0 || strncmp(p->at, token, len) != 0) return false;
    p->at += len;
    return true;
}

static void expect(struct parser *p, const char *token, const char *what)
{
    if (!take(p, token)) fail(p, ERR_PARSE, what);
}

static uint8_t add_node(struct parser *p, enum path_kind kind, uint8_t left, uint8_t right)
{
    if (p->code < 0) return 0;
    if (p->path->node_count == PATH_NODES_MAX) return fail(p, ERR_LIMIT, "too long a path");
    p->path->nodes[p->path->node_count] =
        (struct path_node){.kind = kind, .left = left, .right = right};
    return p->path->node_count++;
}

static bool name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (!first && c >= '0' && c <= '9');
}

/* ---- paths ---- */

/* The steps of one path while it is read: a filter in it has a path of its own, so they are put
 * into the whole one when it is complete. */
struct steps {
    struct path_step items[PATH_STEPS_MAX / 4];
    uint8_t count;
    bool projection;
};

static void add_step(struct parser *p, struct steps *steps, struct path_step step)
{
    if (p->code < 0) return;
    if (steps->count == COUNT_OF(steps->items)) {
        fail(p, ERR_LIMIT, "too long a path");
        return;
    }
    step.after_projection = steps->projection;
    if (step.kind != STEP_NAME && step.kind != STEP_INDEX) steps->projection = true;
    steps->items[steps->count++] = step;
}

static void parse_name(struct parser *p, struct steps *steps)
{
    const char *begin = p->at;
    if (*begin == '"') {
        const char *end = begin + 1 + strcspn(begin + 1, "\"\\");
        if (*end != '"') {
            fail(p, ERR_PARSE, "a quoted name without escapes was expected");
            return;
        }
        p->at = end + 1;
        add_step(p, steps,
                 (struct path_step){
                     .kind = STEP_NAME, .name = begin + 1, .len = (size_t)(end - begin - 1)});
        return;
    }
    while (name_char(*p->at, p->at == begin))
        p->at++;
    if (p->at == begin)
        fail(p, ERR_PARSE, "a name was expected");
    else
        add_step(
            p, steps,
            (struct path_step){.kind = STEP_NAME, .name = begin, .len = (size_t)(p->at - begin)});
}

static void parse_bracket(struct parser *p, struct steps *steps)
{
    struct path_step step = {.kind = STEP_FLATTEN};
    if (take(p, "[]")) {
        add_step(p, steps, step);
        return;
    }
    expect(p, "[", "\"[\" was expected");
    if (take(p, "*")) {
        step.kind = STEP_ELEMENTS;
    } else if (take(p, "?")) {
        step.kind = STEP_FILTER;
        step.filter = parse_or(p);
    } else {
        char *end = NULL;
        skip_space(p);
        step.kind = STEP_INDEX;
        step.index = strtol(p->at, &end, 10);
        if (end == p->at) fail(p, ERR_PARSE, "an index was expected");
        p->at = end;
    }
    expect(p, "]", "\"]\" was expected");
    add_step(p, steps, step);
}

static uint8_t parse_path(struct parser *p)
{
    struct steps steps = {.count = 0};
    if (take(p, "@"))
        ;
    else if (take(p, "*"))
        add_step(p, &steps, (struct path_step){.kind = STEP_VALUES});
    else if (*p->at == '[')
        parse_bracket(p, &steps);
    else
        parse_name(p, &steps);
    while (p->code == OK && (*p->at == '[' || *p->at == '.')) {
        if (*p->at == '[') {
            parse_bracket(p, &steps);
            continue;
        }
        p->at++;
        if (take(p, "*"))
            add_step(p, &steps, (struct path_step){.kind = STEP_VALUES});
        else
            parse_name(p, &steps);
    }
    uint8_t at = add_node(p, PATH_WALK, 0, 0);
    if (p->code < 0) return 0;
    if (p->path->step_count + steps.count > PATH_STEPS_MAX)
        return fail(p, ERR_LIMIT, "too long a path");
    struct path_node *node = &p->path->nodes[at];
    node->first_step = p->path->step_count;
    node->step_count = steps.count;
    node->projection = steps.projection;
    memcpy(&p->path->steps[p->path->step_count], steps.items, steps.count * sizeof steps.items[0]);
    p->path->step_count = (uint8_t)(p->path->step_count + steps.count);
    return at;
}

/* ---- literals ---- */

static uint8_t text_literal(struct parser *p, const char *text, size_t len)
{
    uint8_t at = add_node(p, PATH_LITERAL, 0, 0);
    p->path->nodes[at].literal = text;
    p->path->nodes[at].literal_len = len;
    p->path->nodes[at].scalar.type = VALUE_STRING;
    return at;
}

static uint8_t parse_raw_string(struct parser *p)
{
    const char *begin = p->at, *end = begin + strcspn(begin, "'\\");
    if (*end != '\'') return fail(p, ERR_PARSE, "a text without escapes was expected");
    p->at = end + 1;
    return text_literal(p, begin, (size_t)(end - begin));
}

static uint8_t parse_json_literal(struct parser *p)
{
    const char *begin = p->at, *end = strchr(begin, '`');
    struct json_reader r;
    struct path_scalar scalar = {.type = VALUE_NULL};
    uint8_t at = 0;
    if (!end) return fail(p, ERR_PARSE, "\"`\" was expected");
    json_reader_init(&r, begin, (size_t)(end - begin), PATH_TEXT_MAX);
    int token = json_next(&r);
    switch (token) {
    case JSON_STRING:
        if (memchr(begin, '\\', (size_t)(end - begin)))
            fail(p, ERR_PARSE, "a text without escapes was expected");
        else
            at = text_literal(p, r.text, r.len);
        break;
    case JSON_INT:
    case JSON_NUMBER:
        scalar.type = VALUE_NUMBER;
        scalar.number = r.number;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        scalar.type = VALUE_BOOLEAN;
        scalar.boolean = token == JSON_TRUE;
        break;
    case JSON_NULL: break;
    default: fail(p, ERR_PARSE, "a literal that is no scalar"); break;
    }
    if (token >= 0 && token != JSON_STRING && p->code == OK) {
        at = add_node(p, PATH_LITERAL, 0, 0);
        p->path->nodes[at].scalar = scalar;
    }
    json_reader_done(&r);
    p->at = end + 1;
    return at;
}

/* ---- expressions ---- */

static uint8_t parse_primary(struct parser *p)
{
    uint8_t a, b;
    skip_space(p);
    if (take(p, "'")) return parse_raw_string(p);
    if (take(p, "`")) return parse_json_literal(p);
    if (take(p, "(")) {
        a = parse_or(p);
        expect(p, ")", "\")\" was expected");
        return a;
    }
    if (take(p, "length(")) {
        a = parse_or(p);
        expect(p, ")", "\")\" was expected");
        return add_node(p, PATH_LENGTH, a, 0);
    }
    if (take(p, "contains(")) {
        a = parse_or(p);
        expect(p, ",", "\",\" was expected");
        b = parse_or(p);
        expect(p, ")", "\")\" was expected");
        return add_node(p, PATH_CONTAINS, a, b);
    }
    return parse_path(p);
}

static uint8_t parse_unary(struct parser *p)
{
    skip_space(p);
    if (p->at[0] != '!' || p->at[1] == '=') return parse_primary(p);
    bool negated = false;
    for (; take(p, "!"); negated = !negated)
        ;
    uint8_t at = parse_primary(p);
    if (!negated) at = add_node(p, PATH_NOT, at, 0); /* twice makes a truth of it all the same */
    return add_node(p, PATH_NOT, at, 0);
}

static uint8_t parse_comparison(struct parser *p)
{
    static const struct {
        const char *text;
        enum path_comparison comparison;
    } signs[] = {{"==", PATH_EQ}, {"!=", PATH_NE}, {">=", PATH_GE},
                 {">", PATH_GT},  {"<=", PATH_LE}, {"<", PATH_LT}};
    uint8_t left = parse_unary(p);
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (!take(p, signs[i].text)) continue;
        uint8_t right = parse_unary(p);
        uint8_t at = add_node(p, PATH_COMPARE, left, right);
        p->path->nodes[at].comparison = signs[i].comparison;
        return at;
    }
    return left;
}

static uint8_t parse_and(struct parser *p)
{
    uint8_t left = parse_comparison(p);
    while (take(p, "&&")) {
        uint8_t right = parse_comparison(p);
        left = add_node(p, PATH_AND, left, right);
    }
    return left;
}

static uint8_t parse_or(struct parser *p)
{
    if (++p->nesting > NESTING_MAX) return fail(p, ERR_LIMIT, "too deep a path");
    uint8_t left = parse_and(p);
    while (take(p, "||")) {
        uint8_t right = parse_and(p);
        left = add_node(p, PATH_OR, left, right);
    }
    p->nesting--;
    return left;
}

int path_parse(const char *text, struct path *out, struct fault *fault)
{
    struct parser p = {.text = text, .at = text, .path = out, .fault = fault, .code = OK};
    out->node_count = out->step_count = 0;
    out->root = parse_or(&p);
    skip_space(&p);
    if (p.code == OK && *p.at) fail(&p, ERR_PARSE, "nothing more was expected");
    return p.code;
}
