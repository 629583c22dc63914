/* fuzz/fuzz_ini.c - any bytes as a shared config file. */
#include "moontide/aws/ini.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ini *ini = NULL;
    struct fault fault = {0};
    char *text = fuzz_copy(bytes, len);
    int code = ini_parse(text, len, "config", &ini, &fault);
    free(text); /* nothing of it may be used any more */
    if ((code == OK) != (ini != NULL)) abort();
    if (code < 0 && !fault.text[0]) abort();
    (void)ini_has(ini, "default");
    const char *value = ini_get(ini, "profile web", "region");
    if (value && strlen(value) > INI_BYTES_MAX) abort();
    ini_free(ini);
    return 0;
}
