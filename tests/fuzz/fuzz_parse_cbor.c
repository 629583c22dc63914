/* fuzz/fuzz_parse_cbor.c - any bytes as the CBOR answer of a service, read by its model. */
#include "parse_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const protocols[] = {"smithy-rpc-v2-cbor"};
    static struct model *models[sizeof protocols / sizeof protocols[0]];
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (!models[i]) models[i] = toy_model(protocols[i]);
        fuzz_answer(models[i], bytes, len);
    }
    return 0;
}
