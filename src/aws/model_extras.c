/* aws/model_extras.c - reads pagination and waiters. Which operation they are of is looked up once
 * all operations are there: model_link(). */
#include "model_build.h"

#include <string.h>

static int read_page_fields(struct builder *b, struct pagination *p)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "input_token"))
            code = read_names(b, &p->input_token);
        else if (KEY_IS(b, "output_token"))
            code = read_names(b, &p->output_token);
        else if (KEY_IS(b, "result_key"))
            code = read_names(b, &p->result_key);
        else if (KEY_IS(b, "more_results"))
            code = read_text(b, &p->more_results);
        else if (KEY_IS(b, "limit_key"))
            code = read_text(b, &p->limit_key);
        else
            code = read_skip(b);
    }
    return code;
}

int read_pagination(struct builder *b)
{
    static const char *const none[] = {NULL};
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        struct pagination_draft draft = {0};
        draft.operation = arena_text(b->arena, b->json.text, b->json.len);
        draft.pagination = arena_alloc(b->arena, sizeof *draft.pagination);
        if (!draft.operation || !draft.pagination) return build_no_memory(b);
        *draft.pagination = (struct pagination){none, none, none, NULL, NULL};
        code = read_page_fields(b, draft.pagination);
        if (code >= 0 && !gather_add(b, &b->paginations, &draft, sizeof draft)) code = ERR_NOMEM;
    }
    return code;
}

/* "path" in names, one of `count`; the index or a refusal. */
static int read_word(struct builder *b, const char *const *words, int count)
{
    const char *word = NULL;
    int code = read_text(b, &word);
    for (int i = 0; code >= 0 && i < count; i++)
        if (strcmp(word, words[i]) == 0) return i;
    return code < 0 ? code : build_refuse(b, "a waiter's '%s' is not known", word);
}

static int read_acceptor(struct builder *b, struct acceptor *out)
{
    static const char *const matchers[] = {"status", "error", "path", "pathAll", "pathAny"};
    static const char *const states[] = {"success", "failure", "retry"};
    int code = OK, matcher = -1, state = -1;
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "matcher"))
            code = matcher = read_word(b, matchers, (int)COUNT_OF(matchers));
        else if (KEY_IS(b, "state"))
            code = state = read_word(b, states, (int)COUNT_OF(states));
        else if (KEY_IS(b, "argument"))
            code = read_text(b, &out->argument);
        else if (KEY_IS(b, "expected"))
            code = read_raw(b, &out->expected);
        else
            code = read_skip(b);
    }
    if (code < 0) return code;
    if (matcher < 0 || state < 0 || !out->expected || (matcher >= MATCH_PATH && !out->argument))
        return build_refuse(b, "at byte %zu: half an acceptor", json_offset(&b->json));
    out->matcher = (enum waiter_matcher)matcher;
    out->state = (enum waiter_state)state;
    return OK;
}

static int read_acceptors(struct builder *b, struct waiter *waiter)
{
    int token = json_next(&b->json);
    b->acceptors.count = 0;
    if (token != JSON_ARRAY) return build_refuse(b, "%s: acceptors are a list", waiter->name);
    while ((token = json_next(&b->json)) == JSON_OBJECT) {
        struct acceptor acceptor = {0};
        int code = read_acceptor(b, &acceptor);
        if (code < 0) return code;
        if (!gather_add(b, &b->acceptors, &acceptor, sizeof acceptor)) return ERR_NOMEM;
    }
    if (token != JSON_ARRAY_END)
        return build_refuse(b, "%s: an acceptor is an object", waiter->name);
    size_t size = b->acceptors.count * sizeof(struct acceptor);
    struct acceptor *list = arena_alloc(b->arena, size);
    if (!list) return build_no_memory(b);
    if (size) memcpy(list, b->acceptors.items, size);
    waiter->acceptors = list;
    waiter->acceptor_count = (uint32_t)b->acceptors.count;
    return OK;
}

int read_waiters(struct builder *b)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        struct waiter_draft draft = {.waiter = {.delay_s = 5, .max_attempts = 40}};
        struct waiter *waiter = &draft.waiter;
        char snake[SNAKE_MAX];
        waiter->name = arena_text(b->arena, b->json.text, b->json.len);
        if (!waiter->name) return build_no_memory(b);
        snake_case(waiter->name, snake);
        waiter->snake = arena_text(b->arena, snake, strlen(snake));
        if (!waiter->snake) return build_no_memory(b);
        code = read_object(b);
        while (code >= 0 && (code = read_key(b)) > 0) {
            if (KEY_IS(b, "operation"))
                code = read_text(b, &draft.operation);
            else if (KEY_IS(b, "delay"))
                code = read_int(b, &waiter->delay_s);
            else if (KEY_IS(b, "maxAttempts"))
                code = read_int(b, &waiter->max_attempts);
            else if (KEY_IS(b, "acceptors"))
                code = read_acceptors(b, waiter);
            else
                code = read_skip(b);
        }
        if (code >= 0 && !gather_add(b, &b->waiters, &draft, sizeof draft)) code = ERR_NOMEM;
    }
    return code;
}
