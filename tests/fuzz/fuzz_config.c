/* fuzz/fuzz_config.c - any bytes as moontide.lua. The reader takes a directory, so the bytes go
 * through a file, in memory where there is /dev/shm. */
#include "moontide/base/log.h"
#include "moontide/bind/config.h"
#include "target.h"

#include <stdio.h>
#include <unistd.h>

static char directory[64], path[96];

static void remove_directory(void)
{
    unlink(path);
    rmdir(directory);
}

static void make_directory(void)
{
    if (directory[0]) return;
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(directory, sizeof directory, "%s/moontide-fuzz-XXXXXX", base);
    fuzz_require(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/moontide.lua", directory);
    fuzz_require(atexit(remove_directory) == 0);
    log_open(stderr, LOG_OFF, LOG_TEXT, false, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct config *config = NULL;
    struct faults faults;
    make_directory();
    FILE *file = fopen(path, "wb");
    fuzz_require(file != NULL);
    fuzz_require(fwrite(bytes, 1, len, file) == len);
    fuzz_require(fclose(file) == 0);
    faults_init(&faults);
    int code = config_load(directory, &config, &faults);
    fuzz_require((code == OK) == (config != NULL));
    fuzz_require(code == OK || faults.count > 0);
    config_free(config);
    faults_done(&faults);
    return 0;
}
