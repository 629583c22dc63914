/* fuzz/fuzz_silences.c - any bytes as the file of silences: what is read can be asked, and once
 * written, is read as the same. */
#include "moontide/base/fs.h"
#include "moontide/notify/silences.h"
#include "target.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file(void)
{
    static char path[64];
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/moontide-fuzz-silences-%d", (int)getpid());
        fuzz_require(mkdir(path, 0700) == 0);
        strcat(path, "/" SILENCE_FILE);
    }
    return path;
}

static void remove_all(void)
{
    char dir[64];
    snprintf(dir, sizeof dir, "/tmp/moontide-fuzz-silences-%d", (int)getpid());
    unlink(file());
    rmdir(dir);
}

static bool ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return !*text;
}

static void check_same(const struct silence *a, const struct silence *b)
{
    fuzz_require(a->from_ms == b->from_ms && a->until_ms == b->until_ms);
    fuzz_require(!ascii(a->id) || strcmp(a->id, b->id) == 0);
    fuzz_require(!ascii(a->reason) || strcmp(a->reason, b->reason) == 0);
    fuzz_require(a->matchers.count == b->matchers.count);
    for (size_t i = 0; i < a->matchers.count; i++) {
        const char *text = matcher_text(a->matchers.items[i]);
        fuzz_require(!ascii(text) || strcmp(text, matcher_text(b->matchers.items[i])) == 0);
    }
}

/* Bytes that are no UTF-8 become U+FFFD when they are written, which may be too long for an id or a
 * matcher. */
static bool all_ascii(const struct silences *silences)
{
    bool all = true;
    for (size_t i = 0; i < silences->count; i++) {
        all = all && ascii(silences->items[i].id);
        for (size_t k = 0; k < silences->items[i].matchers.count; k++)
            all = all && ascii(matcher_text(silences->items[i].matchers.items[k]));
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool registered;
    if (!registered) atexit(remove_all);
    registered = true;
    struct silences first, second;
    struct fault fault;
    struct labels labels;
    fuzz_require(fs_write_file(file(), bytes, len, 0600, NULL) == OK);
    if (silences_read(file(), &first, &fault) < 0) return 0;
    fuzz_require(first.count <= SILENCES_MAX);
    fuzz_require(labels_new("performance", "environment=prod", "slow", "high", "", &labels) == OK);
    const struct silence *silence = silences_find(&first, &labels, 1764300000000);
    fuzz_require(!silence || (silence->from_ms <= 1764300000000 && silence->id[0]));
    labels_done(&labels);
    if (all_ascii(&first) && silences_write(file(), &first, 0, NULL) == OK) {
        fuzz_require(silences_read(file(), &second, &fault) == OK && fault.code == OK);
        fuzz_require(second.count == first.count);
        for (size_t i = 0; i < first.count; i++)
            check_same(&first.items[i], &second.items[i]);
        silences_done(&second);
    }
    silences_done(&first);
    return 0;
}
