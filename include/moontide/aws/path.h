/* aws/path.h - the part of JMESPath that paginators and waiters use, over somebody else's values.
 *
 *   expression = or;  or = and {"||" and};  and = compare {"&&" compare}
 *   compare    = unary [("==" | "!=" | ">" | ">=" | "<" | "<=") unary];  unary = ["!"] primary
 *   primary    = path | literal | "length(" or ")" | "contains(" or "," or ")" | "(" or ")"
 *   path       = ("@" | name | "*" | bracket) {"." (name | "*") | bracket}
 *   bracket    = "[]" | "[*]" | "[" integer "]" | "[?" or "]"
 *   literal    = "`" JSON scalar "`" | "'" text "'"
 *
 * That is all that occurs in the paginators and waiters of botocore 1.43. Only scalars are
 * compared. Source: the JMESPath specification, jmespath.org.
 *
 * A path is walked, never copied: each value that it leads to is shown where it stands. */
#ifndef MOONTIDE_AWS_PATH_H
#define MOONTIDE_AWS_PATH_H

#include "moontide/aws/value.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATH_NODES_MAX = 64, PATH_STEPS_MAX = 64, PATH_TEXT_MAX = 64 * 1024 };

enum path_kind {
    PATH_WALK,
    PATH_LITERAL,
    PATH_OR,
    PATH_AND,
    PATH_NOT,
    PATH_COMPARE,
    PATH_LENGTH,
    PATH_CONTAINS,
};
enum path_comparison { PATH_EQ, PATH_NE, PATH_GT, PATH_GE, PATH_LT, PATH_LE };
enum path_step_kind {
    STEP_NAME,
    STEP_INDEX,    /* [0], [-1] */
    STEP_FLATTEN,  /* [] */
    STEP_ELEMENTS, /* [*] */
    STEP_VALUES,   /* * */
    STEP_FILTER,   /* [?...] */
};

/* A value of its own, not a table's. Text lies in a buffer, at text_at. */
struct path_scalar {
    enum value_type type;
    bool boolean;
    double number;
    size_t text_at, text_len;
};

struct path_step {
    enum path_step_kind kind;
    bool after_projection;
    const char *name;
    size_t len;
    int64_t index;
    uint8_t filter; /* node */
};
struct path_node {
    enum path_kind kind;
    enum path_comparison comparison;
    uint8_t left, right;            /* nodes */
    uint8_t first_step, step_count; /* PATH_WALK */
    bool projection;                /* PATH_WALK: leads to a list of values */
    const char *literal;            /* text of a string, escapes not resolved */
    size_t literal_len;
    struct path_scalar scalar; /* other literals */
};
/* Plain data. The text of the expression is borrowed for the life of it. */
struct path {
    struct path_node nodes[PATH_NODES_MAX];
    struct path_step steps[PATH_STEPS_MAX];
    uint8_t node_count, step_count, root;
};

/* ERR_PARSE with the offset; ERR_LIMIT: too many parts. */
MUST_CHECK int path_parse(const char *text, struct path *out, struct fault *fault);

/* Whether the whole is a projection: its value is a list, and path_each() shows its elements. */
bool path_is_projection(const struct path *path);

/* Shows each value that the path leads to: the reader stands on it. Absent values and null are
 * none. `show` answers false to end the walk. Only for paths and "a || b" of them; of anything else
 * there is nothing to stand on. */
typedef bool path_show_fn(void *data, struct value_reader *at);
void path_each(const struct path *path, struct value_reader *r, path_show_fn *show, void *data);

/* The truth of the whole, as JMESPath has it: absent, null, false, "", {} and [] are false. */
bool path_true(const struct path *path, struct value_reader *r);
/* The value of the whole; a table's type alone. Text goes to `text` (initialised; appended to).
 * ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK int path_value(const struct path *path, struct value_reader *r, struct strbuf *text,
                          struct path_scalar *out);
/* The value on which the reader stands. */
MUST_CHECK int path_scalar_read(struct value_reader *r, struct strbuf *text,
                                struct path_scalar *out);
/* Whether both are the same boolean, number or text, or both nothing. */
bool path_scalar_equal(const struct path_scalar *a, const struct path_scalar *b,
                       const struct strbuf *text);

#endif
