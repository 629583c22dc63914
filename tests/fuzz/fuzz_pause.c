/* fuzz/fuzz_pause.c - any bytes as the kill switch's file: it is there, so something is paused; and
 * what was read is, once written, read as the same. */
#include "moontide/base/fs.h"
#include "moontide/tick/pause.h"
#include "target.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file(void)
{
    static char path[64];
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/moontide-fuzz-pause-%d", (int)getpid());
        fuzz_require(mkdir(path, 0700) == 0);
        strcat(path, "/PAUSED");
    }
    return path;
}

static void remove_all(void)
{
    char dir[64];
    snprintf(dir, sizeof dir, "/tmp/moontide-fuzz-pause-%d", (int)getpid());
    unlink(file());
    rmdir(dir);
}

static bool same(const struct pause *a, const struct pause *b)
{
    return a->at_ms == b->at_ms && a->direction == b->direction && strcmp(a->scope, b->scope) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool registered;
    if (!registered) atexit(remove_all);
    registered = true;
    struct pauses first, second;
    char text[PAUSE_TEXT_MAX];
    fuzz_require(fs_write_file(file(), bytes, len, 0600, NULL) == OK);
    fuzz_require(pauses_read(file(), &first) == OK && first.count > 0);
    for (size_t i = 0; i < first.count; i++) {
        pause_text(&first.items[i], text);
        fuzz_require(strncmp(text, "paused", 6) == 0);
        fuzz_require(
            pauses_find(&first, first.items[i].scope, "", NULL, first.items[i].direction) != NULL);
    }
    if (first.count <= PAUSES_MAX && pauses_write(file(), &first, NULL) == OK) {
        fuzz_require(pauses_read(file(), &second) == OK && second.count == first.count);
        for (size_t i = 0; i < first.count; i++) {
            /* Bytes that are no UTF-8 become U+FFFD when they are written. */
            bool ascii = true;
            for (const char *c = first.items[i].scope; *c; c++)
                ascii = ascii && (unsigned char)*c < 0x80;
            fuzz_require(!ascii || same(&first.items[i], &second.items[i]));
        }
        pauses_done(&second);
    }
    pauses_done(&first);
    return 0;
}
