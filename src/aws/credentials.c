/* aws/credentials.c - credentials as shared, counted texts that are wiped at the end. */
#include "moontide/aws/credentials.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void wipe(char *text)
{
    if (text) OPENSSL_cleanse(text, strlen(text));
    free(text);
}

static void destroy(struct credentials *c)
{
    wipe(c->access_key_id);
    wipe(c->secret_access_key);
    wipe(c->session_token);
    free(c);
}

int credentials_new(const char *access_key_id, const char *secret_access_key,
                    const char *session_token, int64_t expires_s, const char *provider,
                    struct credentials **out)
{
    struct credentials *c = calloc(1, sizeof *c);
    if (!c) return ERR_NOMEM;
    c->access_key_id = strdup(access_key_id);
    c->secret_access_key = strdup(secret_access_key);
    if (session_token && session_token[0]) c->session_token = strdup(session_token);
    c->expires_s = expires_s;
    c->provider = provider;
    c->refs = 1;
    if (!c->access_key_id || !c->secret_access_key ||
        (session_token && session_token[0] && !c->session_token)) {
        destroy(c);
        return ERR_NOMEM;
    }
    *out = c;
    return OK;
}

struct credentials *credentials_retain(struct credentials *credentials)
{
    credentials->refs++;
    return credentials;
}

void credentials_release(struct credentials *credentials)
{
    if (credentials && --credentials->refs == 0) destroy(credentials);
}
