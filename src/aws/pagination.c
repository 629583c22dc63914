/* aws/pagination.c - reads the tokens of the next page out of an answer. */
#include "moontide/aws/pagination.h"

#include "moontide/aws/path.h"
#include "moontide/base/hash.h"

#include <string.h>

enum { TOKEN_DEPTH_MAX = 32 };

/* ---- whether two tokens are the same ---- */

static uint64_t hash_here(struct value_reader *r, uint64_t seed, int depth);

static uint64_t hash_table(struct value_reader *r, uint64_t seed, int depth)
{
    const char *key;
    size_t len, n = r->vtable->length(r);
    seed = hash64(&n, sizeof n, seed);
    for (size_t i = 0; i < n; i++) {
        r->vtable->enter_index(r, i);
        seed = hash_here(r, seed, depth + 1);
        r->vtable->leave(r);
    }
    if (r->vtable->only_list(r)) return seed;
    r->vtable->begin_keys(r);
    for (; r->vtable->next_key(r, &key, &len); r->vtable->leave(r)) {
        if (key) seed = hash64(key, len, seed);
        seed = hash_here(r, seed, depth + 1);
    }
    return seed;
}

static uint64_t hash_here(struct value_reader *r, uint64_t seed, int depth)
{
    enum value_type type = r->vtable->type(r);
    union {
        bool boolean;
        int64_t integer;
        double number;
    } value = {.integer = 0};
    size_t len = sizeof value;
    const void *bytes = &value;
    if (depth > TOKEN_DEPTH_MAX) return seed;
    switch (type) {
    case VALUE_BOOLEAN: value.boolean = r->vtable->boolean(r); break;
    case VALUE_INTEGER: value.integer = r->vtable->integer(r); break;
    case VALUE_NUMBER: value.number = r->vtable->number(r); break;
    case VALUE_STRING: bytes = r->vtable->string(r, &len); break;
    case VALUE_TABLE: return hash_table(r, seed + 1, depth);
    default: break;
    }
    return hash64(bytes, len, seed + (uint64_t)type);
}

/* ---- the tokens of one page ---- */

struct page {
    const char *name; /* of the parameter */
    page_token_fn *token;
    void *data;
    uint64_t hash;
    bool found;
};

/* botocore: a token that is the text "None" is none. */
static bool says_none(struct value_reader *at)
{
    size_t len;
    if (at->vtable->type(at) != VALUE_STRING) return false;
    const char *text = at->vtable->string(at, &len);
    return len == 4 && memcmp(text, "None", 4) == 0;
}

static bool look(void *data, struct value_reader *at)
{
    struct page *page = data;
    if (says_none(at)) return false;
    page->hash = hash_here(at, hash64(page->name, strlen(page->name), page->hash), 0);
    page->found = true;
    return false;
}

static bool hand_over(void *data, struct value_reader *at)
{
    struct page *page = data;
    if (says_none(at)) return false;
    page->found = true;
    page->token(page->data, page->name, at);
    return false;
}

/* Shows each token that is not empty; those that are not there to `token` with NULL. */
static int each_token(const struct pagination *pagination, struct value_reader *answer,
                      struct page *page, path_show_fn *show, bool tell_absent, struct fault *fault)
{
    bool any = false;
    for (size_t i = 0; pagination->output_token[i] && pagination->input_token[i]; i++) {
        struct path path;
        int code = path_parse(pagination->output_token[i], &path, fault);
        if (code < 0) return code;
        page->name = pagination->input_token[i];
        page->found = false;
        if (path_true(&path, answer)) path_each(&path, answer, show, page);
        if (!page->found && tell_absent) page->token(page->data, page->name, NULL);
        any = any || page->found;
    }
    return any;
}

static int has_more(const struct pagination *pagination, struct value_reader *answer,
                    struct fault *fault)
{
    struct path path;
    if (!pagination->more_results) return 1;
    int code = path_parse(pagination->more_results, &path, fault);
    return code < 0 ? code : path_true(&path, answer);
}

int page_next(const struct pagination *pagination, struct value_reader *answer,
              struct page_cursor *cursor, page_token_fn *token, void *data, struct fault *fault)
{
    struct page page = {.token = token, .data = data};
    int more = has_more(pagination, answer, fault);
    if (more == 1) more = each_token(pagination, answer, &page, look, false, fault);
    if (more != 1) return more;
    if (page.hash == cursor->tokens)
        return fault_set(fault, ERR_PARSE, "the same next token was received twice");
    cursor->tokens = page.hash;
    return each_token(pagination, answer, &page, hand_over, true, fault);
}
