/* aws/credentials_json.c - credentials as JSON: of containers, IMDS, processes and the SSO portal.
 */
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include "providers.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 8192 }; /* session tokens have no documented limit; seen: about 1,500 */

struct found {
    char id[256], secret[256], token[TEXT_MAX], expiration[64], code[64], message[256], version[8];
};

struct field {
    const char *name;
    size_t at, size;
};

#define FIELD(name, member)                                                                        \
    {                                                                                              \
        name, offsetof(struct found, member), sizeof((struct found *)0)->member                    \
    }
static const struct field of_metadata[] = {
    FIELD("AccessKeyId", id),
    FIELD("SecretAccessKey", secret),
    FIELD("Token", token),
    FIELD("Expiration", expiration),
    FIELD("Code", code),
    FIELD("Message", message),
    {NULL, 0, 0},
};
static const struct field of_process[] = {
    FIELD("Version", version),    FIELD("AccessKeyId", id),        FIELD("SecretAccessKey", secret),
    FIELD("SessionToken", token), FIELD("Expiration", expiration), {NULL, 0, 0},
};
static const struct field of_sso[] = {
    FIELD("accessKeyId", id),        FIELD("secretAccessKey", secret), FIELD("sessionToken", token),
    FIELD("expiration", expiration), FIELD("message", message),        {NULL, 0, 0},
};
#undef FIELD
static const struct field *const fields[] = {of_metadata, of_process, of_sso};

static const struct field *field_of(const struct json_reader *r, const struct field *field)
{
    for (; field->name; field++)
        if (strlen(field->name) == r->len && memcmp(field->name, r->text, r->len) == 0)
            return field;
    return NULL;
}

static int keep(struct json_reader *r, int token, const struct field *field, struct found *found)
{
    char *to = (char *)found + field->at;
    if (token == JSON_NULL) return OK;
    if (token == JSON_INT) {
        int n = snprintf(to, field->size, "%lld", (long long)r->integer);
        return n > 0 && (size_t)n < field->size ? OK : ERR_PARSE;
    }
    if (token != JSON_STRING || r->len >= field->size || memchr(r->text, '\0', r->len))
        return ERR_PARSE;
    memcpy(to, r->text, r->len);
    to[r->len] = '\0';
    return OK;
}

static int read_object(struct json_reader *r, const struct field *known, struct found *found)
{
    int code = OK, token = json_next(r);
    if (token != JSON_OBJECT) return ERR_PARSE;
    while (code >= 0 && (token = json_next(r)) == JSON_KEY) {
        const struct field *field = field_of(r, known);
        code = field ? keep(r, json_next(r), field, found) : json_skip(r);
    }
    if (code < 0) return code;
    return token == JSON_OBJECT_END ? OK : ERR_PARSE;
}

static int read_inside(struct json_reader *r, const char *name, const struct field *known,
                       struct found *found)
{
    int code = OK, token = json_next(r);
    if (token != JSON_OBJECT) return ERR_PARSE;
    while (code >= 0 && (token = json_next(r)) == JSON_KEY)
        code = r->len == strlen(name) && memcmp(r->text, name, r->len) == 0
                   ? read_object(r, known, found)
                   : json_skip(r);
    if (code < 0) return code;
    return token == JSON_OBJECT_END ? OK : ERR_PARSE;
}

static int read_expiration(const struct found *found, enum credentials_shape shape, int64_t *out_ms)
{
    char *end;
    if (!found->expiration[0]) return OK;
    if (shape != CREDENTIALS_OF_SSO)
        return time_parse(found->expiration, strlen(found->expiration), out_ms);
    *out_ms = strtoll(found->expiration, &end, 10);
    return *end ? ERR_PARSE : OK;
}

int credentials_from_json(const char *body, size_t len, enum credentials_shape shape,
                          const char *provider, struct credentials **out, struct fault *fault)
{
    struct found found = {0};
    struct json_reader r;
    int64_t expires_ms = 0;
    json_reader_init(&r, body, len, TEXT_MAX);
    int code = shape == CREDENTIALS_OF_SSO
                   ? read_inside(&r, "roleCredentials", fields[shape], &found)
                   : read_object(&r, fields[shape], &found);
    if (code < 0) {
        code = fault_set(fault, ERR_PARSE, "its answer is not the JSON of credentials");
    } else if (shape == CREDENTIALS_OF_PROCESS && strcmp(found.version, "1") != 0) {
        code = fault_set(fault, ERR_VERSION, "its answer has no Version 1");
    } else if (found.code[0] && strcmp(found.code, "Success") != 0) {
        code = fault_set(fault, ERR_CREDENTIALS, "it answered %s: %s", found.code, found.message);
    } else if (!found.id[0] || !found.secret[0]) {
        code = fault_set(fault, ERR_PARSE, "its answer has no %s",
                         found.id[0] ? "SecretAccessKey" : "AccessKeyId");
    } else if (read_expiration(&found, shape, &expires_ms) < 0) {
        code = fault_set(fault, ERR_PARSE, "its Expiration is not a time");
    } else {
        code =
            credentials_new(found.id, found.secret, found.token, expires_ms / 1000, provider, out);
        if (code < 0) fault_set(fault, code, "out of memory");
    }
    if (r.scratch.data) OPENSSL_cleanse(r.scratch.data, r.scratch.cap);
    json_reader_done(&r);
    OPENSSL_cleanse(&found, sizeof found);
    return code;
}
