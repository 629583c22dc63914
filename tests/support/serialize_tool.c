/* support/serialize_tool.c - requests as moontide writes them, for tests in other languages.
 *
 * A line of standard input:    { "service": NAME, "operation": NAME, "params": {...}, "model": PATH
 * } A line of standard output:   { "method", "uri", "host_prefix", "headers": [[name, value], ...],
 *                                "body": BASE64 } or { "error": TEXT }
 *
 * "model" is optional. Idempotency tokens are 00000000-0000-4000-8000-000000000000. */
#include "moontide/aws/model.h"
#include "moontide/aws/protocol.h"
#include "moontide/base/json.h"
#include "support/json_value.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS_MAX = 512, OUT_MAX = 256 * 1024 * 1024 };

struct known {
    char *key;
    struct model *model;
};
static struct known models[MODELS_MAX];

static void token(void *data, char out[37])
{
    (void)data;
    strcpy(out, "00000000-0000-4000-8000-000000000000");
}

/* The models stay: a test asks for many operations of one. */
static struct model *find_model(const char *service, const char *path, struct fault *fault)
{
    const char *key = path ? path : service;
    size_t i = 0;
    for (; i < MODELS_MAX && models[i].key; i++)
        if (strcmp(models[i].key, key) == 0) return models[i].model;
    if (i == MODELS_MAX || model_load(service, path, &models[i].model, fault) < 0) return NULL;
    models[i].key = strdup(key);
    return models[i].model;
}

static char *text_field(struct value_reader *r, const char *name)
{
    size_t len;
    if (!r->vtable->enter_member(r, name, strlen(name))) return NULL;
    char *copy = r->vtable->type(r) == VALUE_STRING ? strdup(r->vtable->string(r, &len)) : NULL;
    r->vtable->leave(r);
    return copy;
}

static void put_error(struct strbuf *out, const char *text)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "error");
    json_string(&w, text);
    json_object_end(&w);
}

static void put_request(struct strbuf *out, const struct wire_request *request)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object(&w);
    json_key(&w, "method");
    json_string(&w, request->method);
    json_key(&w, "uri");
    json_string(&w, strbuf_cstr(&request->uri));
    json_key(&w, "host_prefix");
    json_string(&w, strbuf_cstr(&request->host_prefix));
    json_key(&w, "headers");
    json_array(&w);
    for (size_t i = 0; i < request->header_count; i++) {
        json_array(&w);
        json_string(&w, wire_header_name(request, i));
        json_string(&w, wire_header_value(request, i));
        json_array_end(&w);
    }
    json_array_end(&w);
    json_key(&w, "body");
    size_t len = request->body.len;
    char *base64 = malloc((len + 2) / 3 * 4 + 1);
    if (!base64) abort();
    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)strbuf_cstr(&request->body),
                    (int)len);
    json_string(&w, base64);
    free(base64);
    json_object_end(&w);
}

static void answer(struct value_reader *line, struct wire_request *request, struct strbuf *out)
{
    static const struct serialize_options options = {token, NULL};
    struct fault fault = {0};
    char *service = text_field(line, "service"), *operation = text_field(line, "operation");
    char *path = text_field(line, "model");
    struct model *model = service ? find_model(service, path, &fault) : NULL;
    const struct operation *op = model && operation ? model_operation(model, operation) : NULL;
    if (!op) {
        put_error(out, fault.text[0] ? fault.text : "no such operation");
    } else if (!line->vtable->enter_member(line, "params", 6)) {
        put_error(out, "no params");
    } else {
        int code = protocol_serialize(model, op, line, &options, request, &fault);
        if (code < 0)
            put_error(out, fault.text);
        else
            put_request(out, request);
        line->vtable->leave(line);
    }
    free(service);
    free(operation);
    free(path);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    struct wire_request request;
    struct strbuf out;
    wire_request_init(&request);
    strbuf_init(&out, OUT_MAX);
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct json_value *value = NULL;
        strbuf_reset(&out);
        if (json_value_new(line, (size_t)n, &value) < 0)
            put_error(&out, "the line is not JSON");
        else
            answer(json_value_reader(value), &request, &out);
        if (value && !json_value_is_home(value)) abort(); /* somebody forgot to leave */
        json_value_free(value);
        puts(strbuf_cstr(&out));
        fflush(stdout);
    }
    free(line);
    strbuf_done(&out);
    wire_request_done(&request);
    for (size_t i = 0; i < MODELS_MAX && models[i].key; i++) {
        model_release(models[i].model);
        free(models[i].key);
    }
    return 0;
}
