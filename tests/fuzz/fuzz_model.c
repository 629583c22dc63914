/* fuzz/fuzz_model.c - a line of JSON as parameters, the rest as a service model: what loads must be
 * whole, and every operation of it takes the parameters or refuses them. */
#include "moontide/aws/model.h"
#include "moontide/aws/protocol.h"
#include "support/json_value.h"
#include "target.h"

static void walk_shape(const struct model *model, const struct shape *shape)
{
    for (uint32_t i = 0; shape->type == SHAPE_STRUCTURE && i < shape->member_count; i++) {
        const struct member *m = &shape->members[i];
        fuzz_require(m->index < model->member_count && m->location_name && m->shape);
        fuzz_require(strlen(m->name) == m->name_len);
        fuzz_require(shape_member(shape, m->name, m->name_len) == m);
        fuzz_require(shape_wire_member(shape, m->location_name, m->location_name_len) != NULL);
        fuzz_require(m->shape->type != SHAPE_LIST || m->shape->item->shape);
        fuzz_require(m->shape->type != SHAPE_MAP || m->shape->key->shape->type == SHAPE_STRING);
    }
}

static void walk(const struct model *model)
{
    for (uint32_t i = 0; i < model->operation_count; i++) {
        const struct operation *op = &model->operations[i];
        fuzz_require(model_operation(model, op->snake) != NULL);
        fuzz_require(strlen(op->snake) < SNAKE_MAX);
        if (op->input) walk_shape(model, op->input);
        if (op->output) walk_shape(model, op->output);
        for (const struct shape *const *error = op->errors; *error; error++)
            walk_shape(model, *error);
    }
    for (uint32_t i = 0; i < model->waiter_count; i++)
        fuzz_require(model->waiters[i].operation && model_waiter(model, model->waiters[i].snake));
}

static void serialize(const struct model *model, struct json_value *params)
{
    struct wire_request request;
    wire_request_init(&request);
    for (uint32_t i = 0; i < model->operation_count; i++) {
        struct fault fault = {0};
        int code = protocol_serialize(model, &model->operations[i], json_value_reader(params), NULL,
                                      &request, &fault);
        fuzz_require(code == OK || (fault.code == code && fault.text[0]));
        fuzz_require(json_value_is_home(params));
        for (size_t h = 0; h < request.header_count; h++)
            fuzz_require(!strpbrk(wire_header_value(&request, h), "\r\n"));
        fuzz_require(code < 0 || !strpbrk(strbuf_cstr(&request.uri), "\r\n"));
    }
    wire_request_done(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct model *model = NULL;
    struct json_value *params = NULL;
    struct fault fault = {0};
    char *line = fuzz_line(&bytes, &len);
    if (!line || json_value_new(line, strlen(line), &params) < 0) {
        free(line);
        return 0;
    }
    char *text = fuzz_copy(bytes, len);
    int code = model_read("fuzz", text, len, &model, &fault);
    free(text); /* nothing of it may be used any more */
    free(line);
    fuzz_require((code == OK) == (model != NULL) && (code == OK || fault.text[0]));
    if (model) {
        walk(model);
        serialize(model, params);
    }
    model_release(model);
    json_value_free(params);
    return 0;
}
