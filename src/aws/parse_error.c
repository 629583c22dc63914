/* aws/parse_error.c - what went wrong, by an answer that is no success.
 *
 * The code is looked for where each protocol puts it: the header x-amzn-query-error of services
 * that once spoke query, x-amzn-errortype, then the body. A body of another kind (a proxy's page)
 * still gives an error: its code is the status. */
#include "parse.h"

#include <stdio.h>
#include <string.h>

void text_copy(char *out, size_t size, const char *text, size_t len)
{
    if (len > size - 1) {
        len = size - 1;
        for (int i = 0; i < 3 && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80; i++)
            len--;
    }
    if (len > 0) memcpy(out, text, len);
    out[len] = '\0';
}

void error_code_copy(char out[160], const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    if (colon) len = (size_t)(colon - text);
    for (size_t i = len; i > 0; i--) {
        if (text[i - 1] != '#') continue;
        text += i;
        len -= i;
        break;
    }
    text_copy(out, 160, text, len);
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {301, "Moved Permanently"},  {304, "Not Modified"},
        {307, "Temporary Redirect"}, {400, "Bad Request"},
        {401, "Unauthorized"},       {403, "Forbidden"},
        {404, "Not Found"},          {405, "Method Not Allowed"},
        {409, "Conflict"},           {412, "Precondition Failed"},
        {413, "Content Too Large"},  {416, "Range Not Satisfiable"},
        {429, "Too Many Requests"},  {500, "Internal Server Error"},
        {502, "Bad Gateway"},        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].status == status) return reasons[i].reason;
    return "the answer says no more";
}

static const struct shape *find_shape(const struct parse *p, const char *code)
{
    const struct shape *const *at = p->operation->errors;
    if (!*code) return NULL;
    for (; at && *at; at++) {
        bool by_code = (*at)->error_code && strcmp((*at)->error_code, code) == 0;
        if (by_code || strcmp((*at)->name, code) == 0) return *at;
    }
    return NULL;
}

static int read_body(struct parse *p, struct error_words *words)
{
    if (p->response->body_len == 0) return ERR_PARSE;
    switch (p->protocol) {
    case PROTOCOL_JSON:
    case PROTOCOL_REST_JSON: return error_words_json(p, words);
    case PROTOCOL_CBOR: return error_words_cbor(p, words);
    default: return error_words_xml(p, words);
    }
}

/* "AWS.SimpleQueueService.NonExistentQueue;Sender" */
static void read_query_error(const struct parse *p, struct service_error *error)
{
    const char *text = parse_header(p, "x-amzn-query-error");
    if (!text) return;
    size_t len = strcspn(text, ";");
    if (len > 0) text_copy(error->code, sizeof error->code, text, len);
}

static void read_request_id(const struct parse *p, const struct error_words *words,
                            struct service_error *error)
{
    const char *id = parse_header(p, "x-amzn-requestid");
    if (!id) id = parse_header(p, "x-amz-request-id");
    if (!id) id = words->request_id;
    text_copy(error->request_id, sizeof error->request_id, id, strlen(id));
}

const struct shape *parse_error(struct parse *p)
{
    struct service_error *error = p->error;
    struct error_words words = {0};
    bool readable = read_body(p, &words) == OK;
    if (!readable) words = (struct error_words){0};
    const char *header = parse_header(p, "x-amzn-errortype");
    bool type_first = p->protocol != PROTOCOL_REST_JSON && *words.type;
    if (header && *header)
        error_code_copy(words.code, header, strlen(header));
    else if (type_first || !*words.code)
        memcpy(words.code, words.type, sizeof words.code);
    memset(error, 0, sizeof *error);
    memcpy(error->code, words.code, sizeof error->code);
    memcpy(error->message, words.message, sizeof error->message);
    const struct shape *shape = find_shape(p, words.type);
    if (!shape) shape = find_shape(p, words.code);
    if (!*error->code) {
        snprintf(error->code, sizeof error->code, "%d", p->response->status);
        if (!*error->message)
            snprintf(error->message, sizeof error->message, "%s", reason_of(p->response->status));
    }
    read_query_error(p, error);
    if (!shape) shape = find_shape(p, error->code);
    read_request_id(p, &words, error);
    error->shape = shape;
    p->in_error = true;
    return readable || (shape && shape->member_count == 0) ? shape : NULL;
}
