/* app/test_find.c - which files are tests, and which project they belong to. */
#include "moontide/app/policy_scan.h"
#include "moontide/app/tests.h"
#include "moontide/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16, LEVELS_MAX = 4 };

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool has(const char *dir, const char *name)
{
    struct stat st;
    char *path = fs_join(dir, name);
    bool there = path && stat(path, &st) == 0;
    free(path);
    return there;
}

/* Up from the path: the first directory with a moontide.lua, else with policies; else here. */
char *test_project(const char *path)
{
    char *at = strdup(path), *found = NULL;
    static const char *const marks[] = {"moontide.lua", "policies"};
    for (size_t mark = 0; mark < COUNT_OF(marks) && !found && at; mark++) {
        strcpy(at, path);
        for (int level = 0; level <= LEVELS_MAX && !found; level++) {
            if (is_directory(at) && has(at, marks[mark])) found = strdup(at);
            char *slash = strrchr(at, '/');
            if (!slash || slash == at) break;
            *slash = '\0';
        }
        if (!found && path[0] != '/' && has(".", marks[mark])) found = strdup(".");
    }
    free(at);
    return found ? found : strdup(".");
}

static bool is_test(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

static bool is_left_out(const char *name)
{
    static const char *const names[] = {"fixtures", "snapshots", "lib"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0) return true;
    return name[0] == '.';
}

static int find_in(struct test_book *book, const char *dir, int depth, struct fault *fault)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, NULL, alphasort), code = OK;
    if (count < 0) return fault_set(fault, err_from_errno(errno), "%s: %s", dir, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *path = fs_join(dir, entries[i]->d_name);
        if (!path)
            code = fault_set(fault, ERR_NOMEM, "out of memory");
        else if (is_directory(path)) {
            if (code == OK && depth < DEPTH_MAX && !is_left_out(entries[i]->d_name))
                code = find_in(book, path, depth + 1, fault);
        } else if (is_test(entries[i]->d_name)) {
            test_book_file(book, path, path_shown(path));
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return code;
}

int test_find(struct test_book *book, const char *path, struct fault *fault)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return fault_set(fault, err_from_errno(errno), "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        test_book_file(book, path, path_shown(path));
        return OK;
    }
    if (!has(path, "tests")) return find_in(book, path, 0, fault);
    char *tests = fs_join(path, "tests");
    int code =
        tests ? find_in(book, tests, 0, fault) : fault_set(fault, ERR_NOMEM, "out of memory");
    free(tests);
    return code;
}
