/* aws/model_protocol.c - the protocols of a model: their names, the one that is spoken, and whether
 * an answer is one of it. */
#include "model_build.h"
#include "moontide/aws/protocol.h"

#include <stdlib.h>
#include <string.h>

/* The best one first. */
static const struct {
    const char *name; /* as models spell it */
    enum protocol_kind kind;
} protocols[] = {
    {"smithy-rpc-v2-cbor", PROTOCOL_CBOR},
    {"json", PROTOCOL_JSON},
    {"rest-json", PROTOCOL_REST_JSON},
    {"rest-xml", PROTOCOL_REST_XML},
    {"query", PROTOCOL_QUERY},
    {"ec2", PROTOCOL_EC2},
};

bool protocol_by_name(const char *name, size_t len, enum protocol_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (strlen(protocols[i].name) != len || memcmp(protocols[i].name, name, len) != 0) continue;
        *out = protocols[i].kind;
        return true;
    }
    return false;
}

const char *protocol_name(enum protocol_kind kind)
{
    size_t i = 0;
    while (protocols[i].kind != kind)
        i++;
    return protocols[i].name;
}

bool protocol_best(uint32_t bits, enum protocol_kind *out)
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (!(bits & 1u << protocols[i].kind)) continue;
        *out = protocols[i].kind;
        return true;
    }
    return false;
}

bool model_next_protocol(const struct model *model, enum protocol_kind *out)
{
    uint32_t bits = model->protocols;
    enum protocol_kind kind;
    while (protocol_best(bits, &kind)) {
        bits &= ~(1u << kind);
        if (kind == model->protocol) return protocol_best(bits, out);
    }
    return false;
}

/* A face of its own upon the same arena, which the other box keeps. */
int model_in_protocol(struct model *model, enum protocol_kind kind, struct model **out)
{
    bool target = kind == PROTOCOL_JSON || kind == PROTOCOL_CBOR;
    if (!(model->protocols & 1u << kind) || (target && !model->target_prefix))
        return ERR_UNSUPPORTED;
    struct model_box *box = calloc(1, sizeof *box);
    if (!box) return ERR_NOMEM;
    box->model = *model;
    box->model.protocol = kind;
    box->references = 1;
    box->base = model_retain(model);
    *out = &box->model;
    return OK;
}

static const char *header_of(const struct wire_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0) return response->headers[i].value;
    return "";
}

/* Some servers (moto) send JSON without saying so. */
static bool begins_with(const struct wire_response *response, char c)
{
    size_t i = 0;
    while (i < response->body_len && strchr(" \t\r\n", response->body[i]))
        i++;
    return i < response->body_len && response->body[i] == c;
}

bool protocol_speaks(enum protocol_kind kind, const struct wire_response *response)
{
    const char *type = header_of(response, "content-type");
    switch (kind) {
    case PROTOCOL_CBOR: return *header_of(response, "smithy-protocol") != '\0';
    case PROTOCOL_JSON: return strcasestr(type, "json") || begins_with(response, '{');
    case PROTOCOL_QUERY:
    case PROTOCOL_EC2: return strcasestr(type, "xml") != NULL;
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML: break; /* whose bodies may be anything */
    }
    return true;
}
