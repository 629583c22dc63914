/* fuzz/fuzz_gmd_json.c - any bytes as an answer to GetMetricData in JSON. */
#include "gmd_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_gmd(CLOUDWATCH_JSON, bytes, len);
    return 0;
}
