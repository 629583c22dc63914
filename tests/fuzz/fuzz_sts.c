/* fuzz/fuzz_sts.c - any bytes as an answer of STS, to a call that succeeded and to one that was
 * refused. */
#include "../../src/aws/sts.h"
#include "target.h"

static void read_as(int status, const uint8_t *bytes, size_t len)
{
    struct credentials *credentials = NULL;
    struct fault fault = {0};
    bool retry = false;
    char *body = fuzz_copy(bytes, len);
    int code = sts_parse(status, body, len, "fuzz", &credentials, &retry, &fault);
    free(body); /* nothing of it may be used any more */
    fuzz_require((code == OK) == (credentials != NULL));
    fuzz_require(code == OK || fault.text[0]);
    fuzz_require(status == 200 || code < 0);
    if (!credentials) return;
    fuzz_require(credentials->access_key_id[0] && credentials->secret_access_key[0]);
    fuzz_require(credentials->session_token && credentials->session_token[0]);
    credentials_release(credentials);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_as(200, bytes, len);
    read_as(403, bytes, len);
    return 0;
}
