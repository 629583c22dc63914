/* app/init.c - `moontide init [DIR]`: a project directory that `check` passes and `run --once` can
 * run; with --stubs only the editor's files (stubs.c). */
#include "moontide/app/instance.h"
#include "moontide/app/options.h"
#include "moontide/app/stubs.h"
#include "moontide/base/fs.h"
#include "moontide/vm/prelude.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is written, and the Lua that ships inside the binary for it (see cmake/embed.cmake). */
static const struct {
    const char *path, *source;
} files[] = {
    {"moontide.lua", "init_moontide"},
    {"policies/performance.lua", "policy_performance"},
    {"policies/lib/performance.lua", "policy_lib_performance"},
    {"policies/tests/performance_test.lua", "init_performance_test"},
};

static int make_directories(const char *dir, struct fault *fault)
{
    static const char *const names[] = {"policies", "policies/lib", "policies/tests"};
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return fault_set(fault, err_from_errno(errno), "%s: %s", dir, strerror(errno));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char *path = fs_join(dir, names[i]);
        if (!path) return fault_set(fault, ERR_NOMEM, "out of memory");
        int failed = mkdir(path, 0777) < 0 && errno != EEXIST ? errno : 0;
        if (failed) fault_set(fault, err_from_errno(failed), "%s: %s", path, strerror(failed));
        free(path);
        if (failed) return fault->code;
    }
    return OK;
}

/* What a person has written is never overwritten. */
static int write_one(const char *dir, const char *name, const char *source, struct fault *fault)
{
    const struct prelude_file *file = prelude_find(source);
    char *path = fs_join(dir, name);
    int code = OK;
    if (!path || !file) {
        code = fault_set(fault, ERR_NOMEM, "out of memory");
    } else if (access(path, F_OK) == 0) {
        printf("kept     %s\n", path);
    } else {
        code = fs_write_file(path, file->source, file->len, 0644, fault);
        if (code >= 0) printf("written  %s\n", path);
    }
    free(path);
    return code;
}

int command_init(const struct arguments *arguments)
{
    const char *dir = arguments->operand_count ? arguments->operands[0] : ".";
    bool only_stubs = arguments_flag(arguments, "stubs");
    struct fault fault = {0};
    int code = only_stubs ? OK : make_directories(dir, &fault);
    for (size_t i = 0; !only_stubs && code >= 0 && i < COUNT_OF(files); i++)
        code = write_one(dir, files[i].path, files[i].source, &fault);
    if (code >= 0) code = stubs_write(dir, &fault);
    if (code < 0) {
        print_fault(&fault);
        return 1;
    }
    if (only_stubs) return 0;
    printf("\nNext:\n");
    if (strcmp(dir, ".") != 0) printf("  cd %s\n", dir);
    printf("  moontide check\n"
           "  moontide test\n"
           "  moontide run --world sim --speed 60     # a simulated fleet: no account needed\n"
           "  moontide run --once                     # one tick on the real one\n");
    return 0;
}
