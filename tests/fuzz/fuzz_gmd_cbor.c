/* fuzz/fuzz_gmd_cbor.c - any bytes as an answer to GetMetricData in CBOR. */
#include "gmd_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_gmd(CLOUDWATCH_CBOR, bytes, len);
    return 0;
}
