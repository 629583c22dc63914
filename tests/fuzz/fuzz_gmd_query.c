/* fuzz/fuzz_gmd_query.c - any bytes as an answer to GetMetricData in QUERY. */
#include "gmd_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_gmd(CLOUDWATCH_QUERY, bytes, len);
    return 0;
}
