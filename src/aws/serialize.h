/* aws/serialize.h - parameters on their way into a request: what the writers of the protocols
 * share.
 *
 *   serialize.c           the door: host prefix, tokens, protocol, compression, checksum
 *   serialize_check.c     every parameter is checked before the first byte is written
 *   serialize_text.c      single values as texts: numbers, timestamps, base64, percent-encoding
 *   serialize_json.c      json 1.0 and 1.1; bodies of rest-json; documents
 *   serialize_cbor.c      rpc-v2-cbor
 *   serialize_query.c     query and ec2
 *   serialize_xml.c       bodies of rest-xml
 *   serialize_rest.c      URI, query string, headers and payload of rest-json and rest-xml
 *   serialize_checksum.c  checksum headers
 *
 * The writers trust what the check let through: types fit, lists are lists, required ones are
 * there. They write into strbufs, whose failures stick, and are asked once at the end. */
#ifndef MOONTIDE_AWS_SERIALIZE_H
#define MOONTIDE_AWS_SERIALIZE_H

#include "moontide/aws/protocol.h"
#include "moontide/base/json.h"

#include <string.h>

enum { TOKEN_MAX = 37, COMPRESS_FROM_BYTES = 10240 /* botocore's request_min_compression_size */ };

struct serializer {
    const struct model *model;
    const struct operation *op;
    struct value_reader *in;
    struct wire_request *out;
    struct fault *fault;
    struct strbuf text;    /* scratch for one value as text */
    char token[TOKEN_MAX]; /* for an idempotency token that was not given; "" when there is none */
};

/* Where in the parameters: a list from the inside out, on the stack. */
struct step {
    const struct step *up; /* NULL: the parameters themselves */
    const char *name;      /* NULL: an index */
    size_t len, index;     /* of name; from 0 */
};

/* "describe_services: parameter services[2]: <format>". Returns ERR_INVALID. */
int serialize_refuse(struct serializer *s, const struct step *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

int serialize_check(struct serializer *s);

int serialize_json(struct serializer *s);
int serialize_cbor(struct serializer *s);
int serialize_query(struct serializer *s);
int serialize_rest(struct serializer *s);
int serialize_checksum(struct serializer *s);

/* Bodies of the REST protocols, into s->out->body. root: the input, of which only the members that
 * belong to the body are written, or (payload) the member that is the whole body. */
void write_json_body(struct serializer *s, const struct member *root, bool payload);
void write_xml_body(struct serializer *s, const struct member *root, bool payload);
/* The current value as JSON, whatever it is. */
void write_json_document(struct serializer *s, struct json_writer *w);

/* A member of the current table. PRESENT: leave it afterwards. TOKEN: none was given, and s->token
 * takes its place (of the input's own members only: top). */
enum presence { ABSENT, PRESENT, TOKEN };
enum presence enter_member(struct serializer *s, const struct member *member, bool top);

/* The current value. */
int64_t value_integer(struct value_reader *in); /* of an integer, or a number that is whole */
double value_number(struct value_reader *in);
/* ERR_INVALID: not a time, or not within years 1 to 9999. */
int value_micros(struct value_reader *in, int64_t *out);

/* Texts */
void put_timestamp(struct strbuf *out, int64_t micros, enum timestamp_format format);
/* NaN and infinities by name. */
void put_double(struct strbuf *out, double value);
void put_base64(struct strbuf *out, const void *bytes, size_t len);
/* Everything but A-Z a-z 0-9 - . _ ~ and, with keep_slash, /. */
void put_percent(struct strbuf *out, const char *text, size_t len, bool keep_slash);
bool is_utf8(const char *text, size_t len);

struct span {
    const char *at;
    size_t len;
};
/* Empties s->text for the next value. */
void fresh_text(struct serializer *s);
/* The current scalar as text; in s->text or the caller's own string. `format` when the member says
 * none. */
struct span value_text(struct serializer *s, const struct member *member,
                       enum timestamp_format format);

static inline struct span token_text(const struct serializer *s)
{
    return (struct span){s->token, strlen(s->token)};
}

#endif
