/* fuzz/fuzz_credentials.c - any bytes as what a container endpoint or IMDS, a credential_process
 * and the SSO portal answer; and as the line of a credential_process. */
#include "../../src/aws/providers.h"
#include "target.h"

static void read_as(enum credentials_shape shape, const uint8_t *bytes, size_t len)
{
    struct credentials *credentials = NULL;
    struct fault fault = {0};
    char *body = fuzz_copy(bytes, len);
    int code = credentials_from_json(body, len, shape, "fuzz", &credentials, &fault);
    free(body); /* nothing of it may be used any more */
    fuzz_require((code == OK) == (credentials != NULL));
    fuzz_require(code == OK || fault.text[0]);
    if (!credentials) return;
    fuzz_require(credentials->access_key_id[0] && credentials->secret_access_key[0]);
    fuzz_require(!credentials->session_token || credentials->session_token[0]);
    credentials_release(credentials);
}

static void split(const uint8_t *bytes, size_t len)
{
    char *argv[16], *line = fuzz_text(bytes, len);
    const char *end = line + strlen(line);
    int count = process_split(line, argv, sizeof argv / sizeof argv[0]);
    fuzz_require(count < (int)(sizeof argv / sizeof argv[0]));
    for (int i = 0; i < count; i++)
        fuzz_require(argv[i] >= line && argv[i] + strlen(argv[i]) <= end);
    fuzz_require(count < 0 || !argv[count]);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    read_as(CREDENTIALS_OF_METADATA, bytes, len);
    read_as(CREDENTIALS_OF_PROCESS, bytes, len);
    read_as(CREDENTIALS_OF_SSO, bytes, len);
    split(bytes, len);
    return 0;
}
