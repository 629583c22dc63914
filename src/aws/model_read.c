/* aws/model_read.c - reads the documents of a service: their top level, metadata and operations. */
#include "model_build.h"
#include "model_gzip.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failures and the reading of single values. */

int build_refuse(struct builder *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fault_set(b->fault, ERR_INVALID, "the model of %s: %s", b->service, text);
}

int build_no_memory(struct builder *b)
{
    bool full = b->arena->bytes + b->scratch.bytes > MODEL_ARENA_MAX / 2;
    return full ? fault_set(b->fault, ERR_LIMIT, "the model of %s is too large", b->service)
                : fault_set(b->fault, ERR_NOMEM, "the model of %s: out of memory", b->service);
}

static int malformed(struct builder *b, int code, const char *expected)
{
    if (code >= 0) code = ERR_PARSE;
    if (code == ERR_NOMEM) return build_no_memory(b);
    return fault_set(b->fault, code, "the model of %s: at byte %zu: %s", b->service,
                     json_offset(&b->json),
                     code == ERR_LIMIT ? "nested too deep, or a text is too long" : expected);
}

int read_object(struct builder *b)
{
    int token = json_next(&b->json);
    return token == JSON_OBJECT ? OK : malformed(b, token, "an object was expected");
}

int read_key(struct builder *b)
{
    int token = json_next(&b->json);
    if (token == JSON_KEY) return 1;
    return token == JSON_OBJECT_END ? 0 : malformed(b, token, "it is not JSON");
}

int read_skip(struct builder *b)
{
    int code = json_skip(&b->json);
    return code < 0 ? malformed(b, code, "it is not JSON") : OK;
}

int read_text(struct builder *b, const char **out)
{
    int token = json_next(&b->json);
    if (token != JSON_STRING) return malformed(b, token, "a text was expected");
    *out = arena_text(b->arena, b->json.text, b->json.len);
    return *out ? OK : build_no_memory(b);
}

int read_bool(struct builder *b, bool *out)
{
    int token = json_next(&b->json);
    if (token != JSON_TRUE && token != JSON_FALSE)
        return malformed(b, token, "true or false was expected");
    *out = token == JSON_TRUE;
    return OK;
}

int read_int(struct builder *b, int *out)
{
    int token = json_next(&b->json);
    if (token != JSON_INT || b->json.integer < 0 || b->json.integer > INT32_MAX)
        return malformed(b, token, "a whole number was expected");
    *out = (int)b->json.integer;
    return OK;
}

int read_names(struct builder *b, const char *const **out)
{
    struct json_reader *r = &b->json;
    int token = json_next(r);
    bool list = token == JSON_ARRAY;
    b->names.count = 0;
    if (list) token = json_next(r);
    while (token == JSON_STRING) {
        const char *text = arena_text(b->arena, r->text, r->len);
        if (!text) return build_no_memory(b);
        if (!gather_add(b, &b->names, &text, sizeof text)) return ERR_NOMEM;
        if (!list) break;
        token = json_next(r);
    }
    if (token != (list ? JSON_ARRAY_END : JSON_STRING))
        return malformed(b, token, "a text or a list of texts was expected");
    size_t size = b->names.count * sizeof(char *);
    const char **names = arena_alloc(b->arena, size + sizeof(char *));
    if (!names) return build_no_memory(b);
    if (size) memcpy(names, b->names.items, size);
    *out = names;
    return OK;
}

int read_raw(struct builder *b, const char **out)
{
    const char *from = b->json.at;
    int code = read_skip(b);
    if (code < 0) return code;
    while (from < b->json.at && isspace((unsigned char)*from))
        from++;
    *out = arena_text(b->arena, from, (size_t)(b->json.at - from));
    return *out ? OK : build_no_memory(b);
}

void *gather_add(struct builder *b, struct gather *g, const void *item, size_t size)
{
    if (g->count == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 64;
        void *grown = realloc(g->items, cap * size);
        if (!grown) {
            build_no_memory(b);
            return NULL;
        }
        g->items = grown;
        g->cap = cap;
    }
    return memcpy((char *)g->items + g->count++ * size, item, size);
}

/* Metadata. */

static uint32_t protocol_bit(const char *name, size_t len)
{
    enum protocol_kind kind;
    bool known = protocol_by_name(name, len, &kind); /* not: one that came after us */
    return known ? 1u << kind : 0;
}

static int read_protocols(struct builder *b, bool list)
{
    struct model *model = &b->box->model;
    int token = json_next(&b->json);
    uint32_t bits = 0;
    if (list && token != JSON_ARRAY) return malformed(b, token, "a list was expected");
    if (list) token = json_next(&b->json);
    while (token == JSON_STRING) {
        bits |= protocol_bit(b->json.text, b->json.len);
        if (!list) break;
        token = json_next(&b->json);
    }
    if (token != (list ? JSON_ARRAY_END : JSON_STRING)) return malformed(b, token, "a protocol");
    if (list || !b->says_protocols) model->protocols = bits;
    b->says_protocols = b->says_protocols || list;
    return OK;
}

static int read_metadata(struct builder *b)
{
    struct model *model = &b->box->model;
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "serviceId")) {
            code = read_text(b, &model->service_id);
        } else if (KEY_IS(b, "endpointPrefix")) {
            code = read_text(b, &model->endpoint_prefix);
        } else if (KEY_IS(b, "signingName")) {
            code = read_text(b, &model->signing_name);
        } else if (KEY_IS(b, "globalEndpoint")) {
            code = read_text(b, &model->global_endpoint);
        } else if (KEY_IS(b, "targetPrefix")) {
            code = read_text(b, &model->target_prefix);
        } else if (KEY_IS(b, "jsonVersion")) {
            code = read_text(b, &model->json_version);
        } else if (KEY_IS(b, "apiVersion")) {
            code = read_text(b, &model->api_version);
        } else if (KEY_IS(b, "xmlNamespace")) {
            code = read_text(b, &model->xml_namespace);
        } else if (KEY_IS(b, "protocol")) {
            code = read_protocols(b, false);
        } else if (KEY_IS(b, "protocols")) {
            code = read_protocols(b, true);
        } else {
            if (KEY_IS(b, "awsQueryCompatible")) model->query_compatible = true;
            code = read_skip(b);
        }
    }
    return code;
}

/* Operations. */

static int read_http(struct builder *b, struct operation *op)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "method"))
            code = read_text(b, &op->method);
        else if (KEY_IS(b, "requestUri"))
            code = read_text(b, &op->uri);
        else if (KEY_IS(b, "responseCode"))
            code = read_int(b, &op->success_status);
        else
            code = read_skip(b);
    }
    return code;
}

/* input or output: a reference that stands by itself. */
static int read_root(struct builder *b, struct operation *op, bool input)
{
    struct member root = {0};
    int code = read_member(b, &root);
    if (code < 0) return code;
    struct member *kept = arena_alloc(b->arena, sizeof *kept);
    if (!kept) return build_no_memory(b);
    *kept = root;
    if (input) {
        op->input_root = kept;
        op->input = root.shape;
    } else {
        op->output_root = kept;
        op->output = root.shape;
        op->result_wrapper = root.query_name; /* read_member() keeps resultWrapper there */
        kept->query_name = NULL;
    }
    return OK;
}

static int read_errors(struct builder *b, struct operation *op)
{
    int token = json_next(&b->json);
    b->names.count = 0;
    if (token != JSON_ARRAY) return malformed(b, token, "a list was expected");
    while ((token = json_next(&b->json)) == JSON_OBJECT) {
        int code;
        const struct shape *shape = NULL;
        while ((code = read_key(b)) > 0) {
            if (!KEY_IS(b, "shape")) {
                code = read_skip(b);
            } else if ((code = json_next(&b->json)) != JSON_STRING) {
                code = malformed(b, code, "a text was expected");
            } else {
                struct draft *draft = build_shape(b, b->json.text, b->json.len);
                if (!draft) return ERR_NOMEM;
                shape = draft->shape;
            }
            if (code < 0) return code;
        }
        if (code < 0) return code;
        if (!shape) return malformed(b, ERR_PARSE, "an error without a shape");
        if (!gather_add(b, &b->names, &shape, sizeof(void *))) return ERR_NOMEM;
    }
    if (token != JSON_ARRAY_END) return malformed(b, token, "an error was expected");
    const struct shape **list = arena_alloc(b->arena, (b->names.count + 1) * sizeof *list);
    if (!list) return build_no_memory(b);
    if (b->names.count) memcpy(list, b->names.items, b->names.count * sizeof *list);
    op->errors = list;
    return OK;
}

static int read_endpoint(struct builder *b, struct operation *op)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0)
        code = KEY_IS(b, "hostPrefix") ? read_text(b, &op->host_prefix) : read_skip(b);
    return code;
}

static int read_checksum(struct builder *b, struct operation_draft *draft)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "requestAlgorithmMember"))
            code = read_text(b, &draft->checksum_member);
        else if (KEY_IS(b, "requestChecksumRequired"))
            code = read_bool(b, &draft->operation.checksum_required);
        else
            code = read_skip(b);
    }
    return code;
}

/* authtype "none" or "v4-unsigned-body"; auth ["smithy.api#noAuth"]. */
static int read_auth(struct builder *b, struct operation *op)
{
    const char *const *names = NULL;
    int code = read_names(b, &names);
    if (code < 0 || !names[0]) return code;
    if (strcmp(names[0], "none") == 0 || strcmp(names[0], "smithy.api#noAuth") == 0)
        op->no_auth = true;
    if (strcmp(names[0], "v4-unsigned-body") == 0) op->unsigned_payload = true;
    return OK;
}

static int read_operation_field(struct builder *b, struct operation_draft *draft)
{
    struct operation *op = &draft->operation;
    if (KEY_IS(b, "http")) return read_http(b, op);
    if (KEY_IS(b, "input")) return read_root(b, op, true);
    if (KEY_IS(b, "output")) return read_root(b, op, false);
    if (KEY_IS(b, "errors")) return read_errors(b, op);
    if (KEY_IS(b, "endpoint")) return read_endpoint(b, op);
    if (KEY_IS(b, "auth") || KEY_IS(b, "authtype")) return read_auth(b, op);
    if (KEY_IS(b, "readonly")) return read_bool(b, &op->read_only);
    if (KEY_IS(b, "unsignedPayload")) return read_bool(b, &op->unsigned_payload);
    if (KEY_IS(b, "httpChecksumRequired")) return read_bool(b, &op->checksum_required);
    if (KEY_IS(b, "httpChecksum")) return read_checksum(b, draft);
    if (KEY_IS(b, "requestcompression")) op->compress = true;
    return read_skip(b);
}

static int read_operations(struct builder *b)
{
    static const struct shape *const none[] = {NULL};
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        struct operation_draft draft = {.operation = {.method = "POST", .uri = "/"}};
        draft.operation.errors = none;
        draft.operation.success_status = 200;
        draft.operation.name = arena_text(b->arena, b->json.text, b->json.len);
        if (!draft.operation.name) return build_no_memory(b);
        code = read_object(b);
        while (code >= 0 && (code = read_key(b)) > 0)
            code = read_operation_field(b, &draft);
        if (code >= 0 && !gather_add(b, &b->operations, &draft, sizeof draft)) code = ERR_NOMEM;
    }
    return code;
}

/* Documents. */

static int read_top(struct builder *b)
{
    int code = read_object(b);
    while (code >= 0 && (code = read_key(b)) > 0) {
        if (KEY_IS(b, "metadata"))
            code = read_metadata(b);
        else if (KEY_IS(b, "operations"))
            code = read_operations(b);
        else if (KEY_IS(b, "shapes"))
            code = read_shapes(b);
        else if (KEY_IS(b, "pagination"))
            code = read_pagination(b);
        else if (KEY_IS(b, "waiters"))
            code = read_waiters(b);
        else
            code = read_skip(b);
    }
    if (code < 0) return code;
    int token = json_next(&b->json);
    return token == JSON_END ? OK : malformed(b, token, "nothing may follow");
}

static int read_document(struct builder *b, const struct model_text *text)
{
    char *plain = NULL;
    const char *bytes = text->bytes;
    size_t len = text->len;
    if (gzip_is(bytes, len)) {
        int code = gzip_inflate(bytes, len, MODEL_BYTES_MAX, &plain, &len);
        if (code < 0)
            return fault_set(b->fault, code, "the model of %s cannot be unpacked", b->service);
        bytes = plain;
    }
    if (len > MODEL_BYTES_MAX) {
        free(plain);
        return fault_set(b->fault, ERR_LIMIT, "the model of %s: %zu bytes, the limit is %d",
                         b->service, len, MODEL_BYTES_MAX);
    }
    json_reader_init(&b->json, bytes, len, MODEL_BYTES_MAX);
    int code = read_top(b);
    json_reader_done(&b->json);
    free(plain);
    return code;
}

int model_read_texts(const char *service, const struct model_text *texts, size_t count,
                     struct model **out, struct fault *fault)
{
    struct builder b = {.service = service, .fault = fault};
    int code = OK;
    b.box = calloc(1, sizeof *b.box);
    if (!b.box) return fault_set(fault, ERR_NOMEM, "the model of %s: out of memory", service);
    b.box->references = 1;
    b.arena = &b.box->arena;
    arena_init(b.arena, MODEL_ARENA_MAX);
    arena_init(&b.scratch, MODEL_ARENA_MAX);
    b.box->model.service = arena_text(b.arena, service, strlen(service));
    if (!b.box->model.service) code = build_no_memory(&b);
    for (size_t i = 0; code >= 0 && i < count; i++)
        code = read_document(&b, &texts[i]);
    if (code >= 0) code = model_link(&b);
    if (code >= 0) {
        b.box->model.bytes = b.arena->bytes;
        *out = &b.box->model;
    } else {
        model_release(&b.box->model);
    }
    struct gather *lists[] = {&b.names,       &b.member_list, &b.operations,
                              &b.paginations, &b.waiters,     &b.acceptors};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        free(lists[i]->items);
    free(b.slots);
    arena_done(&b.scratch);
    return code < 0 ? code : OK;
}

int model_read(const char *service, const char *bytes, size_t len, struct model **out,
               struct fault *fault)
{
    struct model_text text = {bytes, len};
    return model_read_texts(service, &text, 1, out, fault);
}
