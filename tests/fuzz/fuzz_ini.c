/* fuzz/fuzz_ini.c - any bytes as a shared config file. */
#include "moontide/aws/ini.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ini *ini = NULL;
    struct fault fault = {0};
    char *text = malloc(len ? len : 1);
    if (!text) abort();
    if (len) memcpy(text, bytes, len);
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
