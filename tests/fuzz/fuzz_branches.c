/* fuzz/fuzz_branches.c - any bytes as Lua source: the ifs that are found are in order and whole. */
#include "branches.h"
#include "moontide/base/err.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct branches branches;
    fuzz_require(branches_scan((const char *)bytes, len, &branches) == OK);
    for (size_t i = 0; i < branches.count; i++) {
        const struct branch *branch = &branches.items[i];
        fuzz_require(branch->line > 0 && branch->then_line >= branch->line);
        fuzz_require(branch->end_line >= branch->then_line && branch->text);
        fuzz_require(i == 0 || branches.items[i - 1].line <= branch->line);
        fuzz_require(branches_at(&branches, branch->line)->line == branch->line);
    }
    branches_done(&branches);
    return 0;
}
