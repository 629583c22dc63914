/* aws/parse_json.c - bodies of the json and rest-json protocols, read by the model in one pass.
 *
 * The reader's tokens go straight to the writer; the only text that is stored is one with escapes,
 * in the caller's scratch, until the next. Depth is bounded by the reader. */
#include "moontide/base/json.h"

#include "parse.h"

#include <string.h>

enum {
    AFTER_MAX = 256, /* powers of two */
    FIRST_MAX = 64,
    GUESSING_MIN_BYTES = 2048, /* below that clearing the guesses is not worth it */
};

/* Which member comes next: by the index of a member the one that came after it, by that of a
 * structure's first member the one that came first. The structures of a list look alike, so a name
 * mostly need not be read and looked for, but only compared. */
struct guesses {
    const struct member *after[AFTER_MAX], *first[FIRST_MAX];
};

static int put_value(struct parse *p, struct json_reader *r, int token,
                     const struct member *member);

static int fail(struct parse *p, const struct json_reader *r, int code)
{
    if (code == ERR_NOMEM) return fault_set(p->fault, code, "out of memory");
    return fault_set(p->fault, code, "the JSON answer is wrong at byte %zu of %zu: %s",
                     json_offset(r), (size_t)(r->end - r->begin), err_text(code));
}

/* A value that the model does not describe. */
static int put_free(struct parse *p, struct json_reader *r, int token)
{
    const struct value_writer_vtable *out = p->out->vtable;
    int depth = 0;
    for (;; token = json_next(r)) {
        switch (token) {
        case JSON_OBJECT:
        case JSON_ARRAY:
            out_begin(p, token == JSON_ARRAY);
            depth++;
            break;
        case JSON_OBJECT_END:
        case JSON_ARRAY_END:
            out_end(p);
            depth--;
            break;
        case JSON_KEY: out_name(p, r->text, r->len); continue;
        case JSON_STRING: out_string(p, r->text, r->len); break;
        case JSON_INT: out->integer(p->out, r->integer); break;
        case JSON_NUMBER: out->number(p->out, r->number); break;
        case JSON_TRUE:
        case JSON_FALSE: out->boolean(p->out, token == JSON_TRUE); break;
        case JSON_NULL: out->null(p->out); break;
        default: return token < 0 ? token : ERR_PARSE;
        }
        if (depth == 0) return OK;
    }
}

/* Where the member after `last` (NULL: the first) is guessed from. */
static const struct member **guess_at(struct parse *p, const struct shape *shape,
                                      const struct member *last)
{
    if (!p->guesses || shape->member_count == 0) return NULL;
    return last ? &p->guesses->after[last->index % AFTER_MAX]
                : &p->guesses->first[shape->members->index % FIRST_MAX];
}

/* Takes the next key when it is the member's; that may be one of another structure. */
static inline bool take_guess(struct json_reader *r, const struct shape *shape,
                              const struct member *guess)
{
    return guess && guess >= shape->members && guess < shape->members + shape->member_count &&
           json_take_key(r, guess->location_name, guess->location_name_len);
}

/* The member that the key is, and what there is to guess the next time. */
static const struct member *find_member(struct parse *p, const struct json_reader *r,
                                        const struct shape *shape, const struct member **guess)
{
    const struct member *member = parse_member(p, shape, r->text, r->len);
    if (member && guess && json_plain(member->location_name, member->location_name_len))
        *guess = member;
    return member;
}

/* The next member that the model knows, after *member (NULL: the first): 1, with its value next;
 * 0: the object has ended. */
static inline int next_member(struct parse *p, struct json_reader *r, const struct shape *shape,
                              const struct member **member)
{
    const struct member **guess = guess_at(p, shape, *member);
    if (guess && take_guess(r, shape, *guess)) {
        *member = *guess;
        return 1;
    }
    int token;
    while ((token = json_next(r)) == JSON_KEY) {
        const struct member *found = find_member(p, r, shape, guess);
        if (found) {
            *member = found;
            return 1;
        }
        int code = json_skip(r);
        if (code < 0) return code;
    }
    return token < 0 ? token : 0;
}

/* The object has been opened; null says the same as no member. */
static int put_members(struct parse *p, struct json_reader *r, const struct shape *shape)
{
    const struct member *member = NULL;
    int code;
    while ((code = next_member(p, r, shape, &member)) > 0) {
        int token = json_next(r);
        if (token == JSON_NULL) continue;
        if (token < 0) return token;
        out_key(p, member);
        code = put_value(p, r, token, member);
        if (code < 0) return code;
    }
    return code;
}

static int put_list(struct parse *p, struct json_reader *r, const struct member *item)
{
    int token;
    out_begin(p, true);
    while ((token = json_next(r)) != JSON_ARRAY_END) {
        int code = token < 0 ? token : put_value(p, r, token, item);
        if (code < 0) return code;
    }
    out_end(p);
    return OK;
}

static int put_map(struct parse *p, struct json_reader *r, const struct member *value)
{
    int token;
    out_begin(p, false);
    while ((token = json_next(r)) == JSON_KEY) {
        out_name(p, r->text, r->len);
        token = json_next(r);
        int code = token < 0 ? token : put_value(p, r, token, value);
        if (code < 0) return code;
    }
    out_end(p);
    return token < 0 ? token : OK;
}

static int put_string(struct parse *p, const struct json_reader *r, const struct member *member)
{
    double value;
    switch (member->shape->type) {
    case SHAPE_BLOB: put_blob(p, r->text, r->len); break;
    case SHAPE_TIMESTAMP: put_time_text(p, r->text, r->len); break;
    case SHAPE_FLOAT:
        if (float_word(r->text, r->len, &value))
            p->out->vtable->number(p->out, value);
        else
            out_string(p, r->text, r->len);
        break;
    default: out_string(p, r->text, r->len); break;
    }
    return OK;
}

static int put_number(struct parse *p, const struct json_reader *r, int token,
                      const struct member *member)
{
    enum shape_type type = member->shape->type;
    if (type == SHAPE_TIMESTAMP)
        put_time(p, r->number);
    else if (token == JSON_INT && type != SHAPE_FLOAT)
        p->out->vtable->integer(p->out, r->integer);
    else if (type == SHAPE_INTEGER && r->number > -0x1p63 && r->number < 0x1p63 &&
             (double)(int64_t)r->number == r->number)
        p->out->vtable->integer(p->out, (int64_t)r->number);
    else
        p->out->vtable->number(p->out, r->number);
    return OK;
}

static int put_value(struct parse *p, struct json_reader *r, int token, const struct member *member)
{
    const struct shape *shape = member->shape;
    int code;
    switch (token) {
    case JSON_STRING: return put_string(p, r, member);
    case JSON_INT:
    case JSON_NUMBER: return put_number(p, r, token, member);
    case JSON_OBJECT:
        if (shape->type == SHAPE_MAP) return put_map(p, r, shape->item);
        if (shape->type != SHAPE_STRUCTURE) return put_free(p, r, token);
        out_begin(p, false);
        code = put_members(p, r, shape);
        if (code == OK) out_end(p);
        return code;
    case JSON_ARRAY:
        return shape->type == SHAPE_LIST ? put_list(p, r, shape->item) : put_free(p, r, token);
    default: return put_free(p, r, token);
    }
}

static void open_body(struct parse *p, struct json_reader *r)
{
    strbuf_reset(p->scratch);
    json_reader_borrow(r, p->response->body, p->response->body_len, p->scratch);
}

int parse_json_members(struct parse *p, const struct shape *shape)
{
    struct json_reader r;
    struct guesses guesses;
    if (p->response->body_len == 0) return OK;
    if (p->response->body_len >= GUESSING_MIN_BYTES) {
        memset(&guesses, 0, sizeof guesses);
        p->guesses = &guesses;
    }
    open_body(p, &r);
    int code = json_next(&r);
    if (code == JSON_OBJECT)
        code = put_members(p, &r, shape);
    else if (code >= 0)
        code = code == JSON_NULL ? OK : ERR_PARSE;
    if (code == OK) code = json_next(&r);
    p->guesses = NULL;
    return code < 0 ? fail(p, &r, code) : OK;
}

int parse_json_payload(struct parse *p, const struct member *member)
{
    struct json_reader r;
    open_body(p, &r);
    int token = json_next(&r);
    int code = token < 0 ? token : put_value(p, &r, token, member);
    if (code == OK) code = json_next(&r);
    return code < 0 ? fail(p, &r, code) : OK;
}

int parse_json_document(struct parse *p, const char *text, size_t len)
{
    struct json_reader r;
    struct strbuf *decoded = p->scratch;
    strbuf_reset(decoded);
    json_reader_borrow(&r, text, len, decoded);
    int token = json_next(&r);
    int code = token < 0 ? token : put_free(p, &r, token);
    if (code == OK) code = json_next(&r);
    return code < 0 ? fail(p, &r, code) : OK;
}

/* ---- errors ---- */

static bool key_is(const struct json_reader *r, const char *name)
{
    return strlen(name) == r->len && memcmp(name, r->text, r->len) == 0;
}

static int read_words(struct json_reader *r, struct error_words *words)
{
    int token = json_next(r);
    if (token != JSON_OBJECT) return token < 0 ? token : ERR_PARSE;
    while ((token = json_next(r)) == JSON_KEY) {
        bool type = key_is(r, "__type");
        bool code = key_is(r, "code") || key_is(r, "Code");
        bool message = key_is(r, "message") || key_is(r, "Message") || key_is(r, "errorMessage");
        bool id = key_is(r, "requestId") || key_is(r, "RequestId");
        if (!type && !code && !message && !id) {
            int skipped = json_skip(r);
            if (skipped < 0) return skipped;
            continue;
        }
        token = json_next(r);
        if (token == JSON_OBJECT || token == JSON_ARRAY) {
            int skipped = json_skip(r);
            if (skipped < 0) return skipped;
        }
        if (token < 0) return token;
        if (token != JSON_STRING) continue;
        if (type) error_code_copy(words->type, r->text, r->len);
        if (code) error_code_copy(words->code, r->text, r->len);
        if (message && !*words->message)
            text_copy(words->message, sizeof words->message, r->text, r->len);
        if (id) text_copy(words->request_id, sizeof words->request_id, r->text, r->len);
    }
    return token < 0 ? token : OK;
}

int error_words_json(struct parse *p, struct error_words *words)
{
    struct json_reader r;
    open_body(p, &r);
    int code = read_words(&r, words);
    if (code == OK) code = json_next(&r);
    return code < 0 ? ERR_PARSE : OK;
}
