/* aws/protocol.h - the wire protocols of AWS: parameters to a request, an answer to a result, by
 * the model.
 *
 * query, ec2, json 1.0 and 1.1, rest-json, rest-xml, smithy rpc-v2-cbor; one file each, both ways.
 * Pure. Sources: the Smithy 2.0 specification, "AWS protocols" (awsQuery, ec2Query, awsJson1_0,
 * awsJson1_1, restJson1, restXml) and "Smithy RPC v2 CBOR". */
#ifndef MOONTIDE_AWS_PROTOCOL_H
#define MOONTIDE_AWS_PROTOCOL_H

#include "moontide/aws/model.h"
#include "moontide/aws/value.h"
#include "moontide/base/compiler.h"
#include "moontide/base/err.h"
#include "moontide/base/strbuf.h"
#include "moontide/io/http.h"

enum { WIRE_HEADERS_MAX = 128, WIRE_BODY_MAX = 64 * 1024 * 1024, WIRE_DEPTH_MAX = 128 };

/* A request before signing. Initialise once, reset for each; the memory is kept. */
struct wire_request {
    const char *method;
    struct strbuf uri;         /* path, percent-encoded, then "?query" when there is one */
    struct strbuf host_prefix; /* "" when none */
    struct strbuf body;
    struct strbuf header_text;               /* private: names and values, NUL-separated */
    uint32_t header_at[WIRE_HEADERS_MAX][2]; /* offsets into header_text */
    size_t header_count;
    bool unsigned_payload;
};
void wire_request_init(struct wire_request *request);
void wire_request_reset(struct wire_request *request);
void wire_request_done(struct wire_request *request);
const char *wire_header_name(const struct wire_request *request, size_t i);
const char *wire_header_value(const struct wire_request *request, size_t i);
/* Sets (replaces, case-insensitively) a header. ERR_LIMIT, ERR_INVALID (a newline). */
MUST_CHECK int wire_set_header(struct wire_request *request, const char *name, const char *value,
                               size_t len);

struct serialize_options {
    /* Fills members that are idempotency tokens and were not given: a UUID. NULL: leave them out.
     */
    void (*token)(void *data, char out[37]);
    void *data;
};
/* Checks every parameter first: ERR_INVALID names the path, what was expected, and the nearest
 * known name: "describe_services: parameter services[2]: a string was expected, not a number". */
MUST_CHECK int protocol_serialize(const struct model *model, const struct operation *operation,
                                  struct value_reader *params,
                                  const struct serialize_options *options, struct wire_request *out,
                                  struct fault *fault);

/* An answer. Headers have lower-case names. */
struct wire_response {
    int status;
    const struct http_header *headers;
    size_t header_count;
    const char *body;
    size_t body_len;
};

/* Whether it is an answer of somebody who speaks that protocol, by its headers and first bytes: an
 * endpoint that knows another one alone sends something else. */
bool protocol_speaks(enum protocol_kind kind, const struct wire_response *response);

struct service_error {
    char code[160], message[2048], request_id[128];
    const struct shape *shape; /* of the modelled error, or NULL */
};

/* 2xx: writes the result (a table) through `result` and answers OK. Otherwise reads the error,
 * writes its modelled fields as a table through `result`, and answers ERR_HTTP with *error filled.
 * ERR_PARSE: *fault says where. scratch holds decoded strings; the caller owns it, as the writer
 * may leave by longjmp. */
MUST_CHECK int protocol_parse(const struct model *model, const struct operation *operation,
                              const struct wire_response *response, struct value_writer *result,
                              struct strbuf *scratch, struct service_error *error,
                              struct fault *fault);

#endif
