/* aws/sts_answer.c - what STS answers, read by expat.
 *
 *   <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>... (or ...WithWebIdentity...)
 *   <ErrorResponse><Error><Code>, <Message>
 *
 * Only the last three names of the path are looked at: they tell all fields apart. */
#include "sts.h"

#include "moontide/base/timetext.h"

#include "xml.h"

#include <openssl/crypto.h>
#include <string.h>

enum { DEPTH_MAX = 32, TEXT_MAX = 8192 };

struct answer {
    struct xml_reading reading;
    int depth;
    bool in_credentials, in_error; /* at depth 3, at depth 2 */
    struct strbuf text;
    char id[256], secret[256], token[TEXT_MAX], expiration[64], error_code[128], message[512];
};

/* Without the namespace's prefix. */
static const char *local(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static void begins(void *data, const char *name, const char **attributes)
{
    struct answer *a = data;
    (void)attributes;
    if (a->reading.code < 0) return;
    if (a->depth == DEPTH_MAX) {
        xml_stop(&a->reading, ERR_LIMIT, "it is nested too deeply");
        return;
    }
    a->depth++;
    if (a->depth == 3) a->in_credentials = strcmp(local(name), "Credentials") == 0;
    if (a->depth == 2) a->in_error = strcmp(local(name), "Error") == 0;
    strbuf_reset(&a->text);
}

static void keep(struct answer *a, char *to, size_t size, bool cut)
{
    size_t len = a->text.len;
    if (len >= size && !cut) {
        xml_stop(&a->reading, ERR_LIMIT, "a field of it is too long");
        return;
    }
    if (len >= size) len = size - 1;
    memcpy(to, strbuf_cstr(&a->text), len);
    to[len] = '\0';
}

static void ends(void *data, const char *name)
{
    struct answer *a = data;
    if (a->reading.code < 0) return;
    if (strbuf_status(&a->text) < 0) {
        xml_stop(&a->reading, strbuf_status(&a->text), "a text of it is too long");
        return;
    }
    name = local(name);
    if (a->depth == 4 && a->in_credentials) {
        if (strcmp(name, "AccessKeyId") == 0) keep(a, a->id, sizeof a->id, false);
        if (strcmp(name, "SecretAccessKey") == 0) keep(a, a->secret, sizeof a->secret, false);
        if (strcmp(name, "SessionToken") == 0) keep(a, a->token, sizeof a->token, false);
        if (strcmp(name, "Expiration") == 0) keep(a, a->expiration, sizeof a->expiration, false);
    }
    if (a->depth == 3 && a->in_error) {
        if (strcmp(name, "Code") == 0) keep(a, a->error_code, sizeof a->error_code, true);
        if (strcmp(name, "Message") == 0) keep(a, a->message, sizeof a->message, true);
    }
    a->depth--;
    strbuf_reset(&a->text);
}

static void text_comes(void *data, const char *text, int len)
{
    struct answer *a = data;
    strbuf_add(&a->text, text, (size_t)len);
}

static int read_xml(struct answer *a, const char *body, size_t len)
{
    if (len > STS_ANSWER_MAX) return ERR_LIMIT;
    a->reading = (struct xml_reading){.begins = begins, .ends = ends, .text_comes = text_comes};
    strbuf_init(&a->text, TEXT_MAX);
    int code = xml_read(&a->reading, body, len);
    if (a->text.data) OPENSSL_cleanse(a->text.data, a->text.cap);
    strbuf_done(&a->text);
    return code;
}

static int take(const struct answer *a, const char *provider, struct credentials **out,
                struct fault *fault)
{
    int64_t expires_ms = 0;
    if (!a->id[0] || !a->secret[0] || !a->token[0])
        return fault_set(fault, ERR_PARSE, "the answer has no %s",
                         !a->id[0]       ? "AccessKeyId"
                         : !a->secret[0] ? "SecretAccessKey"
                                         : "SessionToken");
    if (time_parse(a->expiration, strlen(a->expiration), &expires_ms) < 0)
        return fault_set(fault, ERR_PARSE, "the answer's Expiration is not a time");
    int code = credentials_new(a->id, a->secret, a->token, expires_ms / 1000, provider, out);
    return code < 0 ? fault_set(fault, code, "out of memory") : OK;
}

/* The identity provider could not be asked: documented as worth another try. */
static bool transient(int status, const char *code)
{
    return status >= 500 || status == 429 || strcmp(code, "IDPCommunicationError") == 0 ||
           strcmp(code, "Throttling") == 0 || strcmp(code, "ThrottlingException") == 0 ||
           strcmp(code, "RequestLimitExceeded") == 0;
}

static int refused(const struct answer *a, int status, bool *retry, struct fault *fault)
{
    bool again = transient(status, a->error_code);
    bool expired = strcmp(a->error_code, "ExpiredToken") == 0 ||
                   strcmp(a->error_code, "ExpiredTokenException") == 0 ||
                   strcmp(a->error_code, "InvalidClientTokenId") == 0;
    int code = again ? ERR_SERVER : expired ? ERR_EXPIRED : ERR_CREDENTIALS;
    if (retry) *retry = again;
    if (!a->error_code[0]) return fault_set(fault, code, "the answer was %d", status);
    return fault_set(fault, code, "%s%s%s", a->error_code, a->message[0] ? ": " : "", a->message);
}

int sts_parse(int status, const char *body, size_t len, const char *provider,
              struct credentials **out, bool *retry, struct fault *fault)
{
    struct answer a = {0};
    if (retry) *retry = false;
    int code = read_xml(&a, body, len);
    if (code == ERR_NOMEM)
        fault_set(fault, code, "out of memory");
    else if (status != 200)
        code = refused(&a, status, retry, fault);
    else if (code < 0)
        fault_set(fault, code, "the answer cannot be read: %s",
                  a.reading.error ? a.reading.error : err_text(code));
    else
        code = take(&a, provider, out, fault);
    OPENSSL_cleanse(&a, sizeof a);
    return code;
}
