/* aws/model.h - a service as data: operations, shapes, wire names.
 *
 * A model is read from JSON of the shape of botocore's service-2.json (documentation left out),
 * with two more top-level members: "pagination" (of paginators-1.json) and "waiters" (of
 * waiters-2.json). Those of the built-in services ship inside the binary, written by
 * scripts/dev/make-models; others are found where botocore or the AWS CLI is installed, or named by
 * path (plain or .gz). Unknown members are skipped; references, types and bounds are checked, so
 * that a model that loads is safe to use.
 *
 * One arena holds all of it; immutable once loaded; shared by reference count. */
#ifndef MOONTIDE_AWS_MODEL_H
#define MOONTIDE_AWS_MODEL_H

#include "moontide/base/compiler.h"
#include "moontide/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_BYTES_MAX = 64 * 1024 * 1024 }; /* EC2's is 10 MiB with its documentation */

enum shape_type {
    SHAPE_STRUCTURE,
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_STRING,
    SHAPE_INTEGER, /* integer, long, short, byte: up to 64 bits */
    SHAPE_FLOAT,   /* float and double */
    SHAPE_BOOLEAN,
    SHAPE_BLOB,
    SHAPE_TIMESTAMP,
    SHAPE_DOCUMENT, /* free JSON */
};

enum timestamp_format { TIMESTAMP_DEFAULT, TIMESTAMP_ISO8601, TIMESTAMP_UNIX, TIMESTAMP_RFC822 };

enum member_location {
    LOCATION_BODY,
    LOCATION_HEADER,
    LOCATION_HEADERS, /* a map: each key after the prefix location_name is a header */
    LOCATION_URI,
    LOCATION_QUERYSTRING,
    LOCATION_STATUS_CODE,
};

struct shape;

/* What a member does not say itself (locationName, timestampFormat, xmlNamespace, flattened,
 * streaming, jsonvalue) it has from its shape, as botocore has it. */
struct member {
    const char *name;          /* as the caller spells it */
    const char *location_name; /* on the wire; never NULL: defaults to name */
    const char *query_name;    /* queryName of the ec2 protocol, or NULL */
    const struct shape *shape;
    const char *xml_namespace, *xml_prefix; /* NULL: none */
    uint32_t index;                         /* unique in the model, from 0: for caches of keys */
    uint16_t name_len, location_name_len;
    enum member_location location;
    enum timestamp_format timestamp_format;
    bool has_location_name; /* it was said, not defaulted */
    bool required, flattened, xml_attribute, idempotency_token, host_label, json_value, streaming;
};

struct shape {
    const char *name;
    enum shape_type type;
    struct member *members; /* structure: shape members[member_count], in the model's order */
    uint32_t member_count;
    const struct member *payload;                      /* structure: its payload member, or NULL */
    const struct member *item;                         /* list's member; map's value: not NULL */
    const struct member *key;                          /* map's key, a string: not NULL */
    const char *const *enum_values;                    /* string: ends with NULL; NULL when free */
    const char *xml_namespace, *xml_prefix, *xml_name; /* xmlNamespace; locationName of the shape */
    const char *error_code; /* of an exception: error.code, or its name */
    int error_status;       /* of an exception: error.httpStatusCode, or 0 */
    enum timestamp_format timestamp_format;
    bool flattened, is_union, exception, sensitive, wrapper, fault_of_sender;
    bool single;                /* a float of 32 bits */
    bool sparse;                /* a list or map that may hold nulls */
    bool event_stream;          /* a structure whose members come as a stream of events */
    bool streaming, json_value; /* for members that do not say */
    const uint16_t *by_name, *by_location_name; /* private: shape_member(), shape_wire_member() */
    uint32_t slot_mask;
};

struct pagination {
    /* Each list ends with NULL; texts are JMESPath-like paths of dots ("NextToken",
     * "Reservations"). */
    const char *const *input_token, *const *output_token, *const *result_key; /* never NULL */
    const char *more_results, *limit_key;                                     /* may be NULL */
};

enum waiter_matcher { MATCH_STATUS, MATCH_ERROR, MATCH_PATH, MATCH_PATH_ALL, MATCH_PATH_ANY };
enum waiter_state { WAITER_SUCCESS, WAITER_FAILURE, WAITER_RETRY };
struct acceptor {
    enum waiter_matcher matcher;
    enum waiter_state state;
    const char *argument; /* the path; NULL for status and error */
    const char *expected; /* as JSON text */
};
struct waiter {
    const char *name;  /* "ServicesStable" */
    const char *snake; /* "services_stable" */
    const struct operation *operation;
    int delay_s, max_attempts;
    const struct acceptor *acceptors;
    uint32_t acceptor_count;
};

struct operation {
    const char *name;                   /* "DescribeServices" */
    const char *snake;                  /* "describe_services" */
    const char *method, *uri;           /* "POST", "/v1/{id}/{key+}?fixed=1" */
    const struct shape *input, *output; /* NULL: none */
    const struct member *input_root,
        *output_root; /* locationName, xmlNamespace, resultWrapper's carriers; may be NULL */
    const char *result_wrapper;           /* query: "XResult", or NULL */
    const struct shape *const *errors;    /* ends with NULL */
    const char *host_prefix;              /* "data-" or "{Account}.", or NULL */
    const struct pagination *pagination;  /* or NULL */
    int success_status;                   /* 200 unless said */
    const struct member *checksum_member; /* of input: names the checksum's algorithm, or NULL */
    bool unsigned_payload, no_auth, checksum_required;
    bool compress;     /* a large body goes gzip'ed */
    bool event_stream; /* input or output is one: such an operation cannot be called */
    bool read_only;    /* it says so, or by its verb: Get, List, Describe ... */
};

enum protocol_kind {
    PROTOCOL_QUERY,
    PROTOCOL_EC2,
    PROTOCOL_JSON,
    PROTOCOL_REST_JSON,
    PROTOCOL_REST_XML,
    PROTOCOL_CBOR
};

struct model {
    const char *service;         /* as asked for: "ecs" */
    const char *service_id;      /* "ECS", "Application Auto Scaling" */
    const char *endpoint_prefix; /* "monitoring" */
    const char *signing_name;
    const char *global_endpoint; /* or NULL */
    const char *target_prefix;   /* X-Amz-Target before the dot, or NULL */
    const char *json_version;    /* "1.0", "1.1" */
    const char *api_version, *xml_namespace;
    enum protocol_kind protocol;        /* the one that is spoken: the best of `protocols`, unless
                                           model_in_protocol() chose another one */
    uint32_t protocols;                 /* bits by enum protocol_kind */
    bool query_compatible;              /* awsQueryCompatible: error codes come in a header */
    const struct operation *operations; /* shape: operations[operation_count], sorted by snake */
    uint32_t operation_count;
    const struct waiter *waiters;
    uint32_t waiter_count;
    uint32_t member_count; /* one more than the largest member.index */
    size_t bytes;          /* of the arena */
};

/* Reads a model from JSON text (gzip is told by its first bytes). service names it in messages.
 * ERR_PARSE with the offset, ERR_INVALID (a reference to a shape that is not there, a cycle of
 * wrappers, ...), ERR_LIMIT. */
MUST_CHECK int model_read(const char *service, const char *bytes, size_t len, struct model **out,
                          struct fault *fault);
/* By name: a built-in, else where botocore or the AWS CLI keeps theirs (the places are in the fault
 * when there is none: ERR_NOT_FOUND, with the nearest known name). path: NULL, or the file to read.
 * Blocking file work. */
MUST_CHECK int model_load(const char *service, const char *path, struct model **out,
                          struct fault *fault);
struct model *model_retain(struct model *model);
void model_release(struct model *model); /* NULL is allowed */

/* The names of protocols, as models spell them. */
const char *protocol_name(enum protocol_kind kind);
bool protocol_by_name(const char *name, size_t len, enum protocol_kind *out);
/* The best of a set of them; false: it is empty. */
bool protocol_best(uint32_t bits, enum protocol_kind *out);
/* The next best of the model after the one that is spoken; false: there is none. */
bool model_next_protocol(const struct model *model, enum protocol_kind *out);
/* The same service by another of its protocols; operations and shapes are the same objects. *model
 * is retained by *out, which the caller releases. ERR_UNSUPPORTED: not one of its protocols;
 * ERR_NOMEM. */
MUST_CHECK int model_in_protocol(struct model *model, enum protocol_kind kind, struct model **out);

/* By snake_case or by the model's own spelling; NULL when there is none. */
const struct operation *model_operation(const struct model *model, const char *name);
const struct waiter *model_waiter(const struct model *model, const char *name);
/* A structure's member by its name, and by its name on the wire; NULL when there is none. A hash
 * look-up. */
const struct member *shape_member(const struct shape *shape, const char *name, size_t len);
const struct member *shape_wire_member(const struct shape *shape, const char *name, size_t len);

enum { SNAKE_MAX = 160 };
/* The snake_case of an operation's name, as boto3 spells its methods (botocore's xform_name()). A
 * name that does not fit is cut. */
void snake_case(const char *name, char out[SNAKE_MAX]);

/* Names of the built-in services, ending with NULL. */
extern const char *const model_builtin_names[];

#endif
