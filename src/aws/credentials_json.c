/* aws/credentials_json.c - credentials as containers and IMDS answer them. */
#include "moontide/base/json.h"
#include "moontide/base/timetext.h"

#include "providers.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TEXT_MAX = 8192 }; /* session tokens have no documented limit; seen: about 1,500 */

struct found {
    char id[256], secret[256], token[TEXT_MAX], expiration[64], code[64], message[256];
};

static const struct field {
    const char *name;
    size_t at, size;
} fields[] = {
#define FIELD(name, member)                                                                        \
    {                                                                                              \
        name, offsetof(struct found, member), sizeof((struct found *)0)->member                    \
    }
    FIELD("AccessKeyId", id), FIELD("SecretAccessKey", secret),
    FIELD("Token", token),    FIELD("Expiration", expiration),
    FIELD("Code", code),      FIELD("Message", message),
#undef FIELD
};

static const struct field *field_of(const struct json_reader *r)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        if (strlen(fields[i].name) == r->len && memcmp(fields[i].name, r->text, r->len) == 0)
            return &fields[i];
    return NULL;
}

static int read_object(struct json_reader *r, struct found *found)
{
    int token = json_next(r);
    if (token != JSON_OBJECT) return ERR_PARSE;
    while ((token = json_next(r)) == JSON_KEY) {
        const struct field *field = field_of(r);
        if (!field) {
            int code = json_skip(r);
            if (code < 0) return code;
            continue;
        }
        token = json_next(r);
        if (token == JSON_NULL) continue;
        if (token != JSON_STRING || r->len >= field->size || memchr(r->text, '\0', r->len))
            return ERR_PARSE;
        char *to = (char *)found + field->at;
        memcpy(to, r->text, r->len);
        to[r->len] = '\0';
    }
    return token == JSON_OBJECT_END ? OK : ERR_PARSE;
}

int credentials_from_json(const char *body, size_t len, const char *provider,
                          struct credentials **out, struct fault *fault)
{
    struct found found = {0};
    struct json_reader r;
    int64_t expires_ms = 0;
    json_reader_init(&r, body, len, TEXT_MAX);
    int code = read_object(&r, &found);
    if (code < 0) {
        code = fault_set(fault, ERR_PARSE, "its answer is not the JSON of credentials");
    } else if (found.code[0] && strcmp(found.code, "Success") != 0) {
        code = fault_set(fault, ERR_CREDENTIALS, "it answered %s: %s", found.code, found.message);
    } else if (!found.id[0] || !found.secret[0]) {
        code = fault_set(fault, ERR_PARSE, "its answer has no %s",
                         found.id[0] ? "SecretAccessKey" : "AccessKeyId");
    } else if (found.expiration[0] &&
               time_parse(found.expiration, strlen(found.expiration), &expires_ms) < 0) {
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
