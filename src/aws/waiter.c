/* aws/waiter.c - asks the acceptors of a waiter about one answer; the first that fits decides. */
#include "moontide/aws/waiter.h"

#include "moontide/aws/path.h"
#include "moontide/base/json.h"

#include <string.h>

/* The expected value, JSON text, as a scalar; a text goes to `text`. */
static int read_expected(const struct acceptor *acceptor, struct strbuf *text,
                         struct path_scalar *out, struct fault *fault)
{
    struct json_reader r;
    json_reader_init(&r, acceptor->expected, strlen(acceptor->expected), PATH_TEXT_MAX);
    int token = json_next(&r), code = OK;
    *out = (struct path_scalar){.type = VALUE_NULL};
    switch (token) {
    case JSON_STRING:
        *out = (struct path_scalar){.type = VALUE_STRING, .text_at = text->len, .text_len = r.len};
        strbuf_add(text, r.text, r.len);
        code = strbuf_status(text);
        break;
    case JSON_INT:
    case JSON_NUMBER: *out = (struct path_scalar){VALUE_NUMBER, .number = r.number}; break;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = (struct path_scalar){VALUE_BOOLEAN, .boolean = token == JSON_TRUE};
        break;
    case JSON_NULL: break;
    default:
        code = fault_set(fault, ERR_PARSE, "an acceptor expects %.200s, which is no scalar",
                         acceptor->expected);
    }
    json_reader_done(&r);
    return code;
}

/* ---- paths ---- */

struct match {
    struct strbuf *text;
    const struct path_scalar *expected;
    size_t seen, equal;
    int code;
};

static bool compare(void *data, struct value_reader *at)
{
    struct match *match = data;
    struct path_scalar here;
    size_t mark = match->text->len;
    match->code = path_scalar_read(at, match->text, &here);
    if (match->code < 0) return false;
    match->seen++;
    match->equal += path_scalar_equal(&here, match->expected, match->text);
    match->text->len = mark;
    return true;
}

/* A path that is no projection leads to one list, whose elements count. */
static bool compare_elements(void *data, struct value_reader *at)
{
    if (at->vtable->type(at) != VALUE_TABLE) return false;
    size_t n = at->vtable->length(at);
    for (size_t i = 0; i < n; i++) {
        at->vtable->enter_index(at, i);
        bool on = compare(data, at);
        at->vtable->leave(at);
        if (!on) return false;
    }
    return false;
}

static int matches_path(const struct acceptor *acceptor, struct value_reader *result,
                        const struct path_scalar *expected, struct strbuf *text,
                        struct fault *fault)
{
    struct path path;
    struct path_scalar value;
    struct match match = {text, expected, 0, 0, OK};
    int code = path_parse(acceptor->argument, &path, fault);
    if (code < 0) return code;
    if (acceptor->matcher == MATCH_PATH) {
        code = path_value(&path, result, text, &value);
        return code < 0 ? code : path_scalar_equal(&value, expected, text);
    }
    path_each(&path, result, path_is_projection(&path) ? compare : compare_elements, &match);
    if (match.code < 0) return match.code;
    return acceptor->matcher == MATCH_PATH_ALL ? match.seen > 0 && match.equal == match.seen
                                               : match.equal > 0;
}

/* ---- errors ---- */

/* Codes are compared bare: "com.example#Code" is "Code". */
static bool matches_error(const char *code, const struct path_scalar *expected,
                          const struct strbuf *text)
{
    bool failed = code && code[0];
    if (expected->type == VALUE_BOOLEAN) return failed == expected->boolean;
    if (!failed || expected->type != VALUE_STRING) return false;
    const char *hash = strchr(code, '#');
    if (hash) code = hash + 1;
    return strlen(code) == expected->text_len &&
           memcmp(strbuf_cstr(text) + expected->text_at, code, expected->text_len) == 0;
}

/* 1, 0, or the failure. */
static int matches(const struct acceptor *acceptor, const struct waiter_answer *answer,
                   struct strbuf *text, struct fault *fault)
{
    struct path_scalar expected;
    int code = read_expected(acceptor, text, &expected, fault);
    if (code < 0) return code;
    switch (acceptor->matcher) {
    case MATCH_STATUS:
        return expected.type == VALUE_NUMBER && answer->status == (int)expected.number;
    case MATCH_ERROR: return matches_error(answer->error_code, &expected, text);
    case MATCH_PATH:
    case MATCH_PATH_ALL:
    case MATCH_PATH_ANY: break;
    }
    if (!answer->result) return 0;
    return matches_path(acceptor, answer->result, &expected, text, fault);
}

int waiter_judge(const struct waiter *waiter, const struct waiter_answer *answer,
                 enum waiter_state *out, struct fault *fault)
{
    struct strbuf text;
    int code = 0;
    strbuf_init(&text, 2 * PATH_TEXT_MAX);
    *out = answer->error_code && answer->error_code[0] ? WAITER_FAILURE : WAITER_RETRY;
    for (uint32_t i = 0; i < waiter->acceptor_count && code == 0; i++) {
        strbuf_reset(&text);
        code = matches(&waiter->acceptors[i], answer, &text, fault);
        if (code == 1) *out = waiter->acceptors[i].state;
    }
    strbuf_done(&text);
    return code < 0 ? code : OK;
}
