/* fuzz/fuzz_credentials.c - any bytes as what a container endpoint or IMDS answers. */
#include "../../src/aws/providers.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct credentials *credentials = NULL;
    struct fault fault = {0};
    char *body = fuzz_copy(bytes, len);
    int code = credentials_from_json(body, len, "fuzz", &credentials, &fault);
    free(body); /* nothing of it may be used any more */
    fuzz_require((code == OK) == (credentials != NULL));
    fuzz_require(code == OK || fault.text[0]);
    if (credentials) {
        fuzz_require(credentials->access_key_id[0] && credentials->secret_access_key[0]);
        fuzz_require(!credentials->session_token || credentials->session_token[0]);
        credentials_release(credentials);
    }
    return 0;
}
